/* value_test.c - times, sizes, quoting, messages with variables, choosing facts. */
#include "ftp/value.h"

#include "base/case_test.h"
#include "ftp/facts.h"
#include "ftp/message.h"

static const struct {
    const char *label, *text;
    int want;
    int64_t time;
    const char *printed; /* NULL: as text */
} times[] = {
    { "the epoch",               "19700101000000",     0, 0, NULL },
    { "before it",               "19691231235959",     0, -1, NULL },
    { "a leap day",              "20240229120000",     0, 1709208000, NULL },
    { "of a century",            "20000229000000",     0, 951782400, NULL },
    { "beyond 2038",             "20380119031408",     0, 2147483648, NULL },
    { "fraction is dropped",     "20170619124726.123", 0, 1497876446, "20170619124726" },
    { "first year of Windows",   "16010101000000",     0, -11644473600, NULL },
    { "no leap day in 1900",     "19000229000000",     ERR_SYNTAX, 0, NULL },
    { "31 February (P26)",       "20170231000000",     ERR_SYNTAX, 0, NULL },
    { "month 13 (P26)",          "20171301000000",     ERR_SYNTAX, 0, NULL },
    { "hour 24 (P26)",           "20170101240000",     ERR_SYNTAX, 0, NULL },
    { "letters (P26)",           "2017010100000x",     ERR_SYNTAX, 0, NULL },
    { "sign (P26)",              "-2017010100000",     ERR_SYNTAX, 0, NULL },
    { "13 digits (P26)",         "2017010100000",      ERR_SYNTAX, 0, NULL },
    { "15 digits (P26)",         "201701010000000",    ERR_SYNTAX, 0, NULL },
    { "empty fraction",          "20170101000000.",    ERR_SYNTAX, 0, NULL },
    { "long zone (CVE-2004-0330)", "20170101000000+0000000000000000000000000", ERR_SYNTAX, 0, NULL },
    { "year zero",               "00000101000000",     ERR_SYNTAX, 0, NULL },
};

static void test_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        int64_t time = 7;
        OWNED_TEXT_BUFFER printed = { 0 };
        CASE_LABEL(&times[i]);
        assert_int_equal(value_parse_time(slice_str(times[i].text), &time), times[i].want);
        assert_true(time == (times[i].want ? 7 : times[i].time));
        if (times[i].want)
            continue;
        value_print_time(time, &printed);
        assert_string_equal(text_str(&printed), times[i].printed ? times[i].printed : times[i].text);
    }
}

/* Every day of eight centuries comes back as itself. */
static void test_calendar(void **state)
{
    (void)state;
    for (int64_t day = -134774; day < 160000; day++) {
        OWNED_TEXT_BUFFER printed = { 0 };
        int64_t back = 0;
        value_print_time(day * 86400 + 86399, &printed);
        assert_int_equal(value_parse_time(text_slice(&printed), &back), 0);
        assert_true(back == day * 86400 + 86399);
    }
}

static const struct {
    const char *label;
    uint64_t value;
    const char *want;
} sizes[] = {
    { "zero",             0,                      "0" },
    { "three digits",     999,                    "999" },
    { "four digits",      1000,                   "1,000" },
    { "inner zeros",      1000001,                "1,000,001" },
    { "seen on IIS",      49359065088u,           "49,359,065,088" },
    { "largest",          UINT64_MAX,             "18,446,744,073,709,551,615" },
};

static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        OWNED_TEXT_BUFFER got = { 0 };
        CASE_LABEL(&sizes[i]);
        value_print_commas(sizes[i].value, &got);
        assert_string_equal(text_str(&got), sizes[i].want);
    }
}

static const struct {
    const char *label, *message, *want;
} messages[] = {
    { "nothing",                       "",                          "" },
    { "no variable",                   "100% free",                 "100% free" },
    { "each",                          "%SessionID%|%SiteName%|%UserName%|%BytesReceived%|%BytesSent%", "id|site|anna|5|7" },
    { "any case",                      "%username%",                "anna" },
    { "unknown stays as typed",        "%Nothing% %UserName%",      "%Nothing% anna" },
    { "percent before a variable",     "100%%UserName%",            "100%anna" },
    { "open at the end",               "%UserName",                 "%UserName" },
    { "two percent",                   "%%",                        "%%" },
};

static void test_messages(void **state)
{
    (void)state;
    struct message_values v = { SLICE_LITERAL("id"), SLICE_LITERAL("site"), SLICE_LITERAL("anna"), 5, 7 };
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        OWNED_TEXT_BUFFER got = { 0 };
        CASE_LABEL(&messages[i]);
        message_expand(slice_str(messages[i].message), &v, &got);
        assert_string_equal(text_str(&got), messages[i].want);
    }
    /* P35: a name that holds a line, or a variable, brings neither in. */
    OWNED_TEXT_BUFFER got = { 0 };
    v.user_name = SLICE_LITERAL("x\r\n230 %SiteName%");
    message_expand(SLICE_LITERAL("hi %UserName%"), &v, &got);
    assert_string_equal(text_str(&got), "hi x??230 %SiteName%");
}

static void test_quotes(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER got = { 0 };
    value_print_quoted(SLICE_LITERAL("say \"hi\""), &got);
    assert_string_equal(text_str(&got), "say \"\"hi\"\"");
}

static const struct {
    const char *label, *list, *want;
} facts[] = {
    { "two",                    "size;type;",        "type=file;size=6; a b.txt\r\n" },
    { "any case",               "SIZE;",             "size=6; a b.txt\r\n" },
    { "none",                   "",                  " a b.txt\r\n" },
    { "unknown are ignored",    "x-nothing;size;",   "size=6; a b.txt\r\n" },
};

static void test_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(facts); i++) {
        OWNED_TEXT_BUFFER got = { 0 };
        CASE_LABEL(&facts[i]);
        facts_filter(SLICE_LITERAL("type=file;size=6;perm=r; a b.txt\r\n"), facts_parse(slice_str(facts[i].list)), &got);
        assert_string_equal(text_str(&got), facts[i].want);
    }
    OWNED_TEXT_BUFFER stars = { 0 };
    facts_print(facts_parse(SLICE_LITERAL("type;UNIX.mode;")), true, &stars);
    assert_string_equal(text_str(&stars), "type*;size;modify;create;perm;unique;UNIX.mode*;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),    cmocka_unit_test(test_calendar), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_messages), cmocka_unit_test(test_quotes),   cmocka_unit_test(test_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* text_forms_test.c - values on their way into filters, SIDs, case, times. */
#include "directory/text_forms.h"

#include "base/case_test.h"

static const struct {
    const char *label;
    struct slice value;
    const char *want;
} filters[] = {
    { "plain text stays",                    { "Anna Meier, O=x", 15 },     "Anna Meier, O=x" },
    { "a star would match everybody",        { "*", 1 },                    "\\2a" },
    { "brackets would end the term (L01)",   { "*)(uid=*", 8 },             "\\2a\\29\\28uid=\\2a" },
    { "backslash would escape what follows", { "a\\2a", 4 },                "a\\5c2a" },
    { "NUL would end the filter (L01)",      { "a\0b", 3 },                 "a\\00b" },
    { "control characters",                  { "\r\n\x7f", 3 },             "\\0d\\0a\\7f" },
    { "UTF-8 goes by octets",                { "\xc3\xab", 2 },             "\\c3\\ab" },
    { "broken UTF-8 too",                    { "\xff", 1 },                 "\\ff" },
};

static void test_filters(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        CASE_LABEL(&filters[i]);
        OWNED_TEXT_BUFFER out = { 0 };
        ldap_text_add_filter(&out, filters[i].value);
        assert_string_equal(text_str(&out), filters[i].want);
    }
}

static const struct {
    const char *label;
    struct slice binary;
    int want;
    const char *text;
} sids[] = {
    { "Everyone",                { "\1\1\0\0\0\0\0\1\0\0\0\0", 12 },                              0, "S-1-1-0" },
    { "BUILTIN\\Users",          { "\1\2\0\0\0\0\0\5\x20\0\0\0\x21\2\0\0", 16 },                  0, "S-1-5-32-545" },
    { "high bit of a part",      { "\1\1\0\0\0\0\0\5\xff\xff\xff\xff", 12 },                      0, "S-1-5-4294967295" },
    { "no part at all",          { "\1\0\0\0\0\0\0\5", 8 },                                       0, "S-1-5" },
    { "a part is missing",       { "\1\2\0\0\0\0\0\5\x20\0\0\0", 12 },                            ERR_SYNTAX, "" },
    { "bytes left over",         { "\1\1\0\0\0\0\0\1\0\0\0\0\0", 13 },                            ERR_SYNTAX, "" },
    { "another revision",        { "\2\1\0\0\0\0\0\1\0\0\0\0", 12 },                              ERR_SYNTAX, "" },
    { "more parts than allowed", { "\1\x10\0\0\0\0\0\1\0\0\0\0", 12 },                            ERR_SYNTAX, "" },
    { "empty",                   { "", 0 },                                                       ERR_SYNTAX, "" },
};

static void test_sids(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sids); i++) {
        CASE_LABEL(&sids[i]);
        OWNED_TEXT_BUFFER out = { 0 };
        assert_int_equal(ldap_text_add_sid(&out, sids[i].binary), sids[i].want);
        assert_string_equal(text_str(&out), sids[i].text);
    }
}

static const struct {
    const char *label, *text;
    int want;
    int64_t seconds;
} times[] = {
    { "as a controller writes it", "20230101000000.0Z", 0,          1672531200 },
    { "without a fraction",        "20230101000001Z",   0,          1672531201 },
    { "no zone",                   "20230101000000.0",  ERR_SYNTAX, 0 },
    { "too short",                 "202301010000Z",     ERR_SYNTAX, 0 },
    { "letters",                   "2023010100000xZ",   ERR_SYNTAX, 0 },
    { "empty",                     "",                  ERR_SYNTAX, 0 },
};

static void test_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        CASE_LABEL(&times[i]);
        int64_t seconds = 0;
        assert_int_equal(ldap_text_to_time(slice_str(times[i].text), &seconds), times[i].want);
        assert_int_equal(seconds, times[i].seconds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_sids),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* text_test.c - the sticky error and the escapers. */
#include "base/text.h"

#include "base/case_test.h"
#include "base/diag.h"
#include "base/net_addr.h"

static const struct {
    const char *label, *in, *out;
} escaped[] = {
    { "printable passes", "a b", "a b" },
    { "line break (H07)", "a\r\n#Fields: x", "a\\x0d\\x0a#Fields: x" },
    { "escape sequence (H07)", "\x1b[2J", "\\x1b[2J" },
    { "C1 control in UTF-8", "\xC2\x9B" "2J", "\\xc2\\x9b2J" },
    { "UTF-8 passes", "\xC3\xA4", "\xC3\xA4" },
    { "broken UTF-8", "\xC3(", "\\xc3(" },
    { "backslash is doubled", "a\\x0d", "a\\\\x0d" },
};

static void test_escaped(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(escaped); i++) {
        OWNED_TEXT_BUFFER t = { 0 };
        CASE_LABEL(&escaped[i]);
        text_add_escaped(&t, slice_str(escaped[i].in));
        assert_string_equal(text_str(&t), escaped[i].out);
        text_reset(&t);
        text_add_visible(&t, slice_str(escaped[i].in));
        assert_string_equal(text_str(&t), strchr(escaped[i].in, '\\') ? escaped[i].in : escaped[i].out);
    }
}

static const struct {
    const char *label;
    uint64_t value;
    unsigned width;
    char pad;
    const char *want;
} numbers[] = {
    { "nothing",              0,          0, ' ', "0" },
    { "one digit",            9,          1, '0', "9" },
    { "two digits",           10,         1, '0', "10" },
    { "filled up",            7,          3, '0', "007" },
    { "filled with blanks",   1234,       6, ' ', "  1234" },
    { "wider than the field", 1234,       2, '0', "1234" },
    { "the largest",          UINT64_MAX, 0, ' ', "18446744073709551615" },
};

static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        OWNED_TEXT_BUFFER t = { 0 };
        CASE_LABEL(&numbers[i]);
        text_add_number(&t, numbers[i].value, numbers[i].width, numbers[i].pad);
        assert_string_equal(text_str(&t), numbers[i].want);
    }
}

static const char *const addresses[] = { "0.0.0.0", "9.10.99.100", "255.199.200.249", "::1", "2001:db8::ff" };

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        OWNED_TEXT_BUFFER t = { 0 };
        struct net_addr a;
        assert_int_equal(net_addr_parse(slice_str(addresses[i]), &a), 0);
        net_addr_print(&a, &t);
        assert_string_equal(text_str(&t), addresses[i]);
    }
}

static void test_sticky(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER t = { .max = 4 };
    text_add_str(&t, "abc");
    text_add_str(&t, "de");
    assert_int_equal(text_error(&t), ERR_TOO_LONG);
    text_add_str(&t, "f");
    assert_string_equal(text_str(&t), "abc");
    text_reset(&t);
    text_add_str(&t, "wxyz");
    text_splice(&t, 1, 3, SLICE_LITERAL("-"));
    assert_string_equal(text_str(&t), "w-");
    assert_int_equal(text_error(&t), 0);
}

static void test_diag(void **state)
{
    (void)state;
    struct diag d = { 0 };
    OWNED_TEXT_BUFFER t = { 0 };
    diag_place(&d, SLICE_LITERAL("applicationHost.config"), 12, 7);
    diag_path(&d, "system.ftpServer/log");
    diag_set(&d, "The 'centralLogFileMode' attribute is invalid");
    diag_todo(&d, "Enum must be one of Site, Central");
    diag_print(&d, &t);
    assert_string_equal(text_str(&t), "applicationHost.config:12:7: system.ftpServer/log: The 'centralLogFileMode' "
                                      "attribute is invalid. Enum must be one of Site, Central");
}

/* What fits is printed in one go, what does not is printed again; a failure leaves what was there. */
static void test_printed(void **state)
{
    (void)state;
    for (size_t before = 0; before < 80; before++) {
        OWNED_TEXT_BUFFER t = { 0 };
        for (size_t i = 0; i < before; i++)
            text_add_char(&t, '.');
        text_addf(&t, "%s-%d", "word", 17);
        assert_int_equal(text_error(&t), 0);
        assert_int_equal(t.len, before + 7);
        assert_string_equal(text_str(&t) + before, "word-17");
    }
    OWNED_TEXT_BUFFER full = { .max = 4 };
    text_add_str(&full, "abc");
    text_addf(&full, "%d", 12345);
    assert_int_equal(text_error(&full), ERR_TOO_LONG);
    assert_string_equal(text_str(&full), "abc");
    text_addf(&full, "%s", "d");
    assert_string_equal(text_str(&full), "abc");
}

static const struct {
    const char *label;
    int64_t ms;
    const char *want;
} times[] = {
    { "the beginning", 0, "1970-01-01T00:00:00.000Z" },
    { "a leap day", INT64_C(1709210096007), "2024-02-29T12:34:56.007Z" },
    { "before the beginning", -1, "1970-01-01T00:00:00.000Z" },
    { "the first", INT64_MIN, "1970-01-01T00:00:00.000Z" },
    { "the last", INT64_MAX, "292278994-08-17T07:12:55.807Z" },
};

static void test_forms_of_logs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        CASE_LABEL(&times[i]);
        OWNED_TEXT_BUFFER t = { 0 };
        text_add_time(&t, times[i].ms);
        assert_string_equal(text_str(&t), times[i].want);
    }
    OWNED_TEXT_BUFFER guid = { 0 };
    text_add_guid(&guid, slice_of("\x3f\x0c\x9a\x52\x6b\x1e\x4d\x7f\x9c\x28\x51\xe0\xaa\x77\x34\xd6", 16));
    assert_string_equal(text_str(&guid), "3f0c9a52-6b1e-4d7f-9c28-51e0aa7734d6");
}

static void test_json(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER t = { 0 };
    text_add_json(&t, SLICE_LITERAL("Allow users \"anna\" \\ \x01\n\xc3\xa4\xc2\x9b end"));
    assert_string_equal(text_str(&t), "\"Allow users \\\"anna\\\" \\\\ \\u0001\\u000a\xc3\xa4\\u009b end\"");
}

static void test_mapped_address(void **state)
{
    (void)state;
    struct net_addr a, b;
    assert_int_equal(net_addr_parse(SLICE_LITERAL("::ffff:127.0.0.1"), &a), 0);
    assert_int_equal(net_addr_parse(SLICE_LITERAL("127.0.0.1"), &b), 0);
    assert_true(net_addr_same_host(&a, &b)); /* D02 */
    assert_true(net_addr_is_loopback(&a));
    assert_int_equal(net_addr_parse(SLICE_LITERAL("localhost"), &a), ERR_SYNTAX);
    assert_int_equal(net_addr_parse(SLICE_LITERAL("[::1]"), &a), 0);
    assert_true(net_addr_is_loopback(&a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escaped),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_sticky),
        cmocka_unit_test(test_diag),
        cmocka_unit_test(test_mapped_address),
        cmocka_unit_test(test_printed),
        cmocka_unit_test(test_forms_of_logs),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

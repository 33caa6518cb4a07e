/* slice_test.c - cutting, numbers, UTF-8 and wildcards. */
#include "base/slice.h"

#include "base/case_test.h"

static const struct {
    const char *label, *text;
    uint64_t max;
    int want;
    uint64_t value;
} numbers[] = {
    { "plain",                "42",                   UINT64_MAX, 0, 42 },
    { "largest",              "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
    { "one beyond (P26)",     "18446744073709551616", UINT64_MAX, ERR_RANGE, 0 },
    { "30 digits (P26)",      "1000000000000000000000000000000", UINT64_MAX, ERR_RANGE, 0 },
    { "sign (P26)",           "-1",                   UINT64_MAX, ERR_SYNTAX, 0 },
    { "plus sign",            "+1",                   UINT64_MAX, ERR_SYNTAX, 0 },
    { "blank before",         " 1",                   UINT64_MAX, ERR_SYNTAX, 0 },
    { "empty",                "",                     UINT64_MAX, ERR_SYNTAX, 0 },
    { "above the maximum",    "256",                  255, ERR_RANGE, 0 },
    { "letters after digits", "1x",                   UINT64_MAX, ERR_SYNTAX, 0 },
};

static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        uint64_t value = 7;
        CASE_LABEL(&numbers[i]);
        assert_int_equal(slice_to_u64(slice_str(numbers[i].text), numbers[i].max, &value), numbers[i].want);
        assert_int_equal(value, numbers[i].want ? 7 : numbers[i].value);
    }
    int64_t signed_value;
    assert_int_equal(slice_to_i64(SLICE_LITERAL("-9223372036854775808"), INT64_MIN, INT64_MAX, &signed_value), 0);
    assert_true(signed_value == INT64_MIN);
    assert_int_equal(slice_to_i64(SLICE_LITERAL("9223372036854775808"), INT64_MIN, INT64_MAX, &signed_value), ERR_RANGE);
}

static const struct {
    const char *label, *text;
    bool want;
} utf8[] = {
    { "ascii", "abc", true },
    { "two bytes", "\xC3\xA4", true },
    { "three bytes", "\xE2\x82\xAC", true },
    { "four bytes", "\xF0\x9F\x98\x80", true },
    { "overlong slash (F01)", "\xC0\xAF", false },
    { "overlong three bytes", "\xE0\x80\xAF", false },
    { "surrogate", "\xED\xA0\x80", false },
    { "beyond U+10FFFF", "\xF4\x90\x80\x80", false },
    { "cut off", "a\xE2\x82", false },
    { "lone continuation", "\x80", false },
    { "0xFF", "\xFF", false },
};

static void test_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(utf8); i++) {
        CASE_LABEL(&utf8[i]);
        assert_int_equal(slice_is_utf8(slice_str(utf8[i].text)), utf8[i].want);
    }
}

static const struct {
    const char *label, *text, *pattern;
    bool want;
} wildcards[] = {
    { "literal", "a.txt", "A.TXT", true },
    { "star", "report-03.csv", "*.csv", true },
    { "star matches nothing", ".csv", "*.csv", true },
    { "two stars", "abcabd", "*ab?", true },
    { "question mark is one character", "\xC3\xA4" "b", "?b", true },
    { "question mark needs one", "b", "?b", false },
    { "star at the end", "abc", "a*", true },
    { "pattern longer", "ab", "abc*", false },
    { "no backtracking blow-up (R01)", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a*a*a*a*a*a*a*a*a*a*a*b", false },
};

static void test_wildcards(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wildcards); i++) {
        CASE_LABEL(&wildcards[i]);
        assert_int_equal(slice_matches_wildcard(slice_str(wildcards[i].text), slice_str(wildcards[i].pattern)),
                         wildcards[i].want);
    }
}

static void test_cut(void **state)
{
    (void)state;
    struct slice rest = SLICE_LITERAL("a,,b");
    assert_true(slice_equal_str(slice_cut(&rest, ','), "a"));
    assert_true(slice_equal_str(slice_cut(&rest, ','), ""));
    assert_non_null(rest.ptr);
    assert_true(slice_equal_str(slice_cut(&rest, ','), "b"));
    assert_null(rest.ptr);
    assert_true(slice_equal_str(slice_trim(SLICE_LITERAL(" \t x y\r\n")), "x y"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_wildcards),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

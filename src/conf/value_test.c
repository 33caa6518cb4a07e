/* value_test.c - the value grammar. */
#include "base/case_test.h"

#include "conf/value.h"

static const struct schema_name modes[] = { { "None", 4 }, { "Start", 0 } };
static const struct schema_name bits[] = { { "Read", 1 }, { "Write", 2 } };

static const struct {
    const char *label;
    struct schema_attr attr;
    const char *text;
    unsigned from;
    int err;
    int64_t number;
    const char *printed; /* canonical form, or the reason */
} cases[] = {
    { "true", { .type = CONF_BOOL }, "TRUE", 0, 0, 1, "true" },
    { "false", { .type = CONF_BOOL }, "False", 0, 0, 0, "false" },
    { "1 is no boolean", { .type = CONF_BOOL }, "1", 0, ERR_SYNTAX, 0, "Not a valid boolean" },
    { "int", { .type = CONF_INT }, "-2147483648", 0, 0, INT32_MIN, "-2147483648" },
    { "int too large", { .type = CONF_INT }, "2147483648", 0, ERR_RANGE, 0, "Not a valid integer" },
    { "leading zeros", { .type = CONF_UINT }, "007", 0, 0, 7, "7" },
    { "hexadecimal", { .type = CONF_UINT }, "0x10", 0, ERR_SYNTAX, 0, "Not a valid unsigned integer" },
    { "blank", { .type = CONF_UINT }, " 1", 0, ERR_SYNTAX, 0, "Not a valid unsigned integer" },
    { "plus", { .type = CONF_INT }, "+1", 0, ERR_SYNTAX, 0, "Not a valid integer" },
    { "int64", { .type = CONF_INT64 }, "9223372036854775807", 0, 0, INT64_MAX, "9223372036854775807" },
    { "int64 wraps", { .type = CONF_INT64 }, "9223372036854775808", 0, ERR_RANGE, 0, "Not a valid 64-bit integer" },
    { "range", { .type = CONF_UINT, .validation = VALID_INT_RANGE, .low = 5, .high = 9 }, "4", 0, ERR_RANGE, 0,
      "Integer value must be between 5 and 9 inclusive" },
    { "enum", { .type = CONF_ENUM, .names = modes, .name_count = 2 }, "none", 0, 0, 4, "None" },
    { "enum by number in a file", { .type = CONF_ENUM, .names = modes, .name_count = 2 }, "4", 0, ERR_SYNTAX, 0,
      "Enum must be one of None, Start" },
    { "enum by number from a tool", { .type = CONF_ENUM, .names = modes, .name_count = 2 }, "4", VALUE_FROM_TOOL, 0, 4, "None" },
    { "enum by a number that is none", { .type = CONF_ENUM, .names = modes, .name_count = 2 }, "5", VALUE_FROM_TOOL, ERR_SYNTAX, 0,
      "Enum must be one of None, Start" },
    { "flags", { .type = CONF_FLAGS, .names = bits, .name_count = 2 }, "Write ,Read", 0, 0, 3, "Read, Write" },
    { "flags, one twice", { .type = CONF_FLAGS, .names = bits, .name_count = 2 }, "Read,Read", 0, 0, 1, "Read" },
    { "no flags", { .type = CONF_FLAGS, .names = bits, .name_count = 2 }, "", 0, 0, 0, "" },
    { "None", { .type = CONF_FLAGS, .names = bits, .name_count = 2 }, "None", 0, 0, 0, "" },
    { "comma at the end", { .type = CONF_FLAGS, .names = bits, .name_count = 2 }, "Read,", 0, ERR_SYNTAX, 0,
      "Flags must be some combination of Read, Write" },
    { "two commas", { .type = CONF_FLAGS, .names = bits, .name_count = 2 }, "Read,,Write", 0, ERR_SYNTAX, 0,
      "Flags must be some combination of Read, Write" },
    { "flags by number", { .type = CONF_FLAGS, .names = bits, .name_count = 2 }, "2", VALUE_FROM_TOOL, 0, 2, "Write" },
    { "a bit that is no flag", { .type = CONF_FLAGS, .names = bits, .name_count = 2 }, "4", VALUE_FROM_TOOL, ERR_SYNTAX, 0,
      "Flags must be some combination of Read, Write" },
    { "time", { .type = CONF_TIMESPAN }, "00:01:30", 0, 0, 90, "00:01:30" },
    { "hours above 23", { .type = CONF_TIMESPAN }, "29:00:00", 0, 0, 104400, "1.05:00:00" },
    { "days with a dot", { .type = CONF_TIMESPAN }, "2.03:04:05", 0, 0, 183845, "2.03:04:05" },
    { "days with a colon", { .type = CONF_TIMESPAN }, "02:03:04:05", 0, 0, 183845, "2.03:04:05" },
    { "hours above 23 beside days", { .type = CONF_TIMESPAN }, "1.24:00:00", 0, ERR_SYNTAX, 0, "Not a valid time span" },
    { "60 minutes", { .type = CONF_TIMESPAN }, "00:60:00", 0, ERR_SYNTAX, 0, "Not a valid time span" },
    { "seconds alone", { .type = CONF_TIMESPAN }, "90", 0, ERR_SYNTAX, 0, "Not a valid time span" },
    { "five parts", { .type = CONF_TIMESPAN }, "1:1:1:1:1", 0, ERR_SYNTAX, 0, "Not a valid time span" },
    { "Infinite is for others", { .type = CONF_TIMESPAN }, "Infinite", 0, ERR_SYNTAX, 0, "Not a valid time span" },
    { "X05: an overflow of days", { .type = CONF_TIMESPAN }, "99999999999999999999.00:00:00", 0, ERR_SYNTAX, 0, "Not a valid time span" },
    { "empty where text is needed", { .type = CONF_STRING, .validation = VALID_NON_EMPTY }, "", 0, ERR_SYNTAX, 0, "String must not be empty" },
    { "site name with blanks and dots", { .type = CONF_STRING, .validation = VALID_SITE_NAME }, "My.Site 1", 0, 0, 0, "My.Site 1" },
    { "id of a site that no message could name", { .type = CONF_UINT, .validation = VALID_SITE_ID }, "0", VALUE_FROM_TOOL, ERR_RANGE, 0,
      "The id of a site must be 1 or more" },
    { "... in a file", { .type = CONF_UINT, .validation = VALID_SITE_ID }, "0", 0, 0, 0, "0" },
    { "the first id", { .type = CONF_UINT, .validation = VALID_SITE_ID }, "1", VALUE_FROM_TOOL, 0, 1, "1" },
    { "site name with ?", { .type = CONF_STRING, .validation = VALID_SITE_NAME }, "a?", 0, ERR_SYNTAX, 0, "Invalid site name" },
    { "path", { .type = CONF_STRING, .validation = VALID_DIRECTORY_PATH }, "/a/b.c", 0, 0, 0, "/a/b.c" },
    { "path ends in /", { .type = CONF_STRING, .validation = VALID_DIRECTORY_PATH }, "/a/", 0, ERR_SYNTAX, 0, "Invalid virtual directory path" },
    { "path with ..", { .type = CONF_STRING, .validation = VALID_DIRECTORY_PATH }, "/../a", 0, ERR_SYNTAX, 0, "Invalid virtual directory path" },
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        OWNED_TEXT_BUFFER out = { 0 };
        int64_t number = 0;
        int err = value_parse(&cases[i].attr, slice_str(cases[i].text), cases[i].from, &number, &out);
        assert_int_equal(err, cases[i].err);
        assert_int_equal(number, cases[i].number);
        if (!err)
            value_print(&cases[i].attr, slice_str(cases[i].text), number, &out);
        assert_string_equal(text_str(&out), cases[i].printed);
    }
}

static void test_encrypted(void **state)
{
    (void)state;
    static const struct {
        const char *label, *text;
        bool want;
        const char *data;
    } forms[] = {
        { "value", "[enc:AesProvider:YWJj:enc]", true, "YWJj" },
        { "empty data", "[enc:AesProvider::enc]", true, "" },
        { "no provider", "[enc::YWJj:enc]", false, "" },
        { "clear text that begins alike", "[enc:AesProvider:YWJj:enc] ", false, "" },
        { "not Base64", "[enc:AesProvider:a b:enc]", false, "" },
        { "short", "[enc:enc]", false, "" },
        { "clear text", "secret", false, "" },
        { "of ours", "[enc:SallyportAesProvider:YWJj:enc]", true, "YWJj" },
        { "of ours, empty", "[enc:SallyportAesProvider::enc]", true, "" },
        { "of ours, damaged", "[enc:SallyportAesProvider:YW-j:enc]", true, "[enc:SallyportAesProvider:YW-j:enc]" },
        { "of ours, with a line end", "[enc:SallyportAesProvider:YW\nJj:enc]", true, "[enc:SallyportAesProvider:YW\nJj:enc]" },
        { "of ours, with a blank behind", "[enc:SallyportAesProvider:YWJj:enc] ", true, "[enc:SallyportAesProvider:YWJj:enc] " },
        { "of ours, cut", "[enc:SallyportAesProvider:YW", true, "[enc:SallyportAesProvider:YW" },
        { "of ours, nothing left", "[enc:SallyportAesProvider:", true, "[enc:SallyportAesProvider:" },
        { "a name like ours, damaged", "[enc:SallyportAesProvider2:YW-j:enc]", false, "" },
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        CASE_LABEL(&forms[i]);
        struct slice data = SLICE_NONE;
        assert_int_equal(value_is_encrypted(slice_str(forms[i].text), &data), forms[i].want);
        assert_true(slice_equal_str(data, forms[i].data));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_encrypted) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

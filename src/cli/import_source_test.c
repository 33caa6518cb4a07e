/* import_source_test.c - bytes that came from a Windows machine. */
#include "cli/import_source.h"

#include "base/case_test.h"

#define LE "\xff\xfe"
#define BE "\xfe\xff"
#define BYTES(text) (text), sizeof(text) - 1

static const struct {
    const char *label, *bytes;
    size_t len;
    int err;
    bool utf16;
    const char *want;
} cases[] = {
    { "UTF-8 stays", BYTES("<a b=\"\xc3\xa4\"/>\r\n"), 0, false, "<a b=\"\xc3\xa4\"/>\r\n" },
    { "a mark of UTF-8 stays", BYTES("\xef\xbb\xbf<a/>"), 0, false, "\xef\xbb\xbf<a/>" },
    { "little-endian", BYTES(LE "<\0a\0/\0>\0"), 0, true, "<a/>" },
    { "big-endian", BYTES(BE "\0<\0a\0/\0>"), 0, true, "<a/>" },
    { "two and three bytes", BYTES(LE "\xe4\0\xac\x20"), 0, true, "\xc3\xa4\xe2\x82\xac" },
    { "a pair", BYTES(LE "\x3d\xd8\x00\xde"), 0, true, "\xf0\x9f\x98\x80" },
    { "the declaration no longer lies", BYTES(LE "<\0?\0x\0m\0l\0 \0e\0n\0c\0o\0d\0i\0n\0g\0=\0'\0u\0t\0f\0-\0001\0006\0'\0?\0>\0"),
      0, true, "<?xml encoding='UTF-8'?>" },
    { "empty but for the mark", BYTES(LE), 0, true, "" },
    { "half a unit", BYTES(LE "<\0a"), ERR_SYNTAX, true, NULL },
    { "a lone high surrogate", BYTES(LE "\x3d\xd8<\0"), ERR_SYNTAX, true, NULL },
    { "a high surrogate at the end", BYTES(LE "\x3d\xd8"), ERR_SYNTAX, true, NULL },
    { "a lone low surrogate", BYTES(LE "\x00\xde"), ERR_SYNTAX, true, NULL },
};

static void test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        OWNED_TEXT_BUFFER out = { 0 };
        bool was_utf16 = false;
        assert_int_equal(source_decode(slice_of(cases[i].bytes, cases[i].len), &out, &was_utf16), cases[i].err);
        assert_int_equal(was_utf16, cases[i].utf16);
        if (!cases[i].err)
            assert_string_equal(text_str(&out), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_decode) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

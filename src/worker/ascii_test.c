/* ascii_test.c - line ends, whole and cut at every place. */
#include "worker/ascii.h"

#include "base/case_test.h"

static const struct {
    const char *label, *file, *wire;
} out_cases[] = {
    { "nothing",                                     "",              "" },
    { "no line end at the end",                      "a",             "a" },
    { "LF becomes CR LF",                            "a\nb\n",        "a\r\nb\r\n" },
    { "empty lines",                                 "\n\n",          "\r\n\r\n" },
    { "Windows line ends pass once, not twice",      "a\r\nb\r\n",    "a\r\nb\r\n" },
    { "a lone CR is content",                        "a\rb",          "a\rb" },
    { "CR CR LF",                                    "\r\r\n",        "\r\r\n" },
    { "LF CR",                                       "\n\r",          "\r\n\r" },
    { "CR, LF LF",                                   "\r\n\n",        "\r\n\r\n" },
    { "all kinds in one",                            "ab\n\ncd\r\n\re\n", "ab\r\n\r\ncd\r\n\re\r\n" },
};
static const struct {
    const char *label, *wire, *file;
} in_cases[] = {
    { "nothing",                                     "",              "" },
    { "CR LF becomes LF",                            "a\r\nb\r\n",    "a\nb\n" },
    { "a lone LF is content",                        "a\nb",          "a\nb" },
    { "a lone CR is content",                        "a\rb",          "a\rb" },
    { "a CR at the very end is content",             "a\r",           "a\r" },
    { "CR CR LF",                                    "\r\r\n",        "\r\n" },
    { "LF CR LF",                                    "\n\r\n",        "\n\n" },
    { "many CR",                                     "\r\r\r",        "\r\r\r" },
    { "all kinds in one",                            "ab\r\n\r\ncd\n\re\r\r\n", "ab\n\ncd\n\re\r\n" },
};

static void test_to_wire_P28(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(out_cases); i++) {
        CASE_LABEL(&out_cases[i]);
        struct slice file = slice_str(out_cases[i].file);
        for (size_t cut = 0; cut <= file.len; cut++) {
            struct ascii_out s = { 0 };
            char out[64];
            size_t len = ascii_to_wire(&s, slice_first(file, cut), out);
            assert_true(len <= 2 * cut);
            len += ascii_to_wire(&s, slice_from(file, cut), out + len);
            out[len] = 0;
            assert_string_equal(out, out_cases[i].wire);
        }
    }
}

static void test_from_wire_P28(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(in_cases); i++) {
        CASE_LABEL(&in_cases[i]);
        struct slice wire = slice_str(in_cases[i].wire);
        for (size_t cut = 0; cut <= wire.len; cut++) {
            struct ascii_in s = { 0 };
            char in_place[64], out[64];
            size_t len = 0;
            const struct slice parts[] = { slice_first(wire, cut), slice_from(wire, cut) };
            for (size_t p = 0; p < 2; p++) { /* as uploads do it: the output begins one byte before the input */
                memcpy(in_place + 1, parts[p].ptr, parts[p].len);
                size_t made = ascii_from_wire(&s, slice_of(in_place + 1, parts[p].len), in_place);
                memcpy(out + len, in_place, made);
                len += made;
            }
            if (ascii_from_wire_end(&s))
                out[len++] = '\r';
            assert_false(ascii_from_wire_end(&s));
            out[len] = 0;
            assert_string_equal(out, in_cases[i].file);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_wire_P28),
        cmocka_unit_test(test_from_wire_P28),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* reply_test.c - framing, and that nothing from outside can forge a line. */
#include "ftp/reply.h"

#include "base/case_test.h"

static const struct {
    const char *label, *configured, *want;
} messages[] = {
    { "one line",                          "hello",                 "220-Microsoft FTP Service\r\n220 hello\r\n" },
    { "CRLF",                              "a\r\nb",                "220-Microsoft FTP Service\r\n220-a\r\n220 b\r\n" },
    { "LF only",                           "a\nb",                  "220-Microsoft FTP Service\r\n220-a\r\n220 b\r\n" },
    { "CR only",                           "a\rb",                  "220-Microsoft FTP Service\r\n220-a\r\n220 b\r\n" },
    { "line that looks like the end (P35)", "220 done\r\n230 in",   "220-Microsoft FTP Service\r\n220-220 done\r\n220 230 in\r\n" },
    { "empty lines",                       "a\r\n\r\nb",            "220-Microsoft FTP Service\r\n220-a\r\n220-\r\n220 b\r\n" },
    { "nothing configured",                "",                      "220 Microsoft FTP Service\r\n" },
    { "controls and 0xFF (P12, H07)",      "a\x1b[2J\xff\x7f\tb",   "220-Microsoft FTP Service\r\n220 a?[2J\xff\xff?\tb\r\n" },
};

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        struct reply r = { 0 };
        struct slice bytes;
        CASE_LABEL(&messages[i]);
        reply_begin(&r, 220);
        reply_row(&r, REPLY_WELCOME, SLICE_NONE);
        reply_lines(&r, slice_str(messages[i].configured));
        assert_int_equal(reply_bytes(&r, &bytes), 0);
        assert_string_equal(bytes.ptr, messages[i].want);
        reply_free(&r);
    }
}

static void test_parameter_cannot_forge(void **state)
{
    (void)state;
    struct reply r = { 0 };
    struct slice bytes;
    static const char evil[] = "x\"\r\n230 User logged in.\r\n\0";
    reply_begin(&r, 257);
    reply_row(&r, REPLY_MKD, slice_of(evil, sizeof evil));
    assert_int_equal(reply_bytes(&r, &bytes), 0);
    assert_string_equal(bytes.ptr, "257 \"x\"??230 User logged in.????\" directory created.\r\n");
    assert_int_equal(slice_find(bytes, '\n'), bytes.len - 1);
    reply_free(&r);
}

static void test_frame(void **state)
{
    (void)state;
    struct reply r = { 0 };
    struct slice bytes;
    reply_begin(&r, 211);
    reply_row(&r, REPLY_FEAT, SLICE_NONE);
    reply_inner(&r, SLICE_LITERAL("UTF8"));
    reply_inner(&r, SLICE_LITERAL("211 END\r\n"));
    reply_row(&r, REPLY_FEAT_END, SLICE_NONE);
    assert_int_equal(reply_bytes(&r, &bytes), 0);
    assert_string_equal(bytes.ptr, "211-Extended features supported:\r\n UTF8\r\n 211 END??\r\n211 END\r\n");
    reply_free(&r);
}

/* cite: ftp-behaviour 2.3, the form seen on a local session */
static void test_details(void **state)
{
    (void)state;
    struct reply r = { 0 };
    struct slice bytes;
    reply_detailed(&r, 550, SLICE_LITERAL("The system cannot find the path specified. "),
                   SLICE_LITERAL("The system cannot find the path specified. "), SLICE_LITERAL("File system returned an error."));
    assert_int_equal(reply_bytes(&r, &bytes), 0);
    assert_string_equal(bytes.ptr, "550-The system cannot find the path specified. \r\n"
                                   " Win32 error:   The system cannot find the path specified. \r\n"
                                   " Error details: File system returned an error.\r\n550 End\r\n");
    reply_free(&r);
}

/* Every row is one line of printable ASCII with at most one parameter and a code that FTP has. */
static void test_rows(void **state)
{
    (void)state;
    static const char *const texts[] = {
#define R(id, code, text) text,
        REPLIES(R)
#undef R
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct slice text = slice_str(texts[i]);
        unsigned code = reply_code_of((enum reply_id)i);
        print_message("    case: %s\n", texts[i]);
        assert_true(slice_equal(reply_text_of((enum reply_id)i), text));
        assert_false(slice_has_control(text));
        assert_true(slice_find(text, '$') == slice_find_last(text, '$'));
        assert_true(code >= 125 && code <= 550);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages), cmocka_unit_test(test_parameter_cannot_forge), cmocka_unit_test(test_frame),
        cmocka_unit_test(test_details),  cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

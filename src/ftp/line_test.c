/* line_test.c - lines and Telnet, in one piece and byte by byte. */
#include "ftp/line.h"

#include "base/case_test.h"

enum { MAX = 16 };

/* Events as letters: C command, L bare LF, B bad, T too long, E endless, R refuse; text after each command in <>. */
static const struct {
    const char *label, *input;
    size_t len;
    const char *want;
} cases[] = {
#define IN(text) text, sizeof(text) - 1
    { "one command",                                     IN("NOOP\r\n"), "C<NOOP>" },
    { "nothing yet",                                     IN("NOOP"), "" },
    { "two in one segment (P15)",                        IN("USER a\r\nPASS b\r\n"), "C<USER a>C<PASS b>" },
    { "LF alone ends a line but runs nothing (P10)",     IN("NOOP\nNOOP\r\n"), "LC<NOOP>" },
    { "an empty line (P11)",                             IN("\r\n"), "C<>" },
    { "only LF (P11)",                                   IN("\n"), "C<>" },
    { "NUL in a name (P10)",                             IN("USER a\0b\r\nNOOP\r\n"), "BC<NOOP>" },
    { "CR inside (P10)",                                 IN("STOR a\rDELE b\r\n"), "B" },
    { "CR NUL (P10)",                                    IN("STOR a\r\0b\r\n"), "B" },
    { "CR CR LF",                                        IN("NOOP\r\r\n"), "B" },
    { "exactly the maximum",                             IN("1234567890123456\r\n"), "C<1234567890123456>" },
    { "tail of a long line is no command (P08)",         IN("12345678901234567 DELE x\r\nNOOP\r\n"), "TC<NOOP>" },
    { "long line cut by LF alone (P08)",                 IN("12345678901234567 DELE x\nNOOP\r\n"), "TC<NOOP>" },
    { "doubled IAC is one byte (P12)",                   IN("A\xff\xff" "B\r\n"), "C<A\xff" "B>" },
    { "interrupt process and data mark (P12, P17)",      IN("\xff\xf4\xff\xf2" "ABOR\r\n"), "C<ABOR>" },
    { "an option asked for (P13)",                       IN("\xff\xfd\x01" "NOOP\r\n"), "RC<NOOP>" },
    { "an option offered (P13)",                         IN("\xff\xfb\x01" "NOOP\r\n"), "RC<NOOP>" },
    { "an option refused to us",                         IN("\xff\xfe\x01\xff\xfc\x01" "NOOP\r\n"), "C<NOOP>" },
    { "subnegotiation is skipped",                       IN("\xff\xfa\x18\x00zz\r\n\xff\xf0NOOP\r\n"), "C<NOOP>" },
    { "IAC IAC inside a subnegotiation",                 IN("\xff\xfa\x18\xff\xff\xff\xf0NOOP\r\n"), "C<NOOP>" },
    { "IAC between CR and LF",                           IN("NOOP\r\xff\xf1\n"), "C<NOOP>" },
    { "bytes beyond ASCII (P14)",                        IN("\x80\xfe\r\n"), "C<\x80\xfe>" },
#undef IN
};

static void add_event(struct line *l, enum line_event event, struct text *got)
{
    static const char letters[] = { [LINE_COMMAND] = 'C', [LINE_BARE_LF] = 'L', [LINE_BAD] = 'B', [LINE_TOO_LONG] = 'T',
                                    [LINE_ENDLESS] = 'E', [LINE_REFUSE] = 'R', [LINE_NO_MEMORY] = 'M' };
    text_add_char(got, letters[event]);
    if (event == LINE_COMMAND) {
        text_add_char(got, '<');
        text_add(got, line_text(l));
        text_add_char(got, '>');
    }
    assert_true(line_text(l).len <= MAX);
}

static void feed(struct line *l, struct slice piece, struct text *got)
{
    enum line_event event;
    while ((event = line_feed(l, &piece, MAX)) != LINE_MORE)
        add_event(l, event, got);
    assert_int_equal(piece.len, 0);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t step = 1; step <= cases[i].len; step += cases[i].len > 1 ? cases[i].len - 1 : 1) {
            struct line l = { 0 };
            OWNED_TEXT_BUFFER got = { 0 };
            CASE_LABEL(&cases[i]);
            for (size_t at = 0; at < cases[i].len; at += step)
                feed(&l, slice_first(slice_of(cases[i].input + at, cases[i].len - at), step), &got);
            assert_string_equal(text_str(&got), cases[i].want);
            line_reset(&l);
        }
}

/* P09: constant memory, then an end. */
static void test_endless(void **state)
{
    (void)state;
    struct line l = { 0 };
    size_t fed = 0;
    for (enum line_event event = LINE_MORE; event != LINE_ENDLESS; fed++) {
        struct slice one = SLICE_LITERAL("x");
        assert_true(fed < (MAX + 2) * LINE_ENDLESS_FACTOR);
        event = line_feed(&l, &one, MAX);
        assert_true(l.text.cap <= 128);
    }
    line_reset(&l);
}

/* P13: a flood of options gets a bounded number of answers. */
static void test_option_flood(void **state)
{
    (void)state;
    struct line l = { 0 };
    unsigned refused = 0;
    for (int i = 0; i < 100; i++) {
        struct slice option = SLICE_LITERAL("\xff\xfd\x18");
        while (line_feed(&l, &option, 4096) == LINE_REFUSE) {
            char bytes[3];
            line_refusal(&l, bytes);
            assert_memory_equal(bytes, "\xff\xfc\x18", 3);
            refused++;
        }
        line_reset(&l); /* AUTH in between does not give new answers */
    }
    assert_int_equal(refused, LINE_REFUSALS_MAX);
}

/* P01: a half line does not survive AUTH. */
static void test_reset(void **state)
{
    (void)state;
    struct line l = { 0 };
    struct slice before = SLICE_LITERAL("USER an"), after = SLICE_LITERAL("NOOP\r\n");
    assert_int_equal(line_feed(&l, &before, MAX), LINE_MORE);
    assert_true(line_is_partial(&l));
    line_reset(&l);
    assert_false(line_is_partial(&l));
    assert_int_equal(line_feed(&l, &after, MAX), LINE_COMMAND);
    assert_true(slice_equal_str(line_text(&l), "NOOP"));
    line_reset(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_endless),
        cmocka_unit_test(test_option_flood),
        cmocka_unit_test(test_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

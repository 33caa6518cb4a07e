/* listing_test.c - lines as measured on IIS, and names that try to forge one. */
#include "ftp/facts.h"
#include "ftp/listing.h"

#include <stdlib.h>
#include <time.h>

#include "base/case_test.h"

enum {
    T_2025_03_14_0815 = 1741940100, /* UTC */
    T_2025_03_09_2302 = 1741561320,
    T_2002_11_25 = 1038182400,
    T_2025_06_01_0000 = 1748736000,
    T_NOW = 1750000000, /* June 2025 */
};

#define FILE_ENTRY(n, bytes, t)                                                                                 \
    { .name = { n, sizeof(n) - 1 }, .size = bytes, .mtime = t, .mode = 0640, .may_read = true, .may_write = true }
#define DIR_ENTRY(n, t)                                                                                         \
    { .name = { n, sizeof(n) - 1 }, .is_directory = true, .size = 4096, .mtime = t, .mode = 0755, .may_read = true, \
      .may_write = true }

static const struct {
    const char *label;
    unsigned flags;
    struct listing_entry entry;
    const char *prefix, *line;
} cases[] = {
    /* cite: ftp-behaviour 8, the samples */
    { "DOS file", LIST_GMT, FILE_ENTRY("q1.txt", 1234, T_2025_03_14_0815), "",
      "03-14-25  08:15AM                 1234 q1.txt" },
    { "DOS directory", LIST_GMT, DIR_ENTRY("plans", T_2025_03_09_2302), "",
      "03-09-25  11:02PM       <DIR>          plans" },
    { "DOS midnight is 12 AM", LIST_GMT, FILE_ENTRY("m", 0, T_2025_06_01_0000), "",
      "06-01-25  12:00AM                    0 m" },
    { "DOS noon is 12 PM", LIST_GMT, FILE_ENTRY("n", 1, T_2025_06_01_0000 + 12 * 3600), "",
      "06-01-25  12:00PM                    1 n" },
    { "DOS long date", LIST_GMT | LIST_LONG_DATE, FILE_ENTRY("q1.txt", 1234, T_2025_03_14_0815), "",
      "03-14-2025  08:15AM                 1234 q1.txt" },
    { "DOS long date directory", LIST_GMT | LIST_LONG_DATE, DIR_ENTRY("plans", T_2025_03_09_2302), "",
      "03-09-2025  11:02PM       <DIR>          plans" },
    { "DOS beyond 4 GiB", LIST_GMT, FILE_ENTRY("big", 5368709120, T_2025_03_14_0815), "",
      "03-14-25  08:15AM           5368709120 big" },
    { "DOS local time", 0, FILE_ENTRY("q1.txt", 1234, T_2025_03_14_0815), "",
      "03-14-25  09:15AM                 1234 q1.txt" },
    { "UNIX file", LIST_STYLE_UNIX | LIST_GMT, FILE_ENTRY("q1.txt", 1234, T_2025_03_14_0815), "",
      "-rwxrwxrwx   1 owner    group            1234 Mar 14  8:15 q1.txt" },
    { "UNIX directory", LIST_STYLE_UNIX | LIST_GMT, DIR_ENTRY("plans", T_2025_03_09_2302), "",
      "drwxrwxrwx   1 owner    group               0 Mar  9 23:02 plans" },
    { "UNIX other year, read only", LIST_STYLE_UNIX | LIST_GMT,
      { .name = SLICE_LITERAL("archive"), .is_directory = true, .mtime = T_2002_11_25, .may_read = true }, "",
      "dr-xr-xr-x   1 owner    group               0 Nov 25  2002 archive" },
    { "UNIX local time", LIST_STYLE_UNIX, FILE_ENTRY("q1.txt", 1234, T_2025_03_14_0815), "",
      "-rwxrwxrwx   1 owner    group            1234 Mar 14  9:15 q1.txt" },
    { "name only", LIST_STYLE_NAMES, FILE_ENTRY("file.txt", 1, 0), "", "file.txt" },
    { "NLST / puts its slash in front", LIST_STYLE_NAMES, FILE_ENTRY("file.txt", 1, 0), "/", "/file.txt" },
    { "NLST test01/", LIST_STYLE_NAMES, FILE_ENTRY("test01.txt", 1, 0), "test01/", "test01/test01.txt" },
    { "prefix is for NLST only", LIST_GMT, DIR_ENTRY("plans", T_2025_03_09_2302), "x/",
      "03-09-25  11:02PM       <DIR>          plans" },
    /* cite: RFC 3659 7.5 */
    { "facts of a file", LIST_STYLE_FACTS,
      { .name = SLICE_LITERAL("q1.txt"), .size = 1234, .mtime = T_2025_03_14_0815, .mode = 0100640, .may_read = true,
        .may_write = true, .device = 0x801, .inode = 0x1a2b },
      "", "type=file;size=1234;modify=20250314081500;perm=adfwr;unique=801g1a2b;UNIX.mode=0640; q1.txt" },
    { "facts of a directory", LIST_STYLE_FACTS, DIR_ENTRY("plans", T_2025_03_09_2302), "",
      "type=dir;modify=20250309230200;perm=cdefmpl;UNIX.mode=0755; plans" },
    { "facts for a reader, with creation", LIST_STYLE_FACTS,
      { .name = SLICE_LITERAL("a b"), .mtime = T_2025_03_14_0815, .mode = 04755, .may_read = true, .has_created = true,
        .created = T_2002_11_25 },
      "", "type=file;size=0;modify=20250314081500;create=20021125000000;perm=r;UNIX.mode=4755; a b" },
    { "facts are not local time", LIST_STYLE_FACTS, DIR_ENTRY("d", T_2025_03_14_0815), "",
      "type=dir;modify=20250314081500;perm=cdefmpl;UNIX.mode=0755; d" },
    /* threats */
    { "line break in a DOS name (R07, D22)", LIST_GMT, FILE_ENTRY("a\r\n03-14-25  08:15AM  9 b", 1, T_2025_03_14_0815), "",
      "03-14-25  08:15AM                    1 a\\x0d\\x0a03-14-25  08:15AM  9 b" },
    { "line break in a UNIX name (D22)", LIST_STYLE_UNIX | LIST_GMT, FILE_ENTRY("a\nb", 1, T_2025_03_14_0815), "",
      "-rwxrwxrwx   1 owner    group               1 Mar 14  8:15 a\\x0ab" },
    { "line break in NLST (D22)", LIST_STYLE_NAMES, FILE_ENTRY("a\nb", 1, 0), "", "a\\x0ab" },
    { "line break in MLSD (D22)", LIST_STYLE_FACTS, FILE_ENTRY("x\r\ntype=dir; y", 1, 0), "",
      "type=file;size=1;modify=19700101000000;perm=adfwr;UNIX.mode=0640; x\\x0d\\x0atype=dir; y" },
    { "leading blank stays part of the name (R07)", LIST_STYLE_NAMES, FILE_ENTRY("  a", 1, 0), "", "  a" },
    { "not UTF-8 (F16)", LIST_STYLE_NAMES, FILE_ENTRY("\xE4", 1, 0), "", "\\xe4" },
    { "UTF-8 passes", LIST_STYLE_NAMES, FILE_ENTRY("\xC3\xA4", 1, 0), "", "\xC3\xA4" },
    { "before the epoch", LIST_GMT, FILE_ENTRY("old", 1, -1), "", "12-31-69  11:59PM                    1 old" },
    { "a time beyond any calendar", LIST_GMT, FILE_ENTRY("far", 1, INT64_MAX), "",
      "01-01-70  12:00AM                    1 far" },
};

static void test_lines(void **state)
{
    (void)state;
    setenv("TZ", "TEST-1", 1); /* an hour east, no summer time */
    tzset();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        OWNED_TEXT_BUFFER out = { 0 };
        OWNED_TEXT_BUFFER want = { 0 };
        CASE_LABEL(&cases[i]);
        listing_line(&out, cases[i].flags, &cases[i].entry, slice_str(cases[i].prefix), T_NOW);
        text_addf(&want, "%s\r\n", cases[i].line);
        assert_string_equal(text_str(&out), text_str(&want));
    }
}

/* Whatever the name, a line ends once (R07); and 255 bytes of the worst kind fit (R05). */
static void test_one_line_each(void **state)
{
    (void)state;
    char name[255];
    static const unsigned styles[] = { LIST_STYLE_DOS, LIST_STYLE_UNIX, LIST_STYLE_NAMES, LIST_STYLE_FACTS };
    for (size_t i = 0; i < COUNT_OF(styles); i++)
        for (int byte = 1; byte < 256; byte++) {
            OWNED_TEXT_BUFFER out = { 0 };
            memset(name, byte, sizeof name);
            struct listing_entry e = { .name = slice_of(name, sizeof name) };
            listing_line(&out, styles[i], &e, SLICE_NONE, T_NOW);
            assert_int_equal(text_error(&out), 0);
            assert_int_equal(slice_find(text_slice(&out), '\r'), out.len - 2);
            assert_int_equal(slice_find(text_slice(&out), '\n'), out.len - 1);
        }
}

/* FEAT, OPTS and MLST read another table than the one who prints: no fact stands in one of them alone. */
static void test_every_fact_is_known(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER line = { 0 }, chosen = { 0 }, names = { 0 };
    const struct listing_entry e = { .name = SLICE_LITERAL("a"), .may_read = true, .has_created = true, .inode = 1 };
    listing_line(&line, LIST_STYLE_FACTS, &e, SLICE_NONE, T_NOW);
    facts_filter(text_slice(&line), FACTS_ALL, &chosen);
    assert_string_equal(text_str(&chosen), text_str(&line));
    struct slice rest = text_slice(&line);
    for (struct slice fact = slice_cut(&rest, ';'); rest.ptr && rest.len; fact = slice_cut(&rest, ';'))
        text_addf(&names, SLICE_FMT ";", SLICE_ARG(slice_first(fact, slice_find(fact, '='))));
    text_reset(&chosen);
    facts_print(FACTS_ALL, false, &chosen);
    assert_string_equal(text_str(&names), text_str(&chosen));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines), cmocka_unit_test(test_one_line_each),
                                        cmocka_unit_test(test_every_fact_is_known) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* broker_list_test.c - what a directory shows, in which order, in how much memory. */
#include "broker_world.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/own.h"
#include "broker/browse.h"

static void furnish(struct world *w)
{
    static const char *const files[] = { "site/b.txt", "site/A.txt", "site/c.log", "site/dir/x", "mapped/m",
                                         "site/in/d",  "site/mapped/shadowed" };
    static const char *const dirs[] = { "site/dir", "site/in", "site/mapped", "site/empty", "site/in/secret" };
    for (size_t i = 0; i < COUNT_OF(dirs); i++)
        world_dir(w, dirs[i]);
    for (size_t i = 0; i < COUNT_OF(files); i++)
        world_file(w, files[i], "12345");
    assert_int_equal(mkfifo(world_path(w, "site/fifo"), 0666), 0);
    assert_int_equal(symlink("b.txt", world_path(w, "site/link")), 0);
    assert_int_equal(symlink("../mapped", world_path(w, "site/outside")), 0);
    assert_int_equal(symlink("nothing", world_path(w, "site/dangling")), 0);
}

static const struct {
    const char *label, *path;
    unsigned flags;
    const char *pattern, *want;
} cases[] = {
    { "sorted without case, mixed; a real folder stands for its mapping", "/", LIST_STYLE_NAMES, "",
      "A.txt\r\nb.txt\r\nc.log\r\ndir\r\nempty\r\nin\r\nlink\r\nmapped\r\n" },
    { "in it there is what the mapping has (F12)", "/mapped", LIST_STYLE_NAMES, "", "m\r\n" },
    { "mappings where the site shows them, each once (F12)", "/", LIST_STYLE_NAMES | LIST_VIRTUAL_DIRECTORIES, "",
      "A.txt\r\nb.txt\r\nbroken\r\nc.log\r\ndir\r\nempty\r\nin\r\nlink\r\nlinked\r\nmapped\r\nmissing\r\n" },
    { "pattern", "/", LIST_STYLE_NAMES, "*.TXT", "A.txt\r\nb.txt\r\n" },
    { "pattern of one letter", "/", LIST_STYLE_NAMES, "?.log", "c.log\r\n" },
    { "pattern covers mappings", "/", LIST_STYLE_NAMES | LIST_VIRTUAL_DIRECTORIES, "m*", "mapped\r\nmissing\r\n" },
    { "nothing matches", "/", LIST_STYLE_NAMES, "*.none", "" },
    { "star bomb (R01)", "/", LIST_STYLE_NAMES, "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", "" },
    { "braces are letters (R01)", "/", LIST_STYLE_NAMES, "{a,b}*", "" },
    { "empty directory", "/empty", LIST_STYLE_NAMES, "", "" },
    { "a file is its own entry", "/b.txt", LIST_STYLE_NAMES, "", "b.txt\r\n" },
    { "in a mapping", "/mapped", LIST_STYLE_NAMES | LIST_VIRTUAL_DIRECTORIES, "", "m\r\n" },
};

static void test_names(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    furnish(&w);
    uint64_t anna = world_login(&w, "anna");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        assert_string_equal(list(&w, anna, cases[i].path, cases[i].flags, cases[i].pattern), cases[i].want);
    }
    world_close(&w);
}

static void stamp(struct world *w, const char *below, time_t when)
{
    const struct timespec times[2] = { { .tv_sec = when }, { .tv_sec = when } };
    assert_int_equal(utimensat(AT_FDCWD, world_path(w, below), times, 0), 0);
}

static void test_lines(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    world_dir(&w, "site/d");
    world_dir(&w, "site/d/sub");
    world_file(&w, "site/d/f", "12345");
    stamp(&w, "site/d/f", 1741940100);
    stamp(&w, "site/d/sub", 1741940100);
    uint64_t anna = world_login(&w, "anna"), reader = world_login(&w, "reader");
    assert_string_equal(list(&w, anna, "/d", LIST_GMT, ""), "03-14-25  08:15AM                    5 f\r\n"
                                                            "03-14-25  08:15AM       <DIR>          sub\r\n");
    assert_string_equal(list(&w, reader, "/d", LIST_GMT | LIST_STYLE_UNIX, ""),
                        "-r-xr-xr-x   1 owner    group               5 Mar 14  8:15 f\r\n"
                        "dr-xr-xr-x   1 owner    group               0 Mar 14  8:15 sub\r\n");
    const char *one = list(&w, anna, "/d/f", LIST_STYLE_FACTS | LIST_ONE, "");
    assert_non_null(strstr(one, "type=file;size=5;modify=20250314081500;"));
    assert_non_null(strstr(one, "perm=adfwr;"));
    assert_non_null(strstr(one, "; /d/f\r\n"));
    one = list(&w, anna, "/d", LIST_STYLE_FACTS | LIST_ONE, "");
    assert_memory_equal(one, "type=dir;", 9);
    assert_non_null(strstr(one, "; /d\r\n"));

    struct broker_request q = { .ticket = anna, .verb = BROKER_LIST, .flags = LIST_STYLE_NAMES,
                                .path = SLICE_LITERAL("/d"), .prefix = SLICE_LITERAL("d/") };
    assert_true(slice_equal_str(ask_all(&w, q)->m.data, "d/f\r\nd/sub\r\n"));
    world_close(&w);
}

/* Entries below which other rules begin say what holds there. */
static void test_permissions(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    furnish(&w);
    world_dir(&w, "site/out");
    uint64_t anna = world_login(&w, "anna");
    const char *all = list(&w, anna, "/", LIST_STYLE_FACTS, "");
    assert_non_null(strstr(strstr(all, "type=dir"), "perm=cdefmpl;"));
    OWNED_TEXT_BUFFER in = { 0 };
    text_add_str(&in, list(&w, anna, "/", LIST_STYLE_FACTS, "in"));
    assert_non_null(strstr(text_str(&in), "perm=cdefmp;"));
    assert_non_null(strstr(list(&w, anna, "/", LIST_STYLE_FACTS, "out"), "perm=el;"));
    world_close(&w);
}

static void test_hostile_names(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    world_file(&w, "site/a\r\nforged", "1");
    world_file(&w, "site/type=dir; x", "1");
    world_file(&w, "site/\xFF", "1");
    uint64_t anna = world_login(&w, "anna");
    static const unsigned styles[] = { LIST_STYLE_DOS, LIST_STYLE_UNIX, LIST_STYLE_NAMES, LIST_STYLE_FACTS };
    for (size_t i = 0; i < COUNT_OF(styles); i++) { /* R07, D22 */
        const char *all = list(&w, anna, "/", styles[i], "");
        unsigned lines = 0;
        for (const char *p = all; (p = strchr(p, '\n')); p++)
            lines++;
        assert_int_equal(lines, 3);
        assert_non_null(strstr(all, "a\\x0d\\x0aforged\r\n"));
        assert_non_null(strstr(all, "\\xff\r\n"));
    }
    world_close(&w);
}

static void make_many(struct world *w, unsigned count)
{
    OWNED_FD dir = open(world_path(w, "site"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char name[64];
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof name, "entry-with-a-rather-long-name-%08u", i * 7919 % count);
        assert_int_equal(mknodat(dir, name, S_IFREG | 0644, 0), 0);
    }
}

static unsigned count_lines(const char *all)
{
    unsigned lines = 0;
    for (const char *p = all; (p = strchr(p, '\n')); p++)
        lines++;
    return lines;
}

static bool is_sorted(const char *all)
{
    const char *before = "";
    size_t before_len = 0;
    for (const char *end; (end = strstr(all, "\r\n")); all = end + 2) {
        if (slice_compare(slice_of(before, before_len), slice_of(all, (size_t)(end - all))) > 0)
            return false;
        before = all;
        before_len = (size_t)(end - all);
    }
    return true;
}

/* R04: beyond the sort limit every entry still comes, once, in pieces. */
static void test_many(void **state)
{
    (void)state;
    enum { MANY = 6000 };
    struct world w;
    world_open(&w, (struct world_options){ .sort_limit = MANY });
    make_many(&w, MANY - 1);
    uint64_t anna = world_login(&w, "anna");
    const char *all = list(&w, anna, "/", LIST_STYLE_NAMES, "");
    assert_int_equal(count_lines(all), MANY - 1);
    assert_true(is_sorted(all));
    world_configure(&w, (struct world_options){ .sort_limit = 100 });
    assert_int_equal(count_lines(list(&w, anna, "/", LIST_STYLE_NAMES, "")), MANY - 1);
    world_configure(&w, (struct world_options){ .streaming = true });
    assert_int_equal(count_lines(list(&w, anna, "/", LIST_STYLE_DOS, "")), MANY - 1);
    world_close(&w);
}

/* R04: what a streamed listing keeps does not grow with what it has shown. */
static void test_memory(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ .streaming = true });
    make_many(&w, 20000);
    uint64_t anna = world_login(&w, "anna");
    struct broker_request q = { .ticket = anna, .verb = BROKER_LIST, .path = SLICE_LITERAL("/") };
    struct reply *r = ask_all(&w, q);
    size_t first = mallinfo2().uordblks;
    while (r->m.more) {
        r = finish(&w, anna, BROKER_LIST_NEXT, r->m.handle);
        assert_true(mallinfo2().uordblks < first + 512 * 1024);
    }
    assert_int_equal(r->m.status, 0);
    world_close(&w);
}

/* R09: who reads slowly, or not at all, holds no more than all listings may together. */
static void test_memory_of_all(void **state)
{
    (void)state;
    enum { MANY = 6000 };
    struct world w;
    size_t most = browse_held_most;
    browse_held_most = 64 * 1024;
    world_open(&w, (struct world_options){ .sort_limit = MANY });
    make_many(&w, MANY - 1);
    uint64_t anna = world_login(&w, "anna");
    struct broker_request q = { .ticket = anna, .verb = BROKER_LIST, .path = SLICE_LITERAL("/"), .flags = LIST_STYLE_NAMES };
    size_t before = mallinfo2().uordblks;
    uint64_t unread = ask_all(&w, q)->m.handle;
    assert_int_not_equal(unread, 0);
    assert_true(mallinfo2().uordblks < before + 512 * 1024);
    assert_int_equal(count_lines(list(&w, anna, "/", LIST_STYLE_NAMES, "")), MANY - 1);
    assert_int_equal(finish(&w, anna, BROKER_LIST_END, unread)->m.status, 0);
    browse_held_most = most; /* everything was given back */
    const char *all = list(&w, anna, "/", LIST_STYLE_NAMES, "");
    assert_int_equal(count_lines(all), MANY - 1);
    assert_true(is_sorted(all));
    world_close(&w);
}

static void test_interrupted(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    make_many(&w, 900);
    uint64_t anna = world_login(&w, "anna");
    struct broker_request q = { .ticket = anna, .verb = BROKER_LIST, .path = SLICE_LITERAL("/"), .flags = LIST_STYLE_FACTS };
    struct reply *r = ask_all(&w, q);
    assert_true(r->m.more);
    uint64_t handle = r->m.handle;
    for (unsigned i = 0; i < 900; i += 2) { /* entries that vanish are left out quietly */
        char name[80];
        snprintf(name, sizeof name, "site/entry-with-a-rather-long-name-%08u", i);
        unlink(world_path(&w, name));
    }
    assert_int_equal(finish(&w, anna, BROKER_LIST_NEXT, handle)->m.status, 0);
    if (w.reply.m.more)
        assert_int_equal(finish(&w, anna, BROKER_LIST_END, handle)->m.status, 0);
    assert_int_equal(finish(&w, anna, BROKER_LIST_NEXT, handle)->m.status, -ERR_STATE);
    for (unsigned i = 0; i < GRANT_LISTINGS_MAX; i++)
        (void)ask_all(&w, q);
    world_close(&w); /* what is left open goes with the grant */
}

/* R05: names as long as they can be, prefixes longer than they may be. */
static void test_long(void **state)
{
    (void)state;
    struct world w;
    char name[300] = "site/";
    world_open(&w, (struct world_options){ 0 });
    memset(name + 5, 'x', 255);
    world_file(&w, name, "1");
    memset(name + 5, 1, 255);
    world_file(&w, name, "1");
    uint64_t anna = world_login(&w, "anna");
    assert_int_equal(count_lines(list(&w, anna, "/", LIST_STYLE_FACTS, "")), 2);
    char *prefix = malloc(BROWSE_PREFIX_MAX + 1);
    memset(prefix, 1, BROWSE_PREFIX_MAX + 1);
    struct broker_request q = { .ticket = anna, .verb = BROKER_LIST, .path = SLICE_LITERAL("/"), .flags = LIST_STYLE_NAMES,
                                .prefix = { prefix, BROWSE_PREFIX_MAX } };
    assert_int_equal(ask_all(&w, q)->m.status, 0);
    q.prefix.len++;
    assert_int_equal(ask_all(&w, q)->m.status, -ERR_TOO_LONG);
    free(prefix);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),  cmocka_unit_test(test_lines),  cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_hostile_names), cmocka_unit_test(test_many), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_memory_of_all),
        cmocka_unit_test(test_interrupted), cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

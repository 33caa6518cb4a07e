/* broker_files_test.c - looking, reading, deleting, renaming: who may, what is found, what must not be reached. */
#include "broker_world.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/own.h"

static void expect(struct reply *r, int err, uint32_t win32, unsigned substatus)
{
    assert_int_equal(r->m.status, -err);
    assert_int_equal(r->m.win32, win32);
    assert_int_equal(r->m.substatus, substatus);
}

/* A tree with one of everything that a path can meet. */
static void furnish(struct world *w)
{
    static const char *const dirs[] = { "site/dir", "site/dir/sub", "site/in", "site/in/secret", "site/out",
                                        "site/real", "mapped/inner", "site/mapped" };
    static const struct {
        const char *target, *name;
    } links[] = {
        { "file", "site/link" },           { "dir", "site/dirlink" },      { "../mapped/m.txt", "site/outside" },
        { "/etc/passwd", "site/absolute" }, { "../mapped", "site/outdir" }, { "nothing", "site/dangling" },
        { "loop", "site/loop" },           { "../../file", "site/dir/sub/up" },
    };
    for (size_t i = 0; i < COUNT_OF(dirs); i++)
        world_dir(w, dirs[i]);
    world_file(w, "site/file", "0123456789");
    world_file(w, "site/dir/a.txt", "a");
    world_file(w, "site/in/drop.txt", "d");
    world_file(w, "site/in/secret/s.txt", "s");
    world_file(w, "site/out/o.txt", "o");
    world_file(w, "site/mapped/shadowed.txt", "never seen");
    world_file(w, "mapped/m.txt", "mm");
    for (size_t i = 0; i < COUNT_OF(links); i++)
        assert_int_equal(symlink(links[i].target, world_path(w, links[i].name)), 0);
    assert_int_equal(mkfifo(world_path(w, "site/fifo"), 0666), 0);
}

static const struct {
    const char *label, *user, *path;
    enum broker_verb verb;
    int err;
    uint32_t win32;
    unsigned substatus;
} cases[] = {
    { "file", "anna", "/file", BROKER_STAT, 0, 0, 0 },
    { "root", "anna", "/", BROKER_CHDIR, 0, 0, 0 },
    { "mapping", "anna", "/mapped", BROKER_CHDIR, 0, 0, 0 },
    { "mapping in another case (F12)", "anna", "/Mapped/m.txt", BROKER_STAT, 0, 0, 0 },
    { "directory in a mapping", "anna", "/mapped/inner", BROKER_CHDIR, 0, 0, 0 },
    { "real name under a mapping is not reached (F12)", "anna", "/mapped/shadowed.txt", BROKER_STAT, ERR_NOT_FOUND, 2, 3 },
    { "link inside the root", "anna", "/link", BROKER_OPEN_READ, 0, 0, 0 },
    { "directory link inside the root", "anna", "/dirlink/a.txt", BROKER_OPEN_READ, 0, 0, 0 },
    { "link upwards inside the root", "anna", "/dir/sub/up", BROKER_OPEN_READ, 0, 0, 0 },
    { "link out of the root (F04)", "anna", "/outside", BROKER_OPEN_READ, ERR_DENIED, 5, 2 },
    { "absolute link (F04)", "anna", "/absolute", BROKER_OPEN_READ, ERR_DENIED, 5, 2 },
    { "directory link out of the root (F04)", "anna", "/outdir/m.txt", BROKER_OPEN_READ, ERR_DENIED, 5, 2 },
    { "CWD through a link out of the root (F04)", "anna", "/outdir", BROKER_CHDIR, ERR_DENIED, 5, 2 },
    { "list through a link out of the root (F04)", "anna", "/outdir", BROKER_LIST, ERR_DENIED, 5, 2 },
    { "dangling link", "anna", "/dangling", BROKER_OPEN_READ, ERR_NOT_FOUND, 2, 3 },
    { "link to itself", "anna", "/loop", BROKER_OPEN_READ, ERR_DENIED, 5, 2 },
    { "missing file", "anna", "/none", BROKER_OPEN_READ, ERR_NOT_FOUND, 2, 3 },
    { "missing directory on the way", "anna", "/none/a", BROKER_OPEN_READ, ERR_PATH, 3, 3 },
    { "file on the way", "anna", "/file/a", BROKER_OPEN_READ, ERR_PATH, 3, 3 },
    { "CWD to nothing (F11)", "anna", "/none", BROKER_CHDIR, ERR_NOT_FOUND, 2, 3 },
    { "CWD to a file", "anna", "/file", BROKER_CHDIR, ERR_NOT_DIR, 267, 3 },
    { "RETR of a directory", "anna", "/dir", BROKER_OPEN_READ, ERR_DENIED, 5, 2 },
    { "RETR of a pipe must not wait (R08)", "anna", "/fifo", BROKER_OPEN_READ, ERR_NOT_FILE, 5, 13 },
    { "SIZE of a pipe (R08)", "anna", "/fifo", BROKER_STAT, ERR_NOT_FILE, 5, 13 },
    { "unusable mapping", "anna", "/broken/x", BROKER_STAT, ERR_PATH, 3, 3 },
    { "mapping to nothing", "anna", "/missing", BROKER_CHDIR, ERR_PATH, 3, 3 },
    { "longer than any path (R05)", "anna", NULL, BROKER_STAT, ERR_TOO_LONG, 206, 3 },
    /* F01, F02: only one form is ever accepted */
    { "climbing (F01)", "anna", "/../etc/passwd", BROKER_STAT, ERR_NAME, 123, 3 },
    { "climbing inside (F01)", "anna", "/dir/../file", BROKER_STAT, ERR_NAME, 123, 3 },
    { "dot (F02)", "anna", "/./file", BROKER_STAT, ERR_NAME, 123, 3 },
    { "double slash (F02)", "anna", "//file", BROKER_STAT, ERR_NAME, 123, 3 },
    { "trailing slash (F02)", "anna", "/dir/", BROKER_CHDIR, ERR_NAME, 123, 3 },
    { "relative (F02)", "anna", "file", BROKER_STAT, ERR_NAME, 123, 3 },
    { "empty (F02)", "anna", "", BROKER_STAT, ERR_NAME, 123, 3 },
    { "backslash (F01)", "anna", "/dir\\a.txt", BROKER_STAT, ERR_NAME, 123, 3 },
    { "overlong dots (F01)", "anna", "/\xC0\xAE\xC0\xAE/etc", BROKER_STAT, ERR_NAME, 123, 3 },
    { "percent is a name (F01)", "anna", "/%2e%2e/etc", BROKER_STAT, ERR_PATH, 3, 3 },
    /* names */
    { "stream (W01)", "anna", "/file::$DATA", BROKER_OPEN_READ, ERR_NAME, 123, 3 },
    { "trailing dot (W02)", "anna", "/file.", BROKER_OPEN_READ, ERR_NAME, 123, 3 },
    { "trailing blank (W02)", "anna", "/file ", BROKER_OPEN_READ, ERR_NAME, 123, 3 },
    { "short name is no alias (W03)", "anna", "/DIR~1", BROKER_STAT, ERR_NOT_FOUND, 2, 3 },
    { "device (W04)", "anna", "/con", BROKER_MKDIR, ERR_NAME, 123, 3 },
    { "pipe character (W06)", "anna", "/a|b", BROKER_MKDIR, ERR_NAME, 123, 3 },
    { "temporary name", "anna", "/.Sallyport-Upload-x", BROKER_STAT, ERR_NAME, 123, 3 },
    /* who may */
    { "no grant", "stranger", "/file", BROKER_STAT, ERR_DENIED, 5, 54 },
    { "reader reads", "reader", "/file", BROKER_OPEN_READ, 0, 0, 0 },
    { "reader deletes", "reader", "/file", BROKER_DELETE, ERR_DENIED, 5, 1 },
    { "reader makes a directory", "reader", "/new", BROKER_MKDIR, ERR_DENIED, 5, 1 },
    { "reader sets a time", "reader", "/file", BROKER_SET_TIME, ERR_DENIED, 5, 1 },
    { "reader renames", "reader", "/file", BROKER_RENAME_FROM, ERR_DENIED, 5, 1 },
    { "write-only directory is entered", "anna", "/in", BROKER_CHDIR, 0, 0, 0 },
    { "write-only directory is not listed", "anna", "/in", BROKER_LIST, ERR_DENIED, 5, 1 },
    { "write-only file is not read", "anna", "/in/drop.txt", BROKER_OPEN_READ, ERR_DENIED, 5, 1 },
    { "in another case (F14)", "anna", "/IN/secret/s.txt", BROKER_OPEN_READ, ERR_DENIED, 5, 1 },
    { "nobody's scope", "anna", "/in/secret/s.txt", BROKER_OPEN_READ, ERR_DENIED, 5, 1 },
    { "nothing about a missing file in a refused place", "anna", "/in/secret/none", BROKER_STAT, ERR_DENIED, 5, 1 },
    { "read-only directory", "anna", "/out/new", BROKER_MKDIR, ERR_DENIED, 5, 1 },
    { "free space needs no more than Read", "reader", "/", BROKER_FREE_SPACE, 0, 0, 0 },
    { "free space for a stranger", "stranger", "/", BROKER_FREE_SPACE, ERR_DENIED, 5, 54 },
    /* changing */
    { "delete a directory", "anna", "/dir", BROKER_DELETE, ERR_DENIED, 5, 2 },
    { "delete nothing", "anna", "/none", BROKER_DELETE, ERR_NOT_FOUND, 2, 3 },
    { "delete in a missing directory", "anna", "/none/a", BROKER_DELETE, ERR_PATH, 3, 3 },
    { "delete through a link that leads out (F04)", "anna", "/outdir/m.txt", BROKER_DELETE, ERR_DENIED, 5, 2 },
    { "make what exists", "anna", "/dir", BROKER_MKDIR, ERR_EXISTS, 183, 3 },
    { "make in a missing directory", "anna", "/none/a", BROKER_MKDIR, ERR_PATH, 3, 3 },
    { "remove what is not empty", "anna", "/dir", BROKER_RMDIR, ERR_NOT_EMPTY, 145, 3 },
    { "remove a file as a directory", "anna", "/file", BROKER_RMDIR, ERR_NOT_DIR, 267, 3 },
    { "remove a directory link (F04)", "anna", "/dirlink", BROKER_RMDIR, ERR_NOT_DIR, 267, 3 },
    { "remove a mapping (F12)", "anna", "/mapped", BROKER_RMDIR, ERR_DENIED, 5, 5 },
    { "rename a mapping (F12)", "anna", "/MAPPED", BROKER_RENAME_FROM, ERR_DENIED, 5, 5 },
    { "delete a mapping (F12)", "anna", "/mapped", BROKER_DELETE, ERR_DENIED, 5, 5 },
    { "remove the root", "anna", "/", BROKER_RMDIR, ERR_DENIED, 5, 5 },
    { "make the root", "anna", "/", BROKER_MKDIR, ERR_DENIED, 5, 5 },
    { "RNTO without RNFR", "anna", "/x", BROKER_RENAME_TO, ERR_STATE, 87, 3 },
    { "RNFR of nothing", "anna", "/none", BROKER_RENAME_FROM, ERR_NOT_FOUND, 2, 3 },
    { "time of a pipe", "anna", "/fifo", BROKER_SET_TIME, ERR_NOT_FILE, 5, 13 },
    { "time of a link that leads out (F04)", "anna", "/outside", BROKER_SET_TIME, ERR_DENIED, 5, 2 },
    { "no such verb", "anna", "/", 0, ERR_STATE, 87, 3 },
    { "no such handle", "anna", "", BROKER_COMMIT, ERR_STATE, 87, 3 },
    { "no such listing", "anna", "", BROKER_LIST_NEXT, ERR_STATE, 87, 3 },
};

/* A stranger gets no grant. */
static uint64_t ticket_for(struct world *w, const char *user)
{
    if (strcmp(user, "stranger"))
        return world_login(w, user);
    assert_false(world_give(w, (struct grant_give){ .ticket = 77, .site = 1, .account = GRANT_CUSTOM,
                                                    .user = slice_str(user) }).accepted);
    return 77;
}

static void test_cases(void **state)
{
    (void)state;
    struct world w;
    char *deep = malloc(9000);
    memset(deep, 'a', 9000);
    for (size_t i = 0; i < 8999; i += 100)
        deep[i] = '/';
    deep[8998] = '\0';
    world_open(&w, (struct world_options){ 0 });
    furnish(&w);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        uint64_t ticket = ticket_for(&w, cases[i].user);
        expect(ask(&w, ticket, cases[i].verb, cases[i].path ? cases[i].path : deep), cases[i].err, cases[i].win32,
               cases[i].substatus);
    }
    assert_true(world_has(&w, "mapped/m.txt"));
    free(deep);
    world_close(&w);
}

static void test_answers(void **state)
{
    (void)state;
    struct world w;
    char got[16] = { 0 };
    world_open(&w, (struct world_options){ 0 });
    furnish(&w);
    uint64_t anna = world_login(&w, "anna");
    struct reply *r = ask(&w, anna, BROKER_STAT, "/file");
    assert_int_equal(r->m.type, BROKER_FILE);
    assert_int_equal(r->m.size, 10);
    assert_int_equal(ask(&w, anna, BROKER_CHDIR, "/dir")->m.type, BROKER_DIRECTORY);
    assert_true(ask(&w, anna, BROKER_FREE_SPACE, "/")->m.size > 0);

    struct broker_request q = { .ticket = anna, .verb = BROKER_OPEN_READ, .path = SLICE_LITERAL("/file"), .offset = 8 };
    r = ask_all(&w, q);
    expect(r, 0, 0, 0);
    assert_int_equal(r->m.size, 10);
    assert_int_equal(pread(r->fd, got, sizeof got, 8), 2);
    assert_string_equal(got, "89");
    q.offset = 10;
    expect(ask_all(&w, q), 0, 0, 0);
    q.offset = 11;
    expect(ask_all(&w, q), ERR_RANGE, 38, 3); /* P27 */

    q = (struct broker_request){ .ticket = anna, .verb = BROKER_SET_TIME, .path = SLICE_LITERAL("/link"), .time = 1000000000 };
    expect(ask_all(&w, q), 0, 0, 0);
    assert_int_equal(ask(&w, anna, BROKER_STAT, "/file")->m.mtime, 1000000000);
    world_close(&w);
}

static void test_changes(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    furnish(&w);
    uint64_t anna = world_login(&w, "anna");
    expect(ask(&w, anna, BROKER_MKDIR, "/mapped/made"), 0, 0, 0);
    assert_true(world_has(&w, "mapped/made"));
    expect(ask(&w, anna, BROKER_RMDIR, "/mapped/made"), 0, 0, 0);
    assert_false(world_has(&w, "mapped/made"));
    expect(ask(&w, anna, BROKER_DELETE, "/outside"), 0, 0, 0); /* the link, not what it names */
    assert_false(world_has(&w, "site/outside"));
    assert_true(world_has(&w, "mapped/m.txt"));
    expect(ask(&w, anna, BROKER_DELETE, "/dir/a.txt"), 0, 0, 0);
    assert_false(world_has(&w, "site/dir/a.txt"));
    world_close(&w);
}

/* ---- renaming ---- */

static const struct {
    const char *label, *from, *to;
    bool replace;
    int err;
    uint32_t win32;
    unsigned substatus;
    const char *there; /* must exist afterwards */
} renames[] = {
    { "file", "/file", "/new", false, 0, 0, 0, "site/new" },
    { "into another mapping", "/file", "/mapped/new", false, 0, 0, 0, "mapped/new" },
    { "directory", "/real", "/unreal", false, 0, 0, 0, "site/unreal" },
    { "onto an existing file (F05)", "/file", "/dir/a.txt", false, ERR_EXISTS, 183, 3, "site/file" },
    { "onto an existing file where the site allows it", "/file", "/dir/a.txt", true, 0, 0, 0, "site/dir/a.txt" },
    { "onto a directory (F05)", "/file", "/dir", true, ERR_DENIED, 5, 2, "site/file" },
    { "onto a mapping (F12)", "/file", "/mapped", true, ERR_DENIED, 5, 5, "site/file" },
    { "to where only Read is allowed (F05)", "/file", "/out/x", false, ERR_DENIED, 5, 1, "site/file" },
    { "from where only Read is allowed (F05)", "/out/o.txt", "/x", false, ERR_DENIED, 5, 1, "site/out/o.txt" },
    { "out of a drop box to where it can be read (F05)", "/in/drop.txt", "/drop.txt", false, ERR_DENIED, 5, 1,
      "site/in/drop.txt" },
    { "within a drop box", "/in/drop.txt", "/in/d2", false, 0, 0, 0, "site/in/d2" },
    { "a directory that holds a protected one (F05)", "/in", "/mine", false, ERR_DENIED, 5, 1, "site/in/secret/s.txt" },
    { "to a forbidden name (F13, W02)", "/file", "/evil.exe.", false, ERR_NAME, 123, 3, "site/file" },
    { "to a temporary name", "/file", "/.sallyport-upload-x", false, ERR_NAME, 123, 3, "site/file" },
    { "out by a link (F04)", "/file", "/outdir/x", false, ERR_DENIED, 5, 2, "site/file" },
    { "into a missing directory", "/file", "/none/x", false, ERR_PATH, 3, 3, "site/file" },
    { "a directory into itself", "/dir", "/dir/sub/x", false, ERR_RANGE, 87, 3, "site/dir/a.txt" },
    { "a link is moved, not followed", "/outside", "/moved", false, 0, 0, 0, "site/moved" },
};

static void test_renames(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(renames); i++) {
        struct world w;
        CASE_LABEL(&renames[i]);
        world_open(&w, (struct world_options){ .replace_on_rename = renames[i].replace });
        furnish(&w);
        uint64_t anna = world_login(&w, "anna");
        struct reply *r = ask(&w, anna, BROKER_RENAME_FROM, renames[i].from);
        if (!r->m.status)
            r = ask(&w, anna, BROKER_RENAME_TO, renames[i].to);
        expect(r, renames[i].err, renames[i].win32, renames[i].substatus);
        assert_true(world_has(&w, renames[i].there));
        expect(ask(&w, anna, BROKER_RENAME_TO, "/again"), ERR_STATE, 87, 3); /* P21: one RNFR, one RNTO */
        assert_true(world_has(&w, "mapped/m.txt"));
        world_close(&w);
    }
}

static void test_stale_rename(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    furnish(&w);
    uint64_t anna = world_login(&w, "anna");
    expect(ask(&w, anna, BROKER_RENAME_FROM, "/file"), 0, 0, 0);
    assert_int_equal(rename(world_path(&w, "site/dir/a.txt"), world_path(&w, "site/file")), 0);
    expect(ask(&w, anna, BROKER_RENAME_TO, "/new"), ERR_NOT_FOUND, 2, 3); /* P21: another object has the name */
    assert_false(world_has(&w, "site/new"));
    expect(ask(&w, anna, BROKER_RENAME_FROM, "/file"), 0, 0, 0);
    expect(ask(&w, anna, BROKER_STAT, "/dir"), 0, 0, 0);
    expect(ask(&w, anna, BROKER_RENAME_TO, "/new"), ERR_STATE, 87, 3); /* P21: any other command drops it */
    world_close(&w);
}

/* ---- case ---- */

static void test_case(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ .case_insensitive = true });
    furnish(&w);
    world_dir(&w, "site/Docs");
    world_file(&w, "site/Docs/Read.Me", "r");
    world_file(&w, "site/Docs/twin", "1");
    world_file(&w, "site/Docs/TWIN", "2");
    uint64_t anna = world_login(&w, "anna");
    expect(ask(&w, anna, BROKER_OPEN_READ, "/DOCS/read.ME"), 0, 0, 0); /* F14 */
    expect(ask(&w, anna, BROKER_STAT, "/docs/twin"), 0, 0, 0);         /* exact wins */
    expect(ask(&w, anna, BROKER_STAT, "/docs/Twin"), ERR_CONFLICT, 2, 3); /* ambiguous is no guess */
    expect(ask(&w, anna, BROKER_MKDIR, "/dOCS"), ERR_EXISTS, 183, 3);
    world_dir(&w, "site/Docs/\xc3\x9c" "bung");
    expect(ask(&w, anna, BROKER_MKDIR, "/docs/\xc3\xbc" "BUNG"), ERR_EXISTS, 183, 3); /* beyond ASCII too */
    expect(ask(&w, anna, BROKER_STAT, "/IN/SECRET/s.txt"), ERR_DENIED, 5, 1);
    expect(ask(&w, anna, BROKER_RENAME_FROM, "/docs/read.me"), 0, 0, 0);
    expect(ask(&w, anna, BROKER_RENAME_TO, "/docs/README"), 0, 0, 0);
    assert_true(world_has(&w, "site/Docs/README"));
    expect(ask(&w, anna, BROKER_RENAME_FROM, "/docs/README"), 0, 0, 0);
    expect(ask(&w, anna, BROKER_RENAME_TO, "/docs/readme"), 0, 0, 0); /* only the case changes */
    assert_true(world_has(&w, "site/Docs/readme"));
    expect(ask(&w, anna, BROKER_RENAME_FROM, "/docs/readme"), 0, 0, 0);
    expect(ask(&w, anna, BROKER_RENAME_TO, "/FILE"), ERR_EXISTS, 183, 3);
    expect(ask(&w, anna, BROKER_DELETE, "/docs/README"), 0, 0, 0);
    assert_false(world_has(&w, "site/Docs/readme"));
    world_close(&w);

    world_open(&w, (struct world_options){ 0 });
    furnish(&w);
    anna = world_login(&w, "anna");
    expect(ask(&w, anna, BROKER_STAT, "/FILE"), ERR_NOT_FOUND, 2, 3);
    world_close(&w);
}

static void test_any_names(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ .any_names = true });
    uint64_t anna = world_login(&w, "anna");
    expect(ask(&w, anna, BROKER_MKDIR, "/a:b."), 0, 0, 0);
    assert_true(world_has(&w, "site/a:b."));
    expect(ask(&w, anna, BROKER_MKDIR, "/a\nb"), ERR_NAME, 123, 3); /* R07, whatever the setting */
    world_close(&w);
}

/* F03: a directory that keeps turning into a link out of the root and back never lets a byte from outside through. */
struct swapper {
    char directory[128], link[128];
    bool is_over; /* atomic */
};

static void *swap(void *context)
{
    struct swapper *s = context;
    while (!__atomic_load_n(&s->is_over, __ATOMIC_RELAXED))
        renameat2(AT_FDCWD, s->directory, AT_FDCWD, s->link, RENAME_EXCHANGE);
    return NULL;
}

static void test_swap(void **state)
{
    (void)state;
    struct world w;
    struct swapper s = { .is_over = false };
    char got[16];
    pthread_t thread;
    world_open(&w, (struct world_options){ 0 });
    furnish(&w);
    world_dir(&w, "site/swap");
    world_file(&w, "site/swap/m.txt", "inside");
    assert_int_equal(symlink("../mapped", world_path(&w, "site/swap-link")), 0);
    snprintf(s.directory, sizeof s.directory, "%s/site/swap", w.root);
    snprintf(s.link, sizeof s.link, "%s/site/swap-link", w.root);
    uint64_t anna = world_login(&w, "anna");
    assert_int_equal(pthread_create(&thread, NULL, swap, &s), 0);
    unsigned opened = 0, refused = 0;
    for (int i = 0; i < 100000 && (i < 1000 || !opened || !refused); i++) {
        struct reply *r = ask(&w, anna, BROKER_OPEN_READ, "/swap/m.txt");
        if (r->m.status) {
            refused++;
            continue;
        }
        opened++;
        assert_int_equal(read(r->fd, got, sizeof got), 6);
        assert_memory_equal(got, "inside", 6);
    }
    __atomic_store_n(&s.is_over, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    assert_true(opened && refused); /* both sides of the swap were met */
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),        cmocka_unit_test(test_answers), cmocka_unit_test(test_changes),
        cmocka_unit_test(test_renames),      cmocka_unit_test(test_stale_rename), cmocka_unit_test(test_case),
        cmocka_unit_test(test_any_names),    cmocka_unit_test(test_swap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* broker_upload_test.c - what a name holds at every moment of an upload. */
#include "broker_world.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/own.h"
#include "broker/sweep.h"
#include "sys/datagram.h"

static void expect(struct reply *r, int err, uint32_t win32, unsigned substatus)
{
    assert_int_equal(r->m.status, -err);
    assert_int_equal(r->m.win32, win32);
    assert_int_equal(r->m.substatus, substatus);
}

static void test_new_file(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    uint64_t anna = world_login(&w, "anna");
    uint64_t handle = upload(&w, anna, BROKER_UPLOAD, "/a.txt", "hello");
    assert_true(handle);
    assert_false(world_has(&w, "site/a.txt")); /* F09: nothing under the name before the commit */
    assert_int_equal(world_temps(&w, "site"), 1);
    assert_string_equal(list(&w, anna, "/", LIST_STYLE_NAMES, ""), "");
    expect(finish(&w, anna, BROKER_COMMIT, handle), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/a.txt"), "hello");
    assert_int_equal(world_temps(&w, "site"), 0);
    expect(finish(&w, anna, BROKER_COMMIT, handle), ERR_STATE, 87, 3);
    world_close(&w);
}

static void test_replace_keeps_old_until_commit(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ .durable = true });
    world_file(&w, "site/a.txt", "old");
    chmod(world_path(&w, "site/a.txt"), 0604);
    uint64_t anna = world_login(&w, "anna");
    uint64_t handle = upload(&w, anna, BROKER_UPLOAD, "/a.txt", "newer");
    assert_string_equal(world_read(&w, "site/a.txt"), "old"); /* F09 */
    struct reply *r = ask(&w, anna, BROKER_OPEN_READ, "/a.txt"); /* F10: readers see the old version */
    expect(r, 0, 0, 0);
    assert_int_equal(r->m.size, 3);
    expect(finish(&w, anna, BROKER_COMMIT, handle), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/a.txt"), "newer");
    struct stat st;
    assert_int_equal(stat(world_path(&w, "site/a.txt"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0604);
    world_close(&w);
}

static void test_abandon(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    world_file(&w, "site/old.txt", "old");
    uint64_t anna = world_login(&w, "anna");
    uint64_t handle = upload(&w, anna, BROKER_UPLOAD, "/old.txt", "x");
    expect(finish(&w, anna, BROKER_ABANDON, handle), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/old.txt"), "old");
    handle = upload(&w, anna, BROKER_UPLOAD, "/new.txt", "x");
    expect(finish(&w, anna, BROKER_ABANDON, handle), 0, 0, 0);
    assert_false(world_has(&w, "site/new.txt"));
    assert_int_equal(world_temps(&w, "site"), 0);
    world_close(&w);
}

static void test_keep_partial(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ .keep_partial = true });
    world_file(&w, "site/old.txt", "old");
    uint64_t anna = world_login(&w, "anna");
    uint64_t handle = upload(&w, anna, BROKER_UPLOAD, "/new.txt", "par");
    expect(finish(&w, anna, BROKER_ABANDON, handle), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/new.txt"), "par"); /* F09: the documented rule */
    handle = upload(&w, anna, BROKER_UPLOAD, "/old.txt", "");
    expect(finish(&w, anna, BROKER_ABANDON, handle), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/old.txt"), "old"); /* nothing came: nothing is replaced */
    assert_int_equal(world_temps(&w, "site"), 0);
    world_close(&w);
}

static void test_resume(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    world_file(&w, "site/a.txt", "0123456789");
    uint64_t anna = world_login(&w, "anna");
    struct broker_request q = { .ticket = anna, .verb = BROKER_UPLOAD, .path = SLICE_LITERAL("/a.txt"), .offset = 4 };
    struct reply *r = ask_all(&w, q);
    expect(r, 0, 0, 0);
    assert_int_equal(pwrite(r->fd, "XY", 2, 4), 2);
    expect(finish(&w, anna, BROKER_COMMIT, r->m.handle), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/a.txt"), "0123XY");
    q.offset = 7; /* P27: beyond the end */
    expect(ask_all(&w, q), ERR_RANGE, 87, 3);
    q.path = SLICE_LITERAL("/none.txt");
    q.offset = 1;
    expect(ask_all(&w, q), ERR_RANGE, 87, 3);
    assert_int_equal(world_temps(&w, "site"), 0);
    world_close(&w);
}

static void test_two_writers(void **state)
{
    (void)state;
    struct world w, other;
    world_open(&w, (struct world_options){ 0 });
    uint64_t anna = world_login(&w, "anna"), sys = world_login(&w, "sys");
    uint64_t handle = upload(&w, anna, BROKER_UPLOAD, "/a.txt", "first");
    expect(ask(&w, sys, BROKER_UPLOAD, "/a.txt"), ERR_BUSY, 32, 3); /* F10: another session */
    expect(ask(&w, anna, BROKER_UPLOAD, "/a.txt"), ERR_BUSY, 32, 3);
    expect(ask(&w, sys, BROKER_APPEND, "/a.txt"), ERR_BUSY, 32, 3);
    expect(ask(&w, sys, BROKER_OPEN_READ, "/a.txt"), ERR_BUSY, 32, 3); /* no old version to show */

    world_open(&other, (struct world_options){ 0 }); /* F10: another broker on the same tree */
    char tree[64];
    memcpy(tree, other.root, sizeof tree);
    memcpy(other.root, w.root, sizeof tree);
    world_configure(&other, (struct world_options){ 0 });
    memcpy(other.root, tree, sizeof tree);
    uint64_t there = world_login(&other, "anna");
    expect(ask(&other, there, BROKER_UPLOAD, "/a.txt"), ERR_BUSY, 32, 3);

    expect(finish(&w, anna, BROKER_COMMIT, handle), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/a.txt"), "first");
    handle = upload(&other, there, BROKER_UPLOAD, "/a.txt", "second");
    assert_true(handle);
    expect(finish(&other, there, BROKER_COMMIT, handle), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/a.txt"), "second");
    world_close(&other);
    world_close(&w);
}

static void test_read_upload_in_progress(void **state)
{
    (void)state;
    struct world w;
    char got[8] = { 0 };
    world_open(&w, (struct world_options){ .read_uploads = true });
    world_file(&w, "site/a.txt", "old");
    uint64_t anna = world_login(&w, "anna");
    uint64_t handle = upload(&w, anna, BROKER_UPLOAD, "/a.txt", "newer");
    struct reply *r = ask(&w, anna, BROKER_OPEN_READ, "/a.txt"); /* F10: only because the site says so */
    expect(r, 0, 0, 0);
    assert_int_equal(r->m.size, 5);
    assert_int_equal(read(r->fd, got, sizeof got), 5);
    assert_string_equal(got, "newer");
    expect(finish(&w, anna, BROKER_ABANDON, handle), 0, 0, 0);
    world_close(&w);
}

static void test_append(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    world_file(&w, "site/log.txt", "one");
    uint64_t anna = world_login(&w, "anna");
    struct reply *r = ask(&w, anna, BROKER_APPEND, "/log.txt");
    expect(r, 0, 0, 0);
    assert_int_equal(r->m.size, 3);
    uint64_t handle = r->m.handle;
    assert_int_equal(write(r->fd, "two", 3), 3);
    expect(ask(&w, anna, BROKER_APPEND, "/log.txt"), ERR_BUSY, 32, 3);
    expect(ask(&w, anna, BROKER_UPLOAD, "/log.txt"), ERR_BUSY, 32, 3);
    expect(ask(&w, anna, BROKER_OPEN_READ, "/log.txt"), ERR_BUSY, 32, 3); /* cite: KB 2505047, open elsewhere gives 32 */
    expect(finish(&w, anna, BROKER_ABANDON, handle), 0, 0, 0); /* what came stays */
    assert_string_equal(world_read(&w, "site/log.txt"), "onetwo");
    handle = upload(&w, anna, BROKER_APPEND, "/log.txt", "three");
    expect(finish(&w, anna, BROKER_COMMIT, handle), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/log.txt"), "onetwothree");
    handle = upload(&w, anna, BROKER_APPEND, "/fresh.txt", "x");
    assert_int_not_equal(access(world_path(&w, "site/fresh.txt"), F_OK), 0); /* D10: not before it is whole */
    expect(finish(&w, anna, BROKER_COMMIT, handle), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/fresh.txt"), "x");
    handle = upload(&w, anna, BROKER_APPEND, "/never.txt", "");
    expect(finish(&w, anna, BROKER_ABANDON, handle), 0, 0, 0); /* D10: the data channel never came */
    assert_int_not_equal(access(world_path(&w, "site/never.txt"), F_OK), 0);
    assert_int_equal(world_temps(&w, "site"), 0);
    world_close(&w);
}

/* F11: what 226 promises stays: who appends has the file to himself, under its name. */
static void test_append_keeps_its_file(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ .replace_on_rename = true });
    world_file(&w, "site/log.txt", "one");
    world_file(&w, "site/other", "other");
    assert_int_equal(symlink("log.txt", world_path(&w, "site/link")), 0);
    uint64_t anna = world_login(&w, "anna"), sys = world_login(&w, "sys");
    expect(ask(&w, sys, BROKER_RENAME_FROM, "/log.txt"), 0, 0, 0); /* before the append begins */
    uint64_t handle = upload(&w, anna, BROKER_APPEND, "/log.txt", "two");
    assert_true(handle);
    expect(ask(&w, sys, BROKER_RENAME_TO, "/away"), ERR_BUSY, 32, 3);
    expect(ask(&w, sys, BROKER_RENAME_FROM, "/log.txt"), ERR_BUSY, 32, 3);
    expect(ask(&w, sys, BROKER_DELETE, "/log.txt"), ERR_BUSY, 32, 3);
    expect(ask(&w, sys, BROKER_RENAME_FROM, "/other"), 0, 0, 0);
    expect(ask(&w, sys, BROKER_RENAME_TO, "/log.txt"), ERR_BUSY, 32, 3);
    expect(ask(&w, sys, BROKER_DELETE, "/link"), 0, 0, 0); /* the link, not what it names */
    expect(finish(&w, anna, BROKER_COMMIT, handle), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/log.txt"), "onetwo");
    expect(ask(&w, sys, BROKER_RENAME_FROM, "/other"), 0, 0, 0);
    expect(ask(&w, sys, BROKER_RENAME_TO, "/log.txt"), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/log.txt"), "other");
    expect(ask(&w, sys, BROKER_DELETE, "/log.txt"), 0, 0, 0);
    world_close(&w);
}

/* Asking whether somebody appends neither waits for a FIFO's other end nor keeps what is no file where it is. */
static void test_no_file_to_append_to(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ .replace_on_rename = true });
    world_dir(&w, "site/dir");
    world_file(&w, "site/a.txt", "a");
    assert_int_equal(mkfifo(world_path(&w, "site/fifo"), 0666), 0);
    assert_int_equal(symlink("nowhere", world_path(&w, "site/link")), 0);
    uint64_t anna = world_login(&w, "anna");
    expect(ask(&w, anna, BROKER_RENAME_FROM, "/fifo"), 0, 0, 0);
    expect(ask(&w, anna, BROKER_RENAME_TO, "/fifo2"), 0, 0, 0);
    expect(ask(&w, anna, BROKER_RENAME_FROM, "/a.txt"), 0, 0, 0);
    expect(ask(&w, anna, BROKER_RENAME_TO, "/fifo2"), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/fifo2"), "a");
    expect(ask(&w, anna, BROKER_RENAME_FROM, "/dir"), 0, 0, 0);
    expect(ask(&w, anna, BROKER_RENAME_TO, "/dir2"), 0, 0, 0);
    expect(ask(&w, anna, BROKER_DELETE, "/link"), 0, 0, 0);
    assert_int_equal(mkfifo(world_path(&w, "site/fifo"), 0666), 0);
    expect(ask(&w, anna, BROKER_DELETE, "/fifo"), 0, 0, 0);
    assert_false(world_has(&w, "site/fifo"));
    world_close(&w);
}

static const struct {
    const char *label, *path, *from, *to; /* what happens beside the service while `path` is appended to */
    int err;
    uint32_t win32;
} moved[] = {
    { "removed", "/log.txt", "site/log.txt", NULL, ERR_CONFLICT, 2 },
    { "renamed", "/log.txt", "site/log.txt", "site/log.1", ERR_CONFLICT, 2 },
    { "replaced", "/log.txt", "site/other", "site/log.txt", ERR_CONFLICT, 2 },
    { "the link is removed", "/link", "site/link", NULL, ERR_CONFLICT, 2 },
    { "another link is removed", "/log.txt", "site/link", NULL, 0, 0 },
    { "another file is renamed, appended through a link", "/link", "site/other", "site/away", 0, 0 },
    { "its directory is renamed", "/d/log.txt", "site/d", "site/d2", 0, 0 },
};

/* 226 is not said of bytes that are no longer there under that name. */
static void test_appended_file_moved(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(moved); i++) {
        struct world w;
        char from[96];
        CASE_LABEL(&moved[i]);
        world_open(&w, (struct world_options){ 0 });
        world_dir(&w, "site/d");
        world_file(&w, "site/d/log.txt", "one");
        world_file(&w, "site/log.txt", "one");
        world_file(&w, "site/other", "other");
        assert_int_equal(symlink("log.txt", world_path(&w, "site/link")), 0);
        uint64_t anna = world_login(&w, "anna");
        uint64_t handle = upload(&w, anna, BROKER_APPEND, moved[i].path, "two");
        snprintf(from, sizeof from, "%s", world_path(&w, moved[i].from));
        assert_int_equal(moved[i].to ? rename(from, world_path(&w, moved[i].to)) : unlink(from), 0);
        expect(finish(&w, anna, BROKER_COMMIT, handle), moved[i].err, moved[i].win32, moved[i].err ? 3 : 0);
        world_close(&w);
    }
}

static const struct {
    const char *label, *upload, *to;
    enum broker_verb verb;
    bool exists, case_insensitive;
} claimed[] = {
    { "a new file", "/new", "/new", BROKER_UPLOAD, false, false },
    { "a new file, by APPE", "/new", "/new", BROKER_APPEND, false, false },
    { "over a file that will be replaced", "/old", "/old", BROKER_UPLOAD, true, false },
    { "a new file in another case", "/new", "/NEW", BROKER_UPLOAD, false, true },
};

/* F10: the name is the upload's from its start, with and without allowReplaceOnRename; of what others put there one or the
 * other would be lost. */
static void test_name_claimed(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(claimed); i++) {
        struct world w;
        size_t row = i / 2;
        CASE_LABEL(&claimed[row]);
        world_open(&w, (struct world_options){ .replace_on_rename = i % 2, .case_insensitive = claimed[row].case_insensitive });
        world_file(&w, "site/src", "src");
        if (claimed[row].exists)
            world_file(&w, "site/old", "old");
        uint64_t anna = world_login(&w, "anna"), sys = world_login(&w, "sys");
        uint64_t handle = upload(&w, anna, claimed[row].verb, claimed[row].upload, "upload");
        assert_true(handle);
        expect(ask(&w, sys, BROKER_MKDIR, claimed[row].to), ERR_BUSY, 32, 3);
        expect(ask(&w, sys, BROKER_RENAME_FROM, "/src"), 0, 0, 0);
        expect(ask(&w, sys, BROKER_RENAME_TO, claimed[row].to), ERR_BUSY, 32, 3);
        expect(finish(&w, anna, BROKER_COMMIT, handle), 0, 0, 0);
        assert_string_equal(world_read(&w, claimed[row].exists ? "site/old" : "site/new"), "upload");
        assert_string_equal(world_read(&w, "site/src"), "src");
        world_close(&w);
    }
}

static void test_unique(void **state)
{
    (void)state;
    struct world w;
    char first[64], taken[80];
    world_open(&w, (struct world_options){ 0 });
    uint64_t anna = world_login(&w, "anna");
    uint64_t one = upload(&w, anna, BROKER_UPLOAD_UNIQUE, "/", "1");
    snprintf(first, sizeof first, SLICE_FMT, SLICE_ARG(w.reply.m.name));
    uint64_t two = upload(&w, anna, BROKER_UPLOAD_UNIQUE, "/", "2");
    assert_false(slice_equal_str(w.reply.m.name, first)); /* P29: random names */
    expect(finish(&w, anna, BROKER_COMMIT, two), 0, 0, 0);
    snprintf(taken, sizeof taken, "site/%s", first);
    world_file(&w, taken, "somebody else's");
    expect(finish(&w, anna, BROKER_COMMIT, one), ERR_EXISTS, 183, 3); /* P29: never over an existing file */
    assert_string_equal(world_read(&w, taken), "somebody else's");
    assert_int_equal(world_temps(&w, "site"), 0);
    world_close(&w);
}

static void test_worker_dies(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    world_file(&w, "site/old.txt", "old");
    uint64_t anna = world_login(&w, "anna");
    assert_true(upload(&w, anna, BROKER_UPLOAD, "/old.txt", "half"));
    assert_true(upload(&w, anna, BROKER_UPLOAD, "/new.txt", "half"));
    world_kill_worker(&w);
    assert_int_equal(world_temps(&w, "site"), 0); /* H04 */
    assert_string_equal(world_read(&w, "site/old.txt"), "old");
    assert_false(world_has(&w, "site/new.txt"));
    world_close(&w);
}

/* What a broker that was killed leaves: a temporary file without a lock. */
static void leave_stale(struct world *w, uint64_t anna, const char *path, char *temp_out, size_t size)
{
    assert_true(upload(w, anna, BROKER_UPLOAD, path, "half"));
    uint64_t handle = w->reply.m.handle;
    DIR *d = opendir(world_path(w, "site"));
    temp_out[0] = '\0';
    for (struct dirent *e; (e = readdir(d));)
        if (place_is_upload_name(slice_str(e->d_name)))
            snprintf(temp_out, size, "site/%s", e->d_name);
    closedir(d);
    expect(finish(w, anna, BROKER_ABANDON, handle), 0, 0, 0);
    world_file(w, temp_out, "half");
}

static void test_stale(void **state)
{
    (void)state;
    struct world w;
    char temp[512];
    world_open(&w, (struct world_options){ 0 });
    uint64_t anna = world_login(&w, "anna");
    leave_stale(&w, anna, "/a.txt", temp, sizeof temp);
    uint64_t handle = upload(&w, anna, BROKER_UPLOAD, "/a.txt", "whole"); /* H04: taken over */
    assert_true(handle);
    expect(finish(&w, anna, BROKER_COMMIT, handle), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/a.txt"), "whole");

    world_file(&w, temp, "half");
    assert_string_equal(list(&w, anna, "/", LIST_STYLE_NAMES, ""), "a.txt\r\n");
    assert_false(world_has(&w, temp)); /* H04: swept when a listing meets it */

    world_file(&w, temp, "half");
    OWNED_FD held = open(world_path(&w, temp), O_RDONLY | O_CLOEXEC); /* its writer lives: hands off */
    assert_int_equal(flock(held, LOCK_EX), 0);
    assert_string_equal(list(&w, anna, "/", LIST_STYLE_NAMES, ""), "a.txt\r\n");
    assert_true(world_has(&w, temp));
    expect(ask(&w, anna, BROKER_UPLOAD, "/a.txt"), ERR_BUSY, 32, 3);
    world_close(&w);
}

/* What a writer that died has left claims nothing. */
static void test_name_of_the_dead(void **state)
{
    (void)state;
    struct world w;
    char temp[512];
    world_open(&w, (struct world_options){ 0 });
    world_file(&w, "site/src", "src");
    uint64_t anna = world_login(&w, "anna");
    leave_stale(&w, anna, "/a.txt", temp, sizeof temp);
    expect(ask(&w, anna, BROKER_RENAME_FROM, "/src"), 0, 0, 0);
    expect(ask(&w, anna, BROKER_RENAME_TO, "/a.txt"), 0, 0, 0);
    expect(ask(&w, anna, BROKER_DELETE, "/a.txt"), 0, 0, 0);
    expect(ask(&w, anna, BROKER_MKDIR, "/a.txt"), 0, 0, 0);
    world_close(&w);
}

static bool never(void *context)
{
    (void)context;
    return false;
}

/* H04: the walk of a broker that starts finds them wherever they lie, and leaves what is being written. */
static void test_swept_at_start(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    uint64_t anna = world_login(&w, "anna");
    world_dir(&w, "site/deep");
    world_dir(&w, "site/deep/er");
    world_file(&w, "site/deep/er/" UPLOAD_PREFIX "0123456789abcdef", "half");
    world_file(&w, "site/deep/keep.txt", "kept");
    world_file(&w, "mapped/" UPLOAD_PREFIX "0123456789abcdef", "another tree");
    assert_int_equal(symlink("../mapped", world_path(&w, "site/link")), 0);
    uint64_t handle = upload(&w, anna, BROKER_UPLOAD, "/living.txt", "half");
    assert_int_equal(sweep_tree(world_path(&w, "site"), 1000, never, NULL), 1);
    assert_int_equal(world_temps(&w, "site/deep/er"), 0);
    assert_int_equal(world_temps(&w, "site"), 1);
    assert_int_equal(world_temps(&w, "mapped"), 1);
    assert_true(world_has(&w, "site/deep/keep.txt"));
    expect(finish(&w, anna, BROKER_COMMIT, handle), 0, 0, 0);
    world_close(&w);
}

struct asker {
    int fd;
    atomic_bool over;
    unsigned long asked;
};

static void *keep_asking(void *context)
{
    struct asker *a = context;
    while (!atomic_load(&a->over)) {
        (void)upload_is_appending(a->fd);
        a->asked++;
    }
    return NULL;
}

/* Readers who ask whether somebody appends are never in the way of one who begins to. */
static void test_asking_takes_nothing(void **state)
{
    (void)state;
    struct world w;
    pthread_t thread;
    world_open(&w, (struct world_options){ 0 });
    world_file(&w, "site/a.txt", "");
    uint64_t anna = world_login(&w, "anna");
    struct asker a = { .fd = open(world_path(&w, "site/a.txt"), O_RDONLY | O_CLOEXEC) };
    assert_int_equal(pthread_create(&thread, NULL, keep_asking, &a), 0);
    for (int i = 0; i < 300; i++) {
        uint64_t handle = upload(&w, anna, BROKER_APPEND, "/a.txt", "x");
        assert_true(handle);
        assert_true(upload_is_appending(a.fd));
        expect(finish(&w, anna, BROKER_COMMIT, handle), 0, 0, 0);
    }
    atomic_store(&a.over, true);
    pthread_join(thread, NULL);
    assert_true(a.asked > 0);
    assert_false(upload_is_appending(a.fd));
    close(a.fd);
    world_close(&w);
}

static void test_release_and_revoke(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    uint64_t anna = world_login(&w, "anna"), sys = world_login(&w, "sys");
    assert_true(upload(&w, anna, BROKER_UPLOAD, "/a.txt", "half"));
    assert_true(upload(&w, sys, BROKER_UPLOAD, "/b.txt", "half"));
    assert_int_equal(DATAGRAM_SEND(w.worker, -1, broker_release, .ticket = anna), 0);
    assert_int_equal(DATAGRAM_SEND(w.auth, -1, grant_revoke, .ticket = sys), 0);
    world_await_no_temps(&w, "site");
    expect(ask(&w, anna, BROKER_STAT, "/"), ERR_DENIED, 5, 54);
    expect(ask(&w, sys, BROKER_STAT, "/"), ERR_DENIED, 5, 54);
    world_close(&w);
}

static const struct {
    const char *label, *path;
    enum broker_verb verb;
    int err;
    uint32_t win32;
    unsigned substatus;
} refused[] = {
    { "onto a directory", "/dir", BROKER_UPLOAD, ERR_DENIED, 5, 2 },
    { "onto a link", "/link", BROKER_UPLOAD, ERR_DENIED, 5, 2 },
    { "onto a FIFO (R08)", "/fifo", BROKER_UPLOAD, ERR_NOT_FILE, 5, 13 },
    { "append to a FIFO (R08)", "/fifo", BROKER_APPEND, ERR_NOT_FILE, 5, 13 },
    { "append to a directory", "/dir", BROKER_APPEND, ERR_DENIED, 5, 2 },
    { "append through a link that leads out (F04)", "/outside", BROKER_APPEND, ERR_DENIED, 5, 2 },
    { "in a missing directory", "/none/a", BROKER_UPLOAD, ERR_PATH, 3, 3 },
    { "below a file", "/file/a", BROKER_UPLOAD, ERR_PATH, 3, 3 },
    { "through a link that leads out (F04)", "/outdir/a", BROKER_UPLOAD, ERR_DENIED, 5, 2 },
    { "unique in a file", "/file", BROKER_UPLOAD_UNIQUE, ERR_NOT_DIR, 267, 3 },
    { "onto the root (5)", "/", BROKER_UPLOAD, ERR_DENIED, 5, 5 },
    { "onto a mapping (5, F12)", "/mapped", BROKER_UPLOAD, ERR_DENIED, 5, 5 },
    { "append to a mapping (5)", "/MAPPED", BROKER_APPEND, ERR_DENIED, 5, 5 },
    { "where only Read is allowed", "/out/a", BROKER_UPLOAD, ERR_DENIED, 5, 1 },
    { "under a temporary name", "/.sallyport-upload-0123456789abcdef", BROKER_UPLOAD, ERR_NAME, 123, 3 },
    { "stream (W01)", "/a.asp::$DATA", BROKER_UPLOAD, ERR_NAME, 123, 3 },
    { "trailing dot (W02)", "/evil.exe.", BROKER_UPLOAD, ERR_NAME, 123, 3 },
    { "device (W04)", "/aux.txt", BROKER_UPLOAD, ERR_NAME, 123, 3 },
    { "drive (W05)", "/C:", BROKER_UPLOAD, ERR_NAME, 123, 3 },
    { "star (W06)", "/a*b", BROKER_UPLOAD, ERR_NAME, 123, 3 },
    { "line break (R07)", "/a\nb", BROKER_UPLOAD, ERR_NAME, 123, 3 },
    { "not UTF-8 (F16)", "/\xE4", BROKER_UPLOAD, ERR_NAME, 123, 3 },
    { "in an unusable mapping", "/broken/a", BROKER_UPLOAD, ERR_PATH, 3, 3 },
    { "in a mapping whose directory is missing", "/missing/a", BROKER_UPLOAD, ERR_PATH, 3, 3 },
};

static void test_refused(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    world_dir(&w, "site/dir");
    world_dir(&w, "site/out");
    world_file(&w, "site/file", "x");
    assert_int_equal(symlink("file", world_path(&w, "site/link")), 0);
    assert_int_equal(symlink("../mapped/x", world_path(&w, "site/outside")), 0);
    assert_int_equal(symlink("../mapped", world_path(&w, "site/outdir")), 0);
    assert_int_equal(mkfifo(world_path(&w, "site/fifo"), 0666), 0);
    uint64_t anna = world_login(&w, "anna");
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        CASE_LABEL(&refused[i]);
        expect(ask(&w, anna, refused[i].verb, refused[i].path), refused[i].err, refused[i].win32, refused[i].substatus);
    }
    assert_int_equal(world_temps(&w, "site"), 0);
    assert_int_equal(world_temps(&w, "mapped"), 0);
    world_close(&w);
}

static void test_case_twins(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ .case_insensitive = true });
    world_file(&w, "site/Report.TXT", "old");
    uint64_t anna = world_login(&w, "anna");
    uint64_t handle = upload(&w, anna, BROKER_UPLOAD, "/report.txt", "new");
    expect(ask(&w, anna, BROKER_UPLOAD, "/REPORT.txt"), ERR_BUSY, 32, 3);
    expect(finish(&w, anna, BROKER_COMMIT, handle), 0, 0, 0);
    assert_string_equal(world_read(&w, "site/Report.TXT"), "new"); /* F14: the name on disk stays */
    assert_false(world_has(&w, "site/report.txt"));
    handle = upload(&w, anna, BROKER_UPLOAD, "/Fresh", "1");
    expect(ask(&w, anna, BROKER_UPLOAD, "/fRESH"), ERR_BUSY, 32, 3); /* F14: no twins */
    expect(finish(&w, anna, BROKER_COMMIT, handle), 0, 0, 0);
    world_close(&w);
}

/* F11: the file that a transfer has open may go; the transfer completes on its descriptor. */
static void test_open_file_deleted(void **state)
{
    (void)state;
    struct world w;
    char got[8] = { 0 };
    world_open(&w, (struct world_options){ 0 });
    world_file(&w, "site/a.txt", "bytes");
    uint64_t anna = world_login(&w, "anna");
    OWNED_FD fd = dup(ask(&w, anna, BROKER_OPEN_READ, "/a.txt")->fd);
    expect(ask(&w, anna, BROKER_DELETE, "/a.txt"), 0, 0, 0);
    assert_int_equal(read(fd, got, sizeof got), 5);
    assert_string_equal(got, "bytes");
    world_close(&w);
}

/* The directory of an upload goes away meanwhile: an error, nothing elsewhere (F03). */
static void test_directory_swapped(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    world_dir(&w, "site/d");
    uint64_t anna = world_login(&w, "anna");
    uint64_t handle = upload(&w, anna, BROKER_UPLOAD, "/d/a.txt", "x");
    assert_int_equal(rename(world_path(&w, "site/d"), world_path(&w, "site/moved")), 0);
    assert_int_equal(symlink("../mapped", world_path(&w, "site/d")), 0);
    expect(finish(&w, anna, BROKER_COMMIT, handle), 0, 0, 0); /* where it began, wherever that is now */
    assert_string_equal(world_read(&w, "site/moved/a.txt"), "x");
    assert_false(world_has(&w, "mapped/a.txt"));
    world_close(&w);
}

/* Mounts of our own; threads that are started later see them too. */
static bool may_mount(void)
{
    return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* H02: the disk is full while the kept part of a resumed upload is copied; F05: no rename across file systems. */
static void test_small_disk(void **state)
{
    (void)state;
    struct world w;
    char big[48 * 1024 + 1];
    if (!may_mount())
        skip();
    world_open(&w, (struct world_options){ 0 });
    assert_int_equal(mount("none", world_path(&w, "site"), "tmpfs", 0, "size=64k,mode=755"), 0);
    memset(big, 'b', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    world_file(&w, "site/big", big);
    uint64_t anna = world_login(&w, "anna");
    struct broker_request q = { .ticket = anna, .verb = BROKER_UPLOAD, .path = SLICE_LITERAL("/big"), .offset = 40000 };
    expect(ask_all(&w, q), ERR_NO_SPACE, 112, 3);
    assert_int_equal(world_temps(&w, "site"), 0);
    assert_string_equal(world_read(&w, "site/big"), big);
    expect(ask(&w, anna, BROKER_RENAME_FROM, "/big"), 0, 0, 0);
    expect(ask(&w, anna, BROKER_RENAME_TO, "/mapped/big"), ERR_DENIED, 17, 3);
    assert_false(world_has(&w, "mapped/big"));
    assert_int_equal(umount2(world_path(&w, "site"), MNT_DETACH), 0);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_file),          cmocka_unit_test(test_replace_keeps_old_until_commit),
        cmocka_unit_test(test_abandon),           cmocka_unit_test(test_keep_partial),
        cmocka_unit_test(test_resume),            cmocka_unit_test(test_two_writers),
        cmocka_unit_test(test_read_upload_in_progress), cmocka_unit_test(test_append),
        cmocka_unit_test(test_append_keeps_its_file), cmocka_unit_test(test_no_file_to_append_to),
        cmocka_unit_test(test_appended_file_moved),
        cmocka_unit_test(test_name_claimed),
        cmocka_unit_test(test_unique),            cmocka_unit_test(test_worker_dies),
        cmocka_unit_test(test_stale),             cmocka_unit_test(test_name_of_the_dead),
        cmocka_unit_test(test_swept_at_start),
        cmocka_unit_test(test_asking_takes_nothing),             cmocka_unit_test(test_release_and_revoke),
        cmocka_unit_test(test_refused),           cmocka_unit_test(test_case_twins),
        cmocka_unit_test(test_open_file_deleted), cmocka_unit_test(test_directory_swapped),
        cmocka_unit_test(test_small_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

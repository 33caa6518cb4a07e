/* broker_identity_test.c - whose files they are: fixed accounts of virtual directories, accounts of a directory and the
 * homes it names. */
#include "broker_world.h"

#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "policy/isolation.h"
#include "sys/datagram.h"

enum { BOB_UID = 54321, BOB_GID = 54322, EVE_UID = 54331, ALICE_UID = 54341, TEAM_GID = 54351 };

static void own(struct world *w, const char *below, uint32_t uid, uint32_t gid, mode_t mode)
{
    assert_int_equal(chown(world_path(w, below), uid, gid), 0);
    assert_int_equal(chmod(world_path(w, below), mode), 0);
}

static uint32_t owner_of(struct world *w, const char *below)
{
    struct stat st;
    return stat(world_path(w, below), &st) < 0 ? UINT32_MAX : st.st_uid;
}

static void tell_fixed(struct world *w, const char *path, const char *user, bool accepted, uint32_t uid)
{
    assert_int_equal(DATAGRAM_SEND(w->auth, -1, grant_fixed, .site = 1, .path = slice_str(path), .user = slice_str(user),
                                   .accepted = accepted, .local = true, .uid = uid, .gid = BOB_GID),
                     0);
    char bytes[64];
    struct slice datagram;
    OWNED_FD fd = -1;
    assert_int_equal(datagram_receive(w->auth, bytes, sizeof bytes, &datagram, &fd), 0); /* taken in */
}

/* The tests below become other users, whose directories must be reachable. */
static bool open_as_root(struct world *w, struct world_options o)
{
    if (geteuid() != 0)
        return false;
    assert_int_equal(setgroups(0, NULL), 0);
    world_open(w, o);
    world_dir(w, "fixed2");
    world_dir(w, "homes");
    assert_int_equal(chmod(w->root, 0755), 0);
    return true;
}

static void test_fixed_account(void **state)
{
    (void)state;
    struct world w;
    if (!open_as_root(&w, (struct world_options){ .fixed = true, .replace_on_rename = true }))
        skip();
    uint64_t anna = world_login(&w, "anna");
    own(&w, "mapped", BOB_UID, BOB_GID, 0700);
    own(&w, "fixed2", EVE_UID, BOB_GID, 0700);
    assert_int_equal(ask(&w, anna, BROKER_STAT, "/fixed")->m.status, -ERR_DENIED); /* nobody has said who bob is */
    assert_int_equal(w.reply.m.win32, 1326);
    tell_fixed(&w, "/fixed", "bob", true, BOB_UID);
    tell_fixed(&w, "/fixed2", "eve", true, EVE_UID);
    uint64_t handle = upload(&w, anna, BROKER_UPLOAD, "/fixed/a.txt", "of bob");
    assert_true(handle);
    assert_int_equal(finish(&w, anna, BROKER_COMMIT, handle)->m.status, 0);
    assert_int_equal(owner_of(&w, "mapped/a.txt"), BOB_UID);
    assert_string_equal(list(&w, anna, "/fixed", LIST_STYLE_NAMES, ""), "a.txt\r\n");
    assert_int_equal(ask(&w, anna, BROKER_MKDIR, "/fixed2/dir")->m.status, 0);
    assert_int_equal(owner_of(&w, "fixed2/dir"), EVE_UID);
    handle = upload(&w, anna, BROKER_UPLOAD, "/own.txt", "of the service");
    assert_int_equal(finish(&w, anna, BROKER_COMMIT, handle)->m.status, 0);
    assert_int_equal(owner_of(&w, "site/own.txt"), geteuid());

    /* bob may not move what is his to eve, nor she take it: nobody is both */
    assert_int_equal(ask(&w, anna, BROKER_RENAME_FROM, "/fixed/a.txt")->m.status, 0);
    assert_int_equal(ask(&w, anna, BROKER_RENAME_TO, "/fixed2/a.txt")->m.status, -ERR_DENIED);
    assert_int_equal(w.reply.m.win32, 17);
    assert_int_equal(ask(&w, anna, BROKER_RENAME_FROM, "/fixed/a.txt")->m.status, 0);
    assert_int_equal(ask(&w, anna, BROKER_RENAME_TO, "/fixed/b.txt")->m.status, 0);

    /* bob may remove what he may not read; who appends to it hears of it at the end */
    handle = upload(&w, anna, BROKER_UPLOAD, "/mapped/c.txt", "of the service");
    assert_int_equal(finish(&w, anna, BROKER_COMMIT, handle)->m.status, 0);
    handle = upload(&w, anna, BROKER_APPEND, "/mapped/c.txt", " too");
    assert_true(handle);
    assert_int_equal(ask(&w, anna, BROKER_OPEN_READ, "/fixed/c.txt")->m.status, -ERR_DENIED);
    assert_int_equal(ask(&w, anna, BROKER_DELETE, "/fixed/c.txt")->m.status, 0);
    assert_int_equal(finish(&w, anna, BROKER_COMMIT, handle)->m.status, -ERR_CONFLICT);

    /* the name of an upload is taken for those too who may not read it */
    handle = upload(&w, anna, BROKER_UPLOAD, "/mapped/e.txt", "of the service");
    assert_int_equal(ask(&w, anna, BROKER_MKDIR, "/fixed/e.txt")->m.status, -ERR_BUSY);
    assert_int_equal(finish(&w, anna, BROKER_COMMIT, handle)->m.status, 0);

    /* an upload is finished, and given up, as it began */
    handle = upload(&w, anna, BROKER_UPLOAD, "/fixed/c.txt", "half");
    assert_int_equal(finish(&w, anna, BROKER_ABANDON, handle)->m.status, 0);
    assert_true(upload(&w, anna, BROKER_UPLOAD, "/fixed/d.txt", "half"));
    tell_fixed(&w, "/fixed", "bob", false, 0); /* his password was changed meanwhile */
    assert_int_equal(ask(&w, anna, BROKER_STAT, "/fixed")->m.status, -ERR_DENIED);
    assert_int_equal(DATAGRAM_SEND(w.worker, -1, broker_release, .ticket = anna), 0);
    world_kill_worker(&w);
    assert_int_equal(world_temps(&w, "mapped"), 0);
    assert_string_equal(world_read(&w, "mapped/b.txt"), "of bob");
    world_close(&w);
}

/* F08: an account that nobody may become is nobody's. */
static void test_fixed_account_below_floor(void **state)
{
    (void)state;
    struct fixed_accounts f;
    struct shared_identity *who = NULL;
    const struct grant_fixed good = { .site = 1, .path = SLICE_LITERAL("/fixed"), .user = SLICE_LITERAL("bob"), .accepted = true,
                                      .uid = 1000, .gid = 1000 };
    struct grant_fixed root = good, low = good, list = good;
    root.uid = 0;
    low.uid = 999;
    list.groups = SLICE_LITERAL("abc");
    const struct grant_fixed *const bad[] = { &root, &low, &list };
    assert_int_equal(fixed_init(&f), 0);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(fixed_set(&f, &good, 1000), 0);
        assert_int_equal(fixed_find(&f, 1, good.path, good.user, &who), 0);
        shared_identity_unref(who);
        assert_int_equal(fixed_set(&f, bad[i], 1000), ERR_DENIED);
        assert_int_equal(fixed_find(&f, 1, good.path, good.user, &who), ERR_DENIED); /* and the one before is over */
    }
    assert_int_equal(fixed_set(&f, &good, 1000), 0);
    assert_int_equal(fixed_find(&f, 2, good.path, good.user, &who), ERR_DENIED);
    assert_int_equal(fixed_find(&f, 1, SLICE_LITERAL("/"), good.user, &who), ERR_DENIED);
    assert_int_equal(fixed_find(&f, 1, good.path, SLICE_LITERAL("eve"), &who), ERR_DENIED);
    fixed_free(&f);
}

/* ---- homes that a directory names ---- */

static struct grant_answer enter(struct world *w, enum grant_account kind, const char *root, const char *dir)
{
    struct grant_give give = { .ticket = ++w->ticket, .site = 1, .account = (uint8_t)kind, .user = SLICE_LITERAL("alice"),
                               .domain = kind == GRANT_DOMAIN ? SLICE_LITERAL("DEPOT") : SLICE_NONE, .home_root = slice_str(root),
                               .home_dir = slice_str(dir) };
    return world_give(w, give);
}

static void open_homes(struct world *w)
{
    world_open(w, (struct world_options){ .isolation = 1 + ISOLATION_ACTIVE_DIRECTORY, .roots = true });
    world_dir(w, "homes");
    world_dir(w, "homes/Alice");
    world_dir(w, "homes/Alice/mapped");
    world_dir(w, "homes/bob");
    world_file(w, "homes/Alice/a.txt", "alice's");
    world_file(w, "homes/bob/b.txt", "bob's");
    world_file(w, "site/root.txt", "root's");
    world_file(w, "mapped/m.txt", "all's");
    assert_int_equal(symlink("../bob", world_path(w, "homes/Alice/out")), 0);
    assert_int_equal(symlink("../site", world_path(w, "homes/outside")), 0);
}

static const struct {
    const char *label, *root, *dir;
    enum grant_account kind;
    bool accepted;
} homes[] = {
    { "its home", "\\\\files\\ftp", "Alice", GRANT_DOMAIN, true },
    { "in another case", "\\\\FILES\\FTP", "alice", GRANT_DOMAIN, true },
    { "no attribute", "", "", GRANT_DOMAIN, false },
    { "no directory attribute", "\\\\files\\ftp", "", GRANT_DOMAIN, false },
    { "no such directory", "\\\\files\\ftp", "carol", GRANT_DOMAIN, false },
    { "a file", "\\\\files\\ftp", "Alice\\a.txt", GRANT_DOMAIN, false },
    { "not below a root (L09)", "/etc", "ssh", GRANT_DOMAIN, false },
    { "up (L09, F06)", "\\\\files\\ftp", "..\\site", GRANT_DOMAIN, false },
    { "a link that leads out of the root (F04)", "\\\\files\\ftp", "outside", GRANT_DOMAIN, false },
    { "a local account", "\\\\files\\ftp", "Alice", GRANT_LOCAL, false },
    { "anonymous", "\\\\files\\ftp", "Alice", GRANT_ANONYMOUS, false },
};

static void test_which_home(void **state)
{
    (void)state;
    struct world w;
    open_homes(&w);
    for (size_t i = 0; i < COUNT_OF(homes); i++) {
        CASE_LABEL(&homes[i]);
        struct grant_answer answer = enter(&w, homes[i].kind, homes[i].root, homes[i].dir);
        assert_int_equal(answer.accepted, homes[i].accepted);
        assert_int_equal(answer.substatus, homes[i].accepted ? 0 : 33);
        assert_int_equal(answer.win32, homes[i].accepted ? 0 : 5);
    }
    world_close(&w);
}

static void test_in_the_home(void **state)
{
    (void)state;
    struct world w;
    open_homes(&w);
    assert_true(enter(&w, GRANT_DOMAIN, "\\\\files\\ftp", "alice").accepted);
    uint64_t alice = w.ticket;
    assert_string_equal(list(&w, alice, "/", LIST_STYLE_NAMES | LIST_VIRTUAL_DIRECTORIES, ""), "a.txt\r\nmapped\r\n");
    uint64_t handle = upload(&w, alice, BROKER_UPLOAD, "/mapped/n.txt", "hers"); /* no virtual directory shadows it */
    assert_int_equal(finish(&w, alice, BROKER_COMMIT, handle)->m.status, 0);
    assert_string_equal(world_read(&w, "homes/Alice/mapped/n.txt"), "hers");
    assert_int_equal(ask(&w, alice, BROKER_STAT, "/out/b.txt")->m.status, -ERR_DENIED);
    assert_int_equal(ask(&w, alice, BROKER_STAT, "/root.txt")->m.status, -ERR_NOT_FOUND);
    assert_int_equal(ask(&w, alice, BROKER_UPLOAD, "/")->m.status, -ERR_DENIED);
    assert_int_equal(w.reply.m.substatus, 5);
    assert_int_equal(ask(&w, alice, BROKER_RENAME_FROM, "/mapped")->m.status, 0);
    assert_int_equal(ask(&w, alice, BROKER_RENAME_TO, "/moved")->m.status, 0);
    assert_true(world_has(&w, "homes/Alice/moved/n.txt"));
    /* A15: the root is taken away from under the session */
    world_configure(&w, (struct world_options){ .isolation = 1 + ISOLATION_ACTIVE_DIRECTORY });
    assert_int_equal(ask(&w, alice, BROKER_STAT, "/a.txt")->m.status, -ERR_DENIED);
    assert_int_equal(w.reply.m.substatus, 54);
    world_close(&w);
}

/* ---- accounts of a directory with numbers of their own ---- */

static void test_account_of_a_directory(void **state)
{
    (void)state;
    struct world w;
    uint8_t team[4];
    if (!open_as_root(&w, (struct world_options){ .roots = true }))
        skip();
    for (unsigned i = 0; i < 4; i++)
        team[i] = (uint8_t)(TEAM_GID >> 8 * i);
    struct grant_give give = { .ticket = 5, .site = 1, .account = GRANT_DOMAIN, .identity = GRANT_SYSTEM, .uid = ALICE_UID, .gid = BOB_GID,
                               .groups = slice_of((char *)team, 4), .user = SLICE_LITERAL("alice"), .domain = SLICE_LITERAL("DEPOT") };
    world_dir(&w, "site/hers");
    world_dir(&w, "site/team");
    world_dir(&w, "site/closed");
    own(&w, "site/hers", ALICE_UID, BOB_GID, 0700);
    own(&w, "site/team", BOB_UID, TEAM_GID, 0770);
    own(&w, "site/closed", BOB_UID, BOB_GID, 0700);
    assert_true(world_give(&w, give).accepted);
    uint64_t handle = upload(&w, 5, BROKER_UPLOAD, "/hers/a.txt", "hers");
    assert_int_equal(finish(&w, 5, BROKER_COMMIT, handle)->m.status, 0);
    assert_int_equal(owner_of(&w, "site/hers/a.txt"), ALICE_UID);
    handle = upload(&w, 5, BROKER_UPLOAD, "/team/a.txt", "by group");
    assert_int_equal(finish(&w, 5, BROKER_COMMIT, handle)->m.status, 0);
    assert_int_equal(ask(&w, 5, BROKER_LIST, "/closed")->m.status, -ERR_DENIED);
    assert_int_equal(ask(&w, 5, BROKER_UPLOAD, "/closed/a.txt")->m.status, -ERR_DENIED);
    assert_int_equal(w.reply.m.substatus, 2);
    give.ticket = 6;
    give.uid = 999; /* below minimumUid */
    assert_false(world_give(&w, give).accepted);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed_account), cmocka_unit_test(test_fixed_account_below_floor), cmocka_unit_test(test_which_home),
        cmocka_unit_test(test_in_the_home),   cmocka_unit_test(test_account_of_a_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* broker_grant_test.c - what a ticket is worth: who may have one, as whom it acts, when it ends. */
#include "broker_world.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/own.h"
#include "sys/datagram.h"

enum { SOME_UID = 54321, SOME_GID = 54322, OTHER_GID = 54323 };

static bool is_root(void)
{
    return geteuid() == 0;
}

static void u32(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static const struct {
    const char *label;
    struct grant_give give;
    uint32_t group; /* one supplementary group, 0 none */
    uint32_t win32;
    unsigned substatus;
} refused[] = {
    { "no rule lets in (home inaccessible)", { .site = 1, .account = GRANT_CUSTOM, .user = SLICE_LITERAL("stranger") }, 0, 5, 1 },
    { "anonymous without a rule", { .site = 1, .account = GRANT_ANONYMOUS, .user = SLICE_LITERAL("anna") }, 0, 5, 1 },
    { "a domain account is not the local one", { .site = 1, .account = GRANT_DOMAIN, .user = SLICE_LITERAL("anna"),
      .domain = SLICE_LITERAL("CORP") }, 0, 5, 1 },
    { "a domain account without domain", { .site = 1, .account = GRANT_DOMAIN, .user = SLICE_LITERAL("anna") }, 0, 5, 2 },
    { "no such site", { .site = 2, .account = GRANT_CUSTOM, .user = SLICE_LITERAL("anna") }, 0, 3, 17 },
    { "root", { .site = 1, .account = GRANT_LOCAL, .identity = GRANT_SYSTEM, .uid = 0, .gid = SOME_GID,
      .user = SLICE_LITERAL("sys") }, 0, 5, 2 },
    { "uid below the floor", { .site = 1, .account = GRANT_LOCAL, .identity = GRANT_SYSTEM, .uid = 999, .gid = SOME_GID,
      .user = SLICE_LITERAL("sys") }, 0, 5, 2 },
    { "group of root (F08)", { .site = 1, .account = GRANT_LOCAL, .identity = GRANT_SYSTEM, .uid = SOME_UID, .gid = 0,
      .user = SLICE_LITERAL("sys") }, 0, 5, 2 },
    { "no user id", { .site = 1, .account = GRANT_LOCAL, .identity = GRANT_SYSTEM, .uid = UINT32_MAX, .gid = SOME_GID,
      .user = SLICE_LITERAL("sys") }, 0, 5, 2 },
    { "no group id in the list", { .site = 1, .account = GRANT_LOCAL, .identity = GRANT_SYSTEM, .uid = SOME_UID,
      .gid = SOME_GID, .user = SLICE_LITERAL("sys") }, UINT32_MAX, 5, 2 },
};

static void test_refused(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        uint8_t groups[4];
        struct grant_give give = refused[i].give;
        CASE_LABEL(&refused[i]);
        u32(groups, refused[i].group);
        give.ticket = 50 + i;
        give.groups = slice_of((char *)groups, refused[i].group ? 4 : 0);
        struct grant_answer answer = world_give(&w, give);
        assert_false(answer.accepted);
        assert_int_equal(answer.ticket, give.ticket);
        assert_int_equal(answer.win32, refused[i].win32);
        assert_int_equal(answer.substatus, refused[i].substatus);
        assert_int_equal(ask(&w, give.ticket, BROKER_STAT, "/")->m.status, -ERR_DENIED); /* and it is worth nothing */
    }
    world_close(&w);
}

static void test_group_list_is_no_list(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    struct grant_give give = { .ticket = 5, .site = 1, .account = GRANT_LOCAL, .identity = GRANT_SYSTEM, .uid = SOME_UID,
                               .gid = SOME_GID, .user = SLICE_LITERAL("sys"), .groups = SLICE_LITERAL("abc") };
    assert_false(world_give(&w, give).accepted);
    world_close(&w);
}

static void test_home_missing(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    assert_int_equal(rmdir(world_path(&w, "site")), 0);
    struct grant_give give = { .ticket = 5, .site = 1, .account = GRANT_CUSTOM, .user = SLICE_LITERAL("anna") };
    struct grant_answer answer = world_give(&w, give); /* F07: a failed step ends the login */
    assert_false(answer.accepted);
    assert_int_equal(answer.win32, 3);
    world_file(&w, "site", "not a directory");
    assert_false(world_give(&w, give).accepted);
    unlink(world_path(&w, "site"));
    world_dir(&w, "site");
    assert_true(world_give(&w, give).accepted);
    assert_false(world_give(&w, give).accepted); /* a ticket is given once */
    assert_int_equal(ask(&w, 5, BROKER_STAT, "/")->m.status, 0);
    world_close(&w);
}

static void test_unknown_ticket(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    uint64_t anna = world_login(&w, "anna"), other = world_login(&w, "sys");
    uint64_t handle = upload(&w, anna, BROKER_UPLOAD, "/a", "x");
    assert_int_equal(ask(&w, anna + 4096, BROKER_STAT, "/")->m.status, -ERR_DENIED);
    assert_int_equal(ask(&w, 0, BROKER_STAT, "/")->m.status, -ERR_DENIED);
    assert_int_equal(finish(&w, other, BROKER_COMMIT, handle)->m.status, -ERR_STATE); /* handles belong to their ticket */
    assert_int_equal(finish(&w, anna, BROKER_COMMIT, handle)->m.status, 0);
    world_close(&w);
}

/* A15: rules are looked up in the snapshot of the moment. */
static void test_new_rules(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ 0 });
    world_file(&w, "site/a", "x");
    uint64_t anna = world_login(&w, "anna");
    struct broker_request q = { .ticket = anna, .verb = BROKER_RENAME_FROM, .path = SLICE_LITERAL("/a") };
    assert_int_equal(ask_all(&w, q)->m.status, 0);
    world_configure(&w, (struct world_options){ 0 });
    assert_int_equal(ask(&w, anna, BROKER_STAT, "/a")->m.status, 0); /* the grant survives */
    world_configure(&w, (struct world_options){ .no_site = true });
    assert_int_equal(ask(&w, anna, BROKER_STAT, "/a")->m.status, -ERR_DENIED);
    assert_int_equal(w.reply.m.substatus, 54);
    world_configure(&w, (struct world_options){ 0 });
    assert_int_equal(ask(&w, anna, BROKER_STAT, "/a")->m.status, -ERR_DENIED); /* and does not come back */
    world_close(&w);
}

static void test_auth_restarts(void **state)
{
    (void)state;
    struct world w;
    int pair[2];
    world_open(&w, (struct world_options){ 0 });
    char buffer[4096];
    struct slice datagram;
    OWNED_FD fd = -1;
    const struct wire_message *m;
    struct wire_in in;
    struct grant_held held = { 0 };
    struct grant_give give = { .ticket = 77, .site = 1, .account = GRANT_CUSTOM, .user = SLICE_LITERAL("anna"),
                               .roles = SLICE_LITERAL("staff"), .memo = SLICE_LITERAL("whatever") };
    assert_true(world_give(&w, give).accepted);
    uint64_t anna = give.ticket;
    close(w.auth);
    assert_int_equal(datagram_pair(pair), 0);
    w.auth = pair[0];
    broker_set_auth(&w.broker, pair[1]);
    /* the new one is told who lives, in the old one's words */
    assert_int_equal(datagram_receive(w.auth, buffer, sizeof buffer, &datagram, &fd), 0);
    assert_int_equal(wire_channel_accept(&grant_channel, ROLE_BROKER, datagram, 0, &m, &in), 0);
    assert_int_equal(m->number, MSG_grant_held);
    assert_int_equal(grant_held_decode(&in, &held), 0);
    assert_true(held.ticket == anna && held.site == 1 && slice_equal_str(held.roles, "staff") && slice_equal_str(held.memo, "whatever"));
    assert_int_equal(ask(&w, anna, BROKER_STAT, "/")->m.status, 0);
    uint64_t again = world_login(&w, "sys");
    assert_int_equal(ask(&w, again, BROKER_STAT, "/")->m.status, 0);
    world_close(&w);
}

struct new_auth {
    struct broker *broker;
    int fd;
};

static void *tell_new_auth(void *context)
{
    const struct new_auth *a = context;
    broker_set_auth(a->broker, a->fd);
    return NULL;
}

/* Thousands of logins do not fit into the socket of one that still starts; files are served all the same. */
static void test_auth_that_does_not_read_yet(void **state)
{
    (void)state;
    enum { LOGINS = 4000 };
    struct world w;
    int pair[2];
    pthread_t thread;
    char buffer[4096];
    struct slice datagram;
    OWNED_FD fd = -1;
    world_open(&w, (struct world_options){ 0 });
    for (int i = 0; i < LOGINS; i++)
        world_login(&w, "anna");
    uint64_t last = world_login(&w, "anna");
    close(w.auth);
    assert_int_equal(datagram_pair(pair), 0);
    w.auth = pair[0];
    struct new_auth a = { &w.broker, pair[1] };
    assert_int_equal(pthread_create(&thread, NULL, tell_new_auth, &a), 0);
    struct pollfd full = { .fd = pair[1], .events = POLLOUT };
    while (poll(&full, 1, 0) == 1) /* until it waits for us */
        sched_yield();
    assert_int_equal(ask(&w, last, BROKER_STAT, "/")->m.status, 0);
    for (int i = 0; i <= LOGINS; i++)
        assert_int_equal(datagram_receive(w.auth, buffer, sizeof buffer, &datagram, &fd), 0);
    pthread_join(thread, NULL);
    world_close(&w);
}

/* A peer that breaks its channel's rules ends the broker, like a worker that died. */
static void test_illegal_message(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        uint8_t bytes[4];
        size_t len;
    } bad[] = {
        { "empty", { 0 }, 0 },
        { "unknown number", { 99, 0 }, 2 },
        { "a message that only brokers send", { 2, 0 }, 2 },
        { "cut off", { 1, 0, 1 }, 3 },
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct world w;
        CASE_LABEL(&bad[i]);
        world_open(&w, (struct world_options){ 0 });
        uint64_t anna = world_login(&w, "anna");
        assert_true(upload(&w, anna, BROKER_UPLOAD, "/a", "x"));
        assert_int_equal(send(w.worker, bad[i].bytes, bad[i].len, 0), bad[i].len);
        broker_wait(&w.broker);
        assert_int_equal(world_temps(&w, "site"), 0);
        world_close(&w);
    }
}

/* ---- identities; these need the right to change them ---- */

static uint64_t login_system(struct world *w)
{
    uint8_t groups[4];
    u32(groups, OTHER_GID);
    struct grant_give give = { .ticket = 500, .site = 1, .account = GRANT_LOCAL, .identity = GRANT_SYSTEM,
                               .uid = SOME_UID, .gid = SOME_GID, .user = SLICE_LITERAL("sys"),
                               .groups = { (char *)groups, sizeof groups } };
    struct grant_answer answer = world_give(w, give);
    assert_true(answer.accepted);
    return give.ticket;
}

static void own(struct world *w, const char *below, uint32_t uid, uint32_t gid, mode_t mode)
{
    assert_int_equal(chown(world_path(w, below), uid, gid), 0);
    assert_int_equal(chmod(world_path(w, below), mode), 0);
}

static void test_acts_as_user(void **state)
{
    (void)state;
    struct world w;
    struct stat st;
    if (!is_root())
        skip();
    world_open(&w, (struct world_options){ 0 });
    world_file(&w, "site/private", "secret");
    own(&w, "site/private", 0, 0, 0600);
    world_file(&w, "site/group", "g");
    own(&w, "site/group", 0, OTHER_GID, 0640);
    world_dir(&w, "site/his");
    own(&w, "site/his", SOME_UID, SOME_GID, 0700);
    world_dir(&w, "site/closed");
    own(&w, "site/closed", 0, 0, 0700);
    uint64_t sys = login_system(&w), service = world_login(&w, "anna");
    assert_int_equal(ask(&w, sys, BROKER_OPEN_READ, "/private")->m.status, -ERR_DENIED);
    assert_int_equal(w.reply.m.substatus, 2);
    assert_int_equal(ask(&w, sys, BROKER_OPEN_READ, "/group")->m.status, 0); /* by a supplementary group */
    assert_int_equal(ask(&w, service, BROKER_OPEN_READ, "/private")->m.status, 0);
    assert_int_equal(ask(&w, sys, BROKER_CHDIR, "/closed")->m.status, -ERR_DENIED);
    assert_int_equal(ask(&w, sys, BROKER_STAT, "/closed/x")->m.status, -ERR_DENIED);
    assert_int_equal(ask(&w, sys, BROKER_UPLOAD, "/here")->m.status, -ERR_DENIED);
    assert_int_equal(ask(&w, sys, BROKER_MKDIR, "/here")->m.status, -ERR_DENIED);
    assert_int_equal(ask(&w, sys, BROKER_DELETE, "/private")->m.status, -ERR_DENIED);
    uint64_t handle = upload(&w, sys, BROKER_UPLOAD, "/his/a", "x");
    assert_int_equal(finish(&w, sys, BROKER_COMMIT, handle)->m.status, 0);
    assert_int_equal(stat(world_path(&w, "site/his/a"), &st), 0);
    assert_int_equal(st.st_uid, SOME_UID);
    assert_int_equal(st.st_gid, SOME_GID);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(ask(&w, sys, BROKER_MKDIR, "/his/d")->m.status, 0);
    assert_int_equal(stat(world_path(&w, "site/his/d"), &st), 0);
    assert_int_equal(st.st_uid, SOME_UID);

    world_file(&w, "site/his/theirs", "x"); /* may not write it, so may not replace it either */
    own(&w, "site/his/theirs", 0, 0, 0644);
    assert_int_equal(ask(&w, sys, BROKER_UPLOAD, "/his/theirs")->m.status, -ERR_DENIED);
    world_close(&w);
}

static void test_abandon_as_user(void **state)
{
    (void)state;
    struct world w;
    if (!is_root())
        skip();
    world_open(&w, (struct world_options){ 0 });
    world_dir(&w, "site/his");
    own(&w, "site/his", SOME_UID, SOME_GID, 0700);
    assert_true(upload(&w, login_system(&w), BROKER_UPLOAD, "/his/a", "x"));
    assert_int_equal(world_temps(&w, "site/his"), 1);
    world_kill_worker(&w);
    assert_int_equal(world_temps(&w, "site/his"), 0);
    world_close(&w);
}

static void test_home_closed_to_user(void **state)
{
    (void)state;
    struct world w;
    if (!is_root())
        skip();
    world_open(&w, (struct world_options){ 0 });
    own(&w, "site", 0, 0, 0700);
    struct grant_give give = { .ticket = 5, .site = 1, .account = GRANT_LOCAL, .identity = GRANT_SYSTEM, .uid = SOME_UID,
                               .gid = SOME_GID, .user = SLICE_LITERAL("sys") };
    struct grant_answer answer = world_give(&w, give);
    assert_false(answer.accepted);
    assert_int_equal(answer.win32, 5);
    assert_int_equal(answer.substatus, 2);
    world_close(&w);
}

/* F08: exactly the groups asked for, in this thread only, and all of it given back. */
static void *other_thread(void *context)
{
    (void)context;
    return (void *)(uintptr_t)(setfsuid((uid_t)-1) == (int)geteuid() && syscall(SYS_getgroups, 0, NULL) == 0);
}

static void test_identity(void **state)
{
    (void)state;
    if (!is_root())
        skip();
    assert_int_equal(setgroups(0, NULL), 0);
    uint32_t groups[] = { OTHER_GID, SOME_GID }, now[8];
    struct identity who = { .is_system = true, .uid = SOME_UID, .gid = SOME_GID, .groups = groups, .group_count = 2 };
    pthread_t thread;
    void *is_unchanged;
    assert_int_equal(identity_take(&who), 0);
    assert_int_equal(setfsuid((uid_t)-1), SOME_UID);
    assert_int_equal(setfsgid((gid_t)-1), SOME_GID);
    assert_int_equal(syscall(SYS_getgroups, 8, now), 2);
    assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
    identity_restore(&who);
    pthread_join(thread, &is_unchanged);
    assert_int_equal(setfsuid((uid_t)-1), 0);
    assert_int_equal(setfsgid((gid_t)-1), 0);
    assert_int_equal(syscall(SYS_getgroups, 8, now), 0);
}

static void test_identity_without_right(void **state)
{
    (void)state;
    if (is_root())
        skip();
    struct identity who = { .is_system = true, .uid = geteuid(), .gid = getegid() };
    assert_int_equal(identity_take(&who), ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_group_list_is_no_list),
        cmocka_unit_test(test_home_missing),   cmocka_unit_test(test_unknown_ticket),
        cmocka_unit_test(test_new_rules),      cmocka_unit_test(test_auth_restarts),
        cmocka_unit_test(test_auth_that_does_not_read_yet),
        cmocka_unit_test(test_illegal_message), cmocka_unit_test(test_acts_as_user),
        cmocka_unit_test(test_abandon_as_user), cmocka_unit_test(test_home_closed_to_user),
        cmocka_unit_test(test_identity),       cmocka_unit_test(test_identity_without_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

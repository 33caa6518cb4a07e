/* broker_twins_test.c - tickets that stand for the same as another: what is in the pipe counts before all else. */
#include "broker_world.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/datagram.h"

enum { SOME_UID = 54321, SOME_GID = 54322, OTHER_GID = 54323, PATIENCE_MS = 60000 };

static struct grant_give anna = { .ticket = 1000, .site = 1, .account = GRANT_CUSTOM, .user = SLICE_LITERAL("anna"),
                                  .roles = SLICE_LITERAL("staff"), .memo = SLICE_LITERAL("memo") };

static const struct wire_message *receive(struct world *w, struct wire_in *in_out)
{
    static char buffer[4096];
    struct slice datagram;
    const struct wire_message *m = NULL;
    OWNED_FD fd = -1;
    assert_int_equal(datagram_receive(w->auth, buffer, sizeof buffer, &datagram, &fd), 0);
    assert_int_equal(wire_channel_accept(&grant_channel, ROLE_BROKER, datagram, fd >= 0, &m, in_out), 0);
    return m;
}

/* Give the broker the reading end of a pipe; its writing end. */
static int give_pipe(struct world *w)
{
    int ends[2];
    struct wire_in in;
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(DATAGRAM_SEND(w->auth, ends[0], grant_twins, 0), 0);
    close(ends[0]);
    assert_int_equal(receive(w, &in)->number, MSG_grant_twins_taken);
    return ends[1];
}

/* A world with anna's login and a pipe. */
static int begin(struct world *w)
{
    world_open(w, (struct world_options){ 0 });
    struct grant_answer answer = world_give(w, anna);
    assert_true(answer.accepted);
    assert_int_equal(answer.generation, snapshot_generation(w->broker.snapshot));
    assert_int_not_equal(answer.generation, 0);
    return give_pipe(w);
}

static void tell(int pipe, uint64_t ticket, uint64_t like)
{
    uint8_t bytes[GRANT_TWIN_BYTES];
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    const struct grant_twin m = { ticket, like };
    assert_int_equal(grant_twin_encode(&m, &out), 0);
    assert_int_equal(out.len, sizeof bytes);
    assert_int_equal(write(pipe, bytes, sizeof bytes), sizeof bytes);
}

static int status_of(struct world *w, uint64_t ticket)
{
    return ask(w, ticket, BROKER_STAT, "/")->m.status;
}

/* Nothing answers the authenticator's words, so look until they are heard. */
static void await(struct world *w, uint64_t ticket, int status)
{
    for (int i = 0; i < PATIENCE_MS && status_of(w, ticket) != status; i++)
        usleep(1000);
    assert_int_equal(status_of(w, ticket), status);
}

static void test_stands_for_the_same(void **state)
{
    (void)state;
    struct world w;
    int pipe = begin(&w);
    tell(pipe, 1001, 1000);
    tell(pipe, 1002, 1001); /* like one that nobody has heard of yet */
    assert_int_equal(status_of(&w, 1002), 0);
    assert_int_equal(status_of(&w, 1001), 0);
    tell(pipe, 1003, 555);
    assert_int_equal(status_of(&w, 1003), -ERR_DENIED);
    assert_int_equal(status_of(&w, 555), -ERR_DENIED);

    /* What its session has open is its own. */
    uint64_t handle = upload(&w, 1000, BROKER_UPLOAD, "/a", "x");
    assert_int_equal(finish(&w, 1001, BROKER_COMMIT, handle)->m.status, -ERR_STATE);
    assert_int_equal(ask(&w, 1001, BROKER_RENAME_FROM, "/")->m.status, -ERR_DENIED);
    assert_int_equal(finish(&w, 1000, BROKER_COMMIT, handle)->m.status, 0);
    assert_int_equal(ask(&w, 1000, BROKER_RENAME_FROM, "/a")->m.status, 0);
    assert_int_not_equal(ask(&w, 1001, BROKER_RENAME_TO, "/b")->m.status, 0);
    assert_int_equal(ask(&w, 1000, BROKER_RENAME_TO, "/b")->m.status, 0);
    close(pipe);
    world_close(&w);
}

/* ---- what is said on the channel comes after what stands in the pipe ---- */

static void test_like_ends(void **state)
{
    (void)state;
    struct world w;
    int pipe = begin(&w);
    tell(pipe, 1001, 1000);
    assert_int_equal(DATAGRAM_SEND(w.auth, -1, grant_revoke, .ticket = 1000), 0);
    await(&w, 1000, -ERR_DENIED);
    assert_int_equal(status_of(&w, 1001), 0);

    tell(pipe, 1002, 1001);
    assert_int_equal(DATAGRAM_SEND(w.worker, -1, broker_release, .ticket = 1001), 0);
    await(&w, 1001, -ERR_DENIED);
    assert_int_equal(status_of(&w, 1002), 0);
    close(pipe);
    world_close(&w);
}

static unsigned held(struct world *w)
{
    pthread_mutex_lock(&w->broker.grants.lock);
    size_t count = w->broker.grants.count;
    pthread_mutex_unlock(&w->broker.grants.lock);
    return (unsigned)count;
}

/* Of a login that touched no file nothing was heard before its end, and nothing stays. */
static void test_ends_unheard(void **state)
{
    (void)state;
    struct world w;
    int pipe = begin(&w);
    uint64_t crowd[64];
    for (uint64_t i = 0; i < COUNT_OF(crowd); i++) {
        tell(pipe, 2000 + i, i ? 2000 + i - 1 : 1000);
        crowd[i] = 2000 + i;
    }
    assert_int_equal(held(&w), 1);
    assert_int_equal(DATAGRAM_SEND(w.auth, -1, grant_ended, .tickets = { (char *)crowd, sizeof crowd }), 0);
    await(&w, crowd[63], -ERR_DENIED);
    for (int i = 0; i < PATIENCE_MS && held(&w) > 1; i++)
        usleep(1000);
    assert_int_equal(held(&w), 1);
    assert_int_equal(status_of(&w, 1000), 0);
    close(pipe);
    world_close(&w);
}

/* The next authenticator hears of them too, and its pipe takes the place of the old one, whose rest counts. */
static void test_auth_restarts(void **state)
{
    (void)state;
    struct world w;
    int pair[2], pipe = begin(&w);
    unsigned long seen = 0;
    tell(pipe, 1001, 1000);
    assert_int_equal(status_of(&w, 1001), 0);
    tell(pipe, 1002, 1001);
    close(w.auth);
    assert_int_equal(datagram_pair(pair), 0);
    w.auth = pair[0];
    broker_set_auth(&w.broker, pair[1]);
    for (int i = 0; i < 3; i++) {
        struct wire_in in;
        struct grant_held said = { 0 };
        assert_int_equal(receive(&w, &in)->number, MSG_grant_held);
        assert_int_equal(grant_held_decode(&in, &said), 0);
        assert_true(slice_equal_str(said.memo, "memo") && slice_equal_str(said.roles, "staff"));
        seen += said.ticket;
    }
    assert_int_equal(seen, 1000 + 1001 + 1002);

    tell(pipe, 1003, 1002);
    int next = give_pipe(&w);
    tell(next, 1004, 1003);
    assert_int_equal(status_of(&w, 1004), 0);
    assert_int_equal(status_of(&w, 1003), 0);
    close(next);
    close(pipe);
    world_close(&w);
}

/* ---- what is no pipe of whole records ---- */

static void test_strange_pipes(void **state)
{
    (void)state;
    struct world w;
    int ends[2], pipe = begin(&w);
    tell(pipe, 1001, 1000);
    assert_int_equal(status_of(&w, 1001), 0);
    assert_int_equal(write(pipe, "half of it", 10), 10);
    assert_int_equal(status_of(&w, 1002), -ERR_DENIED);
    assert_int_equal(status_of(&w, 1001), 0);

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0); /* reading it would hang */
    int copy = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
    assert_int_equal(grants_set_pipe(&w.broker.grants, copy), ERR_DENIED);
    assert_int_equal(fcntl(copy, F_GETFD), -1);
    assert_int_equal(status_of(&w, 1002), -ERR_DENIED);
    close(ends[0]);
    close(ends[1]);
    close(pipe);
    assert_int_equal(status_of(&w, 1003), -ERR_DENIED); /* nobody writes any more */
    world_close(&w);
}

/* F08: the same user, group and other groups. */
static void test_same_identity(void **state)
{
    (void)state;
    struct world w;
    if (geteuid() != 0)
        skip();
    int pipe = begin(&w);
    uint32_t groups[] = { OTHER_GID };
    struct grant_give give = { .ticket = 3000, .site = 1, .account = GRANT_LOCAL, .identity = GRANT_SYSTEM, .uid = SOME_UID,
                               .gid = SOME_GID, .user = SLICE_LITERAL("sys"), .groups = { (char *)groups, sizeof groups } };
    world_file(&w, "site/private", "secret");
    assert_int_equal(chmod(world_path(&w, "site/private"), 0600), 0);
    world_file(&w, "site/group", "g");
    assert_int_equal(chown(world_path(&w, "site/group"), 0, OTHER_GID), 0);
    assert_int_equal(chmod(world_path(&w, "site/group"), 0640), 0);
    assert_true(world_give(&w, give).accepted);
    tell(pipe, 3001, 3000);
    assert_int_equal(status_of(&w, 3001), 0);
    assert_int_equal(DATAGRAM_SEND(w.auth, -1, grant_revoke, .ticket = 3000), 0);
    await(&w, 3000, -ERR_DENIED);
    assert_int_equal(ask(&w, 3001, BROKER_OPEN_READ, "/private")->m.status, -ERR_DENIED);
    assert_int_equal(ask(&w, 3001, BROKER_OPEN_READ, "/group")->m.status, 0);
    close(pipe);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stands_for_the_same), cmocka_unit_test(test_like_ends),     cmocka_unit_test(test_ends_unheard),
        cmocka_unit_test(test_auth_restarts),       cmocka_unit_test(test_strange_pipes), cmocka_unit_test(test_same_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

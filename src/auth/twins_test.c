/*
 * twins_test.c - when a login counts as answered by the one before, and what the broker is told then.
 */
#include "auth/auth_world.h"

#include <signal.h>

#include "auth/twins.h"

static const struct world_setup setup = { .manager = true, .anonymous = true };
static const struct auth_options patient = { { "HOST1", 5 }, 2, true, 16, 4 * TWINS_MAX, 8, 60000 };
static int pipes[2]; /* the brokers' ends */

static int take_pipe(unsigned broker, bool takes)
{
    struct slice bytes;
    int fd = -1;
    assert_int_equal(datagram_receive(world.broker[broker], world.buffer, sizeof world.buffer, &bytes, &fd), 0);
    assert_int_equal((uint8_t)bytes.ptr[0], MSG_grant_twins);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK); /* whoever reads never hangs */
    if (takes)
        assert_int_equal(DATAGRAM_SEND(world.broker[broker], -1, grant_twins_taken, 0), 0);
    return fd;
}

static void begin(const struct auth_options *options, bool takes)
{
    world_begin_with(&setup, options, false);
    for (unsigned i = 0; i < 2; i++)
        pipes[i] = take_pipe(i, takes);
}

static void finish(void)
{
    for (unsigned i = 0; i < 2; i++)
        close(pipes[i]);
    world_finish();
}

/* The next record of the pipe; false: it is empty. */
static bool hear(unsigned broker, struct grant_twin *twin_out)
{
    uint8_t bytes[GRANT_TWIN_BYTES];
    struct wire_in in = wire_in_of(bytes, sizeof bytes);
    if (read(pipes[broker], bytes, sizeof bytes) != sizeof bytes)
        return false;
    assert_int_equal(grant_twin_decode(&in, twin_out), 0);
    return true;
}

static void answer(unsigned worker, uint64_t ticket, uint64_t generation)
{
    assert_int_equal(DATAGRAM_SEND(world.broker[worker], -1, grant_answer, .ticket = ticket, .generation = generation,
                                   .accepted = true, .home = SLICE_LITERAL("/home"), .reason = SLICE_LITERAL("because")),
                     0);
}

/* Log in the long way; the ticket. */
static uint64_t log_in(unsigned worker, const char *user, uint64_t generation)
{
    struct grant_give give;
    world_ask(worker, user, "P@ssw0rd");
    EXPECT(world.broker[worker], grant_give, &give);
    assert_int_equal(give.client.port, 0);
    answer(worker, give.ticket, generation);
    assert_int_equal(world_result(worker).verdict, AUTH_ALLOWED);
    return give.ticket;
}

/* ---- the short way ---- */

static void test_chain(void **state)
{
    (void)state;
    begin(&patient, true);
    uint64_t last = log_in(0, "ftpmanager", 1);
    for (int i = 0; i < 3; i++) {
        struct grant_twin twin;
        world_ask(0, "ftpmanager", "P@ssw0rd");
        struct auth_result m = world_result(0);
        assert_int_equal(m.verdict, AUTH_ALLOWED);
        assert_true(slice_equal_str(m.home, "/home"));
        assert_true(slice_equal_str(m.name, "FTPManager"));
        assert_non_null(strstr(m.why.ptr, "start directory: because"));
        assert_true(hear(0, &twin));
        assert_int_equal(twin.ticket, m.ticket);
        assert_int_equal(twin.like, last);
        assert_int_not_equal(m.ticket, last);
        last = m.ticket;
    }
    assert_true(world_is_silent(world.broker[0]));

    /* A wrong password is not helped by it. */
    world_ask(0, "ftpmanager", "wrong");
    assert_int_equal(world_result(0).verdict, AUTH_DENIED);
    struct grant_twin none;
    assert_false(hear(0, &none));

    /* It ends as any other. */
    world_end(0, last);
    finish();
}

/* ---- when the broker is asked ---- */

static void first_ends(uint64_t ticket)
{
    world_end(0, ticket);
}

static void configuration_changes(uint64_t ticket)
{
    (void)ticket;
    world_apply(&setup);
}

static void caches_are_emptied(uint64_t ticket)
{
    (void)ticket;
    assert_int_equal(DATAGRAM_SEND(world.supervisor, -1, child_flush, .query = 1), 0);
    assert_true(world_is_silent(world.worker[0]));
}

static void nobody_reads(uint64_t ticket)
{
    (void)ticket;
    close(pipes[0]);
    pipes[0] = dup(pipes[1]);
}

static void pipe_is_full(uint64_t ticket)
{
    (void)ticket;
    int size = fcntl(pipes[0], F_SETPIPE_SZ, 4096);
    for (int i = 0; i < size / GRANT_TWIN_BYTES; i++) {
        world_ask(0, "ftpmanager", "P@ssw0rd");
        assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
    }
}

static void broker_comes_anew(uint64_t ticket)
{
    (void)ticket;
    close(world.broker[0]);
    close(pipes[0]);
    world.broker[0] = world_join(ROLE_BROKER, 0);
    pipes[0] = take_pipe(0, true);
}

static void others_were_asked_about(uint64_t ticket)
{
    (void)ticket;
    for (unsigned i = 0; i < TWINS_MAX; i++) {
        struct grant_give give;
        assert_int_equal(DATAGRAM_SEND(world.worker[0], -1, auth_login, .session = 77, .site = SITE, .user = SLICE_LITERAL("ftp"),
                                       .password = SLICE_LITERAL("x"), .client = { 4, { 10, 0, 0, (uint8_t)i }, 1, 0 }),
                         0);
        EXPECT(world.broker[0], grant_give, &give);
        answer(0, give.ticket, 1);
        assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
    }
}

static const struct auth_login again = { .user = SLICE_LITERAL("ftpmanager"), .password = SLICE_LITERAL("P@ssw0rd"), .session = 77,
                                         .site = SITE, .client = { 4, { 192, 0, 2, 1 }, 50000, 0 } };

static const struct {
    const char *label;
    void (*between)(uint64_t first);
    uint64_t generation; /* that the broker judged the first by; ours is 1 */
    unsigned worker;
    uint8_t last_byte;   /* of the second's address, 0: the same */
    const char *user;    /* NULL: the same */
    bool never_taken, asked;
} cases[] = {
    { .label = "the same from another port", .generation = 1 },
    { .label = "the broker has not said that it has the pipe", .generation = 1, .never_taken = true, .asked = true },
    { .label = "another user", .generation = 1, .user = "yes", .asked = true },
    { .label = "from another address", .generation = 1, .last_byte = 2, .asked = true },
    { .label = "by another worker, who has another broker", .generation = 1, .worker = 1, .asked = true },
    { .label = "judged by a newer configuration than ours", .generation = 2, .asked = true },
    { .label = "the first is over", first_ends, .generation = 1, .asked = true },
    { .label = "the configuration is another one", configuration_changes, .generation = 1, .asked = true },
    { .label = "caches were emptied", caches_are_emptied, .generation = 1, .asked = true },
    { .label = "the broker does not read", nobody_reads, .generation = 1, .asked = true },
    { .label = "the broker has not read for long", pipe_is_full, .generation = 1, .asked = true },
    { .label = "the broker is another one", broker_comes_anew, .generation = 1, .asked = true },
    { .label = "many others came in between", others_were_asked_about, .generation = 1, .asked = true },
};

static void test_who_is_asked_about(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        begin(&patient, !cases[i].never_taken);
        uint64_t first = log_in(0, "ftpmanager", cases[i].generation);
        if (cases[i].between)
            cases[i].between(first);
        struct auth_login m = again;
        if (cases[i].user)
            m.user = slice_str(cases[i].user);
        if (cases[i].last_byte)
            m.client.ip[3] = cases[i].last_byte;
        assert_int_equal(DATAGRAM_SEND(world.worker[cases[i].worker], -1, auth_login, .session = m.session, .site = m.site,
                                       .user = m.user, .password = m.password, .client = m.client),
                         0);
        if (cases[i].asked) {
            struct grant_give give;
            EXPECT(world.broker[cases[i].worker], grant_give, &give);
            answer(cases[i].worker, give.ticket, 1);
        }
        assert_int_equal(world_result(cases[i].worker).verdict, AUTH_ALLOWED);
        finish();
    }
}

/* An answer that took long is old when it comes. */
static void test_not_for_long(void **state)
{
    (void)state;
    struct auth_options hasty = patient;
    hasty.twin_ms = 1;
    begin(&hasty, true);
    struct grant_give give;
    world_ask(0, "ftpmanager", "P@ssw0rd");
    EXPECT(world.broker[0], grant_give, &give);
    assert_true(world_is_silent(world.worker[0])); /* 100 ms of turns */
    answer(0, give.ticket, 1);
    assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
    (void)log_in(0, "ftpmanager", 1);
    finish();
}

static bool is_asked(unsigned worker)
{
    struct grant_twin twin;
    bool by_pipe = hear(worker, &twin);
    struct grant_give give = { 0 };
    if (!by_pipe) {
        EXPECT(world.broker[worker], grant_give, &give);
        answer(worker, give.ticket, 1);
    }
    assert_int_equal(world_result(worker).verdict, AUTH_ALLOWED);
    return !by_pipe;
}

/* Those who come before the first answer are all asked about, and push nobody out. */
static void test_all_at_once(void **state)
{
    (void)state;
    enum { AT_ONCE = 2 * TWINS_MAX };
    uint64_t tickets[AT_ONCE];
    begin(&patient, true);
    (void)log_in(0, "yes", 1);
    for (int i = 0; i < AT_ONCE; i++) {
        struct grant_give give;
        world_ask(0, "ftpmanager", "P@ssw0rd");
        EXPECT(world.broker[0], grant_give, &give);
        tickets[i] = give.ticket;
    }
    for (int i = 0; i < AT_ONCE; i++) {
        answer(0, tickets[i], 1);
        assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
    }
    const char *const users[] = { "ftpmanager", "yes" };
    for (size_t i = 0; i < COUNT_OF(users); i++) {
        world_ask(0, users[i], "P@ssw0rd");
        assert_true(world_is_silent(world.broker[0]));
        assert_false(is_asked(0));
    }
    finish();
}

static void test_flush_while_asked(void **state)
{
    (void)state;
    begin(&patient, true);
    struct grant_give give;
    world_ask(0, "ftpmanager", "P@ssw0rd");
    EXPECT(world.broker[0], grant_give, &give);
    caches_are_emptied(0);
    answer(0, give.ticket, 1);
    assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
    world_ask(0, "ftpmanager", "P@ssw0rd");
    assert_true(is_asked(0));
    finish();
}

static void test_switched_off(void **state)
{
    (void)state;
    world_begin_with(&setup, &world_usual, false);
    assert_true(world_is_silent(world.broker[0])); /* no pipe */
    (void)log_in(0, "ftpmanager", 1);
    (void)log_in(0, "ftpmanager", 1);
    world_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_who_is_asked_about),
        cmocka_unit_test(test_not_for_long),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_flush_while_asked),
        cmocka_unit_test(test_switched_off),
    };
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}

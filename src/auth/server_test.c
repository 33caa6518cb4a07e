/*
 * server_test.c - limits and accidents: queues that are full, programs that die, peers that say what they may not.
 */
#include "auth/auth_world.h"

#include <stdio.h>

#include "auth/server_priv.h"

static void test_queue_is_bounded(void **state)
{
    (void)state;
    const struct auth_options nobody_works = { { "HOST1", 5 }, 0, true, 1, 3, 8, 0 };
    world_begin_with(&(struct world_setup){ .manager = true }, &nobody_works, true);
    world_ask(0, "ftpmanager", "P@ssw0rd");
    world_ask(1, "nobody", "x");
    assert_true(world_is_silent(world.worker[1])); /* waits for its turn */
    world_ask(1, "nobody", "y");
    struct auth_result m = world_result(1); /* at once (A06) */
    assert_int_equal(m.verdict, AUTH_UNAVAILABLE);
    assert_true(world_is_silent(world.worker[1]));
    assert_true(world_is_silent(world.worker[0]));
    world_finish();
}

static void test_logins_are_bounded(void **state)
{
    (void)state;
    const struct auth_options one = { { "HOST1", 5 }, 1, true, 8, 1, 8, 0 };
    world_begin_with(&(struct world_setup){ .anonymous = true }, &one, true);
    world_ask(0, "ftp", "x"); /* waits for its broker */
    world_ask(1, "ftp", "x");
    assert_int_equal(world_result(1).verdict, AUTH_UNAVAILABLE);
    world_answer_grant(0, true);
    assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
    world_ask(1, "ftp", "x");
    world_answer_grant(1, true);
    assert_int_equal(world_result(1).verdict, AUTH_ALLOWED);
    world_finish();
}

/* A06: one address that asks and asks does not take the places of others. */
static void test_places_are_shared(void **state)
{
    (void)state;
    const struct auth_options eight = { { "HOST1", 5 }, 1, true, 8, 8, 8, 0 };
    world_begin_with(&(struct world_setup){ .anonymous = true }, &eight, true);
    for (int i = 0; i < 5; i++)
        world_ask(0, "ftp", "x"); /* waits for its broker */
    assert_int_equal(world_result(0).verdict, AUTH_UNAVAILABLE);
    assert_true(world_is_silent(world.worker[0]));
    world_ask_from(2, 1, "ftp", "x");
    world_answer_grant(1, true);
    assert_int_equal(world_result(1).verdict, AUTH_ALLOWED);
    for (int i = 0; i < 4; i++) {
        world_answer_grant(0, true);
        assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
    }
    world_ask(0, "ftp", "x"); /* and has its places again */
    world_answer_grant(0, true);
    assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
    world_collect();
    assert_non_null(strstr(text_str(&world.told), "192.0.2.1 has its share of the 8 logins"));
    world_finish();
}

static uint64_t pam_is_asked(const char *user)
{
    struct pam_check check;
    EXPECT(world.pam, pam_check, &check);
    if (user)
        assert_true(slice_equal_str(check.user, user));
    return check.job;
}

/* A06: whoever comes does not wait for all who wait already at one address. */
static void test_addresses_take_turns_at_pam(void **state)
{
    (void)state;
    const struct auth_options many = { { "HOST1", 5 }, 1, true, 8, 256, 8, 0 };
    uint64_t jobs[32];
    world_begin_with(&(struct world_setup){ .basic = true }, &many, true);
    for (int i = 0; i < 40; i++)
        world_ask(0, "crowd", "x");
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        jobs[i] = pam_is_asked("crowd");
    assert_true(world_is_silent(world.pam)); /* eight wait here */
    world_ask_from(2, 1, "anna", "x");
    world_ask_from(2, 1, "bert", "x");
    assert_true(world_is_silent(world.pam));
    static const char *const turns[] = { "crowd", "anna", "crowd", "bert", "crowd" };
    for (size_t i = 0; i < COUNT_OF(turns); i++) {
        assert_int_equal(DATAGRAM_SEND(world.pam, -1, pam_answer, .job = jobs[i], .verdict = PAM_VERDICT_DENIED), 0);
        (void)pam_is_asked(turns[i]);
    }
    world_finish();
}

static void test_addresses_take_turns_at_the_verifiers(void **state)
{
    (void)state;
    const struct auth_options one_thread = { { "HOST1", 5 }, 1, true, 8, 64, 8, 0 };
    const struct world_setup yescrypt = { .manager = true, .manager_password = YESCRYPT_P };
    world_begin_with(&yescrypt, &one_thread, true);
    for (int i = 0; i < 12; i++)
        world_ask(0, "yes", "wrong");
    world_ask_from(2, 1, "yes", "wrong");
    assert_int_equal(world_result(1).verdict, AUTH_DENIED);
    unsigned before = 0;
    struct slice bytes;
    for (int fd; datagram_receive(world.worker[0], world.buffer, sizeof world.buffer, &bytes, &fd) == 0;)
        before++;
    assert_true(before <= 4); /* the two under way, and what a slow test lets pass behind */
    world_finish();
}

/* When pam goes the queue in front of it goes too: nobody waits for nothing. */
static void test_pam_dies_before_a_queue(void **state)
{
    (void)state;
    const struct auth_options many = { { "HOST1", 5 }, 1, true, 8, 256, 8, 0 };
    world_begin_with(&(struct world_setup){ .basic = true }, &many, true);
    for (int i = 0; i < 40; i++)
        world_ask(0, "crowd", "x");
    (void)pam_is_asked("crowd");
    close(world.pam);
    world.pam = -1;
    for (int i = 0; i < 40; i++)
        assert_int_equal(world_result(0).verdict, AUTH_UNAVAILABLE);
    world_finish();
}

static void test_broker_dies(void **state)
{
    (void)state;
    world_begin(&(struct world_setup){ .anonymous = true });
    world_ask(0, "ftp", "x");
    struct grant_give give;
    EXPECT(world.broker[0], grant_give, &give);
    close(world.broker[0]);
    world.broker[0] = -1;
    assert_int_equal(world_result(0).verdict, AUTH_UNAVAILABLE);
    world_ask(0, "ftp", "x"); /* nobody to grant it */
    assert_int_equal(world_result(0).verdict, AUTH_UNAVAILABLE);
    world.broker[0] = world_join(ROLE_BROKER, 0);
    world_ask(0, "ftp", "x");
    world_answer_grant(0, true);
    assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
    world_finish();
}

static void test_worker_dies(void **state)
{
    (void)state;
    world_begin(&(struct world_setup){ .anonymous = true, .manager = true });
    uint64_t first = world_log_in(0, "yes");
    world_log_in(1, "yes");
    world_ask(0, "ftp", "x");
    struct grant_give give;
    EXPECT(world.broker[0], grant_give, &give);
    close(world.worker[0]);
    world.worker[0] = -1;
    struct grant_revoke one, two;
    EXPECT(world.broker[0], grant_revoke, &one);
    EXPECT(world.broker[0], grant_revoke, &two);
    assert_true((one.ticket == first && two.ticket == give.ticket) || (one.ticket == give.ticket && two.ticket == first));
    /* The broker had said yes before it heard: nobody waits, so it hears again. */
    assert_int_equal(DATAGRAM_SEND(world.broker[0], -1, grant_answer, .ticket = give.ticket, .accepted = true), 0);
    EXPECT(world.broker[0], grant_revoke, &one);
    assert_int_equal(one.ticket, give.ticket);
    assert_true(world_is_silent(world.broker[1]));
    world_finish();
}

/* The server reads the message as if it had come from worker 0, without looking for orders before. */
#define SAY_AS_WORKER(name, ...)                                                                         \
    do {                                                                                                 \
        uint8_t bytes_[1024];                                                                            \
        struct wire_out out_ = { bytes_, sizeof bytes_, 0, 0 };                                          \
        const struct name message_ = { __VA_ARGS__ };                                                    \
        wire_channel_begin(&out_, MSG_##name);                                                           \
        assert_int_equal(name##_encode(&message_, &out_), 0);                                            \
        assert_int_equal(server_dispatch(world.auth, server_peer(world.auth, ROLE_WORKER, 0),            \
                                         slice_of((const char *)bytes_, out_.len)), 0);                  \
    } while (0)

/* Its last words name a site that we do not know yet, so orders are read; one of them brings its successor, who has asked
 * nothing. */
static void test_worker_is_replaced_while_it_asks(void **state)
{
    (void)state;
    for (int certificate = 0; certificate < 2; certificate++) {
        int pair[2];
        world_begin(&(struct world_setup){ .anonymous = true });
        assert_int_equal(datagram_pair(pair), 0);
        assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
        assert_int_equal(DATAGRAM_SEND(world.supervisor, pair[1], child_peer, .role = ROLE_WORKER, .index = 0), 0);
        close(pair[1]);
        if (certificate)
            SAY_AS_WORKER(auth_certificate, .session = 77, .site = SITE + 1, .chain = SLICE_LITERAL("chain"));
        else
            SAY_AS_WORKER(auth_login, .session = 77, .session_id = SLICE_LITERAL("0123456789abcdef"), .site = SITE + 1,
                          .user = SLICE_LITERAL("anna"), .password = SLICE_LITERAL("x"));
        assert_true(world_is_silent(pair[0]));
        close(world.worker[0]);
        world.worker[0] = pair[0];
        world_ask(0, "ftp", "x");
        world_answer_grant(0, true);
        assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
        world_finish();
    }
}

static void test_pam_dies(void **state)
{
    (void)state;
    world_begin(&(struct world_setup){ .basic = true });
    world_ask(0, "anna", "x");
    struct pam_check check;
    EXPECT(world.pam, pam_check, &check);
    close(world.pam);
    world.pam = -1;
    assert_int_equal(world_result(0).verdict, AUTH_UNAVAILABLE);
    world_ask(0, "anna", "x");
    assert_int_equal(world_result(0).verdict, AUTH_UNAVAILABLE); /* it will be back: not "wrong password" */
    world_finish();
}

static void test_tickets_belong_to_a_worker(void **state)
{
    (void)state;
    world_begin(&(struct world_setup){ .manager = true });
    uint64_t ticket = world_log_in(0, "yes");
    uint64_t crowd[] = { world_log_in(0, "yes"), world_log_in(1, "yes"), 12345, world_log_in(0, "yes") };
    struct grant_ended ended;
    assert_int_equal(DATAGRAM_SEND(world.worker[0], -1, auth_ended, .tickets = { (char *)crowd, sizeof crowd }), 0);
    EXPECT(world.broker[0], grant_ended, &ended);
    assert_int_equal(ended.tickets.len, 2 * sizeof *crowd);
    assert_memory_equal(ended.tickets.ptr, &crowd[0], sizeof *crowd);
    assert_memory_equal(ended.tickets.ptr + sizeof *crowd, &crowd[3], sizeof *crowd);
    const struct slice his = { (char *)&ticket, sizeof ticket };
    assert_int_equal(DATAGRAM_SEND(world.worker[1], -1, auth_ended, .tickets = his), 0);
    assert_true(world_is_silent(world.broker[0]));
    assert_true(world_is_silent(world.broker[1]));
    world_end(0, ticket);
    world_finish();
}

/* A15: one that is coming back from another start ends like any other, by its own worker. */
static void test_ends_while_it_comes_back(void **state)
{
    (void)state;
    uint64_t ticket = 4711;
    const struct slice his = { (char *)&ticket, sizeof ticket };
    struct grant_revoke revoke;
    world_begin(&(struct world_setup){ .manager = true });
    assert_int_equal(DATAGRAM_SEND(world.worker[0], -1, auth_present, .ticket = ticket, .session = 1, .site = SITE), 0);
    assert_int_equal(DATAGRAM_SEND(world.worker[1], -1, auth_ended, .tickets = his), 0);
    assert_true(world_is_silent(world.broker[0]));
    assert_true(world_is_silent(world.broker[1]));
    assert_int_equal(DATAGRAM_SEND(world.worker[0], -1, auth_ended, .tickets = his), 0);
    EXPECT(world.broker[0], grant_revoke, &revoke);
    assert_int_equal(revoke.ticket, ticket);
    world_finish();
}

/* Refused logins, while the logger does not read. */
static void refuse_many(unsigned long count)
{
    char name[NAME_LIMIT + 1];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    for (unsigned long i = 0; i < count; i++) {
        world_ask(0, name, "x");
        assert_int_equal(world_result(0).verdict, AUTH_DENIED);
    }
}

/* H06: reasons wait for a logger that is slow; beyond that they are counted, and it hears how many. */
static void test_a_slow_logger(void **state)
{
    (void)state;
    enum { SOME = 500, MANY = 2000 }; /* more than fits a socket; more than waits */
    world_begin(&(struct world_setup){ .anonymous = true });
    refuse_many(SOME);
    for (int i = 0; i < SOME && world.reason_count < SOME; i++) {
        world_collect();
        assert_int_equal(auth_server_turn(world.auth, 5), 0);
    }
    assert_int_equal(world.reason_count, SOME);
    assert_int_equal(world.lost, 0);
    refuse_many(MANY);
    for (int i = 0; i < MANY && world.reason_count + world.lost < SOME + MANY; i++) {
        world_collect();
        assert_int_equal(auth_server_turn(world.auth, 5), 0);
    }
    assert_true(world.lost > 0);
    assert_int_equal(world.reason_count + world.lost, SOME + MANY);
    world_ask(0, "nobody", "x"); /* there is room again */
    assert_int_equal(world_result(0).verdict, AUTH_DENIED);
    world_collect();
    assert_int_equal(world.reason_count + world.lost, SOME + MANY + 1);
    world_finish();
}

/* What waited for a logger that died is told the next one. */
static void test_logger_dies(void **state)
{
    (void)state;
    enum { SOME = 500 };
    world_begin(&(struct world_setup){ .anonymous = true });
    refuse_many(SOME);
    close(world.logger);
    world.logger = -1;
    assert_true(world_is_silent(world.worker[0]));
    refuse_many(1);
    world.logger = world_join(ROLE_LOGGER, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(auth_server_turn(world.auth, 5), 0);
    world_collect();
    assert_in_range(world.lost, SOME / 5, SOME + 1); /* some were in its socket */
    assert_int_equal(world.reason_count, 0);
    world_finish();
}

/* A broker can answer for its own grants only. */
static void test_grants_belong_to_a_broker(void **state)
{
    (void)state;
    world_begin(&(struct world_setup){ .anonymous = true });
    world_ask(0, "ftp", "x");
    struct grant_give give;
    EXPECT(world.broker[0], grant_give, &give);
    assert_int_equal(DATAGRAM_SEND(world.broker[1], -1, grant_answer, .ticket = give.ticket, .accepted = true), 0);
    assert_true(world_is_silent(world.worker[0]));
    world_finish();
}

static const struct {
    const char *label, *hex;
} illegal[] = {
    { "unknown message",                       "ff00" },
    { "cut login",                             "0100" "4d" },
    { "nothing but a byte",                    "01" },
    { "a worker that says what auth says",     "0200" "0000000000000000" "00" "00000000" "00000000" "0100000000000000"
                                               "00" "00000000" "00000000" "00000000" },
    { "bytes left over",                       "0800" "0100000000000000" "00" },
};

static void test_illegal_messages_end_the_peer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(illegal); i++) {
        char bytes[64];
        size_t len = strlen(illegal[i].hex) / 2;
        CASE_LABEL(&illegal[i]);
        world_begin(&(struct world_setup){ .anonymous = true });
        for (size_t at = 0; at < len; at++)
            sscanf(illegal[i].hex + 2 * at, "%2hhx", (unsigned char *)&bytes[at]);
        assert_int_equal(datagram_send(world.worker[0], slice_of(bytes, len), -1), 0);
        struct wire_in in;
        uint16_t number;
        assert_int_equal(world_wait(world.worker[0], &in, &number), ERR_CLOSED);
        world_ask(1, "ftp", "x"); /* the others go on */
        world_answer_grant(1, true);
        assert_int_equal(world_result(1).verdict, AUTH_ALLOWED);
        world_finish();
    }
}

static void test_end(void **state)
{
    (void)state;
    world_begin(&(struct world_setup){ .anonymous = true });
    assert_int_equal(DATAGRAM_SEND(world.supervisor, -1, child_drain, .seconds = 30), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(auth_server_turn(world.auth, 5), 0); /* workers are there still */
    world_ask(0, "ftp", "x");
    world_answer_grant(0, true);
    assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
    for (int i = 0; i < 2; i++) {
        close(world.worker[i]);
        world.worker[i] = -1;
    }
    int err = 0;
    for (int i = 0; i < 100 && !err; i++)
        err = auth_server_turn(world.auth, 10);
    assert_int_equal(err, ERR_CLOSED);
    world_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_logins_are_bounded),
        cmocka_unit_test(test_places_are_shared),
        cmocka_unit_test(test_addresses_take_turns_at_pam),
        cmocka_unit_test(test_addresses_take_turns_at_the_verifiers),
        cmocka_unit_test(test_pam_dies_before_a_queue),
        cmocka_unit_test(test_broker_dies),
        cmocka_unit_test(test_worker_dies),
        cmocka_unit_test(test_worker_is_replaced_while_it_asks),
        cmocka_unit_test(test_pam_dies),
        cmocka_unit_test(test_tickets_belong_to_a_worker),
        cmocka_unit_test(test_ends_while_it_comes_back),
        cmocka_unit_test(test_a_slow_logger),
        cmocka_unit_test(test_logger_dies),
        cmocka_unit_test(test_grants_belong_to_a_broker),
        cmocka_unit_test(test_illegal_messages_end_the_peer),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

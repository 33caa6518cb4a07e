/*
 * live_test.c - what the authenticator keeps: passwords that have proved right, logins that live, and both under a new
 * configuration.
 */
#include "auth/auth_world.h"

#include "auth/password.h"

/* ---- the cache (A11) ---- */

static unsigned long total_work(void)
{
    return password_work(PASSWORD_FORM_SHA256) + password_work(PASSWORD_FORM_YESCRYPT);
}

static void test_cache(void **state)
{
    (void)state;
    struct world_setup t = { .manager = true, .basic = true, .cache = true };
    world_begin(&t);
    world_log_in(0, "ftpmanager");
    unsigned long work = total_work();
    world_log_in(1, "FtpManager");
    assert_int_equal(total_work(), work); /* from the cache, whichever way the name is typed */
    assert_int_equal(DATAGRAM_SEND(world.supervisor, -1, child_flush, .query = 3), 0);
    struct child_done done;
    EXPECT(world.supervisor, child_done, &done);
    assert_int_equal(done.query, 3);
    world_log_in(0, "ftpmanager");
    assert_int_not_equal(total_work(), work);
    world_finish();
}

/* A reload has emptied the cache, and everybody comes back: nobody is turned away, and one password costs one digest. */
static void test_burst(void **state)
{
    (void)state;
    const struct auth_options narrow = { { "HOST1", 5 }, 1, true, 1, 64, 8, 0 };
    enum { MANY = 12 };
    world_begin_with(&(struct world_setup){ .manager = true, .cache = true }, &narrow, true);
    unsigned long before = total_work();
    world_log_in(0, "ftpmanager");
    unsigned long one = total_work() - before;
    assert_int_equal(DATAGRAM_SEND(world.supervisor, -1, child_flush, .query = 3), 0);
    struct child_done done;
    EXPECT(world.supervisor, child_done, &done);
    before = total_work();
    for (int i = 0; i < MANY; i++) {
        world_ask(0, i % 2 ? "ftpmanager" : "yes", "P@ssw0rd");
        if (i % 2)
            world_ask(1, "yes", "wrong");
    }
    for (int i = 0; i < MANY; i++) {
        world_answer_grant(0, true);
        assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
    }
    for (int i = 0; i < MANY / 2; i++)
        assert_int_equal(world_result(1).verdict, AUTH_DENIED);
    assert_true(total_work() - before <= (2 + MANY / 2) * one); /* two that fit, and every wrong one */
    world_finish();
}

static const struct {
    const char *label;
    struct world_setup setup;
} withdrawals[] = {
    { "password changed",          { .manager = true, .cache = true, .manager_password = YESCRYPT_P "x" } },
    { "user disabled",             { .manager = true, .cache = true, .manager_disabled = true } },
    { "permission withdrawn",      { .manager = true, .cache = true, .no_permission = true } },
    { "provider taken away",       { .anonymous = true, .cache = true } },
    { "Windows credentials only",  { .manager = true, .cache = true, .windows_only = true } },
    { "certificate required",      { .manager = true, .cache = true, .require_certificate = true } },
};

static void test_cache_follows_configuration(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(withdrawals); i++) {
        CASE_LABEL(&withdrawals[i]);
        world_begin(&(struct world_setup){ .manager = true, .cache = true });
        uint64_t ticket = world_log_in(0, "ftpmanager");
        world_end(0, ticket);
        world_apply(&withdrawals[i].setup);
        world_ask(0, "ftpmanager", "P@ssw0rd");
        assert_int_equal(world_result(0).verdict, AUTH_DENIED);
        world_finish();
    }
}

static void answer_member(uint64_t job)
{
    assert_int_equal(DATAGRAM_SEND(world.membership, -1, membership_answer, .job = job, .verdict = MEMBERSHIP_OK,
                                   .user = SLICE_LITERAL("anna"), .roles = SLICE_LITERAL("Partners")),
                     0);
    world_answer_grant(0, true);
    assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
}

/* What a database said counts for the configuration by which it was asked: also where the answer came after that one. */
static void test_cache_forgets_what_was_asked(void **state)
{
    (void)state;
    const struct world_setup t = { .other_provider = true, .membership = true, .cache = true };
    for (int late = 0; late < 2; late++) {
        struct membership_check check;
        world_begin(&t);
        world_ask(0, "anna", "secret");
        EXPECT(world.membership, membership_check, &check);
        if (late)
            world_apply(&t);
        answer_member(check.job);
        if (!late)
            world_apply(&t);
        world_ask(0, "anna", "secret");
        EXPECT(world.membership, membership_check, &check);
        answer_member(check.job);
        world_ask(0, "anna", "secret"); /* which is remembered */
        world_answer_grant(0, true);
        assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
        world_finish();
    }
}

/* ---- live logins and a new configuration (A15) ---- */

static void test_revoked(void **state)
{
    (void)state;
    for (size_t i = 1; i < COUNT_OF(withdrawals); i++) { /* a new password ends no session */
        CASE_LABEL(&withdrawals[i]);
        world_begin(&(struct world_setup){ .manager = true });
        uint64_t gone = world_log_in(0, "ftpmanager");
        world_apply(&withdrawals[i].setup);
        struct auth_revoke m;
        struct grant_revoke revoke;
        EXPECT(world.worker[0], auth_revoke, &m);
        assert_int_equal(m.ticket, gone);
        assert_int_equal(m.substatus, 54);
        EXPECT(world.broker[0], grant_revoke, &revoke);
        assert_int_equal(revoke.ticket, gone);
        world_finish();
    }
}

static void test_others_stay(void **state)
{
    (void)state;
    world_begin(&(struct world_setup){ .manager = true });
    uint64_t gone = world_log_in(0, "ftpmanager");
    world_log_in(1, "yes");
    world_apply(&(struct world_setup){ .manager = true, .manager_disabled = true });
    struct auth_revoke m;
    EXPECT(world.worker[0], auth_revoke, &m);
    assert_int_equal(m.ticket, gone);
    assert_true(world_is_silent(world.worker[1]));
    assert_true(world_is_silent(world.broker[1]));
    world_finish();
}

static const struct {
    const char *label;
    struct world_setup setup;
    uint32_t substatus;
} meanwhile[] = {
    { "the user was disabled",      { .manager = true, .manager_disabled = true },    41 },
    { "a certificate was required", { .manager = true, .require_certificate = true }, 47 },
};

/* ... while the broker was thinking (A08). */
static void test_changed_while_granting(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(meanwhile); i++) {
        CASE_LABEL(&meanwhile[i]);
        world_begin(&(struct world_setup){ .manager = true });
        world_ask(0, "ftpmanager", "P@ssw0rd");
        struct grant_give give;
        EXPECT(world.broker[0], grant_give, &give);
        world_apply(&meanwhile[i].setup);
        assert_int_equal(DATAGRAM_SEND(world.broker[0], -1, grant_answer, .ticket = give.ticket, .accepted = true), 0);
        struct grant_revoke revoke;
        EXPECT(world.broker[0], grant_revoke, &revoke);
        assert_int_equal(revoke.ticket, give.ticket);
        struct auth_result result = world_result(0);
        assert_int_equal(result.verdict, AUTH_DENIED);
        assert_int_equal(result.substatus, meanwhile[i].substatus);
        world_finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_burst),
        cmocka_unit_test(test_cache_follows_configuration),
        cmocka_unit_test(test_cache_forgets_what_was_asked),
        cmocka_unit_test(test_revoked),
        cmocka_unit_test(test_others_stay),
        cmocka_unit_test(test_changed_while_granting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

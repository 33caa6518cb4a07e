/*
 * login_test.c - who gets in by which method, what the refused hear, and what is stored afterwards.
 */
#include "auth/auth_world.h"

#include <sys/socket.h>

#include "auth/password.h"
#include "directory/directory.h"
#include "pki/chain.h"
#include "policy/win_error.h"

static const struct world_setup walkthrough = { .basic = true, .manager = true };

/* ---- who gets in (no pam: Basic refuses) ---- */

static const struct {
    const char *label, *user, *password;
    struct world_setup setup;
    uint32_t substatus; /* of the refusal, 0: allowed */
    const char *name;
    uint8_t account;
} logins[] = {
    { "the walkthrough (4.1)", "ftpmanager", "P@ssw0rd", { .basic = true, .manager = true }, 0, "FTPManager", GRANT_CUSTOM },
    { "Basic may be off", "ftpmanager", "P@ssw0rd", { .manager = true }, 0, "FTPManager", GRANT_CUSTOM },
    { "canonical spelling is the stored one (A10)", "FTPMANAGER", "P@ssw0rd", { .manager = true }, 0, "FTPManager",
      GRANT_CUSTOM },
    { "yescrypt user", "yes", "P@ssw0rd", { .manager = true }, 0, "yes", GRANT_CUSTOM },
    { "behind a provider we cannot run", "yes", "P@ssw0rd", { .other_provider = true, .manager = true }, 0, "yes",
      GRANT_CUSTOM },
    { "condition 1: not installed", "ftpmanager", "P@ssw0rd", { .manager = true, .not_installed = true }, 41, "", 0 },
    { "condition 1: Windows credentials only", "ftpmanager", "P@ssw0rd", { .manager = true, .windows_only = true }, 41, "", 0 },
    { "condition 2: wrong password", "ftpmanager", "P@ssw0rd ", { .manager = true }, 41, "", 0 },
    { "condition 2: unknown (A01)", "nobody", "P@ssw0rd", { .manager = true }, 41, "", 0 },
    { "condition 2: disabled (A01)", "off", "P@ssw0rd", { .manager = true }, 41, "", 0 },
    { "condition 2: encrypted password", "locked", "[enc:AesProvider:abc:enc]", { .manager = true }, 41, "", 0 },
    { "condition 2: empty password (A09)", "blank", "", { .manager = true }, 41, "", 0 },
    { "condition 2: anything for an empty stored one (A09)", "blank", "x", { .manager = true }, 41, "", 0 },
    { "condition 3: provider not listed", "ftpmanager", "P@ssw0rd", { .basic = true }, 41, "", 0 },
    { "condition 4: no permission for the site", "stranger", "P@ssw0rd", { .manager = true }, 41, "", 0 },
    { "trailing blank is another name (A10)", "ftpmanager ", "P@ssw0rd", { .manager = true }, 41, "", 0 },
    { "no name", "", "P@ssw0rd", { .manager = true }, 41, "", 0 },
    { "name that is no UTF-8", "ftpmanager\xFF", "P@ssw0rd", { .manager = true }, 41, "", 0 },
    { "only a provider we cannot run", "ftpmanager", "P@ssw0rd", { .other_provider = true }, 34, "", 0 },
    { "a provider we cannot run beside another that says no", "ftpmanager", "wrong", { .manager = true, .other_provider = true }, 34, "", 0 },
    { "and beside one that says yes", "ftpmanager", "P@ssw0rd", { .manager = true, .other_provider = true }, 0, "FTPManager", GRANT_CUSTOM },
    { "nothing enabled", "ftpmanager", "P@ssw0rd", { 0 }, 36, "", 0 },
    { "nothing enabled, anonymous asked", "anonymous", "a@b", { 0 }, 36, "", 0 },
    { "anonymous", "anonymous", "a@b", { .anonymous = true }, 0, "", GRANT_ANONYMOUS },
    { "ftp is anonymous too", "FTP", "", { .anonymous = true, .manager = true }, 0, "", GRANT_ANONYMOUS },
    { "anonymous off", "anonymous", "IEUser@", { .manager = true }, 42, "", 0 },
    { "other names are not anonymous", "guest", "a@b", { .anonymous = true }, 41, "", 0 },
    { "Basic without pam", "anna", "P@ssw0rd", { .basic = true }, 41, "", 0 },
};

static void test_logins(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(logins); i++) {
        CASE_LABEL(&logins[i]);
        world_begin_with(&logins[i].setup, &world_usual, false);
        world_ask(0, logins[i].user, logins[i].password);
        uint64_t ticket = 0;
        if (!logins[i].substatus) {
            struct grant_give give;
            EXPECT(world.broker[0], grant_give, &give);
            assert_int_equal(give.account, logins[i].account);
            assert_int_equal(give.identity, GRANT_SERVICE);
            assert_int_equal(give.site, SITE);
            assert_int_not_equal(give.ticket, 0);
            ticket = give.ticket;
            assert_true(world_is_silent(world.worker[0])); /* not before the broker has said yes */
            assert_int_equal(DATAGRAM_SEND(world.broker[0], -1, grant_answer, .ticket = ticket, .accepted = true,
                                           .home = SLICE_LITERAL("/home")),
                             0);
        }
        struct auth_result m = world_result(0);
        assert_int_equal(m.verdict, logins[i].substatus ? AUTH_DENIED : AUTH_ALLOWED);
        assert_int_equal(m.substatus, logins[i].substatus);
        assert_int_equal(m.win32, logins[i].substatus ? 1326 : 0);
        assert_int_equal(m.ticket, ticket);
        assert_true(slice_equal_str(m.name, logins[i].name));
        assert_true(slice_equal_str(m.home, ticket ? "/home" : ""));
        assert_int_equal(m.anonymous, logins[i].account == GRANT_ANONYMOUS && ticket);
        if (!ticket)
            assert_true(world_is_silent(world.broker[0]));
        world_finish();
    }
}

/* A02: every name costs the same digests as every other, whatever is the matter with it. */
/* ---- denyByFailure ---- */

static const struct {
    const char *label;
    struct world_setup setup;
    bool blocks;
} denials[] = {
    { "off", { .manager = true }, false },
    { "on", { .manager = true, .deny = true }, true },
    { "only logging", { .manager = true, .deny = true, .log_only = true }, false },
    { "exempt address", { .manager = true, .deny = true, .exempt = true }, false },
};

/* Two failures through two workers block the address on both, before the second answer; a worker that comes later is
 * told too. */
static void test_deny_by_failure(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(denials); i++) {
        CASE_LABEL(&denials[i]);
        world_begin_with(&denials[i].setup, &world_usual, false);
        world_ask(0, "ftpmanager", "wrong");
        assert_int_equal(world_result(0).verdict, AUTH_DENIED);
        world_ask(1, "somebody", "wrong");
        for (unsigned worker = 0; denials[i].blocks && worker < 2; worker++) {
            struct auth_block block;
            EXPECT(world.worker[worker], auth_block, &block);
            assert_int_equal(block.client.family, 4);
            assert_int_equal(block.client.ip[3], 1);
            assert_int_equal(block.left_ms, 30000);
        }
        assert_int_equal(world_result(1).verdict, AUTH_DENIED);
        assert_true(world_is_silent(world.worker[0]));
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(auth_server_add_peer(world.auth, ROLE_WORKER, 7, pair[1]), 0);
        if (denials[i].blocks) {
            struct auth_block block;
            EXPECT(pair[0], auth_block, &block);
            assert_true(block.left_ms > 0 && block.left_ms <= 30000);
        }
        assert_true(world_is_silent(pair[0]));
        close(pair[0]);
        world_finish();
    }
}

static void test_equal_work(void **state)
{
    (void)state;
    static const struct {
        const char *label, *user;
    } names[] = { { "known, SHA-256", "ftpmanager" }, { "known, yescrypt", "yes" }, { "unknown", "nobody" },
                  { "disabled", "off" },              { "no permission", "stranger" }, { "unusable password", "locked" } };
    world_begin(&(struct world_setup){ .manager = true });
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CASE_LABEL(&names[i]);
        unsigned long sha = password_work(PASSWORD_FORM_SHA256), yescrypt = password_work(PASSWORD_FORM_YESCRYPT);
        world_ask(0, names[i].user, "wrong");
        assert_int_equal(world_result(0).verdict, AUTH_DENIED);
        assert_int_equal(password_work(PASSWORD_FORM_SHA256) - sha, 1);
        assert_int_equal(password_work(PASSWORD_FORM_YESCRYPT) - yescrypt, 1);
    }
    world_finish();
}

static void test_broker_refuses(void **state)
{
    (void)state;
    world_begin(&walkthrough);
    world_ask(0, "ftpmanager", "P@ssw0rd");
    world_answer_grant(0, false);
    struct auth_result m = world_result(0);
    assert_int_equal(m.verdict, AUTH_HOME_DENIED);
    assert_int_equal(m.win32, 5);
    assert_int_equal(m.substatus, 1);
    assert_int_equal(m.ticket, 0);
    world_collect();
    assert_non_null(strstr(text_str(&world.told), "no rule of site 5 lets him in"));
    world_finish();
}

static const struct {
    const char *label, *user, *password, *want;
} reasons[] = {
    { "nobody", "nobody", "P@ssw0rd", "41 no IIS Manager user has that name\n" },
    { "wrong password", "ftpmanager", "wrong", "41 not the password of the IIS Manager user\n" },
    { "disabled", "off", "P@ssw0rd", "41 the IIS Manager user is disabled\n" },
    { "no permission", "stranger", "P@ssw0rd", "41 the IIS Manager user has no IIS Manager Permission for the site\n" },
    { "anonymous is off", "anonymous", "P@ssw0rd", "42 Anonymous authentication is not allowed.\n" },
    { "no password", "ftpmanager", "", "41 an empty name or password never logs in\n" },
    { "a name that would forge a line", "a\r\nb", "wrong", "41 no IIS Manager user has that name\n" },
};

/* The logger hears why, the worker does not (threats.md A01). */
static void test_reasons(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        CASE_LABEL(&reasons[i]);
        world_begin(&(struct world_setup){ .manager = true });
        world_ask(0, reasons[i].user, reasons[i].password);
        struct auth_result m = world_result(0);
        assert_int_equal(m.verdict, AUTH_DENIED);
        assert_int_equal(m.why.len, 0);
        world_collect();
        assert_string_equal(text_str(&world.reasons), reasons[i].want);
        world_finish();
    }
}

/* Refusals are explained to the administrator, but strangers cannot fill the service log with them. */
static void test_explanations_are_bounded(void **state)
{
    (void)state;
    world_begin(&(struct world_setup){ .anonymous = true });
    for (int i = 0; i < 40; i++) {
        world_ask(0, "ftp", "x");
        world_answer_grant(0, false);
        assert_int_equal(world_result(0).verdict, AUTH_HOME_DENIED);
    }
    world_collect();
    size_t lines = 0;
    for (const char *c = text_str(&world.told); *c; c++)
        lines += *c == '\n';
    assert_in_range(lines, 1, 12);
    world_finish();
}

/* ---- system accounts ---- */

static const struct {
    const char *label, *typed, *asked;
    uint8_t verdict;
    uint32_t uid;
    enum auth_verdict want;
} systems[] = {
    { "local account",            "anna",        "anna", PAM_VERDICT_OK,          1001, AUTH_ALLOWED },
    { "with the machine's name",  "host1\\anna", "anna", PAM_VERDICT_OK,          1001, AUTH_ALLOWED },
    { "wrong password",           "anna",        "anna", PAM_VERDICT_DENIED,      0,    AUTH_DENIED },
    { "PAM is down",              "anna",        "anna", PAM_VERDICT_UNAVAILABLE, 0,    AUTH_UNAVAILABLE },
    { "root, whatever pam says",  "anna",        "anna", PAM_VERDICT_OK,          0,    AUTH_DENIED },
    { "below the floor",          "anna",        "anna", PAM_VERDICT_OK,          999,  AUTH_DENIED },
    { "other domain is not asked", "CORP\\anna", NULL,   0,                       0,    AUTH_DENIED },
};

static void test_system_accounts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(systems); i++) {
        CASE_LABEL(&systems[i]);
        world_begin(&walkthrough); /* the IIS Manager provider comes first and fails */
        world_ask(1, systems[i].typed, "secret");
        if (systems[i].asked) {
            struct pam_check check;
            EXPECT(world.pam, pam_check, &check);
            assert_true(slice_equal_str(check.user, systems[i].asked));
            assert_true(slice_equal_str(check.password, "secret"));
            assert_true(slice_equal_str(check.rhost, "192.0.2.1"));
            assert_true(slice_equal_str(check.service, "sallyport"));
            assert_int_equal(DATAGRAM_SEND(world.pam, -1, pam_answer, .job = check.job, .verdict = systems[i].verdict,
                                           .uid = systems[i].uid, .gid = 100, .groups = slice_of("\x64\0\0\0", 4),
                                           .group_names = SLICE_LITERAL("staff"), .user = SLICE_LITERAL("anna")),
                             0);
        }
        if (systems[i].want == AUTH_ALLOWED) {
            struct grant_give give;
            EXPECT(world.broker[1], grant_give, &give);
            assert_int_equal(give.identity, GRANT_SYSTEM);
            assert_int_equal(give.account, GRANT_LOCAL);
            assert_int_equal(give.uid, 1001);
            assert_true(slice_equal_str(give.user, "anna"));
            assert_true(slice_equal_str(give.alias, "HOST1")); /* rules may say HOST1\anna */
            assert_true(give.domain.len == 0 && give.principal.len == 0);
            assert_true(slice_equal_str(give.roles, "staff"));
            assert_int_equal(DATAGRAM_SEND(world.broker[1], -1, grant_answer, .ticket = give.ticket, .accepted = true), 0);
        }
        struct auth_result m = world_result(1);
        assert_int_equal(m.verdict, systems[i].want);
        assert_true(slice_equal_str(m.name, systems[i].want == AUTH_ALLOWED ? "HOST1\\anna" : ""));
        world_finish();
    }
}

static void test_no_pam_is_told_once(void **state)
{
    (void)state;
    world_begin_with(&walkthrough, &world_usual, false);
    world_apply(&walkthrough);
    world_collect();
    const char *first = strstr(text_str(&world.told), "system accounts cannot be checked");
    assert_non_null(first);
    assert_null(strstr(first + 1, "system accounts cannot be checked"));
    world_finish();
}

/* ---- ASP.NET membership ---- */

static const struct {
    const char *label;
    uint8_t verdict;
    const char *name; /* that the database gives */
    enum auth_verdict want;
} members[] = {
    { "member",                        MEMBERSHIP_OK,          "Anna",    AUTH_ALLOWED },
    { "wrong password",                MEMBERSHIP_DENIED,      "",        AUTH_DENIED },
    { "a name that would end a line",  MEMBERSHIP_OK,          "an\nna", AUTH_DENIED },
};

static void test_membership(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        CASE_LABEL(&members[i]);
        world_begin_with(&(struct world_setup){ .manager = true, .other_provider = true, .membership = true, .cache = true }, &world_usual, false);
        world_ask(0, "anna", "secret");
        struct membership_check check;
        EXPECT(world.membership, membership_check, &check);
        assert_true(slice_equal_str(check.user, "anna"));
        assert_true(slice_equal_str(check.password, "secret"));
        assert_int_equal(DATAGRAM_SEND(world.membership, -1, membership_answer, .job = check.job,
                                       .verdict = members[i].verdict, .user = slice_str(members[i].name),
                                       .roles = SLICE_LITERAL("Partners\nStaff")),
                         0);
        if (members[i].want == AUTH_ALLOWED) {
            struct grant_give give;
            EXPECT(world.broker[0], grant_give, &give);
            assert_int_equal(give.identity, GRANT_SERVICE);
            assert_int_equal(give.account, GRANT_CUSTOM);
            assert_true(slice_equal_str(give.user, "Anna"));
            assert_true(slice_equal_str(give.roles, "Partners\nStaff"));
            assert_int_equal(DATAGRAM_SEND(world.broker[0], -1, grant_answer, .ticket = give.ticket, .accepted = true), 0);
        }
        assert_int_equal(world_result(0).verdict, members[i].want);
        world_finish();
    }
}

/* The second login of a member costs no question; the program's end answers who waits. */
static void test_membership_cache_and_end(void **state)
{
    (void)state;
    struct membership_check check;
    struct grant_give give;
    world_begin_with(&(struct world_setup){ .other_provider = true, .membership = true, .cache = true }, &world_usual, false);
    for (int i = 0; i < 2; i++) {
        world_ask(0, "anna", "secret");
        if (i == 0) {
            EXPECT(world.membership, membership_check, &check);
            assert_int_equal(DATAGRAM_SEND(world.membership, -1, membership_answer, .job = check.job, .verdict = MEMBERSHIP_OK,
                                           .user = SLICE_LITERAL("anna")), 0);
        }
        EXPECT(world.broker[0], grant_give, &give);
        assert_int_equal(DATAGRAM_SEND(world.broker[0], -1, grant_answer, .ticket = give.ticket, .accepted = true), 0);
        assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
    }
    world_ask(0, "berta", "secret");
    EXPECT(world.membership, membership_check, &check);
    close(world.membership);
    world.membership = -1;
    assert_int_equal(world_result(0).verdict, AUTH_DENIED);
    world_ask(0, "berta", "secret");
    assert_int_equal(world_result(0).verdict, AUTH_DENIED);
    world_finish();
}

static const struct {
    const char *label;
    bool manager; /* ... is asked next, and refuses */
    bool gone;    /* the program, instead of an answer of the database */
    uint32_t win32, substatus;
    const char *detail;
} failures[] = {
    { "the database is away",                false, false, 0,    34, "membership database: down" },
    { "the program ends",                    false, true,  0,    34, "the program that asks the membership database has ended" },
    { "another method refuses the password", true,  false, 1326, 41, "membership database: down" },
    { "... with the program ending",         true,  true,  1326, 41, "the program that asks the membership database has ended" },
};

/* Nobody is blocked because a database fails; but who guesses at what another method keeps is (A03). */
static void test_membership_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        CASE_LABEL(&failures[i]);
        world_begin_with(&(struct world_setup){ .manager = failures[i].manager, .other_provider = true, .membership = true,
                                                .deny = true }, &world_usual, false);
        for (int attempt = 0; attempt < 2; attempt++) {
            struct membership_check check;
            struct auth_block block;
            world_ask(0, "ftpmanager", "wrong");
            EXPECT(world.membership, membership_check, &check);
            if (failures[i].gone) {
                close(world.membership);
                world.membership = -1;
            } else {
                assert_int_equal(DATAGRAM_SEND(world.membership, -1, membership_answer, .job = check.job,
                                               .verdict = MEMBERSHIP_UNAVAILABLE,
                                               .detail = SLICE_LITERAL("membership database: down")), 0);
            }
            if (failures[i].manager && attempt == 1)
                EXPECT(world.worker[0], auth_block, &block);
            struct auth_result m = world_result(0);
            assert_int_equal(m.verdict, AUTH_DENIED);
            assert_int_equal(m.win32, failures[i].win32);
            assert_int_equal(m.substatus, failures[i].substatus);
            assert_true(slice_equal_str(m.detail, failures[i].detail));
            if (failures[i].gone)
                world.membership = world_join(ROLE_MEMBERSHIP, 0);
        }
        assert_true(world_is_silent(world.worker[0]));
        world_collect();
        assert_non_null(strstr(text_str(&world.reasons), "AspNetAuth could not answer: "));
        world_finish();
    }
}

/* The methods behind it let in whom they know. */
static void test_membership_fails_for_others(void **state)
{
    (void)state;
    for (int there = 0; there < 2; there++) {
        struct membership_check check;
        world_begin_with(&(struct world_setup){ .manager = true, .other_provider = true, .membership = true }, &world_usual, false);
        if (!there) {
            close(world.membership);
            world.membership = -1;
            assert_true(world_is_silent(world.worker[0]));
        }
        world_ask(0, "ftpmanager", "P@ssw0rd");
        if (there) {
            EXPECT(world.membership, membership_check, &check);
            assert_int_equal(DATAGRAM_SEND(world.membership, -1, membership_answer, .job = check.job,
                                           .verdict = MEMBERSHIP_UNAVAILABLE), 0);
        }
        world_answer_grant(0, true);
        assert_int_equal(world_result(0).verdict, AUTH_ALLOWED);
        world_finish();
    }
}

/* ---- better stored forms ---- */

static void test_rehash(void **state)
{
    (void)state;
    world_begin(&(struct world_setup){ .manager = true, .rehash = true });
    world_log_in(0, "ftpmanager");
    struct child_rehash m;
    EXPECT(world.supervisor, child_rehash, &m);
    assert_true(slice_equal_str(m.user, "FTPManager"));
    assert_true(slice_equal_str(m.old_hash, SHA256_P));
    assert_true(password_verify(m.new_hash, SLICE_LITERAL("P@ssw0rd")));
    assert_int_equal(password_form(m.new_hash), PASSWORD_FORM_YESCRYPT);
    world_log_in(0, "ftpmanager"); /* once per configuration */
    world_log_in(0, "yes");        /* is of that form already */
    assert_true(world_is_silent(world.supervisor));
    world_finish();
}

static const struct {
    const char *label, *user, *password;
    struct world_setup setup;
} unrenewed[] = {
    { "switched off",                       "ftpmanager", "P@ssw0rd", { .manager = true } },
    { "wrong password",                     "ftpmanager", "wrong",    { .manager = true, .rehash = true } },
    { "right password of a disabled user",  "off",        "P@ssw0rd", { .manager = true, .rehash = true } },
};

static void test_no_rehash(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(unrenewed); i++) {
        CASE_LABEL(&unrenewed[i]);
        world_begin(&unrenewed[i].setup);
        world_ask(0, unrenewed[i].user, unrenewed[i].password);
        struct slice bytes;
        int fd;
        for (int turns = 0; turns < 30; turns++)
            assert_int_equal(auth_server_turn(world.auth, 10), 0);
        assert_int_equal(datagram_receive(world.supervisor, world.buffer, sizeof world.buffer, &bytes, &fd), ERR_AGAIN);
        world_finish();
    }
}

/* Whatever is said of a certificate or an account has a message for the client: no empty line in the details. */
static void test_every_verdict_has_a_message(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {
#define N(name, win32, text) win32,
        CHAIN_REASONS(N) DIRECTORY_VERDICTS(N)
#undef N
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (numbers[i] && !win_error_text(numbers[i])[0])
            fail_msg("no text for %#x", numbers[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logins),
        cmocka_unit_test(test_deny_by_failure),
        cmocka_unit_test(test_equal_work),
        cmocka_unit_test(test_broker_refuses),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_explanations_are_bounded),
        cmocka_unit_test(test_system_accounts),
        cmocka_unit_test(test_no_pam_is_told_once),
        cmocka_unit_test(test_membership),
        cmocka_unit_test(test_membership_cache_and_end),
        cmocka_unit_test(test_membership_fails),
        cmocka_unit_test(test_membership_fails_for_others),
        cmocka_unit_test(test_rehash),
        cmocka_unit_test(test_no_rehash),
        cmocka_unit_test(test_every_verdict_has_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * server_test.c - the authenticator over socket pairs: we are supervisor, two workers with their brokers, pam and logger.
 */
#include "auth/server.h"

#include "base/case_test.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/password.h"
#include "proto/auth.h"
#include "proto/grant.h"
#include "proto/log.h"
#include "proto/membership.h"
#include "proto/pam.h"
#include "snapshot/snapshot_build.h"
#include "sys/datagram.h"
#include "sys/memfd.h"

#define SHA256_P "B03DDF3CA2E714A6548E7495E2A03F5E824EAAC9837CD7F159C67B90FB4B7342"
#define YESCRYPT_P "$y$j9T$abcdefgh12345678$KusMIs4oqdAxmLOni1xc2UZCxvtrGAxqP4WhOMOsLU3"
#define SITE 5

/* ---- the configuration ---- */

struct setup {
    bool anonymous, basic, manager, other_provider;
    bool membership; /* the other provider is AspNetAuth */
    bool not_installed, windows_only, cache, rehash;
    bool manager_disabled, no_permission; /* of ftpmanager */
    bool deny, log_only, exempt;          /* denyByFailure after two failures */
    const char *manager_password;         /* of ftpmanager, SHA256_P unless given */
};

static const struct setup walkthrough = { .basic = true, .manager = true };

static struct snapshot_writer *compose(const struct setup *t)
{
    struct snapshot_writer *w = snapshot_writer_new();
#define PUT(text) snapshot_build_text(w, text)
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "My New FTP Site", SITE);
    struct snap_provider providers[] = { { PUT(t->membership ? "AspNetAuth" : "Custom"),
                                           t->membership ? SNAP_PROVIDER_ASPNET : SNAP_PROVIDER_UNKNOWN, 0 },
                                         { PUT("IisManagerAuth"), SNAP_PROVIDER_IIS_MANAGER, 0 } };
    struct snap_user users[] = {
        { PUT("FTPManager"), PUT(t->manager_password ? t->manager_password : SHA256_P), !t->manager_disabled, 0 },
        { PUT("yes"), PUT(YESCRYPT_P), 1, 0 },
        { PUT("off"), PUT(SHA256_P), 0, 0 },
        { PUT("stranger"), PUT(YESCRYPT_P), 1, 0 }, /* no permission for the site */
        { PUT("locked"), PUT("[enc:AesProvider:abc:enc]"), 1, 0 },
        { PUT("blank"), PUT(""), 1, 0 },
    };
    struct snap_permission permissions[] = {
        { PUT("/My New FTP Site"), PUT("yes"), 0, 0 },    { PUT("/My New FTP Site"), PUT("off"), 0, 0 },
        { PUT("/My New FTP Site"), PUT("locked"), 0, 0 }, { PUT("/My New FTP Site"), PUT("blank"), 0, 0 },
        { PUT("/Elsewhere"), PUT("stranger"), 0, 0 },     { PUT("/My New FTP Site"), PUT("ftpmanager"), 0, 0 },
    };
    server.management_installed = !t->not_installed;
    server.deny_by_failure = t->deny;
    server.deny_log_only = t->log_only;
    server.deny_max_failure = 2;
    if (t->exempt) {
        struct snap_address us = { .family = 4, .ip0 = 0xc0000201, .mask0 = UINT32_MAX, .allowed = 1 };
        server.never_denied = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_address, &us), 1 };
    }
    server.requires_windows_credentials = t->windows_only;
    server.credentials_cache_enabled = t->cache;
    server.credentials_cache_seconds = 900;
    server.rehash_on_login = t->rehash;
    server.password_format = PASSWORD_FORMAT_YESCRYPT;
    server.uid_floor = 1000;
    server.pam_service = PUT("sallyport");
    site.anonymous_enabled = t->anonymous;
    site.basic_enabled = t->basic;
    site.basic_default_logon_domain = PUT("NT AUTHORITY");
#undef PUT
    uint32_t first = snapshot_put_row(w, SNAP_TABLE_provider, &providers[0]);
    snapshot_put_row(w, SNAP_TABLE_provider, &providers[1]);
    site.providers = (struct snap_range){ first + !t->other_provider, (uint32_t)t->other_provider + t->manager };
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    for (size_t i = 0; i < COUNT_OF(users); i++)
        snapshot_put_row(w, SNAP_TABLE_user, &users[i]);
    for (size_t i = 0; i < COUNT_OF(permissions) - t->no_permission; i++)
        snapshot_put_row(w, SNAP_TABLE_permission, &permissions[i]);
    return w;
}

/* ---- the world around ---- */

static struct world {
    struct child child;
    struct auth_server *auth;
    int supervisor, worker[2], broker[2], pam, membership, logger; /* our ends */
    struct text told;                                   /* events, one per line */
    struct text reasons;                                /* of refused logins, the same */
    uint8_t buffer[WIRE_DATAGRAM_MAX];
} world;

static int our_end(int *theirs)
{
    int pair[2];
    assert_int_equal(datagram_pair(pair), 0);
    assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    *theirs = pair[1];
    return pair[0];
}

static int join(unsigned role, unsigned index)
{
    int theirs, ours = our_end(&theirs);
    assert_int_equal(auth_server_add_peer(world.auth, role, index, theirs), 0);
    return ours;
}

static void begin_with(const struct setup *t, const struct auth_options *options, bool with_pam)
{
    struct snapshot_writer *w = compose(t);
    world = (struct world){ .child = { .role = ROLE_AUTH, .region_fd = -1, .cache_fd = -1 }, .pam = -1, .membership = -1 };
    world.supervisor = our_end(&world.child.fd);
    world.child.snapshot = snapshot_build(w, ROLE_AUTH);
    snapshot_writer_free(w);
    assert_non_null(world.child.snapshot);
    assert_int_equal(auth_server_new(&world.child, options, &world.auth), 0);
    for (unsigned i = 0; i < 2; i++) {
        world.worker[i] = join(ROLE_WORKER, i);
        world.broker[i] = join(ROLE_BROKER, i);
    }
    if (t->membership)
        world.membership = join(ROLE_MEMBERSHIP, 0);
    if (with_pam)
        world.pam = join(ROLE_PAM, 0);
    world.logger = join(ROLE_LOGGER, 0);
    auth_server_start(world.auth);
}

static const struct auth_options usual = { { "HOST1", 5 }, 2, true, 16, 32, 8 };

static void begin(const struct setup *t)
{
    begin_with(t, &usual, true);
}

static void collect_events(void)
{
    struct slice bytes;
    int fd;
    while (datagram_receive(world.logger, world.buffer, sizeof world.buffer, &bytes, &fd) == 0) {
        struct wire_in in = wire_in_of(bytes.ptr + 2, bytes.len - 2);
        struct log_event m = { 0 };
        struct log_reason why = { 0 };
        if ((uint8_t)bytes.ptr[0] == MSG_log_reason) {
            assert_int_equal(log_reason_decode(&in, &why), 0);
            text_addf(&world.reasons, "%u " SLICE_FMT "\n", why.substatus, SLICE_ARG(why.reason));
            continue;
        }
        assert_int_equal(log_event_decode(&in, &m), 0);
        text_addf(&world.told, SLICE_FMT "\n", SLICE_ARG(m.text));
    }
}

static void finish(void)
{
    auth_server_free(world.auth);
    collect_events();
    assert_null(strstr(text_str(&world.told), "P@ssw0rd")); /* A14 */
    assert_null(strstr(text_str(&world.reasons), "P@ssw0rd"));
    text_free(&world.told);
    text_free(&world.reasons);
    int ours[] = { world.supervisor, world.child.fd, world.worker[0], world.worker[1], world.broker[0], world.broker[1],
                   world.pam, world.membership, world.logger };
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        if (ours[i] >= 0)
            close(ours[i]);
    snapshot_unref(world.child.snapshot);
}

/* Let the server work until a datagram comes to `socket`; ERR_CLOSED when it was closed instead. */
static int wait_at(int socket, struct wire_in *fields_out, uint16_t *number_out)
{
    struct slice bytes;
    int fd;
    for (int turns = 0; turns < 3000; turns++) {
        int err = datagram_receive(socket, world.buffer, sizeof world.buffer, &bytes, &fd);
        if (!err) {
            *number_out = (uint16_t)((uint8_t)bytes.ptr[0] | (uint8_t)bytes.ptr[1] << 8);
            *fields_out = wire_in_of(bytes.ptr + 2, bytes.len - 2);
            return 0;
        }
        if (err != ERR_AGAIN)
            return err;
        assert_int_equal(auth_server_turn(world.auth, 10), 0);
    }
    return ERR_TIMEOUT;
}

#define EXPECT(socket, name, out)                                              \
    do {                                                                       \
        struct wire_in in_;                                                    \
        uint16_t number_ = 0;                                                  \
        memset(out, 0, sizeof *(out));                                         \
        assert_int_equal(wait_at(socket, &in_, &number_), 0);                  \
        assert_int_equal(number_, MSG_##name);                                 \
        assert_int_equal(name##_decode(&in_, out), 0);                         \
    } while (0)

/* After this many turns without anything to do, what has not been sent will not be. */
static bool is_silent(int socket)
{
    struct slice bytes;
    int fd;
    for (int i = 0; i < 5; i++)
        assert_int_equal(auth_server_turn(world.auth, 5), 0);
    return datagram_receive(socket, world.buffer, sizeof world.buffer, &bytes, &fd) == ERR_AGAIN;
}

static void ask(unsigned worker, const char *user, const char *password)
{
    assert_int_equal(DATAGRAM_SEND(world.worker[worker], -1, auth_login, .session = 77,
                                   .session_id = SLICE_LITERAL("0123456789abcdef"), .site = SITE,
                                   .user = slice_str(user), .password = slice_str(password),
                                   .client = { 4, { 192, 0, 2, 1 }, 49152, 0 }),
                     0);
}

static struct auth_result result_at(unsigned worker)
{
    struct auth_result m;
    EXPECT(world.worker[worker], auth_result, &m);
    assert_int_equal(m.session, 77);
    return m;
}

static uint64_t answer_grant(unsigned worker, bool accepted)
{
    struct grant_give m;
    EXPECT(world.broker[worker], grant_give, &m);
    assert_int_equal(DATAGRAM_SEND(world.broker[worker], -1, grant_answer, .ticket = m.ticket, .accepted = accepted,
                                   .win32 = accepted ? 0 : 5, .substatus = accepted ? 0 : 1,
                                   .home = SLICE_LITERAL("/")),
                     0);
    return m.ticket;
}

/* Log in as an IIS Manager user and keep the ticket. */
static uint64_t log_in(unsigned worker, const char *user)
{
    ask(worker, user, "P@ssw0rd");
    uint64_t ticket = answer_grant(worker, true);
    struct auth_result m = result_at(worker);
    assert_int_equal(m.verdict, AUTH_ALLOWED);
    assert_int_equal(m.ticket, ticket);
    return ticket;
}

static void apply(const struct setup *t)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    struct snapshot_writer *w = compose(t);
    int fd = -1;
    assert_int_equal(snapshot_writer_finish(w, ROLE_AUTH, &bytes), 0);
    snapshot_writer_free(w);
    assert_int_equal(memfd_sealed("snapshot", text_slice(&bytes), &fd), 0);
    assert_int_equal(DATAGRAM_SEND(world.supervisor, fd, child_snapshot, .generation = 2), 0);
    close(fd);
    for (int i = 0; i < 3; i++)
        assert_int_equal(auth_server_turn(world.auth, 5), 0);
}

/* ---- who gets in (no pam: Basic refuses) ---- */

static const struct {
    const char *label, *user, *password;
    struct setup setup;
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
        begin_with(&logins[i].setup, &usual, false);
        ask(0, logins[i].user, logins[i].password);
        uint64_t ticket = 0;
        if (!logins[i].substatus) {
            struct grant_give give;
            EXPECT(world.broker[0], grant_give, &give);
            assert_int_equal(give.account, logins[i].account);
            assert_int_equal(give.identity, GRANT_SERVICE);
            assert_int_equal(give.site, SITE);
            assert_int_not_equal(give.ticket, 0);
            ticket = give.ticket;
            assert_true(is_silent(world.worker[0])); /* not before the broker has said yes */
            assert_int_equal(DATAGRAM_SEND(world.broker[0], -1, grant_answer, .ticket = ticket, .accepted = true,
                                           .home = SLICE_LITERAL("/home")),
                             0);
        }
        struct auth_result m = result_at(0);
        assert_int_equal(m.verdict, logins[i].substatus ? AUTH_DENIED : AUTH_ALLOWED);
        assert_int_equal(m.substatus, logins[i].substatus);
        assert_int_equal(m.win32, logins[i].substatus ? 1326 : 0);
        assert_int_equal(m.ticket, ticket);
        assert_true(slice_equal_str(m.name, logins[i].name));
        assert_true(slice_equal_str(m.home, ticket ? "/home" : ""));
        assert_int_equal(m.anonymous, logins[i].account == GRANT_ANONYMOUS && ticket);
        if (!ticket)
            assert_true(is_silent(world.broker[0]));
        finish();
    }
}

/* A02: every name costs the same digests as every other, whatever is the matter with it. */
/* ---- denyByFailure ---- */

static const struct {
    const char *label;
    struct setup setup;
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
        begin_with(&denials[i].setup, &usual, false);
        ask(0, "ftpmanager", "wrong");
        assert_int_equal(result_at(0).verdict, AUTH_DENIED);
        ask(1, "somebody", "wrong");
        for (unsigned worker = 0; denials[i].blocks && worker < 2; worker++) {
            struct auth_block block;
            EXPECT(world.worker[worker], auth_block, &block);
            assert_int_equal(block.client.family, 4);
            assert_int_equal(block.client.ip[3], 1);
            assert_int_equal(block.left_ms, 30000);
        }
        assert_int_equal(result_at(1).verdict, AUTH_DENIED);
        assert_true(is_silent(world.worker[0]));
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(auth_server_add_peer(world.auth, ROLE_WORKER, 7, pair[1]), 0);
        if (denials[i].blocks) {
            struct auth_block block;
            EXPECT(pair[0], auth_block, &block);
            assert_true(block.left_ms > 0 && block.left_ms <= 30000);
        }
        assert_true(is_silent(pair[0]));
        close(pair[0]);
        finish();
    }
}

static void test_equal_work(void **state)
{
    (void)state;
    static const struct {
        const char *label, *user;
    } names[] = { { "known, SHA-256", "ftpmanager" }, { "known, yescrypt", "yes" }, { "unknown", "nobody" },
                  { "disabled", "off" },              { "no permission", "stranger" }, { "unusable password", "locked" } };
    begin(&(struct setup){ .manager = true });
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CASE_LABEL(&names[i]);
        unsigned long sha = password_work(PASSWORD_FORM_SHA256), yescrypt = password_work(PASSWORD_FORM_YESCRYPT);
        ask(0, names[i].user, "wrong");
        assert_int_equal(result_at(0).verdict, AUTH_DENIED);
        assert_int_equal(password_work(PASSWORD_FORM_SHA256) - sha, 1);
        assert_int_equal(password_work(PASSWORD_FORM_YESCRYPT) - yescrypt, 1);
    }
    finish();
}

static void test_broker_refuses(void **state)
{
    (void)state;
    begin(&walkthrough);
    ask(0, "ftpmanager", "P@ssw0rd");
    answer_grant(0, false);
    struct auth_result m = result_at(0);
    assert_int_equal(m.verdict, AUTH_HOME_DENIED);
    assert_int_equal(m.win32, 5);
    assert_int_equal(m.substatus, 1);
    assert_int_equal(m.ticket, 0);
    collect_events();
    assert_non_null(strstr(text_str(&world.told), "no rule of site 5 lets him in"));
    finish();
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
        begin(&(struct setup){ .manager = true });
        ask(0, reasons[i].user, reasons[i].password);
        struct auth_result m = result_at(0);
        assert_int_equal(m.verdict, AUTH_DENIED);
        assert_int_equal(m.why.len, 0);
        collect_events();
        assert_string_equal(text_str(&world.reasons), reasons[i].want);
        finish();
    }
}

/* Refusals are explained to the administrator, but strangers cannot fill the service log with them. */
static void test_explanations_are_bounded(void **state)
{
    (void)state;
    begin(&(struct setup){ .anonymous = true });
    for (int i = 0; i < 40; i++) {
        ask(0, "ftp", "x");
        answer_grant(0, false);
        assert_int_equal(result_at(0).verdict, AUTH_HOME_DENIED);
    }
    collect_events();
    size_t lines = 0;
    for (const char *c = text_str(&world.told); *c; c++)
        lines += *c == '\n';
    assert_in_range(lines, 1, 12);
    finish();
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
        begin(&walkthrough); /* the IIS Manager provider comes first and fails */
        ask(1, systems[i].typed, "secret");
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
            assert_true(slice_equal_str(give.roles, "staff"));
            assert_int_equal(DATAGRAM_SEND(world.broker[1], -1, grant_answer, .ticket = give.ticket, .accepted = true), 0);
        }
        struct auth_result m = result_at(1);
        assert_int_equal(m.verdict, systems[i].want);
        assert_true(slice_equal_str(m.name, systems[i].want == AUTH_ALLOWED ? "HOST1\\anna" : ""));
        finish();
    }
}

static void test_no_pam_is_told_once(void **state)
{
    (void)state;
    begin_with(&walkthrough, &usual, false);
    apply(&walkthrough);
    collect_events();
    const char *first = strstr(text_str(&world.told), "system accounts cannot be checked");
    assert_non_null(first);
    assert_null(strstr(first + 1, "system accounts cannot be checked"));
    finish();
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
    { "the database is away",          MEMBERSHIP_UNAVAILABLE, "",        AUTH_UNAVAILABLE },
    { "a name that would end a line",  MEMBERSHIP_OK,          "an\nna", AUTH_DENIED },
};

static void test_membership(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        CASE_LABEL(&members[i]);
        begin_with(&(struct setup){ .manager = true, .other_provider = true, .membership = true, .cache = true }, &usual, false);
        ask(0, "anna", "secret");
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
        assert_int_equal(result_at(0).verdict, members[i].want);
        finish();
    }
}

/* The second login of a member costs no question; the program's end answers who waits. */
static void test_membership_cache_and_end(void **state)
{
    (void)state;
    struct membership_check check;
    struct grant_give give;
    begin_with(&(struct setup){ .other_provider = true, .membership = true, .cache = true }, &usual, false);
    for (int i = 0; i < 2; i++) {
        ask(0, "anna", "secret");
        if (i == 0) {
            EXPECT(world.membership, membership_check, &check);
            assert_int_equal(DATAGRAM_SEND(world.membership, -1, membership_answer, .job = check.job, .verdict = MEMBERSHIP_OK,
                                           .user = SLICE_LITERAL("anna")), 0);
        }
        EXPECT(world.broker[0], grant_give, &give);
        assert_int_equal(DATAGRAM_SEND(world.broker[0], -1, grant_answer, .ticket = give.ticket, .accepted = true), 0);
        assert_int_equal(result_at(0).verdict, AUTH_ALLOWED);
    }
    ask(0, "berta", "secret");
    EXPECT(world.membership, membership_check, &check);
    close(world.membership);
    world.membership = -1;
    assert_int_equal(result_at(0).verdict, AUTH_UNAVAILABLE);
    ask(0, "berta", "secret");
    assert_int_equal(result_at(0).verdict, AUTH_UNAVAILABLE);
    finish();
}

/* ---- the cache (A11) ---- */

static unsigned long total_work(void)
{
    return password_work(PASSWORD_FORM_SHA256) + password_work(PASSWORD_FORM_YESCRYPT);
}

static void test_cache(void **state)
{
    (void)state;
    struct setup t = { .manager = true, .basic = true, .cache = true };
    begin(&t);
    log_in(0, "ftpmanager");
    unsigned long work = total_work();
    log_in(1, "FtpManager");
    assert_int_equal(total_work(), work); /* from the cache, whichever way the name is typed */
    assert_int_equal(DATAGRAM_SEND(world.supervisor, -1, child_flush, .query = 3), 0);
    struct child_done done;
    EXPECT(world.supervisor, child_done, &done);
    assert_int_equal(done.query, 3);
    log_in(0, "ftpmanager");
    assert_int_not_equal(total_work(), work);
    finish();
}

/* A reload has emptied the cache, and everybody comes back: nobody is turned away, and one password costs one digest. */
static void test_burst(void **state)
{
    (void)state;
    const struct auth_options narrow = { { "HOST1", 5 }, 1, true, 1, 32, 8 };
    enum { MANY = 12 };
    begin_with(&(struct setup){ .manager = true, .cache = true }, &narrow, true);
    unsigned long before = total_work();
    log_in(0, "ftpmanager");
    unsigned long one = total_work() - before;
    assert_int_equal(DATAGRAM_SEND(world.supervisor, -1, child_flush, .query = 3), 0);
    struct child_done done;
    EXPECT(world.supervisor, child_done, &done);
    before = total_work();
    for (int i = 0; i < MANY; i++) {
        ask(0, i % 2 ? "ftpmanager" : "yes", "P@ssw0rd");
        if (i % 2)
            ask(1, "yes", "wrong");
    }
    for (int i = 0; i < MANY; i++) {
        answer_grant(0, true);
        assert_int_equal(result_at(0).verdict, AUTH_ALLOWED);
    }
    for (int i = 0; i < MANY / 2; i++)
        assert_int_equal(result_at(1).verdict, AUTH_DENIED);
    assert_true(total_work() - before <= (2 + MANY / 2) * one); /* two that fit, and every wrong one */
    finish();
}

static const struct {
    const char *label;
    struct setup setup;
} withdrawals[] = {
    { "password changed",          { .manager = true, .cache = true, .manager_password = YESCRYPT_P "x" } },
    { "user disabled",             { .manager = true, .cache = true, .manager_disabled = true } },
    { "permission withdrawn",      { .manager = true, .cache = true, .no_permission = true } },
    { "provider taken away",       { .anonymous = true, .cache = true } },
    { "Windows credentials only",  { .manager = true, .cache = true, .windows_only = true } },
};

static void test_cache_follows_configuration(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(withdrawals); i++) {
        CASE_LABEL(&withdrawals[i]);
        begin(&(struct setup){ .manager = true, .cache = true });
        uint64_t ticket = log_in(0, "ftpmanager");
        assert_int_equal(DATAGRAM_SEND(world.worker[0], -1, auth_end, .ticket = ticket), 0);
        struct grant_revoke revoke;
        EXPECT(world.broker[0], grant_revoke, &revoke);
        apply(&withdrawals[i].setup);
        ask(0, "ftpmanager", "P@ssw0rd");
        assert_int_equal(result_at(0).verdict, AUTH_DENIED);
        finish();
    }
}

/* ---- live logins and a new configuration (A15) ---- */

static void test_revoked(void **state)
{
    (void)state;
    for (size_t i = 1; i < COUNT_OF(withdrawals); i++) { /* a new password ends no session */
        CASE_LABEL(&withdrawals[i]);
        begin(&(struct setup){ .manager = true });
        uint64_t gone = log_in(0, "ftpmanager");
        apply(&withdrawals[i].setup);
        struct auth_revoke m;
        struct grant_revoke revoke;
        EXPECT(world.worker[0], auth_revoke, &m);
        assert_int_equal(m.ticket, gone);
        assert_int_equal(m.substatus, 54);
        EXPECT(world.broker[0], grant_revoke, &revoke);
        assert_int_equal(revoke.ticket, gone);
        finish();
    }
}

static void test_others_stay(void **state)
{
    (void)state;
    begin(&(struct setup){ .manager = true });
    uint64_t gone = log_in(0, "ftpmanager");
    log_in(1, "yes");
    apply(&(struct setup){ .manager = true, .manager_disabled = true });
    struct auth_revoke m;
    EXPECT(world.worker[0], auth_revoke, &m);
    assert_int_equal(m.ticket, gone);
    assert_true(is_silent(world.worker[1]));
    assert_true(is_silent(world.broker[1]));
    finish();
}

/* The user was disabled while the broker was thinking (A08). */
static void test_disabled_while_granting(void **state)
{
    (void)state;
    begin(&(struct setup){ .manager = true });
    ask(0, "ftpmanager", "P@ssw0rd");
    struct grant_give give;
    EXPECT(world.broker[0], grant_give, &give);
    apply(&(struct setup){ .manager = true, .manager_disabled = true });
    assert_int_equal(DATAGRAM_SEND(world.broker[0], -1, grant_answer, .ticket = give.ticket, .accepted = true), 0);
    struct grant_revoke revoke;
    EXPECT(world.broker[0], grant_revoke, &revoke);
    assert_int_equal(revoke.ticket, give.ticket);
    assert_int_equal(result_at(0).verdict, AUTH_DENIED);
    finish();
}

/* ---- better stored forms ---- */

static void test_rehash(void **state)
{
    (void)state;
    begin(&(struct setup){ .manager = true, .rehash = true });
    log_in(0, "ftpmanager");
    struct child_rehash m;
    EXPECT(world.supervisor, child_rehash, &m);
    assert_true(slice_equal_str(m.user, "FTPManager"));
    assert_true(slice_equal_str(m.old_hash, SHA256_P));
    assert_true(password_verify(m.new_hash, SLICE_LITERAL("P@ssw0rd")));
    assert_int_equal(password_form(m.new_hash), PASSWORD_FORM_YESCRYPT);
    log_in(0, "ftpmanager"); /* once per configuration */
    log_in(0, "yes");        /* is of that form already */
    assert_true(is_silent(world.supervisor));
    finish();
}

static const struct {
    const char *label, *user, *password;
    struct setup setup;
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
        begin(&unrenewed[i].setup);
        ask(0, unrenewed[i].user, unrenewed[i].password);
        struct slice bytes;
        int fd;
        for (int turns = 0; turns < 30; turns++)
            assert_int_equal(auth_server_turn(world.auth, 10), 0);
        assert_int_equal(datagram_receive(world.supervisor, world.buffer, sizeof world.buffer, &bytes, &fd), ERR_AGAIN);
        finish();
    }
}

/* ---- limits and accidents ---- */

static void test_queue_is_bounded(void **state)
{
    (void)state;
    const struct auth_options nobody_works = { { "HOST1", 5 }, 0, true, 1, 2, 8 };
    begin_with(&(struct setup){ .manager = true }, &nobody_works, true);
    ask(0, "ftpmanager", "P@ssw0rd");
    ask(1, "nobody", "x");
    assert_true(is_silent(world.worker[1])); /* waits for its turn */
    ask(1, "nobody", "y");
    struct auth_result m = result_at(1); /* at once (A06) */
    assert_int_equal(m.verdict, AUTH_UNAVAILABLE);
    assert_true(is_silent(world.worker[1]));
    assert_true(is_silent(world.worker[0]));
    finish();
}

static void test_logins_are_bounded(void **state)
{
    (void)state;
    const struct auth_options one = { { "HOST1", 5 }, 1, true, 8, 1, 8 };
    begin_with(&(struct setup){ .anonymous = true }, &one, true);
    ask(0, "ftp", "x"); /* waits for its broker */
    ask(1, "ftp", "x");
    assert_int_equal(result_at(1).verdict, AUTH_UNAVAILABLE);
    answer_grant(0, true);
    assert_int_equal(result_at(0).verdict, AUTH_ALLOWED);
    ask(1, "ftp", "x");
    answer_grant(1, true);
    assert_int_equal(result_at(1).verdict, AUTH_ALLOWED);
    finish();
}

static void test_broker_dies(void **state)
{
    (void)state;
    begin(&(struct setup){ .anonymous = true });
    ask(0, "ftp", "x");
    struct grant_give give;
    EXPECT(world.broker[0], grant_give, &give);
    close(world.broker[0]);
    world.broker[0] = -1;
    assert_int_equal(result_at(0).verdict, AUTH_UNAVAILABLE);
    ask(0, "ftp", "x"); /* nobody to grant it */
    assert_int_equal(result_at(0).verdict, AUTH_UNAVAILABLE);
    world.broker[0] = join(ROLE_BROKER, 0);
    ask(0, "ftp", "x");
    answer_grant(0, true);
    assert_int_equal(result_at(0).verdict, AUTH_ALLOWED);
    finish();
}

static void test_worker_dies(void **state)
{
    (void)state;
    begin(&(struct setup){ .anonymous = true, .manager = true });
    uint64_t first = log_in(0, "yes");
    log_in(1, "yes");
    ask(0, "ftp", "x");
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
    assert_true(is_silent(world.broker[1]));
    finish();
}

static void test_pam_dies(void **state)
{
    (void)state;
    begin(&(struct setup){ .basic = true });
    ask(0, "anna", "x");
    struct pam_check check;
    EXPECT(world.pam, pam_check, &check);
    close(world.pam);
    world.pam = -1;
    assert_int_equal(result_at(0).verdict, AUTH_UNAVAILABLE);
    ask(0, "anna", "x");
    assert_int_equal(result_at(0).verdict, AUTH_UNAVAILABLE); /* it will be back: not "wrong password" */
    finish();
}

static void test_tickets_belong_to_a_worker(void **state)
{
    (void)state;
    begin(&(struct setup){ .manager = true });
    uint64_t ticket = log_in(0, "yes");
    uint64_t crowd[] = { log_in(0, "yes"), log_in(1, "yes"), 12345, log_in(0, "yes") };
    struct grant_ended ended;
    assert_int_equal(DATAGRAM_SEND(world.worker[0], -1, auth_ended, .tickets = { (char *)crowd, sizeof crowd }), 0);
    EXPECT(world.broker[0], grant_ended, &ended);
    assert_int_equal(ended.tickets.len, 2 * sizeof *crowd);
    assert_memory_equal(ended.tickets.ptr, &crowd[0], sizeof *crowd);
    assert_memory_equal(ended.tickets.ptr + sizeof *crowd, &crowd[3], sizeof *crowd);
    assert_int_equal(DATAGRAM_SEND(world.worker[1], -1, auth_end, .ticket = ticket), 0);
    assert_true(is_silent(world.broker[0]));
    assert_true(is_silent(world.broker[1]));
    assert_int_equal(DATAGRAM_SEND(world.worker[0], -1, auth_end, .ticket = ticket), 0);
    struct grant_revoke revoke;
    EXPECT(world.broker[0], grant_revoke, &revoke);
    assert_int_equal(revoke.ticket, ticket);
    finish();
}

/* A broker can answer for its own grants only. */
static void test_grants_belong_to_a_broker(void **state)
{
    (void)state;
    begin(&(struct setup){ .anonymous = true });
    ask(0, "ftp", "x");
    struct grant_give give;
    EXPECT(world.broker[0], grant_give, &give);
    assert_int_equal(DATAGRAM_SEND(world.broker[1], -1, grant_answer, .ticket = give.ticket, .accepted = true), 0);
    assert_true(is_silent(world.worker[0]));
    finish();
}

static const struct {
    const char *label, *hex;
} illegal[] = {
    { "unknown message",                       "ff00" },
    { "cut login",                             "0100" "4d" },
    { "nothing but a byte",                    "01" },
    { "a worker that says what auth says",     "0200" "0000000000000000" "00" "00000000" "00000000" "0100000000000000"
                                               "00" "00000000" "00000000" "00000000" },
    { "bytes left over",                       "0300" "0100000000000000" "00" },
};

static void test_illegal_messages_end_the_peer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(illegal); i++) {
        char bytes[64];
        size_t len = strlen(illegal[i].hex) / 2;
        CASE_LABEL(&illegal[i]);
        begin(&(struct setup){ .anonymous = true });
        for (size_t at = 0; at < len; at++)
            sscanf(illegal[i].hex + 2 * at, "%2hhx", (unsigned char *)&bytes[at]);
        assert_int_equal(datagram_send(world.worker[0], slice_of(bytes, len), -1), 0);
        struct wire_in in;
        uint16_t number;
        assert_int_equal(wait_at(world.worker[0], &in, &number), ERR_CLOSED);
        ask(1, "ftp", "x"); /* the others go on */
        answer_grant(1, true);
        assert_int_equal(result_at(1).verdict, AUTH_ALLOWED);
        finish();
    }
}

static void test_end(void **state)
{
    (void)state;
    begin(&(struct setup){ .anonymous = true });
    assert_int_equal(DATAGRAM_SEND(world.supervisor, -1, child_drain, .seconds = 30), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(auth_server_turn(world.auth, 5), 0); /* workers are there still */
    ask(0, "ftp", "x");
    answer_grant(0, true);
    assert_int_equal(result_at(0).verdict, AUTH_ALLOWED);
    for (int i = 0; i < 2; i++) {
        close(world.worker[i]);
        world.worker[i] = -1;
    }
    int err = 0;
    for (int i = 0; i < 100 && !err; i++)
        err = auth_server_turn(world.auth, 10);
    assert_int_equal(err, ERR_CLOSED);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logins),
        cmocka_unit_test(test_deny_by_failure), cmocka_unit_test(test_equal_work),
        cmocka_unit_test(test_broker_refuses),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_explanations_are_bounded),
        cmocka_unit_test(test_system_accounts),
        cmocka_unit_test(test_membership),
        cmocka_unit_test(test_membership_cache_and_end),
        cmocka_unit_test(test_no_pam_is_told_once),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_burst),
        cmocka_unit_test(test_cache_follows_configuration),
        cmocka_unit_test(test_revoked),
        cmocka_unit_test(test_others_stay),
        cmocka_unit_test(test_disabled_while_granting),
        cmocka_unit_test(test_rehash),
        cmocka_unit_test(test_no_rehash),
        cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_logins_are_bounded),
        cmocka_unit_test(test_broker_dies),
        cmocka_unit_test(test_worker_dies),
        cmocka_unit_test(test_pam_dies),
        cmocka_unit_test(test_tickets_belong_to_a_worker),
        cmocka_unit_test(test_grants_belong_to_a_broker),
        cmocka_unit_test(test_illegal_messages_end_the_peer),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

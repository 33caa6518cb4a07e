/*
 * children_test.c - logger, auth, pam and membership as processes, each in its sandbox, with us as the supervisor and the other
 * programs.  What a system call filter forgets is found here and not by a login at night (threats.md H15).
 */
#include "base/case_test.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auth/password.h"
#include "base/own.h"
#include "proto/auth.h"
#include "proto/grant.h"
#include "proto/log.h"
#include "proto/pam.h"
#include "snapshot/snapshot_build.h"
#include "sys/child.h"
#include "sys/datagram.h"
#include "sys/memfd.h"

static char top[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(top, "/tmp/sallyport-children-XXXXXX");
    return mkdtemp(top) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", top);
    return system(command);
}

/* ---- a program under test ---- */

struct program {
    pid_t pid;
    int channel, errors; /* our end; its standard error */
};

static void wait_at_most(int socket)
{
    const struct timeval limit = { 60, 0 };
    assert_int_equal(setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
}

static struct program start(const char *path)
{
    char *const argv[] = { (char *)path, "--child", "0", NULL };
    char *const environment[] = { NULL };
    int pair[2], errors[2];
    struct program p = { 0 };
    posix_spawn_file_actions_t actions;
    assert_int_equal(datagram_pair(pair), 0);
    assert_int_equal(pipe2(errors, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, errors[1], STDERR_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, pair[1], CHILD_FD), 0);
    assert_int_equal(posix_spawn(&p.pid, path, &actions, NULL, argv, environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(pair[1]);
    close(errors[1]);
    p.channel = pair[0];
    p.errors = errors[0];
    wait_at_most(p.channel);
    assert_int_equal(DATAGRAM_SEND(p.channel, -1, child_setting, .workers = 1, .uid = UINT32_MAX, .gid = UINT32_MAX), 0);
    return p;
}

static void send_snapshot(const struct program *p, struct snapshot_writer *w, unsigned role)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    OWNED_FD fd = -1;
    assert_int_equal(snapshot_writer_finish(w, role, &bytes), 0);
    snapshot_writer_free(w);
    assert_int_equal(memfd_sealed("snapshot", text_slice(&bytes), &fd), 0);
    assert_int_equal(DATAGRAM_SEND(p->channel, fd, child_snapshot, .generation = 1), 0);
}

/* Our end of a channel to the program, as if we were that peer. */
static int connect_as(const struct program *p, unsigned role)
{
    int pair[2];
    assert_int_equal(datagram_pair(pair), 0);
    assert_int_equal(DATAGRAM_SEND(p->channel, pair[1], child_peer, .role = role), 0);
    close(pair[1]);
    wait_at_most(pair[0]);
    return pair[0];
}

static uint8_t buffer[WIRE_DATAGRAM_MAX];

/* The next datagram; what the program tells about itself is printed on the way. */
static uint16_t next(int socket, struct wire_in *in)
{
    for (;;) {
        struct slice bytes = SLICE_NONE;
        struct child_event event = { 0 };
        OWNED_FD fd = -1;
        assert_int_equal(datagram_receive(socket, buffer, sizeof buffer, &bytes, &fd), 0);
        *in = wire_in_of(bytes.ptr + 2, bytes.len - 2);
        uint16_t number = (uint16_t)((uint8_t)bytes.ptr[0] | (uint8_t)bytes.ptr[1] << 8);
        if (number != MSG_child_event)
            return number;
        assert_int_equal(child_event_decode(in, &event), 0);
        print_message("    it says: " SLICE_FMT "\n", SLICE_ARG(event.text));
    }
}

#define EXPECT(socket, name, out)                              \
    do {                                                       \
        struct wire_in in_;                                    \
        memset(out, 0, sizeof *(out));                         \
        assert_int_equal(next(socket, &in_), MSG_##name);      \
        assert_int_equal(name##_decode(&in_, out), 0);         \
    } while (0)

static void go(const struct program *p)
{
    struct child_ready ready;
    assert_int_equal(DATAGRAM_SEND(p->channel, -1, child_start, 0), 0);
    EXPECT(p->channel, child_ready, &ready);
}

/* Signals of a terminal or of systemd do not end it; the end of its channel does. */
static void expect_end(struct program *p)
{
    int status = -1;
    if (p->channel >= 0) {
        assert_int_equal(kill(p->pid, SIGTERM), 0);
        assert_int_equal(kill(p->pid, SIGINT), 0);
        close(p->channel);
    }
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        char said[4096];
        ssize_t got = read(p->errors, said, sizeof said);
        print_message("    %.*s\n", got > 0 ? (int)got : 0, said);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(p->errors);
}

/* ---- the logger ---- */

static void make_folder(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", top, name);
    assert_int_equal(mkdir(path, 0750), 0);
}

static struct snapshot_writer *logging_to(const char *folder, uint32_t site_id)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", site_id);
    char path[128];
    snprintf(path, sizeof path, "%s/%s", top, folder);
    server.log_in_utf8 = 1;
    site.log_enabled = 1;
    site.log_fields = 128;
    site.log_period = LOG_PERIOD_MAX_SIZE;
    site.log_truncate_size = 1 << 20;
    site.log_selective = LOG_SUCCESSFUL | LOG_ERROR | LOG_INFRASTRUCTURE;
    site.log_path = snapshot_build_text(w, path);
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    return w;
}

static void log_verb(int worker, uint32_t site, const char *verb)
{
    uint8_t bytes[1024];
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    OWNED_TEXT_BUFFER records = { 0 };
    const struct log_access record = { .site = site, .verb = slice_str(verb), .status = 200,
                                       .session_id = SLICE_LITERAL("0123456789abcdef") };
    assert_int_equal(log_access_encode(&record, &out), 0);
    log_records_add(&records, slice_of((const char *)bytes, out.len));
    assert_int_equal(DATAGRAM_SEND(worker, -1, log_records, .records = text_slice(&records)), 0);
}

static bool file_has(const char *name, const char *text)
{
    char path[256], bytes[8192];
    snprintf(path, sizeof path, "%s/%s", top, name);
    OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof bytes - 1);
    if (got < 0)
        return false;
    bytes[got] = 0;
    return strstr(bytes, text) != NULL;
}

static void test_logger(void **state)
{
    (void)state;
    struct program p = start(LOGGER_PROGRAM);
    make_folder("a");
    make_folder("a/logs");
    send_snapshot(&p, logging_to("a/logs", 2), ROLE_LOGGER);
    int worker = connect_as(&p, ROLE_WORKER);
    go(&p);
    log_verb(worker, 2, "FIRST");
    assert_int_equal(DATAGRAM_SEND(p.channel, -1, child_flush, .query = 9, .site = 2), 0);
    struct child_done done;
    EXPECT(p.channel, child_done, &done);
    assert_int_equal(done.query, 9);
    assert_true(file_has("a/logs/FTPSVC2/u_extend1.log", "FIRST\r\n"));

    /* A site more in the same folder needs no new start. */
    struct child_taken taken;
    send_snapshot(&p, logging_to("a/logs", 3), ROLE_LOGGER);
    EXPECT(p.channel, child_taken, &taken);
    assert_int_equal(taken.generation, 1);
    log_verb(worker, 3, "SECOND");
    assert_int_equal(DATAGRAM_SEND(worker, -1, log_event, .level = LOG_LEVEL_WARNING, .where = SLICE_LITERAL("worker"),
                                   .text = SLICE_LITERAL("odd\nthing")),
                     0);
    expect_end(&p);
    assert_true(file_has("a/logs/FTPSVC3/u_extend1.log", "SECOND\r\n"));
    close(worker);
}

/* What it may not reach is a reason to end, orderly, with everything written. */
static void test_logger_new_folder(void **state)
{
    (void)state;
    struct program p = start(LOGGER_PROGRAM);
    make_folder("a");
    make_folder("b");
    send_snapshot(&p, logging_to("a", 2), ROLE_LOGGER);
    int worker = connect_as(&p, ROLE_WORKER);
    go(&p);
    for (int i = 0; i < 50; i++)
        log_verb(worker, 2, i < 49 ? "LINE" : "LAST");
    send_snapshot(&p, logging_to("b", 2), ROLE_LOGGER);
    int status = -1;
    assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    char said[4096] = "";
    ssize_t got = read(p.errors, said, sizeof said - 1);
    assert_true(got > 0);
    assert_non_null(strstr(said, "notice logger: log folder "));
    assert_true(file_has("a/FTPSVC2/u_extend1.log", "LAST\r\n") || file_has("b/FTPSVC2/u_extend1.log", "LAST\r\n"));
    close(p.channel);
    close(p.errors);
    close(worker);
}

/* ---- the authenticator ---- */

static struct snapshot_writer *with_users(void)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", 2);
    struct snap_provider provider = { snapshot_build_text(w, "IisManagerAuth"), SNAP_PROVIDER_IIS_MANAGER, 0 };
    struct snap_permission permission = { snapshot_build_text(w, "/Site"), snapshot_build_text(w, "ftpmanager"), 0, 0 };
    OWNED_TEXT_BUFFER stored = { 0 };
    assert_int_equal(password_make_sha256(SLICE_LITERAL("P@ssw0rd"), &stored), 0);
    struct snap_user user = { snapshot_build_text(w, "ftpmanager"), snapshot_build_text(w, text_str(&stored)), 1, 0 };
    server.management_installed = 1;
    server.requires_windows_credentials = 0;
    server.rehash_on_login = 1;
    server.password_format = PASSWORD_FORMAT_YESCRYPT;
    server.credentials_cache_enabled = 1;
    server.credentials_cache_seconds = 900;
    site.providers = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_provider, &provider), 1 };
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    snapshot_put_row(w, SNAP_TABLE_user, &user);
    snapshot_put_row(w, SNAP_TABLE_permission, &permission);
    return w;
}

static void test_auth(void **state)
{
    (void)state;
    struct program p = start(AUTH_PROGRAM);
    send_snapshot(&p, with_users(), ROLE_AUTH);
    int worker = connect_as(&p, ROLE_WORKER), broker = connect_as(&p, ROLE_BROKER), logger = connect_as(&p, ROLE_LOGGER);
    go(&p);
    struct grant_twins twins;
    EXPECT(broker, grant_twins, &twins); /* not taken: it asks about each */
    for (int i = 0; i < 2; i++) { /* the second time from the cache */
        struct grant_give give;
        struct auth_result result;
        assert_int_equal(DATAGRAM_SEND(worker, -1, auth_login, .session = 1, .session_id = SLICE_LITERAL("0123456789abcdef"),
                                       .site = 2, .user = SLICE_LITERAL("ftpmanager"),
                                       .password = SLICE_LITERAL("P@ssw0rd")),
                         0);
        EXPECT(broker, grant_give, &give);
        assert_int_equal(DATAGRAM_SEND(broker, -1, grant_answer, .ticket = give.ticket, .accepted = true), 0);
        EXPECT(worker, auth_result, &result);
        assert_int_equal(result.verdict, AUTH_ALLOWED);
    }
    struct child_rehash rehash;
    EXPECT(p.channel, child_rehash, &rehash);
    assert_true(password_verify(rehash.new_hash, SLICE_LITERAL("P@ssw0rd")));
    struct child_taken taken;
    send_snapshot(&p, with_users(), ROLE_AUTH);
    EXPECT(p.channel, child_taken, &taken);
    assert_int_equal(taken.generation, 1);
    expect_end(&p);
    close(worker);
    close(broker);
    close(logger);
}

/* ---- pam ---- */

static void test_pam(void **state)
{
    (void)state;
    static const char *const names[] = { "root", "nobody", "no such user" };
    struct program p = start(PAM_PROGRAM);
    int auth = connect_as(&p, ROLE_AUTH);
    go(&p);
    for (size_t i = 0; i < COUNT_OF(names); i++) /* all at once */
        assert_int_equal(DATAGRAM_SEND(auth, -1, pam_check, .job = i + 1, .service = SLICE_LITERAL("sallyport"),
                                       .user = slice_str(names[i]), .password = SLICE_LITERAL("wrong"),
                                       .rhost = SLICE_LITERAL("192.0.2.1")),
                         0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct pam_answer m;
        EXPECT(auth, pam_answer, &m);
        assert_int_equal(m.verdict, PAM_VERDICT_DENIED);
        assert_int_equal(m.user.len, 0);
    }
    expect_end(&p);
    close(auth);
}

/* ---- membership ---- */

static struct snapshot_writer *with_members(void)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    return w;
}

/* What it cannot read it has not taken, and goes on with what it has. */
static void test_membership(void **state)
{
    (void)state;
    struct program p = start(MEMBERSHIP_PROGRAM);
    send_snapshot(&p, with_members(), ROLE_MEMBERSHIP);
    int auth = connect_as(&p, ROLE_AUTH);
    go(&p);
    OWNED_FD fd = -1;
    assert_int_equal(memfd_sealed("snapshot", SLICE_LITERAL("no snapshot"), &fd), 0);
    assert_int_equal(DATAGRAM_SEND(p.channel, fd, child_snapshot, .generation = 2), 0);
    struct child_taken taken;
    send_snapshot(&p, with_members(), ROLE_MEMBERSHIP); /* generation 1 */
    EXPECT(p.channel, child_taken, &taken);
    assert_int_equal(taken.generation, 1);
    expect_end(&p);
    close(auth);
}

/* Started by hand, each says so and does nothing. */
static void test_by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *label, *command;
    } programs[] = { { "logger", LOGGER_PROGRAM }, { "auth", AUTH_PROGRAM }, { "pam", PAM_PROGRAM },
                     { "membership", MEMBERSHIP_PROGRAM } };
    for (size_t i = 0; i < COUNT_OF(programs); i++) {
        char command[512];
        CASE_LABEL(&programs[i]);
        snprintf(command, sizeof command, "'%s' 3<&- 2>&1 | grep -q 'is started by sallyportd, not by hand'",
                 programs[i].command);
        assert_int_equal(system(command), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_logger, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_logger_new_folder, set_up, tear_down),
        cmocka_unit_test(test_auth),
        cmocka_unit_test(test_pam),
        cmocka_unit_test(test_membership),
        cmocka_unit_test(test_by_hand),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

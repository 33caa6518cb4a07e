/*
 * prepare_test.c - between the identity and the grant, over socket pairs: fixed accounts of virtual directories, the numbers
 * of fileAccessIdentity, homes of a directory.
 */
#include "auth/server.h"

#include "base/case_test.h"

#include <fcntl.h>
#include <unistd.h>

#include "proto/auth.h"
#include "proto/grant.h"
#include "proto/pam.h"
#include "snapshot/snapshot_build.h"
#include "sys/datagram.h"

#define SHA256_P "B03DDF3CA2E714A6548E7495E2A03F5E824EAAC9837CD7F159C67B90FB4B7342" /* of P@ssw0rd */
enum { SITE = 5, UID = 54001, GID = 54002 };

struct setup {
    bool fixed;              /* "/fixed" is served as "bob" */
    uint32_t files, isolation; /* 1 + the enum's value, 0 the default */
    bool mapped;             /* sallyport/identities names anna */
};

static struct world {
    struct child child;
    struct auth_server *auth;
    int supervisor, worker, broker, pam; /* our ends */
    uint8_t buffer[WIRE_DATAGRAM_MAX];
} world;

static struct snapshot *compose(const struct setup *t)
{
    struct snapshot_writer *w = snapshot_writer_new();
#define PUT(text) snapshot_build_text(w, text)
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", SITE);
    struct snap_provider provider = { .name = PUT("IisManagerAuth"), .kind = SNAP_PROVIDER_IIS_MANAGER };
    struct snap_user anna = { .name = PUT("anna"), .password = PUT(SHA256_P), .enabled = 1 };
    struct snap_permission permission = { .path = PUT("/Site"), .name = PUT("anna") };
    struct snap_fixed_account fixed = { .site = SITE, .path = PUT("/fixed"), .user_name = PUT("bob"), .password = PUT("bobs"),
                                        .logon_method = LOGON_CLEAR_TEXT };
    struct snap_account_map mapped = { .user = PUT("ANNA"), .uid = UID, .gid = GID, .groups = PUT("7, 258") };
    server.management_installed = 1;
    server.requires_windows_credentials = 0;
    server.uid_floor = 1000;
    server.pam_service = PUT("sallyport");
#undef PUT
    site.providers = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_provider, &provider), 1 };
    site.file_access_identity = t->files ? t->files - 1 : FILES_OF_SERVICE;
    site.isolation_mode = t->isolation ? t->isolation - 1 : ISOLATION_NONE;
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    snapshot_put_row(w, SNAP_TABLE_user, &anna);
    snapshot_put_row(w, SNAP_TABLE_permission, &permission);
    if (t->fixed)
        snapshot_put_row(w, SNAP_TABLE_fixed_account, &fixed);
    if (t->mapped)
        snapshot_put_row(w, SNAP_TABLE_account_map, &mapped);
    struct snapshot *s = snapshot_build(w, ROLE_AUTH);
    snapshot_writer_free(w);
    assert_non_null(s);
    return s;
}

static int our_end(int *theirs)
{
    int pair[2];
    assert_int_equal(datagram_pair(pair), 0);
    assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    *theirs = pair[1];
    return pair[0];
}

static int join(unsigned role)
{
    int theirs, ours = our_end(&theirs);
    assert_int_equal(auth_server_add_peer(world.auth, role, 0, theirs), 0);
    return ours;
}

static void begin(const struct setup *t)
{
    const struct auth_options options = { { "HOST1", 5 }, 2, true, 16, 32, 8 };
    world = (struct world){ .child = { .role = ROLE_AUTH, .region_fd = -1, .privileged = true } };
    world.supervisor = our_end(&world.child.fd);
    world.child.snapshot = compose(t);
    assert_int_equal(auth_server_new(&world.child, &options, &world.auth), 0);
    world.worker = join(ROLE_WORKER);
    world.broker = join(ROLE_BROKER);
    world.pam = join(ROLE_PAM);
    auth_server_start(world.auth);
}

static void finish(void)
{
    auth_server_free(world.auth);
    int ours[] = { world.supervisor, world.child.fd, world.worker, world.broker, world.pam };
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        close(ours[i]);
    snapshot_unref(world.child.snapshot);
}

/* The fields of message `number`, which must be the next to come to `socket`. */
static struct wire_in wait_for(int socket, uint16_t number)
{
    struct slice bytes;
    int fd;
    for (int turns = 0; turns < 3000; turns++) {
        int err = datagram_receive(socket, world.buffer, sizeof world.buffer, &bytes, &fd);
        if (err == ERR_AGAIN) {
            assert_int_equal(auth_server_turn(world.auth, 10), 0);
            continue;
        }
        assert_int_equal(err, 0);
        assert_int_equal((uint8_t)bytes.ptr[0], number);
        return wire_in_of(bytes.ptr + 2, bytes.len - 2);
    }
    fail_msg("message %u did not come", number);
    return wire_in_of(NULL, 0);
}

#define EXPECT(socket, name, out)                                                   \
    do {                                                                            \
        struct wire_in in_ = wait_for(socket, MSG_##name);                          \
        memset(out, 0, sizeof *(out));                                              \
        assert_int_equal(name##_decode(&in_, out), 0);                              \
    } while (0)

/* After these turns what has not been sent will not be. */
static bool is_silent(int socket)
{
    struct slice bytes;
    int fd;
    for (int i = 0; i < 20; i++)
        assert_int_equal(auth_server_turn(world.auth, 10), 0);
    return datagram_receive(socket, world.buffer, sizeof world.buffer, &bytes, &fd) == ERR_AGAIN;
}

static void log_in(void)
{
    assert_int_equal(DATAGRAM_SEND(world.worker, -1, auth_login, .session = 77, .session_id = SLICE_LITERAL("0123456789abcdef"),
                                   .site = SITE, .user = SLICE_LITERAL("anna"), .password = SLICE_LITERAL("P@ssw0rd"),
                                   .client = { 4, { 192, 0, 2, 1 }, 49152, 0 }),
                     0);
}

static void answer_pam(uint64_t job, enum pam_verdict verdict, uint32_t uid)
{
    assert_int_equal(DATAGRAM_SEND(world.pam, -1, pam_answer, .job = job, .verdict = (uint8_t)verdict, .uid = uid, .gid = GID,
                                   .user = SLICE_LITERAL("bob")),
                     0);
}

/* A grant does not overtake the account that it needs. */
static void test_grants_wait_for_fixed_accounts(void **state)
{
    (void)state;
    struct pam_check check;
    struct grant_fixed told;
    struct grant_give give;
    begin(&(struct setup){ .fixed = true });
    EXPECT(world.pam, pam_check, &check);
    assert_true(slice_equal_str(check.user, "bob") && slice_equal_str(check.password, "bobs") && !check.vouched);
    log_in();
    assert_true(is_silent(world.broker)); /* nobody knows yet whose files /fixed are */
    answer_pam(check.job, PAM_VERDICT_OK, UID);
    EXPECT(world.broker, grant_fixed, &told);
    assert_true(told.accepted && told.local && told.uid == UID && told.gid == GID && told.site == SITE);
    assert_true(slice_equal_str(told.path, "/fixed") && slice_equal_str(told.user, "bob"));
    assert_true(is_silent(world.broker)); /* the broker has not taken it in */
    assert_int_equal(DATAGRAM_SEND(world.broker, -1, grant_fixed_done, 0), 0);
    EXPECT(world.broker, grant_give, &give);
    assert_int_equal(give.identity, GRANT_SERVICE);
    finish();
}

static const struct {
    const char *label;
    enum pam_verdict verdict;
    uint32_t uid;
} refused[] = {
    { "a wrong password", PAM_VERDICT_DENIED, UID },
    { "PAM fails", PAM_VERDICT_UNAVAILABLE, UID },
    { "a uid below uidFloor (F08)", PAM_VERDICT_OK, 999 },
    { "root (F08)", PAM_VERDICT_OK, 0 },
};

/* The directory stays closed, the rest of the site does not. */
static void test_refused_fixed_accounts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct pam_check check;
        struct grant_fixed told;
        struct grant_give give;
        CASE_LABEL(&refused[i]);
        begin(&(struct setup){ .fixed = true });
        EXPECT(world.pam, pam_check, &check);
        answer_pam(check.job, refused[i].verdict, refused[i].uid);
        EXPECT(world.broker, grant_fixed, &told);
        assert_false(told.accepted);
        assert_int_equal(DATAGRAM_SEND(world.broker, -1, grant_fixed_done, 0), 0);
        log_in();
        EXPECT(world.broker, grant_give, &give);
        assert_true(is_silent(world.pam)); /* a refused one is not asked about again and again (A05) */
        finish();
    }
}

/* A broker that comes later is told too; pam that went away is asked again. */
static void test_programs_come_and_go(void **state)
{
    (void)state;
    struct pam_check check;
    struct grant_fixed told;
    begin(&(struct setup){ .fixed = true });
    EXPECT(world.pam, pam_check, &check);
    close(world.pam);
    assert_true(is_silent(world.broker));
    world.pam = join(ROLE_PAM);
    EXPECT(world.pam, pam_check, &check);
    answer_pam(check.job, PAM_VERDICT_OK, UID);
    EXPECT(world.broker, grant_fixed, &told);
    close(world.broker);
    world.broker = join(ROLE_BROKER);
    EXPECT(world.broker, grant_fixed, &told);
    assert_true(told.accepted && told.uid == UID);
    finish();
}

static void test_mapped_numbers(void **state)
{
    (void)state;
    struct grant_give give;
    begin(&(struct setup){ .files = 1 + FILES_OF_MAP, .mapped = true });
    log_in();
    EXPECT(world.broker, grant_give, &give);
    assert_int_equal(give.identity, GRANT_SYSTEM);
    assert_int_equal(give.account, GRANT_CUSTOM);
    assert_int_equal(give.uid, UID);
    assert_int_equal(give.gid, GID);
    assert_true(slice_equal(give.groups, slice_of("\7\0\0\0\2\1\0\0", 8)));
    finish();

    begin(&(struct setup){ .files = 1 + FILES_OF_MAP }); /* an IIS Manager user without an entry is nobody's account */
    log_in();
    EXPECT(world.broker, grant_give, &give);
    assert_int_equal(give.identity, GRANT_SERVICE);
    finish();
}

/* userIsolation mode ActiveDirectory has homes for accounts of the directory alone. */
static void test_no_home_for_others(void **state)
{
    (void)state;
    struct auth_result result;
    begin(&(struct setup){ .isolation = 1 + ISOLATION_ACTIVE_DIRECTORY });
    log_in();
    EXPECT(world.worker, auth_result, &result);
    assert_int_equal(result.verdict, AUTH_DENIED);
    assert_int_equal(result.win32, 5);
    assert_int_equal(result.substatus, 40);
    assert_true(is_silent(world.broker));
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grants_wait_for_fixed_accounts), cmocka_unit_test(test_refused_fixed_accounts),
        cmocka_unit_test(test_programs_come_and_go),           cmocka_unit_test(test_mapped_numbers),
        cmocka_unit_test(test_no_home_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

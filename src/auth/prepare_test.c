/*
 * prepare_test.c - between the identity and the grant, over socket pairs: fixed accounts of virtual directories, the numbers
 * of fileAccessIdentity, homes of a directory.
 */
#include "auth/auth_world.h"

enum { UID = 54001, GID = 54002 };

struct setup {
    bool fixed;              /* "/fixed" is served as "bob" */
    uint32_t files, isolation; /* 1 + the enum's value, 0 the default */
    const char *mapped;      /* a name in sallyport/identities */
    const char *user;        /* who logs in, anna unless given */
    bool member;             /* ... of the database of AspNetAuth, instead of an IIS Manager user */
};

static const char *name_of(const struct setup *t)
{
    return t->user ? t->user : "anna";
}

static struct snapshot_writer *compose(const struct setup *t)
{
    struct snapshot_writer *w = snapshot_writer_new();
#define PUT(text) snapshot_build_text(w, text)
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", SITE);
    struct snap_provider provider = { .name = PUT(t->member ? "AspNetAuth" : "IisManagerAuth"),
                                      .kind = t->member ? SNAP_PROVIDER_ASPNET : SNAP_PROVIDER_IIS_MANAGER };
    struct snap_user anna = { .name = PUT(name_of(t)), .password = PUT(SHA256_P), .enabled = 1 };
    struct snap_permission permission = { .path = PUT("/Site"), .name = PUT(name_of(t)) };
    struct snap_fixed_account fixed = { .site = SITE, .path = PUT("/fixed"), .user_name = PUT("bob"), .password = PUT("bobs"),
                                        .logon_method = LOGON_CLEAR_TEXT };
    struct snap_account_map mapped = { .user = PUT(t->mapped ? t->mapped : ""), .uid = UID, .gid = GID, .groups = PUT("7, 258") };
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
    return w;
}

static void begin(const struct setup *t)
{
    world_begin_written(compose(t));
}

static void log_in(void)
{
    assert_int_equal(DATAGRAM_SEND(world.worker[0], -1, auth_login, .session = 77, .session_id = SLICE_LITERAL("0123456789abcdef"),
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
    assert_true(world_is_silent(world.broker[0])); /* nobody knows yet whose files /fixed are */
    answer_pam(check.job, PAM_VERDICT_OK, UID);
    EXPECT(world.broker[0], grant_fixed, &told);
    assert_true(told.accepted && told.local && told.uid == UID && told.gid == GID && told.site == SITE);
    assert_true(slice_equal_str(told.path, "/fixed") && slice_equal_str(told.user, "bob"));
    assert_true(world_is_silent(world.broker[0])); /* the broker has not taken it in */
    assert_int_equal(DATAGRAM_SEND(world.broker[0], -1, grant_fixed_done, 0), 0);
    EXPECT(world.broker[0], grant_give, &give);
    assert_int_equal(give.identity, GRANT_SERVICE);
    world_finish();
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
        EXPECT(world.broker[0], grant_fixed, &told);
        assert_false(told.accepted);
        assert_int_equal(DATAGRAM_SEND(world.broker[0], -1, grant_fixed_done, 0), 0);
        log_in();
        EXPECT(world.broker[0], grant_give, &give);
        assert_true(world_is_silent(world.pam)); /* a refused one is not asked about again and again (A05) */
        world_finish();
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
    assert_true(world_is_silent(world.broker[0]));
    world.pam = world_join(ROLE_PAM, 0);
    EXPECT(world.pam, pam_check, &check);
    answer_pam(check.job, PAM_VERDICT_OK, UID);
    EXPECT(world.broker[0], grant_fixed, &told);
    close(world.broker[0]);
    world.broker[0] = world_join(ROLE_BROKER, 0);
    EXPECT(world.broker[0], grant_fixed, &told);
    assert_true(told.accepted && told.uid == UID);
    world_finish();
}

/* A login that waits for a fixed account goes on when a change of the configuration takes the account away. */
static void test_a_fixed_account_is_given_up(void **state)
{
    (void)state;
    struct pam_check check;
    struct grant_give give;
    begin(&(struct setup){ .fixed = true });
    EXPECT(world.pam, pam_check, &check);
    log_in();
    assert_true(world_is_silent(world.broker[0]));
    world_apply_written(compose(&(struct setup){ .fixed = false }));
    EXPECT(world.broker[0], grant_give, &give);
    assert_int_equal(give.identity, GRANT_SERVICE);
    answer_pam(check.job, PAM_VERDICT_OK, UID); /* too late to matter */
    assert_true(world_is_silent(world.broker[0]));
    world_finish();
}

/* What the password was when the question was put says nothing after a flush: it is asked about once more. */
static void test_flush_overtakes_a_question(void **state)
{
    (void)state;
    struct pam_check check;
    struct grant_fixed told;
    struct child_done done;
    begin(&(struct setup){ .fixed = true });
    EXPECT(world.pam, pam_check, &check);
    assert_int_equal(DATAGRAM_SEND(world.supervisor, -1, child_flush, .query = 3), 0);
    EXPECT(world.supervisor, child_done, &done);
    answer_pam(check.job, PAM_VERDICT_DENIED, UID);
    EXPECT(world.broker[0], grant_fixed, &told);
    assert_false(told.accepted);
    EXPECT(world.pam, pam_check, &check);
    answer_pam(check.job, PAM_VERDICT_OK, UID);
    EXPECT(world.broker[0], grant_fixed, &told);
    assert_true(told.accepted);
    assert_true(world_is_silent(world.pam));
    world_finish();
}

static void test_mapped_numbers(void **state)
{
    (void)state;
    struct grant_give give;
    begin(&(struct setup){ .files = 1 + FILES_OF_MAP, .mapped = "ANNA" });
    log_in();
    EXPECT(world.broker[0], grant_give, &give);
    assert_int_equal(give.identity, GRANT_SYSTEM);
    assert_int_equal(give.account, GRANT_CUSTOM);
    assert_int_equal(give.uid, UID);
    assert_int_equal(give.gid, GID);
    assert_true(slice_equal(give.groups, slice_of("\7\0\0\0\2\1\0\0", 8)));
    world_finish();

    begin(&(struct setup){ .files = 1 + FILES_OF_MAP }); /* an IIS Manager user without an entry is nobody's account */
    log_in();
    EXPECT(world.broker[0], grant_give, &give);
    assert_int_equal(give.identity, GRANT_SERVICE);
    world_finish();
}

static const struct {
    const char *label;
    struct setup setup;
} namesakes[] = { /* of others in sallyport/identities */
    { "a member who has registered as one of them (A07)", { .mapped = "anna", .member = true } },
    { "... as an account of a domain", { .mapped = "EXAMPLE\\anna", .user = "example\\anna", .member = true } },
    { "an IIS Manager user like an account of a domain", { .mapped = "EXAMPLE\\anna", .user = "example\\anna" } },
};

static void test_a_name_is_no_account(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(namesakes); i++) {
        CASE_LABEL(&namesakes[i]);
        struct setup t = namesakes[i].setup;
        struct membership_check check;
        struct grant_give give;
        t.files = 1 + FILES_OF_MAP;
        begin(&t);
        if (t.member)
            world.membership = world_join(ROLE_MEMBERSHIP, 0);
        world_ask(0, name_of(&t), "P@ssw0rd");
        if (t.member) {
            EXPECT(world.membership, membership_check, &check);
            assert_int_equal(DATAGRAM_SEND(world.membership, -1, membership_answer, .job = check.job, .verdict = MEMBERSHIP_OK,
                                           .user = check.user), 0);
        }
        EXPECT(world.broker[0], grant_give, &give);
        assert_int_equal(give.identity, GRANT_SERVICE);
        assert_int_equal(give.account, GRANT_CUSTOM);
        world_finish();
    }
}

/* userIsolation mode ActiveDirectory has homes for accounts of the directory alone. */
static void test_no_home_for_others(void **state)
{
    (void)state;
    struct auth_result result;
    begin(&(struct setup){ .isolation = 1 + ISOLATION_ACTIVE_DIRECTORY });
    log_in();
    EXPECT(world.worker[0], auth_result, &result);
    assert_int_equal(result.verdict, AUTH_DENIED);
    assert_int_equal(result.win32, 5);
    assert_int_equal(result.substatus, 40);
    assert_true(world_is_silent(world.broker[0]));
    world_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grants_wait_for_fixed_accounts), cmocka_unit_test(test_refused_fixed_accounts),
        cmocka_unit_test(test_programs_come_and_go),           cmocka_unit_test(test_mapped_numbers),
        cmocka_unit_test(test_no_home_for_others),             cmocka_unit_test(test_flush_overtakes_a_question),
        cmocka_unit_test(test_a_fixed_account_is_given_up),    cmocka_unit_test(test_a_name_is_no_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

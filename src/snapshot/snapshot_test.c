/* snapshot_test.c - what a role sees, what the validator refuses. */
#include "snapshot/snapshot_build.h"

#include "base/case_test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/fold.h"
#include "base/own.h"
#include "base/text.h"

static struct snap_text put(struct snapshot_writer *w, const char *text)
{
    return snapshot_build_text(w, text);
}

/* Two sites; the first with one row in every table. */
static struct snapshot_writer *example(void)
{
    struct snapshot_writer *w = snapshot_writer_new();
    assert_non_null(w);
    struct snap_server server = snapshot_build_server(w);
    struct snap_site one = snapshot_build_site(w, "One", 7), two = snapshot_build_site(w, "Two", 4294967295u);
    struct snap_binding binding = { .port = 21, .host = put(w, "ftp.example.com") };
    struct snap_rule rule = { .users = put(w, "ftpmanager"), .permissions = PERMISSION_READ | PERMISSION_WRITE };
    struct snap_directory directory = { .path = put(w, "/"), .linux_path = put(w, "/srv/ftp") };
    struct snap_user user = { .name = put(w, "ftpmanager"), .password = put(w, "HASH-OF-A-PASSWORD"), .enabled = 1 };
    struct snap_cert cert = { .chain_pem = put(w, "CHAIN"), .key_pem = put(w, "SECRET-KEY") };
    struct snap_provider provider = { .name = put(w, "IisManagerAuth"), .kind = SNAP_PROVIDER_IIS_MANAGER };
    struct snap_scope scope = { .path = put(w, "/") };

    snapshot_put_row(w, SNAP_TABLE_server, &server);
    one.bindings = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_binding, &binding), 1 };
    one.directories = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_directory, &directory), 1 };
    scope.rules = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_rule, &rule), 1 };
    one.scopes = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_scope, &scope), 1 };
    one.providers = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_provider, &provider), 1 };
    one.cert = 1 + snapshot_put_row(w, SNAP_TABLE_cert, &cert);
    snapshot_put_row(w, SNAP_TABLE_user, &user);
    snapshot_put_row(w, SNAP_TABLE_site, &one);
    snapshot_put_row(w, SNAP_TABLE_site, &two);
    return w;
}

static bool holds(const struct text *bytes, const char *text)
{
    return memmem(bytes->ptr, bytes->len, text, strlen(text)) != NULL;
}

static const struct {
    const char *label;
    unsigned role;
    bool key, hash, rules, scopes;
} roles[] = {
    { "everything",                             0,               true,  true,  true,  true },
    { "the worker has the key and no hashes",   ROLE_WORKER,     true,  false, false, false },
    { "the broker has rules and no secrets",    ROLE_BROKER,     false, false, true,  true },
    { "auth has hashes, the rules and no key",  ROLE_AUTH,       false, true,  true,  true },
    { "the logger has neither",                 ROLE_LOGGER,     false, false, false, false },
    { "the supervisor has neither",             ROLE_SUPERVISOR, false, false, false, false },
};

static void test_roles(void **state)
{
    (void)state;
    struct snapshot_writer *w = example();
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        OWNED_TEXT_BUFFER bytes = { 0 };
        CASE_LABEL(&roles[i]);
        assert_int_equal(snapshot_writer_finish(w, roles[i].role, &bytes), 0);
        assert_int_equal(holds(&bytes, "SECRET-KEY"), roles[i].key);
        assert_int_equal(holds(&bytes, "HASH-OF-A-PASSWORD"), roles[i].hash);
        struct snapshot *s;
        assert_int_equal(snapshot_view(bytes.ptr, bytes.len, &s), 0);
        assert_int_equal(snapshot_count(s, SNAP_TABLE_rule), roles[i].rules ? 1 : 0);
        assert_int_equal(snapshot_site(s, 0)->scopes.count, roles[i].scopes ? 1 : 0);
        assert_int_equal(snapshot_site(s, 0)->cert, roles[i].key ? 1 : 0);
        snapshot_unref(s);
    }
    snapshot_writer_free(w);
}

static void test_values(void **state)
{
    (void)state;
    struct snapshot_writer *w = example();
    struct snapshot *s = snapshot_build(w, 0);
    snapshot_writer_free(w);
    assert_non_null(s);
    const struct snap_site *one = snapshot_site_by_id(s, 7);
    assert_ptr_equal(one, snapshot_site(s, 0));
    assert_ptr_equal(snapshot_site_by_id(s, 4294967295u), snapshot_site(s, 1));
    assert_null(snapshot_site_by_id(s, 8));
    assert_null(snapshot_site_by_id(s, 0));
    assert_null(snapshot_site(s, 2));
    assert_true(slice_equal_str(snapshot_text(s, one->name), "One"));
    assert_int_equal(snapshot_text(s, one->name).ptr[3], 0);
    assert_int_equal(one->max_connections, UINT32_MAX);
    assert_int_equal(snapshot_text(s, one->failure).len, 0);
    assert_int_equal(snapshot_binding(s, one->bindings.first)->port, 21);
    const struct snap_scope *scope = snapshot_scope(s, one->scopes.first);
    assert_true(slice_equal_str(snapshot_text(s, snapshot_rule(s, scope->rules.first)->users), "ftpmanager"));
    assert_int_equal(snapshot_generation(s), 1);
    assert_ptr_equal(snapshot_ref(s), s);
    snapshot_unref(s);
    assert_int_equal(snapshot_server(s, 0)->uid_floor, 1000);
    snapshot_unref(s);
}

static void test_equal_texts_share(void **state)
{
    (void)state;
    struct snapshot_writer *w = snapshot_writer_new();
    char name[32];
    struct snap_text first[300];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 300; i++) {
            snprintf(name, sizeof name, "text %d", i);
            struct snap_text t = put(w, name);
            if (round)
                assert_memory_equal(&t, &first[i], sizeof t);
            first[i] = t;
        }
    snapshot_writer_free(w);
}

/* A column without a limit refuses every value, so each must be able to hold its largest one. */
static void test_limits(void **state)
{
    (void)state;
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    server.central_log_mode = 1;
    server.central_log_period = LOG_PERIOD_HOURLY;
    server.tls_min = TLS_MIN_13;
    server.password_format = PASSWORD_FORMAT_SHA256;
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    struct snap_site site = snapshot_build_site(w, "a", 1);
    site.control_channel_policy = SSL_REQUIRE_CREDENTIALS_ONLY;
    site.data_channel_policy = SSL_DATA_DENY;
    site.log_period = LOG_PERIOD_HOURLY;
    site.show_flags = SHOW_LONG_DATE | SHOW_STYLE_UNIX | SHOW_AVAILABLE_BYTES | SHOW_VIRTUAL_DIRECTORIES | SHOW_GMT;
    site.log_fields = 67108864;
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    snapshot_put_row(w, SNAP_TABLE_rule, &(struct snap_rule){ .permissions = PERMISSION_READ | PERMISSION_WRITE });
    snapshot_put_row(w, SNAP_TABLE_provider, &(struct snap_provider){ .kind = SNAP_PROVIDER_ASPNET });
    struct snapshot *s = snapshot_build(w, 0);
    assert_non_null(s);
    snapshot_unref(s);
    snapshot_writer_free(w);
}

static void test_many_sites(void **state)
{
    (void)state;
    enum { SITES = 10000 };
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    struct snap_site site = snapshot_build_site(w, "many", 0);
    for (uint32_t i = 0; i < SITES; i++) {
        site.id = i * 65536 + 1;
        snapshot_put_row(w, SNAP_TABLE_site, &site);
    }
    struct snapshot *s = snapshot_build(w, ROLE_WORKER);
    assert_non_null(s);
    for (uint32_t i = 0; i < SITES; i++)
        assert_ptr_equal(snapshot_site_by_id(s, i * 65536 + 1), snapshot_site(s, i));
    snapshot_unref(s);
    snapshot_writer_free(w);
}

/* Among many rows each is found by its key, in any letters, and what is not there is not. */
static void test_orders(void **state)
{
    enum { USERS = 500 };
    (void)state;
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    char name[32];
    size_t row;
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    for (unsigned i = 0; i < USERS; i++) {
        snprintf(name, sizeof name, "%s%u", i % 2 ? "\xC3\x9CSER" : "\xC3\xBCser", i * 7919 % USERS);
        struct snap_user user = { .name = snapshot_build_text(w, name) };
        snapshot_put_row(w, SNAP_TABLE_user, &user);
    }
    struct snapshot *s = snapshot_build(w, ROLE_AUTH), *none = snapshot_build(w, ROLE_WORKER);
    assert_non_null(s);
    for (unsigned i = 0; i < USERS; i++) {
        snprintf(name, sizeof name, "\xC3\x9Cser%u", i);
        size_t place = snapshot_find(s, SNAP_ORDER_user_name, (struct snap_key){ .first = slice_str(name) });
        assert_true(snapshot_at_place(s, SNAP_ORDER_user_name, place, &row));
        assert_true(fold_same(snapshot_text(s, snapshot_user(s, row)->name), slice_str(name)));
    }
    assert_int_equal(snapshot_find(s, SNAP_ORDER_user_name, (struct snap_key){ .first = SLICE_LITERAL("a") }), 0);
    assert_int_equal(snapshot_find(s, SNAP_ORDER_user_name, (struct snap_key){ .first = SLICE_LITERAL("\xC3\xBF") }), USERS);
    assert_false(snapshot_at_place(s, SNAP_ORDER_user_name, USERS, &row));
    assert_int_equal(snapshot_find(none, SNAP_ORDER_user_name, (struct snap_key){ .first = SLICE_LITERAL("\xC3\xBCser1") }), 0);
    assert_false(snapshot_at_place(none, SNAP_ORDER_user_name, 0, &row));
    snapshot_unref(none);
    snapshot_unref(s);
    snapshot_writer_free(w);
}

static void test_writer_refuses(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER bytes = { 0 };
    struct snapshot_writer *w = snapshot_writer_new();
    assert_int_equal(snapshot_writer_finish(w, 0, &bytes), ERR_STATE);
    struct snap_server server = snapshot_build_server(w);
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    struct snap_site site = snapshot_build_site(w, "a", 1);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    assert_int_equal(snapshot_writer_finish(w, 0, &bytes), 0);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    assert_int_equal(snapshot_writer_finish(w, 0, &bytes), ERR_EXISTS);
    snapshot_writer_free(w);

    w = snapshot_writer_new();
    server = snapshot_build_server(w);
    server.pam_service = (struct snap_text){ 3, 200 };
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    assert_int_equal(snapshot_writer_finish(w, 0, &bytes), ERR_RANGE);
    snapshot_put_text(w, SLICE_LITERAL("a\0b"));
    assert_int_equal(snapshot_writer_finish(w, 0, &bytes), ERR_SYNTAX);
    snapshot_writer_free(w);

    w = snapshot_writer_new();
    server = snapshot_build_server(w);
    snapshot_append_row(w, SNAP_TABLE_server, &server, sizeof server - 4);
    assert_int_equal(snapshot_writer_finish(w, 0, &bytes), ERR_STATE);
    snapshot_writer_free(w);
}

/* One wrong column each, in the second site's row or the binding's. */
static void bad_bool(struct snap_site *s, struct snap_binding *b) { (void)b; s->basic_enabled = 2; }
static void bad_enum(struct snap_site *s, struct snap_binding *b) { (void)b; s->control_channel_policy = 3; }
static void bad_flags(struct snap_site *s, struct snap_binding *b) { (void)b; s->log_selective = 8; }
static void bad_text(struct snap_site *s, struct snap_binding *b) { (void)b; s->name.len += 1; }
static void bad_text_start(struct snap_site *s, struct snap_binding *b) { (void)b; s->name.at = UINT32_MAX; }
static void bad_text_wrap(struct snap_site *s, struct snap_binding *b) { (void)b; s->name.len = UINT32_MAX; }
static void bad_text_two(struct snap_site *s, struct snap_binding *b) { (void)b; s->name.at -= 2; s->name.len += 2; }
static void bad_range(struct snap_site *s, struct snap_binding *b) { (void)b; s->bindings.count = 2; }
static void bad_range_wrap(struct snap_site *s, struct snap_binding *b) { (void)b; s->bindings.first = UINT32_MAX; s->bindings.count = 2; }
static void bad_cert(struct snap_site *s, struct snap_binding *b) { (void)b; s->cert = 2; }
static void bad_row(struct snap_site *s, struct snap_binding *b) { (void)s; b->site = 2; }
static void bad_id(struct snap_site *s, struct snap_binding *b) { (void)b; s->id = 7; }
static void no_change(struct snap_site *s, struct snap_binding *b) { (void)b; (void)s; }

static const struct {
    const char *label;
    void (*change)(struct snap_site *s, struct snap_binding *b);
    int want;
} damaged[] = {
    { "nothing changed",                      no_change,      0 },
    { "a bool of 2",                          bad_bool,       ERR_RANGE },
    { "an enum value that no code knows",     bad_enum,       ERR_RANGE },
    { "an unknown flag",                      bad_flags,      ERR_RANGE },
    { "a text without its NUL",               bad_text,       ERR_RANGE },
    { "a text that begins behind the pool",   bad_text_start, ERR_RANGE },
    { "a text whose end wraps",               bad_text_wrap,  ERR_RANGE },
    { "a text over the border of another",    bad_text_two,   ERR_SYNTAX },
    { "a range beyond its table",             bad_range,      ERR_RANGE },
    { "a range whose end wraps",              bad_range_wrap, ERR_RANGE },
    { "a certificate that is not there",      bad_cert,       ERR_RANGE },
    { "a binding of no site",                 bad_row,        ERR_RANGE },
    { "an id that the index does not find",   bad_id,         ERR_RANGE },
};

static void test_damaged(void **state)
{
    (void)state;
    struct snapshot_writer *w = example();
    for (size_t i = 0; i < COUNT_OF(damaged); i++) {
        OWNED_TEXT_BUFFER bytes = { 0 };
        struct snapshot *s;
        CASE_LABEL(&damaged[i]);
        assert_int_equal(snapshot_writer_finish(w, 0, &bytes), 0);
        assert_int_equal(snapshot_view(bytes.ptr, bytes.len, &s), 0);
        damaged[i].change((void *)(uintptr_t)snapshot_site(s, 1), (void *)(uintptr_t)snapshot_binding(s, 0));
        snapshot_unref(s);
        s = NULL;
        assert_int_equal(snapshot_view(bytes.ptr, bytes.len, &s), damaged[i].want);
        snapshot_unref(s);
    }
    snapshot_writer_free(w);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    struct snapshot_writer *w = example();
    OWNED_TEXT_BUFFER bytes = { 0 };
    struct snapshot *s;
    assert_int_equal(snapshot_writer_finish(w, 0, &bytes), 0);
    snapshot_writer_free(w);
    for (size_t len = 0; len < bytes.len; len++) {
        /* an exact copy, so that a sanitizer sees a read behind it */
        OWNED_TEXT cut = malloc(len ? len : 1);
        memcpy(cut, bytes.ptr, len);
        assert_int_equal(snapshot_view(cut, len, &s), ERR_TRUNCATED);
    }
    text_add_char(&bytes, 0);
    assert_int_equal(snapshot_view(bytes.ptr, bytes.len, &s), ERR_TRAILING);
    bytes.ptr[0] = 'x';
    assert_int_equal(snapshot_view(bytes.ptr, bytes.len, &s), ERR_SYNTAX);
}

static const struct {
    const char *label;
    int seals, want;
} seals[] = {
    { "all three",          F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW, 0 },
    { "writable",           F_SEAL_SHRINK | F_SEAL_GROW,                ERR_DENIED },
    { "can shrink under us", F_SEAL_WRITE | F_SEAL_GROW,                ERR_DENIED },
    { "can grow",           F_SEAL_WRITE | F_SEAL_SHRINK,               ERR_DENIED },
    { "none",               0,                                          ERR_DENIED },
};

static void test_seals(void **state)
{
    (void)state;
    struct snapshot_writer *w = example();
    OWNED_TEXT_BUFFER bytes = { 0 };
    assert_int_equal(snapshot_writer_finish(w, 0, &bytes), 0);
    snapshot_writer_free(w);
    for (size_t i = 0; i < COUNT_OF(seals); i++) {
        struct snapshot *s = NULL;
        OWNED_FD fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        CASE_LABEL(&seals[i]);
        assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, seals[i].seals), 0);
        assert_int_equal(snapshot_open(fd, &s), seals[i].want);
        snapshot_unref(s);
    }
    OWNED_FD file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct snapshot *s;
    assert_int_equal(snapshot_open(file, &s), ERR_DENIED);
    OWNED_FD empty = -1;
    assert_int_equal(snapshot_seal(SLICE_NONE, &empty), 0);
    assert_int_equal(snapshot_open(empty, &s), ERR_TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_equal_texts_share),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many_sites),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_writer_refuses),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_seals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

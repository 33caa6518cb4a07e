/* isolation_test.c - homes by mode and kind of account. */
#include "policy/isolation.h"

#include "base/case_test.h"
#include "snapshot/snapshot_build.h"

enum { NONE = ISOLATION_NONE, START = ISOLATION_START_IN_USERS_DIRECTORY, ROOT = ISOLATION_ROOT_ONLY, ALL = ISOLATION_ALL };

static const struct {
    const char *label;
    uint32_t mode;
    enum grant_account kind;
    const char *user, *domain;
    int err;
    const char *want;
} homes[] = {
    { "no isolation", NONE, GRANT_CUSTOM, "anna", "", 0, "/" },
    { "start: user", START, GRANT_CUSTOM, "anna", "", 0, "/anna" },
    { "start: domain user goes by the name alone", START, GRANT_DOMAIN, "anna", "CORP", 0, "/anna" },
    { "start: anonymous", START, GRANT_ANONYMOUS, "anonymous", "", 0, "/default" },
    { "start: no component", START, GRANT_CUSTOM, "a/b", "", ERR_NAME, NULL },
    { "anonymous", ALL, GRANT_ANONYMOUS, "anonymous", "", 0, "/LocalUser/Public" },
    { "anonymous, root only", ROOT, GRANT_ANONYMOUS, "anonymous", "", 0, "/LocalUser/Public" },
    { "system account", ALL, GRANT_LOCAL, "anna", "", 0, "/LocalUser/anna" },
    { "IIS Manager user", ROOT, GRANT_CUSTOM, "anna", "", 0, "/LocalUser/anna" },
    { "domain account", ALL, GRANT_DOMAIN, "anna", "CORP", 0, "/CORP/anna" },
    { "local account of that name", ALL, GRANT_LOCAL, "anna", "CORP", 0, "/LocalUser/anna" },
    { "name with an @", ALL, GRANT_CUSTOM, "anna@example.com", "", 0, "/LocalUser/anna@example.com" },
    { "parent (F06)", ALL, GRANT_CUSTOM, "..", "", ERR_NAME, NULL },
    { "here (F06)", ALL, GRANT_CUSTOM, ".", "", ERR_NAME, NULL },
    { "nobody (F06)", ALL, GRANT_CUSTOM, "", "", ERR_NAME, NULL },
    { "two components (F06)", ALL, GRANT_CUSTOM, "a/b", "", ERR_NAME, NULL },
    { "Windows separator (F06)", ALL, GRANT_CUSTOM, "a\\b", "", ERR_NAME, NULL },
    { "the home of anonymous (F06)", ALL, GRANT_CUSTOM, "public", "", ERR_NAME, NULL },
    { "domain user of that name has a home of his own", ALL, GRANT_DOMAIN, "Public", "CORP", 0, "/CORP/Public" },
    { "dots at the end (F06)", ALL, GRANT_CUSTOM, "anna.", "", ERR_NAME, NULL },
    { "device (F06)", ALL, GRANT_CUSTOM, "NUL", "", ERR_NAME, NULL },
    { "control character (F06)", ALL, GRANT_CUSTOM, "an\nna", "", ERR_NAME, NULL },
    { "domain that is the local container (F06)", ALL, GRANT_DOMAIN, "anna", "localuser", ERR_NAME, NULL },
    { "domain that leads up (F06)", ALL, GRANT_DOMAIN, "anna", "..", ERR_NAME, NULL },
    { "domain account without domain (F06)", ALL, GRANT_DOMAIN, "anna", "", ERR_NAME, NULL },
    { "mode that the loader refuses", 2, GRANT_CUSTOM, "anna", "", ERR_UNSUPPORTED, NULL },
};

static void test_homes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(homes); i++) {
        struct text out = { 0 };
        CASE_LABEL(&homes[i]);
        const struct isolation_account who = { homes[i].kind, slice_str(homes[i].user), slice_str(homes[i].domain) };
        assert_int_equal(isolation_home(homes[i].mode, &who, &out), homes[i].err);
        if (homes[i].want)
            assert_string_equal(text_str(&out), homes[i].want);
        text_free(&out);
    }
}

static const struct {
    const char *label, *path, *domain;
    bool want;
} places[] = {
    { "root", "/", "", false },
    { "in the home", "/plans", "", false },
    { "global directory", "/shared", "", true },
    { "below it", "/Shared/a/b", "", true },
    { "global directory deeper down", "/a/deep/x", "", true },
    { "above it", "/a", "", false },
    { "the homes of others", "/LocalUser/bert", "", false },
    { "a home that is a virtual directory", "/localuser/carl/x", "", false },
    { "the homes of the own domain", "/corp/bert", "CORP", false },
};

static void test_global(void **state)
{
    (void)state;
    static const char *const mapped[] = { "/LocalUser/carl", "/LocalUser", "/a/deep", "/shared", "/CORP", "/" };
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", 1);
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    for (size_t i = 0; i < COUNT_OF(mapped); i++) {
        struct snap_directory d = { .path = snapshot_build_text(w, mapped[i]), .linux_path = snapshot_build_text(w, "/srv") };
        snapshot_put_row(w, SNAP_TABLE_directory, &d);
        site.directories.count++;
    }
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    struct snapshot *s = snapshot_build(w, ROLE_BROKER);
    snapshot_writer_free(w);
    assert_non_null(s);
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        CASE_LABEL(&places[i]);
        assert_int_equal(isolation_is_global(s, snapshot_site(s, 0), slice_str(places[i].path), slice_str(places[i].domain)),
                         places[i].want);
    }
    snapshot_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_homes), cmocka_unit_test(test_global) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

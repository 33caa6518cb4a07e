/* account_test.c - names and permissions as rows; the cache by its promises. */
#include "auth/account.h"

#include "base/case_test.h"

#include "auth/cache.h"
#include "snapshot/snapshot_build.h"

static const struct {
    const char *label, *typed, *default_domain;
    int want;
    const char *name;
} names[] = {
    { "plain name, default domain as installed",   "anna",              "NT AUTHORITY", 0, "anna" },
    { "plain name, no default domain",             "anna",              "",             0, "anna" },
    { "machine in front",                          "HOST1\\anna",       "NT AUTHORITY", 0, "anna" },
    { "machine in another case (A10)",             "host1\\anna",       "NT AUTHORITY", 0, "anna" },
    { "machine behind (A10)",                      "anna@Host1",        "NT AUTHORITY", 0, "anna" },
    { "dot",                                       ".\\anna",           "CORP",         0, "anna" },
    { "NT AUTHORITY",                              "nt authority\\anna", "CORP",        0, "anna" },
    { "other domain",                              "CORP\\anna",        "NT AUTHORITY", ERR_UNSUPPORTED, NULL },
    { "other domain behind",                       "anna@corp.example", "NT AUTHORITY", ERR_UNSUPPORTED, NULL },
    { "default domain is another",                 "anna",              "CORP",         ERR_UNSUPPORTED, NULL },
    { "machine as prefix of a domain",             "HOST10\\anna",      "NT AUTHORITY", ERR_UNSUPPORTED, NULL },
    { "domain without a name",                     "HOST1\\",           "NT AUTHORITY", ERR_SYNTAX, NULL },
    { "nothing",                                   "",                  "NT AUTHORITY", ERR_SYNTAX, NULL },
    { "two domains",                               "HOST1\\HOST1\\anna", "NT AUTHORITY", ERR_SYNTAX, NULL },
    { "both forms at once",                        "HOST1\\anna@HOST1", "NT AUTHORITY", ERR_SYNTAX, NULL },
    { "path",                                      "../anna",           "NT AUTHORITY", ERR_SYNTAX, NULL },
    { "passwd field separator",                    "anna:x",            "NT AUTHORITY", ERR_SYNTAX, NULL },
    { "control character",                         "an\nna",            "NT AUTHORITY", ERR_SYNTAX, NULL },
    { "no UTF-8",                                  "an\xFFna",          "NT AUTHORITY", ERR_SYNTAX, NULL },
    { "trailing blank is another name (A10)",      "anna ",             "NT AUTHORITY", 0, "anna " },
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct slice name = SLICE_NONE;
        CASE_LABEL(&names[i]);
        assert_int_equal(account_system_name(slice_str(names[i].typed), SLICE_LITERAL("HOST1"),
                                             slice_str(names[i].default_domain), &name),
                         names[i].want);
        assert_true(slice_equal(name, slice_str(names[i].name)));
    }
}

static const struct {
    const char *label, *path, *name;
    bool is_role;
    const char *user;
    bool want;
} permissions[] = {
    { "site",                                 "/My New FTP Site",       "ftpmanager", false, "ftpmanager", true },
    { "another case (A10)",                   "/my new ftp site",       "FTPManager", false, "ftpmanager", true },
    { "of any alphabet",                      "/my new ftp \xC5\xBFite", "ZO\xC3\x8B", false, "zo\xC3\xAB",   true },
    { "asked in other letters",               "/My New FTP Site",       "zo\xC3\xAB", false, "ZO\xC3\x8B",   true },
    { "an application in other letters",      "/my new ftp \xC5\xBFite/app", "zo\xC3\xAB", false, "zo\xC3\xAB", true },
    { "without the accent",                   "/My New FTP Site",       "zo\xC3\xAB", false, "zoe",        false },
    { "application of the site",              "/My New FTP Site/app",   "ftpmanager", false, "ftpmanager", true },
    { "other site",                           "/Other",                 "ftpmanager", false, "ftpmanager", false },
    { "site whose name goes on",              "/My New FTP Site 2",     "ftpmanager", false, "ftpmanager", false },
    { "site whose name is shorter",           "/My New FTP",            "ftpmanager", false, "ftpmanager", false },
    { "server level",                         "/",                      "ftpmanager", false, "ftpmanager", false },
    { "path without slash",                   "My New FTP Site",        "ftpmanager", false, "ftpmanager", false },
    { "no path",                              "",                       "ftpmanager", false, "ftpmanager", false },
    { "somebody else's",                      "/My New FTP Site",       "other",      false, "ftpmanager", false },
    { "a Windows group of that name",         "/My New FTP Site",       "ftpmanager", true,  "ftpmanager", false },
    { "disabled user",                        "/My New FTP Site",       "off",        false, "off",        false },
    { "no such user",                         "/My New FTP Site",       "nobody",     false, "nobody",     false },
};

static struct snapshot *build(const char *path, const char *name, bool is_role)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "My New FTP Site", 5);
    struct snap_provider provider = { .name = snapshot_build_text(w, "IisManagerAuth"), .kind = SNAP_PROVIDER_IIS_MANAGER };
    struct snap_user users[] = { { .name = snapshot_build_text(w, "ftpmanager"), .enabled = 1 },
                                 { .name = snapshot_build_text(w, "off"), .enabled = 0 },
                                 { .name = snapshot_build_text(w, "zo\xC3\xAB"), .enabled = 1 },
                                 { .name = snapshot_build_text(w, "zoe"), .enabled = 1 } };
    struct snap_permission permission = { snapshot_build_text(w, path), snapshot_build_text(w, name), is_role, 0 };
    server.management_installed = 1;
    server.requires_windows_credentials = 0;
    site.providers = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_provider, &provider), 1 };
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    for (size_t i = 0; i < COUNT_OF(users); i++)
        snapshot_put_row(w, SNAP_TABLE_user, &users[i]);
    snapshot_put_row(w, SNAP_TABLE_permission, &permission);
    struct snapshot *s = snapshot_build(w, ROLE_AUTH);
    snapshot_writer_free(w);
    assert_non_null(s);
    return s;
}

static void test_mapped(void **state)
{
    (void)state;
    static const struct {
        const char *label, *name;
        bool want;
    } cases[] = {
        { "as written", "CORP\\k\xC3\xBChn", true },     { "in other letters", "corp\\K\xC3\x9CHN", true },
        { "without the accent", "CORP\\kuhn", false },  { "with a Kelvin sign", "CORP\\\xE2\x84\xAA\xC3\xBChn", false },
        { "of another domain", "k\xC3\xBChn", false },
    };
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_account_map map = { .user = snapshot_build_text(w, "CORP\\k\xC3\xBChn") };
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    snapshot_put_row(w, SNAP_TABLE_account_map, &map);
    struct snapshot *s = snapshot_build(w, ROLE_AUTH);
    snapshot_writer_free(w);
    assert_non_null(s);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        assert_int_equal(account_mapped(s, slice_str(cases[i].name)) != NULL, cases[i].want);
    }
    snapshot_unref(s);
}

static void test_permissions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(permissions); i++) {
        CASE_LABEL(&permissions[i]);
        struct snapshot *s = build(permissions[i].path, permissions[i].name, permissions[i].is_role);
        assert_int_equal(account_is_allowed(s, ACCOUNT_IIS_MANAGER, 5, slice_str(permissions[i].user)),
                         permissions[i].want);
        assert_false(account_is_allowed(s, ACCOUNT_IIS_MANAGER, 6, slice_str(permissions[i].user)));
        assert_false(account_is_allowed(s, ACCOUNT_ANONYMOUS, 5, SLICE_NONE));
        assert_false(account_is_allowed(s, ACCOUNT_SYSTEM, 5, SLICE_LITERAL("anna")));
        snapshot_unref(s);
    }
}

/* ---- the cache (A11) ---- */

static const struct {
    const char *label;
    struct cache_key key;
} keys[] = {
    { "the one that is put",       { ACCOUNT_SYSTEM,      1, { "anna", 4 },  { "secret", 6 } } },
    { "other kind",                { ACCOUNT_IIS_MANAGER, 1, { "anna", 4 },  { "secret", 6 } } },
    { "other site",                { ACCOUNT_SYSTEM,      2, { "anna", 4 },  { "secret", 6 } } },
    { "other name",                { ACCOUNT_SYSTEM,      1, { "annb", 4 },  { "secret", 6 } } },
    { "other password",            { ACCOUNT_SYSTEM,      1, { "anna", 4 },  { "secreT", 6 } } },
    { "border moved by one byte",  { ACCOUNT_SYSTEM,      1, { "annas", 5 }, { "ecret", 5 } } },
    { "no password",               { ACCOUNT_SYSTEM,      1, { "anna", 4 },  { "", 0 } } },
};

static void test_cache_keys(void **state)
{
    (void)state;
    struct cache *c = cache_new();
    uint8_t digest[CACHE_DIGEST], print[CACHE_DIGEST];
    const struct identity anna = { .kind = ACCOUNT_SYSTEM, .uid = 1001, .gid = 1002, .user = SLICE_LITERAL("anna"),
                                   .groups = { "\1\0\0\0", 4 }, .roles = SLICE_LITERAL("staff\nftp") };
    cache_fingerprint(c, SLICE_NONE, print);
    cache_digest(c, &keys[0].key, digest);
    cache_put(c, digest, print, 1, &anna, 100);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        CASE_LABEL(&keys[i]);
        cache_digest(c, &keys[i].key, digest);
        const struct identity *found = cache_find(c, digest, print, 99);
        assert_int_equal(found != NULL, i == 0);
        if (found) {
            assert_int_equal(found->uid, 1001);
            assert_true(slice_equal(found->roles, anna.roles));
            assert_true(slice_equal(found->groups, anna.groups));
        }
    }
    cache_free(c);
}

static bool keep_none(void *context, uint32_t site, const struct identity *identity, const uint8_t print[CACHE_DIGEST])
{
    (void)context;
    (void)site;
    (void)identity;
    (void)print;
    return false;
}

static void test_cache_forgets(void **state)
{
    (void)state;
    struct cache *c = cache_new();
    uint8_t digest[CACHE_DIGEST], print[CACHE_DIGEST], other[CACHE_DIGEST];
    const struct identity anna = { .kind = ACCOUNT_IIS_MANAGER, .user = SLICE_LITERAL("anna") };
    cache_fingerprint(c, SLICE_LITERAL("stored"), print);
    cache_fingerprint(c, SLICE_LITERAL("stored anew"), other);
    cache_digest(c, &keys[0].key, digest);

    cache_put(c, digest, print, 1, &anna, 100);
    assert_non_null(cache_find(c, digest, print, 99));
    assert_null(cache_find(c, digest, print, 100)); /* its time is over */
    assert_null(cache_find(c, digest, print, 99));  /* and it is gone */

    cache_put(c, digest, print, 1, &anna, 100);
    assert_null(cache_find(c, digest, other, 1)); /* the password was changed */
    assert_null(cache_find(c, digest, print, 1));

    cache_put(c, digest, print, 1, &anna, 100);
    cache_flush(c);
    assert_null(cache_find(c, digest, print, 1));

    cache_put(c, digest, print, 1, &anna, 100);
    cache_retain(c, keep_none, NULL);
    assert_null(cache_find(c, digest, print, 1));
    cache_free(c);
}

/* What is cached or waits for a grant keeps every name that rules may use. */
static void test_copy(void **state)
{
    (void)state;
    const struct identity from = { .kind = ACCOUNT_DIRECTORY, .user = SLICE_LITERAL("CORP\\anna"), .groups = SLICE_LITERAL("1234"),
                                   .roles = SLICE_LITERAL("staff"), .sid = SLICE_LITERAL("S-1-5-21-1"),
                                   .dns_domain = SLICE_LITERAL("corp.example"), .principal = SLICE_LITERAL("a.smith@example.net"),
                                   .mapped = SLICE_LITERAL("anna@corp.example") };
    struct identity *to;
    assert_int_equal(identity_copy(&from, &to), 0);
    assert_true(slice_equal(to->user, from.user) && slice_equal(to->groups, from.groups) && slice_equal(to->roles, from.roles));
    assert_true(slice_equal(to->sid, from.sid) && slice_equal(to->dns_domain, from.dns_domain));
    assert_true(slice_equal(to->principal, from.principal) && slice_equal(to->mapped, from.mapped));
    assert_ptr_not_equal(to->principal.ptr, from.principal.ptr);
    identity_free(to);
}

/* However many logins there are, memory is bounded and the newest is there. */
static void test_cache_is_bounded(void **state)
{
    (void)state;
    struct cache *c = cache_new();
    uint8_t digest[CACHE_DIGEST], print[CACHE_DIGEST];
    cache_fingerprint(c, SLICE_NONE, print);
    size_t found = 0;
    char name[16];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 20000; i++) {
            size_t len = (size_t)snprintf(name, sizeof name, "user%d", i);
            const struct cache_key key = { ACCOUNT_SYSTEM, 1, { name, len }, SLICE_LITERAL("secret") };
            cache_digest(c, &key, digest);
            if (round == 0)
                cache_put(c, digest, print, 1, &(struct identity){ .kind = ACCOUNT_SYSTEM, .user = key.name }, 1000 + i);
            else
                found += cache_find(c, digest, print, 1) != NULL;
            if (i == 19999)
                assert_non_null(cache_find(c, digest, print, 1));
        }
    assert_in_range(found, 1000, 4096);
    cache_free(c);
}

static void test_two_processes_differ(void **state)
{
    (void)state;
    struct cache *one = cache_new(), *two = cache_new();
    uint8_t first[CACHE_DIGEST], second[CACHE_DIGEST];
    cache_digest(one, &keys[0].key, first);
    cache_digest(two, &keys[0].key, second);
    assert_memory_not_equal(first, second, CACHE_DIGEST);
    cache_free(one);
    cache_free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),         cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_mapped),
        cmocka_unit_test(test_cache_keys),    cmocka_unit_test(test_cache_forgets),
        cmocka_unit_test(test_cache_is_bounded), cmocka_unit_test(test_two_processes_differ),
        cmocka_unit_test(test_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* identity_test.c - homes of a directory, fixed accounts, whose files accounts touch: what they need, and what becomes of it. */
#include "loader/compile.h"

#include "base/case_test.h"
#include "protect/protect.h"
#include "snapshot/snapshot_build.h"

#include <sys/stat.h>

#define SITE(inner, inside)                                                                                                      \
    "<configuration><configSections><sectionGroup name=\"system.applicationHost\"><section name=\"sites\" "                        \
    "allowDefinition=\"AppHostOnly\" overrideModeDefault=\"Deny\" /></sectionGroup></configSections><system.applicationHost><sites><site name=\"one\" id=\"1\"><application path=\"/\">"                         \
    "<virtualDirectory path=\"/\" physicalPath=\"C:\\ftp\" />" inner "</application><bindings><binding protocol=\"ftp\" "         \
    "bindingInformation=\"*:21:\" /></bindings><ftpServer>" inside "</ftpServer></site></sites></system.applicationHost>"        \
    "</configuration>"
#define SALLYPORT(inner) "<configuration><sallyport>" inner "</sallyport></configuration>"
#define BASIC "<security><ssl controlChannelPolicy=\"SslAllow\" dataChannelPolicy=\"SslAllow\" /><authentication>" \
              "<basicAuthentication enabled=\"true\" /></authentication></security>"
#define BY_DIRECTORY(active) BASIC "<userIsolation mode=\"ActiveDirectory\">" active "</userIsolation>"
#define DIRECTORY(more) "<directory servers=\"ldaps://dc1\" bindName=\"svc\" bindPassword=\"p\">" more "</directory>"
#define ROOTS "<ftpRoots><add path=\"\\\\files\\ftp\\\" /><add path=\"D:\\ftp\" /></ftpRoots>" \
              "</directory><paths><shares><add share=\"\\\\files\\ftp\" path=\"/mnt/ftp\" /></shares><drives><add drive=\"D:\" path=\"/mnt/d\" /></drives></paths>"
#define DIRECTORY_WITH_ROOTS "<directory servers=\"ldaps://dc1\" bindName=\"svc\" bindPassword=\"p\">" ROOTS

struct run {
    struct report report;
    struct snapshot *s;
    struct text bytes;
    int err;
};

static const char *secret_name = "secrets/directory";

static void run(struct run *r, const char *apphost, const char *sallyport, const char *secret, bool privileged)
{
    const struct compile_file files[] = {
        { "applicationHost.config", slice_str(apphost), S_IFREG | 0640 },
        { "sallyport.config", slice_str(sallyport), S_IFREG | 0640 },
        { secret_name, slice_str(secret ? secret : ""), S_IFREG | 0600 },
    };
    struct snapshot_writer *w = NULL;
    const struct compile_input in = { .files = files, .count = secret ? 3 : 2, .directory = SLICE_LITERAL("/etc/sallyport"),
                                      .generation = 1, .privileged = privileged, .now = 1700000000 };
    *r = (struct run){ 0 };
    r->err = compile_run(&in, &r->report, &w);
    if (!r->err) {
        assert_int_equal(snapshot_writer_finish(w, 0, &r->bytes), 0);
        assert_int_equal(snapshot_view(r->bytes.ptr, r->bytes.len, &r->s), 0);
    }
    snapshot_writer_free(w);
    for (size_t i = 0; i < r->report.count; i++)
        print_message("      %s\n", r->report.items[i].diag.what);
}

static void end_run(struct run *r)
{
    snapshot_unref(r->s);
    text_free(&r->bytes);
    report_free(&r->report);
}

static bool says(const struct run *r, const char *words)
{
    for (size_t i = 0; i < r->report.count; i++) {
        OWNED_TEXT_BUFFER line = { 0 };
        diag_print(&r->report.items[i].diag, &line);
        if (strstr(text_str(&line), words))
            return true;
    }
    return false;
}

#define assert_text(r, field, want) assert_string_equal(snapshot_text((r)->s, field).ptr, want)

static const struct {
    const char *label, *apphost, *sallyport;
    bool ordinary_user;
    const char *words; /* NULL: the site starts */
} cases[] = {
    { "mode ActiveDirectory", SITE("", BY_DIRECTORY("")), SALLYPORT(DIRECTORY_WITH_ROOTS), false, NULL },
    { "... without a directory", SITE("", BY_DIRECTORY("")), SALLYPORT(""), false, "none is configured" },
    { "... without roots (L09)", SITE("", BY_DIRECTORY("")), SALLYPORT(DIRECTORY("")), false, "there is none" },
    { "... without Basic (40)", SITE("", "<userIsolation mode=\"ActiveDirectory\" />"), SALLYPORT(DIRECTORY_WITH_ROOTS), false,
      "must be combined with Basic" },
    { "... with an account of its own", SITE("", BY_DIRECTORY("<activeDirectory adUserName=\"a\" adPassword=\"p\" />")),
      SALLYPORT(DIRECTORY_WITH_ROOTS), false, NULL },
    { "... whose password is missing", SITE("", BY_DIRECTORY("<activeDirectory adUserName=\"a\" />")), SALLYPORT(DIRECTORY_WITH_ROOTS),
      false, "no adPassword" },
    { "... whose password only Windows can read",
      SITE("", BY_DIRECTORY("<activeDirectory adUserName=\"a\" adPassword=\"[enc:AesProvider:abcd:enc]\" />")),
      SALLYPORT(DIRECTORY_WITH_ROOTS), false, "encrypted with a Windows key" },
    { "mode Custom", SITE("", BASIC "<userIsolation mode=\"Custom\" />"), SALLYPORT(""), false, "home directory provider" },
    { "fileAccessIdentity", SITE("", BASIC), SALLYPORT("<siteDefaults fileAccessIdentity=\"rfc2307\" />"), false, NULL },
    { "fileAccessIdentity without root", SITE("", BASIC), SALLYPORT("<siteDefaults fileAccessIdentity=\"map\" />"), true, "started by root" },
    { "service without root", SITE("", BASIC), SALLYPORT(""), true, NULL },
};

static void test_sites(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct run r;
        CASE_LABEL(&cases[i]);
        run(&r, cases[i].apphost, cases[i].sallyport, NULL, !cases[i].ordinary_user);
        assert_int_equal(r.err, 0);
        struct slice failure = snapshot_text(r.s, snapshot_site(r.s, 0)->failure);
        assert_int_equal(failure.len == 0, cases[i].words == NULL);
        if (cases[i].words)
            assert_non_null(strstr(failure.ptr, cases[i].words));
        end_run(&r);
    }
}

static void test_rows(void **state)
{
    (void)state;
    struct run r;
    run(&r, SITE("<virtualDirectory path=\"/fixed\" physicalPath=\"C:\\x\" userName=\"bob\" password=\"p\" logonMethod=\"Batch\" />",
                 BY_DIRECTORY("<activeDirectory adUserName=\"reader\" adPassword=\"q\" adCacheRefresh=\"00:05:00\" />")),
        SALLYPORT("<directory servers=\"ldaps://dc1\" bindName=\"svc\" bindPasswordFile=\"directory\" protectFromLockout=\"false\">" ROOTS
                  "<identities><add user=\"DEPOT\\alice\" uid=\"5001\" gid=\"5002\" groups=\"5003, 5004\" /></identities>"
                  "<siteDefaults fileAccessIdentity=\"map\" minimumUid=\"2000\" strictIis=\"true\" />"),
        "hidden\r\nsecond line", true);
    assert_int_equal(r.err, 0);
    const struct snap_site *site = snapshot_site(r.s, 0);
    assert_int_equal(site->file_access_identity, FILES_OF_MAP);
    assert_int_equal(site->minimum_uid, 2000);
    assert_int_equal(site->strict_iis, 1);
    assert_int_equal(site->ad_cache_seconds, 300);
    assert_int_equal(site->home_login, 1);
    assert_text(&r, snapshot_home_login(r.s, 0)->name, "reader");
    assert_text(&r, snapshot_home_login(r.s, 0)->password, "q");
    assert_text(&r, snapshot_ad(r.s, 0)->bind_password, "hidden");
    assert_int_equal(snapshot_ad(r.s, 0)->protect_lockout, 0);
    assert_int_equal(snapshot_count(r.s, SNAP_TABLE_ad_root), 2);
    assert_text(&r, snapshot_ad_root(r.s, 0)->path, "//files/ftp");
    assert_text(&r, snapshot_ad_root(r.s, 0)->linux_path, "/mnt/ftp");
    assert_text(&r, snapshot_ad_root(r.s, 1)->path, "D:/ftp");
    assert_text(&r, snapshot_ad_root(r.s, 1)->linux_path, "/mnt/d/ftp");
    assert_int_equal(snapshot_account_map(r.s, 0)->uid, 5001);
    assert_text(&r, snapshot_account_map(r.s, 0)->groups, "5003, 5004");
    const struct snap_fixed_account *fixed = snapshot_fixed_account(r.s, 0);
    assert_int_equal(fixed->site, 1);
    assert_int_equal(fixed->logon_method, LOGON_BATCH);
    assert_text(&r, fixed->path, "/fixed");
    assert_text(&r, fixed->user_name, "bob");
    assert_text(&r, fixed->password, "p");
    end_run(&r);
}

static const struct {
    const char *label, *directory, *secret;
    const char *words;
} secrets[] = {
    { "a file that is not there", "bindPasswordFile=\"other\"", "x", "names no readable file" },
    { "a file and an attribute", "bindPasswordFile=\"directory\" bindPassword=\"p\"", "x", "both set" },
    { "neither (L02)", "", NULL, "no bindName and bindPassword" },
};

static void test_secrets(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(secrets); i++) {
        struct run r;
        OWNED_TEXT_BUFFER sallyport = { 0 };
        CASE_LABEL(&secrets[i]);
        text_addf(&sallyport, SALLYPORT("<directory servers=\"ldaps://dc1\" bindName=\"svc\" %s />"), secrets[i].directory);
        run(&r, SITE("", BASIC), text_str(&sallyport), secrets[i].secret, true);
        assert_int_not_equal(r.err, 0);
        assert_true(says(&r, secrets[i].words));
        end_run(&r);
    }
}

static const struct {
    const char *label, *attributes, *words;
    bool ordinary_user;
} fixed_failures[] = {
    { "no password", "userName=\"bob\"", "password is missing", false },
    { "a password that only Windows can read", "userName=\"bob\" password=\"[enc:AesProvider:abcd:enc]\"", "encrypted with a Windows key", false },
    { "not started by root", "userName=\"bob\" password=\"p\"", "started by root", true },
};

static void test_fixed_accounts_that_cannot_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fixed_failures); i++) {
        struct run r;
        OWNED_TEXT_BUFFER apphost = { 0 };
        CASE_LABEL(&fixed_failures[i]);
        text_addf(&apphost, SITE("<virtualDirectory path=\"/fixed\" physicalPath=\"C:\\x\" %s />", BASIC), fixed_failures[i].attributes);
        run(&r, text_str(&apphost), SALLYPORT(""), NULL, !fixed_failures[i].ordinary_user);
        assert_int_equal(r.err, 0);
        assert_int_equal(snapshot_count(r.s, SNAP_TABLE_fixed_account), 0);
        assert_non_null(strstr(snapshot_text(r.s, snapshot_directory(r.s, 0)->failure).ptr, fixed_failures[i].words));
        assert_int_equal(snapshot_text(r.s, snapshot_site(r.s, 0)->failure).len, 0); /* the rest of the site is served */
        end_run(&r);
    }
}

/* ---- passwords that our tools encrypted ---- */

static const char key_line[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
static const char other_key[] = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";

static const struct {
    const char *label, *key, *words; /* words NULL: both passwords are read */
    enum spoil { WHOLE, CUT, CHANGED, NO_BASE64, HALF } spoil;
} stored[] = {
    { "with the key that stored them", key_line, NULL, WHOLE },
    { "with another key", other_key, "encrypted with another key than secrets/configuration-key", WHOLE },
    { "without a key", NULL, "its key secrets/configuration-key is missing", WHOLE },
    { "with what is no key", "hello", "secrets/configuration-key is no key", WHOLE },
    { "of a text that is cut", key_line, "cut off", CUT },
    { "of a changed text", key_line, "damaged, or encrypted with another key", CHANGED },
    { "of a changed text that is no base64", key_line, "damaged, cut off", NO_BASE64 },
    { "of the first half", key_line, "damaged, cut off", HALF },
};

static void store(struct text *out, const char *clear, enum spoil spoil)
{
    struct protect_key key;
    assert_int_equal(protect_key_parse(slice_str(key_line), &key), 0);
    assert_int_equal(protect_seal(&key, slice_str(clear), out), 0);
    if (spoil == CUT)
        text_splice(out, out->len - 9, 4, SLICE_NONE);
    if (spoil == NO_BASE64)
        out->ptr[out->len - 12] = '-';
    if (spoil == HALF)
        text_splice(out, out->len / 2, out->len - out->len / 2, SLICE_NONE);
    if (spoil == CHANGED)
        out->ptr[out->len - 12] = out->ptr[out->len - 12] == 'x' ? 'y' : 'x';
}

static void run_stored(struct run *r, const char *key, enum spoil spoil)
{
    OWNED_TEXT_BUFFER fixed = { 0 }, reader = { 0 }, apphost = { 0 };
    store(&fixed, "p", spoil);
    store(&reader, "q", spoil);
    text_addf(&apphost, SITE("<virtualDirectory path=\"/fixed\" physicalPath=\"C:\\x\" userName=\"bob\" password=\"%s\" />",
                             BY_DIRECTORY("<activeDirectory adUserName=\"reader\" adPassword=\"%s\" />")),
              text_str(&fixed), text_str(&reader));
    secret_name = PROTECT_KEY_FILE;
    run(r, text_str(&apphost), SALLYPORT(DIRECTORY_WITH_ROOTS), key, true);
    secret_name = "secrets/directory";
}

static void test_stored_passwords(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(stored); i++) {
        struct run r;
        CASE_LABEL(&stored[i]);
        run_stored(&r, stored[i].key, stored[i].spoil);
        assert_int_equal(r.err, 0);
        struct slice directory = snapshot_text(r.s, snapshot_directory(r.s, 0)->failure);
        struct slice site = snapshot_text(r.s, snapshot_site(r.s, 0)->failure);
        if (stored[i].words) {
            assert_non_null(strstr(directory.ptr, stored[i].words));
            assert_non_null(strstr(site.ptr, stored[i].words));
            assert_true(r.report.items[0].diag.line > 0);
        } else {
            assert_int_equal(directory.len + site.len, 0);
            assert_text(&r, snapshot_fixed_account(r.s, 0)->password, "p");
            assert_text(&r, snapshot_home_login(r.s, 0)->password, "q");
        }
        end_run(&r);
    }
}

/* A key that is lost closes the directory, and nothing else. */
static void test_stored_bind_password(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(stored); i++) {
        struct run r;
        OWNED_TEXT_BUFFER bind = { 0 }, sallyport = { 0 };
        CASE_LABEL(&stored[i]);
        store(&bind, "p", stored[i].spoil);
        text_addf(&sallyport, SALLYPORT("<directory servers=\"ldaps://dc1\" bindName=\"svc\" bindPassword=\"%s\" />"), text_str(&bind));
        secret_name = PROTECT_KEY_FILE;
        run(&r, SITE("", BASIC), text_str(&sallyport), stored[i].key, true);
        secret_name = "secrets/directory";
        assert_int_equal(r.err, 0);
        assert_int_equal(snapshot_text(r.s, snapshot_site(r.s, 0)->failure).len, 0);
        assert_text(&r, snapshot_ad(r.s, 0)->bind_password, stored[i].words ? "" : "p");
        assert_text(&r, snapshot_ad(r.s, 0)->servers, "ldaps://dc1"); /* names of a domain are not taken for others */
        assert_int_equal(says(&r, "the directory is closed, none of its accounts can log in: bindPassword is "), stored[i].words != NULL);
        if (stored[i].words)
            assert_true(says(&r, stored[i].words));
        end_run(&r);
    }
}

/* The command line compiles with the names of secrets only. */
static void test_stored_passwords_unread(void **state)
{
    (void)state;
    struct run r;
    run_stored(&r, COMPILE_SECRET_UNREAD, WHOLE);
    assert_int_equal(r.err, 0);
    assert_int_equal(snapshot_text(r.s, snapshot_site(r.s, 0)->failure).len, 0);
    assert_text(&r, snapshot_home_login(r.s, 0)->password, COMPILE_SECRET_UNREAD);
    end_run(&r);
    run_stored(&r, COMPILE_SECRET_UNREAD, NO_BASE64);
    assert_non_null(strstr(snapshot_text(r.s, snapshot_site(r.s, 0)->failure).ptr, "damaged, cut off"));
    end_run(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sites), cmocka_unit_test(test_rows), cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_fixed_accounts_that_cannot_be),
        cmocka_unit_test(test_stored_passwords), cmocka_unit_test(test_stored_passwords_unread),
        cmocka_unit_test(test_stored_bind_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

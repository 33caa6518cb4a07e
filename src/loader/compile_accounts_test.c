/* compile_accounts_test.c - where accounts come from: the directory, providers, the membership database. */
#include "loader/compile_world.h"

/* ---- the directory ---- */

static const struct {
    const char *label, *directory;
    const char *error; /* NULL: good */
    size_t rows;
} directories[] = {
    { "none", "", NULL, 0 },
    { "no servers: none", "<directory bindName=\"svc\" bindPassword=\"x\" />", NULL, 0 },
    { "two servers", "<directory servers=\"ldaps://dc1 ldap://dc2:1389\" bindName=\"svc@d\" bindPassword=\"x\" />", NULL, 1 },
    { "a web address", "<directory servers=\"https://dc1\" bindName=\"svc@d\" bindPassword=\"x\" />", "neither ldaps://", 0 },
    { "an anonymous bind (L02)", "<directory servers=\"ldaps://dc1\" bindName=\"svc@d\" />", "no bindName and bindPassword", 0 },
};

static void test_directory(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(directories); i++) {
        CASE_LABEL(&directories[i]);
        OWNED_TEXT_BUFFER own = { 0 };
        struct run r;
        text_addf(&own, SALLYPORT("%s"), directories[i].directory);
        const struct compile_file files[] = {
            { "applicationHost.config",
              slice_str(APPHOST(SITE("one", "1", "*:21:", "<ftpServer><security>" ALLOW_CLEAR "</security></ftpServer>")
                                SITE("two", "2", "*:2121:", "<ftpServer><security>" ALLOW_CLEAR "<authentication><basicAuthentication "
                                     "enabled=\"true\" /></authentication></security></ftpServer>"), "")), 0100640 },
            { "sallyport.config", text_slice(&own), 0100640 },
        };
        run_files(&r, files, COUNT_OF(files));
        assert_int_equal(r.err, directories[i].error ? ERR_SYNTAX : 0);
        if (!r.err) {
            assert_false(snapshot_site(r.s, 0)->admits_domain);
            assert_int_equal(snapshot_site(r.s, 1)->admits_domain, directories[i].rows);
        }
        if (directories[i].error)
            assert_true(says(&r, LOADER_ERROR, 0, directories[i].error));
        else
            assert_int_equal(snapshot_count(r.s, SNAP_TABLE_ad), directories[i].rows);
        if (!r.err && directories[i].rows) {
            const struct snap_ad *ad = snapshot_ad(r.s, 0);
            assert_text(&r, ad->servers, "ldaps://dc1 ldap://dc2:1389");
            assert_int_equal(ad->search_seconds, 5);
            assert_int_equal(ad->recheck_seconds, 300);
            assert_true(ad->strength == 0 && ad->require_ntauth && !ad->allow_issuer_mapping);
        }
        end_run(&r);
    }
}
/* ---- providers ---- */

static void test_providers(void **state)
{
    (void)state;
    struct run r;
    run_texts(&r, APPHOST(SITE("one", "1", "*:21:", "<ftpServer><security>" ALLOW_CLEAR
                               "<authentication><customAuthentication><providers><add name=\"\" />"
                               "<add name=\"AspNetAuth\" /><add name=\"IisManagerAuth\" enabled=\"false\" />"
                               "<add name=\"Missing\" /></providers></customAuthentication></authentication>"
                               "</security></ftpServer>"),
                          "<system.ftpServer>" PROVIDERS "</system.ftpServer>"), NULL, NULL);
    show(&r);
    assert_int_equal(r.err, 0);
    assert_int_equal(snapshot_site(r.s, 0)->providers.count, 2);
    assert_int_equal(snapshot_provider(r.s, 0)->kind, SNAP_PROVIDER_UNKNOWN); /* nothing says where its members are */
    assert_int_equal(snapshot_provider(r.s, 1)->kind, SNAP_PROVIDER_UNKNOWN);
    assert_true(says(&r, LOADER_WARNING, 1, "nobody can log in through provider AspNetAuth: there is no web.config beside applicationHost.config"));
    assert_true(says(&r, LOADER_WARNING, 1, "\"Missing\" stands in no system.ftpServer/providerDefinitions"));
    end_run(&r);
}

/* ---- AspNetAuth's members: web.config ---- */

#define MEMBERS_PROVIDER "type=\"System.Web.Security.SqlMembershipProvider, System.Web\" connectionStringName=\"S\""
#define ROLES_PROVIDER "type=\"System.Web.Security.SqlRoleProvider\" connectionStringName=\"S\""
#define MEMBERS(attributes) \
    "<membership defaultProvider=\"M\"><providers><add name=\"M\" " MEMBERS_PROVIDER attributes " /></providers></membership>"
#define ROLES "<roleManager enabled=\"true\" defaultProvider=\"R\"><providers><clear /><add name=\"R\" " ROLES_PROVIDER \
    " applicationName=\"/roles\" /></providers></roleManager>"
#define STRINGS "<connectionStrings><add name=\"S\" connectionString=\"Server=db;Database=d;UID=u;PWD=p\" /></connectionStrings>"
#define WEB(inner) "<configuration>" inner "</configuration>"
#define FTP(inner) "<location path=\"GlobalFtpSite/ftpsvc\">" inner "</location>"

static const struct {
    const char *label, *web, *what; /* what: the complaint, NULL: none */
    const char *users, *roles, *application, *algorithm;
    uint32_t failures, window;
} memberships[] = {
    { "as the walkthrough writes it", WEB(FTP(STRINGS "<system.web>" MEMBERS(" applicationName=\"/\"") ROLES "</system.web>")), NULL,
      "Driver={FreeTDS};Server=db;Port=1433;Database=d;UID=u;PWD=p;", "Driver={FreeTDS};Server=db;Port=1433;Database=d;UID=u;PWD=p;",
      "/", "", 5, 10 },
    { "connection strings of the file", WEB(STRINGS FTP("<system.web>" MEMBERS(" maxInvalidPasswordAttempts=\"3\" passwordAttemptWindow=\"7\"")
      "</system.web>")), NULL, "Driver={FreeTDS};Server=db;Port=1433;Database=d;UID=u;PWD=p;", "", "/", "", 3, 7 },
    { "the file's own sections", WEB(STRINGS "<system.web><membership defaultProvider=\"M\" hashAlgorithmType=\"SHA512\"><providers>"
      "<add name=\"M\" " MEMBERS_PROVIDER " applicationName=\"/shop\" /></providers></membership></system.web>"), NULL,
      "Driver={FreeTDS};Server=db;Port=1433;Database=d;UID=u;PWD=p;", "", "/shop", "SHA512", 5, 10 },
    { "roles are off", WEB(STRINGS "<system.web>" MEMBERS("") "<roleManager defaultProvider=\"x\" /></system.web>"), NULL,
      "Driver={FreeTDS};Server=db;Port=1433;Database=d;UID=u;PWD=p;", "", "/", "", 5, 10 },
    { "encrypted passwords", WEB(STRINGS "<system.web>" MEMBERS(" passwordFormat=\"Encrypted\"") "</system.web>"),
      "passwordFormat Encrypted cannot be checked", NULL, NULL, NULL, NULL, 0, 0 },
    { "no connection string", WEB("<system.web>" MEMBERS("") "</system.web>"), "no connectionStrings/add is called \"S\"", NULL, NULL, NULL,
      NULL, 0, 0 },
    { "a removed one", WEB("<connectionStrings><add name=\"S\" connectionString=\"Server=d\" /><remove name=\"S\" /></connectionStrings>"
      "<system.web>" MEMBERS("") "</system.web>"), "no connectionStrings/add", NULL, NULL, NULL, NULL, 0, 0 },
    { "no provider", WEB(STRINGS "<system.web><membership /></system.web>"), "defaultProvider names no provider", NULL, NULL, NULL, NULL, 0, 0 },
    { "another provider", WEB(STRINGS "<system.web><membership defaultProvider=\"M\"><providers><add name=\"M\" type=\"X.Y\" /></providers>"
      "</membership></system.web>"), "is no SqlMembershipProvider", NULL, NULL, NULL, NULL, 0, 0 },
    { "unknown attribute", WEB(STRINGS "<system.web>" MEMBERS(" maxAttempts=\"1\"") "</system.web>"), "\"maxAttempts\" is not known", NULL, NULL,
      NULL, NULL, 0, 0 },
    { "unknown algorithm", WEB(STRINGS "<system.web><membership defaultProvider=\"M\" hashAlgorithmType=\"ROT13\"><providers>"
      "<add name=\"M\" " MEMBERS_PROVIDER " /></providers></membership></system.web>"), "\"ROT13\" is not known", NULL, NULL, NULL, NULL, 0, 0 },
    { "encrypted section", WEB("<connectionStrings configProtectionProvider=\"RsaProtectedConfigurationProvider\"><EncryptedData />"
      "</connectionStrings><system.web>" MEMBERS("") "</system.web>"), "encrypted with the keys of the Windows server", NULL, NULL, NULL, NULL, 0, 0 },
    { "no XML", "<configuration><system.web></configuration>", "web.config:1", NULL, NULL, NULL, NULL, 0, 0 },
};

static void test_membership(void **state)
{
    (void)state;
    static const char apphost[] = APPHOST(SITE("one", "1", "*:21:", "<ftpServer><security>" ALLOW_CLEAR
        "<authentication><customAuthentication><providers><add name=\"AspNetAuth\" /></providers></customAuthentication>"
        "</authentication></security></ftpServer>"), "<system.ftpServer>" PROVIDERS "</system.ftpServer>");
    for (size_t i = 0; i < COUNT_OF(memberships); i++) {
        struct run r;
        const struct compile_file files[] = { { "applicationHost.config", slice_str(apphost), S_IFREG | 0640 },
                                              { "web.config", slice_str(memberships[i].web), S_IFREG | 0640 } };
        CASE_LABEL(&memberships[i]);
        run_files(&r, files, COUNT_OF(files));
        show(&r);
        assert_int_equal(r.err, 0);
        const struct snap_membership *m = snapshot_membership(r.s, 0);
        assert_int_equal(m == NULL, memberships[i].what != NULL);
        assert_int_equal(snapshot_server(r.s, 0)->needs_membership, m != NULL);
        if (memberships[i].what) {
            assert_true(says(&r, LOADER_WARNING, 1, memberships[i].what));
            assert_true(says(&r, LOADER_WARNING, 1, "web.config:1"));
        } else {
            assert_text(&r, m->users_connection, memberships[i].users);
            assert_text(&r, m->roles_connection, memberships[i].roles);
            assert_text(&r, m->users_application, memberships[i].application);
            assert_text(&r, m->hash_algorithm, memberships[i].algorithm);
            assert_int_equal(m->max_failures, memberships[i].failures);
            assert_int_equal(m->window_minutes, memberships[i].window);
        }
        end_run(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_providers),
        cmocka_unit_test(test_membership),
    };
    if (cert_prepare())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

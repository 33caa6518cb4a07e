/* compile_test.c - from XML to the values of a snapshot. */
#include "loader/compile_world.h"

#include <stdlib.h>

/* ---- the walkthrough ---- */

static const char walkthrough[] = APPHOST(
    "<site name=\"My New FTP Site\" id=\"2\" serverAutoStart=\"true\">\n"
    ROOT("%SystemDrive%\\inetpub\\ftproot")
    BOUND("127.0.0.1:21:")
    "<ftpServer><security>" ALLOW_CLEAR
    "<authentication><basicAuthentication enabled=\"true\" /><customAuthentication><providers>"
    "<add name=\"IisManagerAuth\" enabled=\"true\" /></providers></customAuthentication></authentication>"
    "</security></ftpServer></site>\n",
    "<system.ftpServer>" PROVIDERS "</system.ftpServer>"
    "<location path=\"My New FTP Site\"><system.ftpServer><security><authorization>"
    "<add accessType=\"Allow\" users=\"administrator\" permissions=\"Read, Write\" />"
    "<add accessType=\"Allow\" users=\"ftpmanager\" permissions=\"Read, Write\" />"
    "</authorization></security></system.ftpServer></location>");
static const char walkthrough_users[] =
    "<configuration><configSections><sectionGroup name=\"system.webServer\"><sectionGroup name=\"management\">"
    "<section name=\"authentication\" /><section name=\"authorization\" /></sectionGroup></sectionGroup>"
    "</configSections><system.webServer><management>"
    "<authentication><credentials><add name=\"ftpmanager\" password=\"B03DDF3C\" />"
    "<add name=\"old\" password=\"00\" enabled=\"false\" /></credentials></authentication>"
    "<authorization><authorizationRules><scope path=\"/My New FTP Site\"><add name=\"ftpmanager\" />"
    "<add name=\"Editors\" isRole=\"true\" /></scope></authorizationRules></authorization>"
    "</management></system.webServer></configuration>";

static void test_walkthrough(void **state)
{
    (void)state;
    struct run r;
    run_texts(&r, walkthrough, walkthrough_users, NULL);
    show(&r);
    assert_int_equal(r.err, 0);
    assert_int_equal(r.report.count, 0);
    const struct snap_site *site = snapshot_site_by_id(r.s, 2);
    assert_non_null(site);
    assert_text(&r, site->name, "My New FTP Site");
    assert_text(&r, site->failure, "");
    assert_true(site->basic_enabled && !site->anonymous_enabled && site->server_auto_start);
    assert_int_equal(site->control_channel_policy, SSL_ALLOW);
    assert_int_equal(site->control_channel_timeout, 120);
    assert_int_equal(site->max_connections, UINT32_MAX);
    assert_int_equal(site->log_period, LOG_PERIOD_DAILY);
    assert_int_equal(site->log_fields & 2097152, 2097152);
    assert_text(&r, site->log_path, "/var/lib/sallyport/c/inetpub/logs/LogFiles");
    assert_int_equal(site->cert, 0);
    assert_int_equal(site->cert_substatus, 31);
    assert_true(site->windows_names && !site->case_insensitive_names);
    assert_int_equal(site->sort_limit, 20000);

    assert_int_equal(site->bindings.count, 1);
    const struct snap_binding *binding = snapshot_binding(r.s, site->bindings.first);
    assert_text(&r, binding->address, "127.0.0.1");
    assert_int_equal(binding->port, 21);
    assert_false(binding->implicit_tls);

    assert_int_equal(site->directories.count, 1);
    const struct snap_directory *directory = snapshot_directory(r.s, site->directories.first);
    assert_text(&r, directory->path, "/");
    assert_text(&r, directory->physical_path, "%SystemDrive%\\inetpub\\ftproot");
    assert_text(&r, directory->linux_path, "/var/lib/sallyport/c/inetpub/ftproot");

    assert_int_equal(site->scopes.count, 1);
    const struct snap_scope *scope = snapshot_scope(r.s, site->scopes.first);
    assert_text(&r, scope->path, "/");
    assert_int_equal(scope->rules.count, 2);
    const struct snap_rule *rule = snapshot_rule(r.s, scope->rules.first + 1);
    assert_text(&r, rule->users, "ftpmanager");
    assert_int_equal(rule->permissions, PERMISSION_READ | PERMISSION_WRITE);
    assert_false(rule->deny);

    assert_int_equal(site->providers.count, 1);
    assert_int_equal(snapshot_provider(r.s, site->providers.first)->kind, SNAP_PROVIDER_IIS_MANAGER);
    assert_int_equal(snapshot_count(r.s, SNAP_TABLE_user), 2);
    assert_text(&r, snapshot_user(r.s, 0)->password, "B03DDF3C");
    assert_true(snapshot_user(r.s, 0)->enabled && !snapshot_user(r.s, 1)->enabled);
    assert_int_equal(snapshot_count(r.s, SNAP_TABLE_permission), 2);
    assert_text(&r, snapshot_permission(r.s, 0)->path, "/My New FTP Site");
    assert_true(!snapshot_permission(r.s, 0)->is_role && snapshot_permission(r.s, 1)->is_role);

    const struct snap_server *server = snapshot_server(r.s, 0);
    assert_true(server->needs_pam);
    assert_int_equal(server->generation, 42);
    assert_int_equal(server->credentials_cache_seconds, 900);
    assert_int_equal(server->ticket_key_seconds, 12 * 3600);
    assert_text(&r, server->broker_user, "sallyport");
    assert_int_equal(server->unknown_before_login, 10);
    end_run(&r);
}

/* ---- several sites ---- */

static const char several[] = APPHOST(
    "<siteDefaults><ftpServer><connections maxConnections=\"7\" /><messages bannerMessage=\"Hello\" /></ftpServer>"
    "</siteDefaults>\n"
    "<site name=\"web\" id=\"1\">" ROOT("C:\\w")
    "<bindings><binding protocol=\"http\" bindingInformation=\"*:80:\" /></bindings><limits maxConnections=\"5\" /></site>\n"
    "<site name=\"a\" id=\"10\"><application path=\"/\"><virtualDirectory path=\"/\" physicalPath=\"C:\\a\" />"
    "<virtualDirectory path=\"/in/box\" physicalPath=\"\\\\nas\\box\" /></application>"
    "<application path=\"/in\"><virtualDirectory path=\"/\" physicalPath=\"D:\\in\" />"
    "<virtualDirectory path=\"/fixed\" physicalPath=\"C:\\x\" userName=\"bob\" password=\"p\" /></application>"
    BOUND("*:21:A.example.com")
    "<ftpServer><security>" ALLOW_CLEAR "</security><connections maxConnections=\"9\" /></ftpServer></site>\n"
    "<site name=\"b\" id=\"11\">" ROOT("C:\\b") BOUND("*:21:b.example.com")
    "<ftpServer><security>" ALLOW_CLEAR "</security></ftpServer></site>\n",
    "<system.ftpServer><security><authorization><add accessType=\"Deny\" users=\"?\" permissions=\"Write\" />"
    "</authorization></security><firewallSupport lowDataChannelPort=\"5000\" highDataChannelPort=\"5100\" />"
    "</system.ftpServer>"
    "<location path=\"a\"><system.ftpServer><security><authorization>"
    "<add accessType=\"Allow\" roles=\"staff\" permissions=\"Read\" /></authorization></security></system.ftpServer></location>"
    "<location path=\"a/in/box\"><system.ftpServer><security><authorization><clear />"
    "<add accessType=\"Allow\" users=\"*\" permissions=\"Write\" /></authorization></security></system.ftpServer></location>"
    "<location path=\"a b\"><system.ftpServer><security><authorization>"
    "<add accessType=\"Allow\" users=\"*\" permissions=\"Read\" /></authorization></security></system.ftpServer></location>");

static void test_several(void **state)
{
    (void)state;
    struct run r;
    run_texts(&r, several, NULL,
              SALLYPORT("<paths><drives><add drive=\"C:\" path=\"/srv/c\" /><add drive=\"D:\" path=\"d\" /></drives>"
                        "<shares><add share=\"\\\\nas\\box\" path=\"/mnt/box\" /></shares></paths>"
                        "<siteDefaults durableUploads=\"true\" />"
                        "<sites><site name=\"B\" caseInsensitiveNames=\"true\" /></sites>"));
    show(&r);
    assert_int_equal(r.err, 0);
    assert_int_equal(snapshot_count(r.s, SNAP_TABLE_site), 2);
    assert_null(snapshot_site_by_id(r.s, 1));
    const struct snap_site *a = snapshot_site_by_id(r.s, 10), *b = snapshot_site_by_id(r.s, 11);
    assert_int_equal(a->max_connections, 9);
    assert_int_equal(b->max_connections, 7);
    assert_text(&r, b->banner_message, "Hello");
    assert_true(b->case_insensitive_names && !a->case_insensitive_names);
    assert_true(a->durable_uploads && b->durable_uploads);
    assert_text(&r, snapshot_binding(r.s, a->bindings.first)->host, "a.example.com");
    assert_int_equal(snapshot_binding(r.s, b->bindings.first)->site, 1);
    assert_int_equal(snapshot_server(r.s, 0)->low_data_port, 5000);
    assert_true(snapshot_server(r.s, 0)->needs_pam); /* for the fixed account */

    static const char *const directories[][3] = {
        { "/in/fixed", "/srv/c/x", "" }, { "/in/box", "/mnt/box", "" },
        { "/in", "/etc/sallyport/d/in", "" }, { "/", "/srv/c/a", "" },
    };
    assert_int_equal(a->directories.count, COUNT_OF(directories));
    for (uint32_t i = 0; i < COUNT_OF(directories); i++) {
        const struct snap_directory *d = snapshot_directory(r.s, a->directories.first + i);
        assert_text(&r, d->path, directories[i][0]);
        assert_text(&r, d->linux_path, directories[i][1]);
        assert_non_null(strstr(snapshot_text(r.s, d->failure).ptr, directories[i][2]));
        assert_int_equal(snapshot_text(r.s, d->failure).len != 0, directories[i][2][0] != 0);
    }
    assert_int_equal(snapshot_count(r.s, SNAP_TABLE_fixed_account), 1);
    const struct snap_fixed_account *fixed = snapshot_fixed_account(r.s, 0);
    assert_int_equal(fixed->site, a->id);
    assert_text(&r, fixed->path, "/in/fixed");
    assert_text(&r, fixed->user_name, "bob");
    assert_text(&r, fixed->password, "p");

    assert_int_equal(a->scopes.count, 2);
    const struct snap_scope *box = snapshot_scope(r.s, a->scopes.first), *root = snapshot_scope(r.s, a->scopes.first + 1);
    assert_text(&r, box->path, "/in/box");
    assert_int_equal(box->rules.count, 1);
    assert_int_equal(snapshot_rule(r.s, box->rules.first)->permissions, PERMISSION_WRITE);
    assert_text(&r, root->path, "/");
    assert_int_equal(root->rules.count, 2);
    assert_true(snapshot_rule(r.s, root->rules.first)->deny);
    assert_text(&r, snapshot_rule(r.s, root->rules.first + 1)->roles, "staff");
    assert_int_equal(b->scopes.count, 1);
    assert_int_equal(snapshot_scope(r.s, b->scopes.first)->rules.count, 1);
    end_run(&r);
}

/* ---- what keeps one site from starting, and only that one ---- */

static const struct {
    const char *label, *apphost;
    uint32_t site;
    const char *words; /* of the failure; NULL: the site starts */
} failures[] = {
    { "nothing wrong", WITH(""), 1, NULL },
    { "one colon", WITH(SITE("two", "2", "*:21", "")), 2, "two colons" },
    { "port out of range", WITH(SITE("two", "2", "*:161902:x", "")), 2, "1 to 65535" },
    { "exact clash: the later site", WITH(SITE("two", "2", ":21:", "")), 2, "already that of site \"one\"" },
    { "exact clash: the earlier site starts", WITH(SITE("two", "2", ":21:", "")), 1, NULL },
    { "same port, other host", WITH(SITE("two", "2", "*:21:h", "")), 2, NULL },
    { "same port, other address", WITH(SITE("two", "2", "127.0.0.1:21:", "")), 2, NULL },
    { "no root directory", WITH("<site name=\"two\" id=\"2\">" BOUND("*:22:") "</site>"), 2, "no root" },
    { "application without root directory",
      WITH("<site name=\"two\" id=\"2\"><application path=\"/\"><virtualDirectory path=\"/a\" physicalPath=\"C:\\a\" />"
           "</application>" BOUND("*:22:") "</site>"), 2, "no root" },
    { "user isolation by a directory that is not configured",
      WITH(SITE("two", "2", "*:22:", "<ftpServer><userIsolation mode=\"ActiveDirectory\" /></ftpServer>")), 2, "none is configured" },
    { "user isolation by a provider", WITH(SITE("two", "2", "*:22:", "<ftpServer><userIsolation mode=\"Custom\" /></ftpServer>")),
      2, "home directory provider" },
    { "user isolation", WITH(SITE("two", "2", "*:22:", "<ftpServer><userIsolation mode=\"IsolateAllDirectories\" /></ftpServer>")), 2, NULL },
    { "user isolation, root only", WITH(SITE("two", "2", "*:22:", "<ftpServer><userIsolation mode=\"IsolateRootDirectoryOnly\" /></ftpServer>")), 2, NULL },
    { "start in users' directories", WITH(SITE("two", "2", "*:22:", "<ftpServer><userIsolation mode=\"StartInUsersDirectory\" /></ftpServer>")), 2, NULL },
    { "user isolation None", WITH(SITE("two", "2", "*:22:", "<ftpServer><userIsolation mode=\"None\" /></ftpServer>")), 2, NULL },
    { "user isolation of siteDefaults",
      WITH("<siteDefaults><ftpServer><userIsolation mode=\"Custom\" /></ftpServer></siteDefaults>"), 1,
      "userIsolation/@mode" },
    { "client certificates required",
      WITH(SITE("two", "2", "*:22:", SECURITY("<sslClientCertificates clientCertificatePolicy=\"CertRequire\" />"))), 2, NULL },
    { "client certificates allowed",
      WITH(SITE("two", "2", "*:22:", SECURITY("<sslClientCertificates clientCertificatePolicy=\"CertAllow\" />"))), 2, NULL },
    { "client certificate authentication",
      WITH(SITE("two", "2", "*:22:", SECURITY("<authentication><clientCertAuthentication enabled=\"true\" /></authentication>"))),
      2, NULL },
    { "address that is none (A12)", SERVER("<ipSecurity><add ipAddress=\"192.0.2\" allowed=\"true\" /></ipSecurity>"), 1,
      "no address or network" },
    { "mask that is none (A12)",
      SERVER("<ipSecurity><add ipAddress=\"192.0.2.0\" subnetMask=\"255.255.0.256\" /></ipSecurity>"), 1, "no address or network" },
    { "rule without address and name", SERVER("<ipSecurity><add allowed=\"true\" /></ipSecurity>"), 1, "no address or network" },
    { "name rule", SERVER("<ipSecurity enableReverseDns=\"true\"><add domainName=\"*.example.com\" /></ipSecurity>"), 1, NULL },
    { "name rule that IIS does not use either", SERVER("<ipSecurity><add domainName=\"*.example.com\" /></ipSecurity>"), 1, NULL },
    { "names looked up for nothing", SERVER("<ipSecurity enableReverseDns=\"true\" />"), 1, NULL },
    { "wrong address of a directory only",
      APPHOST(SITE("one", "1", "*:21:", ""),
              "<location path=\"one/in\"><system.ftpServer><security><ipSecurity><add ipAddress=\"x\" /></ipSecurity></security>"
              "</system.ftpServer></location>"), 1, "no address or network" },
    { "wrong address of the server",
      APPHOST(SITE("one", "1", "*:21:", ""),
              "<system.ftpServer><security><ipSecurity><add ipAddress=\"x\" /></ipSecurity></security></system.ftpServer>"), 1,
      "no address or network" },
};

static void test_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        struct run r;
        CASE_LABEL(&failures[i]);
        run_texts(&r, failures[i].apphost, NULL, NULL);
        if (r.err)
            show(&r);
        assert_int_equal(r.err, 0);
        const struct snap_site *site = snapshot_site_by_id(r.s, failures[i].site);
        assert_non_null(site);
        struct slice failure = snapshot_text(r.s, site->failure);
        if (failures[i].words) {
            if (!strstr(failure.ptr, failures[i].words))
                print_message("      said: " SLICE_FMT "\n", SLICE_ARG(failure));
            assert_non_null(strstr(failure.ptr, failures[i].words));
            assert_int_equal(site->failure_substatus, 17);
            assert_true(says(&r, LOADER_ERROR, failures[i].site, failures[i].words));
        } else {
            assert_string_equal(failure.ptr, "");
            assert_int_equal(site->failure_substatus, 0);
        }
        end_run(&r);
    }
}
/* ---- notes ---- */

static void test_notes(void **state)
{
    (void)state;
    struct run r;
    run_texts(&r, APPHOST("<siteDefaults><logFile logFormat=\"W3C\" directory=\"C:\\l\" /><ftpServer>"
                          "<security><authentication><basicAuthentication logonMethod=\"Network\" /><anonymousAuthentication password=\"x\" /></authentication></security>"
                          "<customFeatures impersonationLevel=\"Delegate\" /></ftpServer></siteDefaults>\n"
                          SITE("one", "1", "*:21:",
                               "<limits maxConnections=\"5\" /><ftpServer allowUTF8=\"true\">\n<security>" ALLOW_CLEAR
                               "\n<commandFiltering maxCommandLine=\"1000\" /></security><userIsolation><activeDirectory adUserName=\"a\" /></userIsolation>"
                               "<connections maxBandwidth=\"4294967295\" /></ftpServer>"), ""),
              NULL, NULL);
    show(&r);
    assert_int_equal(r.err, 0);
    assert_int_equal(r.report.count, 2);
    assert_true(says(&r, LOADER_NOTE, 0, "applicationHost.config:3:"));
    assert_true(says(&r, LOADER_NOTE, 0, "needs no enforcing: system.applicationHost/sites/siteDefaults/ftpServer/customFeatures/"
                                         "@impersonationLevel: it is about feature providers, and this version runs none"));
    assert_true(says(&r, LOADER_NOTE, 0,
                     "needs no enforcing: system.applicationHost/sites/siteDefaults/ftpServer/security/authentication/"
                     "anonymousAuthentication/@password: the account that serves anonymous clients is used without logging on"));
    end_run(&r);
}

static void test_no_column(void **state)
{
    (void)state;
    struct run r;
    run_texts(&r, APPHOST("<siteDefaults><ftpServer><logFile logExtFileFlags=\"Date, PhysicalPath\" /></ftpServer></siteDefaults>\n"
                          SITE("one", "1", "*:21:", SECURITY("")),
                          "<system.ftpServer>\n<log>\n<centralLogFile logExtFileFlags=\"Date, PhysicalPath\" /></log></system.ftpServer>"), NULL, NULL);
    show(&r);
    assert_int_equal(r.err, 0);
    assert_int_equal(r.report.count, 2);
    assert_true(says(&r, LOADER_WARNING, 0, "applicationHost.config:3:"));
    assert_true(says(&r, LOADER_WARNING, 0, "applicationHost.config:8:"));
    assert_true(says(&r, LOADER_WARNING, 0, "PhysicalPath in logExtFileFlags writes no column"));
    end_run(&r);
}

static const struct {
    const char *label, *apphost, *told;
    uint32_t site;
} places[] = {
    { "the binding that clashes", WITH("<site name=\"two\" id=\"2\">" ROOT("C:\\ftp") "<bindings>\n<binding protocol=\"ftp\" "
      "bindingInformation=\"*:22:\" />\n<binding protocol=\"ftp\" bindingInformation=\"*:21:\" /></bindings></site>"),
      "applicationHost.config:6:45: system.applicationHost/sites/site/bindings/binding: the binding *:21: of site \"two\" is already "
      "that of site \"one\"", 2 },
    { "a bad mask", SERVER("<ipSecurity><add\nipAddress=\"192.0.2.0\"\nsubnetMask=\"255.255.0.256\" /></ipSecurity>"),
      "applicationHost.config:7:13: system.ftpServer/security/ipSecurity/add: ipAddress \"192.0.2.0\"", 1 },
    { "a mask beside one", SERVER("<ipSecurity><add\nipAddress=\"192.0.2.0/24\"\nsubnetMask=\"255.255.0.0\" /></ipSecurity>"),
      "applicationHost.config:7:13: ", 1 },
    { "a bad address", SERVER("<ipSecurity><add\nsubnetMask=\"255.0.0.0\"\nipAddress=\"192.0.2\" /></ipSecurity>"),
      "applicationHost.config:7:12: ", 1 },
};

static void test_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct run r;
        CASE_LABEL(&places[i]);
        run_texts(&r, places[i].apphost, NULL, NULL);
        show(&r);
        assert_true(says(&r, LOADER_ERROR, places[i].site, places[i].told));
        end_run(&r);
    }
}

/* The names of another site are nobody's; those of a site without FTP are somebody's. */
static void test_orphans(void **state)
{
    (void)state;
    static const char apphost[] = APPHOST(
        SITE("one", "1", "*:21:", "<ftpServer><security>" ALLOW_CLEAR "</security></ftpServer>")
        "<site name=\"web\" id=\"2\"><bindings><binding protocol=\"http\" bindingInformation=\"*:80:\" /></bindings></site>\n",
        "<location path=\"ONE/in\"><system.ftpServer><security><authorization /></security></system.ftpServer></location>\n"
        "<location path=\"web\"><system.ftpServer><security><authorization /></security></system.ftpServer></location>\n"
        "<location path=\"gone/in\"><system.ftpServer><security><authorization />\n"
        "<ipSecurity /></security></system.ftpServer></location>\n");
    static const char administration[] =
        "<configuration><configSections><sectionGroup name=\"system.webServer\"><sectionGroup name=\"management\">"
        "<section name=\"authorization\" /></sectionGroup></sectionGroup></configSections><system.webServer><management>"
        "<authorization><authorizationRules>\n<scope path=\"/One/in\"><add name=\"a\" /></scope>\n"
        "<scope path=\"/left\"><add name=\"a\" /></scope></authorizationRules></authorization>"
        "</management></system.webServer></configuration>";
    struct run r;
    run_texts(&r, apphost, administration,
              SALLYPORT("<sites><site name=\"One\" strictIis=\"true\" /><site name=\"web\" />\n<site name=\"older\" strictIis=\"true\" /></sites>"));
    show(&r);
    assert_int_equal(r.err, 0);
    assert_true(says(&r, LOADER_WARNING, 0, "there is no site \"older\": these settings have no effect"));
    assert_true(says(&r, LOADER_WARNING, 0, "there is no site \"left\": these permissions have no effect"));
    assert_true(says(&r, LOADER_WARNING, 0, "there is no site \"gone\": what its location tag says has no effect"));
    size_t orphans = 0;
    for (size_t i = 0; i < r.report.count; i++)
        orphans += strstr(r.report.items[i].diag.what, "there is no site") != NULL;
    assert_int_equal(orphans, 3);
    end_run(&r);
}

/* Capitals beyond ASCII: location tags, settings and permissions mean the site. */
static void test_folded_names(void **state)
{
    (void)state;
    static const char apphost[] = APPHOST(
        SITE("Dépôt", "1", "*:21:", "<ftpServer><security>" ALLOW_CLEAR "</security></ftpServer>"),
        "<location path=\"DÉPÔT/in\"><system.ftpServer><security><authorization /></security></system.ftpServer></location>\n"
        "<location path=\"Depot\"><system.ftpServer><security><authorization /></security></system.ftpServer></location>\n");
    static const char administration[] =
        "<configuration><configSections><sectionGroup name=\"system.webServer\"><sectionGroup name=\"management\">"
        "<section name=\"authorization\" /></sectionGroup></sectionGroup></configSections><system.webServer><management>"
        "<authorization><authorizationRules>\n<scope path=\"/DÉPÔT\"><add name=\"a\" /></scope></authorizationRules>"
        "</authorization></management></system.webServer></configuration>";
    struct run r;
    run_texts(&r, apphost, administration, SALLYPORT("<sites><site name=\"DÉPÔT\" strictIis=\"true\" /></sites>"));
    show(&r);
    assert_int_equal(r.err, 0);
    assert_false(says(&r, LOADER_WARNING, 0, "there is no site \"DÉPÔT\": what its location tag says"));
    assert_true(says(&r, LOADER_WARNING, 0, "there is no site \"Depot\": what its location tag says has no effect"));
    assert_false(says(&r, LOADER_WARNING, 0, "these permissions have no effect"));
    assert_false(says(&r, LOADER_WARNING, 0, "these settings have no effect"));
    assert_true(snapshot_site(r.s, 0)->strict_iis);
    end_run(&r);
}

static void test_many_orphans(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER sites = { 0 };
    text_add_str(&sites, "<configuration><sallyport><sites>");
    for (int i = 0; i < 50; i++)
        text_addf(&sites, "<site name=\"%d\" />", i);
    text_add_str(&sites, "</sites></sallyport></configuration>");
    struct run r;
    run_texts(&r, WITH(""), NULL, text_str(&sites));
    assert_int_equal(r.err, 0);
    assert_true(says(&r, LOADER_WARNING, 0, "30 more name sites that do not exist"));
    assert_true(r.report.count < 25);
    end_run(&r);
}

static void test_misplaced(void **state)
{
    (void)state;
    static const char *const told[] = {
        ("applicationHost.config:7:1: system.ftpServer/security/authentication has no effect in the location tag for \"one\": it is "
         "a section of the whole server"),
        "applicationHost.config:8:85: system.ftpServer/providerDefinitions has no effect in the location tag for \"one/sub\"",
        "applicationHost.config:9:1: system.ftpServer/firewallSupport has no effect",
    };
    struct run r;
    run_texts(&r, APPHOST(SITE("one", "1", "*:21:", SECURITY("")),
                          "<location path=\"one\"><system.ftpServer><security>\n<authorization /><ipSecurity /><requestFiltering />\n"
                          "<authentication><denyByFailure enabled=\"true\" /></authentication>\n</security></system.ftpServer>"
                          "</location><location path=\"one/sub\"><system.ftpServer><providerDefinitions />\n<firewallSupport />"
                          "</system.ftpServer></location><location path=\".\"><system.ftpServer><firewallSupport /><caching />"
                          "</system.ftpServer></location>"),
              NULL, NULL);
    show(&r);
    assert_int_equal(r.err, 0);
    assert_int_equal(r.report.count, sizeof told / sizeof told[0]);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        assert_true(says(&r, LOADER_WARNING, 0, told[i]));
    end_run(&r);
}

/* ---- what keeps everything from loading ---- */

static const struct {
    const char *label, *apphost, *sallyport, *words;
} refused[] = {
    { "no file", NULL, NULL, "/etc/sallyport/applicationHost.config: the file is missing or cannot be read. Put it back" },
    { "not XML", "<configuration>", NULL, "" },
    { "unknown attribute", APPHOST(SITE("one", "1", "*:21:", "<ftpServer nonsense=\"1\" />"), ""), NULL, "nonsense" },
    { "unknown enum value",
      APPHOST(SITE("one", "1", "*:21:", "<ftpServer><security><ssl controlChannelPolicy=\"Maybe\" /></security></ftpServer>"), ""),
      NULL, "SslRequireCredentialsOnly" },
    { "passive ports upside down",
      APPHOST("", "<system.ftpServer><firewallSupport lowDataChannelPort=\"6000\" highDataChannelPort=\"5000\" /></system.ftpServer>"),
      NULL, "lowDataChannelPort 6000" },
    { "site id 0", APPHOST(SITE("one", "0", "*:21:", ""), ""), NULL, "1 or more" },
    { "two sites with one id", APPHOST(SITE("one", "1", "*:21:", "") SITE("two", "1", "*:22:", ""), ""), NULL, "id" },
    { "sallyport.config broken", APPHOST("", ""), "<configuration><sallyport><tls minProtocol=\"Ssl3\" /></sallyport></configuration>",
      "Tls12" },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct run r;
        CASE_LABEL(&refused[i]);
        run_texts(&r, refused[i].apphost, NULL, refused[i].sallyport);
        show(&r);
        assert_int_not_equal(r.err, 0);
        assert_null(r.s);
        assert_true(r.report.errors > 0);
        assert_true(says(&r, LOADER_ERROR, 0, refused[i].words));
        end_run(&r);
    }
}
/* ---- size ---- */

static void test_ten_thousand_sites(void **state)
{
    (void)state;
    enum { SITES = 10000 };
    OWNED_TEXT_BUFFER apphost = { 0 };
    text_add_str(&apphost, "<configuration>" SECTIONS "<system.applicationHost><sites>\n");
    for (unsigned i = 1; i <= SITES; i++)
        text_addf(&apphost, SITE("site %u", "%u", "*:21:h%u.example.com",
                                 "<ftpServer><security>" ALLOW_CLEAR "</security></ftpServer>"), i, i, i);
    text_add_str(&apphost, "</sites></system.applicationHost>\n");
    for (unsigned i = 1; i <= SITES; i++)
        text_addf(&apphost, "<location path=\"site %u\"><system.ftpServer><security><authorization><add accessType=\"Allow\" "
                  "users=\"u%u\" permissions=\"Read\" /></authorization></security></system.ftpServer></location>\n", i, i);
    text_add_str(&apphost, "</configuration>\n");
    struct run r;
    run_texts(&r, text_str(&apphost), NULL, NULL);
    assert_int_equal(r.err, 0);
    assert_int_equal(r.report.count, 0);
    assert_int_equal(snapshot_count(r.s, SNAP_TABLE_site), SITES);
    const struct snap_site *last = snapshot_site_by_id(r.s, SITES);
    const struct snap_scope *scope = snapshot_scope(r.s, last->scopes.first);
    assert_text(&r, snapshot_rule(r.s, scope->rules.first)->users, "u10000");
    end_run(&r);
}

static void test_order(void **state)
{
    (void)state;
    static const char *const want[] = { "applicationHost.config:2", "applicationHost.config:10", "sallyport.config:1",
                                        "certificates/MY/a.pem:0", ":0" };
    struct report r = { 0 };
    struct diag d = { 0 };
    for (size_t i = COUNT_OF(want); i-- > 0;) {
        struct slice rest = slice_str(want[i]);
        struct slice file = slice_cut(&rest, ':');
        diag_place(&d, file, (unsigned)strtoul(rest.ptr, NULL, 10), 1);
        diag_set(&d, "x");
        report_add(&r, LOADER_NOTE, 0, &d);
        report_add(&r, LOADER_NOTE, 0, &d);
    }
    report_sort(&r);
    size_t at = 0;
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        char place[300];
        snprintf(place, sizeof place, "%s:%u", r.items[at].diag.file, r.items[at].diag.line);
        assert_string_equal(place, want[i]);
        at += r.items[at].diag.line ? 1 : 2; /* repetitions at one line are dropped */
    }
    assert_int_equal(at, r.count);
    report_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walkthrough),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_no_column), cmocka_unit_test(test_places),
        cmocka_unit_test(test_misplaced),
        cmocka_unit_test(test_orphans),
        cmocka_unit_test(test_folded_names),
        cmocka_unit_test(test_many_orphans),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_ten_thousand_sites),
        cmocka_unit_test(test_order),
    };
    if (cert_prepare())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

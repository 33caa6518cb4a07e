/* compile_test.c - from XML to the values of a snapshot. */
#include "loader/compile.h"

#include "base/case_test.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "tls/cert.h"

enum { NOW = 1800000000, DAY = 86400 };

#define SECTIONS                                                                                        \
    "<configSections>"                                                                                  \
    "<sectionGroup name=\"system.applicationHost\"><section name=\"sites\" allowDefinition=\"AppHostOnly\" " \
    "overrideModeDefault=\"Deny\" /></sectionGroup>"                                                    \
    "<sectionGroup name=\"system.ftpServer\">"                                                          \
    "<section name=\"log\" overrideModeDefault=\"Deny\" /><section name=\"firewallSupport\" />"          \
    "<section name=\"caching\" /><section name=\"providerDefinitions\" /><section name=\"serverRuntime\" />" \
    "<sectionGroup name=\"security\"><section name=\"ipSecurity\" /><section name=\"requestFiltering\" />" \
    "<section name=\"authorization\" /><section name=\"authentication\" /></sectionGroup>"              \
    "</sectionGroup></configSections>\n"
#define APPHOST(sites, rest) \
    "<configuration>" SECTIONS "<system.applicationHost><sites>\n" sites "</sites></system.applicationHost>\n" rest \
    "</configuration>\n"
#define ROOT(path) "<application path=\"/\"><virtualDirectory path=\"/\" physicalPath=\"" path "\" /></application>"
#define BOUND(information) \
    "<bindings><binding protocol=\"ftp\" bindingInformation=\"" information "\" /></bindings>"
#define SITE(name, id, information, inner) \
    "<site name=\"" name "\" id=\"" id "\">" ROOT("C:\\ftp") BOUND(information) inner "</site>\n"
#define ALLOW_CLEAR "<ssl controlChannelPolicy=\"SslAllow\" dataChannelPolicy=\"SslAllow\" />"
#define SALLYPORT(inner) "<configuration><sallyport>" inner "</sallyport></configuration>"
#define PROVIDERS                                                                                       \
    "<providerDefinitions>"                                                                             \
    "<add name=\"IisManagerAuth\" type=\"Microsoft.Web.FtpServer.Security.IisManagerAuthenticationProvider, " \
    "Microsoft.Web.FtpServer, version=7.5.0.0\" />"                                                     \
    "<add name=\"AspNetAuth\" type=\"Microsoft.Web.FtpServer.Security.AspNetFtpMembershipProvider, x\" />" \
    "</providerDefinitions>"

/* The result of a run: everything but `s` is valid after a failure too. */
struct run {
    struct report report;
    struct snapshot *s;
    struct text bytes;
    int err;
};

static void run_files(struct run *r, const struct compile_file *files, size_t count)
{
    struct snapshot_writer *w = NULL;
    const struct compile_input in = {
        .files = files, .count = count, .directory = SLICE_LITERAL("/etc/sallyport"), .generation = 42,
        .privileged = true, .now = NOW,
    };
    *r = (struct run){ 0 };
    r->err = compile_run(&in, &r->report, &w);
    if (!r->err) {
        assert_int_equal(snapshot_writer_finish(w, 0, &r->bytes), 0);
        assert_int_equal(snapshot_view(r->bytes.ptr, r->bytes.len, &r->s), 0);
    }
    snapshot_writer_free(w);
}

static void run_texts(struct run *r, const char *apphost, const char *administration, const char *sallyport)
{
    struct compile_file files[3];
    size_t count = 0;
    const char *names[] = { "applicationHost.config", "administration.config", "sallyport.config" };
    const char *texts[] = { apphost, administration, sallyport };
    for (size_t i = 0; i < 3; i++)
        if (texts[i])
            files[count++] = (struct compile_file){ names[i], slice_str(texts[i]), S_IFREG | 0640 };
    run_files(r, files, count);
}

static void end_run(struct run *r)
{
    snapshot_unref(r->s);
    text_free(&r->bytes);
    report_free(&r->report);
}

/* Whether a diagnostic of that severity and site says `words`. */
static bool says(const struct run *r, enum loader_severity severity, uint32_t site, const char *words)
{
    for (size_t i = 0; i < r->report.count; i++) {
        OWNED_TEXT_BUFFER line = { 0 };
        diag_print(&r->report.items[i].diag, &line);
        if (r->report.items[i].severity == severity && r->report.items[i].site == site &&
            strstr(text_str(&line), words))
            return true;
    }
    return false;
}

static void show(const struct run *r)
{
    for (size_t i = 0; i < r->report.count; i++) {
        OWNED_TEXT_BUFFER line = { 0 };
        diag_print(&r->report.items[i].diag, &line);
        print_message("      %d %u %s\n", r->report.items[i].severity, r->report.items[i].site, text_str(&line));
    }
}

#define assert_text(r, field, want) assert_string_equal(snapshot_text((r)->s, field).ptr, want)

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

#define WITH(inner) APPHOST(SITE("one", "1", "*:21:", "<ftpServer><security>" ALLOW_CLEAR "</security></ftpServer>") inner, "")
#define SECURITY(inner) "<ftpServer><security>" ALLOW_CLEAR inner "</security></ftpServer>"
#define SERVER(inner) \
    APPHOST(SITE("one", "1", "*:21:", "<ftpServer><security>" ALLOW_CLEAR "</security></ftpServer>"), \
            "<location path=\"one\"><system.ftpServer><security>" inner "</security></system.ftpServer></location>")

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

/* ---- request filtering ---- */

static void test_request_filtering(void **state)
{
    (void)state;
    struct run r;
    run_texts(&r, APPHOST(SITE("one", "1", "*:21:", SECURITY("")),
                          "<system.ftpServer><security><requestFiltering><hiddenSegments><add segment=\"_vti_bin\" />"
                          "</hiddenSegments></requestFiltering></security></system.ftpServer>"
                          "<location path=\"one/in\"><system.ftpServer><security>"
                          "<requestFiltering allowHighBitCharacters=\"false\"><fileExtensions allowUnlisted=\"false\">"
                          "<add fileExtension=\".txt\" allowed=\"true\" /><add fileExtension=\"exe\" allowed=\"false\" />"
                          "</fileExtensions><requestLimits maxUrl=\"100\" maxAllowedContentLength=\"5000000000\" />"
                          "<hiddenSegments><add segment=\"bin\" /></hiddenSegments>"
                          "<denyUrlSequences><add sequence=\"//\" /></denyUrlSequences></requestFiltering></security>"
                          "</system.ftpServer></location>"), NULL, NULL);
    show(&r);
    assert_int_equal(r.err, 0);
    assert_int_equal(r.report.count, 0);
    const struct snap_site *site = snapshot_site(r.s, 0);
    assert_text(&r, site->failure, "");
    assert_int_equal(site->filters.count, 2);
    const struct snap_filter *in = snapshot_filter(r.s, site->filters.first), *root = in + 1;
    assert_text(&r, in->path, "/in");
    assert_text(&r, root->path, "/");
    assert_int_equal(root->allow_high_bit, 1);
    assert_int_equal(root->allow_unlisted_extensions, 1);
    assert_int_equal(root->max_url, 4096);
    assert_int_equal(root->max_content_length, 0);
    assert_int_equal(root->segments.count, 1);
    assert_text(&r, snapshot_segment(r.s, root->segments.first)->segment, "_vti_bin");
    assert_int_equal(in->allow_high_bit, 0);
    assert_int_equal(in->allow_unlisted_extensions, 0);
    assert_int_equal(in->max_url, 100);
    assert_int_equal(in->max_content_length, 5000000000);
    assert_int_equal(in->extensions.count, 2);
    assert_text(&r, snapshot_extension(r.s, in->extensions.first + 1)->extension, "exe");
    assert_int_equal(snapshot_extension(r.s, in->extensions.first + 1)->allowed, 0);
    assert_int_equal(in->segments.count, 2); /* the inherited one first */
    assert_text(&r, snapshot_segment(r.s, in->segments.first + 1)->segment, "bin");
    assert_int_equal(in->sequences.count, 1);
    end_run(&r);
}

static void test_command_filtering(void **state)
{
    (void)state;
    struct run r;
    run_texts(&r, APPHOST("<siteDefaults><ftpServer><security><commandFiltering maxCommandLine=\"100\">"
                          "<add command=\"STAT\" allowed=\"false\" /></commandFiltering></security></ftpServer></siteDefaults>"
                          SITE("one", "1", "*:21:", SECURITY("<commandFiltering allowUnlisted=\"false\">"
                                                             "<add command=\"RETR\" allowed=\"true\" /></commandFiltering>")), ""),
              NULL, NULL);
    show(&r);
    assert_int_equal(r.err, 0);
    assert_int_equal(r.report.count, 0);
    const struct snap_site *site = snapshot_site(r.s, 0);
    assert_int_equal(site->max_command_line, 100);
    assert_int_equal(site->allow_unlisted_commands, 0);
    assert_int_equal(site->commands.count, 2);
    const struct snap_command *stat = snapshot_command(r.s, site->commands.first);
    assert_text(&r, stat->command, "STAT");
    assert_int_equal(stat->allowed, 0);
    assert_text(&r, stat[1].command, "RETR");
    assert_int_equal(stat[1].allowed, 1);
    end_run(&r);
}

static void test_addresses(void **state)
{
    (void)state;
    struct run r;
    run_texts(&r, APPHOST(SITE("one", "1", "*:21:", SECURITY("")),
                          "<system.ftpServer><security><ipSecurity allowUnlisted=\"false\">"
                          "<add ipAddress=\"192.0.2.9\" subnetMask=\"255.255.255.0\" allowed=\"true\" /></ipSecurity>"
                          "</security></system.ftpServer>"
                          "<location path=\"one/in\"><system.ftpServer><security><ipSecurity>"
                          "<add ipAddress=\"2001:db8::/32\" /></ipSecurity></security></system.ftpServer></location>"),
              NULL, NULL);
    show(&r);
    assert_int_equal(r.err, 0);
    assert_int_equal(r.report.count, 0);
    const struct snap_site *site = snapshot_site(r.s, 0);
    assert_int_equal(site->address_scopes.count, 2);
    const struct snap_address_scope *in = snapshot_address_scope(r.s, site->address_scopes.first), *root = in + 1;
    assert_text(&r, in->path, "/in");
    assert_int_equal(in->allow_unlisted, 0);
    assert_int_equal(in->addresses.count, 2);
    const struct snap_address *office = snapshot_address(r.s, in->addresses.first), *far = office + 1;
    assert_int_equal(office->family, 4);
    assert_int_equal(office->ip0, 0xc0000200);
    assert_int_equal(office->mask0, 0xffffff00);
    assert_int_equal(office->allowed, 1);
    assert_int_equal(far->family, 6);
    assert_int_equal(far->ip0, 0x20010db8);
    assert_int_equal(far->mask0, 0xffffffff);
    assert_int_equal(far->mask1, 0);
    assert_int_equal(far->allowed, 0); /* `add` without allowed denies */
    assert_text(&r, root->path, "/");
    assert_int_equal(root->addresses.count, 1);
    end_run(&r);
}

static void test_deny_by_failure(void **state)
{
    (void)state;
    struct run r;
    run_texts(&r, APPHOST(SITE("one", "1", "*:21:", SECURITY("")),
                          "<system.ftpServer><security><ipSecurity>"
                          "<add ipAddress=\"192.0.2.0\" subnetMask=\"255.255.255.0\" allowed=\"true\" />"
                          "<add ipAddress=\"192.0.2.9\" allowed=\"true\" /><add ipAddress=\"192.0.2.10\" /></ipSecurity>"
                          "<authentication><denyByFailure enabled=\"true\" maxFailure=\"7\" entryExpiration=\"00:02:00\" />"
                          "</authentication></security></system.ftpServer>"), NULL, NULL);
    show(&r);
    assert_int_equal(r.err, 0);
    assert_int_equal(r.report.count, 0);
    const struct snap_server *server = snapshot_server(r.s, 0);
    assert_int_equal(server->deny_by_failure, 1);
    assert_int_equal(server->deny_max_failure, 7);
    assert_int_equal(server->deny_seconds, 120);
    assert_int_equal(server->deny_log_only, 0);
    assert_int_equal(server->never_denied.count, 1);
    assert_int_equal(snapshot_address(r.s, server->never_denied.first)->ip0, 0xc0000209);
    end_run(&r);
}

#define FEATURE(attributes) "<ftpServer><customFeatures><providers><add " attributes " /></providers></customFeatures></ftpServer>"

static const struct {
    const char *label, *apphost;
    uint32_t gaps;
    const char *words; /* of the warning; NULL: there is none */
} gaps[] = {
    { "no provider", WITH(SITE("two", "2", "*:22:", "")), 0, NULL },
    { "custom authorization", WITH(SITE("two", "2", "*:22:", SECURITY("<customAuthorization><provider name=\"P\" /></customAuthorization>"))),
      PROVIDER_GAP_AUTHORIZATION, "every access is refused, sub-status 34" },
    { "custom authorization, not enabled",
      WITH(SITE("two", "2", "*:22:", SECURITY("<customAuthorization><provider name=\"P\" enabled=\"false\" /></customAuthorization>"))),
      0, NULL },
    { "custom features", WITH(SITE("two", "2", "*:22:", FEATURE("name=\"P\""))), PROVIDER_GAP_FEATURES,
      "names provider \"P\", which this version cannot run: every login is refused, sub-status 34" },
    { "custom features, not enabled", WITH(SITE("two", "2", "*:22:", FEATURE("name=\"P\" enabled=\"false\""))), 0, NULL },
};

static void test_provider_gaps(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(gaps); i++) {
        struct run r;
        CASE_LABEL(&gaps[i]);
        run_texts(&r, gaps[i].apphost, NULL, NULL);
        assert_int_equal(r.err, 0);
        const struct snap_site *site = snapshot_site_by_id(r.s, 2);
        assert_text(&r, site->failure, "");
        assert_int_equal(site->provider_gaps, gaps[i].gaps);
        assert_true(gaps[i].words ? says(&r, LOADER_WARNING, 2, gaps[i].words) : !says(&r, LOADER_WARNING, 2, "cannot run"));
        end_run(&r);
    }
}

static void test_allow_unenforced(void **state)
{
    (void)state;
    struct run r;
    run_texts(&r, APPHOST(SITE("one", "1", "*:21:", SECURITY("<customAuthorization><provider name=\"P\" /></customAuthorization>")),
                          "<system.ftpServer><security><ipSecurity enableReverseDns=\"true\"><add domainName=\"a.example\" />"
                          "</ipSecurity></security></system.ftpServer>"), NULL,
              SALLYPORT("<safety allowUnenforcedSettings=\"true\" />"));
    assert_int_equal(r.err, 0);
    assert_text(&r, snapshot_site(r.s, 0)->failure, "");
    assert_int_equal(snapshot_site(r.s, 0)->provider_gaps, 0);
    assert_true(says(&r, LOADER_WARNING, 1, "it is left out (allowUnenforcedSettings)"));
    assert_int_equal(snapshot_server(r.s, 0)->needs_names, 1);
    end_run(&r);
}

/* ---- notes ---- */

static void test_notes(void **state)
{
    (void)state;
    struct run r;
    run_texts(&r, APPHOST("<siteDefaults><logFile logFormat=\"W3C\" directory=\"C:\\l\" /><ftpServer>"
                          "<security><authentication><basicAuthentication logonMethod=\"Network\" /><anonymousAuthentication password=\"x\" /></authentication></security>"
                          "</ftpServer></siteDefaults>\n"
                          SITE("one", "1", "*:21:",
                               "<limits maxConnections=\"5\" /><ftpServer allowUTF8=\"true\">\n<security>" ALLOW_CLEAR
                               "\n<commandFiltering maxCommandLine=\"1000\" /></security><userIsolation><activeDirectory adUserName=\"a\" /></userIsolation>"
                               "<connections maxBandwidth=\"4294967295\" /></ftpServer>"), ""),
              NULL, NULL);
    show(&r);
    assert_int_equal(r.err, 0);
    assert_int_equal(r.report.count, 1);
    assert_true(says(&r, LOADER_NOTE, 0, "applicationHost.config:3:"));
    assert_true(says(&r, LOADER_NOTE, 0,
                     "needs no enforcing: system.applicationHost/sites/siteDefaults/ftpServer/security/authentication/"
                     "anonymousAuthentication/@password: the account that serves anonymous clients is used without logging on"));
    end_run(&r);
}

/* ---- what keeps everything from loading ---- */

static const struct {
    const char *label, *apphost, *sallyport, *words;
} refused[] = {
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

/* ---- certificates ---- */

enum cert_file { NO_FILE, WHOLE, NO_KEY, OPEN_KEY, WRONG_KEY, GARBAGE };
static const struct {
    const char *label;
    enum cert_file file;
    const char *store, *hash; /* NULL: the certificate's own; "lower": as people write it */
    int64_t age;              /* days since it was made, valid for 90 */
    uint32_t substatus;
    const char *warning;
} certificates[] = {
    { "found",                             WHOLE,     "MY",         NULL,    0,  0,  NULL },
    { "thumbprint in lower case with a mark (trap 3)", WHOLE, "MY", "lower", 0,  0,  NULL },
    { "in store WebHosting",               WHOLE,     "WebHosting", NULL,    0,  0,  NULL },
    { "no such file (44)",                 NO_FILE,   "MY",         NULL,    0,  44, "has no certificate with thumbprint" },
    { "unreadable file (44)",              GARBAGE,   "MY",         NULL,    0,  44, "has no certificate with thumbprint" },
    { "no key (45)",                       NO_KEY,    "MY",         NULL,    0,  45, "no private key" },
    { "another certificate's key (44)",    WRONG_KEY, "MY",         NULL,    0,  44, "does not belong" },
    { "key open to others (T10)",          OPEN_KEY,  "MY",         NULL,    0,  45, "open to other users (mode 640)" },
    { "hash too short (46)",               WHOLE,     "MY",         "ABCD",  0,  46, "40 hexadecimal digits" },
    { "no hash at all (31)",               WHOLE,     "MY",         "",      0,  31, "requires TLS but has no usable certificate" },
    { "expires in 29 days (T10)",          WHOLE,     "MY",         NULL,    61, 0,  "expires on" },
    { "expires in 31 days",                WHOLE,     "MY",         NULL,    59, 0,  NULL },
    { "expired (T10)",                     WHOLE,     "MY",         NULL,    91, 0,  "expired on" },
    { "not valid yet",                     WHOLE,     "MY",         NULL,    -2, 0,  "is not valid before" },
};

static void make_file(enum cert_file kind, const struct cert *c, struct text *out)
{
    struct cert *other = NULL;
    struct cert_request r = { .common_name = SLICE_LITERAL("other"), .days = 1, .now = NOW };
    struct diag d = { 0 };
    if (kind == GARBAGE)
        text_add_str(out, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    else
        assert_int_equal(cert_write_pem(c, kind == WHOLE || kind == OPEN_KEY ? CERT_PART_ALL : CERT_PART_LEAF, out), 0);
    if (kind != WRONG_KEY)
        return;
    assert_int_equal(cert_create_self_signed(&r, &other, &d), 0);
    assert_int_equal(cert_write_pem(other, CERT_PART_KEY, out), 0);
    cert_free(other);
}

static void write_hash(const char *wanted, const char *thumbprint, struct text *out)
{
    if (wanted && strcmp(wanted, "lower") != 0) {
        text_add_str(out, wanted);
        return;
    }
    if (wanted)
        text_add_str(out, "\xE2\x80\x8E");
    for (const char *p = thumbprint; *p; p++)
        text_add_char(out, wanted ? ascii_lower(*p) : *p);
}

static void test_certificates(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(certificates); i++) {
        OWNED_TEXT_BUFFER pem = { 0 }, hash = { 0 }, apphost = { 0 }, name = { 0 };
        struct cert *c = NULL;
        struct cert_info info;
        struct diag d = { 0 };
        struct cert_request request = { .common_name = SLICE_LITERAL("ftp.example.com"), .days = 90,
                                        .now = NOW - certificates[i].age * DAY };
        CASE_LABEL(&certificates[i]);
        assert_int_equal(cert_create_self_signed(&request, &c, &d), 0);
        cert_describe(c, &info);
        write_hash(certificates[i].hash, info.thumbprint, &hash);
        text_addf(&apphost, APPHOST("<site name=\"s\" id=\"1\">" ROOT("C:\\f") BOUND("*:990:")
                  "<ftpServer><security><ssl serverCertHash=\"%s\" serverCertStoreName=\"%s\" /></security></ftpServer></site>\n", ""),
                  text_str(&hash), certificates[i].store);
        text_addf(&name, "certificates/%s/web.pem", certificates[i].store);
        struct compile_file files[2] = { { "applicationHost.config", text_slice(&apphost), 0100640 } };
        if (certificates[i].file != NO_FILE) {
            make_file(certificates[i].file, c, &pem);
            files[1] = (struct compile_file){ text_str(&name), text_slice(&pem),
                                              certificates[i].file == OPEN_KEY ? 0100640 : 0100600 };
        }
        struct run r;
        run_files(&r, files, certificates[i].file == NO_FILE ? 1 : 2);
        show(&r);
        assert_int_equal(r.err, 0);
        const struct snap_site *site = snapshot_site(r.s, 0);
        assert_text(&r, site->failure, "");
        assert_int_equal(site->cert_substatus, certificates[i].substatus);
        assert_int_equal(site->cert, certificates[i].substatus ? 0 : 1);
        assert_int_equal(snapshot_binding(r.s, 0)->implicit_tls, certificates[i].substatus != 31);
        bool told = certificates[i].warning && (says(&r, LOADER_WARNING, 1, certificates[i].warning) ||
                                                says(&r, LOADER_WARNING, 0, certificates[i].warning));
        assert_int_equal(told, certificates[i].warning != NULL);
        if (!certificates[i].warning)
            assert_int_equal(r.report.count, 0);
        if (site->cert) {
            assert_text(&r, snapshot_cert(r.s, 0)->thumbprint, info.thumbprint);
            assert_non_null(strstr(snapshot_text(r.s, snapshot_cert(r.s, 0)->key_pem).ptr, "PRIVATE KEY"));
        } else {
            assert_int_equal(snapshot_count(r.s, SNAP_TABLE_cert), 0);
        }
        end_run(&r);
        cert_free(c);
    }
}

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
            { "applicationHost.config", slice_str(APPHOST("", "")), 0100640 },
            { "sallyport.config", text_slice(&own), 0100640 },
        };
        run_files(&r, files, COUNT_OF(files));
        assert_int_equal(r.err, directories[i].error ? ERR_SYNTAX : 0);
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

static void test_implicit_ports(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER pem = { 0 }, apphost = { 0 };
    struct cert *c = NULL;
    struct cert_info info;
    struct diag d = { 0 };
    struct cert_request request = { .common_name = SLICE_LITERAL("a"), .days = 90, .now = NOW };
    assert_int_equal(cert_create_self_signed(&request, &c, &d), 0);
    cert_describe(c, &info);
    assert_int_equal(cert_write_pem(c, CERT_PART_ALL, &pem), 0);
    text_addf(&apphost, APPHOST("<site name=\"s\" id=\"1\">" ROOT("C:\\f")
              "<bindings><binding protocol=\"ftp\" bindingInformation=\"*:2121:\" />"
              "<binding protocol=\"ftp\" bindingInformation=\"*:2990:one\" /></bindings>"
              "<ftpServer><security><ssl serverCertHash=\"%s\" /></security></ftpServer></site>\n"
              "<site name=\"t\" id=\"2\">" ROOT("C:\\f") BOUND("*:2990:two") "<ftpServer><security>" ALLOW_CLEAR
              "</security></ftpServer></site>\n", ""), info.thumbprint);
    struct compile_file files[] = {
        { "applicationHost.config", text_slice(&apphost), 0100640 },
        { "sallyport.config", slice_str(SALLYPORT("<tls><implicitPorts><add port=\"2990\" /></implicitPorts></tls>")), 0100640 },
        { "certificates/MY/a.pem", text_slice(&pem), 0100600 },
    };
    struct run r;
    run_files(&r, files, COUNT_OF(files));
    show(&r);
    assert_int_equal(r.err, 0);
    assert_int_equal(snapshot_count(r.s, SNAP_TABLE_binding), 3);
    assert_false(snapshot_binding(r.s, 0)->implicit_tls);
    assert_true(snapshot_binding(r.s, 1)->implicit_tls);
    assert_true(snapshot_binding(r.s, 2)->implicit_tls); /* a listener cannot be both */
    assert_int_equal(snapshot_count(r.s, SNAP_TABLE_cert), 1);
    end_run(&r);
    cert_free(c);
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
        cmocka_unit_test(test_request_filtering),
        cmocka_unit_test(test_command_filtering),
        cmocka_unit_test(test_deny_by_failure),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_provider_gaps),
        cmocka_unit_test(test_allow_unenforced),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_implicit_ports),
        cmocka_unit_test(test_providers),
        cmocka_unit_test(test_membership),
        cmocka_unit_test(test_ten_thousand_sites),
        cmocka_unit_test(test_order),
    };
    if (cert_prepare())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

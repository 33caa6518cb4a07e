/* compile_access_test.c - who may come and what may be asked for: filters, addresses, providers that cannot be run. */
#include "loader/compile_world.h"

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

#define RULES(rules) "<system.ftpServer><security><authorization>" rules "</authorization></security></system.ftpServer>"
#define NAMES_NOBODY "means nobody: \"OLDPC\" is neither this machine (HOST1) nor a domain of sallyport/directory"
#define DEPOT "<directory servers=\"ldaps://dc1\" bindName=\"svc@depot.test\" bindPassword=\"x\" "

static const struct {
    const char *label, *rules, *directory; /* of sallyport.config, "" none */
    unsigned warnings;
    const char *words;
} rule_names[] = {
    { "plain names, everybody and anonymous", RULES("<add accessType=\"Deny\" users=\"anna, *, ?\" roles=\"staff\" />"), "", 0, NULL },
    { "this machine in all spellings", RULES("<add accessType=\"Deny\" users=\"host1\\anna,.\\anna,NT AUTHORITY\\anna\" />"), "", 0, NULL },
    { "another machine, once for both sites", RULES("<add accessType=\"Deny\" users=\"anna, OLDPC\\alice\" />"), "", 1,
      "system.ftpServer/security/authorization/add: the Deny rule for \"OLDPC\\alice\" " NAMES_NOBODY },
    { "what to do", RULES("<add accessType=\"Deny\" users=\"OLDPC\\alice\" />"), "", 1, "Put \"HOST1\" or the domain in its place, leave it out for" },
    { "a group of it, and an Allow", RULES("<add accessType=\"Allow\" roles=\"OLDPC\\staff\" />"), "", 1,
      "the Allow rule for \"OLDPC\\staff\" " NAMES_NOBODY },
    { "two rules", RULES("<add accessType=\"Deny\" users=\"OLDPC\\a\" /><add accessType=\"Deny\" users=\"OLDPC\\b\" />"), "", 2, "OLDPC\\b" },
    { "below a site", "<location path=\"one/in\">" RULES("<add accessType=\"Deny\" users=\"OLDPC\\alice\" />") "</location>", "", 1,
      NAMES_NOBODY },
    { "addresses of mail are no domains", RULES("<add accessType=\"Deny\" users=\"anna@old.example\" />"), "", 0, NULL },
    { "the domain", RULES("<add accessType=\"Deny\" users=\"depot\\alice\" roles=\"Depot.Test\\staff\" />"),
      DEPOT "domain=\"DEPOT\" dnsDomain=\"depot.test\" />", 0, NULL },
    { "another domain", RULES("<add accessType=\"Deny\" users=\"OLDPC\\alice\" />"),
      DEPOT "domain=\"DEPOT\" dnsDomain=\"depot.test\" />", 1, NAMES_NOBODY },
    { "a domain that says its name later", RULES("<add accessType=\"Deny\" users=\"OLDPC\\alice\" />"), DEPOT "/>", 0, NULL },
};

static void test_rule_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rule_names); i++) {
        struct run r;
        unsigned warnings = 0;
        OWNED_TEXT_BUFFER apphost = { 0 }, own = { 0 };
        CASE_LABEL(&rule_names[i]);
        text_addf(&apphost, APPHOST(SITE("one", "1", "*:21:", SECURITY("")) SITE("two", "2", "*:22:", SECURITY("")), "%s"), rule_names[i].rules);
        text_addf(&own, SALLYPORT("%s"), rule_names[i].directory);
        run_texts(&r, text_str(&apphost), NULL, text_str(&own));
        show(&r);
        assert_int_equal(r.err, 0);
        for (size_t j = 0; j < r.report.count; j++)
            warnings += strstr(r.report.items[j].diag.what, "means nobody") != NULL;
        assert_int_equal(warnings, rule_names[i].warnings);
        if (rule_names[i].words)
            assert_true(says(&r, LOADER_WARNING, 0, rule_names[i].words));
        end_run(&r);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_filtering),
        cmocka_unit_test(test_command_filtering),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_deny_by_failure),
        cmocka_unit_test(test_rule_names),
        cmocka_unit_test(test_provider_gaps),
        cmocka_unit_test(test_allow_unenforced),
    };
    if (cert_prepare())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

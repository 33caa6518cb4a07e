/* reason_test.c - from lines of the configuration to the reasons that name them. */
#include "loader/compile.h"

#include "base/case_test.h"
#include "policy/address_rules.h"
#include "policy/authorization.h"
#include "policy/command_filter.h"
#include "policy/request_filter.h"

/* The numbers in the cases are lines of this text. */
static const char configuration[] =
/* 1*/ "<configuration><configSections>\n"
/* 2*/ "<sectionGroup name=\"system.applicationHost\"><section name=\"sites\" /></sectionGroup>\n"
/* 3*/ "<sectionGroup name=\"system.ftpServer\"><section name=\"caching\" /><section name=\"log\" />\n"
/* 4*/ "<section name=\"firewallSupport\" /><section name=\"providerDefinitions\" /><section name=\"serverRuntime\" />\n"
/* 5*/ "<sectionGroup name=\"security\"><section name=\"ipSecurity\" /><section name=\"requestFiltering\" />\n"
/* 6*/ "<section name=\"authorization\" /><section name=\"authentication\" /></sectionGroup></sectionGroup>\n"
/* 7*/ "</configSections>\n"
/* 8*/ "<system.applicationHost><sites>\n"
/* 9*/ "<site name=\"Depot\" id=\"7\"><application path=\"/\"><virtualDirectory path=\"/\" physicalPath=\"C:\\ftp\" />\n"
/*10*/ "</application><bindings><binding protocol=\"ftp\" bindingInformation=\"*:21:\" /></bindings>\n"
/*11*/ "<ftpServer><security><commandFiltering\n"
/*12*/ "allowUnlisted=\"false\"><add command=\"RETR\" allowed=\"true\" />\n"
/*13*/ "<add command=\"DELE\" allowed=\"false\" /></commandFiltering></security></ftpServer></site>\n"
/*14*/ "</sites></system.applicationHost>\n"
/*15*/ "<location path=\"Depot\"><system.ftpServer><security>\n"
/*16*/ "<authorization><add accessType=\"Allow\" users=\"*\" permissions=\"Read\" />\n"
/*17*/ "<add accessType=\"Deny\" users=\"eve\" permissions=\"Read, Write\" />\n"
/*18*/ "<add accessType=\"Allow\" roles=\"staff\" permissions=\"Write\" /></authorization>\n"
/*19*/ "<ipSecurity\n"
/*20*/ "allowUnlisted=\"false\"><add ipAddress=\"10.0.0.0\" subnetMask=\"255.0.0.0\" allowed=\"true\" />\n"
/*21*/ "<add ipAddress=\"192.0.2.7\" /></ipSecurity>\n"
/*22*/ "<requestFiltering allowHighBitCharacters=\"false\"><fileExtensions\n"
/*23*/ "allowUnlisted=\"false\"><add fileExtension=\".exe\" allowed=\"false\" />\n"
/*24*/ "<add fileExtension=\".txt\" allowed=\"true\" /></fileExtensions>\n"
/*25*/ "<requestLimits maxUrl=\"40\" /><hiddenSegments><add segment=\"_vti_bin\" /></hiddenSegments>\n"
/*26*/ "<denyUrlSequences><add sequence=\"..\" /></denyUrlSequences>\n"
/*27*/ "</requestFiltering></security></system.ftpServer></location></configuration>\n";

struct world {
    struct text bytes;
    struct snapshot *s;
    const struct snap_site *site;
};

static int set_up(void **state)
{
    static struct world world;
    const struct compile_file file = { "applicationHost.config", SLICE_LITERAL(configuration), 0100640 };
    const struct compile_input in = { .files = &file, .count = 1, .directory = SLICE_LITERAL("/x"), .generation = 1 };
    struct report report = { 0 };
    struct snapshot_writer *w = NULL;
    int err = compile_run(&in, &report, &w);
    for (size_t i = 0; err && i < report.count; i++)
        print_message("%u: %s\n", report.items[i].diag.line, report.items[i].diag.what);
    report_free(&report);
    assert_int_equal(err, 0);
    assert_int_equal(snapshot_writer_finish(w, ROLE_WORKER | ROLE_BROKER, &world.bytes), 0);
    snapshot_writer_free(w);
    assert_int_equal(snapshot_view(world.bytes.ptr, world.bytes.len, &world.s), 0);
    world.site = snapshot_site_by_id(world.s, 7);
    assert_non_null(world.site);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    snapshot_unref(world->s);
    text_free(&world->bytes);
    return 0;
}

static void check(const struct world *world, const struct reason *why, const char *want)
{
    OWNED_TEXT_BUFFER text = { 0 };
    reason_print(world->s, why, &text);
    assert_string_equal(text_str(&text), want);
}

#define AT(line) " (applicationHost.config:" #line ")"

static const struct {
    const char *label, *user, *roles;
    unsigned wanted;
    bool any, allowed;
    const char *want;
} rules[] = {
    { "the rule that allows", "anna", "", PERMISSION_READ, false, true, "Allow Read for users \"*\"" AT(16) },
    { "a Deny after the Allow", "eve", "", PERMISSION_READ, false, false, "Deny Read, Write for users \"eve\"" AT(17) },
    { "by role", "anna", "staff", PERMISSION_WRITE, false, true, "Allow Write for roles \"staff\"" AT(18) },
    { "a Deny beats the role", "eve", "staff", PERMISSION_WRITE, false, false,
      "Deny Read, Write for users \"eve\"" AT(17) },
    { "nothing allows", "anna", "", PERMISSION_WRITE, false, false,
      "none of the 3 authorization rules of \"/\" allows Write" },
    { "either will do", "anna", "", PERMISSION_READ | PERMISSION_WRITE, true, true, "Allow Read for users \"*\"" AT(16) },
    { "both are needed", "anna", "", PERMISSION_READ | PERMISSION_WRITE, false, false,
      "none of the 3 authorization rules of \"/\" allows Read, Write" },
};

static void test_authorization(void **state)
{
    const struct world *world = *state;
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        CASE_LABEL(&rules[i]);
        const struct authorization_subject who = { .user = slice_str(rules[i].user), .roles = slice_str(rules[i].roles) };
        struct reason why = { 0 };
        assert_int_equal(authorization_allows(world->s, world->site, SLICE_LITERAL("/a"), &who, rules[i].wanted,
                                              rules[i].any, &why), rules[i].allowed);
        check(world, &why, rules[i].want);
    }
}

static const struct {
    const char *label, *path;
    unsigned substatus;
    const char *want;
} paths[] = {
    { "listed extension", "/a.txt", 0, "no requestFiltering rule refuses the path" },
    { "denied extension", "/a.exe", 11, "fileExtensions denies \".exe\"" AT(23) },
    { "unlisted extension", "/a.doc", 11,
      "fileExtensions does not list the extension of \"a.doc\", and allowUnlisted is false" AT(23) },
    { "hidden segment", "/_VTI_BIN/a.txt", 8, "hiddenSegments has \"_vti_bin\"" AT(25) },
    { "sequence", "/a..b.txt", 9, "denyUrlSequences has \"..\"" AT(26) },
    { "high bit", "/\xc3\xa4.txt", 10, "the path has characters beyond ASCII, and allowHighBitCharacters is false" AT(22) },
    { "too long", "/0123456789012345678901234567890123456789", 12,
      "the path has 41 bytes, requestLimits/@maxUrl is 40" AT(25) },
};

static void test_request_filter(void **state)
{
    const struct world *world = *state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        CASE_LABEL(&paths[i]);
        struct reason why = { 0 };
        assert_int_equal(request_filter_refuses(world->s, world->site, slice_str(paths[i].path), REQUEST_FILE, &why),
                         paths[i].substatus);
        check(world, &why, paths[i].want);
    }
}

static const struct {
    const char *label, *address;
    bool allowed;
    const char *want;
} addresses[] = {
    { "in the network", "10.1.2.3", true, "ipSecurity rule 1 of \"/\" allows the address" AT(20) },
    { "denied alone", "192.0.2.7", false, "ipSecurity rule 2 of \"/\" denies the address" AT(21) },
    { "unlisted", "192.0.2.8", false, "no ipSecurity rule names the address, and allowUnlisted is false" AT(20) },
};

static void test_addresses(void **state)
{
    const struct world *world = *state;
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        CASE_LABEL(&addresses[i]);
        struct net_addr client;
        struct reason why = { 0 };
        assert_int_equal(net_addr_parse(slice_str(addresses[i].address), &client), 0);
        assert_int_equal(address_rules_allow(world->s, world->site, SLICE_LITERAL("/a"), &client, &why),
                         addresses[i].allowed);
        check(world, &why, addresses[i].want);
    }
}

static const struct {
    const char *label, *verb;
    bool allowed;
    const char *want;
} verbs[] = {
    { "allowed", "retr", true, "commandFiltering allows retr" AT(12) },
    { "denied", "DELE", false, "commandFiltering denies DELE" AT(13) },
    { "unlisted", "STOR", false, "STOR is not listed, and commandFiltering/@allowUnlisted is false" AT(12) },
};

static void test_commands(void **state)
{
    const struct world *world = *state;
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        CASE_LABEL(&verbs[i]);
        struct reason why = { 0 };
        assert_int_equal(command_filter_allows(world->s, world->site, slice_str(verbs[i].verb), &why), verbs[i].allowed);
        check(world, &why, verbs[i].want);
    }
}

static void test_escapes(void **state)
{
    const struct world *world = *state;
    struct reason why = { 0 };
    reason_set(&why, 0, "a name with %s", "\r\n line ends");
    check(world, &why, "a name with \\x0d\\x0a line ends");
    reason_set(&why, snap_source(9, 1), "a file that nobody knows");
    check(world, &why, "a file that nobody knows");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_authorization), cmocka_unit_test(test_request_filter),
                                        cmocka_unit_test(test_addresses), cmocka_unit_test(test_commands),
                                        cmocka_unit_test(test_escapes) };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

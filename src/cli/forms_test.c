/* forms_test.c - the general parameters, and the verbs beside list, add, set and delete. */
#include "cli/scenario_test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/file.h"

#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define PROVIDERS "system.ftpServer/providerDefinitions"
#define INVALID(why) "ERROR ( hresult:8007000d, message:Command execution failed.\nThe data is invalid.\nstandard input:" why "\n )\n"
#define RULE { "a rule", { "set", "config", "depot/in", "/section:authorization", "/+[accessType='Allow',users='*',permissions='Read']" }, \
      NULL, 0, APPLIED(AUTHORIZATION, "/depot/in") }

static void test_search(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        ADD_DEPOT, RULE,
        { "everything that is set", { "search", "config" }, NULL, 0,
          "CONFIGSEARCH \"MACHINE/WEBROOT/APPHOST\"\nCONFIGSEARCH \"MACHINE/WEBROOT/APPHOST/depot/in\"\n" },
        { "below a path", { "search", "config", "depot" }, NULL, 0, "CONFIGSEARCH \"MACHINE/WEBROOT/APPHOST/depot/in\"\n" },
        { "one section", { "search", "config", "/section:" AUTHORIZATION }, NULL, 0,
          "CONFIGSEARCH \"MACHINE/WEBROOT/APPHOST/depot/in\"\n" },
        { "an attribute", { "set", "site", "depot", "/ftpServer.serverAutoStart:false" }, NULL, 0, NULL },
        { "is set there", { "search", "config", "/section:sites", "/[name='depot'].ftpServer.serverAutoStart" }, NULL, 0,
          "CONFIGSEARCH \"MACHINE/WEBROOT/APPHOST\"\n" },
        { "to this value", { "search", "config", "/section:sites", "/[name='depot'].ftpServer.serverAutoStart:False" }, NULL, 0,
          "CONFIGSEARCH \"MACHINE/WEBROOT/APPHOST\"\n" },
        { "not to that one", { "search", "config", "/section:sites", "/[name='depot'].ftpServer.serverAutoStart:true" }, NULL, 0, "" },
        { "what is only inherited does not count", { "search", "config", "/section:sites", "/[name='depot'].ftpServer.allowUTF8" }, NULL, 0, "" },
        { "an item", { "search", "config", "/section:authorization", "/[users='*']" }, NULL, 0,
          "CONFIGSEARCH \"MACHINE/WEBROOT/APPHOST/depot/in\"\n" },
        { "no such item", { "search", "config", "/section:authorization", "/[users='anna']" }, NULL, 0, "" },
        { "an unknown name (E5)", { "search", "config", "/section:authorization", "/colour:red" }, NULL, 87,
          UNKNOWN_ATTRIBUTE("colour") },
        { "behind a dot", { "search", "config", "/section:sites", "/siteDefaults.ftpServer.colour.name:red" }, NULL, 87,
          UNKNOWN_ATTRIBUTE("colour") },
        { "in an item", { "search", "config", "/section:sites", "/[name='depot'].colour.name" }, NULL, 87,
          UNKNOWN_ATTRIBUTE("colour") },
        { "where nothing is set", { "search", "config", "/section:firewallSupport", "/colour" }, NULL, 87,
          UNKNOWN_ATTRIBUTE("colour") },
        { "in no section", { "search", "config", "/colour.name:red" }, NULL, 87, UNKNOWN_ATTRIBUTE("colour.name") },
        { "in some section", { "search", "config", "/denyByFailure.enabled:true" }, NULL, 0, "" },
        { "as XML", { "search", "config", "depot", "/xml" }, NULL, 0,
          DECLARATION "<appcmd>\n    <CONFIGSEARCH CONFIG.PATH=\"MACHINE/WEBROOT/APPHOST/depot/in\" />\n</appcmd>\n" },
        { "no such site (E1)", { "search", "config", "nowhere" }, NULL, 1168, CANNOT_FIND("SITE", "nowhere") },
    };
    scenario_play(steps, COUNT_OF(steps));
}

static void test_reset(void **state)
{
    (void)state;
    static const char fresh[] =
        "<system.ftpServer>\n  <providerDefinitions>\n"
        "    <add name=\"IisManagerAuth\" type=\"Microsoft.Web.FtpServer.Security.IisManagerAuthenticationProvider, "
        "Microsoft.Web.FtpServer, version=7.5.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35\" />\n"
        "    <add name=\"AspNetAuth\" type=\"Microsoft.Web.FtpServer.Security.AspNetFtpMembershipProvider, "
        "Microsoft.Web.FtpServer, version=7.5.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35\" />\n"
        "  </providerDefinitions>\n</system.ftpServer>\n";
    static const struct scenario_step steps[] = {
        ADD_DEPOT, RULE,
        { "quotes eaten by the shell around a value with commas and signs", { "set", "config", "/section:" PROVIDERS,
          "/+[name=X,type=A, B,version=1.0.0.0,Culture=neutral]" }, NULL, 0, APPLIED(PROVIDERS, "") },
        { "are one value", { "search", "config", "/section:" PROVIDERS, "/[type='A, B,version=1.0.0.0,Culture=neutral']" }, NULL, 0,
          "CONFIGSEARCH \"MACHINE/WEBROOT/APPHOST\"\n" },
        { "the server's section as it was", { "reset", "config", "/section:" PROVIDERS }, NULL, 0, APPLIED(PROVIDERS, "") },
        { "is fresh", { "list", "config", "/section:" PROVIDERS }, NULL, 0, fresh },
        { "cleared it is empty", { "clear", "config", "/section:" PROVIDERS, "/delete" }, NULL, 0, APPLIED(PROVIDERS, "") },
        { "indeed", { "list", "config", "/section:" PROVIDERS }, NULL, 0,
          "<system.ftpServer>\n  <providerDefinitions />\n</system.ftpServer>\n" },
        { "and comes back", { "reset", "config", "/section:" PROVIDERS }, NULL, 0, NULL },
        { "fresh", { "list", "config", "/section:" PROVIDERS }, NULL, 0, fresh },
        { "at a path nothing is left", { "reset", "config", "depot/in", "/section:authorization" }, NULL, 0,
          APPLIED(AUTHORIZATION, "/depot/in") },
        { "indeed nothing", { "search", "config", "depot" }, NULL, 0, "" },
        { "nothing is old", { "migrate", "config", "depot/" }, NULL, 0, "No section needs to be migrated.\n" },
        { "of an unknown section", { "migrate", "config", "/section:nothing" }, NULL, 87, NULL },
    };
    scenario_play(steps, COUNT_OF(steps));
}

static void test_config_as_object(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        ADD_DEPOT, RULE,
        { "a line", { "list", "config", "depot/in", "/section:authorization", "/text" }, NULL, 0,
          "CONFIG \"" AUTHORIZATION "\" (path:MACHINE/WEBROOT/APPHOST/depot/in,overrideMode:Deny,locked:true)\n" },
        { "one value", { "list", "config", "/section:log", "/text:centralLogFileMode" }, NULL, 0, "Site\n" },
        { "a tree", { "list", "config", "/section:firewallSupport", "/text:*" }, NULL, 0,
          "CONFIG\n  CONFIG.SECTION: system.ftpServer/firewallSupport\n  CONFIG.PATH: MACHINE/WEBROOT/APPHOST\n  overrideMode: Deny\n"
          "  locked: true\n  [firewallSupport]\n    lowDataChannelPort:\"0\"\n    highDataChannelPort:\"0\"\n" },
        { "XML", { "list", "config", "depot/in", "/section:authorization", "/xml" }, NULL, 0,
          DECLARATION "<appcmd>\n    <CONFIG CONFIG.SECTION=\"" AUTHORIZATION "\" CONFIG.PATH=\"MACHINE/WEBROOT/APPHOST/depot/in\" "
          "overrideMode=\"Deny\" locked=\"true\">\n        <authorization>\n            <add accessType=\"Allow\" users=\"*\" "
          "permissions=\"Read\" />\n        </authorization>\n    </CONFIG>\n</appcmd>\n" },
        { "where it stands and whether it is locked", { "list", "config", "depot/in", "/section:authorization", "/metadata" }, NULL, 0,
          "<system.ftpServer>\n  <security>\n    <authorization metadata.configPath=\"MACHINE/WEBROOT/APPHOST/depot/in\" "
          "metadata.overrideMode=\"Deny\" metadata.isLocked=\"true\">\n      <add accessType=\"Allow\" users=\"*\" permissions=\"Read\" />\n"
          "    </authorization>\n  </security>\n</system.ftpServer>\n" },
        { "what can be set, in its items too", { "set", "config", "-section:authorization", "-?" }, NULL, 0,
          "+[name='value',...]  (adds an add)\n-[name='value'].accessType  (enum: Allow, Deny)\n-[name='value'].users  (string)\n"
          "-[name='value'].roles  (string)\n-[name='value'].permissions  (flags: Read, Write)\n" },
        { "and in items of theirs", { "set", "config", "-section:" PROVIDERS, "-?" }, NULL, 0,
          "+activation.[name='value',...]  (adds a providerData)\n-activation.[name='value'].name  (string: any text but the empty one)\n"
          "+activation.[name='value'].[name='value',...]  (adds an add)\n"
          "-activation.[name='value'].[name='value'].key  (string: any text but the empty one)\n"
          "-activation.[name='value'].[name='value'].value  (string)\n-activation.[name='value'].[name='value'].encryptedValue  (string)\n"
          "+[name='value',...]  (adds an add)\n-[name='value'].name  (string)\n-[name='value'].type  (string)\n-[name='value'].clsid  (string)\n" },
        { "of an object", { "list", "vdir", "/config", "/metadata" }, NULL, 0,
          "<virtualDirectory metadata.configPath=\"MACHINE/WEBROOT/APPHOST\" metadata.overrideMode=\"Deny\" metadata.isLocked=\"true\" "
          "path=\"/\" physicalPath=\"C:\\depot\" />\n" },
    };
    scenario_play(steps, COUNT_OF(steps));
}

#define IN(objects) DECLARATION "<appcmd>\n" objects "</appcmd>\n"

static void test_objects(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        ADD_DEPOT,
        { "sites select their virtual directories", { "list", "vdirs", "/in" }, IN("<SITE SITE.NAME=\"depot\" />"), 0,
          "VDIR \"depot/\" (physicalPath:C:\\depot)\n" },
        { "and their applications, by a dash", { "list", "app", "-" }, IN("<SITE SITE.NAME=\"depot\" />"), 0,
          "APP \"depot/\" (applicationPool:DefaultAppPool)\n" },
        { "virtual directories name their site", { "list", "sites", "/in", "/xml" }, IN("<VDIR VDIR.NAME=\"depot/\" SITE.NAME=\"depot\" />"), 0,
          DECLARATION "<appcmd>\n    <SITE SITE.NAME=\"depot\" SITE.ID=\"1\" bindings=\"ftp/*:21:\" state=\"Stopped\" />\n</appcmd>\n" },
        { "set each", { "set", "site", "/in", "/id:5" }, IN("<SITE SITE.NAME=\"depot\" />"), 0, "SITE object \"depot\" changed\n" },
        { "add what the document says", { "add", "site", "/in" },
          IN("<SITE SITE.NAME=\"two\" SITE.ID=\"8\" bindings=\"ftp/*:2121:\" state=\"Started\" />"
             "<SITE SITE.NAME=\"three\" SITE.ID=\"9\" bindings=\"\" />"), 0, "SITE object \"two\" added\nSITE object \"three\" added\n" },
        { "with its configuration, under another name", { "add", "site", "/in", "/name:four", "/id:10" },
          IN("<SITE SITE.NAME=\"two\" SITE.ID=\"8\" bindings=\"ftp/*:2121:\"><site name=\"two\" id=\"8\"><application path=\"/\">"
             "<virtualDirectory path=\"/\" physicalPath=\"D:\\four\" /></application><bindings><binding protocol=\"ftp\" "
             "bindingInformation=\"*:2124:\" /></bindings><ftpServer><security><commandFiltering allowUnlisted=\"false\"><add command=\"SYST\" "
             "allowed=\"true\" /></commandFiltering></security></ftpServer></site></SITE>"), 0, "SITE object \"four\" added\n" },
        { "is whole", { "list", "site", "four", "/config" }, NULL, 0,
          "<site name=\"four\" id=\"10\">\n  <application path=\"/\">\n    <virtualDirectory path=\"/\" physicalPath=\"D:\\four\" />\n"
          "  </application>\n  <bindings>\n    <binding protocol=\"ftp\" bindingInformation=\"*:2124:\" />\n  </bindings>\n  <ftpServer>\n"
          "    <security>\n      <commandFiltering allowUnlisted=\"false\">\n        <add command=\"SYST\" allowed=\"true\" />\n"
          "      </commandFiltering>\n    </security>\n  </ftpServer>\n</site>\n" },
        { "one fails: none is added, nothing is claimed", { "add", "site", "/in" },
          IN("<SITE SITE.NAME=\"five\" SITE.ID=\"11\" bindings=\"\" /><SITE SITE.NAME=\"depot\" SITE.ID=\"12\" bindings=\"\" />"), 183,
          DUPLICATE("depot") },
        { "indeed none", { "list", "site", "/text:name" }, NULL, 0, "depot\ntwo\nthree\nfour\n" },
        { "a section and where it belongs", { "set", "config", "/in" },
          IN("<CONFIG CONFIG.SECTION=\"" AUTHORIZATION "\" CONFIG.PATH=\"MACHINE/WEBROOT/APPHOST/four\"><system.ftpServer><security>"
             "<authorization metadata.isLocked=\"true\"><add accessType=\"Deny\" users=\"mallory\" /></authorization></security></system.ftpServer></CONFIG>"),
          0, APPLIED(AUTHORIZATION, "/four") },
        { "is written", { "list", "config", "four", "/section:" AUTHORIZATION }, NULL, 0,
          LISTED("      <add accessType=\"Deny\" users=\"mallory\" />\n") },
        { "an unknown element inside", { "add", "site", "/in" },
          IN("<SITE SITE.NAME=\"x\" SITE.ID=\"20\"><site><oops /></site></SITE>"), 13,
          "ERROR ( hresult:8007000d, message:Command execution failed.\nUnrecognized element 'oops'\n )\n" },
        { "delete each", { "delete", "site", "/in" }, IN("<SITE SITE.NAME=\"two\" /><SITE SITE.NAME=\"three\" />"), 0,
          "SITE object \"two\" deleted\nSITE object \"three\" deleted\n" },
        { "sites select virtual directories to change", { "set", "vdir", "/in", "/userName:u" },
          IN("<SITE SITE.NAME=\"Depot\" /><SITE SITE.NAME=\"four\" />"), 0, "VDIR object \"depot/\" changed\nVDIR object \"four/\" changed\n" },
        { "more of them", { "add", "app", "/site.name:depot", "/path:/app1", "/physicalPath:D:\\x" }, NULL, 0, NULL },
        { "and in it", { "add", "vdir", "/app.name:depot/app1", "/path:/in", "/physicalPath:D:\\in" }, NULL, 0, NULL },
        { "applications select theirs", { "set", "vdir", "/in", "/userName:v" }, IN("<APP APP.NAME=\"depot/app1\" SITE.NAME=\"depot\" />"), 0,
          "VDIR object \"depot/app1/\" changed\nVDIR object \"depot/app1/in\" changed\n" },
        { "and to delete", { "delete", "vdir", "/in" }, IN("<APP APP.NAME=\"depot/app1\" />"), 0,
          "VDIR object \"depot/app1/\" deleted\nVDIR object \"depot/app1/in\" deleted\n" },
        { "sites select applications to delete", { "delete", "app", "/in" }, IN("<SITE SITE.NAME=\"depot\" />"), 0,
          "VDIR object \"depot/\" deleted\nAPP object \"depot/\" deleted\nAPP object \"depot/app1\" deleted\n" },
        { "a site that is not there (E1): nothing is done", { "delete", "app", "/in" }, IN("<SITE SITE.NAME=\"four\" /><SITE SITE.NAME=\"x\" />"), 1168,
          CANNOT_FIND("SITE", "x") },
        { "indeed nothing", { "list", "app", "/text:site.name" }, NULL, 0, "four\n" },
        { "sites name no session", { "delete", "session", "/in" }, IN("<SITE SITE.NAME=\"four\" />"), 87,
          "ERROR ( message:The objects on standard input do not name the session GUID: \"delete session /in\" takes what \"list session /xml\" prints. )\n" },
        { "no objects, nothing done", { "delete", "site", "/in" }, "<appcmd />", 0, "" },
        { "no result set (E7)", { "list", "site", "/in" }, "<sites />", 13, INVALID(" <sites> is no result set, which begins with <appcmd>") },
        { "no XML (E7)", { "list", "site", "/in" }, "SITE \"depot\"", 13,
          INVALID("1:1: not well-formed XML: Start tag expected, '<' not found") },
        { "nothing at all (E7)", { "list", "site", "/in" }, NULL, 13, INVALID(" not well-formed XML: it is empty") },
        { "an object that names nothing of the kind (E7)", { "set", "vdir", "/in" }, IN("<USER USER.NAME=\"x\" />"), 13,
          INVALID("3:1: <USER> names no vdir: it takes what \"list vdir /xml\" prints") },
        { "a tag that nothing closes (E7)", { "add", "site", "/in" }, "<appcmd>\n  <SITE SITE.NAME=\"x\">\n</appcmd>\n", 13,
          INVALID("3:10: not well-formed XML: Opening and ending tag mismatch: SITE line 2 and appcmd") },
        { "an identifier beside it", { "list", "site", "depot", "/in" }, IN(""), 87, NULL },
    };
    scenario_play(steps, COUNT_OF(steps));
}

static void test_backup(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        ADD_DEPOT,
        { "a backup", { "add", "backup", "before" }, NULL, 0, "BACKUP object \"before\" added\n" },
        { "again (E3)", { "add", "backup", "before" }, NULL, 183, DUPLICATE("before") },
        { "a name that leads elsewhere", { "add", "backup", "../x" }, NULL, 87, NULL },
        { "a second one", { "add", "backup", "/name:after" }, NULL, 0, "BACKUP object \"after\" added\n" },
        { "both", { "list", "backups" }, NULL, 0, "BACKUP \"after\"\nBACKUP \"before\"\n" },
        { "one", { "list", "backup", "before", "/xml" }, NULL, 0,
          DECLARATION "<appcmd>\n    <BACKUP BACKUP.NAME=\"before\" />\n</appcmd>\n" },
        { "none of that name", { "list", "backup", "never" }, NULL, 1, "" },
        { "the site goes", { "delete", "site", "depot" }, NULL, 0, NULL },
        { "and a user comes", { "add", "user", "anna" }, "secret\n", 0, NULL },
        { "neither true nor false", { "restore", "backup", "before", "/stop:yes" }, NULL, 87,
          "ERROR ( message:Parameter \"stop\" must be true or false. )\n" },
        { "back", { "restore", "backup", "before", "/stop:true" }, NULL, 0, "Restored configuration from backup \"before\"\n" },
        { "the site is there", { "list", "site", "/text:name" }, NULL, 0, "depot\n" },
        { "the user is gone", { "list", "user" }, NULL, 0, "" },
        { "delete", { "delete", "backup", "after" }, NULL, 0, "BACKUP object \"after\" deleted\n" },
        { "is gone (E1)", { "restore", "backup", "after" }, NULL, 1168, CANNOT_FIND("BACKUP", "after") },
        { "no way out of the folder", { "delete", "backup", ".." }, NULL, 1168, CANNOT_FIND("BACKUP", "..") },
    };
    scenario_play(steps, COUNT_OF(steps));
}

/* A name made of the time, a folder for its owner alone, a damaged backup that changes nothing. */
static void test_backup_folder(void **state)
{
    (void)state;
    static const char *const add[] = { "add", "backup", NULL }, *const named[] = { "add", "backup", "x", NULL };
    static const char *const restore[] = { "restore", "backup", "x", NULL }, *const list[] = { "list", "site", NULL };
    struct scenario s;
    struct stat st;
    OWNED_TEXT_BUFFER path = { 0 };
    unsigned numbers[2];
    scenario_begin(&s, true);
    assert_int_equal(scenario_run(&s, add, NULL), 0);
    assert_int_equal(sscanf(s.out, "BACKUP object \"%8uT%6u\" added\n", &numbers[0], &numbers[1]), 2);
    assert_int_equal(scenario_run(&s, named, NULL), 0);
    text_addf(&path, "%s/backup/x", s.dir);
    assert_int_equal(stat(text_str(&path), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    text_add_str(&path, "/applicationHost.config");
    assert_int_equal(file_write(text_str(&path), SLICE_LITERAL("<configuration><oops/></configuration>"), 0600), 0);
    assert_int_equal(scenario_run(&s, restore, NULL), 13);
    assert_int_equal(scenario_run(&s, list, NULL), 0);
    scenario_end(&s);
}

static void test_other_file(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        { "a copy to try on", { "add", "backup", "copy" }, NULL, 0, NULL },
        { "edited", { "add", "site", "/name:trial", "/apphostconfig:@DIR@/backup/copy/applicationHost.config" }, NULL, 0,
          "SITE object \"trial\" added\n" },
        { "is there", { "list", "site", "/apphostconfig:@DIR@/backup/copy/applicationHost.config", "/text:name" }, NULL, 0, "trial\n" },
        { "and not here", { "list", "site" }, NULL, 0, "" },
        { "no such file", { "list", "site", "/apphostconfig:@DIR@/nothing" }, NULL, 2,
          "ERROR ( hresult:80070002, message:Command execution failed.\nThere is no file @DIR@/nothing\n )\n" },
        { "what was worked on", { "list", "site", "x", "/debug" }, NULL, 1,
          "DEBUG ( command:list site, identifier:x, instance:@DIR@, applicationHost:applicationHost.config, exit:1 )\n" },
        { "not asked for", { "list", "site", "/debug:false" }, NULL, 0, "" },
    };
    scenario_play(steps, COUNT_OF(steps));
}

/* What one instance says of a section can be said to another, which has some of it already. */
static void test_section_again(void **state)
{
    (void)state;
#define FILTERING "system.ftpServer/security/requestFiltering"
    static const struct scenario_step more[] = {
        ADD_DEPOT,
        { "a segment", { "set", "config", "-section:" FILTERING, "/+hiddenSegments.[segment='_vti_cnf']", "/requestLimits.maxUrl:1024" }, NULL, 0, NULL },
        { "a setting of a site", { "set", "site", "depot", "/ftpServer.serverAutoStart:false" }, NULL, 0, NULL },
    };
    static const char *const sections[] = { "/section:" FILTERING, "/section:sites" };
    struct scenario s;
    scenario_begin(&s, true);
    scenario_steps(&s, more, COUNT_OF(more));
    char *before = scenario_file(&s, "applicationHost.config");
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        const struct scenario_step list[] = { { sections[i], { "list", "config", sections[i], "/xml" }, NULL, 0, NULL } };
        scenario_steps(&s, list, 1);
        OWNED_TEXT in = strdup(s.out);
        const struct scenario_step set[] = { { "again", { "set", "config", "/in" }, in, 0, NULL } };
        scenario_steps(&s, set, 1);
    }
    char *after = scenario_file(&s, "applicationHost.config");
    assert_string_equal(after, before);
    free(before);
    free(after);
    static const struct scenario_step changed[] = {
        { "an item that is there, otherwise", { "set", "config", "/in" }, IN("<CONFIG CONFIG.SECTION=\"sites\"><sites><site name=\"depot\" id=\"1\"><application "
          "path=\"/\"><virtualDirectory path=\"/\" physicalPath=\"D:\\other\" /></application></site></sites></CONFIG>"), 0, NULL },
        { "is as it was said", { "list", "vdir" }, NULL, 0, "VDIR \"depot/\" (physicalPath:D:\\other)\n" },
        { "half of two keys is another item's", { "set", "config", "/in" }, IN("<CONFIG CONFIG.SECTION=\"sites\"><sites><site name=\"depot\" id=\"2\" />"
          "</sites></CONFIG>"), 183, NULL },
    };
    scenario_steps(&s, changed, COUNT_OF(changed));
    scenario_end(&s);
}

/* A secret that the service takes is no reason to explain nothing; one that it refuses is. */
static void test_explain_with_a_secret(void **state)
{
    (void)state;
#define SESSION { "explain", "--session", "3f0c9a52-6b1e-4d7f-9c28-51e0aa7734d6" }
    static const struct scenario_step steps[] = {
        ADD_DEPOT,
        { "a directory", { "set", "config", "-section:sallyport/directory", "/servers:ldaps://127.0.0.1:1", "/bindName:x", "/bindPasswordFile:directory" },
          NULL, 0, APPLIED("sallyport/directory", "") },
        { "without its secret", SESSION, NULL, 13, NULL },
    };
    static const struct scenario_step good[] = {
        { "with it", SESSION, NULL, 1168, NULL },
        { "beside a site", { "explain", "--site", "depot", "--user", "anonymous" }, NULL, 5, NULL },
    };
    static const struct scenario_step open[] = { { "which everybody may read", SESSION, NULL, 13, NULL } };
    struct scenario s;
    OWNED_TEXT_BUFFER path = { 0 };
    scenario_begin(&s, true);
    scenario_steps(&s, steps, COUNT_OF(steps));
    text_addf(&path, "%s/secrets", s.dir);
    assert_int_equal(file_make_folder(text_str(&path), 0700), 0);
    text_add_str(&path, "/directory");
    assert_int_equal(file_write(text_str(&path), SLICE_LITERAL("secret\n"), 0600), 0);
    scenario_steps(&s, good, COUNT_OF(good));
    assert_null(strstr(s.out, "bindPasswordFile"));
    assert_int_equal(chmod(text_str(&path), 0644), 0);
    scenario_steps(&s, open, COUNT_OF(open));
    assert_non_null(strstr(s.out, "bindPasswordFile"));
    scenario_end(&s);
}

#define SOURCED                                                                                                            \
    "<configuration><configSections><sectionGroup name=\"system.ftpServer\"><sectionGroup name=\"security\">"             \
    "<section name=\"authorization\" /></sectionGroup></sectionGroup></configSections><system.ftpServer><security>"        \
    "<authorization configSource=\"rules.config\" /></security></system.ftpServer></configuration>\n"

static void put(const struct scenario *s, const char *name, const char *content)
{
    OWNED_TEXT_BUFFER path = { 0 };
    text_addf(&path, "%s/%s", s->dir, name);
    assert_int_equal(file_write(text_str(&path), slice_str(content), 0600), 0);
}

/* Rules that stand in a file of their own are said again. */
static void test_sourced(void **state)
{
    (void)state;
    struct scenario s;
    static const struct scenario_step steps[] = {
        { "one is there, one is not", { "set", "config", "/in" },
          IN("<CONFIG CONFIG.SECTION=\"" AUTHORIZATION "\" CONFIG.PATH=\"MACHINE/WEBROOT/APPHOST\"><system.ftpServer><security><authorization>"
             "<add accessType=\"Allow\" users=\"b\" /><add accessType=\"Allow\" users=\"c\" /></authorization></security></system.ftpServer>"
             "</CONFIG>"), 0, APPLIED(AUTHORIZATION, "") },
        { "are there once", { "list", "config", "/section:" AUTHORIZATION }, NULL, 0,
          LISTED("      <add accessType=\"Allow\" users=\"a\" />\n      <add accessType=\"Allow\" users=\"b\" />\n"
                 "      <add accessType=\"Allow\" users=\"c\" />\n") },
    };
    scenario_begin(&s, true);
    put(&s, "applicationHost.config", SOURCED);
    put(&s, "rules.config", "<authorization><add accessType=\"Allow\" users=\"a\" /><add accessType=\"Allow\" users=\"b\" /></authorization>");
    scenario_steps(&s, steps, COUNT_OF(steps));
    scenario_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search),  cmocka_unit_test(test_reset),  cmocka_unit_test(test_config_as_object),
        cmocka_unit_test(test_objects), cmocka_unit_test(test_backup), cmocka_unit_test(test_backup_folder),
        cmocka_unit_test(test_other_file), cmocka_unit_test(test_explain_with_a_secret), cmocka_unit_test(test_section_again),
        cmocka_unit_test(test_sourced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

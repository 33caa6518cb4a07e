/* check_test.c - what is refused, with IIS's texts and the place. */
#include "base/case_test.h"

#include <stdlib.h>

#include "conf/conf.h"
#include "conf/fixture_test.h"

#define HEAD                                                                                                          \
    "<configuration><configSections><section name='foreign'/><section name='redirected' />"                           \
    "<section name='configurationRedirection'/>"                                                                      \
    "<sectionGroup name='system.applicationHost'><section name='sites' allowDefinition='AppHostOnly'/>"               \
    "<section name='configHistory'/></sectionGroup>"                                                                  \
    "<sectionGroup name='system.ftpServer'><section name='log' allowDefinition='AppHostOnly'/>"                       \
    "<section name='firewallSupport'/><section name='serverRuntime' allowLocation='false'/>"                          \
    "<sectionGroup name='security'><section name='authorization'/><section name='ipSecurity'/>"                       \
    "</sectionGroup></sectionGroup></configSections>\n"
#define TAIL "</configuration>"

#define SITES(inner)  HEAD "<system.applicationHost><sites>\n" inner "</sites></system.applicationHost>" TAIL
#define SITE(inner)   SITES("<site name='a' id='1'>" inner "</site>")
#define FTP(inner)    SITE("<ftpServer>" inner "</ftpServer>")
#define AUTHZ(inner)  "<system.ftpServer><security><authorization" inner "</authorization></security></system.ftpServer>"
#define AT(path, inner) "<location path='" path "'>" inner "</location>"

static const struct {
    const char *label, *text;
    int err;
    const char *place; /* line:column */
    const char *what;
} cases[] = {
    { "attribute", FTP("<messages banner='x'/>"), ERR_NOT_FOUND, "3:44", "Unrecognized attribute 'banner'" },
    { "attribute of the web log on the ftp log", FTP("<logFile logFormat='W3C'/>"), ERR_NOT_FOUND, NULL,
      "Unrecognized attribute 'logFormat'" },
    { "attribute names have case", FTP("<messages BannerMessage='x'/>"), ERR_NOT_FOUND, NULL,
      "Unrecognized attribute 'BannerMessage'" },
    { "runtime attribute in a file", "" FTP("<connections/>") "", 0, NULL, NULL },
    { "computed state", SITE("<ftpServer state='Started'/>"), ERR_NOT_FOUND, NULL, "Unrecognized attribute 'state'" },
    { "live sessions in a file", FTP("<sessions><session sessionId='x'/></sessions>"), ERR_NOT_FOUND, NULL,
      "Unrecognized element 'session'" },
    { "element", FTP("<nonsense/>"), ERR_NOT_FOUND, "3:34", "Unrecognized element 'nonsense'" },
    { "ssl directly under ftpServer", FTP("<ssl/>"), ERR_NOT_FOUND, NULL, "Unrecognized element 'ssl'" },
    { "element names have case", FTP("<Messages/>"), ERR_NOT_FOUND, NULL, "Unrecognized element 'Messages'" },
    { "element twice", FTP("<messages/><messages/>"), ERR_EXISTS, NULL,
      "Element 'messages' may only appear once in this section" },
    { "text between elements", FTP("hello"), ERR_SYNTAX, NULL, "Text is not allowed in element 'ftpServer'" },
    { "missing attribute", SITES("<site name='a'/>"), ERR_SYNTAX, "3:1", "Missing required attribute 'id'" },
    { "missing attributes", SITES("<site/>"), ERR_SYNTAX, "3:1", "Element is missing required attributes name,id" },
    { "X05: not a number", SITES("<site name='a' id='x'/>"), ERR_SYNTAX, "3:20",
      "The 'id' attribute is invalid.  Not a valid unsigned integer" },
    { "X05: empty number", SITES("<site name='a' id=''/>"), ERR_SYNTAX, NULL,
      "The 'id' attribute is invalid.  Not a valid unsigned integer" },
    { "X05: negative", SITES("<site name='a' id='-1'/>"), ERR_RANGE, NULL,
      "The 'id' attribute is invalid.  Not a valid unsigned integer" },
    { "X05: 2^32", SITES("<site name='a' id='4294967296'/>"), ERR_RANGE, NULL,
      "The 'id' attribute is invalid.  Not a valid unsigned integer" },
    { "X05: duplicate bindings", SITE("<bindings><binding protocol='ftp' bindingInformation='*:21:'/>"
                                      "<binding protocol='FTP' bindingInformation='*:21:'/></bindings>"),
      ERR_EXISTS, NULL,
      "Cannot add duplicate collection entry of type 'binding' with combined key attributes 'protocol, "
      "bindingInformation' respectively set to 'FTP, *:21:'" },
    { "unusable bindings load", SITE("<bindings><binding protocol='ftp' bindingInformation='*:161902:x'/>"
                                     "<binding protocol='ftp' bindingInformation=':'/></bindings>"), 0, NULL, NULL },
    { "empty binding", SITE("<bindings><binding protocol='ftp' bindingInformation=''/></bindings>"), ERR_SYNTAX, NULL,
      "The 'bindingInformation' attribute is invalid.  String must not be empty" },
    { "site name with a slash", SITES("<site name='a/b' id='1'/>"), ERR_SYNTAX, NULL,
      "The 'name' attribute is invalid.  Invalid site name" },
    { "site names are unique without case", SITES("<site name='a' id='1'/><site name='A' id='2'/>"), ERR_EXISTS, NULL,
      "Cannot add duplicate collection entry of type 'site' with unique key attribute 'name' set to 'A'" },
    { "of any alphabet", SITES("<site name='D\xC3\xA9p\xC3\xB4t' id='1'/><site name='D\xC3\x89P\xC3\x94T' id='2'/>"), ERR_EXISTS, NULL,
      "Cannot add duplicate collection entry of type 'site' with unique key attribute 'name' set to '*'" },
    { "an accent is no case", SITES("<site name='D\xC3\xA9p\xC3\xB4t' id='1'/><site name='Depot' id='2'/>"), 0, NULL, NULL },
    { "site ids are unique as numbers", SITES("<site name='a' id='1'/><site name='b' id='01'/>"), ERR_EXISTS, NULL,
      "Cannot add duplicate collection entry of type 'site' with unique key attribute 'id' set to '01'" },
    { "a site twice", SITES("<site name='a' id='1'/><site name='A' id='1'/>"), ERR_EXISTS, NULL,
      "Cannot add duplicate collection entry of type 'site' with unique key attributes 'name, id' respectively set to "
      "'A, 1'" },
    { "application path", SITE("<application path='app'/>"), ERR_SYNTAX, NULL,
      "The 'path' attribute is invalid.  Invalid application path" },
    { "directory path with ..", SITE("<application path='/'><virtualDirectory path='/a/..'/></application>"),
      ERR_SYNTAX, NULL, "The 'path' attribute is invalid.  Invalid virtual directory path" },
    { "directive the collection does not know", SITES("<clear/>"), ERR_NOT_FOUND, NULL, "Unrecognized element 'clear'" },
    { "bindings know clear only", SITE("<bindings><clear/><remove protocol='x' bindingInformation='y'/></bindings>"),
      ERR_NOT_FOUND, NULL, "Unrecognized element 'remove'" },
    { "enum", FTP("<userIsolation mode='Nonsense'/>"), ERR_SYNTAX, "3:55",
      "The 'mode' attribute is invalid.  Enum must be one of StartInUsersDirectory, IsolateRootDirectoryOnly, "
      "ActiveDirectory, IsolateAllDirectories, None, Custom" },
    { "numbers are for tools", FTP("<userIsolation mode='4'/>"), ERR_SYNTAX, NULL, "The 'mode' attribute is invalid.*" },
    { "flags", FTP("<directoryBrowse showFlags='StyleUnix, Nonsense'/>"), ERR_SYNTAX, NULL,
      "The 'showFlags' attribute is invalid.  Flags must be some combination of LongDate, StyleUnix, "
      "DisplayAvailableBytes, DisplayVirtualDirectories, UseGmtTime" },
    { "flags None", FTP("<directoryBrowse showFlags='None'/>"), 0, NULL, NULL },
    { "range", FTP("<logFile truncateSize='1'/>"), ERR_RANGE, NULL,
      "The 'truncateSize' attribute is invalid.  Integer value must be between 1048576 and 4294967295 inclusive" },
    { "excluded range", FTP("<connections maxBandwidth='5'/>"), ERR_RANGE, NULL,
      "The 'maxBandwidth' attribute is invalid.  Integer value must not be between 0 and 4294967294 inclusive" },
    { "time span in seconds", SITE("<limits connectionTimeout='1.00:00:00'/>"), ERR_RANGE, NULL,
      "The 'connectionTimeout' attribute is invalid.  Time span must be between 0 and 65535 seconds inclusive" },
    { "negative timeouts load", FTP("<connections controlChannelTimeout='-1'/>"), 0, NULL, NULL },
    { "same users, Allow and Deny",
      HEAD AUTHZ("><add accessType='Allow' users='a'/><add accessType='Deny' users='a'/>") TAIL, ERR_EXISTS, NULL,
      "Cannot add duplicate collection entry of type 'add' with combined key attributes 'users, roles, permissions' "
      "respectively set to 'a, , '" },
    { "same users, other permissions", HEAD AUTHZ("><add accessType='Allow' users='a' permissions='Read'/>"
      "<add accessType='Allow' users='a' permissions='Read,Write'/>") TAIL, 0, NULL, NULL },
    { "flags in another order are the same key", HEAD AUTHZ("><add accessType='Allow' users='a' permissions='Write,Read'/>"
      "<add accessType='Allow' users='a' permissions='Read, Write'/>") TAIL, ERR_EXISTS, NULL, "Cannot add duplicate*" },
    { "removed, then added again", HEAD AUTHZ("><add accessType='Allow' users='a'/>")
      AT("S", AUTHZ("><remove users='a'/><add accessType='Deny' users='a'/>")) TAIL, 0, NULL, NULL },
    { "mask of ipSecurity is part of the key", HEAD "<system.ftpServer><security><ipSecurity><add ipAddress='1.2.3.4'/>"
      "<add ipAddress='1.2.3.4' subnetMask='255.255.255.255'/></ipSecurity></security></system.ftpServer>" TAIL,
      ERR_EXISTS, NULL, "Cannot add duplicate*" },
    { "X06: re-adding what a parent has", HEAD AUTHZ("><add accessType='Allow' users='a'/>")
      AT("S", AUTHZ("><add accessType='Allow' users='a'/>")) TAIL, ERR_EXISTS, NULL, "Cannot add duplicate*" },
    { "X06: an item of siteDefaults again", SITES("<site name='a' id='1'><ftpServer><security><commandFiltering>"
      "<add command='SITE' allowed='true'/></commandFiltering></security></ftpServer></site><siteDefaults><ftpServer>"
      "<security><commandFiltering><add command='SITE' allowed='false'/></commandFiltering></security></ftpServer>"
      "</siteDefaults>"), ERR_EXISTS, NULL, "Cannot add duplicate*" },
    { "remove takes keys only", HEAD AUTHZ("><remove accessType='Allow' users='a'/>") TAIL, ERR_NOT_FOUND, NULL,
      "Unrecognized attribute 'accessType'" },

    { "lock attribute", HEAD "<system.ftpServer><firewallSupport lockAttributes='lowDataChannelPort'/></system.ftpServer>"
      AT("S", "<system.ftpServer><firewallSupport lowDataChannelPort='0'/></system.ftpServer>") TAIL,
      ERR_LOCKED, NULL, "Lock violation" },
    { "other attribute", HEAD "<system.ftpServer><firewallSupport lockAttributes='lowDataChannelPort'/></system.ftpServer>"
      AT("S", "<system.ftpServer><firewallSupport highDataChannelPort='0'/></system.ftpServer>") TAIL, 0, NULL, NULL },
    { "lock all attributes except", HEAD "<system.ftpServer><firewallSupport lockAllAttributesExcept='highDataChannelPort'/></system.ftpServer>"
      AT("S", "<system.ftpServer><firewallSupport lowDataChannelPort='0'/></system.ftpServer>") TAIL,
      ERR_LOCKED, NULL, "Lock violation" },
    { "lock list with a name that is not", HEAD "<system.ftpServer><firewallSupport lockAttributes='nonsense'/></system.ftpServer>" TAIL,
      ERR_NOT_FOUND, NULL, "lockAttributes contains unknown attribute 'nonsense'" },
    { "lock list *", HEAD "<system.ftpServer><firewallSupport lockAttributes='*' lockElements='*'/></system.ftpServer>" TAIL, 0, NULL, NULL },
    { "lock elements: a directive", HEAD AUTHZ(" lockElements='add'>") AT("S", AUTHZ("><add accessType='Deny' users='a'/>")) TAIL,
      ERR_LOCKED, NULL, "Lock violation" },
    { "lock elements except", HEAD AUTHZ(" lockAllElementsExcept='add'>") AT("S", AUTHZ("><clear/>")) TAIL,
      ERR_LOCKED, NULL, "Lock violation" },
    { "lock list with an element that is not", HEAD AUTHZ(" lockElements='nonsense'>") TAIL, ERR_NOT_FOUND, NULL,
      "lockElements contains unknown element 'nonsense'" },
    { "locked item removed", HEAD AUTHZ("><add accessType='Deny' users='a' lockItem='true'/>") AT("S", AUTHZ("><remove users='a'/>")) TAIL,
      ERR_LOCKED, NULL, "Lock violation" },
    { "locked item cleared", HEAD AUTHZ("><add accessType='Deny' users='a' lockItem='true'/>") AT("S", AUTHZ("><clear/>")) TAIL,
      ERR_LOCKED, NULL, "Lock violation" },
    { "a lock reaches two levels down", HEAD AUTHZ("><add accessType='Deny' users='a' lockItem='true'/>")
      AT("S", AUTHZ("><add accessType='Deny' users='b'/>")) AT("S/x", AUTHZ("><clear/>")) TAIL, ERR_LOCKED, NULL, "Lock violation" },

    { "bare and in location .", HEAD AUTHZ(">") AT(".", AUTHZ(">")) TAIL, ERR_EXISTS, NULL,
      "There is a duplicate 'system.ftpServer/security/authorization' section defined" },
    { "same path twice, other case", HEAD AT("S", AUTHZ(">")) AT("s/", AUTHZ(">")) TAIL, ERR_EXISTS, NULL,
      "There is a duplicate 'system.ftpServer/security/authorization' section defined" },
    { "same path, different sections", HEAD AT("S", AUTHZ(">")) AT("S", "<system.ftpServer><firewallSupport/></system.ftpServer>") TAIL, 0, NULL, NULL },
    { "server section in a site's location", HEAD AT("S", "<system.ftpServer><log/></system.ftpServer>") TAIL, ERR_LOCKED, NULL,
      "This configuration section cannot be used at this path.*" },
    { "server section in location .", HEAD AT(".", "<system.ftpServer><log/></system.ftpServer>") TAIL, 0, NULL, NULL },
    { "allowLocation=false", HEAD AT(".", "<system.ftpServer><serverRuntime/></system.ftpServer>") TAIL, ERR_LOCKED, NULL,
      "This configuration section cannot be used at this path.*" },
    { "location that begins with /", HEAD AT("/S", AUTHZ(">")) TAIL, ERR_SYNTAX, NULL, "The 'path' attribute is invalid.  Invalid location path" },
    { "location with an empty part", HEAD AT("S//x", AUTHZ(">")) TAIL, ERR_SYNTAX, NULL, "The 'path' attribute is invalid.  Invalid location path" },
    { "location that nobody would look up", HEAD AT("S/./x", AUTHZ(">")) TAIL, ERR_SYNTAX, NULL, "The 'path' attribute is invalid.  Invalid location path" },
    { "location with a second slash at its end", HEAD AT("S//", AUTHZ(">")) TAIL, ERR_SYNTAX, NULL, "The 'path' attribute is invalid.  Invalid location path" },
    { "location that is a slash", HEAD AT("/", AUTHZ(">")) TAIL, ERR_SYNTAX, NULL, "The 'path' attribute is invalid.  Invalid location path" },
    { "location that begins so", HEAD AT("./S", AUTHZ(">")) TAIL, ERR_SYNTAX, NULL, "The 'path' attribute is invalid.  Invalid location path" },
    { "location that leads up", HEAD AT("S/x/..", AUTHZ(">")) TAIL, ERR_SYNTAX, NULL, "The 'path' attribute is invalid.  Invalid location path" },
    { "location of the file itself", HEAD AT(".", AUTHZ(">")) TAIL, 0, NULL, NULL },
    { "location with dots in its names", HEAD AT("ftp.example.com/..x/.y/", AUTHZ(">")) TAIL, 0, NULL, NULL },
    { "location with a backslash", HEAD AT("S\\x", AUTHZ(">")) TAIL, ERR_SYNTAX, NULL, "The 'path' attribute is invalid.  Invalid location path" },
    { "overrideMode beside allowOverride", HEAD "<location path='S' overrideMode='Deny' allowOverride='false'/>" TAIL, ERR_SYNTAX, NULL,
      "Only one of overrideMode and allowOverride may be specified" },
    { "overrideMode value", HEAD "<location path='S' overrideMode='Maybe'/>" TAIL, ERR_SYNTAX, NULL,
      "The 'overrideMode' attribute is invalid.  Enum must be one of Allow, Deny, Inherit" },
    { "location in a location", HEAD AT("S", AT("T", "")) TAIL, ERR_NOT_FOUND, NULL, "*missing a section declaration" },

    { "undeclared section", "<configuration>" AUTHZ(">") TAIL, ERR_NOT_FOUND, "1:44",
      "The configuration section 'system.ftpServer/security/authorization' cannot be read because it is missing a section declaration" },
    { "undeclared foreign section", HEAD "<other/>" TAIL, ERR_NOT_FOUND, "2:1",
      "The configuration section 'other' cannot be read because it is missing a section declaration" },
    { "declared foreign section", HEAD "<foreign a='1'><b>text</b></foreign>" TAIL, 0, NULL, NULL },
    { "declared twice", "<configuration><configSections><section name='a'/><section name='a'/></configSections>" TAIL, ERR_EXISTS, NULL,
      "There is a duplicate 'a' section defined" },
    { "configSections not first", "<configuration><configProtectedData/><configSections/>" TAIL, ERR_SYNTAX, NULL,
      "Only one configSections element allowed.*" },
    { "configSections twice", "<configuration><configSections/><configSections/>" TAIL, ERR_SYNTAX, NULL,
      "Only one configSections element allowed.*" },
    { "a group has no attributes", HEAD "<system.ftpServer x='1'/>" TAIL, ERR_NOT_FOUND, NULL, "Unrecognized attribute 'x'" },
    { "another root", "<configurations/>", ERR_SYNTAX, "1:1", "Unrecognized element 'configurations'" },
    { "not XML", "<configuration>", ERR_SYNTAX, "1:16", "Configuration file is not well-formed XML*" },
    { "X01: DOCTYPE", "<!DOCTYPE configuration [<!ENTITY a 'b'>]><configuration/>", ERR_DENIED, NULL,
      "Configuration file is refused: DOCTYPE is not allowed" },

    { "configSource", HEAD "<system.ftpServer><log configSource='x.config'/></system.ftpServer>" TAIL, ERR_NOT_FOUND, NULL,
      "Cannot read configuration file \"x.config\"" },
    { "X01: configSource out of the folder", HEAD "<system.ftpServer><log configSource='..\\x.config'/></system.ftpServer>" TAIL,
      ERR_NOT_FOUND, NULL, "Cannot read configuration file \"..\\x.config\"" },
    { "configSource beside other content", HEAD "<system.ftpServer><log configSource='x.config' logInUTF8='true'/></system.ftpServer>" TAIL,
      ERR_SYNTAX, NULL, "A section with configSource may hold nothing else" },
    { "an encrypted section", HEAD "<system.ftpServer><log configProtectionProvider='IISCngProvider'/></system.ftpServer>" TAIL,
      ERR_UNSUPPORTED, NULL, "The section is encrypted and cannot be decrypted with provider 'IISCngProvider'" },
    { "configSource in a location", HEAD AT("S", "<system.ftpServer><firewallSupport configSource='x'/></system.ftpServer>") TAIL,
      ERR_NOT_FOUND, NULL, "Unrecognized attribute 'configSource'" },
    { "shared configuration in the wrong file", HEAD "<configurationRedirection enabled='true' path='\\\\s\\c'/>" TAIL, 0, NULL,
      "warning*it is read from redirection.config*" },
    { "a lock among the defaults", SITES("<site name='a' id='1'/><siteDefaults><ftpServer><messages lockAttributes='*'/></ftpServer></siteDefaults>"),
      0, NULL, "warning*A lock among the defaults has no effect*" },
    { "remove that removes nothing", HEAD AUTHZ("><remove users='nobody'/>") TAIL, 0, NULL, "warning*This remove matches no*" },
};

static void first_problem(void *context, int severity, const struct diag *d)
{
    struct text *out = context;
    if (!out->len)
        text_addf(out, "%s%u:%u|%s", severity ? "warning " : "", d->line, d->column, d->what);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        OWNED_TEXT_BUFFER got = { 0 };
        struct slice bytes[CONF_FILE_COUNT] = { slice_str(cases[i].text) };
        struct conf *c = NULL;
        int err = conf_open(bytes, first_problem, &got, &c);
        struct slice what = text_slice(&got), place = slice_cut(&what, '|');
        if (err != cases[i].err || !cases[i].what != !got.len)
            print_message("%s\n", text_str(&got));
        assert_int_equal(err, cases[i].err);
        if (cases[i].place)
            assert_true(slice_equal_str(place, cases[i].place));
        bool is_warning = cases[i].what && strncmp(cases[i].what, "warning", 7) == 0;
        if (cases[i].what && !slice_matches_wildcard(is_warning ? text_slice(&got) : what, slice_str(cases[i].what)))
            fail_msg("%s instead of %s", text_str(&got), cases[i].what);
        assert_int_equal(cases[i].what == NULL, got.len == 0);
        conf_free(c);
    }
}

static void first_todo(void *context, int severity, const struct diag *d)
{
    struct text *out = context;
    (void)severity;
    if (!out->len)
        text_add_str(out, d->todo);
}

/* Nothing is said twice, and what is wrong is repeated. */
static void test_todo(void **state)
{
    (void)state;
    static const struct {
        const char *label, *text, *todo;
    } todos[] = {
        { "a value of an enum", FTP("<userIsolation mode='Some'/>"), "It is \"Some\"" },
        { "flags", FTP("<directoryBrowse showFlags='LongDate,x'/>"), "It is \"LongDate,x\"" },
        { "a range", FTP("<logFile truncateSize='3'/>"), "" },
        { "a range of what is no number", FTP("<logFile truncateSize='x'/>"), "Allowed: 1048576 to 4294967295" },
        { "seconds", FTP("<connections unauthenticatedTimeout='00:01:00'/>"), "Allowed: integer (seconds)" },
        { "a number of anything", FTP("<connections serverListenBacklog='many'/>"), "Allowed: integer" },
        { "a time span", FTP("<security><sslClientCertificates revocationFreshnessTime='60'/></security>"), "Allowed: hh:mm:ss or d.hh:mm:ss" },
        { "elements, without what the service computes", FTP("<x/>"),
          "Allowed: connections, security, customFeatures, messages, fileHandling, firewallSupport, userIsolation, directoryBrowse, logFile" },
    };
    for (size_t i = 0; i < COUNT_OF(todos); i++) {
        CASE_LABEL(&todos[i]);
        OWNED_TEXT_BUFFER got = { 0 };
        struct slice bytes[CONF_FILE_COUNT] = { slice_str(todos[i].text) };
        struct conf *c = NULL;
        assert_int_not_equal(conf_open(bytes, first_todo, &got, &c), 0);
        assert_string_equal(text_str(&got), todos[i].todo);
        conf_free(c);
    }
}

/* The other two files obey the same rules. */
static void test_other_files(void **state)
{
    (void)state;
    static const struct {
        const char *label, *text;
        enum conf_file file;
        int err;
        const char *what;
    } others[] = {
        { "sallyport.config needs no declarations", "<configuration><sallyport><tls minProtocol='Tls13'/></sallyport></configuration>",
          CONF_SALLYPORT, 0, NULL },
        { "a section nobody knows", "<configuration><sallyport><x/></sallyport></configuration>", CONF_SALLYPORT, ERR_NOT_FOUND,
          "Unrecognized element 'x'" },
        { "IIS's sections stay in IIS's file", "<configuration><system.ftpServer><log/></system.ftpServer></configuration>", CONF_SALLYPORT,
          ERR_NOT_FOUND, "*missing a section declaration" },
        { "no locations", "<configuration><location path='S'><sallyport><tls/></sallyport></location></configuration>", CONF_SALLYPORT,
          ERR_LOCKED, "This configuration section cannot be used at this path.*" },
        { "our section in IIS's file", "<configuration><configSections><sectionGroup name='sallyport'><section name='tls'/></sectionGroup>"
          "</configSections><sallyport><tls/></sallyport></configuration>", CONF_APPLICATION_HOST, 0, "This section has no effect here*" },
        { "a password is required", "<configuration><configSections><sectionGroup name='system.webServer'><sectionGroup name='management'>"
          "<section name='authentication'/></sectionGroup></sectionGroup></configSections><system.webServer><management><authentication>"
          "<credentials><add name='u'/></credentials></authentication></management></system.webServer></configuration>",
          CONF_ADMINISTRATION, ERR_SYNTAX, "Missing required attribute 'password'" },
        { "duplicate port", "<configuration><sallyport><tls><implicitPorts><add port='990'/><add port='0990'/></implicitPorts></tls></sallyport>"
          "</configuration>", CONF_SALLYPORT, ERR_EXISTS, "Cannot add duplicate*" },
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        CASE_LABEL(&others[i]);
        OWNED_TEXT_BUFFER got = { 0 };
        struct slice bytes[CONF_FILE_COUNT] = { 0 };
        bytes[others[i].file] = slice_str(others[i].text);
        struct conf *c = NULL;
        assert_int_equal(conf_open(bytes, first_problem, &got, &c), others[i].err);
        struct slice what = text_slice(&got);
        (void)slice_cut(&what, '|');
        if (!slice_matches_wildcard(what, slice_str(others[i].what)))
            fail_msg("%s instead of %s", text_str(&got), others[i].what);
        conf_free(c);
    }
}

static void test_lock_state(void **state)
{
    (void)state;
    static const char text[] = "<configuration><configSections><sectionGroup name='system.ftpServer'><sectionGroup name='security'>"
                               "<section name='authorization' overrideModeDefault='Deny'/></sectionGroup></sectionGroup></configSections>"
                               "<location path='A' overrideMode='Allow'><system.ftpServer><security><authorization/></security></system.ftpServer></location>"
                               "<location path='A/b' allowOverride='false'><system.ftpServer><security><authorization/></security></system.ftpServer></location>"
                               "<location path='A/b/c'><system.ftpServer><security><authorization/></security></system.ftpServer></location></configuration>";
    static const struct {
        const char *label, *path;
        bool locked;
    } states[] = {
        { "overrideModeDefault", "", true },      { "another site", "B/x", true },       { "unlocked", "A", false },
        { "below an unlocked path", "A/x", false }, { "locked again", "a/B", true }, { "Inherit passes on", "A/b/c/d", true },
    };
    struct slice bytes[CONF_FILE_COUNT] = { slice_str(text) };
    struct conf *c = NULL;
    assert_int_equal(conf_open(bytes, NULL, NULL, &c), 0);
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        CASE_LABEL(&states[i]);
        assert_int_equal(conf_is_locked(c, "system.ftpServer/security/authorization", slice_str(states[i].path)), states[i].locked);
    }
    conf_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_todo),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_lock_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

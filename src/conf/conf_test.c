/* conf_test.c - reading: what the schema, inheritance, collections and locations make of the files. */
#include "base/case_test.h"

#include <stdlib.h>

#include "conf/conf.h"
#include "conf/fixture_test.h"

/* ---- effective values ---- */

static const struct {
    const char *label, *section, *path, *element, *attribute, *text;
    int64_t number;
    enum conf_origin origin;
} values[] = {
    { "explicit value", "sites", "", "[1]/ftpServer/security/ssl", "dataChannelPolicy", "SslAllow", 0, CONF_EXPLICIT },
    { "explicit wins over siteDefaults", "sites", "", "[1]/ftpServer/security/ssl", "controlChannelPolicy",
      "SslAllow", 0, CONF_EXPLICIT },
    { "siteDefaults, attribute by attribute", "sites", "", "[1]/ftpServer/security/ssl", "ssl128", "true", 1,
      CONF_INHERITED },
    { "siteDefaults for a site without ftpServer", "sites", "", "[0]/ftpServer/security/ssl", "controlChannelPolicy",
      "SslRequireCredentialsOnly", 2, CONF_INHERITED },
    { "present but empty stops the search", "sites", "", "[1]/ftpServer/messages", "bannerMessage", "", 0,
      CONF_EXPLICIT },
    { "entities are resolved", "sites", "", "[1]/ftpServer/messages", "exitMessage", "Bye & \"so long\"", 0,
      CONF_EXPLICIT },
    { "unset isolation is None, which is 4", "sites", "", "[0]/ftpServer/userIsolation", "mode", "None", 4,
      CONF_DEFAULT },
    { "isolation by name", "sites", "", "[1]/ftpServer/userIsolation", "mode", "IsolateRootDirectoryOnly", 1,
      CONF_EXPLICIT },
    { "TLS is required by default", "sites", "", "[0]/ftpServer/security/ssl", "dataChannelPolicy", "SslRequire", 1,
      CONF_DEFAULT },
    { "custom authorization is on by default", "sites", "", "[0]/ftpServer/security/customAuthorization/provider",
      "enabled", "true", 1, CONF_DEFAULT },
    { "log period", "sites", "", "[0]/ftpServer/logFile", "period", "Daily", 1, CONF_DEFAULT },
    { "showFlags has no default", "sites", "", "[0]/ftpServer/directoryBrowse", "showFlags", "", 0, CONF_DEFAULT },
    { "flags", "sites", "", "[1]/ftpServer/directoryBrowse", "showFlags", "StyleUnix, LongDate", 6, CONF_EXPLICIT },
    { "a default of flags is canonical", "sites", "", "[0]/ftpServer/logFile", "selectiveLogging",
      "LogSuccessful, LogError, LogInfrastructure", 7, CONF_DEFAULT },
    { "unlimited connections", "system.ftpServer/firewallSupport", "", "", "lowDataChannelPort", "0", 0, CONF_DEFAULT },
    { "uint above 2^31", "sites", "", "[0]/limits", "maxBandwidth", "4294967295", 4294967295, CONF_DEFAULT },
    { "connection limit of siteDefaults", "sites", "", "[0]/ftpServer/connections", "maxConnections", "100", 100,
      CONF_INHERITED },
    { "True of tools", "sites", "", "[1]/ftpServer/security/authentication/basicAuthentication", "enabled", "True", 1,
      CONF_EXPLICIT },
    { "directory <- sites/virtualDirectoryDefaults", "sites", "", "[1]/[0]/[0]", "logonMethod", "Network", 2,
      CONF_INHERITED },
    { "application <- sites/applicationDefaults", "sites", "", "[0]/[0]", "applicationPool", "DefaultAppPool", 0,
      CONF_INHERITED },
    { "variables stay unexpanded", "sites", "", "[1]/[0]/[0]", "physicalPath", "%SystemDrive%\\inetpub\\ftproot", 0,
      CONF_EXPLICIT },
    { "encrypted keeps its stored form", "sites", "", "[1]/[0]/[1]", "password",
      "[enc:AesProvider:hR2XGQ0yVGlzIGlzIG5vdCBhIHNlY3JldA==:enc]", 0, CONF_EXPLICIT },
    { "encrypted default is empty", "sites", "", "[1]/ftpServer/security/authentication/anonymousAuthentication",
      "password", "", 0, CONF_DEFAULT },
    { "groups opened twice", "system.ftpServer/serverRuntime", "", "hostNameSupport", "useDomainNameAsHostName",
      "true", 1, CONF_EXPLICIT },
    { "mask of ipSecurity", "system.ftpServer/caching", "", "credentialsCache", "flushInterval", "900", 900,
      CONF_DEFAULT },
    { "administration: a user", "system.webServer/management/authentication", "", "credentials/[0]", "name",
      "ftpmanager", 0, CONF_EXPLICIT },
    { "administration: enabled by default", "system.webServer/management/authentication", "", "credentials/[0]",
      "enabled", "true", 1, CONF_DEFAULT },
    { "administration: a role", "system.webServer/management/authorization", "", "authorizationRules/[0]/[1]",
      "isRole", "true", 1, CONF_EXPLICIT },
    { "location path=\".\" is the file's level", "modules", "", "[0]", "name", "FtpSites", 0, CONF_EXPLICIT },
    { "sallyport: set", "sallyport/tls", "", "", "minProtocol", "Tls13", 1, CONF_EXPLICIT },
    { "sallyport: time span", "sallyport/tls", "", "", "ticketKeyLifetime", "12:00:00", 43200, CONF_DEFAULT },
    { "sallyport: site", "sallyport/sites", "", "[0]", "listingSortLimit", "5", 5, CONF_EXPLICIT },
    { "sallyport: site <- siteDefaults", "sallyport/sites", "", "[0]", "durableUploads", "true", 1, CONF_INHERITED },
    { "sallyport: schema default", "sallyport/sites", "", "[0]", "windowsNames", "true", 1, CONF_DEFAULT },
};

static void test_values(void **state)
{
    struct conf *c = *state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        CASE_LABEL(&values[i]);
        struct conf_element *e = fixture_element(c, values[i].section, values[i].path, values[i].element);
        struct conf_value v;
        assert_int_equal(conf_attr(e, values[i].attribute, &v), 0);
        char text[256];
        snprintf(text, sizeof text, SLICE_FMT, SLICE_ARG(v.text));
        assert_string_equal(text, values[i].text);
        assert_int_equal(v.number, values[i].number);
        assert_int_equal(v.origin, values[i].origin);
    }
}

/* ---- collections ---- */

/* Items as "attr attr; attr attr". */
static const struct {
    const char *label, *section, *path, *element, *attributes, *items;
} lists[] = {
    { "server level", "system.ftpServer/security/authorization", "", "", "accessType users roles permissions",
      "Allow administrator  Read, Write" },
    { "X06: remove by the full key, then append", "system.ftpServer/security/authorization", "Depot FTP", "",
      "accessType users roles permissions", "Allow  editors Write,Read; Allow *  Read" },
    { "X06: clear drops what was inherited", "system.ftpServer/security/authorization", "Depot FTP/Pub", "",
      "accessType users", "Deny ?" },
    { "X06: a deeper path without rules inherits", "system.ftpServer/security/authorization", "Depot FTP/Pub/a/b", "",
      "accessType users", "Deny ?" },
    { "X06: paths compare without case", "system.ftpServer/security/authorization", "DEPOT FTP/pub", "",
      "accessType users", "Deny ?" },
    { "X06: a name that only begins alike", "system.ftpServer/security/authorization", "Depot FTP/Public", "",
      "accessType users", "Allow ; Allow *" },
    { "another site", "system.ftpServer/security/authorization", "Depot", "", "users", "administrator" },
    { "bindings", "sites", "", "[1]/bindings", "bindingInformation", "*:21:; [::1]:990:ftp.example.com" },
    { "siteDefaults items come first", "sites", "", "[1]/ftpServer/security/commandFiltering", "command allowed",
      "SITE false; STAT false" },
    { "siteDefaults items reach a site without any", "sites", "", "[0]/ftpServer/security/commandFiltering",
      "command", "SITE" },
    { "sites", "sites", "", "", "id name", "1 Default Web Site; 2 Depot FTP" },
    { "drives", "sallyport/paths", "", "drives", "drive path", "C: /var/lib/sallyport/c" },
};

static void print_items(struct conf_element *e, const char *attributes, struct text *out)
{
    for (size_t i = 0; i < conf_count(e); i++) {
        text_add_str(out, i ? "; " : "");
        struct slice rest = slice_str(attributes);
        bool first = true;
        while (rest.ptr) {
            char name[64];
            struct slice word = slice_cut(&rest, ' ');
            snprintf(name, sizeof name, SLICE_FMT, SLICE_ARG(word));
            text_add_str(out, first ? "" : " ");
            text_add(out, conf_text(conf_item(e, i), name));
            first = false;
        }
    }
}

static void test_lists(void **state)
{
    struct conf *c = *state;
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        CASE_LABEL(&lists[i]);
        struct conf_element *e = fixture_element(c, lists[i].section, lists[i].path, lists[i].element);
        OWNED_TEXT_BUFFER out = { 0 };
        print_items(e, lists[i].attributes, &out);
        assert_string_equal(text_str(&out), lists[i].items);
    }
}

/* ---- X06: random rules at three levels against the plainest possible merge ---- */

struct oracle {
    char users[64]; /* one letter each, in order */
    size_t count;
};

static uint32_t next_random(void)
{
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    return state ^= state << 5;
}

/* One level: maybe a clear, then removes and adds that are legal for what the oracle holds. */
static void random_level(struct oracle *o, struct text *out)
{
    text_add_str(out, "<system.ftpServer><security><authorization>");
    if (next_random() % 8 == 0) {
        text_add_str(out, "<clear/>");
        o->count = 0;
    }
    for (uint32_t steps = next_random() % 6; steps--;) {
        char user = (char)('a' + next_random() % 8);
        char *at = memchr(o->users, user, o->count);
        text_addf(out, "<%s users='%c'%s/>", at ? "remove" : "add", next_random() % 2 ? user : user - 32,
                  at ? "" : " accessType='Allow'");
        if (at) {
            memmove(at, at + 1, (size_t)(o->users + o->count - at - 1));
            o->count--;
        } else {
            o->users[o->count++] = user;
        }
    }
    text_add_str(out, "</authorization></security></system.ftpServer>");
}

static void test_random_rules(void **state)
{
    (void)state;
    static const char *const paths[] = { "", "S", "S/d/e" };
    for (unsigned round = 0; round < 300; round++) {
        struct oracle level[3] = { 0 };
        OWNED_TEXT_BUFFER text = { 0 };
        text_add_str(&text, "<configuration><configSections><sectionGroup name='system.ftpServer'><sectionGroup name='security'>"
                            "<section name='authorization'/></sectionGroup></sectionGroup></configSections>");
        for (size_t i = 0; i < 3; i++) {
            level[i] = level[i ? i - 1 : 0];
            text_addf(&text, "<location path='%s'>", paths[i]);
            random_level(&level[i], &text);
            text_add_str(&text, "</location>");
        }
        text_add_str(&text, "</configuration>");
        struct slice bytes[CONF_FILE_COUNT] = { text_slice(&text) };
        struct conf *c = NULL;
        assert_int_equal(conf_open(bytes, NULL, NULL, &c), 0);
        for (size_t i = 0; i < 3; i++) {
            struct conf_element *e = fixture_element(c, "system.ftpServer/security/authorization", paths[i], "");
            assert_int_equal(conf_count(e), level[i].count);
            for (size_t k = 0; k < level[i].count; k++)
                assert_true(slice_equal_fold(conf_text(conf_item(e, k), "users"), slice_of(&level[i].users[k], 1)));
        }
        assert_int_equal(conf_error(c), 0);
        conf_free(c);
    }
}

static void note_location(void *context, struct slice path)
{
    text_addf(context, "[" SLICE_FMT "]", SLICE_ARG(path));
}

static void test_locations(void **state)
{
    static const struct {
        const char *label, *site, *want;
    } cases[] = {
        { "site and below, any case", "Depot FTP", "[Depot FTP][depot ftp/Pub]" },
        { "below a directory", "Depot FTP/pub", "[depot ftp/Pub]" },
        { "a name that only begins alike", "Depot", "" },
        { "everything", "", "[Depot FTP][depot ftp/Pub]" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        OWNED_TEXT_BUFFER out = { 0 };
        conf_locations(*state, "system.ftpServer/security/authorization", slice_str(cases[i].site), note_location, &out);
        assert_string_equal(text_str(&out), cases[i].want);
    }
}

static void test_names(void **state)
{
    struct conf_element *e;
    assert_int_equal(conf_section(*state, SLICE_LITERAL("authorization"), SLICE_NONE, &e), ERR_NOT_FOUND);
    assert_int_equal(conf_section(*state, SLICE_LITERAL("nonsense"), SLICE_NONE, &e), ERR_NOT_FOUND);
    assert_int_equal(conf_section(*state, SLICE_LITERAL("ipSecurity"), SLICE_NONE, &e), 0);
    e = fixture_element(*state, "sites", "", "[1]/ftpServer/security/ssl");
    OWNED_TEXT_BUFFER path = { 0 };
    conf_element_path(e, &path);
    assert_string_equal(text_str(&path), "system.applicationHost/sites/site/ftpServer/security/ssl");
    assert_null(conf_child(e, "nonsense"));
    struct conf_value v;
    assert_int_equal(conf_attr(e, "nonsense", &v), ERR_NOT_FOUND);
    assert_int_equal(conf_attr(e, "serverCertHash", &v), 0);
    assert_int_equal(v.line, 103);
    assert_int_equal(v.column, 46);
}

static void test_round_trip(void **state)
{
    for (size_t i = 0; i < CONF_FILE_COUNT; i++) {
        OWNED_TEXT_BUFFER want = { 0 };
        fixture_read(conf_file_name((enum conf_file)i), &want);
        assert_true(slice_equal(conf_bytes(*state, (enum conf_file)i), text_slice(&want)));
    }
}

static int setup(void **state)
{
    *state = fixture_open();
    return *state == NULL;
}

static int teardown(void **state)
{
    conf_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),    cmocka_unit_test(test_lists), cmocka_unit_test(test_locations),
        cmocka_unit_test(test_names),     cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_random_rules),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

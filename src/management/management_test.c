/* management_test.c - the object model over real files: what a program sees, what ends up in them. */
#include "base/case_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "sallyport/management.h"

#define SITES "system.applicationHost/sites"
#define AUTHORIZATION "system.ftpServer/security/authorization"

#define HEAD                                                                                                       \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<configuration>\n"                                                \
    "    <configSections>\n"                                                                                       \
    "        <sectionGroup name=\"system.applicationHost\"><section name=\"sites\" allowDefinition=\"AppHostOnly\" overrideModeDefault=\"Deny\" /></sectionGroup>\n" \
    "        <sectionGroup name=\"system.ftpServer\"><section name=\"caching\" allowDefinition=\"AppHostOnly\" />" \
    "<sectionGroup name=\"security\"><section name=\"authorization\" overrideModeDefault=\"Deny\" />"              \
    "<section name=\"ipSecurity\" /></sectionGroup></sectionGroup>\n"                                              \
    "    </configSections>\n"
#define BODY                                                                                                       \
    "    <system.applicationHost>\n"                                                                               \
    "        <sites>\n"                                                                                            \
    "            <site name=\"Depot\" id=\"1\">\n"                                                                 \
    "                <bindings>\n"                                                                                 \
    "                    <binding protocol=\"ftp\" bindingInformation=\"*:21:\" />\n"                              \
    "                </bindings>\n"                                                                                \
    "            </site>\n"                                                                                        \
    "            <siteDefaults>\n"                                                                                 \
    "                <ftpServer allowUTF8=\"false\" />\n"                                                          \
    "            </siteDefaults>\n"                                                                                \
    "        </sites>\n"                                                                                           \
    "    </system.applicationHost>\n"                                                                              \
    "    <system.ftpServer>\n"                                                                                     \
    "        <security>\n"                                                                                         \
    "            <authorization>\n"                                                                                \
    "                <add accessType=\"Allow\" users=\"a\" permissions=\"Read\" />\n"                              \
    "                <add accessType=\"Allow\" users=\"b\" permissions=\"Read\" />\n"                              \
    "                <add accessType=\"Allow\" users=\"c\" permissions=\"Read\" />\n"                              \
    "            </authorization>\n"                                                                               \
    "        </security>\n"                                                                                        \
    "    </system.ftpServer>\n"
#define TAIL "</configuration>\n"

struct fixture {
    char directory[64];
    struct sp_manager *m;
};

static void path_of(const struct fixture *f, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", f->directory, name);
}

static void put(const struct fixture *f, const char *name, const char *content)
{
    char path[128];
    path_of(f, name, path, sizeof path);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(content, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static char *get(const struct fixture *f, const char *name)
{
    static char content[65536];
    char path[128];
    path_of(f, name, path, sizeof path);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    content[fread(content, 1, sizeof content - 1, in)] = 0;
    fclose(in);
    return content;
}

static int begin(void **state)
{
    static struct fixture f;
    f = (struct fixture){ .directory = "/tmp/management-test-XXXXXX" };
    if (!mkdtemp(f.directory))
        return -1;
    put(&f, "applicationHost.config", HEAD BODY TAIL);
    struct sp_error error;
    int status = sp_manager_open(f.directory, &f.m, &error);
    if (status)
        print_message("%s\n", error.what);
    *state = &f;
    return status;
}

static int end(void **state)
{
    struct fixture *f = *state;
    char command[128];
    sp_manager_free(f->m);
    snprintf(command, sizeof command, "rm -rf %s", f->directory);
    return system(command);
}

#define OK(call)                                                                  \
    do {                                                                          \
        int status_ = (call);                                                     \
        if (status_)                                                              \
            print_message("%s: %s\n", #call, sp_manager_error(f->m)->what);       \
        assert_int_equal(status_, SP_OK);                                         \
    } while (0)

static struct sp_element *depot(struct fixture *f)
{
    struct sp_element *site = sp_collection_find_by(sp_manager_section(f->m, SITES, NULL), "name", "depot");
    assert_non_null(site);
    return site;
}

/* ---- values ---- */

static const struct {
    const char *label, *child, *attribute;
    enum sp_type type;
    enum sp_origin origin;
    const char *text;
    int64_t number;
    unsigned line;
} values[] = {
    { "written on the item",              "",                             "id",                  SP_UINT,   SP_EXPLICIT,  "1",      1,  9 },
    { "from siteDefaults",                "ftpServer",                    "allowUTF8",           SP_BOOL,   SP_INHERITED, "false",  0,  15 },
    { "the schema's boolean",             "ftpServer",                    "serverAutoStart",     SP_BOOL,   SP_DEFAULT,   "true",   1,  0 },
    { "the schema's enum, by its name",   "ftpServer/userIsolation",      "mode",                SP_ENUM,   SP_DEFAULT,   "None",   4,  0 },
    { "the schema's flags",               "ftpServer/directoryBrowse",    "showFlags",           SP_FLAGS,  SP_DEFAULT,   "",       0,  0 },
    { "a time span in seconds",           "ftpServer/security/sslClientCertificates", "revocationUrlRetrievalTimeout",
                                                                                             SP_TIMESPAN, SP_DEFAULT, "00:01:00", 60, 0 },
    { "a string without a default",       "ftpServer/messages",           "bannerMessage",       SP_STRING, SP_DEFAULT,   "",       0,  0 },
};

static void test_values(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        CASE_LABEL(&values[i]);
        struct sp_element *e = values[i].child[0] ? sp_element_child(depot(f), values[i].child) : depot(f);
        struct sp_value v;
        OK(sp_element_get(e, values[i].attribute, &v));
        assert_int_equal(v.type, values[i].type);
        assert_int_equal(v.origin, values[i].origin);
        assert_string_equal(v.text, values[i].text);
        assert_int_equal(v.number, values[i].number);
        assert_int_equal(v.line, values[i].line);
        assert_int_equal(v.file != NULL, values[i].origin != SP_DEFAULT);
    }
}

static void test_paths(void **state)
{
    struct fixture *f = *state;
    struct sp_element *rules = sp_manager_section(f->m, "authorization", "MACHINE/WEBROOT/APPHOST/Depot/Pub");
    assert_null(rules); /* the short name is not unique */
    rules = sp_manager_section(f->m, AUTHORIZATION, "machine/webroot/apphost/Depot/Pub/");
    assert_ptr_equal(rules, sp_manager_section(f->m, AUTHORIZATION, "depot/pub"));
    assert_ptr_equal(sp_manager_section(f->m, AUTHORIZATION, "Depot/\xC3\x84"), sp_manager_section(f->m, AUTHORIZATION, "depot/\xC3\xA4"));
    assert_string_equal(sp_element_config_path(rules), "MACHINE/WEBROOT/APPHOST/Depot/Pub");
    assert_string_equal(sp_element_schema_path(sp_element_child(depot(f), "ftpServer/security")),
                        SITES "/site/ftpServer/security");
    assert_int_equal(sp_collection_count(rules), 3);
    assert_false(sp_element_is_local(sp_collection_item(rules, 0)));
    assert_true(sp_section_is_locked(rules));
}

/* ---- changes ---- */

static void test_new_site(void **state)
{
    struct fixture *f = *state;
    struct sp_element *sites = sp_manager_section(f->m, SITES, NULL);
    struct sp_element *site = sp_collection_create(sites, "site");
    OK(sp_element_set(site, "name", "New & improved"));
    OK(sp_element_set_number(site, "id", 2));
    struct sp_element *bindings = sp_element_child(site, "bindings");
    struct sp_element *binding = sp_collection_create(bindings, "binding");
    OK(sp_element_set(binding, "protocol", "ftp"));
    OK(sp_element_set(binding, "bindingInformation", "*:2121:"));
    OK(sp_collection_add(bindings, binding));
    struct sp_element *application = sp_collection_create(site, NULL);
    OK(sp_element_set(application, "path", "/"));
    OK(sp_collection_add(site, application));
    struct sp_element *ssl = sp_element_child(site, "ftpServer/security/ssl");
    OK(sp_element_set(ssl, "controlChannelPolicy", "SslAllow"));
    assert_int_equal(sp_element_get_number(ssl, "controlChannelPolicy"), 0);
    assert_string_equal(sp_element_get_text(sites, "nonsense"), "");
    OK(sp_collection_add_at(sites, site, 0));

    /* what was a draft is the file's now */
    struct sp_value v;
    OK(sp_element_get(binding, "bindingInformation", &v));
    assert_string_equal(v.text, "*:2121:");
    assert_non_null(v.file);
    assert_int_equal(v.line, 12);
    OK(sp_element_set(ssl, "dataChannelPolicy", "2"));
    OK(sp_element_set(binding, "bindingInformation", "*:2122:"));
    assert_true(sp_manager_is_changed(f->m));
    OK(sp_manager_commit(f->m));
    assert_false(sp_manager_is_changed(f->m));
    const char *want =
        "            <site name=\"New &amp; improved\" id=\"2\">\n"
        "                <application path=\"/\" />\n"
        "                <bindings>\n"
        "                    <binding protocol=\"ftp\" bindingInformation=\"*:2122:\" />\n"
        "                </bindings>\n"
        "                <ftpServer>\n"
        "                    <security>\n"
        "                        <ssl controlChannelPolicy=\"SslAllow\" dataChannelPolicy=\"SslDeny\" />\n"
        "                    </security>\n"
        "                </ftpServer>\n"
        "            </site>\n"
        "            <site name=\"Depot\" id=\"1\">\n";
    if (!strstr(get(f, "applicationHost.config"), want))
        fail_msg("%s", get(f, "applicationHost.config"));
}

static void expect_users(struct fixture *f, const char *path, const char *want)
{
    OWNED_TEXT_BUFFER users = { 0 };
    struct sp_element *rules = sp_manager_section(f->m, AUTHORIZATION, path);
    for (size_t i = 0; i < sp_collection_count(rules); i++)
        text_add_str(&users, sp_element_get_text(sp_collection_item(rules, i), "users"));
    assert_string_equal(text_str(&users), want);
}

static struct sp_element *rule_for(struct fixture *f, struct sp_element *rules, const char *user)
{
    struct sp_element *rule = sp_collection_create(rules, NULL);
    OK(sp_element_set(rule, "accessType", "Allow"));
    OK(sp_element_set(rule, "users", user));
    return rule;
}

static void test_elements_over_edits(void **state)
{
    struct fixture *f = *state;
    struct sp_element *rules = sp_manager_section(f->m, AUTHORIZATION, NULL);
    struct sp_element *a = sp_collection_item(rules, 0), *b = sp_collection_item(rules, 1), *c = sp_collection_item(rules, 2);
    struct sp_element *below = sp_collection_item(sp_manager_section(f->m, AUTHORIZATION, "Depot"), 1);
    OK(sp_collection_move(rules, c, 0));
    expect_users(f, NULL, "cab");
    OK(sp_collection_move(rules, c, 1));
    expect_users(f, NULL, "acb");
    OK(sp_collection_move(rules, a, 99));
    expect_users(f, NULL, "cba");
    OK(sp_collection_move(rules, a, 2));
    expect_users(f, NULL, "cba");
    assert_string_equal(sp_element_get_text(a, "users"), "a");
    assert_string_equal(sp_element_get_text(c, "users"), "c");
    assert_string_equal(sp_element_get_text(below, "users"), "b");
    struct sp_element *d = rule_for(f, rules, "d");
    OK(sp_collection_add_at(rules, d, 1));
    expect_users(f, NULL, "cdba");
    OK(sp_collection_remove(rules, c));
    OK(sp_element_set(a, "permissions", "Read, Write"));
    OK(sp_element_set(d, "roles", "x"));
    assert_string_equal(sp_element_get_text(b, "users"), "b");
    assert_int_equal(sp_element_get_number(a, "permissions"), 3);
    assert_int_equal(sp_element_set(c, "users", "z"), SP_ERR_STATE);
    assert_ptr_equal(sp_collection_item(rules, 0), d);
    assert_int_equal(sp_collection_add(rules, d), SP_ERR_STATE);
    expect_users(f, "Depot", "dba");
}

static void test_levels(void **state)
{
    struct fixture *f = *state;
    struct sp_element *rules = sp_manager_section(f->m, AUTHORIZATION, "Depot/Pub");
    OK(sp_collection_remove(rules, sp_collection_find_by(rules, "users", "B")));
    OK(sp_collection_add(rules, rule_for(f, rules, "e")));
    expect_users(f, "Depot/Pub", "ace");
    expect_users(f, "Depot", "abc");
    struct sp_element *deeper = sp_manager_section(f->m, AUTHORIZATION, "Depot/Pub/x");
    OK(sp_collection_clear(deeper));
    expect_users(f, "Depot/Pub/x", "");
    OK(sp_section_revert(deeper));
    expect_users(f, "Depot/Pub/x", "ace");
    OK(sp_manager_commit(f->m));
    assert_non_null(strstr(get(f, "applicationHost.config"),
                           "    <location path=\"Depot/Pub\">\n        <system.ftpServer>\n            <security>\n"
                           "                <authorization>\n"
                           "                    <remove users=\"b\" roles=\"\" permissions=\"Read\" />\n"
                           "                    <add accessType=\"Allow\" users=\"e\" />\n"));
}

static void test_locks(void **state)
{
    struct fixture *f = *state;
    struct sp_element *server = sp_manager_section(f->m, "system.ftpServer/security/ipSecurity", NULL);
    struct sp_element *site = sp_manager_section(f->m, "system.ftpServer/security/ipSecurity", "Depot");
    OK(sp_element_set_lock(server, "lockAttributes", "allowUnlisted"));
    assert_string_equal(sp_element_get_lock(server, "lockAttributes"), "allowUnlisted");
    assert_true(sp_element_is_locked(site, "allowUnlisted"));
    assert_false(sp_element_is_locked(site, "enableReverseDns"));
    assert_false(sp_element_is_locked(server, "allowUnlisted"));
    assert_int_equal(sp_element_set_bool(site, "allowUnlisted", true), SP_ERR_LOCKED);
    assert_string_equal(sp_manager_error(f->m)->what, "Lock violation");
    OK(sp_element_set_lock(server, "lockAttributes", ""));
    OK(sp_element_set_bool(site, "allowUnlisted", false));
    assert_int_equal(sp_element_set_lock(server, "lockNothing", "x"), SP_ERR_NOT_FOUND);
    OK(sp_section_lock(server, true));
    assert_true(sp_section_is_locked(site));
}

/* ---- failures ---- */

static int do_unknown_section(struct fixture *f) { return sp_manager_section(f->m, "nonsense", NULL) ? 0 : sp_manager_error(f->m)->status; }
static int do_unknown_site(struct fixture *f) { return sp_manager_section(f->m, AUTHORIZATION, "Gone/x") ? 0 : sp_manager_error(f->m)->status; }
static int do_unknown_child(struct fixture *f) { return sp_element_child(depot(f), "ftpServer/nonsense") ? 0 : sp_manager_error(f->m)->status; }
static int do_unknown_item(struct fixture *f)
{
    return sp_collection_find_by(sp_manager_section(f->m, SITES, NULL), "name", "x") ? 0 : sp_manager_error(f->m)->status;
}
static int do_unknown_attribute(struct fixture *f) { return sp_element_set(depot(f), "nonsense", "1"); }
static int do_bad_value(struct fixture *f) { return sp_element_set(sp_element_child(depot(f), "ftpServer/security/ssl"), "controlChannelPolicy", "Maybe"); }
static int do_no_collection(struct fixture *f) { return sp_collection_clear(sp_element_child(depot(f), "ftpServer")); }
static int do_duplicate(struct fixture *f)
{
    struct sp_element *rules = sp_manager_section(f->m, AUTHORIZATION, NULL), *rule = rule_for(f, rules, "A");
    OK(sp_element_set(rule, "permissions", "1"));
    return sp_collection_add(rules, rule);
}
static int do_incomplete(struct fixture *f)
{
    struct sp_element *sites = sp_manager_section(f->m, SITES, NULL), *site = sp_collection_create(sites, NULL);
    OK(sp_element_set(site, "name", "x"));
    return sp_collection_add(sites, site);
}
static int do_wrong_name(struct fixture *f) { return sp_collection_create(sp_manager_section(f->m, SITES, NULL), "add") ? 0 : sp_manager_error(f->m)->status; }
static int do_change_inherited(struct fixture *f)
{
    return sp_element_set(sp_collection_item(sp_manager_section(f->m, AUTHORIZATION, "Depot"), 0), "users", "x");
}
static int do_deep_commit_path(struct fixture *f) { return sp_manager_set_commit_path(f->m, "MACHINE/WEBROOT/APPHOST/Depot"); }
static int do_commit_path_above(struct fixture *f)
{
    OK(sp_manager_set_commit_path(f->m, "machine/webroot/"));
    int status = sp_element_set(depot(f), "serverAutoStart", "false");
    OK(sp_manager_set_commit_path(f->m, "MACHINE/WEBROOT/APPHOST"));
    return status;
}
static int do_unknown_method(struct fixture *f) { return sp_element_invoke(depot(f), "Explode"); }
static int do_not_running(struct fixture *f) { return sp_element_invoke(sp_element_child(depot(f), "ftpServer"), "Start"); }
static int do_runtime(struct fixture *f) { return sp_element_set(sp_element_child(depot(f), "ftpServer"), "state", "Started"); }

static const struct {
    const char *label;
    int (*act)(struct fixture *f);
    int status;
    const char *what;
    unsigned line;
} failures[] = {
    { "a section nobody knows", do_unknown_section, SP_ERR_NOT_FOUND, "Unknown configuration section 'nonsense'", 0 },
    { "a site that is not there", do_unknown_site, SP_ERR_NOT_FOUND, "Unrecognized configuration path 'Gone/x'", 0 },
    { "a child the schema has not", do_unknown_child, SP_ERR_NOT_FOUND, "There is no child element 'nonsense' in 'ftpServer'", 0 },
    { "no such item", do_unknown_item, SP_ERR_NOT_FOUND, "There is no such item in 'sites'", 0 },
    { "an attribute the schema has not", do_unknown_attribute, SP_ERR_NOT_FOUND, "Unrecognized attribute 'nonsense'", 0 },
    { "a value the schema has not", do_bad_value, SP_ERR_VALUE,
      "The 'controlChannelPolicy' attribute is invalid.  Enum must be one of SslAllow, SslRequire, SslRequireCredentialsOnly", 0 },
    { "no collection", do_no_collection, SP_ERR_NOT_FOUND, "'ftpServer' is not a collection", 0 },
    { "a key that is there, in other letters", do_duplicate, SP_ERR_EXISTS,
      "Cannot add duplicate collection entry of type 'add' with combined key attributes 'users, roles, permissions' "
      "respectively set to 'A, , Read'", 25 },
    { "a site without id", do_incomplete, SP_ERR_VALUE, "Missing required attribute 'id'", 14 },
    { "items have one name", do_wrong_name, SP_ERR_NOT_FOUND, "The items of 'sites' are called 'site', not 'add'", 0 },
    { "an inherited item", do_change_inherited, SP_ERR_STATE, "The item is inherited and cannot be changed at this level", 0 },
    { "delegation to web.config", do_deep_commit_path, SP_ERR_LOCKED,
      "Changes cannot be committed at 'MACHINE/WEBROOT/APPHOST/Depot': FTP settings stand in applicationHost.config only", 0 },
    { "a commit path above the file", do_commit_path_above, SP_ERR_LOCKED,
      "This configuration section cannot be used at the commit path MACHINE/WEBROOT", 0 },
    { "a method the schema has not", do_unknown_method, SP_ERR_NOT_FOUND, "'site' has no method 'Explode'", 0 },
    { "a method while nothing runs", do_not_running, SP_ERR_NOT_RUNNING, "The service has not been started", 0 },
    { "what the service computes", do_runtime, SP_ERR_NOT_FOUND, "Unrecognized attribute 'state'", 0 },
};

static void test_failures(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        CASE_LABEL(&failures[i]);
        int status = failures[i].act(f);
        const struct sp_error *error = sp_manager_error(f->m);
        assert_string_equal(error->what, failures[i].what);
        assert_string_equal(sp_status_name(status), sp_status_name(failures[i].status));
        assert_int_equal(error->status, failures[i].status);
        assert_int_equal(error->line, failures[i].line);
    }
    assert_false(sp_manager_is_changed(f->m)); /* a failure changes nothing */
    OK(sp_manager_commit(f->m));
    assert_string_equal(get(f, "applicationHost.config"), HEAD BODY TAIL);
}

static void test_null(void **state)
{
    struct fixture *f = *state;
    struct sp_element *nothing = sp_element_child(sp_element_child(depot(f), "nonsense"), "security");
    assert_null(nothing);
    assert_int_equal(sp_element_set_bool(nothing, "enabled", true), SP_ERR_HANDLE);
    assert_string_equal(sp_manager_error(f->m)->what, "There is no child element 'nonsense' in 'site'");
    assert_int_equal(sp_collection_add(sp_manager_section(f->m, SITES, NULL), NULL), SP_ERR_HANDLE);
    assert_int_equal(sp_collection_count(NULL), 0);
    assert_null(sp_collection_create(NULL, "add"));
    assert_null(sp_element_name(NULL));
    assert_int_equal(sp_manager_error(NULL)->status, SP_ERR_HANDLE);
    sp_manager_free(NULL);
}

static void test_conflict(void **state)
{
    struct fixture *f = *state;
    OK(sp_element_set_bool(depot(f), "serverAutoStart", false));
    put(f, "applicationHost.config", HEAD BODY "<!-- somebody else -->" TAIL);
    assert_int_equal(sp_manager_commit(f->m), SP_ERR_CONFLICT);
    assert_non_null(strstr(sp_manager_error(f->m)->file, "applicationHost.config"));
    assert_string_equal(get(f, "applicationHost.config"), HEAD BODY "<!-- somebody else -->" TAIL);
}

static void test_bad_file(void **state)
{
    struct fixture *f = *state;
    struct sp_manager *m = NULL;
    struct sp_error error = { 0 };
    char line[512];
    put(f, "applicationHost.config", HEAD "    <system.ftpServer>\n        <caching colour=\"red\" />\n    </system.ftpServer>\n" TAIL);
    assert_int_equal(sp_manager_open(f->directory, &m, &error), SP_ERR_NOT_FOUND);
    assert_null(m);
    assert_int_equal(error.line, 8);
    assert_int_equal(error.column, 18);
    assert_string_equal(error.section, "system.ftpServer/caching");
    assert_string_equal(error.what, "Unrecognized attribute 'colour'");
    assert_true(sp_error_print(&error, line, sizeof line) == strlen(line));
    assert_non_null(strstr(line, "applicationHost.config:8:18: system.ftpServer/caching: Unrecognized attribute 'colour'"));
    assert_true(sp_error_print(&error, line, 5) > 5);
    assert_int_equal(strlen(line), 4);
    assert_int_equal(sp_manager_open("/nonexistent/x", &m, &error), SP_ERR_NOT_FOUND);
    assert_string_equal(error.what, "Cannot open the configuration: No such file or directory");
}

/* ---- threads: managers are independent of each other ---- */

static void *use_a_manager(void *context)
{
    const struct fixture *f = context;
    struct sp_manager *m = NULL;
    bool good = sp_manager_open(f->directory, &m, NULL) == SP_OK;
    struct sp_element *rules = sp_manager_section(m, AUTHORIZATION, NULL);
    for (int i = 0; i < 20 && good; i++)
        good = sp_collection_move(rules, sp_collection_item(rules, 0), 2) == SP_OK && sp_collection_count(rules) == 3;
    sp_manager_free(m);
    return good ? context : NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    void *result;
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_a_manager, *state), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, *state);
    }
}

/* X04: a password is stored encrypted, whichever way it is set; what was asked for before the edits stays what it was. */
static void test_passwords(void **state)
{
    struct fixture *f = *state;
    static const char protected_data[] = "    <configProtectedData>\n        <providers>\n        </providers>\n    </configProtectedData>\n";
    OWNED_TEXT_BUFFER content = { 0 };
    text_addf(&content, "%s%s%s%s", HEAD, protected_data, BODY, TAIL);
    sp_manager_free(f->m);
    put(f, "applicationHost.config", text_str(&content));
    assert_int_equal(sp_manager_open(f->directory, &f->m, NULL), SP_OK);
    struct sp_element *site = depot(f), *application = sp_collection_create(site, NULL), *directory;
    OK(sp_element_set(application, "path", "/"));
    directory = sp_collection_create(application, NULL);
    OK(sp_element_set(directory, "path", "/"));
    OK(sp_element_set(directory, "physicalPath", "C:\\depot"));
    OK(sp_element_set(directory, "password", "first secret"));
    OK(sp_collection_add(application, directory));
    OK(sp_collection_add(site, application)); /* and the provider's entry, in front of it */
    struct sp_element *anonymous = sp_element_child(site, "ftpServer/security/authentication/anonymousAuthentication");
    OK(sp_element_set(anonymous, "password", "second secret"));
    OK(sp_manager_commit(f->m));
    struct sp_value v;
    OK(sp_element_get(directory, "password", &v));
    assert_true(v.is_encrypted);
    assert_string_equal(sp_element_get_text(directory, "physicalPath"), "C:\\depot");
    assert_string_equal(sp_element_get_text(site, "name"), "Depot");
    const char *written = get(f, "applicationHost.config");
    assert_true(!strstr(written, "first secret") && !strstr(written, "second secret"));
    assert_non_null(strstr(written, "<add name=\"SallyportAesProvider\" type=\"SallyportAesProvider\""));
    assert_non_null(strstr(written, "<virtualDirectory path=\"/\" physicalPath=\"C:\\depot\" password=\"[enc:SallyportAesProvider:"));
    assert_non_null(strstr(written, "<anonymousAuthentication password=\"[enc:SallyportAesProvider:"));
    char path[128];
    struct stat st;
    path_of(f, "secrets/configuration-key", path, sizeof path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, begin, end),
        cmocka_unit_test_setup_teardown(test_paths, begin, end),
        cmocka_unit_test_setup_teardown(test_new_site, begin, end),
        cmocka_unit_test_setup_teardown(test_elements_over_edits, begin, end),
        cmocka_unit_test_setup_teardown(test_levels, begin, end),
        cmocka_unit_test_setup_teardown(test_locks, begin, end),
        cmocka_unit_test_setup_teardown(test_failures, begin, end),
        cmocka_unit_test_setup_teardown(test_null, begin, end),
        cmocka_unit_test_setup_teardown(test_conflict, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_file, begin, end),
        cmocka_unit_test_setup_teardown(test_threads, begin, end),
        cmocka_unit_test_setup_teardown(test_passwords, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* edit_test.c - edits, with the exact bytes before and after. */
#include "base/case_test.h"

#include <stdlib.h>

#include "conf/conf.h"
#include "conf/fixture_test.h"

#define HEAD                                                                                                       \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<configuration>\n  <configSections>\n"                            \
    "    <section name=\"foreign\" />\n"                                                                           \
    "    <sectionGroup name=\"system.applicationHost\"><section name=\"sites\" allowDefinition=\"AppHostOnly\" /></sectionGroup>\n" \
    "    <sectionGroup name=\"system.ftpServer\"><section name=\"log\" allowDefinition=\"AppHostOnly\" />"         \
    "<section name=\"firewallSupport\" />"                                                                        \
    "<sectionGroup name=\"security\"><section name=\"authorization\" overrideModeDefault=\"Deny\" />"              \
    "<section name=\"ipSecurity\" /></sectionGroup></sectionGroup>\n"                                              \
    "  </configSections>\n"
#define TAIL "</configuration>\n"

#define AUTHZ "system.ftpServer/security/authorization"

enum op { SET, UNSET, ADD, REMOVE, CLEAR, CLEAR_SECTION, DELETE_SECTION, LOCK, UNLOCK };

static const struct {
    const char *label;
    const char *before;
    enum op op;
    const char *section, *path, *element;
    const char *name, *value; /* SET, UNSET; ADD: pairs "a=b;c=d" in `name`, position in `value` */
    const char *after;        /* NULL: unchanged */
    int err;
    const char *what; /* of the diag, NULL: not looked at */
} edits[] = {
    { "a value between its quotes, the rest untouched",
      "  <system.ftpServer>\n    <log   logInUTF8 = 'true'\tcentralLogFileMode=\"Site\" /><!-- x -->\n  </system.ftpServer>\n",
      SET, "log", "", "", "logInUTF8", "False",
      "  <system.ftpServer>\n    <log   logInUTF8 = 'false'\tcentralLogFileMode=\"Site\" /><!-- x -->\n  </system.ftpServer>\n", 0, NULL },
    { "a new attribute behind the last", "  <system.ftpServer>\n    <log logInUTF8=\"true\"></log>\n  </system.ftpServer>\n", SET, "log", "", "",
      "centralLogFileMode", "central",
      "  <system.ftpServer>\n    <log logInUTF8=\"true\" centralLogFileMode=\"Central\"></log>\n  </system.ftpServer>\n", 0, NULL },
    { "a missing child in an empty tag", "  <system.ftpServer>\n    <log />\n  </system.ftpServer>\n", SET, "log", "", "centralLogFile", "period",
      "Weekly",
      "  <system.ftpServer>\n    <log>\n      <centralLogFile period=\"Weekly\" />\n    </log>\n  </system.ftpServer>\n", 0, NULL },
    { "a missing child in an open tag", "  <system.ftpServer>\n    <log></log>\n  </system.ftpServer>\n", SET, "log", "", "centralLogFile", "period",
      "3", "  <system.ftpServer>\n    <log>\n      <centralLogFile period=\"Monthly\" />\n    </log>\n  </system.ftpServer>\n", 0, NULL },
    { "a missing section goes into its group", "  <system.ftpServer>\n    <log />\n  </system.ftpServer>\n", SET, "firewallSupport", "", "",
      "lowDataChannelPort", "5000",
      "  <system.ftpServer>\n    <log />\n    <firewallSupport lowDataChannelPort=\"5000\" />\n  </system.ftpServer>\n", 0, NULL },
    { "missing groups go before the location tags", "  <foreign><a  b='c'/></foreign>\n  <location path=\"Gone\"></location>\n", SET,
      "system.ftpServer/log", "", "", "logInUTF8", "true",
      "  <foreign><a  b='c'/></foreign>\n  <system.ftpServer>\n    <log logInUTF8=\"true\" />\n  </system.ftpServer>\n  <location path=\"Gone\"></location>\n",
      0, NULL },
    { "escaped for its quotes", "  <system.applicationHost><sites><site name='a' id='1'/></sites></system.applicationHost>\n", SET, "sites", "", "[0]", "name",
      "it's <&\"", "  <system.applicationHost><sites><site name='it&apos;s &lt;&amp;&quot;' id='1'/></sites></system.applicationHost>\n", 0, NULL },
    { "the number a tool passes becomes a name", "  <system.ftpServer>\n    <log logInUTF8=\"true\" />\n  </system.ftpServer>\n", SET, "log", "",
      "centralLogFile", "logExtFileFlags", "3",
      "  <system.ftpServer>\n    <log logInUTF8=\"true\">\n      <centralLogFile logExtFileFlags=\"Date, Time\" />\n    </log>\n  </system.ftpServer>\n", 0, NULL },
    { "X05: a bad value changes nothing", "  <system.ftpServer>\n    <log />\n  </system.ftpServer>\n", SET, "firewallSupport", "", "",
      "lowDataChannelPort", "65536", NULL, ERR_RANGE,
      "The 'lowDataChannelPort' attribute is invalid.  Integer value must be between 0 and 65535 inclusive" },
    { "X05: control characters cannot be written", "  <system.ftpServer>\n    <log />\n  </system.ftpServer>\n", SET, "log", "", "centralLogFile",
      "directory", "a\x01", NULL, ERR_SYNTAX, NULL },
    { "an unknown attribute", "", SET, "log", "", "", "nonsense", "1", NULL, ERR_NOT_FOUND, "Unrecognized attribute 'nonsense'" },
    { "an attribute the service computes", "  <system.applicationHost><sites><site name='a' id='1'/></sites></system.applicationHost>\n", SET, "sites", "",
      "[0]", "state", "Started", NULL, ERR_NOT_FOUND, "Unrecognized attribute 'state'" },
    { "an undeclared section", "", SET, "system.ftpServer/caching", "", "credentialsCache", "enabled", "true", NULL, ERR_NOT_FOUND,
      "The configuration section 'system.ftpServer/caching' cannot be read because it is missing a section declaration" },
    { "unset takes the blank before it", "  <system.ftpServer>\n    <log logInUTF8=\"true\"  centralLogFileMode=\"Site\" />\n  </system.ftpServer>\n", UNSET,
      "log", "", "", "centralLogFileMode", NULL, "  <system.ftpServer>\n    <log logInUTF8=\"true\" />\n  </system.ftpServer>\n", 0, NULL },
    { "unset of what is required", "  <system.applicationHost><sites><site name='a' id='1'/></sites></system.applicationHost>\n", UNSET, "sites", "", "[0]",
      "id", NULL, NULL, ERR_SYNTAX, "Missing required attribute 'id'" },
    { "unset of what is not there", "", UNSET, "log", "", "", "logInUTF8", NULL, NULL, 0, NULL },

    { "add behind the last item, its comment kept",
      "  <system.ftpServer><security>\n      <authorization>\n        <add accessType=\"Allow\" users=\"a\" /> <!-- first -->\n        <!-- end -->\n      </authorization>\n  </security></system.ftpServer>\n",
      ADD, AUTHZ, "", "", "accessType=Deny;users=b;permissions=Write,read", "-1",
      "  <system.ftpServer><security>\n      <authorization>\n        <add accessType=\"Allow\" users=\"a\" /> <!-- first -->\n        <add accessType=\"Deny\" users=\"b\" permissions=\"Read, Write\" />\n        <!-- end -->\n      </authorization>\n  </security></system.ftpServer>\n",
      0, NULL },
    { "add in front", "  <system.ftpServer><security>\n      <authorization>\n        <add accessType=\"Allow\" users=\"a\" />\n      </authorization>\n  </security></system.ftpServer>\n",
      ADD, AUTHZ, "", "", "accessType=Allow;users=b", "0",
      "  <system.ftpServer><security>\n      <authorization>\n        <add accessType=\"Allow\" users=\"b\" />\n        <add accessType=\"Allow\" users=\"a\" />\n      </authorization>\n  </security></system.ftpServer>\n",
      0, NULL },
    { "add makes the location tag at the end", "  <system.ftpServer>\n    <log />\n  </system.ftpServer>\n", ADD, AUTHZ, "My Site/a & b", "",
      "accessType=Allow;users=*;permissions=1", "-1",
      "  <system.ftpServer>\n    <log />\n  </system.ftpServer>\n  <location path=\"My Site/a &amp; b\">\n    <system.ftpServer>\n      <security>\n        <authorization>\n"
      "          <add accessType=\"Allow\" users=\"*\" permissions=\"Read\" />\n        </authorization>\n      </security>\n    </system.ftpServer>\n  </location>\n",
      0, NULL },
    { "add uses the location tag that is there", "  <location path=\"SITE\">\n    <system.ftpServer>\n      <security>\n        <ipSecurity />\n      </security>\n    </system.ftpServer>\n  </location>\n",
      ADD, AUTHZ, "Site/", "", "accessType=Allow;users=*", "-1",
      "  <location path=\"SITE\">\n    <system.ftpServer>\n      <security>\n        <ipSecurity />\n        <authorization>\n          <add accessType=\"Allow\" users=\"*\" />\n        </authorization>\n      </security>\n    </system.ftpServer>\n  </location>\n",
      0, NULL },
    { "add does not join a locked location", "  <location path=\"S\" overrideMode=\"Deny\">\n    <foreign />\n  </location>\n", ADD, AUTHZ, "S", "",
      "accessType=Allow;users=*", "-1",
      "  <location path=\"S\" overrideMode=\"Deny\">\n    <foreign />\n  </location>\n  <location path=\"S\">\n    <system.ftpServer>\n      <security>\n        <authorization>\n          <add accessType=\"Allow\" users=\"*\" />\n        </authorization>\n      </security>\n    </system.ftpServer>\n  </location>\n",
      0, NULL },
    { "add of a key that is there", "  <system.ftpServer><security><authorization><add accessType=\"Allow\" users=\"a\" /></authorization></security></system.ftpServer>\n", ADD, AUTHZ,
      "", "", "accessType=Deny;users=A", "-1", NULL, ERR_EXISTS,
      "Cannot add duplicate collection entry of type 'add' with combined key attributes 'users, roles, permissions' respectively set to 'A, , '" },
    { "add of a key that is inherited", "  <system.ftpServer><security><authorization><add accessType=\"Allow\" users=\"a\" /></authorization></security></system.ftpServer>\n", ADD, AUTHZ,
      "S", "", "accessType=Deny;users=A", "-1", NULL, ERR_EXISTS, NULL },
    { "add without what is required", "", ADD, AUTHZ, "", "", "users=a", "-1", NULL, ERR_SYNTAX, "Missing required attribute 'accessType'" },
    { "a site", "  <system.applicationHost>\n    <sites>\n    </sites>\n  </system.applicationHost>\n", ADD, "sites", "", "", "name=S;id=7", "-1",
      "  <system.applicationHost>\n    <sites>\n      <site name=\"S\" id=\"7\" />\n    </sites>\n  </system.applicationHost>\n", 0, NULL },
    { "a binding in a site without any", "  <system.applicationHost>\n    <sites>\n      <site name=\"S\" id=\"7\" />\n    </sites>\n  </system.applicationHost>\n", ADD, "sites", "",
      "[0]/bindings", "protocol=ftp;bindingInformation=*:21:", "-1",
      "  <system.applicationHost>\n    <sites>\n      <site name=\"S\" id=\"7\">\n        <bindings>\n          <binding protocol=\"ftp\" bindingInformation=\"*:21:\" />\n        </bindings>\n      </site>\n    </sites>\n  </system.applicationHost>\n",
      0, NULL },
    { "setting an inherited item", "  <system.ftpServer><security><authorization><add accessType=\"Allow\" users=\"a\" /></authorization></security></system.ftpServer>\n", SET, AUTHZ, "S",
      "[0]", "accessType", "Deny", NULL, ERR_STATE, NULL },

    { "remove a local item with its line", "  <system.ftpServer><security>\n    <authorization>\n      <add accessType=\"Allow\" users=\"a\" />\n      <add accessType=\"Allow\" users=\"b\" />\n    </authorization>\n  </security></system.ftpServer>\n",
      REMOVE, AUTHZ, "", "[0]", NULL, NULL,
      "  <system.ftpServer><security>\n    <authorization>\n      <add accessType=\"Allow\" users=\"b\" />\n    </authorization>\n  </security></system.ftpServer>\n", 0, NULL },
    { "remove an item that shares its line", "  <system.ftpServer><security><authorization><add accessType=\"Allow\" users=\"a\" /><add accessType=\"Allow\" users=\"b\" /></authorization></security></system.ftpServer>\n",
      REMOVE, AUTHZ, "", "[0]", NULL, NULL, "  <system.ftpServer><security><authorization><add accessType=\"Allow\" users=\"b\" /></authorization></security></system.ftpServer>\n", 0, NULL },
    { "remove an inherited item: the full key", "  <system.ftpServer><security><authorization><add accessType=\"Allow\" users=\"*\" permissions=\"Read\" /></authorization></security></system.ftpServer>\n"
      "  <location path=\"S\">\n    <system.ftpServer>\n      <security>\n        <authorization>\n          <add accessType=\"Allow\" users=\"x\" />\n        </authorization>\n      </security>\n    </system.ftpServer>\n  </location>\n",
      REMOVE, AUTHZ, "S", "[0]", NULL, NULL,
      "  <system.ftpServer><security><authorization><add accessType=\"Allow\" users=\"*\" permissions=\"Read\" /></authorization></security></system.ftpServer>\n"
      "  <location path=\"S\">\n    <system.ftpServer>\n      <security>\n        <authorization>\n          <remove users=\"*\" roles=\"\" permissions=\"Read\" />\n          <add accessType=\"Allow\" users=\"x\" />\n        </authorization>\n      </security>\n    </system.ftpServer>\n  </location>\n",
      0, NULL },
    { "remove where the collection knows no remove", "  <system.applicationHost><sites><site name='a' id='1'/><siteDefaults><bindings><binding protocol='ftp' bindingInformation='*:21:'/></bindings></siteDefaults></sites></system.applicationHost>\n",
      REMOVE, "sites", "", "[0]/bindings/[0]", NULL, NULL, NULL, ERR_UNSUPPORTED, NULL },
    { "clear of local items only", "  <system.ftpServer><security>\n    <authorization>\n      <!-- rules -->\n      <add accessType=\"Allow\" users=\"a\" />\n      <add accessType=\"Allow\" users=\"b\" />\n    </authorization>\n  </security></system.ftpServer>\n",
      CLEAR, AUTHZ, "", "", NULL, NULL, "  <system.ftpServer><security>\n    <authorization>\n      <!-- rules -->\n    </authorization>\n  </security></system.ftpServer>\n", 0, NULL },
    { "clear of inherited items", "  <system.ftpServer><security><authorization><add accessType=\"Allow\" users=\"a\" /></authorization></security></system.ftpServer>\n"
      "  <location path=\"S\">\n    <system.ftpServer>\n      <security>\n        <authorization>\n          <add accessType=\"Allow\" users=\"x\" />\n          <add accessType=\"Allow\" users=\"y\" />\n        </authorization>\n      </security>\n    </system.ftpServer>\n  </location>\n",
      CLEAR, AUTHZ, "S", "", NULL, NULL,
      "  <system.ftpServer><security><authorization><add accessType=\"Allow\" users=\"a\" /></authorization></security></system.ftpServer>\n"
      "  <location path=\"S\">\n    <system.ftpServer>\n      <security>\n        <authorization>\n          <clear />\n        </authorization>\n      </security>\n    </system.ftpServer>\n  </location>\n",
      0, NULL },
    { "delete section takes its empty location along", "  <system.ftpServer>\n    <log />\n  </system.ftpServer>\n  <location path=\"S\">\n    <system.ftpServer>\n      <security>\n        <authorization>\n          <clear />\n        </authorization>\n      </security>\n    </system.ftpServer>\n  </location>\n",
      DELETE_SECTION, AUTHZ, "S", "", NULL, NULL, "  <system.ftpServer>\n    <log />\n  </system.ftpServer>\n", 0, NULL },
    { "delete section leaves its neighbours", "  <location path=\"S\">\n    <foreign />\n    <system.ftpServer>\n      <security>\n        <authorization />\n      </security>\n    </system.ftpServer>\n  </location>\n",
      DELETE_SECTION, AUTHZ, "S", "", NULL, NULL, "  <location path=\"S\">\n    <foreign />\n  </location>\n", 0, NULL },
    { "delete section where the tag says the default", "  <location path=\"S\" overrideMode=\"Inherit\">\n    <foreign />\n    <system.ftpServer>\n      <security>\n        <authorization><clear /></authorization>\n      </security>\n    </system.ftpServer>\n  </location>\n",
      DELETE_SECTION, AUTHZ, "S", "", NULL, NULL, "  <location path=\"S\" overrideMode=\"Inherit\">\n    <foreign />\n  </location>\n", 0, NULL },
    { "delete section keeps the lock", "  <location path=\"S\" overrideMode=\"Deny\">\n    <system.ftpServer>\n      <security>\n        <authorization><clear /></authorization>\n      </security>\n    </system.ftpServer>\n  </location>\n",
      DELETE_SECTION, AUTHZ, "S", "", NULL, NULL, "  <location path=\"S\" overrideMode=\"Deny\">\n    <system.ftpServer>\n      <security>\n        <authorization />\n      </security>\n    </system.ftpServer>\n  </location>\n", 0, NULL },

    { "clear section leaves its element", "  <location path=\"S\">\n    <system.ftpServer>\n      <security>\n        <authorization lockElements=\"clear\">\n          <clear />\n        </authorization>\n      </security>\n    </system.ftpServer>\n  </location>\n",
      CLEAR_SECTION, AUTHZ, "S", "", NULL, NULL, "  <location path=\"S\">\n    <system.ftpServer>\n      <security>\n        <authorization />\n      </security>\n    </system.ftpServer>\n  </location>\n", 0, NULL },
    { "clear section where nothing is", "", CLEAR_SECTION, AUTHZ, "S", "", NULL, NULL, "", 0, NULL },

    { "lock at a path", "", LOCK, AUTHZ, "S", "", NULL, NULL,
      "  <location path=\"S\" overrideMode=\"Deny\">\n    <system.ftpServer>\n      <security>\n        <authorization />\n      </security>\n    </system.ftpServer>\n  </location>\n", 0, NULL },
    { "unlock what is alone in its location", "  <location path=\"S\" allowOverride=\"false\">\n    <system.ftpServer><security><authorization /></security></system.ftpServer>\n  </location>\n", UNLOCK, AUTHZ, "S", "",
      NULL, NULL, "  <location path=\"S\" overrideMode=\"Allow\">\n    <system.ftpServer><security><authorization /></security></system.ftpServer>\n  </location>\n", 0, NULL },
    { "lock moves a section out of a shared location", "  <location path=\"S\">\n    <system.ftpServer>\n      <security>\n        <ipSecurity />\n        <authorization>\n          <clear />\n        </authorization>\n      </security>\n    </system.ftpServer>\n  </location>\n",
      LOCK, AUTHZ, "S", "", NULL, NULL,
      "  <location path=\"S\">\n    <system.ftpServer>\n      <security>\n        <ipSecurity />\n      </security>\n    </system.ftpServer>\n  </location>\n  <location path=\"S\" overrideMode=\"Deny\">\n    <system.ftpServer>\n      <security>\n        <authorization>\n          <clear />\n        </authorization>\n      </security>\n    </system.ftpServer>\n  </location>\n",
      0, NULL },
    { "X06: what a parent locked", "  <system.ftpServer><security><authorization lockElements=\"clear\"><add accessType=\"Allow\" users=\"a\" /></authorization></security></system.ftpServer>\n", CLEAR, AUTHZ, "S", "",
      NULL, NULL, NULL, ERR_LOCKED, "Lock violation" },
};

static int edit_pairs(struct conf *c, struct conf_element *e, const char *text, const char *position, struct diag *d)
{
    struct conf_pair pairs[8];
    size_t count = 0;
    struct slice rest = slice_str(text);
    while (rest.ptr) {
        struct slice pair = slice_cut(&rest, ';');
        pairs[count].name = slice_cut(&pair, '=');
        pairs[count++].value = pair;
    }
    return conf_add(c, e, pairs, count, atol(position), d);
}

static int edit_run(struct conf *c, size_t i, struct diag *d)
{
    struct slice section = slice_str(edits[i].section), path = slice_str(edits[i].path);
    if (edits[i].op == LOCK || edits[i].op == UNLOCK)
        return conf_lock(c, section, path, edits[i].op == LOCK, d);
    struct conf_element *e = fixture_element(c, edits[i].section, edits[i].path, edits[i].element);
    switch (edits[i].op) {
    case SET:
        return conf_set(c, e, edits[i].name, slice_str(edits[i].value), d);
    case UNSET:
        return conf_unset(c, e, edits[i].name, d);
    case ADD:
        return edit_pairs(c, e, edits[i].name, edits[i].value, d);
    case REMOVE:
        return conf_remove(c, e, d);
    case CLEAR:
        return conf_clear_collection(c, e, d);
    case CLEAR_SECTION:
        return conf_clear_section(c, e, d);
    default:
        return conf_delete_section(c, e, d);
    }
}

static struct conf *open_text(const char *body, const char *nl, struct text *whole)
{
    OWNED_TEXT_BUFFER lf = { 0 }, problems = { 0 };
    text_addf(&lf, "%s%s%s", HEAD, body, TAIL);
    struct slice rest = text_slice(&lf);
    while (rest.ptr) {
        text_add(whole, slice_cut(&rest, '\n'));
        text_add_str(whole, rest.ptr ? nl : "");
    }
    struct slice bytes[CONF_FILE_COUNT] = { text_slice(whole) };
    struct conf *c = NULL;
    int err = conf_open(bytes, fixture_report, &problems, &c);
    if (err)
        print_message("%s", text_str(&problems));
    assert_int_equal(err, 0);
    return c;
}

static void check_edits(const char *nl)
{
    for (size_t i = 0; i < COUNT_OF(edits); i++) {
        CASE_LABEL(&edits[i]);
        OWNED_TEXT_BUFFER before = { 0 }, after = { 0 }, got = { 0 };
        struct conf *c = open_text(edits[i].before, nl, &before);
        struct diag d = { 0 };
        int err = edit_run(c, i, &d);
        if (err != edits[i].err)
            print_message("%s\n", d.what);
        assert_int_equal(err, edits[i].err);
        if (edits[i].what)
            assert_string_equal(d.what, edits[i].what);
        conf_free(open_text(edits[i].after ? edits[i].after : edits[i].before, nl, &after));
        text_add(&got, conf_bytes(c, CONF_APPLICATION_HOST));
        assert_string_equal(text_str(&got), text_str(&after));
        conf_free(c);
    }
}

static void test_edits(void **state)
{
    (void)state;
    check_edits("\n");
}

static void test_edits_crlf(void **state)
{
    (void)state;
    check_edits("\r\n");
}

/* A file that does not exist yet begins as the one of schema/new/. */
static void test_new_files(void **state)
{
    (void)state;
    static const struct {
        const char *label, *section, *element, *attribute, *value;
        enum conf_file file;
    } cases[] = {
        { "sallyport.config", "sallyport/tls", "", "minProtocol", "Tls13", CONF_SALLYPORT },
        { "applicationHost.config", "system.ftpServer/log", "", "logInUTF8", "false", CONF_APPLICATION_HOST },
        { "administration.config", "system.webServer/management/authentication", "", "defaultProvider", "x",
          CONF_ADMINISTRATION },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        struct slice none[CONF_FILE_COUNT] = { 0 };
        struct conf *c = NULL;
        struct diag d = { 0 };
        assert_int_equal(conf_open(none, NULL, NULL, &c), 0);
        struct conf_element *e = fixture_element(c, cases[i].section, "", cases[i].element);
        assert_int_equal(conf_set(c, e, "nonsense", SLICE_LITERAL("1"), &d), ERR_NOT_FOUND);
        assert_null(conf_bytes(c, cases[i].file).ptr);
        assert_int_equal(conf_set(c, e, cases[i].attribute, slice_str(cases[i].value), &d), 0);
        e = fixture_element(c, cases[i].section, "", cases[i].element);
        struct conf_value v;
        assert_int_equal(conf_attr(e, cases[i].attribute, &v), 0);
        assert_true(slice_equal_str(v.text, cases[i].value));
        assert_int_equal(v.origin, CONF_EXPLICIT);
        conf_free(c);
    }
}

/* Adding a user to the default files, as the walkthrough does. */
static void test_add_user(void **state)
{
    (void)state;
    struct slice none[CONF_FILE_COUNT] = { 0 };
    struct conf *c = NULL;
    struct diag d = { 0 };
    assert_int_equal(conf_open(none, NULL, NULL, &c), 0);
    struct conf_element *e = fixture_element(c, "system.webServer/management/authentication", "", "credentials");
    struct conf_pair pairs[] = { { SLICE_LITERAL("name"), SLICE_LITERAL("ftpm\xC3\xA4nager") },
                                 { SLICE_LITERAL("password"), SLICE_LITERAL("$y$x") } };
    assert_int_equal(conf_add(c, e, pairs, 2, -1, &d), 0);
    e = fixture_element(c, "system.webServer/management/authentication", "", "credentials");
    assert_int_equal(conf_count(e), 1);
    assert_int_equal(conf_add(c, e, pairs, 2, -1, &d), ERR_EXISTS);
    pairs[0].value = SLICE_LITERAL("FTPM\xC3\x84NAGER");
    assert_int_equal(conf_find(e, pairs, 1, &e), 0);
    assert_int_equal(conf_remove(c, e, &d), 0);
    e = fixture_element(c, "system.webServer/management/authentication", "", "credentials");
    assert_int_equal(conf_count(e), 0);
    conf_free(c);
}

/* There is nothing to clear, so the element lives on, and its children are still what the file says. */
static void test_clear_nothing(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER file = { 0 };
    struct conf_value v;
    struct diag d = { 0 };
    struct conf *c = open_text("  <system.applicationHost><sites><siteDefaults><logFile period=\"Monthly\" /></siteDefaults></sites>"
                               "</system.applicationHost>\n", "\n", &file);
    struct conf_element *sites = fixture_element(c, "sites", "", "");
    assert_int_equal(conf_clear_collection(c, sites, &d), 0);
    struct conf_element *log = conf_child(sites, "siteDefaults/logFile");
    assert_int_equal(conf_attr(log, "period", &v), 0);
    assert_true(slice_equal_str(v.text, "Monthly"));
    assert_int_equal(conf_set(c, log, "period", SLICE_LITERAL("Weekly"), &d), 0);
    assert_non_null(strstr(conf_bytes(c, CONF_APPLICATION_HOST).ptr, "<logFile period=\"Weekly\" />"));
    conf_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_edits_crlf),
        cmocka_unit_test(test_new_files),
        cmocka_unit_test(test_add_user),
        cmocka_unit_test(test_clear_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * inherit_test.c - what is effective where: default holders at every depth, clear and remove, and every lock against
 * every kind of change below it (config-model.md 3, 5, 6).
 */
#include "base/case_test.h"

#include <stdlib.h>

#include "conf/conf.h"
#include "conf/fixture_test.h"

#define HEAD                                                                                                       \
    "<configuration><configSections><sectionGroup name='system.applicationHost'><section name='sites'/></sectionGroup>" \
    "<sectionGroup name='system.ftpServer'><section name='log'/><section name='firewallSupport'/><sectionGroup name='security'>" \
    "<section name='authorization'/><section name='ipSecurity'/><section name='requestFiltering'/></sectionGroup></sectionGroup></configSections>\n"
#define TAIL "</configuration>"

static struct conf *open_text(const char *text, int *err_out, struct text *problem)
{
    struct slice bytes[CONF_FILE_COUNT] = { slice_str(text) };
    struct conf *c = NULL;
    *err_out = conf_open(bytes, fixture_report, problem, &c);
    return c;
}

/* ---- default holders: nearest first, attribute by attribute ---- */

#define SITES(holders, site, application, directory)                                                               \
    HEAD "<system.applicationHost><sites><site name='a' id='1'>" site "<application path='/'>" application         \
    "<virtualDirectory path='/' " directory "/></application></site>" holders "</sites></system.applicationHost>" TAIL

static const struct {
    const char *label, *text, *element, *attribute, *want;
    enum conf_origin origin;
} defaults[] = {
    { "virtualDirectory: its own", SITES("<virtualDirectoryDefaults userName='server'/>", "<virtualDirectoryDefaults userName='site'/>",
      "<virtualDirectoryDefaults userName='application'/>", "userName='own'"), "[0]/[0]/[0]", "userName", "own", CONF_EXPLICIT },
    { "virtualDirectory <- application", SITES("<virtualDirectoryDefaults userName='server'/>", "<virtualDirectoryDefaults userName='site'/>",
      "<virtualDirectoryDefaults userName='application'/>", ""), "[0]/[0]/[0]", "userName", "application", CONF_INHERITED },
    { "virtualDirectory <- site", SITES("<virtualDirectoryDefaults userName='server'/>", "<virtualDirectoryDefaults userName='site'/>", "", ""),
      "[0]/[0]/[0]", "userName", "site", CONF_INHERITED },
    { "virtualDirectory <- server", SITES("<virtualDirectoryDefaults userName='server'/>", "", "", ""), "[0]/[0]/[0]", "userName", "server",
      CONF_INHERITED },
    { "virtualDirectory <- schema", SITES("", "", "", ""), "[0]/[0]/[0]", "allowSubDirConfig", "true", CONF_DEFAULT },
    { "each attribute by itself", SITES("<virtualDirectoryDefaults logonMethod='Batch'/>", "", "<virtualDirectoryDefaults userName='x'/>", ""),
      "[0]/[0]/[0]", "logonMethod", "Batch", CONF_INHERITED },
    { "empty is a value and ends the search", SITES("<virtualDirectoryDefaults userName='server'/>", "", "", "userName=''"), "[0]/[0]/[0]",
      "userName", "", CONF_EXPLICIT },
    { "application <- site", SITES("<applicationDefaults applicationPool='server'/>", "<applicationDefaults applicationPool='site'/>", "", ""),
      "[0]/[0]", "applicationPool", "site", CONF_INHERITED },
    { "application <- server", SITES("<applicationDefaults applicationPool='server'/>", "", "", ""), "[0]/[0]", "applicationPool", "server",
      CONF_INHERITED },
    { "site <- siteDefaults", SITES("<siteDefaults serverAutoStart='false'/>", "", "", ""), "[0]", "serverAutoStart", "false", CONF_INHERITED },
    { "five elements down", SITES("<siteDefaults><ftpServer><security><ssl dataChannelPolicy='SslDeny'/></security></ftpServer></siteDefaults>", "", "", ""),
      "[0]/ftpServer/security/ssl", "dataChannelPolicy", "SslDeny", CONF_INHERITED },
    { "beside an attribute of its own", SITES("<siteDefaults><ftpServer><security><ssl dataChannelPolicy='SslDeny'/></security></ftpServer></siteDefaults>",
      "<ftpServer><security><ssl controlChannelPolicy='SslAllow'/></security></ftpServer>", "", ""), "[0]/ftpServer/security/ssl",
      "dataChannelPolicy", "SslDeny", CONF_INHERITED },
    { "a written default counts", SITES("<siteDefaults serverAutoStart='false'/>", "", "", ""), "siteDefaults", "serverAutoStart", "false", CONF_EXPLICIT },
};

static void test_defaults(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(defaults); i++) {
        CASE_LABEL(&defaults[i]);
        OWNED_TEXT_BUFFER problem = { 0 };
        struct conf_value v;
        int err;
        struct conf *c = open_text(defaults[i].text, &err, &problem);
        assert_string_equal(text_str(&problem), "");
        assert_int_equal(conf_attr(fixture_element(c, "sites", "", defaults[i].element), defaults[i].attribute, &v), 0);
        assert_true(slice_equal_str(v.text, defaults[i].want));
        assert_int_equal(v.origin, defaults[i].origin);
        conf_free(c);
    }
}

/* ---- items: inherited first, then what each level does ---- */

#define RULES(text) "<system.ftpServer><security><authorization>" text "</authorization></security></system.ftpServer>"
#define AT(path, text) "<location path='" path "'>" text "</location>"
#define ADD(user) "<add accessType='Allow' users='" user "'/>"

static const struct {
    const char *label, *text, *path, *want;
} items[] = {
    { "appended in the order of levels", HEAD RULES(ADD("a")) AT("S/x", RULES(ADD("c"))) AT("S", RULES(ADD("b"))) TAIL, "S/x", "abc" },
    { "clear drops what is above", HEAD RULES(ADD("a")) AT("S", RULES("<clear/>" ADD("b"))) TAIL, "S/x", "b" },
    { "clear drops what stands before it", HEAD AT("S", RULES(ADD("a") "<clear/>" ADD("b"))) TAIL, "S", "b" },
    { "clear at a level between", HEAD RULES(ADD("a")) AT("S", RULES("<clear/>")) AT("S/x", RULES(ADD("c"))) TAIL, "S/x", "c" },
    { "remove one", HEAD RULES(ADD("a") ADD("b")) AT("S", RULES("<remove users='a'/>")) TAIL, "S", "b" },
    { "remove in other letters", HEAD RULES(ADD("a") ADD("b")) AT("S", RULES("<remove users='B'/>")) TAIL, "S", "a" },
    { "remove in other letters of any alphabet", HEAD RULES(ADD("M\xC3\x9CLLER") ADD("b")) AT("S", RULES("<remove users='m\xC3\xBCller'/>")) TAIL, "S", "b" },
    { "removed, then added again", HEAD RULES(ADD("a") ADD("b")) AT("S", RULES("<remove users='a'/>" ADD("a"))) TAIL, "S", "ba" },
    { "removed at one level, added two below", HEAD RULES(ADD("a")) AT("S", RULES("<remove users='a'/>")) AT("S/x/y", RULES(ADD("a"))) TAIL, "S/x/y", "a" },
    { "remove does not reach the site beside", HEAD RULES(ADD("a")) AT("S", RULES("<clear/>")) TAIL, "T", "a" },
    { "the server level is a location too", HEAD AT(".", RULES(ADD("a"))) AT("S", RULES(ADD("b"))) TAIL, "S", "ab" },
};

static void test_items(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        CASE_LABEL(&items[i]);
        OWNED_TEXT_BUFFER problem = { 0 }, users = { 0 };
        int err;
        struct conf *c = open_text(items[i].text, &err, &problem);
        assert_string_equal(text_str(&problem), "");
        struct conf_element *e = fixture_element(c, "system.ftpServer/security/authorization", items[i].path, "");
        for (size_t k = 0; k < conf_count(e); k++)
            text_add(&users, conf_text(conf_item(e, k), "users"));
        assert_string_equal(text_str(&users), items[i].want);
        conf_free(c);
    }
}

/* ---- locks: upper says, lower does ---- */

#define FILTER(attributes, text) "<system.ftpServer><security><requestFiltering " attributes ">" text "</requestFiltering></security></system.ftpServer>"

static const struct {
    const char *label, *upper, *lower;
    bool is_locked;
} locks[] = {
    { "lockAttributes: that one", FILTER("lockAttributes='allowHighBitCharacters'", ""), FILTER("allowHighBitCharacters='false'", ""), true },
    { "lockAttributes: the same value is a violation too", FILTER("allowHighBitCharacters='false' lockAttributes='allowHighBitCharacters'", ""),
      FILTER("allowHighBitCharacters='false'", ""), true },
    { "lockAttributes: an element below", FILTER("lockAttributes='*'", ""), FILTER("", "<requestLimits maxUrl='99'/>"), false },
    { "lockAttributes *", FILTER("lockAttributes='*'", ""), FILTER("allowHighBitCharacters='false'", ""), true },
    { "lockAttributes *,!x: not x", FILTER("lockAttributes='*,!allowHighBitCharacters'", ""), FILTER("allowHighBitCharacters='false'", ""), false },
    { "lockAttributes *,!x: every other", FILTER("", "<requestLimits lockAttributes='*,!maxUrl'/>"), FILTER("", "<requestLimits maxAllowedContentLength='1'/>"), true },
    { "lockAttributes *,!x: x below", FILTER("", "<requestLimits lockAttributes='*, !maxUrl'/>"), FILTER("", "<requestLimits maxUrl='99'/>"), false },
    { "lockAllAttributesExcept: every other", FILTER("lockAllAttributesExcept=''", ""), FILTER("allowHighBitCharacters='false'", ""), true },
    { "lockAllAttributesExcept: that one", FILTER("lockAllAttributesExcept='allowHighBitCharacters'", ""), FILTER("allowHighBitCharacters='false'", ""), false },
    { "lockElements: that one", FILTER("lockElements='requestLimits'", ""), FILTER("", "<requestLimits maxUrl='99'/>"), true },
    { "lockElements: another", FILTER("lockElements='hiddenSegments'", ""), FILTER("", "<requestLimits maxUrl='99'/>"), false },
    { "lockElements *", FILTER("lockElements='*'", ""), FILTER("", "<requestLimits maxUrl='99'/>"), true },
    { "lockElements *,!x: x", FILTER("lockElements='*,!requestLimits'", ""), FILTER("", "<requestLimits maxUrl='99'/>"), false },
    { "lockElements *,!x: another", FILTER("lockElements='*,!hiddenSegments'", ""), FILTER("", "<requestLimits maxUrl='99'/>"), true },
    { "lockElements: attributes stay free", FILTER("lockElements='*'", ""), FILTER("allowHighBitCharacters='false'", ""), false },
    { "lockAllElementsExcept: that one", FILTER("lockAllElementsExcept='requestLimits'", ""), FILTER("", "<requestLimits maxUrl='99'/>"), false },
    { "lockAllElementsExcept: another", FILTER("lockAllElementsExcept='hiddenSegments'", ""), FILTER("", "<requestLimits maxUrl='99'/>"), true },
    { "lockElements: the directive add", FILTER("", "<hiddenSegments lockElements='add'/>"), FILTER("", "<hiddenSegments><add segment='x'/></hiddenSegments>"), true },
    { "lockElements: remove and clear, add is free", FILTER("", "<hiddenSegments lockElements='remove,clear'/>"),
      FILTER("", "<hiddenSegments><add segment='x'/></hiddenSegments>"), false },
    { "lockElements: clear", FILTER("", "<hiddenSegments lockElements='remove,clear'/>"), FILTER("", "<hiddenSegments><clear/></hiddenSegments>"), true },
    { "lockItem of the section", FILTER("lockItem='true'", ""), FILTER("", "<requestLimits maxUrl='99'/>"), true },
    { "lockItem false", FILTER("lockItem='false'", ""), FILTER("", "<requestLimits maxUrl='99'/>"), false },
    { "lockItem: removed", FILTER("", "<hiddenSegments><add segment='x' lockItem='true'/></hiddenSegments>"),
      FILTER("", "<hiddenSegments><remove segment='x'/></hiddenSegments>"), true },
    { "lockItem: cleared", FILTER("", "<hiddenSegments><add segment='x' lockItem='true'/></hiddenSegments>"),
      FILTER("", "<hiddenSegments><clear/></hiddenSegments>"), true },
    { "lockItem: another removed", FILTER("", "<hiddenSegments><add segment='x' lockItem='true'/><add segment='y'/></hiddenSegments>"),
      FILTER("", "<hiddenSegments><remove segment='y'/></hiddenSegments>"), false },
    { "lockItem: one beside added", FILTER("", "<hiddenSegments><add segment='x' lockItem='true'/></hiddenSegments>"),
      FILTER("", "<hiddenSegments><add segment='y'/></hiddenSegments>"), false },
};

static void test_locks(void **state)
{
    (void)state;
    static const char *const paths[] = { "S", "S/deeper/still" };
    for (size_t i = 0; i < COUNT_OF(locks); i++)
        for (size_t p = 0; p < COUNT_OF(paths); p++) {
            CASE_LABEL(&locks[i]);
            OWNED_TEXT_BUFFER file = { 0 }, problem = { 0 };
            int err;
            text_addf(&file, HEAD "%s<location path='%s'>%s</location>" TAIL, locks[i].upper, paths[p], locks[i].lower);
            struct conf *c = open_text(text_str(&file), &err, &problem);
            if ((err == ERR_LOCKED) != locks[i].is_locked)
                print_message("%s", text_str(&problem));
            assert_int_equal(err, locks[i].is_locked ? ERR_LOCKED : 0);
            if (locks[i].is_locked)
                assert_non_null(strstr(text_str(&problem), "applicationHost.config:2:"));
            conf_free(c);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_defaults), cmocka_unit_test(test_items), cmocka_unit_test(test_locks) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

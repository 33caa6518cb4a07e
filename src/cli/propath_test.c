/* propath_test.c - property paths in every spelling that documents and shells produce. */
#include "cli/propath.h"

#include "base/case_test.h"
#include "base/text.h"

/* "+|ftpServer|security|[@0 command=STAT;allowed=False]" */
static void show(const struct propath *p, struct text *out)
{
    if (p->sign)
        text_add_char(out, p->sign);
    for (size_t i = 0; i < p->count; i++) {
        const struct propath_step *s = &p->steps[i];
        text_add_char(out, '|');
        if (s->kind == PROPATH_NAME) {
            text_add(out, s->name);
            continue;
        }
        text_add_char(out, '[');
        if (s->position != PROPATH_NO_POSITION)
            text_addf(out, "@%ld ", s->position);
        for (size_t k = 0; k < s->count; k++)
            text_addf(out, "%s" SLICE_FMT "=" SLICE_FMT, k ? ";" : "", SLICE_ARG(s->pairs[k].name),
                      SLICE_ARG(s->pairs[k].value));
        text_add_char(out, ']');
    }
}

static const struct {
    const char *label, *text, *want; /* want NULL: refused */
} cases[] = {
    { "one name", "id", "|id" },
    { "dotted names", "ftpServer.security.ssl.serverCertHash", "|ftpServer|security|ssl|serverCertHash" },
    { "an index and names", "[name='Depot FTP'].ftpServer.directoryBrowse.showFlags",
      "|[name=Depot FTP]|ftpServer|directoryBrowse|showFlags" },
    { "quotes eaten by the shell", "[name=depot].ftpServer.userIsolation.mode", "|[name=depot]|ftpServer|userIsolation|mode" },
    { "quotes eaten, value with a blank", "[name=Depot FTP].id", "|[name=Depot FTP]|id" },
    { "add to a collection", "+[accessType='Allow',roles='editors',permissions='Read, Write']",
      "+|[accessType=Allow;roles=editors;permissions=Read, Write]" },
    { "the same without quotes: the comma before Write ends nothing",
      "+[accessType=Allow,roles=editors,permissions=Read, Write]",
      "+|[accessType=Allow;roles=editors;permissions=Read, Write]" },
    { "double quotes", "+[name=\"Audit\",enabled=\"true\"]", "+|[name=Audit;enabled=true]" },
    { "a dot inside a value", "+fileExtensions.[fileExtension='.tmp',allowed='False']",
      "+|fileExtensions|[fileExtension=.tmp;allowed=False]" },
    { "two indexes", "+activation.[name='Audit'].[key='target',value='local']",
      "+|activation|[name=Audit]|[key=target;value=local]" },
    { "no dot before an index", "+providers[name='Audit']", "+|providers|[name=Audit]" },
    { "position start", "+[@start,name='x']", "+|[@0 name=x]" },
    { "position end", "+[@end,name='x']", "+|[@-1 name=x]" },
    { "position number alone", "-bindings.[@2]", "-|bindings|[@2 ]" },
    { "a quote inside a value", "[name='O'Brien'].id", "|[name=O'Brien]|id" },
    { "brackets inside a quoted value", "+bindings.[protocol='ftp',bindingInformation='[::1]:21:']",
      "+|bindings|[protocol=ftp;bindingInformation=[::1]:21:]" },
    { "brackets inside a bare value", "+bindings.[protocol=ftp,bindingInformation=[::1]:21:]",
      "+|bindings|[protocol=ftp;bindingInformation=[::1]:21:]" },
    { "an empty value", "+[users='',roles='x']", "+|[users=;roles=x]" },
    { "blanks around", "[ name = 'x' , id = '3' ].id", "|[name=x;id=3]|id" },
    { "remove by keys", "-[users='*',roles='',permissions='Read']", "-|[users=*;roles=;permissions=Read]" },
    { "nothing", "", NULL },
    { "a sign alone", "+", NULL },
    { "an empty step", "a..b", NULL },
    { "a dot at the end", "a.", NULL },
    { "an index left open", "[name='x'", NULL },
    { "a quote left open", "[name='x]", NULL },
    { "an empty index", "[].id", NULL },
    { "a key without value", "[name].id", NULL },
    { "an unknown position", "[@middle,name='x']", NULL },
    { "a position too large", "[@99999999999]", NULL },
    { "a slash in a name", "a/b", NULL },
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct propath p;
        OWNED_TEXT_BUFFER got = { 0 };
        CASE_LABEL(&cases[i]);
        int err = propath_parse(slice_str(cases[i].text), &p);
        if (!cases[i].want) {
            assert_int_equal(err, ERR_SYNTAX);
            continue;
        }
        assert_int_equal(err, 0);
        show(&p, &got);
        assert_string_equal(text_str(&got), cases[i].want);
    }
}

static void test_too_deep(void **state)
{
    (void)state;
    struct propath p;
    OWNED_TEXT_BUFFER deep = { 0 }, wide = { 0 };
    for (int i = 0; i <= PROPATH_STEPS; i++)
        text_addf(&deep, "%sx", i ? "." : "");
    assert_int_equal(propath_parse(text_slice(&deep), &p), ERR_LIMIT);
    for (int i = 0; i <= PROPATH_PAIRS; i++)
        text_addf(&wide, "%cx='1'", i ? ',' : '[');
    text_add_char(&wide, ']');
    assert_int_equal(propath_parse(text_slice(&wide), &p), ERR_LIMIT);
}

static const struct {
    const char *label, *text;
    size_t want;
} lengths[] = {
    { "first colon", "physicalPath:C:\\inetpub", 12 },
    { "none", "enabled", 7 },
    { "colon in an index", "+bindings.[bindingInformation='*:21:']", 38 },
    { "colon in an index and one behind", "[name='a:b'].id:3", 15 },
    { "malformed index is kept whole", "[name='x:3", 10 },
    { "empty name", ":x", 0 },
};

static void test_name_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        CASE_LABEL(&lengths[i]);
        assert_int_equal(propath_name_length(slice_str(lengths[i].text)), lengths[i].want);
    }
}

static const struct {
    const char *label, *text;
    bool want;
} open_ends[] = {
    { "torn inside a quoted value", "[name='Default", true },
    { "torn behind a comma", "+[accessType='Allow',permissions='Read,", true },
    { "torn inside a bare value", "[name=Default", true },
    { "torn in the second index", "+[name='x'].bindings.[protocol='ftp',bindingInformation='*:21:", true },
    { "closed", "[name='Default Web Site'].id:3", false },
    { "a bracket in the value", "name:[x", false },
    { "malformed, but not torn", "[@middle,name='x'].id", false },
    { "no index", "id", false },
};

static void test_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(open_ends); i++) {
        CASE_LABEL(&open_ends[i]);
        assert_int_equal(propath_is_open(slice_str(open_ends[i].text)), open_ends[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_too_deep),
        cmocka_unit_test(test_name_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

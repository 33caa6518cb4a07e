/* xml_test.c - what a file may be, and where things stand in it. */
#include "base/case_test.h"

#include <errno.h>
#include <stdlib.h>

#include <libxml/xmlmemory.h>

#include "conf/xml.h"

static const struct {
    const char *label;
    const char *text;
    size_t len; /* 0: strlen */
    int err;
    const char *what; /* NULL: anything */
} cases[] = {
    { "smallest", "<a/>", 0, 0, NULL },
    { "byte order mark", "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<a/>\r\n", 0, 0, NULL },
    { "all there is", "<?xml version='1.0'?><!-- a --><a b = 'c' ><?p i?><![CDATA[<x>]]>t<b/></a ><!-- e -->", 0, 0, NULL },
    { "quotes in quotes", "<a b='\"' c=\"'>\"/>", 0, 0, NULL },
    { "comment with tags", "<a><!-- <b> </a> --></a>", 0, 0, NULL },
    { "references", "<a b='&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;'/>", 0, 0, NULL },
    { "line breaks in a value", "<a b='1\r\n2\t3\n4'/>", 0, 0, NULL },
    { "empty", "", 0, ERR_SYNTAX, NULL },
    { "no element", "<!-- -->", 0, ERR_SYNTAX, NULL },
    { "cut in a tag", "<a b='c'", 0, ERR_SYNTAX, NULL },
    { "cut before the end tag", "<a>", 0, ERR_SYNTAX, NULL },
    { "wrong end tag", "<a></b>", 0, ERR_SYNTAX, NULL },
    { "two roots", "<a/><b/>", 0, ERR_SYNTAX, NULL },
    { "text behind", "<a/>x", 0, ERR_SYNTAX, NULL },
    { "attribute twice", "<a b='1' b='2'/>", 0, ERR_SYNTAX, NULL },
    { "value without quotes", "<a b=c/>", 0, ERR_SYNTAX, NULL },
    { "< in a value", "<a b='<'/>", 0, ERR_SYNTAX, NULL },
    { "NUL", "<a\0/>", 5, ERR_SYNTAX, "Configuration file is not in UTF-8" },
    { "control character", "<a b='\x01'/>", 0, ERR_SYNTAX, NULL },
    { "not UTF-8", "<a b='\xfc'/>", 0, ERR_SYNTAX, "Configuration file is not in UTF-8" },
    { "UTF-16", "\xff\xfe<\0a\0/\0>\0", 10, ERR_UNSUPPORTED, "Configuration file is in UTF-16" },
    { "declared otherwise", "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><a/>", 0, ERR_UNSUPPORTED,
      "Configuration file is declared as iso-8859-1" },
    { "X01: DOCTYPE", "<!DOCTYPE a><a/>", 0, ERR_DENIED, "Configuration file is refused: DOCTYPE is not allowed" },
    { "X01: nested entities", "<!DOCTYPE a [<!ENTITY x '1'><!ENTITY y '&x;&x;&x;'>]><a>&y;</a>", 0, ERR_DENIED, NULL },
    { "X01: external entity", "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a b='&x;'/>", 0, ERR_DENIED, NULL },
    { "X01: external DTD", "<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/x'><a/>", 0, ERR_DENIED, NULL },
    { "X01: unknown entity", "<a b='&nonsense;'/>", 0, ERR_SYNTAX, NULL },
};

static int parse(const char *bytes, size_t len, struct xml **x, struct diag *d)
{
    *x = NULL;
    return xml_parse(slice_of(bytes, len), SLICE_LITERAL("f"), x, d);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        struct xml *x;
        struct diag d = { 0 };
        int err = parse(cases[i].text, cases[i].len ? cases[i].len : strlen(cases[i].text), &x, &d);
        assert_int_equal(err, cases[i].err);
        if (cases[i].what)
            assert_string_equal(d.what, cases[i].what);
        assert_int_equal(err != 0, d.what[0] != 0);
        xml_free(x);
    }
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *label, *head, *each, *tail;
        size_t times;
        int err;
    } limits[] = {
        { "X01: as deep as allowed", "", "<a>", "", XML_DEPTH_MAX, ERR_SYNTAX }, /* not closed, but not refused */
        { "X01: deeper", "", "<a>", "", XML_DEPTH_MAX + 1, ERR_LIMIT },
        { "X01: many attributes", "<a", " b%zu='1'", "/>", XML_ATTRIBUTES_MAX, 0 },
        { "X01: too many attributes", "<a", " b%zu='1'", "/>", XML_ATTRIBUTES_MAX + 1, ERR_LIMIT },
        { "X01: a long value", "<a b='", "x", "'/>", XML_VALUE_MAX, 0 },
        { "X01: too long a value", "<a b='", "x", "'/>", XML_VALUE_MAX + 1, ERR_LIMIT },
        { "X01: too many elements", "<r>", "<a/>", "</r>", (size_t)XML_ELEMENTS_MAX, ERR_LIMIT },
    };
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        CASE_LABEL(&limits[i]);
        OWNED_TEXT_BUFFER text = { 0 };
        text_add_str(&text, limits[i].head);
        for (size_t k = 0; k < limits[i].times; k++) {
            if (strchr(limits[i].each, '%'))
                text_addf(&text, " b%zu='1'", k);
            else
                text_add_str(&text, limits[i].each);
        }
        text_add_str(&text, limits[i].tail);
        struct xml *x;
        struct diag d = { 0 };
        assert_int_equal(parse(text_str(&text), text.len, &x, &d), limits[i].err);
        xml_free(x);
    }
}

static void test_spans(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf<a>\n  <b c='\xc3\xa4' d = \"&lt;2\r\n3\"\n     e='5' />\n</a>";
    struct xml *x;
    struct diag d = { 0 };
    assert_int_equal(parse(text, sizeof text - 1, &x, &d), 0);
    assert_int_equal(x->node_count, 2);
    assert_true(slice_equal_str(xml_attr_or(x, 1, "d", SLICE_NONE), "<2 3"));
    unsigned line, column;
    xml_position(x, 0, x->nodes[0].start, &line, &column);
    assert_int_equal(line * 100 + column, 101);
    xml_position(x, 1, x->nodes[1].start, &line, &column);
    assert_int_equal(line * 100 + column, 203);
    xml_position(x, 1, x->attrs[xml_attr_find(x, 1, "d")].name_at, &line, &column);
    assert_int_equal(line * 100 + column, 212);
    xml_position(x, 1, x->attrs[xml_attr_find(x, 1, "e")].name_at, &line, &column);
    assert_int_equal(line * 100 + column, 406);
    assert_true(x->nodes[1].is_empty_tag);
    assert_int_equal(x->nodes[0].end, sizeof text - 1);
    xml_free(x);
}

/* Where the mistake is, not where the reader noticed that nothing fits any more. */
static void test_first_error(void **state)
{
    (void)state;
    static const struct {
        const char *label, *text;
        unsigned line, column;
        const char *what;
    } errors[] = {
        { "a quote that is missing", "<sites>\n  <site name=\"S id=\"1\">\n    <x a=\"b\" />\n  </site>\n</sites>\n", 2, 21,
          "Configuration file is not well-formed XML: attributes construct error" },
        { "a tag that nothing closes", "<configuration>\n  <sites>\n    <site>\n    </sites>\n  </configuration>\n", 4, 13,
          "Configuration file is not well-formed XML: Opening and ending tag mismatch: site line 3 and sites" },
    };
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        CASE_LABEL(&errors[i]);
        struct xml *x;
        struct diag d = { 0 };
        assert_int_equal(parse(errors[i].text, strlen(errors[i].text), &x, &d), ERR_SYNTAX);
        assert_string_equal(d.what, errors[i].what);
        assert_int_equal(d.line, errors[i].line);
        assert_int_equal(d.column, errors[i].column);
    }
}

/* ---- libxml2's memory ---- */

static size_t allocations_left = SIZE_MAX;

static bool is_refused(void)
{
    if (allocations_left) {
        allocations_left -= allocations_left != SIZE_MAX;
        return false;
    }
    errno = ENOMEM;
    return true;
}

static void *scarce_malloc(size_t size)
{
    return is_refused() ? NULL : malloc(size);
}

static void *scarce_realloc(void *block, size_t size)
{
    return is_refused() ? NULL : realloc(block, size);
}

static char *scarce_strdup(const char *text)
{
    return is_refused() ? NULL : strdup(text);
}

/* What libxml2 cannot read for want of memory is no mistake in the file (H10). */
static void test_no_memory_H10(void **state)
{
    (void)state;
    static const char text[] = "<a b='1'><!-- c --><d e='&lt;' f='2'/><g><h i='3'>text</h></g></a>";
    struct xml *x;
    int err = ERR_NOMEM;
    for (size_t most = 0; err == ERR_NOMEM; most++) {
        struct diag d = { 0 };
        allocations_left = most;
        err = parse(text, sizeof text - 1, &x, &d);
        allocations_left = SIZE_MAX;
        assert_true(err == 0 || err == ERR_NOMEM);
        if (err)
            assert_string_equal(d.what, err_text(ERR_NOMEM));
        assert_in_range(most, 0, 1000);
    }
    assert_int_equal(x->node_count, 4);
    xml_free(x);
}

int main(void)
{
    xmlMemSetup(free, scarce_malloc, scarce_realloc, scarce_strdup);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_first_error),
        cmocka_unit_test(test_no_memory_H10),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* vpath_test.c - one canonical form, and the names that Windows could not hold. */
#include "policy/vpath.h"

#include <stdlib.h>

#include "base/case_test.h"
#include "proto/limits.h"

static const struct {
    const char *label, *cwd, *argument, *out;
    int err;
} resolved[] = {
    { "relative", "/a", "b", "/a/b", 0 },
    { "absolute", "/a", "/b", "/b", 0 },
    { "no argument is the directory itself", "/a/b", "", "/a/b", 0 },
    { "root from root", "/", "", "/", 0 },
    { "trailing slash vanishes", "/", "a/", "/a", 0 },
    { "empty components vanish", "/", "//a///b//", "/a/b", 0 },
    { "dot vanishes", "/x", "././y/.", "/x/y", 0 },
    { "up", "/a/b", "../c", "/a/c", 0 },
    { "up clamps at the root (F01)", "/a", "../../../etc/passwd", "/etc/passwd", 0 },
    { "absolute climb clamps (F01)", "/a", "/../../..", "/", 0 },
    { "three dots are a name (F01)", "/", ".../x", "/.../x", 0 },
    { "dots and colon are a name here (F01)", "/", "..:/x", "/..:/x", 0 },
    { "percent is not decoded (F01)", "/", "%2e%2e/x", "/%2e%2e/x", 0 },
    { "full-width dots are a name (F01)", "/", "\xEF\xBC\x8E\xEF\xBC\x8E", "/\xEF\xBC\x8E\xEF\xBC\x8E", 0 },
    { "overlong dot stays bytes (F01)", "/", "\xC0\xAE\xC0\xAE", "/\xC0\xAE\xC0\xAE", 0 },
    { "backslash climb is refused (F01)", "/a", "..\\x", NULL, ERR_NAME },
    { "backslash inside a component (F01)", "/a", "b\\c", NULL, ERR_NAME },
    { "UNC prefix (W05)", "/", "\\\\server\\share", NULL, ERR_NAME },
    { "device prefix (W05)", "/", "\\\\?\\C:\\x", NULL, ERR_NAME },
    { "tilde is a name (W03)", "/", "~root", "/~root", 0 },
    { "blanks stay", "/", " a b ", "/ a b ", 0 },
};

static void test_resolve(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(resolved); i++) {
        OWNED_TEXT_BUFFER out = { 0 };
        CASE_LABEL(&resolved[i]);
        text_add_str(&out, "before");
        int err = vpath_resolve(slice_str(resolved[i].cwd), slice_str(resolved[i].argument), &out);
        assert_int_equal(err, resolved[i].err);
        assert_string_equal(text_str(&out), err ? "before" : resolved[i].out);
        if (!err)
            assert_true(vpath_is_canonical(text_slice(&out)));
    }
}

static void test_resolve_into_itself(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER cwd = { 0 };
    text_add_str(&cwd, "/a/b");
    assert_int_equal(vpath_resolve(text_slice(&cwd), SLICE_LITERAL("../c"), &cwd), 0);
    assert_string_equal(text_str(&cwd), "/a/c");
}

static void test_nul_and_length(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER out = { 0 };
    assert_int_equal(vpath_resolve(SLICE_LITERAL("/"), SLICE_LITERAL("a\0b"), &out), ERR_NAME);
    char *deep = malloc(PATH_LIMIT + 2);
    assert_non_null(deep);
    memset(deep, 'a', PATH_LIMIT + 2);
    assert_int_equal(vpath_resolve(SLICE_LITERAL("/"), slice_of(deep, PATH_LIMIT - 1), &out), 0); /* R05 */
    assert_int_equal(vpath_resolve(SLICE_LITERAL("/"), slice_of(deep, PATH_LIMIT), &out), ERR_TOO_LONG);
    free(deep);
}

static const struct {
    const char *label, *path;
    bool canonical;
} forms[] = {
    { "root", "/", true },          { "plain", "/a/b", true },       { "empty", "", false },
    { "relative", "a", false },     { "trailing slash", "/a/", false }, { "double slash", "//a", false },
    { "dot", "/a/./b", false },     { "dot dot", "/a/..", false },   { "backslash", "/a\\b", false },
    { "three dots", "/...", true },
};

static void test_canonical(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        CASE_LABEL(&forms[i]);
        assert_int_equal(vpath_is_canonical(slice_str(forms[i].path)), forms[i].canonical);
    }
    assert_false(vpath_is_canonical(SLICE_LITERAL("/a\0")));
}

static const struct {
    const char *label, *path, *parent, *last;
} pieces[] = {
    { "root", "/", "/", "" },
    { "first level", "/a", "/", "a" },
    { "deeper", "/a/b", "/a", "b" },
};

static void test_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        struct slice path = slice_str(pieces[i].path);
        CASE_LABEL(&pieces[i]);
        assert_true(slice_equal_str(vpath_last(path), pieces[i].last));
        if (pieces[i].last[0]) {
            OWNED_TEXT_BUFFER joined = { 0 };
            assert_int_equal(vpath_join(slice_str(pieces[i].parent), slice_str(pieces[i].last), &joined), 0);
            assert_string_equal(text_str(&joined), pieces[i].path);
        }
    }
}

static const struct {
    const char *label, *path, *prefix, *rest; /* NULL: not below */
} below[] = {
    { "root contains everything", "/a/b", "/", "a/b" },
    { "itself", "/a", "/a", "" },
    { "root itself", "/", "/", "" },
    { "child", "/a/b", "/a", "b" },
    { "case does not matter (F14)", "/DOCS/b", "/docs", "b" },
    { "nor does it beyond ASCII (F14)", "/\xC3\xBC" "bung/b", "/\xC3\x9C" "bung", "b" },
    { "a character that folds to fewer bytes (F14)", "/\xE2\x84\xAAilo/b", "/kilo", "b" },
    { "and one that folds to more (F14)", "/kilo", "/\xE2\x84\xAAilo", "" },
    { "an accent more is another name", "/ubung/b", "/\xC3\xBC" "bung", NULL },
    { "bytes that are no UTF-8 equal themselves", "/\xFF" "A/b", "/\xFF" "a", "b" },
    { "and nothing else", "/\xFE/b", "/\xFF", NULL },
    { "half a character is none", "/\xC3\xBC", "/\xC3", NULL },
    { "whole components only", "/docs2/b", "/docs", NULL },
    { "parent is not below", "/a", "/a/b", NULL },
};

static void test_below(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(below); i++) {
        struct slice rest = SLICE_NONE;
        CASE_LABEL(&below[i]);
        bool is = vpath_is_below(slice_str(below[i].path), slice_str(below[i].prefix), &rest);
        assert_int_equal(is, below[i].rest != NULL);
        if (is)
            assert_true(slice_equal_str(rest, below[i].rest));
    }
}

static const struct {
    const char *label, *name;
    int always, windows;
} names[] = {
    { "plain", "a.txt", 0, 0 },
    { "UTF-8", "\xC3\xA4.txt", 0, 0 },
    { "leading dot", ".profile", 0, 0 },
    { "leading blank", " a", 0, 0 },
    { "tilde (W03)", "PROGRA~1", 0, 0 },
    { "semicolon (W07)", "a.asp;.jpg", 0, 0 },
    { "empty", "", ERR_NAME, ERR_NAME },
    { "dot", ".", ERR_NAME, ERR_NAME },
    { "dot dot", "..", ERR_NAME, ERR_NAME },
    { "slash", "a/b", ERR_NAME, ERR_NAME },
    { "backslash", "a\\b", ERR_NAME, ERR_NAME },
    { "line break (R07)", "a\r\nb", ERR_NAME, ERR_NAME },
    { "escape (W06)", "a\x1b", ERR_NAME, ERR_NAME },
    { "delete", "a\x7f", ERR_NAME, ERR_NAME },
    { "not UTF-8 (F16)", "\xE4.txt", ERR_NAME, ERR_NAME },
    { "overlong dots (F01)", "\xC0\xAE\xC0\xAE", ERR_NAME, ERR_NAME },
    { "stream (W01)", "a.asp::$DATA", 0, ERR_NAME },
    { "stream before an extension (W01)", "x.asp:.jpg", 0, ERR_NAME },
    { "directory stream (W01)", "dir:$i30:$INDEX_ALLOCATION", 0, ERR_NAME },
    { "trailing dot (W02)", "evil.exe.", 0, ERR_NAME },
    { "trailing blank (W02)", "evil.exe ", 0, ERR_NAME },
    { "many dots (W02)", "...", 0, ERR_NAME },
    { "device (W04)", "nul", 0, ERR_NAME },
    { "device with extension (W04)", "AUX.txt", 0, ERR_NAME },
    { "device with two extensions (W04)", "com1.tar.gz", 0, ERR_NAME },
    { "device with blank before the dot (W04)", "NUL .txt", 0, ERR_NAME },
    { "console (W04)", "CONIN$", 0, ERR_NAME },
    { "superscript (W04)", "COM\xC2\xB9", 0, ERR_NAME },
    { "not a device", "console", 0, 0 },
    { "not a device either", "com10", 0, 0 },
    { "drive (W05)", "C:", 0, ERR_NAME },
    { "star (W06)", "a*", 0, ERR_NAME },
    { "question mark (W06)", "a?", 0, ERR_NAME },
    { "quote (W06)", "a\"b", 0, ERR_NAME },
    { "less (W06)", "a<b", 0, ERR_NAME },
    { "bar (W06)", "a|b", 0, ERR_NAME },
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CASE_LABEL(&names[i]);
        assert_int_equal(vpath_name_ok(slice_str(names[i].name), false), names[i].always);
        assert_int_equal(vpath_name_ok(slice_str(names[i].name), true), names[i].windows);
    }
    char longest[256];
    memset(longest, 'x', sizeof longest);
    assert_int_equal(vpath_name_ok(slice_of(longest, 255), true), 0);
    assert_int_equal(vpath_name_ok(slice_of(longest, 256), true), ERR_TOO_LONG); /* R05 */
    assert_int_equal(vpath_names_ok(SLICE_LITERAL("/"), true), 0);
    assert_int_equal(vpath_names_ok(SLICE_LITERAL("/a/nul/b"), true), ERR_NAME);
    assert_int_equal(vpath_names_ok(SLICE_LITERAL("/a/nul/b"), false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolve),   cmocka_unit_test(test_resolve_into_itself),
        cmocka_unit_test(test_nul_and_length), cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_pieces),    cmocka_unit_test(test_below),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

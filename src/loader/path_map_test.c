/* path_map_test.c - Windows paths as they stand in real files. */
#include "conf/path_map.h"

#include "base/case_test.h"

static const struct {
    const char *label, *path, *want; /* want NULL: refused */
} cases[] = {
    { "the walkthrough's root",          "%SystemDrive%\\inetpub\\ftproot", "/srv/c/inetpub/ftproot" },
    { "variable in another case",        "%SYSTEMDRIVE%\\x",                "/srv/c/x" },
    { "a variable of our own",           "%Data%\\x",                       "/srv/data/x" },
    { "our variable replaces a usual one", "%TEMP%\\x",                     "/tmp/sallyport/x" },
    { "drive letter in lower case",      "c:\\x",                           "/srv/c/x" },
    { "the drive alone",                 "C:",                              "/srv/c" },
    { "the drive's root",                "C:\\",                            "/srv/c" },
    { "trailing and doubled separators", "C:\\a\\\\b\\",                    "/srv/c/a/b" },
    { "mixed separators",                "C:/a\\b",                         "/srv/c/a/b" },
    { "a dot",                           "C:\\a\\.\\b",                     "/srv/c/a/b" },
    { "up inside the drive",             "C:\\a\\..\\b",                    "/srv/c/b" },
    { "a drive mapped to the root",      "Z:\\a",                           "/a" },
    { "a drive that is the root",        "Z:\\",                            "/" },
    { "a share",                         "\\\\server\\share\\a",            "/mnt/share/a" },
    { "a share in another case",         "\\\\SERVER\\Share",               "/mnt/share" },
    { "a Linux path",                    "/srv/ftp/",                       "/srv/ftp" },
    { "the Linux root",                  "/",                               "/" },
    { "a per cent sign in a name",       "C:\\100%",                        "/srv/c/100%" },
    { "two signs around a separator",    "C:\\100%\\50%",                   "/srv/c/100%/50%" },
    { "two signs without a name",        "C:\\a%%b",                        "/srv/c/a%%b" },
    { "unknown variable",                "%Unknown%\\x",                    NULL },
    { "unmapped drive",                  "D:\\x",                           NULL },
    { "drive mapped to a relative path", "R:\\x",                           NULL },
    { "unmapped share",                  "\\\\server\\other\\x",            NULL },
    { "a server without a share",        "\\\\server",                      NULL },
    { "a share in slashes is no Linux path", "//server/other",              NULL },
    { "out of the drive",                "C:\\..\\etc",                     NULL },
    { "out of the drive, deeper",        "C:\\a\\..\\..\\etc",              NULL },
    { "up in a Linux path",              "/srv/../etc",                     NULL },
    { "relative to the current drive",   "\\etc",                           NULL },
    { "relative to the drive's directory", "C:etc",                         NULL },
    { "relative",                        "inetpub\\ftproot",                NULL },
    { "empty",                           "",                                NULL },
    { "a control character",             "C:\\a\nb",                        NULL },
};

static void test_resolve(void **state)
{
    (void)state;
    struct path_map *m = path_map_new();
    assert_int_equal(path_map_drive(m, SLICE_LITERAL("C:"), SLICE_LITERAL("/wrong")), 0);
    assert_int_equal(path_map_drive(m, SLICE_LITERAL("c:"), SLICE_LITERAL("/srv/c/")), 0);
    assert_int_equal(path_map_drive(m, SLICE_LITERAL("Z"), SLICE_LITERAL("/")), 0);
    assert_int_equal(path_map_drive(m, SLICE_LITERAL("R:"), SLICE_LITERAL("srv")), 0);
    assert_int_equal(path_map_share(m, SLICE_LITERAL("\\\\server\\share"), SLICE_LITERAL("/mnt/share")), 0);
    assert_int_equal(path_map_variable(m, SLICE_LITERAL("data"), SLICE_LITERAL("/srv/data")), 0);
    assert_int_equal(path_map_variable(m, SLICE_LITERAL("temp"), SLICE_LITERAL("/tmp/sallyport")), 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        OWNED_TEXT_BUFFER out = { 0 };
        struct diag d = { 0 };
        CASE_LABEL(&cases[i]);
        assert_int_equal(path_map_resolve(m, slice_str(cases[i].path), &out, &d), cases[i].want ? 0 : ERR_PATH);
        assert_string_equal(text_str(&out), cases[i].want ? cases[i].want : "");
        assert_int_equal(d.what[0] != 0, cases[i].want == NULL);
    }
    path_map_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_resolve) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

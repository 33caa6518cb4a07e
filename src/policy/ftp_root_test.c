/* ftp_root_test.c - homes that a directory names. */
#include "policy/ftp_root.h"

#include "base/case_test.h"
#include "snapshot/snapshot_build.h"

static const char *const roots[][2] = {
    { "//files/ftp", "/srv/ftp" }, { "//files/ftp/deep", "/srv/deep" }, { "D:/ftp", "/mnt/d/ftp" }, { "/srv/linux", "/srv/linux" },
};

static const struct {
    const char *label, *root, *dir;
    int err;
    const char *linux_root, *below;
} cases[] = {
    { "a share", "\\\\files\\ftp", "alice", 0, "/srv/ftp", "alice" },
    { "a directory of several names", "\\\\files\\ftp", "team\\alice", 0, "/srv/ftp", "team/alice" },
    { "below a root", "\\\\files\\ftp\\team", "alice", 0, "/srv/ftp", "team/alice" },
    { "the longest root counts", "\\\\files\\ftp\\deep", "alice", 0, "/srv/deep", "alice" },
    { "without regard to case", "\\\\FILES\\Ftp\\", "Alice", 0, "/srv/ftp", "Alice" },
    { "leading and doubled separators", "\\\\files\\ftp\\\\", "\\\\alice\\", 0, "/srv/ftp", "alice" },
    { "a drive", "d:\\FTP", "alice", 0, "/mnt/d/ftp", "alice" },
    { "a directory of this machine", "/srv/linux", "alice", 0, "/srv/linux", "alice" },
    { "... which has case", "/srv/Linux", "alice", ERR_PATH, "", "" },
    { "no root (refused)", "", "alice", ERR_PATH, "", "" },
    { "no directory (refused)", "\\\\files\\ftp", "", ERR_PATH, "", "" },
    { "the root itself as home", "\\\\files\\ftp", "\\", ERR_PATH, "", "" },
    { "another share (L09)", "\\\\files\\payroll", "alice", ERR_PATH, "", "" },
    { "a name that begins like a root (L09)", "\\\\files\\ftpsecret", "alice", ERR_PATH, "", "" },
    { "anywhere on this machine (L09)", "/etc", "ssh", ERR_PATH, "", "" },
    { "up from the root (L09)", "\\\\files\\ftp\\..\\payroll", "alice", ERR_NAME, "", "" },
    { "up from the home (F06)", "\\\\files\\ftp", "..\\..\\etc", ERR_NAME, "", "" },
    { "this directory (F06)", "\\\\files\\ftp", ".", ERR_NAME, "", "" },
    { "another stream (W01)", "\\\\files\\ftp", "alice:x", ERR_NAME, "", "" },
    { "a device (W04)", "\\\\files\\ftp", "con", ERR_NAME, "", "" },
    { "a drive as directory", "\\\\files\\ftp", "C:\\windows", ERR_NAME, "", "" },
};

static struct snapshot *make(void)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    for (size_t i = 0; i < COUNT_OF(roots); i++) {
        struct snap_ad_root row = { .path = snapshot_build_text(w, roots[i][0]), .linux_path = snapshot_build_text(w, roots[i][1]) };
        snapshot_put_row(w, SNAP_TABLE_ad_root, &row);
    }
    struct snapshot *s = snapshot_build(w, ROLE_BROKER);
    snapshot_writer_free(w);
    assert_non_null(s);
    return s;
}

static void test_homes(void **state)
{
    (void)state;
    struct snapshot *s = make();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        OWNED_TEXT_BUFFER below = { 0 };
        struct slice linux_root = SLICE_NONE;
        assert_int_equal(ftp_root_find(s, slice_str(cases[i].root), slice_str(cases[i].dir), &linux_root, &below), cases[i].err);
        assert_true(slice_equal_str(linux_root, cases[i].linux_root));
        if (!cases[i].err)
            assert_string_equal(text_str(&below), cases[i].below);
    }
    assert_true(ftp_root_is_configured(s, SLICE_LITERAL("/srv/ftp")));
    assert_false(ftp_root_is_configured(s, SLICE_LITERAL("/srv")));
    snapshot_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_homes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

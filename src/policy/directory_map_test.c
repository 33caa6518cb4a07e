/* directory_map_test.c - which mapping a path lies in. */
#include "policy/directory_map.h"

#include "base/case_test.h"
#include "snapshot/snapshot_build.h"

static const char *const mapped[] = { "/app/data", "/docs", "/app", "/" };

static struct snapshot *site_with(const char *const *directories, size_t count)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", 1);
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    for (size_t i = 0; i < count; i++) {
        struct snap_directory d = { .path = snapshot_build_text(w, directories[i]),
                                    .linux_path = snapshot_build_text(w, "/srv") };
        uint32_t row = snapshot_put_row(w, SNAP_TABLE_directory, &d);
        if (site.directories.count++ == 0)
            site.directories.first = row;
    }
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    struct snapshot *s = snapshot_build(w, ROLE_BROKER);
    snapshot_writer_free(w);
    assert_non_null(s);
    return s;
}

static const struct {
    const char *label, *path, *mapping, *rest;
} places[] = {
    { "root", "/", "/", "" },
    { "below the root", "/x/y", "/", "x/y" },
    { "mapping itself", "/docs", "/docs", "" },
    { "below a mapping", "/docs/a/b", "/docs", "a/b" },
    { "mapping in a mapping", "/app/data/x", "/app/data", "x" },
    { "beside the inner mapping", "/app/database", "/app", "database" },
    { "mapping shadows a real name in any case (F12)", "/DOCS/a", "/docs", "a" },
    { "longer name is no mapping", "/docs2", "/", "docs2" },
};

static void test_find(void **state)
{
    (void)state;
    struct snapshot *s = site_with(mapped, COUNT_OF(mapped));
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct directory_place place;
        CASE_LABEL(&places[i]);
        assert_int_equal(directory_map_find(s, snapshot_site(s, 0), slice_str(places[i].path), &place), 0);
        assert_true(slice_equal_str(snapshot_text(s, place.directory->path), places[i].mapping));
        assert_true(slice_equal_str(place.rest, places[i].rest));
    }
    snapshot_unref(s);
}

static void test_nothing_mapped(void **state)
{
    (void)state;
    static const char *const only[] = { "/docs" };
    struct directory_place place;
    struct snapshot *s = site_with(only, 1);
    assert_int_equal(directory_map_find(s, snapshot_site(s, 0), SLICE_LITERAL("/other"), &place), ERR_PATH);
    assert_int_equal(directory_map_find(s, snapshot_site(s, 0), SLICE_LITERAL("/docs/x"), &place), 0);
    snapshot_unref(s);
}

static const struct {
    const char *label, *path;
    bool at, below;
} has[] = {
    { "a mapping", "/docs", true, true },
    { "parent of a mapping", "/app", true, true },
    { "a path with mappings neither at nor below", "/x", false, false },
    { "inside a mapping", "/docs/a", false, false },
    { "the root", "/", true, true },
};

static void test_has(void **state)
{
    (void)state;
    struct snapshot *s = site_with(mapped, COUNT_OF(mapped));
    for (size_t i = 0; i < COUNT_OF(has); i++) {
        CASE_LABEL(&has[i]);
        assert_int_equal(directory_map_has(s, snapshot_site(s, 0), slice_str(has[i].path), false), has[i].at);
        assert_int_equal(directory_map_has(s, snapshot_site(s, 0), slice_str(has[i].path), true), has[i].below);
    }
    snapshot_unref(s);
}

static void test_children(void **state)
{
    (void)state;
    struct snapshot *s = site_with(mapped, COUNT_OF(mapped));
    const struct snap_directory *d;
    struct slice name;
    uint32_t next = 0;
    assert_true(directory_map_child(s, snapshot_site(s, 0), SLICE_LITERAL("/"), &next, &d, &name));
    assert_true(slice_equal_str(name, "docs"));
    assert_true(directory_map_child(s, snapshot_site(s, 0), SLICE_LITERAL("/"), &next, &d, &name));
    assert_true(slice_equal_str(name, "app"));
    assert_false(directory_map_child(s, snapshot_site(s, 0), SLICE_LITERAL("/"), &next, &d, &name));
    next = 0;
    assert_true(directory_map_child(s, snapshot_site(s, 0), SLICE_LITERAL("/app"), &next, &d, &name));
    assert_true(slice_equal_str(name, "data"));
    snapshot_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_find), cmocka_unit_test(test_nothing_mapped),
                                        cmocka_unit_test(test_has), cmocka_unit_test(test_children) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

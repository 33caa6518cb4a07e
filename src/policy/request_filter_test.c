/* request_filter_test.c - names and sizes that requestFiltering refuses. */
#include "policy/request_filter.h"

#include "base/case_test.h"
#include "policy/win_error.h"
#include "snapshot/snapshot_build.h"

struct rules {
    bool no_high_bit, no_unlisted;
    uint32_t max_url;
    int64_t max_length;
    const char *denied[3], *allowed[3], *segments[3], *sequences[3];
};

static struct snap_range put_extensions(struct snapshot_writer *w, const char *const *denied, const char *const *allowed)
{
    struct snap_range range = { 0 };
    for (size_t i = 0; i < 6; i++) {
        const char *text = i < 3 ? denied[i] : allowed[i - 3];
        struct snap_extension row = { .allowed = i >= 3 };
        if (!text)
            continue;
        row.extension = snapshot_build_text(w, text);
        uint32_t at = snapshot_put_row(w, SNAP_TABLE_extension, &row);
        if (range.count++ == 0)
            range.first = at;
    }
    return range;
}

/* Rows of segments and sequences have the same columns. */
static struct snap_range put_texts(struct snapshot_writer *w, enum snap_table table, const char *const *texts)
{
    struct snap_range range = { 0 };
    for (size_t i = 0; i < 3 && texts[i]; i++) {
        const struct snap_segment segment = { .segment = snapshot_build_text(w, texts[i]) };
        const struct snap_sequence sequence = { .sequence = segment.segment };
        uint32_t at = table == SNAP_TABLE_segment ? snapshot_put_row(w, SNAP_TABLE_segment, &segment)
                                                  : snapshot_put_row(w, SNAP_TABLE_sequence, &sequence);
        if (range.count++ == 0)
            range.first = at;
    }
    return range;
}

static void put_filter(struct snapshot_writer *w, struct snap_site *site, const char *path, const struct rules *r)
{
    struct snap_filter f = {
        .path = snapshot_build_text(w, path),
        .allow_high_bit = !r->no_high_bit,
        .allow_unlisted_extensions = !r->no_unlisted,
        .max_url = r->max_url ? r->max_url : 4096,
        .max_content_length = r->max_length,
        .extensions = put_extensions(w, r->denied, r->allowed),
        .segments = put_texts(w, SNAP_TABLE_segment, r->segments),
        .sequences = put_texts(w, SNAP_TABLE_sequence, r->sequences),
    };
    uint32_t at = snapshot_put_row(w, SNAP_TABLE_filter, &f);
    if (site->filters.count++ == 0)
        site->filters.first = at;
}

/* A site whose "/in" has the rules `inner` and the rest `outer`; NULL leaves one out. */
static struct snapshot *site_with(const struct rules *inner, const struct rules *outer)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", 1);
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    if (inner)
        put_filter(w, &site, "/in", inner);
    if (outer)
        put_filter(w, &site, "/", outer);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    struct snapshot *s = snapshot_build(w, ROLE_BROKER);
    snapshot_writer_free(w);
    assert_non_null(s);
    return s;
}

static const struct {
    const char *label;
    struct rules rules;
    const char *path;
    enum request_kind kind;
    unsigned want;
} cases[] = {
    { "no rules", { 0 }, "/a.exe", REQUEST_FILE, 0 },
    { "denied extension", { .denied = { ".exe" } }, "/a.exe", REQUEST_FILE, 11 },
    { "denied extension without its dot", { .denied = { "exe" } }, "/a.exe", REQUEST_FILE, 11 },
    { "another case", { .denied = { ".exe" } }, "/a.EXE", REQUEST_FILE, 11 },
    { "entry in another case", { .denied = { ".EXE" } }, "/a.exe", REQUEST_FILE, 11 },
    { "a dot at the end (F13)", { .denied = { ".exe" } }, "/a.exe.", REQUEST_FILE, 11 },
    { "blanks and dots at the end (F13)", { .denied = { ".exe" } }, "/a.exe . .", REQUEST_FILE, 11 },
    { "semicolon (W07)", { .denied = { ".asp" } }, "/a.asp;.jpg", REQUEST_FILE, 11 },
    { "behind the semicolon (W07)", { .denied = { ".jpg" } }, "/a.asp;.jpg", REQUEST_FILE, 11 },
    { "stream name", { .denied = { ".asp" } }, "/a.asp::$DATA", REQUEST_FILE, 11 },
    { "only the last component has an extension", { .denied = { ".exe" } }, "/a.exe/b.txt", REQUEST_FILE, 0 },
    { "extension in the middle", { .denied = { ".exe" } }, "/a.exe.txt", REQUEST_FILE, 0 },
    { "entry of two parts", { .denied = { ".tar.gz" } }, "/a.tar.gz", REQUEST_FILE, 11 },
    { "longer extension", { .denied = { ".ex" } }, "/a.exe", REQUEST_FILE, 0 },
    { "name is only the extension", { .denied = { ".htaccess" } }, "/.htaccess", REQUEST_FILE, 11 },
    { "name without a dot equals an entry", { .denied = { "exe" } }, "/exe", REQUEST_FILE, 0 },
    { "directory with a denied extension", { .denied = { ".exe" } }, "/a.exe", REQUEST_ANY, 11 },
    { "unlisted", { .no_unlisted = true, .allowed = { ".txt" } }, "/a.exe", REQUEST_FILE, 11 },
    { "listed", { .no_unlisted = true, .allowed = { ".txt" } }, "/a.TXT", REQUEST_FILE, 0 },
    { "every reading must be listed (W07)", { .no_unlisted = true, .allowed = { ".jpg" } }, "/a.asp;.jpg", REQUEST_FILE, 11 },
    { "no extension, unlisted", { .no_unlisted = true, .allowed = { ".txt" } }, "/README", REQUEST_FILE, 11 },
    { "no extension, listed", { .no_unlisted = true, .allowed = { "." } }, "/README", REQUEST_FILE, 0 },
    { "no extension, denied", { .denied = { "." } }, "/README", REQUEST_FILE, 11 },
    { "root, unlisted", { .no_unlisted = true }, "/", REQUEST_ANY, 0 },
    { "directory, unlisted", { .no_unlisted = true }, "/plans", REQUEST_ANY, 0 },
    { "denied wins over allowed", { .denied = { ".gz" }, .allowed = { ".tar.gz" } }, "/a.tar.gz", REQUEST_FILE, 11 },
    { "hidden segment", { .segments = { "bin" } }, "/bin", REQUEST_ANY, 8 },
    { "inside a hidden segment", { .segments = { "bin" } }, "/a/BIN/x", REQUEST_FILE, 8 },
    { "hidden segment with a dot at the end", { .segments = { "bin" } }, "/bin./x", REQUEST_FILE, 8 },
    { "part of a segment", { .segments = { "bin" } }, "/binary", REQUEST_FILE, 0 },
    { "segment that begins with a dot", { .segments = { ".git" } }, "/.Git/config", REQUEST_FILE, 8 },
    { "sequence", { .sequences = { "a/b" } }, "/a/b", REQUEST_FILE, 9 },
    { "sequence in another case", { .sequences = { "SECRET" } }, "/my-secrets/x", REQUEST_FILE, 9 },
    { "sequence beyond ASCII in another case (F13)", { .sequences = { "b\xC3\xA4" "d" } }, "/x-B\xC3\x84" "D", REQUEST_FILE, 9 },
    { "sequence with a character that folds to fewer bytes (F13)", { .sequences = { "kiss" } }, "/\xE2\x84\xAAI\xC5\xBF" "S/x", REQUEST_FILE, 9 },
    { "sequence with one that folds to more (F13)", { .sequences = { "\xE2\x84\xAA" } }, "/ask", REQUEST_FILE, 9 },
    { "sequence that begins like one character of the path", { .sequences = { "\xC3\xA4x" } }, "/\xC3\xA4", REQUEST_FILE, 0 },
    { "segment beyond ASCII in another case (F13)", { .segments = { "Geheim\xC3\xA4" } }, "/GEHEIM\xC3\x84/x", REQUEST_FILE, 8 },
    { "segment with an accent more is another", { .segments = { "Geheim\xC3\xA4" } }, "/Geheima/x", REQUEST_FILE, 0 },
    { "extension beyond ASCII in another case (F13)", { .denied = { ".m\xC3\xBCll" } }, "/a.M\xC3\x9CLL", REQUEST_FILE, 11 },
    { "extension with a character that folds to fewer bytes (F13)", { .denied = { ".bak" } }, "/a.ba\xE2\x84\xAA", REQUEST_FILE, 11 },
    { "sequence across the end", { .sequences = { "secret" } }, "/secre", REQUEST_FILE, 0 },
    { "high-bit character", { .no_high_bit = true }, "/\xC3\xA4", REQUEST_FILE, 10 },
    { "high-bit character allowed", { 0 }, "/\xC3\xA4", REQUEST_FILE, 0 },
    { "path as long as allowed", { .max_url = 8 }, "/1234567", REQUEST_FILE, 0 },
    { "path too long", { .max_url = 8 }, "/12345678", REQUEST_FILE, 12 },
    { "order: length first", { .max_url = 2, .no_high_bit = true }, "/\xC3\xA4", REQUEST_FILE, 12 },
    { "order: high bit before sequence", { .no_high_bit = true, .sequences = { "x" } }, "/x\xC3\xA4", REQUEST_FILE, 10 },
    { "order: sequence before segment", { .sequences = { "bin" }, .segments = { "bin" } }, "/bin", REQUEST_ANY, 9 },
    { "order: segment before extension", { .segments = { "bin" }, .denied = { ".exe" } }, "/bin/a.exe", REQUEST_FILE, 8 },
};

static void test_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        struct snapshot *s = site_with(NULL, &cases[i].rules);
        assert_int_equal(request_filter_refuses(s, snapshot_site(s, 0), slice_str(cases[i].path), cases[i].kind, NULL),
                         cases[i].want);
        snapshot_unref(s);
    }
}

static const struct rules strict = { .denied = { ".exe" }, .segments = { "bin" }, .max_length = 10 };
static const struct rules loose = { .segments = { "hidden" } };

static void test_scopes(void **state)
{
    (void)state;
    struct snapshot *s = site_with(&strict, &loose);
    const struct snap_site *site = snapshot_site(s, 0);
    assert_int_equal(request_filter_refuses(s, site, SLICE_LITERAL("/a.exe"), REQUEST_FILE, NULL), 0);
    assert_int_equal(request_filter_refuses(s, site, SLICE_LITERAL("/IN/a.exe"), REQUEST_FILE, NULL), 11);
    assert_int_equal(request_filter_refuses(s, site, SLICE_LITERAL("/inner/a.exe"), REQUEST_FILE, NULL), 0);
    assert_int_equal(request_filter_size_limit(s, site, SLICE_LITERAL("/in/a")), 10);
    assert_true(request_filter_size_limit(s, site, SLICE_LITERAL("/a")) == UINT64_MAX);
    assert_true(request_filter_hides(s, site, SLICE_LITERAL("/"), SLICE_LITERAL("Hidden")));
    assert_false(request_filter_hides(s, site, SLICE_LITERAL("/"), SLICE_LITERAL("bin")));
    assert_true(request_filter_hides(s, site, SLICE_LITERAL("/in"), SLICE_LITERAL("BIN")));
    snapshot_unref(s);
}

static const struct {
    const char *label, *from, *to;
    bool want;
} moves[] = {
    { "inside one filter", "/a", "/b", true },
    { "out of the stricter filter", "/in/a", "/a", false },
    { "into the stricter filter", "/a", "/in/a", false },
    { "a directory with its own filter", "/in", "/out", false },
};

static void test_moves(void **state)
{
    (void)state;
    struct snapshot *s = site_with(&strict, &loose);
    for (size_t i = 0; i < COUNT_OF(moves); i++) {
        CASE_LABEL(&moves[i]);
        assert_int_equal(request_filter_may_move(s, snapshot_site(s, 0), slice_str(moves[i].from), slice_str(moves[i].to)),
                         moves[i].want);
    }
    snapshot_unref(s);
}

static void test_site_without_filter_is_closed(void **state)
{
    (void)state;
    struct snapshot *s = site_with(NULL, NULL);
    const struct snap_site *site = snapshot_site(s, 0);
    assert_int_equal(request_filter_refuses(s, site, SLICE_LITERAL("/a"), REQUEST_FILE, NULL), SUB_SITE_CONFIGURATION);
    assert_int_equal(request_filter_size_limit(s, site, SLICE_LITERAL("/a")), 0);
    assert_true(request_filter_hides(s, site, SLICE_LITERAL("/"), SLICE_LITERAL("a")));
    snapshot_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_site_without_filter_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

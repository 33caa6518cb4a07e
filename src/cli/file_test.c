/* file_test.c - files that take their places together. */
#include "base/case_test.h"

#include <dirent.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/file.h"

/* What stands in the way of the last file, and whether those before it are staged as new ones. */
static const struct {
    const char *label;
    const char *before; /* content of those before it, NULL: they are not there */
    bool is_new;
} cases[] = {
    { "files that are replaced", "old\n", false },
    { "files that were not there", NULL, false },
    { "files that must not be there", NULL, true },
};

static char folder[64];

static void path_of(const char *name, struct text *out)
{
    text_reset(out);
    text_addf(out, "%s/%s", folder, name);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

static size_t count_entries(void)
{
    size_t count = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    while (readdir(d))
        count++;
    closedir(d);
    return count - 2; /* "." and ".." */
}

static void begin(const char *before, struct text paths[3])
{
    static const char *const names[] = { "first", "second", "last" };
    snprintf(folder, sizeof folder, "/tmp/cli_file_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        path_of(names[i], &paths[i]);
        if (before && i < 2)
            assert_int_equal(file_write(text_str(&paths[i]), slice_str(before), 0604), 0);
    }
}

static void end(struct file_set *set, struct text paths[3])
{
    file_set_free(set);
    for (size_t i = 0; i < 3; i++)
        text_free(&paths[i]);
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void expect_before(const char *path, const char *before, ino_t inode)
{
    OWNED_TEXT_BUFFER now = { 0 };
    struct stat st;
    if (!before) {
        assert_int_equal(access(path, F_OK), -1);
        return;
    }
    assert_int_equal(file_read(path, 100, &now), 0);
    assert_string_equal(text_str(&now), before);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0604);
    assert_int_equal(st.st_ino, inode);
}

/* The last one finds a folder in its place. */
static void test_all_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text paths[3] = { 0 };
        struct file_set set = { 0 };
        struct stat st[2] = { 0 };
        CASE_LABEL(&cases[i]);
        begin(cases[i].before, paths);
        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(stat(text_str(&paths[k]), &st[k]), cases[i].before ? 0 : -1);
            assert_int_equal((cases[i].is_new ? file_stage_new : file_stage)(&set, text_str(&paths[k]), SLICE_LITERAL("new\n"), 0600), 0);
        }
        assert_int_equal(file_stage(&set, text_str(&paths[2]), SLICE_LITERAL("new\n"), 0600), 0);
        assert_int_equal(mkdir(text_str(&paths[2]), 0700), 0);
        assert_true(file_set_place(&set) < 0);
        assert_null(set.stays);
        for (size_t k = 0; k < 2; k++)
            expect_before(text_str(&paths[k]), cases[i].before, st[k].st_ino);
        assert_int_equal(count_entries(), cases[i].before ? 3 : 1);
        end(&set, paths);
    }
}

static void test_placed(void **state)
{
    (void)state;
    struct text paths[3] = { 0 };
    struct file_set set = { 0 };
    begin("old\n", paths);
    for (size_t k = 0; k < 3; k++)
        assert_int_equal(file_stage(&set, text_str(&paths[k]), SLICE_LITERAL("new\n"), 0600), 0);
    assert_int_equal(file_set_place(&set), 0);
    for (size_t k = 0; k < 3; k++) {
        OWNED_TEXT_BUFFER now = { 0 };
        assert_int_equal(file_read(text_str(&paths[k]), 100, &now), 0);
        assert_string_equal(text_str(&now), "new\n");
    }
    assert_int_equal(count_entries(), 3);
    end(&set, paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_all_or_none), cmocka_unit_test(test_placed) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * disk_test.c - commands that write several files, on a disk that has room for some of them, or where one cannot be
 * replaced: none is changed, nothing is left behind, the error says why.
 */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/file.h"
#include "cli/scenario_test.h"

enum { ROOM = 24 << 10, SITES = 120 }; /* a file larger than ROOM cannot be written; applicationHost.config is */

static struct text *picture;
static size_t picture_root;

static int draw(const char *path, const struct stat *st, int kind, struct FTW *place)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    (void)place;
    text_addf(picture, "%s %o\n", path + picture_root, st->st_mode);
    if (kind == FTW_F) {
        assert_int_equal(file_read(path, 1 << 22, &bytes), 0);
        text_add(picture, text_slice(&bytes));
    }
    return 0;
}

static int by_line(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names, modes and bytes of everything in the folder; lines are sorted, because folders are in no order. */
static void take_picture(const struct scenario *s, struct text *out)
{
    OWNED_TEXT_BUFFER drawn = { 0 };
    char *lines[4096] = { NULL };
    size_t count = 0;
    picture = &drawn;
    picture_root = strlen(s->dir);
    assert_int_equal(nftw(s->dir, draw, 8, FTW_PHYS), 0);
    for (char *line = strtok(drawn.ptr, "\n"); line && count < COUNT_OF(lines); line = strtok(NULL, "\n"))
        lines[count++] = line;
    assert_true(count < COUNT_OF(lines));
    qsort(lines, count, sizeof *lines, by_line);
    for (size_t i = 0; i < count; i++)
        text_addf(out, "%s\n", lines[i]);
    assert_int_equal(text_error(out), 0);
}

static void put(const struct scenario *s, const char *name, const char *content)
{
    OWNED_TEXT_BUFFER path = { 0 };
    text_addf(&path, "%s/%s", s->dir, name);
    assert_int_equal(file_write(text_str(&path), slice_str(content), 0600), 0);
}

/* An instance of many sites, its backup, a folder to import, a batch file. */
static void begin(struct scenario *s)
{
    static const struct scenario_step steps[] = {
        { "a small one", { "create", "instance" }, NULL, 0, NULL },
        { "many sites", { "run", "@DIR@/sites.cmd", "--atomic" }, NULL, 0, NULL },
        { "and a user", { "add", "user", "anna" }, "secret\n", 0, NULL },
        { "kept", { "add", "backup", "large" }, NULL, 0, NULL },
        { "written for another server", { "export", "@DIR@/copied" }, NULL, 0, NULL },
    };
    OWNED_TEXT_BUFFER lines = { 0 };
    scenario_begin(s, false);
    for (int i = 0; i < SITES; i++)
        text_addf(&lines, "appcmd add site /name:\"site number %d\" /physicalPath:C:\\sites\\%d /bindings:ftp/*:21:%d.example\n", i, i, i);
    put(s, "sites.cmd", text_str(&lines));
    put(s, "late.cmd", "appcmd add user late /enabled:true\nappcmd set site \"site number 1\" /id:1000\n");
    scenario_steps(s, steps, COUNT_OF(steps));
}

static const struct scenario_step full[] = {
    { "set config", { "set", "config", "/section:log", "/centralLogFileMode:Central" }, NULL, 13, NULL },
    { "a batch as one, with a user in another file", { "run", "@DIR@/late.cmd", "--atomic" }, "secret\n", 13, NULL },
    { "add backup", { "add", "backup", "late" }, NULL, 13, NULL },
    { "restore backup", { "restore", "backup", "large" }, NULL, 13, NULL },
    { "import over it", { "import", "@DIR@/copied", "--replace", "--drive", "C:=@DIR@/c" }, NULL, 13, NULL },
};

static void test_full_disk(void **state)
{
    (void)state;
    struct scenario s;
    struct rlimit before;
    OWNED_TEXT_BUFFER old = { 0 }, now = { 0 };
    begin(&s);
    take_picture(&s, &old);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (size_t i = 0; i < COUNT_OF(full); i++) {
        const struct rlimit little = { ROOM, before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
        scenario_steps(&s, &full[i], 1);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_non_null(strstr(s.out, "applicationHost.config"));
        assert_true(strstr(s.out, err_text(ERR_TOO_BIG)) || strstr(s.out, strerror(EFBIG)));
        take_picture(&s, &now);
        assert_string_equal(text_str(&now), text_str(&old));
        text_reset(&now);
    }
    for (size_t i = 0; i < COUNT_OF(full); i++) { /* with room again */
        struct scenario_step step = full[i];
        step.code = 0;
        scenario_steps(&s, &step, 1);
    }
    scenario_end(&s);
}

static const struct scenario_step several[] = {
    { "restore backup", { "restore", "backup", "large" }, NULL, 170, NULL },
    { "import over it", { "import", "@DIR@/copied", "--replace", "--drive", "D:=@DIR@/d" }, NULL, 170, NULL },
};

/* A file that is a mount point cannot be replaced, and it is the last one. */
static void test_one_that_cannot_be_replaced(void **state)
{
    (void)state;
    static const struct scenario_step changes[] = {
        { "another user", { "add", "user", "berta" }, "secret\n", 0, NULL },
        { "another setting", { "set", "config", "-section:sallyport/tls", "/minProtocol:Tls13" }, NULL, 0, NULL },
        { "another site", { "delete", "site", "site number 1" }, NULL, 0, NULL },
    };
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        skip();
    struct scenario s;
    OWNED_TEXT_BUFFER old = { 0 }, now = { 0 }, path = { 0 };
    begin(&s);
    scenario_steps(&s, changes, COUNT_OF(changes));
    take_picture(&s, &old);
    text_addf(&path, "%s/applicationHost.config", s.dir);
    for (size_t i = 0; i < COUNT_OF(several); i++) {
        assert_int_equal(mount(text_str(&path), text_str(&path), NULL, MS_BIND, NULL), 0);
        scenario_steps(&s, &several[i], 1);
        assert_int_equal(umount(text_str(&path)), 0);
        assert_non_null(strstr(s.out, "Cannot put the files in place in "));
        assert_null(strstr(s.out, "could not be put back"));
        take_picture(&s, &now);
        assert_string_equal(text_str(&now), text_str(&old));
        text_reset(&now);
    }
    scenario_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_full_disk), cmocka_unit_test(test_one_that_cannot_be_replaced) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

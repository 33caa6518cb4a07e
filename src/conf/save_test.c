/* save_test.c - files on disk: X02 half-written files, X03 two editors. */
#include "base/case_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/memory.h"
#include "conf/conf.h"
#include "conf/fixture_test.h"

static char directory[64];

static void put_file(const char *name, struct slice bytes, mode_t mode)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void get_file(const char *name, struct text *out, struct stat *st)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), st), 0);
    char *room = text_room(out, 1 << 20);
    assert_non_null(room);
    text_grown(out, fread(room, 1, 1 << 20, f));
    fclose(f);
}

static size_t count_files(void)
{
    size_t count = 0;
    DIR *d = opendir(directory);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/conf_save_test.XXXXXX");
    return mkdtemp(directory) ? 0 : 1;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = { "applicationHost.config", "administration.config", "sallyport.config", "real",
                                         "redirection.config", "share/applicationHost.config" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    char share[128];
    snprintf(share, sizeof share, "%s/share", directory);
    (void)rmdir(share);
    return rmdir(directory);
}

static struct conf *open_directory(void)
{
    OWNED_TEXT_BUFFER problems = { 0 };
    struct conf *c = NULL;
    assert_int_equal(conf_open_directory(directory, fixture_report, &problems, &c), 0);
    return c;
}

static void set_workers(struct conf *c, const char *count)
{
    struct diag d = { 0 };
    struct conf_element *e = fixture_element(c, "sallyport/service", "", "");
    assert_int_equal(conf_set(c, e, "workerCount", slice_str(count), &d), 0);
}

static const char small[] = "<configuration>\r\n\t<sallyport>\r\n\t\t<service workerCount='1'/>\r\n\t</sallyport>\r\n</configuration>";

static void test_new_file(void **state)
{
    (void)state;
    struct conf *c = open_directory();
    struct diag d = { 0 };
    struct stat st;
    set_workers(c, "3");
    assert_int_equal(conf_save(c, &d), 0);
    OWNED_TEXT_BUFFER got = { 0 };
    get_file("sallyport.config", &got, &st);
    assert_true(slice_equal(text_slice(&got), conf_bytes(c, CONF_SALLYPORT)));
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(count_files(), 1); /* nothing else was made, no temporary file stayed */
    set_workers(c, "4");                /* and again, over what we wrote */
    assert_int_equal(conf_save(c, &d), 0);
    conf_free(c);
}

static void test_mode_kept(void **state)
{
    (void)state;
    put_file("sallyport.config", slice_str(small), 0604);
    struct conf *c = open_directory();
    struct diag d = { 0 };
    struct stat st;
    set_workers(c, "12");
    assert_int_equal(conf_save(c, &d), 0);
    OWNED_TEXT_BUFFER got = { 0 };
    get_file("sallyport.config", &got, &st);
    assert_int_equal(st.st_mode & 07777, 0604);
    assert_string_equal(text_str(&got), "<configuration>\r\n\t<sallyport>\r\n\t\t<service workerCount='12'/>\r\n\t</sallyport>\r\n</configuration>");
    conf_free(c);
}

static void test_unchanged_is_not_written(void **state)
{
    (void)state;
    put_file("sallyport.config", slice_str(small), 0600);
    struct stat before, after;
    OWNED_TEXT_BUFFER one = { 0 }, two = { 0 };
    get_file("sallyport.config", &one, &before);
    struct conf *c = open_directory();
    struct diag d = { 0 };
    set_workers(c, "2");
    set_workers(c, "1");
    assert_int_equal(conf_save(c, &d), 0);
    get_file("sallyport.config", &two, &after);
    assert_int_equal(before.st_ino, after.st_ino);
    conf_free(c);
}

/* X03: the second of two editors gets a conflict and the first one's work stays. */
static void test_two_editors(void **state)
{
    (void)state;
    put_file("sallyport.config", slice_str(small), 0600);
    struct conf *one = open_directory(), *two = open_directory();
    struct diag d = { 0 };
    set_workers(one, "5");
    set_workers(two, "6");
    assert_int_equal(conf_save(one, &d), 0);
    assert_int_equal(conf_save(two, &d), ERR_CONFLICT);
    assert_true(d.what[0] != 0);
    OWNED_TEXT_BUFFER got = { 0 };
    struct stat st;
    get_file("sallyport.config", &got, &st);
    assert_true(slice_equal(text_slice(&got), conf_bytes(one, CONF_SALLYPORT)));
    assert_int_equal(count_files(), 1);
    conf_free(one);
    conf_free(two);
}

/* X03: a file that appeared, and one of two files: nothing at all is written. */
static void test_conflict_writes_nothing(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER admin = { 0 };
    fixture_read("administration.config", &admin);
    put_file("administration.config", text_slice(&admin), 0600);
    struct conf *c = open_directory();
    struct diag d = { 0 };
    struct conf_element *e = fixture_element(c, "system.webServer/management/authentication", "", "credentials/[0]");
    assert_int_equal(conf_set(c, e, "enabled", SLICE_LITERAL("false"), &d), 0);
    set_workers(c, "2");
    put_file("sallyport.config", slice_str(small), 0600);
    assert_int_equal(conf_save(c, &d), ERR_CONFLICT);
    OWNED_TEXT_BUFFER got = { 0 };
    struct stat st;
    get_file("administration.config", &got, &st);
    assert_true(slice_equal(text_slice(&got), text_slice(&admin)));
    assert_int_equal(count_files(), 2);
    conf_free(c);
}

static void test_link_stays(void **state)
{
    (void)state;
    put_file("real", slice_str(small), 0600);
    char path[128], target[128];
    snprintf(path, sizeof path, "%s/sallyport.config", directory);
    assert_int_equal(symlink("real", path), 0);
    struct conf *c = open_directory();
    struct diag d = { 0 };
    set_workers(c, "7");
    assert_int_equal(conf_save(c, &d), 0);
    assert_int_equal(readlink(path, target, sizeof target), 4);
    OWNED_TEXT_BUFFER got = { 0 };
    struct stat st;
    get_file("real", &got, &st);
    assert_true(slice_equal(text_slice(&got), conf_bytes(c, CONF_SALLYPORT)));
    conf_free(c);
}

/* X02: where no temporary file can be made the old file stays as it is. */
static void test_cannot_write(void **state)
{
    (void)state;
    if (geteuid() == 0)
        skip(); /* root may write everywhere */
    put_file("sallyport.config", slice_str(small), 0600);
    struct conf *c = open_directory();
    struct diag d = { 0 };
    set_workers(c, "8");
    assert_int_equal(chmod(directory, 0500), 0);
    assert_int_equal(conf_save(c, &d), ERR_DENIED);
    assert_int_equal(chmod(directory, 0700), 0);
    OWNED_TEXT_BUFFER got = { 0 };
    struct stat st;
    get_file("sallyport.config", &got, &st);
    assert_string_equal(text_str(&got), small);
    conf_free(c);
}

static void expect_file(const char *name, const char *content, mode_t mode)
{
    OWNED_TEXT_BUFFER got = { 0 };
    struct stat st;
    get_file(name, &got, &st);
    assert_string_equal(text_str(&got), content);
    assert_int_equal(st.st_mode & 07777, mode);
}

static const char host[] = "<configuration><configSections><sectionGroup name='system.ftpServer'><section name='log' />"
                           "</sectionGroup></configSections></configuration>";

/* X02: of files that belong together all are written or none.  One that is a mount point cannot be replaced. */
static void test_all_or_none(void **state)
{
    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        skip();
    for (int had_own = 0; had_own < 2; had_own++) {
        char path[128], own[128];
        snprintf(path, sizeof path, "%s/applicationHost.config", directory);
        snprintf(own, sizeof own, "%s/sallyport.config", directory);
        put_file("applicationHost.config", slice_str(host), 0640);
        if (had_own)
            put_file("sallyport.config", slice_str(small), 0604);
        struct conf *c = open_directory();
        struct diag d = { 0 };
        set_workers(c, "8");
        struct conf_element *log = fixture_element(c, "system.ftpServer/log", "", "");
        assert_int_equal(conf_set(c, log, "logInUTF8", SLICE_LITERAL("false"), &d), 0);
        assert_int_equal(mount(path, path, NULL, MS_BIND, NULL), 0);
        assert_int_equal(conf_save(c, &d), ERR_BUSY);
        assert_int_equal(umount(path), 0);
        assert_string_equal(d.file, path);
        assert_string_equal(d.todo, "");
        expect_file("applicationHost.config", host, 0640);
        if (had_own)
            expect_file("sallyport.config", small, 0604);
        assert_int_equal(access(own, F_OK), had_own ? 0 : -1);
        assert_int_equal(count_files(), had_own ? 2 : 1);
        assert_int_equal(conf_save(c, &d), 0); /* and now it can be done */
        assert_int_equal(count_files(), 2);
        conf_free(c);
        assert_int_equal(unlink(own), 0);
    }
}

static void be_interrupted(int number)
{
    (void)number;
}

/* Whoever waits is interrupted, as often as that takes. */
static int save_impatiently(struct conf *c, struct diag *d)
{
    const struct sigaction act = { .sa_handler = be_interrupted }; /* without SA_RESTART */
    const struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { 0 };
    assert_int_equal(sigaction(SIGALRM, &act, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    int err = conf_save(c, d);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    return err;
}

static const char redirection[] = "<configuration><configurationRedirection enabled='true' path='\\\\server\\conf' /></configuration>";

/* X03: the lock is in the folder of each file: that of a shared configuration is held by the service and by other instances,
 * which do not know ours. */
static void test_locked_where_it_is(void **state)
{
    (void)state;
    char share[128];
    OWNED_TEXT_BUFFER own = { 0 };
    snprintf(share, sizeof share, "%s/share", directory);
    text_addf(&own, "<configuration><sallyport><paths><shares><add share='\\\\server\\conf' path='%s'/></shares></paths></sallyport></configuration>",
              share);
    assert_int_equal(mkdir(share, 0700), 0);
    put_file("redirection.config", slice_str(redirection), 0600);
    put_file("sallyport.config", text_slice(&own), 0600);
    put_file("share/applicationHost.config", slice_str(host), 0640);
    for (int locked = 0; locked < 2; locked++) {
        struct conf *c = open_directory();
        struct diag d = { 0 };
        set_workers(c, locked ? "8" : "9");
        struct conf_element *log = fixture_element(c, "system.ftpServer/log", "", "");
        assert_int_equal(conf_set(c, log, "logInUTF8", SLICE_LITERAL("false"), &d), 0);
        int lock = open(locked ? share : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(flock(lock, LOCK_EX), 0);
        assert_true(save_impatiently(c, &d) < 0);
        assert_non_null(strstr(d.what, "Cannot lock the folder"));
        assert_non_null(strstr(d.file, locked ? "share/applicationHost.config" : "/sallyport.config"));
        expect_file("share/applicationHost.config", host, 0640);
        expect_file("sallyport.config", text_str(&own), 0600);
        assert_int_equal(close(lock), 0);
        conf_free(c);
    }
    struct conf *c = open_directory();
    struct diag d = { 0 };
    set_workers(c, "8");
    assert_int_equal(conf_set(c, fixture_element(c, "system.ftpServer/log", "", ""), "logInUTF8", SLICE_LITERAL("false"), &d), 0);
    assert_int_equal(conf_save(c, &d), 0);
    assert_int_equal(count_files(), 3);
    conf_free(c);
}

/* H10: what memory was lacking for may be missing in what was read. */
static void test_nothing_without_memory(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* it ends the program */
#endif
    put_file("sallyport.config", slice_str(small), 0600);
    struct conf *c = open_directory();
    struct diag d = { 0 };
    set_workers(c, "8");
    assert_int_equal(conf_error(c), 0);
    assert_null(memory_resize(NULL, SIZE_MAX / 2));
    assert_int_equal(conf_save(c, &d), ERR_NOMEM);
    assert_string_equal(d.what, "Nothing is saved: out of memory");
    OWNED_TEXT_BUFFER got = { 0 };
    struct stat st;
    get_file("sallyport.config", &got, &st);
    assert_string_equal(text_str(&got), small);
    conf_free(c);
}

/* X02: a file that was cut off is refused with its place. */
static void test_half_file(void **state)
{
    (void)state;
    put_file("sallyport.config", slice_first(slice_str(small), 60), 0600);
    OWNED_TEXT_BUFFER problems = { 0 };
    struct conf *c = NULL;
    assert_int_equal(conf_open_directory(directory, fixture_report, &problems, &c), ERR_SYNTAX);
    assert_non_null(strstr(text_str(&problems), "/sallyport.config:3:"));
    assert_non_null(strstr(text_str(&problems), "Configuration file is not well-formed XML"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_new_file),      CASE(test_mode_kept),
        CASE(test_two_editors),   CASE(test_unchanged_is_not_written),
        CASE(test_link_stays),    CASE(test_conflict_writes_nothing),
        CASE(test_cannot_write),  CASE(test_half_file),
        CASE(test_nothing_without_memory), CASE(test_all_or_none),
        CASE(test_locked_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

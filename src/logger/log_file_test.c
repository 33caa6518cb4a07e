/* log_file_test.c - files on a real disk: names, headers, roll-over, a disk that refuses (H06). */
#include "logger/log_set.h"
#include "logger/service_log.h"

#include "base/case_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "snapshot/snapshot_build.h"

enum { DAY_MS = 86400000 };
static const int64_t march_14 = 1741939284000; /* 2025-03-14 08:01:24 UTC */

static char top[64];
static struct text told;

static void tell(void *context, unsigned level, struct slice text)
{
    (void)context;
    text_addf(&told, "%u " SLICE_FMT "\n", level, SLICE_ARG(text));
}

/* What the desk heard of sites' logs: "SITE ERRNO " each time. */
static struct text outcomes;

static void hear_outcome(void *context, uint32_t site, int errnum)
{
    (void)context;
    text_addf(&outcomes, "%u %d ", site, errnum);
}

static struct log_desk desk;

static int set_up(void **state)
{
    (void)state;
    strcpy(top, "/tmp/sallyport-log-XXXXXX");
    text_reset(&told);
    text_reset(&outcomes);
    desk = (struct log_desk){ .held_max = 1 << 20, .file_max = 4096, .tell = tell, .outcome = hear_outcome };
    return mkdtemp(top) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", top);
    return system(command);
}

/* What the file holds, "" when there is none; caller frees. */
static char *content(const char *folder, const char *name)
{
    char path[256], *bytes = calloc(1, 65536);
    snprintf(path, sizeof path, "%s/%s/%s", top, folder, name);
    FILE *f = fopen(path, "rb");
    if (f) {
        bytes[fread(bytes, 1, 65535, f)] = 0;
        fclose(f);
    }
    return bytes;
}

static size_t occurrences(const char *in, const char *what)
{
    size_t count = 0;
    for (const char *at = in; (at = strstr(at, what)); at++)
        count++;
    return count;
}

static struct log_settings settings_for(struct text *folder, uint32_t period)
{
    text_addf(folder, "%s/FTPSVC2", top);
    return (struct log_settings){
        .site = 2,
        .folder = text_slice(folder),
        .style = { 2 | 128, true, SLICE_LITERAL("HOST1") }, /* time cs-method */
        .rule = { period, true },
        .truncate_size = 400,
        .selective = LOG_SUCCESSFUL | LOG_ERROR | LOG_INFRASTRUCTURE,
    };
}

static void append(struct log_file *f, const char *verb, int64_t now)
{
    log_file_append(f, &(struct log_access){ .site = 2, .time = now, .verb = slice_str(verb), .status = 200 }, now);
}

#define HEAD "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n"

static void test_roll_over(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER folder = { 0 };
    struct log_settings settings = settings_for(&folder, LOG_PERIOD_DAILY);
    struct log_file *f = log_file_new(&desk, &settings);
    append(f, "NOOP", march_14);
    append(f, "PWD", march_14 + 1000);
    append(f, "QUIT", march_14 + DAY_MS); /* the lines of the day before leave first */
    assert_int_equal(log_file_flush(f), 0);
    OWNED_TEXT first = content("FTPSVC2", "u_ex250314.log");
    OWNED_TEXT second = content("FTPSVC2", "u_ex250315.log");
    assert_string_equal(first, HEAD "#Date: 2025-03-14 08:01:24\r\n#Fields: time cs-method\r\n08:01:24 NOOP\r\n08:01:25 PWD\r\n");
    assert_string_equal(second, HEAD "#Date: 2025-03-15 08:01:24\r\n#Fields: time cs-method\r\n08:01:24 QUIT\r\n");
    log_file_free(f);
    assert_int_equal(desk.held, 0);
    assert_string_equal(text_str(&told), "");
}

/* A header at each start of the service, at a change of fields, and at the top of a new file; never twice. */
static void test_headers(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER folder = { 0 };
    struct log_settings settings = settings_for(&folder, LOG_PERIOD_DAILY);
    for (int start = 0; start < 2; start++) {
        struct log_file *f = log_file_new(&desk, &settings);
        append(f, "NOOP", march_14);
        assert_int_equal(log_file_flush(f), 0);
        append(f, "NOOP", march_14);
        log_file_flush(f);
        log_file_free(f);
    }
    OWNED_TEXT started = content("FTPSVC2", "u_ex250314.log");
    assert_int_equal(occurrences(started, "#Fields:"), 2);

    struct log_file *f = log_file_new(&desk, &settings);
    append(f, "OLD", march_14);
    settings.style.fields = 128;
    assert_int_equal(log_file_configure(f, &settings), 0);
    append(f, "NEW", march_14);
    assert_int_equal(log_file_configure(f, &settings), 0);
    append(f, "SAME", march_14);
    log_file_flush(f);
    log_file_free(f);
    OWNED_TEXT changed = content("FTPSVC2", "u_ex250314.log");
    assert_int_equal(occurrences(changed, "#Fields:"), 4);
    assert_non_null(strstr(changed, "08:01:24 OLD\r\n" HEAD "#Date: 2025-03-14 08:01:24\r\n#Fields: cs-method\r\nNEW\r\nSAME\r\n"));
}

static void test_removed_file_comes_back(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER folder = { 0 }, path = { 0 };
    struct log_settings settings = settings_for(&folder, LOG_PERIOD_DAILY);
    struct log_file *f = log_file_new(&desk, &settings);
    append(f, "NOOP", march_14);
    log_file_flush(f);
    text_addf(&path, "%s/u_ex250314.log", text_str(&folder));
    struct stat st;
    assert_int_equal(stat(text_str(&path), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(unlink(text_str(&path)), 0);
    append(f, "PWD", march_14);
    log_file_flush(f);
    log_file_free(f);
    OWNED_TEXT bytes = content("FTPSVC2", "u_ex250314.log");
    assert_string_equal(bytes, HEAD "#Date: 2025-03-14 08:01:24\r\n#Fields: time cs-method\r\n08:01:24 PWD\r\n");
}

static void test_max_size(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER folder = { 0 };
    struct log_settings settings = settings_for(&folder, LOG_PERIOD_MAX_SIZE);
    for (int start = 0; start < 2; start++) { /* the second start goes on with the last file */
        struct log_file *f = log_file_new(&desk, &settings);
        for (int i = 0; i < 20; i++) {
            append(f, "NOOP", march_14);
            assert_int_equal(log_file_flush(f), 0);
        }
        log_file_free(f);
    }
    size_t lines = 0;
    unsigned files = 0;
    for (unsigned number = 1; number < 9; number++) {
        char name[32];
        snprintf(name, sizeof name, "u_extend%u.log", number);
        OWNED_TEXT bytes = content("FTPSVC2", name);
        assert_true(strlen(bytes) <= 400);
        lines += occurrences(bytes, "NOOP");
        files += *bytes != 0;
        if (*bytes)
            assert_memory_equal(bytes, "#Software", 9);
    }
    assert_int_equal(lines, 40);
    assert_in_range(files, 2, 4);
}

static void limit_file_size(rlim_t size)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* H06: no half lines, lines kept while there is room, loss counted, one message for each change. */
static void test_disk_refuses(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER folder = { 0 };
    struct log_settings settings = settings_for(&folder, LOG_PERIOD_DAILY);
    struct log_file *f = log_file_new(&desk, &settings);
    append(f, "BEFORE", march_14);
    assert_int_equal(log_file_flush(f), 0);
    limit_file_size(150);
    append(f, "KEPT", march_14);
    assert_int_not_equal(log_file_flush(f), 0);
    assert_int_not_equal(log_file_flush(f), 0);
    for (int i = 0; i < 1000; i++)
        append(f, "FLOOD", march_14);
    assert_true(desk.held <= desk.file_max + 64);
    OWNED_TEXT meanwhile = content("FTPSVC2", "u_ex250314.log");
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(occurrences(meanwhile, "KEPT"), 0);
    assert_non_null(strstr(meanwhile, "BEFORE\r\n"));

    assert_int_equal(log_file_flush(f), 0);
    append(f, "AFTER", march_14);
    assert_int_equal(log_file_flush(f), 0);
    log_file_free(f);
    OWNED_TEXT bytes = content("FTPSVC2", "u_ex250314.log");
    assert_int_equal(occurrences(bytes, "KEPT\r\n"), 1);
    assert_int_equal(occurrences(bytes, "AFTER\r\n"), 1);
    size_t kept = occurrences(bytes, "FLOOD\r\n");
    assert_in_range(kept, 1, 999);
    assert_int_equal(desk.dropped, 1000 - kept);
    assert_int_equal(occurrences(text_str(&told), "cannot write the log"), 1);
    char want[64];
    snprintf(want, sizeof want, "is written again; %zu lines were lost", 1000 - kept);
    assert_non_null(strstr(text_str(&told), want));
    assert_int_equal(occurrences(text_str(&told), "\n"), 2);
    snprintf(want, sizeof want, "2 %d 2 0 ", EFBIG);
    assert_string_equal(text_str(&outcomes), want);
}

/* A log that nobody keeps any more fails no more. */
static void test_failing_log_goes(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER folder = { 0 };
    struct log_settings settings = settings_for(&folder, LOG_PERIOD_DAILY);
    struct log_file *f = log_file_new(&desk, &settings);
    limit_file_size(0);
    append(f, "KEPT", march_14);
    assert_int_not_equal(log_file_flush(f), 0);
    limit_file_size(RLIM_INFINITY);
    log_file_free(f);
    char want[32];
    snprintf(want, sizeof want, "2 %d 2 0 ", EFBIG);
    assert_string_equal(text_str(&outcomes), want);
}

static void write_file(const char *name, const char *bytes)
{
    char path[256];
    snprintf(path, sizeof path, "%s/FTPSVC2", top);
    assert_true(mkdir(path, 0750) == 0 || errno == EEXIST);
    snprintf(path, sizeof path, "%s/FTPSVC2/%s", top, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(bytes, f);
    assert_int_equal(fclose(f), 0);
}

/* The name of today's reasons. */
static const char *reasons_name(void)
{
    static char name[40];
    time_t now = time(NULL);
    const struct tm *tm = gmtime(&now);
    snprintf(name, sizeof name, "reasons_ex%02d%02d%02d.jsonl", tm->tm_year % 100, tm->tm_mon + 1, tm->tm_mday);
    return name;
}

/* A logger was killed while it wrote; what the next one writes stands on lines of its own. */
static void test_torn_lines(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER folder = { 0 };
    struct log_settings settings = settings_for(&folder, LOG_PERIOD_DAILY);
    write_file("u_ex250314.log", "08:01:23 TO");
    const char *name = reasons_name();
    write_file(name, "{\"time\":\"20");
    struct log_file *f = log_file_new(&desk, &settings);
    for (int i = 0; i < 2; i++) {
        append(f, "RN", march_14);
        log_file_append_reason(f, SLICE_LITERAL("{}\n"));
        assert_int_equal(log_file_flush(f), 0);
    }
    log_file_free(f);
    OWNED_TEXT lines = content("FTPSVC2", "u_ex250314.log");
    OWNED_TEXT reasons = content("FTPSVC2", name);
    assert_non_null(strstr(lines, "08:01:23 TO\n#Software:"));
    assert_int_equal(occurrences(lines, "\n\n"), 0);
    assert_string_equal(reasons, "{\"time\":\"20\n{}\n{}\n");
}

/* H06: reasons are dropped whole and counted when the disk is full, and nobody waits for them. */
static void test_disk_refuses_reasons(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER folder = { 0 };
    struct log_settings settings = settings_for(&folder, LOG_PERIOD_DAILY);
    const char *name = reasons_name();
    struct log_file *f = log_file_new(&desk, &settings);
    log_file_append_reason(f, SLICE_LITERAL("{\"n\":1}\n"));
    assert_int_equal(log_file_flush(f), 0);
    limit_file_size(12);
    for (int i = 0; i < 3; i++)
        log_file_append_reason(f, SLICE_LITERAL("{\"n\":2}\n"));
    assert_int_equal(log_file_flush(f), 0);
    OWNED_TEXT meanwhile = content("FTPSVC2", name);
    limit_file_size(RLIM_INFINITY);
    assert_string_equal(meanwhile, "{\"n\":1}\n");
    assert_int_equal(desk.dropped, 3);
    assert_int_equal(desk.held, 0);
    log_file_append_reason(f, SLICE_LITERAL("{\"n\":3}\n"));
    assert_int_equal(log_file_flush(f), 0);
    log_file_free(f);
    OWNED_TEXT after = content("FTPSVC2", name);
    assert_string_equal(after, "{\"n\":1}\n{\"n\":3}\n");
}

static const struct {
    const char *label, *make;
} places[] = {
    { "no folder above",           "true" },
    { "a pipe nobody reads",       "mkdir -p %1$s/x/FTPSVC2 && mkfifo %1$s/x/FTPSVC2/u_ex250314.log" },
    { "a link to another file",    "mkdir -p %1$s/x/FTPSVC2 && ln -s /dev/null %1$s/x/FTPSVC2/u_ex250314.log" },
    { "a folder of that name",     "mkdir -p %1$s/x/FTPSVC2/u_ex250314.log" },
    { "a file in the folder's way", "mkdir -p %1$s/x && touch %1$s/x/FTPSVC2" },
};

static void test_odd_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        OWNED_TEXT_BUFFER command = { 0 }, folder = { 0 };
        CASE_LABEL(&places[i]);
        text_reset(&told);
        text_addf(&command, "cd '%s' && rm -rf x && set -- '%s' && ", top, top);
        for (const char *c = places[i].make; *c; c++) {
            if (!strncmp(c, "%1$s", 4)) {
                text_add_str(&command, "$1");
                c += 3;
            } else {
                text_add_char(&command, *c);
            }
        }
        assert_int_equal(system(text_str(&command)), 0);
        struct log_settings settings = settings_for(&folder, LOG_PERIOD_DAILY);
        text_reset(&folder);
        text_addf(&folder, "%s/x/FTPSVC2", top);
        settings.folder = text_slice(&folder);
        struct log_file *f = log_file_new(&desk, &settings);
        append(f, "NOOP", march_14);
        assert_int_not_equal(log_file_flush(f), 0);
        assert_int_equal(occurrences(text_str(&told), "cannot write the log"), 1);
        log_file_free(f);
        assert_int_equal(desk.held, 0);
    }
}

/* ---- several sites, and snapshots that come and go ---- */

static struct snapshot *build(uint32_t central, const uint32_t *ids, size_t count, uint32_t fields)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    char name[16];
    server.central_log_mode = central;
    server.central_log_enabled = 1;
    server.central_log_fields = 16 | 128;
    server.central_log_path = snapshot_build_text(w, top);
    server.log_in_utf8 = 1;
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "S%u", ids[i]);
        struct snap_site site = snapshot_build_site(w, name, ids[i]);
        site.log_enabled = ids[i] != 99;
        site.log_fields = fields;
        site.log_period = LOG_PERIOD_DAILY;
        site.log_selective = LOG_SUCCESSFUL | LOG_ERROR | LOG_INFRASTRUCTURE;
        site.log_path = snapshot_build_text(w, top);
        snapshot_put_row(w, SNAP_TABLE_site, &site);
    }
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    struct snapshot *s = snapshot_build(w, ROLE_LOGGER);
    snapshot_writer_free(w);
    assert_non_null(s);
    return s;
}

static void log_to(struct log_set *set, uint32_t site, const char *verb)
{
    log_set_append(set, &(struct log_access){ .site = site, .time = march_14, .verb = slice_str(verb), .status = 200 },
                   march_14);
}

static void apply(struct log_set *set, uint32_t central, const uint32_t *ids, size_t count, uint32_t fields)
{
    struct snapshot *s = build(central, ids, count, fields);
    assert_int_equal(log_set_apply(set, s), 0);
    snapshot_unref(s);
}

static void test_sites(void **state)
{
    (void)state;
    struct log_set *set = log_set_new(&desk, SLICE_LITERAL("HOST1"));
    apply(set, 0, (const uint32_t[]){ 7, 1, 4294967295u, 99 }, 4, 128);
    log_to(set, 1, "ONE");
    log_to(set, 7, "SEVEN");
    log_to(set, 4294967295u, "LAST");
    log_to(set, 99, "OFF");
    log_to(set, 5, "NOSITE");
    assert_int_equal(log_set_flush(set, 7), 0);
    OWNED_TEXT unflushed = content("FTPSVC1", "u_ex250314.log");
    OWNED_TEXT flushed = content("FTPSVC7", "u_ex250314.log");
    assert_string_equal(unflushed, "");
    assert_int_equal(occurrences(flushed, "SEVEN\r\n"), 1);

    /* Site 1 goes, 2 comes: nothing held is lost, late lines of 1 still land. */
    apply(set, 0, (const uint32_t[]){ 7, 2 }, 2, 128);
    log_to(set, 1, "LATE");
    log_to(set, 2, "TWO");
    apply(set, 0, (const uint32_t[]){ 7, 2 }, 2, 128);
    log_to(set, 1, "GONE");
    assert_int_equal(log_set_flush(set, 0), 0);
    assert_false(log_set_is_dirty(set));
    log_set_free(set);

    OWNED_TEXT one = content("FTPSVC1", "u_ex250314.log");
    OWNED_TEXT two = content("FTPSVC2", "u_ex250314.log");
    OWNED_TEXT last = content("FTPSVC4294967295", "u_ex250314.log");
    OWNED_TEXT off = content("FTPSVC99", "u_ex250314.log");
    assert_non_null(strstr(one, "ONE\r\nLATE\r\n"));
    assert_null(strstr(one, "GONE"));
    assert_int_equal(occurrences(two, "TWO\r\n"), 1);
    assert_int_equal(occurrences(last, "LAST\r\n"), 1);
    assert_string_equal(off, "");
    assert_int_equal(desk.held, 0);
}

static void test_central(void **state)
{
    (void)state;
    struct log_set *set = log_set_new(&desk, SLICE_LITERAL("HOST1"));
    apply(set, 0, (const uint32_t[]){ 1, 2 }, 2, 128);
    log_to(set, 1, "OWN");
    apply(set, 1, (const uint32_t[]){ 1, 2 }, 2, 128);
    log_to(set, 1, "ONE");
    log_to(set, 2, "TWO");
    log_set_flush(set, 2); /* a site's lines are in the central file */
    OWNED_TEXT central = content("FTPSVC", "u_ex250314.log");
    log_set_free(set);
    OWNED_TEXT own = content("FTPSVC1", "u_ex250314.log");
    assert_non_null(strstr(central, "#Fields: s-sitename cs-method\r\nFTPSVC1 ONE\r\nFTPSVC2 TWO\r\n"));
    assert_int_equal(occurrences(own, "OWN\r\n"), 1);
}

/* ---- the service log ---- */

/* H06: a reader that sleeps costs lines, never time; the count comes with the first line it reads again. */
static void test_blocked_pipe(void **state)
{
    (void)state;
    int fds[2];
    char text[4096], *buffer = calloc(1, 1 << 20);
    memset(text, '\n', sizeof text); /* the escaped form is four to six times as long */
    assert_int_equal(pipe(fds), 0);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    for (int json = 0; json < 2; json++) {
        struct service_log log = { .fd = fds[1], .json = json };
        const struct log_event e = { march_14, LOG_LEVEL_NOTICE, SLICE_LITERAL("auth"), slice_of(text, sizeof text) };
        for (int i = 0; i < 100; i++)
            service_log_write(&log, &e);
        assert_in_range(log.lost, 1, 99);
        while (read(fds[0], buffer, 1 << 20) > 0)
            ;
        service_log_write(&log, &e);
        assert_int_equal(log.lost, 0);
        ssize_t got = read(fds[0], buffer, 1 << 20);
        assert_true(got > 0);
        buffer[got] = 0;
        assert_non_null(strstr(buffer, "lines of the service log were lost"));
    }
    close(fds[0]);
    close(fds[1]);
    free(buffer);
}

/* H06: a certificate's line is as good as an event's to tell what was lost, and is not lost itself. */
static void test_blocked_pipe_of_certificates(void **state)
{
    (void)state;
    int fds[2];
    char *buffer = calloc(1, 1 << 20);
    const struct log_certificate m = { .time = march_14, .level = LOG_LEVEL_NOTICE, .site = SLICE_LITERAL("Partners"),
                                       .session_id = SLICE_LITERAL("0123456789abcdef"), .verdict = SLICE_LITERAL("good") };
    assert_int_equal(pipe(fds), 0);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    for (int json = 0; json < 2; json++) {
        struct service_log log = { .fd = fds[1], .json = json };
        for (int i = 0; i < 10000; i++)
            service_log_write_certificate(&log, &m);
        assert_in_range(log.lost, 1, 9999);
        while (read(fds[0], buffer, 1 << 20) > 0)
            ;
        service_log_write_certificate(&log, &m);
        assert_int_equal(log.lost, 0);
        ssize_t got = read(fds[0], buffer, (1 << 20) - 1);
        assert_true(got > 0);
        buffer[got] = 0;
        assert_non_null(strstr(buffer, "lines of the service log were lost"));
        assert_non_null(strstr(buffer, "Partners"));
    }
    close(fds[0]);
    close(fds[1]);
    free(buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_roll_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_removed_file_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_max_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_disk_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failing_log_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_disk_refuses_reasons, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_torn_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_odd_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sites, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_central, set_up, tear_down),
        cmocka_unit_test(test_blocked_pipe),
        cmocka_unit_test(test_blocked_pipe_of_certificates),
    };
    umask(027);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    text_free(&told);
    text_free(&outcomes);
    return failed;
}

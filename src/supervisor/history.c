/*
 * history.c - numbered copies of the configuration's files, as IIS's configHistory keeps them.
 *
 * CFGHISTORY_0000000001, ...0002 and so on below configHistory/@path, the newest maxHistories of them; a copy is made
 * when the files differ from those of the newest one, and no sooner than `period` after it.  What sections name by
 * configSource is copied with them, so that a copy is a whole configuration.  Only configurations that were good are
 * kept.  The folders are ours alone: the files hold password hashes.
 */
#include "supervisor/supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/write_all.h"
#include "supervisor/files.h"

#define PREFIX "CFGHISTORY_"
#define UNFINISHED ".CFGHISTORY.new"

enum { FILE_MOST = 64 << 20, DIGITS = 10, DEPTH_MOST = 64 };
static const uint64_t numbers_end = 10000000000;

struct history {
    struct supervisor *super;
    struct loop_timer *timer;
    int64_t last_ms; /* of the last copy, -1: none since the start */
    bool waits;
};

/* ---- names ---- */

/* 0: not one of ours. */
static uint64_t number_of(const char *name)
{
    uint64_t number;
    struct slice digits = slice_from(slice_str(name), sizeof PREFIX - 1);
    if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0 || digits.len != DIGITS ||
        slice_to_u64(digits, numbers_end - 1, &number))
        return 0;
    return number;
}

static void print_name(uint64_t number, struct text *out)
{
    text_add_str(out, PREFIX);
    text_add_number(out, number % numbers_end, DIGITS, '0');
}

struct numbers {
    uint64_t *rows;
    size_t count;
};

static int ascending(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static MUST_USE int add_number(struct numbers *n, uint64_t number)
{
    uint64_t *grown = reallocarray(n->rows, n->count + 1, sizeof *grown);
    if (!grown)
        return ERR_NOMEM;
    n->rows = grown;
    grown[n->count++] = number;
    return 0;
}

static MUST_USE int list_numbers(int folder, struct numbers *out)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            close(fd);
        return ERR_SYS;
    }
    int err = 0;
    for (struct dirent *e; !err && (e = readdir(d));)
        if (number_of(e->d_name))
            err = add_number(out, number_of(e->d_name));
    closedir(d);
    if (out->count)
        qsort(out->rows, out->count, sizeof *out->rows, ascending);
    return err;
}

/* ---- files ---- */

static MUST_USE int read_all(int fd, struct text *out)
{
    out->max = FILE_MOST;
    for (;;) {
        char *room = text_room(out, 65536);
        if (!room)
            return text_error(out);
        ssize_t got = read(fd, room, 65536);
        if (got < 0 && errno != EINTR)
            return err_from_errno(errno);
        if (got == 0)
            return 0;
        if (got > 0)
            text_grown(out, (size_t)got);
    }
}

/* Absent is empty. */
static MUST_USE int read_at(int folder, const char *name, struct text *out)
{
    OWNED_FD fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_from_errno(errno);
    return read_all(fd, out);
}

/* The folders that a name stands in.  The name comes from the loader: it leads nowhere but down. */
static MUST_USE int make_folders(int folder, const char *name)
{
    char path[PATH_MAX];
    struct slice rest = slice_str(name);
    for (struct slice part = slice_cut(&rest, '/'); rest.len; part = slice_cut(&rest, '/')) {
        if (slice_equal_str(part, "..") || rest.ptr - name >= PATH_MAX)
            return ERR_PATH;
        snprintf(path, sizeof path, "%.*s", (int)(rest.ptr - name) - 1, name);
        if (*path && mkdirat(folder, path, 0700) < 0 && errno != EEXIST)
            return err_from_errno(errno);
    }
    return 0;
}

static MUST_USE int write_at(int folder, const char *name, struct slice bytes)
{
    OWNED_FD fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_from_errno(errno);
    return write_all(fd, bytes) && fsync(fd) == 0 ? 0 : err_from_errno(errno);
}

static const char *folder_of(const struct supervisor *s, const char *name)
{
    bool is_shared = strcmp(name, "applicationHost.config") == 0 || strcmp(name, "administration.config") == 0;
    return is_shared && s->current->shared[0] ? s->current->shared : s->directory;
}

static MUST_USE int read_current(const struct supervisor *s, const char *name, struct text *out)
{
    OWNED_FD folder = open(folder_of(s, name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0 ? err_from_errno(errno) : read_at(folder, name, out);
}

static void ignore(void *context, enum loader_severity severity, const struct diag *d)
{
    (void)context;
    (void)severity;
    (void)d;
}

/* A file that a section names, as the loader got it. */
static MUST_USE int read_source(const struct supervisor *s, char where, const char *name, struct text *out)
{
    OWNED_FD fd = -1;
    const char *why;
    struct slice folder = where == 'S' ? slice_str(s->current->shared) : SLICE_NONE;
    int err = files_open_wanted(s->directory, folder, slice_str(name), s->service_uid, ignore, NULL, &fd, &why);
    return err ? err : read_all(fd, out);
}

/* Every file of the configuration in force, with its bytes. */
typedef int visit_file(int copy, const char *name, struct slice bytes);

static MUST_USE int each_file(const struct supervisor *s, visit_file *visit, int copy)
{
    int err = 0;
    for (size_t i = 0; config_file_names[i] && !err; i++) {
        OWNED_TEXT_BUFFER bytes = { 0 };
        err = read_current(s, config_file_names[i], &bytes);
        err = err ? err : visit(copy, config_file_names[i], text_slice(&bytes));
    }
    for (struct slice rest = text_slice(&s->current->sources); rest.len && !err;) {
        OWNED_TEXT_BUFFER bytes = { 0 };
        struct slice line = slice_cut(&rest, '\n');
        OWNED_TEXT name = strndup(line.ptr + 1, line.len - 1);
        err = name ? read_source(s, line.ptr[0], name, &bytes) : ERR_NOMEM;
        err = err ? err : visit(copy, name, text_slice(&bytes));
    }
    return err;
}

static int open_copy(int folder, const char *name)
{
    return openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static int compare_one(int copy, const char *name, struct slice bytes)
{
    OWNED_TEXT_BUFFER kept = { 0 };
    int err = read_at(copy, name, &kept);
    return err ? err : slice_equal(text_slice(&kept), bytes) ? 0 : ERR_CONFLICT;
}

static int copy_one(int copy, const char *name, struct slice bytes)
{
    if (!bytes.len)
        return 0;
    int err = make_folders(copy, name);
    return err ? err : write_at(copy, name, bytes);
}

static bool is_current(const struct supervisor *s, int folder, uint64_t number)
{
    OWNED_TEXT_BUFFER newest = { 0 };
    print_name(number, &newest);
    OWNED_FD copy = open_copy(folder, text_str(&newest));
    return copy >= 0 && each_file(s, compare_one, copy) == 0;
}

/* A folder with the files of a configuration in it, and in the folders in it: stays if somebody put something beside. */
static void remove_below(int folder, const char *name, unsigned depth)
{
    int copy = open_copy(folder, name);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (slice_ends(slice_str(e->d_name), SLICE_LITERAL(".config")) && unlinkat(copy, e->d_name, 0) == 0)
            continue;
        if (depth < DEPTH_MOST && strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            remove_below(copy, e->d_name, depth + 1); /* no folder, no effect */
    }
    if (d)
        closedir(d);
    else if (copy >= 0)
        close(copy);
    (void)unlinkat(folder, name, AT_REMOVEDIR);
}

static void remove_copy(int folder, const char *name)
{
    remove_below(folder, name, 0);
}

/* Written under another name, so that a copy with a number is a whole one. */
static MUST_USE int make_copy(const struct supervisor *s, int folder, uint64_t number)
{
    OWNED_TEXT_BUFFER name = { 0 };
    remove_copy(folder, UNFINISHED);
    if (mkdirat(folder, UNFINISHED, 0700) < 0)
        return err_from_errno(errno);
    OWNED_FD copy = open_copy(folder, UNFINISHED);
    int err = copy < 0 ? err_from_errno(errno) : each_file(s, copy_one, copy);
    print_name(number, &name);
    if (!err && renameat(folder, UNFINISHED, folder, text_str(&name)) < 0)
        err = err_from_errno(errno);
    if (err)
        remove_copy(folder, UNFINISHED);
    return err;
}

static void drop_oldest(int folder, const struct numbers *have, size_t most)
{
    for (size_t i = 0; i < have->count && have->count + 1 - i > most; i++) {
        OWNED_TEXT_BUFFER name = { 0 };
        print_name(have->rows[i], &name);
        remove_copy(folder, text_str(&name));
    }
}

static MUST_USE int keep_copy(struct supervisor *s, const char *path, uint32_t most)
{
    bool made = false;
    struct numbers have = { 0 };
    OWNED_FD folder = house_open_directory(path, &made);
    if (folder < 0 || (made && fchmod(folder, 0700) < 0))
        return err_from_errno(errno);
    int err = list_numbers(folder, &have);
    uint64_t newest = have.count ? have.rows[have.count - 1] : 0;
    if (!err && !(newest && is_current(s, folder, newest))) {
        err = make_copy(s, folder, newest + 1);
        if (!err)
            drop_oldest(folder, &have, most);
    }
    free(have.rows);
    return err;
}

/* ---- when ---- */

static void copy_now(void *context)
{
    struct history *h = context;
    const struct snapshot *view = h->super->current->view;
    const struct snap_server *server = snapshot_server(view, 0);
    const char *path = snapshot_text(view, server->history_path).ptr;
    h->waits = false;
    if (!server->history_path.len || h->super->compile || h->super->refused) /* what the files say now is not in force (yet) */
        return;
    h->last_ms = loop_now(h->super->loop);
    int err = keep_copy(h->super, path, server->history_most);
    if (err)
        say(h->super, LOG_LEVEL_WARNING, "no copy of the configuration was kept in %s: %s", path, err_text(err));
}

static struct history *history_of(struct supervisor *s)
{
    if (s->history)
        return s->history;
    struct history *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    *h = (struct history){ .super = s, .last_ms = -1, .timer = loop_timer_new(s->loop, copy_now, h) };
    if (!h->timer) {
        free(h);
        return NULL;
    }
    return s->history = h;
}

void history_note(struct supervisor *s)
{
    const struct snap_server *server = snapshot_server(s->current->view, 0);
    struct history *h = server->history_path.len ? history_of(s) : NULL;
    if (!h || h->waits)
        return;
    int64_t due = h->last_ms < 0 ? 0 : h->last_ms + server->history_seconds * 1000 - loop_now(s->loop);
    h->waits = true;
    loop_timer_set(h->timer, due > 0 ? due : 0);
}

void history_free(struct supervisor *s)
{
    if (!s->history)
        return;
    loop_timer_free(s->history->timer);
    free(s->history);
    s->history = NULL;
}

/*
 * history.c - numbered copies of the configuration's files, as IIS's configHistory keeps them.
 *
 * CFGHISTORY_0000000001, ...0002 and so on below configHistory/@path, the newest maxHistories of them; a copy is made
 * when the files differ from those of the newest one, and no sooner than `period` after it.  Only configurations that
 * were good are kept.  The folders are ours alone: the files hold password hashes.
 */
#include "supervisor/supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/own.h"
#include "supervisor/files.h"

#define PREFIX "CFGHISTORY_"
#define UNFINISHED ".CFGHISTORY.new"

enum { FILE_MOST = 64 << 20, DIGITS = 10 };
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

/* Absent is empty. */
static MUST_USE int read_at(int folder, const char *name, struct text *out)
{
    OWNED_FD fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    out->max = FILE_MOST;
    if (fd < 0)
        return errno == ENOENT ? 0 : err_from_errno(errno);
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

static MUST_USE int write_at(int folder, const char *name, struct slice bytes)
{
    OWNED_FD fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_from_errno(errno);
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno != EINTR)
            return err_from_errno(errno);
        bytes = slice_from(bytes, n > 0 ? (size_t)n : 0);
    }
    return fsync(fd) < 0 ? err_from_errno(errno) : 0;
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

static int open_copy(int folder, const char *name)
{
    return openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static bool is_current(const struct supervisor *s, int folder, uint64_t number)
{
    OWNED_TEXT_BUFFER newest = { 0 };
    print_name(number, &newest);
    OWNED_FD copy = open_copy(folder, text_str(&newest));
    for (size_t i = 0; config_file_names[i]; i++) {
        OWNED_TEXT_BUFFER kept = { 0 }, now = { 0 };
        if (copy < 0 || read_at(copy, config_file_names[i], &kept) || read_current(s, config_file_names[i], &now) ||
            !slice_equal(text_slice(&kept), text_slice(&now)))
            return false;
    }
    return true;
}

static void remove_copy(int folder, const char *name)
{
    OWNED_FD copy = open_copy(folder, name);
    for (size_t i = 0; copy >= 0 && config_file_names[i]; i++)
        (void)unlinkat(copy, config_file_names[i], 0);
    (void)unlinkat(folder, name, AT_REMOVEDIR); /* stays if somebody put something beside */
}

static MUST_USE int copy_all(const struct supervisor *s, int copy)
{
    int err = 0;
    for (size_t i = 0; config_file_names[i] && !err; i++) {
        OWNED_TEXT_BUFFER bytes = { 0 };
        err = read_current(s, config_file_names[i], &bytes);
        if (!err && bytes.len)
            err = write_at(copy, config_file_names[i], text_slice(&bytes));
    }
    return err;
}

/* Written under another name, so that a copy with a number is a whole one. */
static MUST_USE int make_copy(const struct supervisor *s, int folder, uint64_t number)
{
    OWNED_TEXT_BUFFER name = { 0 };
    remove_copy(folder, UNFINISHED);
    if (mkdirat(folder, UNFINISHED, 0700) < 0)
        return err_from_errno(errno);
    OWNED_FD copy = open_copy(folder, UNFINISHED);
    int err = copy < 0 ? err_from_errno(errno) : copy_all(s, copy);
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
    if (!server->history_path.len)
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

/*
 * denied.c - failed logins that are remembered over restarts (denyByFailure; threats.md A04).
 *
 * The table (policy/lockout.h) lies in memory that we own: the authenticator that writes it may die and come back.  What is
 * in it goes to a file when it has changed, at most every SAVE_MS, and when the service ends; the next start reads it.  The
 * file is text, one record a line, with times of the calendar, since the machine may have been started anew:
 *
 *     sallyport failed-logins 1 SEED
 *     FAMILY KEY FAILURES SINCE UNTIL EXPIRES      numbers; KEY and SEED in hexadecimal, times in milliseconds
 *
 * A file that cannot be read costs its memory, nothing else, and is told.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/write_all.h"
#include "policy/lockout.h"
#include "proto/control.h"
#include "sys/region.h"

enum { SAVE_MS = 2000, FILE_MOST = 16 * 1024 * 1024 };
#define TIME_MOST (INT64_MAX / 4)
#define HEAD "sallyport failed-logins 1 "

struct denied {
    struct supervisor *super;
    int fd;
    struct lockout *table;
    uint64_t saved; /* lockout_changes when it was */
    bool failing;   /* told already that it cannot be */
    struct loop_timer *timer;
    char path[STATE_PATH];
};

/* What has to be added to a time of the table to make it one of the calendar. */
static int64_t to_calendar(void)
{
    return clock_calendar_ms() - clock_ms();
}

/* ---- reading ---- */

/* Of the calendar, and nothing that overflows when it is moved. */
static bool is_time(int64_t ms)
{
    return ms >= 0 && ms < TIME_MOST;
}

static bool read_record(struct slice line, int64_t shift, struct lockout_record *r)
{
    char text[160];
    unsigned family;
    uint64_t key;
    if (line.len >= sizeof text)
        return false;
    memcpy(text, line.ptr, line.len);
    text[line.len] = 0;
    int end = 0;
    if (sscanf(text, "%u %" SCNx64 " %" SCNu32 " %" SCNd64 " %" SCNd64 " %" SCNd64 "%n", &family, &key, &r->failures, &r->since,
               &r->until, &r->expires, &end) != 6 || text[end] || family > UINT8_MAX ||
        !is_time(r->since) || !is_time(r->until) || !is_time(r->expires))
        return false;
    r->family = (uint8_t)family;
    for (size_t i = 0; i < sizeof r->key; i++)
        r->key[i] = (uint8_t)(key >> (8 * (7 - i)));
    r->since -= shift;
    r->expires -= shift;
    r->until = r->until ? r->until - shift : 0;
    return true;
}

/* The seed comes first: keys of accounts mean something under it only. */
static bool read_file(struct denied *d, struct slice rest)
{
    struct slice head = slice_cut(&rest, '\n');
    uint64_t seed;
    if (!slice_starts(head, SLICE_LITERAL(HEAD)) || sscanf(head.ptr + sizeof HEAD - 1, "%" SCNx64, &seed) != 1)
        return false;
    lockout_seed(d->table, seed);
    int64_t shift = to_calendar(), now = clock_ms();
    bool good = true;
    while (rest.len) {
        struct slice line = slice_cut(&rest, '\n');
        struct lockout_record r;
        if (read_record(line, shift, &r))
            lockout_restore(d->table, &r, now);
        else
            good = false;
    }
    return good;
}

static void load(struct denied *d)
{
    struct stat st;
    OWNED_TEXT_BUFFER bytes = { .max = FILE_MOST };
    OWNED_FD fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return;
    bool good = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022);
    for (ssize_t got = 1; good && got > 0;) {
        char *room = text_room(&bytes, 65536);
        got = room ? read(fd, room, 65536) : -1;
        good = got >= 0;
        if (got > 0)
            text_grown(&bytes, (size_t)got);
    }
    if (!good || !read_file(d, text_slice(&bytes)))
        say(d->super, LOG_LEVEL_WARNING, "%s: not all failed logins of earlier could be read", d->path);
}

/* ---- writing ---- */

struct printing {
    struct text out;
    int64_t shift;
};

static void print_record(void *context, const struct lockout_record *r)
{
    struct printing *p = context;
    uint64_t key = 0;
    for (size_t i = 0; i < sizeof r->key; i++)
        key = key << 8 | r->key[i];
    text_addf(&p->out, "%u %016" PRIx64 " %" PRIu32 " %" PRId64 " %" PRId64 " %" PRId64 "\n", r->family, key, r->failures,
              r->since + p->shift, r->until ? r->until + p->shift : 0, r->expires + p->shift);
}

static void save(struct denied *d)
{
    uint64_t changes = lockout_changes(d->table);
    if (changes == d->saved)
        return;
    struct printing p = { .shift = to_calendar() };
    text_addf(&p.out, HEAD "%016" PRIx64 "\n", lockout_seed_of(d->table));
    lockout_records(d->table, clock_ms(), print_record, &p);
    char fresh[sizeof d->path + 8];
    snprintf(fresh, sizeof fresh, "%s.new", d->path);
    OWNED_FD fd = text_error(&p.out) ? -1 : open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && write_all(fd, text_slice(&p.out)) && rename(fresh, d->path) == 0;
    if (!good && !d->failing)
        say(d->super, LOG_LEVEL_WARNING, "%s: failed logins cannot be remembered: %s", d->path, strerror(errno));
    if (!good)
        (void)unlink(fresh);
    else
        d->saved = changes;
    d->failing = !good;
    text_free(&p.out);
}

static void time_to_save(void *context)
{
    struct denied *d = context;
    save(d);
    loop_timer_set(d->timer, SAVE_MS);
}

/* ---- life ---- */

int denied_open(struct supervisor *s)
{
    struct denied *d = calloc(1, sizeof *d);
    uint64_t seed;
    void *at;
    if (!d)
        return ERR_NOMEM;
    *d = (struct denied){ .super = s, .fd = -1, .timer = loop_timer_new(s->loop, time_to_save, d) };
    s->denied = d;
    int err = d->timer && getrandom(&seed, sizeof seed, 0) == sizeof seed ? 0 : ERR_NOMEM;
    if (!err)
        err = region_create("sallyport-failed-logins", lockout_size(), &d->fd);
    if (!err)
        err = region_map(d->fd, lockout_size(), &at);
    if (err)
        return err;
    d->table = at;
    lockout_seed(d->table, seed);
    house_state_path(s, "failed-logins", d->path);
    load(d);
    d->saved = lockout_changes(d->table);
    loop_timer_set(d->timer, SAVE_MS);
    return 0;
}

int denied_fd(const struct supervisor *s)
{
    return s->denied->fd;
}

void denied_close(struct supervisor *s)
{
    struct denied *d = s->denied;
    if (!d)
        return;
    if (d->table)
        save(d);
    region_unmap(d->table, lockout_size());
    loop_timer_free(d->timer);
    if (d->fd >= 0)
        close(d->fd);
    free(d);
    s->denied = NULL;
}

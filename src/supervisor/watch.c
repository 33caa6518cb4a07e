/*
 * watch.c - a changed file is a reload.
 *
 * Editors and package managers write in several steps, so a change counts when nothing has happened for QUIET_MS, and
 * at the latest after LATEST_MS.  Only the configuration files, those that they name, the secrets and what stands in the certificate stores count;
 * the run directory is not watched, or our own socket would reload us.
 *
 * Who asks for a reload (SIGHUP, the command line behind each change) does not wait for the quiet; the notices of what that
 * reload reads are dropped, so nothing is read twice.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/own.h"
#include "supervisor/files.h"

enum { QUIET_MS = 200, LATEST_MS = 2000, EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB };

/* A file that another names: on a share, or by configSource. */
struct wanted {
    char path[PATH_MAX];
    struct stat seen; /* st_ino 0: was not there */
};

struct watch {
    struct supervisor *super;
    struct wanted *wanted;
    size_t wanted_count;
    struct loop_timer *poll;
    unsigned poll_seconds;
    int fd, directory; /* `directory`: the watch of the configuration directory itself */
    struct loop_io *io;
    struct loop_timer *timer;
    int64_t first_ms; /* of the changes waiting, 0: none */
};

static bool concerns_us(const struct watch *w, const struct inotify_event *e)
{
    if (e->mask & IN_Q_OVERFLOW)
        return true;
    if (e->wd != w->directory)
        return e->len && e->name[0] != '.';
    if (!e->len || !strcmp(e->name, "certificates") || !strcmp(e->name, config_secrets_name))
        return e->len > 0;
    for (size_t i = 0; config_file_names[i]; i++)
        if (!strcmp(e->name, config_file_names[i]))
            return true;
    for (size_t i = 0; i < w->wanted_count; i++) /* of this folder, or of one below */
        if (!strcmp(strrchr(w->wanted[i].path, '/') + 1, e->name))
            return true;
    return false;
}

static void look(const char *path, struct stat *st)
{
    if (stat(path, st) < 0)
        *st = (struct stat){ 0 };
}

static void poll_now(void *context)
{
    struct watch *w = context;
    struct stat now;
    bool any = false;
    for (size_t i = 0; i < w->wanted_count; i++) {
        const struct stat *seen = &w->wanted[i].seen;
        look(w->wanted[i].path, &now);
        any |= now.st_ino != seen->st_ino || now.st_size != seen->st_size || now.st_mtim.tv_sec != seen->st_mtim.tv_sec ||
               now.st_mtim.tv_nsec != seen->st_mtim.tv_nsec;
    }
    if (any)
        supervisor_reload(w->super); /* which looks anew */
    else if (w->poll_seconds)
        loop_timer_set(w->poll, (int64_t)w->poll_seconds * 1000);
}

void watch_forget_wanted(struct supervisor *s)
{
    struct watch *w = s->watch;
    if (!w)
        return;
    free(w->wanted);
    w->wanted = NULL;
    w->wanted_count = 0;
    watch_poll(s, 0);
}

void watch_poll(struct supervisor *s, unsigned seconds)
{
    struct watch *w = s->watch;
    if (!w)
        return;
    w->poll_seconds = seconds;
    if (seconds)
        loop_timer_set(w->poll, (int64_t)seconds * 1000);
    else
        loop_timer_clear(w->poll);
}

void watch_wanted(struct supervisor *s, struct slice directory, struct slice name)
{
    struct watch *w = s->watch;
    struct wanted *grown = w ? reallocarray(w->wanted, w->wanted_count + 1, sizeof *grown) : NULL;
    if (!grown)
        return;
    w->wanted = grown;
    struct wanted *new = &grown[w->wanted_count];
    int n = snprintf(new->path, sizeof new->path, SLICE_FMT "/" SLICE_FMT,
                     SLICE_ARG(directory.len ? directory : slice_str(s->directory)), SLICE_ARG(name));
    if (n < 0 || (size_t)n >= sizeof new->path)
        return;
    look(new->path, &new->seen);
    w->wanted_count++;
    char *slash = strrchr(new->path, '/');
    *slash = 0;
    (void)inotify_add_watch(w->fd, new->path, EVENTS | IN_CREATE | IN_MASK_ADD);
    *slash = '/';
}

static void changed(struct watch *w)
{
    int64_t now = loop_now(w->super->loop);
    if (!w->first_ms)
        w->first_ms = now;
    int64_t left = w->first_ms + LATEST_MS - now;
    loop_timer_set(w->timer, left < QUIET_MS ? (left < 0 ? 0 : left) : QUIET_MS);
}

static void quiet(void *context)
{
    struct watch *w = context;
    w->first_ms = 0;
    supervisor_reload(w->super);
}

static void ready(void *context, unsigned events)
{
    (void)events;
    struct watch *w = context;
    _Alignas(struct inotify_event) char buffer[8192];
    for (ssize_t got; (got = read(w->fd, buffer, sizeof buffer)) > 0;)
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *e = (const void *)(buffer + at);
            at += (ssize_t)(sizeof *e + e->len);
            if (concerns_us(w, e))
                changed(w);
        }
}

void watch_seen(struct supervisor *s)
{
    struct watch *w = s->watch;
    if (!w)
        return;
    ready(w, 0);
    w->first_ms = 0;
    loop_timer_clear(w->timer);
}

/* Adding a watch that exists changes nothing; a directory that is not there (yet) is told by its parent's watch. */
void watch_again(struct supervisor *s)
{
    struct watch *w = s->watch;
    char path[PATH_MAX];
    if (!w)
        return;
    w->directory = inotify_add_watch(w->fd, s->directory, EVENTS | IN_CREATE);
    snprintf(path, sizeof path, "%s/certificates", s->directory);
    (void)inotify_add_watch(w->fd, path, EVENTS | IN_CREATE);
    snprintf(path, sizeof path, "%s/%s", s->directory, config_secrets_name);
    (void)inotify_add_watch(w->fd, path, EVENTS);
    for (size_t i = 0; config_store_names[i]; i++) {
        snprintf(path, sizeof path, "%s/certificates/%s", s->directory, config_store_names[i]);
        (void)inotify_add_watch(w->fd, path, EVENTS);
    }
}

int watch_open(struct supervisor *s, struct diag *d)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w)
        return ERR_NOMEM;
    w->super = s;
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    s->watch = w;
    w->io = w->fd < 0 ? NULL : loop_io_open(s->loop, w->fd, ready, w);
    w->timer = loop_timer_new(s->loop, quiet, w);
    w->poll = loop_timer_new(s->loop, poll_now, w);
    if (!w->io || !w->timer || !w->poll) {
        diag_set(d, "changes of files will not be noticed: %s", strerror(errno));
        watch_close(s);
        return ERR_SYS;
    }
    loop_io_want(w->io, LOOP_READ, -1);
    watch_again(s);
    return 0;
}

void watch_close(struct supervisor *s)
{
    struct watch *w = s->watch;
    if (!w)
        return;
    s->watch = NULL;
    loop_io_close(w->io);
    loop_timer_free(w->timer);
    loop_timer_free(w->poll);
    free(w->wanted);
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}

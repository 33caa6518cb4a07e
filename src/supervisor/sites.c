/*
 * sites.c - which sites run, and the sockets they listen on.
 *
 * A site runs when the administrator wants it (serverAutoStart until he says otherwise), the loader found no fault with
 * it, every one of its bindings can be listened on, and,
 * where `stopWithoutLog` asks for that, its log can be written.  sites_apply() works from that and a plan (listen_plan.h); it
 * repeats while sockets fail, because each failure stops sites and so changes the plan.
 *
 * A socket that is no longer needed is shut down, not only closed: the workers hold it too, and its port must be free
 * (and refuse connections) before they have read our message.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fold.h"
#include "base/own.h"
#include "supervisor/listen_plan.h"
#include "sys/child.h"

/* What IIS reports: HRESULTs of Win32 errors. */
enum { HRESULT_WIN32 = (int)0x80070000, WIN32_ACCESS_DENIED = 5, WIN32_INVALID_DATA = 13, WIN32_SHARING_VIOLATION = 32, WIN32_WRITE_FAULT = 29 };

struct site {
    uint32_t id;
    bool wanted;       /* by configuration or the administrator */
    bool runs;
    bool told_stopped; /* what the workers believe */
    int log_errno;     /* why its log cannot be written, 0: it can */
    uint32_t win32;
    char why[256];     /* it does not run */
    char told[256];    /* `why`, when the service log said it */
};

struct listener {
    uint32_t number;
    struct net_addr addr;
    int fd;
    bool told;   /* to the workers */
    bool missed; /* by one of them */
};

struct sites {
    uint64_t generation;
    struct site *rows; /* as in the snapshot */
    size_t count;
    struct listener *listeners;
    size_t listener_count, listener_room;
    uint32_t next_number;
    int log_errno;             /* of the log of all sites */
};

int sites_new(struct supervisor *s)
{
    s->sites = calloc(1, sizeof *s->sites);
    return s->sites ? 0 : ERR_NOMEM;
}

void sites_free(struct supervisor *s)
{
    if (!s->sites)
        return;
    for (size_t i = 0; i < s->sites->listener_count; i++)
        close(s->sites->listeners[i].fd);
    free(s->sites->listeners);
    free(s->sites->rows);
    free(s->sites);
    s->sites = NULL;
}

/* ---- rows ---- */

static struct slice site_name(const struct supervisor *s, size_t row)
{
    return snapshot_text(s->current->view, snapshot_site(s->current->view, row)->name);
}

static void tell_stopped(struct supervisor *s, uint32_t id, bool stopped)
{
    EACH_PROGRAM(s, worker, PROGRAM_WORKER)
        MAILBOX_SEND(&worker->mail, -1, child_site, .site = id, .stopped = stopped);
}

/* Rows for the current generation; what the administrator started or stopped stays so.  The workers forget that a site
 * which is gone was stopped: the next new one may get its number. */
static int adopt_generation(struct supervisor *s)
{
    struct sites *t = s->sites;
    const struct snapshot *view = s->current->view;
    if (t->generation == s->current->number)
        return 0;
    size_t count = snapshot_count(view, SNAP_TABLE_site);
    struct site *rows = calloc(count + 1, sizeof *rows);
    if (!rows)
        return ERR_NOMEM;
    for (size_t row = 0; row < count; row++) {
        const struct snap_site *site = snapshot_site(view, row);
        rows[row] = (struct site){ .id = site->id, .wanted = site->server_auto_start };
    }
    for (size_t i = 0; i < t->count; i++) {
        const struct snap_site *same = snapshot_site_by_id(view, t->rows[i].id);
        if (same)
            rows[same - snapshot_site(view, 0)] = t->rows[i];
        else if (t->rows[i].told_stopped)
            tell_stopped(s, t->rows[i].id, false);
    }
    free(t->rows);
    t->rows = rows;
    t->count = count;
    t->generation = s->current->number;
    return 0;
}

static void stop_because(struct site *site, uint32_t win32, const char *fmt, ...) FORMAT_LIKE_PRINTF(3, 4);
static void stop_because(struct site *site, uint32_t win32, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(site->why, sizeof site->why, fmt, args);
    va_end(args);
    site->runs = false;
    site->win32 = win32;
}

/* Why the log that the site has now cannot be written, 0: it can.  One that it had before may still be failing. */
static int log_errno_of(const struct supervisor *s, size_t row)
{
    const struct snap_server *server = snapshot_server(s->current->view, 0);
    if (server->central_log_mode)
        return server->central_log_enabled ? s->sites->log_errno : 0;
    return snapshot_site(s->current->view, row)->log_enabled ? s->sites->rows[row].log_errno : 0;
}

/* Whether each site may run, before any socket is asked. */
static void judge(struct supervisor *s)
{
    for (size_t row = 0; row < s->sites->count; row++) {
        struct site *site = &s->sites->rows[row];
        int log_errno = log_errno_of(s, row);
        struct slice failure = snapshot_text(s->current->view, snapshot_site(s->current->view, row)->failure);
        site->runs = true;
        site->win32 = 0;
        site->why[0] = 0;
        if (!slice_is_empty(failure))
            stop_because(site, WIN32_INVALID_DATA, SLICE_FMT, SLICE_ARG(failure));
        else if (!site->wanted)
            stop_because(site, 0, "%s",
                         snapshot_site(s->current->view, row)->server_auto_start ? "stopped by the administrator"
                                                                                 : "serverAutoStart is false");
        else if (snapshot_server(s->current->view, 0)->stop_without_log && log_errno)
            stop_because(site, WIN32_WRITE_FAULT, "its log cannot be written: %s", strerror(log_errno));
    }
}

/* ---- sockets ---- */

static void address_text(const struct net_addr *addr, char *text, size_t size)
{
    OWNED_TEXT_BUFFER t = { 0 };
    net_addr_print(addr, &t);
    snprintf(text, size, addr->family == 6 ? "[%s]:%u" : "%s:%u", text_str(&t), addr->port);
}

/* Only where "*" and a single address stand side by side: elsewhere a second service on our port must fail. */
static int mark_shared(int fd, bool shares_port)
{
    int value = shares_port;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, sizeof value);
}

/* -1: errno says why. */
static int listen_on(const struct listen_want *want)
{
    struct sockaddr_storage sa;
    socklen_t len = net_addr_to_sockaddr(&want->addr, &sa);
    int one = 1;
    OWNED_FD fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0)
        return -1;
    if (mark_shared(fd, want->shares_port) < 0)
        return -1;
    if (sa.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, want->backlog) < 0)
        return -1;
    return fd_take(&fd);
}

/* For each socket of the plan the listener that is it, NULL: none yet.  All listeners must be planned, which
 * close_unplanned sees to.  NULL when out of memory. */
static struct listener **match_listeners(struct sites *t, const struct listen_plan *plan)
{
    struct listener **have = calloc(plan->count + 1, sizeof(struct listener *));
    for (size_t i = 0; have && i < t->listener_count; i++)
        have[listen_plan_find(plan, &t->listeners[i].addr)] = &t->listeners[i];
    return have;
}

/* Room was made by reserve_listeners. */
static void add_listener(struct sites *t, const struct net_addr *addr, int fd)
{
    t->listeners[t->listener_count++] = (struct listener){ .number = ++t->next_number, .addr = *addr, .fd = fd };
}

static void close_listener(struct supervisor *s, size_t i)
{
    struct sites *t = s->sites;
    struct listener gone = t->listeners[i];
    t->listeners[i] = t->listeners[--t->listener_count];
    shutdown(gone.fd, SHUT_RDWR);
    close(gone.fd);
    if (gone.told)
        EACH_PROGRAM(s, worker, PROGRAM_WORKER)
            MAILBOX_SEND(&worker->mail, -1, child_unlisten, .listener = gone.number);
}

void sites_close_all(struct supervisor *s)
{
    while (s->sites && s->sites->listener_count)
        close_listener(s, s->sites->listener_count - 1);
}

static bool is_planned(const struct listen_plan *plan, const struct net_addr *addr)
{
    size_t at = listen_plan_find(plan, addr);
    return at != SIZE_MAX && listen_compare(&plan->wants[at].addr, addr) == 0;
}

static void close_unplanned(struct supervisor *s, const struct listen_plan *plan)
{
    for (size_t i = s->sites->listener_count; i-- > 0;)
        if (!is_planned(plan, &s->sites->listeners[i].addr))
            close_listener(s, i);
}

static void stop_for_socket(struct supervisor *s, struct site *site, const struct net_addr *failed, int errnum)
{
    char where[80];
    address_text(failed, where, sizeof where);
    if (errnum == EACCES && failed->port < 1024 && !s->privileged)
        stop_because(site, WIN32_ACCESS_DENIED, "%s: ports below 1024 need root", where);
    else
        stop_because(site, errnum == EADDRINUSE ? WIN32_SHARING_VIOLATION : WIN32_ACCESS_DENIED, "%s: %s", where,
                     strerror(errnum));
}

/* Every site that needs a socket of the plan that failed stops; failed[i]: errno, 0 for those that did not. */
static void blame(struct supervisor *s, const struct listen_plan *plan, const int *failed)
{
    for (size_t row = 0; row < s->sites->count; row++) {
        struct site *site = &s->sites->rows[row];
        struct snap_range bindings = snapshot_site(s->current->view, row)->bindings;
        for (uint32_t i = 0; i < bindings.count && site->runs; i++) {
            struct net_addr addr[2];
            size_t n = listen_binding_addresses(s->current->view,
                                                snapshot_binding(s->current->view, bindings.first + i), addr);
            for (size_t j = 0; j < n && site->runs; j++) {
                size_t at = listen_plan_find(plan, &addr[j]);
                if (at != SIZE_MAX && failed[at])
                    stop_for_socket(s, site, &plan->wants[at].addr, failed[at]);
            }
        }
    }
}

static bool has_no_ipv6(int errnum)
{
    return errnum == EAFNOSUPPORT || errnum == EADDRNOTAVAIL;
}

/* Room for `more` listeners, so that pointers to them stay good while they are added. */
static MUST_USE int reserve_listeners(struct sites *t, size_t more)
{
    if (t->listener_count + more <= t->listener_room)
        return 0;
    size_t room = t->listener_count + more + t->listener_room;
    struct listener *grown = reallocarray(t->listeners, room, sizeof *grown);
    if (!grown)
        return ERR_NOMEM;
    t->listeners = grown;
    t->listener_room = room;
    return 0;
}

/* Bind what the plan wants and we have not.  failed[i] is errno for each that could not be had; returns how many. */
static unsigned bind_plan(struct supervisor *s, const struct listen_plan *plan, struct listener *const *have, int *failed)
{
    unsigned failures = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct listen_want *want = &plan->wants[i];
        if (have[i]) {
            (void)mark_shared(have[i]->fd, want->shares_port); /* these may have changed; marked before anything is bound beside */
            (void)listen(have[i]->fd, want->backlog);
        }
    }
    for (size_t i = 0; i < plan->count; i++) {
        const struct listen_want *want = &plan->wants[i];
        if (have[i])
            continue;
        int fd = listen_on(want);
        if (fd >= 0) {
            add_listener(s->sites, &want->addr, fd);
        } else if (!(want->optional && has_no_ipv6(errno))) {
            failed[i] = errno;
            failures++;
        }
    }
    return failures;
}

static unsigned carry_out(struct supervisor *s, const struct listen_plan *plan)
{
    int *failed = calloc(plan->count + 1, sizeof *failed);
    unsigned failures = 0;
    close_unplanned(s, plan);
    struct listener **have = reserve_listeners(s->sites, plan->count) ? NULL : match_listeners(s->sites, plan);
    if (failed && have) {
        failures = bind_plan(s, plan, have, failed);
        if (failures)
            blame(s, plan, failed);
    } else {
        say(s, LOG_LEVEL_ERROR, "listening sockets: %s", err_text(ERR_NOMEM));
    }
    free(failed);
    free(have);
    return failures;
}

static unsigned try_plan(struct supervisor *s)
{
    struct listen_plan plan;
    bool *runs = calloc(s->sites->count + 1, sizeof *runs);
    if (!runs)
        return 0;
    for (size_t row = 0; row < s->sites->count; row++)
        runs[row] = s->sites->rows[row].runs;
    unsigned failures = 0;
    if (listen_plan_make(s->current->view, runs, &plan) == 0) {
        failures = carry_out(s, &plan);
        listen_plan_free(&plan);
    }
    free(runs);
    return failures;
}

/* ---- the workers ---- */

/* Who could not be told is told when the listeners are looked at next. */
static void tell_listener(struct program *worker, struct listener *l)
{
    l->missed |= !PROGRAM_SEND_COPY(worker, l->fd, child_listener, .listener = l->number);
}

void sites_tell_listeners(struct supervisor *s, struct program *worker, bool first_part)
{
    size_t from = first_part ? 0 : CHILD_LISTENERS_MAX, to = first_part ? CHILD_LISTENERS_MAX : SIZE_MAX;
    for (size_t i = from; i < s->sites->listener_count && i < to; i++) {
        s->sites->listeners[i].told = true;
        tell_listener(worker, &s->sites->listeners[i]);
    }
}

void sites_tell_stopped(struct supervisor *s, struct program *worker)
{
    for (size_t row = 0; row < s->sites->count; row++)
        if (!s->sites->rows[row].runs)
            MAILBOX_SEND(&worker->mail, -1, child_site, .site = s->sites->rows[row].id, .stopped = true);
}

static void tell_workers(struct supervisor *s)
{
    for (size_t row = 0; row < s->sites->count; row++) {
        struct site *site = &s->sites->rows[row];
        if (site->told_stopped == !site->runs)
            continue;
        site->told_stopped = !site->runs;
        tell_stopped(s, site->id, !site->runs);
    }
    for (size_t i = 0; i < s->sites->listener_count; i++) {
        struct listener *l = &s->sites->listeners[i];
        if (l->told && !l->missed)
            continue;
        l->told = true;
        l->missed = false;
        EACH_PROGRAM(s, worker, PROGRAM_WORKER)
            tell_listener(worker, l);
    }
}

/* A site that should run and does not: once for each reason, or every reload would say it again. */
static void tell_log(struct supervisor *s)
{
    for (size_t row = 0; row < s->sites->count; row++) {
        struct site *site = &s->sites->rows[row];
        const char *why = site->runs || !site->wanted ? "" : site->why;
        if (*why && strcmp(why, site->told))
            say(s, LOG_LEVEL_ERROR, "site \"" SLICE_FMT "\" is stopped: %s", SLICE_ARG(site_name(s, row)), why);
        snprintf(site->told, sizeof site->told, "%s", why);
    }
}

void sites_apply(struct supervisor *s)
{
    if (adopt_generation(s)) {
        say(s, LOG_LEVEL_ERROR, "%s", err_text(ERR_NOMEM));
        return;
    }
    judge(s);
    while (try_plan(s)) {
    }
    tell_log(s);
    tell_workers(s);
}

void sites_log_state(struct supervisor *s, uint32_t id, int errnum)
{
    if (!id)
        s->sites->log_errno = errnum;
    for (size_t row = 0; row < s->sites->count; row++)
        if (s->sites->rows[row].id == id || (!id && !errnum))
            s->sites->rows[row].log_errno = errnum;
    if (s->stage <= STAGE_RUNNING && snapshot_server(s->current->view, 0)->stop_without_log)
        sites_apply(s);
}

/* ---- for the control socket ---- */

bool sites_is_started(const struct supervisor *s, uint32_t id)
{
    for (size_t row = 0; s->sites && row < s->sites->count; row++)
        if (s->sites->rows[row].id == id)
            return s->sites->rows[row].runs;
    return false;
}

bool sites_view(struct supervisor *s, size_t row, struct site_view *view_out)
{
    if (row >= s->sites->count)
        return false;
    const struct site *site = &s->sites->rows[row];
    *view_out = (struct site_view){
        .id = site->id,
        .name = site_name(s, row),
        .state = !site->runs                    ? SITE_STOPPED
                 : s->stage == STAGE_STARTING   ? SITE_STARTING
                 : s->stage == STAGE_RUNNING    ? SITE_STARTED
                                                : SITE_STOPPING,
        .status = site->win32 ? (uint32_t)HRESULT_WIN32 | site->win32 : 0,
        .sessions = counts_sum(s->counts, site->id),
        .why = site->why,
    };
    return true;
}

static struct site *find_site(struct supervisor *s, struct slice name, struct diag *d)
{
    for (size_t row = 0; row < s->sites->count; row++)
        if (fold_same(site_name(s, row), name))
            return &s->sites->rows[row];
    OWNED_TEXT_BUFFER escaped = { 0 };
    text_add_escaped(&escaped, name);
    diag_set(d, "there is no site \"%s\"", text_str(&escaped));
    return NULL;
}

/* The error whose number the command line ends with is the one that sites_view shows. */
static int error_of_start(const struct site *site)
{
    switch (site->win32) {
    case WIN32_SHARING_VIOLATION:
        return ERR_CONFLICT;
    case WIN32_ACCESS_DENIED:
        return ERR_DENIED;
    case WIN32_WRITE_FAULT:
        return ERR_IO;
    default:
        return ERR_STATE;
    }
}

int sites_start(struct supervisor *s, struct slice name, struct diag *d)
{
    struct site *site = find_site(s, name, d);
    if (!site)
        return ERR_NOT_FOUND;
    site->wanted = true;
    sites_apply(s);
    if (!site->runs) {
        diag_set(d, "%s", site->why);
        return error_of_start(site);
    }
    return 0;
}

int sites_stop(struct supervisor *s, struct slice name, struct diag *d)
{
    struct site *site = find_site(s, name, d);
    if (!site)
        return ERR_NOT_FOUND;
    site->wanted = false;
    sites_apply(s);
    return 0;
}

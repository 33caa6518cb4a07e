/* worker.c - putting the worker together, and the table of sessions. */
#include "worker/worker.h"

#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "policy/lockout.h"
#include "worker/access_log.h"
#include "worker/auth_link.h"
#include "worker/ended.h"
#include "worker/listeners.h"
#include "worker/penalty.h"
#include "worker/session.h"
#include "worker/supervised.h"

/* To the logger; while there is none, through the supervisor. */
void worker_event(struct worker *w, int level, const char *fmt, ...)
{
    char line[1024];
    uint8_t bytes[4096 + 128];
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    OWNED_TEXT_BUFFER escaped = { .max = 4096 };
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    text_add_escaped(&escaped, slice_str(line));
    int err = text_error(&escaped);
    if (!err)
        err = LINK_ENCODE(&out, log_event, .time = clock_calendar_ms(), .level = (uint8_t)level,
                          .where = SLICE_LITERAL("worker"), .text = text_slice(&escaped));
    if (err || link_try_send(&w->log, slice_of((const char *)out.ptr, out.len)))
        child_event(w->child, level, "%s", line);
}

bool worker_site_is_stopped(const struct worker *w, uint32_t site)
{
    for (size_t i = 0; i < w->stopped_count; i++)
        if (w->stopped_sites[i] == site)
            return true;
    return false;
}

/* ---- sessions by number ---- */

enum { SLOTS_FIRST = 64, SLOTS_MAX = 1 << 20, RESERVED_PART = 4 };

struct session *worker_session(const struct worker *w, uint64_t id)
{
    uint32_t slot = (uint32_t)id - 1;
    if (slot >= w->slot_count || w->slots[slot].turn != (uint32_t)(id >> 32))
        return NULL;
    return w->slots[slot].session;
}

struct session *worker_next_session(const struct worker *w, uint32_t *slot)
{
    while (*slot < w->slot_count) {
        struct session *s = w->slots[(*slot)++].session;
        if (s)
            return s;
    }
    return NULL;
}

static MUST_USE int more_slots(struct worker *w)
{
    uint32_t count = w->slot_count ? w->slot_count * 2 : SLOTS_FIRST;
    if (count > SLOTS_MAX)
        return ERR_LIMIT;
    struct session_slot *slots = realloc(w->slots, count * sizeof *slots);
    if (!slots)
        return ERR_NOMEM;
    memset(slots + w->slot_count, 0, (count - w->slot_count) * sizeof *slots);
    w->slot_free_hint = w->slot_count;
    w->slots = slots;
    w->slot_count = count;
    return 0;
}

int worker_add_session(struct worker *w, struct session *s, uint64_t *id_out)
{
    int err = w->session_count == w->slot_count ? more_slots(w) : 0;
    if (err)
        return err;
    uint32_t slot = w->slot_free_hint;
    while (w->slots[slot % w->slot_count].session)
        slot++;
    slot %= w->slot_count;
    w->slots[slot].session = s;
    w->slot_free_hint = slot + 1;
    w->session_count++;
    tally_connections_add(w->tally, w->child->index, +1);
    *id_out = (uint64_t)w->slots[slot].turn << 32 | (slot + 1);
    return 0;
}

void worker_remove_session(struct worker *w, uint64_t id)
{
    struct session_slot *slot = &w->slots[(uint32_t)id - 1];
    slot->session = NULL;
    slot->turn++;
    w->session_count--;
    w->session_ended = loop_now(w->loop);
    tally_connections_add(w->tally, w->child->index, -1);
}

void worker_check_drained(struct worker *w)
{
    if (w->draining && w->session_count == 0 && LINK_SEND(&w->supervisor, &w->out, child_drained, 0))
        loop_stop(w->loop);
}

/* ---- construction ---- */

static void log_arrived(struct worker *w, const struct wire_message *message, struct wire_in *fields, int *fd)
{
    (void)w;
    (void)message;
    (void)fields;
    (void)fd; /* the table lets the logger send nothing */
}

static void log_gone(struct worker *w)
{
    worker_event(w, LOG_LEVEL_WARNING, "the logger is gone: records wait until it is back");
}

static void init_links(struct worker *w)
{
    w->supervisor = (struct link){ w, &child_channel, ROLE_SUPERVISOR, -1, NULL, { 0 }, supervised_arrived, supervised_gone, false };
    w->auth = (struct link){ w, &auth_channel, ROLE_AUTH, -1, NULL, { 0 }, auth_arrived, auth_gone, false };
    w->broker = (struct link){ w, &broker_channel, ROLE_BROKER, -1, NULL, { 0 }, broker_arrived, broker_gone, false };
    w->log = (struct link){ w, &log_channel, ROLE_LOGGER, -1, NULL, { 0 }, log_arrived, log_gone, true };
    neighbours_init(w);
}

static MUST_USE int connect_peers(struct worker *w, struct child *c)
{
    for (size_t i = 0; i < c->peer_count; i++) {
        int fd = c->peers[i].fd;
        c->peers[i].fd = -1;
        int err = fd >= 0 ? supervised_connect(w, c->peers[i].role, c->peers[i].index, fd) : 0;
        if (err)
            return err;
    }
    return link_open(&w->supervisor, w->loop, c->fd);
}

/* Without one from the supervisor the worker is alone and counts for itself. */
static MUST_USE int open_tally(struct worker *w, struct child *c)
{
    int err = c->region_fd < 0 ? tally_create(&c->region_fd) : 0;
    if (!err)
        err = tally_map(c->region_fd, &w->tally);
    if (c->region_fd >= 0)
        close(c->region_fd);
    c->region_fd = -1;
    return err;
}

static MUST_USE int take_start(struct worker *w, struct child *c)
{
    int err = connect_peers(w, c);
    if (!err && c->counts_fd >= 0)
        err = counts_map(c->counts_fd, &w->counts);
    if (!err)
        err = open_tally(w, c);
    if (!err && c->ticket_keys_len)
        err = tls_keys_set(w->keys, slice_of((const char *)c->ticket_keys, c->ticket_keys_len));
    if (!err)
        err = generation_new(w, snapshot_ref(c->snapshot), NULL, &w->generation);
    for (size_t i = 0; !err && i < c->listener_count; i++) {
        struct child_listener_fd *l = &c->listeners[i];
        int fd = l->fd;
        l->fd = -1;
        err = listeners_add(w, l->listener, fd);
    }
    return err;
}

/* A crowd that does not even log in must leave descriptors to those who did (threats.md P32, H01). */
static int most_for_connections(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > INT_MAX)
        return INT_MAX;
    return (int)(limit.rlim_cur - limit.rlim_cur / RESERVED_PART);
}

int worker_new(struct child *child, struct worker **worker_out, struct diag *d)
{
    struct worker *w = calloc(1, sizeof *w);
    if (!w) {
        diag_set(d, "%s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    w->child = child;
    w->spare_fd = -1;
    w->fd_most = most_for_connections();
    init_links(w);
    w->loop = loop_new();
    w->hub = w->loop ? data_hub_new(w->loop) : NULL;
    w->keys = tls_keys_new();
    w->ended_timer = w->loop ? loop_timer_new(w->loop, ended_tell, w) : NULL;
    w->log_timer = w->loop ? loop_timer_new(w->loop, access_log_send, w) : NULL;
    bool are_floods_told = w->loop && !flood_begin(&w->refused, w->loop, listeners_tell_refused, w) &&
                           !flood_begin(&w->dropped_early, w->loop, listeners_tell_early, w) &&
                           !flood_begin(&w->penalised, w->loop, penalty_tell, w);
    w->in_buffer = malloc(WIRE_DATAGRAM_MAX);
    w->out = (struct wire_out){ malloc(WIRE_DATAGRAM_MAX), WIRE_DATAGRAM_MAX, 0, 0 };
    bool is_made = w->hub && w->keys && w->ended_timer && w->log_timer && are_floods_told && w->in_buffer && w->out.ptr &&
                   !ended_prepare(w);
    int err = is_made ? take_start(w, child) : ERR_NOMEM;
    if (err) {
        diag_set(d, "the worker cannot be set up: %s", err_text(err));
        worker_free(w);
        return err;
    }
    *worker_out = w;
    return 0;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    struct session *s;
    w->draining = false;
    for (uint32_t slot = 0; (s = worker_next_session(w, &slot));) {
        session_enter(s);
        session_die(s, SUB_SITE_STOPPED, 0);
        session_leave(s);
    }
    listeners_remove_all(w);
    if (w->spare_fd >= 0)
        close(w->spare_fd);
    flood_end(&w->refused);
    flood_end(&w->dropped_early);
    flood_end(&w->penalised);
    access_log_send(w);
    ended_tell(w);
    text_free(&w->ended);
    text_free(&w->log_records);
    text_free(&w->log.queue);
    text_free(&w->flushes);
    lockout_free(w->blocked);
    link_close(&w->auth);
    link_close(&w->broker);
    link_close(&w->log);
    link_close(&w->supervisor);
    neighbours_close(w);
    w->child->fd = -1;
    loop_timer_free(w->drain_timer);
    loop_timer_free(w->ended_timer);
    loop_timer_free(w->log_timer);
    generation_unref(w->generation);
    counts_unmap(w->counts);
    tally_unmap(w->tally);
    data_hub_free(w->hub);
    tls_keys_unref(w->keys);
    loop_free(w->loop);
    free(w->requests.slots);
    free(w->slots);
    free(w->stopped_sites);
    free(w->in_buffer);
    free(w->out.ptr);
    free(w);
}

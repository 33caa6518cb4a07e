/* supervised.c - messages of the supervisor. */
#include "worker/supervised.h"

#include "base/own.h"
#include "worker/certificate.h"
#include "worker/hosts.h"
#include "worker/listeners.h"
#include "worker/run.h"
#include "worker/session.h"
#include "worker/worker.h"

/* ---- configuration ---- */

/* Whether the new configuration still has the session's site, bound to where the session came in. */
static bool is_still_bound(const struct generation *g, const struct session *s)
{
    const struct snap_site *site = snapshot_site_by_id(g->snapshot, s->site->id);
    if (!site || generation_text(g, site->failure).len)
        return false;
    const struct snap_binding *b = hosts_find(g->snapshot, &s->local, slice_str(s->host));
    if (!b && !s->host)
        b = hosts_default(g->snapshot, &s->local);
    return b && snapshot_site(g->snapshot, b->site) == site && (b->implicit_tls != 0) == s->implicit_tls;
}

static int on_snapshot(struct worker *w, struct wire_in *in, int *fd)
{
    struct child_snapshot m;
    struct snapshot *snapshot;
    struct generation *g;
    int err = child_snapshot_decode(in, &m);
    if (!err)
        err = snapshot_open(*fd, &snapshot);
    if (!err)
        err = generation_new(w, snapshot, w->generation, &g);
    if (err)
        return err;
    generation_unref(w->generation);
    w->generation = g;
    struct session *s;
    for (uint32_t slot = 0; (s = worker_next_session(w, &slot));) {
        if (is_still_bound(g, s))
            continue;
        session_enter(s);
        session_end(s, SUB_CONFIGURATION_CHANGED, REPLY_NO_SERVICE);
        session_leave(s);
    }
    return LINK_SEND(&w->supervisor, &w->out, child_taken, .generation = m.generation);
}

static int on_ticket_keys(struct worker *w, struct wire_in *in, int *fd)
{
    (void)fd;
    struct child_ticket_keys m;
    int err = child_ticket_keys_decode(in, &m);
    return err ? err : tls_keys_set(w->keys, m.keys);
}

/* ---- peers and listeners ---- */

static struct link *link_of_peer(struct worker *w, unsigned role, unsigned index)
{
    switch (role) {
    case ROLE_AUTH:
        return &w->auth;
    case ROLE_BROKER:
        return &w->broker;
    case ROLE_LOGGER:
        return &w->log;
    case ROLE_WORKER:
        return neighbours_link(w, index);
    default:
        return NULL;
    }
}

int supervised_connect(struct worker *w, unsigned role, unsigned index, int fd)
{
    struct link *l = link_of_peer(w, role, index);
    if (!l) {
        close(fd);
        return ERR_DENIED;
    }
    if (link_is_open(l)) { /* its end of the old channel has not been noticed yet */
        link_close(l);
        l->closed(w);
    }
    int err = link_open(l, w->loop, fd);
    if (err)
        close(fd);
    else if (role == ROLE_AUTH)
        certificates_present(w);
    return err;
}

static int on_peer(struct worker *w, struct wire_in *in, int *fd)
{
    struct child_peer m;
    int err = child_peer_decode(in, &m);
    return err ? err : supervised_connect(w, m.role, m.index, fd_take(fd));
}

static int on_listener(struct worker *w, struct wire_in *in, int *fd)
{
    struct child_listener m;
    int err = child_listener_decode(in, &m);
    return err ? err : listeners_add(w, m.listener, fd_take(fd));
}

static int on_unlisten(struct worker *w, struct wire_in *in, int *fd)
{
    (void)fd;
    struct child_unlisten m;
    int err = child_unlisten_decode(in, &m);
    if (!err)
        listeners_remove(w, m.listener);
    return err;
}

/* ---- sites and sessions ---- */

static void unmark_stopped(struct worker *w, uint32_t site)
{
    for (size_t i = 0; i < w->stopped_count; i++)
        if (w->stopped_sites[i] == site)
            w->stopped_sites[i--] = w->stopped_sites[--w->stopped_count];
}

static int on_site(struct worker *w, struct wire_in *in, int *fd)
{
    (void)fd;
    struct child_site m;
    int err = child_site_decode(in, &m);
    if (err)
        return err;
    unmark_stopped(w, m.site);
    if (!m.stopped)
        return 0;
    uint32_t *grown = realloc(w->stopped_sites, (w->stopped_count + 1) * sizeof *grown);
    if (!grown)
        return ERR_NOMEM;
    w->stopped_sites = grown;
    w->stopped_sites[w->stopped_count++] = m.site;
    sessions_end_site(w, m.site);
    return 0;
}

static int send_session(struct worker *w, const struct session *s, uint32_t query)
{
    const struct run *r = s->run;
    return LINK_SEND(&w->supervisor, &w->out, child_session, .query = query, .site = s->site->id,
                     .session_id = slice_of((const char *)s->guid, sizeof s->guid),
                     .user = s->anonymous ? SLICE_LITERAL("<Anonymous>") : slice_str(s->user), .client = s->peer,
                     .start_time = s->start_time, .current_command = r ? slice_str(r->verb) : SLICE_NONE,
                     .previous_command = slice_str(s->previous_verb), .command_start = r ? r->wall_ms / 1000 : 0,
                     .bytes_sent = s->bytes_sent + (r && r->transfer && r->kind != TRANSFER_UPLOAD
                                                        ? transfer_wire_bytes(r->transfer) : 0),
                     .bytes_received = s->bytes_received + (r && r->transfer && r->kind == TRANSFER_UPLOAD
                                                                ? transfer_wire_bytes(r->transfer) : 0),
                     .last_error = s->last_error, .tls = session_is_secure(s));
}

static int on_list_sessions(struct worker *w, struct wire_in *in, int *fd)
{
    (void)fd;
    struct child_list_sessions m;
    int err = child_list_sessions_decode(in, &m);
    struct session *s;
    for (uint32_t slot = 0; !err && (s = worker_next_session(w, &slot));)
        if (m.site == 0 || m.site == s->site->id)
            err = send_session(w, s, m.query);
    return err ? err : LINK_SEND(&w->supervisor, &w->out, child_sessions_end, .query = m.query);
}

static int on_terminate(struct worker *w, struct wire_in *in, int *fd)
{
    (void)fd;
    struct child_terminate m;
    int err = child_terminate_decode(in, &m);
    struct session *s;
    for (uint32_t slot = 0; !err && (s = worker_next_session(w, &slot));) {
        if (!slice_equal(m.session_id, slice_of((const char *)s->guid, sizeof s->guid)))
            continue;
        session_enter(s);
        session_end(s, SUB_TERMINATED, REPLY_NO_SERVICE);
        session_leave(s);
    }
    return err;
}

/* Answered when everything that came in before has been handled and what there was to log is in the logger's socket. */
static int on_flush(struct worker *w, struct wire_in *in, int *fd)
{
    (void)fd;
    struct child_flush m;
    int err = child_flush_decode(in, &m);
    if (err)
        return err;
    text_add(&w->flushes, slice_of((const char *)&m.query, sizeof m.query));
    loop_timer_set(w->log_timer, 0);
    return text_error(&w->flushes);
}

void supervised_flushed(struct worker *w)
{
    while (w->flushes.len) {
        uint32_t query;
        memcpy(&query, w->flushes.ptr, sizeof query);
        text_drop(&w->flushes, sizeof query);
        if (LINK_SEND(&w->supervisor, &w->out, child_done, .query = query))
            return; /* we end without a supervisor */
    }
}

/* ---- draining ---- */

static void end_all(struct worker *w, bool transfers_too)
{
    struct session *s;
    for (uint32_t slot = 0; (s = worker_next_session(w, &slot));) {
        if (!transfers_too && s->run && s->run->transfer)
            continue;
        session_enter(s);
        session_end(s, SUB_SITE_STOPPED, REPLY_NO_SERVICE);
        session_leave(s);
    }
}

static void drain_over(void *context)
{
    end_all(context, true);
}

static int on_drain(struct worker *w, struct wire_in *in, int *fd)
{
    (void)fd;
    struct child_drain m;
    int err = child_drain_decode(in, &m);
    if (err)
        return err;
    listeners_remove_all(w);
    w->draining = true;
    if (!w->drain_timer)
        w->drain_timer = loop_timer_new(w->loop, drain_over, w);
    if (w->drain_timer)
        loop_timer_set(w->drain_timer, (int64_t)m.seconds * 1000);
    end_all(w, !w->drain_timer);
    worker_check_drained(w);
    return 0;
}

/* ---- the table ---- */

static const struct {
    uint16_t number;
    int (*handle)(struct worker *w, struct wire_in *in, int *fd);
} handlers[] = {
    { MSG_child_snapshot,      on_snapshot      },
    { MSG_child_peer,          on_peer          },
    { MSG_child_listener,      on_listener      },
    { MSG_child_unlisten,      on_unlisten      },
    { MSG_child_ticket_keys,   on_ticket_keys   },
    { MSG_child_site,          on_site          },
    { MSG_child_list_sessions, on_list_sessions },
    { MSG_child_terminate,     on_terminate     },
    { MSG_child_flush,         on_flush         },
    { MSG_child_drain,         on_drain         },
};

void supervised_arrived(struct worker *w, const struct wire_message *message, struct wire_in *fields, int *fd)
{
    int err = ERR_STATE;
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        if (handlers[i].number == message->number)
            err = handlers[i].handle(w, fields, fd);
    if (err)
        worker_event(w, LOG_LEVEL_ERROR, "%s from the supervisor: %s", message->name, err_text(err));
}

/* Without a supervisor nobody restarts, reloads or stops us: end. */
void supervised_gone(struct worker *w)
{
    w->child->fd = -1;
    loop_stop(w->loop);
}

/*
 * broker.c - serving the channels.
 *
 * Each channel has one table row per message; anything else that arrives was judged by the channel's own table and is
 * an error of the peer.  A snapshot is held by every request that began under it, so a new one never pulls rules away
 * from under a running request, and the next request sees the new rules (threats.md A15).
 */
#include "broker/broker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/own.h"
#include "broker/home.h"
#include "broker/verbs.h"
#include "policy/win_error.h"
#include "proto/log.h"
#include "sys/datagram.h"

enum {
    THREAD_STACK = 2 * 1024 * 1024,
    FINISH_MS = 1500, /* the supervisor waits for two seconds before it kills a broker whose worker is gone */
};

/* ---- telling the administrator ---- */

static bool tell_logger(struct broker *b, int level, struct slice line)
{
    int fd = peer_socket_try_hold(&b->logger);
    if (fd < 0)
        return false;
    uint8_t bytes[4096 + 128];
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    const struct log_event m = { .time = (int64_t)time(NULL) * 1000, .level = (uint8_t)level,
                                 .where = SLICE_LITERAL("broker"), .text = line };
    wire_channel_begin(&out, MSG_log_event);
    int err = log_event_encode(&m, &out);
    /* The log never holds up a request: a full socket loses the line (H06). */
    if (!err && send(fd, bytes, out.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        err = errno == EPIPE || errno == ECONNRESET ? ERR_CLOSED : ERR_AGAIN;
    peer_socket_release(&b->logger, fd, err == ERR_CLOSED);
    return !err;
}

void broker_tell(struct broker *b, int level, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    OWNED_TEXT_BUFFER escaped = { .max = 4096 };
    text_add_escaped(&escaped, slice_str(line));
    if (!tell_logger(b, level, text_slice(&escaped)) && b->tell)
        b->tell(b->tell_context, level, line);
}

/* ---- life ---- */

int broker_init(struct broker *b, struct snapshot *snapshot, int worker, int auth, int logger)
{
    *b = (struct broker){ .snapshot = snapshot, .worker = worker };
    peer_socket_init(&b->auth, auth);
    peer_socket_init(&b->logger, logger);
    if (pthread_mutex_init(&b->lock, NULL) || pthread_cond_init(&b->changed, NULL))
        return ERR_SYS;
    int err = readers_init(&b->readers);
    return err ? err : grants_init(&b->grants);
}

static struct snapshot *current_snapshot(struct broker *b)
{
    pthread_mutex_lock(&b->lock);
    struct snapshot *s = snapshot_ref(b->snapshot);
    pthread_mutex_unlock(&b->lock);
    return s;
}

void broker_set_snapshot(struct broker *b, struct snapshot *snapshot)
{
    pthread_mutex_lock(&b->lock);
    struct snapshot *old = b->snapshot;
    b->snapshot = snapshot;
    pthread_mutex_unlock(&b->lock);
    snapshot_unref(old);
}

static int tell_held(void *context, uint64_t ticket, const struct standing *as)
{
    const int *auth = context;
    return DATAGRAM_SEND(*auth, -1, grant_held, .ticket = ticket, .site = as->site, .roles = text_slice(&as->roles),
                         .memo = text_slice(&as->memo));
}

/* One that was started anew learns which logins live, before it is asked for more.  It may still be starting and not
 * read; requests go on meanwhile.  A grant that ends then is told by the worker. */
void broker_set_auth(struct broker *b, int fd)
{
    grants_hear(&b->grants);
    int err = grants_each(&b->grants, tell_held, &fd);
    if (err)
        broker_tell(b, LOG_LEVEL_ERROR, "the authenticator could not be told which logins live: %s", err_text(err));
    peer_socket_replace(&b->auth, fd);
}

void broker_set_logger(struct broker *b, int fd)
{
    peer_socket_replace(&b->logger, fd);
}

void broker_end(struct broker *b)
{
    pthread_mutex_lock(&b->lock);
    b->is_ending = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    readers_end(&b->readers);
}

/* False when the broker is ending: nothing new begins. */
static bool begin_request(struct broker *b)
{
    pthread_mutex_lock(&b->lock);
    bool may = !b->is_ending;
    b->running += may;
    pthread_mutex_unlock(&b->lock);
    return may;
}

static void end_request(struct broker *b)
{
    pthread_mutex_lock(&b->lock);
    b->running--;
    if (b->is_ending) /* nobody waits before */
        pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

void broker_wait(struct broker *b)
{
    pthread_mutex_lock(&b->lock);
    while (!b->is_ending)
        pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
    grants_drop_all(&b->grants); /* but those in use, whose last request does it */
    pthread_mutex_lock(&b->lock);
    /* A request that hangs in a dead disk is not worth waiting for. */
    int64_t until = clock_ms() + FINISH_MS;
    while (b->running && clock_wait(&b->changed, &b->lock, until))
        ;
    pthread_mutex_unlock(&b->lock);
    grants_drop_all(&b->grants);
}

void broker_free(struct broker *b)
{
    (void)shutdown(b->worker, SHUT_RDWR);
    peer_socket_stop(&b->auth);
    peer_socket_stop(&b->logger);
    for (size_t i = 0; i < b->thread_count; i++)
        pthread_join(b->threads[i], NULL);
    close(b->worker);
    readers_free(&b->readers);
    grants_free(&b->grants);
    snapshot_unref(b->snapshot);
}

/* ---- the worker's channel ---- */

static int answer_worker(struct broker *b, const struct verb_result *r)
{
    return DATAGRAM_SEND(b->worker, r->fd, broker_answer, .request = r->answer.request, .status = r->answer.status,
                         .win32 = r->answer.win32, .substatus = r->answer.substatus, .type = r->answer.type,
                         .size = r->answer.size, .mtime = r->answer.mtime, .handle = r->answer.handle,
                         .limit = r->answer.limit, .more = r->answer.more, .reason = r->answer.reason, .name = r->answer.name,
                         .data = r->answer.data);
}

static int on_request(struct broker *b, struct wire_in *in)
{
    struct broker_request ask;
    int err = broker_request_decode(in, &ask);
    if (err)
        return err;
    struct snapshot *snapshot = current_snapshot(b);
    struct verb_result result = VERB_RESULT_NONE;
    verbs_run(&b->grants, snapshot, &ask, &result);
    if (result.answer.substatus == SUB_CONFIGURATION_CHANGED)
        grants_drop(&b->grants, ask.ticket); /* its site is gone */
    snapshot_unref(snapshot);
    err = answer_worker(b, &result);
    verbs_end(&b->grants, &result);
    return err;
}

static int on_release(struct broker *b, struct wire_in *in)
{
    struct broker_release m;
    int err = broker_release_decode(in, &m);
    grants_hear(&b->grants);
    if (!err)
        grants_drop(&b->grants, m.ticket);
    return err;
}

static const struct {
    uint16_t number;
    int (*handle)(struct broker *b, struct wire_in *in);
} worker_messages[] = {
    { MSG_broker_request, on_request },
    { MSG_broker_release, on_release },
};

int broker_serve_worker(struct broker *b, struct slice datagram, unsigned fds)
{
    const struct wire_message *m;
    struct wire_in in;
    int err = wire_channel_accept(&broker_channel, ROLE_WORKER, datagram, fds, &m, &in);
    for (size_t i = 0; !err && i < sizeof worker_messages / sizeof worker_messages[0]; i++)
        if (worker_messages[i].number == m->number)
            return worker_messages[i].handle(b, &in);
    return err ? err : ERR_STATE;
}

static int serve_one(struct broker *b, int seat, char *buffer)
{
    struct slice datagram;
    OWNED_FD fd = -1;
    int err = datagram_receive(b->worker, buffer, WIRE_DATAGRAM_MAX, &datagram, &fd);
    if (err)
        return err;
    if (!begin_request(b))
        return ERR_CLOSED;
    readers_begin(&b->readers, seat);
    err = broker_serve_worker(b, datagram, fd >= 0);
    end_request(b);
    return err;
}

static void *serve_worker(void *context)
{
    struct broker *b = context;
    char *buffer = malloc(WIRE_DATAGRAM_MAX);
    int err = buffer ? 0 : ERR_NOMEM;
    while (!err) {
        int seat = readers_enter(&b->readers);
        if (seat < 0)
            break;
        do
            err = serve_one(b, seat, buffer);
        while (!err && readers_stay(&b->readers, seat));
    }
    if (err && err != ERR_CLOSED)
        broker_tell(b, LOG_LEVEL_ERROR, "the worker's channel ends: %s", err_text(err));
    free(buffer);
    broker_end(b);
    return NULL;
}

/* ---- the authenticator's channel ---- */

/* The lowest uid: of accounts of this machine, or of those that a site's fileAccessIdentity gives. */
static uint32_t floor_of(const struct snapshot *s, uint32_t site_id, bool local)
{
    const struct snap_site *site = snapshot_site_by_id(s, site_id);
    return local || !site ? snapshot_server(s, 0)->uid_floor : site->minimum_uid;
}

static int on_give(struct broker *b, int auth, struct wire_in *in, int *fd)
{
    (void)fd;
    struct grant_give m;
    int err = grant_give_decode(in, &m);
    if (err)
        return err;
    OWNED_TEXT_BUFFER told = { 0 };
    struct reason why = { 0 };
    struct standing *as = NULL;
    uint32_t win32 = 0;
    unsigned substatus = 0;
    struct snapshot *snapshot = current_snapshot(b);
    int verdict = standing_new(&m, floor_of(snapshot, m.site, m.account == GRANT_LOCAL || m.account == GRANT_ANONYMOUS), &as);
    if (verdict) {
        win32 = WIN_ACCESS_DENIED;
        substatus = SUB_FILE_DENIED;
        reason_set(&why, 0, "uid %u may not be used: %s", m.uid, err_text(verdict));
        broker_tell(b, LOG_LEVEL_WARNING, "no grant for '" SLICE_FMT "' (uid %u): %s", SLICE_ARG(m.user), m.uid,
                    err_text(verdict));
    } else {
        verdict = home_find(snapshot, as, &b->grants.fixed, &win32, &substatus, &why);
        if (!verdict)
            verdict = grants_add(&b->grants, m.ticket, as);
    }
    reason_print(snapshot, &why, &told);
    uint64_t generation = snapshot_generation(snapshot);
    snapshot_unref(snapshot);
    err = DATAGRAM_SEND(auth, -1, grant_answer, .ticket = m.ticket, .generation = generation, .accepted = !verdict,
                        .win32 = win32, .substatus = substatus, .home = as ? text_slice(&as->start) : SLICE_NONE,
                        .reason = slice_first(text_slice(&told), DETAIL_LIMIT));
    standing_unref(as);
    return err;
}

static int on_revoke(struct broker *b, int auth, struct wire_in *in, int *fd)
{
    (void)auth;
    (void)fd;
    struct grant_revoke m;
    int err = grant_revoke_decode(in, &m);
    if (!err)
        grants_drop(&b->grants, m.ticket);
    return err;
}

static int on_ended(struct broker *b, int auth, struct wire_in *in, int *fd)
{
    (void)auth;
    (void)fd;
    struct grant_ended m;
    int err = grant_ended_decode(in, &m);
    if (err)
        return err;
    struct wire_in tickets = wire_in_of(m.tickets.ptr, m.tickets.len);
    while (!tickets.err && tickets.at < tickets.len)
        grants_drop(&b->grants, wire_get_number(&tickets, sizeof(uint64_t), UINT64_MAX));
    return tickets.err;
}

static int on_fixed(struct broker *b, int auth, struct wire_in *in, int *fd)
{
    (void)fd;
    struct grant_fixed m;
    int err = grant_fixed_decode(in, &m);
    if (err)
        return err;
    struct snapshot *snapshot = current_snapshot(b);
    err = fixed_set(&b->grants.fixed, &m, floor_of(snapshot, m.site, m.local));
    snapshot_unref(snapshot);
    if (err)
        broker_tell(b, LOG_LEVEL_WARNING, "account '" SLICE_FMT "' (uid %u) of virtual directory " SLICE_FMT " cannot be used: %s",
                    SLICE_ARG(m.user), m.uid, SLICE_ARG(m.path), err_text(err));
    return DATAGRAM_SEND(auth, -1, grant_fixed_done, 0);
}

static int on_twins(struct broker *b, int auth, struct wire_in *in, int *fd)
{
    (void)in; /* no fields */
    if (*fd < 0)
        return 0; /* no descriptor was left for it: we are asked about each login */
    int err = grants_set_pipe(&b->grants, fd_take(fd));
    return err ? err : DATAGRAM_SEND(auth, -1, grant_twins_taken, 0);
}

static const struct {
    uint16_t number;
    int (*handle)(struct broker *b, int auth, struct wire_in *in, int *fd);
} auth_messages[] = {
    { MSG_grant_give,   on_give },
    { MSG_grant_revoke, on_revoke },
    { MSG_grant_ended,  on_ended  },
    { MSG_grant_fixed,  on_fixed  },
    { MSG_grant_twins,  on_twins  },
};

int broker_serve_auth(struct broker *b, int auth, struct slice datagram, int *fd)
{
    const struct wire_message *m;
    struct wire_in in;
    int err = wire_channel_accept(&grant_channel, ROLE_AUTH, datagram, *fd >= 0, &m, &in);
    grants_hear(&b->grants);
    for (size_t i = 0; !err && i < sizeof auth_messages / sizeof auth_messages[0]; i++)
        if (auth_messages[i].number == m->number)
            return auth_messages[i].handle(b, auth, &in, fd);
    return err ? err : ERR_STATE;
}

/* An authenticator that ends is restarted and comes back on a new socket; what it granted stays. */
static void *serve_auth(void *context)
{
    struct broker *b = context;
    char *buffer = malloc(WIRE_DATAGRAM_MAX);
    for (bool is_ending = !buffer; !is_ending;) {
        struct slice datagram;
        OWNED_FD fd = -1;
        int auth = peer_socket_hold(&b->auth);
        if (auth < 0)
            break;
        int err = datagram_receive(auth, buffer, WIRE_DATAGRAM_MAX, &datagram, &fd);
        is_ending = !begin_request(b);
        if (!is_ending) {
            if (!err)
                err = broker_serve_auth(b, auth, datagram, &fd);
            end_request(b);
        }
        if (err && err != ERR_CLOSED)
            broker_tell(b, LOG_LEVEL_ERROR, "the authenticator's channel ends: %s", err_text(err));
        if (err)
            (void)shutdown(auth, SHUT_RDWR); /* the other threads leave it too */
        peer_socket_release(&b->auth, auth, err != 0);
    }
    free(buffer);
    return NULL;
}

int broker_start(struct broker *b)
{
    pthread_attr_t attr;
    if (pthread_attr_init(&attr))
        return ERR_NOMEM;
    int failed = pthread_attr_setstacksize(&attr, THREAD_STACK);
    for (size_t i = 0; !failed && i < BROKER_THREADS + BROKER_AUTH_THREADS; i++) {
        failed = pthread_create(&b->threads[i], &attr, i < BROKER_THREADS ? serve_worker : serve_auth, b);
        b->thread_count += !failed;
    }
    pthread_attr_destroy(&attr);
    return failed ? ERR_SYS : 0;
}

/*
 * server.c - the channels of the authenticator.
 *
 * Every socket is non-blocking; what one does not take waits in a list per peer, bounded.  Which message may come from
 * whom is the channel's table; which of them we handle, and how, is `handlers` and `orders` below.
 */
#include "auth/server_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/rehearsal.h"
#include "base/clock.h"
#include "base/secret.h"
#include "sys/datagram.h"

enum { WAITING_MAX = 4 * 1024 * 1024, LOG_WAITING_MAX = 1024 * 1024, BATCH = 64 };

/* ---- sending ---- */

struct peer *server_peer(struct auth_server *a, unsigned role, unsigned index)
{
    for (size_t i = 0; i < AUTH_PEERS_MAX; i++)
        if (a->peers[i].fd >= 0 && a->peers[i].role == role && a->peers[i].index == index && !a->peers[i].broken)
            return &a->peers[i];
    return NULL;
}

static void drop_outgoing(struct peer *p)
{
    struct outgoing *out = p->first;
    p->first = out->next;
    if (!p->first)
        p->last = NULL;
    p->waiting -= out->len;
    secret_wipe(out->bytes, out->len); /* passwords on their way to pam */
    free(out);
}

static void enqueue(struct peer *p, struct slice bytes)
{
    struct outgoing *out = p->waiting + bytes.len > WAITING_MAX ? NULL : malloc(sizeof *out + bytes.len);
    if (!out) {
        p->broken = true;
        return;
    }
    *out = (struct outgoing){ .len = bytes.len };
    memcpy(out->bytes, bytes.ptr, bytes.len);
    if (p->last)
        p->last->next = out;
    else
        p->first = out;
    p->last = out;
    p->waiting += bytes.len;
}

void server_send(struct peer *p, struct slice bytes)
{
    int err = p->first ? ERR_AGAIN : datagram_send(p->fd, bytes, -1);
    if (err == ERR_AGAIN)
        enqueue(p, bytes);
    else if (err)
        p->broken = true;
}

static void send_waiting(struct peer *p)
{
    while (p->first) {
        int err = datagram_send(p->fd, slice_of((char *)p->first->bytes, p->first->len), -1);
        p->broken |= err && err != ERR_AGAIN;
        if (err)
            return;
        drop_outgoing(p);
    }
}

void server_send_supervisor(struct auth_server *a, struct slice bytes)
{
    if (datagram_send(a->child->fd, bytes, -1))
        server_tell(a, LOG_LEVEL_WARNING, "a message to the supervisor was lost");
}

/* Both say it: whoever sends next, and the turn in which the last of what waited has gone. */
static void tell_lost(struct auth_server *a, struct peer *logger)
{
    uint64_t lost = a->log_lost;
    a->log_lost = 0;
    if (lost)
        SERVER_SEND(logger, log_lost, .count = lost);
    if (logger->broken)
        a->log_lost = lost;
}

void server_log(struct auth_server *a, struct slice bytes)
{
    struct peer *logger = server_peer(a, ROLE_LOGGER, 0);
    if (!logger || logger->waiting + bytes.len > LOG_WAITING_MAX) {
        a->log_lost++;
        return;
    }
    tell_lost(a, logger);
    server_send(logger, bytes);
    a->log_lost += logger->broken;
}

/* To the logger; to the supervisor while there is none. */
void server_tell(struct auth_server *a, uint8_t level, const char *fmt, ...)
{
    char line[1024];
    uint8_t bytes[4096 + 128];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    const struct log_event m = { clock_calendar_ms(), level, SLICE_LITERAL("auth"), slice_str(line) };
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    wire_channel_begin(&out, MSG_log_event);
    if (!server_peer(a, ROLE_LOGGER, 0))
        child_event(a->child, level, "%s", line);
    else if (log_event_encode(&m, &out) == 0)
        server_log(a, slice_of((char *)bytes, out.len));
}

void server_tell_certificate(struct auth_server *a, uint32_t site_id, struct log_certificate m)
{
    uint8_t bytes[8192];
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, site_id);
    m.time = clock_calendar_ms();
    m.site = site ? snapshot_text(a->child->snapshot, site->name) : SLICE_NONE;
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    wire_channel_begin(&out, MSG_log_certificate);
    if (!server_peer(a, ROLE_LOGGER, 0))
        child_event(a->child, m.level, "site %u: client certificate: " SLICE_FMT, site_id, SLICE_ARG(m.verdict));
    else if (log_certificate_encode(&m, &out) == 0)
        server_log(a, slice_of((char *)bytes, out.len));
}

/* ---- peers come and go ---- */

static void drop_peer(struct auth_server *a, struct peer *p)
{
    close(p->fd);
    for (; p->first; drop_outgoing(p))
        a->log_lost += p->role == ROLE_LOGGER;
    unsigned role = p->role, index = p->index;
    *p = (struct peer){ .fd = -1 };
    login_peer_gone(a, role, index);
}

int auth_server_add_peer(struct auth_server *a, unsigned role, unsigned index, int fd)
{
    struct peer *free_place = NULL;
    for (size_t i = 0; i < AUTH_PEERS_MAX; i++) {
        struct peer *p = &a->peers[i];
        if (p->fd >= 0 && p->role == role && p->index == index)
            drop_peer(a, p); /* it was started again */
        if (p->fd < 0 && !free_place)
            free_place = p;
    }
    if (!free_place || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
        close(fd);
        return ERR_LIMIT;
    }
    *free_place = (struct peer){ .fd = fd, .role = role, .index = index, .number = ++a->next_peer };
    a->had_pam |= role == ROLE_PAM;
    if (role == ROLE_WORKER)
        denial_tell_worker(a, index);
    fixed_peer_came(a, role, index);
    if (role == ROLE_BROKER)
        twins_begin(a, index);
    return 0;
}

/* ---- messages of peers ---- */

/* A worker may have a new snapshot before us; then ours is on its way.  False: so was this worker's end, and `p` is
 * nobody's place by now, or that of its successor. */
static bool catch_up(struct auth_server *a, const struct peer *p, uint32_t site)
{
    uint64_t number = p->number;
    if (!snapshot_site_by_id(a->child->snapshot, site))
        (void)server_serve_orders(a);
    return p->number == number;
}

static int on_login(struct auth_server *a, const struct peer *p, struct wire_in *in)
{
    struct auth_login m;
    int err = auth_login_decode(in, &m);
    if (!err && !catch_up(a, p, m.site))
        return 0;
    const struct certificate *c = err ? NULL : certificate_find(&a->certificates, m.certificate);
    if (c && server_waits_for_inquiry(a, p, snapshot_site_by_id(a->child->snapshot, m.site), certificate_chain(c)))
        return 0;
    if (!err)
        login_begin(a, p->index, &m);
    return err;
}

static int on_certificate(struct auth_server *a, const struct peer *p, struct wire_in *in)
{
    struct auth_certificate m;
    int err = auth_certificate_decode(in, &m);
    if (!err && !catch_up(a, p, m.site))
        return 0;
    if (!err && server_waits_for_inquiry(a, p, snapshot_site_by_id(a->child->snapshot, m.site), m.chain))
        return 0;
    if (!err)
        login_certificate(a, p->index, &m);
    return err;
}

static int on_forget(struct auth_server *a, const struct peer *p, struct wire_in *in)
{
    struct auth_forget m;
    int err = auth_forget_decode(in, &m);
    if (!err)
        login_forget(a, p->index, m.certificate);
    return err;
}

static int on_present(struct auth_server *a, const struct peer *p, struct wire_in *in)
{
    struct auth_present m;
    int err = auth_present_decode(in, &m);
    if (!err)
        login_present(a, p->index, &m);
    return err;
}

static int on_grant_held(struct auth_server *a, const struct peer *p, struct wire_in *in)
{
    struct grant_held m;
    int err = grant_held_decode(in, &m);
    if (!err)
        login_held(a, p->index, &m);
    return err;
}

static int on_ended(struct auth_server *a, const struct peer *p, struct wire_in *in)
{
    struct auth_ended m;
    int err = auth_ended_decode(in, &m);
    if (!err)
        login_ended(a, p->index, m.tickets);
    return err;
}

static int on_grant_answer(struct auth_server *a, const struct peer *p, struct wire_in *in)
{
    struct grant_answer m;
    int err = grant_answer_decode(in, &m);
    if (!err)
        login_grant_answered(a, p->index, &m);
    return err;
}

static int on_fixed_done(struct auth_server *a, const struct peer *p, struct wire_in *in)
{
    struct grant_fixed_done m;
    int err = grant_fixed_done_decode(in, &m);
    if (!err)
        fixed_taken_in(a, p->index);
    return err;
}

static int on_twins_taken(struct auth_server *a, const struct peer *p, struct wire_in *in)
{
    struct grant_twins_taken m;
    int err = grant_twins_taken_decode(in, &m);
    if (!err)
        twins_taken(a, p->index);
    return err;
}

static int on_pam_answer(struct auth_server *a, const struct peer *p, struct wire_in *in)
{
    (void)p;
    struct pam_answer m;
    int err = pam_answer_decode(in, &m);
    if (!err)
        login_pam_answered(a, &m);
    return err;
}

static int on_membership_answer(struct auth_server *a, const struct peer *p, struct wire_in *in)
{
    (void)p;
    struct membership_answer m;
    int err = membership_answer_decode(in, &m);
    if (!err)
        login_membership_answered(a, &m);
    return err;
}

static const struct {
    unsigned role;
    const struct wire_channel *channel;
} channels[] = {
    { ROLE_WORKER,     &auth_channel       },
    { ROLE_BROKER,     &grant_channel      },
    { ROLE_PAM,        &pam_channel        },
    { ROLE_MEMBERSHIP, &membership_channel },
};

/* Every channel counts its messages from 1: the role is part of which one it is. */
static const struct {
    unsigned role;
    uint16_t number;
    int (*handle)(struct auth_server *a, const struct peer *p, struct wire_in *in);
} handlers[] = {
    { ROLE_WORKER,     MSG_auth_login,        on_login             },
    { ROLE_WORKER,     MSG_auth_ended,        on_ended             },
    { ROLE_WORKER,     MSG_auth_certificate,  on_certificate       },
    { ROLE_WORKER,     MSG_auth_forget,       on_forget            },
    { ROLE_WORKER,     MSG_auth_present,      on_present           },
    { ROLE_BROKER,     MSG_grant_answer,      on_grant_answer      },
    { ROLE_BROKER,     MSG_grant_held,        on_grant_held        },
    { ROLE_BROKER,     MSG_grant_fixed_done,  on_fixed_done        },
    { ROLE_BROKER,     MSG_grant_twins_taken, on_twins_taken       },
    { ROLE_PAM,        MSG_pam_answer,        on_pam_answer        },
    { ROLE_MEMBERSHIP, MSG_membership_answer, on_membership_answer },
};

static const struct wire_channel *channel_of(unsigned role)
{
    for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++)
        if (channels[i].role == role)
            return channels[i].channel;
    return NULL;
}

int server_dispatch(struct auth_server *a, const struct peer *p, struct slice bytes)
{
    const struct wire_channel *channel = channel_of(p->role);
    const struct wire_message *m;
    struct wire_in in;
    if (!channel)
        return ERR_STATE; /* the logger says nothing */
    int err = wire_channel_accept(channel, p->role, bytes, 0, &m, &in);
    if (err)
        return err;
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (handlers[i].role != p->role || handlers[i].number != m->number)
            continue;
        a->current = bytes;
        return handlers[i].handle(a, p, &in);
    }
    return ERR_STATE;
}

static int receive_one(struct auth_server *a, const struct peer *p)
{
    struct slice bytes;
    int fd = -1;
    int err = datagram_receive(p->fd, a->buffer, sizeof a->buffer, &bytes, &fd);
    if (err)
        return err;
    if (fd >= 0) {
        close(fd); /* none of our channels carries one */
        err = ERR_LIMIT;
    } else {
        err = server_dispatch(a, p, bytes);
    }
    secret_wipe(a->buffer, bytes.len);
    return err == ERR_AGAIN ? ERR_STATE : err;
}

static void serve_peer(struct auth_server *a, struct peer *p)
{
    int err = 0, fd = p->fd;
    for (unsigned i = 0; i < BATCH && !err && p->fd == fd; i++)
        err = receive_one(a, p);
    if (!err || err == ERR_AGAIN || p->fd != fd)
        return;
    if (err != ERR_CLOSED)
        server_tell(a, LOG_LEVEL_ERROR, "message from %s %u: %s; its channel is closed", role_name(p->role), p->index,
                    err_text(err));
    p->broken = true;
}

/* ---- messages of the supervisor ---- */

const char *auth_why_network(const struct snapshot *s)
{
    if (ad_is_configured(s))
        return "accounts and revocation lists are looked up in a directory";
    if (snapshot_server(s, 0)->needs_names)
        return "ipSecurity has rules by domain name (enableReverseDns)";
    for (size_t i = 0; i < snapshot_count(s, SNAP_TABLE_site); i++) {
        const struct snap_site *site = snapshot_site(s, i);
        unsigned f = site->client_cert_flags;
        bool no_revocation = f & (PKI_NO_REVOCATION_CHECK | PKI_REVOCATION_CACHE_ONLY), no_issuers = f & PKI_URL_CACHE_ONLY;
        if (site->client_cert_policy != CERT_IGNORE && !(no_revocation && no_issuers))
            return "client certificates are checked against the network";
    }
    return NULL;
}

static void apply_snapshot(struct auth_server *a)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_server *server = snapshot_server(s, 0);
    const struct revocation_options options = {
        .hosts = snapshot_text(s, server->revocation_hosts), .private_addresses = server->revocation_private,
        .public_addresses = server->revocation_public, .redirects = server->revocation_redirects,
        .ldap = ad_is_configured(s) ? ad_read_crl : NULL, .ldap_context = &a->ad_place,
    };
    if (revocation_configure(a->revocation, &options))
        server_tell(a, LOG_LEVEL_ERROR, "the limits for fetching revocation lists could not be changed: %s",
                    err_text(ERR_NOMEM));
    if (server->needs_names && !a->names && names_new(&a->names))
        server_tell(a, LOG_LEVEL_ERROR, "names of clients cannot be looked up: rules by domain name deny");
    login_apply_snapshot(a);
    const char *why = auth_why_network(s);
    if (why && !a->options.online) {
        server_tell(a, LOG_LEVEL_NOTICE, "%s: the authenticator starts again to be allowed to use the network", why);
        a->must_restart = true;
    }
}

static int on_snapshot(struct auth_server *a, struct wire_in *in, int *fd)
{
    struct child_snapshot m;
    struct snapshot *s;
    int err = child_snapshot_decode(in, &m);
    if (!err)
        err = snapshot_open(*fd, &s);
    if (err)
        return err;
    snapshot_unref(a->child->snapshot);
    a->child->snapshot = s;
    apply_snapshot(a);
    return a->must_restart ? 0 : DATAGRAM_SEND(a->child->fd, -1, child_taken, .generation = m.generation);
}

static int on_peer(struct auth_server *a, struct wire_in *in, int *fd)
{
    struct child_peer m;
    int err = child_peer_decode(in, &m);
    if (err)
        return err;
    int taken = *fd;
    *fd = -1;
    return auth_server_add_peer(a, m.role, m.index, taken);
}

static int on_flush(struct auth_server *a, struct wire_in *in, int *fd)
{
    (void)fd;
    struct child_flush m;
    int err = child_flush_decode(in, &m);
    if (err)
        return err;
    cache_flush(a->cache);
    twins_forget(a);
    ad_flush(a->ad);
    fixed_flush(a);
    revocation_flush(a->revocation, false);
    live_begin(a);
    return DATAGRAM_SEND(a->child->fd, -1, child_done, .query = m.query);
}

static int on_test(struct auth_server *a, struct wire_in *in, int *fd)
{
    (void)fd;
    struct child_test m;
    int err = child_test_decode(in, &m);
    if (!err)
        rehearsal_begin(a, &m);
    return err;
}

static int on_drain(struct auth_server *a, struct wire_in *in, int *fd)
{
    (void)in;
    (void)fd;
    a->draining = true;
    return 0;
}

static const struct {
    uint16_t number;
    int (*handle)(struct auth_server *a, struct wire_in *in, int *fd);
} orders[] = {
    { MSG_child_snapshot, on_snapshot },
    { MSG_child_peer,     on_peer     },
    { MSG_child_flush,    on_flush    },
    { MSG_child_drain,    on_drain    },
    { MSG_child_test,     on_test     },
};

static int serve_supervisor(struct auth_server *a)
{
    const struct wire_message *m;
    struct wire_in in;
    int fd = -1;
    int err = child_receive(a->child, a->order, sizeof a->order, &m, &in, &fd);
    if (err == ERR_CLOSED)
        return err;
    if (err) {
        server_tell(a, LOG_LEVEL_ERROR, "message from the supervisor: %s", err_text(err));
        return 0;
    }
    err = ERR_STATE;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        if (orders[i].number == m->number)
            err = orders[i].handle(a, &in, &fd);
    if (fd >= 0)
        close(fd);
    if (err)
        server_tell(a, LOG_LEVEL_ERROR, "%s from the supervisor: %s", m->name, err_text(err));
    return 0;
}

int server_serve_orders(struct auth_server *a)
{
    struct pollfd ready = { .fd = a->child->fd, .events = POLLIN };
    while (poll(&ready, 1, 0) == 1)
        if (serve_supervisor(a) == ERR_CLOSED)
            return ERR_CLOSED;
    return 0;
}

/* ---- the turn ---- */

static bool has_workers(const struct auth_server *a)
{
    for (size_t i = 0; i < AUTH_PEERS_MAX; i++)
        if (a->peers[i].fd >= 0 && a->peers[i].role == ROLE_WORKER)
            return true;
    return false;
}

static void drop_broken(struct auth_server *a)
{
    for (size_t i = 0; i < AUTH_PEERS_MAX; i++)
        if (a->peers[i].fd >= 0 && a->peers[i].broken)
            drop_peer(a, &a->peers[i]);
}

static void collect_verified(struct auth_server *a)
{
    for (struct verify_job *job; (job = (struct verify_job *)errands_take(a->verifier));)
        login_verified(a, job);
}

static void collect_mapped(struct auth_server *a)
{
    for (struct map_job *job; (job = (struct map_job *)errands_take(a->mapper));)
        login_mapped(a, job);
}

static void collect_names(struct auth_server *a)
{
    for (struct name_job *job; (job = names_take(a->names));) {
        login_named(a, job);
        free(job);
    }
}

static int shorter(int left, int right)
{
    return left < 0 ? right : right < 0 || left < right ? left : right;
}

enum { POLL_SUPERVISOR, POLL_VERIFIER, POLL_MAPPER, POLL_NAMES, POLL_INQUIRY, POLL_PEERS = POLL_INQUIRY + INQUIRY_LANES };

/* Peers that are there; returns how many are polled, `who` says which peer each is. */
static size_t poll_whom(const struct auth_server *a, struct pollfd *polled, size_t *who)
{
    const int fds[POLL_INQUIRY] = { a->child->fd, errands_fd(a->verifier), errands_fd(a->mapper), a->names ? names_fd(a->names) : -1 };
    size_t count = 0;
    for (; count < POLL_PEERS; count++)
        polled[count] = (struct pollfd){ .fd = count < POLL_INQUIRY ? fds[count] : inquiry_fd(a->inquiry, count - POLL_INQUIRY),
                                         .events = POLLIN };
    for (size_t i = 0; i < AUTH_PEERS_MAX; i++)
        if (a->peers[i].fd >= 0) {
            who[count] = i;
            polled[count++] = (struct pollfd){ .fd = a->peers[i].fd,
                                               .events = (short)(a->peers[i].first ? POLLIN | POLLOUT : POLLIN) };
        }
    return count;
}

int auth_server_turn(struct auth_server *a, int timeout_ms)
{
    struct pollfd polled[POLL_PEERS + AUTH_PEERS_MAX] __attribute__((uninitialized));
    size_t who[POLL_PEERS + AUTH_PEERS_MAX] __attribute__((uninitialized));
    size_t count = poll_whom(a, polled, who);
    int wait_ms = shorter(timeout_ms, login_expire(a));
    if (poll(polled, count, a->has_room ? 0 : wait_ms) < 0) {
        if (errno != EINTR)
            return ERR_SYS;
        return 0;
    }
    if ((polled[POLL_SUPERVISOR].revents && server_serve_orders(a) == ERR_CLOSED) || a->must_restart)
        return ERR_CLOSED;

    for (size_t i = POLL_PEERS; i < count; i++) {
        struct peer *p = &a->peers[who[i]];
        if (p->fd < 0 || p->fd != polled[i].fd)
            continue;
        if (polled[i].revents & POLLOUT)
            send_waiting(p);
        if (p->role == ROLE_LOGGER && !p->first && !p->broken)
            tell_lost(a, p);
        if (polled[i].revents & (POLLIN | POLLHUP | POLLERR))
            serve_peer(a, p);
    }
    if (polled[POLL_VERIFIER].revents)
        collect_verified(a);
    if (polled[POLL_MAPPER].revents)
        collect_mapped(a);
    if (polled[POLL_NAMES].revents)
        collect_names(a);
    for (size_t i = POLL_INQUIRY; i < POLL_PEERS; i++)
        if (polled[i].revents)
            server_collect_inquiries(a);
    login_serve_queue(a);
    (void)login_expire(a);
    drop_broken(a);
    return a->draining && !has_workers(a) ? ERR_CLOSED : 0;
}

/* ---- life ---- */

enum { MAPPERS = 4 }; /* threads that may wait for the directory */

/* Without the file everything works, and is asked for anew at every start. */
static void keep_revocation(struct auth_server *a)
{
    size_t megabytes = snapshot_server(a->child->snapshot, 0)->revocation_disk_megabytes;
    if (a->child->cache_fd < 0 || !megabytes)
        return;
    int err = revocation_keep(a->revocation, a->child->cache_fd, megabytes << 20);
    if (err)
        server_tell(a, LOG_LEVEL_WARNING, "lists and answers about revocation are not kept: %s", err_text(err));
}

int auth_server_new(struct child *child, const struct auth_options *options, struct auth_server **server_out)
{
    struct auth_server *a = calloc(1, sizeof *a);
    if (!a)
        return ERR_NOMEM;
    for (size_t i = 0; i < AUTH_PEERS_MAX; i++)
        a->peers[i].fd = -1;
    pthread_mutex_init(&a->ad_place.lock, NULL);
    a->child = child;
    a->options = *options;
    a->certificates.max = options->certificates_max;
    a->cache = cache_new();
    a->tickets = ticket_table_new();
    int err = a->cache && a->tickets ? verifier_new(options->verifiers, options->queue_max, &a->verifier) : ERR_NOMEM;
    if (!err)
        err = shares_new(options->logins_max, &a->shares);
    if (!err)
        err = revocation_new(&(struct revocation_options){ 0 }, &a->revocation);
    if (!err)
        keep_revocation(a);
    if (!err)
        err = inquiry_new(a->revocation, server_drop_parked, &a->inquiry);
    if (!err)
        err = mapper_new(MAPPERS, options->queue_max, &a->mapper);
    a->certificates.revocation = a->revocation;
    if (err) {
        auth_server_free(a);
        return err;
    }
    *server_out = a;
    return 0;
}

void auth_server_start(struct auth_server *a)
{
    apply_snapshot(a);
}

void auth_server_free(struct auth_server *a)
{
    if (!a)
        return;
    errands_free(a->verifier);
    inquiry_free(a->inquiry); /* who still waits gets no answer: the channels close */
    revocation_free(a->revocation);
    errands_free(a->mapper);
    names_free(a->names);
    ad_unref(a->ad);
    pthread_mutex_destroy(&a->ad_place.lock);
    login_free_all(a);
    shares_free(a->shares);
    fixed_free_all(a);
    for (unsigned i = 0; i <= WORKERS_MAX; i++)
        twins_end(a, i);
    for (size_t i = 0; i < AUTH_PEERS_MAX; i++) {
        struct peer *p = &a->peers[i];
        while (p->fd >= 0 && p->first)
            drop_outgoing(p);
        if (p->fd >= 0)
            close(p->fd);
    }
    certificate_table_free(&a->certificates);
    cache_free(a->cache);
    denial_close(a);
    ticket_table_free(a->tickets);
    free(a->like);
    free(a->rehashed);
    free(a);
}

/*
 * main.c - sallyport-membership: asks the ASP.NET membership database, and nobody else loads its drivers.
 *
 * ODBC drivers are foreign code that opens files, loads libraries and talks to the network: they live in a program of
 * their own, started only when a site uses them.  The threads read questions straight from the authenticator's channel,
 * each with a connection of its own: the channel is the queue, and a database that hangs delays nobody but its users.
 */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "membership/store.h"
#include "proto/log.h"
#include "proto/membership.h"
#include "sys/child.h"
#include "sys/datagram.h"
#include "sys/sandbox.h"

enum { THREADS = 8, REST_MS = 2000, EXPLAIN_MS = 10000, QUESTION_MAX = 8 * 1024 };

/* The channel to one authenticator; the last of its users closes it. */
struct link {
    int fd;
    unsigned users;
};

/* The settings of one snapshot. */
struct version {
    struct snapshot *snapshot;
    struct store_settings settings;
    unsigned users;
};

static struct server {
    struct child child;
    pthread_mutex_t lock;
    pthread_cond_t joined;
    struct link *link;       /* NULL: no authenticator now */
    struct version *version;
    int64_t rest_until;      /* monotonic ms; the database failed: it is left alone so long */
    struct diag trouble;     /* ... and how it failed */
    int64_t silent_until;    /* the same; a failure was explained */
    bool draining, leaving;
    int ended;               /* eventfd: an authenticator went away */
    uint8_t buffer[WIRE_DATAGRAM_MAX];
} server = { .lock = PTHREAD_MUTEX_INITIALIZER, .joined = PTHREAD_COND_INITIALIZER };

/* ---- what is shared; all with the lock held ---- */

static void link_release(struct link *l)
{
    if (!l || --l->users)
        return;
    close(l->fd);
    free(l);
}

static void version_release(struct version *v)
{
    if (!v || --v->users)
        return;
    snapshot_unref(v->snapshot);
    free(v);
}

static void leave_link(struct server *s, struct link *l)
{
    if (s->link != l)
        return;
    s->link = NULL;
    link_release(l);
    (void)!write(s->ended, &(uint64_t){ 1 }, sizeof(uint64_t));
}

static int take_version(struct server *s)
{
    const struct snapshot *snap = s->child.snapshot;
    const struct snap_membership *m = snapshot_membership(snap, 0);
    struct version *v = calloc(1, sizeof *v);
    if (!v)
        return ERR_NOMEM;
    *v = (struct version){ .snapshot = snapshot_ref(s->child.snapshot), .users = 1 };
    if (m)
        v->settings = (struct store_settings){
            .users_connection = snapshot_text(snap, m->users_connection),
            .users_application = snapshot_text(snap, m->users_application),
            .roles_connection = snapshot_text(snap, m->roles_connection),
            .roles_application = snapshot_text(snap, m->roles_application),
            .hash_algorithm = snapshot_text(snap, m->hash_algorithm),
            .max_failures = m->max_failures,
            .window_minutes = m->window_minutes,
            .command_seconds = m->command_seconds,
        };
    version_release(s->version);
    s->version = v;
    s->rest_until = 0;
    return 0;
}

/* ---- a question ---- */

/* Strangers cause these lines: they must not be able to fill the log. */
static void explain(struct server *s, const struct diag *d)
{
    int64_t now = clock_ms();
    pthread_mutex_lock(&s->lock);
    bool may = d->what[0] && now >= s->silent_until;
    if (may)
        s->silent_until = now + EXPLAIN_MS;
    pthread_mutex_unlock(&s->lock);
    if (may)
        child_event(&s->child, LOG_LEVEL_WARNING, "%s", d->what);
}

static bool database_rests(struct server *s, struct diag *d)
{
    pthread_mutex_lock(&s->lock);
    bool rests = clock_ms() < s->rest_until;
    if (rests)
        *d = s->trouble;
    pthread_mutex_unlock(&s->lock);
    return rests;
}

static void let_rest(struct server *s, const struct diag *d)
{
    pthread_mutex_lock(&s->lock);
    s->rest_until = clock_ms() + REST_MS;
    s->trouble = *d;
    pthread_mutex_unlock(&s->lock);
}

static enum membership_verdict ask(struct server *s, struct store *store, const struct membership_check *m, struct text *user,
                                   struct text *roles, struct diag *d)
{
    static const enum membership_verdict verdicts[] = { [STORE_OK] = MEMBERSHIP_OK, [STORE_DENIED] = MEMBERSHIP_DENIED,
                                                        [STORE_UNAVAILABLE] = MEMBERSHIP_UNAVAILABLE };
    if (!store || database_rests(s, d))
        return MEMBERSHIP_UNAVAILABLE;
    enum store_verdict verdict = store_check(store, m->user, m->password, user, roles, d);
    if (verdict == STORE_UNAVAILABLE)
        let_rest(s, d);
    explain(s, d);
    return verdicts[verdict];
}

static void answer(struct server *s, struct link *l, struct store *store, const struct membership_check *m)
{
    OWNED_TEXT_BUFFER user = { 0 };
    OWNED_TEXT_BUFFER roles = { .max = ROLES_LIMIT };
    struct diag d = { 0 };
    enum membership_verdict verdict = ask(s, store, m, &user, &roles, &d);
    bool good = verdict == MEMBERSHIP_OK;
    int err = DATAGRAM_SEND(l->fd, -1, membership_answer, .job = m->job, .verdict = (uint8_t)verdict,
                            .user = good ? text_slice(&user) : SLICE_NONE, .roles = good ? text_slice(&roles) : SLICE_NONE,
                            .detail = verdict == MEMBERSHIP_UNAVAILABLE ? slice_str(d.what) : SLICE_NONE);
    if (err && err != ERR_CLOSED)
        child_event(&s->child, LOG_LEVEL_ERROR, "an answer to the authenticator was lost: %s", err_text(err));
}

/* ---- the threads ---- */

struct asker {
    struct server *server;
    struct version *version; /* that `store` was made for */
    struct store *store;
    uint8_t buffer[QUESTION_MAX];
};

static void follow_version(struct asker *a)
{
    struct server *s = a->server;
    pthread_mutex_lock(&s->lock);
    struct version *old = a->version;
    bool same = old == s->version;
    if (!same) {
        a->version = s->version;
        a->version->users++;
    }
    pthread_mutex_unlock(&s->lock);
    if (same)
        return;
    store_free(a->store);
    a->store = store_new(&a->version->settings);
    pthread_mutex_lock(&s->lock);
    version_release(old);
    pthread_mutex_unlock(&s->lock);
}

/* One question; false when the channel has ended. */
static bool serve_one(struct asker *a, struct link *l)
{
    struct slice bytes;
    const struct wire_message *message;
    struct wire_in in;
    struct membership_check check;
    int fd = -1;
    int err = datagram_receive(l->fd, a->buffer, sizeof a->buffer, &bytes, &fd);
    if (err == ERR_AGAIN)
        return true;
    if (!err)
        err = wire_channel_accept(&membership_channel, ROLE_AUTH, bytes, fd >= 0, &message, &in);
    if (fd >= 0)
        close(fd);
    if (!err)
        err = membership_check_decode(&in, &check);
    if (!err) {
        follow_version(a);
        answer(a->server, l, a->store, &check);
    } else if (err != ERR_CLOSED) {
        child_event(&a->server->child, LOG_LEVEL_ERROR, "message from auth: %s; its channel is closed", err_text(err));
    }
    secret_wipe(a->buffer, sizeof a->buffer);
    return !err;
}

static void *serve(void *context)
{
    struct asker *a = context;
    struct server *s = a->server;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!s->link)
            pthread_cond_wait(&s->joined, &s->lock);
        struct link *l = s->link;
        l->users++;
        pthread_mutex_unlock(&s->lock);
        while (serve_one(a, l))
            ;
        pthread_mutex_lock(&s->lock);
        leave_link(s, l);
        link_release(l);
    }
    return NULL;
}

static int start_threads(struct server *s)
{
    static struct asker askers[THREADS];
    pthread_t id;
    int started = 0;
    for (int i = 0; i < THREADS; i++) {
        askers[i].server = s;
        if (pthread_create(&id, NULL, serve, &askers[i]) == 0) {
            pthread_detach(id);
            started++;
        }
    }
    return started ? 0 : ERR_SYS;
}

/* ---- the supervisor ---- */

static int join(struct server *s, int fd)
{
    struct link *l = calloc(1, sizeof *l);
    if (!l) {
        close(fd);
        return ERR_NOMEM;
    }
    *l = (struct link){ fd, 1 };
    pthread_mutex_lock(&s->lock);
    if (s->link) {
        shutdown(s->link->fd, SHUT_RDWR); /* wakes who waits there */
        link_release(s->link);
    }
    s->link = l;
    pthread_cond_broadcast(&s->joined);
    pthread_mutex_unlock(&s->lock);
    return 0;
}

static int take_snapshot(struct server *s, int fd)
{
    struct snapshot *snapshot;
    int err = snapshot_open(fd, &snapshot);
    if (err) {
        child_event(&s->child, LOG_LEVEL_ERROR, "the new configuration cannot be read: %s", err_text(err));
        return err;
    }
    pthread_mutex_lock(&s->lock);
    snapshot_unref(s->child.snapshot);
    s->child.snapshot = snapshot;
    err = take_version(s);
    pthread_mutex_unlock(&s->lock);
    if (err)
        child_event(&s->child, LOG_LEVEL_ERROR, "the new configuration is not in use: %s", err_text(err));
    return err;
}

static void serve_supervisor(struct server *s)
{
    const struct wire_message *message;
    struct wire_in in;
    struct child_peer peer;
    struct child_snapshot snapshot;
    int fd = -1;
    int err = child_receive(&s->child, s->buffer, sizeof s->buffer, &message, &in, &fd);
    if (err) {
        s->leaving = err == ERR_CLOSED;
        return;
    }
    if (message->number == MSG_child_drain)
        s->draining = true;
    if (message->number == MSG_child_snapshot && fd >= 0 && child_snapshot_decode(&in, &snapshot) == 0) {
        int taken = take_snapshot(s, fd);
        if (!taken && DATAGRAM_SEND(s->child.fd, -1, child_taken, .generation = snapshot.generation))
            s->leaving = true;
    }
    if (message->number == MSG_child_peer && child_peer_decode(&in, &peer) == 0 && peer.role == ROLE_AUTH) {
        if (join(s, fd))
            child_event(&s->child, LOG_LEVEL_ERROR, "no memory for the authenticator's channel");
        fd = -1;
    }
    if (fd >= 0)
        close(fd);
}

static bool has_link(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    bool has = s->link != NULL;
    pthread_mutex_unlock(&s->lock);
    return has;
}

static void run(struct server *s)
{
    while (!s->leaving && !(s->draining && !has_link(s))) {
        struct pollfd polled[] = { { .fd = s->child.fd, .events = POLLIN }, { .fd = s->ended, .events = POLLIN } };
        if (poll(polled, 2, -1) < 0 && errno != EINTR)
            return;
        if (polled[1].revents)
            (void)!read(s->ended, &(uint64_t){ 0 }, sizeof(uint64_t));
        if (polled[0].revents)
            serve_supervisor(s);
    }
}

static MUST_USE int set_up(struct server *s, struct diag *d)
{
    int fd = child_peer_take(&s->child, ROLE_AUTH, 0);
    s->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int err = s->ended < 0 ? ERR_SYS : take_version(s);
    if (!err && fd >= 0)
        err = join(s, fd);
    if (!err)
        err = sandbox_become(s->child.uid, s->child.gid, false, d);
    if (!err)
        err = sandbox_enter(SANDBOX_MEMBERSHIP, s->child.fd, d);
    if (!err)
        err = start_threads(s);
    return err ? err : child_say_ready(&s->child);
}

int main(void)
{
    static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
    struct diag d = { 0 };
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    setlocale(LC_CTYPE, "C.UTF-8"); /* drivers convert our UTF-8 by it */
    int err = child_begin(&server.child, ROLE_MEMBERSHIP, &d);
    if (err) {
        fprintf(stderr, "%s\n", d.what);
        return 1;
    }
    err = set_up(&server, &d);
    if (err) {
        child_event(&server.child, LOG_LEVEL_ERROR, "%s", d.what[0] ? d.what : err_text(err));
        return 1;
    }
    run(&server);
    _exit(0); /* queries under way end with the process */
}

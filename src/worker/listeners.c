/* listeners.c - accept. */
#include "worker/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "policy/lockout.h"
#include "sys/random_bytes.h"
#include "worker/penalty.h"
#include "worker/session.h"
#include "worker/worker.h"

enum { ACCEPTS_PER_TURN = 64, PAUSE_MS = 100 };

struct listener {
    struct worker *worker;
    struct listener *next;
    uint32_t number;
    struct net_addr local; /* family 0: every address of the machine */
    int fd;
    struct loop_io *io;
};

/* The options every control connection has: urgent bytes stay in line, where ABOR is looked for (threats.md P17);
 * keepalive finds peers that vanished during a long transfer (H14). */
static void set_options(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        { SOL_SOCKET, SO_OOBINLINE, 1 }, { SOL_SOCKET, SO_KEEPALIVE, 1 }, { IPPROTO_TCP, TCP_KEEPIDLE, 60 },
        { IPPROTO_TCP, TCP_KEEPINTVL, 15 }, { IPPROTO_TCP, TCP_NODELAY, 1 },
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
}

/* ---- denyByFailure ---- */

static bool denies_by_failure(const struct worker *w)
{
    const struct snap_server *server = generation_server(w->generation);
    return server->deny_by_failure && !server->deny_log_only;
}

void listeners_block(struct worker *w, const struct net_addr *client, int64_t left_ms)
{
    uint64_t seed;
    struct session *s;
    int64_t now = loop_now(w->loop);
    if (!w->blocked && !random_bytes(&seed, sizeof seed))
        w->blocked = lockout_new(seed);
    if (!w->blocked) {
        worker_event(w, LOG_LEVEL_ERROR, "no memory to block an address that failed to log in too often");
        return;
    }
    lockout_block(w->blocked, client, left_ms > INT64_MAX - now ? INT64_MAX : now + left_ms, now);
    for (uint32_t slot = 0; denies_by_failure(w) && (s = worker_next_session(w, &slot));) {
        if (s->logged_in || !lockout_left(w->blocked, &s->peer, now))
            continue;
        session_enter(s);
        session_die(s, SUB_IP_RESTRICTION, WIN_ACCESS_DENIED);
        session_leave(s);
    }
}

/* Cut without a word; the authenticator has told the administrator. */
static bool is_blocked(const struct worker *w, const struct net_addr *peer)
{
    return w->blocked && denies_by_failure(w) && lockout_left(w->blocked, peer, loop_now(w->loop)) > 0;
}

static void say_and_close(int fd)
{
    static const char text[] = "421 Service not available, closing control connection.\r\n";
    (void)!send(fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    close(fd);
}

void listeners_tell_refused(void *worker, unsigned count)
{
    worker_event(worker, LOG_LEVEL_ERROR, "no descriptor left: connections refused: %u", count);
}

void listeners_tell_early(void *worker, unsigned count)
{
    worker_event(worker, LOG_LEVEL_WARNING, "too many connections that have not logged in: newcomers turned away: %u", count);
}

static int address_of(int fd, struct net_addr *local_out)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        return ERR_SYS;
    *local_out = net_addr_from_sockaddr(&address);
    return 0;
}

/* While many others have not logged in yet, a newcomer gets 421 the more likely the more they are (OpenSSH's MaxStartups,
 * threats.md P32).  Connections spread over the workers, so each of them judges by its own. */
static bool drops_early(const struct worker *w)
{
    const struct snap_server *server = generation_server(w->generation);
    uint64_t start = server->early_drop_start, full = server->early_drop_full;
    uint64_t before_login = (uint64_t)(w->session_count - w->logged_in_count) * w->child->workers;
    uint32_t chance;
    if (!start || before_login < start)
        return false;
    if (before_login >= full || random_bytes(&chance, sizeof chance))
        return true;
    return chance % (full - start + 1) <= before_login - start;
}

/* `local`: family 0 where it has to be looked up. */
static void begin(struct worker *w, int fd, struct net_addr local, const struct sockaddr_storage *peer_address)
{
    if (fd >= w->fd_most) { /* the kernel gives the lowest that is free: so many are in use */
        say_and_close(fd);
        flood_one_more(&w->refused);
        return;
    }
    if (!local.family && address_of(fd, &local)) {
        close(fd);
        return;
    }
    struct net_addr peer = net_addr_from_sockaddr(peer_address);
    if (is_blocked(w, &peer)) {
        close(fd);
        return;
    }
    if (drops_early(w)) {
        say_and_close(fd);
        flood_one_more(&w->dropped_early);
        return;
    }
    unsigned limit = generation_server(w->generation)->connections_per_address;
    uint64_t key = tally_address(w->tally, &peer);
    struct tally_cell *cell = tally_hold(w->tally, w->child->index, TALLY_ADDRESS, key);
    if (limit && tally_held(w->tally, TALLY_ADDRESS, key) > limit) { /* threats.md P32: before any TLS work */
        tally_release(cell, w->child->index);
        say_and_close(fd);
        return;
    }
    if (penalty_refuses(w, cell, &peer)) {
        tally_release(cell, w->child->index);
        close(fd);
        return;
    }
    session_begin(w, fd, &local, &peer, cell);
}

/* No descriptor left for the connection that waits: use the spare one to turn it away.  Where the whole machine has
 * none left the spare one may be lost to another program meanwhile; then look away for a while instead of spinning. */
static void refuse_one(struct listener *l)
{
    struct worker *w = l->worker;
    if (w->spare_fd >= 0)
        close(w->spare_fd);
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    int err = errno;
    if (fd >= 0)
        say_and_close(fd);
    w->spare_fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0 && err != EAGAIN)
        loop_io_want(l->io, 0, PAUSE_MS);
    if (fd >= 0 || err != EAGAIN) /* otherwise another worker took it */
        flood_one_more(&w->refused);
}

static void ready(void *context, unsigned events)
{
    struct listener *l = context;
    if (events & LOOP_TIMEOUT)
        loop_io_want(l->io, LOOP_READ, -1);
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        int fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            if (!neighbours_pass(l->worker, fd))
                begin(l->worker, fd, l->local, &peer);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            refuse_one(l);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return; /* EAGAIN: another worker took it, or none is left */
        }
    }
}

/* Who was taken over may send us what it likes: everything is asked of the kernel, and nothing that could block is kept. */
void listeners_take(struct worker *w, int fd)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || !(flags & O_NONBLOCK) || getpeername(fd, (struct sockaddr *)&peer, &len) < 0)
        close(fd);
    else if (w->draining)
        say_and_close(fd);
    else
        begin(w, fd, (struct net_addr){ 0 }, &peer);
}

int listeners_add(struct worker *w, uint32_t number, int fd)
{
    for (const struct listener *known = w->listeners; known; known = known->next)
        if (known->number == number) { /* another worker had missed it */
            close(fd);
            return 0;
        }
    int flags = fcntl(fd, F_GETFL);
    struct listener *l = calloc(1, sizeof *l);
    struct loop_io *io = l ? loop_io_open(w->loop, fd, ready, l) : NULL;
    set_options(fd);
    if (!io || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        loop_io_close(io);
        free(l);
        close(fd);
        return io ? ERR_SYS : ERR_NOMEM;
    }
    *l = (struct listener){ .worker = w, .next = w->listeners, .number = number, .fd = fd, .io = io };
    if (address_of(fd, &l->local) || net_addr_is_any(&l->local))
        l->local = (struct net_addr){ 0 };
    w->listeners = l;
    if (w->spare_fd < 0)
        w->spare_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    loop_io_want(io, LOOP_READ, -1);
    return 0;
}

static void release(struct listener *l)
{
    loop_io_close(l->io);
    close(l->fd);
    free(l);
}

void listeners_remove(struct worker *w, uint32_t number)
{
    for (struct listener **at = &w->listeners; *at; at = &(*at)->next) {
        struct listener *l = *at;
        if (l->number != number)
            continue;
        *at = l->next;
        release(l);
        return;
    }
}

void listeners_remove_all(struct worker *w)
{
    while (w->listeners)
        listeners_remove(w, w->listeners->number);
}

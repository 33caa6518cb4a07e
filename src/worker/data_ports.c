/*
 * data_ports.c - see data_ports.h.
 *
 * Ports: a random start and a random stride that shares no divisor with the size of the range visit every port once in
 * an order that cannot be foreseen (threats.md D04).  Port and listener are taken in two steps, between which another
 * process may be faster: both failures mean "next port" (D06).
 *
 * Kept listeners: only while many are made, only a small part of the range, and only for the session that was told the
 * port: one that others were told too could be waited for at the right moment.  One to which anybody connected meanwhile
 * is not used again (D03): he knows the port.
 */
#include "worker/data_ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/random_bytes.h"

enum { PORT_TRIES_MAX = 4096, BACKLOG = 8, PORT_FLOOR = 1024, DEFAULT_LOW = 49152, DEFAULT_HIGH = 65535 };
enum {
    KEPT_MAX = 64,
    KEPT_PART = 16,   /* of a range at most, so that it is not used up by what nobody uses */
    KEPT_MS = 1000,   /* from its last use */
    BUSY_COUNT = 32,  /* listeners in a second: below that none is kept */
    BUSY_MS = 1000,
};

struct kept {
    struct net_addr local;
    int fd;
    uint64_t owner;
    int64_t since;
};

struct data_ports {
    struct loop *loop;
    struct loop_timer *timer;
    int64_t second;              /* when the present one began */
    unsigned made, made_before;  /* in it, and in the one before */
    size_t count;
    struct kept kept[KEPT_MAX];
};

static void close_old(void *context)
{
    struct data_ports *p = context;
    int64_t now = loop_now(p->loop), oldest = now;
    for (size_t i = p->count; i-- > 0;) {
        if (now - p->kept[i].since >= KEPT_MS) {
            close(p->kept[i].fd);
            p->kept[i] = p->kept[--p->count];
        } else if (p->kept[i].since < oldest) {
            oldest = p->kept[i].since;
        }
    }
    if (p->count)
        loop_timer_set(p->timer, oldest + KEPT_MS - now);
}

struct data_ports *data_ports_new(struct loop *loop)
{
    struct data_ports *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->loop = loop;
    p->timer = loop_timer_new(loop, close_old, p);
    if (!p->timer) {
        free(p);
        return NULL;
    }
    return p;
}

static void close_all(struct data_ports *p)
{
    while (p->count)
        close(p->kept[--p->count].fd);
    loop_timer_clear(p->timer);
}

void data_ports_free(struct data_ports *p)
{
    if (!p)
        return;
    close_all(p);
    loop_timer_free(p->timer);
    free(p);
}

static struct port_range bounds(const struct port_range *r)
{
    bool any = !r->low && !r->high;
    return (struct port_range){ any ? DEFAULT_LOW : r->low, any ? DEFAULT_HIGH : r->high, r->owner };
}

/* ---- new ones ---- */

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* A socket that may listen there, or -1. */
static int listener_new(int family)
{
    OWNED_FD fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    return fd_take(&fd);
}

/* Listen at exactly that address and port; false with errno.  Where the port could not be had, the socket is kept in `fd`
 * for the next one; a socket that has a port and may not listen on it never gets another. */
static bool listen_at(const struct net_addr *where, int *fd)
{
    struct sockaddr_storage sa;
    socklen_t len = net_addr_to_sockaddr(where, &sa);
    if (*fd < 0)
        *fd = listener_new(sa.ss_family);
    if (*fd < 0 || bind(*fd, (struct sockaddr *)&sa, len) != 0)
        return false;
    if (listen(*fd, BACKLOG) == 0)
        return true;
    int why = errno;
    close(*fd);
    *fd = -1;
    errno = why;
    return false;
}

static int listen_in_range(const struct port_range *r, struct net_addr *local, int *fd_out)
{
    uint32_t random[2], count = r->high - r->low + 1u;
    OWNED_FD fd = -1;
    if (random_bytes(random, sizeof random))
        return ERR_SYS;
    uint32_t at = random[0] % count, stride = random[1] % count + 1;
    while (common_divisor(stride, count) != 1)
        stride = stride % count + 1;
    for (uint32_t i = 0; i < count && i < PORT_TRIES_MAX; i++) {
        local->port = (uint16_t)(r->low + at);
        if (listen_at(local, &fd)) {
            *fd_out = fd_take(&fd);
            return 0;
        }
        if (errno != EADDRINUSE && errno != EACCES && errno != EPERM)
            return errno == EMFILE || errno == ENFILE ? ERR_LIMIT : ERR_SYS;
        at = (at + stride) % count;
    }
    return ERR_LIMIT;
}

/* ---- kept ones ---- */

static bool fits(const struct kept *k, const struct port_range *r, const struct net_addr *local)
{
    return k->owner == r->owner && k->local.port >= r->low && k->local.port <= r->high && k->local.scope == local->scope &&
           net_addr_same_host(&k->local, local);
}

static bool has_visitor(int fd)
{
    OWNED_FD visitor = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return visitor >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* The session's own, out of the table; -1 when it has none that nobody else found. */
static int take_own(struct data_ports *p, const struct port_range *r, struct net_addr *local)
{
    for (size_t i = p->count; r->owner && i-- > 0;) {
        if (!fits(&p->kept[i], r, local))
            continue;
        OWNED_FD fd = p->kept[i].fd;
        const struct net_addr found = p->kept[i].local;
        p->kept[i] = p->kept[--p->count];
        if (has_visitor(fd))
            continue;
        *local = found;
        return fd_take(&fd);
    }
    return -1;
}

static bool is_busy(struct data_ports *p)
{
    int64_t now = loop_now(p->loop);
    if (now - p->second >= BUSY_MS) {
        p->made_before = now - p->second < 2 * BUSY_MS ? p->made : 0;
        p->made = 0;
        p->second = now;
    }
    p->made++;
    return p->made > BUSY_COUNT || p->made_before > BUSY_COUNT;
}

void data_ports_give(struct data_ports *p, const struct port_range *range, const struct net_addr *local, int fd)
{
    const struct port_range r = bounds(range);
    size_t most = (r.high - r.low + 1u) / KEPT_PART;
    if (!is_busy(p) || !r.owner || p->count >= KEPT_MAX || p->count >= most) {
        close(fd);
        return;
    }
    if (!p->count)
        loop_timer_set(p->timer, KEPT_MS);
    p->kept[p->count++] = (struct kept){ .local = *local, .fd = fd, .owner = r.owner, .since = loop_now(p->loop) };
}

/* ---- either ---- */

int data_ports_listen(struct data_ports *p, const struct port_range *range, struct net_addr *local, int *fd_out)
{
    const struct port_range r = bounds(range);
    if (r.low < PORT_FLOOR || r.high < r.low || !local->family)
        return ERR_RANGE;
    *fd_out = take_own(p, &r, local);
    if (*fd_out >= 0)
        return 0;
    int err = listen_in_range(&r, local, fd_out);
    if (err != ERR_LIMIT || !p->count)
        return err;
    close_all(p); /* they hold ports and descriptors that somebody needs now */
    return listen_in_range(&r, local, fd_out);
}

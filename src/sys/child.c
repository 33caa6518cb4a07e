/*
 * child.c - the child's half of the start-up conversation.
 *
 * What may come before child_start, and what only after, is the table `openings`; the channel's own table has already
 * judged sender, form and number of descriptors.  A message that must carry a descriptor and does not is malformed.
 */
#include "sys/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/secret.h"
#include "sys/datagram.h"

/* LeakSanitizer attaches to its own process, which needs it dumpable. */
#if defined(__SANITIZE_ADDRESS__) || defined(SALLYPORT_SANITIZED)
enum { CHILD_DUMPABLE = 1 };
#else
enum { CHILD_DUMPABLE = 0 };
#endif

static bool is_channel(int fd)
{
    int type = 0, domain = 0;
    socklen_t len = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET &&
           getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

/* The broker is not killed with its parent: it sees the channel close and still removes its temporary files. */
static int arm_parent_death(unsigned role)
{
    return role == ROLE_BROKER ? 0 : prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

static int harden(unsigned role, struct diag *d)
{
    const struct rlimit no_core = { 0, 0 };
    umask(027);
    tzset(); /* the C library opens the zone file at the first use of a broken-down time: now, before the sandbox closes */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, CHILD_DUMPABLE, 0, 0, 0) < 0 ||
        arm_parent_death(role) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0) {
        diag_set(d, "cannot take away the process's privileges: %s", strerror(errno));
        return ERR_SYS;
    }
    return 0;
}

/* ---- what may come before child_start ---- */

static int open_setting(struct child *c, struct wire_in *in, int *fd)
{
    (void)fd;
    struct child_setting m;
    int err = child_setting_decode(in, &m);
    if (err)
        return err;
    if (m.empty_root.len >= sizeof c->empty_root)
        return ERR_TOO_LONG;
    c->index = m.index;
    c->workers = m.workers;
    c->uid = m.uid;
    c->gid = m.gid;
    c->privileged = m.privileged;
    c->restarts = m.restarts;
    memcpy(c->empty_root, m.empty_root.ptr, m.empty_root.len);
    c->empty_root[m.empty_root.len] = 0;
    return 0;
}

static int open_snapshot(struct child *c, struct wire_in *in, int *fd)
{
    (void)in;
    struct snapshot *s;
    int err = snapshot_open(*fd, &s);
    if (err)
        return err;
    snapshot_unref(c->snapshot);
    c->snapshot = s;
    return 0;
}

static int open_peer(struct child *c, struct wire_in *in, int *fd)
{
    struct child_peer m;
    int err = child_peer_decode(in, &m);
    if (err)
        return err;
    if (c->peer_count == CHILD_PEERS_MAX)
        return ERR_LIMIT;
    c->peers[c->peer_count++] = (struct child_peer_fd){ m.role, m.index, fd_take(fd) };
    return 0;
}

static int open_listener(struct child *c, struct wire_in *in, int *fd)
{
    struct child_listener m;
    int err = child_listener_decode(in, &m);
    if (err)
        return err;
    if (c->listener_count == CHILD_LISTENERS_MAX)
        return ERR_LIMIT;
    c->listeners[c->listener_count++] = (struct child_listener_fd){ m.listener, fd_take(fd) };
    return 0;
}

static int open_counts(struct child *c, struct wire_in *in, int *fd)
{
    (void)in;
    if (c->counts_fd >= 0)
        close(c->counts_fd);
    c->counts_fd = fd_take(fd);
    return 0;
}

static int take_cache(struct child *c, struct wire_in *in, int *fd)
{
    (void)in;
    if (c->cache_fd >= 0)
        close(c->cache_fd);
    c->cache_fd = fd_take(fd);
    return 0;
}

static int open_region(struct child *c, struct wire_in *in, int *fd)
{
    (void)in;
    if (c->region_fd >= 0)
        close(c->region_fd);
    c->region_fd = fd_take(fd);
    return 0;
}

static int open_ticket_keys(struct child *c, struct wire_in *in, int *fd)
{
    (void)fd;
    struct child_ticket_keys m;
    int err = child_ticket_keys_decode(in, &m);
    if (err)
        return err;
    if (m.keys.len > sizeof c->ticket_keys || m.keys.len % 80)
        return ERR_SYNTAX;
    memcpy(c->ticket_keys, m.keys.ptr, m.keys.len);
    c->ticket_keys_len = m.keys.len;
    return 0;
}

static const struct {
    uint16_t number;
    int (*take)(struct child *c, struct wire_in *in, int *fd);
} openings[] = {
    { MSG_child_setting,     open_setting     },
    { MSG_child_snapshot,    open_snapshot    },
    { MSG_child_peer,        open_peer        },
    { MSG_child_listener,    open_listener    },
    { MSG_child_counts,      open_counts      },
    { MSG_child_region,      open_region      },
    { MSG_child_cache,       take_cache       },
    { MSG_child_ticket_keys, open_ticket_keys },
};

static int take_opening(struct child *c, uint16_t number, struct wire_in *in, int *fd)
{
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++)
        if (openings[i].number == number)
            return openings[i].take(c, in, fd);
    return ERR_STATE;
}

static int receive_opening(struct child *c, void *buffer, size_t size, struct diag *d)
{
    for (;;) {
        const struct wire_message *m = NULL;
        struct wire_in in;
        OWNED_FD fd = -1;
        int err = child_receive(c, buffer, size, &m, &in, &fd);
        if (!err && m->number == MSG_child_start)
            return 0;
        if (!err)
            err = take_opening(c, m->number, &in, &fd);
        if (err) {
            diag_set(d, "start-up message %s from the supervisor: %s", m ? m->name : "", err_text(err));
            return err;
        }
    }
}

int child_begin(struct child *c, unsigned role, struct diag *d)
{
    *c = (struct child){ .role = role, .fd = CHILD_FD, .uid = UINT32_MAX, .gid = UINT32_MAX, .counts_fd = -1,
                         .region_fd = -1, .cache_fd = -1 };
    if (!is_channel(CHILD_FD)) {
        diag_set(d, "sallyport-%s is started by sallyportd, not by hand", role_name(role));
        return ERR_STATE;
    }
    int err = harden(role, d);
    if (err)
        return err;
    void *buffer = malloc(WIRE_DATAGRAM_MAX);
    if (!buffer) {
        diag_set(d, "%s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    err = receive_opening(c, buffer, WIRE_DATAGRAM_MAX, d);
    secret_wipe(buffer, WIRE_DATAGRAM_MAX); /* ticket keys passed through */
    free(buffer);
    if (!err && !c->snapshot && role != ROLE_PAM) { /* pam has no configuration */
        diag_set(d, "the supervisor sent no snapshot");
        err = ERR_STATE;
    }
    return err;
}

int child_peer_take(struct child *c, unsigned role, unsigned index)
{
    for (size_t i = 0; i < c->peer_count; i++)
        if (c->peers[i].role == role && c->peers[i].index == index && c->peers[i].fd >= 0)
            return fd_take(&c->peers[i].fd);
    return -1;
}

int child_say_ready(struct child *c)
{
    return DATAGRAM_SEND(c->fd, -1, child_ready, 0);
}

int child_receive(struct child *c, void *buffer, size_t size, const struct wire_message **message_out,
                  struct wire_in *fields_out, int *fd_out)
{
    struct slice bytes;
    OWNED_FD fd = -1;
    int err = datagram_receive(c->fd, buffer, size, &bytes, &fd);
    if (err)
        return err;
    const struct wire_message *m;
    struct wire_in fields;
    err = wire_channel_accept(&child_channel, ROLE_SUPERVISOR, bytes, fd >= 0, &m, &fields);
    if (err)
        return err;
    if (m->fds_max && fd < 0)
        return ERR_SYNTAX;
    *message_out = m;
    *fields_out = fields;
    *fd_out = fd_take(&fd);
    return 0;
}

void child_event(struct child *c, int level, const char *fmt, ...)
{
    char line[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);

    OWNED_TEXT_BUFFER escaped = { .max = 4096 };
    text_add_escaped(&escaped, slice_str(line));
    struct slice text = text_error(&escaped) ? SLICE_LITERAL("(event too long)") : text_slice(&escaped);

    /* A buffer of its own: threads with small stacks report too. */
    uint8_t bytes[4096 + 64];
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    const struct child_event m = { (uint8_t)(level < 0 ? 0 : level > 3 ? 3 : level), text };
    wire_channel_begin(&out, MSG_child_event);
    if (child_event_encode(&m, &out) || datagram_send(c->fd, slice_of((char *)bytes, out.len), -1))
        dprintf(STDERR_FILENO, "sallyport-%s: " SLICE_FMT "\n", role_name(c->role), SLICE_ARG(text));
}

/*
 * datagram.c - sendmsg and recvmsg with all their odd ends tied.
 *
 * The kernel attaches received descriptors before it tells about truncation, so every path that refuses a datagram
 * closes what came with it: a peer must not be able to fill our descriptor table (threats.md H01).
 */
#include "sys/datagram.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FDS_SEEN_MAX = 8 };

union control {
    char bytes[CMSG_SPACE(sizeof(int) * FDS_SEEN_MAX)];
    struct cmsghdr align;
};

static int send_error(int errnum)
{
    switch (errnum) {
    case EAGAIN:
        return ERR_AGAIN;
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN:
        return ERR_CLOSED;
    case EMSGSIZE:
        return ERR_TOO_LONG;
    default:
        return ERR_SYS;
    }
}

int datagram_send(int socket, struct slice bytes, int fd)
{
    union control control = { .bytes = { 0 } };
    struct iovec part = { (void *)bytes.ptr, bytes.len };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
    if (fd >= 0) {
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    ssize_t sent;
    do
        sent = sendmsg(socket, &m, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? send_error(errno) : 0;
}

/* All descriptors of the message into `fds`; returns how many. */
static size_t collect_fds(struct msghdr *m, int fds[FDS_SEEN_MAX])
{
    size_t count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < here && count < FDS_SEEN_MAX; i++)
            memcpy(&fds[count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
    }
    return count;
}

int datagram_receive(int socket, void *buffer, size_t size, struct slice *bytes_out, int *fd_out)
{
    union control control;
    struct iovec part = { buffer, size };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
                        .msg_controllen = sizeof control.bytes };
    ssize_t got;
    do
        got = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == ECONNRESET ? ERR_CLOSED : send_error(errno);

    int fds[FDS_SEEN_MAX];
    size_t count = collect_fds(&m, fds);
    int err = 0;
    if (got == 0)
        err = ERR_CLOSED;
    else if (m.msg_flags & MSG_TRUNC)
        err = ERR_TOO_LONG;
    else if (count > 1 || (count && (m.msg_flags & MSG_CTRUNC)))
        err = ERR_LIMIT;
    /* Cut and none came: we have no descriptor left.  That is not the peer's fault: its message comes without. */
    if (err) {
        while (count)
            close(fds[--count]);
        return err;
    }
    *bytes_out = slice_of(buffer, (size_t)got);
    *fd_out = count ? fds[0] : -1;
    return 0;
}

int datagram_pair(int pair_out[2])
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return ERR_SYS;
    /* Twice the largest datagram, so that one may wait while the next is written.  The kernel clamps what an
     * ordinary user asks for; its default already holds one. */
    int size = 2 * WIRE_DATAGRAM_MAX;
    for (int i = 0; i < 2; i++)
        if (setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
            (void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    pair_out[0] = pair[0];
    pair_out[1] = pair[1];
    return 0;
}

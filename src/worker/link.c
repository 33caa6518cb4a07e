/* link.c - queueing and judging datagrams. */
#include "worker/link.h"

#include <fcntl.h>

#include "base/own.h"
#include "base/secret.h"
#include "sys/datagram.h"
#include "worker/worker.h"

enum { QUEUE_MAX = 16 * 1024 * 1024, KEPT_MAX = 4 * 1024 * 1024, DATAGRAMS_PER_TURN = 64 };

/* A login that waited here held a password. */
static void drop_queue(struct link *l)
{
    if (l->queue.ptr)
        secret_wipe(l->queue.ptr, l->queue.cap);
    text_free(&l->queue);
}

static void link_fail(struct link *l)
{
    link_close(l);
    l->closed(l->worker);
}

static void want(struct link *l)
{
    loop_io_want(l->io, LOOP_READ | (l->queue.len ? LOOP_WRITE : 0), -1);
}

static void receive_some(struct link *l)
{
    for (int i = 0; i < DATAGRAMS_PER_TURN && l->fd >= 0; i++) {
        struct slice bytes;
        OWNED_FD fd = -1;
        int err = datagram_receive(l->fd, l->worker->in_buffer, WIRE_DATAGRAM_MAX, &bytes, &fd);
        if (err == ERR_AGAIN)
            return;
        const struct wire_message *message;
        struct wire_in fields;
        if (!err)
            err = wire_channel_accept(l->channel, l->peer_role, bytes, fd >= 0, &message, &fields);
        if (err) {
            if (err != ERR_CLOSED)
                worker_event(l->worker, LOG_LEVEL_ERROR, "the %s sent what it may not: %s", role_name(l->peer_role),
                             err_text(err));
            link_fail(l);
            return;
        }
        l->arrived(l->worker, message, &fields, &fd);
    }
}

/* As much as the socket takes; the sum of what went is dropped at once, since all behind it moves. */
static int send_waiting(struct link *l)
{
    int err = 0;
    size_t at = 0;
    while (at < l->queue.len && !err) {
        uint32_t len;
        memcpy(&len, l->queue.ptr + at, sizeof len);
        err = datagram_send(l->fd, slice_of(l->queue.ptr + at + sizeof len, len), -1);
        if (!err)
            at += sizeof len + len;
    }
    text_drop(&l->queue, at);
    return err;
}

static void flush(struct link *l)
{
    int err = send_waiting(l);
    if (err == ERR_AGAIN)
        return;
    if (err) {
        link_fail(l);
        return;
    }
    drop_queue(l);
    want(l);
}

static void ready(void *context, unsigned events)
{
    struct link *l = context;
    if (events & LOOP_WRITE)
        flush(l);
    if ((events & LOOP_READ) && l->fd >= 0)
        receive_some(l);
}

int link_open(struct link *l, struct loop *loop, int fd)
{
    link_close(l);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return ERR_SYS;
    struct loop_io *io = loop_io_open(loop, fd, ready, l);
    if (!io)
        return ERR_NOMEM;
    l->fd = fd;
    l->io = io;
    want(l);
    return 0;
}

void link_close(struct link *l)
{
    if (l->fd < 0)
        return;
    loop_io_close(l->io);
    close(l->fd);
    l->io = NULL;
    l->fd = -1;
    if (!l->keeps)
        drop_queue(l);
}

int link_try_pass(struct link *l, struct slice datagram, int fd)
{
    if (l->fd < 0)
        return ERR_CLOSED;
    if (l->queue.len)
        return ERR_AGAIN;
    return datagram_send(l->fd, datagram, fd);
}

int link_try_send(struct link *l, struct slice datagram)
{
    return link_try_pass(l, datagram, -1);
}

int link_send(struct link *l, struct slice datagram)
{
    int err = link_try_send(l, datagram);
    bool waits = err == ERR_AGAIN || (err == ERR_CLOSED && l->keeps);
    if (!waits)
        return err;
    if (l->queue.len + datagram.len > (err == ERR_AGAIN ? QUEUE_MAX : KEPT_MAX))
        return ERR_LIMIT;
    uint32_t len = (uint32_t)datagram.len;
    size_t before = l->queue.len;
    text_add(&l->queue, slice_of((const char *)&len, sizeof len));
    text_add(&l->queue, datagram);
    if (text_error(&l->queue)) { /* not half of it */
        l->queue.len = before;
        l->queue.err = 0;
        return ERR_NOMEM;
    }
    if (l->fd >= 0)
        want(l);
    return 0;
}

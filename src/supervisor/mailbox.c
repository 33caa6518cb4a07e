/* mailbox.c - see mailbox.h. */
#include "supervisor/mailbox.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/secret.h"

/* A peer that lets QUEUE_MOST pile up is not reading: it is ended.  LEFT_MOST is more than a socket holds, so that what a dead
 * program wrote is read to its end, and one that somebody goes on writing to is not read for ever. */
enum { QUEUE_MOST = 64 << 20, TURN_MOST = 64, LEFT_MOST = 1 << 16 };

struct mailbox_item {
    struct mailbox_item *next;
    int fd;
    size_t len;
    char bytes[];
};

/* Whose messages are being handled; NULL again as soon as it is closed, for then it may be freed too. */
static const struct mailbox *reading;

static void item_free(struct mailbox_item *item)
{
    if (item->fd >= 0)
        close(item->fd);
    secret_wipe(item->bytes, item->len);
    free(item);
}

void mailbox_close(struct mailbox *m)
{
    if (m->fd < 0)
        return;
    if (reading == m)
        reading = NULL;
    loop_io_close(m->io);
    close(m->fd);
    m->fd = -1;
    m->io = NULL;
    m->closing = false;
    m->queued = 0;
    while (m->first) {
        struct mailbox_item *item = m->first;
        m->first = item->next;
        item_free(item);
    }
    m->last = &m->first;
}

static void fail(struct mailbox *m, int err)
{
    mailbox_close(m);
    m->closed(m->context, err);
}

/* 0 also when the socket is full. */
static int flush(struct mailbox *m)
{
    while (m->first) {
        struct mailbox_item *item = m->first;
        int err = datagram_send(m->fd, slice_of(item->bytes, item->len), item->fd);
        if (err == ERR_AGAIN)
            break;
        if (err)
            return err;
        m->queued -= item->len;
        m->first = item->next;
        if (!m->first)
            m->last = &m->first;
        item_free(item);
    }
    loop_io_want(m->io, LOOP_READ | (m->first ? LOOP_WRITE : 0), -1);
    return 0;
}

static void read_some(struct mailbox *m, unsigned most)
{
    static char buffer[WIRE_DATAGRAM_MAX];
    if (reading) /* from within a callback: the turn that runs goes on afterwards */
        return;
    reading = m;
    for (unsigned turn = 0; turn < most && reading == m; turn++) {
        struct slice bytes;
        int fd = -1;
        int err = datagram_receive(m->fd, buffer, sizeof buffer, &bytes, &fd);
        if (err == ERR_AGAIN)
            break;
        if (err)
            fail(m, err);
        else
            m->message(m->context, bytes, fd);
    }
    reading = NULL;
}

static void ready(void *context, unsigned events)
{
    struct mailbox *m = context;
    int err = events & LOOP_WRITE ? flush(m) : 0;
    if (!err && m->closing && !m->first)
        err = ERR_CLOSED;
    if (err)
        fail(m, err);
    else if (events & LOOP_READ)
        read_some(m, TURN_MOST);
}

int mailbox_open(struct mailbox *m, struct loop *l, int fd)
{
    int flags = fcntl(fd, F_GETFL);
    m->io = flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? NULL : loop_io_open(l, fd, ready, m);
    if (!m->io) {
        close(fd);
        return ERR_SYS;
    }
    m->fd = fd;
    m->first = NULL;
    m->last = &m->first;
    m->queued = 0;
    m->closing = false;
    loop_io_want(m->io, LOOP_READ, -1);
    return 0;
}

void mailbox_finish(struct mailbox *m)
{
    if (m->fd < 0)
        return;
    m->closing = true;
    loop_io_want(m->io, LOOP_READ | LOOP_WRITE, -1); /* `ready` closes, also when nothing is queued */
}

void mailbox_drain(struct mailbox *m)
{
    if (m->fd >= 0)
        read_some(m, LEFT_MOST);
}

void mailbox_send(struct mailbox *m, struct slice bytes, int fd)
{
    if (m->fd < 0 || slice_is_empty(bytes) || m->queued + bytes.len > QUEUE_MOST) {
        if (fd >= 0)
            close(fd);
        if (m->fd >= 0)
            mailbox_finish(m);
        return;
    }
    struct mailbox_item *item = malloc(sizeof *item + bytes.len);
    if (!item) {
        if (fd >= 0)
            close(fd);
        mailbox_finish(m);
        return;
    }
    *item = (struct mailbox_item){ NULL, fd, bytes.len };
    memcpy(item->bytes, bytes.ptr, bytes.len);
    *m->last = item;
    m->last = &item->next;
    m->queued += bytes.len;
    if (m->first == item && flush(m)) /* the error comes again, in the loop's turn */
        loop_io_want(m->io, LOOP_READ | LOOP_WRITE, -1);
}

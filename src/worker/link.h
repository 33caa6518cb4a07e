/*
 * link.h - a non-blocking SEQPACKET channel to another of our programs.
 *
 * Messages that the socket cannot take now wait in order, up to a bound; a link whose peer is gone is closed and says
 * so once through `closed`.  What comes in has been judged by the channel's table before `arrived` sees it; a message
 * that is not legal closes the link with an event line, since it is a bug or an attack.  What had not been sent then is
 * dropped, unless the link keeps it.
 */
#pragma once

#include "loop/loop.h"
#include "wire/channel.h"

struct worker;
struct link;

typedef void link_arrived(struct worker *w, const struct wire_message *message, struct wire_in *fields, int *fd);
typedef void link_closed(struct worker *w);

struct link { /* embedded in the worker; zero with fd -1 is a closed one */
    struct worker *worker;
    const struct wire_channel *channel;
    unsigned peer_role;
    int fd;              /* owned */
    struct loop_io *io;
    struct text queue;   /* datagrams that wait: u32 length, bytes */
    link_arrived *arrived;
    link_closed *closed;
    bool keeps;          /* what waits when the peer is gone, and later, waits for the next one */
};

/* Take over `fd` and begin to read.  An earlier connection of the link is closed, without `closed`. */
MUST_USE int link_open(struct link *l, struct loop *loop, int fd);
void link_close(struct link *l);
static inline bool link_is_open(const struct link *l)
{
    return l->fd >= 0;
}
/* Whether something waits for the peer to read. */
static inline bool link_waits(const struct link *l)
{
    return l->fd >= 0 && l->queue.len;
}
/* Send or queue.  ERR_CLOSED, never from a link that keeps; ERR_LIMIT: too much waits. */
MUST_USE int link_send(struct link *l, struct slice datagram);
/* Send or nothing: ERR_AGAIN when the socket is full. */
MUST_USE int link_try_send(struct link *l, struct slice datagram);
/* ... with a descriptor beside it, which stays the caller's. */
MUST_USE int link_try_pass(struct link *l, struct slice datagram, int fd);

/* Encode message `name` into the buffer `out` (struct wire_out) of the worker. */
#define LINK_ENCODE(out, name, ...)                            \
    ({                                                         \
        const struct name link_message_ = { __VA_ARGS__ };     \
        wire_channel_begin(out, MSG_##name);                   \
        name##_encode(&link_message_, out);                    \
    })
#define LINK_SEND(link, out, name, ...)                                                       \
    ({                                                                                        \
        int link_err_ = LINK_ENCODE(out, name, __VA_ARGS__);                                  \
        link_err_ ? link_err_ : link_send(link, slice_of((const char *)(out)->ptr, (out)->len)); \
    })

/*
 * datagram.h - one message over a SEQPACKET socket, with at most one descriptor beside it.
 *
 * Both calls hide EINTR.  Received descriptors are close-on-exec; surplus ones are closed and reported as ERR_LIMIT.
 */
#pragma once

#include "wire/channel.h"

/* Blocking or not as the socket is.  `fd` -1: none.  ERR_AGAIN, ERR_CLOSED, ERR_TOO_LONG, ERR_SYS. */
MUST_USE int datagram_send(int socket, struct slice bytes, int fd);

/* One datagram into `buffer`; *bytes_out borrows from it.  *fd_out is -1 or owned by the caller.
 * ERR_CLOSED at end of file; ERR_AGAIN; ERR_TOO_LONG when it was cut (the rest is gone).  A descriptor for which this
 * process has no room is lost, its message is not. */
MUST_USE int datagram_receive(int socket, void *buffer, size_t size, struct slice *bytes_out, int *fd_out);

/* A connected SEQPACKET pair, close-on-exec, blocking, with SO_SNDBUF large enough for WIRE_DATAGRAM_MAX. */
MUST_USE int datagram_pair(int pair_out[2]);

/* Encode and send message `name` of any channel: DATAGRAM_SEND(socket, -1, grant_revoke, .ticket = 5). */
#define DATAGRAM_SEND(socket, fd, name, ...)                                                     \
    ({                                                                                           \
        /* -ftrivial-auto-var-init would clear all of it for every small message */              \
        uint8_t datagram_bytes_[WIRE_DATAGRAM_MAX] __attribute__((uninitialized));               \
        struct wire_out datagram_out_ = { datagram_bytes_, sizeof datagram_bytes_, 0, 0 };       \
        const struct name datagram_message_ = { __VA_ARGS__ };                                   \
        wire_channel_begin(&datagram_out_, MSG_##name);                                          \
        int datagram_err_ = name##_encode(&datagram_message_, &datagram_out_);                   \
        datagram_err_ ? datagram_err_                                                            \
                      : datagram_send(socket, slice_of((char *)datagram_bytes_, datagram_out_.len), fd); \
    })

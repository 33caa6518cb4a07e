/*
 * mailbox.h - one SEQPACKET socket in the supervisor's loop: whole messages in, a queue of messages out.
 *
 * The supervisor waits for nobody: what a slow peer does not take now is queued with its descriptor.
 */
#pragma once

#include "base/secret.h"
#include "loop/loop.h"
#include "sys/datagram.h"

struct mailbox;
struct mailbox_item;

/* `fd` is the callback's (-1: none).  It may close the mailbox, and free what the mailbox stands in. */
typedef void mailbox_message(void *context, struct slice bytes, int fd);
/* The peer is gone, or sent what cannot be received (`err`).  The mailbox is closed already. */
typedef void mailbox_closed(void *context, int err);

struct mailbox {
    int fd; /* -1: closed */
    struct loop_io *io;
    struct mailbox_item *first, **last;
    size_t queued; /* bytes */
    bool closing;  /* close when the queue is empty */
    mailbox_message *message;
    mailbox_closed *closed;
    void *context;
};

/* Takes the socket over; sets message, closed and context first. */
MUST_USE int mailbox_open(struct mailbox *m, struct loop *l, int fd);
/* Drops what is queued.  Safe to repeat and on a zeroed struct with fd -1. */
void mailbox_close(struct mailbox *m);
/* Close as soon as everything queued is sent. */
void mailbox_finish(struct mailbox *m);
/* Handle what has arrived already, now: the last words of a program that died. */
void mailbox_drain(struct mailbox *m);
static inline bool mailbox_is_open(const struct mailbox *m)
{
    return m->fd >= 0;
}

/* Send or queue; `fd` (-1: none) is taken over whatever happens.  Errors close the mailbox at its next turn, so a caller
 * that sends many need not look at each. */
void mailbox_send(struct mailbox *m, struct slice bytes, int fd);

#define MAILBOX_SEND(mailbox, fd, name, ...)                                                     \
    ({                                                                                           \
        static uint8_t mailbox_bytes_[WIRE_DATAGRAM_MAX];                                        \
        struct wire_out mailbox_out_ = { mailbox_bytes_, sizeof mailbox_bytes_, 0, 0 };          \
        const struct name mailbox_message_ = { __VA_ARGS__ };                                    \
        wire_channel_begin(&mailbox_out_, MSG_##name);                                           \
        int mailbox_err_ = name##_encode(&mailbox_message_, &mailbox_out_);                      \
        mailbox_send(mailbox, mailbox_err_ ? SLICE_NONE : slice_of((char *)mailbox_bytes_, mailbox_out_.len), fd); \
        secret_wipe(mailbox_bytes_, mailbox_out_.len);                                           \
    })

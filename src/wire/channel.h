/*
 * channel.h - a channel is a table: which messages travel on one kind of socket, who may send each, with how many
 * descriptors.
 *
 *     #define BROKER_CHANNEL(M)                              \
 *         M(1, broker_request, ROLE_WORKER, 0)               \
 *         M(2, broker_answer,  ROLE_BROKER, 1)
 *     WIRE_CHANNEL(broker_channel, BROKER_CHANNEL)
 *
 * gives an enum of numbers (MSG_broker_request ...) and `broker_channel`, from which receiving, logging and fuzzing
 * derive.  A datagram is the u16 number and the fields; the third column is the role that may SEND it; the fourth
 * the largest number of descriptors that may come with it.
 */
#pragma once

#include "wire/wire.h"

/* One bit each, so that a row may name several senders. */
enum role {
    ROLE_SUPERVISOR = 1,
    ROLE_LOADER = 2,
    ROLE_WORKER = 4,
    ROLE_BROKER = 8,
    ROLE_AUTH = 16,
    ROLE_PAM = 32,
    ROLE_MEMBERSHIP = 64,
    ROLE_LOGGER = 128,
    ROLE_CLI = 256,
};

/* "worker", "broker" ...; "?" for none. */
const char *role_name(unsigned role);

enum { WIRE_DATAGRAM_MAX = 160 * 1024 }; /* below the kernel's default SO_SNDBUF of 208 KiB */

struct wire_message {
    uint16_t number;
    const char *name;
    unsigned senders; /* enum role bits */
    unsigned fds_max;
    int (*check)(struct wire_in *in);                        /* decodes and throws away */
    int (*dump)(struct wire_in *in, struct text *out);       /* decodes and prints; secrets as *** */
};

struct wire_channel {
    const char *name;
    const struct wire_message *messages;
    size_t count;
};

/* Read the number at the head of a datagram and judge the datagram by the table: known, sent by a role that may,
 * no more descriptors than allowed, decodable.  On 0 *message_out and *fields_out (the cursor behind the number) are
 * set.  ERR_DENIED: that role may not send it. */
MUST_USE int wire_channel_accept(const struct wire_channel *c, unsigned sender, struct slice datagram, unsigned fds,
                                 const struct wire_message **message_out, struct wire_in *fields_out);

#define WIRE_CHANNEL_NUMBER(n, message, senders, fds) MSG_##message = n,
#define WIRE_CHANNEL_FUNCTIONS(n, message, senders, fds)                                                      \
    __attribute__((unused)) static int message##_wire_check(struct wire_in *in)                               \
    {                                                                                                         \
        struct message m;                                                                                     \
        return message##_decode(in, &m);                                                                      \
    }                                                                                                         \
    __attribute__((unused)) static int message##_wire_dump(struct wire_in *in, struct text *out)              \
    {                                                                                                         \
        struct message m;                                                                                     \
        int err = message##_decode(in, &m);                                                                   \
        if (!err)                                                                                             \
            message##_dump(&m, out);                                                                          \
        return err;                                                                                           \
    }
#define WIRE_CHANNEL_ROW(n, message, senders, fds) { n, #message, senders, fds, message##_wire_check, message##_wire_dump },

#define WIRE_CHANNEL(channel, LIST)                                                                           \
    enum { LIST(WIRE_CHANNEL_NUMBER) };                                                                       \
    LIST(WIRE_CHANNEL_FUNCTIONS)                                                                              \
    __attribute__((unused)) static const struct wire_message channel##_messages[] = { LIST(WIRE_CHANNEL_ROW) }; \
    __attribute__((unused)) static const struct wire_channel channel = {                                      \
        #channel, channel##_messages, sizeof channel##_messages / sizeof channel##_messages[0]                \
    };

/* Start a datagram in `out` (whose buffer the caller set): the number; then call x_encode. */
static inline void wire_channel_begin(struct wire_out *out, uint16_t number)
{
    out->len = 0;
    out->err = 0;
    wire_put_number(out, 2, number, UINT16_MAX);
}

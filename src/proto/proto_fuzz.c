/*
 * proto_fuzz.c - arbitrary bytes as every message of every channel, from every sender.
 *
 * What is accepted has one encoding only, was sent by a role of the table, and prints itself without control bytes.
 * The first byte picks the channel, the second the sender; the rest is the datagram.
 */
#include <stdlib.h>

#include "proto/auth.h"
#include "proto/broker.h"
#include "proto/child.h"
#include "proto/control.h"
#include "proto/grant.h"
#include "proto/loader.h"
#include "proto/log.h"
#include "proto/membership.h"
#include "proto/neighbour.h"
#include "proto/pam.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t again[WIRE_DATAGRAM_MAX];

#define ROUND(n, message, senders, fds)                                                                  \
    static void message##_round(struct wire_in in)                                                       \
    {                                                                                                    \
        struct message m;                                                                                \
        struct wire_out out = { again, sizeof again, 0, 0 };                                             \
        if (message##_decode(&in, &m) || message##_encode(&m, &out) || out.len != in.len ||              \
            memcmp(again, in.ptr, out.len))                                                              \
            abort();                                                                                     \
    }
#define ROUND_ROW(n, message, senders, fds) { n, message##_round },

struct round {
    uint16_t number;
    void (*trip)(struct wire_in in);
};

#define CHANNELS(C)                                                                                      \
    C(auth_channel, AUTH_CHANNEL)                                                                        \
    C(grant_channel, GRANT_CHANNEL)                                                                      \
    C(broker_channel, BROKER_CHANNEL)                                                                    \
    C(membership_channel, MEMBERSHIP_CHANNEL)                                                            \
    C(pam_channel, PAM_CHANNEL)                                                                          \
    C(log_channel, LOG_CHANNEL)                                                                          \
    C(child_channel, CHILD_CHANNEL)                                                                      \
    C(loader_channel, LOADER_CHANNEL)                                                                    \
    C(control_channel, CONTROL_CHANNEL)                                                                  \
    C(neighbour_channel, NEIGHBOUR_CHANNEL)

#define C(channel, LIST) LIST(ROUND) static const struct round channel##_rounds[] = { LIST(ROUND_ROW) };
CHANNELS(C)
#undef C

static const struct {
    const struct wire_channel *channel;
    const struct round *rounds;
} channels[] = {
#define C(channel, LIST) { &channel, channel##_rounds },
    CHANNELS(C)
#undef C
};

static void check_dump(const struct wire_message *m, struct wire_in in)
{
    OWNED_TEXT_BUFFER text = { 0 };
    if (m->dump(&in, &text))
        abort();
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct wire_message *m;
    struct wire_in in;
    if (size < 2 || size - 2 > WIRE_DATAGRAM_MAX)
        return 0;
    size_t which = data[0] % (sizeof channels / sizeof channels[0]);
    unsigned sender = 1u << data[1] % 8;
    if (wire_channel_accept(channels[which].channel, sender, slice_of((const char *)data + 2, size - 2), 0, &m, &in))
        return 0;
    if (!(m->senders & sender))
        abort();
    for (const struct round *r = channels[which].rounds;; r++)
        if (r->number == m->number) {
            r->trip(in);
            break;
        }
    check_dump(m, in);
    return 0;
}

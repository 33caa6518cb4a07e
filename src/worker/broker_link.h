/*
 * broker_link.h - requests to the broker and where their answers go.
 *
 * A request is remembered by number with the session's number, never with a pointer.  An answer for which nobody waits
 * any more (the session ended, the command was aborted) is cleaned up here: its descriptor closed, its upload or
 * listing abandoned.
 */
#pragma once

#include "proto/broker.h"

struct worker;
struct session;

/* `a` NULL: the broker is gone.  `fd` is the callee's to take with fd_take. */
typedef void broker_answered(struct session *s, const struct broker_answer *a, int *fd);

struct broker_request_slot {
    uint64_t session; /* 0 free */
    uint64_t ticket;
    broker_answered *answered; /* NULL: nobody waits */
    uint16_t turn;
    uint8_t verb;
};

struct broker_requests {
    struct broker_request_slot *slots;
    uint32_t count, hint;
};

/* Ask; `request.ticket` and `.request` are filled in.  *number_out identifies it for broker_forget. */
MUST_USE int broker_ask(struct session *s, struct broker_request request, broker_answered *answered,
                        uint32_t *number_out);
/* Nobody waits for this answer any more. */
void broker_forget(struct worker *w, uint32_t number);
/* Tell the broker without waiting for an answer: ABANDON, LIST_END. */
void broker_tell(struct worker *w, uint64_t ticket, uint8_t verb, uint64_t handle);

void broker_arrived(struct worker *w, const struct wire_message *message, struct wire_in *fields, int *fd);
void broker_gone(struct worker *w);

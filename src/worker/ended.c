/*
 * ended.c - gathering tickets.
 *
 * Told one by one, every end of a session wakes the authenticator, which wakes the broker: a fifth of what a login costs.
 */
#include "worker/ended.h"

enum { GATHER_MS = 20 };

int ended_prepare(struct worker *w)
{
    return text_room(&w->ended, TICKETS_LIMIT) ? 0 : ERR_NOMEM;
}

void ended_add(struct worker *w, uint64_t ticket)
{
    uint8_t bytes[sizeof ticket];
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    wire_put_number(&out, sizeof ticket, ticket, UINT64_MAX);
    if (w->ended.len + sizeof ticket > TICKETS_LIMIT)
        ended_tell(w);
    if (!w->ended.len)
        loop_timer_set(w->ended_timer, GATHER_MS);
    text_add(&w->ended, slice_of((const char *)bytes, out.len));
}

/* The authenticator takes its grants back from the broker; when it is not there we tell the broker. */
static void tell_broker(struct worker *w)
{
    struct wire_in tickets = wire_in_of(w->ended.ptr, w->ended.len);
    while (tickets.at < tickets.len && link_is_open(&w->broker)) {
        uint64_t ticket = wire_get_number(&tickets, sizeof ticket, UINT64_MAX);
        if (LINK_SEND(&w->broker, &w->out, broker_release, .ticket = ticket))
            worker_event(w, LOG_LEVEL_WARNING, "the broker could not be told that a login ended");
    }
}

void ended_tell(void *worker)
{
    struct worker *w = worker;
    if (w->ended.len && LINK_SEND(&w->auth, &w->out, auth_ended, .tickets = text_slice(&w->ended)))
        tell_broker(w);
    loop_timer_clear(w->ended_timer);
    text_reset(&w->ended);
}

/*
 * broker_link.c - the table of requests under way.
 *
 * A request number is slot | turn << SLOT_BITS, so an answer to a request that was given up cannot be taken for the
 * answer to the next one in the same slot.
 */
#include "worker/broker_link.h"

#include "base/own.h"
#include "worker/session.h"
#include "worker/worker.h"

enum { SLOT_BITS = 18, SLOTS_MAX = 1 << SLOT_BITS, SLOTS_FIRST = 64, TURNS = 1 << (32 - SLOT_BITS) };
static const uint64_t ORPHAN = UINT64_MAX; /* session number of requests whose answer is only cleaned up */

static MUST_USE int grow(struct broker_requests *r)
{
    uint32_t count = r->count ? r->count * 2 : SLOTS_FIRST;
    if (count > SLOTS_MAX)
        return ERR_LIMIT;
    struct broker_request_slot *slots = realloc(r->slots, count * sizeof *slots);
    if (!slots)
        return ERR_NOMEM;
    memset(slots + r->count, 0, (count - r->count) * sizeof *slots);
    r->hint = r->count;
    r->slots = slots;
    r->count = count;
    return 0;
}

static MUST_USE int find_free(struct broker_requests *r, uint32_t *slot_out)
{
    for (uint32_t i = 0; i < r->count; i++) {
        uint32_t slot = (r->hint + i) % r->count;
        if (!r->slots[slot].session) {
            *slot_out = slot;
            r->hint = slot + 1;
            return 0;
        }
    }
    int err = grow(r);
    if (!err)
        *slot_out = r->hint++;
    return err;
}

static struct broker_request_slot *find(struct broker_requests *r, uint32_t number)
{
    uint32_t slot = number & (SLOTS_MAX - 1);
    if (slot >= r->count || !r->slots[slot].session || r->slots[slot].turn != number >> SLOT_BITS)
        return NULL;
    return &r->slots[slot];
}

static void release(struct broker_request_slot *slot)
{
    slot->session = 0;
    slot->answered = NULL;
    slot->turn = (uint16_t)((slot->turn + 1) % TURNS);
}

static MUST_USE int ask(struct worker *w, uint64_t session, struct broker_request request, broker_answered *answered,
                        uint32_t *number_out)
{
    uint32_t slot;
    int err = find_free(&w->requests, &slot);
    if (err)
        return err;
    struct broker_request_slot *s = &w->requests.slots[slot];
    request.request = slot | (uint32_t)s->turn << SLOT_BITS;
    wire_channel_begin(&w->out, MSG_broker_request);
    err = broker_request_encode(&request, &w->out);
    if (!err)
        err = link_send(&w->broker, slice_of((const char *)w->out.ptr, w->out.len));
    if (err)
        return err;
    s->session = session;
    s->ticket = request.ticket;
    s->verb = request.verb;
    s->answered = answered;
    *number_out = request.request;
    return 0;
}

int broker_ask(struct session *s, struct broker_request request, broker_answered *answered, uint32_t *number_out)
{
    request.ticket = s->ticket;
    return ask(s->worker, s->id, request, answered, number_out);
}

void broker_tell(struct worker *w, uint64_t ticket, uint8_t verb, uint64_t handle)
{
    uint32_t number;
    const struct broker_request request = { .ticket = ticket, .verb = verb, .handle = handle };
    /* A broker that cannot be told is gone, and with it what was to be dropped. */
    if (link_is_open(&w->broker) && ask(w, ORPHAN, request, NULL, &number))
        worker_event(w, LOG_LEVEL_WARNING, "the broker could not be told to drop handle %llu", (unsigned long long)handle);
}

void broker_forget(struct worker *w, uint32_t number)
{
    struct broker_request_slot *slot = find(&w->requests, number);
    struct session *s = slot && slot->answered ? worker_session(w, slot->session) : NULL;
    if (!s)
        return;
    slot->answered = NULL;
    s->unanswered++;
}

/* Its answer came, or will not come any more: the session may go on. */
static void settle_forgotten(struct session *s)
{
    session_enter(s);
    s->unanswered--;
    session_leave(s);
}

/* What an unwanted answer left open at the broker. */
static void clean_up(struct worker *w, const struct broker_request_slot *slot, const struct broker_answer *a)
{
    bool upload = slot->verb == BROKER_UPLOAD || slot->verb == BROKER_APPEND || slot->verb == BROKER_UPLOAD_UNIQUE;
    bool listing = (slot->verb == BROKER_LIST || slot->verb == BROKER_LIST_NEXT) && a->more;
    if (a->status == 0 && a->handle && (upload || listing))
        broker_tell(w, slot->ticket, upload ? BROKER_ABANDON : BROKER_LIST_END, a->handle);
}

void broker_arrived(struct worker *w, const struct wire_message *message, struct wire_in *fields, int *fd)
{
    struct broker_answer a;
    if (message->number != MSG_broker_answer || broker_answer_decode(fields, &a))
        return; /* the table let nothing else through */
    struct broker_request_slot *slot = find(&w->requests, a.request);
    if (!slot) {
        worker_event(w, LOG_LEVEL_WARNING, "the broker answered request %u, which nobody made", a.request);
        return;
    }
    struct broker_request_slot request = *slot;
    release(slot);
    struct session *s = worker_session(w, request.session);
    if (!s || !request.answered) {
        clean_up(w, &request, &a);
        if (s)
            settle_forgotten(s);
        return;
    }
    session_enter(s);
    request.answered(s, &a, fd);
    session_leave(s);
}

void broker_gone(struct worker *w)
{
    worker_event(w, LOG_LEVEL_ERROR, "the broker is gone: its logins end");
    for (uint32_t i = 0; i < w->requests.count; i++) {
        struct broker_request_slot request = w->requests.slots[i];
        if (!request.session)
            continue;
        release(&w->requests.slots[i]);
        struct session *s = worker_session(w, request.session);
        int none = -1;
        if (!s)
            continue;
        if (!request.answered) {
            settle_forgotten(s);
            continue;
        }
        session_enter(s);
        request.answered(s, NULL, &none);
        session_leave(s);
    }
    sessions_lost_broker(w);
}

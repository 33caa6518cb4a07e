/* penalty.c - see penalty.h. */
#include "worker/penalty.h"

#include "base/clock.h"
#include "policy/address_rules.h"

#define SECOND_NS INT64_C(1000000000)

void penalty_tell(void *worker, unsigned count)
{
    struct worker *w = worker;
    OWNED_TEXT_BUFFER address = { 0 };
    net_addr_print(&w->penalised_last, &address);
    worker_event(w, LOG_LEVEL_WARNING, "connections of sources that misbehaved were cut: %u, the last from %s", count,
                 text_str(&address));
}

bool penalty_refuses(struct worker *w, struct tally_cell *of_address, const struct net_addr *peer)
{
    int64_t ahead = tally_ahead(tally_clock(of_address, TALLY_PENALTY), clock_ns());
    if (ahead <= generation_server(w->generation)->penalty_threshold * SECOND_NS)
        return false;
    if (address_rules_exempt(w->generation->snapshot, peer))
        return false;
    w->penalised_last = *peer;
    flood_one_more(&w->penalised);
    return true;
}

void penalty_add(struct session *s, enum penalty what)
{
    const struct snap_server *server = generation_server(s->worker->generation);
    int64_t seconds = what == PENALTY_NO_LOGIN ? server->penalty_no_login : server->penalty_failed_login;
    if (seconds > 0)
        tally_push(tally_clock(s->of_address, TALLY_PENALTY), seconds * SECOND_NS, server->penalty_most * SECOND_NS, clock_ns());
}

void penalty_at_end(struct session *s)
{
    static const uint32_t by_client[] = { SUB_NONE, SUB_NEW_CONNECTION_TIMEOUT, SUB_CONNECTION_ERROR, SUB_SSL_FAILED };
    if (s->was_logged_in || s->login_failures) /* those have been counted */
        return;
    for (size_t i = 0; i < sizeof by_client / sizeof by_client[0]; i++)
        if (s->end_substatus == by_client[i]) {
            penalty_add(s, PENALTY_NO_LOGIN);
            return;
        }
}

bool penalty_may_handshake(struct session *s)
{
    uint32_t rate = generation_server(s->worker->generation)->handshakes_per_address;
    tally_time *clock = tally_clock(s->of_address, TALLY_HANDSHAKES);
    int64_t now = clock_ns();
    if (!rate || tally_reserve(clock, 1, rate, SECOND_NS, now) <= now)
        return true;
    tally_refund(clock, 1, rate);
    return false;
}

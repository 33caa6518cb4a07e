/*
 * transfer_pace.c - the bandwidth of a transfer.
 *
 * Bytes are reserved, a quantum at a time, on every clock that the transfer shares with others (its session, its user,
 * its site; the last two with other workers).  Each clock says when the reserved bytes are due; the latest of these
 * moments counts.  Reservations are served in their order, so that many transfers on one clock take turns.  A quantum is
 * what the slowest clock passes in QUANTUM_MS: small enough for turns to be short, large enough to be worth a wake-up.
 */
#include "base/clock.h"
#include "worker/transfer_priv.h"

enum { QUANTUM_MS = 50, QUANTUM_LEAST = 256, QUANTUM_MOST = 256 * 1024 };
#define NS_PER_MS INT64_C(1000000)
#define BURST_NS (2 * QUANTUM_MS * NS_PER_MS) /* a wake-up may come late: that time is not lost */

#define EACH_PACE(t, p)                                                                             \
    for (const struct transfer_pace *p = (t)->config.paces; p < (t)->config.paces + TRANSFER_PACES; p++) \
        if (p->rate && p->clock)

void transfer_pace_begin(struct transfer *t)
{
    uint64_t slowest = UINT64_MAX;
    EACH_PACE(t, p)
        slowest = p->rate < slowest ? p->rate : slowest;
    t->is_paced = slowest != UINT64_MAX;
    uint64_t quantum = slowest / (1000 / QUANTUM_MS);
    t->quantum = quantum < QUANTUM_LEAST ? QUANTUM_LEAST : quantum > QUANTUM_MOST ? QUANTUM_MOST : quantum;
}

static void reserve(struct transfer *t, int64_t now)
{
    t->allowed_at = INT64_MIN;
    EACH_PACE(t, p)
    {
        int64_t due = tally_reserve(p->clock, t->quantum + t->overdrawn, p->rate, BURST_NS, now);
        t->allowed_at = due > t->allowed_at ? due : t->allowed_at;
    }
    t->allowance = t->quantum;
    t->overdrawn = 0;
}

int64_t transfer_pace_wait(struct transfer *t)
{
    int64_t now = clock_ns();
    if (!t->allowance)
        reserve(t, now);
    return t->allowed_at > now ? (t->allowed_at - now + NS_PER_MS - 1) / NS_PER_MS : 0;
}

void transfer_pace_spent(struct transfer *t, uint64_t bytes)
{
    if (bytes > t->allowance) {
        t->overdrawn += bytes - t->allowance;
        t->allowance = 0;
    } else {
        t->allowance -= bytes;
    }
}

void transfer_pace_end(struct transfer *t)
{
    if (!t->is_paced)
        return;
    EACH_PACE(t, p)
    {
        if (t->overdrawn)
            (void)tally_reserve(p->clock, t->overdrawn, p->rate, BURST_NS, clock_ns());
        tally_refund(p->clock, t->allowance, p->rate);
    }
    t->is_paced = false;
}

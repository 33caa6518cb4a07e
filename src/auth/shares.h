/*
 * shares.h - the client addresses that have logins under way, and what each may have of what is short (threats.md A06).
 *
 * Places: an address may have as many as are free still, so one alone gets half of them, two a third each, and however many
 * come, the next finds room.  A company behind one address never notices: a person holds a place for a moment.
 * Turns: whoever asks the provers is served address by address, in the order in which they came or were served last, so that
 * a thousand logins of one delay the first of another by one.
 *
 * An IPv6 client is its /64 network.  Every step takes the same time, however many there are.
 */
#pragma once

#include "base/net_addr.h"

enum { SHARES_LANES = 4 }; /* turns are taken in each for itself: a slow one shall not set the pace of the others */

struct shares;

/* An address that has logins under way. */
struct share {
    struct share *next; /* in its bucket */
    uint8_t family, key[8];
    size_t places;
    uint64_t served[SHARES_LANES]; /* smaller: longer ago */
};

MUST_USE int shares_new(size_t places, struct shares **shares_out);
void shares_free(struct shares *s); /* NULL is fine; nobody may hold a share any more */

/* One place more for the client; NULL: it has as many as are left, or there is no memory. */
struct share *shares_enter(struct shares *s, const struct net_addr *client);
/* Give one back; `share` (may be NULL) is gone with its last. */
void shares_leave(struct shares *s, struct share *share);
/* It has its turn in the lane: everybody else comes first now. */
void shares_serve(struct shares *s, struct share *share, unsigned lane);

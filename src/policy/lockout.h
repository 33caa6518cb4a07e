/*
 * lockout.h - addresses that failed to log in too often.
 *
 * Failures count from the first one on for as long as an entry lasts; the one that reaches the limit begins a block of
 * the same length (denyByFailure: maxFailure, entryExpiration).  An IPv6 client is its /64 network.  The table has a
 * fixed size: under a flood of addresses the entry that matters least in its bucket makes room.
 */
#pragma once

#include "base/net_addr.h"

struct lockout; /* owned by whoever made it; one thread */

/* `seed` is random: nobody must be able to choose addresses that push each other out.  NULL: out of memory. */
struct lockout *lockout_new(uint64_t seed);
void lockout_free(struct lockout *l);

/* One failure at `now` (milliseconds of any clock that does not jump).  True when it begins a block. */
bool lockout_fail(struct lockout *l, const struct net_addr *client, uint32_t limit, int64_t length, int64_t now);
/* Block until then, whatever was counted. */
void lockout_block(struct lockout *l, const struct net_addr *client, int64_t until);
/* Milliseconds that the block still lasts; 0: none. */
int64_t lockout_left(const struct lockout *l, const struct net_addr *client, int64_t now);
/* Every block that lasts. */
void lockout_each(const struct lockout *l, int64_t now,
                  void (*tell)(void *context, const struct net_addr *client, int64_t left), void *context);

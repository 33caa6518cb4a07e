/*
 * lockout.h - addresses that failed to log in too often.
 *
 * Failures count from the first one on for as long as an entry lasts; the one that reaches the limit begins a block of
 * the same length (denyByFailure: maxFailure, entryExpiration); accounts are counted the same way.  An IPv6 client is its /64 network.  The table has a
 * fixed size: under a flood of addresses the entry that matters least in its bucket makes room, one that is over first.
 */
#pragma once

#include "base/net_addr.h"

struct lockout; /* owned by whoever made it; one thread */

/* `seed` is random: nobody must be able to choose addresses that push each other out.  NULL: out of memory. */
struct lockout *lockout_new(uint64_t seed);
void lockout_free(struct lockout *l);

/* Memory of that size, zero at first, is a table too; whatever it holds is safe to use. */
size_t lockout_size(void);
void lockout_seed(struct lockout *l, uint64_t seed); /* before anything is counted */
uint64_t lockout_seed_of(const struct lockout *l);

/* An account counts like an address: its key in the form of one.  Letters, a domain in front and one behind make no
 * other account, so that nobody gets more tries by spelling (threats.md A10). */
struct net_addr lockout_account(const struct lockout *l, struct slice name);

/* One failure at `now` (milliseconds of any clock that does not jump).  True when it begins a block. */
bool lockout_fail(struct lockout *l, const struct net_addr *client, uint32_t limit, int64_t length, int64_t now);
/* Block until then, whatever was counted. */
void lockout_block(struct lockout *l, const struct net_addr *client, int64_t until, int64_t now);
/* Milliseconds that the block still lasts; 0: none. */
int64_t lockout_left(const struct lockout *l, const struct net_addr *client, int64_t now);
/* Grows with everything that is worth remembering. */
uint64_t lockout_changes(const struct lockout *l);
struct lockout_record {
    uint8_t family, key[8];
    uint32_t failures;
    int64_t since, until, expires;
};
/* Every entry that still says something; put one back. */
void lockout_records(const struct lockout *l, int64_t now, void (*tell)(void *context, const struct lockout_record *r),
                     void *context);
void lockout_restore(struct lockout *l, const struct lockout_record *r, int64_t now);
/* Every block of an address that lasts. */
void lockout_each(const struct lockout *l, int64_t now,
                  void (*tell)(void *context, const struct net_addr *client, int64_t left), void *context);

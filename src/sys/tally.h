/*
 * tally.h - what all workers count together: connections by address, logins by user, and clocks that pace bytes,
 * handshakes and penalties.
 *
 * One memfd with a table of cells, found by a keyed hash.  A cell holds one number per worker, changed by that worker
 * only, so that nothing is miscounted when a worker dies: the supervisor zeroes its numbers.  A clock is one 64-bit word,
 * the moment up to which everything is spent (CLOCK_MONOTONIC nanoseconds), moved by compare-and-exchange: no locks, and
 * a worker that dies in the middle leaves nothing half done.
 *
 * The table is bounded.  Cells that nobody holds and whose clocks have run out make room; where a bucket is full of
 * others, its newcomers share one cell for all that found no place, so that a limit gets stricter and never opens.
 * A worker that has been taken over can spoil the numbers; nobody derives a right from them.
 */
#pragma once

#include "base/net_addr.h"
#include "base/slice.h"
#include "proto/limits.h"

enum tally_kind { TALLY_ADDRESS, TALLY_USER, TALLY_SITE, TALLY_KINDS };

/* The clocks of a cell: an address has the last two, a user and a site the first two. */
enum tally_clock { TALLY_DOWN = 0, TALLY_UP = 1, TALLY_HANDSHAKES = 0, TALLY_PENALTY = 1, TALLY_CLOCKS = 2 };

struct tally;      /* a mapping */
struct tally_cell; /* in it; stays what it is while somebody holds it */

MUST_USE int tally_create(int *fd_out);
MUST_USE int tally_map(int fd, struct tally **tally_out);
void tally_unmap(struct tally *t);

/* An IPv6 client is its /64 network. */
uint64_t tally_address(const struct tally *t, const struct net_addr *client);
/* Names that differ in case only are one user; a user of another site is another one. */
uint64_t tally_user(const struct tally *t, uint32_t site, struct slice name);
uint64_t tally_site(const struct tally *t, uint32_t site);

/* Count one more for `key`.  Never NULL. */
struct tally_cell *tally_hold(struct tally *t, unsigned worker, enum tally_kind kind, uint64_t key);
void tally_release(struct tally_cell *cell, unsigned worker);
/* How many all workers hold. */
uint64_t tally_held(const struct tally *t, enum tally_kind kind, uint64_t key);
/* The worker died: what it held is given back. */
void tally_clear_worker(struct tally *t, unsigned worker);

/* ---- clocks: `now` is clock_ns() ---- */

typedef _Atomic uint64_t tally_time;
tally_time *tally_clock(struct tally_cell *cell, enum tally_clock which);

/* Reserve `amount` of something of which there is `rate` a second; returns when it may be spent, which may be in the
 * past.  What was not used within `burst_ns` is lost.  Reservations are served in their order, whoever makes them. */
int64_t tally_reserve(tally_time *clock, uint64_t amount, uint64_t rate, int64_t burst_ns, int64_t now);
/* Give back what was reserved and not spent. */
void tally_refund(tally_time *clock, uint64_t amount, uint64_t rate);
/* Move the clock `more_ns` beyond now, or beyond where it stands, at most `most_ns` ahead of now. */
void tally_push(tally_time *clock, int64_t more_ns, int64_t most_ns, int64_t now);
/* How far the clock is ahead of now; 0: it is not. */
int64_t tally_ahead(const tally_time *clock, int64_t now);

/* ---- connections of each worker ---- */

/* By `change` more or fewer, never below 0. */
void tally_connections_add(struct tally *t, unsigned worker, int change);
uint32_t tally_connections(const struct tally *t, unsigned worker);

/* ---- who is at work ---- */

/* The worker handles something that `cell` sent, NULL: nothing any more.  What it says last is what killed it. */
void tally_working(struct tally *t, unsigned worker, const struct tally_cell *cell);
/* The cell of the client whose input the worker was handling, NULL none. */
struct tally_cell *tally_worked_for(struct tally *t, unsigned worker);

/*
 * listeners.h - listening sockets handed over by the supervisor, and accepting from them.
 *
 * Bounded work per turn; when descriptors run out the spare one is given up for a moment to take a connection and
 * close it with 421, so that the loop does not spin on a socket that stays readable (threats.md H01).
 */
#pragma once

#include "base/net_addr.h"
#include "base/err.h"

struct worker;

/* Takes over `fd`.  A number that is known already stays as it is. */
MUST_USE int listeners_add(struct worker *w, uint32_t number, int fd);
/* denyByFailure: cut connections from `client` for so long, and those under way that have not logged in. */
void listeners_block(struct worker *w, const struct net_addr *client, int64_t left_ms);
/* Serve a connection that another worker has accepted.  Takes over `fd`. */
void listeners_take(struct worker *w, int fd);
/* A flood_tell: so many found no descriptor left. */
void listeners_tell_refused(void *worker, unsigned count);
/* Another: so many came while too many others had not logged in. */
void listeners_tell_early(void *worker, unsigned count);
void listeners_remove(struct worker *w, uint32_t number);
void listeners_remove_all(struct worker *w);

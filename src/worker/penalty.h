/*
 * penalty.h - sources that misbehave wait (threats.md P33), and how many handshakes a source may cost (T03).
 *
 * A penalty moves a clock of the client's address ahead; while it is further ahead than the threshold, new connections
 * from there are cut.  All workers share the clocks (sys/tally.h), and they outlive connections.  An address with a
 * single-address Allow entry in the server's ipSecurity gets none.
 */
#pragma once

#include "worker/session.h"

enum penalty { PENALTY_NO_LOGIN, PENALTY_FAILED_LOGIN };

/* Whether a new connection is to be cut without a word. */
bool penalty_refuses(struct worker *w, struct tally_cell *of_address, const struct net_addr *peer);
/* A flood_tell: so many were cut. */
void penalty_tell(void *worker, unsigned count);
void penalty_add(struct session *s, enum penalty what);
/* The session is over: did it come for nothing? */
void penalty_at_end(struct session *s);
/* One more TLS handshake on a control channel; false: the source has had too many in the last second. */
bool penalty_may_handshake(struct session *s);

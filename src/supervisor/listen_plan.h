/*
 * listen_plan.h - which sockets the running sites need, and what to change to get there.  Pure.
 *
 * Sites share a listener per address and port.  A binding without address ("*") means one socket for IPv4 and one for
 * IPv6; where such a socket exists, bindings of single addresses with that port and family use it too, because Linux
 * refuses both side by side, unless both are marked as shared ports: so it is done for the single addresses of sites with
 * disableSocketPooling, whose sockets take the connections to their address before "*" does.  The worker looks at the
 * address a connection came in on, not at the listener.
 */
#pragma once

#include "base/net_addr.h"
#include "snapshot/snapshot.h"

struct listen_want {
    struct net_addr addr;
    int backlog;   /* the largest of the sites that share it */
    bool own;      /* of sites with disableSocketPooling: not served by "*" */
    bool shares_port; /* "*" and a socket of its own stand side by side: SO_REUSEPORT */
    bool optional; /* the IPv6 half of "*": a machine without IPv6 does without */
};

struct listen_plan {
    struct listen_want *wants; /* sorted by listen_compare, unique */
    size_t count;
};

/* The plan for the sites whose row is set in `runs`.  Bindings whose address is no number are left out here; the loader
 * has refused them. */
MUST_USE int listen_plan_make(const struct snapshot *s, const bool *runs, struct listen_plan *plan_out);
void listen_plan_free(struct listen_plan *p);

int listen_compare(const struct net_addr *a, const struct net_addr *b);
/* The row that serves connections to `addr`, SIZE_MAX: none. */
size_t listen_plan_find(const struct listen_plan *p, const struct net_addr *addr);

/* The addresses of one binding: 1 or 2 (for "*"); 0 when malformed. */
size_t listen_binding_addresses(const struct snapshot *s, const struct snap_binding *b, struct net_addr out[2]);

/*
 * data_ports.h - listeners for passive data channels: which port, and which of them are kept a moment for the next.
 *
 * Making and closing a listener is a tenth of a small transfer.  While a worker opens many, it keeps some of those whose
 * peer has come, for a second at most, and the session that had one gets it again for its next PASV.
 */
#pragma once

#include "base/net_addr.h"
#include "loop/loop.h"

struct data_ports;
struct data_ports *data_ports_new(struct loop *loop); /* NULL: out of memory */
void data_ports_free(struct data_ports *p);           /* closes what is kept; NULL is fine */

struct port_range {
    uint16_t low, high; /* both 0: 49152..65535, those that IANA leaves to everybody */
    uint64_t owner;     /* the session, who alone gets back what it gave; 0: nothing is kept */
};
/* A listener at the address of `local` and a port of the range that nobody can foresee (threats.md D04); the port is left
 * in `local`.  The caller closes the descriptor or gives it back.  ERR_LIMIT: none is free, or no descriptor; ERR_RANGE:
 * nonsense range; ERR_SYS. */
MUST_USE int data_ports_listen(struct data_ports *p, const struct port_range *range, struct net_addr *local, int *fd_out);
/* Its peer has come: kept or closed.  `range` and `local` as they were. */
void data_ports_give(struct data_ports *p, const struct port_range *range, const struct net_addr *local, int fd);

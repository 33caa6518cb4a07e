/*
 * hosts.h - which site answers on an address, with or without a host name (ftp-behaviour.md 7).
 *
 * A binding with the very address beats one for any address.  With a host name a binding must bear it; without one the
 * binding without host name is taken.
 */
#pragma once

#include "base/net_addr.h"
#include "snapshot/snapshot.h"

/* NULL: no binding fits.  `host` "" means none was given. */
const struct snap_binding *hosts_find(const struct snapshot *s, const struct net_addr *local, struct slice host);
/* The binding whose site speaks before the host is known: the one without host name, else the first of the best. */
const struct snap_binding *hosts_default(const struct snapshot *s, const struct net_addr *local);
/* Whether the argument of HOST is well formed: a name of letters, digits, '-', '.', or a literal address. */
bool hosts_is_name(struct slice host);

/*
 * address.h - the four ways FTP writes an address, and printing the two that a server says.
 *
 * Parsers take nothing but the documented form: six decimal fields for PORT, one delimiter used throughout for EPRT
 * (RFC 2428).  On error nothing is stored (threats.md P26).  Whether the address is acceptable is decided elsewhere.
 */
#pragma once

#include "base/net_addr.h"
#include "base/text.h"

MUST_USE int address_parse_port(struct slice argument, struct net_addr *addr_out);
/* ERR_UNSUPPORTED: a network protocol other than 1 and 2 (522). */
MUST_USE int address_parse_eprt(struct slice argument, struct net_addr *addr_out);

enum epsv_kind { EPSV_ANY = 0, EPSV_IPV4 = 1, EPSV_IPV6 = 2, EPSV_ALL = 3 };
MUST_USE int address_parse_epsv(struct slice argument, enum epsv_kind *kind_out);

/* "h1,h2,h3,h4,p1,p2"; the address must be IPv4. */
void address_print_pasv(const struct net_addr *addr, struct text *out);

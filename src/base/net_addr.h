/*
 * net_addr.h - an IPv4 or IPv6 address and port as a value.
 *
 * IPv4-mapped IPv6 addresses are always folded to IPv4, so two forms of one host compare equal (threats.md D02).
 */
#pragma once

#include "base/slice.h"

struct sockaddr_storage;
struct text;

struct net_addr {
    uint8_t family; /* 0 none, 4, 6 */
    uint8_t ip[16]; /* network order; IPv4 uses the first four */
    uint16_t port;  /* host order */
    uint32_t scope; /* IPv6 scope id, else 0 */
};

struct net_addr net_addr_from_sockaddr(const struct sockaddr_storage *sa);
/* Fills *sa and returns its length in bytes; 0 when family is none. */
unsigned net_addr_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *sa);

/* Numeric text only, no names; brackets around IPv6 accepted.  Port is left 0. */
MUST_USE int net_addr_parse(struct slice s, struct net_addr *addr_out);
/* The address without port; IPv6 without brackets. */
void net_addr_print(const struct net_addr *a, struct text *out);

bool net_addr_same_host(const struct net_addr *a, const struct net_addr *b);
bool net_addr_is_loopback(const struct net_addr *a);
bool net_addr_is_any(const struct net_addr *a);
bool net_addr_is_multicast(const struct net_addr *a);

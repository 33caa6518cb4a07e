/*
 * names.h - the names of clients' addresses, for ipSecurity's rules by domain name (enableReverseDns).
 *
 * Whoever owns an address can give it any name, so a name counts only when it leads back to the address (threats.md
 * A12).  The resolver is asked by two threads behind a bounded queue; what it said is kept for some minutes.  A name
 * that could not be found out is NAME_UNKNOWN, which no rule may take for a permission.
 */
#pragma once

#include "base/net_addr.h"
#include "policy/address_rules.h"
#include "sys/errands.h"

enum { NAMES_TEXT = 256 };

struct name_job {
    struct errand errand;
    uint64_t login;
    struct net_addr client;
    char name[NAMES_TEXT]; /* result: "", a name, or NAME_UNKNOWN */
};

struct names;
MUST_USE int names_new(struct names **names_out);
void names_free(struct names *n); /* waits for the resolver; NULL is fine */
int names_fd(const struct names *n); /* readable when names_take has something */
/* What was found out some minutes ago; NULL: nothing. */
const char *names_find(struct names *n, const struct net_addr *client);
/* ERR_LIMIT: too many wait; ERR_NOMEM. */
MUST_USE int names_ask(struct names *n, uint64_t login, const struct net_addr *client);
/* A finished job, which free() frees; it is remembered.  NULL: none. */
struct name_job *names_take(struct names *n);

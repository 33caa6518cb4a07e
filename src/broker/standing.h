/*
 * standing.h - who somebody is and where: what a grant stands for.
 *
 * Filled in once, by the authenticator's message and by home_find(); after that it never changes, and the grants of several
 * sessions hold the same one.
 */
#pragma once

#include <stdatomic.h>

#include "base/net_addr.h"
#include "base/text.h"
#include "broker/identity.h"
#include "broker/place.h"
#include "policy/authorization.h"
#include "proto/grant.h"

struct standing {
    atomic_uint holders;
    uint32_t site;
    struct text user, domain, alias, principal, roles;
    struct text memo;   /* the authenticator's */
    bool is_anonymous;
    struct identity identity;
    struct net_addr client;
    struct text client_name;
    enum grant_account account;
    uint32_t isolation;      /* userIsolation/mode that counted at the login */
    struct text home_root, home_dir; /* what the directory says, for mode ActiveDirectory */
    struct text physical, below;     /* what that means: a configured root, and the home below it; "" in other modes */
    struct text home, start; /* the path in the site that is its "/" ("" none), and where it begins, as it sees it */
};

/* ERR_DENIED: an account that may not be used (uid below `uid_floor`, root, a group list that is no list). */
MUST_USE int standing_new(const struct grant_give *m, uint32_t uid_floor, struct standing **standing_out);
struct standing *standing_ref(struct standing *as);
void standing_unref(struct standing *as); /* NULL is fine */

struct place_view standing_view(const struct standing *as);
struct authorization_subject standing_subject(const struct standing *as);

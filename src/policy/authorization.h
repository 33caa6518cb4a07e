/*
 * authorization.h - what the authorization rules of a site let somebody do at a path.
 *
 * The rules are those of the longest scope that contains the path.  For each permission asked: a matching Deny
 * refuses, else a matching Allow grants, else it is refused; no rules refuse everybody (ftp-behaviour 5).
 * Names compare without regard to case (base/fold.h).  In `users`: "*" everybody, "?" anonymous only, "name" an account without
 * domain, "DOMAIN\name" and "name@DOMAIN" one of that domain or machine under any of its names; a userPrincipalName means
 * its account too.  The names of a machine are ".", "NT AUTHORITY" and its own, and mean system accounts alone.  Accounts of
 * custom providers are matched by their name as it is, but by no Allow that spells an account of a machine or domain; by every Deny.  Anonymous
 * is matched by "*" and "?" alone.  In `roles`: names, or "*" for whoever has a role at all; groups of a system account with
 * the names of the machine too.
 */
#pragma once

#include "policy/reason.h"
#include "policy/win_error.h"

struct authorization_subject {
    struct slice user;
    struct slice domain;    /* "" for accounts without one */
    struct slice alias;     /* the DNS name of `domain`, without one the machine's name; "" where that is not known */
    struct slice principal; /* userPrincipalName, "" none */
    bool anonymous;
    bool system;            /* an account of this machine */
    struct slice roles;     /* one per line */
};

typedef void authorization_rule(void *context, const struct snap_scope *scope, const struct snap_rule *rule);
/* Each rule that names `who` there, in order, to be shown to people. */
void authorization_each_rule(const struct snapshot *s, const struct snap_site *site, struct slice path,
                             const struct authorization_subject *who, authorization_rule *each, void *context);

/* PERMISSION_ bits that `who` has at the canonical `path` of `site`; 0 when there is no scope. */
unsigned authorization_permissions(const struct snapshot *s, const struct snap_site *site, struct slice path,
                                   const struct authorization_subject *who);

/* What the log says about a refusal: the rules, or the provider that stands in their place and cannot be asked. */
enum substatus authorization_substatus(const struct snap_site *site);

/* The same for wishes: whether `who` has all of the PERMISSION_ bits of `wanted`, or with `any` one of them; `why` (may be
 * NULL) is the rule that decided. */
bool authorization_allows(const struct snapshot *s, const struct snap_site *site, struct slice path,
                          const struct authorization_subject *who, unsigned wanted, bool any, struct reason *why);

/*
 * home.h - the directory a new grant begins in.
 */
#pragma once

#include "broker/grants.h"
#include "policy/reason.h"

/* Find the home of `g` as the site's userIsolation wants it: whether it exists, is reachable as the grant's identity and
 * is authorized.  Fills g->isolation, home and start, and what the answer to the authenticator says; `why` is the rule or
 * the directory that decided.  `g` is not yet in the table. */
MUST_USE int home_find(struct snapshot *snapshot, struct grant *g, struct fixed_accounts *fixed, uint32_t *win32_out,
                       unsigned *substatus_out, struct reason *why);

/*
 * home.h - the directory a new login begins in.
 */
#pragma once

#include "broker/fixed.h"
#include "broker/standing.h"
#include "policy/reason.h"

/* Find the home of `as` as the site's userIsolation wants it: whether it exists, is reachable as its identity and
 * is authorized.  Fills as->isolation, home and start, and what the answer to the authenticator says; `why` is the rule or
 * the directory that decided.  No grant holds `as` yet. */
MUST_USE int home_find(struct snapshot *snapshot, struct standing *as, struct fixed_accounts *fixed, uint32_t *win32_out,
                       unsigned *substatus_out, struct reason *why);

/* verbs_priv.h - what the verbs share: verbs.c runs them all, rename.c does RNFR and RNTO. */
#pragma once

#include "broker/judge.h"
#include "broker/verbs.h"
#include "policy/request_filter.h"
#include "policy/win_error.h"

struct call {
    struct grant *grant; /* locked */
    struct snapshot *snapshot;
    const struct snap_site *site;
    const struct broker_request *ask;
    struct authorization_subject who;
    struct place place;
    struct verb_result *result;
    struct fixed_accounts *fixed;
    struct shared_identity *owner; /* the fixed account that it runs as, NULL the session's own; held */
};

/* Returns `err`, whose number and sub-status are these and not those of the tables. */
int call_fail(struct call *c, int err, uint32_t win32, unsigned substatus);
/* requestFiltering at `path`. */
MUST_USE int call_filter(struct call *c, struct slice path, enum request_kind kind);
/* Whether a virtual directory stands there or below.  In a home that a directory names there are none. */
bool call_holds_mapping(const struct call *c);

MUST_USE int verb_rename_from(struct call *c);
MUST_USE int verb_rename_to(struct call *c);

/*
 * judge.h - what a request may do at a path, as far as rules alone can say: every check that needs no disk, in the order
 * of ftp-behaviour 5.
 *
 * The broker walks the steps and stops at the first refusal; `sallyport explain` walks the same steps and tells each.
 */
#pragma once

#include "broker/place.h"
#include "policy/reason.h"
#include "proto/broker.h"

enum judge_takes {
    TAKES_PATH = 1,      /* `path` is mapped and judged */
    TAKES_NAME = 2,      /* ... and is something in a mapping, not the mapping itself: sub-status 5 */
    TAKES_FILE = 8,      /* ... and is a file, or will be */
    TAKES_BOTH_ENDS = 4, /* uses what RNFR kept; everything else drops it */
};
enum judge_needs { NEEDS_NOTHING = 0, NEEDS_READ = PERMISSION_READ, NEEDS_WRITE = PERMISSION_WRITE, NEEDS_ANY = 4 };

/* What a verb of the broker needs and takes. */
struct judge_verb {
    unsigned needs, takes;
};
struct judge_verb judge_verb(unsigned broker_verb);

struct judge {
    const struct snapshot *snapshot;
    const struct snap_site *site;
    struct slice path; /* as the session names it */
    struct place_view view;
    struct authorization_subject who;
    struct net_addr client;
    struct slice client_name; /* without a pointer: not looked up */
    struct judge_verb verb;
    struct place *place;       /* looked at and mapped by the steps */
    uint32_t win32;            /* of the refusal; 0: follows from the error */
    unsigned substatus;
    int map_error;
};

/* 0, or the error of the refusal with j->win32 and j->substatus where a rule has decided.  `why` may be NULL. */
struct judge_step {
    const char *name;
    int (*check)(struct judge *j, struct reason *why);
};
extern const struct judge_step judge_steps[];
extern const size_t judge_step_count;

/* All steps; the reason of a refusal goes to `why`. */
MUST_USE int judge_place(struct judge *j, struct reason *why);

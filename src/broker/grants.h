/*
 * grants.h - what a ticket stands for, and everything its session has open.
 *
 * The authenticator gives grants over its own channel; the worker can only quote their tickets.  A grant is used by
 * one request at a time: grants_take() locks it, grants_put() unlocks it.  Dropping a grant abandons its uploads, at
 * once or when the running request is over.
 */
#pragma once

#include <pthread.h>

#include "broker/browse.h"
#include "broker/fixed.h"
#include "broker/standing.h"
#include "broker/upload.h"

enum { GRANT_UPLOADS_MAX = 8, GRANT_LISTINGS_MAX = 8, GRANTS_MAX = 1 << 20 };

/* RNFR: the object itself, so that RNTO cannot move another one that took its name (threats.md P21). */
struct rename_source {
    int object;  /* O_PATH, -1 none */
    int dir;     /* O_PATH */
    char name[PLACE_NAME_MAX + 1];
    struct text path;
    struct shared_identity *owner; /* the fixed account of its directory, NULL the session's own */
};

struct grant {
    struct grant *next; /* in its bucket */
    uint64_t ticket;
    unsigned users;     /* requests that hold it; under the table's lock */
    bool is_dropped;
    pthread_mutex_t busy;

    struct standing *as;
    uint64_t last_handle;
    struct upload *uploads;
    struct browse *listings;
    struct rename_source rename;
};

struct grants {
    pthread_mutex_t lock, pipe_lock; /* the latter first */
    int pipe; /* of grant_twin, -1: none yet */
    struct grant **buckets;
    size_t bucket_count, count;
    struct fixed_accounts fixed;
};

MUST_USE int grants_init(struct grants *g);
void grants_free(struct grants *g); /* drops all */

/* From now on `ticket` stands for `as`, of which a reference is taken.  ERR_EXISTS: that ticket is in use; ERR_LIMIT; ERR_NOMEM. */
MUST_USE int grants_add(struct grants *g, uint64_t ticket, struct standing *as);
/* Take in what stands in the pipe of grant_twin; before anything else that the authenticator said is done. */
void grants_hear(struct grants *g);
/* Another pipe, behind what stands in the old one.  Takes over `fd`.  ERR_DENIED: reading it blocks. */
MUST_USE int grants_set_pipe(struct grants *g, int fd);
/* The grant, locked; NULL for a ticket that nobody gave. */
struct grant *grants_take(struct grants *g, uint64_t ticket);
void grants_put(struct grants *g, struct grant *grant);
void grants_drop(struct grants *g, uint64_t ticket);
void grants_drop_all(struct grants *g);

/* Call `visit` for each that is there now; it may take its time, nobody waits for it.  Ends at the first error, which it
 * returns; ERR_NOMEM. */
MUST_USE int grants_each(struct grants *g, int (*visit)(void *context, uint64_t ticket, const struct standing *as), void *context);

void grant_forget_rename(struct grant *g);

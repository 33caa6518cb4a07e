/*
 * fixed.h - whose files a place is: the account of the session, or the fixed account of its virtual directory.
 *
 * The authenticator checks the password of a fixed account and says here which uid and groups it has; until it has, and when
 * the account could not be logged in, nobody gets at the directory.
 */
#pragma once

#include "broker/identity.h"
#include "broker/place.h"
#include "proto/grant.h"

#include <pthread.h>

struct fixed_accounts {
    pthread_mutex_t lock;
    struct fixed_account *first;
};

MUST_USE int fixed_init(struct fixed_accounts *f);
void fixed_free(struct fixed_accounts *f);

/* What the authenticator says.  An account below `uid_floor` or with root among its groups is nobody's (ERR_DENIED). */
MUST_USE int fixed_set(struct fixed_accounts *f, const struct grant_fixed *m, uint32_t uid_floor);
/* The account `user` of the virtual directory `path`; ERR_DENIED when there is none to be used.  The caller drops it by
 * shared_identity_unref. */
MUST_USE int fixed_find(struct fixed_accounts *f, uint32_t site, struct slice path, struct slice user,
                        struct shared_identity **who_out);
/* The fixed account of the place, NULL: it has none, the session's own counts. */
MUST_USE int fixed_of_place(struct fixed_accounts *f, const struct place *p, struct shared_identity **who_out);

/*
 * rehearsal.h - a login that is only tried: `sallyport certificate test`.
 *
 * The very functions that decide about a real login run (certificate_verify, login_by_certificate, the directory, PAM's
 * account rules, a broker's look at the start directory); only their end is another: nothing is sent to a worker, no
 * failure is counted, no ticket is handed out, and the grant that a broker gave is taken back at once.
 */
#pragma once

#include "auth/server_priv.h"
#include "proto/rehearsal.h"

enum { REHEARSAL_WORKER = UINT16_MAX }; /* no worker has that number */

struct rehearsal {
    uint32_t query, site;  /* the supervisor's number for it */
    int64_t at;            /* seconds since the epoch, 0 now */
    struct net_addr client;
    uint64_t certificate;  /* its number while the login is tried */
    char *user;            /* "": whoever the certificate names */
    size_t chain_len;
    uint8_t chain[];
};

/* The supervisor asks.  Always answered, by child_test_done. */
void rehearsal_begin(struct auth_server *a, const struct child_test *m);
/* Takes `r` over: its inquiry has ended, and these were the steps. */
void rehearsal_resume(struct auth_server *a, struct rehearsal *r, struct slice asked);
void rehearsal_free(struct rehearsal *r); /* NULL is fine */

/* A broker that may be asked; nobody else's if there is none. */
unsigned rehearsal_broker(struct auth_server *a);

void rehearsal_say(struct auth_server *a, const struct rehearsal *r, const char *fmt, ...) FORMAT_LIKE_PRINTF(3, 4);
/* What the site's own mappings say; silent in a real login. */
void rehearsal_found(struct auth_server *a, struct login *l, enum certificate_mapping mapping, struct slice user);
/* What the directory said. */
void rehearsal_mapped(struct auth_server *a, const struct rehearsal *r, const struct map_job *job);

/* ---- ends; `l` and its rehearsal stay the caller's to free ---- */
void rehearsal_allowed(struct auth_server *a, const struct login *l, struct slice home);
void rehearsal_refused(struct auth_server *a, const struct login *l, enum auth_verdict verdict, uint32_t win32,
                       uint32_t substatus);
/* No login could be begun; frees `r`. */
void rehearsal_unavailable(struct auth_server *a, struct rehearsal *r);

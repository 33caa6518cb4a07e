/*
 * mapper.h - the directory of accounts, asked by threads of its own.
 *
 * A controller that hangs holds these threads (sys/errands.h) and nobody else: logins that do not need the directory never wait for it.
 * Their number and the queue are bounded; what comes beyond is refused at once (threats.md L06).  A job carries all it
 * needs, so a new configuration does not disturb those under way.
 */
#pragma once

#include <pthread.h>

#include "directory/directory.h"
#include "pki/chain.h"
#include "snapshot/snapshot.h"
#include "sys/errands.h"

/* ---- the directory of a configuration: counted, shared by jobs ---- */
struct ad;
void ad_unref(struct ad *ad); /* NULL is fine */
/* Whether the snapshot configures one. */
bool ad_is_configured(const struct snapshot *s);
/* The directory of the snapshot, NULL: none.  `before` (may be NULL) is handed on when its settings and the CAs that
 * know its controllers are the same, so that connections and answers are kept.  The old reference stays the caller's. */
MUST_USE int ad_from_snapshot(const struct snapshot *s, struct ad *before, struct ad **ad_out, struct diag *d);
/* Where other threads find the directory of the moment. */
struct ad_place {
    pthread_mutex_t lock;
    struct ad *ad;
};
/* struct revocation_options' `ldap`; `context` is a struct ad_place. */
int ad_read_crl(void *context, struct slice url, int64_t deadline_ms, struct text *crl_out);
/* Forget every answer. */
void ad_flush(struct ad *ad); /* NULL is fine */

/* ---- jobs ---- */
enum map_question {
    MAP_CERTIFICATE = 0, /* whom `leaf` names; with needs_password, whether `password` is that account's too */
    MAP_PASSWORD,        /* whether `password` is that of the account `name` */
    MAP_NAME,            /* the account `name`, which somebody else has proved */
    MAP_ACCOUNT,         /* the account `sid` as it is now */
    MAP_HOME,            /* where the account `sid` has its home */
};
struct map_job {
    struct errand errand;
    enum map_question question;
    uint64_t login;                   /* who waits */
    uint64_t ticket;                  /* or: the live login whose account is looked at once more */
    uint64_t fixed;                   /* or: the account of a virtual directory */
    uint32_t record_for;              /* or: the site, where the account of a certificate is told and no more */
    uint8_t session_id[16];           /* of who showed it then */
    struct ad *ad;
    struct text name, domain, sid;    /* domain: of names without one */
    struct text password;             /* wiped */
    bool needs_password;              /* MAP_CERTIFICATE */
    bool with_ids;                    /* groups by their numbers too */
    uint32_t home_login;              /* MAP_HOME: 1 + row of the account that asks, 0 the directory's own */
    int64_t max_age_ms;               /* MAP_HOME: of an answer that may be remembered */
    struct text home_root, home_dir;  /* MAP_HOME: result */
    struct text issuers;              /* of a chain that is good: u32 length and DER each, the leaf's first */
    struct text leaf, roles;          /* roles: names of the configuration, one per line */
    bool fresh;                       /* no answer of a moment ago will do */
    bool elsewhen;                    /* `at` is not now */
    bool in_ntauth_by_issuer, in_ntauth_by_chain;
    int64_t at;
    struct text workstation;
    enum directory_verdict verdict;   /* result */
    struct directory_account account; /* as directory_map leaves it */
    struct text steps;
};
struct map_job *map_job_new(struct ad *ad); /* NULL: out of memory */
/* The verdict in words, for logs and rehearsals. */
const char *map_job_text(const struct map_job *job);
void map_job_free(struct map_job *job);
/* The role names that the rules of the configuration hold. */
void map_job_add_roles(struct map_job *job, const struct snapshot *s);

/* Errands are map_jobs; how long a question takes is bounded. */
MUST_USE int mapper_new(unsigned threads, size_t queue_max, struct errands **mapper_out);

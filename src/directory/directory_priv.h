/*
 * directory_priv.h - what the parts of this folder share.
 *
 *   directory.c    life, the domain's names, cache, public functions    map.c    certificate -> account (tiers)
 *   read_account.c an account's attributes and groups                   roles.c  role names -> SIDs
 *   log_on.c       names and passwords, homes
 */
#pragma once

#include <pthread.h>

#include "directory/ldap_pool.h"

enum {
    DN_MAX = 2048,
    GROUPS_MAX = 4096,        /* beyond it an account is refused: a rule about the rest would be missed (threats.md L07) */
    WALK_GROUPS_MAX = 1000,   /* of one account, where groups in groups are followed step by step */
    WALK_DEPTH_MAX = 32,
    WALK_MS = 10000,
    GIDS_MAX = 1024,          /* a grant carries no more */
    ACCOUNT_CACHE_SLOTS = 1024,
    ROLE_CACHE_SLOTS = 256,
    ACCOUNT_CACHE_MS = 60000,
    NEGATIVE_CACHE_MS = 10000,
    ROLE_CACHE_MS = 3600000,
    LOCKOUT_CACHE_MS = 3600000,
    NTAUTH_CACHE_MS = 60000,
    NTAUTH_MAX = 256,
    NTAUTH_DIGEST = 32,
};

struct domain { /* learned once */
    bool known;
    bool follows_chains;         /* Active Directory, or one like it: knows the matching rule in-chain */
    char *base, *netbios, *dns, *configuration;
};

struct lockout { /* what the domain does about wrong passwords, which its administrator may change */
    int64_t until;       /* of what is known */
    int64_t duration;
    int64_t threshold;   /* wrong passwords that lock an account; 0: never */
    int64_t window;      /* lockOutObservationWindow, negative FILETIME difference */
};

struct cached_role {
    char *name, *sid; /* sid "": there is no such group */
    int64_t until;
};

struct cached_account {
    char *key;
    enum directory_verdict verdict;
    struct directory_account account;
    int64_t until;
};

struct cached_home {
    char *sid, *root, *dir;
    int64_t since;
};

struct ntauth { /* SHA-256 of the certificates */
    int64_t until;
    size_t count;
    uint8_t digests[NTAUTH_MAX][NTAUTH_DIGEST];
};

struct busy; /* an account whose password is being tried */

struct directory {
    struct ldap_pool *pool;
    bool no_lockout_protection;
    pthread_cond_t free; /* of `lock`: an account is not busy any more */
    struct busy *busy;
    pthread_mutex_t lock; /* of all that follows */
    int64_t account_cache_ms;
    struct ntauth ntauth;
    struct domain domain;
    struct lockout lockout;
    struct cached_role roles[ROLE_CACHE_SLOTS];
    struct cached_account accounts[ACCOUNT_CACHE_SLOTS];
    struct cached_home homes[ACCOUNT_CACHE_SLOTS];
};

/* Which account a certificate means. */
struct hit {
    struct text dn, sid; /* of it */
    unsigned tier;
    bool strong;
};
static inline void hit_free(struct hit *h)
{
    text_free(&h->dn);
    text_free(&h->sid);
}

/* ---- directory.c ---- */
/* The domain's names; valid as long as the directory.  ERR_CLOSED: no controller answers. */
MUST_USE int directory_domain(struct directory *d, struct text *steps, const struct domain **domain_out);

/* Not older than LOCKOUT_CACHE_MS, and than the last directory_flush.  ERR_CLOSED: no controller answers. */
MUST_USE int directory_lockout(struct directory *d, struct text *steps, struct lockout *lockout_out);

/* Whether that is the domain's NetBIOS or DNS name. */
bool domain_is(const struct domain *domain, struct slice name);

/* The terms that only accounts of people fulfil, for an "&". */
void filter_add_person(struct text *filter, const struct domain *domain);

/* Attributes, checks and roles of the account that was found.  *account_out is filled with the verdicts that have one. */
enum directory_verdict directory_complete(struct directory *d, const struct hit *hit, const struct mapping_rules *rules,
                                          struct slice role_names, struct text *steps, struct directory_account *account_out,
                                          int64_t *created_out);

/* ---- log_on.c ---- */
void homes_forget(struct directory *d); /* with the lock held */

/* ---- map.c ---- */
/* "(objectSid=...)" in the binary form, which every server takes. */
MUST_USE int filter_add_sid(struct text *filter, struct slice sid);
/* DIRECTORY_FOUND fills *hit, which the caller frees in every case. */
enum directory_verdict map_find(struct directory *d, const struct cert_facts *facts, const struct mapping_rules *rules,
                                struct text *steps, struct hit *hit);

/* ---- read_account.c ---- */
/* Attributes, groups and the account checks.  `created_out`: whenCreated.  *account_out is filled with DIRECTORY_FOUND and
 * the verdicts of account_check; the roles are left empty. */
enum directory_verdict read_account(struct directory *d, const struct hit *hit, const struct mapping_rules *rules,
                                    struct text *steps, struct directory_account *account_out, int64_t *created_out);

/* ---- roles.c ---- */
/* Those of `names` whose SID is among the account's groups, one per line. */
MUST_USE int roles_of(struct directory *d, struct slice names, struct slice groups, struct text *steps, struct text *roles_out);

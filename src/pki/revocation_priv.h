/*
 * revocation_priv.h - what revocation.c, ocsp.c, crl.c and issuers.c share.
 *
 *   revocation.c   the verdict of a chain     ocsp.c    one certificate, by OCSP
 *   crl.c          one certificate, by CRL    obtain.c  something from its address or from the cache
 *   issuers.c      missing issuers
 */
#pragma once

#include <pthread.h>

#include "pki/cache.h"
#include "pki/disk.h"
#include "pki/fetch.h"
#include "pki/revocation.h"
#include "pki/x509.h"

enum {
    URLS_MAX = 8,               /* addresses of one kind that one certificate may name */
    BRIEF_MAX = 256 * 1024,     /* bytes from the disk that may be parsed by who must not be held up */
    OCSP_BYTES_MAX = 64 * 1024,
    CRL_BYTES_MAX = 32 * 1024 * 1024,
    CLOCK_SKEW = 300,           /* seconds that a signer's clock may differ from ours */
    NO_NEXT_UPDATE = 3600,      /* how long an answer counts that does not say */
};

struct revocation {
    struct pki_cache *cache;
    struct pki_disk *disk;      /* NULL: there is none */
    atomic_bool stop;
    pthread_mutex_t lock;       /* of the rest */
    struct revocation_options options; /* `hosts` points into: */
    struct text hosts;
};

/* One certificate's question. */
struct ask {
    struct revocation *r;
    struct fetch_policy policy;
    struct text hosts;          /* owns policy.hosts */
    bool cache_only, brief;
    int64_t freshness, within, at, now, deadline_ms; /* `now`: the cache's clock, where `at` may be any moment */
    X509 *cert, *issuer;        /* borrowed */
    bool *stale;                /* set when something older than wanted was used */
};
MUST_USE int ask_begin(struct ask *a, struct revocation *r);
void ask_end(struct ask *a);

/* Something that stands at an address. */
struct source {
    const char *kind;           /* part of the key: the same bytes may mean different things */
    struct slice url, body;
    struct slice get;           /* "": POST the body, if there is one, to the url; else GET this instead */
    const char *type;
    bool ldap;                  /* may stand in the configured directory: only what an issuer that we trust has signed */
    bool lasts;                 /* is kept on the disk: not what strangers can have fetched as much of as they like */
    size_t max;
    const X509 *about, *issuer; /* parts of the key; NULL: none */
    /* Parse and check what came: fills parsed and the times of `item`.  Negative: `why_out` says what is wrong. */
    int (*read)(const struct ask *a, void *context, struct pki_item *item, const char **why_out);
    void *context;
};

/* From the cache when it is there and fresh, else from the address.  On 0 a reference is the caller's. */
MUST_USE int obtain(const struct ask *a, const struct source *s, struct pki_item **item_out, bool *cached_out,
                    const char **why_out);

struct urls {
    struct text pool;
    size_t count, ends[URLS_MAX];
};
void urls_add_points(struct urls *u, const CRL_DIST_POINTS *points);
void urls_add_access(struct urls *u, X509 *cert, int method);
struct slice urls_get(const struct urls *u, size_t index);
void urls_free(struct urls *u);
#define OWNED_URLS __attribute__((cleanup(urls_free))) struct urls

/* Seconds since the epoch; ERR_SYNTAX. */
MUST_USE int pki_time(const ASN1_TIME *t, int64_t *seconds_out);

/* The bytes of `item` as a CRL, or as an answer about a->cert: what `read` of their sources does.  For fuzzing. */
MUST_USE int crl_read(const struct ask *a, struct pki_item *item, const char **why_out);
MUST_USE int ocsp_read(const struct ask *a, struct pki_item *item, const char **why_out);

/* Each answers with what it found in `answer`; REVOCATION_UNKNOWN leaves room for the next. */
void ocsp_ask(const struct ask *a, struct revocation_answer *answer);
void crl_ask(const struct ask *a, struct revocation_answer *answer);
/* Note down where a definite answer came from. */
void answer_set(struct revocation_answer *answer, enum revocation_status status, enum revocation_source source,
                const struct ask *a, int64_t this_update, struct slice url);
void answer_fail(struct revocation_answer *answer, const char *by, const char *why, struct slice url);

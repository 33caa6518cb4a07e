/*
 * revocation.h - whether the certificates of a verified chain are revoked (OCSP, CRL, delta CRL), and AIA fetching.
 *
 * Blocking, thread-safe: called from the authenticator's threads.  Only for chains
 * that chain_verify() found good, so only URLs that a trusted CA signed are fetched (threats.md C10).
 * revocation_check() looks at the signatures itself before it asks anybody, so a mistake of the caller opens nothing.
 * A status that cannot be found out is REVOCATION_UNKNOWN; the caller refuses then.
 *
 * Answers are kept in memory, and with revocation_keep() in a file for the next start.
 */
#pragma once

#include "pki/chain.h"

enum revocation_status { REVOCATION_GOOD, REVOCATION_REVOKED, REVOCATION_UNKNOWN };
enum revocation_source { REVOCATION_NOWHERE, REVOCATION_CACHE, REVOCATION_OCSP, REVOCATION_CRL };

struct revocation_answer { /* one per certificate below the anchor, leaf first */
    enum revocation_status status;
    enum revocation_source source;
    bool no_source;      /* the certificate names neither OCSP nor CRL */
    bool stale;          /* within nextUpdate, but older than `freshness` */
    int64_t age;         /* seconds since thisUpdate */
    char url[512];       /* "" */
    char detail[160];    /* for people, never bytes of the answer */
};

struct revocation_question {
    const struct pki_chain *chain;
    const struct pki_stores *stores;
    unsigned flags;              /* enum pki_flag: CACHE_ONLY; with NO_REVOCATION_CHECK do not ask at all */
    int64_t freshness;           /* revocationFreshnessTime in seconds, 0: until nextUpdate */
    bool brief;                  /* leave large lists on the disk to somebody who may take longer */
    int64_t within;              /* what was fetched longer ago than these seconds is asked for anew; 0: never for that */
    int64_t retrieval_ms;        /* revocationUrlRetrievalTimeout: budget of the whole verdict; 0: 15 s */
    int64_t at;                  /* seconds since the epoch */
    int64_t now;                 /* when an answer is fetched; 0: `at` is now */
};

struct revocation; /* caches and the connections under way */

struct revocation_options {
    struct slice hosts;          /* comma-separated patterns of hosts that may be asked; "": every host */
    bool private_addresses;      /* loopback and private networks may be fetched from */
    bool public_addresses;       /* ... and the rest */
    unsigned redirects;          /* of HTTP, followed at most */
    /* Read an LDAP CRL distribution point (RFC 4516 URL) from the configured directory; NULL: none configured. */
    int (*ldap)(void *context, struct slice url, int64_t deadline_ms, struct text *crl_out);
    void *ldap_context;
};
/* What HTTP needs once, before threads start and before the sandbox closes. */
MUST_USE int revocation_start(void);
MUST_USE int revocation_new(const struct revocation_options *options, struct revocation **revocation_out);
/* Before anybody asks: keep what is fetched in this file, too, and use what is in it (disk.h).  `fd` stays the caller's. */
MUST_USE int revocation_keep(struct revocation *r, int fd, size_t size_max);
/* Other limits from now on; what is cached stays.  Copies `options`. */
MUST_USE int revocation_configure(struct revocation *r, const struct revocation_options *options);
void revocation_free(struct revocation *r); /* nobody may be in it any more */

/* Fills answers[0 .. length - 2] and returns the worst of them: revoked beats unknown beats good. */
enum revocation_status revocation_check(struct revocation *r, const struct revocation_question *question,
                                        struct revocation_answer answers[PKI_CHAIN_MAX], struct text *steps);

/* A pki_fetch_issuers (chain.h): `context` is a struct revocation_fetch. */
struct revocation_fetch {
    struct revocation *revocation;
    int64_t deadline_ms;         /* clock_ms() */
};
int revocation_fetch_issuers(void *context, struct slice der, bool cache_only, struct pki_found *found);

/* Another number when what is known may have changed. */
uint64_t revocation_changes(const struct revocation *r);

/* Whoever is fetching gives up within a second or so, and nobody begins again: the program ends. */
void revocation_stop(struct revocation *r);

/* Forget failures and ask for everything anew, as far as it can be had; with `all` forget every cached answer. */
void revocation_flush(struct revocation *r, bool all);

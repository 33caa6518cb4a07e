/*
 * certificate.h - client certificates: the verdict about one, whom it stands for, and what of that still holds.
 *
 * A certificate is judged when the worker reports it, again at every login that quotes it, and for every live login when
 * the configuration changes; what the worker remembers counts for nothing.  Decisions only, no messages: login.c asks.
 */
#pragma once

#include "auth/account.h"
#include "auth/inquiry.h"
#include "pki/chain.h"
#include "pki/facts.h"
#include "pki/revocation.h"

struct certificate {
    struct certificate *next;
    uint64_t number;       /* what the worker quotes; nobody can guess it, and no other start of ours drew it */
    unsigned worker;
    uint64_t session;      /* the only one that may quote it */
    uint32_t site;         /* for which it was judged */
    struct cert_facts facts;
    bool mappable;         /* `facts` are there: nothing in it forbids a mapping */
    size_t chain_len;
    uint8_t chain[];       /* as auth_certificate carried it */
};

enum { CERTIFICATE_BUCKETS = 8192 };

struct verdicts; /* certificate_memo.c */

struct certificate_table {
    struct certificate *buckets[CERTIFICATE_BUCKETS]; /* by number, which is random */
    size_t count, max;
    struct pki_stores *stores; /* of the snapshot; NULL before the first */
    struct revocation *revocation; /* the caller's; what is known about who is revoked */
    struct verdicts *verdicts; /* good ones of this second; NULL: none yet */
};

/* Fill the stores from the snapshot; what cannot be read is left out and counted in *bad_out. */
MUST_USE int certificate_load_stores(struct certificate_table *t, const struct snapshot *s, size_t *bad_out);
void certificate_table_free(struct certificate_table *t);

/* The verdict for a site at a moment: chain, usage, strength, revocation.  `steps` may be NULL.  Never waits: issuers and
 * answers about revocation come from the cache.  *job_out (may be NULL) is set when fetching might change the verdict: an
 * inquiry to submit before asking again, the caller's. */
enum chain_reason certificate_verify(struct certificate_table *t, const struct snap_site *site, struct slice chain,
                                     int64_t at, struct text *steps, struct inquiry_job **job_out);

/* What decides about this chain on this site, as something that an inquiry's thread can judge; NULL: out of memory, or it
 * is no chain. */
struct inquiry_job *certificate_inquiry(const struct certificate_table *t, const struct snap_site *site, struct slice chain);

/* The line among the steps of a verdict that revocationSoftFail made good. */
extern const char certificate_soft_step[];

/* Whether the CA that issued it, or any CA of its chain, lies in store NTAuth; both false unless the chain is good.  `issuers`
 * gets the chain above the leaf (pki_chain_add_issuers). */
void certificate_in_ntauth(struct certificate_table *t, const struct snap_site *site, struct slice chain, int64_t at,
                           bool *by_issuer_out, bool *by_chain_out, struct text *issuers);

/* A login asks for the verdict several times within moments, and a partner opens several connections at once: a good one is
 * not worked out again in the same second, as long as no store, no list and no answer has changed.  The key says what is known
 * at the moment; it is taken before the verdict is worked out, because threads learn more meanwhile. */
enum { VERDICT_DIGEST = 32 };
struct verdict_key {
    bool is_there; /* else nothing is found and nothing kept */
    uint8_t digest[VERDICT_DIGEST];
};
struct verdict_key verdict_key(const struct certificate_table *t, const struct snap_site *site, struct slice chain, int64_t at);
bool verdict_recall(const struct certificate_table *t, const struct verdict_key *key, struct pki_chain **chain_out);
void verdict_keep(struct certificate_table *t, const struct verdict_key *key, struct pki_chain *built);
void verdicts_free(struct certificate_table *t);

/* Remember one that was found good; `what` says number, worker, session and site.  ERR_LIMIT, ERR_NOMEM. */
MUST_USE int certificate_add(struct certificate_table *t, const struct certificate *what, struct slice chain);
const struct certificate *certificate_find(const struct certificate_table *t, uint64_t number);
void certificate_remove(struct certificate_table *t, uint64_t number);
/* All of a worker that went away. */
void certificate_remove_worker(struct certificate_table *t, unsigned worker);
struct slice certificate_chain(const struct certificate *c);
/* The DER of its leaf. */
struct slice certificate_leaf(struct slice chain);

/* ---- whom it stands for: iisClientCertificateMappingAuthentication of the site ---- */
enum certificate_mapping { MAPPING_NONE, MAPPING_USER, MAPPING_DENIED };
/* One-to-one before many-to-one, entries in order, the first that fits decides.  *user_out lives as long as the snapshot. */
enum certificate_mapping certificate_map(const struct snapshot *s, const struct snap_site *site, struct slice leaf,
                                         struct slice *user_out);

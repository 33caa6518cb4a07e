/*
 * pki_world.h - certification authorities and their servers for the tests of this folder.
 *
 * A root, an issuing CA below it, leaves, OCSP responders, CRLs, all made in memory; and one HTTP server on a loopback
 * port that behaves as badly as a test wants.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/case_test.h"
#include "pki/revocation.h"
#include "pki/x509.h"

enum place { AT_OCSP, AT_CRL, AT_CRL2, AT_DELTA, AT_ROOT_CRL, AT_ISSUER, PLACES };

enum manner { /* how the server serves a place */
    SERVE, STATUS_500, STATUS_404, HANG, DRIP, TRUNCATE, OVERSIZE, CLOSE, REDIRECT,
};

enum responder { /* what the OCSP responder says */
    OCSP_GOOD, OCSP_REVOKED, OCSP_DELEGATED, OCSP_NO_NONCE, OCSP_DONT_KNOW, OCSP_EXPIRED, OCSP_EARLY, OCSP_FOREIGN,
    OCSP_NO_EKU, OCSP_FORGED, OCSP_REPLAY, OCSP_WRONG_NONCE, OCSP_OTHER_CERT, OCSP_TRY_LATER, OCSP_GARBAGE, OCSP_TRAILING,
    OCSP_LISTED, OCSP_AMONG_OTHERS, OCSP_TWICE,
};

struct ca {
    X509 *cert;
    EVP_PKEY *key;
};

struct served {
    _Atomic enum manner manner;
    _Atomic enum responder responder;
    atomic_uint hits;
    unsigned char *body; /* all but AT_OCSP */
    size_t len;
};

struct world {
    struct ca root, issuing, foreign, responder, no_eku;
    struct ca listed; /* a responder whose certificate names AT_CRL2 */
    struct served places[PLACES];
    int fd;
    unsigned port;
    pthread_t thread;
    atomic_bool ending;
    int hanging[64];
    atomic_size_t hanging_count;
    pthread_mutex_t lock;
    int64_t at;
};

void world_begin(struct world *w);
void world_end(struct world *w);
/* Everything served normally, hits 0, no bodies. */
void world_reset(struct world *w);
void world_url(const struct world *w, enum place place, char url_out[64]);

struct leaf_plan {
    unsigned places; /* 1 << AT_...: what the certificate names */
    const char *extra_cdp; /* another address, before the others */
    const char *extra_aia; /* the same, "OCSP;URI:..." or "caIssuers;URI:..." */
};
/* The certificate's number is new every time. */
X509 *world_leaf(struct world *w, const struct leaf_plan *plan);
/* leaf, issuing and root as chain_verify() finds them. */
struct pki_chain *world_chain(struct world *w, X509 *leaf, struct pki_stores **stores_out);

struct crl_plan {
    const X509 *revoked;  /* NULL: nobody */
    int reason;           /* CRL_REASON_, -1 */
    long number, base;    /* number 0: none; base > 0: a delta */
    int64_t from, until;  /* seconds from now; until 0: no nextUpdate */
    bool foreign, forged, freshest;
    const char *extension, *value; /* one more, as OpenSSL's configuration has it; NULL: none */
};
void world_publish(struct world *w, enum place place, const struct crl_plan *plan);
void world_publish_bytes(struct world *w, enum place place, const void *bytes, size_t len);

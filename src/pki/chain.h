/*
 * chain.h - from a client's certificate to a verified chain.
 *
 * Anchors are the certificates of store Root and nothing else; what the client sent and store CA only help to build.
 * Store Disallowed refuses at once.  Nothing here opens a socket or a file: AIA fetching is a function that the caller
 * hands in.  A certificate that is beyond the limits (threats.md C08) is refused before any arithmetic.
 *
 * `struct pki_stores` is read-only after it was filled and may be shared between threads; verify in as many as you like.
 */
#pragma once

#include "base/diag.h"
#include "base/slice.h"
#include "base/text.h"

enum {
    PKI_CERT_MAX = 64 * 1024,  /* DER bytes of one certificate */
    PKI_SENT_MAX = 10,         /* certificates that a client sent, leaf included */
    PKI_CHAIN_MAX = 12,        /* certificates of a verified chain, anchor included */
    PKI_KEY_MAX = 8192,        /* bits */
};

/* sslClientCertificates/@validationFlags */
enum pki_flag {
    PKI_NO_REVOCATION_CHECK = 1,
    PKI_REVOCATION_CACHE_ONLY = 2,
    PKI_URL_CACHE_ONLY = 4,
    PKI_NO_USAGE_CHECK = 8,
};

/*   reason                  sc-win32-status  what the log says */
#define CHAIN_REASONS(R)                                                                                     \
    R(CHAIN_GOOD,            0,             "the certificate chain is good")                                 \
    R(CHAIN_MALFORMED,       0x80090327u,   "the certificate cannot be read or is larger than allowed")      \
    R(CHAIN_EXPIRED,         0x800B0101u,   "a certificate of the chain has expired or is not valid yet")    \
    R(CHAIN_UNTRUSTED_ROOT,  0x800B0109u,   "the chain ends in a root that store Root does not hold")        \
    R(CHAIN_INCOMPLETE,      0x800B010Au,   "an issuer of the chain is missing")                             \
    R(CHAIN_BAD_SIGNATURE,   0x80096004u,   "a signature of the chain is wrong")                             \
    R(CHAIN_NOT_A_CA,        0x80096019u,   "an issuer of the chain may not issue certificates")             \
    R(CHAIN_WRONG_USAGE,     0x800B0110u,   "a certificate of the chain is not meant for client authentication") \
    R(CHAIN_DISALLOWED,      0x800B0111u,   "a certificate of the chain lies in store Disallowed")           \
    R(CHAIN_REVOKED,         0x80092010u,   "a certificate of the chain is revoked")                         \
    R(CHAIN_NO_REVOCATION,   0x80092012u,   "a certificate names no place that could say whether it is revoked") \
    R(CHAIN_REVOCATION_OFFLINE, 0x80092013u, "it could not be found out whether a certificate is revoked")   \
    R(CHAIN_WEAK,            0x80090327u,   "a key or a signature of the chain is too weak, or too large")   \
    R(CHAIN_OTHER,           0x80090327u,   "the certificate chain is not acceptable")

enum chain_reason {
#define R(name, win32, text) name,
    CHAIN_REASONS(R)
#undef R
    CHAIN_REASON_COUNT,
};
uint32_t chain_reason_win32(enum chain_reason reason);
const char *chain_reason_text(enum chain_reason reason);

enum pki_store { PKI_ROOT, PKI_CA, PKI_NTAUTH, PKI_DISALLOWED, PKI_STORE_COUNT };

/* Have the library open now what it opens the first time (its configuration: never; the time zone): before a sandbox. */
void pki_prepare(void);

struct pki_stores; /* counted, thread-safe count */
struct pki_stores *pki_stores_new(void); /* NULL: out of memory */
struct pki_stores *pki_stores_ref(struct pki_stores *s);
void pki_stores_unref(struct pki_stores *s); /* NULL is fine */
/* One certificate (DER) or several (PEM).  ERR_SYNTAX, ERR_TOO_LONG, ERR_NOMEM; what came before stays. */
MUST_USE int pki_stores_add(struct pki_stores *s, enum pki_store store, struct slice bytes, struct diag *d);

/* A verified chain: leaf first, anchor last. */
struct pki_chain;
struct pki_chain *pki_chain_ref(struct pki_chain *c);
void pki_chain_free(struct pki_chain *c); /* one reference; NULL is fine */
size_t pki_chain_length(const struct pki_chain *c);
/* The certificates above the leaf: u32 length (little-endian) and DER each. */
void pki_chain_add_issuers(const struct pki_chain *c, struct text *out);
/* The next one of such a list; false: there is none, or no whole one. */
bool pki_chain_cut(struct slice *rest, struct slice *der_out);
/* Whether the CA that issued the leaf (with `any_ca`: any CA of the chain) lies in store NTAuth. */
bool pki_chain_is_ntauth(const struct pki_chain *c, const struct pki_stores *s, bool any_ca);

/* Fetch what `der` names as its issuers (AIA caIssuers) and add each with pki_found_add(); they only help to build and
 * are never trusted.  With `cache_only` nothing goes out.  revocation.h implements it. */
struct pki_found; /* collects */
MUST_USE int pki_found_add(struct pki_found *f, struct slice der);
typedef int pki_fetch_issuers(void *context, struct slice der, bool cache_only, struct pki_found *found);

struct chain_rules {
    unsigned flags;            /* enum pki_flag */
    unsigned security_level;   /* OpenSSL's auth level, 2 by default */
    bool allow_self_signed;    /* a self-signed leaf that lies in Root itself */
    int64_t at;                /* seconds since the epoch */
    pki_fetch_issuers *fetch;  /* NULL: nothing is fetched */
    void *fetch_context;
};

struct chain_result {
    enum chain_reason reason;
    int openssl_error;         /* X509_V_ERR_, 0 */
    int depth;                 /* of the certificate that failed; 0 the leaf */
    struct pki_chain *chain;   /* CHAIN_GOOD: the caller's; else NULL */
};

/* Whether a handshake of ours takes the key of the leaf (DER): with one of another kind a client shows no certificate, or
 * fails.  True for what cannot be read. */
bool chain_can_be_shown(struct slice der);

/* `sent`: DER, leaf first, as the client sent them.  `steps` (may be NULL) gets a line per step for people, escaped.
 * Always a verdict: what goes wrong on our side is CHAIN_OTHER. */
void chain_verify(const struct pki_stores *stores, const struct slice *sent, size_t count,
                  const struct chain_rules *rules, struct text *steps, struct chain_result *result_out);

/*
 * cert_priv.h - what the parts of certificate handling share.
 *
 *   cert.c           reading PEM, DER, PKCS#12 and keys     cert_describe.c  showing, writing, thumbprints
 *   cert_create.c    a self-signed certificate              cert_store.c     a directory of files
 */
#pragma once

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "tls/cert.h"

struct cert {
    X509 *leaf;
    STACK_OF(X509) *chain; /* upwards, without the leaf */
    STACK_OF(X509) *others; /* whatever else came with the leaf, in its order; NULL: nothing */
    EVP_PKEY *key;         /* NULL if unknown */
};

static inline void cert_free_bio(BIO **bio)
{
    BIO_free(*bio);
}
static inline void cert_free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}
static inline void cert_free_x509(X509 **x)
{
    X509_free(*x);
}
static inline void cert_free_stack(STACK_OF(X509) **stack)
{
    sk_X509_pop_free(*stack, X509_free);
}
#define OWNED_BIO __attribute__((cleanup(cert_free_bio))) BIO *
#define OWNED_KEY __attribute__((cleanup(cert_free_key))) EVP_PKEY *
#define OWNED_X509 __attribute__((cleanup(cert_free_x509))) X509 *
#define OWNED_STACK __attribute__((cleanup(cert_free_stack))) STACK_OF(X509) *

/* `what`, with OpenSSL's own reason where it has one; empties its queue. */
void cert_add_reason(struct diag *d, const char *what);
/* A certificate of these parts; takes references, no ownership.  `key` may be NULL, `others` is searched for the chain. */
MUST_USE int cert_assemble(X509 *leaf, STACK_OF(X509) *others, EVP_PKEY *key, struct cert **cert_out);
/* Append to the chain what `candidates` has of the missing issuers, roots excluded. */
MUST_USE int cert_extend_chain(struct cert *c, STACK_OF(X509) *candidates);
/* Any private key in PEM or DER. */
MUST_USE int cert_read_key(struct slice bytes, const char *password, EVP_PKEY **key_out, struct diag *d);
/* Upper-case hex with NUL. */
void cert_digest_hex(const X509 *x, const EVP_MD *md, char *out, size_t size);

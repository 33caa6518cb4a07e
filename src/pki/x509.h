/* x509.h - OpenSSL's certificates, for the files of this folder only. */
#pragma once

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "pki/chain.h"

/* Exactly one certificate of at most PKI_CERT_MAX bytes and nothing behind it; NULL otherwise. */
X509 *pki_x509_parse(struct slice der);
/* Borrowed; NULL beyond the end.  0 the leaf, the last the anchor. */
X509 *pki_chain_x509(const struct pki_chain *c, size_t index);
/* Borrowed, valid as long as the stores. */
STACK_OF(X509) *pki_stores_list(const struct pki_stores *s, enum pki_store store);

/*
 * cert.h - certificates and keys as files and as things to show: parsing, thumbprints, stores, a self-signed trial.
 *
 * Used by the loader (which certificate has this thumbprint, and is it fit to serve) and by the command line (import,
 * list, create).  No sockets and no verification here.  A store is a directory of PEM or DER files; a key stands in the
 * file of its certificate or in a file beside it, and is found by matching the public key, never by name.
 *
 * Errors: ERR_SYNTAX not readable as what it should be, ERR_NOT_FOUND nothing of the kind in it, ERR_DENIED a password
 * is needed or wrong, ERR_CONFLICT the key is not that of the certificate, ERR_TOO_LONG above CERT_FILE_LIMIT,
 * ERR_NOMEM.  `d` gets what a person must know, never a secret; its file is the caller's to set.
 */
#pragma once

#include "base/diag.h"
#include "base/slice.h"
#include "base/text.h"

enum { CERT_FILE_LIMIT = 1024 * 1024, CERT_THUMBPRINT_LEN = 40 };

/* Prepare the library so that nothing is opened later: call before entering a sandbox.  Reads no configuration file. */
MUST_USE int cert_prepare(void);

struct cert; /* a leaf, the chain that came with it, and its key if known */
void cert_free(struct cert *c); /* NULL is fine; wipes the key */

/* PEM or DER.  A PEM file may hold the chain and the key in any order; the leaf is the certificate that the key belongs
 * to, without a key the first.  `password` (may be NULL) opens an encrypted key; nobody is ever asked. */
MUST_USE int cert_parse(struct slice bytes, const char *password, struct cert **cert_out, struct diag *d);
/* PKCS#12 (.pfx, .p12), the forms of old Windows versions included where the system has OpenSSL's legacy provider. */
MUST_USE int cert_parse_pfx(struct slice bytes, const char *password, struct cert **cert_out, struct diag *d);
/* Give a certificate the key of a separate file (PEM or DER). */
MUST_USE int cert_add_key(struct cert *c, struct slice bytes, const char *password, struct diag *d);

struct cert_info {
    char thumbprint[CERT_THUMBPRINT_LEN + 1]; /* SHA-1, upper-case hex */
    char sha256[65];                          /* upper-case hex */
    char serial[129];                         /* upper-case hex */
    char subject[512], issuer[512];           /* most specific part first; control characters escaped; cut if longer */
    char names[512];                          /* DNS names and addresses of subjectAltName, ", " between; cut if longer */
    char key_type[32];                        /* "RSA", "EC", "ED25519" ... */
    int64_t not_before, not_after;            /* seconds since the epoch */
    unsigned key_bits, chain_length;          /* chain without the leaf */
    bool has_key, is_ca, is_self_signed;
};
void cert_describe(const struct cert *c, struct cert_info *info_out);
bool cert_has_key(const struct cert *c);

enum cert_part { CERT_PART_LEAF = 1, CERT_PART_CHAIN = 2, CERT_PART_KEY = 4, CERT_PART_ALL = 7 };
/* Append the wanted parts as PEM: leaf, then chain upwards, then the key as unencrypted PKCS#8.  ERR_NOT_FOUND when the
 * key is wanted and there is none. */
MUST_USE int cert_write_pem(const struct cert *c, unsigned parts, struct text *out);

/* Append what a TLS client that was given this file sends: the leaf, then all else that came with it, in that order; u32
 * length (little-endian) and DER each. */
MUST_USE int cert_write_sent(const struct cert *c, struct text *out);

struct cert_request {
    struct slice common_name;       /* 1..64 bytes of UTF-8 */
    const struct slice *names;      /* subjectAltName: DNS names and IP addresses; none: the common name */
    size_t name_count;
    unsigned days;                  /* 1..3650 */
    int64_t now;                    /* seconds since the epoch */
};
/* A self-signed server certificate with a new EC P-256 key. */
MUST_USE int cert_create_self_signed(const struct cert_request *r, struct cert **cert_out, struct diag *d);

/* A thumbprint as people write it (either case; blanks, colons; the invisible mark that the Windows certificate window
 * puts in front) as upper-case hex with NUL.  ERR_RANGE: not 40 digits (sub-status 46); ERR_SYNTAX: another character;
 * ERR_NOT_FOUND: empty. */
MUST_USE int cert_normalise_thumbprint(struct slice written, char thumbprint_out[CERT_THUMBPRINT_LEN + 1]);

/* ---- a store ---- */
struct cert_store;
struct cert_store *cert_store_new(void); /* NULL: out of memory */
void cert_store_free(struct cert_store *s);
/* Take in one file of the directory: certificate, key, or both.  `file` is copied.  An error concerns that file only. */
MUST_USE int cert_store_add(struct cert_store *s, struct slice file, struct slice bytes, struct diag *d);
/* In order of adding; a key that came in a file of its own has joined every certificate it belongs to.  Owned by the store. */
size_t cert_store_count(const struct cert_store *s);
const struct cert *cert_store_at(const struct cert_store *s, size_t index);
const char *cert_store_file_at(const struct cert_store *s, size_t index);
/* The file that the key came from, NULL without a key. */
const char *cert_store_key_file_at(const struct cert_store *s, size_t index);
/* Index of the certificate with that normalised thumbprint, SIZE_MAX if none. */
size_t cert_store_find(const struct cert_store *s, const char *thumbprint);
/* Append what is missing of the chain of certificate `index` from the certificates of `authorities` (store CA), the
 * root excluded. */
MUST_USE int cert_store_complete_chain(struct cert_store *s, size_t index, const struct cert_store *authorities);

/* Append the subjects (DER, one behind the other) of the certificates in a file, DER or PEM, that are not there yet.  False: not
 * all of them fit into `max` bytes. */
bool cert_add_subjects(struct slice file, size_t max, struct text *names);

/*
 * server.h - the server side of TLS: certificate, policy, tickets; one tls_server per site that has a certificate.
 *
 * TLS 1.2 and 1.3, AEAD suites with forward secrecy, no renegotiation, no compression, no early data, no server-side
 * session cache.  Sessions resume by tickets (data channels also by the session id of their login); the keys come from the supervisor and are bound to the site by
 * derivation, so a ticket of one site means nothing to another (threats.md C12, T04).  Building a new server never
 * disturbs an old one: on error the caller keeps what it had.
 */
#pragma once

#include "base/diag.h"
#include "base/slice.h"

struct tls_keys;    /* the worker's ticket keys, shared by all its servers */
struct tls_server;  /* reference counted: sessions keep theirs over a reload */

enum { TLS_KEY_LEN = 80, TLS_KEYS_MAX = 3 };

/* Also initialises OpenSSL without its configuration file; call before the sandbox closes.  NULL: out of memory. */
struct tls_keys *tls_keys_new(void);
void tls_keys_unref(struct tls_keys *k); /* NULL is fine; servers hold references of their own */
/* Newest first, 80 bytes each, at most 3: the first encrypts, all decrypt.  ERR_RANGE: not 1..3 whole keys; the old
 * ones stay.  Without keys no ticket is issued or accepted. */
MUST_USE int tls_keys_set(struct tls_keys *k, struct slice keys);

struct tls_server_config {
    struct slice chain_pem;  /* leaf first */
    struct slice key_pem;
    struct slice thumbprint; /* upper-case hex SHA-1 the leaf must have, or empty */
    uint32_t site;           /* site id: tickets are bound to it */
    bool only_tls13;
    bool strict_alpn;        /* demand ALPN `ftp` and a known server name on control channels (threats.md P05) */
    bool ask_certificate;    /* ask clients for one; nothing is judged here, and no ticket leaves before stream_allow_resumption */
    struct slice issuers;    /* names of CAs to tell a client that is asked (cert_add_subjects); "": none, as Schannel */
    bool ssl128;             /* IIS's floor: suites below 128 bits end the handshake */
};

/* Have OpenSSL make now what it makes at a first use: what it could not make for want of memory it would never make again
 * (threats.md H10).  370 KiB; the second call does nothing. */
void tls_prepare(void);

/* Build from bytes that are borrowed for the call.  ERR_SYNTAX: not PEM; ERR_CONFLICT: key or thumbprint do not belong
 * to the certificate; ERR_DENIED: key too weak.  `d` says why.  On 0 `d->what` may hold a warning (expired, not valid
 * yet, or within 30 days of its end; threats.md T10), else it is "". */
MUST_USE int tls_server_new(const struct tls_server_config *config, struct tls_keys *keys,
                            struct tls_server **server_out, struct diag *d);
struct tls_server *tls_server_ref(struct tls_server *s);
void tls_server_unref(struct tls_server *s); /* NULL is fine */

/* tls_priv.h - what server.c, ticket.c, hello.c and stream.c know of each other. */
#pragma once

#include "tls/server.h"
#include "tls/stream.h"

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/tls1.h>
#include <openssl/x509.h>
#undef ERR_STATE

enum { TLS_SECRET_LEN = 32, TICKET_NAME_LEN = 16 };

struct ticket_key {
    uint8_t name[TICKET_NAME_LEN], cipher[32], mac[32];
};

struct tls_keys {
    unsigned refs;
    uint64_t generation; /* of `keys`, 0: none yet */
    size_t count;
    struct ticket_key keys[TLS_KEYS_MAX];
};

struct tls_server {
    unsigned refs;
    SSL_CTX *ctx;
    struct tls_keys *keys;
    uint64_t generation; /* the tls_keys generation that `own` was derived from */
    size_t own_count;
    struct ticket_key own[TLS_KEYS_MAX];
    uint32_t site;
    bool strict_alpn, ssl128, ask_certificate;
};

struct tls_session {
    unsigned refs;
    struct tls_server *server;
    uint8_t secret[TLS_SECRET_LEN]; /* in every ticket of the control channel, and nowhere else */
    bool has_peer;                  /* the client showed a certificate on the control channel */
    uint8_t peer[32];               /* its SHA-256 */
    SSL_SESSION *by_id; /* TLS 1.2 client without tickets: what its data channels resume; NULL otherwise */
};

/* What belongs to one SSL beyond OpenSSL's own state; its application data. */
struct tls_link {
    struct tls_session *session;
    stream_choose *choose;
    void *choose_context;
    char *server_name;  /* as the client sent it, NULL if none */
    const char *refusal; /* why we ended the handshake, when it was us */
    bool is_data;
    bool client_has_ems; /* offered the extended master secret (threats.md T07) */
};

static inline struct tls_link *link_of(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

/* ---- ticket.c ---- */
void ticket_install(SSL_CTX *ctx);
bool ticket_keys_present(const struct tls_keys *k);
/* After the handshake of a control channel: if it resumed, go on with the secret of the session it resumed. */
void ticket_adopt(SSL *ssl);
/* Whether the session that `ssl` resumed carries the secret of its control channel. */
bool ticket_is_own(SSL *ssl);
struct tls_keys *tls_keys_ref(struct tls_keys *k);

enum { TLS_PEER_CHAIN_MAX = 32 * 1024 }; /* bytes of a client's Certificate message (threats.md C08) */

/* ---- ahead.c ---- */
struct tls_ahead *ahead_new(int fd, bool is_bulk); /* `is_bulk`: many records come, not single commands; NULL: out of memory */
void ahead_free(struct tls_ahead *a); /* NULL is fine */
/* The socket as OpenSSL reads and writes it; borrows `a`, and `fd`.  NULL: out of memory. */
BIO *ahead_bio(struct tls_ahead *a);
/* Bytes received that nobody has asked for yet; NULL has none. */
bool ahead_has_some(const struct tls_ahead *a);
/* Only when it has some. */
size_t ahead_take(struct tls_ahead *a, void *buffer, size_t size);
/* Whether what is sent from now on may wait for what follows it and leave in one segment with that (the kernel waits for 200 ms at
 * most).  NULL is fine. */
void ahead_expect_more(struct tls_ahead *a, bool more);
/* From now on OpenSSL may ask so many times for bytes; beyond that it is told to come back, though some may be there.  NULL is fine. */
void ahead_allow(struct tls_ahead *a, unsigned reads);
/* Whether it was told so. */
bool ahead_was_stopped(const struct tls_ahead *a);

/* ---- hello.c ---- */
void hello_install(SSL_CTX *ctx);

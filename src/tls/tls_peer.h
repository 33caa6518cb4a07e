/*
 * tls_peer.h - the other side of the wire in tests: an OpenSSL client on one end of a socket pair, driven by turns with
 * the stream on the other end, and certificates to serve.  Tests only.
 */
#pragma once

#include "base/text.h"
#include "tls/tls_priv.h"

struct peer_cert {
    struct text chain, key;
    char thumbprint[41];
};
/* Self-signed for `name`, beginning `age` days ago and valid for `days`. */
void peer_cert_make(struct peer_cert *c, const char *name, unsigned days, int age);
void peer_cert_free(struct peer_cert *c);
struct tls_server *peer_server(const struct peer_cert *c, struct tls_keys *keys, uint32_t site, bool strict);

struct tls_peer {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    SSL_SESSION *session; /* the newest ticket */
    unsigned tickets;     /* how many came */
    int alert;            /* fatal alert that ended the handshake, 0 none */
};

struct peer_options {
    int version;          /* TLS1_2_VERSION ...; 0 any */
    const char *protocols; /* ALPN as OpenSSL wants it: "\3ftp" */
    const char *server_name;
    const char *suites, *suites_13;
    SSL_SESSION *resume;
    bool without_ems, without_tickets;
};

/* A connected pair: stream on one end, client on the other, nothing sent yet.  The stream's TLS is the caller's. */
void peer_connect(struct tls_peer *p, struct stream *s, const struct peer_options *options);
/* On a descriptor that is connected already. */
void peer_attach(struct tls_peer *p, int fd, const struct peer_options *options);
void peer_close(struct tls_peer *p);
/* Both sides in turn until the stream's handshake ends; then the client reads what came with it (tickets). */
int peer_handshake(struct tls_peer *p, struct stream *s, struct diag *d);
/* The client's half of one turn of a handshake: true when done or failed. */
bool peer_handshake_step(struct tls_peer *p);
/* Let the client take in whatever waits; returns how many application bytes came. */
size_t peer_drain(struct tls_peer *p, char *buffer, size_t size);
bool peer_resumed(const struct tls_peer *p);
/* Ours from now on: a reference to the newest ticket. */
SSL_SESSION *peer_ticket(struct tls_peer *p);

/* tls_peer.c - a client for tests. */
#include "tls/tls_peer.h"

#include "tls/cert.h"

#include "base/case_test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void peer_cert_make(struct peer_cert *c, const char *name, unsigned days, int age)
{
    struct slice names[] = { slice_str(name) };
    struct cert_request request = {
        .common_name = names[0], .names = names, .name_count = 1, .days = days,
        .now = (int64_t)time(NULL) - (int64_t)age * 86400,
    };
    struct cert *cert = NULL;
    struct diag d = { 0 };
    struct cert_info info;
    *c = (struct peer_cert){ 0 };
    assert_int_equal(cert_create_self_signed(&request, &cert, &d), 0);
    assert_int_equal(cert_write_pem(cert, CERT_PART_LEAF, &c->chain), 0);
    assert_int_equal(cert_write_pem(cert, CERT_PART_KEY, &c->key), 0);
    cert_describe(cert, &info);
    memcpy(c->thumbprint, info.thumbprint, sizeof c->thumbprint);
    cert_free(cert);
}

void peer_cert_free(struct peer_cert *c)
{
    text_free(&c->chain);
    text_free(&c->key);
}

struct tls_server *peer_server(const struct peer_cert *c, struct tls_keys *keys, uint32_t site, bool strict)
{
    struct tls_server_config config = {
        .chain_pem = text_slice(&c->chain), .key_pem = text_slice(&c->key), .site = site, .strict_alpn = strict,
    };
    struct tls_server *server = NULL;
    struct diag d = { 0 };
    assert_int_equal(tls_server_new(&config, keys, &server, &d), 0);
    return server;
}

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct tls_peer *p = SSL_get_app_data(ssl);
    SSL_SESSION_free(p->session);
    p->session = session;
    p->tickets++;
    return 1; /* ours */
}

void peer_attach(struct tls_peer *p, int fd, const struct peer_options *o)
{
    *p = (struct tls_peer){ .fd = fd };
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    p->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_session_cache_mode(p->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(p->ctx, on_ticket);
    SSL_CTX_set_security_level(p->ctx, 0);
    if (o->version) {
        SSL_CTX_set_min_proto_version(p->ctx, o->version);
        SSL_CTX_set_max_proto_version(p->ctx, o->version);
    }
    if (o->suites)
        assert_int_equal(SSL_CTX_set_cipher_list(p->ctx, o->suites), 1);
    if (o->suites_13)
        assert_int_equal(SSL_CTX_set_ciphersuites(p->ctx, o->suites_13), 1);
    if (o->without_ems)
        SSL_CTX_set_options(p->ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    if (o->without_tickets)
        SSL_CTX_set_options(p->ctx, SSL_OP_NO_TICKET);
    p->ssl = SSL_new(p->ctx);
    SSL_set_app_data(p->ssl, p);
    SSL_set_fd(p->ssl, fd);
    SSL_set_connect_state(p->ssl);
    if (o->protocols)
        SSL_set_alpn_protos(p->ssl, (const unsigned char *)o->protocols, (unsigned)strlen(o->protocols));
    if (o->server_name)
        SSL_set_tlsext_host_name(p->ssl, o->server_name);
    if (o->resume) { /* a copy: OpenSSL spoils a TLS 1.3 session after one use, other clients do not */
        SSL_SESSION *copy = SSL_SESSION_dup(o->resume);
        SSL_set_session(p->ssl, copy);
        SSL_SESSION_free(copy);
    }
}

void peer_connect(struct tls_peer *p, struct stream *s, const struct peer_options *o)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    stream_init(s, pair[0]);
    peer_attach(p, pair[1], o);
}

void peer_close(struct tls_peer *p)
{
    if (p->ssl)
        SSL_set_shutdown(p->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* else OpenSSL drops the session */
    SSL_free(p->ssl);
    SSL_SESSION_free(p->session);
    SSL_CTX_free(p->ctx);
    if (p->fd >= 0)
        close(p->fd);
    *p = (struct tls_peer){ .fd = -1 };
}

bool peer_handshake_step(struct tls_peer *p)
{
    ERR_clear_error();
    int result = SSL_do_handshake(p->ssl), error = SSL_get_error(p->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return false;
    int reason = ERR_GET_REASON(ERR_peek_error());
    if (error == SSL_ERROR_SSL && reason > SSL_AD_REASON_OFFSET)
        p->alert = reason - SSL_AD_REASON_OFFSET;
    return true;
}

size_t peer_drain(struct tls_peer *p, char *buffer, size_t size)
{
    size_t total = 0, got;
    ERR_clear_error();
    while (total < size && SSL_read_ex(p->ssl, buffer + total, size - total, &got))
        total += got;
    return total;
}

int peer_handshake(struct tls_peer *p, struct stream *s, struct diag *d)
{
    int err = ERR_AGAIN;
    bool done = false;
    char byte;
    for (unsigned turn = 0; turn < 50 && (err == ERR_AGAIN || !done); turn++) {
        done = done || peer_handshake_step(p);
        if (err == ERR_AGAIN)
            err = stream_handshake(s, d);
        if (err == ERR_AGAIN || !done) { /* over TCP the bytes may still be under way */
            struct pollfd both[] = { { p->fd, POLLIN, 0 }, { s->fd, POLLIN, 0 } };
            poll(both, 2, 200);
        }
    }
    if (!err)
        peer_drain(p, &byte, 1);
    return err;
}

bool peer_resumed(const struct tls_peer *p)
{
    return SSL_session_reused(p->ssl);
}

SSL_SESSION *peer_ticket(struct tls_peer *p)
{
    SSL_SESSION *session = p->session;
    p->session = NULL;
    return session;
}

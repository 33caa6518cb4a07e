/*
 * stream.c - one socket, in the clear or under OpenSSL.
 *
 * Every OpenSSL call goes through settle(), which turns its result into our error codes: the queue of OpenSSL's errors
 * is per thread and must be empty before each call, or an old error would be taken for a new one.
 *
 * Memory: SSL_MODE_RELEASE_BUFFERS gives record buffers back when they are empty.  Writes allow moving buffers, so
 * callers need not keep what they tried to send; they only must offer the same bytes again.
 */
#include "tls/tls_priv.h"

#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

/* OpenSSL asks for a record's head, then for its body.  It goes on as long as records without data come: whoever sends nothing but
 * those (KeyUpdate, renegotiation again and again) would keep it, and all other sessions of the worker, busy (threats.md T02). */
enum { READS_MOST = 64 };

void stream_init(struct stream *s, int fd)
{
    *s = (struct stream){ .fd = fd };
}

static void drop_ssl(struct stream *s)
{
    if (!s->ssl)
        return;
    struct tls_link *link = link_of(s->ssl);
    SSL_free(s->ssl);
    s->ssl = NULL;
    tls_session_unref(link->session);
    free(link->server_name);
    free(link);
}

void stream_close(struct stream *s)
{
    drop_ssl(s);
    ahead_free(s->ahead);
    s->ahead = NULL;
    tls_session_unref(s->session);
    s->session = NULL;
    if (s->fd >= 0) {
        if (s->reset)
            setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
        close(s->fd);
    }
    s->fd = -1;
    s->failed = true;
}

/* ---- results ---- */

static int wait_for(struct stream *s, unsigned wants)
{
    s->wants = wants;
    return ERR_AGAIN;
}

static int fail(struct stream *s, int err)
{
    s->failed = true;
    return err;
}

static bool would_block(int errnum)
{
    return errnum == EAGAIN || errnum == EWOULDBLOCK;
}

/* What the result of an SSL_ function means. */
static int settle(struct stream *s, int result)
{
    int errnum = errno;
    switch (SSL_get_error(s->ssl, result)) {
    case SSL_ERROR_NONE:
        return 0;
    case SSL_ERROR_WANT_READ:
        return ahead_was_stopped(s->ahead) ? fail(s, ERR_SYNTAX) : wait_for(s, STREAM_WANTS_READ);
    case SSL_ERROR_WANT_WRITE:
        return wait_for(s, STREAM_WANTS_WRITE);
    case SSL_ERROR_ZERO_RETURN:
        s->close_notify_received = true;
        return ERR_CLOSED;
    case SSL_ERROR_SYSCALL:
        return fail(s, errnum == 0 ? ERR_TRUNCATED : ERR_IO);
    default:
        return fail(s, ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? ERR_TRUNCATED
                                                                                              : ERR_SYNTAX);
    }
}

static void before_call(struct stream *s)
{
    ahead_allow(s->ahead, s->handshaking ? UINT_MAX : READS_MOST); /* a handshake has an end, and may come in small pieces */
    ERR_clear_error();
    errno = 0;
}

/* ---- bytes ---- */

static int clear_got(struct stream *s, ssize_t got, size_t *got_out)
{
    if (got < 0)
        return would_block(errno) ? wait_for(s, STREAM_WANTS_READ) : fail(s, ERR_IO);
    if (got == 0) {
        s->is_quiet = true;
        return ERR_CLOSED;
    }
    *got_out = (size_t)got;
    return 0;
}

static int clear_read(struct stream *s, void *buffer, size_t size, size_t *got_out)
{
    ssize_t got;
    if (ahead_has_some(s->ahead)) { /* came with the close_notify that ended TLS */
        *got_out = ahead_take(s->ahead, buffer, size);
        return 0;
    }
    do
        got = recv(s->fd, buffer, size, 0);
    while (got < 0 && errno == EINTR);
    return clear_got(s, got, got_out);
}

int stream_splice(struct stream *s, int pipe, size_t most, size_t *got_out)
{
    if (s->failed)
        return ERR_IO;
    if (s->ssl || ahead_has_some(s->ahead))
        return ERR_UNSUPPORTED;
    ssize_t got;
    do
        got = splice(s->fd, NULL, pipe, NULL, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    while (got < 0 && errno == EINTR);
    return got < 0 && (errno == EINVAL || errno == ENOSYS) ? ERR_UNSUPPORTED : clear_got(s, got, got_out);
}

int stream_read(struct stream *s, void *buffer, size_t size, size_t *got_out)
{
    if (s->failed)
        return ERR_IO;
    if (size == 0)
        return ERR_RANGE;
    if (!s->ssl)
        return clear_read(s, buffer, size, got_out);
    if (s->close_notify_received)
        return ERR_CLOSED;
    before_call(s);
    return settle(s, SSL_read_ex(s->ssl, buffer, size, got_out));
}

static int clear_write(struct stream *s, struct slice bytes, size_t *put_out)
{
    ssize_t put;
    do
        put = send(s->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | (s->is_last ? MSG_MORE : 0));
    while (put < 0 && errno == EINTR);
    if (put < 0)
        return would_block(errno) ? wait_for(s, STREAM_WANTS_WRITE) : fail(s, ERR_IO);
    *put_out = (size_t)put;
    return 0;
}

int stream_write(struct stream *s, struct slice bytes, size_t *put_out)
{
    if (s->failed)
        return ERR_IO;
    if (bytes.len == 0) {
        *put_out = 0;
        return 0;
    }
    if (!s->ssl)
        return clear_write(s, bytes, put_out);
    ahead_expect_more(s->ahead, s->is_last); /* close_notify and FIN */
    before_call(s);
    return settle(s, SSL_write_ex(s->ssl, bytes.ptr, bytes.len, put_out));
}

/* Which side of a sendfile went wrong. */
static bool is_socket_error(int errnum)
{
    switch (errnum) {
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
        return true;
    default:
        return false;
    }
}

static int sent_file(struct stream *s, ssize_t put, uint64_t *offset, size_t *put_out)
{
    if (put > 0) {
        *offset += (uint64_t)put;
        *put_out = (size_t)put;
        return 0;
    }
    if (put == 0)
        return ERR_CLOSED;
    if (would_block(errno))
        return wait_for(s, STREAM_WANTS_WRITE);
    if (is_socket_error(errno))
        return fail(s, ERR_IO);
    return errno == EINVAL || errno == ENOSYS ? ERR_UNSUPPORTED : ERR_SYS;
}

void stream_hold(struct stream *s, bool is_held)
{
    int on = is_held;
    (void)setsockopt(s->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on); /* without it more segments leave */
}

void stream_acknowledge(struct stream *s)
{
    int on = 1;
    (void)setsockopt(s->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on); /* without it the client goes on 40 ms later */
}

void stream_wake_at(struct stream *s, int bytes)
{
    (void)setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes); /* without it we are woken more often */
}

bool stream_can_sendfile(const struct stream *s)
{
    return !s->ssl || BIO_get_ktls_send(SSL_get_wbio(s->ssl));
}

int stream_sendfile(struct stream *s, int file, uint64_t *offset, size_t most, size_t *put_out)
{
    if (s->failed)
        return ERR_IO;
    if (*offset > INT64_MAX)
        return ERR_RANGE;
    ssize_t put;
    if (!s->ssl) {
        off_t at = (off_t)*offset;
        do
            put = sendfile(s->fd, file, &at, most);
        while (put < 0 && errno == EINTR);
        return sent_file(s, put, offset, put_out);
    }
    if (!stream_can_sendfile(s))
        return ERR_UNSUPPORTED;
    before_call(s);
    put = SSL_sendfile(s->ssl, file, (off_t)*offset, most, 0);
    return sent_file(s, put, offset, put_out);
}

static int send_close_notify(struct stream *s)
{
    before_call(s);
    int result = SSL_shutdown(s->ssl);
    if (result >= 0) {
        s->close_notify_sent = true;
        s->close_notify_received |= result == 1;
        return 0;
    }
    return settle(s, result);
}

int stream_shutdown(struct stream *s)
{
    if (s->failed)
        return ERR_IO;
    if (s->fin_sent)
        return 0;
    if (s->ssl && !s->close_notify_sent && !s->handshaking) {
        int err = send_close_notify(s);
        if (err)
            return err;
    }
    s->fin_sent = true;
    return shutdown(s->fd, SHUT_WR) == 0 ? 0 : fail(s, ERR_IO);
}

int stream_finish(struct stream *s)
{
    char byte;
    if (s->ssl || s->failed)
        return stream_shutdown(s);
    s->is_quiet = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && would_block(errno);
    return s->is_quiet ? 0 : stream_shutdown(s);
}

bool stream_has_pending(const struct stream *s)
{
    return ahead_has_some(s->ahead) || (s->ssl && SSL_has_pending(s->ssl));
}

/* ---- TLS ---- */

struct tls_session *tls_session_ref(struct tls_session *t)
{
    t->refs++;
    return t;
}

void tls_session_unref(struct tls_session *t)
{
    if (!t || --t->refs)
        return;
    SSL_SESSION_free(t->by_id);
    tls_server_unref(t->server);
    secret_wipe(t, sizeof *t);
    free(t);
}

static struct tls_session *session_new(struct tls_server *server)
{
    struct tls_session *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->refs = 1;
    t->server = tls_server_ref(server);
    if (RAND_bytes(t->secret, sizeof t->secret) != 1) {
        tls_session_unref(t);
        return NULL;
    }
    return t;
}

/* The socket with s->ahead before it, anew; NULL: out of memory, and all is as it was. */
static BIO *read_ahead(struct stream *s, bool is_bulk)
{
    struct tls_ahead *a = ahead_new(s->fd, is_bulk);
    BIO *bio = a ? ahead_bio(a) : NULL;
    if (!bio) {
        ahead_free(a);
        return NULL;
    }
    ahead_free(s->ahead);
    s->ahead = a;
    return bio;
}

/* What was received in the clear and not read is forgotten here: nothing of it may be taken for TLS, nor the other way
 * round.  Data channels begin with OpenSSL's own socket, which knows of kernel TLS. */
static MUST_USE bool take_socket(struct stream *s, SSL *ssl, bool is_data)
{
    if (is_data)
        return SSL_set_fd(ssl, s->fd);
    BIO *bio = read_ahead(s, false);
    SSL_set_bio(ssl, bio, bio);
    return bio;
}

/* Takes over the reference to `session`, also on error. */
static int start(struct stream *s, struct tls_session *session, bool is_data)
{
    struct tls_link *link = calloc(1, sizeof *link);
    SSL *ssl = SSL_new(session->server->ctx);
    if (!link || !ssl || !SSL_set_app_data(ssl, link) || !take_socket(s, ssl, is_data)) {
        SSL_free(ssl);
        free(link);
        tls_session_unref(session);
        return ERR_NOMEM;
    }
    link->session = session;
    link->is_data = is_data;
    SSL_set_accept_state(ssl);
    if (is_data)
        SSL_set_options(ssl, SSL_OP_ENABLE_KTLS);
    if (is_data || !ticket_keys_present(session->server->keys))
        SSL_set_num_tickets(ssl, 0);
    s->ssl = ssl;
    tls_session_unref(s->session);
    s->session = tls_session_ref(session);
    s->handshaking = true;
    s->close_notify_sent = s->close_notify_received = false;
    return 0;
}

int stream_start_tls(struct stream *s, struct tls_server *server)
{
    if (s->ssl || s->failed)
        return ERR_STATE;
    struct tls_session *session = session_new(server);
    return session ? start(s, session, false) : ERR_NOMEM;
}

int stream_start_tls_data(struct stream *s, struct tls_session *control)
{
    if (s->ssl || s->failed)
        return ERR_STATE;
    return start(s, tls_session_ref(control), true);
}

void stream_choose_server(struct stream *s, stream_choose *choose, void *context)
{
    link_of(s->ssl)->choose = choose;
    link_of(s->ssl)->choose_context = context;
}

void stream_expect_bulk(struct stream *s)
{
    if (!s->ssl)
        return;
    stream_acknowledge(s);
    if (s->ahead || BIO_get_ktls_recv(SSL_get_rbio(s->ssl)))
        return;
    BIO *bio = read_ahead(s, true);
    if (bio) /* without memory it goes without */
        SSL_set0_rbio(s->ssl, bio);
}

static int explain(struct stream *s, int err, struct diag *d)
{
    const struct tls_link *link = link_of(s->ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    if (link->refusal)
        diag_set(d, "TLS handshake refused: %s", link->refusal);
    else if (err == ERR_TRUNCATED)
        diag_set(d, "the client left during the TLS handshake");
    else
        diag_set(d, "TLS handshake failed: %s", reason ? reason : "the connection broke");
    ERR_clear_error();
    s->failed = true;
    return err == ERR_TRUNCATED ? ERR_CLOSED : err;
}

/* The digest of the client's certificate; false when it showed none. */
static bool peer_digest(const SSL *ssl, uint8_t digest_out[32])
{
    const X509 *peer = SSL_get0_peer_certificate(ssl);
    unsigned len = 0;
    return peer && X509_digest(peer, EVP_sha256(), digest_out, &len) && len == 32;
}

int stream_handshake(struct stream *s, struct diag *d)
{
    if (!s->ssl || s->failed)
        return ERR_STATE;
    if (!s->handshaking)
        return 0;
    /* Once the client's Finished is all that is awaited, what is sent is a ticket: nobody waits for it, it goes with the next reply. */
    ahead_expect_more(s->ahead, SSL_get_state(s->ssl) == TLS_ST_EARLY_DATA);
    before_call(s);
    int err = settle(s, SSL_do_handshake(s->ssl));
    ahead_expect_more(s->ahead, false);
    if (err == ERR_AGAIN)
        return err;
    if (err)
        return explain(s, err, d);
    s->handshaking = false;
    if (!link_of(s->ssl)->is_data) {
        ticket_adopt(s->ssl);
        s->session->has_peer = peer_digest(s->ssl, s->session->peer);
    }
    if (s->session->server->ssl128 && SSL_get_cipher_bits(s->ssl, NULL) < 128) {
        diag_set(d, "ssl128: the negotiated cipher has fewer than 128 bits");
        return fail(s, ERR_IO);
    }
    return 0;
}

int stream_stop_tls(struct stream *s)
{
    if (!s->ssl || s->failed)
        return ERR_STATE;
    if (!s->close_notify_sent) {
        int err = send_close_notify(s);
        if (err)
            return err;
    }
    if (!s->close_notify_received) {
        before_call(s);
        int result = SSL_shutdown(s->ssl); /* reads up to the peer's close_notify; data before it is an error */
        if (result == 0)
            return wait_for(s, STREAM_WANTS_READ);
        if (result < 0)
            return settle(s, result);
        s->close_notify_received = true;
    }
    drop_ssl(s);
    return 0;
}

struct slice stream_server_name(const struct stream *s)
{
    return s->ssl ? slice_str(link_of(s->ssl)->server_name) : SLICE_NONE;
}

/* Whether the server that answered asks for one. */
static bool asks_certificate(const struct stream *s)
{
    return s->session && s->session->server->ask_certificate;
}

static int add_certificate(const X509 *x, struct text *out)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    if (len <= 0)
        return ERR_NOMEM;
    for (int i = 0; i < 4; i++)
        text_add_char(out, (char)((unsigned)len >> 8 * i));
    text_add(out, slice_of((char *)der, (size_t)len));
    OPENSSL_free(der);
    return text_error(out);
}

int stream_peer_chain(const struct stream *s, struct text *out)
{
    const X509 *leaf = s->ssl ? SSL_get0_peer_certificate(s->ssl) : NULL;
    if (!leaf)
        return 0;
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(s->ssl); /* on a server without the leaf */
    int err = add_certificate(leaf, out);
    for (int i = 0; !err && chain && i < sk_X509_num(chain); i++)
        err = add_certificate(sk_X509_value(chain, i), out);
    if (!err && out->len > 2 * TLS_PEER_CHAIN_MAX)
        err = ERR_TOO_LONG;
    return err;
}

void stream_allow_resumption(struct stream *control)
{
    if (asks_certificate(control))
        stream_replenish(control);
}

int stream_check_peer(const struct stream *data)
{
    uint8_t digest[32];
    if (!data->ssl || !asks_certificate(data))
        return 0;
    bool has = peer_digest(data->ssl, digest);
    if (!has)
        return data->session->has_peer ? ERR_NOT_FOUND : 0;
    return data->session->has_peer && secret_equal(digest, data->session->peer, sizeof digest) ? 0 : ERR_CONFLICT;
}

void stream_replenish(struct stream *control)
{
    if (!control->ssl || control->failed || control->handshaking || link_of(control->ssl)->is_data ||
        SSL_version(control->ssl) < TLS1_3_VERSION || !ticket_keys_present(control->session->server->keys))
        return;
    SSL_new_session_ticket(control->ssl);
}

bool stream_is_resumption(const struct stream *data)
{
    return data->ssl && !data->handshaking && link_of(data->ssl)->is_data && ticket_is_own(data->ssl);
}

/*
 * ldap_conn.c - see ldap_conn.h.
 *
 * libldap reads and writes through the Sockbuf functions below.  They wait with poll() until the deadline of the current
 * question, which therefore also holds against a controller that sends a byte now and then.  libldap's own TLS is not
 * used: it is GnuTLS in some distributions and OpenSSL in others, and both want files.
 */
#include "directory/ldap_conn.h"

#include <errno.h>
#include <netdb.h>
#include <openldap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/net_addr.h"
#include "base/own.h"

enum { ANSWER_MAX = 8 * 1024 * 1024, PORT_LDAP = 389, PORT_LDAPS = 636 };

struct ldap_conn {
    LDAP *ld;
    SSL *ssl; /* NULL until TLS */
    int fd;
    int64_t deadline;
};

/* ---- servers ---- */

MUST_USE static int copy_text(struct slice s, char **to)
{
    *to = strndup(s.ptr, s.len);
    return *to ? 0 : ERR_NOMEM;
}

int ldap_server_parse(struct slice uri, struct ldap_server *server_out)
{
    const struct slice ldaps = SLICE_LITERAL("ldaps://"), ldap = SLICE_LITERAL("ldap://");
    bool start_tls = slice_starts_fold(uri, ldap);
    if (!start_tls && !slice_starts_fold(uri, ldaps))
        return ERR_SYNTAX;
    struct slice host = slice_from(uri, start_tls ? ldap.len : ldaps.len), port = SLICE_NONE;
    if (slice_ends(host, SLICE_LITERAL("/")))
        host = slice_first(host, host.len - 1);
    if (host.len && host.ptr[0] == '[') {
        size_t end = slice_find(host, ']');
        if (end == SIZE_MAX)
            return ERR_SYNTAX;
        port = slice_from(host, end + 1);
        host = slice_of(host.ptr + 1, end - 1);
    } else if (slice_find(host, ':') != SIZE_MAX) {
        size_t colon = slice_find(host, ':');
        port = slice_from(host, colon);
        host = slice_first(host, colon);
    }
    uint64_t number = start_tls ? PORT_LDAP : PORT_LDAPS;
    if (port.len && (port.ptr[0] != ':' || slice_to_u64(slice_from(port, 1), UINT16_MAX, &number) || !number))
        return ERR_SYNTAX;
    if (!host.len || slice_has_control(host) || slice_has_byte(host, '/') || slice_has_byte(host, '?'))
        return ERR_SYNTAX;
    struct ldap_server server = { .port = (uint16_t)number, .start_tls = start_tls };
    int err = copy_text(host, &server.host);
    if (!err)
        *server_out = server;
    return err;
}

void ldap_server_free(struct ldap_server *server)
{
    free(server->host);
    server->host = NULL;
}

/* ---- waiting ---- */

static bool wait_for(int fd, short events, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - clock_ms();
        if (left <= 0) {
            errno = ETIMEDOUT;
            return false;
        }
        struct pollfd p = { .fd = fd, .events = events };
        int ready = poll(&p, 1, left > 60000 ? 60000 : (int)left);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return false;
    }
}

/* What to do after an SSL function did not succeed: true to try again. */
static bool tls_wait(struct ldap_conn *c, int result)
{
    switch (SSL_get_error(c->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return wait_for(c->fd, POLLIN, c->deadline);
    case SSL_ERROR_WANT_WRITE:
        return wait_for(c->fd, POLLOUT, c->deadline);
    default:
        errno = ECONNRESET;
        return false;
    }
}

/* ---- what libldap calls ---- */

static int io_setup(Sockbuf_IO_Desc *io, void *context)
{
    io->sbiod_pvt = context;
    return 0;
}

static int io_remove(Sockbuf_IO_Desc *io)
{
    io->sbiod_pvt = NULL;
    return 0;
}

static int io_ctrl(Sockbuf_IO_Desc *io, int option, void *argument)
{
    (void)argument;
    struct ldap_conn *c = io->sbiod_pvt;
    return option == LBER_SB_OPT_DATA_READY && c->ssl && SSL_pending(c->ssl) > 0;
}

static ber_slen_t io_read(Sockbuf_IO_Desc *io, void *buffer, ber_len_t len)
{
    struct ldap_conn *c = io->sbiod_pvt;
    for (;;) {
        if (c->ssl) {
            ERR_clear_error();
            int got = SSL_read(c->ssl, buffer, len > INT32_MAX ? INT32_MAX : (int)len);
            if (got > 0)
                return got;
            if (SSL_get_error(c->ssl, got) == SSL_ERROR_ZERO_RETURN)
                return 0;
            if (!tls_wait(c, got))
                return -1;
            continue;
        }
        ssize_t got = recv(c->fd, buffer, len, 0);
        if (got >= 0)
            return got;
        if ((errno != EAGAIN && errno != EINTR) || !wait_for(c->fd, POLLIN, c->deadline))
            return -1;
    }
}

static ber_slen_t io_write(Sockbuf_IO_Desc *io, void *buffer, ber_len_t len)
{
    struct ldap_conn *c = io->sbiod_pvt;
    for (;;) {
        if (c->ssl) {
            ERR_clear_error();
            int put = SSL_write(c->ssl, buffer, len > INT32_MAX ? INT32_MAX : (int)len);
            if (put > 0)
                return put;
            if (!tls_wait(c, put))
                return -1;
            continue;
        }
        ssize_t put = send(c->fd, buffer, len, MSG_NOSIGNAL);
        if (put >= 0)
            return put;
        if ((errno != EAGAIN && errno != EINTR) || !wait_for(c->fd, POLLOUT, c->deadline))
            return -1;
    }
}

static int io_close(Sockbuf_IO_Desc *io)
{
    (void)io; /* ldap_conn_free does */
    return 0;
}

static Sockbuf_IO io = { io_setup, io_remove, io_ctrl, io_read, io_write, io_close };

/* ---- connecting ---- */

static int connect_to(const struct addrinfo *address, int64_t deadline)
{
    OWNED_FD fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
        int failure = 0;
        socklen_t len = sizeof failure;
        if (errno != EINPROGRESS || !wait_for(fd, POLLOUT, deadline))
            return -1;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len) < 0 || failure) {
            errno = failure ? failure : errno;
            return -1;
        }
    }
    return fd_take(&fd);
}

static int open_socket(const struct ldap_server *server, int64_t deadline, int *fd_out, struct diag *d)
{
    char port[8];
    snprintf(port, sizeof port, "%u", server->port);
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *addresses = NULL;
    int failure = getaddrinfo(server->host, port, &hints, &addresses);
    if (failure) {
        diag_set(d, "cannot resolve %s: %s", server->host, gai_strerror(failure));
        return ERR_NOT_FOUND;
    }
    int fd = -1;
    for (const struct addrinfo *a = addresses; a && fd < 0; a = a->ai_next)
        fd = connect_to(a, deadline);
    if (fd < 0)
        diag_set(d, "cannot connect to %s port %s: %s", server->host, port, strerror(errno));
    freeaddrinfo(addresses);
    *fd_out = fd;
    return fd < 0 ? ERR_CLOSED : 0;
}

/* ---- TLS ---- */

int ldap_tls_new(struct slice ca_pem, SSL_CTX **tls_out, struct diag *d)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    BIO *in = BIO_new_mem_buf(ca_pem.ptr ? ca_pem.ptr : "", (int)ca_pem.len);
    size_t count = 0;
    for (X509 *ca; tls && in && (ca = PEM_read_bio_X509(in, NULL, NULL, NULL)); X509_free(ca))
        count += X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), ca) == 1;
    ERR_clear_error();
    BIO_free(in);
    if (!tls || !in || !count) {
        SSL_CTX_free(tls);
        diag_set(d, "there is no CA certificate to know the directory's controllers by");
        return tls && in ? ERR_SYNTAX : ERR_NOMEM;
    }
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
    *tls_out = tls;
    return 0;
}

/* The certificate must carry what the administrator wrote as host: a name or an address. */
static bool expect_host(SSL *ssl, const char *host)
{
    struct net_addr address;
    if (net_addr_parse(slice_str(host), &address) == 0)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static int encrypt(struct ldap_conn *c, const struct ldap_server *server, SSL_CTX *tls, struct diag *d)
{
    SSL *ssl = SSL_new(tls);
    if (!ssl || !expect_host(ssl, server->host) || SSL_set_fd(ssl, c->fd) != 1) {
        SSL_free(ssl);
        return ERR_NOMEM;
    }
    c->ssl = ssl;
    for (;;) {
        ERR_clear_error();
        int done = SSL_connect(ssl);
        if (done == 1)
            return 0;
        if (tls_wait(c, done))
            continue;
        long verdict = SSL_get_verify_result(ssl);
        diag_set(d, "no trusted connection to %s: %s", server->host,
                 verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : "the TLS handshake failed");
        return ERR_CLOSED;
    }
}

static struct timeval time_left(const struct ldap_conn *c)
{
    int64_t left = c->deadline - clock_ms();
    left = left < 1 ? 1 : left;
    return (struct timeval){ .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };
}

/* The answer to request `id`, or NULL. */
static LDAPMessage *answer_to(struct ldap_conn *c, int id, int *type_out)
{
    LDAPMessage *message = NULL;
    struct timeval left = time_left(c);
    *type_out = ldap_result(c->ld, id, LDAP_MSG_ALL, &left, &message);
    return message;
}

static int start_tls(struct ldap_conn *c, const struct ldap_server *server, SSL_CTX *tls, struct diag *d)
{
    int id, type, code = LDAP_OTHER;
    LDAPMessage *message = NULL;
    if (ldap_extended_operation(c->ld, LDAP_EXOP_START_TLS, NULL, NULL, NULL, &id) == LDAP_SUCCESS)
        message = answer_to(c, id, &type);
    if (!message || ldap_parse_result(c->ld, message, &code, NULL, NULL, NULL, NULL, 1) != LDAP_SUCCESS ||
        code != LDAP_SUCCESS) {
        diag_set(d, "%s refuses StartTLS", server->host);
        return ERR_CLOSED;
    }
    return encrypt(c, server, tls, d);
}

/* ---- bind ---- */

/* "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1" */
static unsigned refusal_of(const char *text)
{
    const char *data = text ? strstr(text, "data ") : NULL;
    return data ? (unsigned)strtoul(data + 5, NULL, 16) : 0;
}

static bool is_trouble_of_controller(int code)
{
    return code == LDAP_BUSY || code == LDAP_UNAVAILABLE || code == LDAP_STRONG_AUTH_REQUIRED ||
           code == LDAP_CONFIDENTIALITY_REQUIRED;
}

static int bind_as(struct ldap_conn *c, const struct ldap_login *login, const char *host, struct diag *d)
{
    OWNED_TEXT name = strndup(login->name.ptr ? login->name.ptr : "", login->name.len);
    struct berval password = { login->password.len, (char *)login->password.ptr };
    int id, type, code = LDAP_OTHER;
    if (!name)
        return ERR_NOMEM;
    if (!login->name.len || !login->password.len) { /* would be an anonymous bind, which succeeds (threats.md L02) */
        diag_set(d, "the directory's bind account has no name or no password");
        return ERR_DENIED;
    }
    LDAPMessage *message = NULL;
    char *text = NULL;
    if (ldap_sasl_bind(c->ld, name, LDAP_SASL_SIMPLE, &password, NULL, NULL, &id) == LDAP_SUCCESS)
        message = answer_to(c, id, &type);
    if (!message || ldap_parse_result(c->ld, message, &code, NULL, &text, NULL, NULL, 1) != LDAP_SUCCESS) {
        diag_set(d, "%s does not answer the bind", host);
        return ERR_TIMEOUT;
    }
    unsigned refusal = refusal_of(text);
    ldap_memfree(text);
    if (code == LDAP_SUCCESS)
        return 0;
    if (login->refusal_out && !is_trouble_of_controller(code)) {
        *login->refusal_out = refusal;
        return ERR_DENIED;
    }
    diag_set(d, "%s refuses the bind account: %s", host, ldap_err2string(code));
    return code == LDAP_INVALID_CREDENTIALS ? ERR_DENIED : ERR_CLOSED;
}

/* ---- life ---- */

static int wrap(struct ldap_conn *c)
{
    Sockbuf *buffer = NULL;
    ber_len_t answer_max = ANSWER_MAX;
    int version = LDAP_VERSION3;
    if (ldap_init_fd(c->fd, LDAP_PROTO_EXT, NULL, &c->ld) != LDAP_SUCCESS)
        return ERR_NOMEM;
    if (ldap_set_option(c->ld, LDAP_OPT_PROTOCOL_VERSION, &version) || ldap_set_option(c->ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) ||
        ldap_set_option(c->ld, LDAP_OPT_RESTART, LDAP_OPT_OFF) || ldap_get_option(c->ld, LDAP_OPT_SOCKBUF, &buffer) || !buffer ||
        ber_sockbuf_add_io(buffer, &io, LBER_SBIOD_LEVEL_PROVIDER, c) < 0)
        return ERR_SYS;
    ber_sockbuf_ctrl(buffer, LBER_SB_OPT_SET_MAX_INCOMING, &answer_max);
    return 0;
}

int ldap_conn_open(const struct ldap_server *server, SSL_CTX *tls, const struct ldap_login *login, int64_t deadline,
                   struct ldap_conn **conn_out, struct diag *d)
{
    struct ldap_conn *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->fd = -1;
    c->deadline = deadline;
    int err = open_socket(server, deadline, &c->fd, d);
    if (!err && !server->start_tls)
        err = encrypt(c, server, tls, d);
    if (!err)
        err = wrap(c);
    if (!err && server->start_tls)
        err = start_tls(c, server, tls, d);
    if (!err)
        err = bind_as(c, login, server->host, d);
    if (err) {
        ldap_conn_free(c);
        return err;
    }
    *conn_out = c;
    return 0;
}

void ldap_conn_free(struct ldap_conn *c)
{
    if (!c)
        return;
    c->deadline = clock_ms(); /* an unbind that the socket does not take at once is not sent */
    if (c->ld)
        ldap_destroy(c->ld);
    SSL_free(c->ssl);
    if (c->fd >= 0)
        close(c->fd);
    free(c);
}

LDAP *ldap_conn_handle(struct ldap_conn *c)
{
    return c->ld;
}

/* ---- search ---- */

/* A controller that refuses a question is not ill.  If it counted as that, it and all others would be left alone for a while,
 * and part of a question may be a stranger's (threats.md L06). */
static bool is_about_question(int code)
{
    return code == LDAP_PROTOCOL_ERROR || code == LDAP_UNAVAILABLE_CRITICAL_EXTENSION || code == LDAP_UNWILLING_TO_PERFORM ||
           code == LDAP_FILTER_ERROR || LDAP_ATTR_ERROR(code) || LDAP_NAME_ERROR(code);
}

static int err_of(int code)
{
    switch (code) {
    case LDAP_SUCCESS:
        return 0;
    case LDAP_NO_SUCH_OBJECT:
        return ERR_NOT_FOUND;
    case LDAP_SIZELIMIT_EXCEEDED:
    case LDAP_ADMINLIMIT_EXCEEDED:
        return ERR_LIMIT;
    case LDAP_INSUFFICIENT_ACCESS:
        return ERR_DENIED;
    case LDAP_REFERRAL:
    case LDAP_PARTIAL_RESULTS:
        return ERR_NOT_FOUND; /* it lives elsewhere, and nobody goes there */
    case LDAP_TIMELIMIT_EXCEEDED:
    case LDAP_TIMEOUT:
        return ERR_TIMEOUT;
    default:
        return is_about_question(code) ? ERR_DENIED : ERR_CLOSED;
    }
}

int ldap_conn_search(struct ldap_conn *c, const struct ldap_query *q, int64_t deadline, LDAPMessage **result_out)
{
    int id, type, code = LDAP_OTHER;
    c->deadline = deadline;
    struct timeval left = time_left(c);
    int sent = ldap_search_ext(c->ld, q->base, q->scope, q->filter, (char **)q->attributes, 0, NULL, NULL, &left, q->limit + 1, &id);
    if (sent != LDAP_SUCCESS)
        return sent == LDAP_FILTER_ERROR ? ERR_DENIED : ERR_CLOSED;
    LDAPMessage *message = answer_to(c, id, &type);
    if (type == 0)
        return ERR_TIMEOUT;
    if (!message)
        return clock_ms() >= deadline ? ERR_TIMEOUT : ERR_CLOSED;
    if (ldap_parse_result(c->ld, message, &code, NULL, NULL, NULL, NULL, 0) != LDAP_SUCCESS)
        code = LDAP_OTHER;
    int err = err_of(code);
    if (!err && ldap_count_entries(c->ld, message) > q->limit)
        err = ERR_LIMIT;
    if (err) {
        ldap_msgfree(message);
        return err;
    }
    *result_out = message;
    return 0;
}

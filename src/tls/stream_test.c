/* stream_test.c - streams and servers against an OpenSSL client: policy, tickets, endings, garbage. */
#include "tls/tls_peer.h"

#include "base/case_test.h"

#include <fcntl.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SITE_ONE = 1, SITE_TWO = 2 };

static struct fixture {
    struct peer_cert one_cert, two_cert;
    struct tls_keys *keys;
    struct tls_server *one, *two, *strict;
} f;

static void set_keys(struct tls_keys *keys, const char *which)
{
    char bytes[TLS_KEYS_MAX * TLS_KEY_LEN];
    size_t len = 0;
    for (; *which; which++, len += TLS_KEY_LEN)
        memset(bytes + len, *which, TLS_KEY_LEN);
    assert_int_equal(tls_keys_set(keys, slice_of(bytes, len)), 0);
}

static void take_pem(BIO *from, struct text *out)
{
    char *bytes;
    long len = BIO_get_mem_data(from, &bytes);
    text_add(out, slice_of(bytes, (size_t)len));
    BIO_free(from);
}

/* The same name and days with an RSA key, as most certificates have one. */
static void make_rsa(struct peer_cert *c, unsigned bits)
{
    EVP_PKEY *pair = EVP_RSA_gen(bits);
    BIO *in = BIO_new_mem_buf(c->chain.ptr, (int)c->chain.len);
    BIO *chain = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());
    X509 *leaf = PEM_read_bio_X509(in, NULL, NULL, NULL);
    assert_int_equal(X509_set_pubkey(leaf, pair), 1);
    assert_int_not_equal(X509_sign(leaf, pair, EVP_sha256()), 0);
    assert_int_equal(PEM_write_bio_X509(chain, leaf), 1);
    assert_int_equal(PEM_write_bio_PrivateKey(key, pair, NULL, NULL, 0, NULL, NULL), 1);
    peer_cert_free(c);
    take_pem(chain, &c->chain);
    take_pem(key, &c->key);
    X509_free(leaf);
    EVP_PKEY_free(pair);
    BIO_free(in);
}

static int setup(void **state)
{
    (void)state;
    f.keys = tls_keys_new();
    set_keys(f.keys, "k");
    peer_cert_make(&f.one_cert, "one.test", 365, 1);
    peer_cert_make(&f.two_cert, "two.test", 365, 1);
    make_rsa(&f.two_cert, 2048);
    f.one = peer_server(&f.one_cert, f.keys, SITE_ONE, false);
    f.two = peer_server(&f.two_cert, f.keys, SITE_TWO, false);
    f.strict = peer_server(&f.one_cert, f.keys, SITE_ONE, true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tls_server_unref(f.one);
    tls_server_unref(f.two);
    tls_server_unref(f.strict);
    tls_keys_unref(f.keys);
    peer_cert_free(&f.one_cert);
    peer_cert_free(&f.two_cert);
    return 0;
}

static struct tls_server *by_name(void *context, struct slice host)
{
    (void)context;
    return slice_equal_fold_str(host, "one.test") ? f.one : slice_equal_fold_str(host, "two.test") ? f.two : NULL;
}

/* ---- policy ---- */

static const struct handshake_case {
    const char *label;
    struct peer_options client;
    bool strict;
    int want, want_alert;
    uint32_t want_site;
    const char *want_suite;
} handshakes[] = {
    { "TLS 1.3", { .version = TLS1_3_VERSION }, false, 0, 0, SITE_ONE, "TLSv1.3 TLS_AES_128_GCM_SHA256" },
    { "TLS 1.2", { .version = TLS1_2_VERSION }, false, 0, 0, SITE_ONE, "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256" },
    { "T01: TLS 1.1 is refused", { .version = TLS1_1_VERSION }, false, ERR_SYNTAX, SSL_AD_PROTOCOL_VERSION, 0, NULL },
    { "T01: CBC is refused", { .version = TLS1_2_VERSION, .suites = "ECDHE-ECDSA-AES256-SHA384" },
      false, ERR_SYNTAX, SSL_AD_HANDSHAKE_FAILURE, 0, NULL },
    { "T01: an RSA key may sign", { .version = TLS1_2_VERSION, .server_name = "two.test" },
      false, 0, 0, SITE_TWO, "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256" },
    { "T01: no forward secrecy is refused",
      { .version = TLS1_2_VERSION, .server_name = "two.test", .suites = "AES128-GCM-SHA256" },
      false, ERR_SYNTAX, SSL_AD_HANDSHAKE_FAILURE, 0, NULL },
    { "P05: a browser is sent away", { .protocols = "\2h2\10http/1.1" },
      false, ERR_SYNTAX, SSL_AD_NO_APPLICATION_PROTOCOL, 0, NULL },
    { "ALPN ftp among others", { .protocols = "\2h2\3ftp" }, false, 0, 0, SITE_ONE, NULL },
    { "FileZilla's own name", { .protocols = "\17x-filezilla-ftp" }, false, 0, 0, SITE_ONE, NULL },
    { "data protocol on a control channel", { .protocols = "\10ftp-data" },
      false, ERR_SYNTAX, SSL_AD_NO_APPLICATION_PROTOCOL, 0, NULL },
    { "server name picks the site", { .server_name = "two.test" }, false, 0, 0, SITE_TWO, NULL },
    { "server name in capitals", { .server_name = "TWO.test" }, false, 0, 0, SITE_TWO, NULL },
    { "unknown server name: the default answers", { .server_name = "three.test" }, false, 0, 0, SITE_ONE, NULL },
    { "strict: no ALPN", { .server_name = "one.test" }, true, ERR_SYNTAX, SSL_AD_NO_APPLICATION_PROTOCOL, 0, NULL },
    { "strict: no server name", { .protocols = "\3ftp" }, true, ERR_SYNTAX, SSL_AD_UNRECOGNIZED_NAME, 0, NULL },
    { "strict: unknown server name", { .protocols = "\3ftp", .server_name = "three.test" },
      true, ERR_SYNTAX, SSL_AD_UNRECOGNIZED_NAME, 0, NULL },
    { "strict: both", { .protocols = "\3ftp", .server_name = "two.test" }, true, 0, 0, SITE_TWO, NULL },
};

/* Whose certificate the client got. */
static uint32_t site_shown_to(const struct tls_peer *p)
{
    X509 *leaf = SSL_get0_peer_certificate(p->ssl);
    bool is_one = X509_check_host(leaf, "one.test", 0, 0, NULL) == 1, is_two = X509_check_host(leaf, "two.test", 0, 0, NULL) == 1;
    return is_one ? SITE_ONE : is_two ? SITE_TWO : 0;
}

static void test_handshakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(handshakes); i++) {
        const struct handshake_case *c = &handshakes[i];
        CASE_LABEL(c);
        struct tls_peer p;
        struct stream s;
        struct diag d = { 0 };
        char suite[80];
        peer_connect(&p, &s, &c->client);
        assert_int_equal(stream_start_tls(&s, c->strict ? f.strict : f.one), 0);
        stream_choose_server(&s, by_name, NULL);
        assert_int_equal(peer_handshake(&p, &s, &d), c->want);
        assert_int_equal(p.alert, c->want_alert);
        if (c->want)
            assert_true(d.what[0]);
        else
            assert_int_equal(site_shown_to(&p), c->want_site);
        if (c->want_suite) {
            snprintf(suite, sizeof suite, "%s %s", SSL_get_version(p.ssl), SSL_get_cipher_name(p.ssl));
            assert_string_equal(suite, c->want_suite);
        }
        if (!c->want && c->client.server_name)
            assert_true(slice_equal_str(stream_server_name(&s), c->client.server_name));
        stream_close(&s);
        peer_close(&p);
    }
}

static void test_renegotiation_is_refused_T02(void **state)
{
    (void)state;
    struct tls_peer p;
    struct stream s;
    struct diag d = { 0 };
    char byte;
    size_t got;
    peer_connect(&p, &s, &(struct peer_options){ .version = TLS1_2_VERSION });
    assert_int_equal(stream_start_tls(&s, f.one), 0);
    assert_int_equal(peer_handshake(&p, &s, &d), 0);
    assert_int_equal(SSL_renegotiate(p.ssl), 1);
    SSL_do_handshake(p.ssl);
    int err = stream_read(&s, &byte, 1, &got);
    assert_true(err == ERR_AGAIN || err == ERR_SYNTAX);
    assert_false(peer_handshake_step(&p) && p.alert == 0 && !SSL_in_init(p.ssl));
    stream_close(&s);
    peer_close(&p);
}

/* ---- tickets ---- */

struct login {
    struct tls_peer peer;
    struct stream control;
};

static void login_open(struct login *l, struct tls_server *server, const struct peer_options *options)
{
    struct diag d = { 0 };
    peer_connect(&l->peer, &l->control, options);
    assert_int_equal(stream_start_tls(&l->control, server), 0);
    stream_choose_server(&l->control, by_name, NULL);
    assert_int_equal(peer_handshake(&l->peer, &l->control, &d), 0);
}

static void login_close(struct login *l)
{
    stream_close(&l->control);
    peer_close(&l->peer);
}

static const struct update_case {
    const char *label;
    unsigned updates;
    bool is_bulk;
    int want;
} updates[] = {
    { "a few before a byte", 20, false, 0 },
    { "T02: without end", 40, false, ERR_SYNTAX },
    { "an upload: a few before a byte", 20, true, 0 },
    { "T02: an upload: without end", 40, true, ERR_SYNTAX },
};

static void test_key_updates(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(updates); i++) {
        CASE_LABEL(&updates[i]);
        struct login l;
        char byte = 0;
        size_t got;
        login_open(&l, f.one, &(struct peer_options){ .version = TLS1_3_VERSION });
        if (updates[i].is_bulk) {
            ahead_free(l.control.ahead);
            l.control.ahead = NULL;
            stream_expect_bulk(&l.control);
        }
        for (unsigned n = 0; n < updates[i].updates; n++) {
            assert_int_equal(SSL_key_update(l.peer.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
            assert_int_equal(SSL_do_handshake(l.peer.ssl), 1);
        }
        assert_int_equal(SSL_write(l.peer.ssl, "x", 1), 1);
        assert_int_equal(stream_read(&l.control, &byte, 1, &got), updates[i].want);
        assert_int_equal(byte, updates[i].want ? 0 : 'x');
        login_close(&l);
    }
}

struct data_outcome {
    int err;
    bool is_resumption, client_resumed;
    unsigned tickets;
};

static struct data_outcome data_channel(const struct login *l, const struct peer_options *options)
{
    struct tls_peer p;
    struct stream s;
    struct diag d = { 0 };
    peer_connect(&p, &s, options);
    assert_int_equal(stream_start_tls_data(&s, stream_session(&l->control)), 0);
    struct data_outcome o = { .err = peer_handshake(&p, &s, &d) };
    size_t put;
    char byte;
    if (!o.err) {
        assert_int_equal(stream_write(&s, SLICE_LITERAL("x"), &put), 0);
        assert_int_equal(peer_drain(&p, &byte, 1), 1);
    }
    o.is_resumption = stream_is_resumption(&s);
    o.client_resumed = peer_resumed(&p);
    o.tickets = p.tickets;
    if (p.tickets && SSL_version(p.ssl) < TLS1_3_VERSION && !SSL_SESSION_has_ticket(p.session))
        o.tickets = 0; /* OpenSSL's client tells of every new 1.2 session, ticket or not */
    stream_close(&s);
    peer_close(&p);
    return o;
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void test_data_channel_resumes_its_own_login(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct login l, other;
        struct peer_options o = { .version = versions[i] };
        login_open(&l, f.one, &o);
        login_open(&other, f.one, &o);
        SSL_SESSION *own = peer_ticket(&l.peer), *foreign = peer_ticket(&other.peer);
        assert_non_null(own);
        assert_non_null(foreign);

        struct data_outcome r = data_channel(&l, &(struct peer_options){ .version = versions[i], .resume = own });
        assert_int_equal(r.err, 0);
        assert_true(r.is_resumption);
        assert_true(r.client_resumed);
        assert_int_equal(r.tickets, 0); /* D21 */

        r = data_channel(&l, &(struct peer_options){ .version = versions[i], .resume = foreign }); /* D08 */
        assert_int_equal(r.err, 0);
        assert_false(r.is_resumption);
        assert_false(r.client_resumed);
        assert_int_equal(r.tickets, 0);

        r = data_channel(&l, &(struct peer_options){ .version = versions[i] });
        assert_int_equal(r.err, 0);
        assert_false(r.is_resumption);
        assert_int_equal(r.tickets, 0);

        SSL_SESSION_free(own);
        SSL_SESSION_free(foreign);
        login_close(&l);
        login_close(&other);
    }
}

static void test_many_data_channels_in_a_row_D09(void **state)
{
    (void)state;
    struct login l;
    char line[8];
    size_t put;
    login_open(&l, f.one, &(struct peer_options){ .version = TLS1_3_VERSION });
    for (unsigned i = 0; i < 30; i++) {
        stream_replenish(&l.control);
        assert_int_equal(stream_write(&l.control, SLICE_LITERAL("150 go\r\n"), &put), 0);
        assert_int_equal(put, 8);
        assert_int_equal(peer_drain(&l.peer, line, sizeof line), 8);
        SSL_SESSION *fresh = peer_ticket(&l.peer); /* used once, as RFC 8446 asks of clients */
        assert_non_null(fresh);
        struct data_outcome r = data_channel(&l, &(struct peer_options){ .version = TLS1_3_VERSION, .resume = fresh });
        assert_true(r.is_resumption);
        SSL_SESSION_free(fresh);
    }
    login_close(&l);
}

static void test_one_ticket_many_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct login l;
        login_open(&l, f.one, &(struct peer_options){ .version = versions[i] });
        SSL_SESSION *ticket = peer_ticket(&l.peer);
        for (unsigned n = 0; n < 5; n++)
            assert_true(
                data_channel(&l, &(struct peer_options){ .version = versions[i], .resume = ticket }).is_resumption);
        SSL_SESSION_free(ticket);
        login_close(&l);
    }
}

/* The same client again: both its tickets are good, those of a client that began afresh are not. */
static void test_resumed_control_channel(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct login first, second, stranger;
        struct peer_options o = { .version = versions[i] };
        login_open(&first, f.one, &o);
        login_open(&stranger, f.one, &o);
        SSL_SESSION *old = peer_ticket(&first.peer), *foreign = peer_ticket(&stranger.peer);
        o.resume = old;
        login_open(&second, f.one, &o);
        assert_true(peer_resumed(&second.peer));
        SSL_SESSION *fresh = SSL_get1_session(second.peer.ssl); /* the callback is silent about renewals in TLS 1.2 */
        assert_true(data_channel(&second, &o).is_resumption);
        o.resume = fresh;
        assert_true(data_channel(&second, &o).is_resumption);
        o.resume = foreign;
        assert_false(data_channel(&second, &o).is_resumption);
        SSL_SESSION_free(old);
        SSL_SESSION_free(fresh);
        SSL_SESSION_free(foreign);
        login_close(&first);
        login_close(&second);
        login_close(&stranger);
    }
}

/* curl asks for no tickets in TLS 1.2. */
static void test_resumption_by_session_id(void **state)
{
    (void)state;
    struct login l, other;
    struct peer_options o = { .version = TLS1_2_VERSION, .without_tickets = true };
    login_open(&l, f.one, &o);
    login_open(&other, f.one, &o);
    SSL_SESSION *own = peer_ticket(&l.peer), *foreign = peer_ticket(&other.peer);
    assert_non_null(own);
    assert_false(SSL_SESSION_has_ticket(own));
    for (unsigned n = 0; n < 3; n++) {
        o.resume = own;
        assert_true(data_channel(&l, &o).is_resumption);
        o.resume = foreign; /* D08 */
        assert_false(data_channel(&l, &o).is_resumption);
    }
    login_close(&other);
    o.resume = own; /* a control channel does not resume that way: nothing outlives the login (T06) */
    login_open(&other, f.one, &o);
    assert_false(peer_resumed(&other.peer));
    login_close(&other);
    login_close(&l);
    o = (struct peer_options){ .version = TLS1_2_VERSION, .without_tickets = true, .without_ems = true };
    login_open(&l, f.one, &o);
    o.resume = peer_ticket(&l.peer);
    assert_false(data_channel(&l, &o).client_resumed); /* T07 */
    SSL_SESSION_free(o.resume);
    SSL_SESSION_free(own);
    SSL_SESSION_free(foreign);
    login_close(&l);
}

/* Somebody who saw a ticket on the wire offers it without knowing its keys: no part of the login may stick to him. */
static void test_repeated_ticket_gives_no_claim_D08(void **state)
{
    (void)state;
    struct login victim, thief;
    login_open(&victim, f.one, &(struct peer_options){ .version = TLS1_2_VERSION });
    SSL_SESSION *ticket = peer_ticket(&victim.peer), *stolen = SSL_SESSION_dup(ticket);
    unsigned char wrong[48] = { 1 };
    SSL_SESSION_set1_master_key(stolen, wrong, sizeof wrong);
    struct diag d = { 0 };
    peer_connect(&thief.peer, &thief.control, &(struct peer_options){ .version = TLS1_2_VERSION, .resume = stolen });
    assert_int_equal(stream_start_tls(&thief.control, f.one), 0);
    assert_int_not_equal(peer_handshake(&thief.peer, &thief.control, &d), 0);
    login_close(&thief);
    SSL_SESSION_free(ticket);
    SSL_SESSION_free(stolen);
    login_close(&thief);
    login_close(&victim);

    /* offered with a suite that the session does not fit: a full handshake, and a secret of his own */
    login_open(&victim, f.one, &(struct peer_options){ .version = TLS1_3_VERSION });
    ticket = peer_ticket(&victim.peer);
    login_open(&thief, f.one,
               &(struct peer_options){ .version = TLS1_3_VERSION, .resume = ticket, .suites_13 = "TLS_AES_256_GCM_SHA384" });
    assert_false(peer_resumed(&thief.peer));
    SSL_SESSION *own = peer_ticket(&thief.peer); /* OpenSSL 3.0.20 gives none here, 3.0.22 one */
    assert_false(data_channel(&victim, &(struct peer_options){ .version = TLS1_3_VERSION, .resume = own }).is_resumption);
    assert_true(data_channel(&victim, &(struct peer_options){ .version = TLS1_3_VERSION, .resume = ticket }).is_resumption);
    SSL_SESSION_free(own);
    SSL_SESSION_free(ticket);
    login_close(&thief);
    login_close(&victim);
}

static void test_ticket_of_another_site_C12(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct login l, other;
        login_open(&l, f.one, &(struct peer_options){ .version = versions[i], .server_name = "one.test" });
        assert_int_equal(site_shown_to(&l.peer), SITE_ONE);
        SSL_SESSION *ticket = peer_ticket(&l.peer);
        SSL_SESSION *copy = SSL_SESSION_dup(ticket);
        SSL_SESSION_set1_hostname(copy, "two.test"); /* a client that lies about whose ticket it is */
        /* the same listener, the same default server: only the name differs */
        login_open(&other, f.one,
                   &(struct peer_options){ .version = versions[i], .server_name = "two.test", .resume = copy });
        assert_int_equal(site_shown_to(&other.peer), SITE_TWO);
        assert_false(peer_resumed(&other.peer));
        login_close(&other);
        login_open(&other, f.one,
                   &(struct peer_options){ .version = versions[i], .server_name = "one.test", .resume = ticket });
        assert_true(peer_resumed(&other.peer));
        SSL_SESSION_free(ticket);
        SSL_SESSION_free(copy);
        login_close(&l);
        login_close(&other);
    }
}

static void test_key_rotation_T04(void **state)
{
    (void)state;
    struct tls_keys *keys = tls_keys_new();
    struct tls_server *server = peer_server(&f.one_cert, keys, SITE_ONE, false);
    struct login l;
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct peer_options o = { .version = versions[i] };
        set_keys(keys, "a");
        login_open(&l, server, &o);
        o.resume = peer_ticket(&l.peer);
        login_close(&l);
        set_keys(keys, "ba");
        login_open(&l, server, &o);
        assert_true(peer_resumed(&l.peer));
        login_close(&l);
        set_keys(keys, "cb");
        login_open(&l, server, &o);
        assert_false(peer_resumed(&l.peer));
        login_close(&l);
        SSL_SESSION_free(o.resume);
    }
    assert_int_equal(tls_keys_set(keys, SLICE_LITERAL("short")), ERR_RANGE);
    assert_int_equal(tls_keys_set(keys, SLICE_NONE), ERR_RANGE);
    tls_server_unref(server);
    tls_keys_unref(keys);
}

static void test_no_keys_no_tickets(void **state)
{
    (void)state;
    struct tls_keys *keys = tls_keys_new();
    struct tls_server *server = peer_server(&f.one_cert, keys, SITE_ONE, false);
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct login l;
        login_open(&l, server, &(struct peer_options){ .version = versions[i] });
        assert_true(!l.peer.session || !SSL_SESSION_has_ticket(l.peer.session));
        stream_replenish(&l.control);
        login_close(&l);
    }
    tls_server_unref(server);
    tls_keys_unref(keys);
}

static void test_without_extended_master_secret_T07(void **state)
{
    (void)state;
    struct login l;
    login_open(&l, f.one, &(struct peer_options){ .version = TLS1_2_VERSION, .without_ems = true });
    assert_true(!l.peer.session || !SSL_SESSION_has_ticket(l.peer.session));
    login_close(&l);
}

/* ---- bytes and endings ---- */

static void test_bytes_both_ways(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    char *out = malloc(SIZE), *in = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        out[i] = (char)(i * 31 + i / 251);
    for (size_t v = 0; v < COUNT_OF(versions); v++) {
        struct login l;
        login_open(&l, f.one, &(struct peer_options){ .version = versions[v] });
        size_t sent = 0, got = 0, step;
        while (sent < SIZE || got < SIZE) {
            if (sent < SIZE) {
                char *moved = malloc(SIZE - sent); /* from another place each time */
                memcpy(moved, out + sent, SIZE - sent);
                int err = stream_write(&l.control, slice_of(moved, SIZE - sent), &step);
                free(moved);
                assert_true(err == 0 || (err == ERR_AGAIN && stream_wants(&l.control) == STREAM_WANTS_WRITE));
                sent += err ? 0 : step;
            }
            got += peer_drain(&l.peer, in + got, SIZE - got);
        }
        assert_memory_equal(in, out, SIZE);
        for (sent = got = 0; got < SIZE;) {
            if (sent < SIZE && SSL_write_ex(l.peer.ssl, out + sent, SIZE - sent > 9000 ? 9000 : SIZE - sent, &step))
                sent += step;
            int err = stream_read(&l.control, in + got, SIZE - got, &step);
            assert_true(err == 0 || (err == ERR_AGAIN && stream_wants(&l.control) == STREAM_WANTS_READ));
            got += err ? 0 : step;
        }
        assert_memory_equal(in, out, SIZE);
        login_close(&l);
    }
    free(out);
    free(in);
}

enum ending { END_CLOSE_NOTIFY, END_FIN_ONLY, END_GARBAGE, END_CUT_RECORD };
static const struct {
    const char *label;
    enum ending ending;
    bool bulk;
    int want;
} endings[] = {
    { "close_notify is the end",                             END_CLOSE_NOTIFY, false, ERR_CLOSED },
    { "close_notify, reading ahead",                         END_CLOSE_NOTIFY, true,  ERR_CLOSED },
    { "D12: FIN without close_notify is no end",             END_FIN_ONLY,     false, ERR_TRUNCATED },
    { "D12: the same, reading ahead",                        END_FIN_ONLY,     true,  ERR_TRUNCATED },
    { "clear bytes after the handshake",                     END_GARBAGE,      false, ERR_SYNTAX },
    { "a record cut in the middle",                          END_CUT_RECORD,   true,  ERR_TRUNCATED },
};

static void test_endings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(endings); i++)
        for (size_t v = 0; v < COUNT_OF(versions); v++) {
            CASE_LABEL(&endings[i]);
            struct login l;
            struct tls_peer p;
            struct stream s;
            struct diag d = { 0 };
            char bytes[10];
            size_t got;
            login_open(&l, f.one, &(struct peer_options){ .version = versions[v] });
            peer_connect(&p, &s, &(struct peer_options){ .version = versions[v] });
            assert_int_equal(stream_start_tls_data(&s, stream_session(&l.control)), 0);
            if (endings[i].bulk)
                stream_expect_bulk(&s);
            assert_int_equal(peer_handshake(&p, &s, &d), 0);
            assert_int_equal(SSL_write(p.ssl, "hello", 5), 5);
            if (endings[i].ending == END_CLOSE_NOTIFY)
                SSL_shutdown(p.ssl);
            if (endings[i].ending == END_GARBAGE)
                assert_int_equal(write(p.fd, "USER anonymous\r\n", 16), 16);
            if (endings[i].ending == END_CUT_RECORD)
                assert_int_equal(write(p.fd, "\x17\x03\x03\x00\x40half", 9), 9);
            shutdown(p.fd, SHUT_WR);
            assert_int_equal(stream_read(&s, bytes, sizeof bytes, &got), 0);
            assert_int_equal(got, 5);
            assert_int_equal(stream_read(&s, bytes, sizeof bytes, &got), endings[i].want);
            int again = stream_read(&s, bytes, sizeof bytes, &got); /* D14: never ERR_AGAIN on a dead peer */
            assert_int_not_equal(again, 0);
            assert_int_not_equal(again, ERR_AGAIN);
            stream_close(&s);
            peer_close(&p);
            login_close(&l);
        }
}

static void test_our_own_closing_D13(void **state)
{
    (void)state;
    struct login l;
    char byte;
    login_open(&l, f.one, &(struct peer_options){ .version = TLS1_3_VERSION });
    assert_int_equal(stream_shutdown(&l.control), 0);
    assert_int_equal(peer_drain(&l.peer, &byte, 1), 0);
    assert_int_equal(SSL_get_shutdown(l.peer.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    assert_int_equal(read(l.peer.fd, &byte, 1), 0); /* FIN behind it */
    login_close(&l);
}

static void test_ccc_P22(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT_OF(versions); v++) {
        struct login l;
        char bytes[16];
        size_t got, put;
        login_open(&l, f.one, &(struct peer_options){ .version = versions[v] });
        struct tls_session *session = stream_session(&l.control);
        assert_int_equal(stream_stop_tls(&l.control), ERR_AGAIN);
        assert_int_equal(peer_drain(&l.peer, bytes, sizeof bytes), 0);
        SSL_shutdown(l.peer.ssl);
        assert_int_equal(write(l.peer.fd, "NOOP\r\n", 6), 6);
        assert_int_equal(stream_stop_tls(&l.control), 0);
        assert_false(stream_is_tls(&l.control));
        assert_true(stream_has_pending(&l.control)); /* it came with the close_notify */
        assert_int_equal(stream_read(&l.control, bytes, 2, &got), 0);
        assert_int_equal(got, 2);
        assert_int_equal(stream_read(&l.control, bytes + got, sizeof bytes - got, &got), 0);
        assert_int_equal(got, 4);
        assert_memory_equal(bytes, "NOOP\r\n", 6);
        assert_false(stream_has_pending(&l.control));
        assert_int_equal(stream_read(&l.control, bytes, sizeof bytes, &got), ERR_AGAIN);
        assert_int_equal(stream_write(&l.control, SLICE_LITERAL("200\r\n"), &put), 0);
        assert_int_equal(read(l.peer.fd, bytes, sizeof bytes), 5);
        assert_ptr_equal(stream_session(&l.control), session); /* data channels may still be protected */
        SSL_SESSION *ticket = peer_ticket(&l.peer);
        struct data_outcome r = data_channel(&l, &(struct peer_options){ .version = versions[v], .resume = ticket });
        assert_true(r.is_resumption);
        SSL_SESSION_free(ticket);
        login_close(&l);
    }
}

/* Records that came together are read one after the other, though the socket is empty after the first. */
static void test_records_together_P15(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT_OF(versions); v++) {
        struct login l;
        char bytes[64];
        size_t got;
        login_open(&l, f.one, &(struct peer_options){ .version = versions[v] });
        assert_int_equal(stream_read(&l.control, bytes, sizeof bytes, &got), ERR_AGAIN);
        assert_false(stream_has_pending(&l.control));
        assert_int_equal(SSL_write(l.peer.ssl, "NOOP\r\n", 6), 6);
        assert_int_equal(SSL_write(l.peer.ssl, "STAT\r\n", 6), 6);
        assert_int_equal(stream_read(&l.control, bytes, sizeof bytes, &got), 0);
        assert_memory_equal(bytes, "NOOP\r\n", 6);
        assert_true(stream_has_pending(&l.control));
        assert_int_equal(recv(l.control.fd, bytes, 1, MSG_PEEK | MSG_DONTWAIT), -1);
        assert_int_equal(stream_read(&l.control, bytes, sizeof bytes, &got), 0);
        assert_memory_equal(bytes, "STAT\r\n", 6);
        assert_false(stream_has_pending(&l.control));
        assert_int_equal(stream_read(&l.control, bytes, sizeof bytes, &got), ERR_AGAIN);
        login_close(&l);
    }
}

/* Clear text that follows a close_notify is not taken for the first bytes of a new handshake. */
static void test_tls_again_P01(void **state)
{
    (void)state;
    struct login l;
    struct diag d = { 0 };
    char byte;
    login_open(&l, f.one, &(struct peer_options){ .version = TLS1_3_VERSION });
    assert_int_equal(stream_stop_tls(&l.control), ERR_AGAIN);
    assert_int_equal(peer_drain(&l.peer, &byte, 1), 0);
    SSL_shutdown(l.peer.ssl);
    assert_int_equal(write(l.peer.fd, "NOOP\r\n", 6), 6);
    assert_int_equal(stream_stop_tls(&l.control), 0);
    assert_true(stream_has_pending(&l.control));
    assert_int_equal(stream_start_tls(&l.control, f.one), 0);
    assert_false(stream_has_pending(&l.control));
    assert_int_equal(stream_handshake(&l.control, &d), ERR_AGAIN);
    login_close(&l);
}

static void test_command_before_close_notify_at_ccc(void **state)
{
    (void)state;
    struct login l;
    login_open(&l, f.one, &(struct peer_options){ .version = TLS1_3_VERSION });
    assert_int_equal(SSL_write(l.peer.ssl, "DELE x\r\n", 8), 8);
    int err = stream_stop_tls(&l.control);
    if (err == ERR_AGAIN)
        err = stream_stop_tls(&l.control);
    assert_int_equal(err, ERR_SYNTAX);
    login_close(&l);
}

/* A ClientHello as OpenSSL sends it. */
static size_t capture_hello(char *bytes, size_t size)
{
    struct tls_peer p;
    struct stream s;
    peer_connect(&p, &s, &(struct peer_options){ .server_name = "one.test", .protocols = "\3ftp" });
    peer_handshake_step(&p);
    ssize_t len = read(s.fd, bytes, size);
    assert_true(len > 100 && (size_t)len < size);
    stream_close(&s);
    peer_close(&p);
    return (size_t)len;
}

static int handshake_with(const char *bytes, size_t len)
{
    int pair[2];
    struct stream s;
    struct diag d = { 0 };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    stream_init(&s, pair[0]);
    assert_int_equal(stream_start_tls(&s, f.one), 0);
    stream_choose_server(&s, by_name, NULL);
    assert_int_equal(write(pair[1], bytes, len), (ssize_t)len);
    shutdown(pair[1], SHUT_WR);
    int err = stream_handshake(&s, &d);
    if (err == ERR_AGAIN)
        err = stream_handshake(&s, &d);
    assert_true(!err || d.what[0]);
    stream_close(&s);
    close(pair[1]);
    return err;
}

static void test_garbage_at_every_byte_T09(void **state)
{
    (void)state;
    char hello[2048], bad[2048];
    size_t len = capture_hello(hello, sizeof hello);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(handshake_with(hello, cut), ERR_CLOSED);
    for (size_t at = 0; at < len; at++) {
        memcpy(bad, hello, len);
        bad[at] = (char)(bad[at] ^ 0xa5);
        int err = handshake_with(bad, len);
        assert_true(err == ERR_CLOSED || err == ERR_SYNTAX || err == ERR_IO); /* the peer hangs up at the latest */
    }
    static const char *const clear[] = { "USER anonymous\r\n", "GET / HTTP/1.1\r\n\r\n", "\n", "\x80\x2e\x01" };
    for (size_t i = 0; i < COUNT_OF(clear); i++)
        assert_int_not_equal(handshake_with(clear[i], strlen(clear[i])), 0);
}

static void test_sendfile(void **state)
{
    (void)state;
    char path[] = "/tmp/sallyport-test-XXXXXX", in[64];
    int file = mkstemp(path);
    unlink(path);
    assert_int_equal(write(file, "0123456789", 10), 10);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct stream s;
    stream_init(&s, pair[0]);
    uint64_t offset = 3;
    size_t put = 0;
    assert_true(stream_can_sendfile(&s));
    assert_int_equal(stream_sendfile(&s, file, &offset, 100, &put), 0);
    assert_int_equal(put, 7);
    assert_int_equal(offset, 10);
    assert_int_equal(read(pair[1], in, sizeof in), 7);
    assert_memory_equal(in, "3456789", 7);
    assert_int_equal(stream_sendfile(&s, file, &offset, 100, &put), ERR_CLOSED);
    int write_only = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_int_equal(stream_sendfile(&s, write_only, &offset, 100, &put), ERR_SYS); /* the file's fault, not the peer's */
    close(write_only);
    close(pair[1]);
    offset = 0;
    assert_int_equal(stream_sendfile(&s, file, &offset, 100, &put), ERR_IO);
    stream_close(&s);
    stream_close(&s);
    close(file);
}

/* ---- building servers ---- */

static void test_server_errors_T10(void **state)
{
    (void)state;
    struct peer_cert expired, soon, weak;
    peer_cert_make(&expired, "old.test", 10, 20);
    peer_cert_make(&soon, "soon.test", 30, 20);
    peer_cert_make(&weak, "weak.test", 90, 0);
    make_rsa(&weak, 1024);
    struct slice one = text_slice(&f.one_cert.chain), one_key = text_slice(&f.one_cert.key);
    OWNED_TEXT_BUFFER damaged = { 0 };
    text_add(&damaged, one);
    text_add(&damaged, slice_first(one, one.len / 2));
    const struct {
        const char *label;
        struct slice chain, key, thumbprint;
        int want;
        const char *want_word;
    } cases[] = {
        { "good", one, one_key, slice_str(f.one_cert.thumbprint), 0, "" },
        { "not PEM", SLICE_LITERAL("hello"), one_key, SLICE_NONE, ERR_SYNTAX, "no certificate" },
        { "empty", SLICE_NONE, one_key, SLICE_NONE, ERR_SYNTAX, "no certificate" },
        { "second certificate cut", text_slice(&damaged), one_key, SLICE_NONE, ERR_SYNTAX, "damaged" },
        { "key missing", one, SLICE_NONE, SLICE_NONE, ERR_SYNTAX, "private key" },
        { "key of another certificate", one, text_slice(&soon.key), SLICE_NONE, ERR_CONFLICT, "belong" },
        { "another thumbprint", one, one_key, slice_str(soon.thumbprint), ERR_CONFLICT, "thumbprint" },
        { "RSA of 1024 bits", text_slice(&weak.chain), text_slice(&weak.key), SLICE_NONE, ERR_DENIED, "key" },
        { "expired: served, told", text_slice(&expired.chain), text_slice(&expired.key), SLICE_NONE, 0, "expired" },
        { "ten days left: served, told", text_slice(&soon.chain), text_slice(&soon.key), SLICE_NONE, 0, "expires in" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        struct tls_server_config config = {
            .chain_pem = cases[i].chain, .key_pem = cases[i].key, .thumbprint = cases[i].thumbprint,
        };
        struct tls_server *server = NULL;
        struct diag d = { 0 };
        assert_int_equal(tls_server_new(&config, f.keys, &server, &d), cases[i].want);
        assert_true(strstr(d.what, cases[i].want_word) != NULL);
        assert_true((server != NULL) == (cases[i].want == 0));
        tls_server_unref(server);
    }
    peer_cert_free(&expired);
    peer_cert_free(&soon);
    peer_cert_free(&weak);
}

/* A reload while sessions are open: they keep what they began with. */
static void test_server_outlives_its_last_name(void **state)
{
    (void)state;
    struct tls_server *server = peer_server(&f.two_cert, f.keys, SITE_TWO, false);
    struct login l;
    login_open(&l, server, &(struct peer_options){ .version = TLS1_3_VERSION });
    tls_server_unref(server);
    SSL_SESSION *ticket = peer_ticket(&l.peer);
    assert_true(
        data_channel(&l, &(struct peer_options){ .version = TLS1_3_VERSION, .resume = ticket }).is_resumption);
    SSL_SESSION_free(ticket);
    login_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshakes),
        cmocka_unit_test(test_renegotiation_is_refused_T02),
        cmocka_unit_test(test_key_updates),
        cmocka_unit_test(test_data_channel_resumes_its_own_login),
        cmocka_unit_test(test_many_data_channels_in_a_row_D09),
        cmocka_unit_test(test_one_ticket_many_times),
        cmocka_unit_test(test_resumed_control_channel),
        cmocka_unit_test(test_resumption_by_session_id),
        cmocka_unit_test(test_repeated_ticket_gives_no_claim_D08),
        cmocka_unit_test(test_ticket_of_another_site_C12),
        cmocka_unit_test(test_key_rotation_T04),
        cmocka_unit_test(test_no_keys_no_tickets),
        cmocka_unit_test(test_without_extended_master_secret_T07),
        cmocka_unit_test(test_bytes_both_ways),
        cmocka_unit_test(test_endings),
        cmocka_unit_test(test_our_own_closing_D13),
        cmocka_unit_test(test_ccc_P22),
        cmocka_unit_test(test_records_together_P15),
        cmocka_unit_test(test_tls_again_P01),
        cmocka_unit_test(test_command_before_close_notify_at_ccc),
        cmocka_unit_test(test_garbage_at_every_byte_T09),
        cmocka_unit_test(test_sendfile),
        cmocka_unit_test(test_server_errors_T10),
        cmocka_unit_test(test_server_outlives_its_last_name),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, setup, teardown);
}

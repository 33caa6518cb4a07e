/*
 * server.c - from PEM bytes to an SSL_CTX with our policy.
 *
 * The policy stands in two lists of suites and one of groups; everything OpenSSL could do beyond it is switched off
 * (threats.md T01, T02, T05).  ssl128 adds nothing to these lists, since no suite in them is weaker; the handshake
 * checks it all the same, so that a later, longer list cannot break IIS's promise.
 */
#include "base/memory.h"
#include "tls/tls_priv.h"

#include <stdlib.h>
#include <time.h>

static const char suites_13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char suites_12[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char groups[] = "X25519:P-256:X448:P-384:P-521";

enum { CHAIN_MAX = 16, WARN_DAYS = 30 };

static const char *openssl_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason ? reason : "no reason given";
}

/* Keys in the store have no pass phrase; never ask a terminal for one. */
static int no_passphrase(char *buffer, int size, int writing, void *unused)
{
    (void)buffer, (void)size, (void)writing, (void)unused;
    return -1;
}

static BIO *open_pem(struct slice pem)
{
    return pem.len > INT32_MAX ? NULL : BIO_new_mem_buf(pem.ptr ? pem.ptr : "", (int)pem.len);
}

static bool thumbprint_matches(const X509 *leaf, struct slice wanted, char *hex)
{
    uint8_t digest[20];
    unsigned len = sizeof digest;
    if (!X509_digest(leaf, EVP_sha1(), digest, &len))
        return false;
    for (unsigned i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02X", digest[i]);
    return slice_equal_fold_str(wanted, hex);
}

static int64_t seconds_of(const ASN1_TIME *t)
{
    struct tm tm = { 0 };
    return ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

/* Expired certificates are served, as IIS does: clients decide.  The administrator is told. */
static void judge_validity(const X509 *leaf, struct diag *d)
{
    int64_t now = (int64_t)time(NULL), begins = seconds_of(X509_get0_notBefore(leaf));
    int64_t ends = seconds_of(X509_get0_notAfter(leaf));
    d->what[0] = 0;
    if (ends <= now)
        diag_set(d, "the certificate has expired");
    else if (begins > now)
        diag_set(d, "the certificate is not valid yet");
    else if (ends - now < (int64_t)WARN_DAYS * 86400)
        diag_set(d, "the certificate expires in %d days", (int)((ends - now) / 86400));
}

static int add_issuers(SSL_CTX *ctx, BIO *pem, struct diag *d)
{
    for (unsigned count = 1;; count++) {
        X509 *issuer = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL);
        if (!issuer)
            break;
        int added = count < CHAIN_MAX && SSL_CTX_add0_chain_cert(ctx, issuer) == 1;
        if (!added) {
            X509_free(issuer);
            diag_set(d, count < CHAIN_MAX ? "a certificate of the chain is too weak" : "the chain is too long");
            return ERR_DENIED;
        }
    }
    unsigned long error = ERR_peek_last_error();
    if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
        diag_set(d, "the certificate chain is damaged: %s", openssl_reason());
        return ERR_SYNTAX;
    }
    ERR_clear_error();
    return 0;
}

static int use_leaf(struct tls_server *s, X509 *leaf, const struct tls_server_config *config, struct diag *d)
{
    char hex[41];
    if (config->thumbprint.len && !thumbprint_matches(leaf, config->thumbprint, hex)) {
        diag_set(d, "the certificate's thumbprint is %s, not the one configured", hex);
        return ERR_CONFLICT;
    }
    if (SSL_CTX_use_certificate(s->ctx, leaf) != 1) {
        diag_set(d, "the certificate cannot be used: %s", openssl_reason());
        return ERR_DENIED;
    }
    judge_validity(leaf, d);
    return 0;
}

static int use_chain(struct tls_server *s, const struct tls_server_config *config, struct diag *d)
{
    BIO *pem = open_pem(config->chain_pem);
    if (!pem)
        return ERR_NOMEM;
    X509 *leaf = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL);
    int err = ERR_SYNTAX;
    if (leaf)
        err = use_leaf(s, leaf, config, d);
    else
        diag_set(d, "no certificate found: %s", openssl_reason());
    X509_free(leaf);
    if (!err)
        err = add_issuers(s->ctx, pem, d);
    BIO_free(pem);
    return err;
}

static int use_key(struct tls_server *s, const struct tls_server_config *config, struct diag *d)
{
    BIO *pem = open_pem(config->key_pem);
    if (!pem)
        return ERR_NOMEM;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, no_passphrase, NULL);
    BIO_free(pem);
    if (!key) {
        diag_set(d, "the private key cannot be read: %s", openssl_reason());
        diag_todo(d, "keys are PEM without a pass phrase");
        return ERR_SYNTAX;
    }
    int used = SSL_CTX_use_PrivateKey(s->ctx, key);
    EVP_PKEY_free(key);
    if (used != 1 || SSL_CTX_check_private_key(s->ctx) != 1) {
        diag_set(d, "the private key does not belong to the certificate: %s", openssl_reason());
        return ERR_CONFLICT;
    }
    return 0;
}

static int leave_to_authenticator(X509_STORE_CTX *ctx, void *unused)
{
    (void)unused;
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

/* What does not parse ends the list; the names are our loader's. */
static STACK_OF(X509_NAME) *names_of(struct slice names)
{
    const unsigned char *at = (const unsigned char *)names.ptr, *end = at + names.len;
    STACK_OF(X509_NAME) *list = sk_X509_NAME_new_null();
    while (list && at < end) {
        X509_NAME *name = d2i_X509_NAME(NULL, &at, end - at);
        if (!name || !sk_X509_NAME_push(list, name)) {
            X509_NAME_free(name);
            break;
        }
    }
    return list;
}

static int apply_policy(struct tls_server *s, const struct tls_server_config *config, struct diag *d)
{
    SSL_CTX *ctx = s->ctx;
    SSL_CTX_set_security_level(ctx, 2);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_clear_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_early_data(ctx, 0);
    SSL_CTX_set_recv_max_early_data(ctx, 0);
    /* The authenticator judges, after the handshake: only its verdict opens the session.  SSL_set_retry_verify would
     * complete the handshake as accepted on a server, and no callback runs at all when a session is resumed. */
    SSL_CTX_set_verify(ctx, config->ask_certificate ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, leave_to_authenticator, NULL);
    if (config->ask_certificate && config->issuers.len)
        SSL_CTX_set_client_CA_list(ctx, names_of(config->issuers)); /* takes it */
    SSL_CTX_set_max_cert_list(ctx, TLS_PEER_CHAIN_MAX);
    uint8_t context[4] = { (uint8_t)(s->site >> 24), (uint8_t)(s->site >> 16), (uint8_t)(s->site >> 8), (uint8_t)s->site };
    if (!SSL_CTX_set_min_proto_version(ctx, config->only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION) ||
        !SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) || !SSL_CTX_set_ciphersuites(ctx, suites_13) ||
        !SSL_CTX_set_cipher_list(ctx, suites_12) || !SSL_CTX_set1_groups_list(ctx, groups) ||
        !SSL_CTX_set_session_id_context(ctx, context, sizeof context)) {
        diag_set(d, "OpenSSL refuses our TLS policy: %s", openssl_reason());
        return ERR_UNSUPPORTED;
    }
    ticket_install(ctx);
    hello_install(ctx);
    return 0;
}

int tls_server_new(const struct tls_server_config *config, struct tls_keys *keys, struct tls_server **server_out,
                   struct diag *d)
{
    ERR_clear_error();
    struct tls_server *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->refs = 1;
    s->site = config->site;
    s->strict_alpn = config->strict_alpn;
    s->ssl128 = config->ssl128;
    s->ask_certificate = config->ask_certificate;
    s->keys = tls_keys_ref(keys);
    unsigned before = memory_refusals();
    s->ctx = SSL_CTX_new(TLS_server_method());
    int err = s->ctx ? apply_policy(s, config, d) : ERR_NOMEM;
    if (!err)
        err = use_chain(s, config, d);
    if (!err)
        err = use_key(s, config, d);
    ERR_clear_error();
    if (err && memory_refusals() != before) { /* which OpenSSL may have told as anything */
        diag_set(d, "%s", err_text(ERR_NOMEM));
        err = ERR_NOMEM;
    }
    if (err) {
        tls_server_unref(s);
        return err;
    }
    *server_out = s;
    return 0;
}

struct tls_server *tls_server_ref(struct tls_server *s)
{
    s->refs++;
    return s;
}

void tls_server_unref(struct tls_server *s)
{
    if (!s || --s->refs)
        return;
    SSL_CTX_free(s->ctx);
    tls_keys_unref(s->keys);
    OPENSSL_cleanse(s, sizeof *s);
    free(s);
}

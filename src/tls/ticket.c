/*
 * ticket.c - session tickets: whose keys, which channel, which login.
 *
 * The supervisor's keys are never used as they are: each server derives its own by HMAC over the site id, key name
 * included, so a ticket of another site is not even recognised (threats.md C12).  Every ticket carries the secret of
 * the control channel it was issued on.  A data channel accepts only tickets with the secret of its control channel and
 * falls back to a full handshake for any other, which the caller may then refuse (D08).  Data channels never issue any
 * (D21).
 *
 * A control channel that resumed an earlier one keeps the earlier secret: it is the same client, who may go on using the
 * older ticket on data channels (OpenSSL's client tells its program of no renewed TLS 1.2 ticket; curl then offers the
 * first one).  Taken over only when the handshake has proved that the client knows the session's keys; whoever merely
 * repeats somebody's ticket and falls back to a full handshake gets a secret of his own.
 *
 * TLS 1.2 clients that want no tickets (curl, older Java) resume by session id.  There is no cache for that: each login
 * remembers its own session and nothing else, so memory stays bounded (T06) and control channels do not resume that way.
 *
 * TLS 1.2 sessions without extended master secret get no ticket and cannot resume (T07).
 */
#include "base/secret.h"
#include "tls/pool.h"
#include "tls/tls_priv.h"

#include <stdlib.h>

/* ---- keys ---- */

struct tls_keys *tls_keys_new(void)
{
    /* no openssl.cnf: what is allowed is decided in server.c alone, and the worker's root is empty */
    tls_pool_await(true);
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    tls_pool_await(false);
    struct tls_keys *k = calloc(1, sizeof *k);
    if (k)
        k->refs = 1;
    return k;
}

struct tls_keys *tls_keys_ref(struct tls_keys *k)
{
    k->refs++;
    return k;
}

void tls_keys_unref(struct tls_keys *k)
{
    if (!k || --k->refs)
        return;
    secret_wipe(k, sizeof *k);
    free(k);
}

int tls_keys_set(struct tls_keys *k, struct slice keys)
{
    if (keys.len == 0 || keys.len % TLS_KEY_LEN || keys.len / TLS_KEY_LEN > TLS_KEYS_MAX)
        return ERR_RANGE;
    k->count = keys.len / TLS_KEY_LEN;
    for (size_t i = 0; i < k->count; i++) {
        const char *from = keys.ptr + i * TLS_KEY_LEN;
        memcpy(k->keys[i].name, from, 16);
        memcpy(k->keys[i].cipher, from + 16, 32);
        memcpy(k->keys[i].mac, from + 48, 32);
    }
    k->generation++;
    return 0;
}

bool ticket_keys_present(const struct tls_keys *k)
{
    return k && k->count > 0;
}

/* HMAC-SHA256 over purpose and site id. */
static bool derive(const uint8_t *secret, const char *purpose, uint32_t site, uint8_t *out, size_t len)
{
    uint8_t text[16] = { 0 }, full[EVP_MAX_MD_SIZE];
    unsigned full_len = 0;
    size_t purpose_len = strlen(purpose);
    memcpy(text, purpose, purpose_len);
    for (int i = 0; i < 4; i++)
        text[8 + i] = (uint8_t)(site >> (8 * i));
    if (!HMAC(EVP_sha256(), secret, 32, text, sizeof text, full, &full_len) || full_len < len)
        return false;
    memcpy(out, full, len);
    secret_wipe(full, sizeof full);
    return true;
}

/* The site's own keys, derived anew when the supervisor has rotated.  False: none. */
static bool own_keys(struct tls_server *s)
{
    if (s->generation == s->keys->generation)
        return s->own_count > 0;
    s->own_count = 0;
    for (size_t i = 0; i < s->keys->count; i++) {
        const struct ticket_key *from = &s->keys->keys[i];
        struct ticket_key *to = &s->own[i];
        bool done = derive(from->mac, "name", s->site, to->name, sizeof to->name) &&
                    derive(from->cipher, "cipher", s->site, to->cipher, sizeof to->cipher) &&
                    derive(from->mac, "mac", s->site, to->mac, sizeof to->mac);
        if (!done)
            return false;
        s->own_count = i + 1;
    }
    s->generation = s->keys->generation;
    return s->own_count > 0;
}

static bool set_mac_key(EVP_MAC_CTX *mac, struct ticket_key *key)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* ---- OpenSSL's callbacks ---- */

static bool may_resume(const SSL *ssl)
{
    return SSL_version(ssl) >= TLS1_3_VERSION || link_of(ssl)->client_has_ems;
}

static int seal_with(struct ticket_key *key, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac)
{
    const EVP_CIPHER *aes = EVP_aes_256_cbc();
    memcpy(name, key->name, sizeof key->name);
    bool set = RAND_bytes(iv, EVP_CIPHER_get_iv_length(aes)) == 1 &&
               EVP_EncryptInit_ex2(cipher, aes, key->cipher, iv, NULL) && set_mac_key(mac, key);
    return set ? 1 : -1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb: 1 use, 2 use and renew, 0 no ticket, -1 error. */
static int choose_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                      int encrypting)
{
    struct tls_link *link = link_of(ssl);
    struct tls_server *s = link->session->server;
    if (!own_keys(s) || !may_resume(ssl))
        return 0;
    if (encrypting)
        return link->is_data ? 0 : seal_with(&s->own[0], name, iv, cipher, mac);
    for (size_t i = 0; i < s->own_count; i++) {
        struct ticket_key *key = &s->own[i];
        if (memcmp(name, key->name, sizeof key->name) != 0)
            continue;
        if (!EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher, iv, NULL) || !set_mac_key(mac, key))
            return -1;
        return link->is_data ? 1 : 2;
    }
    return 0;
}

/* A ticket is being made: put the secret into it, unless it came with the session that is resumed. */
static int fill_ticket(SSL *ssl, void *unused)
{
    (void)unused;
    if (SSL_session_reused(ssl))
        return 1;
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), link_of(ssl)->session->secret, TLS_SECRET_LEN);
}

static bool session_is_own(const struct tls_link *link, SSL_SESSION *session)
{
    void *secret = NULL;
    size_t len = 0;
    return session && SSL_SESSION_get0_ticket_appdata(session, &secret, &len) && len == TLS_SECRET_LEN &&
           secret_equal(secret, link->session->secret, TLS_SECRET_LEN);
}

/* A ticket came: resume with it or not, and offer a new one or not. */
static SSL_TICKET_RETURN judge_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_len,
                                      SSL_TICKET_STATUS status, void *unused)
{
    (void)name, (void)name_len, (void)unused;
    struct tls_link *link = link_of(ssl);
    bool readable = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
    if (link->is_data)
        return readable && may_resume(ssl) && session_is_own(link, session) ? SSL_TICKET_RETURN_USE
                                                                           : SSL_TICKET_RETURN_IGNORE;
    if (!may_resume(ssl))
        return SSL_TICKET_RETURN_IGNORE;
    /* A resumed session shows the leaf of long ago and no chain: the client proves itself and is judged anew (C12). */
    if (link->session->server->ask_certificate)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return readable ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_IGNORE_RENEW;
}

/* ---- resumption by session id ---- */

/* A session was made that has no ticket: copy it for the data channels of its login. */
static int remember_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_link *link = link_of(ssl);
    if (link->is_data || SSL_version(ssl) >= TLS1_3_VERSION || !may_resume(ssl))
        return 0;
    SSL_SESSION *copy = SSL_SESSION_dup(session);
    if (copy && SSL_SESSION_set1_ticket_appdata(copy, link->session->secret, TLS_SECRET_LEN)) {
        SSL_SESSION_free(link->session->by_id);
        link->session->by_id = copy;
    } else {
        SSL_SESSION_free(copy);
    }
    return 0; /* OpenSSL keeps its own */
}

/* A copy each time: OpenSSL spoils a session whose connection ended badly. */
static SSL_SESSION *find_session(SSL *ssl, const unsigned char *id, int len, int *keep_reference_out)
{
    struct tls_link *link = link_of(ssl);
    *keep_reference_out = 0;
    if (!link->is_data || !link->session->by_id || !may_resume(ssl))
        return NULL;
    unsigned own_len;
    const unsigned char *own = SSL_SESSION_get_id(link->session->by_id, &own_len);
    return own_len == (unsigned)len && memcmp(own, id, own_len) == 0 ? SSL_SESSION_dup(link->session->by_id) : NULL;
}

void ticket_install(SSL_CTX *ctx)
{
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, remember_session);
    SSL_CTX_sess_set_get_cb(ctx, find_session);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, choose_key);
    SSL_CTX_set_session_ticket_cb(ctx, fill_ticket, judge_ticket, NULL);
    SSL_CTX_set_timeout(ctx, 24 * 3600);
    SSL_CTX_set_num_tickets(ctx, 1); /* each data channel brings another */
}

void ticket_adopt(SSL *ssl)
{
    void *secret = NULL;
    size_t len = 0;
    if (SSL_session_reused(ssl) && SSL_SESSION_get0_ticket_appdata(SSL_get_session(ssl), &secret, &len) &&
        len == TLS_SECRET_LEN)
        memcpy(link_of(ssl)->session->secret, secret, TLS_SECRET_LEN);
}

bool ticket_is_own(SSL *ssl)
{
    return SSL_session_reused(ssl) && session_is_own(link_of(ssl), SSL_get_session(ssl));
}

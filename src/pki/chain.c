/*
 * chain.c - stores, the chain build and its verdict.
 *
 *   sizes and key lengths -> Disallowed -> build and verify (missing issuers may be fetched, then again) ->
 *   Disallowed for every member -> self-signed leaf -> usage
 *
 * OpenSSL's own purpose check is not used: X509_PURPOSE_SSL_CLIENT refuses a certificate whose only extended key usage
 * is anyExtendedKeyUsage, which Windows takes.  PARTIAL_CHAIN stays off: an intermediate in Root anchors nothing unless
 * it is self-signed.  No policy checks are asked for, and the client's certificates are few, so the number of signature
 * checks is bounded (threats.md C07).
 */
#include "pki/x509.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { FETCH_ROUNDS = 4, FETCHED_MAX = 16, DEPTH_MAX = PKI_CHAIN_MAX - 2 };

struct pki_stores {
    atomic_uint refs;
    STACK_OF(X509) *lists[PKI_STORE_COUNT];
    X509_STORE *anchors;
};

struct pki_chain {
    atomic_uint refs;
    STACK_OF(X509) *list;
    uint8_t *der[PKI_CHAIN_MAX];
    size_t der_len[PKI_CHAIN_MAX];
};

struct pki_found {
    STACK_OF(X509) *list;
};

static void free_x509(X509 **x)
{
    X509_free(*x);
}
#define OWNED_X509 __attribute__((cleanup(free_x509))) X509 *

static const struct {
    uint32_t win32;
    const char *text;
} reasons[CHAIN_REASON_COUNT] = {
#define R(name, win32, text) { win32, text },
    CHAIN_REASONS(R)
#undef R
};

uint32_t chain_reason_win32(enum chain_reason reason)
{
    return reasons[reason].win32;
}

const char *chain_reason_text(enum chain_reason reason)
{
    return reasons[reason].text;
}

void pki_prepare(void)
{
    struct tm tm;
    time_t now = time(NULL);
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    gmtime_r(&now, &tm); /* comparing times needs it, and it reads the zone's file */
    struct pki_stores *s = pki_stores_new();
    pki_stores_unref(s);
}

/* ---- stores ---- */

struct pki_stores *pki_stores_new(void)
{
    struct pki_stores *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    s->anchors = X509_STORE_new();
    bool good = s->anchors != NULL;
    for (size_t i = 0; i < PKI_STORE_COUNT; i++) {
        s->lists[i] = sk_X509_new_null();
        good = good && s->lists[i];
    }
    if (!good) {
        pki_stores_unref(s);
        return NULL;
    }
    return s;
}

struct pki_stores *pki_stores_ref(struct pki_stores *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void pki_stores_unref(struct pki_stores *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    for (size_t i = 0; i < PKI_STORE_COUNT; i++)
        sk_X509_pop_free(s->lists[i], X509_free);
    X509_STORE_free(s->anchors);
    free(s);
}

STACK_OF(X509) *pki_stores_list(const struct pki_stores *s, enum pki_store store)
{
    return s->lists[store];
}

X509 *pki_x509_parse(struct slice der)
{
    if (der.len == 0 || der.len > PKI_CERT_MAX)
        return NULL;
    const unsigned char *at = (const unsigned char *)der.ptr;
    X509 *x = d2i_X509(NULL, &at, (long)der.len);
    if (x && at != (const unsigned char *)der.ptr + der.len) {
        X509_free(x);
        x = NULL;
    }
    ERR_clear_error();
    return x;
}

/* Takes `x` over. */
static MUST_USE int put_in_store(struct pki_stores *s, enum pki_store store, X509 *x)
{
    if (!sk_X509_push(s->lists[store], x)) {
        X509_free(x);
        return ERR_NOMEM;
    }
    return store != PKI_ROOT || X509_STORE_add_cert(s->anchors, x) == 1 ? 0 : ERR_NOMEM;
}

static int no_passphrase(char *buffer, int size, int writing, void *unused)
{
    (void)buffer, (void)size, (void)writing, (void)unused;
    return -1;
}

static MUST_USE int add_pem(struct pki_stores *s, enum pki_store store, struct slice bytes, size_t *count_out)
{
    BIO *pem = BIO_new_mem_buf(bytes.ptr, (int)bytes.len);
    size_t count = 0;
    int err = pem ? 0 : ERR_NOMEM;
    for (X509 *x; !err && (x = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL)); count++)
        err = put_in_store(s, store, x);
    BIO_free(pem);
    ERR_clear_error();
    *count_out = count;
    return err;
}

int pki_stores_add(struct pki_stores *s, enum pki_store store, struct slice bytes, struct diag *d)
{
    size_t count = 0;
    if (bytes.len > INT32_MAX)
        return ERR_TOO_LONG;
    X509 *one = pki_x509_parse(bytes);
    if (one)
        return put_in_store(s, store, one);
    int err = add_pem(s, store, bytes, &count);
    if (!err && !count) {
        diag_set(d, "no certificate in it");
        return ERR_SYNTAX;
    }
    return err;
}

/* ---- chains ---- */

struct pki_chain *pki_chain_ref(struct pki_chain *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void pki_chain_free(struct pki_chain *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    sk_X509_pop_free(c->list, X509_free);
    for (size_t i = 0; i < PKI_CHAIN_MAX; i++)
        OPENSSL_free(c->der[i]);
    free(c);
}

size_t pki_chain_length(const struct pki_chain *c)
{
    return (size_t)sk_X509_num(c->list);
}

X509 *pki_chain_x509(const struct pki_chain *c, size_t index)
{
    return index < pki_chain_length(c) ? sk_X509_value(c->list, (int)index) : NULL;
}

/* Takes `list` over, also when it fails. */
static struct pki_chain *chain_of(STACK_OF(X509) *list)
{
    struct pki_chain *c = calloc(1, sizeof *c);
    if (!c || !list || sk_X509_num(list) < 1 || sk_X509_num(list) > PKI_CHAIN_MAX) {
        sk_X509_pop_free(list, X509_free);
        free(c);
        return NULL;
    }
    c->list = list;
    atomic_init(&c->refs, 1);
    for (size_t i = 0; i < pki_chain_length(c); i++) {
        int len = i2d_X509(sk_X509_value(list, (int)i), &c->der[i]);
        if (len <= 0) {
            pki_chain_free(c);
            return NULL;
        }
        c->der_len[i] = (size_t)len;
    }
    return c;
}

static bool list_has(STACK_OF(X509) *list, const X509 *x)
{
    for (int i = 0; i < sk_X509_num(list); i++)
        if (X509_cmp(sk_X509_value(list, i), x) == 0)
            return true;
    return false;
}

void pki_chain_add_issuers(const struct pki_chain *c, struct text *out)
{
    for (size_t i = 1; i < pki_chain_length(c); i++) {
        struct slice der = slice_of((const char *)c->der[i], c->der_len[i]);
        for (unsigned shift = 0; shift < 32; shift += 8)
            text_add_char(out, (char)(der.len >> shift));
        text_add(out, der);
    }
}

bool pki_chain_cut(struct slice *rest, struct slice *der_out)
{
    if (rest->len < 4)
        return false;
    const uint8_t *b = (const uint8_t *)rest->ptr;
    size_t len = b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16 | (size_t)b[3] << 24;
    if (len > rest->len - 4)
        return false;
    *der_out = slice_of(rest->ptr + 4, len);
    *rest = slice_from(*rest, 4 + len);
    return true;
}

bool pki_chain_is_ntauth(const struct pki_chain *c, const struct pki_stores *s, bool any_ca)
{
    size_t end = any_ca ? pki_chain_length(c) : 2;
    for (size_t i = 1; i < end && i < pki_chain_length(c); i++)
        if (list_has(s->lists[PKI_NTAUTH], pki_chain_x509(c, i)))
            return true;
    return false;
}

int pki_found_add(struct pki_found *f, struct slice der)
{
    if (sk_X509_num(f->list) >= FETCHED_MAX)
        return ERR_LIMIT;
    X509 *x = pki_x509_parse(der);
    if (!x)
        return ERR_SYNTAX;
    if (!sk_X509_push(f->list, x)) {
        X509_free(x);
        return ERR_NOMEM;
    }
    return 0;
}

/* ---- the verdict ---- */

struct verification {
    const struct pki_stores *stores;
    const struct chain_rules *rules;
    struct text *steps;
    STACK_OF(X509) *sent, *fetched; /* sent: leaf included */
    struct chain_result result;
};

static void step(struct verification *v, const char *what, const X509 *x)
{
    if (!v->steps)
        return;
    text_add_str(v->steps, what);
    if (x) {
        char name[512] = "";
        X509_NAME_oneline(X509_get_subject_name(x), name, sizeof name);
        text_add_str(v->steps, ": ");
        text_add_escaped(v->steps, slice_str(name));
    }
    text_add_char(v->steps, '\n');
}

static bool fail(struct verification *v, enum chain_reason reason, int depth)
{
    v->result.reason = reason;
    v->result.depth = depth;
    return false;
}

/* Before any arithmetic with it (threats.md C08), whatever kind of key it is: RSA has two. */
static bool key_fits(const X509 *x)
{
    const EVP_PKEY *key = X509_get0_pubkey(x);
    return key && EVP_PKEY_get_bits(key) <= PKI_KEY_MAX;
}

/* What the signature algorithms and groups of src/tls/server.c come to. */
bool chain_can_be_shown(struct slice der)
{
    static const char *const kinds[] = { "RSA", "RSA-PSS", "ED25519", "ED448" };
    static const char *const curves[] = { SN_X9_62_prime256v1, SN_secp384r1, SN_secp521r1 };
    X509 *x = pki_x509_parse(der);
    const EVP_PKEY *key = x ? X509_get0_pubkey(x) : NULL;
    char name[64] = "";
    bool found = !key;
    for (size_t i = 0; key && i < sizeof kinds / sizeof kinds[0]; i++)
        found |= EVP_PKEY_is_a(key, kinds[i]);
    if (key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, name, sizeof name, NULL))
        for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
            found |= strcmp(name, curves[i]) == 0;
    X509_free(x);
    ERR_clear_error();
    return found;
}

static bool read_sent(struct verification *v, const struct slice *sent, size_t count)
{
    if (count == 0 || count > PKI_SENT_MAX)
        return fail(v, CHAIN_MALFORMED, 0);
    for (size_t i = 0; i < count; i++) {
        X509 *x = pki_x509_parse(sent[i]);
        if (!x || !sk_X509_push(v->sent, x)) {
            X509_free(x);
            return fail(v, CHAIN_MALFORMED, (int)i);
        }
        if (!key_fits(x))
            return fail(v, CHAIN_WEAK, (int)i);
    }
    step(v, "certificate", sk_X509_value(v->sent, 0));
    return true;
}

static bool is_disallowed(struct verification *v, STACK_OF(X509) *list)
{
    for (int i = 0; i < sk_X509_num(list); i++)
        if (list_has(v->stores->lists[PKI_DISALLOWED], sk_X509_value(list, i))) {
            step(v, "lies in store Disallowed", sk_X509_value(list, i));
            return !fail(v, CHAIN_DISALLOWED, i);
        }
    return false;
}

static const struct {
    int error;
    enum chain_reason reason;
} meanings[] = {
    { X509_V_ERR_CERT_HAS_EXPIRED, CHAIN_EXPIRED },
    { X509_V_ERR_CERT_NOT_YET_VALID, CHAIN_EXPIRED },
    { X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD, CHAIN_MALFORMED },
    { X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD, CHAIN_MALFORMED },
    { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, CHAIN_UNTRUSTED_ROOT },
    { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, CHAIN_UNTRUSTED_ROOT },
    { X509_V_ERR_CERT_UNTRUSTED, CHAIN_UNTRUSTED_ROOT },
    { X509_V_ERR_CERT_REJECTED, CHAIN_UNTRUSTED_ROOT },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, CHAIN_INCOMPLETE },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, CHAIN_INCOMPLETE },
    { X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, CHAIN_INCOMPLETE },
    { X509_V_ERR_CERT_CHAIN_TOO_LONG, CHAIN_INCOMPLETE },
    { X509_V_ERR_CERT_SIGNATURE_FAILURE, CHAIN_BAD_SIGNATURE },
    { X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, CHAIN_BAD_SIGNATURE },
    { X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, CHAIN_BAD_SIGNATURE },
    { X509_V_ERR_INVALID_CA, CHAIN_NOT_A_CA },
    { X509_V_ERR_INVALID_NON_CA, CHAIN_NOT_A_CA },
    { X509_V_ERR_PATH_LENGTH_EXCEEDED, CHAIN_NOT_A_CA },
    { X509_V_ERR_KEYUSAGE_NO_CERTSIGN, CHAIN_NOT_A_CA },
    { X509_V_ERR_EE_KEY_TOO_SMALL, CHAIN_WEAK },
    { X509_V_ERR_CA_KEY_TOO_SMALL, CHAIN_WEAK },
    { X509_V_ERR_CA_MD_TOO_WEAK, CHAIN_WEAK },
    { X509_V_ERR_EC_KEY_EXPLICIT_PARAMS, CHAIN_WEAK },
};

static enum chain_reason meaning_of(int error)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (meanings[i].error == error)
            return meanings[i].reason;
    return CHAIN_OTHER;
}

static bool issuer_is_missing(int error)
{
    return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT || error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

static STACK_OF(X509) *helpers_of(const struct verification *v)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    STACK_OF(X509) *parts[] = { v->sent, v->stores->lists[PKI_CA], v->fetched };
    for (size_t p = 0; all && p < sizeof parts / sizeof parts[0]; p++)
        for (int i = p == 0; i < sk_X509_num(parts[p]); i++)
            if (!sk_X509_push(all, sk_X509_value(parts[p], i))) {
                sk_X509_free(all);
                return NULL;
            }
    return all;
}

/* One attempt.  *last_out: the last certificate found (a reference), whose issuer may be missing. */
static bool build(struct verification *v, X509 **last_out)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *helpers = helpers_of(v);
    bool good = ctx && helpers && X509_STORE_CTX_init(ctx, v->stores->anchors, sk_X509_value(v->sent, 0), helpers);
    v->result.openssl_error = 0;
    if (!good) {
        fail(v, CHAIN_OTHER, 0);
    } else {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_TRUSTED_FIRST);
        X509_VERIFY_PARAM_set_depth(param, DEPTH_MAX);
        X509_VERIFY_PARAM_set_auth_level(param, (int)v->rules->security_level);
        X509_VERIFY_PARAM_set_time(param, (time_t)v->rules->at);
        good = X509_verify_cert(ctx) == 1;
        STACK_OF(X509) *chain = X509_STORE_CTX_get1_chain(ctx);
        if (good) {
            v->result.chain = chain_of(chain);
            good = v->result.chain || fail(v, CHAIN_OTHER, 0);
        } else {
            v->result.openssl_error = X509_STORE_CTX_get_error(ctx);
            fail(v, meaning_of(v->result.openssl_error), X509_STORE_CTX_get_error_depth(ctx));
            if (sk_X509_num(chain) > 0) {
                *last_out = sk_X509_value(chain, sk_X509_num(chain) - 1);
                X509_up_ref(*last_out);
                /* an issuer that cannot even be looked for is an unknown root */
                if (v->result.reason == CHAIN_INCOMPLETE && X509_get_ext_by_NID(*last_out, NID_info_access, -1) < 0)
                    v->result.reason = CHAIN_UNTRUSTED_ROOT;
            }
            sk_X509_pop_free(chain, X509_free);
        }
    }
    X509_STORE_CTX_free(ctx);
    sk_X509_free(helpers);
    ERR_clear_error();
    return good;
}

/* Whether something new came. */
static bool fetch_issuers(struct verification *v, X509 *last)
{
    unsigned char *der = NULL;
    int before = sk_X509_num(v->fetched), len = last ? i2d_X509(last, &der) : 0;
    struct pki_found found = { v->fetched };
    if (len > 0) {
        step(v, "looking for the issuer of", last);
        if (v->rules->fetch(v->rules->fetch_context, slice_of((char *)der, (size_t)len),
                            v->rules->flags & PKI_URL_CACHE_ONLY, &found))
            step(v, "the issuer could not be fetched", NULL);
    }
    OPENSSL_free(der);
    for (int i = before; i < sk_X509_num(v->fetched); i++)
        if (!key_fits(sk_X509_value(v->fetched, i)))
            return fail(v, CHAIN_WEAK, 0);
    return sk_X509_num(v->fetched) > before;
}

static bool build_with_fetching(struct verification *v)
{
    for (unsigned round = 0;; round++) {
        OWNED_X509 last = NULL;
        if (build(v, &last))
            return true;
        if (!v->rules->fetch || round == FETCH_ROUNDS || !issuer_is_missing(v->result.openssl_error) ||
            !fetch_issuers(v, last))
            return false;
    }
}

/* ---- usage ---- */

/* No extended key usage means any. */
static bool allows_client(const X509 *x)
{
    int critical = 0;
    EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(x, NID_ext_key_usage, &critical, NULL);
    bool allowed = !usage && critical == -1; /* -1: not there; anything else: damaged or twice */
    for (int i = 0; usage && !allowed && i < sk_ASN1_OBJECT_num(usage); i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(usage, i));
        allowed = nid == NID_client_auth || nid == NID_anyExtendedKeyUsage;
    }
    sk_ASN1_OBJECT_pop_free(usage, ASN1_OBJECT_free);
    return allowed;
}

static bool usage_fits(struct verification *v)
{
    const struct pki_chain *c = v->result.chain;
    X509 *leaf = pki_chain_x509(c, 0);
    if (X509_get_extension_flags(leaf) & EXFLAG_CA && pki_chain_length(c) > 1) /* threats.md C06; whatever the flags say */
        return fail(v, CHAIN_WRONG_USAGE, 0);
    if (v->rules->flags & PKI_NO_USAGE_CHECK)
        return true;
    uint32_t key_usage = X509_get_key_usage(leaf); /* all bits without the extension */
    if (X509_get_version(leaf) != X509_VERSION_3 || !(key_usage & (KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT)))
        return fail(v, CHAIN_WRONG_USAGE, 0);
    size_t end = pki_chain_length(c) > 1 ? pki_chain_length(c) - 1 : 1; /* the root's own is not looked at */
    for (size_t i = 0; i < end; i++)
        if (!allows_client(pki_chain_x509(c, i)))
            return fail(v, CHAIN_WRONG_USAGE, (int)i);
    return true;
}

static bool is_good(struct verification *v, const struct slice *sent, size_t count)
{
    if (!read_sent(v, sent, count) || is_disallowed(v, v->sent) || !build_with_fetching(v))
        return false;
    for (size_t i = 1; v->steps && i < pki_chain_length(v->result.chain); i++)
        step(v, "issued by", pki_chain_x509(v->result.chain, i));
    if (is_disallowed(v, v->result.chain->list))
        return false;
    if (pki_chain_length(v->result.chain) == 1 && !v->rules->allow_self_signed)
        return fail(v, CHAIN_UNTRUSTED_ROOT, 0);
    return usage_fits(v);
}

void chain_verify(const struct pki_stores *stores, const struct slice *sent, size_t count,
                  const struct chain_rules *rules, struct text *steps, struct chain_result *result_out)
{
    struct verification v = { .stores = stores, .rules = rules, .steps = steps, .sent = sk_X509_new_null(),
                              .fetched = sk_X509_new_null() };
    bool good = v.sent && v.fetched ? is_good(&v, sent, count) : fail(&v, CHAIN_OTHER, 0);
    if (!good) {
        pki_chain_free(v.result.chain);
        v.result.chain = NULL;
    } else {
        v.result.reason = CHAIN_GOOD;
    }
    if (steps)
        text_addf(steps, "chain: %s%s%s\n", chain_reason_text(v.result.reason), v.result.openssl_error ? "; OpenSSL: " : "",
                  v.result.openssl_error ? X509_verify_cert_error_string(v.result.openssl_error) : "");
    sk_X509_pop_free(v.sent, X509_free);
    sk_X509_pop_free(v.fetched, X509_free);
    *result_out = v.result;
}

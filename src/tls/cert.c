/*
 * cert.c - reading certificates and keys with OpenSSL 3.
 *
 * Every object is built with the default library context; the configuration file of OpenSSL is never read, so what the
 * loader understands does not depend on the machine.  PEM is read block by block, because the order of leaf, chain and
 * key in files that people assemble is arbitrary: the leaf is found by its key, the chain by following issuers.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "tls/cert_priv.h"

#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#undef ERR_STATE

enum { CHAIN_MAX = 10 };

static bool is_preparing;

static void *get_again(void *block, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return is_preparing ? memory_await(block, size) : memory_resize(block, size);
}

static void *get(size_t size, const char *file, int line)
{
    return get_again(NULL, size, file, line);
}

static void give_back(void *block, const char *file, int line)
{
    (void)file, (void)line;
    free(block);
}

/* They load the tables, and seed the random generator. */
static int make_first_uses(void)
{
    char thumbprint[EVP_MAX_MD_SIZE];
    unsigned len;
    if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
                                 OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS, NULL))
        return ERR_NOMEM;
    if (!EVP_Digest("", 0, (unsigned char *)thumbprint, &len, EVP_sha1(), NULL) ||
        RAND_bytes((unsigned char *)thumbprint, 1) != 1)
        return ERR_SYS;
    return 0;
}

int cert_prepare(void)
{
    /* Without memory OpenSSL waits for itself for ever while it prepares, and later calls a certificate bad or a key another's. */
    (void)CRYPTO_set_mem_functions(get, get_again, give_back); /* too late: as it was */
    is_preparing = true;
    int err = make_first_uses();
    is_preparing = false;
    return err;
}

void cert_free(struct cert *c)
{
    if (!c)
        return;
    X509_free(c->leaf);
    sk_X509_pop_free(c->chain, X509_free);
    sk_X509_pop_free(c->others, X509_free);
    EVP_PKEY_free(c->key);
    free(c);
}

/* OpenSSL's own reason, for the texts where it helps; empties its queue. */
void cert_add_reason(struct diag *d, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    if (reason)
        diag_set(d, "%s (%s)", what, reason);
    else
        diag_set(d, "%s", what);
}

/* Never asks: without a password an encrypted key is an error. */
struct password {
    const char *text;
    bool wanted;
};
static int give_password(char *buffer, int size, int writing, void *context)
{
    struct password *p = context;
    (void)writing;
    p->wanted = true;
    size_t len = p->text ? strlen(p->text) : 0;
    if (!p->text || len > (size_t)size)
        return -1;
    memcpy(buffer, p->text, len);
    return (int)len;
}

static int key_refused(const struct password *p, struct diag *d)
{
    ERR_clear_error();
    if (!p->wanted) {
        diag_set(d, "the private key cannot be read");
        return ERR_SYNTAX;
    }
    diag_set(d, p->text ? "the password does not open the private key" : "the private key is encrypted");
    diag_todo(d, "Import it with its password; the store holds keys unencrypted, protected by the mode of the file.");
    return ERR_DENIED;
}

static BIO *bio_of(struct slice bytes)
{
    return BIO_new_mem_buf(bytes.ptr ? bytes.ptr : "", (int)bytes.len);
}

static bool is_pem(struct slice bytes)
{
    return memmem(bytes.ptr, bytes.len, "-----BEGIN ", 11) != NULL;
}

/* ---- reading PEM ---- */

struct pem_content {
    STACK_OF(X509) *certificates; /* in file order */
    size_t keys;                  /* blocks that look like a private key */
};

static int take_certificate(STACK_OF(X509) *to, const unsigned char *der, long len, bool trusted)
{
    const unsigned char *at = der;
    X509 *x = trusted ? d2i_X509_AUX(NULL, &at, len) : d2i_X509(NULL, &at, len);
    if (!x)
        return ERR_SYNTAX;
    if (at != der + len || sk_X509_num(to) > CHAIN_MAX || !sk_X509_push(to, x)) {
        X509_free(x);
        return at != der + len ? ERR_SYNTAX : ERR_LIMIT;
    }
    return 0;
}

static int take_block(struct pem_content *content, const char *name, const unsigned char *data, long len)
{
    size_t name_len = strlen(name);
    if (strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0)
        return take_certificate(content->certificates, data, len, false);
    if (strcmp(name, PEM_STRING_X509_TRUSTED) == 0)
        return take_certificate(content->certificates, data, len, true);
    if (name_len >= 11 && strcmp(name + name_len - 11, "PRIVATE KEY") == 0)
        content->keys++;
    return 0; /* parameters, CRLs and what else stands in such files is of no concern here */
}

static int read_blocks(struct slice bytes, struct pem_content *content, struct diag *d)
{
    OWNED_BIO bio = bio_of(bytes);
    char *name, *header;
    unsigned char *data;
    long len;
    if (!bio)
        return ERR_NOMEM;
    while (PEM_read_bio(bio, &name, &header, &data, &len)) {
        int err = take_block(content, name, data, len);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)len);
        if (err) {
            cert_add_reason(d, err == ERR_LIMIT ? "too many certificates in one file" : "a certificate in it cannot be read");
            return err;
        }
    }
    bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (!at_end) {
        cert_add_reason(d, "a PEM block in it cannot be read");
        return ERR_SYNTAX;
    }
    ERR_clear_error();
    return 0;
}

/* Any certificate of the file that the key belongs to: its index, -1 if none. */
static int owner_of(STACK_OF(X509) *certificates, const EVP_PKEY *key)
{
    for (int i = 0; i < sk_X509_num(certificates); i++)
        if (EVP_PKEY_eq(X509_get0_pubkey(sk_X509_value(certificates, i)), key) == 1)
            return i;
    return -1;
}

/* The first of `count` keys of a PEM file that belongs to one of `certificates` (NULL: to whatever); ERR_CONFLICT if
 * none does. */
static int read_pem_key(struct slice bytes, size_t count, const char *password, STACK_OF(X509) *certificates,
                        EVP_PKEY **key_out, int *owner_out, struct diag *d)
{
    OWNED_BIO bio = bio_of(bytes);
    struct password p = { password, false };
    if (!bio)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, give_password, &p);
        if (!key)
            return key_refused(&p, d);
        int owner = certificates ? owner_of(certificates, key) : 0;
        if (owner >= 0) {
            *key_out = key;
            *owner_out = owner;
            return 0;
        }
        EVP_PKEY_free(key);
    }
    ERR_clear_error();
    diag_set(d, "the private key does not belong to the certificate");
    return ERR_CONFLICT;
}

static bool is_self_issued(X509 *x)
{
    return X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
}

static X509 *issuer_among(STACK_OF(X509) *candidates, X509 *x)
{
    for (int i = 0; i < sk_X509_num(candidates); i++) {
        X509 *c = sk_X509_value(candidates, i);
        if (c != x && X509_check_issued(c, x) == X509_V_OK)
            return c;
    }
    return NULL;
}

/* Append to the chain of `c` what `candidates` has of its issuers.  Roots are left out: a client trusts its own copy or
 * none.  X509_check_issued compares names and key identifiers, no signature: a wrong chain only fails at the client. */
int cert_extend_chain(struct cert *c, STACK_OF(X509) *candidates)
{
    int have = sk_X509_num(c->chain);
    X509 *last = have ? sk_X509_value(c->chain, have - 1) : c->leaf;
    while (sk_X509_num(c->chain) < CHAIN_MAX && !is_self_issued(last)) {
        X509 *issuer = issuer_among(candidates, last);
        if (!issuer || is_self_issued(issuer))
            return 0;
        if (!X509_up_ref(issuer))
            return ERR_NOMEM;
        if (!sk_X509_push(c->chain, issuer)) {
            X509_free(issuer);
            return ERR_NOMEM;
        }
        last = issuer;
    }
    return 0;
}

/* Takes ownership of nothing; `key` may be NULL. */
int cert_assemble(X509 *leaf, STACK_OF(X509) *others, EVP_PKEY *key, struct cert **cert_out)
{
    struct cert *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->chain = sk_X509_new_null();
    c->others = others ? X509_chain_up_ref(others) : NULL;
    if (X509_up_ref(leaf))
        c->leaf = leaf;
    if (key && EVP_PKEY_up_ref(key))
        c->key = key;
    int err = c->chain && c->leaf && (!others || c->others) && (!key || c->key) ? cert_extend_chain(c, others) : ERR_NOMEM;
    if (err) {
        cert_free(c);
        return err;
    }
    *cert_out = c;
    return 0;
}

static int parse_pem(struct slice bytes, const char *password, struct cert **cert_out, struct diag *d)
{
    OWNED_STACK certificates = sk_X509_new_null();
    OWNED_KEY key = NULL;
    int owner = 0;
    if (!certificates)
        return ERR_NOMEM;
    struct pem_content content = { certificates, 0 };
    int err = read_blocks(bytes, &content, d);
    if (err)
        return err;
    if (sk_X509_num(certificates) == 0) {
        diag_set(d, "no certificate in it");
        return ERR_NOT_FOUND;
    }
    if (content.keys) {
        err = read_pem_key(bytes, content.keys, password, certificates, &key, &owner, d);
        if (err)
            return err;
    }
    return cert_assemble(sk_X509_value(certificates, owner), certificates, key, cert_out);
}

static int parse_der(struct slice bytes, struct cert **cert_out, struct diag *d)
{
    OWNED_STACK one = sk_X509_new_null();
    if (!one)
        return ERR_NOMEM;
    if (take_certificate(one, (const unsigned char *)bytes.ptr, (long)bytes.len, false)) {
        cert_add_reason(d, "neither PEM nor a DER certificate");
        return ERR_SYNTAX;
    }
    return cert_assemble(sk_X509_value(one, 0), one, NULL, cert_out);
}

static int check_size(struct slice bytes, struct diag *d)
{
    if (bytes.len <= CERT_FILE_LIMIT)
        return 0;
    diag_set(d, "larger than %d bytes, so no certificate", CERT_FILE_LIMIT);
    return ERR_TOO_LONG;
}

int cert_parse(struct slice bytes, const char *password, struct cert **cert_out, struct diag *d)
{
    int err = check_size(bytes, d);
    if (err)
        return err;
    if (bytes.len && is_pem(bytes))
        return parse_pem(bytes, password, cert_out, d);
    return parse_der(bytes, cert_out, d);
}

/* ---- PKCS#12 ---- */

static int pfx_refused(const char *password, struct diag *d)
{
    unsigned long error = ERR_peek_last_error();
    bool wrong = ERR_GET_REASON(error) == PKCS12_R_MAC_VERIFY_FAILURE;
    bool old = ERR_GET_REASON(error) == ERR_R_UNSUPPORTED || ERR_GET_REASON(error) == EVP_R_UNSUPPORTED_ALGORITHM;
    if (wrong) {
        ERR_clear_error();
        diag_set(d, password && *password ? "the password does not open the file" : "the file needs a password");
        return ERR_DENIED;
    }
    cert_add_reason(d, "the PKCS#12 file cannot be read");
    if (old)
        diag_todo(d, "It uses an encryption that this system's OpenSSL no longer has: export it with AES256.");
    return ERR_SYNTAX;
}

int cert_parse_pfx(struct slice bytes, const char *password, struct cert **cert_out, struct diag *d)
{
    int err = check_size(bytes, d);
    if (err)
        return err;
    const unsigned char *at = (const unsigned char *)bytes.ptr;
    PKCS12 *p12 = bytes.len ? d2i_PKCS12(NULL, &at, (long)bytes.len) : NULL;
    if (!p12) {
        cert_add_reason(d, "not a PKCS#12 file");
        return ERR_SYNTAX;
    }
    OWNED_KEY key = NULL;
    OWNED_X509 leaf = NULL;
    OWNED_STACK others = NULL;
    /* Windows up to Server 2016 exports with RC2 and 3DES. */
    OSSL_PROVIDER *legacy = OSSL_PROVIDER_try_load(NULL, "legacy", 1);
    ERR_clear_error();
    int parsed = PKCS12_parse(p12, password ? password : "", &key, &leaf, &others);
    PKCS12_free(p12);
    if (legacy)
        OSSL_PROVIDER_unload(legacy);
    if (!parsed)
        return pfx_refused(password, d);
    if (!leaf) {
        diag_set(d, key ? "no certificate in it that belongs to its key" : "no certificate with a private key in it");
        return ERR_NOT_FOUND;
    }
    return cert_assemble(leaf, others, key, cert_out);
}

/* ---- keys ---- */

/* Any key in PEM or DER. */
int cert_read_key(struct slice bytes, const char *password, EVP_PKEY **key_out, struct diag *d)
{
    int owner;
    if (bytes.len && is_pem(bytes))
        return read_pem_key(bytes, 1, password, NULL, key_out, &owner, d);
    const unsigned char *at = (const unsigned char *)bytes.ptr;
    EVP_PKEY *key = bytes.len ? d2i_AutoPrivateKey(NULL, &at, (long)bytes.len) : NULL;
    if (!key) {
        cert_add_reason(d, "not a private key");
        return ERR_SYNTAX;
    }
    *key_out = key;
    return 0;
}

int cert_add_key(struct cert *c, struct slice bytes, const char *password, struct diag *d)
{
    OWNED_KEY key = NULL;
    int err = check_size(bytes, d);
    if (!err)
        err = cert_read_key(bytes, password, &key, d);
    if (err)
        return err;
    if (EVP_PKEY_eq(X509_get0_pubkey(c->leaf), key) != 1) {
        ERR_clear_error();
        diag_set(d, "the private key does not belong to the certificate");
        return ERR_CONFLICT;
    }
    EVP_PKEY_free(c->key);
    c->key = key;
    key = NULL;
    return 0;
}

bool cert_has_key(const struct cert *c)
{
    return c->key != NULL;
}

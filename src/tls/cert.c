/*
 * cert.c - certificates over OpenSSL 3.
 *
 * Every object is built with the default library context; the configuration file of OpenSSL is never read, so what the
 * loader understands does not depend on the machine.  PEM is read block by block, because the order of leaf, chain and
 * key in files that people assemble is arbitrary: the leaf is found by its key, the chain by following issuers.
 */
#include "tls/cert.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "base/net_addr.h"
#include "base/own.h"
#include "base/secret.h"

enum { CHAIN_MAX = 10, NAME_TEXT_MAX = 64, DAYS_MAX = 3650, SERIAL_BYTES = 16 };

struct cert {
    X509 *leaf;
    STACK_OF(X509) *chain; /* upwards, without the leaf */
    EVP_PKEY *key;         /* NULL if unknown */
};

static void free_bio(BIO **bio)
{
    BIO_free(*bio);
}
static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}
static void free_x509(X509 **x)
{
    X509_free(*x);
}
static void free_stack(STACK_OF(X509) **stack)
{
    sk_X509_pop_free(*stack, X509_free);
}
#define OWNED_BIO __attribute__((cleanup(free_bio))) BIO *
#define OWNED_KEY __attribute__((cleanup(free_key))) EVP_PKEY *
#define OWNED_X509 __attribute__((cleanup(free_x509))) X509 *
#define OWNED_STACK __attribute__((cleanup(free_stack))) STACK_OF(X509) *

int cert_prepare(void)
{
    char thumbprint[EVP_MAX_MD_SIZE];
    unsigned len;
    if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
                                 OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS, NULL))
        return ERR_NOMEM;
    /* A first use loads the provider's tables and seeds the random generator. */
    if (!EVP_Digest("", 0, (unsigned char *)thumbprint, &len, EVP_sha1(), NULL) ||
        RAND_bytes((unsigned char *)thumbprint, 1) != 1)
        return ERR_SYS;
    return 0;
}

void cert_free(struct cert *c)
{
    if (!c)
        return;
    X509_free(c->leaf);
    sk_X509_pop_free(c->chain, X509_free);
    EVP_PKEY_free(c->key);
    free(c);
}

/* OpenSSL's own reason, for the texts where it helps; empties its queue. */
static void add_reason(struct diag *d, const char *what)
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
            add_reason(d, err == ERR_LIMIT ? "too many certificates in one file" : "a certificate in it cannot be read");
            return err;
        }
    }
    bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (!at_end) {
        add_reason(d, "a PEM block in it cannot be read");
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
static int extend_chain(struct cert *c, STACK_OF(X509) *candidates)
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
static int assemble(X509 *leaf, STACK_OF(X509) *others, EVP_PKEY *key, struct cert **cert_out)
{
    struct cert *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->chain = sk_X509_new_null();
    if (X509_up_ref(leaf))
        c->leaf = leaf;
    if (key && EVP_PKEY_up_ref(key))
        c->key = key;
    int err = c->chain && c->leaf && (!key || c->key) ? extend_chain(c, others) : ERR_NOMEM;
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
    return assemble(sk_X509_value(certificates, owner), certificates, key, cert_out);
}

static int parse_der(struct slice bytes, struct cert **cert_out, struct diag *d)
{
    OWNED_STACK one = sk_X509_new_null();
    if (!one)
        return ERR_NOMEM;
    if (take_certificate(one, (const unsigned char *)bytes.ptr, (long)bytes.len, false)) {
        add_reason(d, "neither PEM nor a DER certificate");
        return ERR_SYNTAX;
    }
    return assemble(sk_X509_value(one, 0), one, NULL, cert_out);
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
    add_reason(d, "the PKCS#12 file cannot be read");
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
        add_reason(d, "not a PKCS#12 file");
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
    return assemble(leaf, others, key, cert_out);
}

/* ---- keys ---- */

/* Any key in PEM or DER. */
static int read_key(struct slice bytes, const char *password, EVP_PKEY **key_out, struct diag *d)
{
    int owner;
    if (bytes.len && is_pem(bytes))
        return read_pem_key(bytes, 1, password, NULL, key_out, &owner, d);
    const unsigned char *at = (const unsigned char *)bytes.ptr;
    EVP_PKEY *key = bytes.len ? d2i_AutoPrivateKey(NULL, &at, (long)bytes.len) : NULL;
    if (!key) {
        add_reason(d, "not a private key");
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
        err = read_key(bytes, password, &key, d);
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

/* ---- describing ---- */

static void hex_upper(const unsigned char *bytes, size_t len, char *out, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t at = 0;
    for (size_t i = 0; i < len && at + 2 < size; i++) {
        out[at++] = digits[bytes[i] >> 4];
        out[at++] = digits[bytes[i] & 15];
    }
    out[at] = 0;
}

static void digest_hex(const X509 *x, const EVP_MD *md, char *out, size_t size)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (!X509_digest(x, md, digest, &len))
        len = 0;
    hex_upper(digest, len, out, size);
}

static void copy_bio(BIO *bio, char *out, size_t size)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    OWNED_TEXT_BUFFER escaped = { 0 };
    text_add_escaped(&escaped, slice_of(bytes, len > 0 ? (size_t)len : 0));
    size_t keep = escaped.len < size ? escaped.len : size - 1;
    while (keep > 0 && keep < escaped.len && ((unsigned char)escaped.ptr[keep] & 0xc0) == 0x80)
        keep--; /* not in the middle of a character */
    memcpy(out, text_str(&escaped), keep);
    out[keep] = 0;
}

static void name_text(const X509_NAME *name, char *out, size_t size)
{
    OWNED_BIO bio = BIO_new(BIO_s_mem());
    unsigned long flags = XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN | XN_FLAG_DN_REV | ASN1_STRFLGS_ESC_2253 |
                          ASN1_STRFLGS_UTF8_CONVERT | ASN1_STRFLGS_DUMP_UNKNOWN | ASN1_STRFLGS_DUMP_DER;
    out[0] = 0;
    if (bio && X509_NAME_print_ex(bio, name, 0, flags) >= 0)
        copy_bio(bio, out, size);
}

static void print_alternative(BIO *bio, const GENERAL_NAME *name)
{
    const char *before = BIO_ctrl_pending(bio) ? ", " : "";
    if (name->type == GEN_DNS) {
        BIO_printf(bio, "%s%.*s", before, ASN1_STRING_length(name->d.dNSName), ASN1_STRING_get0_data(name->d.dNSName));
    } else if (name->type == GEN_IPADD) {
        int len = ASN1_STRING_length(name->d.iPAddress);
        struct net_addr addr = { .family = len == 4 ? 4 : 6 };
        if (len != 4 && len != 16)
            return;
        memcpy(addr.ip, ASN1_STRING_get0_data(name->d.iPAddress), (size_t)len);
        OWNED_TEXT_BUFFER text = { 0 };
        net_addr_print(&addr, &text);
        BIO_printf(bio, "%s%s", before, text_str(&text));
    }
}

static void alternative_names(X509 *x, char *out, size_t size)
{
    OWNED_BIO bio = BIO_new(BIO_s_mem());
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    out[0] = 0;
    for (int i = 0; bio && i < sk_GENERAL_NAME_num(names); i++)
        print_alternative(bio, sk_GENERAL_NAME_value(names, i));
    if (bio && names)
        copy_bio(bio, out, size);
    GENERAL_NAMES_free(names);
}

static int64_t seconds_of(const ASN1_TIME *t)
{
    struct tm tm;
    return ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

static void serial_text(const X509 *x, char *out, size_t size)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    char *hex = number ? BN_bn2hex(number) : NULL;
    snprintf(out, size, "%s", hex ? hex : "");
    OPENSSL_free(hex);
    BN_free(number);
}

void cert_describe(const struct cert *c, struct cert_info *info_out)
{
    X509 *x = c->leaf;
    const EVP_PKEY *public = X509_get0_pubkey(x);
    *info_out = (struct cert_info){
        .not_before = seconds_of(X509_get0_notBefore(x)),
        .not_after = seconds_of(X509_get0_notAfter(x)),
        .key_bits = public ? (unsigned)EVP_PKEY_get_bits(public) : 0,
        .chain_length = (unsigned)sk_X509_num(c->chain),
        .has_key = c->key != NULL,
        .is_ca = X509_check_ca(x) == 1,
        .is_self_signed = X509_self_signed(x, 0) == 1,
    };
    digest_hex(x, EVP_sha1(), info_out->thumbprint, sizeof info_out->thumbprint);
    digest_hex(x, EVP_sha256(), info_out->sha256, sizeof info_out->sha256);
    serial_text(x, info_out->serial, sizeof info_out->serial);
    name_text(X509_get_subject_name(x), info_out->subject, sizeof info_out->subject);
    name_text(X509_get_issuer_name(x), info_out->issuer, sizeof info_out->issuer);
    alternative_names(x, info_out->names, sizeof info_out->names);
    const char *type = public ? EVP_PKEY_get0_type_name(public) : NULL;
    snprintf(info_out->key_type, sizeof info_out->key_type, "%s", type ? type : "unknown");
    ERR_clear_error();
}

/* ---- writing ---- */

int cert_write_pem(const struct cert *c, unsigned parts, struct text *out)
{
    if ((parts & CERT_PART_KEY) && !c->key)
        return ERR_NOT_FOUND;
    OWNED_BIO bio = BIO_new(BIO_s_mem());
    if (!bio)
        return ERR_NOMEM;
    int good = !(parts & CERT_PART_LEAF) || PEM_write_bio_X509(bio, c->leaf);
    for (int i = 0; good && (parts & CERT_PART_CHAIN) && i < sk_X509_num(c->chain); i++)
        good = PEM_write_bio_X509(bio, sk_X509_value(c->chain, i));
    if (good && (parts & CERT_PART_KEY))
        good = PEM_write_bio_PKCS8PrivateKey(bio, c->key, NULL, NULL, 0, NULL, NULL);
    if (!good) {
        ERR_clear_error();
        return ERR_NOMEM;
    }
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    text_add(out, slice_of(bytes, (size_t)len));
    OPENSSL_cleanse(bytes, (size_t)len);
    return text_error(out);
}

/* ---- a certificate for trial ---- */

static int set_names(X509 *x, const struct cert_request *r)
{
    X509_NAME *name = X509_get_subject_name(x);
    return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)r->common_name.ptr,
                                      (int)r->common_name.len, -1, 0) &&
           X509_set_issuer_name(x, name);
}

static bool push_name(GENERAL_NAMES *names, struct slice s)
{
    struct net_addr addr;
    bool is_ip = net_addr_parse(s, &addr) == 0;
    const char *bytes = is_ip ? (const char *)addr.ip : s.ptr;
    size_t len = !is_ip ? s.len : addr.family == 4 ? 4 : 16;
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = is_ip ? (ASN1_STRING *)ASN1_OCTET_STRING_new() : (ASN1_STRING *)ASN1_IA5STRING_new();
    if (!name || !value || !ASN1_STRING_set(value, bytes, (int)len) || !sk_GENERAL_NAME_push(names, name)) {
        GENERAL_NAME_free(name);
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name, is_ip ? GEN_IPADD : GEN_DNS, value);
    return true;
}

static bool add_alternative_names(X509 *x, const struct cert_request *r)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool good = names != NULL;
    for (size_t i = 0; good && i < r->name_count; i++)
        good = push_name(names, r->names[i]);
    if (good && r->name_count == 0)
        good = push_name(names, r->common_name);
    good = good && X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) == 1;
    GENERAL_NAMES_free(names);
    return good;
}

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&context);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool good = e && X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    return good;
}

static bool set_serial(X509 *x)
{
    unsigned char bytes[SERIAL_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, always the same length */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
    BN_free(number);
    return good;
}

static bool fill_certificate(X509 *x, EVP_PKEY *key, const struct cert_request *r)
{
    time_t now = (time_t)r->now;
    return X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
           X509_time_adj_ex(X509_getm_notBefore(x), 0, -300, &now) && /* a client's clock may be a little behind */
           X509_time_adj_ex(X509_getm_notAfter(x), (int)r->days, 0, &now) && set_names(x, r) &&
           X509_set_pubkey(x, key) && add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x, NID_key_usage, "critical,digitalSignature") &&
           add_extension(x, NID_ext_key_usage, "serverAuth") &&
           add_extension(x, NID_subject_key_identifier, "hash") && add_alternative_names(x, r) &&
           X509_sign(x, key, EVP_sha256());
}

static int check_request(const struct cert_request *r, struct diag *d)
{
    if (r->common_name.len == 0 || r->common_name.len > NAME_TEXT_MAX || !slice_is_utf8(r->common_name) ||
        slice_has_control(r->common_name)) {
        diag_set(d, "the name must have 1 to %d characters", NAME_TEXT_MAX);
        return ERR_RANGE;
    }
    if (r->days == 0 || r->days > DAYS_MAX) {
        diag_set(d, "the validity must be 1 to %d days", DAYS_MAX);
        return ERR_RANGE;
    }
    return 0;
}

int cert_create_self_signed(const struct cert_request *r, struct cert **cert_out, struct diag *d)
{
    int err = check_request(r, d);
    if (err)
        return err;
    OWNED_KEY key = EVP_EC_gen("P-256");
    OWNED_X509 x = X509_new();
    OWNED_STACK none = sk_X509_new_null();
    if (!key || !x || !none || !fill_certificate(x, key, r)) {
        add_reason(d, "the certificate could not be created");
        return ERR_SYS;
    }
    return assemble(x, none, key, cert_out);
}

/* ---- thumbprints ---- */

/* Invisible characters that come along when a thumbprint is copied from a window. */
static const char *const invisible[] = {
    "\xE2\x80\x8E", "\xE2\x80\x8F", "\xE2\x80\x8B", "\xE2\x80\x8C", "\xE2\x80\x8D", "\xE2\x80\xAA", "\xE2\x80\xAC",
    "\xE2\x80\xAD", "\xEF\xBB\xBF", "\xC2\xA0", "\xC2\xAD",
};

static size_t ignorable(struct slice s)
{
    if (s.ptr[0] == ' ' || s.ptr[0] == ':' || s.ptr[0] == '\t')
        return 1;
    for (size_t i = 0; i < sizeof invisible / sizeof invisible[0]; i++)
        if (slice_starts(s, slice_str(invisible[i])))
            return strlen(invisible[i]);
    return 0;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

int cert_normalise_thumbprint(struct slice written, char thumbprint_out[CERT_THUMBPRINT_LEN + 1])
{
    char digits[CERT_THUMBPRINT_LEN];
    size_t count = 0;
    for (size_t at = 0; at < written.len;) {
        size_t skip = ignorable(slice_from(written, at));
        if (skip) {
            at += skip;
            continue;
        }
        char c = ascii_upper(written.ptr[at++]);
        if (!is_hex(c))
            return ERR_SYNTAX;
        if (count < sizeof digits)
            digits[count] = c;
        count++;
    }
    if (count == 0)
        return ERR_NOT_FOUND;
    if (count != sizeof digits)
        return ERR_RANGE;
    memcpy(thumbprint_out, digits, sizeof digits);
    thumbprint_out[sizeof digits] = 0;
    return 0;
}

/* ---- a store ---- */

struct stored {
    struct cert *cert; /* NULL: a key without a certificate yet */
    EVP_PKEY *key;     /* of a loose key */
    char *file, *key_file;
    char thumbprint[CERT_THUMBPRINT_LEN + 1];
};

/* Certificates stand in front of loose keys, in order of adding. */
struct cert_store {
    struct stored *items;
    size_t certs, count, cap;
};

struct cert_store *cert_store_new(void)
{
    return calloc(1, sizeof(struct cert_store));
}

static void stored_free(struct stored *s)
{
    cert_free(s->cert);
    EVP_PKEY_free(s->key);
    free(s->file);
    free(s->key_file);
}

void cert_store_free(struct cert_store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        stored_free(&s->items[i]);
    free(s->items);
    free(s);
}

static int insert(struct cert_store *s, size_t at, const struct stored *item)
{
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 8;
        struct stored *items = reallocarray(s->items, cap, sizeof *items);
        if (!items)
            return ERR_NOMEM;
        s->items = items;
        s->cap = cap;
    }
    memmove(&s->items[at + 1], &s->items[at], (s->count - at) * sizeof *s->items);
    s->items[at] = *item;
    s->count++;
    return 0;
}

static bool try_join(struct stored *cert, struct stored *loose)
{
    if (cert->cert->key || EVP_PKEY_eq(X509_get0_pubkey(cert->cert->leaf), loose->key) != 1) {
        ERR_clear_error();
        return false;
    }
    cert->cert->key = loose->key;
    cert->key_file = loose->file;
    loose->key = NULL;
    loose->file = NULL;
    return true;
}

static void remove_loose(struct cert_store *s, size_t at)
{
    stored_free(&s->items[at]);
    memmove(&s->items[at], &s->items[at + 1], (s->count - at - 1) * sizeof *s->items);
    s->count--;
}

static int add_certificate(struct cert_store *s, const char *file, struct cert *c)
{
    struct stored item = { .cert = c, .file = strdup(file), .key_file = c->key ? strdup(file) : NULL };
    digest_hex(c->leaf, EVP_sha1(), item.thumbprint, sizeof item.thumbprint);
    int err = item.file && (!c->key || item.key_file) ? insert(s, s->certs, &item) : ERR_NOMEM;
    if (err) {
        stored_free(&item);
        return err;
    }
    s->certs++;
    for (size_t i = s->certs; i < s->count; i++)
        if (try_join(&s->items[s->certs - 1], &s->items[i])) {
            remove_loose(s, i);
            break;
        }
    return 0;
}

static int add_loose_key(struct cert_store *s, const char *file, EVP_PKEY *key)
{
    struct stored item = { .key = key, .file = strdup(file) };
    if (!item.file) {
        stored_free(&item);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < s->certs; i++)
        if (try_join(&s->items[i], &item))
            return 0;
    int err = insert(s, s->count, &item);
    if (err)
        stored_free(&item);
    return err;
}

int cert_store_add(struct cert_store *s, struct slice file, struct slice bytes, struct diag *d)
{
    OWNED_TEXT name = strndup(file.ptr ? file.ptr : "", file.len);
    struct diag about_key = *d;
    struct cert *c;
    EVP_PKEY *key = NULL;
    if (!name)
        return ERR_NOMEM;
    int err = cert_parse(bytes, NULL, &c, d);
    if (!err)
        return add_certificate(s, name, c);
    if (err != ERR_NOT_FOUND && err != ERR_SYNTAX)
        return err;
    int key_err = read_key(bytes, NULL, &key, &about_key);
    if (!key_err)
        return add_loose_key(s, name, key);
    if (key_err == ERR_DENIED)
        *d = about_key;
    return key_err == ERR_DENIED ? key_err : err;
}

size_t cert_store_count(const struct cert_store *s)
{
    return s->certs;
}

const struct cert *cert_store_at(const struct cert_store *s, size_t index)
{
    return index < s->certs ? s->items[index].cert : NULL;
}

const char *cert_store_file_at(const struct cert_store *s, size_t index)
{
    return index < s->certs ? s->items[index].file : NULL;
}

const char *cert_store_key_file_at(const struct cert_store *s, size_t index)
{
    return index < s->certs ? s->items[index].key_file : NULL;
}

size_t cert_store_find(const struct cert_store *s, const char *thumbprint)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < s->certs; i++)
        if (strcmp(s->items[i].thumbprint, thumbprint) == 0 && (found == SIZE_MAX || !s->items[found].cert->key))
            found = i; /* of two copies the one with a key */
    return found;
}

int cert_store_complete_chain(struct cert_store *s, size_t index, const struct cert_store *authorities)
{
    assert(index < s->certs);
    STACK_OF(X509) *candidates = sk_X509_new_null(); /* borrows its elements */
    int err = candidates ? 0 : ERR_NOMEM;
    for (size_t i = 0; !err && i < authorities->certs; i++)
        if (!sk_X509_push(candidates, authorities->items[i].cert->leaf))
            err = ERR_NOMEM;
    if (!err)
        err = extend_chain(s->items[index].cert, candidates);
    sk_X509_free(candidates);
    return err;
}

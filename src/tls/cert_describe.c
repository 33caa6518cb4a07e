/* cert_describe.c - certificates as text: what people are shown, PEM, thumbprints. */
#include <stdio.h>
#include <time.h>

#include "base/net_addr.h"
#include "tls/cert_priv.h"

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

void cert_digest_hex(const X509 *x, const EVP_MD *md, char *out, size_t size)
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
    cert_digest_hex(x, EVP_sha1(), info_out->thumbprint, sizeof info_out->thumbprint);
    cert_digest_hex(x, EVP_sha256(), info_out->sha256, sizeof info_out->sha256);
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

static int add_sent(X509 *x, struct text *out)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    if (len <= 0)
        return ERR_NOMEM;
    for (unsigned shift = 0; shift < 32; shift += 8)
        text_add_char(out, (char)((unsigned)len >> shift & 0xff));
    text_add(out, slice_of((const char *)der, (size_t)len));
    OPENSSL_free(der);
    return text_error(out);
}

int cert_write_sent(const struct cert *c, struct text *out)
{
    int err = add_sent(c->leaf, out);
    for (int i = 0; !err && i < sk_X509_num(c->others); i++)
        if (X509_cmp(sk_X509_value(c->others, i), c->leaf) != 0)
            err = add_sent(sk_X509_value(c->others, i), out);
    return err;
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

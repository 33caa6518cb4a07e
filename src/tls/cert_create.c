/* cert_create.c - a self-signed server certificate for trial. */
#include <time.h>

#include "base/net_addr.h"
#include "tls/cert_priv.h"

#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/rand.h>
#undef ERR_STATE

enum { NAME_TEXT_MAX = 64, DAYS_MAX = 3650, SERIAL_BYTES = 16 };

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
        cert_add_reason(d, "the certificate could not be created");
        return ERR_SYS;
    }
    return cert_assemble(x, none, key, cert_out);
}

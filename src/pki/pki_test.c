/*
 * pki_test.c - chains and facts over certificates made here: a root, an issuing CA and leaves, each wrong in one way.
 */
#include "base/case_test.h"
#include "pki/facts.h"
#include "pki/x509.h"

#include <stdlib.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* the last columns of `facts` are seldom filled */

enum { NOW = 1800000000, DAY = 86400 };

struct maker {
    EVP_PKEY *root_key, *ca_key, *leaf_key;
    X509 *root, *ca;
};
static struct maker m;

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

/* An extension by its OpenSSL name or its number, with a value as in a configuration file. */
static void add_named(X509 *x, X509 *issuer, const char *name, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf(NULL, &ctx, name, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

struct recipe {
    const char *name, *basic, *usage, *extended, *san;
    const char *more[4]; /* names and values of other extensions */
    int name_type;       /* 0: UTF-8 */
    int name_len;        /* 0: up to a NUL */
    int64_t from, until; /* seconds around NOW */
    int version;         /* 0: v3 */
    bool by_root_key;    /* signed with the wrong key */
    bool sha1;
};

static X509 *make(const struct recipe *r, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *x = X509_new();
    X509_set_version(x, r->version ? r->version - 1 : X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), 0x2B0000000011AC);
    ASN1_TIME_set(X509_getm_notBefore(x), NOW + r->from);
    ASN1_TIME_set(X509_getm_notAfter(x), NOW + r->until);
    X509_NAME *name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "DC", MBSTRING_UTF8, (const unsigned char *)"test", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", r->name_type ? r->name_type : MBSTRING_UTF8, (const unsigned char *)r->name,
                               r->name_len ? r->name_len : -1, -1, 0);
    X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : name);
    X509_set_pubkey(x, key);
    if (!r->version) {
        add_extension(x, issuer ? issuer : x, NID_basic_constraints, r->basic ? r->basic : "critical,CA:FALSE");
        if (r->usage)
            add_extension(x, issuer ? issuer : x, NID_key_usage, r->usage);
        if (r->extended)
            add_extension(x, issuer ? issuer : x, NID_ext_key_usage, r->extended);
        if (r->san)
            add_extension(x, issuer ? issuer : x, NID_subject_alt_name, r->san);
        for (size_t i = 0; i + 1 < sizeof r->more / sizeof r->more[0] && r->more[i]; i += 2)
            add_named(x, issuer ? issuer : x, r->more[i], r->more[i + 1]);
    }
    assert_true(X509_sign(x, r->by_root_key ? m.root_key : issuer_key, r->sha1 ? EVP_sha1() : EVP_sha256()) > 0);
    return x;
}

static struct slice der_of(X509 *x)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    assert_true(len > 0);
    return slice_of((char *)der, (size_t)len);
}

static int set_up(void **state)
{
    (void)state;
    static const struct recipe root = { .name = "root", .basic = "critical,CA:TRUE", .from = -DAY, .until = 900 * DAY };
    static const struct recipe ca = { .name = "ca", .basic = "critical,CA:TRUE,pathlen:0", .from = -DAY, .until = 800 * DAY };
    pki_prepare();
    m.root_key = EVP_EC_gen("P-256");
    m.ca_key = EVP_EC_gen("P-256");
    m.leaf_key = EVP_EC_gen("P-256");
    m.root = make(&root, m.root_key, NULL, m.root_key);
    m.ca = make(&ca, m.ca_key, m.root, m.root_key);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    X509_free(m.root);
    X509_free(m.ca);
    EVP_PKEY_free(m.root_key);
    EVP_PKEY_free(m.ca_key);
    EVP_PKEY_free(m.leaf_key);
    return 0;
}

#define GOOD_TIME .from = -DAY, .until = DAY
#define CLIENT .extended = "clientAuth", .usage = "critical,digitalSignature", GOOD_TIME

/* What each is under validationFlags 0..7 and, where that differs, under CertNoUsageCheck. */
static const struct {
    const char *label;
    struct recipe leaf;
    bool ca_sent, ca_stored, no_root, disallowed;
    enum chain_reason want, want_no_usage;
} cases[] = {
    { "as it should be",            { .name = "a", CLIENT }, true, false, false, false, CHAIN_GOOD, CHAIN_GOOD },
    { "issuer from store CA",       { .name = "a", CLIENT }, false, true, false, false, CHAIN_GOOD, CHAIN_GOOD },
    { "issuer nowhere",             { .name = "a", CLIENT }, false, false, false, false, CHAIN_UNTRUSTED_ROOT, CHAIN_UNTRUSTED_ROOT },
    { "C04: root in no store",      { .name = "a", CLIENT }, true, false, true, false, CHAIN_UNTRUSTED_ROOT, CHAIN_UNTRUSTED_ROOT },
    { "in store Disallowed",        { .name = "a", CLIENT }, true, false, false, true, CHAIN_DISALLOWED, CHAIN_DISALLOWED },
    { "expired",                    { .name = "a", .from = -2 * DAY, .until = -DAY }, true, false, false, false, CHAIN_EXPIRED, CHAIN_EXPIRED },
    { "not valid yet",              { .name = "a", .from = DAY, .until = 2 * DAY }, true, false, false, false, CHAIN_EXPIRED, CHAIN_EXPIRED },
    { "C06: for servers",           { .name = "a", .extended = "serverAuth", GOOD_TIME }, true, false, false, false, CHAIN_WRONG_USAGE, CHAIN_GOOD },
    { "C06: smart card alone",      { .name = "a", .extended = "1.3.6.1.4.1.311.20.2.2", GOOD_TIME }, true, false, false, false, CHAIN_WRONG_USAGE, CHAIN_GOOD },
    { "any extended usage",         { .name = "a", .extended = "anyExtendedKeyUsage", GOOD_TIME }, true, false, false, false, CHAIN_GOOD, CHAIN_GOOD },
    { "no extended usage is any",   { .name = "a", GOOD_TIME }, true, false, false, false, CHAIN_GOOD, CHAIN_GOOD },
    { "key that may not sign",      { .name = "a", .extended = "clientAuth", .usage = "keyEncipherment", GOOD_TIME }, true, false, false, false, CHAIN_WRONG_USAGE, CHAIN_GOOD },
    { "C06: CA as leaf",            { .name = "a", .basic = "critical,CA:TRUE", GOOD_TIME }, true, false, false, false, CHAIN_WRONG_USAGE, CHAIN_WRONG_USAGE },
    { "C06: CA that may sign nothing", { .name = "a", .basic = "critical,CA:TRUE", .usage = "critical,digitalSignature", GOOD_TIME }, true, false, false, false, CHAIN_WRONG_USAGE, CHAIN_WRONG_USAGE },
    { "C06: version 1",             { .name = "a", .version = 1, GOOD_TIME }, true, false, false, false, CHAIN_WRONG_USAGE, CHAIN_GOOD },
    { "signed by somebody else",    { .name = "a", .by_root_key = true, CLIENT }, true, false, false, false, CHAIN_BAD_SIGNATURE, CHAIN_BAD_SIGNATURE },
    { "SHA-1",                      { .name = "a", .sha1 = true, CLIENT }, true, false, false, false, CHAIN_WEAK, CHAIN_WEAK },
};

static void test_chains(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CASE_LABEL(&cases[i]);
        struct diag d = { 0 };
        struct pki_stores *stores = pki_stores_new();
        X509 *leaf = make(&cases[i].leaf, m.leaf_key, m.ca, m.ca_key);
        struct slice sent[] = { der_of(leaf), der_of(m.ca) }, root = der_of(m.root);
        if (!cases[i].no_root)
            assert_int_equal(pki_stores_add(stores, PKI_ROOT, root, &d), 0);
        if (cases[i].ca_stored)
            assert_int_equal(pki_stores_add(stores, PKI_CA, sent[1], &d), 0);
        if (cases[i].disallowed)
            assert_int_equal(pki_stores_add(stores, PKI_DISALLOWED, sent[0], &d), 0);
        for (unsigned flags = 0; flags < 16; flags++) {
            struct chain_rules rules = { .flags = flags, .security_level = 2, .at = NOW };
            struct chain_result result;
            OWNED_TEXT_BUFFER steps = { 0 };
            chain_verify(stores, sent, cases[i].ca_sent ? 2 : 1, &rules, &steps, &result);
            assert_int_equal(result.reason, flags & PKI_NO_USAGE_CHECK ? cases[i].want_no_usage : cases[i].want);
            assert_int_equal(result.chain != NULL, result.reason == CHAIN_GOOD);
            assert_non_null(strstr(text_str(&steps), chain_reason_text(result.reason)));
            if (result.chain)
                assert_int_equal(pki_chain_length(result.chain), 3);
            pki_chain_free(result.chain);
        }
        for (int n = 0; n < 2; n++)
            OPENSSL_free((void *)sent[n].ptr);
        OPENSSL_free((void *)root.ptr);
        X509_free(leaf);
        pki_stores_unref(stores);
    }
}

/* What a CA between root and leaf may be, and what it may say about the leaf. */
static const struct {
    const char *label;
    struct recipe ca;
    const char *san;
    bool by_ca; /* issued by the CA that allows no other below it */
    enum chain_reason want;
} uppers[] = {
#define CA .name = "upper", .basic = "critical,CA:TRUE", GOOD_TIME
    { "as it should be",                    { CA, .usage = "critical,keyCertSign" }, NULL, false, CHAIN_GOOD },
    { "below one that allows none below",   { CA }, NULL, true, CHAIN_NOT_A_CA },
    { "no CA",                              { .name = "upper", GOOD_TIME }, NULL, false, CHAIN_NOT_A_CA },
    { "may not sign certificates",          { CA, .usage = "critical,cRLSign" }, NULL, false, CHAIN_NOT_A_CA },
    { "for servers",                        { CA, .extended = "serverAuth" }, NULL, false, CHAIN_WRONG_USAGE },
    { "for anything",                       { CA, .extended = "anyExtendedKeyUsage" }, NULL, false, CHAIN_GOOD },
    { "expired",                            { .name = "upper", .basic = "critical,CA:TRUE", .from = -9 * DAY, .until = -DAY }, NULL, false, CHAIN_EXPIRED },
    { "version 1",                          { CA, .version = 1 }, NULL, false, CHAIN_NOT_A_CA },
    { "SHA-1",                              { CA, .sha1 = true }, NULL, false, CHAIN_WEAK },
    { "says something critical that nobody knows", { CA, .more = { "1.3.6.1.4.1.99999.1", "critical,DER:0500" } }, NULL, false, CHAIN_OTHER },
    { "inside of its name constraints",     { CA, .more = { "nameConstraints", "critical,permitted;email:depot.test" } }, "email:a@depot.test", false, CHAIN_GOOD },
    { "outside of its name constraints",    { CA, .more = { "nameConstraints", "critical,permitted;email:depot.test" } }, "email:a@evil.test", false, CHAIN_OTHER },
    { "excluded by its name constraints",   { CA, .more = { "nameConstraints", "critical,excluded;email:depot.test" } }, "email:a@depot.test", false, CHAIN_OTHER },
};

static void test_authorities(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof uppers / sizeof uppers[0]; i++) {
        CASE_LABEL(&uppers[i]);
        const struct recipe recipe = { .name = "a", CLIENT, .san = uppers[i].san };
        struct diag d = { 0 };
        struct pki_stores *stores = pki_stores_new();
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *upper = make(&uppers[i].ca, key, uppers[i].by_ca ? m.ca : m.root, uppers[i].by_ca ? m.ca_key : m.root_key);
        X509 *leaf = make(&recipe, m.leaf_key, upper, key);
        struct slice sent[] = { der_of(leaf), der_of(upper), der_of(m.ca) }, root = der_of(m.root);
        struct chain_rules rules = { .security_level = 2, .at = NOW };
        struct chain_result result;
        assert_int_equal(pki_stores_add(stores, PKI_ROOT, root, &d), 0);
        chain_verify(stores, sent, 3, &rules, NULL, &result);
        assert_int_equal(result.reason, uppers[i].want);
        pki_chain_free(result.chain);
        for (int n = 0; n < 3; n++)
            OPENSSL_free((void *)sent[n].ptr);
        OPENSSL_free((void *)root.ptr);
        X509_free(leaf);
        X509_free(upper);
        EVP_PKEY_free(key);
        pki_stores_unref(stores);
    }
}

/* Public keys alone; nobody has the private ones. */
static const struct {
    const char *label, *kind;
    unsigned bits; /* of RSA */
    enum chain_reason want;
    bool shown;    /* a client can show it in a handshake */
} sizes[] = {
    { "RSA, 1024 bits",           "RSA",     1024, CHAIN_WEAK, true },
    { "RSA, 2048 bits",           "RSA",     2048, CHAIN_GOOD, true },
    { "RSA, 8192 bits",           "RSA",     8192, CHAIN_GOOD, true },
    { "C08: RSA, 8200 bits",      "RSA",     8200, CHAIN_WEAK, true },
    { "RSA-PSS, 2048 bits",       "RSA-PSS", 2048, CHAIN_GOOD, true },
    { "C08: RSA-PSS, 16000 bits", "RSA-PSS", 16000, CHAIN_WEAK, true },
    { "P-384",                    "P-384",   0, CHAIN_GOOD, true },
    { "P-521",                    "P-521",   0, CHAIN_GOOD, true },
    { "P-192",                    "P-192",   0, CHAIN_WEAK, false },
    { "secp256k1",                "secp256k1", 0, CHAIN_GOOD, false },
    { "Ed25519",                  "ED25519", 0, CHAIN_GOOD, true },
    { "Ed448",                    "ED448",   0, CHAIN_GOOD, true },
};

static EVP_PKEY *public_key(const char *kind, unsigned bits)
{
    EVP_PKEY *key = NULL;
    unsigned char n[2048];
    unsigned long e = 65537;
    if (!bits)
        return strncmp(kind, "ED", 2) == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, kind) : EVP_EC_gen(kind);
    memset(n, 0xff, sizeof n); /* little-endian or not, it is odd */
    OSSL_PARAM params[] = { OSSL_PARAM_construct_BN("n", n, bits / 8), OSSL_PARAM_construct_ulong("e", &e), OSSL_PARAM_construct_end() };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    assert_true(ctx && EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void test_keys(void **state)
{
    (void)state;
    static const struct recipe recipe = { .name = "a", CLIENT };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CASE_LABEL(&sizes[i]);
        struct diag d = { 0 };
        struct pki_stores *stores = pki_stores_new();
        EVP_PKEY *key = public_key(sizes[i].kind, sizes[i].bits);
        X509 *leaf = make(&recipe, key, m.ca, m.ca_key);
        struct slice sent[] = { der_of(leaf), der_of(m.ca) }, root = der_of(m.root);
        struct chain_rules rules = { .security_level = 2, .at = NOW };
        struct chain_result result;
        assert_int_equal(pki_stores_add(stores, PKI_ROOT, root, &d), 0);
        chain_verify(stores, sent, 2, &rules, NULL, &result);
        assert_int_equal(result.reason, sizes[i].want);
        assert_int_equal(chain_can_be_shown(sent[0]), sizes[i].shown);
        pki_chain_free(result.chain);
        for (int n = 0; n < 2; n++)
            OPENSSL_free((void *)sent[n].ptr);
        OPENSSL_free((void *)root.ptr);
        X509_free(leaf);
        EVP_PKEY_free(key);
        pki_stores_unref(stores);
    }
}

/* An intermediate in store Root anchors nothing; a self-signed leaf only when it is told to. */
static void test_anchors(void **state)
{
    (void)state;
    static const struct recipe recipe = { .name = "self", CLIENT };
    struct diag d = { 0 };
    X509 *leaf = make(&recipe, m.leaf_key, m.ca, m.ca_key), *self = make(&recipe, m.leaf_key, NULL, m.leaf_key);
    struct slice ca = der_of(m.ca), sent = der_of(leaf), own = der_of(self);
    struct pki_stores *stores = pki_stores_new();
    struct chain_rules rules = { .security_level = 2, .at = NOW };
    struct chain_result result;
    assert_int_equal(pki_stores_add(stores, PKI_ROOT, ca, &d), 0);
    chain_verify(stores, &sent, 1, &rules, NULL, &result);
    assert_int_equal(result.reason, CHAIN_UNTRUSTED_ROOT);
    assert_int_equal(pki_stores_add(stores, PKI_ROOT, own, &d), 0);
    chain_verify(stores, &own, 1, &rules, NULL, &result);
    assert_int_equal(result.reason, CHAIN_UNTRUSTED_ROOT);
    rules.allow_self_signed = true;
    chain_verify(stores, &own, 1, &rules, NULL, &result);
    assert_int_equal(result.reason, CHAIN_GOOD);
    pki_chain_free(result.chain);
    pki_stores_unref(stores);
    OPENSSL_free((void *)ca.ptr);
    OPENSSL_free((void *)sent.ptr);
    OPENSSL_free((void *)own.ptr);
    X509_free(leaf);
    X509_free(self);
}

static const struct {
    const char *label, *name, *san, *want_subject; /* NULL: not mappable */
    size_t upns, mails;
    const char *sid;
    int type, len; /* of the name */
    const char *more[4];
} facts[] = {
#define UPN "otherName:1.3.6.1.4.1.311.20.2.3;"
/* subjectAltName with URIs "tag:microsoft.com,2022-09-14:sid:...": they hold a comma, where OpenSSL would cut */
#define URIS "subjectAltName"
#define URI_1 "862B7461673A6D6963726F736F66742E636F6D2C323032322D30392D31343A7369643A532D312D352D33322D31"
#define URI_2 "862B7461673A6D6963726F736F66742E636F6D2C323032322D30392D31343A7369643A532D312D352D33322D32"
#define URI_ALICE "86267461673A6D6963726F736F66742E636F6D2C323032322D30392D31343A7369643A616C696365"
#define SIDS "1.3.6.1.4.1.311.25.2"
/* "S-1-5-32-1" and "S-1-5-33-1" as otherName of the SID extension, 28 octets each */
#define SID_32 "A01A060A2B060104018237190201A00C040A532D312D352D33322D31"
#define SID_33 "A01A060A2B060104018237190201A00C040A532D312D352D33332D31"
    { "plain name",            "Ana",          NULL, "DC=test,CN=Ana", 0, 0, "" },
    { "comma is quoted",       "Ops, Jr.",     NULL, "DC=test,CN=\"Ops, Jr.\"", 0, 0, "" },
    { "quotes are doubled",    "a \"b\"",      NULL, "DC=test,CN=\"a \"\"b\"\"\"", 0, 0, "" },
    { "C03: a tag in a name",  "x<S>CN=y",     NULL, "DC=test,CN=\"x<S>CN=y\"", 0, 0, "" },
    { "other letters",         "Zo\xc3\xab",   NULL, "DC=test,CN=Zo\xc3\xab", 0, 0, "" },
    { "C05: control character", "a\x01z",      NULL, NULL, 0, 0, "" },
    { "UPN and mail",          "a", "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:a@b,email:c@d", "DC=test,CN=a", 1, 1, "" },
    { "two UPNs",              "a", "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:a@b,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:c@d",
      "DC=test,CN=a", 2, 0, "" },
    { "UPN as IA5String",      "a", UPN "IA5:a@b", "DC=test,CN=a", 1, 0, "" },
    { "C05: UPN as BMPString", "a", UPN "BMP:a@b", NULL, 0, 0, "" },
    { "C05: UPN as number",    "a", UPN "INTEGER:5", NULL, 0, 0, "" },
    { "C05: empty UPN",        "a", UPN "UTF8:", NULL, 0, 0, "" },
    { "nine UPNs",             "a", UPN "UTF8:1," UPN "UTF8:2," UPN "UTF8:3," UPN "UTF8:4," UPN "UTF8:5," UPN "UTF8:6," UPN "UTF8:7,"
      UPN "UTF8:8," UPN "UTF8:9", NULL, 0, 0, "" },
    { "T61String",             "Zo\xeb", NULL, "DC=test,CN=Zo\xc3\xab", 0, 0, "", V_ASN1_T61STRING, 3 },
    { "BMPString",             "\0Z\0o\0\xeb", NULL, "DC=test,CN=Zo\xc3\xab", 0, 0, "", V_ASN1_BMPSTRING, 6 },
    { "C05: NUL in a BMPString", "\0Z\0\0", NULL, NULL, 0, 0, "", V_ASN1_BMPSTRING, 4 },
    { "C05: NUL in UTF-8",     "a\0b", NULL, NULL, 0, 0, "", V_ASN1_UTF8STRING, 3 },
    { "SID extension",         "a", NULL, "DC=test,CN=a", 0, 0, "S-1-5-32-1", 0, 0, { SIDS, "DER:301C" SID_32 } },
    { "SID twice, the same",   "a", NULL, "DC=test,CN=a", 0, 0, "S-1-5-32-1", 0, 0, { SIDS, "DER:3038" SID_32 SID_32, URIS, "DER:302D" URI_1 } },
    { "C02: two SIDs in one extension", "a", NULL, NULL, 0, 0, "", 0, 0, { SIDS, "DER:3038" SID_32 SID_33 } },
    { "C02: two SID extensions", "a", NULL, NULL, 0, 0, "", 0, 0, { SIDS, "DER:301C" SID_32, SIDS, "DER:301C" SID_32 } },
    { "C02: extension and URI differ", "a", NULL, NULL, 0, 0, "", 0, 0, { SIDS, "DER:301C" SID_32, URIS, "DER:302D" URI_2 } },
    { "C02: two URIs differ",  "a", NULL, NULL, 0, 0, "", 0, 0, { URIS, "DER:305A" URI_1 URI_2 } },
    { "a SID that is none",    "a", NULL, NULL, 0, 0, "", 0, 0, { URIS, "DER:3028" URI_ALICE } },
    { "SID extension without one", "a", NULL, NULL, 0, 0, "", 0, 0, { SIDS, "DER:3000" } },
    { "SID extension that is cut", "a", NULL, NULL, 0, 0, "", 0, 0, { SIDS, "DER:301CA01A" } },
    { "SID extension with more behind it", "a", NULL, NULL, 0, 0, "", 0, 0, { SIDS, "DER:301C" SID_32 "0500" } },
    { "SID as UTF8String",     "a", NULL, NULL, 0, 0, "", 0, 0,
      { SIDS, "DER:301CA01A060A2B060104018237190201A00C0C0A532D312D352D33322D31" } },
};

static void test_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        CASE_LABEL(&facts[i]);
        struct recipe recipe = { .name = facts[i].name, .san = facts[i].san, GOOD_TIME, .name_type = facts[i].type,
                                 .name_len = facts[i].len };
        memcpy(recipe.more, facts[i].more, sizeof recipe.more);
        X509 *leaf = make(&recipe, m.leaf_key, m.ca, m.ca_key);
        struct slice der = der_of(leaf);
        struct cert_facts f;
        const char *why = NULL;
        int err = facts_read(der, &f, &why);
        assert_int_equal(err, facts[i].want_subject ? 0 : ERR_SYNTAX);
        if (err) {
            assert_non_null(why);
        } else {
            assert_string_equal(f.subject.ptr, facts[i].want_subject);
            assert_string_equal(f.issuer.ptr, "DC=test,CN=ca");
            assert_string_equal(f.serial.ptr, "2b0000000011ac");
            assert_string_equal(f.serial_reversed.ptr, "ac11000000002b");
            assert_int_equal(f.upn_count, facts[i].upns);
            assert_int_equal(f.rfc822_count, facts[i].mails);
            assert_true(slice_equal_str(f.sid, facts[i].sid));
            assert_int_equal(f.sha256.len, 64);
            facts_free(&f);
        }
        OPENSSL_free((void *)der.ptr);
        X509_free(leaf);
    }
}

static const struct {
    const char *label, *value;
    int want;
    const char *issuer, *subject, *serial;
} alts[] = {
    { "issuer and subject",    "X509:<I>DC=a,CN=b<S>CN=c", 0, "DC=a,CN=b", "CN=c", "" },
    { "issuer and serial",     "x509:<i>CN=b<sr>12ab", 0, "CN=b", "", "12ab" },
    { "C03: tag inside quotes", "X509:<S>CN=\"x<I>y\"", 0, "", "CN=\"x<I>y\"", "" },
    { "twice the same tag",    "X509:<S>CN=a<S>CN=b", ERR_SYNTAX, NULL, NULL, NULL },
    { "unknown tag",           "X509:<Q>a", ERR_SYNTAX, NULL, NULL, NULL },
    { "Kerberos",              "Kerberos:a@B", ERR_SYNTAX, NULL, NULL, NULL },
    { "empty value",           "X509:<S>", ERR_SYNTAX, NULL, NULL, NULL },
    { "nothing",               "X509:", ERR_SYNTAX, NULL, NULL, NULL },
    { "tag never ends",        "X509:<S", ERR_SYNTAX, NULL, NULL, NULL },
    { "text before the tag",   "X509:a<S>b", ERR_SYNTAX, NULL, NULL, NULL },
};

static void test_alt_identities(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof alts / sizeof alts[0]; i++) {
        CASE_LABEL(&alts[i]);
        struct alt_identity got;
        assert_int_equal(alt_identity_parse(slice_str(alts[i].value), &got), alts[i].want);
        if (!alts[i].want) {
            assert_true(slice_equal_str(got.issuer, alts[i].issuer));
            assert_true(slice_equal_str(got.subject, alts[i].subject));
            assert_true(slice_equal_str(got.serial_reversed, alts[i].serial));
        }
    }
}

static const struct {
    const char *label, *sid;
    int want;
    size_t len;
} sids[] = {
    { "domain account",       "S-1-5-21-1-2-3-1000", 0, 28 },
    { "everyone",             "S-1-1-0", 0, 12 },
    { "no part",              "S-1-5", ERR_SYNTAX, 0 },
    { "empty part",           "S-1-5-21-", ERR_SYNTAX, 0 },
    { "part above 32 bits",   "S-1-5-4294967296", ERR_SYNTAX, 0 },
    { "other version",        "S-2-5-21", ERR_SYNTAX, 0 },
    { "letters behind",       "S-1-5-21x", ERR_SYNTAX, 0 },
    { "too many parts",       "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16", ERR_SYNTAX, 0 },
};

static void test_sids(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sids / sizeof sids[0]; i++) {
        uint8_t binary[68];
        size_t len = 0;
        CASE_LABEL(&sids[i]);
        assert_int_equal(facts_sid_binary(slice_str(sids[i].sid), binary, &len), sids[i].want);
        assert_int_equal(len, sids[i].len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains), cmocka_unit_test(test_authorities), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_anchors), cmocka_unit_test(test_facts),
        cmocka_unit_test(test_alt_identities), cmocka_unit_test(test_sids),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

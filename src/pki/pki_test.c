/*
 * pki_test.c - chains and facts over certificates made here: a root, an issuing CA and leaves, each wrong in one way.
 */
#include "base/case_test.h"
#include "pki/facts.h"
#include "pki/x509.h"

#include <stdlib.h>

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

struct recipe {
    const char *name, *basic, *usage, *extended, *san;
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
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)r->name, -1, -1, 0);
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
} facts[] = {
    { "plain name",            "Ana",          NULL, "DC=test,CN=Ana", 0, 0, "" },
    { "comma is quoted",       "Ops, Jr.",     NULL, "DC=test,CN=\"Ops, Jr.\"", 0, 0, "" },
    { "quotes are doubled",    "a \"b\"",      NULL, "DC=test,CN=\"a \"\"b\"\"\"", 0, 0, "" },
    { "C03: a tag in a name",  "x<S>CN=y",     NULL, "DC=test,CN=\"x<S>CN=y\"", 0, 0, "" },
    { "other letters",         "Zo\xc3\xab",   NULL, "DC=test,CN=Zo\xc3\xab", 0, 0, "" },
    { "C05: control character", "a\x01z",      NULL, NULL, 0, 0, "" },
    { "UPN and mail",          "a", "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:a@b,email:c@d", "DC=test,CN=a", 1, 1, "" },
    { "two UPNs",              "a", "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:a@b,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:c@d",
      "DC=test,CN=a", 2, 0, "" },
};

static void test_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        CASE_LABEL(&facts[i]);
        const struct recipe recipe = { .name = facts[i].name, .san = facts[i].san, GOOD_TIME };
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
        cmocka_unit_test(test_chains), cmocka_unit_test(test_anchors), cmocka_unit_test(test_facts),
        cmocka_unit_test(test_alt_identities), cmocka_unit_test(test_sids),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

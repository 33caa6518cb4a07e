/* cert_test.c - files in any order, thumbprints as people write them, stores, self-signed certificates. */
#include "tls/cert.h"

#include "base/case_test.h"

#include <stdlib.h>

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

enum { NOW = 1800000000, DAY = 86400 };

static struct cert *make(const char *name)
{
    struct cert *c = NULL;
    struct diag d = { 0 };
    struct cert_request r = { .common_name = slice_str(name), .days = 30, .now = NOW };
    assert_int_equal(cert_create_self_signed(&r, &c, &d), 0);
    return c;
}

static void write(const struct cert *c, unsigned parts, struct text *out)
{
    text_reset(out);
    assert_int_equal(cert_write_pem(c, parts, out), 0);
}

static void test_self_signed(void **state)
{
    (void)state;
    struct cert_info info, again;
    struct diag d = { 0 };
    struct slice names[] = { SLICE_LITERAL("ftp.example.com"), SLICE_LITERAL("192.0.2.1"), SLICE_LITERAL("::1") };
    struct cert_request r = { SLICE_LITERAL("ftp.example.com"), names, COUNT_OF(names), 90, NOW };
    struct cert *c, *read;
    assert_int_equal(cert_create_self_signed(&r, &c, &d), 0);
    cert_describe(c, &info);
    assert_string_equal(info.subject, "CN=ftp.example.com");
    assert_string_equal(info.issuer, "CN=ftp.example.com");
    assert_string_equal(info.names, "ftp.example.com, 192.0.2.1, ::1");
    assert_string_equal(info.key_type, "EC");
    assert_int_equal(info.key_bits, 256);
    assert_int_equal(info.not_before, NOW - 300);
    assert_int_equal(info.not_after, NOW + 90 * DAY);
    assert_true(info.has_key && info.is_self_signed && !info.is_ca);
    assert_int_equal(strlen(info.thumbprint), CERT_THUMBPRINT_LEN);

    OWNED_TEXT_BUFFER pem = { 0 };
    write(c, CERT_PART_ALL, &pem);
    assert_int_equal(cert_parse(text_slice(&pem), NULL, &read, &d), 0);
    cert_describe(read, &again);
    assert_memory_equal(&info, &again, sizeof info);
    cert_free(read);
    cert_free(c);
}

static const struct {
    const char *label, *name;
    unsigned days;
    int want;
} requests[] = {
    { "shortest",                 "a",     1,    0 },
    { "no name",                  "",      1,    ERR_RANGE },
    { "a control character",      "a\nb",  1,    ERR_RANGE },
    { "not UTF-8",                "a\xff", 1,    ERR_RANGE },
    { "65 bytes",                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1, ERR_RANGE },
    { "valid for no day",         "a",     0,    ERR_RANGE },
    { "valid for eleven years",   "a",     4000, ERR_RANGE },
};

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        struct cert *c = NULL;
        struct diag d = { 0 };
        struct cert_request r = { .common_name = slice_str(requests[i].name), .days = requests[i].days, .now = NOW };
        CASE_LABEL(&requests[i]);
        assert_int_equal(cert_create_self_signed(&r, &c, &d), requests[i].want);
        assert_int_equal(d.what[0] != 0, requests[i].want != 0);
        cert_free(c);
    }
}

#define DIGITS "A94A8FE5CCB19BA61C4C0873D391E987982FBBD3"
static const struct {
    const char *label, *written;
    int want;
} thumbprints[] = {
    { "as stored",                            DIGITS, 0 },
    { "lower case",                           "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", 0 },
    { "blanks between the bytes",             "a9 4a 8f e5 cc b1 9b a6 1c 4c 08 73 d3 91 e9 87 98 2f bb d3", 0 },
    { "colons, as openssl prints",            "A9:4A:8F:E5:CC:B1:9B:A6:1C:4C:08:73:D3:91:E9:87:98:2F:BB:D3", 0 },
    { "the mark of the certificate window",   "\xE2\x80\x8E" "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", 0 },
    { "a byte order mark",                    "\xEF\xBB\xBF" DIGITS, 0 },
    { "no-break space at the end",            DIGITS "\xC2\xA0", 0 },
    { "nothing",                              "", ERR_NOT_FOUND },
    { "only blanks",                          "  ", ERR_NOT_FOUND },
    { "one digit short (sub-status 46)",      "A94A8FE5CCB19BA61C4C0873D391E987982FBBD", ERR_RANGE },
    { "one digit long (sub-status 46)",       DIGITS "0", ERR_RANGE },
    { "SHA-256",                              DIGITS "A94A8FE5CCB19BA61C4C0873", ERR_RANGE },
    { "a letter beyond F",                    "G94A8FE5CCB19BA61C4C0873D391E987982FBBD3", ERR_SYNTAX },
    { "half a mark",                          "\xE2\x80" DIGITS, ERR_SYNTAX },
};

static void test_thumbprints(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(thumbprints); i++) {
        char out[CERT_THUMBPRINT_LEN + 1] = "untouched";
        CASE_LABEL(&thumbprints[i]);
        assert_int_equal(cert_normalise_thumbprint(slice_str(thumbprints[i].written), out), thumbprints[i].want);
        assert_string_equal(out, thumbprints[i].want ? "untouched" : DIGITS);
    }
}

/* a: leaf with key; b: another certificate.  What stands in the file and what comes out. */
enum { A_LEAF = 1, A_KEY, B_LEAF, B_KEY, TEXT, END_CUT };
static const struct {
    const char *label;
    int parts[5];
    int want;
    bool leaf_is_a, has_key;
} files[] = {
    { "certificate and key",                   { A_LEAF, A_KEY },         0, true, true },
    { "key first",                             { A_KEY, A_LEAF },         0, true, true },
    { "another certificate first",             { B_LEAF, A_LEAF, A_KEY }, 0, true, true },
    { "two certificates, no key",              { B_LEAF, A_LEAF },        0, false, false },
    { "text around",                           { TEXT, A_LEAF, TEXT, A_KEY, TEXT }, 0, true, true },
    { "a wrong key before the right one",      { B_KEY, A_LEAF, A_KEY },  0, true, true },
    { "only a wrong key (sub-status 45)",      { A_LEAF, B_KEY },         ERR_CONFLICT, false, false },
    { "only a key",                            { A_KEY },                 ERR_NOT_FOUND, false, false },
    { "text only",                             { TEXT },                  ERR_SYNTAX, false, false },
    { "empty",                                 { 0 },                     ERR_SYNTAX, false, false },
    { "cut off",                               { A_LEAF, END_CUT },       ERR_SYNTAX, false, false },
};

static void test_files(void **state)
{
    (void)state;
    struct cert *a = make("a"), *b = make("b");
    struct cert_info info;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        OWNED_TEXT_BUFFER file = { 0 };
        struct cert *c = NULL;
        struct diag d = { 0 };
        CASE_LABEL(&files[i]);
        for (size_t p = 0; p < COUNT_OF(files[i].parts) && files[i].parts[p]; p++) {
            int part = files[i].parts[p];
            if (part == TEXT)
                text_add_str(&file, "subject=whatever\n");
            else if (part == END_CUT)
                file.len -= 40;
            else
                assert_int_equal(cert_write_pem(part <= A_KEY ? a : b, part == A_LEAF || part == B_LEAF
                                                                           ? CERT_PART_LEAF : CERT_PART_KEY, &file), 0);
        }
        assert_int_equal(cert_parse(text_slice(&file), NULL, &c, &d), files[i].want);
        assert_int_equal(d.what[0] != 0, files[i].want != 0);
        if (c) {
            cert_describe(c, &info);
            assert_string_equal(info.subject, files[i].leaf_is_a ? "CN=a" : "CN=b");
            assert_int_equal(cert_has_key(c), files[i].has_key);
        }
        cert_free(c);
    }
    cert_free(a);
    cert_free(b);
}

static void test_store(void **state)
{
    (void)state;
    struct cert *a = make("a"), *b = make("b");
    struct cert_store *s = cert_store_new();
    struct cert_info info;
    struct diag d = { 0 };
    OWNED_TEXT_BUFFER pem = { 0 };

    write(a, CERT_PART_KEY, &pem);
    assert_int_equal(cert_store_add(s, SLICE_LITERAL("a.key"), text_slice(&pem), &d), 0);
    assert_int_equal(cert_store_count(s), 0);
    write(b, CERT_PART_LEAF, &pem);
    assert_int_equal(cert_store_add(s, SLICE_LITERAL("b.pem"), text_slice(&pem), &d), 0);
    write(a, CERT_PART_LEAF, &pem);
    assert_int_equal(cert_store_add(s, SLICE_LITERAL("a.pem"), text_slice(&pem), &d), 0);
    assert_int_equal(cert_store_add(s, SLICE_LITERAL("README"), SLICE_LITERAL("keys live here"), &d), ERR_SYNTAX);
    assert_int_equal(cert_store_count(s), 2);

    cert_describe(a, &info);
    size_t at = cert_store_find(s, info.thumbprint);
    assert_int_equal(at, 1);
    assert_true(cert_has_key(cert_store_at(s, at)));
    assert_string_equal(cert_store_file_at(s, at), "a.pem");
    assert_string_equal(cert_store_key_file_at(s, at), "a.key");
    cert_describe(b, &info);
    at = cert_store_find(s, info.thumbprint);
    assert_false(cert_has_key(cert_store_at(s, at)));
    assert_null(cert_store_key_file_at(s, at));
    write(b, CERT_PART_KEY, &pem);
    assert_int_equal(cert_store_add(s, SLICE_LITERAL("b.key"), text_slice(&pem), &d), 0);
    assert_true(cert_has_key(cert_store_at(s, at)));
    assert_int_equal(cert_store_find(s, DIGITS), SIZE_MAX);
    cert_store_free(s);
    cert_free(a);
    cert_free(b);
}

static void test_add_key(void **state)
{
    (void)state;
    struct cert *a = make("a"), *b = make("b"), *bare;
    struct diag d = { 0 };
    OWNED_TEXT_BUFFER pem = { 0 };
    write(a, CERT_PART_LEAF, &pem);
    assert_int_equal(cert_parse(text_slice(&pem), NULL, &bare, &d), 0);
    assert_int_equal(cert_write_pem(bare, CERT_PART_ALL, &pem), ERR_NOT_FOUND);
    write(b, CERT_PART_KEY, &pem);
    assert_int_equal(cert_add_key(bare, text_slice(&pem), NULL, &d), ERR_CONFLICT);
    assert_false(cert_has_key(bare));
    write(a, CERT_PART_KEY, &pem);
    assert_int_equal(cert_add_key(bare, text_slice(&pem), NULL, &d), 0);
    assert_true(cert_has_key(bare));
    cert_free(bare);
    cert_free(a);
    cert_free(b);
}

/* ---- files that other programs made ---- */

struct pair {
    X509 *x;
    EVP_PKEY *key;
};

static struct pair issue(const char *name, const struct pair *issuer, bool rsa)
{
    struct pair p = { X509_new(), rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256") };
    assert_true(p.x && p.key);
    X509_set_version(p.x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(p.x), name[0]);
    X509_gmtime_adj(X509_getm_notBefore(p.x), 0);
    X509_gmtime_adj(X509_getm_notAfter(p.x), DAY);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(p.x), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(p.x, X509_get_subject_name(issuer ? issuer->x : p.x));
    X509_set_pubkey(p.x, p.key);
    assert_true(X509_sign(p.x, issuer ? issuer->key : p.key, EVP_sha256()) > 0);
    return p;
}

static void drop(struct pair *p)
{
    X509_free(p->x);
    EVP_PKEY_free(p->key);
}

/* The CA's answer to the request of last year: another certificate of the same key. */
static X509 *renew(const struct pair *old)
{
    X509 *x = X509_dup(old->x);
    assert_non_null(x);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1000);
    assert_true(X509_sign(x, old->key, EVP_sha256()) > 0);
    return x;
}

static void take_bio(BIO *bio, struct text *out)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    text_reset(out);
    text_add(out, slice_of(bytes, (size_t)len));
    BIO_free(bio);
}

static void pem_of(X509 *x, struct text *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_true(PEM_write_bio_X509(bio, x));
    take_bio(bio, out);
}

static void key_pem_of(EVP_PKEY *key, struct text *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_true(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
    take_bio(bio, out);
}

static const struct {
    const char *label, *files[4], *old_key, *new_key;
} renewals[] = {
    { "sorts before the old one",     { "new.pem", "old.key", "old.pem" },            "old.key", "old.key" },
    { "sorts behind it",              { "old.key", "old.pem", "renewed.pem" },        "old.key", "old.key" },
    { "the key sorts behind both",    { "new.pem", "old.pem", "z.key" },              "z.key",   "z.key" },
    { "each has its copy of the key", { "new.key", "new.pem", "old.key", "old.pem" }, "old.key", "new.key" },
    { "no key at all",                { "new.pem", "old.pem" },                       NULL,      NULL },
};

static void check_key(const struct cert_store *s, size_t at, const char *key_file)
{
    assert_int_equal(cert_has_key(cert_store_at(s, at)), key_file != NULL);
    if (key_file)
        assert_string_equal(cert_store_key_file_at(s, at), key_file);
    else
        assert_null(cert_store_key_file_at(s, at));
}

/* The one in use keeps its key, wherever the files of the renewed one sort. */
static void test_renewed(void **state)
{
    (void)state;
    struct pair old = issue("ftp", NULL, false);
    X509 *fresh = renew(&old);
    OWNED_TEXT_BUFFER old_pem = { 0 }, new_pem = { 0 }, key = { 0 };
    pem_of(old.x, &old_pem);
    pem_of(fresh, &new_pem);
    key_pem_of(old.key, &key);
    for (size_t i = 0; i < COUNT_OF(renewals); i++) {
        struct cert_store *s = cert_store_new();
        struct diag d = { 0 };
        CASE_LABEL(&renewals[i]);
        for (size_t f = 0; f < COUNT_OF(renewals[i].files) && renewals[i].files[f]; f++) {
            const char *name = renewals[i].files[f];
            const struct text *bytes = strstr(name, ".key") ? &key : strstr(name, "old") ? &old_pem : &new_pem;
            assert_int_equal(cert_store_add(s, slice_str(name), text_slice(bytes), &d), 0);
        }
        assert_int_equal(cert_store_count(s), 2);
        size_t first_is_old = strcmp(cert_store_file_at(s, 0), "old.pem") == 0;
        check_key(s, !first_is_old, renewals[i].old_key);
        check_key(s, first_is_old, renewals[i].new_key);
        cert_store_free(s);
    }
    X509_free(fresh);
    drop(&old);
}

static const struct {
    const char *label, *password, *try_password;
    int want;
} pfx[] = {
    { "with its password",       "secret", "secret", 0 },
    { "another password",        "secret", "Secret", ERR_DENIED },
    { "no password given",       "secret", NULL,     ERR_DENIED },
    { "without a password",      "",       NULL,     0 },
};

static void test_pfx(void **state)
{
    (void)state;
    struct pair root = issue("Root", NULL, false), ca = issue("CA", &root, false), leaf = issue("leaf", &ca, true);
    STACK_OF(X509) *others = sk_X509_new_null();
    sk_X509_push(others, root.x); /* the order in the file is no order */
    sk_X509_push(others, ca.x);
    for (size_t i = 0; i < COUNT_OF(pfx); i++) {
        OWNED_TEXT_BUFFER file = { 0 };
        struct cert *c = NULL;
        struct cert_info info;
        struct diag d = { 0 };
        CASE_LABEL(&pfx[i]);
        PKCS12 *p12 = PKCS12_create(pfx[i].password, "friendly", leaf.key, leaf.x, others, 0, 0, 0, 0, 0);
        BIO *bio = BIO_new(BIO_s_mem());
        assert_true(p12 && i2d_PKCS12_bio(bio, p12));
        PKCS12_free(p12);
        take_bio(bio, &file);
        assert_int_equal(cert_parse_pfx(text_slice(&file), pfx[i].try_password, &c, &d), pfx[i].want);
        assert_int_equal(d.what[0] != 0, pfx[i].want != 0);
        if (c) {
            cert_describe(c, &info);
            assert_string_equal(info.subject, "CN=leaf");
            assert_string_equal(info.issuer, "CN=CA");
            assert_string_equal(info.key_type, "RSA");
            assert_int_equal(info.key_bits, 2048);
            assert_int_equal(info.chain_length, 1); /* without the root */
            assert_true(info.has_key && !info.is_self_signed);
        }
        cert_free(c);
        assert_int_equal(cert_parse_pfx(slice_first(text_slice(&file), file.len / 2), "secret", &c, &d), ERR_SYNTAX);
    }
    sk_X509_free(others);
    drop(&leaf);
    drop(&ca);
    drop(&root);
}

static void test_encrypted_key(void **state)
{
    (void)state;
    struct pair p = issue("a", NULL, false);
    OWNED_TEXT_BUFFER file = { 0 };
    BIO *bio = BIO_new(BIO_s_mem());
    struct cert *c = NULL;
    struct diag d = { 0 };
    assert_true(PEM_write_bio_X509(bio, p.x) &&
                PEM_write_bio_PKCS8PrivateKey(bio, p.key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL));
    take_bio(bio, &file);
    assert_int_equal(cert_parse(text_slice(&file), NULL, &c, &d), ERR_DENIED);
    assert_string_equal(d.what, "the private key is encrypted");
    assert_int_equal(cert_parse(text_slice(&file), "wrong", &c, &d), ERR_DENIED);
    assert_null(strstr(d.what, "wrong"));
    assert_int_equal(cert_parse(text_slice(&file), "secret", &c, &d), 0);
    assert_true(cert_has_key(c));
    cert_free(c);
    drop(&p);
}

static void test_der(void **state)
{
    (void)state;
    struct pair p = issue("a", NULL, false);
    OWNED_TEXT_BUFFER leaf = { 0 }, key = { 0 };
    struct cert *c;
    struct diag d = { 0 };
    BIO *bio = BIO_new(BIO_s_mem());
    assert_true(i2d_X509_bio(bio, p.x));
    take_bio(bio, &leaf);
    bio = BIO_new(BIO_s_mem());
    assert_true(i2d_PrivateKey_bio(bio, p.key));
    take_bio(bio, &key);
    assert_int_equal(cert_parse(text_slice(&leaf), NULL, &c, &d), 0);
    assert_false(cert_has_key(c));
    assert_int_equal(cert_add_key(c, text_slice(&key), NULL, &d), 0);
    cert_free(c);
    text_add_char(&leaf, 0);
    assert_int_equal(cert_parse(text_slice(&leaf), NULL, &c, &d), ERR_SYNTAX); /* a byte left over */
    drop(&p);
}

/* The chain from the CA store when the file holds the leaf alone. */
static void test_complete_chain(void **state)
{
    (void)state;
    struct pair root = issue("Root", NULL, false), upper = issue("Upper", &root, false),
                lower = issue("Lower", &upper, false), leaf = issue("leaf", &lower, false);
    struct cert_store *my = cert_store_new(), *authorities = cert_store_new();
    OWNED_TEXT_BUFFER pem = { 0 }, expected = { 0 };
    struct diag d = { 0 };
    X509 *const in_store[] = { root.x, upper.x, lower.x };
    for (size_t i = 0; i < COUNT_OF(in_store); i++) {
        pem_of(in_store[i], &pem);
        assert_int_equal(cert_store_add(authorities, SLICE_LITERAL("ca"), text_slice(&pem), &d), 0);
    }
    pem_of(leaf.x, &pem);
    assert_int_equal(cert_store_add(my, SLICE_LITERAL("leaf"), text_slice(&pem), &d), 0);
    assert_int_equal(cert_store_complete_chain(my, 0, authorities), 0);
    assert_int_equal(cert_store_complete_chain(my, 0, authorities), 0); /* again changes nothing */
    X509 *const wanted[] = { leaf.x, lower.x, upper.x };
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        pem_of(wanted[i], &pem);
        text_add(&expected, text_slice(&pem));
    }
    text_reset(&pem);
    assert_int_equal(cert_write_pem(cert_store_at(my, 0), CERT_PART_LEAF | CERT_PART_CHAIN, &pem), 0);
    assert_string_equal(text_str(&pem), text_str(&expected));
    cert_store_free(my);
    cert_store_free(authorities);
    drop(&leaf);
    drop(&lower);
    drop(&upper);
    drop(&root);
}

/* A name from a certificate is text from outside. */
static void test_names_are_escaped(void **state)
{
    (void)state;
    struct pair p = issue("evil\r\n\x1b[31m, O=other", NULL, false);
    OWNED_TEXT_BUFFER pem = { 0 };
    struct cert_info info;
    struct cert *c;
    struct diag d = { 0 };
    pem_of(p.x, &pem);
    assert_int_equal(cert_parse(text_slice(&pem), NULL, &c, &d), 0);
    cert_describe(c, &info);
    assert_false(slice_has_control(slice_str(info.subject)));
    assert_string_equal(info.subject, "CN=evil\\x0d\\x0a\\x1b[31m\\\\, O=other");
    cert_free(c);
    drop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_self_signed),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_thumbprints),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_add_key),
        cmocka_unit_test(test_renewed),
        cmocka_unit_test(test_pfx),
        cmocka_unit_test(test_encrypted_key),
        cmocka_unit_test(test_der),
        cmocka_unit_test(test_complete_chain),
        cmocka_unit_test(test_names_are_escaped),
    };
    if (cert_prepare())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

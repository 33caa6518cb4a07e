/* revocation_fuzz.c - bytes of a stranger as a CRL and as an OCSP answer: nothing of them may count, they are not signed. */
#include "pki/revocation_priv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static X509 *issuer;

static void make_issuer(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    issuer = X509_new();
    X509_NAME *name = X509_NAME_new();
    if (!key || !issuer || !name)
        abort();
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Issuer", -1, -1, 0);
    X509_set_version(issuer, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(issuer), 1);
    X509_set_subject_name(issuer, name);
    X509_set_issuer_name(issuer, name);
    X509_gmtime_adj(X509_getm_notBefore(issuer), -60);
    X509_gmtime_adj(X509_getm_notAfter(issuer), 3600);
    X509_set_pubkey(issuer, key);
    if (!X509_sign(issuer, key, EVP_sha256()))
        abort();
    X509_NAME_free(name);
    EVP_PKEY_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int (*const readers[])(const struct ask *, struct pki_item *, const char **) = { crl_read, ocsp_read };
    if (!issuer)
        make_issuer();
    struct pki_cache *cache = pki_cache_new();
    const struct ask ask = { .cert = issuer, .issuer = issuer, .at = 1800000000, .now = 1800000000 };
    for (size_t i = 0; cache && i < 2; i++) {
        const char *why = "";
        struct pki_item *item = pki_item_new();
        if (!item)
            break;
        text_add(&item->bytes, slice_of((const char *)data, size));
        if (readers[i](&ask, item, &why) == 0)
            abort();
        pki_item_unref(cache, item);
    }
    pki_cache_free(cache);
    ERR_clear_error();
    return 0;
}

/*
 * issuers.c - issuers that the client did not send, from where the certificate says they are (AIA caIssuers).
 *
 * The one fetch that comes before the chain is verified, because without the issuer there is no chain.  It is a GET
 * without anything of ours in it, to few addresses, under the same limits as all others; what it brings is never trusted.
 */
#include <time.h>

#include "pki/revocation_priv.h"

enum { ISSUER_URLS = 3, ISSUER_CERTS = 8, ISSUER_CACHE_SECONDS = 24 * 3600 };

static void free_certs(void *certs)
{
    sk_X509_pop_free(certs, X509_free);
}

/* certs-only PKCS#7, as CAs that renewed publish it */
static void read_pkcs7(struct slice bytes, STACK_OF(X509) *certs)
{
    const unsigned char *at = (const unsigned char *)bytes.ptr;
    PKCS7 *p7 = d2i_PKCS7(NULL, &at, (long)bytes.len);
    STACK_OF(X509) *inside = p7 && PKCS7_type_is_signed(p7) && p7->d.sign ? p7->d.sign->cert : NULL;
    for (int i = 0; i < sk_X509_num(inside) && i < ISSUER_CERTS; i++)
        if (X509_up_ref(sk_X509_value(inside, i)) && !sk_X509_push(certs, sk_X509_value(inside, i)))
            X509_free(sk_X509_value(inside, i));
    PKCS7_free(p7);
}

static void read_pem(struct slice bytes, STACK_OF(X509) *certs)
{
    BIO *bio = BIO_new_mem_buf(bytes.ptr, (int)bytes.len);
    X509 *x;
    while (bio && sk_X509_num(certs) < ISSUER_CERTS && (x = PEM_read_bio_X509(bio, NULL, NULL, "")))
        if (!sk_X509_push(certs, x))
            X509_free(x);
    BIO_free(bio);
}

static void read_der(struct slice bytes, STACK_OF(X509) *certs)
{
    const unsigned char *at = (const unsigned char *)bytes.ptr;
    X509 *x = d2i_X509(NULL, &at, (long)bytes.len);
    if (x && !sk_X509_push(certs, x))
        X509_free(x);
}

static int read_certs(const struct ask *a, void *context, struct pki_item *item, const char **why_out)
{
    static void (*const readers[])(struct slice, STACK_OF(X509) *) = { read_der, read_pkcs7, read_pem };
    (void)context;
    *why_out = "sent something that is no certificate";
    STACK_OF(X509) *certs = sk_X509_new_null();
    if (!certs)
        return ERR_NOMEM;
    item->parsed = certs;
    item->free_parsed = free_certs;
    item->this_update = a->at;
    item->next_update = item->this_update + ISSUER_CACHE_SECONDS;
    for (size_t i = 0; i < sizeof readers / sizeof readers[0] && sk_X509_num(certs) == 0; i++)
        readers[i](text_slice(&item->bytes), certs);
    return sk_X509_num(certs) > 0 ? 0 : ERR_SYNTAX;
}

static MUST_USE int add_certs(STACK_OF(X509) *certs, struct pki_found *found)
{
    int err = 0;
    for (int i = 0; i < sk_X509_num(certs) && !err; i++) {
        unsigned char *der = NULL;
        int len = i2d_X509(sk_X509_value(certs, i), &der);
        err = len > 0 ? pki_found_add(found, slice_of((char *)der, (size_t)len)) : ERR_NOMEM;
        OPENSSL_free(der);
    }
    return err;
}

static MUST_USE int fetch_each(const struct ask *a, const struct urls *urls, struct pki_found *found)
{
    int result = ERR_NOT_FOUND;
    for (size_t i = 0; i < urls->count && i < ISSUER_URLS; i++) {
        const struct source source = { .kind = "issuer", .url = urls_get(urls, i), .max = PKI_CERT_MAX, .read = read_certs };
        struct pki_item *item;
        const char *why;
        bool cached;
        if (obtain(a, &source, &item, &cached, &why))
            continue;
        result = add_certs(item->parsed, found);
        pki_item_unref(a->r->cache, item);
        if (result)
            return result;
    }
    return result;
}

int revocation_fetch_issuers(void *context, struct slice der, bool cache_only, struct pki_found *found)
{
    const struct revocation_fetch *f = context;
    X509 *cert = pki_x509_parse(der);
    struct ask ask;
    if (!cert)
        return ERR_SYNTAX;
    OWNED_URLS urls = { 0 };
    urls_add_access(&urls, cert, NID_ad_ca_issuers);
    X509_free(cert);
    int err = ask_begin(&ask, f->revocation);
    ask.cache_only = cache_only;
    ask.at = ask.now = time(NULL);
    ask.deadline_ms = f->deadline_ms;
    bool stale = false; /* of no interest here */
    ask.stale = &stale;
    if (!err)
        err = fetch_each(&ask, &urls, found);
    ask_end(&ask);
    ERR_clear_error();
    return err;
}

/*
 * crl.c - is a certificate revoked?  By the issuer's CRL, and the delta CRL where one is named.
 *
 * Which entry of which list counts (scopes, holds, removals) is OpenSSL's to say; it sees one certificate, its issuer as
 * the anchor, and the two lists.  What OpenSSL leaves out is done here: a delta that is named must be there and must fit
 * to the list, because without it a revocation of the last hours would be missed.
 */
#include <stdio.h>

#include "pki/revocation_priv.h"

static void free_crl(void *crl)
{
    X509_CRL_free(crl);
}

static int read_crl(const struct ask *a, void *context, struct pki_item *item, const char **why_out)
{
    (void)context;
    const unsigned char *at = (const unsigned char *)item->bytes.ptr, *end = at + item->bytes.len;
    *why_out = "sent something that is no CRL";
    if (!item->bytes.len)
        return ERR_SYNTAX;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)item->bytes.len);
    if (!crl || at != end) {
        X509_CRL_free(crl);
        return ERR_SYNTAX;
    }
    item->parsed = crl;
    item->free_parsed = free_crl;
    *why_out = "sent a CRL that the issuer did not sign";
    if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(a->issuer)) != 0 ||
        X509_CRL_verify(crl, X509_get0_pubkey(a->issuer)) != 1)
        return ERR_DENIED;
    *why_out = "sent a CRL without a time that can be read";
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
    if (pki_time(X509_CRL_get0_lastUpdate(crl), &item->this_update) || (next && pki_time(next, &item->next_update)))
        return ERR_SYNTAX;
    return 0;
}

int crl_read(const struct ask *a, struct pki_item *item, const char **why_out)
{
    return read_crl(a, NULL, item, why_out);
}

static MUST_USE int obtain_crl(const struct ask *a, struct slice url, struct pki_item **item_out, bool *cached_out,
                               const char **why_out)
{
    const struct source source = { .kind = "crl", .url = url, .ldap = true, .lasts = true, .max = CRL_BYTES_MAX,
                                   .issuer = a->issuer, .read = read_crl };
    return obtain(a, &source, item_out, cached_out, why_out);
}

/* ---- deltas ---- */

/* The number in an extension as something to compare; ERR_NOT_FOUND: absent, more than once, or unreadable. */
static MUST_USE int number_of(X509_CRL *crl, int nid, ASN1_INTEGER **number_out)
{
    *number_out = X509_CRL_get_ext_d2i(crl, nid, NULL, NULL);
    return *number_out ? 0 : ERR_NOT_FOUND;
}

static bool same_extension(const X509_CRL *a, const X509_CRL *b, int nid)
{
    int in_a = X509_CRL_get_ext_by_NID(a, nid, -1), in_b = X509_CRL_get_ext_by_NID(b, nid, -1);
    if (in_a < 0 || in_b < 0)
        return in_a < 0 && in_b < 0;
    return ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(X509_CRL_get_ext(a, in_a)),
                                 X509_EXTENSION_get_data(X509_CRL_get_ext(b, in_b))) == 0;
}

/* A delta must start from the list we have, or from an older one, and be of its key and scope: OpenSSL leaves any other
 * aside without a word.  One without a number of its own makes some versions of OpenSSL crash. */
static bool delta_fits(X509_CRL *base, X509_CRL *delta)
{
    ASN1_INTEGER *have = NULL, *from = NULL, *own = NULL;
    bool fits = number_of(base, NID_crl_number, &have) == 0 && number_of(delta, NID_delta_crl, &from) == 0 &&
                number_of(delta, NID_crl_number, &own) == 0 && ASN1_INTEGER_cmp(from, have) <= 0 &&
                same_extension(base, delta, NID_authority_key_identifier) &&
                same_extension(base, delta, NID_issuing_distribution_point);
    ASN1_INTEGER_free(have);
    ASN1_INTEGER_free(from);
    ASN1_INTEGER_free(own);
    return fits;
}

static void find_delta_urls(const struct ask *a, X509_CRL *base, struct urls *urls)
{
    CRL_DIST_POINTS *of_cert = X509_get_ext_d2i(a->cert, NID_freshest_crl, NULL, NULL);
    CRL_DIST_POINTS *of_crl = X509_CRL_get_ext_d2i(base, NID_freshest_crl, NULL, NULL);
    urls_add_points(urls, of_cert);
    urls_add_points(urls, of_crl);
    CRL_DIST_POINTS_free(of_cert);
    CRL_DIST_POINTS_free(of_crl);
}

static MUST_USE int obtain_delta(const struct ask *a, const struct urls *urls, X509_CRL *base, struct pki_item **item_out,
                                 const char **why_out)
{
    for (size_t i = 0; i < urls->count; i++) {
        struct pki_item *item;
        bool cached;
        if (obtain_crl(a, urls_get(urls, i), &item, &cached, why_out))
            continue;
        if (delta_fits(base, item->parsed)) {
            *item_out = item;
            return 0;
        }
        *why_out = "has a delta CRL that does not fit to the CRL";
        pki_item_unref(a->r->cache, item);
    }
    return ERR_NOT_FOUND;
}

/* ---- the look-up ---- */

static int verify_with(const struct ask *a, X509_STORE_CTX *ctx, STACK_OF(X509) *anchors, STACK_OF(X509_CRL) *crls)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_USE_DELTAS | X509_V_FLAG_EXTENDED_CRL_SUPPORT |
                                           X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(param, a->at);
    X509_STORE_CTX_set0_trusted_stack(ctx, anchors);
    X509_STORE_CTX_set0_crls(ctx, crls);
    if (X509_verify_cert(ctx) == 1)
        return X509_V_OK;
    int error = X509_STORE_CTX_get_error(ctx);
    return error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error;
}

static int look_up(const struct ask *a, X509_CRL *base, X509_CRL *delta)
{
    int error = X509_V_ERR_OUT_OF_MEM;
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE *nothing = X509_STORE_new();
    STACK_OF(X509) *anchors = sk_X509_new_null();
    STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
    if (ctx && nothing && anchors && crls && sk_X509_push(anchors, a->issuer) && sk_X509_CRL_push(crls, base) &&
        (!delta || sk_X509_CRL_push(crls, delta)) && X509_STORE_CTX_init(ctx, nothing, a->cert, NULL))
        error = verify_with(a, ctx, anchors, crls);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(nothing);
    sk_X509_free(anchors);
    sk_X509_CRL_free(crls);
    ERR_clear_error();
    return error;
}

static void judge(const struct ask *a, int error, enum revocation_source source, int64_t this_update, struct slice url,
                  struct revocation_answer *answer)
{
    if (error == X509_V_OK)
        answer_set(answer, REVOCATION_GOOD, source, a, this_update, url);
    else if (error == X509_V_ERR_CERT_REVOKED)
        answer_set(answer, REVOCATION_REVOKED, source, a, this_update, url);
    else
        answer_fail(answer, "CRL", X509_verify_cert_error_string(error), url);
}

static void ask_one(const struct ask *a, struct slice url, struct revocation_answer *answer)
{
    OWNED_URLS delta_urls = { 0 };
    struct pki_item *base, *delta = NULL;
    const char *why;
    bool cached;
    if (obtain_crl(a, url, &base, &cached, &why)) {
        answer_fail(answer, "CRL", why, url);
        return;
    }
    enum revocation_source source = cached ? REVOCATION_CACHE : REVOCATION_CRL;
    find_delta_urls(a, base->parsed, &delta_urls);
    if (delta_urls.count && obtain_delta(a, &delta_urls, base->parsed, &delta, &why)) {
        /* Without the delta only one thing is sure: what the list itself revokes for good. */
        int error = look_up(a, base->parsed, NULL);
        if (error == X509_V_ERR_CERT_REVOKED)
            judge(a, error, source, base->this_update, url, answer);
        else
            answer_fail(answer, "delta CRL", why, urls_get(&delta_urls, 0));
    } else {
        int64_t newest = delta && delta->this_update > base->this_update ? delta->this_update : base->this_update;
        judge(a, look_up(a, base->parsed, delta ? delta->parsed : NULL), source, newest, url, answer);
    }
    pki_item_unref(a->r->cache, delta);
    pki_item_unref(a->r->cache, base);
}

void crl_ask(const struct ask *a, struct revocation_answer *answer)
{
    OWNED_URLS urls = { 0 };
    CRL_DIST_POINTS *points = X509_get_ext_d2i(a->cert, NID_crl_distribution_points, NULL, NULL);
    urls_add_points(&urls, points);
    CRL_DIST_POINTS_free(points);
    answer->no_source &= urls.count == 0;
    for (size_t i = 0; i < urls.count && answer->status == REVOCATION_UNKNOWN; i++)
        ask_one(a, urls_get(&urls, i), answer);
}

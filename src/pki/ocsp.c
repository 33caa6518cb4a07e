/*
 * ocsp.c - is a certificate revoked?  By OCSP (RFC 6960).
 *
 * An answer counts when the issuer itself signed it or a certificate that the issuer gave the OCSPSigning usage, when it
 * is about this certificate, lies in its time, and, where it carries a nonce, carries ours.  Anything else is no answer.
 * A responder's certificate that names a CRL, and is not exempt from that (id-pkix-ocsp-nocheck), must be good by it
 * (RFC 6960 4.2.2.2.1), each time that the answer is used.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pki/revocation_priv.h"

struct ocsp_context {
    OCSP_REQUEST *request;
    OCSP_CERTID *id; /* owned by the request */
};

/* The cache keeps only what was decided, and whom to look at again. */
struct kept {
    bool revoked;
    X509 *responder; /* NULL: whoever signed need not be looked at */
};

static void free_kept(void *kept)
{
    X509_free(((struct kept *)kept)->responder);
    free(kept);
}

static bool names_crl(X509 *x)
{
    return X509_get_ext_by_NID(x, NID_crl_distribution_points, -1) >= 0;
}

/* Only the issuer can speak for its certificates, by itself or by a responder it certified for that: then *responder_out
 * is a reference to that one, if a CRL may take its word back. */
static bool is_signed_by_issuer(const struct ask *a, OCSP_BASICRESP *basic, X509 **responder_out)
{
    X509 *signer = NULL;
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *certs = sk_X509_new_null();
    bool ok = store && certs && X509_STORE_add_cert(store, a->issuer) && sk_X509_push(certs, a->issuer);
    if (ok) {
        X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
        X509_VERIFY_PARAM_set_time(param, a->at);
        X509_VERIFY_PARAM_set_depth(param, 2);
        ok = OCSP_basic_verify(basic, certs, store, OCSP_NOEXPLICIT | OCSP_PARTIAL_CHAIN) == 1 &&
             OCSP_resp_get0_signer(basic, &signer, certs) == 1;
    }
    bool is_lasting = !ok || X509_cmp(signer, a->issuer) == 0 || X509_get_ext_by_NID(signer, NID_id_pkix_OCSP_noCheck, -1) >= 0;
    if (!is_lasting && names_crl(signer) && X509_up_ref(signer))
        *responder_out = signer;
    sk_X509_free(certs);
    X509_STORE_free(store);
    return ok;
}

/* What is said about the certificate; where it is said twice, revoked counts.  NULL: nothing. */
static OCSP_SINGLERESP *find_single(OCSP_BASICRESP *basic, OCSP_CERTID *id)
{
    OCSP_SINGLERESP *found = NULL;
    for (int at = -1; (at = OCSP_resp_find(basic, id, at)) >= 0;) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, at);
        if (!found || OCSP_single_get0_status(single, NULL, NULL, NULL, NULL) == V_OCSP_CERTSTATUS_REVOKED)
            found = single;
    }
    return found;
}

static int read_basic(const struct ask *a, const struct ocsp_context *c, OCSP_BASICRESP *basic, struct pki_item *item,
                      const char **why_out)
{
    ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
    struct kept *kept = calloc(1, sizeof *kept);
    if (!kept)
        return ERR_NOMEM;
    item->parsed = kept;
    item->free_parsed = free_kept;
    *why_out = "answered with a nonce that is not ours";
    if (!item->stored && OCSP_check_nonce(c->request, basic) == 0)
        return ERR_DENIED;
    *why_out = "answered under a signature that the issuer does not stand for";
    if (!is_signed_by_issuer(a, basic, &kept->responder))
        return ERR_DENIED;
    *why_out = "answered about another certificate";
    OCSP_SINGLERESP *single = find_single(basic, c->id);
    if (!single)
        return ERR_NOT_FOUND;
    int status = OCSP_single_get0_status(single, NULL, NULL, &this_update, &next_update);
    *why_out = "does not know the certificate";
    if (status != V_OCSP_CERTSTATUS_GOOD && status != V_OCSP_CERTSTATUS_REVOKED)
        return ERR_NOT_FOUND;
    *why_out = "answered without a time that can be read";
    if (pki_time(this_update, &item->this_update) || (next_update && pki_time(next_update, &item->next_update)))
        return ERR_SYNTAX;
    *why_out = "gave an answer that is out of date";
    if (next_update ? item->next_update < item->this_update : a->at - item->this_update > NO_NEXT_UPDATE)
        return ERR_RANGE;
    kept->revoked = status == V_OCSP_CERTSTATUS_REVOKED;
    return 0;
}

static int read_answer(const struct ask *a, void *context, struct pki_item *item, const char **why_out)
{
    const unsigned char *at = (const unsigned char *)item->bytes.ptr, *end = at + item->bytes.len;
    *why_out = "sent something that is no OCSP answer";
    if (!item->bytes.len)
        return ERR_SYNTAX;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)item->bytes.len);
    OCSP_BASICRESP *basic = NULL;
    int err = response && at == end ? 0 : ERR_SYNTAX;
    if (!err && OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        *why_out = "answered with an error";
        err = ERR_NOT_FOUND;
    }
    if (!err)
        basic = OCSP_response_get1_basic(response);
    if (!err)
        err = basic ? read_basic(a, context, basic, item, why_out) : ERR_SYNTAX;
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    return err;
}

static OCSP_REQUEST *make_request(const struct ask *a, OCSP_CERTID **id_out)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), a->cert, a->issuer);
    if (request && id && OCSP_request_add0_id(request, id) && OCSP_request_add1_nonce(request, NULL, -1)) {
        *id_out = id;
        return request;
    }
    OCSP_REQUEST_free(request);
    return NULL;
}

int ocsp_read(const struct ask *a, struct pki_item *item, const char **why_out)
{
    struct ocsp_context context = { 0 };
    context.request = make_request(a, &context.id);
    int err = context.request ? read_answer(a, &context, item, why_out) : ERR_NOMEM;
    OCSP_REQUEST_free(context.request);
    return err;
}

enum { GET_MAX = 255 }; /* octets of an encoded request that may be part of the address (RFC 6960 appendix A.1) */

/* "http://host/path/" and the request, encoded twice. */
static void make_get(struct slice url, const unsigned char *der, int len, struct text *get)
{
    char encoded[(GET_MAX + 2) / 3 * 4 + 1];
    if (len > GET_MAX / 4 * 3)
        return;
    EVP_EncodeBlock((unsigned char *)encoded, der, len);
    text_add(get, url);
    if (!slice_ends(url, SLICE_LITERAL("/")))
        text_add_char(get, '/');
    for (const char *c = encoded; *c; c++) {
        if (*c == '+' || *c == '/' || *c == '=')
            text_addf(get, "%%%02X", (unsigned)*c);
        else
            text_add_char(get, *c);
    }
}

/* Whether the CA has not taken back its word for the responder. */
static bool responder_counts(const struct ask *a, X509 *responder)
{
    struct revocation_answer about = { .status = REVOCATION_UNKNOWN };
    struct ask asked = *a;
    if (!responder)
        return true;
    asked.cert = responder;
    crl_ask(&asked, &about);
    return about.status == REVOCATION_GOOD;
}

static void take_answer(const struct ask *a, struct slice url, const struct pki_item *item, bool cached,
                        struct revocation_answer *answer)
{
    const struct kept *kept = item->parsed;
    if (responder_counts(a, kept->responder))
        answer_set(answer, kept->revoked ? REVOCATION_REVOKED : REVOCATION_GOOD, cached ? REVOCATION_CACHE : REVOCATION_OCSP, a,
                   item->this_update, url);
    else
        answer_fail(answer, "OCSP", "the responder's own certificate is revoked, or nobody says whether it is", url);
}

static void ask_one(const struct ask *a, struct slice url, struct revocation_answer *answer)
{
    struct ocsp_context context = { 0 };
    unsigned char *der = NULL;
    context.request = make_request(a, &context.id);
    int len = context.request ? i2d_OCSP_REQUEST(context.request, &der) : -1;
    OWNED_TEXT_BUFFER get = { 0 };
    if (len > 0)
        make_get(url, der, len, &get);
    if (len > 0 && !text_error(&get)) {
        const struct source source = { .kind = "ocsp", .url = url, .get = text_slice(&get), .body = slice_of((char *)der, (size_t)len),
                                       .type = "application/ocsp-request", .lasts = true, .max = OCSP_BYTES_MAX,
                                       .about = a->cert, .issuer = a->issuer, .read = read_answer, .context = &context };
        struct pki_item *item;
        const char *why;
        bool cached;
        int err = obtain(a, &source, &item, &cached, &why);
        if (err) {
            answer_fail(answer, "OCSP", why, url);
        } else {
            take_answer(a, url, item, cached, answer);
            pki_item_unref(a->r->cache, item);
        }
    }
    OPENSSL_free(der);
    OCSP_REQUEST_free(context.request);
}

void ocsp_ask(const struct ask *a, struct revocation_answer *answer)
{
    OWNED_URLS urls = { 0 };
    urls_add_access(&urls, a->cert, NID_ad_OCSP);
    answer->no_source &= urls.count == 0;
    for (size_t i = 0; i < urls.count && answer->status == REVOCATION_UNKNOWN; i++)
        ask_one(a, urls_get(&urls, i), answer);
}

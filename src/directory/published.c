/*
 * published.c - what an enterprise CA publishes in the directory: CRLs, and store NTAuth.
 *
 * Read from the configured controllers alone, whatever host an address names: a host that is none of them is refused.
 */
/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE

#include "base/clock.h"
#include "directory/directory_priv.h"
#include "directory/ldap_url.h"

static bool is_ours(struct directory *d, struct slice host)
{
    size_t colon = slice_find(host, ':');
    return !host.len || ldap_pool_has_host(d->pool, slice_first(host, colon == SIZE_MAX ? host.len : colon));
}

static MUST_USE int read_list(struct directory *d, const struct ldap_crl_url *url, struct text *crl_out)
{
    static const char *const lists[] = { "certificateRevocationList", "certificateRevocationList;binary",
                                         "authorityRevocationList", "authorityRevocationList;binary", NULL };
    static const char *const deltas[] = { "deltaRevocationList", "deltaRevocationList;binary", NULL };
    const char *const *wanted = url->delta ? deltas : lists;
    OWNED_ANSWER answer = { 0 };
    const struct ldap_query query = { text_str(&url->dn), LDAP_SCOPE_BASE, NULL, wanted, 1 };
    int err = ldap_pool_search(d->pool, &query, NULL, &answer);
    LDAPMessage *entry = err ? NULL : ldap_answer_next(&answer, NULL);
    for (size_t i = 0; entry && wanted[i]; i++) {
        if (ldap_answer_text(&answer, entry, wanted[i], crl_out) && crl_out->len > 1) /* AD holds one zero octet for "none" */
            return text_error(crl_out);
        text_reset(crl_out);
    }
    return err == ERR_CLOSED || err == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_NOT_FOUND;
}

int directory_read_crl(struct directory *d, struct slice address, struct text *crl_out)
{
    struct ldap_crl_url url;
    int err = ldap_crl_url_parse(address, &url);
    if (err)
        return err;
    err = is_ours(d, url.host) ? read_list(d, &url, crl_out) : ERR_DENIED;
    text_free(&url.dn);
    return err;
}

/* ---- store NTAuth ---- */

static bool digest_of(struct slice der, uint8_t digest_out[NTAUTH_DIGEST])
{
    unsigned len;
    return EVP_Digest(der.ptr, der.len, digest_out, &len, EVP_sha256(), NULL) == 1;
}

static MUST_USE int read_ntauth(struct directory *d, struct text *steps, struct ntauth *ntauth_out)
{
    static const char *const wanted[] = { "cACertificate", "cACertificate;binary", NULL };
    const struct domain *domain;
    OWNED_TEXT_BUFFER dn = { 0 };
    OWNED_ANSWER answer = { 0 };
    struct ntauth ntauth = { .until = clock_ms() + NTAUTH_CACHE_MS };
    if (directory_domain(d, steps, &domain))
        return ERR_CLOSED;
    if (!domain->configuration)
        return ERR_NOT_FOUND;
    text_addf(&dn, "CN=NTAuthCertificates,CN=Public Key Services,CN=Services,%s", domain->configuration);
    const struct ldap_query query = { text_str(&dn), LDAP_SCOPE_BASE, NULL, wanted, 1 };
    int err = text_error(&dn) ? ERR_NOMEM : ldap_pool_search(d->pool, &query, steps, &answer);
    LDAPMessage *entry = err ? NULL : ldap_answer_next(&answer, NULL);
    for (size_t n = 0; entry && wanted[n]; n++) {
        struct berval **values = ldap_answer_values(&answer, entry, wanted[n]);
        for (size_t i = 0; values && values[i] && ntauth.count < NTAUTH_MAX; i++)
            if (digest_of(slice_of(values[i]->bv_val, values[i]->bv_len), ntauth.digests[ntauth.count]))
                ntauth.count++;
        ldap_value_free_len(values);
    }
    if (err && err != ERR_NOT_FOUND)
        return err;
    *ntauth_out = ntauth;
    return 0;
}

bool directory_is_ntauth(struct directory *d, struct slice der, bool fresh, struct text *steps)
{
    uint8_t digest[NTAUTH_DIGEST];
    struct ntauth read;
    pthread_mutex_lock(&d->lock);
    bool known = !fresh && d->ntauth.until > clock_ms();
    pthread_mutex_unlock(&d->lock);
    if (!digest_of(der, digest))
        return false;
    if (!known) {
        if (read_ntauth(d, steps, &read))
            return false;
        pthread_mutex_lock(&d->lock);
        d->ntauth = read;
        pthread_mutex_unlock(&d->lock);
    }
    bool found = false;
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < d->ntauth.count; i++)
        found |= memcmp(d->ntauth.digests[i], digest, sizeof digest) == 0;
    pthread_mutex_unlock(&d->lock);
    if (steps)
        text_addf(steps, "the issuing CA %s NTAuthCertificates of the directory\n", found ? "lies in" : "does not lie in");
    return found;
}

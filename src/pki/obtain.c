/* obtain.c - addresses out of certificates, and what stands there, by way of the cache. */
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "pki/revocation_priv.h"

/* ---- addresses ---- */

void urls_free(struct urls *u)
{
    text_free(&u->pool);
}

static void urls_add(struct urls *u, const GENERAL_NAME *name)
{
    if (u->count == URLS_MAX || name->type != GEN_URI)
        return;
    const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;
    struct slice text = slice_of((const char *)ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri));
    if (text.len > FETCH_URL_MAX)
        return;
    text_add(&u->pool, text);
    if (!text_error(&u->pool))
        u->ends[u->count++] = u->pool.len;
}

void urls_add_points(struct urls *u, const CRL_DIST_POINTS *points)
{
    for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
        const DIST_POINT *p = sk_DIST_POINT_value(points, i);
        /* A CRL of somebody else about this CA's certificates is not followed; OpenSSL would need that one's chain. */
        if (!p->distpoint || p->distpoint->type != 0 || p->CRLissuer)
            continue;
        for (int j = 0; j < sk_GENERAL_NAME_num(p->distpoint->name.fullname); j++)
            urls_add(u, sk_GENERAL_NAME_value(p->distpoint->name.fullname, j));
    }
}

void urls_add_access(struct urls *u, X509 *cert, int method)
{
    AUTHORITY_INFO_ACCESS *info = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(info); i++) {
        const ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(info, i);
        if (OBJ_obj2nid(d->method) == method)
            urls_add(u, d->location);
    }
    AUTHORITY_INFO_ACCESS_free(info);
}

struct slice urls_get(const struct urls *u, size_t index)
{
    size_t from = index ? u->ends[index - 1] : 0;
    return slice_of(u->pool.ptr + from, u->ends[index] - from);
}

/* ---- times: without libc's calendar, which may want to open a file ---- */

int pki_time(const ASN1_TIME *t, int64_t *seconds_out)
{
    ASN1_TIME *epoch = ASN1_TIME_new();
    int days, seconds;
    int ok = t && epoch && ASN1_TIME_set_string(epoch, "19700101000000Z") && ASN1_TIME_diff(&days, &seconds, epoch, t);
    ASN1_TIME_free(epoch);
    if (!ok)
        return ERR_SYNTAX;
    *seconds_out = (int64_t)days * 86400 + seconds;
    return 0;
}

/* ---- the question ---- */

int ask_begin(struct ask *a, struct revocation *r)
{
    *a = (struct ask){ .r = r };
    pthread_mutex_lock(&r->lock);
    text_add(&a->hosts, text_slice(&r->hosts));
    a->policy.private_addresses = r->options.private_addresses;
    a->policy.public_addresses = r->options.public_addresses;
    a->policy.redirects = r->options.redirects;
    a->policy.stop = &r->stop;
    pthread_mutex_unlock(&r->lock);
    a->policy.hosts = text_slice(&a->hosts);
    return text_error(&a->hosts);
}

void ask_end(struct ask *a)
{
    text_free(&a->hosts);
}

/* Of the item, or of the address alone, whose server may be dead for all who ask it. */
static MUST_USE int make_key(const struct source *s, bool address, struct pki_key *key_out)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    const X509 *parts[] = { address ? NULL : s->issuer, address ? NULL : s->about };
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) && EVP_DigestUpdate(md, address ? "address" : s->kind, strlen(address ? "address" : s->kind) + 1);
    for (size_t i = 0; ok && i < sizeof parts / sizeof parts[0]; i++) {
        unsigned len = 0;
        ok = (!parts[i] || X509_digest(parts[i], EVP_sha256(), digest, &len)) && EVP_DigestUpdate(md, digest, len);
    }
    ok = ok && EVP_DigestUpdate(md, s->url.ptr, s->url.len) && EVP_DigestFinal_ex(md, key_out->bytes, NULL);
    EVP_MD_CTX_free(md);
    return ok ? 0 : ERR_NOMEM;
}

static bool is_valid(const struct ask *a, const struct pki_item *item)
{
    int64_t until = item->next_update ? item->next_update : item->fetched + NO_NEXT_UPDATE;
    return a->at >= item->this_update - CLOCK_SKEW && a->at <= until;
}

/* Whether revocationFreshnessTime asks for something newer.  An answer that was fetched a moment ago is as new as can
 * be had, however long ago it was signed. */
static bool is_fresh(const struct ask *a, struct pki_item *item)
{
    if (atomic_load(&item->doubted))
        return false;
    if (a->within && a->now - item->fetched >= a->within)
        return false;
    int64_t just = a->freshness < PKI_FAILURE_MS / 1000 ? a->freshness : PKI_FAILURE_MS / 1000;
    return !a->freshness || a->at - item->this_update <= a->freshness || a->now - item->fetched < just;
}

static const char *fetch_failure(int err)
{
    switch (err) {
    case ERR_TIMEOUT: return "did not answer in time";
    case ERR_DENIED: return "is an address that may not be asked";
    case ERR_TOO_LONG: return "sent more than allowed";
    case ERR_NOT_FOUND: return "does not have it";
    case ERR_TRUNCATED: return "sent only a part";
    case ERR_SYNTAX: return "is no usable address";
    case ERR_UNSUPPORTED: return "is no http address";
    default: return "cannot be reached";
    }
}

static MUST_USE int download(const struct ask *a, const struct source *s, int64_t deadline_ms, struct text *bytes_out)
{
    const struct fetch_request request = { s->get.len ? s->get : s->url, s->get.len ? SLICE_NONE : s->body, s->type, s->max, deadline_ms };
    if (!s->ldap || !slice_starts_fold(s->url, SLICE_LITERAL("ldap:"))) {
        int err = fetch(&a->policy, &request, bytes_out);
        if (err != ERR_NOT_FOUND || !s->get.len)
            return err;
        const struct fetch_request post = { s->url, s->body, s->type, s->max, deadline_ms };
        return fetch(&a->policy, &post, bytes_out); /* a responder that does not know GET */
    }
    pthread_mutex_lock(&a->r->lock);
    const struct revocation_options options = a->r->options;
    pthread_mutex_unlock(&a->r->lock);
    return options.ldap ? options.ldap(options.ldap_context, s->url, deadline_ms, bytes_out) : ERR_UNSUPPORTED;
}

/* For others, and for the next start: there an older answer would count as if it were the newest (threats.md C11). */
static void keep(const struct ask *a, const struct source *s, const struct pki_key *key, struct pki_item *item)
{
    OWNED_TEXT_BUFFER bytes = item->bytes;
    item->bytes = (struct text){ 0 };
    if (pki_cache_put(a->r->cache, key, item) && s->lasts && a->r->disk)
        pki_disk_put(a->r->disk, key, text_slice(&bytes), item->fetched);
}

static struct pki_item *fetch_item(const struct ask *a, const struct source *s, const struct pki_key *key, int64_t deadline_ms,
                                   int *err_out, const char **why_out)
{
    struct pki_item *item = pki_item_new();
    *err_out = item ? download(a, s, deadline_ms, &item->bytes) : ERR_NOMEM;
    if (*err_out) {
        *why_out = fetch_failure(*err_out);
    } else {
        item->fetched = a->now;
        item->size = item->bytes.len;
        *err_out = s->read(a, s->context, item, why_out);
        if (!*err_out && !is_valid(a, item)) {
            *err_out = ERR_RANGE;
            *why_out = "gave an answer that is out of date";
        }
        if (!*err_out)
            keep(a, s, key, item);
    }
    ERR_clear_error();
    if (!*err_out)
        return item;
    pki_item_unref(a->r->cache, item);
    return NULL;
}

static struct pki_item *find_valid(const struct ask *a, const struct pki_key *key)
{
    struct pki_item *item = pki_cache_find(a->r->cache, key);
    if (!item || is_valid(a, item))
        return item;
    pki_item_unref(a->r->cache, item);
    return NULL;
}

/* What an earlier start of ours has fetched; checked as if it had come this moment. */
static struct pki_item *find_stored(const struct ask *a, const struct source *s, const struct pki_key *key)
{
    const char *why;
    struct pki_item *item = s->lasts && a->r->disk ? pki_item_new() : NULL;
    if (!item)
        return NULL;
    int err = pki_disk_get(a->r->disk, key, a->brief ? BRIEF_MAX : s->max, &item->bytes, &item->fetched);
    if (err) {
        pki_item_unref(a->r->cache, item);
        return NULL;
    }
    item->stored = true;
    item->size = item->bytes.len;
    item->fetched = item->fetched < a->now ? item->fetched : a->now;
    err = s->read(a, s->context, item, &why);
    text_free(&item->bytes);
    ERR_clear_error();
    if (!err && is_valid(a, item)) {
        (void)pki_cache_put(a->r->cache, key, item);
        return item;
    }
    pki_disk_forget(a->r->disk, key);
    pki_item_unref(a->r->cache, item);
    return NULL;
}

/* Whoever else asks this address shall not wait as long for a server that does not answer. */
static struct pki_item *fetch_noting(const struct ask *a, const struct source *s, const struct pki_key *key, int64_t allowed,
                                     int64_t deadline_ms, int *err_out, const char **why_out)
{
    struct pki_key address;
    if (make_key(s, true, &address))
        return NULL;
    if (pki_cache_failed(a->r->cache, &address, allowed)) {
        *err_out = ERR_IO;
        *why_out = "failed a moment ago and is left alone for a while";
        return NULL;
    }
    struct pki_item *item = fetch_item(a, s, key, deadline_ms, err_out, why_out);
    bool dead = *err_out == ERR_TIMEOUT || *err_out == ERR_IO || *err_out == ERR_CLOSED;
    pki_cache_note(a->r->cache, &address, !dead ? 0 : *err_out == ERR_TIMEOUT ? allowed : INT64_MAX / 2);
    return item;
}

/* Our own flight, or the end of somebody else's. */
static struct pki_item *fly(const struct ask *a, const struct source *s, const struct pki_key *key, int *err_out,
                            const char **why_out)
{
    int64_t now = clock_ms(), allowed = (a->deadline_ms - now) / 2;
    *err_out = ERR_TIMEOUT;
    *why_out = fetch_failure(ERR_TIMEOUT);
    if (allowed <= 0)
        return NULL;
    struct pki_item *item = NULL;
    switch (pki_cache_begin(a->r->cache, key, allowed, now + allowed)) {
    case PKI_FLIGHT_MINE:
        item = fetch_noting(a, s, key, allowed, now + allowed, err_out, why_out);
        pki_cache_end(a->r->cache, key, item, *err_out == ERR_TIMEOUT ? allowed : INT64_MAX / 2);
        break;
    case PKI_FLIGHT_ENDED:
        item = find_valid(a, key);
        *err_out = item ? 0 : ERR_IO;
        break;
    case PKI_FLIGHT_FAILED:
        *err_out = ERR_IO;
        *why_out = "failed a moment ago and is left alone for a while";
        break;
    case PKI_FLIGHT_LATE:
        break;
    }
    return item;
}

static MUST_USE int obtain_now(const struct ask *a, const struct source *s, struct pki_item **item_out, bool *cached_out,
                               const char **why_out)
{
    struct pki_key key;
    int err = make_key(s, false, &key);
    *why_out = "is not in the cache";
    if (err)
        return err;
    struct pki_item *old = find_valid(a, &key), *new = NULL;
    if (!old)
        old = find_stored(a, s, &key);
    if (!a->cache_only && (!old || !is_fresh(a, old)))
        new = fly(a, s, &key, &err, why_out);
    if (new && old) {
        atomic_store(&old->doubted, false);
        bool is_older = new->this_update < old->this_update; /* somebody brings up what is past (threats.md C11) */
        pki_item_unref(a->r->cache, is_older ? new : old);
        new = is_older ? NULL : new;
        old = is_older ? old : NULL;
    }
    *cached_out = !new;
    if (!new && old && !is_fresh(a, old))
        *a->stale = true;
    *item_out = new ? new : old;
    return *item_out ? 0 : err ? err : ERR_NOT_FOUND;
}

/* Who asks about another moment gets what would be used now, if it counts then as well: what is fetched, kept and taken for
 * a failure is the same for everybody. */
int obtain(const struct ask *a, const struct source *s, struct pki_item **item_out, bool *cached_out, const char **why_out)
{
    struct ask now = *a;
    now.at = a->now;
    int err = obtain_now(&now, s, item_out, cached_out, why_out);
    if (err || is_valid(a, *item_out))
        return err;
    pki_item_unref(a->r->cache, *item_out);
    *why_out = "has nothing that is valid at that time";
    return ERR_RANGE;
}

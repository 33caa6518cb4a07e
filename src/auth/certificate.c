/* certificate.c - what certificate.h declares. */
#include "auth/certificate.h"

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE
#include <stdlib.h>
#include <time.h>

#include "base/own.h"
#include "base/text.h"

/* ---- stores ---- */

int certificate_load_stores(struct certificate_table *t, const struct snapshot *s, size_t *bad_out)
{
    static const enum pki_store stores[] = { [SNAP_TRUST_ROOT] = PKI_ROOT, [SNAP_TRUST_CA] = PKI_CA,
                                             [SNAP_TRUST_NTAUTH] = PKI_NTAUTH, [SNAP_TRUST_DISALLOWED] = PKI_DISALLOWED };
    struct pki_stores *fresh = pki_stores_new();
    size_t bad = 0;
    int err = fresh ? 0 : ERR_NOMEM;
    for (size_t row = 0; !err && row < snapshot_count(s, SNAP_TABLE_trust); row++) {
        const struct snap_trust *trust = snapshot_trust(s, row);
        struct diag d = { 0 };
        err = pki_stores_add(fresh, stores[trust->store], snapshot_text(s, trust->bytes), &d);
        if (err && err != ERR_NOMEM) {
            bad++;
            err = 0;
        }
    }
    if (err) {
        pki_stores_unref(fresh);
        return err;
    }
    verdicts_free(t);
    pki_stores_unref(t->stores);
    t->stores = fresh;
    *bad_out = bad;
    return 0;
}

/* ---- the list ---- */

static void certificate_free(struct certificate *c)
{
    if (c->mappable)
        facts_free(&c->facts);
    free(c);
}

static void unlink_certificate(struct certificate_table *t, struct certificate **at)
{
    struct certificate *c = *at;
    *at = c->next;
    t->count--;
    certificate_free(c);
}

static struct certificate **bucket_of(struct certificate_table *t, uint64_t number)
{
    return &t->buckets[number % CERTIFICATE_BUCKETS];
}

void certificate_remove(struct certificate_table *t, uint64_t number)
{
    for (struct certificate **at = bucket_of(t, number); *at; at = &(*at)->next) {
        if ((*at)->number != number)
            continue;
        unlink_certificate(t, at);
        return;
    }
}

void certificate_remove_worker(struct certificate_table *t, unsigned worker)
{
    for (size_t i = 0; i < CERTIFICATE_BUCKETS; i++)
        for (struct certificate **at = &t->buckets[i]; *at;) {
            if ((*at)->worker == worker)
                unlink_certificate(t, at);
            else
                at = &(*at)->next;
        }
}

void certificate_table_free(struct certificate_table *t)
{
    for (size_t i = 0; i < CERTIFICATE_BUCKETS; i++)
        while (t->buckets[i])
            unlink_certificate(t, &t->buckets[i]);
    verdicts_free(t);
    pki_stores_unref(t->stores);
    t->stores = NULL;
}

const struct certificate *certificate_find(const struct certificate_table *t, uint64_t number)
{
    const struct certificate *c = number ? t->buckets[number % CERTIFICATE_BUCKETS] : NULL;
    while (c && c->number != number)
        c = c->next;
    return c;
}

struct slice certificate_chain(const struct certificate *c)
{
    return slice_of((const char *)c->chain, c->chain_len);
}

int certificate_add(struct certificate_table *t, const struct certificate *what, struct slice chain)
{
    if (t->count >= t->max)
        return ERR_LIMIT;
    struct certificate *c = calloc(1, sizeof *c + chain.len);
    if (!c)
        return ERR_NOMEM;
    const char *why;
    memcpy(c->chain, chain.ptr, chain.len);
    c->chain_len = chain.len;
    c->number = what->number;
    c->worker = what->worker;
    c->session = what->session;
    c->site = what->site;
    c->mappable = facts_read(certificate_leaf(certificate_chain(c)), &c->facts, &why) == 0;
    c->next = *bucket_of(t, c->number);
    *bucket_of(t, c->number) = c;
    t->count++;
    return 0;
}

/* ---- the verdict ---- */

struct slice certificate_leaf(struct slice chain)
{
    struct slice der;
    return pki_chain_cut(&chain, &der) ? der : SLICE_NONE;
}

static MUST_USE int cut_chain(struct slice chain, struct slice sent[PKI_SENT_MAX], size_t *count_out)
{
    *count_out = 0;
    while (chain.len)
        if (*count_out == PKI_SENT_MAX || !pki_chain_cut(&chain, &sent[(*count_out)++]))
            return ERR_SYNTAX;
    return 0;
}

static struct chain_rules rules_of(const struct snap_site *site, int64_t at)
{
    return (struct chain_rules){ .flags = site->client_cert_flags, .security_level = site->cert_security_level,
                                 .allow_self_signed = site->allow_self_signed, .at = at };
}

static struct inquiry_job *make_inquiry(const struct certificate_table *t, const struct snap_site *site,
                                        const struct slice *sent, size_t count)
{
    struct inquiry_job *job = inquiry_job_new(t->stores, sent, count);
    if (!job)
        return NULL;
    job->rules = rules_of(site, 0);
    job->freshness = site->client_cert_freshness;
    job->retrieval_ms = site->client_cert_retrieval * 1000;
    return job;
}

struct inquiry_job *certificate_inquiry(const struct certificate_table *t, const struct snap_site *site, struct slice chain)
{
    struct slice sent[PKI_SENT_MAX];
    size_t count;
    return t->stores && cut_chain(chain, sent, &count) == 0 ? make_inquiry(t, site, sent, count) : NULL;
}

/* What the cache says about revocation.  *stale_out: the site wants something newer than what is there. */
static enum chain_reason revocation_reason(const struct certificate_table *t, const struct snap_site *site,
                                           const struct pki_chain *chain, int64_t at, struct text *steps, bool *stale_out)
{
    struct revocation_answer answers[PKI_CHAIN_MAX];
    if (site->client_cert_flags & PKI_NO_REVOCATION_CHECK) {
        if (steps)
            text_add_str(steps, "revocation: not checked (NoRevocationCheck)\n");
        return CHAIN_GOOD;
    }
    const struct revocation_question question = {
        .chain = chain, .stores = t->stores, .flags = site->client_cert_flags | PKI_REVOCATION_CACHE_ONLY,
        .freshness = site->client_cert_freshness, .at = at, .now = (int64_t)time(NULL),
        .brief = !(site->client_cert_flags & PKI_REVOCATION_CACHE_ONLY),
    };
    enum revocation_status status = revocation_check(t->revocation, &question, answers, steps);
    for (size_t i = 0; i + 1 < pki_chain_length(chain); i++)
        *stale_out |= answers[i].stale;
    return inquiry_reason(status, answers, pki_chain_length(chain));
}

static bool may_fetch(const struct snap_site *site, enum chain_reason reason, bool stale)
{
    if (reason == CHAIN_INCOMPLETE)
        return !(site->client_cert_flags & PKI_URL_CACHE_ONLY);
    return (reason == CHAIN_REVOCATION_OFFLINE || (reason == CHAIN_GOOD && stale)) &&
           !(site->client_cert_flags & PKI_REVOCATION_CACHE_ONLY);
}

const char certificate_soft_step[] = "revocation: it could not be found out, and revocationSoftFail lets it pass";

/* certificate_verify; with CHAIN_GOOD the caller of a `chain_out` frees the chain. */
static enum chain_reason verify(struct certificate_table *t, const struct snap_site *site, struct slice chain,
                                int64_t at, struct text *steps, struct inquiry_job **job_out, struct pki_chain **chain_out)
{
    struct slice sent[PKI_SENT_MAX];
    size_t count;
    bool stale = false;
    const struct verdict_key key = verdict_key(t, site, chain, at);
    if (!steps && t->stores && verdict_recall(t, &key, chain_out))
        return CHAIN_GOOD;
    if (cut_chain(chain, sent, &count))
        return CHAIN_MALFORMED;
    if (!t->stores)
        return CHAIN_OTHER;
    struct revocation_fetch cached = { .revocation = t->revocation };
    struct chain_rules rules = rules_of(site, at);
    rules.flags |= PKI_URL_CACHE_ONLY;
    rules.fetch = revocation_fetch_issuers;
    rules.fetch_context = &cached;
    struct chain_result result;
    chain_verify(t->stores, sent, count, &rules, steps, &result);
    enum chain_reason reason = result.reason;
    if (reason == CHAIN_GOOD)
        reason = revocation_reason(t, site, result.chain, at, steps, &stale);
    bool unknown = reason == CHAIN_REVOCATION_OFFLINE || reason == CHAIN_NO_REVOCATION;
    bool asks = job_out && may_fetch(site, reason, stale);
    if (unknown && site->revocation_soft_fail) {
        reason = CHAIN_GOOD;
        if (steps)
            text_addf(steps, "%s\n", certificate_soft_step);
    }
    if (reason == CHAIN_GOOD && !unknown && !stale)
        verdict_keep(t, &key, result.chain);
    if (chain_out && reason == CHAIN_GOOD)
        *chain_out = result.chain;
    else
        pki_chain_free(result.chain);
    if (asks && (*job_out = make_inquiry(t, site, sent, count)))
        (*job_out)->lane = reason == CHAIN_INCOMPLETE ? INQUIRY_INCOMPLETE : INQUIRY_COMPLETE;
    return reason;
}

enum chain_reason certificate_verify(struct certificate_table *t, const struct snap_site *site, struct slice chain,
                                     int64_t at, struct text *steps, struct inquiry_job **job_out)
{
    return verify(t, site, chain, at, steps, job_out, NULL);
}

void certificate_in_ntauth(struct certificate_table *t, const struct snap_site *site, struct slice chain, int64_t at,
                           bool *by_issuer_out, bool *by_chain_out, struct text *issuers)
{
    struct pki_chain *built = NULL;
    bool good = verify(t, site, chain, at, NULL, NULL, &built) == CHAIN_GOOD;
    *by_issuer_out = good && pki_chain_is_ntauth(built, t->stores, false);
    *by_chain_out = good && pki_chain_is_ntauth(built, t->stores, true);
    if (good)
        pki_chain_add_issuers(built, issuers);
    pki_chain_free(built);
}

/* ---- mapping ---- */

/* Byte-equal to the base64 text of the configuration, without regard to blanks and line breaks in it. */
static bool is_base64_of(struct slice configured, struct slice der)
{
    OWNED_TEXT encoded = malloc(der.len / 3 * 4 + 8);
    if (!encoded)
        return false;
    int len = EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)der.ptr, (int)der.len);
    size_t at = 0;
    for (size_t i = 0; i < configured.len; i++) {
        char c = configured.ptr[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        if (at >= (size_t)len || encoded[at++] != c)
            return false;
    }
    return len > 0 && at == (size_t)len;
}

struct wanted {
    struct slice text;
    bool case_sensitive, open_front, open_back;
};

static bool same(const struct wanted *w, struct slice part)
{
    return w->case_sensitive ? slice_equal(part, w->text) : slice_equal_fold(part, w->text);
}

/* matchCriteria: '*' may stand at either end. */
static bool value_matches(void *context, struct slice value)
{
    const struct wanted *w = context;
    if (value.len < w->text.len)
        return false;
    size_t last = value.len - w->text.len;
    if (!w->open_front)
        return (w->open_back || last == 0) && same(w, slice_first(value, w->text.len));
    if (!w->open_back)
        return same(w, slice_from(value, last));
    for (size_t i = 0; i <= last; i++)
        if (same(w, slice_of(value.ptr + i, w->text.len)))
            return true;
    return false;
}

static bool rule_matches(const struct snapshot *s, const struct snap_cert_rule *rule, struct slice leaf)
{
    struct slice criteria = snapshot_text(s, rule->criteria);
    struct wanted w = { .case_sensitive = rule->case_sensitive };
    if (slice_starts(criteria, SLICE_LITERAL("*"))) {
        w.open_front = true;
        criteria = slice_from(criteria, 1);
    }
    if (slice_ends(criteria, SLICE_LITERAL("*"))) {
        w.open_back = true;
        criteria = slice_first(criteria, criteria.len - 1);
    }
    w.text = criteria;
    return facts_each_value(leaf, rule->of_issuer, snapshot_text(s, rule->sub_field), value_matches, &w);
}

/* An entry without rules would fit every certificate: it fits none. */
static bool map_matches(const struct snapshot *s, const struct snap_cert_map *map, struct slice leaf)
{
    if (map->certificate.len)
        return is_base64_of(snapshot_text(s, map->certificate), leaf);
    for (uint32_t i = 0; i < map->rules.count; i++)
        if (!rule_matches(s, snapshot_cert_rule(s, map->rules.first + i), leaf))
            return false;
    return map->rules.count > 0;
}

enum certificate_mapping certificate_map(const struct snapshot *s, const struct snap_site *site, struct slice leaf,
                                         struct slice *user_out)
{
    for (uint32_t i = 0; i < site->cert_maps.count; i++) {
        const struct snap_cert_map *map = snapshot_cert_map(s, site->cert_maps.first + i);
        if (!map_matches(s, map, leaf))
            continue;
        if (map->deny || !map->user_name.len)
            return MAPPING_DENIED;
        *user_out = snapshot_text(s, map->user_name);
        return MAPPING_USER;
    }
    return MAPPING_NONE;
}

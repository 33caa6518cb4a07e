/*
 * revocation.c - the verdict of a chain: every certificate below the anchor must be shown good.
 *
 * Per certificate OCSP comes first, then its CRLs; the first definite answer decides, and one revoked certificate decides
 * the whole.  All of it shares one time budget (revocationUrlRetrievalTimeout); every address gets half of what is left,
 * so a first server that hangs leaves time for a second.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "pki/revocation_priv.h"

enum { BUDGET_DEFAULT_MS = 15000 };

/* ---- answers ---- */

void answer_set(struct revocation_answer *answer, enum revocation_status status, enum revocation_source source,
                const struct ask *a, int64_t this_update, struct slice url)
{
    answer->status = status;
    answer->source = source;
    answer->age = a->at > this_update ? a->at - this_update : 0;
    snprintf(answer->url, sizeof answer->url, SLICE_FMT, SLICE_ARG(url));
    answer->detail[0] = 0;
}

/* Addresses come from the certificate: what is no address in our sense is not repeated. */
void answer_fail(struct revocation_answer *answer, const char *by, const char *why, struct slice url)
{
    struct fetch_url parsed;
    bool show = fetch_url_parse(url, &parsed) == 0;
    answer->url[0] = 0;
    if (show)
        snprintf(answer->url, sizeof answer->url, SLICE_FMT, SLICE_ARG(url));
    snprintf(answer->detail, sizeof answer->detail, "%s: %s", by, why);
}

static const char *status_text(enum revocation_status s)
{
    return s == REVOCATION_GOOD ? "good" : s == REVOCATION_REVOKED ? "revoked" : "unknown";
}

static const char *source_text(enum revocation_source s)
{
    return s == REVOCATION_OCSP ? "OCSP" : s == REVOCATION_CRL ? "CRL" : s == REVOCATION_CACHE ? "cache" : "nowhere";
}

static void tell(struct text *steps, size_t index, const struct revocation_answer *answer)
{
    if (!steps)
        return;
    text_addf(steps, "revocation of certificate %zu: %s", index, status_text(answer->status));
    if (answer->source != REVOCATION_NOWHERE)
        text_addf(steps, " (%s, signed %lld s ago)", source_text(answer->source), (long long)answer->age);
    if (answer->detail[0])
        text_addf(steps, ", %s", answer->detail);
    if (answer->url[0]) {
        text_add_str(steps, ", ");
        text_add_escaped(steps, slice_str(answer->url));
    }
    text_add_char(steps, '\n');
}

/* ---- the chain ---- */

static bool is_anchor(const struct pki_stores *stores, X509 *last)
{
    STACK_OF(X509) *roots = pki_stores_list(stores, PKI_ROOT);
    for (int i = 0; i < sk_X509_num(roots); i++)
        if (X509_cmp(sk_X509_value(roots, i), last) == 0)
            return true;
    return false;
}

/* Addresses in certificates that nobody signed are not looked at (threats.md C10), whatever the caller believes. */
static bool is_signed_throughout(const struct revocation_question *q)
{
    size_t count = pki_chain_length(q->chain);
    if (count == 0 || count > PKI_CHAIN_MAX || !is_anchor(q->stores, pki_chain_x509(q->chain, count - 1)))
        return false;
    for (size_t i = 0; i + 1 < count; i++) {
        EVP_PKEY *key = X509_get0_pubkey(pki_chain_x509(q->chain, i + 1));
        if (!key || X509_verify(pki_chain_x509(q->chain, i), key) != 1) {
            ERR_clear_error();
            return false;
        }
    }
    return true;
}

static void check_one(struct ask *a, struct revocation_answer *answer)
{
    ocsp_ask(a, answer);
    if (answer->status == REVOCATION_UNKNOWN)
        crl_ask(a, answer);
    if (answer->no_source)
        snprintf(answer->detail, sizeof answer->detail, "the certificate names neither an OCSP responder nor a CRL");
}

static enum revocation_status check_all(struct ask *a, const struct revocation_question *q,
                                        struct revocation_answer *answers, struct text *steps)
{
    enum revocation_status worst = REVOCATION_GOOD;
    size_t count = pki_chain_length(q->chain);
    for (size_t i = 0; i + 1 < count && worst != REVOCATION_REVOKED; i++) {
        a->cert = pki_chain_x509(q->chain, i);
        a->issuer = pki_chain_x509(q->chain, i + 1);
        answers[i].no_source = true;
        answers[i].detail[0] = 0;
        a->stale = &answers[i].stale;
        check_one(a, &answers[i]);
        tell(steps, i, &answers[i]);
        if (answers[i].status != REVOCATION_GOOD)
            worst = answers[i].status;
    }
    return worst;
}

enum revocation_status revocation_check(struct revocation *r, const struct revocation_question *question,
                                        struct revocation_answer answers[PKI_CHAIN_MAX], struct text *steps)
{
    struct ask ask;
    for (size_t i = 0; i < PKI_CHAIN_MAX; i++) {
        answers[i] = (struct revocation_answer){ .status = REVOCATION_UNKNOWN };
        snprintf(answers[i].detail, sizeof answers[i].detail, "was not asked about");
    }
    if (!is_signed_throughout(question)) {
        if (steps)
            text_add_str(steps, "revocation: nobody is asked about a chain that is not signed up to a root of store Root\n");
        return REVOCATION_UNKNOWN;
    }
    if (ask_begin(&ask, r)) {
        ask_end(&ask);
        return REVOCATION_UNKNOWN;
    }
    ask.cache_only = question->flags & PKI_REVOCATION_CACHE_ONLY;
    ask.freshness = question->freshness;
    ask.within = question->within;
    ask.brief = question->brief;
    ask.at = question->at;
    ask.now = question->now ? question->now : question->at;
    ask.deadline_ms = clock_ms() + (question->retrieval_ms > 0 ? question->retrieval_ms : BUDGET_DEFAULT_MS);
    enum revocation_status worst = check_all(&ask, question, answers, steps);
    ask_end(&ask);
    return worst;
}

/* ---- life ---- */

int revocation_start(void)
{
    return fetch_start();
}

int revocation_configure(struct revocation *r, const struct revocation_options *options)
{
    struct text hosts = { 0 };
    text_add(&hosts, options->hosts);
    if (text_error(&hosts)) {
        text_free(&hosts);
        return ERR_NOMEM;
    }
    pthread_mutex_lock(&r->lock);
    struct text old = r->hosts;
    r->hosts = hosts;
    r->options = *options;
    r->options.hosts = SLICE_NONE; /* the caller's may go */
    pthread_mutex_unlock(&r->lock);
    text_free(&old);
    return 0;
}

int revocation_new(const struct revocation_options *options, struct revocation **revocation_out)
{
    struct revocation *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_NOMEM;
    pthread_mutex_init(&r->lock, NULL);
    r->cache = pki_cache_new();
    int err = r->cache ? revocation_configure(r, options) : ERR_NOMEM;
    if (!err)
        err = revocation_start();
    if (err) {
        revocation_free(r);
        return err;
    }
    *revocation_out = r;
    return 0;
}

void revocation_free(struct revocation *r)
{
    if (!r)
        return;
    pki_cache_free(r->cache);
    pki_disk_close(r->disk);
    text_free(&r->hosts);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

int revocation_keep(struct revocation *r, int fd, size_t size_max)
{
    return pki_disk_open(fd, size_max, &r->disk);
}

uint64_t revocation_changes(const struct revocation *r)
{
    return pki_cache_changes(r->cache);
}

void revocation_stop(struct revocation *r)
{
    atomic_store(&r->stop, true);
}

void revocation_flush(struct revocation *r, bool all)
{
    pki_cache_flush(r->cache, all);
}

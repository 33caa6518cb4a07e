/* inquiry.c - see inquiry.h. */
#include "auth/inquiry.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "pki/fetch.h"

enum { RETRIEVAL_DEFAULT_MS = 15000, STACK_SIZE = 512 * 1024 };

static const struct {
    unsigned threads;
    size_t queue;
} limits[INQUIRY_LANES] = {
    [INQUIRY_COMPLETE] = { 32, 1024 },
    [INQUIRY_INCOMPLETE] = { 4, 32 },
    [INQUIRY_LIVE] = { 4, 128 },
};

struct inquiry {
    struct revocation *revocation;
    void (*drop)(void *context);
    struct errands *lanes[INQUIRY_LANES];
};

/* ---- jobs ---- */

struct inquiry_job *inquiry_job_new(struct pki_stores *stores, const struct slice *sent, size_t count)
{
    size_t len = 0;
    if (count > PKI_SENT_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++)
        len += sent[i].len;
    struct inquiry_job *job = calloc(1, sizeof *job + len);
    if (!job)
        return NULL;
    job->stores = pki_stores_ref(stores);
    job->sent_count = count;
    for (size_t i = 0; i < count; i++) {
        if (sent[i].len)
            memcpy(job->bytes + job->len, sent[i].ptr, sent[i].len);
        job->sent[i] = slice_of((char *)job->bytes + job->len, sent[i].len);
        job->len += sent[i].len;
    }
    return job;
}

void inquiry_job_free(struct inquiry_job *job)
{
    if (!job)
        return;
    pki_stores_unref(job->stores);
    text_free(&job->steps);
    text_free(&job->issuers);
    free(job);
}

enum chain_reason inquiry_reason(enum revocation_status status, const struct revocation_answer *answers, size_t length)
{
    if (status == REVOCATION_REVOKED)
        return CHAIN_REVOKED;
    enum chain_reason reason = CHAIN_GOOD;
    for (size_t i = 0; i + 1 < length; i++)
        if (answers[i].status != REVOCATION_GOOD && reason != CHAIN_NO_REVOCATION)
            reason = answers[i].no_source ? CHAIN_NO_REVOCATION : CHAIN_REVOCATION_OFFLINE;
    return reason;
}

/* Issuers and revocation share one budget, as the setting says. */
static void run(void *context, struct errand *errand)
{
    struct inquiry *q = context;
    struct inquiry_job *job = (struct inquiry_job *)errand;
    int64_t budget = job->retrieval_ms > 0 ? job->retrieval_ms : RETRIEVAL_DEFAULT_MS;
    struct revocation_fetch fetch = { q->revocation, clock_ms() + budget };
    struct revocation_answer answers[PKI_CHAIN_MAX];
    struct chain_result result;
    struct text *steps = job->wants_steps ? &job->steps : NULL;
    job->rules.at = job->at ? job->at : time(NULL);
    job->rules.fetch = revocation_fetch_issuers;
    job->rules.fetch_context = &fetch;
    chain_verify(job->stores, job->sent, job->sent_count, &job->rules, steps, &result);
    int64_t left = fetch.deadline_ms - clock_ms();
    job->reason = result.reason;
    if (result.reason == CHAIN_GOOD) {
        job->in_ntauth_by_issuer = pki_chain_is_ntauth(result.chain, job->stores, false);
        if (job->asks_directory)
            pki_chain_add_issuers(result.chain, &job->issuers);
        job->in_ntauth_by_chain = pki_chain_is_ntauth(result.chain, job->stores, true);
    }
    if (result.reason == CHAIN_GOOD && !(job->rules.flags & PKI_NO_REVOCATION_CHECK) && left > 0 && (!job->ticket || job->within)) {
        const struct revocation_question question = { .chain = result.chain, .stores = job->stores,
                                                      .flags = job->rules.flags, .freshness = job->freshness,
                                                      .within = job->within, .retrieval_ms = left, .at = job->rules.at,
                                                      .now = time(NULL) };
        enum revocation_status status = revocation_check(q->revocation, &question, answers, steps);
        job->reason = inquiry_reason(status, answers, pki_chain_length(result.chain));
    }
    pki_chain_free(result.chain);
}

/* ---- the lanes ---- */

int inquiry_submit(struct inquiry *q, struct inquiry_job *job)
{
    return errands_add(q->lanes[job->lane], &job->errand);
}

struct inquiry_job *inquiry_take(struct inquiry *q)
{
    struct errand *errand = NULL;
    for (size_t i = 0; i < INQUIRY_LANES && !errand; i++)
        errand = errands_take(q->lanes[i]);
    return (struct inquiry_job *)errand;
}

int inquiry_fd(const struct inquiry *q, enum inquiry_lane lane)
{
    return errands_fd(q->lanes[lane]);
}

/* ---- life ---- */

static void discard(void *context, struct errand *errand)
{
    struct inquiry *q = context;
    struct inquiry_job *job = (struct inquiry_job *)errand;
    q->drop(job->context);
    inquiry_job_free(job);
}

int inquiry_new(struct revocation *revocation, void (*drop)(void *context), struct inquiry **inquiry_out)
{
    struct inquiry *q = calloc(1, sizeof *q);
    if (!q)
        return ERR_NOMEM;
    q->revocation = revocation;
    q->drop = drop;
    int err = 0;
    for (size_t i = 0; i < INQUIRY_LANES && !err; i++) {
        const struct errands_options options = { .run = run, .drop = discard, .context = q, .threads = limits[i].threads,
                                                 .queue_max = limits[i].queue, .stack_size = STACK_SIZE };
        err = errands_new(&options, &q->lanes[i]);
    }
    if (err)
        inquiry_free(q);
    else
        *inquiry_out = q;
    return err;
}

void inquiry_free(struct inquiry *q)
{
    if (!q)
        return;
    revocation_stop(q->revocation);
    for (size_t i = 0; i < INQUIRY_LANES; i++)
        errands_free(q->lanes[i]);
    free(q);
}

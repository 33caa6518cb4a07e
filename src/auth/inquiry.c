/* inquiry.c - see inquiry.h. */
#include "auth/inquiry.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "pki/fetch.h"

enum { LANES = INQUIRY_LANES, THREADS_MAX = 32, RETRIEVAL_DEFAULT_MS = 15000, STACK_SIZE = 512 * 1024 };

static const struct {
    unsigned threads;
    size_t queue;
} limits[LANES] = {
    [INQUIRY_COMPLETE] = { THREADS_MAX, 1024 },
    [INQUIRY_INCOMPLETE] = { 4, 32 },
    [INQUIRY_LIVE] = { 4, 128 },
};

struct lane {
    struct inquiry_job *first, *last;
    size_t waiting;
    unsigned threads, idle;
    pthread_cond_t work;
    pthread_t ids[THREADS_MAX];
};

struct inquiry {
    struct revocation *revocation;
    void (*drop)(void *context);
    pthread_mutex_t lock;
    struct lane lanes[LANES];
    struct inquiry_job *finished;
    bool ending;
    int fd;
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
static void run(struct inquiry *q, struct inquiry_job *job)
{
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

static struct inquiry_job *pop(struct lane *l)
{
    struct inquiry_job *job = l->first;
    if (!job)
        return NULL;
    l->first = job->next;
    if (!l->first)
        l->last = NULL;
    l->waiting--;
    return job;
}

struct post {
    struct inquiry *q;
    struct lane *lane;
};

static void *serve(void *context)
{
    struct post post = *(struct post *)context;
    struct inquiry *q = post.q;
    free(context);
    pthread_mutex_lock(&q->lock);
    while (!q->ending) {
        struct inquiry_job *job = pop(post.lane);
        if (!job) {
            post.lane->idle++;
            pthread_cond_wait(&post.lane->work, &q->lock);
            post.lane->idle--;
            continue;
        }
        pthread_mutex_unlock(&q->lock);
        run(q, job);
        pthread_mutex_lock(&q->lock);
        job->next = q->finished;
        q->finished = job;
        (void)!write(q->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

/* Another thread, if all are busy and one more is allowed. */
static void reinforce(struct inquiry *q, struct lane *l)
{
    pthread_attr_t attr;
    struct post *post = malloc(sizeof *post);
    if (!post || pthread_attr_init(&attr)) {
        free(post);
        return;
    }
    *post = (struct post){ q, l };
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    if (pthread_create(&l->ids[l->threads], &attr, serve, post) == 0)
        l->threads++;
    else
        free(post);
    pthread_attr_destroy(&attr);
}

int inquiry_submit(struct inquiry *q, struct inquiry_job *job)
{
    unsigned number = job->lane;
    struct lane *l = &q->lanes[number];
    int err = 0;
    pthread_mutex_lock(&q->lock);
    if (l->waiting >= l->idle && l->threads < limits[number].threads)
        reinforce(q, l);
    if (l->waiting >= limits[number].queue || l->threads == 0) {
        err = ERR_LIMIT;
    } else {
        job->next = NULL;
        if (l->last)
            l->last->next = job;
        else
            l->first = job;
        l->last = job;
        l->waiting++;
        pthread_cond_signal(&l->work);
    }
    pthread_mutex_unlock(&q->lock);
    return err;
}

struct inquiry_job *inquiry_take(struct inquiry *q)
{
    uint64_t ignored;
    pthread_mutex_lock(&q->lock);
    struct inquiry_job *job = q->finished;
    if (job)
        q->finished = job->next;
    if (!q->finished)
        (void)!read(q->fd, &ignored, sizeof ignored);
    pthread_mutex_unlock(&q->lock);
    return job;
}

int inquiry_fd(const struct inquiry *q)
{
    return q->fd;
}

/* ---- life ---- */

int inquiry_new(struct revocation *revocation, void (*drop)(void *context), struct inquiry **inquiry_out)
{
    struct inquiry *q = calloc(1, sizeof *q);
    if (!q)
        return ERR_NOMEM;
    q->revocation = revocation;
    q->drop = drop;
    pthread_mutex_init(&q->lock, NULL);
    for (size_t i = 0; i < LANES; i++)
        pthread_cond_init(&q->lanes[i].work, NULL);
    q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (q->fd < 0) {
        inquiry_free(q);
        return ERR_SYS;
    }
    *inquiry_out = q;
    return 0;
}

static void discard(struct inquiry *q, struct inquiry_job *job)
{
    q->drop(job->context);
    inquiry_job_free(job);
}

void inquiry_free(struct inquiry *q)
{
    if (!q)
        return;
    pthread_mutex_lock(&q->lock);
    q->ending = true;
    revocation_stop(q->revocation);
    for (size_t i = 0; i < LANES; i++)
        pthread_cond_broadcast(&q->lanes[i].work);
    pthread_mutex_unlock(&q->lock);
    for (size_t i = 0; i < LANES; i++) {
        struct lane *l = &q->lanes[i];
        while (l->threads)
            pthread_join(l->ids[--l->threads], NULL);
        for (struct inquiry_job *job; (job = pop(l));)
            discard(q, job);
        pthread_cond_destroy(&l->work);
    }
    for (struct inquiry_job *job; (job = q->finished);) {
        q->finished = job->next;
        discard(q, job);
    }
    pthread_mutex_destroy(&q->lock);
    if (q->fd >= 0)
        close(q->fd);
    free(q);
}

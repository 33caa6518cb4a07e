/*
 * verifier.c - see verifier.h.
 *
 * A check spends one digest of every form that is in use on this server, whether the name exists, whichever form its
 * password has and whether it is enabled: how long it takes says nothing about the name (threats.md A02).
 */
#include "auth/verifier.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/secret.h"

struct queue {
    struct verify_job *first, *last;
    size_t count;
};

struct verifier {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct queue waiting, finished;
    size_t queue_max;
    bool ending;
    int fd;
    unsigned threads;
    pthread_t ids[];
};

/* ---- jobs ---- */

MUST_USE int verify_job_set(char **field, struct slice value)
{
    char *copy = malloc(value.len + 1);
    if (!copy)
        return ERR_NOMEM;
    if (value.len)
        memcpy(copy, value.ptr, value.len);
    copy[value.len] = 0;
    free(*field);
    *field = copy;
    return 0;
}

struct verify_job *verify_job_new(enum verify_task task, uint64_t login, struct slice password, struct slice stored)
{
    struct verify_job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->task = task;
    job->login = login;
    job->password_len = password.len;
    if (verify_job_set(&job->password, password) || verify_job_set(&job->stored, stored) ||
        verify_job_set(&job->like, SLICE_NONE) || verify_job_set(&job->user, SLICE_NONE)) {
        verify_job_free(job);
        return NULL;
    }
    return job;
}

void verify_job_free(struct verify_job *job)
{
    if (!job)
        return;
    if (job->password)
        secret_wipe(job->password, job->password_len);
    free(job->password);
    free(job->stored);
    free(job->like);
    free(job->user);
    free(job->made);
    free(job);
}

static void check(struct verify_job *job)
{
    struct slice password = slice_of(job->password, job->password_len), stored = slice_str(job->stored);
    enum password_form own = password_form(stored);
    for (enum password_form f = PASSWORD_FORM_SHA256; f < PASSWORD_FORM_COUNT; f++) {
        if (f == own)
            job->matches = password_verify(stored, password);
        else if (job->forms & (1u << f))
            password_waste(f, slice_str(job->like), password);
    }
}

static void rehash(struct verify_job *job)
{
    OWNED_TEXT_BUFFER made = { 0 };
    if (password_make_yescrypt(slice_of(job->password, job->password_len), &made) == 0)
        job->made = text_release(&made);
}

/* ---- the queue ---- */

static void push(struct queue *q, struct verify_job *job)
{
    job->next = NULL;
    if (q->last)
        q->last->next = job;
    else
        q->first = job;
    q->last = job;
    q->count++;
}

static struct verify_job *pop(struct queue *q)
{
    struct verify_job *job = q->first;
    if (!job)
        return NULL;
    q->first = job->next;
    if (!q->first)
        q->last = NULL;
    q->count--;
    return job;
}

static void *serve(void *context)
{
    struct verifier *v = context;
    pthread_mutex_lock(&v->lock);
    while (!v->ending) {
        struct verify_job *job = pop(&v->waiting);
        if (!job) {
            pthread_cond_wait(&v->work, &v->lock);
            continue;
        }
        pthread_mutex_unlock(&v->lock);
        if (job->task == VERIFY_CHECK)
            check(job);
        else
            rehash(job);
        pthread_mutex_lock(&v->lock);
        push(&v->finished, job);
        (void)!write(v->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
    }
    pthread_mutex_unlock(&v->lock);
    return NULL;
}

int verifier_new(unsigned threads, size_t queue_max, struct verifier **verifier_out)
{
    struct verifier *v = calloc(1, sizeof *v + threads * sizeof v->ids[0]);
    if (!v)
        return ERR_NOMEM;
    v->queue_max = queue_max;
    v->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&v->lock, NULL);
    pthread_cond_init(&v->work, NULL);
    while (v->fd >= 0 && v->threads < threads && pthread_create(&v->ids[v->threads], NULL, serve, v) == 0)
        v->threads++;
    if (v->threads == 0 && threads > 0) {
        verifier_free(v);
        return ERR_SYS;
    }
    *verifier_out = v;
    return 0;
}

void verifier_free(struct verifier *v)
{
    if (!v)
        return;
    pthread_mutex_lock(&v->lock);
    v->ending = true;
    pthread_cond_broadcast(&v->work);
    pthread_mutex_unlock(&v->lock);
    while (v->threads)
        pthread_join(v->ids[--v->threads], NULL);
    for (struct verify_job *job; (job = pop(&v->waiting));)
        verify_job_free(job);
    for (struct verify_job *job; (job = pop(&v->finished));)
        verify_job_free(job);
    pthread_cond_destroy(&v->work);
    pthread_mutex_destroy(&v->lock);
    if (v->fd >= 0)
        close(v->fd);
    free(v);
}

int verifier_fd(const struct verifier *v)
{
    return v->fd;
}

int verifier_submit(struct verifier *v, struct verify_job *job)
{
    int err = 0;
    pthread_mutex_lock(&v->lock);
    if (v->waiting.count >= v->queue_max) {
        err = ERR_LIMIT;
    } else {
        push(&v->waiting, job);
        pthread_cond_signal(&v->work);
    }
    pthread_mutex_unlock(&v->lock);
    return err;
}

bool verifier_is_full(struct verifier *v)
{
    pthread_mutex_lock(&v->lock);
    bool full = v->waiting.count >= v->queue_max;
    pthread_mutex_unlock(&v->lock);
    return full;
}

struct verify_job *verifier_take(struct verifier *v)
{
    uint64_t ignored;
    pthread_mutex_lock(&v->lock);
    struct verify_job *job = pop(&v->finished);
    if (!v->finished.count)
        (void)!read(v->fd, &ignored, sizeof ignored);
    pthread_mutex_unlock(&v->lock);
    return job;
}

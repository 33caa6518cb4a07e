/* pool.c - see pool.h. */
#include "pam/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pack.h"
#include "base/secret.h"

struct job {
    struct job *next;
    struct pool_answer *answer; /* made beforehand, so that an answer never fails for lack of memory */
    struct pam_check check;     /* points into `bytes` */
    size_t len;
    char bytes[];
};

struct pool {
    struct pool_options options;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct job *first, *last;
    size_t waiting;
    struct pool_answer *answers; /* in no order */
    bool ending;
    int fd;
    unsigned threads;
    pthread_t ids[];
};

static void job_free(struct job *job)
{
    pool_answer_free(job->answer);
    secret_wipe(job->bytes, job->len);
    free(job);
}

void pool_answer_free(struct pool_answer *answer)
{
    free(answer);
}

/* The next whole step after `asked` that is not before `now`; successes go at once. */
static int64_t due_at(const struct pool *p, const struct pool_answer *answer, int64_t now)
{
    int64_t step = p->options.fail_step_ms;
    if (answer->result.verdict == PAM_VERDICT_OK || !step)
        return now;
    return answer->asked + ((now - answer->asked) / step + 1) * step;
}

static struct job *next_job(struct pool *p)
{
    struct job *job = p->first;
    if (!job)
        return NULL;
    p->first = job->next;
    if (!p->first)
        p->last = NULL;
    p->waiting--;
    return job;
}

static void *serve(void *context)
{
    struct pool *p = context;
    pthread_mutex_lock(&p->lock);
    while (!p->ending) {
        struct job *job = next_job(p);
        if (!job) {
            pthread_cond_wait(&p->work, &p->lock);
            continue;
        }
        pthread_mutex_unlock(&p->lock);
        struct pool_answer *answer = job->answer;
        job->answer = NULL;
        conversation_run(&p->options.conversation, &job->check, &answer->result);
        job_free(job);
        answer->due = due_at(p, answer, clock_ms());
        pthread_mutex_lock(&p->lock);
        answer->next = p->answers;
        p->answers = answer;
        (void)!write(p->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

int pool_new(const struct pool_options *options, struct pool **pool_out)
{
    struct pool *p = calloc(1, sizeof *p + options->threads * sizeof p->ids[0]);
    if (!p)
        return ERR_NOMEM;
    p->options = *options;
    p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    while (p->fd >= 0 && p->threads < options->threads && pthread_create(&p->ids[p->threads], NULL, serve, p) == 0)
        p->threads++;
    if (!p->threads && options->threads) {
        pool_free(p);
        return ERR_SYS;
    }
    *pool_out = p;
    return 0;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    while (p->threads)
        pthread_join(p->ids[--p->threads], NULL);
    for (struct job *job; (job = next_job(p));)
        job_free(job);
    while (p->answers) {
        struct pool_answer *answer = p->answers;
        p->answers = answer->next;
        pool_answer_free(answer);
    }
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    if (p->fd >= 0)
        close(p->fd);
    free(p);
}

static struct job *job_new(const struct pam_check *check)
{
    size_t len = check->service.len + check->user.len + check->password.len + check->rhost.len + check->also.len;
    struct job *job = malloc(sizeof *job + len);
    struct pool_answer *answer = calloc(1, sizeof *answer);
    if (!job || !answer) {
        free(job);
        free(answer);
        return NULL;
    }
    char *at = job->bytes;
    *job = (struct job){ .answer = answer, .len = len };
    job->check = (struct pam_check){ check->job, pack_text(&at, check->service), pack_text(&at, check->user),
                                     pack_text(&at, check->password), pack_text(&at, check->rhost), check->vouched,
                                     check->only_identity, pack_text(&at, check->also) };
    answer->job = check->job;
    answer->asked = clock_ms();
    return job;
}

int pool_ask(struct pool *p, const struct pam_check *check)
{
    struct job *job = job_new(check);
    int err = job ? 0 : ERR_NOMEM;
    if (err)
        return err;
    pthread_mutex_lock(&p->lock);
    if (p->waiting >= p->options.queue_max) {
        err = ERR_LIMIT;
    } else {
        if (p->last)
            p->last->next = job;
        else
            p->first = job;
        p->last = job;
        p->waiting++;
        pthread_cond_signal(&p->work);
    }
    pthread_mutex_unlock(&p->lock);
    if (err)
        job_free(job);
    return err;
}

int pool_fd(const struct pool *p)
{
    return p->fd;
}

struct pool_answer *pool_take(struct pool *p, int *wait_ms_out)
{
    struct pool_answer *taken = NULL;
    uint64_t ignored;
    int64_t now = clock_ms(), first = INT64_MAX;
    pthread_mutex_lock(&p->lock);
    (void)!read(p->fd, &ignored, sizeof ignored);
    for (struct pool_answer **at = &p->answers; *at; at = &(*at)->next) {
        if ((*at)->due <= now) {
            taken = *at;
            *at = taken->next;
            break;
        }
        first = (*at)->due < first ? (*at)->due : first;
    }
    pthread_mutex_unlock(&p->lock);
    if (!taken)
        *wait_ms_out = first == INT64_MAX ? -1 : (int)(first - now);
    return taken;
}

/* pool.c - see pool.h. */
#include "pam/pool.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/pack.h"
#include "base/secret.h"
#include "sys/errands.h"

struct job {
    struct errand errand;
    struct pool_answer *answer; /* made beforehand, so that an answer never fails for lack of memory */
    struct pam_check check;     /* points into `bytes` */
    size_t len;
    char bytes[];
};

struct pool {
    struct pool_options options;
    struct errands *errands;
    struct pool_answer *answers; /* that are known, in no order */
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

static void run(void *context, struct errand *errand)
{
    const struct pool *p = context;
    struct job *job = (struct job *)errand;
    conversation_run(&p->options.conversation, &job->check, &job->answer->result);
    secret_wipe(job->bytes, job->len);
    job->answer->due = due_at(p, job->answer, clock_ms());
}

static void drop(void *context, struct errand *errand)
{
    (void)context;
    job_free((struct job *)errand);
}

int pool_new(const struct pool_options *options, struct pool **pool_out)
{
    struct pool *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_NOMEM;
    p->options = *options;
    const struct errands_options errands = { .run = run, .drop = drop, .context = p, .threads = options->threads,
                                             .queue_max = options->queue_max };
    int err = errands_new(&errands, &p->errands);
    if (err)
        pool_free(p);
    else
        *pool_out = p;
    return err;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    errands_free(p->errands);
    while (p->answers) {
        struct pool_answer *answer = p->answers;
        p->answers = answer->next;
        pool_answer_free(answer);
    }
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
    int err = job ? errands_add(p->errands, &job->errand) : ERR_NOMEM;
    if (err && job)
        job_free(job);
    return err;
}

int pool_fd(const struct pool *p)
{
    return errands_fd(p->errands);
}

static void collect(struct pool *p)
{
    for (struct job *job; (job = (struct job *)errands_take(p->errands));) {
        job->answer->next = p->answers;
        p->answers = job->answer;
        job->answer = NULL;
        job_free(job);
    }
}

struct pool_answer *pool_take(struct pool *p, int *wait_ms_out)
{
    int64_t now = clock_ms(), first = INT64_MAX;
    collect(p);
    for (struct pool_answer **at = &p->answers; *at; at = &(*at)->next) {
        struct pool_answer *answer = *at;
        if (answer->due <= now) {
            *at = answer->next;
            return answer;
        }
        first = answer->due < first ? answer->due : first;
    }
    *wait_ms_out = first == INT64_MAX ? -1 : (int)(first - now);
    return NULL;
}

/*
 * verifier.c - see verifier.h.
 *
 * A check spends one digest of every form that is in use on this server, whether the name exists, whichever form its
 * password has and whether it is enabled: how long it takes says nothing about the name (threats.md A02).
 */
#include "auth/verifier.h"

#include <stdlib.h>

#include "base/secret.h"

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

/* ---- the threads ---- */

static void run(void *context, struct errand *errand)
{
    struct verify_job *job = (struct verify_job *)errand;
    (void)context;
    if (job->task == VERIFY_CHECK)
        check(job);
    else
        rehash(job);
}

static void drop(void *context, struct errand *errand)
{
    (void)context;
    verify_job_free((struct verify_job *)errand);
}

int verifier_new(unsigned threads, size_t queue_max, struct errands **verifier_out)
{
    const struct errands_options options = { .run = run, .drop = drop, .threads = threads, .queue_max = queue_max };
    return errands_new(&options, verifier_out);
}

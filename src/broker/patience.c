/* patience.c - one job at a time, shared by the one who waits and the helper; who is last frees it. */
#include "broker/patience.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct task {
    int (*work)(void *job);
    int result;
    bool is_done, is_alone; /* is_alone: nobody waits any more */
    alignas(max_align_t) unsigned char job[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct task *current; /* what the helper does or is about to do */
static bool has_helper;

static void *help(void *context)
{
    (void)context;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (!current)
            pthread_cond_wait(&changed, &lock);
        struct task *t = current;
        pthread_mutex_unlock(&lock);
        int result = t->work(t->job);
        pthread_mutex_lock(&lock);
        t->result = result;
        t->is_done = true;
        current = NULL;
        if (t->is_alone)
            free(t);
        pthread_cond_broadcast(&changed);
    }
    return NULL;
}

/* With the lock held. */
static bool start_helper(void)
{
    pthread_t thread;
    pthread_attr_t attr;
    if (has_helper || pthread_attr_init(&attr))
        return has_helper;
    has_helper = !pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) &&
                 !pthread_attr_setstacksize(&attr, 256 * 1024) && !pthread_create(&thread, &attr, help, NULL);
    pthread_attr_destroy(&attr);
    return has_helper;
}

/* With the lock held: false when the time is up. */
static bool wait_until(int64_t until)
{
    return clock_ms() < until && clock_wait(&changed, &lock, until);
}

/* With the lock held; `t` is freed or left to the helper. */
static int hand_over(struct task *t, int64_t until, void *job, size_t size)
{
    while (current)
        if (!wait_until(until)) {
            free(t);
            return ERR_TIMEOUT;
        }
    current = t;
    pthread_cond_broadcast(&changed);
    while (!t->is_done)
        if (!wait_until(until) && !t->is_done) {
            t->is_alone = true;
            return ERR_TIMEOUT;
        }
    int result = t->result;
    memcpy(job, t->job, size);
    free(t);
    return result;
}

int patience_run(int64_t until, int (*work)(void *job), void *job, size_t size)
{
    struct task *t = calloc(1, sizeof *t + size);
    if (!t)
        return ERR_NOMEM;
    t->work = work;
    memcpy(t->job, job, size);
    pthread_mutex_lock(&lock);
    int err = ERR_SYS;
    if (start_helper())
        err = hand_over(t, until, job, size);
    else
        free(t);
    pthread_mutex_unlock(&lock);
    return err;
}

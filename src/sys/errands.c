/* errands.c - see errands.h. */
#include "sys/errands.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
    struct errand *first, **last;
    size_t count;
};

struct errands {
    struct errands_options options;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work;
    struct queue waiting, later, finished;
    bool ending;
    int fd;
    unsigned threads, idle;
    pthread_t ids[];
};

static void push(struct queue *q, struct errand *errand)
{
    errand->next = NULL;
    *q->last = errand;
    q->last = &errand->next;
    q->count++;
}

static struct errand *pop(struct queue *q)
{
    struct errand *errand = q->first;
    if (!errand)
        return NULL;
    q->first = errand->next;
    if (!q->first)
        q->last = &q->first;
    q->count--;
    return errand;
}

static void *serve(void *context)
{
    struct errands *e = context;
    pthread_mutex_lock(&e->lock);
    while (!e->ending) {
        struct errand *errand = pop(e->waiting.count ? &e->waiting : &e->later);
        if (!errand) {
            e->idle++;
            pthread_cond_wait(&e->work, &e->lock);
            e->idle--;
            continue;
        }
        pthread_mutex_unlock(&e->lock);
        e->options.run(e->options.context, errand);
        pthread_mutex_lock(&e->lock);
        push(&e->finished, errand);
        (void)!write(e->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* One thread more, if all have something to do and it is allowed.  A woken thread counts as idle until it runs; what it was
 * woken for waits as long. */
static void reinforce(struct errands *e)
{
    pthread_attr_t attr;
    if (e->waiting.count + e->later.count < e->idle || e->threads == e->options.threads || pthread_attr_init(&attr))
        return;
    if (e->options.stack_size)
        pthread_attr_setstacksize(&attr, e->options.stack_size);
    if (pthread_create(&e->ids[e->threads], &attr, serve, e) == 0)
        e->threads++;
    pthread_attr_destroy(&attr);
}

int errands_add(struct errands *e, struct errand *errand)
{
    int err = 0;
    pthread_mutex_lock(&e->lock);
    reinforce(e);
    if (e->waiting.count >= e->options.queue_max || (!e->threads && e->options.threads)) {
        err = ERR_LIMIT;
    } else {
        push(&e->waiting, errand);
        pthread_cond_signal(&e->work);
    }
    pthread_mutex_unlock(&e->lock);
    return err;
}

void errands_add_later(struct errands *e, struct errand *errand)
{
    pthread_mutex_lock(&e->lock);
    reinforce(e);
    push(&e->later, errand);
    pthread_cond_signal(&e->work);
    pthread_mutex_unlock(&e->lock);
}

bool errands_are_full(struct errands *e)
{
    pthread_mutex_lock(&e->lock);
    bool full = e->waiting.count >= e->options.queue_max;
    pthread_mutex_unlock(&e->lock);
    return full;
}

int errands_fd(const struct errands *e)
{
    return e->fd;
}

struct errand *errands_take(struct errands *e)
{
    uint64_t ignored;
    pthread_mutex_lock(&e->lock);
    struct errand *errand = pop(&e->finished);
    if (!e->finished.count)
        (void)!read(e->fd, &ignored, sizeof ignored);
    pthread_mutex_unlock(&e->lock);
    return errand;
}

/* ---- life ---- */

int errands_new(const struct errands_options *options, struct errands **errands_out)
{
    struct errands *e = calloc(1, sizeof *e + options->threads * sizeof e->ids[0]);
    if (!e)
        return ERR_NOMEM;
    e->options = *options;
    e->waiting.last = &e->waiting.first;
    e->later.last = &e->later.first;
    e->finished.last = &e->finished.first;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->work, NULL);
    e->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (e->fd < 0) {
        errands_free(e);
        return ERR_SYS;
    }
    *errands_out = e;
    return 0;
}

static void drop(struct errands *e, struct queue *q)
{
    for (struct errand *errand; (errand = pop(q));)
        e->options.drop(e->options.context, errand);
}

void errands_free(struct errands *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->ending = true;
    pthread_cond_broadcast(&e->work);
    pthread_mutex_unlock(&e->lock);
    while (e->threads)
        pthread_join(e->ids[--e->threads], NULL);
    drop(e, &e->waiting);
    drop(e, &e->later);
    drop(e, &e->finished);
    pthread_cond_destroy(&e->work);
    pthread_mutex_destroy(&e->lock);
    if (e->fd >= 0)
        close(e->fd);
    free(e);
}

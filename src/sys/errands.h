/*
 * errands.h - threads that do what waits: look something up, compute for long.
 *
 * The owner is one thread with a poll loop.  It hands over an errand, sees errands_fd become readable, and takes the errand
 * back with its result.  While a thread has it nobody else touches it, so errands need no locks of their own.  Threads start
 * when they are needed, up to a fixed number; the queue in front of them is bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct errand { /* the first member of what it is about */
    struct errand *next;
};

struct errands_options {
    void (*run)(void *context, struct errand *errand);  /* in a thread */
    void (*drop)(void *context, struct errand *errand); /* of those that nobody takes back */
    void *context;
    unsigned threads;  /* 0: what is handed over waits for ever, for tests */
    size_t queue_max;
    size_t stack_size; /* 0: the usual */
};

struct errands;
MUST_USE int errands_new(const struct errands_options *options, struct errands **errands_out);
/* Waits for what the threads are about; drops the rest.  NULL is fine. */
void errands_free(struct errands *e);

/* On 0 it is taken over; ERR_LIMIT: too many wait, or there is no thread. */
MUST_USE int errands_add(struct errands *e, struct errand *errand);
/* When nothing else waits; never refused. */
void errands_add_later(struct errands *e, struct errand *errand);
bool errands_are_full(struct errands *e);

/* Readable when errands_take has something. */
int errands_fd(const struct errands *e);
/* One that is done, in the order in which they were; NULL: none. */
struct errand *errands_take(struct errands *e);

/*
 * readers.h - how many threads of a pool wait on the queue that they share.
 *
 * When all of them wait, each message wakes another thread, although the one that is busy would have been back before the
 * new one runs.  So one reads and serves what comes, one after the other, and the rest rest.  A request may hang, in a dead
 * disk for instance, and must not hold up those behind it: while there is work one of the resting threads looks every few
 * milliseconds, and when all that read have been busy with one request since its last look, it reads too.  Once nothing
 * has been slow for a while they become fewer again.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { READERS_MAX = 8, READERS_THREADS = READERS_MAX + 1 }; /* one is always left to look */

struct readers {
    pthread_mutex_t lock;
    pthread_cond_t rest, watch;   /* of those that rest, and of the one among them that looks */
    _Atomic unsigned begun[READERS_MAX]; /* by seat: the look behind which the last request began, and whether it is done */
    _Atomic unsigned looks;       /* number of the last look, even and never 0 */
    _Atomic unsigned reading;     /* seats that are taken */
    _Atomic unsigned wanted;      /* as many as `reading` is to be */
    _Atomic bool is_watched;      /* somebody will look by himself; else who begins a request wakes him */
    unsigned calm;                /* looks since something was slow */
    bool is_taken[READERS_MAX], has_watch, is_used, is_ending;
};

int readers_init(struct readers *r);
void readers_free(struct readers *r);
/* Those that rest leave, now and later; what the others read from must end too. */
void readers_end(struct readers *r);

/* Rest until there is a seat to read from.  -1: leave. */
int readers_enter(struct readers *r);
/* A request was received. */
void readers_begin(struct readers *r, int seat);
/* It is done.  False: the seat is gone, enter again. */
bool readers_stay(struct readers *r, int seat);

/* What the watching thread does each time, with the lock held.  For the tests. */
void readers_look(struct readers *r);

/*
 * flood.h - what may come in floods is told once a second at most: the first at once, the rest when the second is over.
 *
 * Nothing is told late: a timer runs while something is left to tell, and only then.
 */
#pragma once

#include "base/err.h"
#include "loop/loop.h"

/* `count`: how many there were since it was told last; never 0. */
typedef void flood_tell(void *context, unsigned count);

struct flood {
    struct loop *loop;
    flood_tell *tell;
    void *context;
    struct loop_timer *timer;
    unsigned count; /* not told yet */
    int64_t told;   /* when it was told last, loop time */
};

/* ERR_NOMEM. */
MUST_USE int flood_begin(struct flood *f, struct loop *loop, flood_tell *tell, void *context);
void flood_one_more(struct flood *f);
/* Tells what is left.  Fine for one that never began. */
void flood_end(struct flood *f);

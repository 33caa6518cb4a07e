/* flood.c - see flood.h. */
#include "worker/flood.h"

enum { TELL_MS = 1000 };

static void tell(void *context)
{
    struct flood *f = context;
    unsigned count = f->count;
    f->count = 0;
    f->told = loop_now(f->loop);
    f->tell(f->context, count);
}

int flood_begin(struct flood *f, struct loop *loop, flood_tell *how, void *context)
{
    struct loop_timer *timer = loop_timer_new(loop, tell, f);
    if (!timer)
        return ERR_NOMEM;
    *f = (struct flood){ .loop = loop, .tell = how, .context = context, .timer = timer, .told = loop_now(loop) - TELL_MS };
    return 0;
}

void flood_one_more(struct flood *f)
{
    if (f->count++) /* the timer runs */
        return;
    int64_t left = f->told + TELL_MS - loop_now(f->loop);
    if (left > 0)
        loop_timer_set(f->timer, left);
    else
        tell(f);
}

void flood_end(struct flood *f)
{
    if (f->count)
        tell(f);
    loop_timer_free(f->timer);
    *f = (struct flood){ 0 };
}

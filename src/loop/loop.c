/*
 * loop.c - libevent behind loop.h.
 *
 * A loop_io is one struct event that is registered anew only when what it waits for changes, so asking for what is
 * already watched costs a comparison.  Closing inside a callback is safe: libevent copies callback and context before
 * the call and touches the event no more, io_dispatch neither; and what became ready in the same turn but was closed
 * meanwhile is not called, for event_del takes it out of the active queue.  The environment is not asked for a
 * backend, and there is no change list: it would forget to unregister a descriptor that another process still holds.
 */
#include "loop/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

struct loop {
    struct event_base *base;
    int64_t now;  /* of the callback that runs, looked up once; 0: not yet */
    bool in_callback;
    bool stopped; /* also when loop_stop came before loop_run */
};

struct loop_io {
    struct event event;
    struct loop *loop;
    loop_ready *ready;
    void *context;
    int fd;
    unsigned wanted;
    int64_t timeout_ms;
};

struct loop_timer {
    struct event event;
    struct loop *loop;
    loop_expired *expired;
    void *context;
};

static struct timeval timeval_of(int64_t ms)
{
    return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

static void *await(size_t size)
{
    return memory_await(NULL, size);
}

struct loop *loop_new(void)
{
    /* It needs little, and of a descriptor or a time-out that it could not note nobody would ever hear again (threats.md H10). */
    event_set_mem_functions(await, memory_await, free);
    struct loop *l = calloc(1, sizeof *l);
    struct event_config *config = event_config_new();
    if (l && config) {
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
        l->base = event_base_new_with_config(config);
    }
    if (config)
        event_config_free(config);
    if (!l || !l->base) {
        free(l);
        return NULL;
    }
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    event_base_free(l->base);
    free(l);
}

void loop_run(struct loop *l)
{
    while (!l->stopped)
        event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
    l->stopped = false;
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
    event_base_loopbreak(l->base);
}

int64_t loop_now(struct loop *l)
{
    if (!l->in_callback)
        return clock_ms();
    if (!l->now)
        l->now = clock_ms();
    return l->now;
}

static void enter(struct loop *l)
{
    l->in_callback = true;
    l->now = 0;
}

/* ---- descriptors ---- */

static void io_dispatch(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    struct loop_io *io = context;
    unsigned events = (what & EV_READ ? LOOP_READ : 0u) | (what & EV_WRITE ? LOOP_WRITE : 0u) |
                      (what & EV_TIMEOUT ? LOOP_TIMEOUT : 0u);
    struct loop *l = io->loop;
    if ((what & EV_TIMEOUT) && io->timeout_ms == 0) { /* libevent has forgotten the event: an interval of nothing is none */
        io->wanted = 0;
        io->timeout_ms = -1;
    }
    enter(l);
    io->ready(io->context, events); /* may close io */
    l->in_callback = false;
}

struct loop_io *loop_io_open(struct loop *l, int fd, loop_ready *ready, void *context)
{
    struct loop_io *io = calloc(1, sizeof *io);
    if (!io)
        return NULL;
    io->loop = l;
    io->fd = fd;
    io->ready = ready;
    io->context = context;
    io->timeout_ms = -1;
    return io;
}

static bool io_is_watched(const struct loop_io *io)
{
    return io->wanted || io->timeout_ms >= 0;
}

void loop_io_want(struct loop_io *io, unsigned events, int64_t timeout_ms)
{
    events &= LOOP_READ | LOOP_WRITE;
    if (timeout_ms < 0)
        timeout_ms = -1;
    if (io->wanted == events && io->timeout_ms == timeout_ms)
        return;
    if (io_is_watched(io))
        event_del(&io->event);
    io->wanted = events;
    io->timeout_ms = timeout_ms;
    if (!io_is_watched(io))
        return;
    short flags = (short)(EV_PERSIST | (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0));
    struct timeval tv = timeval_of(timeout_ms);
    event_assign(&io->event, io->loop->base, io->fd, flags, io_dispatch, io);
    event_add(&io->event, timeout_ms >= 0 ? &tv : NULL);
}

void loop_io_close(struct loop_io *io)
{
    if (!io)
        return;
    if (io_is_watched(io))
        event_del(&io->event);
    free(io);
}

/* ---- time-outs ---- */

static void timer_dispatch(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct loop_timer *t = context;
    struct loop *l = t->loop;
    enter(l);
    t->expired(t->context); /* may free t */
    l->in_callback = false;
}

struct loop_timer *loop_timer_new(struct loop *l, loop_expired *expired, void *context)
{
    struct loop_timer *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->loop = l;
    t->expired = expired;
    t->context = context;
    evtimer_assign(&t->event, l->base, timer_dispatch, t);
    return t;
}

void loop_timer_set(struct loop_timer *t, int64_t ms)
{
    struct timeval tv = timeval_of(ms < 0 ? 0 : ms);
    evtimer_add(&t->event, &tv);
}

void loop_timer_clear(struct loop_timer *t)
{
    if (t)
        evtimer_del(&t->event);
}

void loop_timer_free(struct loop_timer *t)
{
    if (!t)
        return;
    evtimer_del(&t->event);
    free(t);
}

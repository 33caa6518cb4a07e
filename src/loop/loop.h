/*
 * loop.h - the wall to the event library (libevent's event_core; no other file includes it).
 *
 * One loop per program, one thread.  Callbacks carry the context given at opening.  Nothing here blocks.
 */
#pragma once

#include "base/slice.h"

struct loop;
struct loop_io;    /* one descriptor */
struct loop_timer; /* one time-out */

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_TIMEOUT = 4 };

struct loop *loop_new(void); /* NULL: out of memory */
void loop_free(struct loop *l);
/* Until loop_stop, which may also come first. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* Monotonic milliseconds: time-outs survive a jump of the wall clock (threats.md H08). */
int64_t loop_now(struct loop *l);

typedef void loop_ready(void *context, unsigned events);
/* Watch nothing yet.  The descriptor stays the caller's. */
struct loop_io *loop_io_open(struct loop *l, int fd, loop_ready *ready, void *context);
/* Which of LOOP_READ, LOOP_WRITE to wait for (persistently, level-triggered) and after how many idle milliseconds to
 * report LOOP_TIMEOUT (-1 never; 0: in the next turn of the loop, and then nothing is watched).  Cheap when nothing
 * changes. */
void loop_io_want(struct loop_io *io, unsigned events, int64_t timeout_ms);
/* Safe inside its own callback.  NULL is fine. */
void loop_io_close(struct loop_io *io);

typedef void loop_expired(void *context);
struct loop_timer *loop_timer_new(struct loop *l, loop_expired *expired, void *context);
void loop_timer_set(struct loop_timer *t, int64_t ms); /* once, from now; replaces an earlier setting */
void loop_timer_clear(struct loop_timer *t);           /* NULL is fine */
void loop_timer_free(struct loop_timer *t);            /* the same */

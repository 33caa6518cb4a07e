/*
 * clock.h - the time as one number.
 *
 * Without further word it is that of the monotonic clock, which nobody sets and which every process of the machine
 * shares; of the calendar is what people read and what files keep.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static inline int64_t clock_read(clockid_t clock) /* nanoseconds */
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t clock_ns(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

static inline int64_t clock_ms(void)
{
    return clock_ns() / 1000000;
}

/* Since 1970. */
static inline int64_t clock_calendar_ms(void)
{
    return clock_read(CLOCK_REALTIME) / 1000000;
}

/* pthread_cond_wait() until clock_ms() is `until_ms`; false when the time is up.  The condition needs no attributes. */
static inline bool clock_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ms)
{
    const struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };
    return pthread_cond_clockwait(condition, lock, CLOCK_MONOTONIC, &until) == 0;
}

/*
 * readers.c - see readers.h.
 *
 * Nothing here costs a request a system call: it leaves the number of the present look at its seat, and that it is done.
 * A seat that holds the number of an earlier look and is not done is a request that is slow.  Only when nobody looks,
 * because nothing has begun between two looks, a request that begins wakes the watch.  The request writes its number
 * and then reads `is_watched`, the watch writes `is_watched` and then reads the numbers: one of them sees the other.
 */
#include "broker/readers.h"

#include "base/clock.h"
#include "base/err.h"

enum { LOOK_MS = 5, CALM_LOOKS = 20, DONE = 1, LOOK_STEP = 2 };

int readers_init(struct readers *r)
{
    *r = (struct readers){ .looks = LOOK_STEP, .wanted = 1 };
    bool failed = pthread_mutex_init(&r->lock, NULL) || pthread_cond_init(&r->rest, NULL) || pthread_cond_init(&r->watch, NULL);
    return failed ? ERR_SYS : 0;
}

void readers_free(struct readers *r)
{
    pthread_cond_destroy(&r->watch);
    pthread_cond_destroy(&r->rest);
    pthread_mutex_destroy(&r->lock);
}

void readers_end(struct readers *r)
{
    pthread_mutex_lock(&r->lock);
    r->is_ending = true;
    pthread_cond_broadcast(&r->rest);
    pthread_cond_signal(&r->watch);
    pthread_mutex_unlock(&r->lock);
}

void readers_look(struct readers *r)
{
    unsigned now = r->looks, slow = 0, used = 0;
    for (unsigned i = 0; i < READERS_MAX; i++) {
        unsigned begun = r->begun[i];
        slow += begun && !(begun & DONE) && begun != now;
        used += (begun & ~(unsigned)DONE) == now;
    }
    r->looks = now + LOOK_STEP ? now + LOOK_STEP : LOOK_STEP;
    r->is_used = used || slow;
    r->calm = slow ? 0 : r->calm + 1;
    if (slow >= r->reading && r->reading < READERS_MAX) {
        r->wanted = r->reading + 1;
    } else if (r->calm >= CALM_LOOKS && r->wanted > 1) {
        r->wanted--;
        r->calm = 0;
    }
}

static bool is_idle(const struct readers *r)
{
    for (unsigned i = 0; i < READERS_MAX; i++)
        if (r->begun[i] && !(r->begun[i] & DONE))
            return false;
    return true;
}

/* Until the next request, when there were none lately; then to the next look. */
static void await_look(struct readers *r)
{
    r->is_watched = r->is_used;
    while (!r->is_watched && is_idle(r) && !r->is_ending)
        pthread_cond_wait(&r->watch, &r->lock);
    r->is_watched = true;
    int64_t until = clock_ms() + LOOK_MS;
    while (!r->is_ending && clock_wait(&r->watch, &r->lock, until))
        ;
}

/* Until there is a place to read; then somebody else is to look. */
static void watch(struct readers *r)
{
    r->has_watch = true;
    while (!r->is_ending && r->reading >= r->wanted) {
        await_look(r);
        readers_look(r);
    }
    r->has_watch = false;
    pthread_cond_signal(&r->rest);
}

static int take_seat(struct readers *r)
{
    int seat = 0;
    while (r->is_taken[seat]) /* `wanted` is never more than there are */
        seat++;
    r->is_taken[seat] = true;
    r->begun[seat] = 0;
    r->reading++;
    return seat;
}

int readers_enter(struct readers *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->is_ending && r->reading >= r->wanted)
        if (r->has_watch)
            pthread_cond_wait(&r->rest, &r->lock);
        else
            watch(r);
    int seat = r->is_ending ? -1 : take_seat(r);
    pthread_mutex_unlock(&r->lock);
    return seat;
}

void readers_begin(struct readers *r, int seat)
{
    r->begun[seat] = r->looks;
    if (r->is_watched)
        return;
    pthread_mutex_lock(&r->lock);
    r->is_watched = true;
    pthread_cond_signal(&r->watch);
    pthread_mutex_unlock(&r->lock);
}

bool readers_stay(struct readers *r, int seat)
{
    atomic_store_explicit(&r->begun[seat], r->begun[seat] | DONE, memory_order_release);
    if (r->reading <= r->wanted)
        return true;
    pthread_mutex_lock(&r->lock);
    bool stays = r->reading <= r->wanted;
    if (!stays) {
        r->is_taken[seat] = false;
        r->reading--;
    }
    pthread_mutex_unlock(&r->lock);
    return stays;
}

/* backoff.c - doubling delays. */
#include "supervisor/backoff.h"

int64_t backoff_died(struct backoff *b, int64_t lived_ms)
{
    if (b->next_ms == 0 || lived_ms >= BACKOFF_GOOD_MS)
        b->next_ms = BACKOFF_FIRST_MS;
    int64_t wait = b->next_ms;
    b->next_ms = wait * 2 > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : wait * 2;
    return wait;
}

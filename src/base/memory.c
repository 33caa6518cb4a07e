/* memory.c - see memory.h. */
#include "base/memory.h"

#include <poll.h>
#include <stdlib.h>

enum { TRIES = 500, PAUSE_MS = 10 };

static _Atomic unsigned refusals;

unsigned memory_refusals(void)
{
    return refusals;
}

void *memory_resize(void *block, size_t size)
{
    void *got = realloc(block, size);
    if (!got && size)
        refusals++;
    return got;
}

void *memory_await(void *block, size_t size)
{
    for (int i = 0; i < TRIES; i++) {
        void *got = realloc(block, size);
        if (got || !size)
            return got;
        (void)poll(NULL, 0, PAUSE_MS);
    }
    abort();
}

/* memory.c - see memory.h. */
#include "base/memory.h"

#include <stdlib.h>

static _Atomic unsigned refusals;

unsigned memory_refusals(void)
{
    return refusals;
}

void *memory_get(size_t size)
{
    return memory_get_again(NULL, size);
}

void *memory_get_again(void *block, size_t size)
{
    void *got = realloc(block, size);
    if (!got && size)
        refusals++;
    return got;
}

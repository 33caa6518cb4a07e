/*
 * arena.h - memory that is given back all at once.
 *
 * Elements, keys and paths of one generation of the configuration come from here; arena_release() takes everything
 * handed out since a mark, which keeps the check of 100,000 locations in a few kilobytes.
 */
#pragma once

#include "base/slice.h"

struct arena_block;
struct arena {
    struct arena_block *block;
};
struct arena_mark {
    struct arena_block *block;
    size_t used;
};

/* Zeroed, aligned for any type; NULL when out of memory. */
void *arena_get(struct arena *a, size_t size);
/* A copy with a NUL behind it; NULL when out of memory. */
char *arena_copy(struct arena *a, struct slice s);
struct arena_mark arena_mark(const struct arena *a);
void arena_release(struct arena *a, struct arena_mark mark);
void arena_free(struct arena *a);

/*
 * map.h - byte strings to small numbers.
 *
 * Keys are borrowed and compared byte for byte: whoever wants another equality folds before asking.  Grows as needed;
 * nothing is ever removed.  The hash is keyed by a random seed so that a crafted file cannot make it slow.
 */
#pragma once

#include "base/slice.h"

#define MAP_NONE UINT32_MAX

struct map_slot {
    struct slice key;
    uint64_t hash;
    uint32_t value;
    bool used;
};
struct map {
    struct map_slot *slots;
    size_t size, count; /* size is 0 or a power of two */
};

/* The value of `key`, MAP_NONE when there is none. */
uint32_t map_get(const struct map *m, struct slice key);
/* Sets or replaces.  ERR_NOMEM. */
MUST_USE int map_put(struct map *m, struct slice key, uint32_t value);
void map_free(struct map *m);

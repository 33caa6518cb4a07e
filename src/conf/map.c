/* map.c - open addressing with linear probing, at most half full. */
#include "conf/map.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

/* One for the whole process, also when two threads come first at once. */
static uint64_t seed(void)
{
    static _Atomic uint64_t kept;
    uint64_t value = atomic_load_explicit(&kept, memory_order_relaxed);
    if (value)
        return value;
    uint64_t fresh, none = 0;
    if (getrandom(&fresh, sizeof fresh, GRND_NONBLOCK) != (ssize_t)sizeof fresh)
        fresh = 0x9e3779b97f4a7c15u;
    fresh |= 1;
    return atomic_compare_exchange_strong(&kept, &none, fresh) ? fresh : none;
}

static uint64_t hash_of(struct slice key)
{
    uint64_t hash = seed();
    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ (unsigned char)key.ptr[i]) * 0x100000001b3u;
        hash ^= hash >> 29;
    }
    return hash ^ hash >> 32;
}

static struct map_slot *slot_of(const struct map *m, struct slice key, uint64_t hash)
{
    size_t at = hash & (m->size - 1);
    while (m->slots[at].used && !(m->slots[at].hash == hash && slice_equal(m->slots[at].key, key)))
        at = (at + 1) & (m->size - 1);
    return &m->slots[at];
}

uint32_t map_get(const struct map *m, struct slice key)
{
    if (!m->size)
        return MAP_NONE;
    const struct map_slot *slot = slot_of(m, key, hash_of(key));
    return slot->used ? slot->value : MAP_NONE;
}

static MUST_USE int grow(struct map *m)
{
    struct map bigger = { .size = m->size ? m->size * 2 : 16, .count = m->count };
    bigger.slots = calloc(bigger.size, sizeof *bigger.slots);
    if (!bigger.slots)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->size; i++)
        if (m->slots[i].used)
            *slot_of(&bigger, m->slots[i].key, m->slots[i].hash) = m->slots[i];
    free(m->slots);
    *m = bigger;
    return 0;
}

int map_put(struct map *m, struct slice key, uint32_t value)
{
    if (m->count * 2 >= m->size) {
        int err = grow(m);
        if (err)
            return err;
    }
    uint64_t hash = hash_of(key);
    struct map_slot *slot = slot_of(m, key, hash);
    m->count += !slot->used;
    *slot = (struct map_slot){ key, hash, value, true };
    return 0;
}

void map_free(struct map *m)
{
    free(m->slots);
    *m = (struct map){ 0 };
}

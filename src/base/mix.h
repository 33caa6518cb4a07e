/*
 * mix.h - the bucket of a table for keys that a stranger chooses.
 *
 * With a random seed nobody can choose keys that share one.
 */
#pragma once

#include <stdint.h>

static inline uint64_t mix_seeded(uint64_t x, uint64_t seed)
{
    for (int i = 0; i < 2; i++) { /* the finaliser of splitmix64, twice */
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
        x = (x ^ (x >> 31)) + seed;
    }
    return x;
}

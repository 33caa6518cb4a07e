/* shares.c - see shares.h. */
#include "auth/shares.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mix.h"
#include "sys/random_bytes.h"

enum { BUCKETS = 1024 };

struct shares {
    size_t places, taken;
    uint64_t clock; /* of turns */
    uint64_t seed;  /* nobody must be able to choose addresses that share a bucket */
    struct share *buckets[BUCKETS];
};

static struct share **find(struct shares *s, uint8_t family, const uint8_t key[8])
{
    uint64_t x;
    memcpy(&x, key, sizeof x);
    struct share **at = &s->buckets[mix_seeded(x + s->seed + family, s->seed) % BUCKETS];
    while (*at && ((*at)->family != family || memcmp((*at)->key, key, 8) != 0))
        at = &(*at)->next;
    return at;
}

int shares_new(size_t places, struct shares **shares_out)
{
    struct shares *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->places = places;
    int err = random_bytes(&s->seed, sizeof s->seed);
    if (err)
        shares_free(s);
    else
        *shares_out = s;
    return err;
}

void shares_free(struct shares *s)
{
    assert(!s || !s->taken);
    free(s);
}

/* Behind those who wait already. */
static struct share *come(struct shares *s, uint8_t family, const uint8_t key[8])
{
    struct share *share = calloc(1, sizeof *share);
    if (!share)
        return NULL;
    share->family = family;
    memcpy(share->key, key, sizeof share->key);
    s->clock++;
    for (unsigned lane = 0; lane < SHARES_LANES; lane++)
        share->served[lane] = s->clock;
    return share;
}

struct share *shares_enter(struct shares *s, const struct net_addr *client)
{
    uint8_t key[8] = { 0 };
    memcpy(key, client->ip, client->family == 4 ? 4 : 8);
    struct share **at = find(s, client->family, key);
    if ((*at ? (*at)->places : 0) >= s->places - s->taken)
        return NULL;
    if (!*at)
        *at = come(s, client->family, key);
    if (*at) {
        (*at)->places++;
        s->taken++;
    }
    return *at;
}

void shares_leave(struct shares *s, struct share *share)
{
    if (!share)
        return;
    s->taken--;
    if (--share->places)
        return;
    *find(s, share->family, share->key) = share->next;
    free(share);
}

void shares_serve(struct shares *s, struct share *share, unsigned lane)
{
    share->served[lane] = ++s->clock;
}

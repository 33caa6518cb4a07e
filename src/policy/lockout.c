/* lockout.c - buckets of a few entries each; see lockout.h. */
#include "policy/lockout.h"

#include <stdlib.h>

#include "base/fold.h"
#include "base/mix.h"

enum { BUCKETS = 8192, WAYS = 8, FAMILY_ACCOUNT = 1 };

struct entry {
    uint8_t family; /* 0: free; 1: an account */
    uint8_t key[8]; /* IPv4: the first four */
    uint32_t failures;
    int64_t since;  /* of the first failure */
    int64_t until;  /* of the block; 0 none */
    int64_t expires; /* worth nothing afterwards */
};

struct lockout {
    uint64_t seed, changes;
    struct entry entries[BUCKETS][WAYS];
};

struct lockout *lockout_new(uint64_t seed)
{
    struct lockout *l = calloc(1, sizeof *l);
    if (l)
        l->seed = seed;
    return l;
}

void lockout_free(struct lockout *l)
{
    free(l);
}

size_t lockout_size(void)
{
    return sizeof(struct lockout);
}

void lockout_seed(struct lockout *l, uint64_t seed)
{
    l->seed = seed;
}

uint64_t lockout_seed_of(const struct lockout *l)
{
    return l->seed;
}

struct net_addr lockout_account(const struct lockout *l, struct slice name)
{
    struct net_addr key = { .family = FAMILY_ACCOUNT };
    size_t backslash = slice_find(name, '\\'), at;
    if (backslash != SIZE_MAX)
        name = slice_from(name, backslash + 1);
    at = slice_find(name, '@');
    name = slice_trim(slice_first(name, at == SIZE_MAX ? name.len : at));
    uint64_t x = l->seed;
    while (name.len)
        x = mix_seeded(x ^ fold_take(&name), l->seed);
    memcpy(key.ip, &x, sizeof x);
    return key;
}

static void make_key(const struct net_addr *client, uint8_t key_out[8])
{
    memset(key_out, 0, 8);
    memcpy(key_out, client->ip, client->family == 4 ? 4 : 8);
}

static size_t bucket_of(const struct lockout *l, uint8_t family, const uint8_t key[8])
{
    uint64_t x = 0;
    memcpy(&x, key, 8);
    return mix_seeded(x ^ (l->seed + family), l->seed) % BUCKETS;
}

static const struct entry *find(const struct lockout *l, const struct net_addr *client)
{
    uint8_t key[8];
    make_key(client, key);
    const struct entry *bucket = l->entries[bucket_of(l, client->family, key)];
    for (size_t i = 0; i < WAYS; i++)
        if (client->family && bucket[i].family == client->family && memcmp(bucket[i].key, key, 8) == 0)
            return &bucket[i];
    return NULL;
}

static bool says_something(const struct entry *e, int64_t now)
{
    return e->family && e->expires > now;
}

/* What would be missed least: one that is free or over, then one without a block, then what ends first. */
static bool is_worth_less(const struct entry *a, const struct entry *b, int64_t now)
{
    if (!says_something(a, now) || !says_something(b, now))
        return !says_something(a, now) && says_something(b, now);
    if (!a->until != !b->until)
        return !a->until;
    return a->expires < b->expires;
}

static struct entry *find_or_make(struct lockout *l, const struct net_addr *client, int64_t now)
{
    struct entry *found = (struct entry *)find(l, client);
    if (found || !client->family)
        return found;
    struct entry fresh = { .family = client->family };
    make_key(client, fresh.key);
    struct entry *bucket = l->entries[bucket_of(l, client->family, fresh.key)];
    struct entry *least = &bucket[0];
    for (size_t i = 1; i < WAYS; i++)
        if (is_worth_less(&bucket[i], least, now))
            least = &bucket[i];
    *least = fresh;
    return least;
}

bool lockout_fail(struct lockout *l, const struct net_addr *client, uint32_t limit, int64_t length, int64_t now)
{
    struct entry *e = find_or_make(l, client, now);
    if (!e)
        return false; /* no address, nothing to block */
    if (e->until > now)
        return false; /* it is blocked already */
    l->changes++;
    if (!e->failures || now >= e->expires) {
        e->failures = 0;
        e->since = now;
    }
    e->until = 0;
    e->expires = e->since + length;
    if (++e->failures < limit)
        return false;
    e->failures = 0;
    e->until = e->expires = now + length;
    return true;
}

void lockout_block(struct lockout *l, const struct net_addr *client, int64_t until, int64_t now)
{
    struct entry *e = find_or_make(l, client, now);
    if (!e)
        return;
    l->changes++;
    e->failures = 0;
    e->until = e->expires = until;
}

uint64_t lockout_changes(const struct lockout *l)
{
    return l->changes;
}

void lockout_records(const struct lockout *l, int64_t now, void (*tell)(void *context, const struct lockout_record *r),
                     void *context)
{
    for (size_t i = 0; i < BUCKETS * WAYS; i++) {
        const struct entry *e = &l->entries[i / WAYS][i % WAYS];
        struct lockout_record r = { .family = e->family, .failures = e->failures, .since = e->since, .until = e->until,
                                    .expires = e->expires };
        if (!says_something(e, now))
            continue;
        memcpy(r.key, e->key, sizeof r.key);
        tell(context, &r);
    }
}

void lockout_restore(struct lockout *l, const struct lockout_record *r, int64_t now)
{
    struct net_addr client = { .family = r->family };
    if ((r->family != 4 && r->family != 6 && r->family != FAMILY_ACCOUNT) || r->expires <= now)
        return;
    memcpy(client.ip, r->key, sizeof r->key);
    struct entry *e = find_or_make(l, &client, now);
    if (!e)
        return;
    e->failures = r->failures;
    e->since = r->since;
    e->until = r->until > now ? r->until : 0;
    e->expires = r->expires;
    l->changes++;
}

int64_t lockout_left(const struct lockout *l, const struct net_addr *client, int64_t now)
{
    const struct entry *e = find(l, client);
    return e && e->until > now ? e->until - now : 0;
}

void lockout_each(const struct lockout *l, int64_t now,
                  void (*tell)(void *context, const struct net_addr *client, int64_t left), void *context)
{
    for (size_t b = 0; b < BUCKETS; b++)
        for (size_t i = 0; i < WAYS; i++) {
            const struct entry *e = &l->entries[b][i];
            struct net_addr client = { .family = e->family };
            if (!e->family || e->family == FAMILY_ACCOUNT || e->until <= now)
                continue;
            memcpy(client.ip, e->key, 8);
            tell(context, &client, e->until - now);
        }
}

/*
 * tally.c - the shared cells; see tally.h.
 *
 * A bucket has eight ways.  Keys only go from free to used and from used to another one, by compare-and-exchange, never
 * back to free; two workers that replace at the same moment may both make a cell for one key, so sums and releases look
 * at every way.  A cell may change its key between being found and being held: hold() looks again afterwards, and takes
 * its count back.
 */
#include "sys/tally.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "sys/random_bytes.h"
#include "sys/region.h"

enum { BUCKETS = 4096, WAYS = 8, TRIES = 8, WORD_BITS = 64 };
#define FAR_AHEAD_NS (3600 * INT64_C(1000000000)) /* no clock is honestly that far ahead */
#define SECOND_NS UINT64_C(1000000000)

struct tally_cell {
    _Atomic uint64_t key; /* 0: free; the kind is in the hash */
    tally_time clock[TALLY_CLOCKS];
    _Atomic uint32_t held[WORKERS_MAX];
};

struct tally {
    uint64_t seed[2];
    _Atomic uint64_t used[BUCKETS / WORD_BITS]; /* buckets with a cell: the others' pages need not be looked at */
    _Atomic uint32_t working[WORKERS_MAX];      /* 1 + the number of a cell */
    _Atomic uint32_t connections[WORKERS_MAX];
    struct tally_cell rest[TALLY_KINDS];        /* for whom there was no place */
    struct tally_cell cells[BUCKETS][WAYS];
};

int tally_create(int *fd_out)
{
    OWNED_FD fd = -1;
    uint64_t seed[2];
    int err = region_create("sallyport-tally", sizeof(struct tally), &fd);
    if (!err)
        err = random_bytes(seed, sizeof seed);
    if (err)
        return err;
    if (pwrite(fd, seed, sizeof seed, offsetof(struct tally, seed)) != sizeof seed)
        return ERR_SYS;
    *fd_out = fd_take(&fd);
    return 0;
}

int tally_map(int fd, struct tally **tally_out)
{
    void *at;
    int err = region_map(fd, sizeof(struct tally), &at);
    if (!err)
        *tally_out = at;
    return err;
}

void tally_unmap(struct tally *t)
{
    region_unmap(t, sizeof *t);
}

/* ---- keys: SipHash-2-4, so that nobody can choose names or addresses that fall together ---- */

static uint64_t turn(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[2] += v[3];
    v[1] = turn(v[1], 13) ^ v[0], v[3] = turn(v[3], 16) ^ v[2];
    v[0] = turn(v[0], 32);
    v[2] += v[1], v[0] += v[3];
    v[1] = turn(v[1], 17) ^ v[2], v[3] = turn(v[3], 21) ^ v[0];
    v[2] = turn(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

/* Of the kind, a number, and text with its ASCII letters in lower case. */
static uint64_t hash(const struct tally *t, enum tally_kind kind, uint64_t number, struct slice text)
{
    uint64_t v[4] = { t->seed[0] ^ 0x736f6d6570736575u, t->seed[1] ^ 0x646f72616e646f6du, t->seed[0] ^ 0x6c7967656e657261u,
                      t->seed[1] ^ 0x7465646279746573u };
    uint64_t word = 0;
    sip_word(v, kind);
    sip_word(v, number);
    for (size_t i = 0; i < text.len; i++) {
        word |= (uint64_t)(uint8_t)ascii_lower(text.ptr[i]) << (8 * (i % 8));
        if (i % 8 == 7) {
            sip_word(v, word);
            word = 0;
        }
    }
    sip_word(v, word | (uint64_t)text.len << 56);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    uint64_t key = v[0] ^ v[1] ^ v[2] ^ v[3];
    return key ? key : 1;
}

uint64_t tally_address(const struct tally *t, const struct net_addr *client)
{
    return hash(t, TALLY_ADDRESS, client->family, slice_of((const char *)client->ip, client->family == 4 ? 4 : 8));
}

uint64_t tally_user(const struct tally *t, uint32_t site, struct slice name)
{
    return hash(t, TALLY_USER, site, name);
}

uint64_t tally_site(const struct tally *t, uint32_t site)
{
    return hash(t, TALLY_SITE, site, SLICE_NONE);
}

/* ---- cells ---- */

static bool is_held(const struct tally_cell *c)
{
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        if (atomic_load_explicit(&c->held[i], memory_order_relaxed))
            return true;
    return false;
}

/* How much it matters: -1 not at all, else nanoseconds for which a clock still runs. */
static int64_t worth(const struct tally_cell *c, int64_t now)
{
    int64_t most = -1;
    for (unsigned i = 0; i < TALLY_CLOCKS; i++) {
        int64_t ahead = tally_ahead(&c->clock[i], now);
        if (ahead > 0 && ahead > most)
            most = ahead;
    }
    return most;
}

static size_t bucket_of(uint64_t key)
{
    return key % BUCKETS;
}

static struct tally_cell *find(struct tally *t, uint64_t key)
{
    struct tally_cell *bucket = t->cells[bucket_of(key)];
    for (unsigned i = 0; i < WAYS; i++)
        if (atomic_load(&bucket[i].key) == key)
            return &bucket[i];
    return NULL;
}

/* A free way, or the one that matters least; NULL: all are held. */
static struct tally_cell *find_victim(struct tally *t, uint64_t key, int64_t now)
{
    struct tally_cell *bucket = t->cells[bucket_of(key)], *best = NULL;
    for (unsigned i = 0; i < WAYS; i++) {
        if (atomic_load(&bucket[i].key) == 0)
            return &bucket[i];
        if (!is_held(&bucket[i]) && (!best || worth(&bucket[i], now) < worth(best, now)))
            best = &bucket[i];
    }
    return best;
}

static void mark_used(struct tally *t, uint64_t key)
{
    size_t b = bucket_of(key);
    atomic_fetch_or(&t->used[b / WORD_BITS], UINT64_C(1) << (b % WORD_BITS));
}

/* The cell of `key`, made if need be; NULL: no place. */
static struct tally_cell *find_or_make(struct tally *t, uint64_t key)
{
    int64_t now = clock_ns();
    for (int i = 0; i < TRIES; i++) {
        struct tally_cell *c = find(t, key);
        if (c)
            return c;
        c = find_victim(t, key, now);
        if (!c)
            return NULL;
        uint64_t old = atomic_load(&c->key);
        mark_used(t, key); /* before anything is held there: the supervisor must find it */
        if (!is_held(c) && atomic_compare_exchange_strong(&c->key, &old, key)) {
            for (unsigned n = 0; n < TALLY_CLOCKS; n++)
                atomic_store(&c->clock[n], 0);
            return c;
        }
    }
    return NULL;
}

static void change(struct tally_cell *c, unsigned worker, int by)
{
    uint32_t now = atomic_load_explicit(&c->held[worker], memory_order_relaxed);
    if (by > 0 ? now < UINT32_MAX : now > 0)
        atomic_store(&c->held[worker], by > 0 ? now + 1 : now - 1);
}

struct tally_cell *tally_hold(struct tally *t, unsigned worker, enum tally_kind kind, uint64_t key)
{
    for (int i = 0; i < TRIES; i++) {
        struct tally_cell *c = find_or_make(t, key);
        if (!c)
            break;
        change(c, worker, +1);
        if (atomic_load(&c->key) == key)
            return c;
        change(c, worker, -1); /* it became somebody else's */
    }
    change(&t->rest[kind], worker, +1);
    return &t->rest[kind];
}

void tally_release(struct tally_cell *cell, unsigned worker)
{
    if (cell)
        change(cell, worker, -1);
}

static uint64_t sum(const struct tally_cell *c)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        all += atomic_load_explicit(&c->held[i], memory_order_relaxed);
    return all;
}

uint64_t tally_held(const struct tally *t, enum tally_kind kind, uint64_t key)
{
    uint64_t all = 0;
    bool found = false;
    const struct tally_cell *bucket = t->cells[bucket_of(key)];
    for (unsigned i = 0; i < WAYS; i++) {
        if (atomic_load(&bucket[i].key) != key)
            continue;
        all += sum(&bucket[i]);
        found = true;
    }
    return found ? all : sum(&t->rest[kind]);
}

static void clear_cell(struct tally_cell *c, unsigned worker)
{
    if (atomic_load_explicit(&c->held[worker], memory_order_relaxed))
        atomic_store(&c->held[worker], 0);
}

void tally_clear_worker(struct tally *t, unsigned worker)
{
    for (unsigned i = 0; i < TALLY_KINDS; i++)
        clear_cell(&t->rest[i], worker);
    for (size_t b = 0; b < BUCKETS; b++)
        for (unsigned i = 0; i < WAYS && atomic_load(&t->used[b / WORD_BITS]) >> (b % WORD_BITS) & 1; i++)
            clear_cell(&t->cells[b][i], worker);
    atomic_store(&t->working[worker], 0);
    atomic_store(&t->connections[worker], 0);
}

/* ---- clocks ---- */

tally_time *tally_clock(struct tally_cell *cell, enum tally_clock which)
{
    return &cell->clock[which];
}

/* What a clock says, unless it lies. */
static int64_t reading(uint64_t value, int64_t now)
{
    return value > (uint64_t)(now + FAR_AHEAD_NS) ? now : (int64_t)value;
}

static int64_t duration(uint64_t amount, uint64_t rate)
{
    if (amount > FAR_AHEAD_NS / SECOND_NS * rate) /* also keeps the product below from running over */
        return FAR_AHEAD_NS;
    return (int64_t)(amount / rate * SECOND_NS + amount % rate * SECOND_NS / rate);
}

int64_t tally_reserve(tally_time *clock, uint64_t amount, uint64_t rate, int64_t burst_ns, int64_t now)
{
    if (!rate)
        return now;
    uint64_t old = atomic_load(clock);
    int64_t start;
    do {
        start = reading(old, now);
        if (start < now - burst_ns)
            start = now - burst_ns;
    } while (!atomic_compare_exchange_weak(clock, &old, (uint64_t)(start + duration(amount, rate))));
    return start;
}

void tally_refund(tally_time *clock, uint64_t amount, uint64_t rate)
{
    if (!rate || !amount)
        return;
    uint64_t back = (uint64_t)duration(amount, rate), old = atomic_load(clock);
    while (!atomic_compare_exchange_weak(clock, &old, old > back ? old - back : 0)) {
    }
}

void tally_push(tally_time *clock, int64_t more_ns, int64_t most_ns, int64_t now)
{
    uint64_t old = atomic_load(clock);
    int64_t to;
    do {
        int64_t from = reading(old, now);
        to = (from > now ? from : now) + more_ns;
        if (to > now + most_ns)
            to = now + most_ns;
        if (to < from)
            to = from;
    } while (!atomic_compare_exchange_weak(clock, &old, (uint64_t)to));
}

int64_t tally_ahead(const tally_time *clock, int64_t now)
{
    int64_t at = reading(atomic_load_explicit((tally_time *)clock, memory_order_relaxed), now);
    return at > now ? at - now : 0;
}

/* ---- connections of each worker ---- */

void tally_connections_add(struct tally *t, unsigned worker, int change)
{
    uint32_t old = atomic_load(&t->connections[worker]), fewer = change < 0 ? (uint32_t)-change : 0;
    while (!atomic_compare_exchange_weak(&t->connections[worker], &old, old < fewer ? 0 : old + (uint32_t)change)) {
    }
}

uint32_t tally_connections(const struct tally *t, unsigned worker)
{
    return atomic_load_explicit(&t->connections[worker], memory_order_relaxed);
}

/* ---- who is at work ---- */

void tally_working(struct tally *t, unsigned worker, const struct tally_cell *cell)
{
    /* Written often, read once a death: the number of a cell, so that nobody has to believe a pointer. */
    uint32_t number = cell >= &t->cells[0][0] ? (uint32_t)(cell - &t->cells[0][0]) + 1 : 0;
    atomic_store_explicit(&t->working[worker], number, memory_order_relaxed);
}

struct tally_cell *tally_worked_for(struct tally *t, unsigned worker)
{
    uint32_t number = atomic_load(&t->working[worker]);
    return number && number <= BUCKETS * WAYS ? &t->cells[0][0] + (number - 1) : NULL;
}

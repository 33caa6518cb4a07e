/* cache.c - see cache.h.  A hash table whose entries are in a ring as well, the most recently used one first. */
#include "pki/cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

enum { BUCKETS = 8192 };

struct entry {
    struct entry *next;            /* in its bucket */
    struct entry *newer, *older;   /* in the ring */
    struct pki_key key;
    struct pki_item *item; /* NULL: not there */
    bool flying;
    unsigned waiting;
    uint64_t landed;       /* counts flights that ended */
    int64_t failed_ms, failed_after_ms; /* 0: the last one did not fail */
};

struct pki_cache {
    pthread_mutex_t lock;
    pthread_cond_t landed;
    struct entry *buckets[BUCKETS];
    struct entry ring; /* its `older` is the newest, its `newer` the oldest */
    size_t count, bytes;
    atomic_uint_fast64_t changes;
};

struct pki_cache *pki_cache_new(void)
{
    struct pki_cache *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->ring.newer = c->ring.older = &c->ring;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->landed, NULL);
    return c;
}

struct pki_item *pki_item_new(void)
{
    struct pki_item *item = calloc(1, sizeof *item);
    if (item)
        item->refs = 1;
    return item;
}

static void unref(struct pki_item *item)
{
    if (!item || --item->refs)
        return;
    if (item->free_parsed)
        item->free_parsed(item->parsed);
    text_free(&item->bytes);
    free(item);
}

void pki_item_unref(struct pki_cache *c, struct pki_item *item)
{
    pthread_mutex_lock(&c->lock);
    unref(item);
    pthread_mutex_unlock(&c->lock);
}

static void set_item(struct pki_cache *c, struct entry *e, struct pki_item *item)
{
    if (e->item)
        c->bytes -= e->item->size;
    if (item) {
        item->refs++;
        c->bytes += item->size;
    }
    unref(e->item);
    e->item = item;
    atomic_fetch_add(&c->changes, 1);
}

uint64_t pki_cache_changes(const struct pki_cache *c)
{
    return atomic_load(&c->changes);
}

/* Keys are digests: any bytes will do. */
static struct entry **place_of(struct pki_cache *c, const struct pki_key *key)
{
    struct entry **at = &c->buckets[(key->bytes[0] | key->bytes[1] << 8) % BUCKETS];
    while (*at && memcmp(&(*at)->key, key, sizeof *key) != 0)
        at = &(*at)->next;
    return at;
}

static void take_out(struct entry *e)
{
    e->newer->older = e->older;
    e->older->newer = e->newer;
}

static void put_first(struct pki_cache *c, struct entry *e)
{
    e->newer = &c->ring;
    e->older = c->ring.older;
    e->older->newer = c->ring.older = e;
}

static void drop(struct pki_cache *c, struct entry *e)
{
    *place_of(c, &e->key) = e->next;
    take_out(e);
    set_item(c, e, NULL);
    free(e);
    c->count--;
}

void pki_cache_free(struct pki_cache *c)
{
    if (!c)
        return;
    while (c->ring.older != &c->ring)
        drop(c, c->ring.older);
    pthread_cond_destroy(&c->landed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* Found entries move to the front. */
static struct entry *find(struct pki_cache *c, const struct pki_key *key)
{
    struct entry *e = *place_of(c, key);
    if (e) {
        take_out(e);
        put_first(c, e);
    }
    return e;
}

/* Drop what was not used for longest until the limits hold; what somebody fetches or waits for stays. */
static void shrink(struct pki_cache *c)
{
    struct entry *next;
    for (struct entry *e = c->ring.newer; e != &c->ring && (c->count > PKI_CACHE_ENTRIES || c->bytes > PKI_CACHE_BYTES); e = next) {
        next = e->newer;
        if (!e->flying && !e->waiting)
            drop(c, e);
    }
}

static struct entry *find_or_add(struct pki_cache *c, const struct pki_key *key)
{
    struct entry *e = find(c, key);
    if (e)
        return e;
    e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->key = *key;
    *place_of(c, key) = e;
    put_first(c, e);
    c->count++;
    return e;
}

struct pki_item *pki_cache_find(struct pki_cache *c, const struct pki_key *key)
{
    pthread_mutex_lock(&c->lock);
    struct entry *e = find(c, key);
    struct pki_item *item = e ? e->item : NULL;
    if (item)
        item->refs++;
    pthread_mutex_unlock(&c->lock);
    return item;
}

static bool failed_lately(const struct entry *e, int64_t allowed_ms)
{
    return e->failed_ms && clock_ms() - e->failed_ms < PKI_FAILURE_MS && allowed_ms <= 2 * e->failed_after_ms;
}

/* Wait until the flight under way has ended. */
static enum pki_flight await(struct pki_cache *c, struct entry *e, int64_t deadline_ms)
{
    uint64_t landed = e->landed;
    e->waiting++;
    while (e->landed == landed && clock_wait(&c->landed, &c->lock, deadline_ms))
        ;
    e->waiting--;
    if (e->landed == landed)
        return PKI_FLIGHT_LATE;
    return e->failed_ms ? PKI_FLIGHT_FAILED : PKI_FLIGHT_ENDED;
}

enum pki_flight pki_cache_begin(struct pki_cache *c, const struct pki_key *key, int64_t allowed_ms, int64_t deadline_ms)
{
    enum pki_flight flight = PKI_FLIGHT_MINE;
    pthread_mutex_lock(&c->lock);
    struct entry *e = find_or_add(c, key);
    if (!e)
        flight = PKI_FLIGHT_FAILED;
    else if (failed_lately(e, allowed_ms))
        flight = PKI_FLIGHT_FAILED;
    else if (e->flying)
        flight = await(c, e, deadline_ms);
    else
        e->flying = true;
    pthread_mutex_unlock(&c->lock);
    return flight;
}

/* False: something newer is there. */
static bool offer(struct pki_cache *c, struct entry *e, struct pki_item *item)
{
    if (e->item && item->this_update < e->item->this_update)
        return false;
    if (e->item != item)
        set_item(c, e, item);
    return true;
}

void pki_cache_end(struct pki_cache *c, const struct pki_key *key, struct pki_item *item, int64_t allowed_ms)
{
    pthread_mutex_lock(&c->lock);
    struct entry *e = find(c, key); /* flying: it was not dropped */
    e->flying = false;
    e->landed++;
    e->failed_ms = item ? 0 : clock_ms();
    e->failed_after_ms = item ? 0 : allowed_ms;
    if (item)
        (void)offer(c, e, item);
    shrink(c);
    pthread_cond_broadcast(&c->landed);
    pthread_mutex_unlock(&c->lock);
}

bool pki_cache_put(struct pki_cache *c, const struct pki_key *key, struct pki_item *item)
{
    pthread_mutex_lock(&c->lock);
    struct entry *e = find_or_add(c, key);
    bool taken = e && offer(c, e, item);
    shrink(c);
    pthread_mutex_unlock(&c->lock);
    return taken;
}

bool pki_cache_failed(struct pki_cache *c, const struct pki_key *key, int64_t allowed_ms)
{
    pthread_mutex_lock(&c->lock);
    const struct entry *e = find(c, key);
    bool failed = e && failed_lately(e, allowed_ms);
    pthread_mutex_unlock(&c->lock);
    return failed;
}

void pki_cache_note(struct pki_cache *c, const struct pki_key *key, int64_t failed_after_ms)
{
    pthread_mutex_lock(&c->lock);
    struct entry *e = failed_after_ms ? find_or_add(c, key) : find(c, key);
    if (e) {
        e->failed_ms = failed_after_ms ? clock_ms() : 0;
        e->failed_after_ms = failed_after_ms;
    }
    shrink(c);
    pthread_mutex_unlock(&c->lock);
}

void pki_cache_flush(struct pki_cache *c, bool all)
{
    pthread_mutex_lock(&c->lock);
    for (struct entry *e = c->ring.older; e != &c->ring; e = e->older) {
        e->failed_ms = 0;
        if (all)
            set_item(c, e, NULL);
        else if (e->item)
            atomic_store(&e->item->doubted, true);
    }
    atomic_fetch_add(&c->changes, 1);
    pthread_mutex_unlock(&c->lock);
}

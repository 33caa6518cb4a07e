/*
 * cache.h - what was fetched, by key, in memory, shared by all threads; and who is fetching what right now.
 *
 * Only what passed its checks is put in, so a responder that lies cannot drive out a good answer.  One thread at a time
 * fetches for a key (single flight); the others wait for it, each no longer than its own deadline.  A failure is
 * remembered for a while so that a dead server costs one time-out and not one per login.
 */
#pragma once

#include <stdatomic.h>

#include "base/text.h"

enum { PKI_KEY_SIZE = 32, PKI_CACHE_ENTRIES = 65536, PKI_CACHE_BYTES = 128 * 1024 * 1024, PKI_FAILURE_MS = 30 * 1000 };

struct pki_key { /* a digest of everything that makes the answer what it is */
    uint8_t bytes[PKI_KEY_SIZE];
};

/* Read-only once it is in the cache; counted. */
struct pki_item {
    struct text bytes;           /* as fetched; empty once they were parsed */
    size_t size;                 /* what it counts towards PKI_CACHE_BYTES */
    void *parsed;                /* what the owner of the key makes of them */
    void (*free_parsed)(void *); /* may be NULL */
    int64_t this_update, next_update, fetched; /* seconds since the epoch; next_update 0: not said */
    bool stored;                 /* it comes from the disk */
    atomic_bool doubted;         /* something newer is wanted, if it can be had */
    unsigned refs;               /* cache.c's */
};

struct pki_cache;
struct pki_cache *pki_cache_new(void); /* NULL: out of memory */
void pki_cache_free(struct pki_cache *c);

/* A new item with one reference; NULL: out of memory. */
struct pki_item *pki_item_new(void);
void pki_item_unref(struct pki_cache *c, struct pki_item *item); /* NULL is fine */

/* The item of the key with a reference for the caller; NULL: none. */
struct pki_item *pki_cache_find(struct pki_cache *c, const struct pki_key *key);

enum pki_flight {
    PKI_FLIGHT_MINE,   /* fetch, then call pki_cache_end */
    PKI_FLIGHT_ENDED,  /* somebody else's ended meanwhile: look again */
    PKI_FLIGHT_FAILED, /* it failed a short while ago */
    PKI_FLIGHT_LATE,   /* the deadline came first */
};
/* `allowed_ms`: how long the caller would let the server take; a failure after a much shorter time does not count. */
enum pki_flight pki_cache_begin(struct pki_cache *c, const struct pki_key *key, int64_t allowed_ms, int64_t deadline_ms);
/* `item` (NULL: the fetch failed) stays the caller's, who may go on using it.  An item that is older than the one
 * that is there does not replace it (threats.md C11). */
void pki_cache_end(struct pki_cache *c, const struct pki_key *key, struct pki_item *item, int64_t allowed_ms);

/* Put it in before a flight ends, or without one; as by pki_cache_end.  False: it did not get in. */
bool pki_cache_put(struct pki_cache *c, const struct pki_key *key, struct pki_item *item);

/* Failures that concern more than one item (an address that does not answer): noted under a key of their own, which
 * counts as pki_cache_begin counts.  `failed_after_ms` 0: it answers again. */
bool pki_cache_failed(struct pki_cache *c, const struct pki_key *key, int64_t allowed_ms);
void pki_cache_note(struct pki_cache *c, const struct pki_key *key, int64_t failed_after_ms);

/* Another number when something has come, gone, or become doubtful. */
uint64_t pki_cache_changes(const struct pki_cache *c);

/* Forget failures and ask for everything anew, as far as it can be had; with `all` forget the items, too. */
void pki_cache_flush(struct pki_cache *c, bool all);

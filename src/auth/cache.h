/*
 * cache.h - credentials that were right a moment ago.
 *
 * Holds no password and nothing a password could be tried against offline without this process's memory: entries are
 * found by HMAC-SHA256 under a key drawn at the start.  Bounded in number and in life; a full cache forgets the entry
 * that would expire first (threats.md A11).  `now` is monotonic seconds.
 */
#pragma once

#include "auth/account.h"

enum { CACHE_DIGEST = 32 };

struct cache; /* not thread-safe */

struct cache_key {
    enum account_kind kind;
    uint32_t site;
    struct slice name; /* folded as that kind folds names */
    struct slice password;
};

struct cache *cache_new(void); /* NULL: out of memory or no randomness */
void cache_free(struct cache *c); /* wipes */

void cache_digest(const struct cache *c, const struct cache_key *key, uint8_t digest_out[CACHE_DIGEST]);
/* A digest of a stored password, to notice that it was replaced. */
void cache_fingerprint(const struct cache *c, struct slice stored, uint8_t digest_out[CACHE_DIGEST]);

/* The identity, valid until the next call; NULL when unknown, expired, or `fingerprint` is another one. */
const struct identity *cache_find(struct cache *c, const uint8_t digest[CACHE_DIGEST],
                                  const uint8_t fingerprint[CACHE_DIGEST], int64_t now);
/* Out of memory only means that nothing is remembered. */
void cache_put(struct cache *c, const uint8_t digest[CACHE_DIGEST], const uint8_t fingerprint[CACHE_DIGEST],
               uint32_t site, const struct identity *identity, int64_t expires);

void cache_flush(struct cache *c);
/* Forget every entry for which `keep` says false; `fingerprint` is the one given to cache_put. */
void cache_retain(struct cache *c,
                  bool (*keep)(void *context, uint32_t site, const struct identity *identity,
                               const uint8_t fingerprint[CACHE_DIGEST]),
                  void *context);

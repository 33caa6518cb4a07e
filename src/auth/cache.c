/* cache.c - see cache.h.  Eight-way buckets chosen by the digest. */
/* OpenSSL has a type of the name of one of our errors. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#include <openssl/params.h>
#undef ERR_STATE

#include "auth/cache.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/secret.h"

enum { BUCKETS = 512, WAYS = 8, KEY_SIZE = 32 };

struct entry {
    struct identity *identity; /* NULL: free */
    uint8_t digest[CACHE_DIGEST], fingerprint[CACHE_DIGEST];
    uint32_t site;
    int64_t expires;
};

struct cache {
    EVP_MAC_CTX *mac; /* HMAC-SHA256 with its key: looked up once, keyed once */
    struct entry entries[BUCKETS][WAYS];
};

static EVP_MAC_CTX *keyed_mac(void)
{
    uint8_t key[KEY_SIZE];
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("digest", (char *)"SHA256", 0), OSSL_PARAM_construct_end() };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    bool done = mac && getrandom(key, sizeof key, 0) == sizeof key && EVP_MAC_init(mac, key, sizeof key, params);
    secret_wipe(key, sizeof key);
    if (done)
        return mac;
    EVP_MAC_CTX_free(mac);
    return NULL;
}

struct cache *cache_new(void)
{
    struct cache *c = calloc(1, sizeof *c);
    if (c && !(c->mac = keyed_mac())) {
        free(c);
        return NULL;
    }
    return c;
}

static void forget(struct entry *e)
{
    identity_free(e->identity);
    secret_wipe(e, sizeof *e);
}

void cache_flush(struct cache *c)
{
    for (size_t i = 0; i < BUCKETS * WAYS; i++)
        if (c->entries[i / WAYS][i % WAYS].identity)
            forget(&c->entries[i / WAYS][i % WAYS]);
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    cache_flush(c);
    EVP_MAC_CTX_free(c->mac);
    free(c);
}

static void hmac(const struct cache *c, struct slice message, uint8_t out[CACHE_DIGEST])
{
    size_t len = 0;
    bool done = EVP_MAC_init(c->mac, NULL, 0, NULL) && EVP_MAC_update(c->mac, (const uint8_t *)message.ptr, message.len) &&
                EVP_MAC_final(c->mac, out, &len, CACHE_DIGEST) && len == CACHE_DIGEST;
    if (!done && getrandom(out, CACHE_DIGEST, 0) != CACHE_DIGEST) /* equal to none, not all the same */
        abort();
}

/* Lengths stand in front of the texts, so that no two keys give the same message. */
void cache_digest(const struct cache *c, const struct cache_key *key, uint8_t digest_out[CACHE_DIGEST])
{
    uint8_t bytes[1 + 3 * 4 + NAME_LIMIT + SECRET_LIMIT];
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    wire_put_number(&out, 1, key->kind, UINT8_MAX);
    wire_put_number(&out, 4, key->site, UINT32_MAX);
    wire_put_bytes(&out, key->name, NAME_LIMIT, true);
    wire_put_bytes(&out, key->password, SECRET_LIMIT, true);
    hmac(c, slice_of((const char *)bytes, out.len), digest_out);
    secret_wipe(bytes, sizeof bytes);
}

void cache_fingerprint(const struct cache *c, struct slice stored, uint8_t digest_out[CACHE_DIGEST])
{
    hmac(c, stored, digest_out);
}

static struct entry *bucket_of(struct cache *c, const uint8_t digest[CACHE_DIGEST])
{
    return c->entries[(digest[0] | digest[1] << 8) % BUCKETS];
}

const struct identity *cache_find(struct cache *c, const uint8_t digest[CACHE_DIGEST],
                                  const uint8_t fingerprint[CACHE_DIGEST], int64_t now)
{
    struct entry *bucket = bucket_of(c, digest);
    for (size_t i = 0; i < WAYS; i++) {
        struct entry *e = &bucket[i];
        if (!e->identity || !secret_equal(e->digest, digest, CACHE_DIGEST))
            continue;
        if (now < e->expires && secret_equal(e->fingerprint, fingerprint, CACHE_DIGEST))
            return e->identity;
        forget(e);
        return NULL;
    }
    return NULL;
}

/* The entry itself if it is there, else a free one, else the one that expires first. */
static struct entry *place_for(struct entry *bucket, const uint8_t digest[CACHE_DIGEST])
{
    struct entry *best = &bucket[0];
    for (size_t i = 0; i < WAYS; i++) {
        struct entry *e = &bucket[i];
        if (e->identity && secret_equal(e->digest, digest, CACHE_DIGEST))
            return e;
        if (best->identity && (!e->identity || e->expires < best->expires))
            best = e;
    }
    return best;
}

void cache_put(struct cache *c, const uint8_t digest[CACHE_DIGEST], const uint8_t fingerprint[CACHE_DIGEST],
               uint32_t site, const struct identity *identity, int64_t expires)
{
    struct identity *copy;
    if (identity_copy(identity, &copy))
        return;
    struct entry *e = place_for(bucket_of(c, digest), digest);
    if (e->identity)
        forget(e);
    *e = (struct entry){ .identity = copy, .site = site, .expires = expires };
    memcpy(e->digest, digest, CACHE_DIGEST);
    memcpy(e->fingerprint, fingerprint, CACHE_DIGEST);
}

void cache_retain(struct cache *c,
                  bool (*keep)(void *context, uint32_t site, const struct identity *identity,
                               const uint8_t fingerprint[CACHE_DIGEST]),
                  void *context)
{
    for (size_t i = 0; i < BUCKETS * WAYS; i++) {
        struct entry *e = &c->entries[i / WAYS][i % WAYS];
        if (e->identity && !keep(context, e->site, e->identity, e->fingerprint))
            forget(e);
    }
}

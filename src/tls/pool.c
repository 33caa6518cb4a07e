/*
 * pool.c - blocks for what OpenSSL allocates by the record.
 *
 * With SSL_MODE_RELEASE_BUFFERS each record takes a buffer of 16 KiB and gives it back, each handshake another of 21.
 * Among the small long-lived pieces of the sessions on the heap they leave holes: 6 KiB by session were lost to them
 * when thousands log in at once.  Here they have blocks of their own in one reserved range, so that an address tells
 * where it came from.  The block that was freed last is given out first, while the processor's caches still know it; of
 * more than WARM_MOST free ones the memory goes back to the kernel.  When all blocks are out, the heap helps.
 *
 * What a block holds begins in the middle of a page.  Files are read into whole pages, and OpenSSL copies between them and
 * its buffers, a few bytes off for the record's head: addresses that differ by a multiple of 4096 and those few bytes look
 * the same to the processor, which then waits for each store before the next load; 16 KiB take 6 us instead of a quarter.
 */
#include "tls/pool.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/crypto.h>

#include "base/memory.h"

enum {
    BLOCK = 24 * 1024,
    BLOCKS = 4096,
    SHIFT = 2048,
    SMALLEST = 12 * 1024, /* what is shorter stays on the heap */
    LARGEST = BLOCK - SHIFT,
    WARM_MOST = 16,
    NONE = UINT16_MAX,
};

struct list {
    uint16_t first;
    unsigned count;
};

static struct pool {
    char *base;
    unsigned fresh;         /* blocks from here on were never given out */
    struct list warm, cold; /* free ones; those of `cold` have no memory now */
    uint16_t next[BLOCKS];
} pool;

static void push(struct list *l, uint16_t block)
{
    pool.next[block] = l->first;
    l->first = block;
    l->count++;
}

static uint16_t pop(struct list *l)
{
    uint16_t block = l->first;
    l->first = pool.next[block];
    l->count--;
    return block;
}

static char *address_of(uint16_t block)
{
    return pool.base + (size_t)block * BLOCK + SHIFT;
}

static void *take(void)
{
    if (pool.warm.count)
        return address_of(pop(&pool.warm));
    if (pool.cold.count)
        return address_of(pop(&pool.cold));
    return pool.fresh < BLOCKS ? address_of((uint16_t)pool.fresh++) : NULL;
}

static bool owns(const void *at)
{
    uintptr_t offset = (uintptr_t)at - (uintptr_t)pool.base;
    return offset < (size_t)BLOCKS * BLOCK;
}

static void give_back(void *at)
{
    uint16_t block = (uint16_t)(((char *)at - pool.base) / BLOCK);
    bool cools = pool.warm.count >= WARM_MOST && madvise((char *)at - SHIFT, BLOCK, MADV_DONTNEED) == 0;
    push(cools ? &pool.cold : &pool.warm, block);
}

/* ---- what OpenSSL calls ---- */

static bool is_awaited;

void tls_pool_await(bool awaits)
{
    is_awaited = awaits;
}

static void *heap(void *at, size_t size)
{
    return is_awaited ? memory_await(at, size) : memory_resize(at, size);
}

static void *pool_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    void *at = size >= SMALLEST && size <= LARGEST ? take() : NULL;
    return at || !size ? at : heap(NULL, size);
}

static void pool_free(void *at, const char *file, int line)
{
    (void)file;
    (void)line;
    if (at && owns(at))
        give_back(at);
    else
        free(at);
}

static void *pool_realloc(void *at, size_t size, const char *file, int line)
{
    if (!at)
        return pool_malloc(size, file, line);
    if (size && !owns(at))
        return heap(at, size);
    if (size && size <= LARGEST)
        return at;
    void *grown = pool_malloc(size, file, line);
    if (grown)
        memcpy(grown, at, LARGEST);
    if (grown || !size)
        pool_free(at, file, line);
    return grown;
}

void tls_pool_install(void)
{
    void *base = mmap(NULL, (size_t)BLOCKS * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return;
    (void)madvise(base, (size_t)BLOCKS * BLOCK, MADV_NOHUGEPAGE); /* two blocks in use are not 2 MiB */
    pool = (struct pool){ .base = base, .warm = { NONE, 0 }, .cold = { NONE, 0 } };
    if (CRYPTO_set_mem_functions(pool_malloc, pool_realloc, pool_free) != 1) {
        munmap(base, (size_t)BLOCKS * BLOCK);
        pool.base = NULL;
    }
}

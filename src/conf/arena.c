/* arena.c - blocks of 64 KiB in a chain, newest first; larger requests get a block of their own. */
#include "conf/arena.h"

#include <stdlib.h>

enum { BLOCK_SIZE = 64 * 1024, ALIGNMENT = 16 };

struct arena_block {
    struct arena_block *older;
    size_t used, size;
    _Alignas(ALIGNMENT) char bytes[];
};

static struct arena_block *block_new(struct arena_block *older, size_t size)
{
    struct arena_block *b = malloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->older = older;
    b->used = 0;
    b->size = size;
    return b;
}

void *arena_get(struct arena *a, size_t size)
{
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (!a->block || size > a->block->size - a->block->used) {
        struct arena_block *b = block_new(a->block, size > BLOCK_SIZE ? size : BLOCK_SIZE);
        if (!b)
            return NULL;
        a->block = b;
    }
    void *got = a->block->bytes + a->block->used;
    a->block->used += size;
    return memset(got, 0, size);
}

char *arena_copy(struct arena *a, struct slice s)
{
    char *copy = arena_get(a, s.len + 1);
    if (copy && s.len)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){ a->block, a->block ? a->block->used : 0 };
}

void arena_release(struct arena *a, struct arena_mark mark)
{
    while (a->block != mark.block) {
        struct arena_block *gone = a->block;
        a->block = gone->older;
        free(gone);
    }
    if (a->block)
        a->block->used = mark.used;
}

void arena_free(struct arena *a)
{
    arena_release(a, (struct arena_mark){ 0 });
}

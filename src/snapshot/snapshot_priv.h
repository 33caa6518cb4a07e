/*
 * snapshot_priv.h - the layout of a snapshot, on which its writer and its reader agree.
 *
 *   header | rows of each table | orders | site index | text pool
 *
 * Numbers are in host order: a snapshot never leaves the machine, and the fingerprint of all column lists in the header
 * refuses one that another build wrote.  Everything is aligned to 8 bytes, texts stand in the pool with a NUL behind
 * them, offset 0 of the pool is the empty text.  The site index is an open-addressing hash from site id to 1 + row with
 * at least twice as many slots as sites, so a search always meets an empty slot.
 *
 *   layout.c   tables and orders as data    snapshot.c   mapping, checking, reading    writer.c   writing
 */
#pragma once

#include "snapshot/snapshot.h"

enum { LAYOUT_ALIGNMENT = 8 };
#define LAYOUT_MAGIC "SPSNAP1"
#define LAYOUT_HASH  UINT64_C(0xcbf29ce484222325)

struct extent {
    uint64_t at, count; /* rows, slots or bytes */
};
struct header {
    char magic[sizeof LAYOUT_MAGIC];
    uint64_t fingerprint, len;
    struct extent tables[SNAP_TABLE_COUNT], orders[SNAP_ORDER_COUNT], index, pool;
};

struct layout {
    const char *name;
    size_t row_size;
    unsigned roles;
    const struct snap_column *columns;
    size_t column_count;
};
struct layout layout_of(enum snap_table which);
/* SNAP_TABLE_COUNT: there is none. */
enum snap_table layout_named(const char *name);
/* Of all column lists. */
uint64_t layout_fingerprint(void);

/* FNV-1a, begun with LAYOUT_HASH. */
static inline uint64_t layout_hash(uint64_t hash, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    return hash;
}

/* Of the site index. */
static inline uint64_t layout_site_hash(uint32_t id)
{
    return (uint64_t)id * 0x9e3779b97f4a7c15u >> 32;
}

/* ---- orders ---- */

/* The table whose rows it orders. */
enum snap_table layout_ordered(enum snap_order order);
/* Keys are made alike from the rows of a snapshot and from those of a writer, whose texts stand elsewhere. */
typedef struct slice layout_text_of(const void *context, struct snap_text t);
struct snap_key layout_key(enum snap_order order, const void *row, layout_text_of *text, const void *context);
int layout_compare(enum snap_order order, const struct snap_key *a, const struct snap_key *b);

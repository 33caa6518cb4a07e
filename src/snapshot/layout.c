/* layout.c - the tables and orders of a snapshot as data. */
#include "snapshot/snapshot_priv.h"

#include <assert.h>
#include <string.h>

#include "base/fold.h"

#define COLUMNS_OF(table, COLUMNS, roles)                                     \
    static const struct snap_column *table##_columns(size_t *count_out)       \
    {                                                                         \
        typedef struct snap_##table row;                                      \
        static const struct snap_column columns[] = { COLUMNS(SNAP_COLUMN) }; \
        *count_out = sizeof columns / sizeof columns[0];                      \
        return columns;                                                       \
    }
SNAP_TABLES(COLUMNS_OF)

struct layout layout_of(enum snap_table which)
{
    struct layout t = { 0 };
    switch (which) {
#define T(table, COLUMNS, roles)                                                                         \
    case SNAP_TABLE_##table:                                                                             \
        t = (struct layout){ #table, sizeof(struct snap_##table), roles, NULL, 0 };                       \
        t.columns = table##_columns(&t.column_count);                                                    \
        break;
        SNAP_TABLES(T)
#undef T
    default:
        assert(false && "no such table");
    }
    return t;
}

enum snap_table layout_named(const char *name)
{
    static const char *const names[] = {
#define T(table, COLUMNS, roles) #table,
        SNAP_TABLES(T)
#undef T
    };
    for (size_t i = 0; i < SNAP_TABLE_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return (enum snap_table)i;
    return SNAP_TABLE_COUNT;
}

uint64_t layout_fingerprint(void)
{
    uint64_t hash = LAYOUT_HASH;
    for (unsigned i = 0; i < SNAP_TABLE_COUNT; i++) {
        struct layout t = layout_of((enum snap_table)i);
        hash = layout_hash(hash, t.name, strlen(t.name) + 1);
        for (size_t c = 0; c < t.column_count; c++) {
            hash = layout_hash(hash, &t.columns[c].kind, 1);
            hash = layout_hash(hash, t.columns[c].name, strlen(t.columns[c].name) + 1);
            hash = layout_hash(hash, &t.columns[c].offset, sizeof t.columns[c].offset);
        }
    }
    return hash;
}

/* ---- orders ---- */

enum snap_table layout_ordered(enum snap_order order)
{
    static const enum snap_table tables[] = {
#define O(order, table) SNAP_TABLE_##table,
        SNAP_ORDERS(O)
#undef O
    };
    return tables[order];
}

struct snap_key layout_key(enum snap_order order, const void *row, layout_text_of *text, const void *context)
{
    const struct snap_user *user = row;
    const struct snap_permission *permission = row;
    const struct snap_binding *binding = row;
    switch (order) {
    case SNAP_ORDER_user_name:
        return (struct snap_key){ 0, text(context, user->name), SLICE_NONE };
    case SNAP_ORDER_permission_name:
        return (struct snap_key){ 0, text(context, permission->name), text(context, permission->path) };
    case SNAP_ORDER_binding_host:
        return (struct snap_key){ binding->port, text(context, binding->host), text(context, binding->address) };
    case SNAP_ORDER_binding_address:
        return (struct snap_key){ binding->port, text(context, binding->address),
                                  binding->host.len ? SLICE_LITERAL("x") : SLICE_NONE };
    default:
        return (struct snap_key){ 0 };
    }
}

/* Addresses and host names have no other letters than ASCII's. */
static bool is_of_accounts(enum snap_order order)
{
    return order == SNAP_ORDER_user_name || order == SNAP_ORDER_permission_name;
}

int layout_compare(enum snap_order order, const struct snap_key *a, const struct snap_key *b)
{
    int (*compare)(struct slice, struct slice) = is_of_accounts(order) ? fold_compare : slice_compare_fold;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    int first = compare(a->first, b->first);
    return first ? first : compare(a->second, b->second);
}

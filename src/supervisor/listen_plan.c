/* listen_plan.c - sort, make unique, let "*" swallow the single addresses that need no socket of their own. */
#include "supervisor/listen_plan.h"

#include <stdlib.h>

enum { BACKLOG_LEAST = 1, BACKLOG_MOST = 4096, BACKLOG_DEFAULT = 60 };

/* Family, port, then address: the "any" address (all zeros) comes first among those of its port. */
int listen_compare(const struct net_addr *a, const struct net_addr *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    if (a->port != b->port)
        return a->port < b->port ? -1 : 1;
    int by_address = memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16);
    if (by_address)
        return by_address;
    return a->scope == b->scope ? 0 : a->scope < b->scope ? -1 : 1;
}

static int compare_addresses(const void *a, const void *b)
{
    return listen_compare(&((const struct listen_want *)a)->addr, &((const struct listen_want *)b)->addr);
}

static int compare_wants(const void *a, const void *b)
{
    const struct listen_want *left = a, *right = b;
    int by_address = listen_compare(&left->addr, &right->addr);
    return by_address ? by_address : (int)right->own - (int)left->own; /* who needs a socket of its own comes first */
}

size_t listen_binding_addresses(const struct snapshot *s, const struct snap_binding *b, struct net_addr out[2])
{
    if (b->port == 0 || b->port > UINT16_MAX)
        return 0;
    if (b->address.len == 0) {
        out[0] = (struct net_addr){ .family = 4, .port = (uint16_t)b->port };
        out[1] = (struct net_addr){ .family = 6, .port = (uint16_t)b->port };
        return 2;
    }
    struct net_addr addr;
    if (net_addr_parse(snapshot_text(s, b->address), &addr))
        return 0;
    addr.port = (uint16_t)b->port;
    out[0] = addr;
    return 1;
}

static int site_backlog(const struct snap_site *site)
{
    int64_t backlog = site->server_listen_backlog;
    return backlog < BACKLOG_LEAST ? BACKLOG_DEFAULT : backlog > BACKLOG_MOST ? BACKLOG_MOST : (int)backlog;
}

static void absorb(struct listen_want *into, const struct listen_want *want)
{
    if (want->backlog > into->backlog)
        into->backlog = want->backlog;
    into->optional = into->optional && want->optional;
}

/* Rows that are the same socket become one. */
static size_t merge(struct listen_want *wants, size_t count)
{
    size_t kept = 0, any = SIZE_MAX; /* the "*" of this family and port */
    for (size_t i = 0; i < count; i++) {
        struct listen_want want = wants[i], *last = kept ? &wants[kept - 1] : NULL;
        if (!last || last->addr.family != want.addr.family || last->addr.port != want.addr.port)
            any = SIZE_MAX;
        if (last && listen_compare(&last->addr, &want.addr) == 0) {
            absorb(last, &want);
        } else if (any != SIZE_MAX && !want.own) {
            absorb(&wants[any], &want);
        } else {
            want.shares_port = any != SIZE_MAX;
            if (any != SIZE_MAX)
                wants[any].shares_port = true;
            else if (net_addr_is_any(&want.addr))
                any = kept;
            wants[kept++] = want;
        }
    }
    return kept;
}

int listen_plan_make(const struct snapshot *s, const bool *runs, struct listen_plan *plan_out)
{
    size_t sites = snapshot_count(s, SNAP_TABLE_site), room = 2 * snapshot_count(s, SNAP_TABLE_binding);
    struct listen_want *wants = calloc(room + 1, sizeof *wants);
    if (!wants)
        return ERR_NOMEM;
    size_t count = 0;
    for (size_t row = 0; row < sites; row++) {
        const struct snap_site *site = snapshot_site(s, row);
        if (!runs[row])
            continue;
        for (uint32_t i = 0; i < site->bindings.count && count + 2 <= room; i++) {
            struct net_addr addr[2];
            size_t n = listen_binding_addresses(s, snapshot_binding(s, site->bindings.first + i), addr);
            for (size_t j = 0; j < n; j++)
                wants[count++] = (struct listen_want){ .addr = addr[j], .backlog = site_backlog(site),
                                                       .own = site->disable_socket_pooling && n == 1,
                                                       .optional = n == 2 && j == 1 };
        }
    }
    qsort(wants, count, sizeof *wants, compare_wants);
    *plan_out = (struct listen_plan){ wants, merge(wants, count) };
    return 0;
}

void listen_plan_free(struct listen_plan *p)
{
    free(p->wants);
    *p = (struct listen_plan){ 0 };
}

size_t listen_plan_find(const struct listen_plan *p, const struct net_addr *addr)
{
    struct listen_want any = { .addr = { .family = addr->family, .port = addr->port } }, exact = { .addr = *addr };
    const struct listen_want *found = bsearch(&exact, p->wants, p->count, sizeof *p->wants, compare_addresses);
    if (!found)
        found = bsearch(&any, p->wants, p->count, sizeof *p->wants, compare_addresses);
    return found ? (size_t)(found - p->wants) : SIZE_MAX;
}

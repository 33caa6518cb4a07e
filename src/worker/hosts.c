/* hosts.c - choosing bindings. */
#include "worker/hosts.h"

/* 0: does not serve `local`; 1: any address; 2: this address. */
static int binding_rank(const struct snapshot *s, const struct snap_binding *b, const struct net_addr *local)
{
    struct net_addr own;
    struct slice address = snapshot_text(s, b->address);
    if (b->port != local->port)
        return 0;
    if (address.len == 0)
        return 1;
    return net_addr_parse(address, &own) == 0 && net_addr_same_host(&own, local) ? 2 : 0;
}

const struct snap_binding *hosts_find(const struct snapshot *s, const struct net_addr *local, struct slice host)
{
    const struct snap_binding *best = NULL;
    int best_rank = 0;
    for (size_t i = 0; i < snapshot_count(s, SNAP_TABLE_binding); i++) {
        const struct snap_binding *b = snapshot_binding(s, i);
        if (b->port != local->port || !slice_equal_fold(snapshot_text(s, b->host), host))
            continue;
        int rank = binding_rank(s, b, local);
        if (rank > best_rank) {
            best = b;
            best_rank = rank;
        }
    }
    return best;
}

const struct snap_binding *hosts_default(const struct snapshot *s, const struct net_addr *local)
{
    const struct snap_binding *best = hosts_find(s, local, SLICE_LITERAL(""));
    for (size_t i = 0; !best && i < snapshot_count(s, SNAP_TABLE_binding); i++)
        if (binding_rank(s, snapshot_binding(s, i), local) == 2)
            best = snapshot_binding(s, i);
    for (size_t i = 0; !best && i < snapshot_count(s, SNAP_TABLE_binding); i++)
        if (binding_rank(s, snapshot_binding(s, i), local))
            best = snapshot_binding(s, i);
    return best;
}

bool hosts_is_name(struct slice host)
{
    struct net_addr literal;
    if (host.len == 0 || host.len > 255)
        return false;
    if (net_addr_parse(host, &literal) == 0)
        return true;
    for (size_t i = 0; i < host.len; i++) {
        char c = ascii_lower(host.ptr[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
            return false;
    }
    return host.ptr[0] != '.' && host.ptr[0] != '-';
}

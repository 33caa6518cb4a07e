/* hosts.c - choosing bindings. */
#include "worker/hosts.h"

#include "base/text.h"

/* The first binding at or behind the key in the order, if it is one for the port and `address`. */
static const struct snap_binding *first_of(const struct snapshot *s, enum snap_order order, struct snap_key key,
                                           struct slice address)
{
    size_t row;
    if (!snapshot_at_place(s, order, snapshot_find(s, order, key), &row))
        return NULL;
    const struct snap_binding *b = snapshot_binding(s, row);
    return b->port == key.number && slice_equal_fold(snapshot_text(s, b->address), address) ? b : NULL;
}

static const struct snap_binding *with_host(const struct snapshot *s, uint16_t port, struct slice host, struct slice address)
{
    const struct snap_key key = { port, host, address };
    const struct snap_binding *b = first_of(s, SNAP_ORDER_binding_host, key, address);
    return b && slice_equal_fold(snapshot_text(s, b->host), host) ? b : NULL;
}

/* Without host name before those with one, and these as they stand in the configuration. */
static const struct snap_binding *on_address(const struct snapshot *s, uint16_t port, struct slice address)
{
    return first_of(s, SNAP_ORDER_binding_address, (struct snap_key){ .number = port, .first = address }, address);
}

const struct snap_binding *hosts_find(const struct snapshot *s, const struct net_addr *local, struct slice host)
{
    OWNED_TEXT_BUFFER address = { 0 };
    net_addr_print(local, &address); /* as the loader writes them */
    const struct snap_binding *b = with_host(s, local->port, host, text_slice(&address));
    return b ? b : with_host(s, local->port, host, SLICE_LITERAL(""));
}

const struct snap_binding *hosts_default(const struct snapshot *s, const struct net_addr *local)
{
    OWNED_TEXT_BUFFER address = { 0 };
    const struct snap_binding *b = hosts_find(s, local, SLICE_LITERAL(""));
    net_addr_print(local, &address);
    if (!b)
        b = on_address(s, local->port, text_slice(&address));
    return b ? b : on_address(s, local->port, SLICE_LITERAL(""));
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

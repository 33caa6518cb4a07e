/*
 * firewall.c - what clients are told to connect to: data ports and external addresses.
 *
 * IIS knows one external address per site.  Clients that come from inside, through a tunnel or by another provider need
 * another one: a list of networks (the client's) with the address that these are told, the site's own list first, then
 * the server's, then externalIp4Address.  What nobody can connect to is said here, not found out by clients.
 */
#include "loader/compile_priv.h"

#include "policy/address_rules.h"

enum { PORT_LEAST = 1024 };

static void tell(struct compiler *c, struct site_work *s, const struct diag *d)
{
    if (s)
        compile_tell(c, s, LOADER_ERROR, d);
    else
        report_add(c->report, LOADER_ERROR, 0, d);
}

static bool is_ipv4(struct slice text)
{
    struct net_addr address;
    return net_addr_parse(text, &address) == 0 && address.family == 4 && !net_addr_is_any(&address) &&
           !net_addr_is_multicast(&address);
}

/* ---- the map ---- */

static void put_external(struct compiler *c, struct site_work *s, struct conf_element *item, struct snap_range *range_out)
{
    typedef struct snap_external row;
    static const struct snap_column columns[] = { SNAP_EXTERNAL_COLUMNS(SNAP_COLUMN) };
    struct slice network = conf_text(item, "network"), address = conf_text(item, "address");
    struct snap_address rule = { 0 };
    struct snap_external external = { 0 };
    struct diag d = { 0 };
    if (address_rule_parse(network, SLICE_NONE, &rule)) {
        compile_place(item, "network", &d);
        diag_set(&d, "network \"" SLICE_FMT "\" is no address or network", SLICE_ARG(network));
        diag_todo(&d, "Write the clients' network as 10.0.0.0/8.");
        tell(c, s, &d);
    } else if (!is_ipv4(address) && !slice_equal_fold_str(address, EXTERNAL_DIALLED)) {
        compile_place(item, "address", &d);
        diag_set(&d, "address \"" SLICE_FMT "\" is neither an IPv4 address nor the word " EXTERNAL_DIALLED, SLICE_ARG(address));
        tell(c, s, &d);
    } else {
        columns_fill(c, item, columns, sizeof columns / sizeof columns[0], &external);
        external.network = 1 + snapshot_put_row(c->w, SNAP_TABLE_address, &rule);
        scopes_extend(range_out, snapshot_put_row(c->w, SNAP_TABLE_external, &external));
    }
}

static void put_externals(struct compiler *c, struct site_work *s, struct conf_element *list, struct snap_range *range_out)
{
    for (size_t i = 0; list && i < conf_count(list); i++)
        put_external(c, s, conf_item(list, i), range_out);
}

/* ---- ports ---- */

static void check_ports(struct compiler *c, struct site_work *s, struct conf_element *e, uint32_t low, uint32_t high)
{
    struct diag d = { 0 };
    if (!low && !high)
        return;
    compile_place(e, "lowDataChannelPort", &d);
    if (low > high)
        diag_set(&d, "lowDataChannelPort %u is above highDataChannelPort %u", low, high);
    else if (low < PORT_LEAST)
        diag_set(&d, "lowDataChannelPort %u is below %u, and data channels do not use such ports", low, PORT_LEAST);
    else
        return;
    diag_todo(&d, "Use 0 for both, or a range between %u and 65535.", PORT_LEAST);
    tell(c, s, &d);
}

int firewall_site(struct compiler *c, struct site_work *s)
{
    struct conf_element *own = compile_own_settings(c, s->name);
    struct conf_element *support = conf_child(s->site, "ftpServer/firewallSupport");
    struct slice address = support ? conf_text(support, "externalIp4Address") : SLICE_NONE;
    if (address.len && !is_ipv4(address)) {
        struct diag d = { 0 };
        compile_place(support, "externalIp4Address", &d);
        diag_set(&d, "externalIp4Address \"" SLICE_FMT "\" is no IPv4 address", SLICE_ARG(address));
        compile_tell(c, s, LOADER_ERROR, &d);
    }
    check_ports(c, s, own, s->row.low_data_port, s->row.high_data_port);
    put_externals(c, s, conf_child(own, "externalAddresses"), &s->row.externals); /* siteDefaults have none */
    return 0;
}

void firewall_server(struct compiler *c, struct snap_server *server)
{
    check_ports(c, NULL, compile_element(c, "system.ftpServer/firewallSupport", SLICE_NONE), server->low_data_port,
                server->high_data_port);
    put_externals(c, NULL, compile_element(c, "sallyport/externalAddresses", SLICE_NONE), &server->externals);
}

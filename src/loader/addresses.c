/*
 * addresses.c - ipSecurity as numbers.
 *
 * An entry that cannot be read keeps the site from starting: left out, it would open what it was meant to close
 * (threats.md A12).  Rules by host name count with enableReverseDns only, as in IIS; the authenticator looks names up.
 */
#include "loader/compile_priv.h"

#include "base/own.h"
#include "policy/address_rules.h"

#define IP_SECURITY "system.ftpServer/security/ipSecurity"

/* True: the rule does not count. */
static bool name_is_ignored(struct compiler *c, struct site_work *s, struct conf_element *section, struct conf_element *item)
{
    struct diag d = { 0 };
    struct slice name = conf_text(item, "domainName");
    compile_place(item, "domainName", &d);
    if (!conf_number(section, "enableReverseDns")) {
        diag_set(&d, "the rule for domain name \"" SLICE_FMT "\" has no effect: enableReverseDns is false",
                 SLICE_ARG(name));
        compile_tell(c, s, LOADER_WARNING, &d);
        return true;
    }
    return false;
}

static void put_name(struct compiler *c, struct conf_element *item, struct snap_range *range_out)
{
    typedef struct snap_address row;
    static const struct snap_column columns[] = { SNAP_ADDRESS_COLUMNS(SNAP_COLUMN) };
    struct snap_address rule = { .name = snapshot_put_text(c->w, slice_trim(conf_text(item, "domainName"))) };
    columns_fill(c, item, columns, sizeof columns / sizeof columns[0], &rule);
    c->needs_names = true;
    scopes_extend(range_out, snapshot_put_row(c->w, SNAP_TABLE_address, &rule));
}

static void put_address(struct compiler *c, struct site_work *s, struct conf_element *item, struct snap_range *range_out)
{
    typedef struct snap_address row;
    static const struct snap_column columns[] = { SNAP_ADDRESS_COLUMNS(SNAP_COLUMN) };
    struct snap_address rule = { 0 };
    struct slice address = conf_text(item, "ipAddress"), mask = conf_text(item, "subnetMask");
    if (address_rule_parse(address, mask, &rule)) {
        struct diag d = { 0 };
        bool mask_is_wrong = address_rule_parse(address, SLICE_NONE, &rule) == 0;
        compile_place(item, mask_is_wrong ? "subnetMask" : "ipAddress", &d);
        diag_set(&d, "ipAddress \"" SLICE_FMT "\" with subnetMask \"" SLICE_FMT "\" is no address or network",
                 SLICE_ARG(address), SLICE_ARG(mask));
        diag_todo(&d, "Write an IPv4 or IPv6 address; a mask as 255.255.255.0 or as a number of bits, also as /24 behind "
                      "the address.");
        compile_tell(c, s, LOADER_ERROR, &d);
        return;
    }
    columns_fill(c, item, columns, sizeof columns / sizeof columns[0], &rule);
    scopes_extend(range_out, snapshot_put_row(c->w, SNAP_TABLE_address, &rule));
}

static int put_scope(struct compiler *c, struct site_work *s, struct slice path, struct slice location)
{
    typedef struct snap_address_scope row;
    static const struct snap_column columns[] = { SNAP_ADDRESS_SCOPE_COLUMNS(SNAP_COLUMN) };
    struct conf_element *section = compile_element(c, IP_SECURITY, location);
    struct snap_address_scope scope = { .path = snapshot_put_text(c->w, path) };
    if (!section)
        return ERR_UNSUPPORTED;
    columns_fill_from(c, section, columns, sizeof columns / sizeof columns[0], &scope, &scope.origins);
    for (size_t i = 0; i < conf_count(section); i++) {
        struct conf_element *item = conf_item(section, i);
        if (!conf_text(item, "domainName").len)
            put_address(c, s, item, &scope.addresses);
        else if (!name_is_ignored(c, s, section, item))
            put_name(c, item, &scope.addresses);
    }
    scopes_extend(&s->row.address_scopes, snapshot_put_row(c->w, SNAP_TABLE_address_scope, &scope));
    return 0;
}

int addresses_put(struct compiler *c, struct site_work *s)
{
    return scopes_each(c, s, IP_SECURITY, put_scope);
}

void addresses_never_denied(struct compiler *c, struct snap_range *range_out)
{
    struct conf_element *section = compile_element(c, IP_SECURITY, SLICE_NONE);
    for (size_t i = 0; section && i < conf_count(section); i++) {
        struct conf_element *item = conf_item(section, i);
        struct snap_address rule = { 0 };
        if (!conf_number(item, "allowed") || conf_text(item, "domainName").len ||
            address_rule_parse(conf_text(item, "ipAddress"), conf_text(item, "subnetMask"), &rule) ||
            !address_rule_is_single(&rule))
            continue;
        rule.allowed = 1;
        scopes_extend(range_out, snapshot_put_row(c->w, SNAP_TABLE_address, &rule));
    }
}

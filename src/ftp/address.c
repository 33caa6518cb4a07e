/* address.c - PORT, EPRT and EPSV arguments. */
#include "ftp/address.h"

static MUST_USE int parse_byte(struct slice *rest, uint8_t *byte_out)
{
    uint64_t value;
    struct slice field = slice_cut(rest, ',');
    int err = slice_to_u64(field, 255, &value);
    if (err || field.len > 3)
        return err ? err : ERR_SYNTAX;
    *byte_out = (uint8_t)value;
    return 0;
}

int address_parse_port(struct slice argument, struct net_addr *addr_out)
{
    uint8_t bytes[6];
    struct slice rest = argument;
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (!rest.ptr)
            return ERR_SYNTAX;
        int err = parse_byte(&rest, &bytes[i]);
        if (err)
            return err;
    }
    if (rest.ptr)
        return ERR_SYNTAX;
    struct net_addr addr = { .family = 4, .port = (uint16_t)(bytes[4] << 8 | bytes[5]) };
    memcpy(addr.ip, bytes, 4);
    *addr_out = addr;
    return 0;
}

/* |family|address|port| with any printable delimiter (RFC 2428 section 2). */
int address_parse_eprt(struct slice argument, struct net_addr *addr_out)
{
    if (argument.len < 7 || argument.ptr[0] < 33 || argument.ptr[0] > 126)
        return ERR_SYNTAX;
    char delimiter = argument.ptr[0];
    if (argument.ptr[argument.len - 1] != delimiter)
        return ERR_SYNTAX;
    struct slice rest = slice_of(argument.ptr + 1, argument.len - 2);
    struct slice family = slice_cut(&rest, delimiter);
    struct slice host = slice_cut(&rest, delimiter);
    uint64_t protocol, port;
    if (!rest.ptr || slice_has_byte(rest, delimiter) || slice_has_byte(host, '[') || slice_has_byte(host, '%'))
        return ERR_SYNTAX;
    if (slice_to_u64(family, UINT32_MAX, &protocol))
        return ERR_SYNTAX;
    if (protocol != 1 && protocol != 2)
        return ERR_UNSUPPORTED;
    struct net_addr addr;
    if (net_addr_parse(host, &addr) || slice_to_u64(rest, UINT16_MAX, &port))
        return ERR_SYNTAX;
    /* ::ffff:a.b.c.d under |2| folds to IPv4 and is judged as such; an IPv4 text under |2| is a wrong family. */
    if (slice_has_byte(host, ':') != (protocol == 2))
        return ERR_SYNTAX;
    addr.port = (uint16_t)port;
    *addr_out = addr;
    return 0;
}

int address_parse_epsv(struct slice argument, enum epsv_kind *kind_out)
{
    uint64_t protocol;
    struct slice word = slice_trim(argument);
    if (word.len == 0) {
        *kind_out = EPSV_ANY;
        return 0;
    }
    if (slice_equal_fold_str(word, "ALL")) {
        *kind_out = EPSV_ALL;
        return 0;
    }
    if (slice_to_u64(word, UINT32_MAX, &protocol))
        return ERR_SYNTAX;
    if (protocol != 1 && protocol != 2)
        return ERR_UNSUPPORTED;
    *kind_out = protocol == 1 ? EPSV_IPV4 : EPSV_IPV6;
    return 0;
}

void address_print_pasv(const struct net_addr *addr, struct text *out)
{
    text_addf(out, "%u,%u,%u,%u,%u,%u", addr->ip[0], addr->ip[1], addr->ip[2], addr->ip[3], addr->port >> 8,
              addr->port & 255u);
}

/* endpoint.c - splitting and checking "address:port:host". */
#include "loader/endpoint.h"

#include <stdio.h>

#include "base/net_addr.h"
#include "base/text.h"

static int parse_address(struct slice s, char *out)
{
    struct net_addr addr;
    OWNED_TEXT_BUFFER text = { 0 };
    bool brackets = s.len && s.ptr[0] == '[';
    if (s.len == 0 || slice_equal_str(s, "*")) {
        out[0] = 0;
        return 0;
    }
    if (net_addr_parse(s, &addr) || (slice_has_byte(s, ':') && !brackets) || (brackets && !slice_has_byte(s, ':')))
        return ERR_SYNTAX;
    net_addr_print(&addr, &text);
    snprintf(out, ENDPOINT_ADDRESS_MAX, "%s", text_str(&text));
    return text_error(&text);
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static int parse_host(struct slice s, char *out)
{
    if (s.len > ENDPOINT_HOST_MAX)
        return ERR_TOO_LONG;
    for (size_t i = 0; i < s.len; i++) {
        out[i] = ascii_lower(s.ptr[i]);
        if (!is_host_char(out[i]))
            return ERR_SYNTAX;
    }
    out[s.len] = 0;
    return 0;
}

const char *endpoint_parse(struct slice information, struct endpoint *endpoint_out)
{
    struct endpoint e = { 0 };
    uint64_t port;
    size_t second = slice_find_last(information, ':');
    size_t first = second == SIZE_MAX ? SIZE_MAX : slice_find_last(slice_first(information, second), ':');
    if (first == SIZE_MAX)
        return "two colons are needed";
    struct slice port_text = slice_of(information.ptr + first + 1, second - first - 1);
    if (slice_to_u64(port_text, UINT16_MAX, &port) || port == 0)
        return "the port must be 1 to 65535";
    if (parse_address(slice_first(information, first), e.address))
        return "the address must be *, empty, IPv4, or IPv6 in brackets";
    if (parse_host(slice_from(information, second + 1), e.host))
        return "the host name has characters that no host name has";
    e.port = (uint16_t)port;
    *endpoint_out = e;
    return NULL;
}

int endpoint_compare(const struct endpoint *a, const struct endpoint *b)
{
    int order = strcmp(a->address, b->address);
    if (!order)
        order = (a->port > b->port) - (a->port < b->port);
    return order ? order : strcmp(a->host, b->host);
}

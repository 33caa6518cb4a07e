/* fetch_url.c - see fetch_url.h. */
#include "pki/fetch_url.h"

#include "base/net_addr.h"

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

static bool has_only(struct slice s, const char *others)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_alnum(s.ptr[i]) && (s.ptr[i] == 0 || !strchr(others, s.ptr[i])))
            return false;
    return true;
}

static MUST_USE int parse_port(struct slice s, uint16_t *port_out)
{
    uint64_t port;
    int err = slice_to_u64(s, UINT16_MAX, &port);
    if (err || port == 0)
        return ERR_SYNTAX;
    *port_out = (uint16_t)port;
    return 0;
}

/* "host", "host:port", "[ip6]", "[ip6]:port" */
static MUST_USE int parse_authority(struct slice s, struct fetch_url *url)
{
    struct net_addr ip;
    struct slice port = SLICE_NONE;
    url->ip6 = slice_starts(s, SLICE_LITERAL("["));
    size_t end = url->ip6 ? slice_find(s, ']') : slice_find(s, ':');
    if (url->ip6 && end == SIZE_MAX)
        return ERR_SYNTAX;
    if (end == SIZE_MAX)
        end = s.len;
    url->host = url->ip6 ? slice_of(s.ptr + 1, end - 1) : slice_first(s, end);
    port = slice_from(s, url->ip6 ? end + 1 : end);
    if (url->host.len == 0 || url->host.len > FETCH_HOST_MAX)
        return ERR_SYNTAX;
    if (url->ip6 ? !has_only(url->host, ":.") || net_addr_parse(url->host, &ip) : !has_only(url->host, ".-_"))
        return ERR_SYNTAX;
    url->port = 80;
    if (port.len == 0)
        return 0;
    return port.ptr[0] == ':' ? parse_port(slice_from(port, 1), &url->port) : ERR_SYNTAX;
}

int fetch_url_parse(struct slice text, struct fetch_url *url_out)
{
    static const struct slice scheme = SLICE_LITERAL("http://");
    struct fetch_url url = { 0 };
    if (text.len > FETCH_URL_MAX)
        return ERR_TOO_LONG;
    if (!slice_starts_fold(text, scheme))
        return ERR_UNSUPPORTED;
    struct slice rest = slice_from(text, scheme.len);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    url.target = slice_from(rest, end);
    int err = parse_authority(slice_first(rest, end), &url);
    if (!err && !has_only(url.target, "/?%-._~!$&'()*+,;=:@"))
        err = ERR_SYNTAX;
    if (err)
        return err;
    *url_out = url;
    return 0;
}

bool fetch_host_allowed(struct slice hosts, struct slice host)
{
    bool any = false;
    while (hosts.ptr) {
        struct slice pattern = slice_trim(slice_cut(&hosts, ','));
        any |= pattern.len > 0;
        if (pattern.len && slice_matches_wildcard(host, pattern))
            return true;
    }
    return !any;
}

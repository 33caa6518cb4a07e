/* net_addr.c - conversion and comparison of addresses. */
#include "base/net_addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/text.h"

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static struct net_addr fold_mapped(struct net_addr a)
{
    if (a.family == 6 && memcmp(a.ip, mapped_prefix, sizeof mapped_prefix) == 0) {
        memmove(a.ip, a.ip + 12, 4);
        memset(a.ip + 4, 0, 12);
        a.family = 4;
        a.scope = 0;
    }
    return a;
}

struct net_addr net_addr_from_sockaddr(const struct sockaddr_storage *sa)
{
    struct net_addr a = { 0 };
    if (sa->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)sa;
        a.family = 4;
        memcpy(a.ip, &in->sin_addr, 4);
        a.port = ntohs(in->sin_port);
    } else if (sa->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)sa;
        a.family = 6;
        memcpy(a.ip, &in6->sin6_addr, 16);
        a.port = ntohs(in6->sin6_port);
        a.scope = in6->sin6_scope_id;
    }
    return fold_mapped(a);
}

unsigned net_addr_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *sa)
{
    memset(sa, 0, sizeof *sa);
    if (a->family == 4) {
        struct sockaddr_in *in = (void *)sa;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip, 4);
        return sizeof *in;
    }
    if (a->family == 6) {
        struct sockaddr_in6 *in6 = (void *)sa;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(a->port);
        in6->sin6_scope_id = a->scope;
        memcpy(&in6->sin6_addr, a->ip, 16);
        return sizeof *in6;
    }
    return 0;
}

int net_addr_parse(struct slice s, struct net_addr *addr_out)
{
    char text[INET6_ADDRSTRLEN];
    struct net_addr a = { 0 };
    if (s.len >= 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']')
        s = slice_of(s.ptr + 1, s.len - 2);
    if (s.len == 0 || s.len >= sizeof text || slice_has_byte(s, 0))
        return ERR_SYNTAX;
    memcpy(text, s.ptr, s.len);
    text[s.len] = 0;
    if (inet_pton(AF_INET, text, a.ip) == 1)
        a.family = 4;
    else if (inet_pton(AF_INET6, text, a.ip) == 1)
        a.family = 6;
    else
        return ERR_SYNTAX;
    *addr_out = fold_mapped(a);
    return 0;
}

/* Two in every log line, and inet_ntop prints them by sprintf. */
static void print_ipv4(const uint8_t ip[4], struct text *out)
{
    char text[16], *at = text;
    for (int i = 0; i < 4; i++) {
        if (ip[i] >= 100)
            *at++ = (char)('0' + ip[i] / 100);
        if (ip[i] >= 10)
            *at++ = (char)('0' + ip[i] / 10 % 10);
        *at++ = (char)('0' + ip[i] % 10);
        *at++ = '.';
    }
    text_add(out, slice_of(text, (size_t)(at - text - 1)));
}

void net_addr_print(const struct net_addr *a, struct text *out)
{
    char text[INET6_ADDRSTRLEN] = "-";
    if (a->family == 4) {
        print_ipv4(a->ip, out);
        return;
    }
    if (a->family)
        inet_ntop(AF_INET6, a->ip, text, sizeof text);
    text_add_str(out, text);
}

bool net_addr_same_host(const struct net_addr *a, const struct net_addr *b)
{
    return a->family == b->family && a->family && memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16) == 0;
}

bool net_addr_is_loopback(const struct net_addr *a)
{
    static const uint8_t one6[16] = { [15] = 1 };
    return a->family == 4 ? a->ip[0] == 127 : a->family == 6 && memcmp(a->ip, one6, 16) == 0;
}

bool net_addr_is_any(const struct net_addr *a)
{
    static const uint8_t any[16];
    return a->family && memcmp(a->ip, any, a->family == 4 ? 4 : 16) == 0;
}

bool net_addr_is_multicast(const struct net_addr *a)
{
    return a->family == 4 ? a->ip[0] >= 224 : a->family == 6 && a->ip[0] == 0xff;
}

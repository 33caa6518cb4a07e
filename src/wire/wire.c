/* wire.c - the only code that turns received bytes into numbers and slices. */
#include "wire/wire.h"

#include <endian.h>

static const uint8_t *take(struct wire_in *in, size_t len)
{
    if (in->err)
        return NULL;
    if (len > in->len - in->at) {
        in->err = ERR_TRUNCATED;
        return NULL;
    }
    const uint8_t *at = in->ptr + in->at;
    in->at += len;
    return at;
}

/* Copies of a size that the compiler knows are one instruction each; a loop over bytes was half of what a message costs. */
static uint64_t load(const uint8_t *p, unsigned bytes)
{
    uint64_t value = 0;
    switch (bytes) {
    case 1:
        return *p;
    case 2:
        memcpy(&value, p, 2);
        break;
    case 4:
        memcpy(&value, p, 4);
        break;
    default:
        memcpy(&value, p, 8);
        break;
    }
    return le64toh(value);
}

static void store(uint8_t *p, unsigned bytes, uint64_t value)
{
    value = htole64(value);
    switch (bytes) {
    case 1:
        memcpy(p, &value, 1);
        break;
    case 2:
        memcpy(p, &value, 2);
        break;
    case 4:
        memcpy(p, &value, 4);
        break;
    default:
        memcpy(p, &value, 8);
        break;
    }
}

uint64_t wire_get_number(struct wire_in *in, unsigned bytes, uint64_t max)
{
    const uint8_t *p = take(in, bytes);
    if (!p)
        return 0;
    uint64_t value = load(p, bytes);
    if (value > max) {
        in->err = ERR_RANGE;
        return 0;
    }
    return value;
}

struct slice wire_get_bytes(struct wire_in *in, size_t max, bool allow_nul)
{
    size_t len = (size_t)wire_get_number(in, 4, UINT32_MAX);
    if (!in->err && len > max)
        in->err = ERR_TOO_LONG;
    const uint8_t *p = take(in, len);
    if (!p)
        return SLICE_NONE;
    struct slice bytes = slice_of((const char *)p, len);
    if (!allow_nul && len && memchr(p, 0, len)) {
        in->err = ERR_SYNTAX;
        return SLICE_NONE;
    }
    return bytes;
}

struct net_addr wire_get_addr(struct wire_in *in)
{
    struct net_addr a = { 0 };
    a.family = (uint8_t)wire_get_number(in, 1, 6);
    if (a.family != 0 && a.family != 4 && a.family != 6)
        in->err = in->err ? in->err : ERR_RANGE;
    const uint8_t *ip = take(in, 16);
    if (ip)
        memcpy(a.ip, ip, 16);
    a.port = (uint16_t)wire_get_number(in, 2, UINT16_MAX);
    a.scope = (uint32_t)wire_get_number(in, 4, UINT32_MAX);
    return a;
}

int wire_in_finish(const struct wire_in *in)
{
    if (in->err)
        return in->err;
    return in->at == in->len ? 0 : ERR_TRAILING;
}

static uint8_t *room(struct wire_out *out, size_t len)
{
    if (out->err)
        return NULL;
    if (len > out->cap - out->len) {
        out->err = ERR_TOO_LONG;
        return NULL;
    }
    uint8_t *at = out->ptr + out->len;
    out->len += len;
    return at;
}

void wire_put_number(struct wire_out *out, unsigned bytes, uint64_t value, uint64_t max)
{
    if (value > max && !out->err)
        out->err = ERR_RANGE;
    uint8_t *p = room(out, bytes);
    if (p)
        store(p, bytes, value);
}

void wire_put_bytes(struct wire_out *out, struct slice bytes, size_t max, bool allow_nul)
{
    if (!out->err && bytes.len > max)
        out->err = ERR_TOO_LONG;
    if (!out->err && !allow_nul && bytes.len && memchr(bytes.ptr, 0, bytes.len))
        out->err = ERR_SYNTAX;
    wire_put_number(out, 4, bytes.len, UINT32_MAX);
    uint8_t *p = room(out, bytes.len);
    if (p && bytes.len)
        memcpy(p, bytes.ptr, bytes.len);
}

void wire_put_addr(struct wire_out *out, const struct net_addr *addr)
{
    wire_put_number(out, 1, addr->family, 6);
    uint8_t *ip = room(out, 16);
    if (ip)
        memcpy(ip, addr->ip, 16);
    wire_put_number(out, 2, addr->port, UINT16_MAX);
    wire_put_number(out, 4, addr->scope, UINT32_MAX);
}

void wire_dump_number(struct text *t, const char *name, uint64_t value)
{
    text_addf(t, " %s=%llu", name, (unsigned long long)value);
}

void wire_dump_signed(struct text *t, const char *name, int64_t value)
{
    text_addf(t, " %s=%lld", name, (long long)value);
}

void wire_dump_text(struct text *t, const char *name, struct slice value)
{
    text_addf(t, " %s=\"", name);
    text_add_escaped(t, slice_first(value, 256));
    text_add_str(t, value.len > 256 ? "...\"" : "\"");
}

void wire_dump_addr(struct text *t, const char *name, const struct net_addr *value)
{
    text_addf(t, " %s=", name);
    net_addr_print(value, t);
    text_addf(t, "#%u", value->port);
}

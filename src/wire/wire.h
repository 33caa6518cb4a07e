/*
 * wire.h - messages between Sallyport's processes: bounded reader, writer, and the declaration of a message.
 *
 * A message is declared once as a list of fields,
 *
 *     #define BROKER_RELEASE_FIELDS(F)   \
 *         F(u64,  ticket, UINT64_MAX)    \
 *         F(text, why,    200)
 *     WIRE_MESSAGE(broker_release, BROKER_RELEASE_FIELDS)
 *
 * and WIRE_MESSAGE expands it to `struct broker_release`, broker_release_encode(), _decode() and _dump().
 * Fields are little-endian; `text` and `bytes` are a u32 length and the bytes.  The third column is the largest
 * value of a number or the largest length of a text: the decoder refuses more, and any left-over byte.
 *
 *   u8 u16 u32 u64   unsigned numbers        i64     signed, limit ignored
 *   flag             bool, only 0 or 1       addr    struct net_addr
 *   text             no NUL inside           bytes   any byte
 *   secret           like bytes, dumped as ***
 *
 * Decoded slices borrow from the received datagram.
 */
#pragma once

#include "base/net_addr.h"
#include "base/slice.h"
#include "base/text.h"

struct wire_in {
    const uint8_t *ptr;
    size_t len, at;
    int err; /* sticky */
};

struct wire_out {
    uint8_t *ptr;
    size_t cap, len;
    int err; /* sticky: ERR_TOO_LONG */
};

static inline struct wire_in wire_in_of(const void *ptr, size_t len)
{
    return (struct wire_in){ ptr, len, 0, 0 };
}

uint64_t wire_get_number(struct wire_in *in, unsigned bytes, uint64_t max);
struct slice wire_get_bytes(struct wire_in *in, size_t max, bool allow_nul);
struct net_addr wire_get_addr(struct wire_in *in);
/* 0, the sticky error, or ERR_TRAILING when bytes are left. */
MUST_USE int wire_in_finish(const struct wire_in *in);

void wire_put_number(struct wire_out *out, unsigned bytes, uint64_t value, uint64_t max);
void wire_put_bytes(struct wire_out *out, struct slice bytes, size_t max, bool allow_nul);
void wire_put_addr(struct wire_out *out, const struct net_addr *addr);

/* ---- what one field kind means, in each expansion ---- */
#define WIRE_TYPE_u8 uint8_t
#define WIRE_TYPE_u16 uint16_t
#define WIRE_TYPE_u32 uint32_t
#define WIRE_TYPE_u64 uint64_t
#define WIRE_TYPE_i64 int64_t
#define WIRE_TYPE_flag bool
#define WIRE_TYPE_addr struct net_addr
#define WIRE_TYPE_text struct slice
#define WIRE_TYPE_bytes struct slice
#define WIRE_TYPE_secret struct slice

#define WIRE_PUT_u8(v, max) wire_put_number(out, 1, v, max)
#define WIRE_PUT_u16(v, max) wire_put_number(out, 2, v, max)
#define WIRE_PUT_u32(v, max) wire_put_number(out, 4, v, max)
#define WIRE_PUT_u64(v, max) wire_put_number(out, 8, v, max)
#define WIRE_PUT_i64(v, max) wire_put_number(out, 8, (uint64_t)(v), UINT64_MAX)
#define WIRE_PUT_flag(v, max) wire_put_number(out, 1, v, 1)
#define WIRE_PUT_addr(v, max) wire_put_addr(out, &(v))
#define WIRE_PUT_text(v, max) wire_put_bytes(out, v, max, false)
#define WIRE_PUT_bytes(v, max) wire_put_bytes(out, v, max, true)
#define WIRE_PUT_secret(v, max) wire_put_bytes(out, v, max, true)

#define WIRE_GET_u8(max) (uint8_t) wire_get_number(in, 1, max)
#define WIRE_GET_u16(max) (uint16_t) wire_get_number(in, 2, max)
#define WIRE_GET_u32(max) (uint32_t) wire_get_number(in, 4, max)
#define WIRE_GET_u64(max) wire_get_number(in, 8, max)
#define WIRE_GET_i64(max) (int64_t) wire_get_number(in, 8, UINT64_MAX)
#define WIRE_GET_flag(max) wire_get_number(in, 1, 1) != 0
#define WIRE_GET_addr(max) wire_get_addr(in)
#define WIRE_GET_text(max) wire_get_bytes(in, max, false)
#define WIRE_GET_bytes(max) wire_get_bytes(in, max, true)
#define WIRE_GET_secret(max) wire_get_bytes(in, max, true)

void wire_dump_number(struct text *t, const char *name, uint64_t value);
void wire_dump_signed(struct text *t, const char *name, int64_t value);
void wire_dump_text(struct text *t, const char *name, struct slice value);
void wire_dump_addr(struct text *t, const char *name, const struct net_addr *value);

#define WIRE_DUMP_u8(name, v) wire_dump_number(t, name, v)
#define WIRE_DUMP_u16(name, v) wire_dump_number(t, name, v)
#define WIRE_DUMP_u32(name, v) wire_dump_number(t, name, v)
#define WIRE_DUMP_u64(name, v) wire_dump_number(t, name, v)
#define WIRE_DUMP_i64(name, v) wire_dump_signed(t, name, v)
#define WIRE_DUMP_flag(name, v) wire_dump_number(t, name, v)
#define WIRE_DUMP_addr(name, v) wire_dump_addr(t, name, &(v))
#define WIRE_DUMP_text(name, v) wire_dump_text(t, name, v)
#define WIRE_DUMP_bytes(name, v) wire_dump_text(t, name, v)
#define WIRE_DUMP_secret(name, v) wire_dump_text(t, name, SLICE_LITERAL("***"))

#define WIRE_FIELD_MEMBER(kind, name, max) WIRE_TYPE_##kind name;
#define WIRE_FIELD_PUT(kind, name, max) WIRE_PUT_##kind(m->name, max);
#define WIRE_FIELD_GET(kind, name, max) m.name = WIRE_GET_##kind(max);
#define WIRE_FIELD_DUMP(kind, name, max) WIRE_DUMP_##kind(#name, m->name);

#define WIRE_MESSAGE(message, FIELDS)                                                                         \
    struct message {                                                                                          \
        FIELDS(WIRE_FIELD_MEMBER)                                                                             \
    };                                                                                                        \
    MUST_USE static inline int message##_encode(const struct message *m, struct wire_out *out)                \
    {                                                                                                         \
        (void)m;                                                                                              \
        FIELDS(WIRE_FIELD_PUT)                                                                                \
        return out->err;                                                                                      \
    }                                                                                                         \
    MUST_USE static inline int message##_decode(struct wire_in *in, struct message *m_out)                    \
    {                                                                                                         \
        struct message m = { 0 };                                                                             \
        FIELDS(WIRE_FIELD_GET)                                                                                \
        int err = wire_in_finish(in);                                                                         \
        if (!err)                                                                                             \
            *m_out = m;                                                                                       \
        return err;                                                                                           \
    }                                                                                                         \
    __attribute__((unused)) static inline void message##_dump(const struct message *m, struct text *t)                                \
    {                                                                                                         \
        (void)m;                                                                                              \
        text_add_str(t, #message);                                                                            \
        FIELDS(WIRE_FIELD_DUMP)                                                                               \
    }

#define WIRE_NO_FIELDS(F) F(u8, reserved, 0)

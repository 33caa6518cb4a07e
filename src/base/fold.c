/* fold.c - see fold.h. */
#include "base/fold.h"

/* Capital letters `first` to `last`; the small one stands `distance` further on, or every second one is a capital. */
static const struct {
    uint32_t first, last, distance; /* 1: the capitals of pairs, those with the parity of `first` */
} capitals[] = {
    { 'A', 'Z', 32 },          { 0x00C0, 0x00D6, 32 },  { 0x00D8, 0x00DE, 32 },  { 0x0100, 0x012E, 1 },
    { 0x0132, 0x0136, 1 },     { 0x0139, 0x0147, 1 },   { 0x014A, 0x0176, 1 },   { 0x0179, 0x017D, 1 },
    { 0x0218, 0x021E, 1 },     { 0x0386, 0x0386, 38 },  { 0x0388, 0x038A, 37 },  { 0x038C, 0x038C, 64 },
    { 0x038E, 0x038F, 63 },    { 0x0391, 0x03A1, 32 },  { 0x03A3, 0x03AB, 32 },  { 0x03C2, 0x03C2, 1 }, /* final sigma */
    { 0x0400, 0x040F, 80 },
    { 0x0410, 0x042F, 32 },    { 0x0460, 0x0480, 1 },   { 0x0490, 0x04BE, 1 },   { 0x0531, 0x0556, 48 },
    { 0x1E00, 0x1E94, 1 },     { 0x1EA0, 0x1EFE, 1 },
};

static uint32_t fold(uint32_t c)
{
    for (size_t i = 0; i < sizeof capitals / sizeof capitals[0]; i++) {
        if (c < capitals[i].first || c > capitals[i].last)
            continue;
        if (capitals[i].distance > 1)
            return c + capitals[i].distance;
        return c + ((c - capitals[i].first) % 2 == 0);
    }
    return c;
}

/* The next character of well-formed UTF-8. */
static uint32_t next_character(struct slice *s)
{
    const unsigned char *p = (const unsigned char *)s->ptr;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    uint32_t c = len == 1 ? p[0] : p[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3F);
    *s = slice_from(*s, len);
    return c;
}

bool fold_equal(struct slice a, struct slice b)
{
    if (!slice_is_utf8(a) || !slice_is_utf8(b))
        return false;
    while (a.len && b.len)
        if (fold(next_character(&a)) != fold(next_character(&b)))
            return false;
    return !a.len && !b.len;
}

static bool is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] >= 0x80)
            return false;
    return true;
}

bool fold_same_name(struct slice a, struct slice b)
{
    return slice_equal_fold(a, b) || (!is_ascii(a) && fold_equal(a, b));
}

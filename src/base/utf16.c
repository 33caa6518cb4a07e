/* utf16.c - see utf16.h. */
#include "base/utf16.h"

static size_t utf16_put(uint8_t *out, uint32_t unit)
{
    out[0] = (uint8_t)unit;
    out[1] = (uint8_t)(unit >> 8);
    return 2;
}

size_t utf16le_from(struct slice s, uint8_t *out)
{
    bool utf8 = slice_is_utf8(s);
    size_t len = 0;
    for (size_t i = 0; i < s.len;) {
        uint32_t c = (uint8_t)s.ptr[i++];
        unsigned more = !utf8 || c < 0x80 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
        if (more)
            c &= 0x3Fu >> more;
        while (more--)
            c = c << 6 | ((uint8_t)s.ptr[i++] & 0x3Fu);
        if (c < 0x10000) {
            len += utf16_put(out + len, c);
        } else {
            len += utf16_put(out + len, 0xD800 + ((c - 0x10000) >> 10));
            len += utf16_put(out + len, 0xDC00 + ((c - 0x10000) & 0x3FF));
        }
    }
    return len;
}

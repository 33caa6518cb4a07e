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

void utf8_add(struct text *out, uint32_t c)
{
    if (c < 0x80) {
        text_add_char(out, (char)c);
    } else if (c < 0x800) {
        text_add_char(out, (char)(0xc0 | c >> 6));
        text_add_char(out, (char)(0x80 | (c & 0x3f)));
    } else {
        if (c < 0x10000) {
            text_add_char(out, (char)(0xe0 | c >> 12));
        } else {
            text_add_char(out, (char)(0xf0 | c >> 18));
            text_add_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
        }
        text_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
        text_add_char(out, (char)(0x80 | (c & 0x3f)));
    }
}

static uint32_t unit_at(struct slice bytes, size_t at, bool is_big_endian)
{
    const unsigned char *b = (const unsigned char *)bytes.ptr + at;
    return is_big_endian ? (uint32_t)b[0] << 8 | b[1] : (uint32_t)b[1] << 8 | b[0];
}

int utf8_from_utf16(struct slice bytes, bool is_big_endian, struct text *out)
{
    if (bytes.len % 2)
        return ERR_SYNTAX;
    for (size_t at = 0; at < bytes.len; at += 2) {
        uint32_t c = unit_at(bytes, at, is_big_endian);
        if (c >= 0xd800 && c < 0xe000) {
            uint32_t low = at + 2 < bytes.len ? unit_at(bytes, at + 2, is_big_endian) : 0;
            if (c >= 0xdc00 || low < 0xdc00 || low >= 0xe000)
                return ERR_SYNTAX;
            c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
            at += 2;
        }
        utf8_add(out, c);
    }
    return text_error(out);
}

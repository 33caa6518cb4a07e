/* fold.c - see fold.h. */
#include "base/fold.h"

#include <stdlib.h>

#include "base/utf16.h"

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

/* What Unicode (CaseFolding.txt, C and S) folds besides: rare letters, and characters that are other spellings of a letter,
 * such as the Kelvin sign or the long s.  Sorted. */
static const struct {
    uint32_t first, last;
    int32_t distance; /* 1: the capitals of pairs, as above */
} others[] = {
    { 0x00B5, 0x00B5, 775 },      { 0x0178, 0x0178, -121 },     { 0x017F, 0x017F, -268 },     { 0x0181, 0x0181, 210 },
    { 0x0182, 0x0184, 1 },        { 0x0186, 0x0186, 206 },      { 0x0187, 0x0187, 1 },        { 0x0189, 0x018A, 205 },
    { 0x018B, 0x018B, 1 },        { 0x018E, 0x018E, 79 },       { 0x018F, 0x018F, 202 },      { 0x0190, 0x0190, 203 },
    { 0x0191, 0x0191, 1 },        { 0x0193, 0x0193, 205 },      { 0x0194, 0x0194, 207 },      { 0x0196, 0x0196, 211 },
    { 0x0197, 0x0197, 209 },      { 0x0198, 0x0198, 1 },        { 0x019C, 0x019C, 211 },      { 0x019D, 0x019D, 213 },
    { 0x019F, 0x019F, 214 },      { 0x01A0, 0x01A4, 1 },        { 0x01A6, 0x01A6, 218 },      { 0x01A7, 0x01A7, 1 },
    { 0x01A9, 0x01A9, 218 },      { 0x01AC, 0x01AC, 1 },        { 0x01AE, 0x01AE, 218 },      { 0x01AF, 0x01AF, 1 },
    { 0x01B1, 0x01B2, 217 },      { 0x01B3, 0x01B5, 1 },        { 0x01B7, 0x01B7, 219 },      { 0x01B8, 0x01B8, 1 },
    { 0x01BC, 0x01BC, 1 },        { 0x01C4, 0x01C4, 2 },        { 0x01C5, 0x01C5, 1 },        { 0x01C7, 0x01C7, 2 },
    { 0x01C8, 0x01C8, 1 },        { 0x01CA, 0x01CA, 2 },        { 0x01CB, 0x01DB, 1 },        { 0x01DE, 0x01EE, 1 },
    { 0x01F1, 0x01F1, 2 },        { 0x01F2, 0x01F4, 1 },        { 0x01F6, 0x01F6, -97 },      { 0x01F7, 0x01F7, -56 },
    { 0x01F8, 0x0216, 1 },        { 0x0220, 0x0220, -130 },     { 0x0222, 0x0232, 1 },        { 0x023A, 0x023A, 10795 },
    { 0x023B, 0x023B, 1 },        { 0x023D, 0x023D, -163 },     { 0x023E, 0x023E, 10792 },    { 0x0241, 0x0241, 1 },
    { 0x0243, 0x0243, -195 },     { 0x0244, 0x0244, 69 },       { 0x0245, 0x0245, 71 },       { 0x0246, 0x024E, 1 },
    { 0x0345, 0x0345, 116 },      { 0x0370, 0x0372, 1 },        { 0x0376, 0x0376, 1 },        { 0x037F, 0x037F, 116 },
    { 0x03CF, 0x03CF, 8 },        { 0x03D0, 0x03D0, -30 },      { 0x03D1, 0x03D1, -25 },      { 0x03D5, 0x03D5, -15 },
    { 0x03D6, 0x03D6, -22 },      { 0x03D8, 0x03EE, 1 },        { 0x03F0, 0x03F0, -54 },      { 0x03F1, 0x03F1, -48 },
    { 0x03F4, 0x03F4, -60 },      { 0x03F5, 0x03F5, -64 },      { 0x03F7, 0x03F7, 1 },        { 0x03F9, 0x03F9, -7 },
    { 0x03FA, 0x03FA, 1 },        { 0x03FD, 0x03FF, -130 },     { 0x048A, 0x048E, 1 },        { 0x04C0, 0x04C0, 15 },
    { 0x04C1, 0x04CD, 1 },        { 0x04D0, 0x052E, 1 },        { 0x10A0, 0x10C5, 7264 },     { 0x10C7, 0x10C7, 7264 },
    { 0x10CD, 0x10CD, 7264 },     { 0x13F8, 0x13FD, -8 },       { 0x1C80, 0x1C80, -6222 },    { 0x1C81, 0x1C81, -6221 },
    { 0x1C82, 0x1C82, -6212 },    { 0x1C83, 0x1C84, -6210 },    { 0x1C85, 0x1C85, -6211 },    { 0x1C86, 0x1C86, -6204 },
    { 0x1C87, 0x1C87, -6180 },    { 0x1C88, 0x1C88, 35267 },    { 0x1C90, 0x1CBA, -3008 },    { 0x1CBD, 0x1CBF, -3008 },
    { 0x1E9B, 0x1E9B, -58 },      { 0x1E9E, 0x1E9E, -7615 },    { 0x1F08, 0x1F0F, -8 },       { 0x1F18, 0x1F1D, -8 },
    { 0x1F28, 0x1F2F, -8 },       { 0x1F38, 0x1F3F, -8 },       { 0x1F48, 0x1F4D, -8 },       { 0x1F59, 0x1F59, -8 },
    { 0x1F5B, 0x1F5B, -8 },       { 0x1F5D, 0x1F5D, -8 },       { 0x1F5F, 0x1F5F, -8 },       { 0x1F68, 0x1F6F, -8 },
    { 0x1F88, 0x1F8F, -8 },       { 0x1F98, 0x1F9F, -8 },       { 0x1FA8, 0x1FAF, -8 },       { 0x1FB8, 0x1FB9, -8 },
    { 0x1FBA, 0x1FBB, -74 },      { 0x1FBC, 0x1FBC, -9 },       { 0x1FBE, 0x1FBE, -7173 },    { 0x1FC8, 0x1FCB, -86 },
    { 0x1FCC, 0x1FCC, -9 },       { 0x1FD3, 0x1FD3, -7235 },    { 0x1FD8, 0x1FD9, -8 },       { 0x1FDA, 0x1FDB, -100 },
    { 0x1FE3, 0x1FE3, -7219 },    { 0x1FE8, 0x1FE9, -8 },       { 0x1FEA, 0x1FEB, -112 },     { 0x1FEC, 0x1FEC, -7 },
    { 0x1FF8, 0x1FF9, -128 },     { 0x1FFA, 0x1FFB, -126 },     { 0x1FFC, 0x1FFC, -9 },       { 0x2126, 0x2126, -7517 },
    { 0x212A, 0x212A, -8383 },    { 0x212B, 0x212B, -8262 },    { 0x2132, 0x2132, 28 },       { 0x2160, 0x216F, 16 },
    { 0x2183, 0x2183, 1 },        { 0x24B6, 0x24CF, 26 },       { 0x2C00, 0x2C2F, 48 },       { 0x2C60, 0x2C60, 1 },
    { 0x2C62, 0x2C62, -10743 },   { 0x2C63, 0x2C63, -3814 },    { 0x2C64, 0x2C64, -10727 },   { 0x2C67, 0x2C6B, 1 },
    { 0x2C6D, 0x2C6D, -10780 },   { 0x2C6E, 0x2C6E, -10749 },   { 0x2C6F, 0x2C6F, -10783 },   { 0x2C70, 0x2C70, -10782 },
    { 0x2C72, 0x2C72, 1 },        { 0x2C75, 0x2C75, 1 },        { 0x2C7E, 0x2C7F, -10815 },   { 0x2C80, 0x2CE2, 1 },
    { 0x2CEB, 0x2CED, 1 },        { 0x2CF2, 0x2CF2, 1 },        { 0xA640, 0xA66C, 1 },        { 0xA680, 0xA69A, 1 },
    { 0xA722, 0xA72E, 1 },        { 0xA732, 0xA76E, 1 },        { 0xA779, 0xA77B, 1 },        { 0xA77D, 0xA77D, -35332 },
    { 0xA77E, 0xA786, 1 },        { 0xA78B, 0xA78B, 1 },        { 0xA78D, 0xA78D, -42280 },   { 0xA790, 0xA792, 1 },
    { 0xA796, 0xA7A8, 1 },        { 0xA7AA, 0xA7AA, -42308 },   { 0xA7AB, 0xA7AB, -42319 },   { 0xA7AC, 0xA7AC, -42315 },
    { 0xA7AD, 0xA7AD, -42305 },   { 0xA7AE, 0xA7AE, -42308 },   { 0xA7B0, 0xA7B0, -42258 },   { 0xA7B1, 0xA7B1, -42282 },
    { 0xA7B2, 0xA7B2, -42261 },   { 0xA7B3, 0xA7B3, 928 },      { 0xA7B4, 0xA7C2, 1 },        { 0xA7C4, 0xA7C4, -48 },
    { 0xA7C5, 0xA7C5, -42307 },   { 0xA7C6, 0xA7C6, -35384 },   { 0xA7C7, 0xA7C9, 1 },        { 0xA7D0, 0xA7D0, 1 },
    { 0xA7D6, 0xA7D8, 1 },        { 0xA7F5, 0xA7F5, 1 },        { 0xAB70, 0xABBF, -38864 },   { 0xFB05, 0xFB05, 1 },
    { 0xFF21, 0xFF3A, 32 },       { 0x10400, 0x10427, 40 },     { 0x104B0, 0x104D3, 40 },     { 0x10570, 0x1057A, 39 },
    { 0x1057C, 0x1058A, 39 },     { 0x1058C, 0x10592, 39 },     { 0x10594, 0x10595, 39 },     { 0x10C80, 0x10CB2, 64 },
    { 0x118A0, 0x118BF, 32 },     { 0x16E40, 0x16E5F, 32 },     { 0x1E900, 0x1E921, 34 },
};

static uint32_t fold_any(uint32_t c)
{
    uint32_t small = c < 0x80 ? (unsigned char)ascii_lower((char)c) : fold(c);
    if (small != c || c < others[0].first)
        return small;
    size_t low = 0, high = sizeof others / sizeof others[0];
    while (low < high) {
        size_t at = (low + high) / 2;
        if (c > others[at].last)
            low = at + 1;
        else
            high = at;
    }
    if (low == sizeof others / sizeof others[0] || c < others[low].first)
        return c;
    if (others[low].distance == 1)
        return c + ((c - others[low].first) % 2 == 0);
    return (uint32_t)((int64_t)c + others[low].distance);
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

/* ---- rules ---- */

enum { NO_CHARACTER = 0x110000 }; /* and the byte: what belongs to no character equals itself alone */

uint32_t fold_take(struct slice *s)
{
    if (slice_utf8_first(*s))
        return fold_any(next_character(s));
    uint32_t c = NO_CHARACTER + (unsigned char)s->ptr[0];
    *s = slice_from(*s, 1);
    return c;
}

bool fold_starts(struct slice s, struct slice prefix, struct slice *rest_out)
{
    size_t shared = s.len < prefix.len ? s.len : prefix.len, i = 0;
    while (i < shared && (unsigned char)(s.ptr[i] | prefix.ptr[i]) < 0x80 && ascii_lower(s.ptr[i]) == ascii_lower(prefix.ptr[i]))
        i++;
    if (i < shared && (unsigned char)(s.ptr[i] | prefix.ptr[i]) < 0x80)
        return false;
    s = slice_from(s, i);
    prefix = slice_from(prefix, i);
    while (prefix.len)
        if (!s.len || fold_take(&s) != fold_take(&prefix))
            return false;
    if (rest_out)
        *rest_out = s;
    return true;
}

bool fold_same(struct slice a, struct slice b)
{
    struct slice rest;
    return fold_starts(a, b, &rest) && !rest.len;
}

int fold_compare(struct slice a, struct slice b)
{
    while (a.len && b.len) {
        uint32_t x = fold_take(&a), y = fold_take(&b);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a.len > 0) - (b.len > 0);
}

void fold_add(struct text *out, struct slice s)
{
    while (s.len) {
        uint32_t c = fold_take(&s);
        if (c >= NO_CHARACTER)
            text_add_char(out, (char)(c - NO_CHARACTER));
        else
            utf8_add(out, c);
    }
}

char *fold_copy(struct slice s)
{
    OWNED_TEXT_BUFFER out = { 0 };
    fold_add(&out, s);
    text_add_char(&out, 0);
    return text_error(&out) ? NULL : text_release(&out);
}

uint64_t fold_hash_name(struct slice s)
{
    uint64_t hash = 0xcbf29ce484222325u;
    bool is_text = slice_is_utf8(s);
    while (s.len) {
        uint32_t c = (unsigned char)ascii_lower(s.ptr[0]);
        if (is_text)
            c = fold(next_character(&s));
        else
            s = slice_from(s, 1);
        hash = (hash ^ c) * 0x100000001b3u;
    }
    return hash;
}

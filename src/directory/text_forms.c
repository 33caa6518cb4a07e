/* text_forms.c - see text_forms.h. */
#include "directory/text_forms.h"

#include <time.h>

void ldap_text_add_filter(struct text *t, struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c < 0x20 || c >= 0x7f || c == '*' || c == '(' || c == ')' || c == '\\')
            text_addf(t, "\\%02x", c);
        else
            text_add_char(t, (char)c);
    }
}

enum { SID_HEAD = 8, SID_PARTS_MAX = 15 };

int ldap_text_add_sid(struct text *t, struct slice binary)
{
    const unsigned char *b = (const unsigned char *)binary.ptr;
    if (binary.len < SID_HEAD || b[0] != 1 || b[1] > SID_PARTS_MAX || binary.len != SID_HEAD + 4u * b[1])
        return ERR_SYNTAX;
    uint64_t authority = 0;
    for (size_t i = 2; i < SID_HEAD; i++)
        authority = authority << 8 | b[i];
    text_addf(t, "S-1-%llu", (unsigned long long)authority);
    for (const unsigned char *part = b + SID_HEAD; part < b + binary.len; part += 4)
        text_addf(t, "-%lu", (unsigned long)part[0] | (unsigned long)part[1] << 8 | (unsigned long)part[2] << 16 |
                                 (unsigned long)part[3] << 24);
    return text_error(t);
}

/* ---- case ---- */

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

bool ldap_text_equal_fold(struct slice a, struct slice b)
{
    if (!slice_is_utf8(a) || !slice_is_utf8(b))
        return false;
    while (a.len && b.len)
        if (fold(next_character(&a)) != fold(next_character(&b)))
            return false;
    return !a.len && !b.len;
}

/* ---- time ---- */

int ldap_text_to_time(struct slice s, int64_t *seconds_out)
{
    static const size_t widths[] = { 4, 2, 2, 2, 2, 2 };
    uint64_t parts[6];
    size_t at = 0;
    for (size_t i = 0; i < 6; i++) {
        if (at + widths[i] > s.len || slice_to_u64(slice_of(s.ptr + at, widths[i]), 9999, &parts[i]))
            return ERR_SYNTAX;
        at += widths[i];
    }
    if (!slice_ends(s, SLICE_LITERAL("Z")) || (s.len != at + 1 && s.ptr[at] != '.'))
        return ERR_SYNTAX;
    struct tm tm = { .tm_year = (int)parts[0] - 1900, .tm_mon = (int)parts[1] - 1, .tm_mday = (int)parts[2],
                     .tm_hour = (int)parts[3], .tm_min = (int)parts[4], .tm_sec = (int)parts[5] };
    *seconds_out = timegm(&tm);
    return 0;
}

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

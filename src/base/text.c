/* text.c - the growing buffer and the escapers. */
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"

enum { TEXT_MAX_DEFAULT = 64 * 1024 * 1024 };

void text_free(struct text *t)
{
    free(t->ptr);
    *t = (struct text){ .max = t->max };
}

void text_reset(struct text *t)
{
    t->len = 0;
    t->err = 0;
    if (t->ptr)
        t->ptr[0] = 0;
}

static bool reserve(struct text *t, size_t more)
{
    size_t max = t->max ? t->max : TEXT_MAX_DEFAULT;
    if (t->err)
        return false;
    if (more > max || t->len > max - more) {
        t->err = ERR_TOO_LONG;
        return false;
    }
    size_t need = t->len + more + 1;
    if (need <= t->cap)
        return true;
    size_t cap = t->cap ? t->cap : 64;
    while (cap < need)
        cap *= 2;
    if (cap > max + 1) /* so that what fits the memory is allowed: text_add looks no further */
        cap = max + 1;
    char *grown = memory_resize(t->ptr, cap);
    if (!grown) {
        t->err = ERR_NOMEM;
        return false;
    }
    t->ptr = grown;
    t->cap = cap;
    return true;
}

void text_grow_and_add(struct text *t, struct slice s)
{
    if (!reserve(t, s.len))
        return;
    if (s.len)
        memcpy(t->ptr + t->len, s.ptr, s.len);
    t->len += s.len;
    t->ptr[t->len] = 0;
}

void text_addv(struct text *t, const char *fmt, va_list args)
{
    va_list again;
    size_t room = t->err ? 0 : t->cap - t->len;
    va_copy(again, args);
    int len = vsnprintf(room ? t->ptr + t->len : NULL, room, fmt, args);
    if (len >= 0 && (size_t)len < room) {
        t->len += (size_t)len;
    } else if (len >= 0 && reserve(t, (size_t)len)) {
        vsnprintf(t->ptr + t->len, (size_t)len + 1, fmt, again);
        t->len += (size_t)len;
    } else if (room) {
        t->ptr[t->len] = 0; /* what did not fit left its beginning behind */
    }
    va_end(again);
}

void text_addf(struct text *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    text_addv(t, fmt, args);
    va_end(args);
}

void text_add_number(struct text *t, uint64_t value, unsigned width, char pad)
{
    unsigned digits = 1;
    for (uint64_t rest = value; rest >= 10; rest /= 10)
        digits++;
    unsigned len = width > digits ? width : digits;
    if (!reserve(t, len))
        return;
    char *first = t->ptr + t->len, *at = first + len;
    do
        *--at = (char)('0' + value % 10);
    while (value /= 10);
    while (at > first)
        *--at = pad;
    t->len += len;
    t->ptr[t->len] = 0;
}

char *text_room(struct text *t, size_t len)
{
    return reserve(t, len) ? t->ptr + t->len : NULL;
}

void text_grown(struct text *t, size_t len)
{
    t->len += len;
    t->ptr[t->len] = 0;
}

void text_drop(struct text *t, size_t len)
{
    if (len >= t->len) {
        text_reset(t);
        return;
    }
    t->len -= len;
    memmove(t->ptr, t->ptr + len, t->len + 1);
}

void text_splice(struct text *t, size_t at, size_t len, struct slice with)
{
    if (t->err)
        return;
    if (at > t->len || len > t->len - at) {
        t->err = ERR_RANGE;
        return;
    }
    if (!reserve(t, with.len > len ? with.len - len : 0))
        return;
    memmove(t->ptr + at + with.len, t->ptr + at + len, t->len - at - len);
    if (with.len)
        memcpy(t->ptr + at, with.ptr, with.len);
    t->len = t->len - len + with.len;
    t->ptr[t->len] = 0;
}

char *text_release(struct text *t)
{
    if (!t->err)
        text_add_str(t, "");
    if (t->err) {
        text_free(t);
        return NULL;
    }
    char *ptr = t->ptr;
    *t = (struct text){ .max = t->max };
    return ptr;
}

static bool is_plain(unsigned char c, bool doubles)
{
    return c >= 0x20 && c < 0x7f && !(doubles && c == '\\');
}

static void add_escaped(struct text *t, struct slice s, bool doubles)
{
    size_t plain = 0; /* nearly always all of it */
    while (plain < s.len && is_plain((unsigned char)s.ptr[plain], doubles))
        plain++;
    text_add(t, slice_first(s, plain));
    if (plain == s.len)
        return;
    s = slice_from(s, plain);
    bool utf8 = slice_is_utf8(s);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        /* U+0080..U+009F are control characters too: terminals act on them. */
        bool c1 = utf8 && c == 0xC2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] < 0xA0;
        if (c == '\\' && doubles)
            text_add_str(t, "\\\\");
        else if (c < 0x20 || c == 0x7f || c1 || (c >= 0x80 && !utf8))
            text_addf(t, "\\x%02x", c);
        else
            text_add_char(t, (char)c);
        if (c1)
            text_addf(t, "\\x%02x", (unsigned char)s.ptr[++i]);
    }
}

void text_add_escaped(struct text *t, struct slice s)
{
    add_escaped(t, s, true);
}

void text_add_visible(struct text *t, struct slice s)
{
    add_escaped(t, s, false);
}

void text_add_xml(struct text *t, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        const char *entity = c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '"' ? "&quot;" : NULL;
        if (entity)
            text_add_str(t, entity);
        else if (c < 0x20)
            text_addf(t, "&#x%X;", c);
        else
            text_add_char(t, (char)c);
    }
}

void text_add_json(struct text *t, struct slice s)
{
    bool utf8 = slice_is_utf8(s);
    text_add_char(t, '"');
    for (size_t i = 0; i < s.len; i++) {
        size_t plain = 0;
        while (i + plain < s.len && is_plain((unsigned char)s.ptr[i + plain], true) && s.ptr[i + plain] != '"')
            plain++;
        text_add(t, slice_first(slice_from(s, i), plain));
        i += plain;
        if (i == s.len)
            break;
        unsigned char c = (unsigned char)s.ptr[i];
        bool c1 = utf8 && c == 0xC2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] < 0xA0;
        if (c == '"' || c == '\\')
            text_add(t, slice_of((const char[]){ '\\', (char)c }, 2));
        else if (c1)
            text_addf(t, "\\u%04x", (unsigned char)s.ptr[++i]); /* a terminal may show the line */
        else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8))
            text_addf(t, "\\u%04x", c);
        else
            text_add_char(t, (char)c);
    }
    text_add_char(t, '"');
}

void text_add_guid(struct text *t, struct slice bytes)
{
    static const size_t parts[] = { 4, 2, 2, 2, 6 };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (i)
            text_add_char(t, '-');
        text_add_hex(t, slice_first(bytes, parts[i]));
        bytes = slice_from(bytes, parts[i]);
    }
}

void text_add_time(struct text *t, int64_t ms)
{
    struct tm tm = { 0 };
    time_t seconds = ms > 0 ? (time_t)(ms / 1000) : 0;
    gmtime_r(&seconds, &tm); /* its calendar ends far behind the last millisecond */
    const struct {
        int value;
        unsigned width;
        char behind;
    } parts[] = {
        { tm.tm_year + 1900, 4, '-' }, { tm.tm_mon + 1, 2, '-' }, { tm.tm_mday, 2, 'T' },
        { tm.tm_hour, 2, ':' }, { tm.tm_min, 2, ':' }, { tm.tm_sec, 2, '.' }, { ms > 0 ? (int)(ms % 1000) : 0, 3, 'Z' },
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        text_add_number(t, (uint64_t)parts[i].value, parts[i].width, '0');
        text_add_char(t, parts[i].behind);
    }
}

void text_add_hex(struct text *t, struct slice s)
{
    static const char digits[] = "0123456789abcdef";
    char *to = text_room(t, 2 * s.len);
    if (!to)
        return;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    text_grown(t, 2 * s.len);
}

/*
 * text.h - a growing byte buffer with a sticky error.
 *
 * Append as often as you like and ask once at the end: after the first failure every append is a no-op and
 * text_error() says why.  Always NUL-terminated behind the content.  Owned by whoever declares it;
 * text_free() releases, text_release() hands the bytes on (caller frees).
 */
#pragma once

#include <stdarg.h>

#include "base/slice.h"

struct text {
    char *ptr;
    size_t len, cap;
    size_t max; /* 0: 64 MiB */
    int err;
};

#define OWNED_TEXT_BUFFER __attribute__((cleanup(text_free))) struct text

void text_free(struct text *t);
/* Empty again, keeps memory, clears the error. */
void text_reset(struct text *t);
void text_grow_and_add(struct text *t, struct slice s); /* text_add's long way */
static inline void text_add(struct text *t, struct slice s)
{
    if (t->err || s.len >= t->cap - t->len) { /* `cap` is above `len`, or both are 0 */
        text_grow_and_add(t, s);
        return;
    }
    if (s.len)
        memcpy(t->ptr + t->len, s.ptr, s.len);
    t->len += s.len;
    t->ptr[t->len] = 0;
}
static inline void text_add_str(struct text *t, const char *s)
{
    text_add(t, slice_str(s));
}
static inline void text_add_char(struct text *t, char c)
{
    text_add(t, slice_of(&c, 1));
}
void text_addf(struct text *t, const char *fmt, ...) FORMAT_LIKE_PRINTF(2, 3);
void text_addv(struct text *t, const char *fmt, va_list args) FORMAT_LIKE_PRINTF(2, 0);
/* Decimal digits, filled up on the left with `pad` to `width`; printf costs five times as much. */
void text_add_number(struct text *t, uint64_t value, unsigned width, char pad);
/* Make room for `len` more bytes and return where they go (NULL on error); then text_grown() says how many came. */
char *text_room(struct text *t, size_t len);
void text_grown(struct text *t, size_t len);
/* Remove the first `len` bytes (clamped). */
void text_drop(struct text *t, size_t len);
/* Replace `len` bytes at `at` by `with`. */
void text_splice(struct text *t, size_t at, size_t len, struct slice with);

static inline struct slice text_slice(const struct text *t)
{
    return slice_of(t->ptr ? t->ptr : "", t->len);
}
/* The content as a C string, "" when empty; valid until the next change. */
static inline const char *text_str(const struct text *t)
{
    return t->ptr ? t->ptr : "";
}
MUST_USE static inline int text_error(const struct text *t)
{
    return t->err;
}
/* Give the bytes away (caller frees, NULL on error); `t` is empty afterwards. */
char *text_release(struct text *t);

/* ---- the escapers: one function for each place that text from outside can reach ---- */

/* For a log line meant for people and for error messages: printable ASCII and well-formed UTF-8 pass,
 * everything else becomes \xHH; backslash doubled (threats.md H07). */
void text_add_escaped(struct text *t, struct slice s);
/* The same for what the configuration says, where backslashes stay as they are written: Windows paths are full of them,
 * and a message that is put into another one would double them each time. */
void text_add_visible(struct text *t, struct slice s);
/* An XML attribute value: & < > " and control characters as entities. */
void text_add_xml(struct text *t, struct slice s);
/* A JSON string with its quotes. */
void text_add_json(struct text *t, struct slice s);
/* Lower-case hex digits. */
void text_add_hex(struct text *t, struct slice s);

/* ---- forms of logs ---- */

/* A GUID in lower case without braces, its 16 bytes in the order they are read. */
void text_add_guid(struct text *t, struct slice bytes);
/* Milliseconds since 1970, UTC, as "2025-03-14T08:01:24.007Z" (RFC 3339); what is before is the beginning. */
void text_add_time(struct text *t, int64_t ms);

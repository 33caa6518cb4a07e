/*
 * slice.h - borrowed bytes with a length: the only form in which text from outside travels.
 *
 * A slice never owns; whoever hands one out says how long it stays valid.  It need not end in NUL
 * and may hold any byte.  Nothing here allocates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct slice {
    const char *ptr;
    size_t len;
};

#define SLICE_FMT "%.*s"
#define SLICE_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""
#define SLICE_LITERAL(text) ((struct slice){ (text), sizeof(text) - 1 })
#define SLICE_NONE ((struct slice){ 0 })

static inline struct slice slice_of(const char *ptr, size_t len)
{
    return (struct slice){ ptr, len };
}

/* The bytes of a C string without its NUL; NULL gives the empty slice. */
static inline struct slice slice_str(const char *text)
{
    return (struct slice){ text, text ? strlen(text) : 0 };
}

static inline bool slice_is_empty(struct slice s)
{
    return s.len == 0;
}

/* From `at` (clamped) to the end. */
static inline struct slice slice_from(struct slice s, size_t at)
{
    return at >= s.len ? slice_of(s.ptr + s.len, 0) : slice_of(s.ptr + at, s.len - at);
}

/* At most the first `len` bytes. */
static inline struct slice slice_first(struct slice s, size_t len)
{
    return slice_of(s.ptr, len < s.len ? len : s.len);
}

bool slice_equal(struct slice a, struct slice b);
bool slice_equal_str(struct slice a, const char *b);
/* Without regard to ASCII case (names of verbs, IIS key values). */
bool slice_equal_fold(struct slice a, struct slice b);
bool slice_equal_fold_str(struct slice a, const char *b);
/* Byte order, shorter first: <0, 0, >0. */
int slice_compare(struct slice a, struct slice b);
int slice_compare_fold(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_starts_fold(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);

/* Index of the first / last byte `c`, or SIZE_MAX. */
size_t slice_find(struct slice s, char c);
size_t slice_find_last(struct slice s, char c);

/* Without leading and trailing blanks, tabs, CR and LF. */
struct slice slice_trim(struct slice s);
/* Without CR and LF at the end; blanks stay. */
struct slice slice_trim_eol(struct slice s);

/* Cut *rest at the next `separator`: returns what stood before it and moves *rest behind it.  With no
 * separator left the whole is returned and *rest becomes { NULL, 0 }, so `while (rest.ptr)` loops over fields. */
struct slice slice_cut(struct slice *rest, char separator);

/* Decimal digits only, whole slice, no sign, no blank: ERR_SYNTAX otherwise, ERR_RANGE above `max`. */
MUST_USE int slice_to_u64(struct slice s, uint64_t max, uint64_t *value_out);
/* The same with an optional leading '-'. */
MUST_USE int slice_to_i64(struct slice s, int64_t min, int64_t max, int64_t *value_out);

/* Whether every byte belongs to well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF). */
bool slice_is_utf8(struct slice s);
/* Length of the well-formed UTF-8 sequence that `s` begins with, 0 if there is none. */
size_t slice_utf8_first(struct slice s);
/* Whether any byte is below 0x20 or 0x7f. */
bool slice_has_control(struct slice s);
bool slice_has_byte(struct slice s, char c);

/* Shell-like match without regard to ASCII case: '*' any run, '?' any one character (a UTF-8 sequence
 * counts as one).  Linear in pattern times text; no recursion (threats.md R01). */
bool slice_matches_wildcard(struct slice s, struct slice pattern);

/* FNV-1a of the ASCII-folded bytes, for hash tables keyed by names. */
uint64_t slice_hash_fold(struct slice s);

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline char ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

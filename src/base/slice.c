/* slice.c - comparing, cutting and checking borrowed bytes. */
#include "base/slice.h"

bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool slice_equal_str(struct slice a, const char *b)
{
    return slice_equal(a, slice_str(b));
}

int slice_compare_fold(struct slice a, struct slice b)
{
    size_t shared = a.len < b.len ? a.len : b.len, i = 0;
    for (uint64_t x, y; shared - i >= sizeof x; i += sizeof x) { /* names of one folder begin alike */
        memcpy(&x, a.ptr + i, sizeof x);
        memcpy(&y, b.ptr + i, sizeof y);
        if (x != y)
            break;
    }
    for (; i < shared; i++) {
        int x = (unsigned char)ascii_lower(a.ptr[i]), y = (unsigned char)ascii_lower(b.ptr[i]);
        if (x != y)
            return x - y;
    }
    return (a.len > b.len) - (a.len < b.len);
}

int slice_compare(struct slice a, struct slice b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared ? memcmp(a.ptr, b.ptr, shared) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool slice_equal_fold(struct slice a, struct slice b)
{
    return a.len == b.len && slice_compare_fold(a, b) == 0;
}

bool slice_equal_fold_str(struct slice a, const char *b)
{
    return slice_equal_fold(a, slice_str(b));
}

bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_equal(slice_first(s, prefix.len), prefix);
}

bool slice_starts_fold(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_equal_fold(slice_first(s, prefix.len), prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
    return s.len >= suffix.len && slice_equal(slice_from(s, s.len - suffix.len), suffix);
}

size_t slice_find(struct slice s, char c)
{
    const char *hit = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

size_t slice_find_last(struct slice s, char c)
{
    const char *hit = s.len ? memrchr(s.ptr, c, s.len) : NULL;
    return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
    while (s.len && is_blank(s.ptr[0]))
        s = slice_from(s, 1);
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct slice slice_trim_eol(struct slice s)
{
    while (s.len && (s.ptr[s.len - 1] == '\r' || s.ptr[s.len - 1] == '\n'))
        s.len--;
    return s;
}

struct slice slice_cut(struct slice *rest, char separator)
{
    struct slice whole = *rest;
    size_t at = slice_find(whole, separator);
    if (at == SIZE_MAX) {
        *rest = SLICE_NONE;
        return whole;
    }
    *rest = slice_of(whole.ptr + at + 1, whole.len - at - 1);
    return slice_first(whole, at);
}

int slice_to_u64(struct slice s, uint64_t max, uint64_t *value_out)
{
    if (s.len == 0)
        return ERR_SYNTAX;
    uint64_t value = 0;
    bool overflow = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return ERR_SYNTAX;
        overflow |= __builtin_mul_overflow(value, 10u, &value);
        overflow |= __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value);
    }
    if (overflow || value > max)
        return ERR_RANGE;
    *value_out = value;
    return 0;
}

int slice_to_i64(struct slice s, int64_t min, int64_t max, int64_t *value_out)
{
    bool negative = s.len && s.ptr[0] == '-';
    uint64_t magnitude;
    int err = slice_to_u64(negative ? slice_from(s, 1) : s, (uint64_t)INT64_MAX + negative, &magnitude);
    if (err)
        return err;
    int64_t value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    if (value < min || value > max)
        return ERR_RANGE;
    *value_out = value;
    return 0;
}

/* Unicode table 3-7. */
size_t slice_utf8_first(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    if (s.len == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    size_t need = p[0] >= 0xC2 && p[0] <= 0xDF ? 2 : p[0] >= 0xE0 && p[0] <= 0xEF ? 3
                : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4 : 0;
    if (need == 0 || s.len < need)
        return 0;
    unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return need;
}

bool slice_is_utf8(struct slice s)
{
    while (s.len) {
        size_t len = slice_utf8_first(s);
        if (len == 0)
            return false;
        s = slice_from(s, len);
    }
    return true;
}

bool slice_has_control(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return true;
    return false;
}

bool slice_has_byte(struct slice s, char c)
{
    return slice_find(s, c) != SIZE_MAX;
}

/* The classic two-pointer matcher: on a mismatch fall back to the last star only, because an earlier star
 * can never match what the later one could not. */
bool slice_matches_wildcard(struct slice s, struct slice pattern)
{
    size_t at = 0, want = 0, star = SIZE_MAX, resume = 0;
    while (at < s.len) {
        if (want < pattern.len && pattern.ptr[want] == '*') {
            star = want++;
            resume = at;
        } else if (want < pattern.len && pattern.ptr[want] == '?') {
            size_t len = slice_utf8_first(slice_from(s, at));
            at += len ? len : 1;
            want++;
        } else if (want < pattern.len && ascii_lower(pattern.ptr[want]) == ascii_lower(s.ptr[at])) {
            at++;
            want++;
        } else if (star != SIZE_MAX) {
            want = star + 1;
            at = ++resume;
        } else {
            return false;
        }
    }
    while (want < pattern.len && pattern.ptr[want] == '*')
        want++;
    return want == pattern.len;
}

uint64_t slice_hash_fold(struct slice s)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)ascii_lower(s.ptr[i])) * 0x100000001b3u;
    return hash;
}

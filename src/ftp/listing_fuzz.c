/*
 * listing_fuzz.c - names of any bytes as listing lines of every style, and as what a wildcard is tried on.
 *
 * A line ends once and holds no control byte.  Short ASCII names are matched by a slow and plain matcher as well.
 */
#include <stdlib.h>

#include "ftp/listing.h"

enum { PLAIN_MAX = 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_plain(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((uint8_t)s.ptr[i] >= 0x80)
            return false;
    return s.len <= PLAIN_MAX;
}

static bool matches_plainly(struct slice s, struct slice pattern)
{
    if (!pattern.len)
        return !s.len;
    struct slice rest = slice_from(pattern, 1);
    if (pattern.ptr[0] == '*')
        return matches_plainly(s, rest) || (s.len && matches_plainly(slice_from(s, 1), pattern));
    return s.len && (pattern.ptr[0] == '?' || ascii_lower(pattern.ptr[0]) == ascii_lower(s.ptr[0])) &&
           matches_plainly(slice_from(s, 1), rest);
}

static void check_line(unsigned flags, struct slice name, int64_t time, uint64_t number)
{
    OWNED_TEXT_BUFFER line = { 0 };
    const struct listing_entry e = { .name = name, .is_directory = number % 2, .may_read = number % 3, .may_write = number % 5,
                                     .has_created = number % 7, .size = number, .mtime = time, .created = -time,
                                     .mode = (uint32_t)number, .device = number, .inode = number };
    listing_line(&line, flags, &e, name, -time / 2);
    struct slice bytes = text_slice(&line);
    if (text_error(&line) || !slice_ends(bytes, SLICE_LITERAL("\r\n")) || slice_has_control(slice_first(bytes, bytes.len - 2)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t number;
    if (size < 1 + sizeof number)
        return 0;
    memcpy(&number, data + 1, sizeof number);
    struct slice name = slice_of((const char *)data + 1 + sizeof number, size - 1 - sizeof number), rest = name;
    check_line(data[0] % (LIST_FLAGS_MAX + 1), name, (int64_t)(number % 2 ? number : number % (1ull << 34)), number);
    struct slice tried = slice_cut(&rest, '/');
    bool matches = slice_matches_wildcard(tried, rest);
    if (is_plain(tried) && is_plain(rest) && matches != matches_plainly(tried, rest))
        abort();
    return 0;
}

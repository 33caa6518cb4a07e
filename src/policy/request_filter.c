/* request_filter.c - see request_filter.h. */
#include "policy/request_filter.h"

#include "base/fold.h"
#include "base/own.h"
#include "base/text.h"
#include "policy/vpath.h"
#include "policy/win_error.h"

static const struct snap_filter *filter_of(const struct snapshot *s, const struct snap_site *site, struct slice path)
{
    for (uint32_t i = 0; i < site->filters.count; i++) { /* longest first */
        const struct snap_filter *f = snapshot_filter(s, site->filters.first + i);
        if (f && vpath_is_below(path, snapshot_text(s, f->path), NULL))
            return f;
    }
    return NULL;
}

static struct slice without_tail(struct slice name)
{
    while (name.len && (name.ptr[name.len - 1] == '.' || name.ptr[name.len - 1] == ' '))
        name.len--;
    return name;
}

/* ---- 10, 9, 8 ---- */

static bool has_high_bit(struct slice path)
{
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.ptr[i] >= 0x80)
            return true;
    return false;
}

static bool contains_fold(struct slice path, struct slice sequence)
{
    for (size_t at = 0; sequence.len && at < path.len; at++)
        if (fold_starts(slice_from(path, at), sequence, NULL))
            return true;
    return false;
}

static bool has_sequence(const struct snapshot *s, const struct snap_filter *f, struct slice path, struct reason *why)
{
    for (uint32_t i = 0; i < f->sequences.count; i++) {
        const struct snap_sequence *row = snapshot_sequence(s, f->sequences.first + i);
        if (!row || !contains_fold(path, snapshot_text(s, row->sequence)))
            continue;
        reason_set(why, row->source, "denyUrlSequences has \"" SLICE_FMT "\"",
                   SLICE_ARG(slice_first(snapshot_text(s, row->sequence), 120)));
        return true;
    }
    return false;
}

static bool is_hidden(const struct snapshot *s, const struct snap_filter *f, struct slice component, struct reason *why)
{
    struct slice stem = without_tail(slice_first(component, slice_find(component, ':')));
    for (uint32_t i = 0; i < f->segments.count; i++) {
        const struct snap_segment *row = snapshot_segment(s, f->segments.first + i);
        if (!row)
            continue;
        struct slice segment = snapshot_text(s, row->segment);
        if (!fold_same(component, segment) && !fold_same(stem, without_tail(segment)))
            continue;
        reason_set(why, row->source, "hiddenSegments has \"" SLICE_FMT "\"", SLICE_ARG(slice_first(segment, 120)));
        return true;
    }
    return false;
}

static bool has_hidden(const struct snapshot *s, const struct snap_filter *f, struct slice path, struct reason *why)
{
    for (struct slice rest = slice_from(path, 1); rest.len;)
        if (is_hidden(s, f, slice_cut(&rest, '/'), why))
            return true;
    return false;
}

/* ---- 11 ---- */

/* Entries stand with and without the dot.  "." alone is the name that has no extension. */
static bool extension_matches(struct slice name, struct slice entry)
{
    if (slice_equal_str(entry, "."))
        return !slice_has_byte(name, '.');
    if (entry.len && entry.ptr[0] == '.')
        entry = slice_from(entry, 1);
    size_t dot = entry.len ? slice_find(name, '.') : SIZE_MAX;
    for (; dot != SIZE_MAX; dot = slice_find(name, '.')) { /* entries may have dots, "tar.gz" */
        name = slice_from(name, dot + 1);
        if (fold_same(name, entry))
            return true;
    }
    return false;
}

static bool is_reading_allowed(const struct snapshot *s, const struct snap_filter *f, struct slice name,
                               enum request_kind kind, struct reason *why)
{
    bool is_listed = false;
    if (!name.len || (kind == REQUEST_ANY && !slice_has_byte(name, '.')))
        return true;
    for (uint32_t i = 0; i < f->extensions.count; i++) {
        const struct snap_extension *row = snapshot_extension(s, f->extensions.first + i);
        if (!row || !extension_matches(name, snapshot_text(s, row->extension)))
            continue;
        if (!row->allowed) {
            reason_set(why, row->source, "fileExtensions denies \"" SLICE_FMT "\"",
                       SLICE_ARG(slice_first(snapshot_text(s, row->extension), 120)));
            return false;
        }
        is_listed = true;
    }
    if (!is_listed && !f->allow_unlisted_extensions)
        reason_set(why, snapshot_origin_of(s, f->origins, offsetof(struct snap_filter, allow_unlisted_extensions)),
                   "fileExtensions does not list the extension of \"" SLICE_FMT "\", and allowUnlisted is false",
                   SLICE_ARG(slice_first(name, 120)));
    return is_listed || f->allow_unlisted_extensions;
}

static bool is_extension_allowed(const struct snapshot *s, const struct snap_filter *f, struct slice name,
                                 enum request_kind kind, struct reason *why)
{
    for (size_t at = 0; at <= name.len; at++) {
        bool is_end = at == name.len || name.ptr[at] == ';' || name.ptr[at] == ':';
        if (is_end && !is_reading_allowed(s, f, without_tail(slice_first(name, at)), kind, why))
            return false;
    }
    return true;
}

/* ---- */

unsigned request_filter_refuses(const struct snapshot *s, const struct snap_site *site, struct slice path,
                                enum request_kind kind, struct reason *why)
{
    const struct snap_filter *f = filter_of(s, site, path);
    reason_set(why, 0, f ? "no requestFiltering rule refuses the path" : "the site has no requestFiltering");
    if (!f)
        return SUB_SITE_CONFIGURATION;
    if (path.len > f->max_url) {
        reason_set(why, snapshot_origin_of(s, f->origins, offsetof(struct snap_filter, max_url)),
                   "the path has %zu bytes, requestLimits/@maxUrl is %u", path.len, f->max_url);
        return SUB_FILTER_LENGTH;
    }
    if (!f->allow_high_bit && has_high_bit(path)) {
        reason_set(why, snapshot_origin_of(s, f->origins, offsetof(struct snap_filter, allow_high_bit)),
                   "the path has characters beyond ASCII, and allowHighBitCharacters is false");
        return SUB_FILTER_HIGH_BIT;
    }
    if (has_sequence(s, f, path, why))
        return SUB_FILTER_SEQUENCE;
    if (has_hidden(s, f, path, why))
        return SUB_FILTER_SEGMENT;
    return is_extension_allowed(s, f, vpath_last(path), kind, why) ? SUB_NONE : SUB_FILTER_EXTENSION;
}

uint64_t request_filter_size_limit(const struct snapshot *s, const struct snap_site *site, struct slice path)
{
    const struct snap_filter *f = filter_of(s, site, path);
    if (!f)
        return 0;
    return f->max_content_length > 0 ? (uint64_t)f->max_content_length : UINT64_MAX;
}

bool request_filter_hides(const struct snapshot *s, const struct snap_site *site, struct slice path, struct slice name)
{
    OWNED_TEXT_BUFFER whole = { 0 };
    const struct snap_filter *f = filter_of(s, site, path);
    if (f && site->filters.count > 1) { /* the entry may have a filter of its own */
        if (vpath_join(path, name, &whole))
            return true;
        f = filter_of(s, site, text_slice(&whole));
    }
    return !f || is_hidden(s, f, name, NULL);
}

bool request_filter_may_move(const struct snapshot *s, const struct snap_site *site, struct slice from, struct slice to)
{
    if (filter_of(s, site, from) != filter_of(s, site, to))
        return false;
    for (uint32_t i = 0; i < site->filters.count; i++) {
        const struct snap_filter *f = snapshot_filter(s, site->filters.first + i);
        if (f && f->path.len > 1 && vpath_is_below(snapshot_text(s, f->path), from, NULL))
            return false;
    }
    return true;
}

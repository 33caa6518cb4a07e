/*
 * request_filter.h - what requestFiltering refuses by name and size.
 *
 * Names compare on the canonical path without regard to ASCII case, each component without the dots and blanks at its
 * end, which Windows would drop (threats.md F13).  An extension is judged in every reading that some program is known
 * to have: the whole name and what stands before a ';' or ':' ("a.asp;.jpg", W07); one denied reading is enough.
 */
#pragma once

#include "policy/reason.h"

enum request_kind {
    REQUEST_ANY,  /* may be a directory: a name without extension is not judged by extension */
    REQUEST_FILE, /* names a file: without extension it is "." in the list, or unlisted */
};

/* The sub-status of the rule that refuses `path`, in IIS's order 12, 10, 9, 8, 11; 0 when none does.
 * 17 for a site without a filter: the loader always gives it one.  `why` may be NULL. */
unsigned request_filter_refuses(const struct snapshot *s, const struct snap_site *site, struct slice path,
                                enum request_kind kind, struct reason *why);

/* maxAllowedContentLength for a file at `path`; UINT64_MAX unlimited. */
uint64_t request_filter_size_limit(const struct snapshot *s, const struct snap_site *site, struct slice path);

/* Whether the entry `name` of the directory `path` is a hidden segment, which listings leave out. */
bool request_filter_hides(const struct snapshot *s, const struct snap_site *site, struct slice path, struct slice name);

/* Whether the whole tree at `from` is filtered at `to` exactly as it was: nothing in it may come out of hiding by
 * moving a directory above it (F05). */
bool request_filter_may_move(const struct snapshot *s, const struct snap_site *site, struct slice from, struct slice to);

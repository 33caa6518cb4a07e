/*
 * vpath.h - canonical virtual paths: the one form in which a path is authorized, mapped, logged and opened.
 *
 * Canonical: begins with '/', components between single '/', none of them empty, "." or "..", no '/' at the end
 * (but "/" alone), no backslash, no NUL, at most PATH_LIMIT bytes.  The worker makes it from what the client typed,
 * the broker refuses anything else, so no two parts can read one path differently (threats.md F02).
 * Nothing is decoded: "%2e%2e", "..." and full-width dots are ordinary names (F01).
 */
#pragma once

#include "base/slice.h"
#include "base/text.h"

/* The argument of an FTP command against the canonical directory `cwd`; ".." at the root stays there.  Written over
 * `out`, which stays as it was on error.  ERR_NAME: a backslash or NUL; ERR_TOO_LONG; ERR_NOMEM. */
MUST_USE int vpath_resolve(struct slice cwd, struct slice argument, struct text *out);

bool vpath_is_canonical(struct slice path);

/* The last component of a canonical path, which is borrowed from it; that of "/" is empty. */
struct slice vpath_last(struct slice path);

/* `base` and `name` joined, over `out`: "/" + "a" is "/a". */
MUST_USE int vpath_join(struct slice base, struct slice name, struct text *out);

/* Whether `prefix` is `path` or one of its parents, by whole components and without regard to case (fold_same).
 * *rest_out (may be NULL) is what follows, without leading '/'. */
bool vpath_is_below(struct slice path, struct slice prefix, struct slice *rest_out);

/* Whether one component may name a file.  Always refused (ERR_NAME, Win32 123): empty, ".", "..", '/', '\', control
 * characters, bytes that are not UTF-8; ERR_TOO_LONG (206) above 255 bytes.  With `windows_names` also what Windows
 * could not hold: < > : " | ? *, a dot or blank at the end, device names with or without extension (W01-W06). */
MUST_USE int vpath_name_ok(struct slice component, bool windows_names);
/* The same for every component of a canonical path. */
MUST_USE int vpath_names_ok(struct slice path, bool windows_names);

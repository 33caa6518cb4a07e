/*
 * vpath.c - canonical virtual paths.
 *
 * The resolver copies components one at a time behind what is already there and cuts the last one off again for "..",
 * so the output is canonical after every step and there is nothing to clean up afterwards.
 */
#include "policy/vpath.h"

#include "base/fold.h"
#include "proto/limits.h"

enum { COMPONENT_MAX = 255 }; /* NAME_MAX of every Linux file system that matters */

/* "/a/b" -> "/a" -> "" : while components are collected the root is the empty text. */
static void cut_last(struct text *path)
{
    size_t slash = slice_find_last(text_slice(path), '/');
    if (slash != SIZE_MAX)
        text_splice(path, slash, path->len - slash, SLICE_NONE);
}

static void add_components(struct text *path, struct slice components)
{
    while (components.ptr) {
        struct slice one = slice_cut(&components, '/');
        if (one.len == 0 || slice_equal_str(one, "."))
            continue;
        if (slice_equal_str(one, "..")) {
            cut_last(path);
            continue;
        }
        text_add_char(path, '/');
        text_add(path, one);
    }
}

int vpath_resolve(struct slice cwd, struct slice argument, struct text *out)
{
    /* IIS treats '\' as a separator; here it would be one to Windows clients and a letter to Linux: refuse (F01). */
    if (slice_has_byte(argument, '\\') || slice_has_byte(argument, '\0'))
        return ERR_NAME;

    OWNED_TEXT_BUFFER path = { .max = (size_t)4 * PATH_LIMIT };
    if (argument.len == 0 || argument.ptr[0] != '/')
        add_components(&path, cwd);
    if (argument.len)
        add_components(&path, argument);
    if (path.len == 0)
        text_add_char(&path, '/');
    if (text_error(&path))
        return text_error(&path);
    if (path.len > PATH_LIMIT)
        return ERR_TOO_LONG;

    struct text old = *out;
    *out = path;
    path = old;
    out->max = old.max;
    return 0;
}

bool vpath_is_canonical(struct slice path)
{
    if (path.len == 0 || path.len > PATH_LIMIT || path.ptr[0] != '/' || slice_has_byte(path, '\\') ||
        slice_has_byte(path, '\0'))
        return false;
    if (path.len == 1)
        return true;
    for (struct slice rest = slice_from(path, 1); rest.ptr;) {
        struct slice one = slice_cut(&rest, '/');
        if (one.len == 0 || slice_equal_str(one, ".") || slice_equal_str(one, ".."))
            return false;
    }
    return true;
}

struct slice vpath_last(struct slice path)
{
    size_t slash = slice_find_last(path, '/');
    return slice_from(path, slash == SIZE_MAX ? 0 : slash + 1);
}

int vpath_join(struct slice base, struct slice name, struct text *out)
{
    text_reset(out);
    text_add(out, base);
    if (!slice_ends(base, SLICE_LITERAL("/")))
        text_add_char(out, '/');
    text_add(out, name);
    if (text_error(out))
        return text_error(out);
    return out->len > PATH_LIMIT ? ERR_TOO_LONG : 0;
}

bool vpath_is_below(struct slice path, struct slice prefix, struct slice *rest_out)
{
    if (slice_ends(prefix, SLICE_LITERAL("/")))
        prefix.len--; /* the root is a prefix of everything */
    struct slice rest;
    if (!fold_starts(path, prefix, &rest))
        return false;
    if (rest.len && rest.ptr[0] != '/')
        return false;
    if (rest_out)
        *rest_out = slice_from(rest, 1);
    return true;
}

/* Device names of Windows ("Naming Files, Paths, and Namespaces"); the superscript digits count as digits there. */
static const char *const devices[] = {
    "CON",  "PRN",  "AUX",  "NUL",  "CONIN$", "CONOUT$", "CLOCK$", "COM1", "COM2", "COM3", "COM4",
    "COM5", "COM6", "COM7", "COM8", "COM9",   "COM0",    "LPT0",   "LPT1", "LPT2", "LPT3", "LPT4",
    "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",   "COM\xC2\xB9", "COM\xC2\xB2", "COM\xC2\xB3",
    "LPT\xC2\xB9", "LPT\xC2\xB2", "LPT\xC2\xB3",
};

static bool is_device(struct slice component)
{
    /* The device is what stands before the first dot, blanks at its end ignored: "NUL .txt" is NUL. */
    struct slice stem = slice_first(component, slice_find(component, '.'));
    while (stem.len && stem.ptr[stem.len - 1] == ' ')
        stem.len--;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
        if (slice_equal_fold_str(stem, devices[i]))
            return true;
    return false;
}

static bool windows_could_hold(struct slice component)
{
    for (size_t i = 0; i < component.len; i++)
        if (memchr("<>:\"|?*", component.ptr[i], 7))
            return false;
    char last = component.ptr[component.len - 1];
    return last != '.' && last != ' ' && !is_device(component);
}

int vpath_name_ok(struct slice component, bool windows_names)
{
    if (component.len > COMPONENT_MAX)
        return ERR_TOO_LONG;
    if (component.len == 0 || slice_equal_str(component, ".") || slice_equal_str(component, "..") ||
        slice_has_byte(component, '/') || slice_has_byte(component, '\\') || slice_has_control(component) ||
        !slice_is_utf8(component))
        return ERR_NAME;
    return windows_names && !windows_could_hold(component) ? ERR_NAME : 0;
}

int vpath_names_ok(struct slice path, bool windows_names)
{
    struct slice rest = slice_from(path, 1);
    while (rest.len) {
        int err = vpath_name_ok(slice_cut(&rest, '/'), windows_names);
        if (err)
            return err;
    }
    return 0;
}

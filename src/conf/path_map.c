/*
 * path_map.c - variables, drives and shares.
 *
 * Windows resolves "..", doubled separators and trailing ones by text alone, so this does too, within the drive or
 * share; a ".." that would leave it makes the path invalid.  In our own paths (leading "/") a ".." is refused, since
 * there a symbolic link would change its meaning.  "\dir" (relative to the current drive), "C:dir" and "dir" have no
 * meaning for a service and are refused.
 */
#include "conf/path_map.h"

#include <assert.h>
#include <stdlib.h>

#include "base/own.h"
#include "proto/limits.h"

enum map_kind { MAP_VARIABLE, MAP_DRIVE, MAP_SHARE };

struct entry {
    enum map_kind kind;
    char *name, *value;
};

struct path_map {
    struct entry *entries;
    size_t count, cap;
};

static const struct {
    const char *name, *value;
} usual[] = {
    { "SystemDrive", "C:" },
    { "SystemRoot", "C:\\Windows" },
    { "windir", "C:\\Windows" },
    { "ProgramData", "C:\\ProgramData" },
    { "ALLUSERSPROFILE", "C:\\ProgramData" },
    { "ProgramFiles", "C:\\Program Files" },
    { "TEMP", "C:\\Windows\\Temp" },
    { "TMP", "C:\\Windows\\Temp" },
};

static int add(struct path_map *m, enum map_kind kind, struct slice name, struct slice value)
{
    if (m->count == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 16;
        struct entry *entries = reallocarray(m->entries, cap, sizeof *entries);
        if (!entries)
            return ERR_NOMEM;
        m->entries = entries;
        m->cap = cap;
    }
    OWNED_TEXT name_copy = strndup(name.ptr ? name.ptr : "", name.len);
    OWNED_TEXT value_copy = strndup(value.ptr ? value.ptr : "", value.len);
    if (!name_copy || !value_copy)
        return ERR_NOMEM;
    m->entries[m->count++] = (struct entry){ kind, text_take(&name_copy), text_take(&value_copy) };
    return 0;
}

struct path_map *path_map_new(void)
{
    struct path_map *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (path_map_variable(m, slice_str(usual[i].name), slice_str(usual[i].value))) {
            path_map_free(m);
            return NULL;
        }
    return m;
}

void path_map_free(struct path_map *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->count; i++) {
        free(m->entries[i].name);
        free(m->entries[i].value);
    }
    free(m->entries);
    free(m);
}

int path_map_variable(struct path_map *m, struct slice name, struct slice value)
{
    return add(m, MAP_VARIABLE, name, value);
}

int path_map_drive(struct path_map *m, struct slice drive, struct slice path)
{
    return add(m, MAP_DRIVE, slice_first(drive, 1), path);
}

int path_map_share(struct path_map *m, struct slice share, struct slice path)
{
    OWNED_TEXT_BUFFER name = { 0 };
    for (size_t i = 0; i < share.len; i++)
        text_add_char(&name, share.ptr[i] == '\\' ? '/' : share.ptr[i]);
    return text_error(&name) ? text_error(&name) : add(m, MAP_SHARE, text_slice(&name), path);
}

static const char *find(const struct path_map *m, enum map_kind kind, struct slice name)
{
    for (size_t i = m->count; i-- > 0;)
        if (m->entries[i].kind == kind && slice_equal_fold_str(name, m->entries[i].name))
            return m->entries[i].value;
    return NULL;
}

static int expand(const struct path_map *m, struct slice path, struct text *out, struct diag *d)
{
    while (path.len) {
        size_t end = path.ptr[0] == '%' ? slice_find(slice_from(path, 1), '%') : SIZE_MAX;
        struct slice name = end == SIZE_MAX ? SLICE_NONE : slice_of(path.ptr + 1, end);
        if (end == SIZE_MAX || end == 0 || slice_has_byte(name, '\\') || slice_has_byte(name, '/')) {
            text_add_char(out, path.ptr[0]); /* a per cent sign is a legal part of a name */
            path = slice_from(path, 1);
            continue;
        }
        const char *value = find(m, MAP_VARIABLE, name);
        if (!value) {
            diag_set(d, "the path \"" SLICE_FMT "\" uses the unknown variable %%" SLICE_FMT "%%", SLICE_ARG(path),
                     SLICE_ARG(name));
            diag_todo(d, "Define it in sallyport.config, sallyport/paths/variables.");
            return ERR_PATH;
        }
        text_add_str(out, value);
        path = slice_from(path, end + 2);
    }
    return text_error(out);
}

/* Append the components of `tail` below what `out` holds; `root_len` is what a ".." may not touch. */
static int append_components(struct text *out, size_t root_len, struct slice tail, bool allow_up, struct diag *d)
{
    while (tail.ptr) {
        struct slice part = slice_cut(&tail, '/');
        if (part.len == 0 || slice_equal_str(part, "."))
            continue;
        if (slice_equal_str(part, "..")) {
            size_t last = slice_find_last(text_slice(out), '/');
            if (!allow_up || out->len <= root_len || last == SIZE_MAX) {
                diag_set(d, "a path may not contain \"..\" here");
                return ERR_PATH;
            }
            text_splice(out, last, out->len - last, SLICE_NONE);
            continue;
        }
        if (slice_has_control(part)) {
            diag_set(d, "a path may not contain control characters");
            return ERR_PATH;
        }
        text_add_char(out, '/');
        text_add(out, part);
    }
    return text_error(out);
}

/* A mount point of the maps, cleaned the same way; it must be absolute. */
static int append_root(struct text *out, const char *root, struct diag *d)
{
    if (root[0] != '/') {
        diag_set(d, "the drive and share maps must lead to absolute Linux paths, not \"%s\"", root);
        return ERR_PATH;
    }
    return append_components(out, 0, slice_str(root), false, d);
}

/* "//server/share/rest": the length up to the end of the share's name, 0 if it is none. */
static size_t share_length(struct slice path)
{
    if (path.len < 3 || path.ptr[0] != '/' || path.ptr[1] != '/' || path.ptr[2] == '/')
        return 0;
    size_t server = slice_find(slice_from(path, 2), '/');
    if (server == SIZE_MAX)
        return 0;
    size_t start = 2 + server + 1;
    size_t share = slice_find(slice_from(path, start), '/');
    size_t end = share == SIZE_MAX ? path.len : start + share;
    return end > start ? end : 0;
}

static int resolve_drive(const struct path_map *m, struct slice path, struct text *out, struct diag *d)
{
    const char *root = find(m, MAP_DRIVE, slice_first(path, 1));
    if (!root) {
        diag_set(d, "drive %c: is not mapped to a directory", path.ptr[0]);
        diag_todo(d, "Add it to sallyport.config, sallyport/paths/drives.");
        return ERR_PATH;
    }
    if (path.len > 2 && path.ptr[2] != '/') {
        diag_set(d, "\"" SLICE_FMT "\" is relative to the drive's current directory", SLICE_ARG(path));
        return ERR_PATH;
    }
    int err = append_root(out, root, d);
    return err ? err : append_components(out, out->len, slice_from(path, 2), true, d);
}

static int resolve_share(const struct path_map *m, struct slice path, struct text *out, struct diag *d)
{
    size_t len = share_length(path);
    const char *root = len ? find(m, MAP_SHARE, slice_first(path, len)) : NULL;
    if (!root) {
        diag_set(d, "the share \"" SLICE_FMT "\" is not mapped to a directory", SLICE_ARG(slice_first(path, len ? len : path.len)));
        diag_todo(d, "Mount it and add it to sallyport.config, sallyport/paths/shares.");
        return ERR_PATH;
    }
    int err = append_root(out, root, d);
    return err ? err : append_components(out, out->len, slice_from(path, len), true, d);
}

static int resolve_expanded(const struct path_map *m, struct slice path, bool was_slash, struct text *out,
                            struct diag *d)
{
    if (path.len >= 2 && path.ptr[1] == ':')
        return resolve_drive(m, path, out, d);
    if (path.len >= 2 && path.ptr[0] == '/' && path.ptr[1] == '/')
        return resolve_share(m, path, out, d);
    if (path.len && path.ptr[0] == '/' && was_slash)
        return append_components(out, 0, path, false, d);
    if (path.len == 0)
        diag_set(d, "the path is empty");
    else
        diag_set(d, "\"" SLICE_FMT "\" is no absolute path", SLICE_ARG(path));
    return ERR_PATH;
}

int path_map_resolve(const struct path_map *m, struct slice path, struct text *out, struct diag *d)
{
    OWNED_TEXT_BUFFER expanded = { 0 };
    size_t before = out->len;
    int err = expand(m, path, &expanded, d);
    if (err)
        return err;
    bool was_slash = expanded.len && expanded.ptr[0] == '/';
    for (size_t i = 0; i < expanded.len; i++)
        if (expanded.ptr[i] == '\\')
            expanded.ptr[i] = '/';

    OWNED_TEXT_BUFFER result = { 0 };
    err = resolve_expanded(m, text_slice(&expanded), was_slash, &result, d);
    if (!err && result.len >= PATH_LIMIT) {
        diag_set(d, "the path is too long");
        err = ERR_PATH;
    }
    if (err)
        return err;
    text_add(out, result.len ? text_slice(&result) : SLICE_LITERAL("/"));
    assert(out->err || out->ptr[before] == '/');
    return text_error(out);
}

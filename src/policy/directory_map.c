/* directory_map.c - longest prefix over the site's directories. */
#include "policy/directory_map.h"

#include "policy/vpath.h"

int directory_map_find(const struct snapshot *s, const struct snap_site *site, struct slice path,
                       struct directory_place *place_out)
{
    const struct snap_directory *best = NULL;
    struct slice best_rest = SLICE_NONE;
    for (uint32_t i = 0; i < site->directories.count; i++) {
        const struct snap_directory *d = snapshot_directory(s, site->directories.first + i);
        struct slice rest;
        if (!d || !vpath_is_below(path, snapshot_text(s, d->path), &rest) || (best && rest.len > best_rest.len))
            continue;
        best = d;
        best_rest = rest;
    }
    if (!best)
        return ERR_PATH;
    *place_out = (struct directory_place){ best, best_rest };
    return 0;
}

bool directory_map_has(const struct snapshot *s, const struct snap_site *site, struct slice path, bool below)
{
    for (uint32_t i = 0; i < site->directories.count; i++) {
        const struct snap_directory *d = snapshot_directory(s, site->directories.first + i);
        struct slice rest;
        if (d && vpath_is_below(snapshot_text(s, d->path), path, &rest) && (below || rest.len == 0))
            return true;
    }
    return false;
}

bool directory_map_child(const struct snapshot *s, const struct snap_site *site, struct slice path, uint32_t *next,
                         const struct snap_directory **directory_out, struct slice *name_out)
{
    while (*next < site->directories.count) {
        const struct snap_directory *d = snapshot_directory(s, site->directories.first + (*next)++);
        struct slice rest;
        if (!d || !vpath_is_below(snapshot_text(s, d->path), path, &rest) || rest.len == 0 ||
            slice_has_byte(rest, '/'))
            continue;
        *directory_out = d;
        *name_out = rest;
        return true;
    }
    return false;
}

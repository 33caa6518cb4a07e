/*
 * directory_map.h - which virtual directory a canonical path lies in.
 *
 * A mapping wins over a real name everywhere (threats.md F12): the longest mapping that is the path or a parent of it,
 * by whole components and without regard to ASCII case, as IIS compares them.
 */
#pragma once

#include "snapshot/snapshot.h"

struct directory_place {
    const struct snap_directory *directory; /* lives as long as the snapshot */
    struct slice rest;                      /* below its linux_path, no leading '/'; "" is the directory itself */
};

/* ERR_PATH: the site maps nothing there. */
MUST_USE int directory_map_find(const struct snapshot *s, const struct snap_site *site, struct slice path,
                                struct directory_place *place_out);

/* Whether a mapping stands at `path` itself, or (`below`) at or anywhere under it. */
bool directory_map_has(const struct snapshot *s, const struct snap_site *site, struct slice path, bool below);

/* The next mapping directly below `path`, starting the search at *next (0 at first): its row and its name.
 * False when there is none left. */
bool directory_map_child(const struct snapshot *s, const struct snap_site *site, struct slice path, uint32_t *next,
                         const struct snap_directory **directory_out, struct slice *name_out);

/*
 * path_map.h - where a Windows path of the configuration lies on this machine.
 *
 * The text in the file is sacred; this resolves it at load time (config-model.md 10): %NAME% from a table, `\` as `/`,
 * "X:" through the drive map, "\\server\share" through the share map; a path that begins with one "/" is ours already.
 * Pure: whether the result exists is for those who may look.
 */
#pragma once

#include "base/diag.h"
#include "base/slice.h"
#include "base/text.h"

struct path_map;
struct path_map *path_map_new(void); /* with Windows's usual variables; NULL: out of memory */
void path_map_free(struct path_map *m);

/* A later entry replaces an earlier one of the same name (no regard to case).  `drive` is "C:" or "C". */
MUST_USE int path_map_variable(struct path_map *m, struct slice name, struct slice value);
MUST_USE int path_map_drive(struct path_map *m, struct slice drive, struct slice path);
MUST_USE int path_map_share(struct path_map *m, struct slice share, struct slice path);

/* Append the Linux path: absolute, without doubled or trailing separators, "." or "..".  ERR_PATH with the reason in
 * `d` when it cannot be resolved; nothing is appended then. */
MUST_USE int path_map_resolve(const struct path_map *m, struct slice path, struct text *out, struct diag *d);

/*
 * paths.h - the path map of an instance: the drives, shares and variables of sallyport/paths.
 */
#pragma once

#include "conf/conf.h"
#include "conf/path_map.h"

/* `directory` is that of the configuration: relative places stand in it.  The caller frees the map. */
MUST_USE int paths_open(struct conf *c, struct slice directory, struct path_map **map_out);

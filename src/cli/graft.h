/*
 * graft.h - a piece of configuration XML written into the configuration: attributes, children, items and directives.
 */
#pragma once

#include "cli/edit.h"
#include "conf/xml.h"

/* Attributes of the node itself that are not written: its keys, and what /metadata adds. */
typedef bool graft_skip(struct slice attribute);

/* Everything that `node` says, at the place.  Reports; on error some of it is in the configuration already, so nothing
 * may be saved then. */
MUST_USE int graft_node(struct cli *c, const struct edit_place *place, const struct xml *x, uint32_t node,
                        graft_skip *skip);

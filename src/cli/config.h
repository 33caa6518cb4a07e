/* config.h - what the verbs of `config` share. */
#pragma once

#include "cli/edit.h"

/* The full name of what was written: exactly, or a last part that only one section has.  Reports. */
MUST_USE int config_section_name(struct cli *c, struct slice written, struct slice *name_out);
/* The section and the path that the command names; *path_out backs place_out->path.  Opens the configuration; reports. */
MUST_USE int config_find_place(struct cli *c, struct text *path_out, struct edit_place *place_out);
/* Write, and say so as `set config` does. */
MUST_USE int config_save_and_say(struct cli *c, const struct edit_place *place);

/*
 * edit.h - property paths carried out on the configuration.
 *
 * Elements of conf.h die with every edit, so a place is kept as words (section, configuration path, prefix of steps)
 * and found anew for each edit.
 */
#pragma once

#include "cli/cli.h"
#include "cli/propath.h"

struct edit_place {
    struct slice section; /* full name */
    struct slice path;    /* configuration path below APPHOST: "", "Site", "Site/dir" */
    struct propath_step prefix[4]; /* from the section to the object, e.g. [name='Site'] */
    size_t prefix_count;
    bool takes_first; /* of several items that match, as searches may; what changes something must be clear */
};

/* Why edit_find found nothing. */
struct edit_miss {
    struct slice name;               /* the schema does not know it; empty: no such item */
    const struct propath_step *step; /* ERR_EXISTS: what matches more than one item */
    struct conf_element *item;       /* the first of them */
};

/* [name='value'] as a step. */
struct propath_step edit_key(const char *key, struct slice value);

/* The element at the place followed by `steps`.  ERR_NOT_FOUND: no such item or no such name; ERR_EXISTS: more than one
 * item; *miss_out (may be NULL) then says what. */
MUST_USE int edit_find(struct conf *c, const struct edit_place *place, const struct propath_step *steps, size_t count,
                       struct conf_element **element_out, struct edit_miss *miss_out);

/* One /property:value, /+path or /-path at the place.  Reports in appcmd's words; returns the exit code. */
MUST_USE int edit_apply(struct cli *c, const struct edit_place *place, const struct arg_param *param);
/* Every parameter that is neither general nor one of the row's own, in order. */
MUST_USE int edit_apply_all(struct cli *c, const struct edit_place *place);
/* Whether it is one of them. */
bool edit_is_edit(const struct cli *c, const struct arg_param *param);
/* How many of those there are. */
size_t edit_count(const struct cli *c);

/* Set one attribute, add one item, as the handlers do for parameters with a name of their own. */
MUST_USE int edit_set(struct cli *c, const struct edit_place *place, const char *child, const char *attribute,
                      struct slice value);
MUST_USE int edit_add(struct cli *c, const struct edit_place *place, const char *child, const struct conf_pair *pairs,
                      size_t count, struct slice shown);

/* Attribute name as the schema spells it, found without regard to case; NULL if there is none. */
const char *edit_attribute_name(struct conf_element *e, struct slice name);

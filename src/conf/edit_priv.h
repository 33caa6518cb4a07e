/*
 * edit_priv.h - what the parts of the editing API share.
 *
 *   edit_target.c  one edit of one file, from the first splice to the checked result; where an element is written
 *   edit.c         the edits themselves
 *   draft.c        elements that stand nowhere yet
 *   seal.c         passwords, which are stored encrypted
 */
#pragma once

#include "conf/conf_priv.h"
#include "conf/patch.h"

struct edit {
    struct conf *c;
    enum conf_file which;
    struct conf_input *in;
    struct patch patch;
    struct arena names;
    struct conf_input absent; /* what to go back to when the file had to be made */
    bool made;
    struct conf_shift moved; /* by conf_move and for configSource; is_move when there is one */
    struct text before;      /* the bytes before a section was taken out of its configSource; "": none was */
    size_t shifts_before;    /* how many moves were noted then */
    struct diag *d;
};

/* Fill `d` and return `err`. */
MUST_USE int edit_refuse(struct diag *d, int err, const char *todo, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Name the element in messages. */
void edit_about(struct diag *d, const struct conf_element *e);
/* Between begin and finish ed->patch collects splices.  Finish with an error only cleans up. */
MUST_USE int edit_begin(struct edit *ed, struct conf *c, enum conf_file which, struct diag *d);
MUST_USE int edit_finish(struct edit *ed, int err);
/* edit_begin for a change of *e.  A section that stands in another file by configSource is taken into the file that
 * names it first, as IIS does; *e is then the element there. */
MUST_USE int edit_begin_at(struct edit *ed, struct conf *c, struct conf_element **e, struct diag *d);

/* ---- where an element is, or what must be made for it ---- */

struct target {
    uint32_t node; /* exists */
    struct patch_element missing; /* to be made in it */
};
/* The node to write in so that `e` exists: e's own node, or the nearest one above with what is missing. */
MUST_USE int target_of(struct edit *ed, const struct conf_element *e, struct target *t);
MUST_USE int target_open(struct edit *ed, struct target *t, const char *tag);
MUST_USE int target_open_location(struct edit *ed, struct target *t, struct slice path, const char *mode);
/* The groups of a section below t->node, existing ones entered, missing ones opened. */
MUST_USE int target_enter_groups(struct edit *ed, struct target *t, const struct schema_section *section);
/* The innermost missing tag becomes the element itself, with attributes. */
struct slice target_close(struct edit *ed, struct target *t, struct slice attributes);
/* Write t->missing.  Sections go before the location tags, as IIS keeps them. */
void target_write(struct edit *ed, struct target *t);
/* Put t->missing into a collection: before local item `position`, or behind the last directive. */
void target_write_item(struct edit *ed, struct target *t, const struct schema_collection *s, long position);

/* ---- values ---- */

/* The canonical form of what a person wrote.  On error `d` still wants edit_about. */
MUST_USE int edit_canonical(const struct schema_element *schema, const char *name, struct slice value,
                            struct text *out, struct diag *d);
/* The stored form in the place of a password's clear text. */
MUST_USE int edit_seal(struct conf *c, const struct schema_element *schema, const char *name, struct text *value, struct diag *d);
/* Before values so stored are saved: the provider's entry, where there is a list of them. */
void edit_add_provider(struct conf *c);
void edit_add_attribute(struct text *out, const char *name, struct slice value);

/*
 * conf_priv.h - what the parts of src/conf share.
 *
 *   frame.c    a file: configSections, groups, location tags -> struct place, one per section written somewhere
 *   check.c    every place against the schema, locks, duplicates
 *   element.c  effective elements, built from the places of a path
 *   patch.c    changes of text    edit.c  the editing API    save.c  files    print.c  XML for people
 */
#pragma once

#include "conf/arena.h"
#include "conf/conf.h"
#include "conf/map.h"
#include "conf/schema.h"
#include "conf/xml.h"

/* One section as written once in a file. */
struct conf_input;
struct place {
    const struct schema_section *section;
    uint32_t at;                 /* the element in the file itself */
    const struct conf_input *source; /* what configSource names; NULL: the content is here */
    uint32_t node;               /* the section's element there */
    uint32_t location; /* the location tag around it, XML_NONE if bare */
    struct slice path; /* "" or "Site/sub", as written, no '/' at the end */
    uint32_t next;     /* next place of the same section and site, MAP_NONE at the end */
};

enum allow_definition { ALLOW_EVERYWHERE, ALLOW_MACHINE, ALLOW_WEB_ROOT, ALLOW_APPLICATION, ALLOW_APP_HOST };
struct declaration {
    uint32_t node; /* <section> in configSections */
    int64_t allow_definition;
    bool is_denied, allow_location;
};

struct conf_input {
    enum conf_file which;
    uint32_t number; /* as marks name it: that of the file, then the sources */
    struct xml *x;   /* NULL: absent */
    char *name;    /* for messages */
    struct arena memory;
    struct place *places;
    size_t place_count, place_cap;
    struct map by_path; /* section and path -> place */
    struct map by_site; /* section and first path segment -> first place; last_of_site -> last */
    struct map last_of_site;
    struct declaration *declarations;
    size_t declaration_count, declaration_cap;
    struct map declared;        /* full section name -> declaration */
    struct map declared_groups; /* full group name */
    bool has_locks;
};

/* A file that a section of another names with configSource: its root is the section's element.  Never written to: a
 * changed section moves into the file that named it, as in IIS. */
struct conf_source {
    enum conf_file of;
    char *name; /* relative to the folder of that file, with '/' */
    struct conf_input in;
};

/* A file as it was found on disk. */
struct conf_disk {
    char *path;          /* NULL: bytes were handed in */
    struct text original;
    bool existed, changed;
};

/* What an edit did to the bytes of a file, for marks. */
struct conf_shift {
    uint64_t edit;
    uint32_t file;
    size_t at, old_len, new_len;
    bool is_move; /* the old bytes stand elsewhere now, and what else the edit did is counted in: */
    uint32_t to_file;
    size_t to;
};

struct conf {
    struct conf_input files[CONF_FILE_COUNT];
    struct conf_disk disk[CONF_FILE_COUNT];
    struct conf_source **sources;
    size_t source_count;
    struct arena elements;
    char *directory;
    struct conf_shift *shifts; /* one edit after the other; moves first, then from the end of the file to its start */
    size_t shift_count, shift_cap;
    uint64_t edits;
    bool is_redirection; /* it is redirection.config that was read, as the first file */
    unsigned refusals; /* memory_refusals() when it was opened */
    int err;           /* conf_error */
    const struct conf_protector *protector; /* NULL: values stay as they are given */
    bool is_sealed;    /* something was stored by it since the last save */
};

struct conf *conf_new(void); /* NULL: out of memory */

/* Where problems go.  `first` keeps the first error for callers that return only one. */
struct sink {
    conf_report *report;
    void *context;
    int err; /* of the first error */
    unsigned errors;
    struct diag first;
    bool fatal_only; /* warnings are not wanted */
};
void sink_error(struct sink *s, int err, const struct diag *d);
void sink_warning(struct sink *s, const struct diag *d);

/* conf.c: load and check all files into an empty struct conf. */
MUST_USE int conf_fill(struct conf *c, const struct slice bytes[CONF_FILE_COUNT], struct sink *s);

/* frame.c */
/* Parse `bytes` and find its places; problems go to the sink.  The result is to be freed even after errors; only
 * ERR_NOMEM is returned as such. */
MUST_USE int input_load(const struct conf *c, struct conf_input *in, enum conf_file which, const char *name,
                        struct slice bytes, struct sink *s);
void input_free(struct conf_input *in);
/* Place of the section at exactly that path; MAP_NONE if nothing is written there. */
uint32_t input_place(const struct conf_input *in, const struct schema_section *section, struct slice path);
/* First place of the section at or below a site. */
uint32_t input_first_of_site(const struct conf_input *in, const struct schema_section *section, struct slice site);
/* Where the content of a place of the file is. */
static inline const struct conf_input *place_input(const struct conf_input *file, const struct place *p)
{
    return p->source ? p->source : file;
}
/* "." and "" are the file's own level; a '/' at the end is dropped. */
struct slice path_canonical(struct slice path);
/* The path one level up: "a/b" -> "a" -> "" -> ptr NULL. */
struct slice path_parent(struct slice path);

/* source.c */
/* What configSource="written" names for a section of the file; NULL when it was not given. */
const struct conf_source *source_find(const struct conf *c, enum conf_file of, struct slice written);
/* Parse one more source; problems go to the sink. */
MUST_USE int source_add(struct conf *c, enum conf_file of, const char *name, const char *shown, struct slice bytes,
                        struct sink *s);
void sources_free(struct conf *c);

/* check.c */
MUST_USE int check_input(struct conf *c, enum conf_file which, struct sink *s);

/* element.c */
struct layer {
    const struct conf_input *in;
    uint32_t node;
    bool local; /* written at the level the element was asked for */
};
struct section_ref {
    const struct schema_section *section;
    struct slice path;
};
struct conf_element {
    struct conf *c;
    struct conf_input *in;
    const struct schema_element *schema;
    struct conf_element *parent; /* NULL: a section */
    const struct section_ref *ref;
    struct layer *layers; /* nearest first */
    size_t layer_count;
    struct conf_element **children; /* by schema index, made when asked for */
    struct conf_element **items;
    size_t item_count;
    bool items_known;
};
/* The effective section; memory of c->elements. */
MUST_USE int element_of_section(struct conf *c, const struct schema_section *section, struct slice path,
                                struct conf_element **element_out);
struct conf_element *element_child(struct conf_element *e, const struct schema_element *schema);
/* The XML that element_local's node stands in. */
const struct xml *element_xml(const struct conf_element *e);
/* Its own node at the level it was asked for, XML_NONE if nothing is written there. */
uint32_t element_local(const struct conf_element *e);
/* Merge the items; problems (duplicates, locks) go to the sink unless it is NULL. */
MUST_USE int element_merge(struct conf_element *e, struct sink *s);
void element_path_print(const struct schema_section *section, const struct schema_element *e, struct text *out);

/* conf.c */
bool schema_tell_attr(const struct schema_element *e, size_t index, struct conf_schema_attr *attr_out);

/* A problem at byte `at` of `node`. */
void place_diag(const struct conf_input *in, uint32_t node, uint32_t at, const struct schema_section *section,
                const struct schema_element *e, struct diag *d);

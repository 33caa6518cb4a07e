/*
 * schema.h - the schema files of schema/ as structures.
 *
 * Read once from the bytes compiled into the library; the same for every struct conf and never freed.  Sections that
 * stand in several files (a site's FTP part extends system.applicationHost/sites) are merged by name.
 */
#pragma once

#include "conf/conf.h"

enum validation {
    VALID_ANY,
    VALID_NON_EMPTY,
    VALID_INT_RANGE,   /* low..high */
    VALID_INT_EXCLUDE, /* not low..high */
    VALID_TIME_RANGE,  /* low..high seconds, multiples of step */
    VALID_SITE_NAME,
    VALID_SITE_ID, /* what a file says otherwise counts for FTP sites alone, and the loader refuses it */
    VALID_APPLICATION_PATH,
    VALID_DIRECTORY_PATH,
    VALID_POOL_NAME,
    VALID_TRIMMED,
};

struct schema_name {
    const char *name;
    int64_t value;
};
struct schema_attr {
    const char *name;
    size_t number; /* among all attributes of the schema */
    enum conf_type type;
    bool required, unique_key, combined_key, encrypted, expanded, case_sensitive, runtime;
    bool is_ftp; /* declared by Ftp_schema.xml or sallyport_schema.xml */
    enum validation validation;
    int64_t low, high, step;
    const struct schema_name *names; /* of an enum or flags */
    size_t name_count;
    const char *default_text; /* canonical form; "" when none is declared */
    int64_t default_number;
    const char *allowed; /* for people, "" when free */
};

struct schema_collection {
    const char *add, *remove, *clear; /* NULL: no such directive */
    const char *default_element;      /* holder of what items leave unset, looked for upwards from the collection */
    const char *default_section;      /* the same as a section of its own */
    bool extra_attributes, duplicates;
    struct schema_element *item;
};
struct schema_element {
    const char *name;
    struct schema_element *parent; /* NULL for a section */
    size_t index;                  /* among the parent's children */
    struct schema_attr *attrs;
    size_t attr_count;
    struct schema_element **children; /* without the collection's item */
    size_t child_count;
    struct schema_collection *collection; /* NULL: holds no items */
    const char *methods[4]; /* "Start" ...; NULL behind the last */
    bool is_item, is_holder;
};
struct schema_section {
    const char *name; /* "system.ftpServer/log" */
    struct schema_element *root;
    enum conf_file file;
    size_t index;
};

/* NULL only when out of memory. */
const struct schema *schema_get(void);
size_t schema_section_count(void);
/* Attributes are numbered below this. */
size_t schema_attr_count(void);
const struct schema_section *schema_section_at(size_t index);
/* By full name. */
const struct schema_section *schema_section_find(struct slice name);
/* By full name, or by its last components when only one section of IIS's (else of ours) ends in
 * them. */
const struct schema_section *schema_section_short(struct slice name);
/* Whether some section's name begins with `name` and a '/'. */
bool schema_is_group(struct slice name);
/* The schema of configSections/section, configSections/sectionGroup and location: the frame of every file. */
enum schema_frame { FRAME_SECTION, FRAME_SECTION_GROUP, FRAME_LOCATION };
const struct schema_element *schema_frame(enum schema_frame which);

/* What a file of that name begins as (schema/new/). */
struct slice schema_new_file(const char *name);

const struct schema_attr *schema_attr(const struct schema_element *e, struct slice name);
struct schema_element *schema_child(const struct schema_element *e, struct slice name);
/* lockAttributes, lockItem ...: attributes that every element may carry. */
bool schema_is_lock(struct slice name);
bool schema_attr_is_key(const struct schema_attr *a);
/* Whether the element of that name adds, removes or clears items; `c` may be NULL. */
bool schema_is_directive(const struct schema_collection *c, struct slice name);

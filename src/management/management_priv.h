/*
 * management_priv.h - what the parts of the management library share.
 *
 *   manager.c     opening, committing, errors, strings        element.c    elements and how they are found again
 *   attribute.c   values, locks, the schema                   collection.c items
 *   service.c     what only the running service knows or does
 *
 * An element of the library is a way to an element of src/conf, which ends with every edit: a section and a path, a
 * child's name, an item's mark.  It is walked again when the configuration has changed since (element_now).  An item
 * that is in no collection yet has a draft instead; adding it turns it, and all that was asked from it, into the
 * first kind.
 */
#pragma once

#include "conf/arena.h"
#include "conf/conf.h"
#include "conf/map.h"
#include "sallyport/management.h"

enum element_kind { ELEMENT_SECTION, ELEMENT_CHILD, ELEMENT_ITEM };

struct sp_element {
    struct sp_manager *m;
    struct sp_element *next; /* of all elements of the manager */
    struct sp_element *parent;
    enum element_kind kind;
    const char *name;        /* full name of a section; of a child: as the schema has it */
    const char *path;        /* of a section: "" or "Site/sub" */

    struct conf_draft *draft; /* NULL: attached */
    bool is_free;             /* a draft in no collection: it is ours to free */

    struct conf_mark mark; /* of an attached item */
    bool is_gone;
    struct conf_element *found;
    uint64_t found_at; /* conf_edits then, plus 1 */

    struct sp_element **below; /* elements asked from here */
    size_t below_count;
    struct sp_element **items; /* effective items by index, NULL: never asked for */
    size_t item_count;
    uint64_t items_at; /* as found_at */
};

struct sp_manager {
    struct conf *conf;
    char *directory;
    const char *commit_path;
    struct sp_error error;
    struct sp_element *elements;
    struct arena strings;
    struct map interned, sections;
    const char **texts;
    size_t text_count;
    struct sp_element **section_list;
    size_t section_count;
};

/* ---- errors ---- */
/* The status for an error of src/conf; what it says is kept.  `d` may be NULL. */
int manager_fail(struct sp_manager *m, int err, const struct diag *d);
int manager_refuse(struct sp_manager *m, int status, const struct sp_element *about, const char *todo,
                   const char *fmt, ...) FORMAT_LIKE_PRINTF(5, 6);

/* A copy that lives as long as the manager; the same text gives the same pointer.  NULL when out of memory. */
const char *manager_keep(struct sp_manager *m, struct slice text);

/* ---- elements ---- */
struct sp_element *element_new(struct sp_manager *m, enum element_kind kind, struct sp_element *parent);
MUST_USE int element_put_below(struct sp_element *parent, struct sp_element *below);
/* The element as it is now; NULL with the error kept.  Not for drafts. */
struct conf_element *element_now(struct sp_element *e);
/* Every attached collection's `items` are those of now.  SP_OK or a status. */
MUST_USE int element_items_now(struct sp_element *collection);
/* After an edit that counted: marks follow, what was removed is gone. */
void manager_edited(struct sp_manager *m);
/* Whether the commit path takes changes of this element. */
MUST_USE int element_check_writable(struct sp_element *e);
void element_schema_path(struct sp_element *e, struct text *out);

/* ---- the running service ---- */
/* Whether `attribute` is one that the service computes; then *status_out says how asking went. */
bool service_attribute(struct sp_element *e, const char *attribute, struct sp_value *value_out, int *status_out);

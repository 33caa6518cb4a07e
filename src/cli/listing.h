/*
 * listing.h - the rows of `list`: one object each, in the five forms of appcmd.
 *
 *   (none)      SITE "X" (id:1,bindings:ftp/127.0.0.1:21:,state:Started)
 *   /text:*     a tree        /text:attr   bare values        /xml   a result set        /config   the raw element
 */
#pragma once

#include "cli/cli.h"

enum { LISTED_ATTRS = 13 };

struct listed_attr {
    const char *name;    /* as in the one-line form and in filters: "id" */
    const char *full;    /* as in trees and XML: "SITE.ID"; NULL: the same */
    const char *value;   /* borrowed for the call */
    bool in_line;        /* shown in the one-line form */
};

struct listed {
    const char *tag;     /* "SITE" */
    const char *name_as; /* NULL: TAG.NAME */
    struct slice name;
    struct listed_attr attrs[LISTED_ATTRS];
    size_t count;
    const struct listed_attr *hidden; /* shown to those who ask by name; ended by one without a name, NULL: none */
    struct conf_element *element; /* what stands behind it, NULL if nothing of the configuration does */
};

/* Print the object unless a condition on the command line rejects it.  Returns 0 or the exit code of a condition that
 * names nothing (E5). */
MUST_USE int listing_row(struct cli *c, const struct listed *row);
/* The same without conditions. */
MUST_USE int listing_show(struct cli *c, const struct listed *row);
/* Whether a value is what a condition wants: equal without regard to case, or $=, $<, $> ... */
bool listing_meets(struct slice value, struct slice wanted);
/* With /metadata: where the section stands and whether it is locked, as attributes of the first element. */
void listing_add_metadata(struct cli *c, struct slice section, struct slice path, struct text *xml);
/* One of those attributes. */
bool listing_is_metadata(struct slice attribute);
/* Whether the XML says more than the bare element. */
bool listing_says_something(struct slice xml);
/* XML of conf_print_xml on standard output, two blanks per level as appcmd indents. */
void listing_print_xml(struct cli *c, struct slice xml);
/* Finish (closes the XML result set); exit code 1 when an identifier was given and nothing matched it. */
MUST_USE int listing_end(struct cli *c);

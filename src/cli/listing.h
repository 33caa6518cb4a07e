/*
 * listing.h - the rows of `list`: one object each, in the five forms of appcmd.
 *
 *   (none)      SITE "X" (id:1,bindings:ftp/127.0.0.1:21:,state:Started)
 *   /text:*     a tree        /text:attr   bare values        /xml   a result set        /config   the raw element
 */
#pragma once

#include "cli/cli.h"

enum { LISTED_ATTRS = 12 };

struct listed_attr {
    const char *name;    /* as in the one-line form and in filters: "id" */
    const char *full;    /* as in trees and XML: "SITE.ID"; NULL: the same */
    const char *value;   /* borrowed for the call */
    bool in_line;        /* shown in the one-line form */
};

struct listed {
    const char *tag;     /* "SITE" */
    struct slice name;
    struct listed_attr attrs[LISTED_ATTRS];
    size_t count;
    struct conf_element *element; /* what stands behind it, NULL if nothing of the configuration does */
};

/* Print the object unless a condition on the command line rejects it.  Returns 0 or the exit code of a condition that
 * names nothing (E5). */
MUST_USE int listing_row(struct cli *c, const struct listed *row);
/* XML of conf_print_xml on standard output, two blanks per level as appcmd indents. */
void listing_print_xml(struct cli *c, struct slice xml);
/* Finish (closes the XML result set); exit code 1 when an identifier was given and nothing matched it. */
MUST_USE int listing_end(struct cli *c);

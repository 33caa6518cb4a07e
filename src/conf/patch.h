/*
 * patch.h - changes to the text of a file, in the file's own style.
 *
 * A change is a list of splices against one parsed file; nothing else in the file moves.  New elements take the
 * indentation, the line ends and the place their neighbours suggest.
 */
#pragma once

#include "conf/xml.h"

struct splice {
    size_t at, len; /* of the old bytes */
    size_t text_at, text_len;
};
struct patch {
    const struct xml *x;
    struct splice *splices;
    size_t count, cap;
    struct text text; /* what the splices put in */
    int err;          /* sticky */
};

/* A line of an element with content: what stands on it, and how deep below the element's own line. */
struct patch_line {
    const char *text;
    unsigned depth;
};

/* An element to be written: `open` tags around it that do not exist yet, outermost first. */
struct patch_element {
    const char *open[24]; /* "location path=&quot;..." or a name: what stands between < and > */
    size_t open_count;
    struct slice self;     /* what stands between < and />, or, with `is_raw`, the element's whole text */
    bool is_raw;
    const struct patch_line *lines; /* instead of `self`, when line_count is not 0: whole lines, tags included */
    size_t line_count;
};
enum patch_where { PATCH_LAST_IN, PATCH_AFTER, PATCH_BEFORE };

/* Put the element as last child of `node`, or behind or before it. */
void patch_insert(struct patch *p, enum patch_where where, uint32_t node, const struct patch_element *e);
/* Remove an element, with its line when it stands alone there. */
void patch_remove(struct patch *p, uint32_t node);
/* Put another element in the place of one. */
void patch_replace(struct patch *p, uint32_t node, const struct patch_element *e);
/* Set, add or remove (value.ptr NULL) an attribute. */
void patch_attribute(struct patch *p, uint32_t node, const char *name, struct slice value);
/* The new bytes.  Splices must not overlap. */
MUST_USE int patch_apply(struct patch *p, struct text *out);
void patch_free(struct patch *p);

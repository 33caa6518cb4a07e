/*
 * xml.h - an XML file as its own bytes plus where everything stands in them.
 *
 * libxml2 decides whether the file is well-formed; a small scanner over the same bytes finds the spans that editing
 * needs.  Both must see the same elements and attribute values, else the file is refused.  DOCTYPE is refused, so
 * there are no entities but the five of XML; depth, size and counts are limited (threats.md X01).
 * UTF-8 only.  The bytes are copied; slices live as long as the struct xml.
 */
#pragma once

#include "base/diag.h"
#include "base/slice.h"
#include "base/text.h"

enum {
    XML_BYTES_MAX = 192 << 20,
    XML_DEPTH_MAX = 48,
    XML_ELEMENTS_MAX = 4 << 20,
    XML_ATTRIBUTES_MAX = 128,    /* of one element */
    XML_VALUE_MAX = 64 << 10,    /* of one attribute, as written */
};
#define XML_NONE UINT32_MAX

struct xml_attr {
    uint32_t name_at, name_len;
    uint32_t value_at, value_len; /* as written, between the quotes */
    uint32_t text_at, text_len;   /* in xml.decoded when the value holds & or line breaks, else XML_NONE */
};
struct xml_node {
    uint32_t parent, first, last, next; /* elements, XML_NONE where there is none */
    uint32_t start, open_end;           /* '<', and behind the '>' of the start tag */
    uint32_t close, end;                /* '<' of the end tag (open_end for <a/>), and behind everything */
    uint32_t name_len;
    uint32_t attr, attr_count;
    uint32_t line, line_start;
    bool is_empty_tag; /* <a/> */
    bool has_text;     /* other than blanks */
    bool has_comment;  /* directly inside */
};
struct xml {
    char *bytes;
    size_t len;
    struct xml_node *nodes; /* [0] is the root element */
    size_t node_count, node_cap;
    struct xml_attr *attrs;
    size_t attr_count, attr_cap;
    struct text decoded;
    bool has_bom;
};

/* `file` is for messages.  On error nothing is handed out and `d` says where and why. */
MUST_USE int xml_parse(struct slice bytes, struct slice file, struct xml **xml_out, struct diag *d);
void xml_free(struct xml *x);

struct slice xml_name(const struct xml *x, uint32_t node);
struct slice xml_attr_name(const struct xml *x, uint32_t attr);
/* The value with entities resolved. */
struct slice xml_attr_text(const struct xml *x, uint32_t attr);
/* The attribute of that name, XML_NONE if the element has none. */
uint32_t xml_attr_find(const struct xml *x, uint32_t node, const char *name);
/* Its text, `otherwise` if the element has none. */
struct slice xml_attr_or(const struct xml *x, uint32_t node, const char *name, struct slice otherwise);
/* First child element of that name behind `after` (XML_NONE: from the start). */
uint32_t xml_child(const struct xml *x, uint32_t node, struct slice name, uint32_t after);
/* Line and column (in characters) of the byte `at`, which stands in or behind `node`; column 0 when too far
 * from the start of the line. */
void xml_position(const struct xml *x, uint32_t node, uint32_t at, unsigned *line_out, unsigned *column_out);

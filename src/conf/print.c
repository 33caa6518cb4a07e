/* print.c - elements as XML for people, in the layout IIS writes. */
#include "conf/conf_priv.h"

static void begin_line(struct text *out, unsigned indent)
{
    for (unsigned i = 0; i < indent * 4; i++)
        text_add_char(out, ' ');
}

static void print_attribute(struct text *out, const char *name, struct slice value)
{
    text_addf(out, " %s=\"", name);
    text_add_xml(out, value);
    text_add_char(out, '"');
}

/* What is written, without comments. */
static void print_written(const struct xml *x, uint32_t node, unsigned indent, struct text *out)
{
    const struct xml_node *n = &x->nodes[node];
    begin_line(out, indent);
    text_addf(out, "<" SLICE_FMT, SLICE_ARG(xml_name(x, node)));
    for (uint32_t i = 0; i < n->attr_count; i++) {
        text_addf(out, " " SLICE_FMT "=\"", SLICE_ARG(xml_attr_name(x, n->attr + i)));
        text_add_xml(out, xml_attr_text(x, n->attr + i));
        text_add_char(out, '"');
    }
    if (n->first == XML_NONE) {
        text_add_str(out, " />\n");
        return;
    }
    text_add_str(out, ">\n");
    for (uint32_t child = n->first; child != XML_NONE; child = x->nodes[child].next)
        print_written(x, child, indent + 1, out);
    begin_line(out, indent);
    text_addf(out, "</" SLICE_FMT ">\n", SLICE_ARG(xml_name(x, node)));
}

/* Every attribute, child and item that is effective.  Default holders are not settings of the element and stay out. */
static void print_effective(struct conf_element *e, unsigned indent, struct text *out)
{
    begin_line(out, indent);
    text_addf(out, "<%s", e->schema->name);
    for (size_t i = 0; i < e->schema->attr_count; i++)
        if (!e->schema->attrs[i].runtime)
            print_attribute(out, e->schema->attrs[i].name, conf_text(e, e->schema->attrs[i].name));
    size_t mark = out->len;
    text_add_str(out, ">\n");
    size_t empty = out->len;
    for (size_t i = 0; i < conf_count(e); i++)
        print_effective(conf_item(e, i), indent + 1, out);
    for (size_t i = 0; i < e->schema->child_count; i++) {
        const struct schema_element *schema = e->schema->children[i];
        struct conf_element *child = element_child(e, schema);
        if (child && (!schema->is_holder || child->layer_count))
            print_effective(child, indent + 1, out);
    }
    if (out->len == empty) {
        text_splice(out, mark, out->len - mark, SLICE_LITERAL(" />\n"));
        return;
    }
    begin_line(out, indent);
    text_addf(out, "</%s>\n", e->schema->name);
}

void conf_print_xml(struct conf_element *e, bool explicit_only, unsigned indent, struct text *out)
{
    uint32_t local = element_local(e);
    if (!explicit_only) {
        print_effective(e, indent, out);
    } else if (local != XML_NONE) {
        print_written(element_xml(e), local, indent, out);
    } else {
        begin_line(out, indent);
        text_addf(out, "<%s />\n", e->schema->name);
    }
}

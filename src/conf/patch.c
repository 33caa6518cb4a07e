/* patch.c - where new text goes and what it looks like. */
#include "conf/patch.h"

#include <stdlib.h>

/* ---- the file's style ---- */

static const char *line_end(const struct xml *x)
{
    const char *nl = memchr(x->bytes, '\n', x->len);
    return nl && nl > x->bytes && nl[-1] == '\r' ? "\r\n" : "\n";
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
    return is_blank(c) || c == '\r' || c == '\n';
}

/* The blanks before an element that begins its line; ptr NULL when something else stands before it. */
static struct slice own_indent(const struct xml *x, uint32_t node)
{
    size_t start = x->nodes[node].start, from = start;
    while (from > 0 && is_blank(x->bytes[from - 1]))
        from--;
    if (from > 0 && x->bytes[from - 1] != '\n')
        return SLICE_NONE;
    return slice_of(x->bytes + from, start - from);
}

/* One level of indentation: what the first indented child adds to its parent. */
static struct slice indent_unit(const struct xml *x)
{
    for (uint32_t n = x->nodes[0].first; n != XML_NONE; n = x->nodes[n].next) {
        struct slice indent = own_indent(x, n);
        if (indent.ptr && indent.len)
            return indent;
    }
    return SLICE_LITERAL("    ");
}

static void add_indent(const struct xml *x, uint32_t node, struct text *out)
{
    struct slice own = own_indent(x, node);
    if (own.ptr || x->nodes[node].parent == XML_NONE) {
        text_add(out, own);
        return;
    }
    add_indent(x, x->nodes[node].parent, out);
    text_add(out, indent_unit(x));
}

/* Indentation of children: that of the last one, else one level more than the parent. */
static void add_child_indent(const struct xml *x, uint32_t node, struct text *out)
{
    uint32_t last = x->nodes[node].last;
    struct slice own = last == XML_NONE ? SLICE_NONE : own_indent(x, last);
    if (own.ptr) {
        text_add(out, own);
        return;
    }
    add_indent(x, node, out);
    text_add(out, indent_unit(x));
}

/* ---- splices ---- */

static struct splice *splice_begin(struct patch *p, size_t at, size_t len)
{
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 8;
        struct splice *grown = realloc(p->splices, cap * sizeof *grown);
        if (!grown) {
            p->err = ERR_NOMEM;
            return NULL;
        }
        p->splices = grown;
        p->cap = cap;
    }
    p->splices[p->count] = (struct splice){ at, len, p->text.len, 0 };
    return &p->splices[p->count++];
}

static void splice_end(struct patch *p, struct splice *s)
{
    s->text_len = p->text.len - s->text_at;
}

static int by_place(const void *a, const void *b)
{
    const struct splice *x = a, *y = b;
    return x->at != y->at ? (x->at < y->at ? -1 : 1) : (x->text_at > y->text_at) - (x->text_at < y->text_at);
}

int patch_apply(struct patch *p, struct text *out)
{
    if (p->err || text_error(&p->text))
        return p->err ? p->err : ERR_NOMEM;
    if (p->count)
        qsort(p->splices, p->count, sizeof *p->splices, by_place);
    out->max = (size_t)XML_BYTES_MAX + 1;
    size_t done = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct splice *s = &p->splices[i];
        if (s->at < done)
            return ERR_STATE;
        text_add(out, slice_of(p->x->bytes + done, s->at - done));
        text_add(out, slice_of(text_str(&p->text) + s->text_at, s->text_len));
        done = s->at + s->len;
    }
    text_add(out, slice_of(p->x->bytes + done, p->x->len - done));
    return text_error(out);
}

void patch_free(struct patch *p)
{
    free(p->splices);
    text_free(&p->text);
}

/* ---- elements ---- */

static void add_levels(struct patch *p, struct slice indent, size_t levels)
{
    text_add_str(&p->text, line_end(p->x));
    text_add(&p->text, indent);
    for (size_t i = 0; i < levels; i++)
        text_add(&p->text, indent_unit(p->x));
}

/* The element with the tags around it; the first line is not indented. */
static void write_element(struct patch *p, const struct patch_element *e, struct slice indent)
{
    for (size_t i = 0; i < e->open_count; i++) {
        if (i)
            add_levels(p, indent, i);
        text_add_char(&p->text, '<');
        text_add_str(&p->text, e->open[i]);
        text_add_char(&p->text, '>');
    }
    if (e->open_count)
        add_levels(p, indent, e->open_count);
    if (!e->line_count) {
        text_add_str(&p->text, e->is_raw ? "" : "<");
        text_add(&p->text, e->self);
        text_add_str(&p->text, e->is_raw ? "" : " />");
    }
    for (size_t i = 0; i < e->line_count; i++) {
        if (i)
            add_levels(p, indent, e->open_count + e->lines[i].depth);
        text_add_str(&p->text, e->lines[i].text);
    }
    for (size_t i = e->open_count; i-- > 0;) {
        struct slice rest = slice_str(e->open[i]), name = slice_cut(&rest, ' ');
        add_levels(p, indent, i);
        text_add_str(&p->text, "</");
        text_add(&p->text, name);
        text_add_char(&p->text, '>');
    }
}

static void insert_last_in(struct patch *p, uint32_t node, const struct patch_element *e)
{
    const struct xml *x = p->x;
    const struct xml_node *n = &x->nodes[node];
    OWNED_TEXT_BUFFER indent = { 0 }, outer = { 0 };
    add_child_indent(x, node, &indent);
    add_indent(x, node, &outer);
    size_t to = n->is_empty_tag ? n->open_end - 2u : n->close, from = to;
    while (from > n->start && is_space(x->bytes[from - 1]))
        from--;
    /* "<a>\n</a>" already ends its last line; "<a></a>" and "<a />" get one. */
    bool has_line = !n->is_empty_tag && memchr(x->bytes + from, '\n', to - from);
    struct splice *s = splice_begin(p, from, has_line ? 0 : n->is_empty_tag ? n->open_end - from : to - from);
    if (!s)
        return;
    if (n->is_empty_tag)
        text_add_char(&p->text, '>');
    add_levels(p, text_slice(&indent), 0);
    write_element(p, e, text_slice(&indent));
    if (!has_line)
        add_levels(p, text_slice(&outer), 0);
    if (n->is_empty_tag) {
        text_add_str(&p->text, "</");
        text_add(&p->text, xml_name(x, node));
        text_add_char(&p->text, '>');
    }
    splice_end(p, s);
}

/* Behind an element: a comment on the rest of its line belongs to it. */
static size_t behind(const struct xml *x, uint32_t node)
{
    size_t end = x->nodes[node].end, at = end;
    for (;;) {
        while (at < x->len && is_blank(x->bytes[at]))
            at++;
        if (!slice_starts(slice_of(x->bytes + at, x->len - at), SLICE_LITERAL("<!--")))
            break;
        const char *close = memmem(x->bytes + at, x->len - at, "-->", 3);
        size_t next = close ? (size_t)(close - x->bytes) + 3 : x->len;
        if (!close || memchr(x->bytes + at, '\n', next - at))
            return end;
        end = at = next;
    }
    return at >= x->len || is_space(x->bytes[at]) ? end : x->nodes[node].end;
}

void patch_insert(struct patch *p, enum patch_where where, uint32_t node, const struct patch_element *e)
{
    if (where == PATCH_LAST_IN) {
        insert_last_in(p, node, e);
        return;
    }
    OWNED_TEXT_BUFFER indent = { 0 };
    add_indent(p->x, node, &indent);
    struct splice *s = splice_begin(p, where == PATCH_AFTER ? behind(p->x, node) : p->x->nodes[node].start, 0);
    if (!s)
        return;
    if (where == PATCH_AFTER)
        add_levels(p, text_slice(&indent), 0);
    write_element(p, e, text_slice(&indent));
    if (where == PATCH_BEFORE)
        add_levels(p, text_slice(&indent), 0);
    splice_end(p, s);
}

void patch_replace(struct patch *p, uint32_t node, const struct patch_element *e)
{
    const struct xml_node *n = &p->x->nodes[node];
    OWNED_TEXT_BUFFER indent = { 0 };
    add_indent(p->x, node, &indent);
    struct splice *s = splice_begin(p, n->start, n->end - n->start);
    if (!s)
        return;
    write_element(p, e, text_slice(&indent));
    splice_end(p, s);
}

void patch_remove(struct patch *p, uint32_t node)
{
    const struct xml *x = p->x;
    size_t from = x->nodes[node].start, to = x->nodes[node].end, end = to;
    struct slice indent = own_indent(x, node);
    while (end < x->len && (is_blank(x->bytes[end]) || x->bytes[end] == '\r'))
        end++;
    if (indent.ptr && end < x->len && x->bytes[end] == '\n') {
        from -= indent.len;
        to = end + 1;
    }
    (void)splice_begin(p, from, to - from);
}

/* ---- attributes ---- */

static void write_value(struct patch *p, struct slice value, char quote)
{
    if (quote == '"') {
        text_add_xml(&p->text, value);
        return;
    }
    while (value.ptr) {
        struct slice part = slice_cut(&value, '\'');
        text_add_xml(&p->text, part);
        text_add_str(&p->text, value.ptr ? "&apos;" : "");
    }
}

void patch_attribute(struct patch *p, uint32_t node, const char *name, struct slice value)
{
    const struct xml *x = p->x;
    const struct xml_node *n = &x->nodes[node];
    uint32_t attr = xml_attr_find(x, node, name);
    if (attr == XML_NONE && !value.ptr)
        return;
    struct splice *s;
    if (attr == XML_NONE) {
        const struct xml_attr *last = n->attr_count ? &x->attrs[n->attr + n->attr_count - 1] : NULL;
        s = splice_begin(p, last ? last->value_at + last->value_len + 1u : n->start + 1u + n->name_len, 0);
        text_addf(&p->text, " %s=\"", name);
        write_value(p, value, '"');
        text_add_char(&p->text, '"');
    } else if (value.ptr) {
        const struct xml_attr *a = &x->attrs[attr];
        s = splice_begin(p, a->value_at, a->value_len);
        write_value(p, value, x->bytes[a->value_at - 1]);
    } else {
        const struct xml_attr *a = &x->attrs[attr];
        size_t from = a->name_at;
        while (from > n->start && is_space(x->bytes[from - 1]))
            from--;
        s = splice_begin(p, from, a->value_at + a->value_len + 1u - from);
    }
    if (s)
        splice_end(p, s);
}

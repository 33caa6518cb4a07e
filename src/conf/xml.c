/*
 * xml.c - two readers over the same bytes.
 *
 * First libxml2 (SAX, no tree) says whether the file is well-formed and writes down, for every start tag, a hash of
 * depth, name, attribute names and values.  Then the scanner walks the bytes, notes spans, and must arrive at the same
 * list.  A difference between the two would be a way to show an administrator one configuration and obey another, so
 * it is an error and not a warning.
 */
#include "conf/xml.h"

#include <errno.h>
#include <stdlib.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "base/utf16.h"

/* ---- the list both readers must agree on ---- */

static uint64_t mix(uint64_t hash, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    return (hash ^ 0xff) * 0x100000001b3u; /* end mark: "ab","c" differs from "a","bc" */
}

static uint64_t mix_start(size_t depth, struct slice name)
{
    return mix(0xcbf29ce484222325u + depth, name.ptr, name.len);
}

struct witness {
    uint64_t *tags;
    size_t count, cap;
    size_t depth;
    int err;
    const char *why;
    int lines[XML_DEPTH_MAX]; /* of the start tags that are open */
    int line, column;         /* of the first error; those behind it are mostly its echo */
    struct text message;      /* empty: there was none */
    xmlParserCtxtPtr ctxt;
};

static void witness_stop(struct witness *w, int err, const char *why)
{
    if (!w->err) {
        w->err = err;
        w->why = why;
    }
    xmlStopParser(w->ctxt);
}

static void on_start(void *context, const xmlChar *name, const xmlChar **attrs)
{
    struct witness *w = context;
    if (w->err)
        return;
    if (w->depth >= XML_DEPTH_MAX) {
        witness_stop(w, ERR_LIMIT, "elements are nested too deep");
        return;
    }
    if (w->count == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 1024;
        uint64_t *tags = w->count < XML_ELEMENTS_MAX ? realloc(w->tags, cap * sizeof *tags) : NULL;
        if (!tags) {
            witness_stop(w, w->count < XML_ELEMENTS_MAX ? ERR_NOMEM : ERR_LIMIT, "too many elements");
            return;
        }
        w->tags = tags;
        w->cap = cap;
    }
    w->lines[w->depth] = w->ctxt->input->line;
    uint64_t hash = mix_start(w->depth++, slice_str((const char *)name));
    for (; attrs && attrs[0]; attrs += 2) {
        hash = mix(hash, (const char *)attrs[0], strlen((const char *)attrs[0]));
        hash = mix(hash, (const char *)attrs[1], strlen((const char *)attrs[1]));
    }
    w->tags[w->count++] = hash;
}

static void on_end(void *context, const xmlChar *name)
{
    (void)name;
    struct witness *w = context;
    w->depth -= w->depth > 0;
}

static void on_doctype(void *context, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
    (void)name, (void)public_id, (void)system_id;
    witness_stop(context, ERR_DENIED, "DOCTYPE is not allowed");
}

/* The parser context keeps the last error, so the first is copied.  With callbacks of SAX1 libxml2 does not know where the
 * tag stands that another one closes, and says "line 0". */
static void keep_first_error(struct witness *w)
{
    static const char nowhere[] = " line 0 and ";
    const xmlError *e = &w->ctxt->lastError;
    if (w->message.len || e->level < XML_ERR_ERROR || !e->message)
        return;
    w->line = e->line;
    w->column = e->int2;
    text_add(&w->message, slice_trim(slice_str(e->message)));
    const char *found = strstr(text_str(&w->message), nowhere);
    if (e->code != XML_ERR_TAG_NAME_MISMATCH || !found || w->depth == 0)
        return;
    OWNED_TEXT_BUFFER somewhere = { 0 };
    text_addf(&somewhere, " line %d and ", w->lines[w->depth - 1]);
    text_splice(&w->message, (size_t)(found - text_str(&w->message)), sizeof nowhere - 1, text_slice(&somewhere));
}

static void on_message(void *context, const char *fmt, ...)
{
    (void)fmt;
    keep_first_error(context);
}

static void describe(struct diag *d, struct slice file, struct witness *w)
{
    if (w->err && w->ctxt->input) {
        diag_place(d, file, (unsigned)w->ctxt->input->line, 0);
        diag_set(d, "Configuration file is refused: %s", w->why);
        return;
    }
    keep_first_error(w);
    diag_place(d, file, w->line > 0 ? (unsigned)w->line : 0, w->line > 0 && w->column > 0 ? (unsigned)w->column : 0);
    diag_set(d, "Configuration file is not well-formed XML: %s", text_str(&w->message));
}

/* Fill w->tags from libxml2. */
static MUST_USE int witness_read(struct witness *w, struct slice bytes, struct slice file, struct diag *d)
{
    w->ctxt = xmlCreateMemoryParserCtxt(bytes.ptr, (int)bytes.len);
    if (!w->ctxt)
        return ERR_NOMEM;
    /* SAX1 callbacks give names and values as written, without namespace processing; IIS has no namespaces. */
    *w->ctxt->sax = (xmlSAXHandler){
        .initialized = 1,
        .startElement = on_start,
        .endElement = on_end,
        .internalSubset = on_doctype,
        .error = on_message,
        .fatalError = on_message,
        .warning = on_message,
    };
    w->ctxt->userData = w;
    /* NOENT only makes &amp; arrive as '&': without a DOCTYPE there is nothing else to expand.  HUGE lifts limits
     * that ours replace. */
    xmlCtxtUseOptions(w->ctxt, XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_HUGE);
    errno = 0;
    xmlParseDocument(w->ctxt);
    /* Without memory libxml2 stops or leaves something out, and says so only sometimes. */
    int err = errno == ENOMEM ? ERR_NOMEM : w->err ? w->err : w->ctxt->wellFormed ? 0 : ERR_SYNTAX;
    if (err && err != ERR_NOMEM)
        describe(d, file, w);
    text_free(&w->message);
    xmlFreeParserCtxt(w->ctxt);
    w->ctxt = NULL;
    return err;
}

/* ---- the scanner ---- */

struct scan {
    struct xml *x;
    size_t at;
    size_t counted; /* line and line_start hold for this byte */
    uint32_t line, line_start;
    uint32_t open; /* innermost open element */
    size_t depth;
    const struct witness *w;
};

static void count_lines(struct scan *s, size_t to)
{
    const char *from = s->x->bytes + s->counted, *end = s->x->bytes + to, *nl;
    while (from < end && (nl = memchr(from, '\n', (size_t)(end - from)))) {
        s->line++;
        from = nl + 1;
        s->line_start = (uint32_t)(from - s->x->bytes);
    }
    s->counted = to;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_name_byte(char c)
{
    return !is_blank(c) && c != '=' && c != '>' && c != '/' && c != '<' && c != '"' && c != '\'' && c != 0;
}

static void skip_blanks(struct scan *s)
{
    while (s->at < s->x->len && is_blank(s->x->bytes[s->at]))
        s->at++;
}

static size_t skip_name(struct scan *s)
{
    size_t from = s->at;
    while (s->at < s->x->len && is_name_byte(s->x->bytes[s->at]))
        s->at++;
    return s->at - from;
}

/* Move behind the next `mark`. */
static MUST_USE int skip_past(struct scan *s, const char *mark)
{
    const char *from = s->x->bytes + s->at;
    const char *hit = memmem(from, s->x->len - s->at, mark, strlen(mark));
    if (!hit)
        return ERR_SYNTAX;
    s->at = (size_t)(hit - s->x->bytes) + strlen(mark);
    return 0;
}

/* "#x41", "#65" or a name of the five. */
static MUST_USE int decode_reference(struct text *out, struct slice name)
{
    static const struct {
        const char *name;
        char c;
    } known[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' }, { "apos", '\'' } };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_equal_str(name, known[i].name)) {
            text_add_char(out, known[i].c);
            return 0;
        }
    if (name.len < 2 || name.len > 10 || name.ptr[0] != '#')
        return ERR_SYNTAX;
    bool is_hex = name.ptr[1] == 'x';
    char digits[12] = { 0 }, *end;
    memcpy(digits, name.ptr + 1 + is_hex, name.len - 1 - is_hex);
    unsigned long c = strtoul(digits, &end, is_hex ? 16 : 10);
    if (*end || end == digits || c > 0x10ffff)
        return ERR_SYNTAX;
    utf8_add(out, (uint32_t)c);
    return 0;
}

/* XML's normalisation of attribute values: references resolved, every line break or tab one blank. */
static MUST_USE int decode_value(struct xml *x, struct xml_attr *a)
{
    struct slice raw = slice_of(x->bytes + a->value_at, a->value_len);
    a->text_at = XML_NONE;
    if (!slice_has_byte(raw, '&') && !slice_has_byte(raw, '\n') && !slice_has_byte(raw, '\t') &&
        !slice_has_byte(raw, '\r'))
        return 0;
    size_t from = x->decoded.len;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '\r' && i + 1 < raw.len && raw.ptr[i + 1] == '\n')
            continue;
        if (c != '&') {
            text_add_char(&x->decoded, is_blank(c) ? ' ' : c);
            continue;
        }
        size_t len = slice_find(slice_from(raw, i), ';');
        if (len == SIZE_MAX || decode_reference(&x->decoded, slice_of(raw.ptr + i + 1, len - 1)))
            return ERR_SYNTAX;
        i += len;
    }
    if (text_error(&x->decoded))
        return ERR_NOMEM;
    a->text_at = (uint32_t)from;
    a->text_len = (uint32_t)(x->decoded.len - from);
    return 0;
}

static MUST_USE int attr_add(struct xml *x, struct xml_attr a)
{
    if (x->attr_count == x->attr_cap) {
        size_t cap = x->attr_cap ? x->attr_cap * 2 : 1024;
        struct xml_attr *attrs = realloc(x->attrs, cap * sizeof *attrs);
        if (!attrs)
            return ERR_NOMEM;
        x->attrs = attrs;
        x->attr_cap = cap;
    }
    x->attrs[x->attr_count++] = a;
    return 0;
}

static MUST_USE int scan_attribute(struct scan *s, uint64_t *hash)
{
    struct xml *x = s->x;
    struct xml_attr a = { .name_at = (uint32_t)s->at };
    a.name_len = (uint32_t)skip_name(s);
    skip_blanks(s);
    if (!a.name_len || s->at >= x->len || x->bytes[s->at] != '=')
        return ERR_SYNTAX;
    s->at++;
    skip_blanks(s);
    if (s->at >= x->len || (x->bytes[s->at] != '"' && x->bytes[s->at] != '\''))
        return ERR_SYNTAX;
    const char *from = x->bytes + s->at + 1;
    const char *quote = memchr(from, x->bytes[s->at], x->len - s->at - 1);
    if (!quote)
        return ERR_SYNTAX;
    a.value_at = (uint32_t)(from - x->bytes);
    a.value_len = (uint32_t)(quote - from);
    s->at = (size_t)(quote - x->bytes) + 1;
    if (a.value_len > XML_VALUE_MAX)
        return ERR_LIMIT;
    int err = decode_value(x, &a);
    if (!err)
        err = attr_add(x, a);
    if (err)
        return err;
    struct slice text = xml_attr_text(x, (uint32_t)x->attr_count - 1);
    *hash = mix(*hash, x->bytes + a.name_at, a.name_len);
    *hash = mix(*hash, text.ptr, text.len);
    return 0;
}

static MUST_USE int node_add(struct scan *s, uint32_t *node_out)
{
    struct xml *x = s->x;
    if (x->node_count == x->node_cap) {
        size_t cap = x->node_cap ? x->node_cap * 2 : 256;
        struct xml_node *nodes = realloc(x->nodes, cap * sizeof *nodes);
        if (!nodes)
            return ERR_NOMEM;
        x->nodes = nodes;
        x->node_cap = cap;
    }
    uint32_t node = (uint32_t)x->node_count++;
    x->nodes[node] = (struct xml_node){ .parent = s->open,
                                        .first = XML_NONE,
                                        .last = XML_NONE,
                                        .next = XML_NONE,
                                        .start = (uint32_t)s->at,
                                        .attr = (uint32_t)x->attr_count,
                                        .line = s->line,
                                        .line_start = s->line_start };
    if (s->open != XML_NONE) {
        struct xml_node *parent = &x->nodes[s->open];
        if (parent->last != XML_NONE)
            x->nodes[parent->last].next = node;
        else
            parent->first = node;
        parent->last = node;
    }
    *node_out = node;
    return 0;
}

static MUST_USE int scan_start_tag(struct scan *s)
{
    struct xml *x = s->x;
    if (s->open == XML_NONE && x->node_count)
        return ERR_SYNTAX;
    count_lines(s, s->at);
    uint32_t node;
    int err = node_add(s, &node);
    if (err)
        return err;
    s->at++;
    x->nodes[node].name_len = (uint32_t)skip_name(s);
    uint64_t hash = mix_start(s->depth, xml_name(x, node));
    for (;;) {
        skip_blanks(s);
        if (s->at >= x->len)
            return ERR_SYNTAX;
        if (x->bytes[s->at] == '>' || x->bytes[s->at] == '/')
            break;
        if (x->nodes[node].attr_count++ >= XML_ATTRIBUTES_MAX)
            return ERR_LIMIT;
        err = scan_attribute(s, &hash);
        if (err)
            return err;
    }
    struct xml_node *n = &x->nodes[node];
    n->is_empty_tag = x->bytes[s->at] == '/';
    s->at += n->is_empty_tag ? 2u : 1u;
    n->open_end = n->close = n->end = (uint32_t)s->at;
    if (node >= s->w->count || s->w->tags[node] != hash)
        return ERR_SYNTAX;
    if (!n->is_empty_tag) {
        s->open = node;
        s->depth++;
    }
    return 0;
}

static MUST_USE int scan_end_tag(struct scan *s)
{
    struct xml *x = s->x;
    if (s->open == XML_NONE)
        return ERR_SYNTAX;
    struct xml_node *n = &x->nodes[s->open];
    n->close = (uint32_t)s->at;
    s->at += 2;
    size_t from = s->at, len = skip_name(s);
    skip_blanks(s);
    if (!slice_equal(slice_of(x->bytes + from, len), xml_name(x, s->open)) || s->at >= x->len ||
        x->bytes[s->at] != '>')
        return ERR_SYNTAX;
    n->end = (uint32_t)++s->at;
    s->open = n->parent;
    s->depth--;
    return 0;
}

static bool looking_at(const struct scan *s, const char *what)
{
    return slice_starts(slice_of(s->x->bytes + s->at, s->x->len - s->at), slice_str(what));
}

static MUST_USE int scan_text(struct scan *s)
{
    const char *from = s->x->bytes + s->at;
    const char *lt = memchr(from, '<', s->x->len - s->at);
    size_t len = lt ? (size_t)(lt - from) : s->x->len - s->at;
    if (!slice_is_empty(slice_trim(slice_of(from, len)))) {
        if (s->open == XML_NONE)
            return ERR_SYNTAX;
        s->x->nodes[s->open].has_text = true;
    }
    s->at += len;
    return 0;
}

static MUST_USE int scan_one(struct scan *s)
{
    if (s->x->bytes[s->at] != '<')
        return scan_text(s);
    if (looking_at(s, "<!--")) {
        if (s->open != XML_NONE)
            s->x->nodes[s->open].has_comment = true;
        s->at += 4;
        return skip_past(s, "-->");
    }
    if (looking_at(s, "<?"))
        return skip_past(s, "?>");
    if (looking_at(s, "<![CDATA[")) {
        if (s->open != XML_NONE)
            s->x->nodes[s->open].has_text = true;
        return skip_past(s, "]]>");
    }
    if (looking_at(s, "</"))
        return scan_end_tag(s);
    if (looking_at(s, "<!"))
        return ERR_DENIED;
    return scan_start_tag(s);
}

static MUST_USE int scan_all(struct xml *x, const struct witness *w, struct slice file, struct diag *d)
{
    struct scan s = { .x = x, .line = 1, .open = XML_NONE, .w = w };
    s.at = s.counted = x->has_bom ? 3 : 0;
    s.line_start = (uint32_t)s.at;
    int err = 0;
    while (!err && s.at < x->len)
        err = scan_one(&s);
    if (!err && (s.open != XML_NONE || x->node_count != w->count))
        err = ERR_SYNTAX;
    if (!err)
        return 0;
    count_lines(&s, s.at < x->len ? s.at : x->len);
    diag_place(d, file, s.line, 0);
    if (err == ERR_LIMIT)
        diag_set(d, "Configuration file is refused: too many attributes or too long a value");
    else
        diag_set(d, "Configuration file is refused: %s", err == ERR_NOMEM ? err_text(err) : "it reads ambiguously here");
    return err;
}

/* ---- what must hold before either reader starts ---- */

/* The declared encoding; empty when none is declared. */
static struct slice declared_encoding(struct slice bytes)
{
    struct slice head = slice_first(bytes, 256);
    if (!head.ptr || !slice_starts(head, SLICE_LITERAL("<?xml")))
        return SLICE_NONE;
    const char *end = memmem(head.ptr, head.len, "?>", 2);
    head = slice_first(head, end ? (size_t)(end - head.ptr) : head.len);
    const char *at = memmem(head.ptr, head.len, "encoding", 8);
    if (!at)
        return SLICE_NONE;
    struct slice rest = slice_from(head, (size_t)(at - head.ptr) + 8);
    size_t quote = slice_find(rest, '"') < slice_find(rest, '\'') ? slice_find(rest, '"') : slice_find(rest, '\'');
    if (quote == SIZE_MAX)
        return SLICE_NONE;
    char mark = rest.ptr[quote];
    rest = slice_from(rest, quote + 1);
    return slice_cut(&rest, mark);
}

static MUST_USE int check_bytes(struct slice bytes, bool *has_bom, struct diag *d)
{
    *has_bom = slice_starts(bytes, SLICE_LITERAL("\xef\xbb\xbf"));
    if (bytes.len > XML_BYTES_MAX) {
        diag_set(d, "Configuration file is refused: larger than %d MiB", XML_BYTES_MAX >> 20);
        return ERR_TOO_BIG;
    }
    if (slice_starts(bytes, SLICE_LITERAL("\xff\xfe")) || slice_starts(bytes, SLICE_LITERAL("\xfe\xff"))) {
        diag_set(d, "Configuration file is in UTF-16");
        diag_todo(d, "Save it as UTF-8");
        return ERR_UNSUPPORTED;
    }
    if (bytes.len <= (*has_bom ? 3u : 0u)) {
        diag_set(d, "Configuration file is not well-formed XML: it is empty");
        return ERR_SYNTAX;
    }
    struct slice encoding = declared_encoding(slice_from(bytes, *has_bom ? 3 : 0));
    if (encoding.len && !slice_equal_fold_str(encoding, "utf-8")) {
        diag_set(d, "Configuration file is declared as " SLICE_FMT, SLICE_ARG(encoding));
        diag_todo(d, "Only UTF-8 is supported");
        return ERR_UNSUPPORTED;
    }
    if (slice_is_utf8(bytes) && !slice_has_byte(bytes, 0))
        return 0;
    diag_set(d, "Configuration file is not in UTF-8");
    diag_todo(d, "Save it as UTF-8");
    return ERR_SYNTAX;
}

int xml_parse(struct slice bytes, struct slice file, struct xml **xml_out, struct diag *d)
{
    struct xml *x = calloc(1, sizeof *x);
    if (!x)
        return ERR_NOMEM;
    x->decoded.max = XML_BYTES_MAX;
    diag_place(d, file, 0, 0);
    struct witness w = { 0 };
    int err = check_bytes(bytes, &x->has_bom, d);
    if (!err)
        err = witness_read(&w, slice_from(bytes, x->has_bom ? 3 : 0), file, d);
    if (!err) {
        x->bytes = malloc(bytes.len + 1);
        err = x->bytes ? 0 : ERR_NOMEM;
    }
    if (!err) {
        memcpy(x->bytes, bytes.ptr, bytes.len);
        x->bytes[x->len = bytes.len] = 0;
        err = scan_all(x, &w, file, d);
    }
    free(w.tags);
    if (err) {
        if (err == ERR_NOMEM)
            diag_set(d, "%s", err_text(err));
        xml_free(x);
        return err;
    }
    *xml_out = x;
    return 0;
}

void xml_free(struct xml *x)
{
    if (!x)
        return;
    free(x->bytes);
    free(x->nodes);
    free(x->attrs);
    text_free(&x->decoded);
    free(x);
}

/* ---- looking ---- */

enum { COLUMN_REACH = 16 << 10 };

struct slice xml_name(const struct xml *x, uint32_t node)
{
    return slice_of(x->bytes + x->nodes[node].start + 1, x->nodes[node].name_len);
}

struct slice xml_attr_name(const struct xml *x, uint32_t attr)
{
    return slice_of(x->bytes + x->attrs[attr].name_at, x->attrs[attr].name_len);
}

struct slice xml_attr_text(const struct xml *x, uint32_t attr)
{
    const struct xml_attr *a = &x->attrs[attr];
    if (a->text_at == XML_NONE)
        return slice_of(x->bytes + a->value_at, a->value_len);
    return slice_of(text_str(&x->decoded) + a->text_at, a->text_len);
}

uint32_t xml_attr_find(const struct xml *x, uint32_t node, const char *name)
{
    const struct xml_node *n = &x->nodes[node];
    for (uint32_t i = 0; i < n->attr_count; i++)
        if (slice_equal_str(xml_attr_name(x, n->attr + i), name))
            return n->attr + i;
    return XML_NONE;
}

struct slice xml_attr_or(const struct xml *x, uint32_t node, const char *name, struct slice otherwise)
{
    uint32_t attr = xml_attr_find(x, node, name);
    return attr == XML_NONE ? otherwise : xml_attr_text(x, attr);
}

uint32_t xml_child(const struct xml *x, uint32_t node, struct slice name, uint32_t after)
{
    uint32_t at = after == XML_NONE ? x->nodes[node].first : x->nodes[after].next;
    while (at != XML_NONE && !slice_equal(xml_name(x, at), name))
        at = x->nodes[at].next;
    return at;
}

void xml_position(const struct xml *x, uint32_t node, uint32_t at, unsigned *line_out, unsigned *column_out)
{
    unsigned line = x->nodes[node].line, column = 1;
    /* A file written without line breaks must not make every question walk all of it. */
    if (at - x->nodes[node].line_start > COLUMN_REACH) {
        *line_out = line;
        *column_out = 0;
        return;
    }
    for (uint32_t i = x->nodes[node].line_start; i < at; i++) {
        unsigned char c = (unsigned char)x->bytes[i];
        if (c == '\n') {
            line += i >= x->nodes[node].start;
            column = 1;
        } else {
            column += (c & 0xc0) != 0x80;
        }
    }
    *line_out = line;
    *column_out = column;
}

/* listing.c - conditions first, then one of the five forms. */
#include "cli/listing.h"

#include "base/fold.h"
#include "base/own.h"
#include "base/secret.h"
#include "cli/edit.h"
#include "cli/site.h"
#include "cli/table.h"
#include "protect/protect.h"

/* ---- values by name ---- */

static const struct listed_attr *attr_of(const struct listed *row, struct slice name)
{
    for (size_t i = 0; i < row->count; i++)
        if (slice_equal_fold_str(name, row->attrs[i].name) ||
            (row->attrs[i].full && slice_equal_fold_str(name, row->attrs[i].full)))
            return &row->attrs[i];
    for (const struct listed_attr *a = row->hidden; a && a->name; a++)
        if (slice_equal_fold_str(name, a->name))
            return a;
    return NULL;
}

static void add_name(const struct listed *row, struct text *out)
{
    text_addf(out, "%s%s", row->name_as ? row->name_as : row->tag, row->name_as ? "" : ".NAME");
}

static bool is_name_of(const struct listed *row, struct slice name)
{
    OWNED_TEXT_BUFFER full = { 0 };
    add_name(row, &full);
    return slice_equal_fold(name, text_slice(&full));
}

static bool is_name(const struct propath *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->steps[i].kind != PROPATH_NAME)
            return false;
    return p->sign == 0;
}

/* "ftpServer.security.ssl.serverCertHash" below the element. */
static int property_of(struct conf_element *e, struct slice name, struct slice *value_out)
{
    struct propath path;
    if (!e || propath_parse(name, &path) != 0 || !is_name(&path))
        return ERR_NOT_FOUND;
    for (size_t i = 0; i + 1 < path.count && e; i++) {
        OWNED_TEXT step = strndup(path.steps[i].name.ptr, path.steps[i].name.len);
        e = step ? conf_child(e, step) : NULL;
    }
    const char *attribute = e ? edit_attribute_name(e, path.steps[path.count - 1].name) : NULL;
    struct conf_value value;
    if (!attribute || conf_attr(e, attribute, &value) != 0)
        return ERR_NOT_FOUND;
    *value_out = value.text;
    return 0;
}

static int value_of(const struct listed *row, struct slice name, struct slice *value_out)
{
    const struct listed_attr *attr = attr_of(row, name);
    if (attr)
        *value_out = slice_str(attr->value);
    else if (is_name_of(row, name))
        *value_out = row->name;
    else
        return property_of(row->element, name, value_out);
    return 0;
}

/* ---- conditions ---- */

static bool is_condition(const struct cli *c, const struct arg_param *p)
{
    return p->is_property || (!verb_param_find(c->row, p->name) && !general_param_find(p->name));
}

/* "$=*web*" is a pattern, "$>5" and the like compare numbers, "$<>x" is everything else; without a sign it is equality. */
bool listing_meets(struct slice value, struct slice wanted)
{
    static const struct {
        struct slice sign;
        bool less, equal, more;
    } orders[] = {
        { { "$<=", 3 }, true, true, false }, { { "$>=", 3 }, false, true, true },
        { { "$<", 2 }, true, false, false }, { { "$>", 2 }, false, false, true },
    };
    if (slice_starts(wanted, SLICE_LITERAL("$<>")))
        return !slice_matches_wildcard(value, slice_from(wanted, 3));
    if (slice_starts(wanted, SLICE_LITERAL("$=")))
        return slice_matches_wildcard(value, slice_from(wanted, 2));
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        int64_t a, b;
        if (!slice_starts(wanted, orders[i].sign))
            continue;
        if (slice_to_i64(value, INT64_MIN, INT64_MAX, &a) != 0 ||
            slice_to_i64(slice_from(wanted, orders[i].sign.len), INT64_MIN, INT64_MAX, &b) != 0)
            return false;
        return a < b ? orders[i].less : a > b ? orders[i].more : orders[i].equal;
    }
    return fold_same(value, wanted);
}

static int matches(struct cli *c, const struct listed *row, bool *matches_out)
{
    *matches_out = true;
    if (c->identifier.ptr && !fold_same(c->identifier, row->name))
        *matches_out = false;
    for (size_t i = 0; i < c->args.param_count; i++) {
        const struct arg_param *p = &c->args.params[i];
        struct slice value;
        if (!is_condition(c, p))
            continue;
        if (value_of(row, p->name, &value) != 0)
            return cli_unknown_attribute(c, p->name);
        if (!listing_meets(value, p->value))
            *matches_out = false;
    }
    return EXIT_OK;
}

/* ---- forms ---- */

static void print_line(struct cli *c, const struct listed *row)
{
    OWNED_TEXT_BUFFER t = { 0 };
    text_addf(&t, "%s \"" SLICE_FMT "\"", row->tag, SLICE_ARG(row->name));
    const char *separator = " (";
    for (size_t i = 0; i < row->count; i++) {
        if (!row->attrs[i].in_line)
            continue;
        text_addf(&t, "%s%s:%s", separator, row->attrs[i].name, row->attrs[i].value);
        separator = ",";
    }
    if (separator[0] == ',')
        text_add_char(&t, ')');
    cli_say(c, "%s", text_str(&t));
}

static void print_tree(struct cli *c, struct conf_element *e, const char *name, int indent)
{
    struct conf_schema_attr attr;
    struct conf_value value;
    const char *child;
    bool is_collection;
    cli_say(c, "%*s[%s]", indent, "", name);
    for (size_t i = 0; conf_schema_attr_at(e, i, &attr); i++)
        if (!attr.runtime && conf_attr(e, attr.name, &value) == 0)
            cli_say(c, "%*s%s:\"" SLICE_FMT "\"", indent + 2, "", attr.name, SLICE_ARG(value.text));
    for (size_t i = 0; (child = conf_schema_child_at(e, i, &is_collection)) != NULL; i++) {
        struct conf_element *below = conf_child(e, child);
        if (below)
            print_tree(c, below, child, indent + 2);
    }
    if (!conf_schema_item_name(e))
        return;
    for (size_t i = 0; i < conf_count(e); i++) {
        struct conf_element *item = conf_item(e, i);
        print_tree(c, item, conf_element_name(item), indent + 2);
    }
}

static void print_all(struct cli *c, const struct listed *row)
{
    OWNED_TEXT_BUFFER name = { 0 };
    add_name(row, &name);
    cli_say(c, "%s\n  %s: " SLICE_FMT, row->tag, text_str(&name), SLICE_ARG(row->name));
    for (size_t i = 0; i < row->count; i++)
        cli_say(c, "  %s: %s", row->attrs[i].full ? row->attrs[i].full : row->attrs[i].name, row->attrs[i].value);
    if (row->element)
        print_tree(c, row->element, conf_element_name(row->element), 2);
}

static void add_config(struct cli *c, const struct listed *row, unsigned indent, struct text *out)
{
    bool everything = slice_equal_str(cli_param(c, "config"), "*");
    if (!row->element)
        return;
    conf_print_xml(row->element, !everything, indent, out);
    bool is_section = strcmp(row->tag, "CONFIG") == 0;
    listing_add_metadata(c, is_section ? row->name : SLICE_LITERAL(SITES_SECTION),
                         is_section ? conf_element_level(row->element) : SLICE_LITERAL(""), out);
}

static const char metadata[] = "metadata.";

bool listing_is_metadata(struct slice attribute)
{
    return slice_starts(attribute, slice_str(metadata));
}

void listing_add_metadata(struct cli *c, struct slice section, struct slice path, struct text *xml)
{
    OWNED_TEXT_BUFFER added = { 0 };
    char full[128];
    if (!cli_has(c, "metadata"))
        return;
    snprintf(full, sizeof full, SLICE_FMT, SLICE_ARG(section));
    bool locked = conf_is_locked(c->conf, full, path);
    text_addf(&added, " %sconfigPath=\"MACHINE/WEBROOT/APPHOST%s", metadata, path.len ? "/" : "");
    text_add_xml(&added, path);
    text_addf(&added, "\" %soverrideMode=\"%s\" %sisLocked=\"%s\"", metadata, locked ? "Deny" : "Allow", metadata,
              locked ? "true" : "false");
    size_t at = slice_find(text_slice(xml), '<');
    while (at < xml->len && !strchr(" />\n", xml->ptr[at + 1]))
        at++;
    if (at < xml->len)
        text_splice(xml, at + 1, 0, text_slice(&added));
}

bool listing_says_something(struct slice xml)
{
    struct slice rest = xml;
    struct slice first = slice_trim(slice_cut(&rest, '\n'));
    return slice_has_byte(first, '=') || slice_trim(rest).len > 0;
}

static void add_xml_row(struct cli *c, const struct listed *row)
{
    struct text *t = c->xml_rows;
    text_addf(t, "    <%s ", row->tag);
    add_name(row, t);
    text_add_str(t, "=\"");
    text_add_xml(t, row->name);
    text_add_char(t, '"');
    for (size_t i = 0; i < row->count; i++) {
        text_addf(t, " %s=\"", row->attrs[i].full ? row->attrs[i].full : row->attrs[i].name);
        text_add_xml(t, slice_str(row->attrs[i].value));
        text_add_char(t, '"');
    }
    if (!cli_has(c, "config") && strcmp(row->tag, "CONFIG") != 0) {
        text_add_str(t, " />\n");
        return;
    }
    text_add_str(t, ">\n");
    add_config(c, row, 2, t);
    text_addf(t, "    </%s>\n", row->tag);
}

/* Line breaks inside values are entities, so every blank at the start of a line is indentation. */
void listing_print_xml(struct cli *c, struct slice xml)
{
    while (xml.ptr && xml.len) {
        struct slice line = slice_cut(&xml, '\n');
        size_t blanks = 0;
        while (blanks < line.len && line.ptr[blanks] == ' ')
            blanks++;
        fprintf(c->out, "%*s", (int)(blanks / 2), "");
        fwrite(line.ptr + blanks, 1, line.len - blanks, c->out);
        fputc('\n', c->out);
    }
}

/* As appcmd shows a password to administrators: here, to who may read the key. */
static bool print_password(struct cli *c, struct slice stored)
{
    struct diag d;
    struct text clear = { 0 };
    bool is_open = protect_reveal(c->directory, stored, &clear, &d) == 0;
    if (is_open)
        cli_say(c, SLICE_FMT, SLICE_ARG(text_slice(&clear)));
    if (clear.ptr)
        secret_wipe(clear.ptr, clear.cap);
    text_free(&clear);
    return is_open;
}

static int print_attribute(struct cli *c, const struct listed *row, struct slice name)
{
    struct slice value;
    if (value_of(row, name, &value) != 0)
        return cli_unknown_attribute(c, name);
    if (!protect_is_ours(value) || !print_password(c, value))
        cli_say(c, SLICE_FMT, SLICE_ARG(value));
    return EXIT_OK;
}

int listing_row(struct cli *c, const struct listed *row)
{
    bool wanted = false;
    int code = matches(c, row, &wanted);
    return code || !wanted ? code : listing_show(c, row);
}

int listing_show(struct cli *c, const struct listed *row)
{
    c->listed = true;
    struct slice text = cli_param(c, "text");
    if (cli_has(c, "xml")) {
        add_xml_row(c, row);
    } else if (cli_has(c, "config")) {
        OWNED_TEXT_BUFFER xml = { 0 };
        add_config(c, row, 0, &xml);
        listing_print_xml(c, text_slice(&xml));
    } else if (slice_equal_str(text, "*")) {
        print_all(c, row);
    } else if (text.len) {
        return print_attribute(c, row, text);
    } else {
        print_line(c, row);
    }
    return EXIT_OK;
}

int listing_end(struct cli *c)
{
    if (c->is_one_of_many)
        return EXIT_OK;
    if (cli_has(c, "xml")) {
        if (text_error(c->xml_rows) != 0)
            return cli_failed(c, 14, "%s", err_text(c->xml_rows->err));
        fprintf(c->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<appcmd>\n%s</appcmd>\n", text_str(c->xml_rows));
    }
    return c->identifier.ptr && !c->listed ? EXIT_NOTHING_LISTED : EXIT_OK;
}

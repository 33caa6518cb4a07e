/*
 * search.c - which configuration paths set something.
 *
 * "/path" asks for places that set the attribute or hold the element, "/path:value" for those that set it so, nothing
 * for those that say anything in the section.  Only what is written counts, never what is inherited.
 */
#include "cli/config.h"
#include "cli/listing.h"
#include "cli/site.h"
#include "cli/table.h"

struct search {
    struct cli *c;
    struct slice section;
    bool is_named; /* the section was asked for: unknown names are errors */
    struct text found; /* paths, a line each */
    int code;
};

static bool sets_attribute(struct conf_element *e, struct slice name, const struct arg_param *p, bool *known_out)
{
    const char *attribute = edit_attribute_name(e, name);
    struct conf_value value;
    *known_out = attribute != NULL;
    if (!attribute || conf_attr(e, attribute, &value) != 0)
        return false;
    return value.origin == CONF_EXPLICIT && (!p->has_value || listing_meets(value.text, p->value));
}

/* Whether the schema knows the names, as far as there are items that lead to them; *unknown_out is the first that it does not. */
static bool knows(struct search *s, const struct edit_place *place, const struct propath *path, struct slice *unknown_out)
{
    struct conf_element *e = NULL;
    struct edit_miss miss = { 0 };
    const struct propath_step *last = &path->steps[path->count - 1];
    if (conf_section(s->c->conf, place->section, place->path, &e) != 0)
        return s->is_named; /* it is not declared: nothing can be said of its names */
    if (edit_find(s->c->conf, place, path->steps, path->count, &e, &miss) == 0 || !miss.name.len)
        return true;
    *unknown_out = miss.name;
    return miss.step == last && edit_find(s->c->conf, place, path->steps, path->count - 1, &e, NULL) == 0 &&
           edit_attribute_name(e, last->name) != NULL;
}

/* A name that no section has, or not the one that was asked for. */
static int check_names(struct search *s, const struct arg_param *p)
{
    struct propath path;
    struct slice unknown = p->name;
    bool known = false;
    if (propath_parse(p->name, &path) != 0 || path.sign)
        return cli_unknown_attribute(s->c, p->name);
    for (size_t i = 0; !known && i < conf_section_count(); i++) {
        const struct edit_place place = { .section = slice_str(conf_section_name(i)), .path = SLICE_LITERAL(""), .takes_first = true };
        if (!s->is_named || slice_equal(s->section, place.section))
            known = knows(s, &place, &path, &unknown);
    }
    return known ? EXIT_OK : cli_unknown_attribute(s->c, s->is_named ? unknown : p->name);
}

/* One condition at one place; names unknown there are told only when the section was named. */
static bool meets(struct search *s, const struct edit_place *place, const struct arg_param *p)
{
    struct propath path;
    struct conf_element *e = NULL, *below = NULL;
    struct slice unknown;
    bool known = false;
    if (propath_parse(p->name, &path) != 0)
        return false; /* check_names has told it */
    const struct propath_step *last = &path.steps[path.count - 1];
    if (edit_find(s->c->conf, place, path.steps, path.count, &below, NULL) == 0)
        return !p->has_value && conf_is_local(below);
    if (last->kind == PROPATH_NAME &&
        edit_find(s->c->conf, place, path.steps, path.count - 1, &e, NULL) == 0 && sets_attribute(e, last->name, p, &known))
        return true;
    if (!known && s->is_named && !knows(s, place, &path, &unknown))
        s->code = cli_unknown_attribute(s->c, unknown);
    return false;
}

static void add_path(struct search *s, struct slice path)
{
    OWNED_TEXT_BUFFER line = { 0 };
    text_addf(&line, "\n" SLICE_FMT "\n", SLICE_ARG(path));
    if (s->found.len == 0)
        text_add_char(&s->found, '\n');
    if (!strstr(text_str(&s->found), text_str(&line)))
        text_add(&s->found, slice_from(text_slice(&line), 1));
}

static void look(void *context, struct slice path)
{
    struct search *s = context;
    struct edit_place place = { .section = s->section, .path = path, .takes_first = true };
    struct conf_element *section = NULL;
    if (s->code || conf_section(s->c->conf, s->section, path, &section) != 0 || !conf_is_local(section))
        return;
    if (edit_count(s->c) == 0) {
        OWNED_TEXT_BUFFER xml = { 0 };
        conf_print_xml(section, true, 0, &xml);
        if (!listing_says_something(text_slice(&xml)))
            return;
    }
    for (size_t i = 0; i < s->c->args.param_count; i++)
        if (edit_is_edit(s->c, &s->c->args.params[i]) && !meets(s, &place, &s->c->args.params[i]))
            return;
    add_path(s, path);
}

static int print_found(struct search *s)
{
    struct slice rest = slice_from(text_slice(&s->found), 1);
    if (text_error(&s->found))
        return cli_failed(s->c, 14, "%s", err_text(s->found.err));
    int code = EXIT_OK;
    while (!code && s->found.len && rest.ptr) {
        struct slice path = slice_cut(&rest, '\n');
        OWNED_TEXT_BUFFER name = { 0 };
        if (!rest.ptr)
            break; /* behind the last line */
        text_addf(&name, "MACHINE/WEBROOT/APPHOST%s" SLICE_FMT, path.len ? "/" : "", SLICE_ARG(path));
        struct listed row = { .tag = "CONFIGSEARCH", .name_as = "CONFIG.PATH", .name = text_slice(&name) };
        code = listing_show(s->c, &row);
    }
    return code ? code : listing_end(s->c);
}

int config_search(struct cli *c)
{
    OWNED_TEXT_BUFFER base = { 0 };
    struct search s = { .c = c };
    struct slice written = cli_param(c, "section");
    int code = cli_open(c);
    if (!code && written.ptr)
        code = config_section_name(c, written, &s.section);
    if (!code)
        code = site_config_path(c, c->identifier, &base);
    if (code)
        return code;
    s.is_named = s.section.ptr != NULL;
    for (size_t i = 0; !s.code && i < c->args.param_count; i++)
        s.code = edit_is_edit(c, &c->args.params[i]) ? check_names(&s, &c->args.params[i]) : EXIT_OK;
    for (size_t i = 0; !s.code && i < conf_section_count(); i++) {
        if (s.is_named && !slice_equal_str(s.section, conf_section_name(i)))
            continue;
        s.section = slice_str(conf_section_name(i));
        if (base.len == 0)
            look(&s, SLICE_LITERAL(""));
        conf_locations(c->conf, conf_section_name(i), text_slice(&base), look, &s);
        if (s.is_named)
            break;
    }
    c->identifier = SLICE_NONE; /* a place that sets nothing is no error */
    code = s.code ? s.code : print_found(&s);
    text_free(&s.found);
    return code;
}

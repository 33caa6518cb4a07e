/*
 * config.c - sections at any path.
 *
 * FTP sections may stand in applicationHost.config only ("Deep Dive into IIS Configuration"), so /commit is taken as
 * apphost whatever it says, and the messages name MACHINE/WEBROOT/APPHOST as the place of the change.
 */
#include "cli/config.h"
#include "cli/graft.h"
#include "cli/listing.h"
#include "cli/site.h"
#include "cli/table.h"
#include "conf/schema.h"

#define APPHOST "MACHINE/WEBROOT/APPHOST"

/* ---- names ---- */

static int report_unknown_section(struct cli *c, struct slice name)
{
    return cli_error(c, EXIT_BAD_PARAMETER, "Unknown config section \"" SLICE_FMT "\".  Replace with ? for help.",
                     SLICE_ARG(name));
}

static struct slice last_part(struct slice section)
{
    size_t slash = slice_find_last(section, '/');
    return slash == SIZE_MAX ? section : slice_from(section, slash + 1);
}

/* appcmd knows applicationHost.config alone, so names that are unique there stay unique beside our other files'. */
int config_section_name(struct cli *c, struct slice written, struct slice *name_out)
{
    struct slice found = SLICE_NONE, elsewhere = SLICE_NONE;
    size_t count = 0, elsewhere_count = 0;
    for (size_t i = 0; i < conf_section_count(); i++) {
        struct slice name = slice_str(conf_section_name(i));
        if (slice_equal_fold(name, written)) {
            *name_out = name;
            return EXIT_OK;
        }
        if (!slice_equal_fold(last_part(name), written))
            continue;
        bool is_apphost = conf_section_file(conf_section_name(i)) == CONF_APPLICATION_HOST;
        *(is_apphost ? &found : &elsewhere) = name;
        *(is_apphost ? &count : &elsewhere_count) += 1;
    }
    if (count > 1 || (count == 0 && elsewhere_count != 1))
        return report_unknown_section(c, written);
    *name_out = count ? found : elsewhere;
    return EXIT_OK;
}

static int list_names(struct cli *c)
{
    for (size_t i = 0; i < conf_section_count(); i++)
        cli_say(c, "%s", conf_section_name(i));
    return EXIT_OK;
}

int config_find_place(struct cli *c, struct text *path_out, struct edit_place *place_out)
{
    struct slice written = cli_param(c, "section");
    if (slice_is_empty(written))
        return cli_error(c, EXIT_BAD_PARAMETER, "Must specify the section with /section:.  /section:? lists their names.");
    int code = cli_open(c);
    if (!code)
        code = config_section_name(c, written, &place_out->section);
    if (!code)
        code = site_config_path(c, c->identifier, path_out);
    if (code)
        return code;
    place_out->path = text_slice(path_out);
    return EXIT_OK;
}

static void print_path(struct text *out, struct slice path)
{
    text_addf(out, APPHOST "%s" SLICE_FMT, path.len ? "/" : "", SLICE_ARG(path));
}

int config_save_and_say(struct cli *c, const struct edit_place *place)
{
    OWNED_TEXT_BUFFER path = { 0 };
    print_path(&path, place->path);
    int code = cli_save(c);
    if (!code)
        cli_say(c, "Applied configuration changes to section \"" SLICE_FMT "\" for \"%s\" at configuration commit path "
                "\"" APPHOST "\"", SLICE_ARG(place->section), text_str(&path));
    return code;
}

/* ---- list ---- */

/* The section inside its groups: <system.ftpServer><security><authorization>. */
static void print_section(struct cli *c, struct slice name, struct slice body)
{
    struct slice rest = name;
    unsigned depth = 0;
    for (struct slice part = slice_cut(&rest, '/'); rest.ptr; part = slice_cut(&rest, '/'))
        fprintf(c->out, "%*s<" SLICE_FMT ">\n", (int)(2 * depth++), "", SLICE_ARG(part));
    listing_print_xml(c, body);
    while (depth > 0) {
        rest = name;
        struct slice part = slice_cut(&rest, '/');
        for (unsigned i = 1; i < depth; i++)
            part = slice_cut(&rest, '/');
        fprintf(c->out, "%*s</" SLICE_FMT ">\n", (int)(2 * --depth), "", SLICE_ARG(part));
    }
}

static unsigned group_depth(struct slice name)
{
    unsigned depth = 0;
    for (size_t i = 0; i < name.len; i++)
        depth += name.ptr[i] == '/';
    return depth;
}

/* As an object with attributes: /text and /xml. */
static int list_as_object(struct cli *c, struct slice name, struct slice path, struct conf_element *section)
{
    OWNED_TEXT_BUFFER shown = { 0 };
    char full[128];
    snprintf(full, sizeof full, SLICE_FMT, SLICE_ARG(name));
    bool locked = conf_is_locked(c->conf, full, path);
    print_path(&shown, path);
    struct listed row = {
        .tag = "CONFIG", .name_as = "CONFIG.SECTION", .name = name, .count = 3, .element = section,
        .attrs = { { "path", "CONFIG.PATH", text_str(&shown), true },
                   { "overrideMode", NULL, locked ? "Deny" : "Allow", true },
                   { "locked", NULL, locked ? "true" : "false", true } },
    };
    return listing_show(c, &row);
}

static int list_section(struct cli *c, struct slice name, struct slice path, bool even_if_empty)
{
    struct conf_element *section = NULL;
    bool everything = slice_equal_str(cli_param(c, "config"), "*");
    int err = conf_section(c->conf, name, path, &section);
    if (err)
        return cli_failed(c, cli_exit_of(err), "The section " SLICE_FMT " cannot be read here: %s", SLICE_ARG(name),
                          err_text(err));
    OWNED_TEXT_BUFFER xml = { 0 };
    conf_print_xml(section, !everything, group_depth(name), &xml);
    if (text_error(&xml) != 0)
        return cli_failed(c, 14, "%s", err_text(xml.err));
    if (!even_if_empty && !listing_says_something(text_slice(&xml)))
        return EXIT_OK;
    if (cli_has(c, "xml") || cli_has(c, "text"))
        return list_as_object(c, name, path, section);
    listing_add_metadata(c, name, path, &xml);
    print_section(c, name, text_slice(&xml));
    return EXIT_OK;
}

static int list_written(struct cli *c)
{
    OWNED_TEXT_BUFFER path = { 0 };
    struct edit_place place = { 0 };
    if (cli_has(c, "section")) {
        int code = config_find_place(c, &path, &place);
        return code ? code : list_section(c, place.section, place.path, true);
    }
    int code = cli_open(c);
    if (!code)
        code = site_config_path(c, c->identifier, &path);
    for (size_t i = 0; !code && i < conf_section_count(); i++)
        code = list_section(c, slice_str(conf_section_name(i)), text_slice(&path), false);
    return code;
}

int config_list(struct cli *c)
{
    if (slice_equal_str(cli_param(c, "section"), "?"))
        return list_names(c);
    int code = list_written(c);
    c->identifier = SLICE_NONE; /* a path that sets nothing is there all the same */
    return code ? code : listing_end(c);
}

/* ---- set ---- */

static void print_attribute(struct cli *c, const char *prefix, const struct conf_schema_attr *attr)
{
    if (!attr->runtime)
        cli_say(c, "-%s%s  (%s%s%s)", prefix, attr->name, attr->type, attr->allowed[0] ? ": " : "", attr->allowed);
}

static void print_collection(struct cli *c, const char *prefix, const char *item)
{
    cli_say(c, "+%s[name='value',...]  (adds %s %s)", prefix, strchr("aeiou", item[0]) ? "an" : "a", item);
}

/* What an item of a collection takes, and the items that it holds itself. */
static void print_item(struct cli *c, struct conf_draft *item, const char *prefix)
{
    struct conf_schema_attr attr;
    struct conf_draft *inner = NULL;
    struct diag d = { 0 };
    const char *child, *inner_name = conf_draft_schema_item_name(item);
    for (size_t i = 0; conf_draft_schema_attr_at(item, i, &attr); i++)
        print_attribute(c, prefix, &attr);
    for (size_t i = 0; (child = conf_draft_schema_child_at(item, i)) != NULL; i++) {
        OWNED_TEXT_BUFFER below = { 0 };
        text_addf(&below, "%s%s.", prefix, child);
        struct conf_draft *element = conf_draft_child(item, child);
        if (element)
            print_item(c, element, text_str(&below));
    }
    if (!inner_name)
        return;
    print_collection(c, prefix, inner_name);
    OWNED_TEXT_BUFFER below = { 0 };
    text_addf(&below, "%s[name='value'].", prefix);
    if (conf_draft_item_new(item, &inner, &d) == 0)
        print_item(c, inner, text_str(&below));
    conf_draft_free(inner);
}

static void print_settable(struct cli *c, struct conf_element *e, const char *prefix)
{
    struct conf_schema_attr attr;
    struct conf_draft *draft = NULL;
    struct diag d = { 0 };
    const char *child, *item = conf_schema_item_name(e);
    bool is_collection;
    for (size_t i = 0; conf_schema_attr_at(e, i, &attr); i++)
        print_attribute(c, prefix, &attr);
    for (size_t i = 0; (child = conf_schema_child_at(e, i, &is_collection)) != NULL; i++) {
        OWNED_TEXT_BUFFER below = { 0 };
        text_addf(&below, "%s%s.", prefix, child);
        struct conf_element *element = conf_child(e, child);
        if (element)
            print_settable(c, element, text_str(&below));
    }
    if (!item)
        return;
    print_collection(c, prefix, item);
    OWNED_TEXT_BUFFER below = { 0 };
    text_addf(&below, "%s[name='value'].", prefix);
    if (conf_draft_new(e, &draft, &d) == 0)
        print_item(c, draft, text_str(&below));
    conf_draft_free(draft);
}

static int list_settable(struct cli *c, const struct edit_place *place)
{
    struct conf_element *section = NULL;
    int err = conf_section(c->conf, place->section, place->path, &section);
    if (err)
        return report_unknown_section(c, place->section);
    print_settable(c, section, "");
    return EXIT_OK;
}

int config_set(struct cli *c)
{
    OWNED_TEXT_BUFFER path = { 0 };
    struct edit_place place = { 0 };
    if (slice_equal_str(cli_param(c, "section"), "?"))
        return list_names(c);
    int code = config_find_place(c, &path, &place);
    if (code)
        return code;
    if (c->args.help)
        return list_settable(c, &place);
    if (edit_count(c) == 0)
        return cli_error(c, EXIT_BAD_PARAMETER, "Must specify at least one property to set.  Use -? for help.");
    code = edit_apply_all(c, &place);
    return code ? code : config_save_and_say(c, &place);
}

/* ---- clear, lock, unlock ---- */

int config_clear(struct cli *c)
{
    OWNED_TEXT_BUFFER path = { 0 };
    struct edit_place place = { 0 };
    struct conf_element *section = NULL;
    struct diag d = { 0 };
    int code = config_find_place(c, &path, &place);
    if (code)
        return code;
    int err = conf_section(c->conf, place.section, place.path, &section);
    if (!err)
        err = cli_has(c, "delete") ? conf_delete_section(c->conf, section, &d) : conf_clear_section(c->conf, section, &d);
    return err ? cli_failed_diag(c, err, &d) : config_save_and_say(c, &place);
}

/* What the file of a fresh instance says in the section. */
static int graft_fresh(struct cli *c, const struct edit_place *place, enum conf_file file)
{
    struct slice fresh = schema_new_file(conf_file_name(file));
    struct xml *x = NULL;
    struct diag d = { 0 };
    if (!fresh.ptr)
        return EXIT_OK;
    int err = xml_parse(fresh, slice_str(conf_file_name(file)), &x, &d);
    if (err)
        return cli_failed_diag(c, err, &d);
    uint32_t node = 0;
    struct slice rest = place->section;
    for (struct slice part = slice_cut(&rest, '/'); node != XML_NONE; part = slice_cut(&rest, '/')) {
        node = xml_child(x, node, part, XML_NONE);
        if (!rest.ptr)
            break;
    }
    int code = node == XML_NONE ? EXIT_OK : graft_node(c, place, x, node, NULL);
    xml_free(x);
    return code;
}

/* Back to what nobody has edited: at the server what a fresh instance has, below it nothing. */
int config_reset(struct cli *c)
{
    OWNED_TEXT_BUFFER path = { 0 };
    struct edit_place place = { 0 };
    struct conf_element *section = NULL;
    struct diag d = { 0 };
    char full[128];
    int code = config_find_place(c, &path, &place);
    if (code)
        return code;
    snprintf(full, sizeof full, SLICE_FMT, SLICE_ARG(place.section));
    int err = conf_section(c->conf, place.section, place.path, &section);
    if (!err)
        err = conf_delete_section(c->conf, section, &d);
    if (err)
        return cli_failed_diag(c, err, &d);
    if (place.path.len == 0)
        code = graft_fresh(c, &place, conf_section_file(full));
    return code ? code : config_save_and_say(c, &place);
}

/* IIS rewrites sections of ASP.NET for its integrated mode; FTP's have had one form since they exist. */
int config_migrate(struct cli *c)
{
    OWNED_TEXT_BUFFER path = { 0 };
    struct edit_place place = { 0 };
    int code = cli_has(c, "section") ? config_find_place(c, &path, &place) : cli_open(c);
    if (!code && !cli_has(c, "section"))
        code = site_config_path(c, c->identifier, &path);
    if (!code)
        cli_say(c, "No section needs to be migrated.");
    return code;
}

static int change_lock(struct cli *c, bool deny)
{
    OWNED_TEXT_BUFFER path = { 0 }, shown = { 0 };
    struct edit_place place = { 0 };
    struct diag d = { 0 };
    int code = config_find_place(c, &path, &place);
    if (code)
        return code;
    int err = conf_lock(c->conf, place.section, place.path, deny, &d);
    if (err)
        return cli_failed_diag(c, err, &d);
    code = cli_save(c);
    print_path(&shown, place.path);
    if (!code)
        cli_say(c, "%s section \"" SLICE_FMT "\" at configuration path \"%s\".", deny ? "Locked" : "Unlocked",
                SLICE_ARG(place.section), text_str(&shown));
    return code;
}

int config_lock(struct cli *c)
{
    return change_lock(c, true);
}

int config_unlock(struct cli *c)
{
    return change_lock(c, false);
}

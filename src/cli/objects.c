/*
 * objects.c - /in: the result set of one command as the objects of another.
 *
 * A document of /xml stands on standard input; each of its objects is one run of the command, with the attributes that
 * name it taken for the identifier, or for the condition that relates one kind of object to another: sites select their
 * applications.  With `add` the attributes are what is added, and configuration XML inside the object (/config /xml) is
 * written whole.  What the command line says itself goes before the document.  All objects or none.
 */
#include "cli/cli.h"

#include <stdlib.h>

#include "base/own.h"
#include "cli/config.h"
#include "cli/graft.h"
#include "cli/listing.h"
#include "cli/site.h"
#include "cli/table.h"

enum { INPUT_MAX = 64 << 20 };

/* E7, then where and why. */
static int invalid_data(struct cli *c, const struct diag *d)
{
    static const char of_files[] = "Configuration file is ";
    OWNED_TEXT_BUFFER why = { 0 };
    struct diag shown = *d;
    diag_place(&shown, SLICE_LITERAL("standard input"), d->line, d->column);
    if (slice_starts(slice_str(d->what), SLICE_LITERAL(of_files)))
        diag_set(&shown, "%s", d->what + sizeof of_files - 1);
    diag_print(&shown, &why);
    return cli_failed(c, EXIT_BAD_DATA, "The data is invalid.\n%s", text_str(&why));
}

static int read_input(FILE *in, struct text *out, struct diag *d)
{
    for (;;) {
        char *room = text_room(out, 65536);
        size_t got = room ? fread(room, 1, 65536, in) : 0;
        text_grown(out, got);
        if (out->len > INPUT_MAX)
            diag_set(d, "it is larger than %d MiB", INPUT_MAX >> 20);
        else if (got == 0 && (text_error(out) || ferror(in)))
            diag_set(d, "it cannot be read");
        if (got == 0 || out->len > INPUT_MAX)
            return d->what[0] ? ERR_SYNTAX : 0;
    }
}

/* How the attributes of an object answer for a verb's identifier or parameters. */
struct relation {
    const char *object, *attribute;
    const char *param; /* NULL: the identifier */
    bool when_adding, otherwise;
};

static const struct relation relations[] = {
    { "site",        "SITE.NAME",        NULL,              false, true  },
    { "app",         "APP.NAME",         NULL,              false, true  },
    { "app",         "SITE.NAME",        "site.name",       true,  true  },
    { "vdir",        "VDIR.NAME",        NULL,              false, true  },
    { "vdir",        "APP.NAME",         "app.name",        true,  true  },
    { "vdir",        "SITE.NAME",        "site.name",       false, true  },
    { "config",      "CONFIG.SECTION",   "section",         false, true  },
    { "config",      "CONFIG.PATH",      NULL,              false, true  },
    { "config",      "VDIR.NAME",        NULL,              false, true  },
    { "config",      "APP.NAME",         NULL,              false, true  },
    { "config",      "SITE.NAME",        NULL,              false, true  },
    { "user",        "USER.NAME",        NULL,              true,  true  },
    { "certificate", "CERTIFICATE.NAME", NULL,              false, true  },
    { "session",     "SESSION.NAME",     NULL,              false, true  },
    { "session",     "SITE.NAME",        "site.name",       false, true  },
    { "backup",      "BACKUP.NAME",      NULL,              true,  true  },
    { "site",        "SITE.NAME",        "name",            true,  false },
    { "site",        "SITE.ID",          "id",              true,  false },
    { "site",        "bindings",         "bindings",        true,  false },
    { "app",         "path",             "path",            true,  false },
    { "app",         "APPPOOL.NAME",     "applicationPool", true,  false },
    { "vdir",        "path",             "path",            true,  false },
    { "vdir",        "physicalPath",     "physicalPath",    true,  false },
};

struct object {
    struct cli *c; /* the one run */
    const struct xml *x;
    uint32_t node;
    bool adds, is_selected;
    FILE *errors; /* what the run prints before may be untrue, an error never is */
    bool is_told;
};

static int invalid_object(struct object *o, const char *why)
{
    struct diag d = { 0 };
    xml_position(o->x, o->node, o->x->nodes[o->node].start, &d.line, &d.column);
    diag_set(&d, "<" SLICE_FMT "> %s", SLICE_ARG(xml_name(o->x, o->node)), why);
    return invalid_data(o->c, &d);
}

static int add_param(struct object *o, const char *name, struct slice value)
{
    struct args *a = &o->c->args;
    if (args_find(a, name))
        return EXIT_OK;
    if (a->param_count == ARGS_PARAMS)
        return invalid_object(o, "has too many attributes");
    a->params[a->param_count++] = (struct arg_param){ .name = slice_str(name), .value = value, .has_value = true };
    return EXIT_OK;
}

/* Bindings stand in the configuration XML as well, if there is some. */
static bool is_told_inside(const struct object *o, const char *attribute)
{
    return o->x->nodes[o->node].first != XML_NONE &&
           (strcmp(attribute, "bindings") == 0 || strcmp(attribute, "physicalPath") == 0 || strcmp(attribute, "APPPOOL.NAME") == 0);
}

static int relate(struct object *o)
{
    int code = EXIT_OK;
    for (size_t i = 0; !code && i < sizeof relations / sizeof relations[0]; i++) {
        const struct relation *r = &relations[i];
        struct slice value = xml_attr_or(o->x, o->node, r->attribute, SLICE_NONE);
        if (strcmp(r->object, o->c->row->object) != 0 || !(o->adds ? r->when_adding : r->otherwise) || !value.ptr)
            continue;
        if (o->adds && (is_told_inside(o, r->attribute) || slice_is_empty(value)))
            continue;
        if (r->param && o->is_selected && !o->adds && strcmp(r->param, "section") != 0)
            continue; /* named more closely already */
        if (!r->param && !o->c->identifier.ptr)
            o->c->identifier = value;
        else if (r->param)
            code = add_param(o, r->param, value);
        o->is_selected = true;
    }
    if (code || o->is_selected)
        return code;
    OWNED_TEXT_BUFFER why = { 0 };
    text_addf(&why, "names no %s: it takes what \"list %s /xml\" prints", o->c->row->object, o->c->row->object);
    return invalid_object(o, text_str(&why));
}

static bool is_written_already(struct slice attribute)
{
    static const char *const names[] = { "name", "id", "path", "state" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (slice_equal_str(attribute, names[i]))
            return true;
    return listing_is_metadata(attribute);
}

/* Where the object that was just added stands. */
static struct edit_place place_of(const struct cli *c)
{
    struct slice name = cli_param(c, "name"), path = cli_param(c, "path");
    if (strcmp(c->row->object, "site") == 0)
        return site_place(name.ptr ? name : c->identifier, SLICE_NONE, SLICE_NONE);
    if (strcmp(c->row->object, "app") == 0)
        return site_place(cli_param(c, "site.name"), path, SLICE_NONE);
    struct slice site, app;
    site_split(cli_param(c, "app.name"), &site, &app);
    return site_place(site, app, path);
}

static int graft_inside(struct object *o)
{
    uint32_t inner = o->x->nodes[o->node].first;
    struct edit_place place = place_of(o->c);
    return inner == XML_NONE ? EXIT_OK : graft_node(o->c, &place, o->x, inner, is_written_already);
}

/* `set config /in`: the section inside of the object, attribute by attribute and item by item. */
static int graft_section(struct object *o)
{
    OWNED_TEXT_BUFFER path = { 0 };
    struct edit_place place = { 0 };
    int code = config_find_place(o->c, &path, &place);
    uint32_t inner = o->x->nodes[o->node].first;
    while (!code && inner != XML_NONE && slice_find(place.section, '/') != SIZE_MAX &&
           !slice_ends(place.section, xml_name(o->x, inner)))
        inner = o->x->nodes[inner].first; /* through the groups around it */
    if (!code && inner != XML_NONE)
        code = graft_node(o->c, &place, o->x, inner, listing_is_metadata);
    return code ? code : config_save_and_say(o->c, &place);
}

static void drop_param(struct args *a, const char *name)
{
    const struct arg_param *found = args_find(a, name);
    if (!found)
        return;
    size_t at = (size_t)(found - a->params);
    memmove(&a->params[at], &a->params[at + 1], (a->param_count - at - 1) * sizeof a->params[0]);
    a->param_count--;
}

/* Sites and applications stand for all that is in them, as they do for `list`.  The names are taken first: elements end with an edit. */
static int run_related(struct object *o)
{
    OWNED_TEXT_BUFFER names = { 0 };
    const struct verb_row *row = o->c->row;
    struct slice site = cli_param(o->c, "site.name"), app = cli_param(o->c, "app.name");
    int code;
    if (strcmp(row->object, "app") == 0)
        code = app_names_of_site(o->c, site, &names);
    else if (strcmp(row->object, "vdir") == 0)
        code = vdir_names_of(o->c, site, app, &names);
    else
        return cli_error(o->c, EXIT_BAD_PARAMETER, "The objects on standard input do not name the %s: \"%s %s /in\" takes what \"list %s /xml\" prints.",
                         row->identifier, row->verb, row->object, row->object);
    if (!code && text_error(&names))
        code = cli_failed(o->c, 14, "%s", err_text(names.err));
    drop_param(&o->c->args, "site.name");
    drop_param(&o->c->args, "app.name");
    for (struct slice rest = text_slice(&names); !code && rest.len;) {
        o->c->identifier = slice_cut(&rest, '\n');
        code = cli_run_row(o->c);
    }
    return code;
}

static int run_one(struct object *o)
{
    bool has_inside = o->x->nodes[o->node].first != XML_NONE;
    int code = relate(o);
    if (code)
        return code;
    if (o->c->row->run == config_set && has_inside)
        return graft_section(o);
    if (o->c->row->identifies == MUST_IDENTIFY && !o->adds && !o->c->identifier.ptr)
        return run_related(o);
    code = cli_run_row(o->c);
    if (code || !o->adds || !has_inside)
        return code;
    FILE *out = o->c->out;
    o->c->out = o->errors;
    code = graft_inside(o);
    o->is_told = code != EXIT_OK;
    o->c->out = out;
    return code;
}

/* One run; what it prints goes to `said` if it succeeds, to the user at once if it does not. */
static int run_object(struct cli *c, struct object *o, struct text *said)
{
    OWNED_TEXT printed = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&printed, &len);
    if (!memory)
        return 14;
    o->c->out = memory;
    int code = run_one(o);
    if (fclose(memory) != 0)
        code = code ? code : 14;
    if (code)
        fputs(printed && !o->is_told ? printed : "", c->out);
    else
        text_add(said, slice_of(printed, len));
    return code;
}

static int run_objects(struct cli *c, const struct xml *x, struct cli_batch *batch, struct text *said)
{
    int code = EXIT_OK;
    struct cli *one = malloc(sizeof *one);
    if (!one)
        return 14;
    for (uint32_t n = x->nodes[0].first; !code && n != XML_NONE; n = x->nodes[n].next) {
        struct object o = { .c = one, .x = x, .node = n, .adds = strcmp(c->row->verb, "add") == 0,
                            .errors = c->out };
        *one = *c;
        one->conf = NULL;
        one->batch = batch;
        one->is_one_of_many = true;
        drop_param(&one->args, "in");
        code = run_object(c, &o, said);
    }
    free(one);
    return code;
}

/* What the runs print is held back until the configuration is written: no line may say "added" before.  In a script the
 * service is asked behind it, as for any other line. */
static int run_together(struct cli *c, const struct xml *x)
{
    struct cli_batch own = { 0 };
    OWNED_TEXT_BUFFER said = { 0 };
    bool is_alone = !c->batch || c->batch->writes_each;
    int code = run_objects(c, x, is_alone ? &own : c->batch, &said);
    if (!code && is_alone)
        code = cli_batch_save(&own, c->out);
    if (!code && is_alone && own.changed)
        code = cli_changed(c);
    cli_batch_free(&own);
    if (code)
        return code;
    if (text_error(&said))
        return cli_failed(c, 14, "%s", err_text(said.err));
    fputs(text_str(&said), c->out);
    return listing_end(c);
}

int objects_run(struct cli *c)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    struct xml *x = NULL;
    struct diag d = { 0 };
    if (c->identifier.ptr)
        return cli_error(c, EXIT_BAD_PARAMETER, "The objects come from standard input: an identifier has no place beside /in.");
    if (read_input(c->in, &bytes, &d) != 0 || xml_parse(text_slice(&bytes), SLICE_LITERAL("standard input"), &x, &d) != 0)
        return invalid_data(c, &d);
    if (!slice_equal_fold_str(xml_name(x, 0), "appcmd"))
        diag_set(&d, "<" SLICE_FMT "> is no result set, which begins with <appcmd>", SLICE_ARG(xml_name(x, 0)));
    int code = d.what[0] ? invalid_data(c, &d) : run_together(c, x);
    xml_free(x);
    return code;
}

/*
 * frame.c - the frame of a file: configSections, section groups, location tags.
 *
 * A section exists when it is declared and has a schema.  Declared without a schema it is foreign: it belongs to
 * another product and is left alone.  sallyport.config needs no declarations, its sections are ours; configProtectedData
 * and configurationRedirection are declared above the files we read (machine.config, redirection.config).
 */
#include <stdlib.h>

#include "base/fold.h"
#include "conf/conf_priv.h"
#include "conf/value.h"

/* ---- problems ---- */

void sink_error(struct sink *s, int err, const struct diag *d)
{
    enum { ERRORS_SHOWN = 200 };
    if (!s->err) {
        s->err = err;
        s->first = *d;
    }
    if (s->errors++ < ERRORS_SHOWN && s->report)
        s->report(s->context, 0, d);
}

void sink_warning(struct sink *s, const struct diag *d)
{
    if (s->report && !s->fatal_only)
        s->report(s->context, 1, d);
}

void place_diag(const struct conf_input *in, uint32_t node, uint32_t at, const struct schema_section *section,
                const struct schema_element *e, struct diag *d)
{
    unsigned line, column;
    xml_position(in->x, node, at, &line, &column);
    *d = (struct diag){ 0 };
    diag_place(d, slice_str(in->name), line, column);
    if (!section)
        return;
    OWNED_TEXT_BUFFER path = { 0 };
    element_path_print(section, e, &path);
    diag_path(d, "%s", text_str(&path));
}

/* ---- paths ---- */

struct slice path_canonical(struct slice path)
{
    if (slice_equal_str(path, "."))
        return SLICE_LITERAL("");
    while (path.len && path.ptr[path.len - 1] == '/')
        path.len--;
    return path.ptr ? path : SLICE_LITERAL("");
}

/* A second spelling of a path would be looked up by nobody: a Deny at "Site/./secret" would protect nothing. */
bool conf_path_is_valid(struct slice path)
{
    if (slice_is_empty(path) || slice_equal_str(path, "."))
        return true;
    if (slice_has_byte(path, '\\') || slice_has_control(path))
        return false;
    struct slice rest = slice_first(path, path.len - slice_ends(path, SLICE_LITERAL("/")));
    while (rest.ptr) {
        struct slice part = slice_cut(&rest, '/');
        if (slice_is_empty(part) || slice_equal_str(part, ".") || slice_equal_str(part, ".."))
            return false;
    }
    return true;
}

struct slice path_parent(struct slice path)
{
    if (slice_is_empty(path))
        return SLICE_NONE;
    size_t slash = slice_find_last(path, '/');
    return slash == SIZE_MAX ? SLICE_LITERAL("") : slice_first(path, slash);
}

/* The key under which a section at a path is found: paths compare without regard to case (fold_same). */
static void path_key(const struct schema_section *section, struct slice path, struct text *out)
{
    text_reset(out);
    text_add_number(out, section->index, 1, '0');
    text_add_char(out, ':');
    fold_add(out, path);
}

uint32_t input_place(const struct conf_input *in, const struct schema_section *section, struct slice path)
{
    OWNED_TEXT_BUFFER key = { 0 };
    path_key(section, path, &key);
    return text_error(&key) ? MAP_NONE : map_get(&in->by_path, text_slice(&key));
}

static struct slice first_segment(struct slice path)
{
    struct slice rest = path;
    return slice_cut(&rest, '/');
}

uint32_t input_first_of_site(const struct conf_input *in, const struct schema_section *section, struct slice site)
{
    OWNED_TEXT_BUFFER key = { 0 };
    path_key(section, first_segment(site), &key);
    return text_error(&key) ? MAP_NONE : map_get(&in->by_site, text_slice(&key));
}

/* ---- walking ---- */

struct walk {
    const struct conf *c;
    struct conf_input *in;
    struct sink *sink;
    struct text name; /* of the group we are in, "system.ftpServer/security" */
    uint32_t location;
    struct slice path;
    int err; /* only ERR_NOMEM */
};

static void complain(struct walk *w, uint32_t node, uint32_t at, int err, const char *todo, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
static void complain(struct walk *w, uint32_t node, uint32_t at, int err, const char *todo, const char *fmt, ...)
{
    struct diag d;
    OWNED_TEXT_BUFFER what = { 0 };
    va_list args;
    va_start(args, fmt);
    text_addv(&what, fmt, args);
    va_end(args);
    place_diag(w->in, node, at, NULL, NULL, &d);
    diag_path(&d, "%s", text_str(&w->name));
    diag_set(&d, "%s", text_str(&what));
    diag_todo(&d, "%s", todo);
    sink_error(w->sink, err, &d);
}

static uint32_t start_of(const struct walk *w, uint32_t node)
{
    return w->in->x->nodes[node].start;
}

/* Refuse text between the elements of the frame. */
static void refuse_text(struct walk *w, uint32_t node)
{
    if (w->in->x->nodes[node].has_text)
        complain(w, node, start_of(w, node), ERR_SYNTAX, "Only elements and comments may stand here",
                 "Text is not allowed in element '" SLICE_FMT "'", SLICE_ARG(xml_name(w->in->x, node)));
}

/* Attributes of a frame element by its schema. */
static void check_frame(struct walk *w, uint32_t node, const struct schema_element *schema)
{
    const struct xml *x = w->in->x;
    refuse_text(w, node);
    for (uint32_t i = 0; i < x->nodes[node].attr_count; i++) {
        uint32_t attr = x->nodes[node].attr + i;
        struct slice name = xml_attr_name(x, attr);
        const struct schema_attr *a = schema ? schema_attr(schema, name) : NULL;
        /* .NET declarations carry restartOnExternalChanges and the like; they concern no one here. */
        bool is_dotnet = schema == schema_frame(FRAME_SECTION) || schema == schema_frame(FRAME_SECTION_GROUP);
        if (!a && !is_dotnet)
            complain(w, node, x->attrs[attr].name_at, ERR_NOT_FOUND, "", "Unrecognized attribute '" SLICE_FMT "'",
                     SLICE_ARG(name));
        OWNED_TEXT_BUFFER reason = { 0 };
        int64_t number;
        if (a && value_parse(a, xml_attr_text(x, attr), 0, &number, &reason))
            complain(w, node, x->attrs[attr].value_at, ERR_SYNTAX, "", "The '%s' attribute is invalid.  %s", a->name,
                     text_str(&reason));
    }
    for (size_t i = 0; schema && i < schema->attr_count; i++)
        if (schema->attrs[i].required && xml_attr_find(x, node, schema->attrs[i].name) == XML_NONE)
            complain(w, node, start_of(w, node), ERR_SYNTAX, "", "Missing required attribute '%s'",
                     schema->attrs[i].name);
}

/* The number of an attribute that check_frame has looked at, or its default. */
static int64_t frame_number(const struct xml *x, uint32_t node, const struct schema_element *schema, const char *name)
{
    const struct schema_attr *a = schema_attr(schema, slice_str(name));
    uint32_t attr = xml_attr_find(x, node, name);
    int64_t number = a->default_number;
    OWNED_TEXT_BUFFER reason = { 0 };
    if (attr != XML_NONE && value_parse(a, xml_attr_text(x, attr), 0, &number, &reason))
        number = a->default_number;
    return number;
}

/* ---- configSections ---- */

/* w->name grows by one component; returns the length to go back to. */
static size_t enter(struct walk *w, struct slice name)
{
    size_t back = w->name.len;
    if (back)
        text_add_char(&w->name, '/');
    text_add(&w->name, name);
    return back;
}

static void leave(struct walk *w, size_t back)
{
    text_splice(&w->name, back, w->name.len - back, SLICE_NONE);
}

static void remember(struct walk *w, struct map *m, uint32_t value)
{
    char *name = arena_copy(&w->in->memory, text_slice(&w->name));
    if (!name || map_put(m, slice_of(name, w->name.len), value))
        w->err = ERR_NOMEM;
}

static void declare(struct walk *w, uint32_t node)
{
    struct conf_input *in = w->in;
    const struct schema_element *schema = schema_frame(FRAME_SECTION);
    if (map_get(&in->declared, text_slice(&w->name)) != MAP_NONE) {
        complain(w, node, start_of(w, node), ERR_EXISTS, "", "There is a duplicate '%s' section defined",
                 text_str(&w->name));
        return;
    }
    if (in->declaration_count == in->declaration_cap) {
        size_t cap = in->declaration_cap ? in->declaration_cap * 2 : 64;
        struct declaration *grown = realloc(in->declarations, cap * sizeof *grown);
        if (!grown) {
            w->err = ERR_NOMEM;
            return;
        }
        in->declarations = grown;
        in->declaration_cap = cap;
    }
    remember(w, &in->declared, (uint32_t)in->declaration_count);
    in->declarations[in->declaration_count++] = (struct declaration){
        .node = node,
        .allow_definition = frame_number(in->x, node, schema, "allowDefinition"),
        .is_denied = frame_number(in->x, node, schema, "overrideModeDefault") == 1,
        .allow_location = frame_number(in->x, node, schema, "allowLocation") == 1,
    };
}

static void walk_declarations(struct walk *w, uint32_t node)
{
    const struct xml *x = w->in->x;
    for (uint32_t n = x->nodes[node].first; n != XML_NONE && !w->err; n = x->nodes[n].next) {
        struct slice kind = xml_name(x, n);
        bool is_section = slice_equal_str(kind, "section");
        if (slice_equal_str(kind, "clear") || slice_equal_str(kind, "remove"))
            continue; /* they take back what files above ours declare, and we read none of those */
        if (!is_section && !slice_equal_str(kind, "sectionGroup")) {
            complain(w, n, start_of(w, n), ERR_NOT_FOUND, "Allowed: section, sectionGroup, clear, remove",
                     "Unrecognized element '" SLICE_FMT "'", SLICE_ARG(kind));
            continue;
        }
        check_frame(w, n, schema_frame(is_section ? FRAME_SECTION : FRAME_SECTION_GROUP));
        size_t back = enter(w, xml_attr_or(x, n, "name", SLICE_NONE));
        if (is_section) {
            declare(w, n);
        } else {
            remember(w, &w->in->declared_groups, 0);
            walk_declarations(w, n);
        }
        leave(w, back);
    }
}

/* ---- sections ---- */

static bool needs_no_declaration(const struct walk *w, const struct schema_section *section)
{
    return (w->in->which == CONF_SALLYPORT && section->file == CONF_SALLYPORT) ||
           strcmp(section->name, "configProtectedData") == 0 ||
           strcmp(section->name, "configurationRedirection") == 0;
}

static void link_to_site(struct walk *w, uint32_t index)
{
    struct conf_input *in = w->in;
    struct place *p = &in->places[index];
    OWNED_TEXT_BUFFER key = { 0 };
    path_key(p->section, first_segment(p->path), &key);
    char *kept = text_error(&key) ? NULL : arena_copy(&in->memory, text_slice(&key));
    if (!kept) {
        w->err = ERR_NOMEM;
        return;
    }
    struct slice site = slice_of(kept, key.len);
    uint32_t last = map_get(&in->last_of_site, site);
    if (last == MAP_NONE)
        w->err = map_put(&in->by_site, site, index);
    else
        in->places[last].next = index;
    if (!w->err)
        w->err = map_put(&in->last_of_site, site, index);
}

/* The section's element is the root of another file.  Inside a location tag the attribute means nothing (IIS). */
static void follow_source(struct walk *w, struct place *p)
{
    const struct xml *x = w->in->x;
    uint32_t attr = xml_attr_find(x, p->at, "configSource");
    struct slice written = xml_attr_text(x, attr);
    const struct conf_source *source = source_find(w->c, w->in->which, written);
    if (x->nodes[p->at].attr_count > 1 || x->nodes[p->at].first != XML_NONE)
        complain(w, p->at, x->attrs[attr].name_at, ERR_SYNTAX, "Put everything into the file that it names",
                 "A section with configSource may hold nothing else");
    else if (!source)
        complain(w, p->at, x->attrs[attr].value_at, ERR_NOT_FOUND,
                 "It names a file in this file's folder or below, without \"..\"",
                 "Cannot read configuration file \"" SLICE_FMT "\"", SLICE_ARG(written));
    else if (source->in.x && !slice_equal_str(xml_name(source->in.x, 0), p->section->root->name))
        complain(w, p->at, x->attrs[attr].value_at, ERR_SYNTAX, "The root of that file is the section's element",
                 "\"" SLICE_FMT "\" begins with '" SLICE_FMT "', not with '%s'", SLICE_ARG(written),
                 SLICE_ARG(xml_name(source->in.x, 0)), p->section->root->name);
    else if (source->in.x)
        p->source = &source->in;
    if (p->source)
        p->node = 0;
}

static void add_place(struct walk *w, uint32_t node, const struct schema_section *section)
{
    struct conf_input *in = w->in;
    if (input_place(in, section, w->path) != MAP_NONE) {
        complain(w, node, start_of(w, node), ERR_EXISTS,
                 "A section may stand once for each path; \".\" and no location tag are the same path",
                 "There is a duplicate '%s' section defined", section->name);
        return;
    }
    if (in->place_count == in->place_cap) {
        size_t cap = in->place_cap ? in->place_cap * 2 : 64;
        struct place *grown = realloc(in->places, cap * sizeof *grown);
        if (!grown) {
            w->err = ERR_NOMEM;
            return;
        }
        in->places = grown;
        in->place_cap = cap;
    }
    uint32_t index = (uint32_t)in->place_count++;
    in->places[index] = (struct place){
        .section = section, .at = node, .node = node, .location = w->location, .path = w->path, .next = MAP_NONE,
    };
    if (xml_attr_find(in->x, node, "configSource") != XML_NONE && w->location == XML_NONE)
        follow_source(w, &in->places[index]);
    OWNED_TEXT_BUFFER key = { 0 };
    path_key(section, w->path, &key);
    char *kept = text_error(&key) ? NULL : arena_copy(&in->memory, text_slice(&key));
    if (!kept || map_put(&in->by_path, slice_of(kept, key.len), index)) {
        w->err = ERR_NOMEM;
        return;
    }
    link_to_site(w, index);
}

/* allowLocation and allowDefinition: which sections may stand in a location tag for a deeper path. */
static bool is_allowed_here(const struct walk *w, const struct declaration *d)
{
    if (w->location == XML_NONE)
        return true;
    if (w->in->which == CONF_SALLYPORT)
        return slice_is_empty(w->path);
    if (!d)
        return slice_is_empty(w->path);
    if (!d->allow_location)
        return false;
    return slice_is_empty(w->path) || d->allow_definition == ALLOW_EVERYWHERE ||
           d->allow_definition == ALLOW_APPLICATION;
}

static void found_section(struct walk *w, uint32_t node, const struct schema_section *section)
{
    uint32_t declared = map_get(&w->in->declared, text_slice(&w->name));
    const struct declaration *d = declared == MAP_NONE ? NULL : &w->in->declarations[declared];
    if (!d && !needs_no_declaration(w, section)) {
        complain(w, node, start_of(w, node), ERR_NOT_FOUND, "Declare it in configSections",
                 "The configuration section '%s' cannot be read because it is missing a section declaration",
                 section->name);
        return;
    }
    if (!is_allowed_here(w, d)) {
        complain(w, node, start_of(w, node), ERR_LOCKED,
                 "allowDefinition or allowLocation of its declaration forbids a location tag for this path",
                 "This configuration section cannot be used at this path.  This happens when the section is locked "
                 "at a parent level");
        return;
    }
    add_place(w, node, section);
}

static bool is_group(const struct walk *w)
{
    struct slice name = text_slice(&w->name);
    return map_get(&w->in->declared_groups, name) != MAP_NONE || schema_is_group(name);
}

static void walk_group(struct walk *w, uint32_t node);
static void walk_location(struct walk *w, uint32_t node);

static void walk_child(struct walk *w, uint32_t n)
{
    const struct xml *x = w->in->x;
    const struct schema_section *section = schema_section_find(text_slice(&w->name));
    if (section) {
        found_section(w, n, section);
        return;
    }
    if (map_get(&w->in->declared, text_slice(&w->name)) != MAP_NONE)
        return; /* foreign */
    if (!is_group(w)) {
        bool ours = w->in->which == CONF_SALLYPORT;
        complain(w, n, start_of(w, n), ERR_NOT_FOUND, ours ? "" : "Declare it in configSections",
                 ours ? "Unrecognized element '" SLICE_FMT "'"
                      : "The configuration section '" SLICE_FMT
                        "' cannot be read because it is missing a section declaration",
                 SLICE_ARG(ours ? xml_name(x, n) : text_slice(&w->name)));
        return;
    }
    check_frame(w, n, NULL);
    walk_group(w, n);
}

static void walk_group(struct walk *w, uint32_t node)
{
    const struct xml *x = w->in->x;
    for (uint32_t n = x->nodes[node].first; n != XML_NONE && !w->err; n = x->nodes[n].next) {
        struct slice name = xml_name(x, n);
        bool is_top = w->name.len == 0 && w->location == XML_NONE;
        if (is_top && slice_equal_str(name, "location")) {
            walk_location(w, n);
            continue;
        }
        if (is_top && slice_equal_str(name, "configSections")) {
            if (n != x->nodes[node].first)
                complain(w, n, start_of(w, n), ERR_SYNTAX, "",
                         "Only one configSections element allowed.  It must be the first child element of the root "
                         "configuration element");
            continue;
        }
        size_t back = enter(w, name);
        walk_child(w, n);
        leave(w, back);
    }
}

static void walk_location(struct walk *w, uint32_t node)
{
    const struct xml *x = w->in->x;
    check_frame(w, node, schema_frame(FRAME_LOCATION));
    if (xml_attr_find(x, node, "overrideMode") != XML_NONE && xml_attr_find(x, node, "allowOverride") != XML_NONE)
        complain(w, node, start_of(w, node), ERR_SYNTAX, "Use overrideMode",
                 "Only one of overrideMode and allowOverride may be specified");
    struct slice path = xml_attr_or(x, node, "path", SLICE_NONE);
    w->path = path_canonical(path);
    if (!conf_path_is_valid(path))
        complain(w, node, start_of(w, node), ERR_SYNTAX,
                 "Write \"Site/directory\", with / and not beginning with it, without the parts \".\" and \"..\"",
                 "The 'path' attribute is invalid.  Invalid location path");
    w->location = node;
    walk_group(w, node);
    w->location = XML_NONE;
    w->path = SLICE_LITERAL("");
}

static void walk_file(struct walk *w)
{
    const struct xml *x = w->in->x;
    if (!slice_equal_str(xml_name(x, 0), "configuration")) {
        complain(w, 0, start_of(w, 0), ERR_SYNTAX, "The root element is 'configuration'",
                 "Unrecognized element '" SLICE_FMT "'", SLICE_ARG(xml_name(x, 0)));
        return;
    }
    refuse_text(w, 0);
    for (uint32_t i = 0; i < x->nodes[0].attr_count; i++)
        if (!slice_starts(xml_attr_name(x, i), SLICE_LITERAL("xmlns")))
            complain(w, 0, x->attrs[i].name_at, ERR_NOT_FOUND, "", "Unrecognized attribute '" SLICE_FMT "'",
                     SLICE_ARG(xml_attr_name(x, i)));
    uint32_t first = x->nodes[0].first;
    if (first != XML_NONE && slice_equal_str(xml_name(x, first), "configSections"))
        walk_declarations(w, first);
    walk_group(w, 0);
}

int input_load(const struct conf *c, struct conf_input *in, enum conf_file which, const char *name, struct slice bytes,
               struct sink *s)
{
    *in = (struct conf_input){ .which = which, .number = (uint32_t)which, .name = strdup(name) };
    if (!in->name || !schema_get())
        return ERR_NOMEM;
    if (!bytes.ptr)
        return 0;
    struct diag d = { 0 };
    int err = xml_parse(bytes, slice_str(name), &in->x, &d);
    if (err) {
        sink_error(s, err, &d);
        return err == ERR_NOMEM ? err : 0;
    }
    struct walk w = { .c = c, .in = in, .sink = s, .location = XML_NONE, .path = SLICE_LITERAL("") };
    walk_file(&w);
    text_free(&w.name);
    return w.err;
}

void input_free(struct conf_input *in)
{
    xml_free(in->x);
    free(in->name);
    free(in->places);
    free(in->declarations);
    map_free(&in->by_path);
    map_free(&in->by_site);
    map_free(&in->last_of_site);
    map_free(&in->declared);
    map_free(&in->declared_groups);
    arena_free(&in->memory);
    *in = (struct conf_input){ 0 };
}

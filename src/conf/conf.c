/*
 * conf.c - opening and reading.
 *
 * A file is kept as its own bytes.  xml.c finds what stands where in them, frame.c which sections that makes, check.c
 * holds them against the schema of schema/, element.c answers for what is effective at a path.  Editing (edit.c) changes
 * the bytes and goes through the same door again, so an edited file is exactly as valid as one that was read, and
 * whatever nobody asked to change is not touched.
 *
 * Rules of IIS honoured here: a section exists only when declared and known to the schema; one bad value makes the
 * section unreadable, so it refuses the file; deeper paths append to collections; configuration paths and keys compare
 * without regard to case; configSource takes a section from another file.
 */
#include <stdlib.h>

#include "base/fold.h"
#include "base/memory.h"
#include "conf/conf_priv.h"
#include "conf/value.h"

const char *conf_file_name(enum conf_file file)
{
    static const char *const names[] = { "applicationHost.config", "administration.config", "sallyport.config" };
    return file < CONF_FILE_COUNT ? names[file] : "";
}

/* ---- opening ---- */

int conf_fill(struct conf *c, const struct slice bytes[CONF_FILE_COUNT], struct sink *s)
{
    for (size_t i = 0; i < CONF_FILE_COUNT; i++) {
        const char *name = c->disk[i].path ? c->disk[i].path : conf_file_name((enum conf_file)i);
        int err = input_load(c, &c->files[i], (enum conf_file)i, name, bytes[i], s);
        if (err)
            return err;
    }
    for (size_t i = 0; i < CONF_FILE_COUNT; i++) {
        int err = check_input(c, (enum conf_file)i, s);
        if (err)
            return err;
    }
    return s->err;
}

struct conf *conf_new(void)
{
    struct conf *c = calloc(1, sizeof *c);
    if (c)
        c->refusals = memory_refusals();
    return c;
}

int conf_open_sources(const struct slice bytes[CONF_FILE_COUNT], const struct conf_source_bytes *sources, size_t count,
                      conf_report *report, void *context, struct conf **conf_out)
{
    struct conf *c = conf_new();
    if (!c)
        return ERR_NOMEM;
    struct sink s = { .report = report, .context = context };
    int err = 0;
    for (size_t i = 0; i < count && !err; i++)
        err = source_add(c, sources[i].of, sources[i].name, sources[i].name, sources[i].bytes, &s);
    if (!err)
        err = conf_fill(c, bytes, &s);
    if (err) {
        conf_free(c);
        return err;
    }
    *conf_out = c;
    return 0;
}

int conf_open(const struct slice bytes[CONF_FILE_COUNT], conf_report *report, void *context, struct conf **conf_out)
{
    return conf_open_sources(bytes, NULL, 0, report, context, conf_out);
}

void conf_free(struct conf *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < CONF_FILE_COUNT; i++) {
        input_free(&c->files[i]);
        free(c->disk[i].path);
        text_free(&c->disk[i].original);
    }
    sources_free(c);
    arena_free(&c->elements);
    free(c->shifts);
    free(c->directory);
    free(c);
}

/* ---- sections ---- */

int conf_section(struct conf *c, struct slice name, struct slice path, struct conf_element **element_out)
{
    const struct schema_section *section = schema_section_short(name);
    if (!section)
        return ERR_NOT_FOUND;
    return element_of_section(c, section, path_canonical(path), element_out);
}

size_t conf_section_count(void)
{
    return schema_section_count();
}

const char *conf_section_name(size_t index)
{
    const struct schema_section *section = schema_section_at(index);
    return section ? section->name : NULL;
}

const char *conf_section_full_name(struct slice name)
{
    const struct schema_section *section = schema_section_short(name);
    return section ? section->name : NULL;
}

bool conf_section_is_declared(const struct conf *c, const char *full_name)
{
    const struct conf_input *in = &c->files[conf_section_file(full_name)];
    return map_get(&in->declared, slice_str(full_name)) != MAP_NONE;
}

enum conf_file conf_section_file(const char *full_name)
{
    const struct schema_section *section = schema_section_find(slice_str(full_name));
    return section ? section->file : CONF_APPLICATION_HOST;
}

void conf_locations(struct conf *c, const char *section, struct slice site,
                    void (*each)(void *context, struct slice path), void *context)
{
    const struct schema_section *schema = schema_section_short(slice_str(section));
    const struct conf_input *in = schema ? &c->files[schema->file] : NULL;
    if (!in || !in->x)
        return;
    site = path_canonical(site);
    uint32_t at = site.len ? input_first_of_site(in, schema, site) : in->place_count ? 0 : MAP_NONE;
    while (at != MAP_NONE) {
        const struct place *p = &in->places[at];
        struct slice rest;
        bool is_below = !site.len || (fold_starts(p->path, site, &rest) && (!rest.len || rest.ptr[0] == '/'));
        if (p->section == schema && p->location != XML_NONE && is_below)
            each(context, p->path);
        at = site.len ? p->next : at + 1 < in->place_count ? at + 1 : MAP_NONE;
    }
}

void conf_each_located(struct conf *c,
                       void (*each)(void *context, const char *section, struct slice path, const struct diag *place),
                       void *context)
{
    struct diag d;
    for (size_t f = 0; f < CONF_FILE_COUNT; f++)
        for (size_t i = 0; i < c->files[f].place_count; i++) {
            const struct place *p = &c->files[f].places[i];
            if (!p->path.len)
                continue;
            place_diag(&c->files[f], p->at, c->files[f].x->nodes[p->at].start, NULL, NULL, &d);
            each(context, p->section->name, p->path, &d);
        }
}

bool conf_is_locked(struct conf *c, const char *section, struct slice path)
{
    const struct schema_section *schema = schema_section_short(slice_str(section));
    const struct conf_input *in = schema ? &c->files[schema->file] : NULL;
    if (!in || !in->x)
        return false;
    for (struct slice at = path_canonical(path); at.ptr; at = path_parent(at)) {
        uint32_t place = input_place(in, schema, at);
        if (place == MAP_NONE || in->places[place].location == XML_NONE)
            continue;
        uint32_t location = in->places[place].location;
        struct slice mode = xml_attr_or(in->x, location, "overrideMode", SLICE_NONE);
        struct slice allow = xml_attr_or(in->x, location, "allowOverride", SLICE_NONE);
        if (slice_equal_fold_str(mode, "Deny") || slice_equal_fold_str(allow, "false"))
            return true;
        if (slice_equal_fold_str(mode, "Allow") || slice_equal_fold_str(allow, "true"))
            return false;
    }
    uint32_t declared = map_get(&in->declared, slice_str(schema->name));
    return declared != MAP_NONE && in->declarations[declared].is_denied;
}

/* ---- elements ---- */

struct conf_element *conf_child(struct conf_element *e, const char *path)
{
    struct slice rest = slice_str(path);
    while (e && rest.ptr && rest.len) {
        const struct schema_element *schema = schema_child(e->schema, slice_cut(&rest, '/'));
        e = schema ? element_child(e, schema) : NULL;
    }
    return e;
}

size_t conf_count(struct conf_element *collection)
{
    return element_merge(collection, NULL) ? 0 : collection->item_count;
}

struct conf_element *conf_item(struct conf_element *collection, size_t index)
{
    return index < conf_count(collection) ? collection->items[index] : NULL;
}

int conf_error(const struct conf *c)
{
    return c->err ? c->err : memory_refusals() != c->refusals ? ERR_NOMEM : 0;
}

const char *conf_element_name(struct conf_element *e)
{
    return e->schema->name;
}

void conf_element_path(struct conf_element *e, struct text *out)
{
    element_path_print(e->ref->section, e->schema, out);
}

bool conf_is_local(struct conf_element *e)
{
    return element_local(e) != XML_NONE;
}

struct slice conf_element_level(struct conf_element *e)
{
    return e->ref->path;
}

/* ---- attributes ---- */

static void fill_default(const struct schema_attr *a, struct conf_value *v)
{
    v->origin = CONF_DEFAULT;
    v->text = slice_str(a->default_text);
    v->number = a->default_number;
}

static void fill_written(struct conf_element *e, const struct schema_attr *a, const struct layer *layer, uint32_t attr,
                         struct conf_value *v)
{
    const struct xml *x = layer->in->x;
    v->origin = layer->local ? CONF_EXPLICIT : CONF_INHERITED;
    v->text = xml_attr_text(x, attr);
    v->file = e->in->which;
    v->source = layer->in->number;
    xml_position(x, layer->node, x->attrs[attr].value_at, &v->line, &v->column);
    OWNED_TEXT_BUFFER reason = { 0 };
    if (value_parse(a, v->text, 0, &v->number, &reason))
        v->number = a->default_number; /* cannot be: the file was checked */
    struct slice data;
    if (!a->encrypted || !value_is_encrypted(v->text, &data))
        return;
    v->encrypted = data.len > 0;
    if (!v->encrypted)
        v->text = SLICE_LITERAL("");
}

int conf_attr(struct conf_element *e, const char *name, struct conf_value *value_out)
{
    const struct schema_attr *a = schema_attr(e->schema, slice_str(name));
    if (!a)
        return ERR_NOT_FOUND;
    struct conf_value v = { .type = a->type, .file = e->in->which };
    for (size_t i = 0; i < e->layer_count; i++) {
        uint32_t attr = xml_attr_find(e->layers[i].in->x, e->layers[i].node, name);
        if (attr == XML_NONE)
            continue;
        fill_written(e, a, &e->layers[i], attr, &v);
        *value_out = v;
        return 0;
    }
    fill_default(a, &v);
    *value_out = v;
    return 0;
}

const char *conf_value_file(const struct conf *c, const struct conf_value *value)
{
    if (value->origin == CONF_DEFAULT)
        return "";
    return value->source < CONF_FILE_COUNT ? c->files[value->file].name : c->sources[value->source - CONF_FILE_COUNT]->in.name;
}

const char *conf_element_file(struct conf_element *e, const struct conf_value *value)
{
    return conf_value_file(e->c, value);
}

struct slice conf_text(struct conf_element *e, const char *name)
{
    struct conf_value v;
    return conf_attr(e, name, &v) ? SLICE_LITERAL("") : v.text;
}

int64_t conf_number(struct conf_element *e, const char *name)
{
    struct conf_value v;
    return conf_attr(e, name, &v) ? 0 : v.number;
}

/* ---- what is set explicitly ---- */

enum { WANTS_UNKNOWN, WANTS_YES, WANTS_NO };

struct explicit_walk {
    const struct conf_input *in;
    const struct schema_section *section;
    bool (*wants)(void *context, const char *element, const char *attribute);
    void (*each)(void *context, const char *element, const char *attribute, const struct conf_value *value);
    void *context;
    unsigned char *wanted; /* by number of the attribute; NULL when there is no memory to remember */
};

static bool is_wanted(struct explicit_walk *w, const struct schema_element *e, const struct schema_attr *a)
{
    if (w->wanted && w->wanted[a->number])
        return w->wanted[a->number] == WANTS_YES;
    OWNED_TEXT_BUFFER path = { 0 };
    element_path_print(w->section, e, &path);
    bool yes = w->wants(w->context, text_str(&path), a->name);
    if (w->wanted)
        w->wanted[a->number] = yes ? WANTS_YES : WANTS_NO;
    return yes;
}

static void explicit_attribute(struct explicit_walk *w, const struct schema_element *e, const struct schema_attr *a,
                               uint32_t node, uint32_t attr)
{
    const struct xml *x = w->in->x;
    OWNED_TEXT_BUFFER path = { 0 }, reason = { 0 };
    struct conf_value v = { .type = a->type, .origin = CONF_EXPLICIT, .file = w->in->which, .source = w->in->number };
    element_path_print(w->section, e, &path);
    v.text = xml_attr_text(x, attr);
    v.encrypted = a->encrypted && value_is_encrypted(v.text, NULL);
    xml_position(x, node, x->attrs[attr].value_at, &v.line, &v.column);
    if (!value_parse(a, v.text, 0, &v.number, &reason) && !text_error(&path))
        w->each(w->context, text_str(&path), a->name, &v);
}

static void each_explicit(struct explicit_walk *w, const struct schema_element *e, uint32_t node)
{
    const struct xml *x = w->in->x;
    for (uint32_t i = 0; i < x->nodes[node].attr_count; i++) {
        uint32_t attr = x->nodes[node].attr + i;
        const struct schema_attr *a = schema_attr(e, xml_attr_name(x, attr));
        if (a && a->is_ftp && is_wanted(w, e, a))
            explicit_attribute(w, e, a, node, attr);
    }
    for (uint32_t n = x->nodes[node].first; n != XML_NONE; n = x->nodes[n].next) {
        const struct schema_element *child = schema_child(e, xml_name(x, n));
        if (!child && e->collection && slice_equal_str(xml_name(x, n), e->collection->add))
            child = e->collection->item;
        if (child)
            each_explicit(w, child, n);
    }
}

void conf_each_explicit(struct conf *c, bool (*wants)(void *context, const char *element, const char *attribute),
                        void (*each)(void *context, const char *element, const char *attribute, const struct conf_value *value),
                        void *context)
{
    unsigned char *wanted = calloc(schema_attr_count() + 1, 1);
    for (size_t f = 0; f < CONF_FILE_COUNT; f++) {
        struct explicit_walk w = {
            .in = &c->files[f], .wants = wants, .each = each, .context = context, .wanted = wanted,
        };
        for (size_t i = 0; i < c->files[f].place_count; i++) {
            w.section = c->files[f].places[i].section;
            w.in = place_input(&c->files[f], &c->files[f].places[i]);
            each_explicit(&w, w.section->root, c->files[f].places[i].node);
        }
    }
    free(wanted);
}

/* ---- the schema for people ---- */

bool schema_tell_attr(const struct schema_element *e, size_t index, struct conf_schema_attr *attr_out)
{
    static const char *const types[] = {
        [CONF_BOOL] = "bool", [CONF_INT] = "int",     [CONF_UINT] = "uint",         [CONF_INT64] = "int64",
        [CONF_ENUM] = "enum", [CONF_FLAGS] = "flags", [CONF_TIMESPAN] = "timeSpan", [CONF_STRING] = "string",
    };
    if (index >= e->attr_count)
        return false;
    const struct schema_attr *a = &e->attrs[index];
    *attr_out = (struct conf_schema_attr){
        .name = a->name,
        .type = types[a->type],
        .default_text = a->default_text,
        .allowed = a->allowed,
        .required = a->required,
        .key = schema_attr_is_key(a),
        .encrypted = a->encrypted,
        .runtime = a->runtime,
    };
    return true;
}

bool conf_schema_attr_at(struct conf_element *e, size_t index, struct conf_schema_attr *attr_out)
{
    return schema_tell_attr(e->schema, index, attr_out);
}

const char *conf_schema_child_at(struct conf_element *e, size_t index, bool *is_collection)
{
    if (index >= e->schema->child_count)
        return NULL;
    *is_collection = e->schema->children[index]->collection != NULL;
    return e->schema->children[index]->name;
}

bool conf_schema_has_method(struct conf_element *e, const char *name)
{
    for (size_t i = 0; i < sizeof e->schema->methods / sizeof *e->schema->methods && e->schema->methods[i]; i++)
        if (strcmp(e->schema->methods[i], name) == 0)
            return true;
    return false;
}

const char *conf_schema_item_name(struct conf_element *e)
{
    return e->schema->collection ? e->schema->collection->add : NULL;
}

bool conf_is_lock_name(struct slice name)
{
    return schema_is_lock(name);
}

bool conf_is_changed(const struct conf *c)
{
    bool any = false;
    for (size_t i = 0; i < CONF_FILE_COUNT; i++)
        any |= c->disk[i].changed;
    return any;
}

struct slice conf_bytes(struct conf *c, enum conf_file file)
{
    const struct xml *x = file < CONF_FILE_COUNT ? c->files[file].x : NULL;
    return x ? slice_of(x->bytes, x->len) : SLICE_NONE;
}

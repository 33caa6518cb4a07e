/*
 * edit.c - the editing API: each edit is a patch of one file, read and checked again as a whole before it counts.
 *
 * An element that is not written yet is created with everything around it that is missing, up to a location tag.  The
 * level is the one the element was asked for, so an inherited item cannot be changed from below; it can be removed
 * there, and added again.
 */
#include <stdlib.h>

#include "conf/conf_priv.h"
#include "conf/patch.h"
#include "conf/value.h"

struct edit {
    struct conf *c;
    enum conf_file which;
    struct conf_input *in;
    struct patch patch;
    struct arena names;
    struct conf_input absent; /* what to go back to when the file had to be made */
    bool made;
    struct diag *d;
};

static MUST_USE int refuse(struct diag *d, int err, const char *todo, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static MUST_USE int refuse(struct diag *d, int err, const char *todo, const char *fmt, ...)
{
    OWNED_TEXT_BUFFER what = { 0 };
    va_list args;
    va_start(args, fmt);
    text_addv(&what, fmt, args);
    va_end(args);
    *d = (struct diag){ 0 };
    diag_set(d, "%s", text_str(&what));
    diag_todo(d, "%s", todo);
    return err;
}

/* Name the element in messages. */
static void about(struct diag *d, const struct conf_element *e)
{
    OWNED_TEXT_BUFFER path = { 0 };
    element_path_print(e->ref->section, e->schema, &path);
    diag_path(d, "%s", text_str(&path));
    diag_place(d, slice_str(e->in->name), 0, 0);
}

/* ---- begin and end ---- */

/* A file that does not exist begins as the one of schema/new/. */
static MUST_USE int make_file(struct edit *ed)
{
    struct slice bytes = schema_new_file(conf_file_name(ed->which));
    struct sink s = { .fatal_only = true };
    struct conf_input made;
    int err = input_load(&made, ed->which, ed->in->name, bytes, &s);
    if (err || s.err) {
        input_free(&made);
        return err ? err : s.err;
    }
    ed->absent = *ed->in;
    *ed->in = made;
    ed->made = true;
    return 0;
}

static MUST_USE int edit_begin(struct edit *ed, struct conf *c, enum conf_file which, struct diag *d)
{
    *ed = (struct edit){ .c = c, .which = which, .in = &c->files[which], .d = d };
    int err = ed->in->x ? 0 : make_file(ed);
    ed->patch.x = ed->in->x;
    return err;
}

/* Read the patched bytes; they replace the file only when nothing is wrong with them. */
static MUST_USE int try_bytes(struct edit *ed, struct slice bytes)
{
    struct sink s = { .fatal_only = true };
    struct conf_input old = *ed->in, fresh;
    int err = input_load(&fresh, ed->which, old.name, bytes, &s);
    if (!err && !s.err) {
        *ed->in = fresh;
        struct arena kept = ed->c->elements;
        ed->c->elements = (struct arena){ 0 };
        err = check_input(ed->c, ed->which, &s);
        arena_free(&ed->c->elements);
        ed->c->elements = kept;
    }
    if (err || s.err) {
        *ed->in = old;
        input_free(&fresh);
        if (s.err)
            *ed->d = s.first;
        return err ? err : s.err;
    }
    input_free(&old);
    arena_free(&ed->c->elements); /* they point into the old file */
    return 0;
}

static MUST_USE int edit_finish(struct edit *ed, int err)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    if (!err)
        err = patch_apply(&ed->patch, &bytes);
    if (!err && (ed->made || !slice_equal(text_slice(&bytes), conf_bytes(ed->c, ed->which))))
        err = try_bytes(ed, text_slice(&bytes));
    struct conf_disk *disk = &ed->c->disk[ed->which];
    if (!err)
        disk->changed = !disk->existed || !slice_equal(conf_bytes(ed->c, ed->which), text_slice(&disk->original));
    if (ed->made && err) {
        input_free(ed->in);
        *ed->in = ed->absent;
    } else if (ed->made) {
        input_free(&ed->absent);
    }
    patch_free(&ed->patch);
    arena_free(&ed->names);
    if (err == ERR_NOMEM)
        return refuse(ed->d, err, "", "%s", err_text(err));
    return err;
}

/* ---- where an element is, or what must be made for it ---- */

struct target {
    uint32_t node; /* exists */
    struct patch_element missing; /* to be made in it */
};

static MUST_USE int target_open(struct edit *ed, struct target *t, const char *tag)
{
    if (!tag)
        return ERR_NOMEM;
    if (t->missing.open_count == sizeof t->missing.open / sizeof *t->missing.open)
        return refuse(ed->d, ERR_LIMIT, "", "Elements are nested too deep");
    t->missing.open[t->missing.open_count++] = tag;
    return 0;
}

static MUST_USE int open_location(struct edit *ed, struct target *t, struct slice path, const char *mode)
{
    OWNED_TEXT_BUFFER tag = { 0 };
    text_add_str(&tag, "location path=\"");
    text_add_xml(&tag, path);
    text_add_char(&tag, '"');
    if (mode)
        text_addf(&tag, " overrideMode=\"%s\"", mode);
    if (text_error(&tag))
        return ERR_NOMEM;
    t->node = 0;
    return target_open(ed, t, arena_copy(&ed->names, text_slice(&tag)));
}

/* A location tag for the path that carries no lock, which would spread to a section put there. */
static uint32_t find_location(const struct xml *x, struct slice path)
{
    for (uint32_t n = x->nodes[0].first; n != XML_NONE; n = x->nodes[n].next) {
        if (!slice_equal_str(xml_name(x, n), "location"))
            continue;
        struct slice at = path_canonical(xml_attr_or(x, n, "path", SLICE_NONE));
        bool is_plain = xml_attr_find(x, n, "overrideMode") == XML_NONE &&
                        xml_attr_find(x, n, "allowOverride") == XML_NONE &&
                        xml_attr_find(x, n, "inheritInChildApplications") == XML_NONE;
        if (is_plain && slice_equal_fold(at, path))
            return n;
    }
    return XML_NONE;
}

/* The groups of a section below t->node, existing ones entered, missing ones opened. */
static MUST_USE int enter_groups(struct edit *ed, struct target *t, const struct schema_section *section)
{
    struct slice rest = slice_str(section->name);
    int err = 0;
    for (struct slice name = slice_cut(&rest, '/'); rest.ptr && !err; name = slice_cut(&rest, '/')) {
        uint32_t group = t->missing.open_count ? XML_NONE : xml_child(ed->in->x, t->node, name, XML_NONE);
        if (group != XML_NONE)
            t->node = group;
        else
            err = target_open(ed, t, arena_copy(&ed->names, name));
    }
    return err;
}

static MUST_USE int target_of_section(struct edit *ed, const struct section_ref *ref, struct target *t)
{
    *t = (struct target){ 0 };
    int err = 0;
    if (ref->path.len) {
        uint32_t location = find_location(ed->in->x, ref->path);
        if (location != XML_NONE)
            t->node = location;
        else
            err = open_location(ed, t, ref->path, NULL);
    }
    return err ? err : enter_groups(ed, t, ref->section);
}

/* The node to write in so that `e` exists: e's own node, or the nearest one above with what is missing. */
static MUST_USE int target_of(struct edit *ed, const struct conf_element *e, struct target *t)
{
    uint32_t local = ed->made ? XML_NONE : element_local(e);
    if (local != XML_NONE) {
        *t = (struct target){ .node = local };
        return 0;
    }
    if (e->schema->is_item) {
        int err = refuse(ed->d, ERR_STATE, "Remove it here and add it again with the new values",
                         "The item is inherited and cannot be changed at this level");
        about(ed->d, e);
        return err;
    }
    if (!e->parent) {
        uint32_t place = input_place(ed->in, e->ref->section, e->ref->path);
        if (place != MAP_NONE) { /* a file just made has it */
            *t = (struct target){ .node = ed->in->places[place].node };
            return 0;
        }
        int err = target_of_section(ed, e->ref, t);
        return err ? err : target_open(ed, t, e->schema->name);
    }
    int err = target_of(ed, e->parent, t);
    uint32_t child = err || t->missing.open_count
                         ? XML_NONE
                         : xml_child(ed->in->x, t->node, slice_str(e->schema->name), XML_NONE);
    if (child != XML_NONE) {
        t->node = child;
        return 0;
    }
    return err ? err : target_open(ed, t, e->schema->name);
}

/* Write t->missing.  Sections go before the location tags, as IIS keeps them. */
static void target_write(struct edit *ed, struct target *t)
{
    const struct xml *x = ed->in->x;
    uint32_t behind = XML_NONE;
    bool is_location = t->missing.open_count && slice_starts(slice_str(t->missing.open[0]), SLICE_LITERAL("location "));
    for (uint32_t n = x->nodes[t->node].first; n != XML_NONE && t->node == 0 && !is_location; n = x->nodes[n].next)
        if (!slice_equal_str(xml_name(x, n), "location"))
            behind = n;
    if (behind == XML_NONE)
        patch_insert(&ed->patch, PATCH_LAST_IN, t->node, &t->missing);
    else
        patch_insert(&ed->patch, PATCH_AFTER, behind, &t->missing);
}

/* The innermost missing tag becomes the element itself, with attributes. */
static struct slice close_innermost(struct edit *ed, struct target *t, struct slice attributes)
{
    OWNED_TEXT_BUFFER self = { 0 };
    text_add_str(&self, t->missing.open[--t->missing.open_count]);
    text_add(&self, attributes);
    char *kept = arena_copy(&ed->names, text_slice(&self));
    if (!kept || text_error(&self))
        ed->patch.err = ERR_NOMEM;
    return slice_of(kept, self.len);
}

/* ---- values ---- */

static bool is_free_attribute(const struct conf_element *e, const char *name)
{
    static const char *const locks[] = { "lockAttributes", "lockAllAttributesExcept", "lockElements",
                                         "lockAllElementsExcept", "lockItem" };
    for (size_t i = 0; i < sizeof locks / sizeof *locks; i++)
        if (strcmp(name, locks[i]) == 0)
            return true;
    return e->schema->is_item && e->schema->parent->collection->extra_attributes && *name &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == strlen(name);
}

/* A character XML cannot hold would make the file unreadable. */
static bool is_writable(struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
            return false;
    }
    return slice_is_utf8(value);
}

/* The canonical form of what a person wrote. */
static MUST_USE int canonical(const struct conf_element *e, const struct schema_element *schema, const char *name,
                              struct slice value, struct text *out, struct diag *d)
{
    const struct schema_attr *a = schema_attr(schema, slice_str(name));
    OWNED_TEXT_BUFFER reason = { 0 };
    int64_t number = 0;
    int err = 0;
    if (!is_writable(value) || value.len > XML_VALUE_MAX / 6)
        err = refuse(d, ERR_SYNTAX, "", "The '%s' attribute is invalid.  Text with control characters or too long", name);
    else if (!a && schema == e->schema && is_free_attribute(e, name))
        text_add(out, value);
    else if (!a && schema != e->schema && e->schema->collection && e->schema->collection->extra_attributes)
        text_add(out, value);
    else if (!a || a->runtime)
        err = refuse(d, ERR_NOT_FOUND, "", "Unrecognized attribute '%s'", name);
    else if ((err = value_parse(a, value, VALUE_FROM_TOOL, &number, &reason)) != 0)
        err = refuse(d, err, "", "The '%s' attribute is invalid.  %s", name, text_str(&reason));
    else
        value_print(a, value, number, out);
    if (!err)
        return text_error(out);
    if (a && a->allowed[0])
        diag_todo(d, "Allowed: %s", a->allowed);
    about(d, e);
    return err;
}

static void add_attribute(struct text *out, const char *name, struct slice value)
{
    text_addf(out, " %s=\"", name);
    text_add_xml(out, value);
    text_add_char(out, '"');
}

int conf_set(struct conf *c, struct conf_element *e, const char *attribute, struct slice value, struct diag *d)
{
    OWNED_TEXT_BUFFER text = { 0 }, attributes = { 0 };
    int err = canonical(e, e->schema, attribute, value, &text, d);
    if (err)
        return err;
    struct edit ed;
    struct target t = { 0 };
    err = edit_begin(&ed, c, e->ref->section->file, d);
    if (!err)
        err = target_of(&ed, e, &t);
    if (!err && t.missing.open_count) {
        add_attribute(&attributes, attribute, text_slice(&text));
        t.missing.self = close_innermost(&ed, &t, text_slice(&attributes));
        target_write(&ed, &t);
    } else if (!err) {
        patch_attribute(&ed.patch, t.node, attribute, text_slice(&text));
    }
    return edit_finish(&ed, err);
}

int conf_unset(struct conf *c, struct conf_element *e, const char *attribute, struct diag *d)
{
    uint32_t local = element_local(e);
    if (local == XML_NONE)
        return 0;
    struct edit ed;
    int err = edit_begin(&ed, c, e->ref->section->file, d);
    if (!err)
        patch_attribute(&ed.patch, local, attribute, SLICE_NONE);
    return edit_finish(&ed, err);
}

/* ---- items ---- */

static bool is_named(const struct xml *x, uint32_t node, const char *name)
{
    return name && slice_equal_str(xml_name(x, node), name);
}

static bool is_directive(const struct schema_collection *s, const struct xml *x, uint32_t node)
{
    return is_named(x, node, s->add) || is_named(x, node, s->remove) || is_named(x, node, s->clear);
}

/* Put a directive into the collection: before local item `position`, or behind the last directive. */
static void insert_directive(struct edit *ed, struct target *t, const struct schema_collection *s, long position)
{
    const struct xml *x = ed->in->x;
    uint32_t last = XML_NONE;
    long items = 0;
    for (uint32_t n = x->nodes[t->node].first; n != XML_NONE && !t->missing.open_count; n = x->nodes[n].next) {
        if (is_named(x, n, s->add) && position >= 0 && items++ == position) {
            patch_insert(&ed->patch, PATCH_BEFORE, n, &t->missing);
            return;
        }
        if (is_directive(s, x, n))
            last = n;
    }
    if (last != XML_NONE)
        patch_insert(&ed->patch, PATCH_AFTER, last, &t->missing);
    else
        target_write(ed, t);
}

static MUST_USE int add_directive(struct conf *c, struct conf_element *e, const char *name, struct slice attributes,
                                  long position, struct diag *d)
{
    struct edit ed;
    struct target t;
    int err = edit_begin(&ed, c, e->ref->section->file, d);
    if (!err)
        err = target_of(&ed, e, &t);
    if (!err)
        err = target_open(&ed, &t, name);
    if (!err) {
        t.missing.self = close_innermost(&ed, &t, attributes);
        insert_directive(&ed, &t, e->schema->collection, position);
    }
    return edit_finish(&ed, err);
}

int conf_add(struct conf *c, struct conf_element *collection, const struct conf_pair *pairs, size_t count,
             long position, struct diag *d)
{
    const struct schema_collection *s = collection->schema->collection;
    if (!s)
        return refuse(d, ERR_NOT_FOUND, "", "'%s' is not a collection", collection->schema->name);
    OWNED_TEXT_BUFFER attributes = { 0 };
    for (size_t i = 0; i < count; i++) {
        OWNED_TEXT_BUFFER text = { 0 }, name = { 0 };
        text_add(&name, pairs[i].name);
        int err = canonical(collection, s->item, text_str(&name), pairs[i].value, &text, d);
        if (err)
            return err;
        add_attribute(&attributes, text_str(&name), text_slice(&text));
    }
    if (text_error(&attributes))
        return ERR_NOMEM;
    return add_directive(c, collection, s->add, text_slice(&attributes), position, d);
}

static bool matches(struct conf_element *item, const struct conf_pair *pair)
{
    const struct schema_attr *a = schema_attr(item->schema, pair->name);
    struct conf_value v;
    if (!a || conf_attr(item, a->name, &v))
        return false;
    OWNED_TEXT_BUFFER reason = { 0 };
    int64_t number;
    if (a->type != CONF_STRING)
        return !value_parse(a, pair->value, VALUE_FROM_TOOL, &number, &reason) && number == v.number;
    return a->case_sensitive ? slice_equal(v.text, pair->value) : slice_equal_fold(v.text, pair->value);
}

int conf_find(struct conf_element *collection, const struct conf_pair *pairs, size_t count,
              struct conf_element **item_out)
{
    for (size_t i = 0; i < conf_count(collection); i++) {
        struct conf_element *item = conf_item(collection, i);
        bool all = true;
        for (size_t k = 0; k < count && all; k++)
            all = matches(item, &pairs[k]);
        if (!all)
            continue;
        *item_out = item;
        return 0;
    }
    return ERR_NOT_FOUND;
}

/* <remove> with the whole key, as the item has it. */
static MUST_USE int remove_inherited(struct conf *c, struct conf_element *item, struct diag *d)
{
    const struct schema_collection *s = item->parent->schema->collection;
    if (!s->remove) {
        int err = refuse(d, ERR_UNSUPPORTED, "Remove it where it is written",
                         "The item is inherited and its collection knows no remove");
        about(d, item);
        return err;
    }
    OWNED_TEXT_BUFFER attributes = { 0 };
    for (size_t i = 0; i < item->schema->attr_count; i++)
        if (schema_attr_is_key(&item->schema->attrs[i]))
            add_attribute(&attributes, item->schema->attrs[i].name, conf_text(item, item->schema->attrs[i].name));
    return text_error(&attributes) ? ERR_NOMEM
                                   : add_directive(c, item->parent, s->remove, text_slice(&attributes), 0, d);
}

int conf_remove(struct conf *c, struct conf_element *item, struct diag *d)
{
    if (!item->schema->is_item)
        return refuse(d, ERR_STATE, "", "'%s' is not an item of a collection", item->schema->name);
    uint32_t local = element_local(item);
    if (local == XML_NONE)
        return remove_inherited(c, item, d);
    struct edit ed;
    int err = edit_begin(&ed, c, item->ref->section->file, d);
    if (!err)
        patch_remove(&ed.patch, local);
    return edit_finish(&ed, err);
}

/* Whether levels above, or default holders, give the collection items. */
static MUST_USE int inherits_items(const struct conf_element *e, bool *answer_out)
{
    struct conf_element above = *e;
    bool is_local = element_local(e) != XML_NONE;
    above.layers += is_local;
    above.layer_count -= is_local;
    above.items = NULL;
    above.item_count = 0;
    above.items_known = false;
    int err = element_merge(&above, NULL);
    *answer_out = above.item_count > 0;
    return err;
}

static bool has_directives(const struct conf_element *e)
{
    const struct xml *x = e->in->x;
    for (uint32_t n = x->nodes[element_local(e)].first; n != XML_NONE; n = x->nodes[n].next)
        if (is_directive(e->schema->collection, x, n))
            return true;
    return false;
}

/* Remove all directives; the first one makes room for <clear/> when there is something to clear. */
static MUST_USE int clear_directives(struct conf *c, struct conf_element *e, bool with_clear, struct diag *d)
{
    const struct schema_collection *s = e->schema->collection;
    uint32_t local = element_local(e);
    struct patch_element clear = { .self = slice_str(s->clear) };
    struct edit ed;
    int err = edit_begin(&ed, c, e->ref->section->file, d);
    const struct xml *x = e->in->x;
    for (uint32_t n = x->nodes[local].first; n != XML_NONE && !err; n = x->nodes[n].next) {
        if (!is_directive(s, x, n))
            continue;
        if (with_clear)
            patch_replace(&ed.patch, n, &clear);
        else
            patch_remove(&ed.patch, n);
        with_clear = false;
    }
    return edit_finish(&ed, err);
}

int conf_clear_collection(struct conf *c, struct conf_element *collection, struct diag *d)
{
    const struct schema_collection *s = collection->schema->collection;
    if (!s)
        return refuse(d, ERR_NOT_FOUND, "", "'%s' is not a collection", collection->schema->name);
    bool inherits;
    int err = inherits_items(collection, &inherits);
    if (err)
        return err;
    if (inherits && !s->clear) {
        err = refuse(d, ERR_UNSUPPORTED, "Remove the items where they are written",
                     "Items are inherited and the collection knows no clear");
        about(d, collection);
        return err;
    }
    if (element_local(collection) != XML_NONE && has_directives(collection))
        return clear_directives(c, collection, inherits, d);
    return inherits ? add_directive(c, collection, s->clear, SLICE_NONE, -1, d) : 0;
}

/* ---- sections ---- */

/* The outermost element around `node`, up to its location tag, that holds nothing else. */
static uint32_t outermost_alone(const struct xml *x, uint32_t node, uint32_t location)
{
    while (node != location && location != XML_NONE) {
        const struct xml_node *up = &x->nodes[x->nodes[node].parent];
        if (up->first != up->last || up->has_text || up->has_comment)
            break;
        node = x->nodes[node].parent;
    }
    return node;
}

int conf_clear_section(struct conf *c, struct conf_element *section, struct diag *d)
{
    uint32_t node = element_local(section);
    if (section->parent)
        return refuse(d, ERR_STATE, "", "'%s' is not a section", section->schema->name);
    if (node == XML_NONE)
        return 0;
    struct edit ed;
    int err = edit_begin(&ed, c, section->ref->section->file, d);
    const struct place *p = &ed.in->places[input_place(ed.in, section->ref->section, section->ref->path)];
    bool has_lock = p->location != XML_NONE && (xml_attr_find(ed.in->x, p->location, "overrideMode") != XML_NONE ||
                                                xml_attr_find(ed.in->x, p->location, "allowOverride") != XML_NONE);
    struct patch_element empty = { .self = slice_str(section->schema->name) };
    if (has_lock) /* the lock is not a setting of the section and stays */
        patch_replace(&ed.patch, node, &empty);
    else
        patch_remove(&ed.patch, outermost_alone(ed.in->x, node, p->location));
    return edit_finish(&ed, err);
}

/* At the server level the lock stands in the declaration. */
static MUST_USE int lock_declaration(struct edit *ed, const struct schema_section *section, const char *mode)
{
    uint32_t declared = map_get(&ed->in->declared, slice_str(section->name));
    if (declared == MAP_NONE)
        return refuse(ed->d, ERR_NOT_FOUND, "Declare it in configSections",
                      "The configuration section '%s' cannot be read because it is missing a section declaration",
                      section->name);
    patch_attribute(&ed->patch, ed->in->declarations[declared].node, "overrideModeDefault", slice_str(mode));
    return 0;
}

/* A new location tag with the section in it: empty, or moved here with its text. */
static MUST_USE int lock_new_location(struct edit *ed, const struct section_ref *ref, const char *mode, uint32_t moved)
{
    const struct xml *x = ed->in->x;
    struct target t = { 0 };
    int err = open_location(ed, &t, ref->path, mode);
    if (!err)
        err = enter_groups(ed, &t, ref->section);
    if (err)
        return err;
    t.missing.self = slice_str(ref->section->root->name);
    if (moved != XML_NONE) {
        t.missing.self = slice_of(x->bytes + x->nodes[moved].start, x->nodes[moved].end - x->nodes[moved].start);
        t.missing.is_raw = true;
        uint32_t location = ed->in->places[input_place(ed->in, ref->section, ref->path)].location;
        patch_remove(&ed->patch, outermost_alone(x, moved, location));
    }
    target_write(ed, &t);
    return 0;
}

static MUST_USE int lock_place(struct edit *ed, const struct section_ref *ref, const char *mode)
{
    uint32_t at = input_place(ed->in, ref->section, ref->path);
    const struct place *p = at == MAP_NONE ? NULL : &ed->in->places[at];
    if (!ref->path.len && (!p || p->location == XML_NONE))
        return lock_declaration(ed, ref->section, mode);
    if (!p)
        return lock_new_location(ed, ref, mode, XML_NONE);
    if (outermost_alone(ed->in->x, p->node, p->location) != p->location)
        return lock_new_location(ed, ref, mode, p->node);
    patch_attribute(&ed->patch, p->location, "overrideMode", slice_str(mode));
    patch_attribute(&ed->patch, p->location, "allowOverride", SLICE_NONE);
    return 0;
}

int conf_lock(struct conf *c, struct slice section, struct slice path, bool deny, struct diag *d)
{
    struct section_ref ref = { schema_section_short(section), path_canonical(path) };
    if (!ref.section)
        return refuse(d, ERR_NOT_FOUND, "", "Unknown section '" SLICE_FMT "'", SLICE_ARG(section));
    struct edit ed;
    int err = edit_begin(&ed, c, ref.section->file, d);
    if (!err)
        err = lock_place(&ed, &ref, deny ? "Deny" : "Allow");
    return edit_finish(&ed, err);
}

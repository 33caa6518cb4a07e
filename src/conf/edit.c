/*
 * edit.c - the editing API.
 *
 * The level of an edit is the one the element was asked for, so an inherited item cannot be changed from below; it can
 * be removed there, and added again.
 */
#include <stdlib.h>

#include "base/fold.h"
#include "conf/edit_priv.h"
#include "conf/value.h"

/* ---- values ---- */

static bool is_free_attribute(const struct schema_element *schema, const char *name)
{
    if (schema_is_lock(slice_str(name)))
        return true;
    return schema->is_item && schema->parent->collection->extra_attributes && *name &&
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

int edit_canonical(const struct schema_element *schema, const char *name, struct slice value, struct text *out,
                   struct diag *d)
{
    const struct schema_attr *a = schema_attr(schema, slice_str(name));
    OWNED_TEXT_BUFFER reason = { 0 }, todo = { 0 };
    int64_t number = 0;
    int err = 0;
    if (!is_writable(value) || value.len > XML_VALUE_MAX / 6)
        err = edit_refuse(d, ERR_SYNTAX, "", "The '%s' attribute is invalid.  Text with control characters or too long", name);
    else if (!a && is_free_attribute(schema, name))
        text_add(out, value);
    else if (!a || a->runtime)
        err = edit_refuse(d, ERR_NOT_FOUND, "", "Unrecognized attribute '%s'", name);
    else if ((err = value_parse(a, value, VALUE_FROM_TOOL, &number, &reason)) != 0)
        err = edit_refuse(d, err, "", "The '%s' attribute is invalid.  %s", name, text_str(&reason));
    else
        value_print(a, value, number, out);
    if (!err && text_error(out))
        err = edit_refuse(d, text_error(out), "", "%s", err_text(text_error(out)));
    if (reason.len) {
        value_todo(a, value, text_slice(&reason), &todo);
        diag_todo(d, "%s", text_str(&todo));
    }
    return err;
}

void edit_add_attribute(struct text *out, const char *name, struct slice value)
{
    text_addf(out, " %s=\"", name);
    text_add_xml(out, value);
    text_add_char(out, '"');
}

int conf_set(struct conf *c, struct conf_element *e, const char *attribute, struct slice value, struct diag *d)
{
    OWNED_TEXT_BUFFER text = { 0 }, attributes = { 0 };
    int err = edit_canonical(e->schema, attribute, value, &text, d);
    if (!err)
        err = edit_seal(c, e->schema, attribute, &text, d);
    if (err) {
        edit_about(d, e);
        return err;
    }
    struct edit ed;
    struct target t = { 0 };
    err = edit_begin_at(&ed, c, &e, d);
    if (!err)
        err = target_of(&ed, e, &t);
    if (!err && t.missing.open_count) {
        edit_add_attribute(&attributes, attribute, text_slice(&text));
        t.missing.self = target_close(&ed, &t, text_slice(&attributes));
        target_write(&ed, &t);
    } else if (!err) {
        patch_attribute(&ed.patch, t.node, attribute, text_slice(&text));
    }
    return edit_finish(&ed, err);
}

int conf_unset(struct conf *c, struct conf_element *e, const char *attribute, struct diag *d)
{
    if (element_local(e) == XML_NONE)
        return 0;
    struct edit ed;
    int err = edit_begin_at(&ed, c, &e, d);
    if (!err)
        patch_attribute(&ed.patch, element_local(e), attribute, SLICE_NONE);
    return edit_finish(&ed, err);
}

/* ---- items ---- */

void target_write_item(struct edit *ed, struct target *t, const struct schema_collection *s, long position)
{
    const struct xml *x = ed->in->x;
    uint32_t last = XML_NONE;
    long items = 0;
    for (uint32_t n = x->nodes[t->node].first; n != XML_NONE && !t->missing.open_count; n = x->nodes[n].next) {
        if (slice_equal_str(xml_name(x, n), s->add) && position >= 0 && items++ == position) {
            patch_insert(&ed->patch, PATCH_BEFORE, n, &t->missing);
            return;
        }
        if (schema_is_directive(s, xml_name(x, n)))
            last = n;
    }
    bool has_room = t->missing.open_count == 0 && x->nodes[t->node].first != XML_NONE;
    if (last != XML_NONE)
        patch_insert(&ed->patch, PATCH_AFTER, last, &t->missing);
    else if (has_room) /* IIS keeps items before the other children: sites before siteDefaults */
        patch_insert(&ed->patch, PATCH_BEFORE, x->nodes[t->node].first, &t->missing);
    else
        target_write(ed, t);
}

static MUST_USE int add_directive(struct conf *c, struct conf_element *e, const char *name, struct slice attributes,
                                  long position, struct diag *d)
{
    struct edit ed;
    struct target t;
    int err = edit_begin_at(&ed, c, &e, d);
    if (!err)
        err = target_of(&ed, e, &t);
    if (!err)
        err = target_open(&ed, &t, name);
    if (!err) {
        t.missing.self = target_close(&ed, &t, attributes);
        target_write_item(&ed, &t, e->schema->collection, position);
    }
    return edit_finish(&ed, err);
}

int conf_add(struct conf *c, struct conf_element *collection, const struct conf_pair *pairs, size_t count,
             long position, struct diag *d)
{
    const struct schema_collection *s = collection->schema->collection;
    if (!s)
        return edit_refuse(d, ERR_NOT_FOUND, "", "'%s' is not a collection", collection->schema->name);
    OWNED_TEXT_BUFFER attributes = { 0 };
    for (size_t i = 0; i < count; i++) {
        OWNED_TEXT_BUFFER text = { 0 }, name = { 0 };
        text_add(&name, pairs[i].name);
        int err = edit_canonical(s->item, text_str(&name), pairs[i].value, &text, d);
        if (!err)
            err = edit_seal(c, s->item, text_str(&name), &text, d);
        if (err) {
            edit_about(d, collection);
            return err;
        }
        edit_add_attribute(&attributes, text_str(&name), text_slice(&text));
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
    return a->case_sensitive ? slice_equal(v.text, pair->value) : fold_same(v.text, pair->value);
}

bool conf_item_matches(struct conf_element *item, const struct conf_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!matches(item, &pairs[i]))
            return false;
    return true;
}

int conf_find(struct conf_element *collection, const struct conf_pair *pairs, size_t count,
              struct conf_element **item_out)
{
    for (size_t i = 0; i < conf_count(collection); i++) {
        struct conf_element *item = conf_item(collection, i);
        if (!conf_item_matches(item, pairs, count))
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
        int err = edit_refuse(d, ERR_UNSUPPORTED, "Remove it where it is written",
                         "The item is inherited and its collection knows no remove");
        edit_about(d, item);
        return err;
    }
    OWNED_TEXT_BUFFER attributes = { 0 };
    for (size_t i = 0; i < item->schema->attr_count; i++)
        if (schema_attr_is_key(&item->schema->attrs[i]))
            edit_add_attribute(&attributes, item->schema->attrs[i].name, conf_text(item, item->schema->attrs[i].name));
    return text_error(&attributes) ? ERR_NOMEM
                                   : add_directive(c, item->parent, s->remove, text_slice(&attributes), 0, d);
}

int conf_remove(struct conf *c, struct conf_element *item, struct diag *d)
{
    if (!item->schema->is_item)
        return edit_refuse(d, ERR_STATE, "", "'%s' is not an item of a collection", item->schema->name);
    if (element_local(item) == XML_NONE)
        return remove_inherited(c, item, d);
    struct edit ed;
    int err = edit_begin_at(&ed, c, &item, d);
    if (!err)
        patch_remove(&ed.patch, element_local(item));
    return edit_finish(&ed, err);
}

/* Out of its place and in again, text and all. */
static void move_item(struct edit *ed, const struct schema_collection *s, uint32_t node, long position)
{
    const struct xml *x = ed->in->x;
    const struct patch_element raw = {
        .self = slice_of(x->bytes + x->nodes[node].start, x->nodes[node].end - x->nodes[node].start),
        .is_raw = true,
    };
    uint32_t before = XML_NONE, last = XML_NONE;
    long items = 0;
    for (uint32_t n = x->nodes[x->nodes[node].parent].first; n != XML_NONE; n = x->nodes[n].next) {
        if (n == node || !slice_equal_str(xml_name(x, n), s->add))
            continue;
        if (items++ == position)
            before = n;
        last = n;
    }
    if (last == XML_NONE || (before == XML_NONE && x->nodes[last].next == node) ||
        (before != XML_NONE && x->nodes[node].next == before))
        return; /* it stands there */
    patch_remove(&ed->patch, node);
    if (before != XML_NONE)
        patch_insert(&ed->patch, PATCH_BEFORE, before, &raw);
    else
        patch_insert(&ed->patch, PATCH_AFTER, last, &raw);
    if (ed->patch.err)
        return;
    /* Before an item the text comes first, behind one its indentation does. */
    const struct splice *out = &ed->patch.splices[0], *in = &ed->patch.splices[1];
    size_t to = in->at + (before == XML_NONE ? in->text_len - raw.self.len : 0) - (out->at < in->at ? out->len : 0);
    ed->moved = (struct conf_shift){
        .file = (uint32_t)ed->which, .at = x->nodes[node].start, .old_len = raw.self.len,
        .is_move = true, .to_file = (uint32_t)ed->which, .to = to,
    };
}

int conf_move(struct conf *c, struct conf_element *item, long position, struct diag *d)
{
    if (!item->schema->is_item)
        return edit_refuse(d, ERR_STATE, "", "'%s' is not an item of a collection", item->schema->name);
    if (element_local(item) == XML_NONE) {
        int err = edit_refuse(d, ERR_STATE, "Move it where it is written",
                              "The item is inherited and cannot be moved at this level");
        edit_about(d, item);
        return err;
    }
    struct edit ed;
    int err = edit_begin_at(&ed, c, &item, d);
    if (!err)
        move_item(&ed, item->parent->schema->collection, element_local(item), position);
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
    /* what is made below it must not be found at the element itself */
    size_t children = e->schema->child_count ? e->schema->child_count : 1;
    above.children = arena_get(&e->c->elements, children * sizeof *above.children);
    if (!above.children)
        return ERR_NOMEM;
    int err = element_merge(&above, NULL);
    *answer_out = above.item_count > 0;
    return err;
}

static bool has_directives(const struct conf_element *e)
{
    const struct xml *x = element_xml(e);
    for (uint32_t n = x->nodes[element_local(e)].first; n != XML_NONE; n = x->nodes[n].next)
        if (schema_is_directive(e->schema->collection, xml_name(x, n)))
            return true;
    return false;
}

/* Remove all directives; the first one makes room for <clear/> when there is something to clear. */
static MUST_USE int clear_directives(struct conf *c, struct conf_element *e, bool with_clear, struct diag *d)
{
    const struct schema_collection *s = e->schema->collection;
    struct patch_element clear = { .self = slice_str(s->clear) };
    struct edit ed;
    int err = edit_begin_at(&ed, c, &e, d);
    const struct xml *x = e->in->x;
    for (uint32_t n = err ? XML_NONE : x->nodes[element_local(e)].first; n != XML_NONE; n = x->nodes[n].next) {
        if (!schema_is_directive(s, xml_name(x, n)))
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
        return edit_refuse(d, ERR_NOT_FOUND, "", "'%s' is not a collection", collection->schema->name);
    bool inherits;
    int err = inherits_items(collection, &inherits);
    if (err)
        return err;
    if (inherits && !s->clear) {
        err = edit_refuse(d, ERR_UNSUPPORTED, "Remove the items where they are written",
                     "Items are inherited and the collection knows no clear");
        edit_about(d, collection);
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

static MUST_USE int clear_section(struct conf *c, struct conf_element *section, bool keeps_element, struct diag *d)
{
    uint32_t node = element_local(section);
    if (section->parent)
        return edit_refuse(d, ERR_STATE, "", "'%s' is not a section", section->schema->name);
    if (node == XML_NONE)
        return 0;
    struct edit ed;
    int err = edit_begin(&ed, c, section->ref->section->file, d);
    if (err)
        return edit_finish(&ed, err);
    const struct place *p = &ed.in->places[input_place(ed.in, section->ref->section, section->ref->path)];
    const struct slice inherit = SLICE_LITERAL("Inherit");
    bool has_lock = p->location != XML_NONE &&
                    (!slice_equal(xml_attr_or(ed.in->x, p->location, "overrideMode", inherit), inherit) ||
                     xml_attr_find(ed.in->x, p->location, "allowOverride") != XML_NONE);
    struct patch_element empty = { .self = slice_str(section->schema->name) };
    if (keeps_element || has_lock) /* the lock is not a setting of the section and stays */
        patch_replace(&ed.patch, p->at, &empty);
    else
        patch_remove(&ed.patch, outermost_alone(ed.in->x, p->at, p->location));
    return edit_finish(&ed, 0);
}

int conf_clear_section(struct conf *c, struct conf_element *section, struct diag *d)
{
    return clear_section(c, section, true, d);
}

int conf_delete_section(struct conf *c, struct conf_element *section, struct diag *d)
{
    return clear_section(c, section, false, d);
}

/* At the server level the lock stands in the declaration. */
static MUST_USE int lock_declaration(struct edit *ed, const struct schema_section *section, const char *mode)
{
    uint32_t declared = map_get(&ed->in->declared, slice_str(section->name));
    if (declared == MAP_NONE)
        return edit_refuse(ed->d, ERR_NOT_FOUND, "Declare it in configSections",
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
    int err = target_open_location(ed, &t, ref->path, mode);
    if (!err)
        err = target_enter_groups(ed, &t, ref->section);
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
    if (outermost_alone(ed->in->x, p->at, p->location) != p->location)
        return lock_new_location(ed, ref, mode, p->at);
    patch_attribute(&ed->patch, p->location, "overrideMode", slice_str(mode));
    patch_attribute(&ed->patch, p->location, "allowOverride", SLICE_NONE);
    return 0;
}

int conf_lock(struct conf *c, struct slice section, struct slice path, bool deny, struct diag *d)
{
    struct section_ref ref = { schema_section_short(section), path_canonical(path) };
    if (!ref.section)
        return edit_refuse(d, ERR_NOT_FOUND, "", "Unknown section '" SLICE_FMT "'", SLICE_ARG(section));
    struct edit ed;
    int err = edit_begin(&ed, c, ref.section->file, d);
    if (!err)
        err = lock_place(&ed, &ref, deny ? "Deny" : "Allow");
    return edit_finish(&ed, err);
}

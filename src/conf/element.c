/*
 * element.c - what is effective somewhere.
 *
 * An element is a list of layers, nearest first: the places of the section from the asked path up to the server level,
 * and behind them, for items of a collection with a default holder (site <- siteDefaults, virtualDirectory <- the
 * virtualDirectoryDefaults of its application, its site, the server), the holder's layers.  An attribute is the first
 * one found, else the schema's default; a child maps each layer to its child.  So inheritance attribute by attribute
 * at every depth needs no further rule.
 *
 * Items merge from the farthest layer to the nearest: inherited first, local ones appended.  Adding a key that is there
 * already is an error and never an override; an item with lockItem can be neither removed nor cleared from below.
 */
#include <stdlib.h>

#include "base/fold.h"
#include "conf/conf_priv.h"
#include "conf/value.h"

static struct conf_element *element_new(struct conf *c, struct conf_input *in, const struct schema_element *schema,
                                        size_t layers)
{
    struct conf_element *e = arena_get(&c->elements, sizeof *e);
    if (!e)
        return NULL;
    e->layers = arena_get(&c->elements, (layers ? layers : 1) * sizeof *e->layers);
    e->children = arena_get(&c->elements, (schema->child_count ? schema->child_count : 1) * sizeof *e->children);
    if (!e->layers || !e->children)
        return NULL;
    e->c = c;
    e->in = in;
    e->schema = schema;
    return e;
}

static void add_layer(struct conf_element *e, const struct conf_input *in, uint32_t node, bool local)
{
    e->layers[e->layer_count++] = (struct layer){ in, node, local };
}

const struct xml *element_xml(const struct conf_element *e)
{
    return e->layer_count ? e->layers[0].in->x : e->in->x;
}

uint32_t element_local(const struct conf_element *e)
{
    return e->layer_count && e->layers[0].local ? e->layers[0].node : XML_NONE;
}

/* ---- sections ---- */

int element_of_section(struct conf *c, const struct schema_section *section, struct slice path,
                       struct conf_element **element_out)
{
    struct conf_input *in = &c->files[section->file];
    struct section_ref *ref = arena_get(&c->elements, sizeof *ref);
    char *own_path = arena_copy(&c->elements, path);
    size_t levels = 1;
    for (size_t i = 0; i < path.len; i++)
        levels += path.ptr[i] == '/';
    struct conf_element *e = element_new(c, in, section->root, levels + 1);
    if (!ref || !own_path || !e)
        return ERR_NOMEM;
    *ref = (struct section_ref){ section, slice_of(own_path, path.len) };
    e->ref = ref;
    for (struct slice at = path; at.ptr; at = path_parent(at)) {
        uint32_t place = in->x ? input_place(in, section, at) : MAP_NONE;
        if (place != MAP_NONE)
            add_layer(e, place_input(in, &in->places[place]), in->places[place].node, at.len == path.len);
    }
    *element_out = e;
    return 0;
}

/* ---- children ---- */

struct conf_element *element_child(struct conf_element *e, const struct schema_element *schema)
{
    struct conf_element **slot = &e->children[schema->index], *known = *slot;
    if (known)
        return known;
    struct conf_element *child = element_new(e->c, e->in, schema, e->layer_count);
    if (!child) {
        e->c->err = ERR_NOMEM;
        return NULL;
    }
    child->parent = e;
    child->ref = e->ref;
    for (size_t i = 0; i < e->layer_count; i++) {
        const struct layer *l = &e->layers[i];
        uint32_t node = xml_child(l->in->x, l->node, slice_str(schema->name), XML_NONE);
        if (node != XML_NONE)
            add_layer(child, l->in, node, l->local);
    }
    return *slot = child;
}

/* ---- keys ---- */

/* The value of a key attribute in the form in which keys are compared. */
static void add_key(const struct xml *x, const struct schema_attr *a, uint32_t node, struct text *out)
{
    struct slice text = xml_attr_or(x, node, a->name, slice_str(a->default_text));
    int64_t number;
    OWNED_TEXT_BUFFER reason = { 0 };
    if (a->type != CONF_STRING && !value_parse(a, text, 0, &number, &reason)) {
        text_add(out, slice_of((const char *)&number, sizeof number)); /* only ever compared */
        return;
    }
    if (a->case_sensitive)
        text_add(out, text);
    else
        fold_add(out, text);
}

/* Keys of an item: every unique attribute by itself, all combined ones together.  Key number `which` is appended to
 * `out`; false when there is no such key or, for a <remove>, when it does not name it. */
static bool item_key(const struct xml *x, const struct schema_element *item, uint32_t node, size_t which,
                     bool is_remove, struct text *out)
{
    size_t unique = 0;
    for (size_t i = 0; i < item->attr_count; i++) {
        const struct schema_attr *a = &item->attrs[i];
        if (!a->unique_key || unique++ != which)
            continue;
        if (is_remove && xml_attr_find(x, node, a->name) == XML_NONE)
            return false;
        text_add_char(out, (char)which);
        add_key(x, a, node, out);
        return true;
    }
    if (which != unique)
        return false;
    bool any = false;
    for (size_t i = 0; i < item->attr_count; i++) {
        if (!item->attrs[i].combined_key)
            continue;
        if (!any)
            text_add_char(out, (char)which);
        any = true;
        add_key(x, &item->attrs[i], node, out);
        text_add_char(out, '\x1f');
    }
    return any;
}

static size_t key_count(const struct schema_element *item)
{
    size_t unique = 0, combined = 0;
    for (size_t i = 0; i < item->attr_count; i++) {
        unique += item->attrs[i].unique_key;
        combined |= item->attrs[i].combined_key;
    }
    return unique + combined;
}

/* ---- merging ---- */

enum { KEY_GONE = UINT32_MAX - 1 };

struct candidate {
    uint32_t node;
    uint32_t layer;
    bool gone;
};
struct merge {
    struct conf_element *e;
    const struct schema_collection *collection;
    size_t keys;
    struct candidate *found;
    size_t count, cap;
    struct map by_key;
    struct text key; /* the one being looked at */
    struct sink *sink;
    uint32_t layer;
    int err;
};

static const struct conf_input *input_of(const struct merge *m, uint32_t layer)
{
    return m->e->layers[layer].in;
}

static void merge_problem(struct merge *m, uint32_t node, int err, const char *todo, const char *what)
{
    struct diag d;
    const struct conf_input *in = input_of(m, m->layer);
    place_diag(in, node, in->x->nodes[node].start, m->e->ref->section, m->e->schema, &d);
    diag_set(&d, "%s", what);
    diag_todo(&d, "%s", todo);
    if (err)
        sink_error(m->sink, err, &d);
    else
        sink_warning(m->sink, &d);
}

/* "Cannot add duplicate collection entry of type 'add' with combined key attributes 'a, b' respectively set to 'v, w'": of
 * the keys whose bits are set, numbered as in item_key. */
static void complain_duplicate(struct merge *m, uint32_t node, unsigned clashing)
{
    const struct schema_element *item = m->collection->item;
    const struct xml *x = input_of(m, m->layer)->x;
    OWNED_TEXT_BUFFER names = { 0 }, values = { 0 }, what = { 0 };
    size_t count = 0, unique = 0;
    bool combined = false;
    for (size_t i = 0; i < item->attr_count; i++) {
        const struct schema_attr *a = &item->attrs[i];
        size_t which = a->unique_key ? unique++ : m->keys - 1; /* the combined key is the last */
        if (!schema_attr_is_key(a) || !(clashing & 1u << which))
            continue;
        text_addf(&names, "%s%s", count ? ", " : "", a->name);
        if (count++)
            text_add_str(&values, ", ");
        text_add(&values, xml_attr_or(x, node, a->name, slice_str(a->default_text)));
        combined |= a->combined_key;
    }
    text_addf(&what, "Cannot add duplicate collection entry of type '%s' with %s key attribute%s '%s' %sset to '%s'",
              item->name, combined ? "combined" : "unique", count > 1 ? "s" : "", text_str(&names),
              count > 1 ? "respectively " : "", text_str(&values));
    merge_problem(m, node, ERR_EXISTS, "", text_str(&what));
}

static bool is_locked_item(const struct xml *x, uint32_t node)
{
    return slice_equal_fold_str(xml_attr_or(x, node, "lockItem", SLICE_NONE), "true");
}

static void drop(struct merge *m, uint32_t index, uint32_t by)
{
    struct candidate *c = &m->found[index];
    if (m->sink && c->layer != m->layer && is_locked_item(input_of(m, c->layer)->x, c->node)) {
        merge_problem(m, by, ERR_LOCKED, "The item is locked (lockItem) at a parent level", "Lock violation");
        return;
    }
    c->gone = true;
}

/* Keys are kept by the map for the whole merge, so they live in the arena of the elements. */
static struct slice key_kept(struct merge *m, const struct text *key)
{
    char *kept = arena_copy(&m->e->c->elements, text_slice(key));
    if (!kept || text_error(key))
        m->err = ERR_NOMEM;
    return slice_of(kept, key->len);
}

static void merge_add(struct merge *m, uint32_t node)
{
    const struct xml *x = input_of(m, m->layer)->x;
    if (m->count == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 8;
        struct candidate *grown = realloc(m->found, cap * sizeof *grown);
        if (!grown) {
            m->err = ERR_NOMEM;
            return;
        }
        m->found = grown;
        m->cap = cap;
    }
    unsigned clashing = 0; /* keys, by bits */
    for (size_t k = 0; k < m->keys && !m->err; k++) {
        text_reset(&m->key);
        if (m->collection->duplicates || !item_key(x, m->collection->item, node, k, false, &m->key))
            continue;
        uint32_t at = map_get(&m->by_key, text_slice(&m->key));
        if (at != MAP_NONE && at != KEY_GONE)
            clashing |= 1u << k;
        struct slice kept = key_kept(m, &m->key);
        if (!m->err)
            m->err = map_put(&m->by_key, kept, (uint32_t)m->count);
    }
    if (clashing && m->sink)
        complain_duplicate(m, node, clashing);
    m->found[m->count++] = (struct candidate){ node, m->layer, false };
}

static void merge_remove(struct merge *m, uint32_t node)
{
    bool hit = false;
    for (size_t k = 0; k < m->keys && !hit; k++) {
        text_reset(&m->key);
        if (!item_key(input_of(m, m->layer)->x, m->collection->item, node, k, true, &m->key))
            continue;
        uint32_t at = map_get(&m->by_key, text_slice(&m->key));
        if (text_error(&m->key))
            m->err = ERR_NOMEM; /* half a key must not leave an item in place */
        if (m->err || at == MAP_NONE || at == KEY_GONE)
            continue;
        hit = true;
        drop(m, at, node);
        struct slice kept = key_kept(m, &m->key);
        if (!m->err && m->found[at].gone)
            m->err = map_put(&m->by_key, kept, KEY_GONE);
    }
    if (!hit && !m->err && m->sink)
        merge_problem(m, node, 0, "Write every part of the key exactly as the item has it",
                      "This remove matches no inherited item and has no effect");
}

static void merge_clear(struct merge *m, uint32_t node)
{
    for (size_t i = 0; i < m->count; i++)
        if (!m->found[i].gone)
            drop(m, (uint32_t)i, node);
    map_free(&m->by_key);
    for (size_t i = 0; i < m->count && !m->err; i++) { /* what a lock kept */
        for (size_t k = 0; k < m->keys && !m->found[i].gone && !m->err; k++) {
            text_reset(&m->key);
            if (!item_key(input_of(m, m->found[i].layer)->x, m->collection->item, m->found[i].node, k, false,
                          &m->key))
                continue;
            struct slice kept = key_kept(m, &m->key);
            if (!m->err)
                m->err = map_put(&m->by_key, kept, (uint32_t)i);
        }
    }
}

static void merge_layer(struct merge *m, uint32_t node)
{
    const struct xml *x = input_of(m, m->layer)->x;
    const struct schema_collection *c = m->collection;
    for (uint32_t n = x->nodes[node].first; n != XML_NONE && !m->err; n = x->nodes[n].next) {
        struct slice name = xml_name(x, n);
        if (slice_equal_str(name, c->add))
            merge_add(m, n);
        else if (c->remove && slice_equal_str(name, c->remove))
            merge_remove(m, n);
        else if (c->clear && slice_equal_str(name, c->clear))
            merge_clear(m, n);
    }
}

/* The layers items fall back to: every default holder from the collection upwards, nearest first. */
static MUST_USE int holder_layers(struct conf_element *e, struct layer **layers_out, size_t *count_out)
{
    const struct schema_collection *c = e->schema->collection;
    struct conf_element *holders[16];
    size_t count = 0, layers = 0;
    for (struct conf_element *at = e; at && c->default_element && count < 15; at = at->parent) {
        const struct schema_element *holder = schema_child(at->schema, slice_str(c->default_element));
        if (!holder)
            continue;
        holders[count] = element_child(at, holder);
        if (!holders[count])
            return ERR_NOMEM;
        layers += holders[count++]->layer_count;
    }
    if (c->default_section) {
        const struct schema_section *section = schema_section_find(slice_str(c->default_section));
        int err = section ? element_of_section(e->c, section, e->ref->path, &holders[count]) : ERR_NOT_FOUND;
        if (err)
            return err;
        layers += holders[count++]->layer_count;
    }
    *layers_out = arena_get(&e->c->elements, (layers ? layers : 1) * sizeof **layers_out);
    if (!*layers_out)
        return ERR_NOMEM;
    *count_out = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < holders[i]->layer_count; k++)
            (*layers_out)[(*count_out)++] = (struct layer){ holders[i]->layers[k].in, holders[i]->layers[k].node, false };
    return 0;
}

static MUST_USE int make_items(struct conf_element *e, const struct merge *m)
{
    struct layer *inherited = NULL;
    size_t inherited_count = 0, alive = 0;
    int err = holder_layers(e, &inherited, &inherited_count);
    for (size_t i = 0; i < m->count; i++)
        alive += !m->found[i].gone;
    e->items = err ? NULL : arena_get(&e->c->elements, (alive ? alive : 1) * sizeof *e->items);
    if (!e->items)
        return err ? err : ERR_NOMEM;
    for (size_t i = 0; i < m->count; i++) {
        if (m->found[i].gone)
            continue;
        struct conf_element *item = element_new(e->c, e->in, m->collection->item, inherited_count + 1);
        if (!item)
            return ERR_NOMEM;
        item->parent = e;
        item->ref = e->ref;
        const struct layer *from = &e->layers[m->found[i].layer];
        add_layer(item, from->in, m->found[i].node, from->local);
        for (size_t k = 0; k < inherited_count; k++)
            add_layer(item, inherited[k].in, inherited[k].node, false);
        e->items[e->item_count++] = item;
    }
    e->items_known = true;
    return 0;
}

int element_merge(struct conf_element *e, struct sink *s)
{
    if (e->items_known || !e->schema->collection)
        return 0;
    struct merge m = { .e = e, .collection = e->schema->collection, .sink = s };
    m.keys = key_count(m.collection->item);
    for (size_t i = e->layer_count; i-- > 0 && !m.err;) {
        m.layer = (uint32_t)i;
        merge_layer(&m, e->layers[i].node);
    }
    int err = m.err ? m.err : make_items(e, &m);
    if (err)
        e->c->err = err;
    free(m.found);
    map_free(&m.by_key);
    text_free(&m.key);
    return err;
}

/* ---- names ---- */

void element_path_print(const struct schema_section *section, const struct schema_element *e, struct text *out)
{
    const struct schema_element *chain[64];
    size_t depth = 0;
    for (; e && e->parent && depth < 64; e = e->parent)
        chain[depth++] = e;
    text_add_str(out, section->name);
    while (depth-- > 0)
        text_addf(out, "/%s", chain[depth]->name);
}

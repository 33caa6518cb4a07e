/*
 * check.c - everything the schema says about what is written, at once and for every place.
 *
 * Two rounds: first each element for itself (names, values, what is required), then each place against those above it
 * (finer locks, duplicate keys, removed items).  The second round builds the effective collections exactly as readers
 * will see them, in memory that is given back after each place.
 */
#include "conf/conf_priv.h"
#include "conf/value.h"

struct check {
    struct conf *c;
    const struct conf_input *in; /* where the place's content is */
    struct conf_input *file;
    const struct place *place;
    struct sink *sink;
};

static void complain(struct check *k, const struct schema_element *e, uint32_t node, uint32_t at, int err,
                     const char *todo, const char *fmt, ...) __attribute__((format(printf, 7, 8)));
static void complain(struct check *k, const struct schema_element *e, uint32_t node, uint32_t at, int err,
                     const char *todo, const char *fmt, ...)
{
    struct diag d;
    OWNED_TEXT_BUFFER what = { 0 };
    va_list args;
    va_start(args, fmt);
    text_addv(&what, fmt, args);
    va_end(args);
    place_diag(k->in, node, at, k->place->section, e, &d);
    diag_set(&d, "%s", text_str(&what));
    diag_todo(&d, "%s", todo);
    sink_error(k->sink, err, &d);
}

static uint32_t start_of(const struct check *k, uint32_t node)
{
    return k->in->x->nodes[node].start;
}

/* ---- the lock attributes, which every element may carry ---- */

enum lock_kind { LOCK_ATTRIBUTES, LOCK_ALL_ATTRIBUTES_EXCEPT, LOCK_ELEMENTS, LOCK_ALL_ELEMENTS_EXCEPT, LOCK_ITEM };
static const char *const lock_names[] = { "lockAttributes", "lockAllAttributesExcept", "lockElements",
                                          "lockAllElementsExcept", "lockItem" };

static int lock_kind_of(struct slice name)
{
    for (int i = 0; i <= LOCK_ITEM; i++)
        if (slice_equal_str(name, lock_names[i]))
            return i;
    return -1;
}

static bool exists(const struct schema_element *e, enum lock_kind kind, struct slice name)
{
    if (kind == LOCK_ATTRIBUTES || kind == LOCK_ALL_ATTRIBUTES_EXCEPT)
        return schema_attr(e, name) != NULL;
    return schema_child(e, name) || schema_is_directive(e->collection, name);
}

static void warn_holder(struct check *k, const struct schema_element *e, uint32_t node, uint32_t attr)
{
    for (const struct schema_element *up = e; up; up = up->parent) {
        if (!up->is_holder)
            continue;
        struct diag d;
        place_diag(k->in, node, k->in->x->attrs[attr].name_at, k->place->section, e, &d);
        diag_set(&d, "A lock among the defaults has no effect: it holds for deeper paths, not for items");
        sink_warning(k->sink, &d);
        return;
    }
}

/* A list that names what does not exist would lock nothing and look as if it did. */
static void check_lock(struct check *k, const struct schema_element *e, uint32_t node, uint32_t attr, enum lock_kind kind)
{
    const struct xml *x = k->in->x;
    k->file->has_locks = true;
    warn_holder(k, e, node, attr);
    struct slice rest = xml_attr_text(x, attr);
    if (kind == LOCK_ITEM) {
        if (!slice_equal_fold_str(rest, "true") && !slice_equal_fold_str(rest, "false"))
            complain(k, e, node, x->attrs[attr].value_at, ERR_SYNTAX, "Allowed: true, false",
                     "The 'lockItem' attribute is invalid.  Not a valid boolean");
        return;
    }
    while (rest.ptr) {
        struct slice name = slice_trim(slice_cut(&rest, ','));
        if (slice_starts(name, SLICE_LITERAL("!"))) /* "*,!x": all but x */
            name = slice_from(name, 1);
        if (slice_is_empty(name) || slice_equal_str(name, "*") || exists(e, kind, name))
            continue;
        complain(k, e, node, x->attrs[attr].value_at, ERR_NOT_FOUND, "", "%s contains unknown %s '" SLICE_FMT "'",
                 lock_names[kind], kind <= LOCK_ALL_ATTRIBUTES_EXCEPT ? "attribute" : "element", SLICE_ARG(name));
    }
}

/* ---- attributes ---- */

enum role { ROLE_ELEMENT, ROLE_REMOVE, ROLE_CLEAR };

static void allowed_names(const struct schema_element *e, enum role role, struct text *out)
{
    for (size_t i = 0; i < e->attr_count && role != ROLE_CLEAR; i++) {
        if (e->attrs[i].runtime || (role == ROLE_REMOVE && !schema_attr_is_key(&e->attrs[i])))
            continue;
        text_addf(out, "%s%s", out->len ? ", " : "Allowed: ", e->attrs[i].name);
    }
}

static void check_value(struct check *k, const struct schema_element *e, uint32_t node, uint32_t attr,
                        const struct schema_attr *a)
{
    OWNED_TEXT_BUFFER reason = { 0 };
    int64_t number;
    int err = value_parse(a, xml_attr_text(k->in->x, attr), 0, &number, &reason);
    if (!err)
        return;
    OWNED_TEXT_BUFFER todo = { 0 };
    value_todo(a, xml_attr_text(k->in->x, attr), text_slice(&reason), &todo);
    complain(k, e, node, k->in->x->attrs[attr].value_at, err, text_str(&todo), "The '%s' attribute is invalid.  %s",
             a->name, text_str(&reason));
}

/* What takes a section's content from elsewhere, where it cannot.  In a location tag configSource is nothing special. */
static bool is_source(struct check *k, const struct schema_element *e, uint32_t node, uint32_t attr)
{
    struct slice name = xml_attr_name(k->in->x, attr);
    bool is_encrypted = slice_equal_str(name, "configProtectionProvider");
    if (e->parent || k->place->location != XML_NONE || (!is_encrypted && !slice_equal_str(name, "configSource")))
        return false;
    if (is_encrypted)
        complain(k, e, node, k->in->x->attrs[attr].name_at, ERR_UNSUPPORTED, "Decrypt it on the Windows machine that has the key",
                 "The section is encrypted and cannot be decrypted with provider '" SLICE_FMT "'",
                 SLICE_ARG(xml_attr_text(k->in->x, attr)));
    else if (k->in != k->file)
        complain(k, e, node, k->in->x->attrs[attr].name_at, ERR_SYNTAX, "Name that file in the first place",
                 "A file that configSource names cannot name another");
    return true;
}

static void check_attributes(struct check *k, const struct schema_element *e, uint32_t node, enum role role)
{
    const struct xml *x = k->in->x;
    bool extra = e->is_item && e->parent->collection->extra_attributes;
    for (uint32_t i = 0; i < x->nodes[node].attr_count; i++) {
        uint32_t attr = x->nodes[node].attr + i;
        struct slice name = xml_attr_name(x, attr);
        const struct schema_attr *a = role == ROLE_CLEAR ? NULL : schema_attr(e, name);
        int lock = role == ROLE_ELEMENT && !a ? lock_kind_of(name) : -1;
        if (lock >= 0) {
            check_lock(k, e, node, attr, (enum lock_kind)lock);
            continue;
        }
        if (a && !a->runtime && (role == ROLE_ELEMENT || schema_attr_is_key(a))) {
            check_value(k, e, node, attr, a);
            continue;
        }
        if ((extra && !a && role == ROLE_ELEMENT) || (role == ROLE_ELEMENT && is_source(k, e, node, attr)))
            continue;
        OWNED_TEXT_BUFFER todo = { 0 };
        allowed_names(e, role, &todo);
        complain(k, e, node, x->attrs[attr].name_at, ERR_NOT_FOUND,
                 a && a->runtime ? "It is computed by the service and cannot be configured" : text_str(&todo),
                 "Unrecognized attribute '" SLICE_FMT "'", SLICE_ARG(name));
    }
}

static void check_required(struct check *k, const struct schema_element *e, uint32_t node, enum role role)
{
    OWNED_TEXT_BUFFER missing = { 0 };
    size_t count = 0;
    for (size_t i = 0; i < e->attr_count; i++) {
        const struct schema_attr *a = &e->attrs[i];
        if (!a->required || (role == ROLE_REMOVE && !schema_attr_is_key(a)) ||
            xml_attr_find(k->in->x, node, a->name) != XML_NONE)
            continue;
        text_addf(&missing, "%s%s", count++ ? "," : "", a->name);
    }
    if (count == 1)
        complain(k, e, node, start_of(k, node), ERR_SYNTAX, "", "Missing required attribute '%s'", text_str(&missing));
    else if (count)
        complain(k, e, node, start_of(k, node), ERR_SYNTAX, "", "Element is missing required attributes %s",
                 text_str(&missing));
}

/* ---- elements ---- */

/* An element without any attribute of its own that can be written is computed by the service (sessions). */
static bool is_runtime(const struct schema_element *e)
{
    for (size_t i = 0; i < e->attr_count; i++)
        if (!e->attrs[i].runtime)
            return false;
    return e->attr_count > 0;
}

static void allowed_elements(const struct schema_element *e, struct text *out)
{
    const struct schema_collection *c = e->collection;
    const char *const own[] = { c ? c->add : NULL, c ? c->remove : NULL, c ? c->clear : NULL };
    for (size_t i = 0; i < 3; i++)
        if (own[i])
            text_addf(out, "%s%s", out->len ? ", " : "Allowed: ", own[i]);
    for (size_t i = 0; i < e->child_count; i++) {
        const struct schema_collection *items = e->children[i]->collection;
        if (!items || !is_runtime(items->item)) /* empty it may stand there, but to no use */
            text_addf(out, "%s%s", out->len ? ", " : "Allowed: ", e->children[i]->name);
    }
}

static void check_element(struct check *k, const struct schema_element *e, uint32_t node);

static void check_no_content(struct check *k, const struct schema_element *e, uint32_t node)
{
    uint32_t first = k->in->x->nodes[node].first;
    if (first != XML_NONE)
        complain(k, e, first, start_of(k, first), ERR_NOT_FOUND, "", "Unrecognized element '" SLICE_FMT "'",
                 SLICE_ARG(xml_name(k->in->x, first)));
}

static void check_child(struct check *k, const struct schema_element *e, uint32_t n, uint64_t *seen)
{
    const struct schema_collection *c = e->collection;
    struct slice name = xml_name(k->in->x, n);
    if (c && slice_equal_str(name, c->add)) {
        check_element(k, c->item, n);
        return;
    }
    if (c && c->remove && slice_equal_str(name, c->remove)) {
        check_attributes(k, c->item, n, ROLE_REMOVE);
        check_required(k, c->item, n, ROLE_REMOVE);
        check_no_content(k, c->item, n);
        return;
    }
    if (c && c->clear && slice_equal_str(name, c->clear)) {
        check_attributes(k, c->item, n, ROLE_CLEAR);
        check_no_content(k, c->item, n);
        return;
    }
    const struct schema_element *child = schema_child(e, name);
    if (!child) {
        OWNED_TEXT_BUFFER todo = { 0 };
        allowed_elements(e, &todo);
        complain(k, e, n, start_of(k, n), ERR_NOT_FOUND, text_str(&todo), "Unrecognized element '" SLICE_FMT "'",
                 SLICE_ARG(name));
        return;
    }
    uint64_t bit = 1ull << (child->index & 63);
    if (*seen & bit)
        complain(k, e, n, start_of(k, n), ERR_EXISTS, "Put its settings into the first one",
                 "Element '%s' may only appear once in this section", child->name);
    *seen |= bit;
    check_element(k, child, n);
}

static void check_element(struct check *k, const struct schema_element *e, uint32_t node)
{
    const struct xml *x = k->in->x;
    if (is_runtime(e) && e->is_item) {
        complain(k, e->parent, node, start_of(k, node), ERR_NOT_FOUND,
                 "It is computed by the service and cannot be configured", "Unrecognized element '%s'", e->name);
        return;
    }
    if (x->nodes[node].has_text)
        complain(k, e, node, start_of(k, node), ERR_SYNTAX, "Only elements and comments may stand here",
                 "Text is not allowed in element '%s'", e->name);
    check_attributes(k, e, node, ROLE_ELEMENT);
    check_required(k, e, node, ROLE_ELEMENT);
    uint64_t seen = 0;
    for (uint32_t n = x->nodes[node].first; n != XML_NONE; n = x->nodes[n].next)
        check_child(k, e, n, &seen);
}

/* ---- finer locks: a place against one above it ---- */

/* "a,b", "*", "*,!c": the last counts for everything but c. */
static bool list_has(struct slice list, struct slice name)
{
    bool has = false;
    while (list.ptr) {
        struct slice item = slice_trim(slice_cut(&list, ','));
        bool is_exception = slice_starts(item, SLICE_LITERAL("!"));
        if (is_exception && slice_equal(slice_from(item, 1), name))
            return false;
        has |= !is_exception && (slice_equal_str(item, "*") || slice_equal(item, name));
    }
    return has;
}

static bool is_locked(const struct xml *x, uint32_t upper, enum lock_kind list, enum lock_kind except, struct slice name)
{
    if (list_has(xml_attr_or(x, upper, lock_names[list], SLICE_NONE), name))
        return true;
    uint32_t attr = xml_attr_find(x, upper, lock_names[except]);
    return attr != XML_NONE && !list_has(xml_attr_text(x, attr), name);
}

/* What stands above, which may be in another file. */
struct upper {
    const struct conf_input *in;
    uint32_t node;
};

static void violation(struct check *k, const struct schema_element *e, uint32_t node, uint32_t at, struct upper upper)
{
    OWNED_TEXT_BUFFER todo = { 0 };
    text_addf(&todo, "It is locked in line %u", upper.in->x->nodes[upper.node].line);
    if (upper.in != k->in)
        text_addf(&todo, " of %s", upper.in->name);
    complain(k, e, node, at, ERR_LOCKED, text_str(&todo), "Lock violation");
}

static void check_locks(struct check *k, const struct schema_element *e, uint32_t node, struct upper upper)
{
    const struct xml *x = k->in->x, *above_x = upper.in->x;
    const struct xml_node *n = &x->nodes[node];
    if (slice_equal_fold_str(xml_attr_or(above_x, upper.node, "lockItem", SLICE_NONE), "true") &&
        (n->attr_count || n->first != XML_NONE)) {
        violation(k, e, node, n->start, upper);
        return;
    }
    for (uint32_t i = 0; i < n->attr_count; i++) {
        struct slice name = xml_attr_name(x, n->attr + i);
        if (schema_attr(e, name) && is_locked(above_x, upper.node, LOCK_ATTRIBUTES, LOCK_ALL_ATTRIBUTES_EXCEPT, name))
            violation(k, e, node, x->attrs[n->attr + i].name_at, upper);
    }
    for (uint32_t child = n->first; child != XML_NONE; child = x->nodes[child].next) {
        struct slice name = xml_name(x, child);
        if (is_locked(above_x, upper.node, LOCK_ELEMENTS, LOCK_ALL_ELEMENTS_EXCEPT, name)) {
            violation(k, e, child, x->nodes[child].start, upper);
            continue;
        }
        const struct schema_element *schema = schema_child(e, name);
        uint32_t above = schema ? xml_child(above_x, upper.node, name, XML_NONE) : XML_NONE;
        if (above != XML_NONE)
            check_locks(k, schema, child, (struct upper){ upper.in, above });
    }
}

struct slice conf_lock_text(struct conf_element *e, const char *name)
{
    uint32_t local = element_local(e);
    return local == XML_NONE ? SLICE_NONE : xml_attr_or(element_xml(e), local, name, SLICE_NONE);
}

bool conf_attr_is_locked(struct conf_element *e, const char *name)
{
    for (size_t i = e->schema->is_item || element_local(e) != XML_NONE; i < e->layer_count; i++)
        if (!e->schema->is_item &&
            is_locked(e->layers[i].in->x, e->layers[i].node, LOCK_ATTRIBUTES, LOCK_ALL_ATTRIBUTES_EXCEPT, slice_str(name)))
            return true;
    return false;
}

/* ---- collections: as readers will see them ---- */

/* Merge the collections of `e` that this place writes to, and those of its local items. */
static MUST_USE int check_merges(struct check *k, struct conf_element *e)
{
    uint32_t local = element_local(e);
    if (local == XML_NONE)
        return 0;
    int err = element_merge(e, k->sink);
    const struct xml *x = element_xml(e);
    for (uint32_t n = x->nodes[local].first; n != XML_NONE && !err; n = x->nodes[n].next) {
        const struct schema_element *schema = schema_child(e->schema, xml_name(x, n));
        struct conf_element *child = schema ? element_child(e, schema) : NULL;
        if (schema)
            err = child ? check_merges(k, child) : ERR_NOMEM;
    }
    for (size_t i = 0; i < e->item_count && !err; i++)
        err = check_merges(k, e->items[i]);
    return err;
}

static MUST_USE int check_against_parents(struct check *k)
{
    struct arena_mark mark = arena_mark(&k->c->elements);
    struct conf_element *e;
    int err = element_of_section(k->c, k->place->section, k->place->path, &e);
    for (size_t i = 1; !err && k->file->has_locks && i < e->layer_count; i++)
        check_locks(k, e->schema, k->place->node, (struct upper){ e->layers[i].in, e->layers[i].node });
    if (!err)
        err = check_merges(k, e);
    arena_release(&k->c->elements, mark);
    return err;
}

/* ---- sections in the wrong file ---- */

static void check_elsewhere(struct check *k)
{
    const char *name = k->place->section->name;
    bool is_redirection = strcmp(name, "configurationRedirection") == 0;
    bool is_elsewhere = k->place->section->file != k->file->which && strcmp(name, "configProtectedData") != 0;
    struct diag d;
    if (is_redirection == k->c->is_redirection && !is_elsewhere)
        return;
    place_diag(k->file, k->place->at, k->file->x->nodes[k->place->at].start, k->place->section, NULL, &d);
    diag_set(&d, "This section has no effect here: it is read from %s",
             is_redirection ? "redirection.config" : conf_file_name(k->place->section->file));
    sink_warning(k->sink, &d);
}

int check_input(struct conf *c, enum conf_file which, struct sink *s)
{
    struct check k = { .c = c, .file = &c->files[which], .sink = s };
    for (size_t i = 0; i < k.file->place_count; i++) {
        k.place = &k.file->places[i];
        k.in = place_input(k.file, k.place);
        check_element(&k, k.place->section->root, k.place->node);
        check_elsewhere(&k);
    }
    int err = 0;
    for (size_t i = 0; i < k.file->place_count && !err; i++) {
        k.place = &k.file->places[i];
        k.in = place_input(k.file, k.place);
        if (k.place->section->file == which)
            err = check_against_parents(&k);
    }
    return err;
}

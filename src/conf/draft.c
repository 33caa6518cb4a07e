/*
 * draft.c - items that stand nowhere yet.
 *
 * A draft is a small tree over the schema: attributes that were set, children that were asked for, items put in.  Each
 * value is held against the schema when it is set; everything else (what is required, duplicates, locks) is judged when
 * the draft becomes text in a file, by the same check as any other edit.
 */
#include <stdlib.h>

#include "base/secret.h"
#include "conf/edit_priv.h"
#include "conf/value.h"

struct draft_value {
    char *name, *text;
};
struct conf_draft {
    const struct schema_element *schema;
    struct draft_value *values;
    size_t value_count;
    struct conf_draft **children; /* by schema index, made when asked for */
    struct conf_draft **items;
    size_t item_count;
};

static struct conf_draft *draft_new(const struct schema_element *schema)
{
    struct conf_draft *draft = calloc(1, sizeof *draft);
    if (!draft)
        return NULL;
    draft->schema = schema;
    draft->children = calloc(schema->child_count ? schema->child_count : 1, sizeof *draft->children);
    if (!draft->children) {
        free(draft);
        return NULL;
    }
    return draft;
}

/* It may be a password. */
static void wipe_and_free(char *text)
{
    secret_wipe(text, strlen(text));
    free(text);
}

void conf_draft_free(struct conf_draft *draft)
{
    if (!draft)
        return;
    for (size_t i = 0; i < draft->value_count; i++) {
        free(draft->values[i].name);
        wipe_and_free(draft->values[i].text);
    }
    for (size_t i = 0; i < draft->schema->child_count; i++)
        conf_draft_free(draft->children[i]);
    for (size_t i = 0; i < draft->item_count; i++)
        conf_draft_free(draft->items[i]);
    free(draft->values);
    free(draft->children);
    free(draft->items);
    free(draft);
}

static MUST_USE int new_item(const struct schema_element *schema, struct conf_draft **draft_out, struct diag *d)
{
    if (!schema->collection)
        return edit_refuse(d, ERR_NOT_FOUND, "", "'%s' is not a collection", schema->name);
    struct conf_draft *draft = draft_new(schema->collection->item);
    if (!draft)
        return edit_refuse(d, ERR_NOMEM, "", "%s", err_text(ERR_NOMEM));
    *draft_out = draft;
    return 0;
}

int conf_draft_new(struct conf_element *collection, struct conf_draft **draft_out, struct diag *d)
{
    return new_item(collection->schema, draft_out, d);
}

const char *conf_draft_name(const struct conf_draft *draft)
{
    return draft->schema->name;
}

bool conf_draft_schema_attr_at(const struct conf_draft *draft, size_t index, struct conf_schema_attr *attr_out)
{
    return schema_tell_attr(draft->schema, index, attr_out);
}

const char *conf_draft_schema_child_at(const struct conf_draft *draft, size_t index)
{
    return index < draft->schema->child_count ? draft->schema->children[index]->name : NULL;
}

const char *conf_draft_schema_item_name(const struct conf_draft *draft)
{
    return draft->schema->collection ? draft->schema->collection->add : NULL;
}

/* ---- attributes ---- */

static struct draft_value *find_value(const struct conf_draft *draft, const char *name)
{
    for (size_t i = 0; i < draft->value_count; i++)
        if (strcmp(draft->values[i].name, name) == 0)
            return &draft->values[i];
    return NULL;
}

static MUST_USE int put_value(struct conf_draft *draft, const char *name, struct text *text)
{
    struct draft_value *v = find_value(draft, name);
    char *copy = strndup(text_str(text), text->len);
    if (!copy)
        return ERR_NOMEM;
    if (v) {
        wipe_and_free(v->text);
        v->text = copy;
        return 0;
    }
    struct draft_value *grown = reallocarray(draft->values, draft->value_count + 1, sizeof *grown);
    char *own_name = strdup(name);
    if (grown)
        draft->values = grown;
    if (!grown || !own_name) {
        free(own_name);
        wipe_and_free(copy);
        return ERR_NOMEM;
    }
    draft->values[draft->value_count++] = (struct draft_value){ own_name, copy };
    return 0;
}

int conf_draft_set(struct conf_draft *draft, const char *attribute, struct slice value, struct diag *d)
{
    OWNED_TEXT_BUFFER text = { 0 };
    int err = edit_canonical(draft->schema, attribute, value, &text, d);
    if (!err && put_value(draft, attribute, &text))
        err = edit_refuse(d, ERR_NOMEM, "", "%s", err_text(ERR_NOMEM));
    if (err)
        diag_path(d, "%s", draft->schema->name);
    if (text.ptr)
        secret_wipe(text.ptr, text.cap);
    return err;
}

void conf_draft_unset(struct conf_draft *draft, const char *attribute)
{
    struct draft_value *v = find_value(draft, attribute);
    if (!v)
        return;
    free(v->name);
    wipe_and_free(v->text);
    struct draft_value *end = &draft->values[--draft->value_count];
    memmove(v, v + 1, (size_t)(end - v) * sizeof *v);
}

int conf_draft_attr(struct conf_draft *draft, const char *name, struct conf_value *value_out)
{
    const struct schema_attr *a = schema_attr(draft->schema, slice_str(name));
    const struct draft_value *v = find_value(draft, name);
    if (!a)
        return ERR_NOT_FOUND;
    *value_out = (struct conf_value){ .type = a->type, .text = slice_str(a->default_text), .number = a->default_number };
    if (!v)
        return 0;
    OWNED_TEXT_BUFFER reason = { 0 };
    value_out->origin = CONF_EXPLICIT;
    value_out->text = slice_str(v->text);
    return value_parse(a, value_out->text, 0, &value_out->number, &reason);
}

struct slice conf_draft_written(const struct conf_draft *draft, const char *name)
{
    const struct draft_value *v = find_value(draft, name);
    return v ? slice_str(v->text) : SLICE_NONE;
}

/* ---- children and items ---- */

struct conf_draft *conf_draft_child(struct conf_draft *draft, const char *name)
{
    const struct schema_element *schema = schema_child(draft->schema, slice_str(name));
    if (!schema)
        return NULL;
    struct conf_draft **slot = &draft->children[schema->index];
    if (!*slot)
        *slot = draft_new(schema);
    return *slot;
}

int conf_draft_item_new(struct conf_draft *collection, struct conf_draft **item_out, struct diag *d)
{
    return new_item(collection->schema, item_out, d);
}

int conf_draft_put(struct conf_draft *collection, struct conf_draft *item, long position, struct diag *d)
{
    if (!collection->schema->collection || collection->schema->collection->item != item->schema)
        return edit_refuse(d, ERR_STATE, "Create it with the collection that is to hold it",
                           "'%s' is no item of '%s'", item->schema->name, collection->schema->name);
    struct conf_draft **grown = reallocarray(collection->items, collection->item_count + 1, sizeof *grown);
    if (!grown)
        return edit_refuse(d, ERR_NOMEM, "", "%s", err_text(ERR_NOMEM));
    collection->items = grown;
    size_t at = position < 0 || (size_t)position > collection->item_count ? collection->item_count : (size_t)position;
    memmove(grown + at + 1, grown + at, (collection->item_count++ - at) * sizeof *grown);
    grown[at] = item;
    return 0;
}

size_t conf_draft_count(const struct conf_draft *collection)
{
    return collection->item_count;
}

struct conf_draft *conf_draft_item(struct conf_draft *collection, size_t index)
{
    return index < collection->item_count ? collection->items[index] : NULL;
}

void conf_draft_take(struct conf_draft *collection, struct conf_draft *item)
{
    for (size_t i = 0; i < collection->item_count; i++) {
        if (collection->items[i] != item)
            continue;
        collection->item_count--;
        memmove(collection->items + i, collection->items + i + 1,
                (collection->item_count - i) * sizeof *collection->items);
        return;
    }
}

/* ---- into a file ---- */

struct lines {
    struct conf *c;
    struct diag *d;
    struct patch_line *rows;
    size_t count, cap;
    struct arena memory;
    int err;
};

static void add_line(struct lines *l, struct text *text, unsigned depth)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        struct patch_line *grown = reallocarray(l->rows, cap, sizeof *grown);
        if (!grown) {
            l->err = ERR_NOMEM;
            return;
        }
        l->rows = grown;
        l->cap = cap;
    }
    char *kept = arena_copy(&l->memory, text_slice(text));
    if (!kept || text_error(text))
        l->err = ERR_NOMEM;
    else
        l->rows[l->count++] = (struct patch_line){ kept, depth };
}

static bool says_anything(const struct conf_draft *draft)
{
    if (!draft)
        return false;
    bool any = draft->value_count || draft->item_count;
    for (size_t i = 0; i < draft->schema->child_count && !any; i++)
        any = says_anything(draft->children[i]);
    return any;
}

static void add_value(struct lines *l, const struct conf_draft *draft, const struct draft_value *v, struct text *line)
{
    OWNED_TEXT_BUFFER text = { 0 };
    text_add_str(&text, v->text);
    if (!l->err)
        l->err = edit_seal(l->c, draft->schema, v->name, &text, l->d);
    edit_add_attribute(line, v->name, text_slice(&text));
}

static void add_element(struct lines *l, const struct conf_draft *draft, unsigned depth)
{
    OWNED_TEXT_BUFFER line = { 0 };
    bool has_content = draft->item_count > 0;
    text_addf(&line, "<%s", draft->schema->name);
    for (size_t i = 0; i < draft->value_count; i++)
        add_value(l, draft, &draft->values[i], &line);
    for (size_t i = 0; i < draft->schema->child_count; i++)
        has_content |= says_anything(draft->children[i]);
    text_add_str(&line, has_content ? ">" : " />");
    add_line(l, &line, depth);
    if (!has_content)
        return;
    for (size_t i = 0; i < draft->item_count; i++)
        add_element(l, draft->items[i], depth + 1);
    for (size_t i = 0; i < draft->schema->child_count; i++)
        if (says_anything(draft->children[i]))
            add_element(l, draft->children[i], depth + 1);
    text_reset(&line);
    text_addf(&line, "</%s>", draft->schema->name);
    add_line(l, &line, depth);
}

int conf_add_draft(struct conf *c, struct conf_element *collection, const struct conf_draft *draft, long position,
                   struct diag *d)
{
    const struct schema_collection *s = collection->schema->collection;
    if (!s || s->item != draft->schema)
        return edit_refuse(d, ERR_STATE, "Create it with the collection that is to hold it",
                           "'%s' is no item of '%s'", draft->schema->name, collection->schema->name);
    struct lines l = { .c = c, .d = d };
    struct edit ed;
    struct target t = { 0 };
    int err = edit_begin_at(&ed, c, &collection, d);
    if (!err)
        err = target_of(&ed, collection, &t);
    if (!err) {
        add_element(&l, draft, 0);
        t.missing.lines = l.rows;
        t.missing.line_count = l.count;
        err = l.err;
    }
    if (!err)
        target_write_item(&ed, &t, s, position);
    err = edit_finish(&ed, err);
    free(l.rows);
    arena_free(&l.memory);
    return err;
}

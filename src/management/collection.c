/* collection.c - items: found, made, added, moved, removed. */
#include <limits.h>
#include <stdlib.h>

#include "management/management_priv.h"

const char *sp_collection_item_name(struct sp_element *collection)
{
    if (!collection)
        return NULL;
    if (collection->draft)
        return conf_draft_schema_item_name(collection->draft);
    struct conf_element *now = element_now(collection);
    return now ? conf_schema_item_name(now) : NULL;
}

static MUST_USE int check_collection(struct sp_element *e)
{
    if (!e)
        return SP_ERR_HANDLE;
    if (!e->draft && !element_now(e))
        return e->m->error.status;
    return sp_collection_item_name(e) ? SP_OK : manager_refuse(e->m, SP_ERR_NOT_FOUND, e, "", "'%s' is not a collection",
                                                               sp_element_name(e));
}

/* ---- looking ---- */

size_t sp_collection_count(struct sp_element *collection)
{
    if (check_collection(collection))
        return 0;
    if (collection->draft)
        return conf_draft_count(collection->draft);
    return element_items_now(collection) ? 0 : collection->item_count;
}

static struct sp_element *item_new(struct sp_element *collection)
{
    struct sp_element *item = element_new(collection->m, ELEMENT_ITEM, collection);
    return item && element_put_below(collection, item) == SP_OK ? item : NULL;
}

static struct sp_element *element_of_draft(struct sp_element *collection, const struct conf_draft *draft)
{
    for (size_t i = 0; i < collection->below_count && draft; i++)
        if (collection->below[i]->draft == draft)
            return collection->below[i];
    return NULL;
}

static struct sp_element *draft_item(struct sp_element *collection, size_t index)
{
    return element_of_draft(collection, conf_draft_item(collection->draft, index));
}

struct sp_element *sp_collection_item(struct sp_element *collection, size_t index)
{
    if (check_collection(collection))
        return NULL;
    if (collection->draft)
        return draft_item(collection, index);
    if (element_items_now(collection) || index >= collection->item_count)
        return NULL;
    if (collection->items[index])
        return collection->items[index];
    struct sp_element *item = item_new(collection);
    if (!item)
        return NULL;
    item->found = conf_item(element_now(collection), index);
    item->found_at = collection->items_at;
    item->mark = conf_mark_of(item->found);
    return collection->items[index] = item;
}

static struct sp_element *no_such_item(struct sp_element *collection)
{
    (void)manager_refuse(collection->m, SP_ERR_NOT_FOUND, collection, "", "There is no such item in '%s'",
                         sp_element_name(collection));
    return NULL;
}

static struct sp_element *find_draft(struct sp_element *collection, const struct sp_pair *pairs, size_t count)
{
    for (size_t i = 0; i < conf_draft_count(collection->draft); i++) {
        struct sp_element *item = draft_item(collection, i);
        bool all = item != NULL;
        for (size_t k = 0; k < count && all; k++)
            all = slice_equal_fold_str(slice_str(sp_element_get_text(item, pairs[k].name)), pairs[k].value);
        if (all)
            return item;
    }
    return no_such_item(collection);
}

static MUST_USE int convert_pairs(const struct sp_pair *pairs, size_t count, struct conf_pair **pairs_out)
{
    struct conf_pair *converted = calloc(count + 1, sizeof *converted);
    if (!converted)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        converted[i] = (struct conf_pair){ slice_str(pairs[i].name), slice_str(pairs[i].value) };
    *pairs_out = converted;
    return 0;
}

struct sp_element *sp_collection_find(struct sp_element *collection, const struct sp_pair *pairs, size_t count)
{
    struct conf_pair *wanted = NULL;
    struct conf_element *found;
    if (check_collection(collection))
        return NULL;
    if (collection->draft)
        return find_draft(collection, pairs, count);
    if (convert_pairs(pairs, count, &wanted)) {
        (void)manager_fail(collection->m, ERR_NOMEM, NULL);
        return NULL;
    }
    struct conf_element *now = element_now(collection);
    int err = conf_find(now, wanted, count, &found);
    free(wanted);
    for (size_t i = 0; !err && i < conf_count(now); i++)
        if (conf_item(now, i) == found)
            return sp_collection_item(collection, i);
    return no_such_item(collection);
}

struct sp_element *sp_collection_find_by(struct sp_element *collection, const char *attribute, const char *value)
{
    const struct sp_pair pair = { attribute, value };
    return attribute && value ? sp_collection_find(collection, &pair, 1) : NULL;
}

/* ---- making ---- */

struct sp_element *sp_collection_create(struct sp_element *collection, const char *name)
{
    struct diag d = { 0 };
    if (check_collection(collection))
        return NULL;
    if (name && strcmp(name, sp_collection_item_name(collection)) != 0) {
        (void)manager_refuse(collection->m, SP_ERR_NOT_FOUND, collection, "", "The items of '%s' are called '%s', not '%s'",
                             sp_element_name(collection), sp_collection_item_name(collection), name);
        return NULL;
    }
    struct sp_element *item = item_new(collection);
    if (!item)
        return NULL;
    int err = collection->draft ? conf_draft_item_new(collection->draft, &item->draft, &d)
                                : conf_draft_new(element_now(collection), &item->draft, &d);
    if (err) {
        item->is_gone = true;
        (void)manager_fail(collection->m, err, &d);
        return NULL;
    }
    item->is_free = true;
    return item;
}

/* ---- adding ---- */

/* A draft has become text: its items are the local ones, in the same order.  An item's own mark is known already. */
static void attach(struct sp_element *e)
{
    struct conf_draft *draft = e->draft;
    size_t local = 0;
    e->draft = NULL;
    if (e->parent)
        e->parent->items_at = 0; /* one more is attached */
    struct conf_element *now = conf_draft_count(draft) ? element_now(e) : NULL;
    for (size_t i = 0; now && i < conf_count(now); i++) {
        struct conf_element *written = conf_item(now, i);
        struct conf_draft *wanted = conf_is_local(written) ? conf_draft_item(draft, local++) : NULL;
        struct sp_element *item = element_of_draft(e, wanted);
        if (item)
            item->mark = conf_mark_of(written);
    }
    for (size_t i = 0; i < e->below_count; i++)
        if (e->below[i]->draft && !e->below[i]->is_free)
            attach(e->below[i]);
}

struct marks {
    struct conf_mark *rows;
    size_t count;
};

/* Where the local items stand. */
static MUST_USE int local_marks(struct conf_element *collection, struct marks *out)
{
    size_t count = conf_count(collection);
    out->count = 0;
    out->rows = calloc(count + 1, sizeof *out->rows);
    for (size_t i = 0; out->rows && i < count; i++)
        if (conf_is_local(conf_item(collection, i)))
            out->rows[out->count++] = conf_mark_of(conf_item(collection, i));
    return out->rows ? 0 : ERR_NOMEM;
}

/* The local item that was not there before; the others kept their order. */
static MUST_USE int mark_of_new(const struct conf *c, const struct marks *before, struct conf_element *collection,
                                struct conf_mark *mark_out)
{
    size_t old = 0;
    for (size_t i = 0; i < conf_count(collection); i++) {
        if (!conf_is_local(conf_item(collection, i)))
            continue;
        struct conf_mark now = conf_mark_of(conf_item(collection, i));
        struct conf_mark was = old < before->count ? before->rows[old] : (struct conf_mark){ 0 };
        bool is_old = old < before->count && conf_mark_follow(c, &was) && was.file == now.file && was.at == now.at;
        old += is_old;
        if (is_old)
            continue;
        *mark_out = now;
        return 0;
    }
    return ERR_STATE;
}

static MUST_USE int add_attached(struct sp_element *collection, struct sp_element *item, long position)
{
    struct sp_manager *m = collection->m;
    struct marks before = { 0 };
    struct diag d = { 0 };
    struct conf_element *now = element_now(collection);
    int err = now ? local_marks(now, &before) : ERR_NOMEM;
    if (!err)
        err = conf_add_draft(m->conf, now, item->draft, position, &d);
    if (err) {
        free(before.rows);
        return manager_fail(m, err, &d);
    }
    now = element_now(collection);
    err = now ? mark_of_new(m->conf, &before, now, &item->mark) : ERR_NOMEM;
    free(before.rows);
    manager_edited(m);
    struct conf_draft *draft = item->draft;
    item->is_free = false;
    item->is_gone = err != 0;
    if (err)
        item->draft = NULL;
    else
        attach(item);
    conf_draft_free(draft);
    return err ? manager_fail(m, err, NULL) : SP_OK;
}

static MUST_USE int add_item(struct sp_element *collection, struct sp_element *item, long position)
{
    struct diag d = { 0 };
    int status = item ? check_collection(collection) : SP_ERR_HANDLE;
    if (status)
        return status;
    if (!item->is_free || item->parent != collection)
        return manager_refuse(collection->m, SP_ERR_STATE, collection, "Add it once, to the collection that created it",
                              "The item is in a collection already or belongs to another one");
    if (!collection->draft) {
        status = element_check_writable(collection);
        return status ? status : add_attached(collection, item, position);
    }
    int err = conf_draft_put(collection->draft, item->draft, position, &d);
    if (err)
        return manager_fail(collection->m, err, &d);
    item->is_free = false;
    return SP_OK;
}

int sp_collection_add(struct sp_element *collection, struct sp_element *item)
{
    return add_item(collection, item, -1);
}

int sp_collection_add_at(struct sp_element *collection, struct sp_element *item, size_t position)
{
    return add_item(collection, item, position > LONG_MAX ? -1 : (long)position);
}

/* ---- removing and moving ---- */

static int finish(struct sp_manager *m, int err, const struct diag *d)
{
    if (err)
        return manager_fail(m, err, d);
    manager_edited(m);
    return SP_OK;
}

static MUST_USE int check_item(struct sp_element *collection, struct sp_element *item)
{
    if (!item)
        return SP_ERR_HANDLE;
    int status = check_collection(collection);
    if (status)
        return status;
    if (item->kind == ELEMENT_ITEM && item->parent == collection && !item->is_free)
        return collection->draft ? SP_OK : element_check_writable(collection);
    return manager_refuse(collection->m, SP_ERR_STATE, collection, "", "The item is not in this collection");
}

int sp_collection_remove(struct sp_element *collection, struct sp_element *item)
{
    struct diag d = { 0 };
    int status = check_item(collection, item);
    if (status)
        return status;
    if (collection->draft) {
        conf_draft_take(collection->draft, item->draft);
        item->is_free = true;
        return SP_OK;
    }
    struct conf_element *now = element_now(item);
    if (!now)
        return item->m->error.status;
    return finish(item->m, conf_remove(item->m->conf, now, &d), &d);
}

int sp_collection_move(struct sp_element *collection, struct sp_element *item, size_t position)
{
    struct diag d = { 0 };
    long to = position > LONG_MAX ? -1 : (long)position;
    int status = check_item(collection, item);
    if (status)
        return status;
    if (collection->draft) {
        conf_draft_take(collection->draft, item->draft);
        return finish(item->m, conf_draft_put(collection->draft, item->draft, to, &d), &d);
    }
    struct conf_element *now = element_now(item);
    if (!now)
        return item->m->error.status;
    return finish(item->m, conf_move(item->m->conf, now, to, &d), &d);
}

static void clear_draft(struct sp_element *collection)
{
    for (size_t i = 0; i < collection->below_count; i++) {
        struct sp_element *item = collection->below[i];
        if (item->kind != ELEMENT_ITEM || item->is_free)
            continue;
        conf_draft_take(collection->draft, item->draft);
        item->is_free = true;
    }
}

int sp_collection_clear(struct sp_element *collection)
{
    struct diag d = { 0 };
    int status = check_collection(collection);
    if (!status && !collection->draft)
        status = element_check_writable(collection);
    if (status)
        return status;
    if (collection->draft) {
        clear_draft(collection);
        return SP_OK;
    }
    return finish(collection->m, conf_clear_collection(collection->m->conf, element_now(collection), &d), &d);
}

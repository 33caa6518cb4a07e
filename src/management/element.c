/* element.c - elements, and how they are found again after a change. */
#include <stdlib.h>

#include "base/fold.h"
#include "management/management_priv.h"

#define APPHOST "MACHINE/WEBROOT/APPHOST"

struct sp_element *element_new(struct sp_manager *m, enum element_kind kind, struct sp_element *parent)
{
    struct sp_element *e = calloc(1, sizeof *e);
    if (!e) {
        (void)manager_fail(m, ERR_NOMEM, NULL);
        return NULL;
    }
    *e = (struct sp_element){ .m = m, .kind = kind, .parent = parent, .next = m->elements };
    m->elements = e;
    return e;
}

int element_put_below(struct sp_element *parent, struct sp_element *below)
{
    struct sp_element **grown = reallocarray(parent->below, parent->below_count + 1, sizeof *grown);
    if (!grown)
        return manager_fail(parent->m, ERR_NOMEM, NULL);
    parent->below = grown;
    grown[parent->below_count++] = below;
    return SP_OK;
}

/* ---- found again ---- */

static int by_mark(const void *a, const void *b)
{
    const struct sp_element *x = *(struct sp_element *const *)a, *y = *(struct sp_element *const *)b;
    if (x->mark.file != y->mark.file)
        return x->mark.file < y->mark.file ? -1 : 1;
    return (x->mark.at > y->mark.at) - (x->mark.at < y->mark.at);
}

static bool is_attached_item(const struct sp_element *e)
{
    return e->kind == ELEMENT_ITEM && !e->draft && !e->is_gone;
}

int element_items_now(struct sp_element *collection)
{
    struct conf_element *now = element_now(collection);
    uint64_t stamp = conf_edits(collection->m->conf) + 1;
    if (!now)
        return collection->m->error.status;
    if (collection->items_at == stamp)
        return SP_OK;
    size_t count = conf_count(now), known = 0;
    struct sp_element **items = calloc(count + 1, sizeof(struct sp_element *));
    struct sp_element **sorted = calloc(collection->below_count + 1, sizeof(struct sp_element *));
    if (!items || !sorted || conf_error(collection->m->conf)) {
        free(items);
        free(sorted);
        return manager_fail(collection->m, ERR_NOMEM, NULL);
    }
    for (size_t i = 0; i < collection->below_count; i++)
        if (is_attached_item(collection->below[i]))
            sorted[known++] = collection->below[i];
    qsort(sorted, known, sizeof *sorted, by_mark);
    for (size_t i = 0; i < count; i++) {
        struct sp_element wanted = { .mark = conf_mark_of(conf_item(now, i)) }, *key = &wanted;
        struct sp_element **hit = bsearch(&key, sorted, known, sizeof *sorted, by_mark);
        if (!hit)
            continue;
        items[i] = *hit;
        (*hit)->found = conf_item(now, i);
        (*hit)->found_at = stamp;
    }
    free(sorted);
    free(collection->items);
    collection->items = items;
    collection->item_count = count;
    collection->items_at = stamp;
    return SP_OK;
}

struct conf_element *element_now(struct sp_element *e)
{
    struct sp_manager *m = e->m;
    uint64_t stamp = conf_edits(m->conf) + 1;
    if (e->found && e->found_at == stamp)
        return e->found;
    struct conf_element *now = NULL, *parent;
    switch (e->kind) {
    case ELEMENT_SECTION:
        if (conf_section(m->conf, slice_str(e->name), slice_str(e->path), &now))
            now = NULL;
        break;
    case ELEMENT_CHILD:
        parent = element_now(e->parent);
        if (!parent)
            return NULL;
        now = conf_child(parent, e->name);
        break;
    case ELEMENT_ITEM:
        if (!e->is_gone && element_items_now(e->parent))
            return NULL;
        now = !e->is_gone && e->found_at == stamp ? e->found : NULL;
        break;
    }
    e->found = now;
    e->found_at = stamp;
    if (!now && e->kind == ELEMENT_ITEM)
        (void)manager_refuse(m, SP_ERR_STATE, e, "", "The item is no longer there: it was removed");
    else if (!now)
        (void)manager_fail(m, ERR_NOMEM, NULL);
    return now;
}

void manager_edited(struct sp_manager *m)
{
    for (struct sp_element *e = m->elements; e; e = e->next)
        if (is_attached_item(e))
            e->is_gone = !conf_mark_follow(m->conf, &e->mark);
    conf_marks_done(m->conf);
}

int element_check_writable(struct sp_element *e)
{
    struct sp_element *section = e;
    while (section->kind != ELEMENT_SECTION)
        section = section->parent;
    if (strcmp(e->m->commit_path, APPHOST) == 0 || conf_section_file(section->name) == CONF_ADMINISTRATION)
        return SP_OK;
    return manager_refuse(e->m, SP_ERR_LOCKED, e, "Set the commit path to " APPHOST,
                          "This configuration section cannot be used at the commit path %s", e->m->commit_path);
}

/* ---- sections ---- */

size_t sp_section_count(void)
{
    return conf_section_count();
}

const char *sp_section_name_at(size_t index)
{
    return conf_section_name(index);
}

/* "MACHINE/WEBROOT/APPHOST/Site/x" -> "Site/x". */
static struct slice path_below_server(const char *path)
{
    static const char *const levels[] = { "MACHINE", "WEBROOT", "APPHOST" };
    struct slice rest = slice_str(path ? path : "");
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        struct slice after = rest, first = slice_cut(&after, '/');
        if (!slice_equal_fold_str(first, levels[i]))
            break;
        rest = after.ptr ? after : SLICE_LITERAL("");
    }
    while (slice_ends(rest, SLICE_LITERAL("/")))
        rest.len--;
    return slice_equal_str(rest, ".") ? SLICE_LITERAL("") : rest;
}

/* A site that is not there has no configuration path; folders below it need not exist. */
static bool is_path_known(struct sp_manager *m, struct slice path)
{
    struct conf_element *sites, *site;
    struct slice rest = path;
    struct conf_pair name = { SLICE_LITERAL("name"), slice_cut(&rest, '/') };
    return slice_is_empty(path) || (conf_section(m->conf, SLICE_LITERAL("system.applicationHost/sites"), SLICE_NONE, &sites) == 0 &&
                                    conf_find(sites, &name, 1, &site) == 0);
}

static struct sp_element *section_new(struct sp_manager *m, const char *name, struct slice path, struct slice key)
{
    struct sp_element **grown = reallocarray(m->section_list, m->section_count + 1, sizeof *grown);
    if (grown)
        m->section_list = grown;
    const char *kept_path = manager_keep(m, path), *kept_key = manager_keep(m, key);
    struct sp_element *e = grown && kept_path && kept_key ? element_new(m, ELEMENT_SECTION, NULL) : NULL;
    if (!e || map_put(&m->sections, slice_str(kept_key), (uint32_t)m->section_count)) {
        (void)manager_fail(m, ERR_NOMEM, NULL);
        return NULL;
    }
    e->name = name;
    e->path = kept_path;
    m->section_list[m->section_count++] = e;
    return e;
}

struct sp_element *sp_manager_section(struct sp_manager *manager, const char *name, const char *path)
{
    if (!manager || !name)
        return NULL;
    const char *full = conf_section_full_name(slice_str(name));
    struct slice below = path_below_server(path);
    if (!full) {
        (void)manager_refuse(manager, SP_ERR_NOT_FOUND, NULL, "", "Unknown configuration section '%s'", name);
        return NULL;
    }
    if (!is_path_known(manager, below)) {
        (void)manager_refuse(manager, SP_ERR_NOT_FOUND, NULL, "There is no site of that name",
                             "Unrecognized configuration path '%s'", path);
        return NULL;
    }
    OWNED_TEXT_BUFFER key = { 0 };
    text_addf(&key, "%s:", full);
    fold_add(&key, below);
    uint32_t known = map_get(&manager->sections, text_slice(&key));
    return known != MAP_NONE ? manager->section_list[known] : section_new(manager, full, below, text_slice(&key));
}

struct location_walk {
    struct sp_manager *m;
    void (*each)(void *context, const char *path);
    void *context;
    int status;
};

static void each_location(void *context, struct slice path)
{
    struct location_walk *w = context;
    const char *kept = w->status ? NULL : manager_keep(w->m, path);
    if (kept)
        w->each(w->context, kept);
    else if (!w->status)
        w->status = w->m->error.status;
}

int sp_manager_each_location(struct sp_manager *manager, const char *section, void (*each)(void *context, const char *path),
                             void *context)
{
    struct location_walk w = { manager, each, context, SP_OK };
    if (!manager || !section || !each)
        return SP_ERR_HANDLE;
    if (!conf_section_full_name(slice_str(section)))
        return manager_refuse(manager, SP_ERR_NOT_FOUND, NULL, "", "Unknown configuration section '%s'", section);
    conf_locations(manager->conf, section, SLICE_NONE, each_location, &w);
    return w.status;
}

bool sp_section_is_locked(struct sp_element *section)
{
    return section && section->kind == ELEMENT_SECTION &&
           conf_is_locked(section->m->conf, section->name, slice_str(section->path));
}

/* The manager's status after an edit of src/conf. */
static int edited(struct sp_manager *m, int err, const struct diag *d)
{
    if (err)
        return manager_fail(m, err, d);
    manager_edited(m);
    return SP_OK;
}

static MUST_USE int check_section(struct sp_element *e)
{
    if (!e)
        return SP_ERR_HANDLE;
    if (e->kind != ELEMENT_SECTION)
        return manager_refuse(e->m, SP_ERR_STATE, e, "", "'%s' is not a section", e->name ? e->name : "item");
    return element_check_writable(e);
}

int sp_section_lock(struct sp_element *section, bool deny)
{
    struct diag d = { 0 };
    int status = check_section(section);
    if (status)
        return status;
    struct sp_manager *m = section->m;
    return edited(m, conf_lock(m->conf, slice_str(section->name), slice_str(section->path), deny, &d), &d);
}

int sp_section_revert(struct sp_element *section)
{
    struct diag d = { 0 };
    int status = check_section(section);
    struct conf_element *now = status ? NULL : element_now(section);
    if (!now)
        return status ? status : section->m->error.status;
    return edited(section->m, conf_delete_section(section->m->conf, now, &d), &d);
}

/* ---- elements ---- */

const char *sp_element_name(struct sp_element *element)
{
    if (!element)
        return NULL;
    if (element->draft)
        return conf_draft_name(element->draft);
    struct conf_element *now = element_now(element);
    return now ? conf_element_name(now) : NULL;
}

void element_schema_path(struct sp_element *e, struct text *out)
{
    if (e->kind == ELEMENT_SECTION) {
        text_add_str(out, e->name);
        return;
    }
    element_schema_path(e->parent, out);
    text_addf(out, "/%s", e->kind == ELEMENT_CHILD ? e->name : sp_collection_item_name(e->parent));
}

const char *sp_element_schema_path(struct sp_element *element)
{
    OWNED_TEXT_BUFFER path = { 0 };
    if (!element)
        return NULL;
    element_schema_path(element, &path);
    return manager_keep(element->m, text_slice(&path));
}

const char *sp_element_config_path(struct sp_element *element)
{
    OWNED_TEXT_BUFFER path = { 0 };
    if (!element)
        return NULL;
    struct sp_element *section = element;
    while (section->kind != ELEMENT_SECTION)
        section = section->parent;
    text_addf(&path, APPHOST "%s%s", section->path[0] ? "/" : "", section->path);
    return manager_keep(element->m, text_slice(&path));
}

bool sp_element_is_local(struct sp_element *element)
{
    struct conf_element *now = element && !element->draft ? element_now(element) : NULL;
    return now ? conf_is_local(now) : false;
}

struct sp_manager *sp_element_manager(struct sp_element *element)
{
    return element ? element->m : NULL;
}

static struct sp_element *child_known(struct sp_element *parent, const char *name)
{
    for (size_t i = 0; i < parent->below_count; i++)
        if (parent->below[i]->kind == ELEMENT_CHILD && strcmp(parent->below[i]->name, name) == 0)
            return parent->below[i];
    return NULL;
}

static struct sp_element *child_step(struct sp_element *parent, const char *name)
{
    struct sp_element *child = child_known(parent, name);
    if (child)
        return child;
    struct conf_draft *draft = parent->draft ? conf_draft_child(parent->draft, name) : NULL;
    struct conf_element *now = parent->draft ? NULL : element_now(parent);
    if (!draft && !now && !parent->draft)
        return NULL;
    if (!draft && (!now || !conf_child(now, name))) {
        (void)manager_refuse(parent->m, SP_ERR_NOT_FOUND, parent, "", "There is no child element '%s' in '%s'", name,
                             sp_element_name(parent));
        return NULL;
    }
    const char *kept = manager_keep(parent->m, slice_str(name));
    child = kept ? element_new(parent->m, ELEMENT_CHILD, parent) : NULL;
    if (!child)
        return NULL;
    child->name = kept;
    child->draft = draft;
    return element_put_below(parent, child) ? NULL : child;
}

struct sp_element *sp_element_child(struct sp_element *element, const char *name)
{
    struct slice rest = slice_str(name);
    while (element && rest.ptr) {
        OWNED_TEXT_BUFFER step = { 0 };
        text_add(&step, slice_cut(&rest, '/'));
        element = child_step(element, text_str(&step));
    }
    return name ? element : NULL;
}

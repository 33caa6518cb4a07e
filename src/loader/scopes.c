/*
 * scopes.c - the configuration paths at and below a site that hold their own form of a section.
 *
 * Longest first, each once whatever its spelling, and always the site itself as "/": so the first one that is a prefix
 * of a path by whole components is the one whose values count there.
 */
#include "loader/compile_priv.h"

#include <stdlib.h>

#include "base/fold.h"
#include "base/own.h"

char *scopes_join(struct slice application, struct slice directory)
{
    OWNED_TEXT_BUFFER path = { 0 };
    struct slice parts[] = { application, directory };
    for (size_t i = 0; i < 2; i++)
        while (parts[i].ptr) {
            struct slice part = slice_cut(&parts[i], '/');
            if (!part.len)
                continue;
            text_add_char(&path, '/');
            text_add(&path, part);
        }
    if (!path.len)
        text_add_char(&path, '/');
    return text_release(&path);
}

struct scope {
    char *path, *folded; /* below the site: "/", "/a/b" */
    struct slice location;
};
struct scope_list {
    struct scope *items;
    size_t count, cap;
    struct slice site;
    int err;
};

static void scope_end(struct scope *s)
{
    free(s->path);
    free(s->folded);
}

static void free_scopes(struct scope_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        scope_end(&list->items[i]);
    free(list->items);
}

static void add_scope(void *context, struct slice location)
{
    struct scope_list *list = context;
    if (list->count == list->cap && !list->err) {
        size_t cap = list->cap ? list->cap * 2 : 4;
        struct scope *items = reallocarray(list->items, cap, sizeof *items);
        if (!items) {
            list->err = ERR_NOMEM;
            return;
        }
        list->items = items;
        list->cap = cap;
    }
    struct slice below = SLICE_NONE;
    (void)fold_starts(location, list->site, &below);
    char *path = list->err ? NULL : scopes_join(below, SLICE_NONE);
    struct scope scope = { path, path ? fold_copy(slice_str(path)) : NULL, location };
    if (!scope.folded) {
        scope_end(&scope);
        list->err = ERR_NOMEM;
        return;
    }
    list->items[list->count++] = scope;
}

/* Of two paths above one place the deeper has the longer folded text; its own may be the shorter. */
int scopes_compare(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    return la != lb ? (la > lb ? -1 : 1) : strcmp(a, b);
}

static int compare_scopes(const void *left, const void *right)
{
    const struct scope *a = left, *b = right;
    return scopes_compare(a->folded, b->folded);
}

void scopes_extend(struct snap_range *range, uint32_t row)
{
    if (range->count++ == 0)
        range->first = row;
}

int scopes_each(struct compiler *c, struct site_work *s, const char *section, scopes_put *put)
{
    struct scope_list list = { .site = s->name };
    conf_locations(c->conf, section, s->name, add_scope, &list);
    add_scope(&list, s->name);
    int err = list.err;
    if (!err)
        qsort(list.items, list.count, sizeof *list.items, compare_scopes);
    for (size_t i = 0; !err && i < list.count; i++)
        if (i == 0 || strcmp(list.items[i].folded, list.items[i - 1].folded) != 0)
            err = put(c, s, slice_str(list.items[i].path), list.items[i].location);
    free_scopes(&list);
    return err;
}

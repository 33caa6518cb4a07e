/* report.c - a growing array, sorted once. */
#include "loader/report.h"

#include <stdlib.h>

static const char *const first_files[] = { "applicationHost.config", "administration.config", "sallyport.config" };
enum { FIRST_FILES = 3, RANK_OTHER = FIRST_FILES, RANK_NONE };

static bool reserve(struct report *r)
{
    if (r->count < r->cap)
        return true;
    size_t cap = r->cap ? r->cap * 2 : 32;
    struct report_item *items = reallocarray(r->items, cap, sizeof *items);
    if (!items)
        return false;
    r->items = items;
    r->cap = cap;
    return true;
}

void report_add(struct report *r, enum loader_severity severity, uint32_t site, const struct diag *d)
{
    bool fatal = severity == LOADER_ERROR && site == 0;
    r->errors += fatal;
    if ((r->count >= REPORT_MAX && !fatal) || !reserve(r)) {
        r->full = true;
        return;
    }
    r->items[r->count] = (struct report_item){ severity, site, *d, r->count };
    r->count++;
}

static int file_rank(const char *file)
{
    size_t len = strlen(file);
    if (!len)
        return RANK_NONE;
    for (int i = 0; i < FIRST_FILES; i++) {
        size_t name = strlen(first_files[i]);
        if (len >= name && strcmp(file + len - name, first_files[i]) == 0)
            return i;
    }
    return RANK_OTHER;
}

static int compare_place(const struct report_item *a, const struct report_item *b)
{
    int order = file_rank(a->diag.file) - file_rank(b->diag.file);
    if (!order)
        order = strcmp(a->diag.file, b->diag.file);
    if (!order)
        order = (a->diag.line > b->diag.line) - (a->diag.line < b->diag.line);
    return order ? order : (a->diag.column > b->diag.column) - (a->diag.column < b->diag.column);
}

static int compare_items(const void *left, const void *right)
{
    const struct report_item *a = left, *b = right;
    int order = compare_place(a, b);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

static bool says_the_same(const struct report_item *a, const struct report_item *b)
{
    return a->severity == b->severity && a->site == b->site && compare_place(a, b) == 0 &&
           strcmp(a->diag.path, b->diag.path) == 0 && strcmp(a->diag.what, b->diag.what) == 0;
}

void report_sort(struct report *r)
{
    size_t kept = 0;
    if (r->count)
        qsort(r->items, r->count, sizeof *r->items, compare_items);
    for (size_t i = 0; i < r->count; i++) {
        bool again = false;
        /* equal places stand together; few items share one */
        for (size_t j = kept; j-- > 0 && compare_place(&r->items[j], &r->items[i]) == 0 && !again;)
            again = r->items[j].diag.line && says_the_same(&r->items[j], &r->items[i]);
        if (!again)
            r->items[kept++] = r->items[i];
    }
    r->count = kept;
}

void report_free(struct report *r)
{
    free(r->items);
    *r = (struct report){ 0 };
}

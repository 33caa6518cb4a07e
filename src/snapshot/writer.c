/*
 * writer.c - making snapshots.
 *
 * The writer keeps rows as given and one pool of all texts; finishing copies column by column what the role may see into
 * zeroed memory, so neither struct padding nor text of hidden tables can leave with it.
 */
#include "snapshot/snapshot_priv.h"

#include <stdlib.h>

#include "base/secret.h"
#include "base/text.h"

struct rows {
    unsigned char *ptr;
    size_t count, cap;
};

struct snapshot_writer {
    struct rows tables[SNAP_TABLE_COUNT];
    struct text pool;        /* every text with its NUL */
    struct snap_text *texts; /* in pool order */
    size_t text_count, text_cap;
    uint32_t *slots; /* hash of the texts: 1 + index into `texts` */
    size_t slot_count;
    int err;
};

struct snapshot_writer *snapshot_writer_new(void)
{
    struct snapshot_writer *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->pool.max = UINT32_MAX;
    snapshot_put_text(w, SLICE_LITERAL(""));
    if (w->err) {
        snapshot_writer_free(w);
        return NULL;
    }
    return w;
}

void snapshot_writer_free(struct snapshot_writer *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < SNAP_TABLE_COUNT; i++)
        free(w->tables[i].ptr);
    if (w->pool.ptr)
        secret_wipe(w->pool.ptr, w->pool.cap); /* keys and password hashes */
    text_free(&w->pool);
    free(w->texts);
    free(w->slots);
    free(w);
}

static void *grown(void *ptr, size_t *cap, size_t count, size_t size)
{
    if (count < *cap)
        return ptr;
    size_t more = *cap ? *cap * 2 : 16;
    void *bigger = reallocarray(ptr, more, size);
    if (bigger)
        *cap = more;
    return bigger;
}

static uint64_t text_hash(struct slice s)
{
    return layout_hash(LAYOUT_HASH, s.ptr, s.len);
}

static struct slice pooled(const struct snapshot_writer *w, struct snap_text t)
{
    return slice_of(w->pool.ptr + t.at, t.len);
}

/* The slot that holds `s`, or the empty one where it belongs. */
static uint32_t *find_slot(const struct snapshot_writer *w, struct slice s)
{
    size_t at = text_hash(s) & (w->slot_count - 1);
    while (w->slots[at] && !slice_equal(pooled(w, w->texts[w->slots[at] - 1]), s))
        at = (at + 1) & (w->slot_count - 1);
    return &w->slots[at];
}

static bool grow_slots(struct snapshot_writer *w)
{
    if (w->text_count * 2 < w->slot_count)
        return true;
    size_t count = w->slot_count ? w->slot_count * 2 : 64;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return false;
    free(w->slots);
    w->slots = slots;
    w->slot_count = count;
    for (size_t i = 0; i < w->text_count; i++)
        *find_slot(w, pooled(w, w->texts[i])) = (uint32_t)i + 1;
    return true;
}

struct snap_text snapshot_put_text(struct snapshot_writer *w, struct slice s)
{
    struct snap_text none = { 0 };
    if (w->err)
        return none;
    if (s.len && memchr(s.ptr, 0, s.len)) {
        w->err = ERR_SYNTAX;
        return none;
    }
    if (!grow_slots(w)) {
        w->err = ERR_NOMEM;
        return none;
    }
    uint32_t *slot = find_slot(w, s);
    if (*slot)
        return w->texts[*slot - 1];
    struct snap_text *texts = grown(w->texts, &w->text_cap, w->text_count, sizeof *texts);
    if (!texts) {
        w->err = ERR_NOMEM;
        return none;
    }
    w->texts = texts;
    struct snap_text t = { (uint32_t)w->pool.len, (uint32_t)s.len };
    text_add(&w->pool, s);
    text_add_char(&w->pool, 0);
    if (text_error(&w->pool)) {
        w->err = text_error(&w->pool);
        return none;
    }
    texts[w->text_count++] = t;
    *slot = (uint32_t)w->text_count;
    return t;
}

uint32_t snapshot_append_row(struct snapshot_writer *w, enum snap_table table, const void *row, size_t size)
{
    struct rows *r = &w->tables[table];
    if (size != layout_of(table).row_size)
        w->err = ERR_STATE;
    unsigned char *ptr = w->err ? NULL : grown(r->ptr, &r->cap, r->count, size);
    if (!ptr || r->count == UINT32_MAX) {
        w->err = w->err ? w->err : ERR_NOMEM;
        return 0;
    }
    r->ptr = ptr;
    memcpy(ptr + r->count * size, row, size);
    return (uint32_t)r->count++;
}

/* Copies one role's view of a writer. */
struct projection {
    const struct snapshot_writer *w;
    unsigned role;
    struct text *out;
    struct text pool;
    uint32_t *moved; /* for each text of the writer: 1 + its place in `pool` */
};

static bool is_visible(unsigned role, enum snap_table table)
{
    return role == 0 || (layout_of(table).roles & role);
}

static size_t table_rows(const struct projection *p, enum snap_table table)
{
    return is_visible(p->role, table) ? p->w->tables[table].count : 0;
}

static int compare_place(const void *a, const void *b)
{
    const struct snap_text *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int move_text(struct projection *p, const void *from, void *to)
{
    struct snap_text t;
    memcpy(&t, from, sizeof t);
    const struct snap_text *known =
        bsearch(&t, p->w->texts, p->w->text_count, sizeof t, compare_place);
    if (!known || known->len != t.len)
        return ERR_RANGE;
    uint32_t *moved = &p->moved[known - p->w->texts];
    if (!*moved) {
        *moved = (uint32_t)p->pool.len + 1;
        text_add(&p->pool, pooled(p->w, t));
        text_add_char(&p->pool, 0);
    }
    struct snap_text there = { *moved - 1, t.len };
    memcpy(to, &there, sizeof there);
    return text_error(&p->pool);
}

static int copy_column(struct projection *p, const struct snap_column *c, const unsigned char *from,
                       unsigned char *to)
{
    bool hidden = false;
    switch (c->kind) {
    case SNAP_KIND_s:
        return move_text(p, from + c->offset, to + c->offset);
    case SNAP_KIND_r:
    case SNAP_KIND_o:
    case SNAP_KIND_p:
        hidden = !is_visible(p->role, layout_named(c->path));
        break;
    default:
        break;
    }
    bool wide = c->kind == SNAP_KIND_n || c->kind == SNAP_KIND_t || c->kind == SNAP_KIND_r;
    if (!hidden)
        memcpy(to + c->offset, from + c->offset, wide ? 8 : 4);
    return 0;
}

static int copy_rows(struct projection *p, enum snap_table which, struct extent *extent_out)
{
    struct layout t = layout_of(which);
    size_t count = table_rows(p, which);
    extent_out->at = p->out->len;
    extent_out->count = count;
    unsigned char *to = (unsigned char *)text_room(p->out, count * t.row_size);
    if (!to)
        return text_error(p->out);
    memset(to, 0, count * t.row_size);
    const unsigned char *from = p->w->tables[which].ptr;
    for (size_t row = 0; row < count; row++)
        for (size_t c = 0; c < t.column_count; c++) {
            int err = copy_column(p, &t.columns[c], from + row * t.row_size, to + row * t.row_size);
            if (err)
                return err;
        }
    text_grown(p->out, count * t.row_size);
    return 0;
}

static void align(struct text *out)
{
    while (out->len % LAYOUT_ALIGNMENT && !out->err)
        text_add_char(out, 0);
}

static int write_index(struct projection *p, struct extent *extent_out)
{
    size_t count = table_rows(p, SNAP_TABLE_site), slots = 4;
    const struct snap_site *sites = (const void *)p->w->tables[SNAP_TABLE_site].ptr;
    while (slots < count * 2)
        slots *= 2;
    extent_out->at = p->out->len;
    extent_out->count = slots;
    uint32_t *index = (void *)text_room(p->out, slots * sizeof *index);
    if (!index)
        return text_error(p->out);
    memset(index, 0, slots * sizeof *index);
    for (size_t i = 0; i < count; i++) {
        size_t at = layout_site_hash(sites[i].id) & (slots - 1);
        for (; index[at]; at = (at + 1) & (slots - 1))
            if (sites[index[at] - 1].id == sites[i].id)
                return ERR_EXISTS;
        index[at] = (uint32_t)i + 1;
    }
    text_grown(p->out, slots * sizeof *index);
    return 0;
}

static struct slice text_of_writer(const void *context, struct snap_text t)
{
    return pooled(context, t);
}

struct sort {
    const struct snapshot_writer *w;
    enum snap_order order;
};

static int compare_rows(const void *left, const void *right, void *context)
{
    const struct sort *sort = context;
    enum snap_table table = layout_ordered(sort->order);
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    size_t size = layout_of(table).row_size;
    const unsigned char *rows = sort->w->tables[table].ptr;
    struct snap_key x = layout_key(sort->order, rows + a * size, text_of_writer, sort->w);
    struct snap_key y = layout_key(sort->order, rows + b * size, text_of_writer, sort->w);
    int order = layout_compare(sort->order, &x, &y);
    return order ? order : (a > b) - (a < b);
}

static int write_order(struct projection *p, enum snap_order order, struct extent *extent_out)
{
    size_t count = table_rows(p, layout_ordered(order));
    struct sort sort = { p->w, order };
    *extent_out = (struct extent){ p->out->len, count };
    uint32_t *places = (void *)text_room(p->out, count * sizeof *places);
    if (!places)
        return text_error(p->out);
    for (size_t i = 0; i < count; i++)
        places[i] = (uint32_t)i;
    qsort_r(places, count, sizeof *places, compare_rows, &sort);
    text_grown(p->out, count * sizeof *places);
    return 0;
}

static int project(struct projection *p)
{
    struct header h = { .magic = LAYOUT_MAGIC, .fingerprint = layout_fingerprint() };
    text_add(p->out, slice_of((const char *)&h, sizeof h));
    text_add_char(&p->pool, 0);
    p->moved[0] = 1; /* the empty text */
    for (unsigned i = 0; i < SNAP_TABLE_COUNT; i++) {
        align(p->out);
        int err = copy_rows(p, (enum snap_table)i, &h.tables[i]);
        if (err)
            return err;
    }
    int err = 0;
    for (unsigned i = 0; i < SNAP_ORDER_COUNT && !err; i++) {
        align(p->out);
        err = write_order(p, (enum snap_order)i, &h.orders[i]);
    }
    align(p->out);
    if (!err)
        err = write_index(p, &h.index);
    if (err)
        return err;
    align(p->out);
    h.pool = (struct extent){ p->out->len, p->pool.len };
    text_add(p->out, text_slice(&p->pool));
    h.len = p->out->len;
    if (text_error(p->out))
        return text_error(p->out);
    memcpy(p->out->ptr, &h, sizeof h);
    return 0;
}

int snapshot_writer_finish(const struct snapshot_writer *w, unsigned role, struct text *out)
{
    if (w->err)
        return w->err;
    if (w->tables[SNAP_TABLE_server].count != 1)
        return ERR_STATE;
    struct projection p = { .w = w, .role = role, .out = out, .pool = { .max = UINT32_MAX } };
    out->max = UINT32_MAX;
    p.moved = calloc(w->text_count, sizeof *p.moved);
    if (!p.moved)
        return ERR_NOMEM;
    text_reset(out);
    int err = project(&p);
    if (p.pool.ptr)
        secret_wipe(p.pool.ptr, p.pool.cap);
    text_free(&p.pool);
    free(p.moved);
    if (err)
        text_reset(out);
    return err;
}

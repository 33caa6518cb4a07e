/*
 * snapshot.c - the layout of a snapshot, its writer and its validator.
 *
 *   header | rows of each table | orders | site index | text pool
 *
 * Numbers are in host order: a snapshot never leaves the machine, and the fingerprint of all column lists in the header
 * refuses one that another build wrote.  Everything is aligned to 8 bytes, texts stand in the pool with a NUL behind
 * them, offset 0 of the pool is the empty text.  The site index is an open-addressing hash from site id to 1 + row with
 * at least twice as many slots as sites, so a search always meets an empty slot.
 *
 * The reader checks every byte it will ever follow once, in check(); accessors trust afterwards.  The writer keeps rows
 * as given and one pool of all texts; finishing copies column by column what the role may see into zeroed memory, so
 * neither struct padding nor text of hidden tables can leave with it.
 */
#include "snapshot/snapshot.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/secret.h"
#include "base/text.h"

enum { ALIGNMENT = 8, SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW };
static const char magic[8] = "SPSNAP1";

struct extent {
    uint64_t at, count; /* rows, slots or bytes */
};
struct header {
    char magic[8];
    uint64_t fingerprint, len;
    struct extent tables[SNAP_TABLE_COUNT], orders[SNAP_ORDER_COUNT], index, pool;
};

struct layout {
    const char *name;
    size_t row_size;
    unsigned roles;
    const struct snap_column *columns;
    size_t column_count;
};

#define COLUMNS_OF(table, COLUMNS, roles)                                     \
    static const struct snap_column *table##_columns(size_t *count_out)       \
    {                                                                         \
        typedef struct snap_##table row;                                      \
        static const struct snap_column columns[] = { COLUMNS(SNAP_COLUMN) }; \
        *count_out = sizeof columns / sizeof columns[0];                      \
        return columns;                                                       \
    }
SNAP_TABLES(COLUMNS_OF)

static struct layout table_of(enum snap_table which)
{
    struct layout t = { 0 };
    switch (which) {
#define T(table, COLUMNS, roles)                                                                         \
    case SNAP_TABLE_##table:                                                                             \
        t = (struct layout){ #table, sizeof(struct snap_##table), roles, NULL, 0 };                       \
        t.columns = table##_columns(&t.column_count);                                                    \
        break;
        SNAP_TABLES(T)
#undef T
    default:
        assert(false && "no such table");
    }
    return t;
}

static enum snap_table table_named(const char *name)
{
    static const char *const names[] = {
#define T(table, COLUMNS, roles) #table,
        SNAP_TABLES(T)
#undef T
    };
    for (size_t i = 0; i < SNAP_TABLE_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return (enum snap_table)i;
    return SNAP_TABLE_COUNT;
}

/* What readers switch over or use as a mask; every `e` and `f` column stands here (a test sets each to its largest value). */
static const struct {
    enum snap_table table;
    const char *column;
    uint32_t max;
} limits[] = {
    { SNAP_TABLE_site, "control_channel_policy", SSL_REQUIRE_CREDENTIALS_ONLY },
    { SNAP_TABLE_site, "data_channel_policy", SSL_DATA_DENY },
    { SNAP_TABLE_site, "client_cert_policy", CERT_REQUIRE },
    { SNAP_TABLE_site, "client_cert_flags", 15 },
    { SNAP_TABLE_site, "anonymous_logon_method", LOGON_CLEAR_TEXT },
    { SNAP_TABLE_site, "basic_logon_method", LOGON_CLEAR_TEXT },
    { SNAP_TABLE_site, "provider_gaps", PROVIDER_GAP_AUTHORIZATION | PROVIDER_GAP_FEATURES },
    { SNAP_TABLE_site, "cert_login_reply", CERT_LOGIN_232 },
    { SNAP_TABLE_trust, "store", SNAP_TRUST_DISALLOWED },
    { SNAP_TABLE_site, "log_period", LOG_PERIOD_HOURLY },
    { SNAP_TABLE_site, "isolation_mode", ISOLATION_CUSTOM },
    { SNAP_TABLE_site, "file_access_identity", FILES_OF_MAP },
    { SNAP_TABLE_fixed_account, "logon_method", LOGON_CLEAR_TEXT },
    { SNAP_TABLE_site, "log_selective", 7 },
    { SNAP_TABLE_site, "log_fields", INT32_MAX },
    { SNAP_TABLE_site, "show_flags", 118 },
    { SNAP_TABLE_server, "central_log_mode", 1 },
    { SNAP_TABLE_server, "central_log_period", LOG_PERIOD_HOURLY },
    { SNAP_TABLE_server, "central_log_selective", 7 },
    { SNAP_TABLE_server, "central_log_fields", INT32_MAX },
    { SNAP_TABLE_server, "tls_min", TLS_MIN_13 },
    { SNAP_TABLE_server, "password_format", PASSWORD_FORMAT_SHA256 },
    { SNAP_TABLE_rule, "permissions", PERMISSION_READ | PERMISSION_WRITE },
    { SNAP_TABLE_ad, "strength", 2 },
    { SNAP_TABLE_ad, "ntauth_depth", 1 },
    { SNAP_TABLE_ad, "ntauth_store", 1 },
    { SNAP_TABLE_ad, "implicit_upn", 1 },
    { SNAP_TABLE_provider, "kind", SNAP_PROVIDER_ASPNET },
};

static uint32_t limit_of(enum snap_table table, const struct snap_column *c)
{
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        if (limits[i].table == table && strcmp(limits[i].column, c->name) == 0)
            return limits[i].max;
    return 0; /* a column without a limit holds nothing but 0: noticed by its first writer */
}

static uint64_t fingerprint_add(uint64_t hash, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t fingerprint(void)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (unsigned i = 0; i < SNAP_TABLE_COUNT; i++) {
        struct layout t = table_of((enum snap_table)i);
        hash = fingerprint_add(hash, t.name, strlen(t.name) + 1);
        for (size_t c = 0; c < t.column_count; c++) {
            hash = fingerprint_add(hash, &t.columns[c].kind, 1);
            hash = fingerprint_add(hash, t.columns[c].name, strlen(t.columns[c].name) + 1);
            hash = fingerprint_add(hash, &t.columns[c].offset, sizeof t.columns[c].offset);
        }
    }
    return hash;
}

static const enum snap_table order_tables[] = {
#define O(order, table) SNAP_TABLE_##table,
    SNAP_ORDERS(O)
#undef O
};

static uint64_t index_hash(uint32_t id)
{
    return (uint64_t)id * 0x9e3779b97f4a7c15u >> 32;
}

/* ---- reading ---- */

struct snapshot {
    const unsigned char *base;
    const struct header *header;
    const uint32_t *index;
    const char *pool;
    size_t mapped; /* 0: the bytes are not ours */
    unsigned references;
};

static const void *row_at(const struct snapshot *s, enum snap_table table, size_t size, size_t row)
{
    const struct extent *e = &s->header->tables[table];
    return row < e->count ? s->base + e->at + row * size : NULL;
}

static uint32_t u32_at(const void *row, size_t offset)
{
    uint32_t value;
    memcpy(&value, (const char *)row + offset, sizeof value);
    return value;
}

static int check_extent(const struct header *h, const struct extent *e, size_t size)
{
    if (e->at % ALIGNMENT || e->at < sizeof *h || e->at > h->len)
        return ERR_RANGE;
    return e->count <= UINT32_MAX && e->count <= (h->len - e->at) / size ? 0 : ERR_RANGE;
}

static int check_text(const struct snapshot *s, const void *row, const struct snap_column *c)
{
    struct snap_text t;
    memcpy(&t, (const char *)row + c->offset, sizeof t);
    uint64_t pool = s->header->pool.count;
    if (t.at >= pool || t.len >= pool - t.at || s->pool[t.at + t.len])
        return ERR_RANGE;
    return memchr(s->pool + t.at, 0, t.len) ? ERR_SYNTAX : 0;
}

static int check_reference(const struct snapshot *s, const void *row, const struct snap_column *c)
{
    enum snap_table target = table_named(c->path);
    assert(target < SNAP_TABLE_COUNT);
    uint64_t count = s->header->tables[target].count;
    uint32_t value = u32_at(row, c->offset);
    if (c->kind == SNAP_KIND_o)
        return value < count ? 0 : ERR_RANGE;
    if (c->kind == SNAP_KIND_p)
        return value <= count ? 0 : ERR_RANGE;
    struct snap_range r;
    memcpy(&r, (const char *)row + c->offset, sizeof r);
    return r.first <= count && r.count <= count - r.first ? 0 : ERR_RANGE;
}

static int check_column(const struct snapshot *s, enum snap_table table, const void *row, const struct snap_column *c)
{
    switch (c->kind) {
    case SNAP_KIND_s:
        return check_text(s, row, c);
    case SNAP_KIND_r:
    case SNAP_KIND_o:
    case SNAP_KIND_p:
        return check_reference(s, row, c);
    case SNAP_KIND_b:
        return u32_at(row, c->offset) <= 1 ? 0 : ERR_RANGE;
    case SNAP_KIND_e:
        return u32_at(row, c->offset) <= limit_of(table, c) ? 0 : ERR_RANGE;
    case SNAP_KIND_f:
        return u32_at(row, c->offset) & ~limit_of(table, c) ? ERR_RANGE : 0;
    case SNAP_KIND_u:
    case SNAP_KIND_n:
    case SNAP_KIND_t:
        return 0;
    }
    return ERR_SYNTAX;
}

static int check_rows(const struct snapshot *s, enum snap_table which)
{
    struct layout t = table_of(which);
    for (size_t row = 0; row < s->header->tables[which].count; row++) {
        const void *bytes = row_at(s, which, t.row_size, row);
        for (size_t c = 0; c < t.column_count; c++) {
            int err = check_column(s, which, bytes, &t.columns[c]);
            if (err)
                return err;
        }
    }
    return 0;
}

/* Places name rows; that they are sorted is not checked: whoever looks compares what is found. */
static int check_order(const struct snapshot *s, enum snap_order order)
{
    const struct extent *e = &s->header->orders[order];
    const uint32_t *places = (const void *)(s->base + e->at);
    uint64_t rows = s->header->tables[order_tables[order]].count;
    if (e->count != rows)
        return ERR_RANGE;
    for (uint64_t i = 0; i < e->count; i++)
        if (places[i] >= rows)
            return ERR_RANGE;
    return 0;
}

static int check_index(const struct snapshot *s)
{
    uint64_t sites = s->header->tables[SNAP_TABLE_site].count, slots = s->header->index.count, used = 0;
    if (slots == 0 || slots & (slots - 1) || slots <= sites)
        return ERR_RANGE;
    for (uint64_t i = 0; i < slots; i++) {
        if (s->index[i] > sites)
            return ERR_RANGE;
        used += s->index[i] != 0;
    }
    if (used != sites)
        return ERR_RANGE;
    for (uint64_t i = 0; i < sites; i++) {
        const struct snap_site *site = snapshot_site(s, i);
        if (snapshot_site_by_id(s, site->id) != site)
            return ERR_RANGE;
    }
    return 0;
}

static int check(struct snapshot *s, size_t len)
{
    const struct header *h = s->header;
    if (len < sizeof *h)
        return ERR_TRUNCATED;
    if (memcmp(h->magic, magic, sizeof magic) != 0 || h->fingerprint != fingerprint())
        return ERR_SYNTAX;
    if (h->len != len)
        return len < h->len ? ERR_TRUNCATED : ERR_TRAILING;
    int err = 0;
    for (unsigned i = 0; i < SNAP_TABLE_COUNT && !err; i++)
        err = check_extent(h, &h->tables[i], table_of((enum snap_table)i).row_size);
    for (unsigned i = 0; i < SNAP_ORDER_COUNT && !err; i++)
        err = check_extent(h, &h->orders[i], sizeof(uint32_t));
    if (!err)
        err = check_extent(h, &h->index, sizeof(uint32_t));
    if (!err)
        err = check_extent(h, &h->pool, 1);
    if (err)
        return err;
    if (h->tables[SNAP_TABLE_server].count != 1)
        return ERR_RANGE;
    s->index = (const void *)(s->base + h->index.at);
    s->pool = (const char *)s->base + h->pool.at;
    for (unsigned i = 0; i < SNAP_TABLE_COUNT && !err; i++)
        err = check_rows(s, (enum snap_table)i);
    for (unsigned i = 0; i < SNAP_ORDER_COUNT && !err; i++)
        err = check_order(s, (enum snap_order)i);
    return err ? err : check_index(s);
}

int snapshot_view(const void *bytes, size_t len, struct snapshot **snapshot_out)
{
    if ((uintptr_t)bytes % ALIGNMENT)
        return ERR_RANGE;
    struct snapshot *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->base = bytes;
    s->header = bytes;
    s->references = 1;
    int err = check(s, len);
    if (err) {
        free(s);
        return err;
    }
    *snapshot_out = s;
    return 0;
}

int snapshot_open(int fd, struct snapshot **snapshot_out)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS)
        return ERR_DENIED;
    if (fstat(fd, &st) < 0)
        return ERR_SYS;
    if (st.st_size < (off_t)sizeof(struct header))
        return ERR_TRUNCATED;
    size_t len = (size_t)st.st_size;
    void *bytes = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return errno == ENOMEM ? ERR_NOMEM : ERR_SYS;
    struct snapshot *s;
    int err = snapshot_view(bytes, len, &s);
    if (err) {
        munmap(bytes, len);
        return err;
    }
    s->mapped = len;
    *snapshot_out = s;
    return 0;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
    __atomic_add_fetch(&s->references, 1, __ATOMIC_RELAXED);
    return s;
}

void snapshot_unref(struct snapshot *s)
{
    if (!s || __atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL))
        return;
    if (s->mapped)
        munmap((void *)(uintptr_t)s->base, s->mapped);
    free(s);
}

struct slice snapshot_text(const struct snapshot *s, struct snap_text t)
{
    return slice_of(s->pool + t.at, t.len);
}

size_t snapshot_count(const struct snapshot *s, enum snap_table table)
{
    return s->header->tables[table].count;
}

#define ACCESSOR(table, COLUMNS, roles)                                             \
    const struct snap_##table *snapshot_##table(const struct snapshot *s, size_t row) \
    {                                                                               \
        return row_at(s, SNAP_TABLE_##table, sizeof(struct snap_##table), row);     \
    }
SNAP_TABLES(ACCESSOR)

const struct snap_site *snapshot_site_by_id(const struct snapshot *s, uint32_t id)
{
    uint64_t mask = s->header->index.count - 1;
    for (uint64_t at = index_hash(id) & mask; s->index[at]; at = (at + 1) & mask) {
        const struct snap_site *site = snapshot_site(s, s->index[at] - 1);
        if (site->id == id)
            return site;
    }
    return NULL;
}

/* ---- orders ---- */

/* Keys are made alike from the rows of a snapshot and from those of a writer, whose texts stand elsewhere. */
typedef struct slice text_of(const void *context, struct snap_text t);

static struct snap_key key_of(enum snap_order order, const void *row, text_of *text, const void *context)
{
    const struct snap_user *user = row;
    const struct snap_permission *permission = row;
    const struct snap_binding *binding = row;
    switch (order) {
    case SNAP_ORDER_user_name:
        return (struct snap_key){ 0, text(context, user->name), SLICE_NONE };
    case SNAP_ORDER_permission_name:
        return (struct snap_key){ 0, text(context, permission->name), text(context, permission->path) };
    case SNAP_ORDER_binding_host:
        return (struct snap_key){ binding->port, text(context, binding->host), text(context, binding->address) };
    case SNAP_ORDER_binding_address:
        return (struct snap_key){ binding->port, text(context, binding->address),
                                  binding->host.len ? SLICE_LITERAL("x") : SLICE_NONE };
    default:
        return (struct snap_key){ 0 };
    }
}

static int compare_keys(const struct snap_key *a, const struct snap_key *b)
{
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    int first = slice_compare_fold(a->first, b->first);
    return first ? first : slice_compare_fold(a->second, b->second);
}

static struct slice text_of_snapshot(const void *context, struct snap_text t)
{
    return snapshot_text(context, t);
}

static struct snap_key key_at(const struct snapshot *s, enum snap_order order, size_t place)
{
    const uint32_t *places = (const void *)(s->base + s->header->orders[order].at);
    enum snap_table table = order_tables[order];
    return key_of(order, row_at(s, table, table_of(table).row_size, places[place]), text_of_snapshot, s);
}

size_t snapshot_find(const struct snapshot *s, enum snap_order order, struct snap_key key)
{
    size_t low = 0, high = s->header->orders[order].count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct snap_key there = key_at(s, order, middle);
        if (compare_keys(&there, &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool snapshot_at_place(const struct snapshot *s, enum snap_order order, size_t place, size_t *row_out)
{
    const struct extent *e = &s->header->orders[order];
    if (place >= e->count)
        return false;
    *row_out = ((const uint32_t *)(const void *)(s->base + e->at))[place];
    return true;
}

uint64_t snapshot_generation(const struct snapshot *s)
{
    return (uint64_t)snapshot_server(s, 0)->generation;
}

void snapshot_source_print(const struct snapshot *s, uint32_t source, struct text *out)
{
    const struct snap_source_file *file =
        source ? snapshot_source_file(s, (source >> SNAP_SOURCE_LINE_BITS) - (size_t)1) : NULL;
    if (!file)
        return;
    text_add_escaped(out, snapshot_text(s, file->name));
    text_addf(out, ":%u", source & SNAP_SOURCE_LINE_MAX);
}

uint32_t snapshot_origin_of(const struct snapshot *s, struct snap_range origins, size_t column)
{
    for (uint32_t i = 0; i < origins.count; i++) {
        const struct snap_origin *origin = snapshot_origin(s, origins.first + i);
        if (origin && origin->column == column)
            return origin->source;
    }
    return 0;
}

/* ---- writing ---- */

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
    return fingerprint_add(0xcbf29ce484222325u, s.ptr, s.len);
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
    if (size != table_of(table).row_size)
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
    return role == 0 || (table_of(table).roles & role);
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
        hidden = !is_visible(p->role, table_named(c->path));
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
    struct layout t = table_of(which);
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
    while (out->len % ALIGNMENT && !out->err)
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
        size_t at = index_hash(sites[i].id) & (slots - 1);
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
    enum snap_table table = order_tables[sort->order];
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    size_t size = table_of(table).row_size;
    const unsigned char *rows = sort->w->tables[table].ptr;
    struct snap_key x = key_of(sort->order, rows + a * size, text_of_writer, sort->w);
    struct snap_key y = key_of(sort->order, rows + b * size, text_of_writer, sort->w);
    int order = compare_keys(&x, &y);
    return order ? order : (a > b) - (a < b);
}

static int write_order(struct projection *p, enum snap_order order, struct extent *extent_out)
{
    size_t count = table_rows(p, order_tables[order]);
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
    struct header h = { .fingerprint = fingerprint() };
    memcpy(h.magic, magic, sizeof magic);
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

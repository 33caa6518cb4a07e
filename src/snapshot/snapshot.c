/*
 * snapshot.c - mapping snapshots, checking and reading them.
 *
 * Every byte that will ever be followed is checked once, in check(); accessors trust afterwards.
 */
#include "snapshot/snapshot_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/text.h"

enum { SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW };

struct snapshot {
    const unsigned char *base;
    const struct header *header;
    const uint32_t *index;
    const char *pool;
    size_t mapped; /* 0: the bytes are not ours */
    unsigned references;
};

/* ---- checking ---- */

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
    if (e->at % LAYOUT_ALIGNMENT || e->at < sizeof *h || e->at > h->len)
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
    enum snap_table target = layout_named(c->path);
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
    struct layout t = layout_of(which);
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
    uint64_t rows = s->header->tables[layout_ordered(order)].count;
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
    if (memcmp(h->magic, LAYOUT_MAGIC, sizeof LAYOUT_MAGIC) != 0 || h->fingerprint != layout_fingerprint())
        return ERR_SYNTAX;
    if (h->len != len)
        return len < h->len ? ERR_TRUNCATED : ERR_TRAILING;
    int err = 0;
    for (unsigned i = 0; i < SNAP_TABLE_COUNT && !err; i++)
        err = check_extent(h, &h->tables[i], layout_of((enum snap_table)i).row_size);
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

/* ---- mapping ---- */

int snapshot_view(const void *bytes, size_t len, struct snapshot **snapshot_out)
{
    if ((uintptr_t)bytes % LAYOUT_ALIGNMENT)
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

/* ---- reading ---- */

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
    for (uint64_t at = layout_site_hash(id) & mask; s->index[at]; at = (at + 1) & mask) {
        const struct snap_site *site = snapshot_site(s, s->index[at] - 1);
        if (site->id == id)
            return site;
    }
    return NULL;
}

/* ---- orders ---- */

static struct slice text_of_snapshot(const void *context, struct snap_text t)
{
    return snapshot_text(context, t);
}

static struct snap_key key_at(const struct snapshot *s, enum snap_order order, size_t place)
{
    const uint32_t *places = (const void *)(s->base + s->header->orders[order].at);
    enum snap_table table = layout_ordered(order);
    return layout_key(order, row_at(s, table, layout_of(table).row_size, places[place]), text_of_snapshot, s);
}

size_t snapshot_find(const struct snapshot *s, enum snap_order order, struct snap_key key)
{
    size_t low = 0, high = s->header->orders[order].count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct snap_key there = key_at(s, order, middle);
        if (layout_compare(order, &there, &key) < 0)
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

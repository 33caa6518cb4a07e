/*
 * browse.c - entries first, lines later.
 *
 * An entry is looked at while its name is being read: the directory read has just touched its inode.  In the order of
 * the sorted names the same looks cost a third more.
 *
 *     READING ---- directory ends below the limit ----> sorted, then SHOWING from memory
 *        |-------- a limit is passed -----------------> SHOWING what was read, then STREAMING
 *
 * A line that does not fit the chunk waits for the next one.
 */
#include "broker/browse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/clock.h"
#include "base/fold.h"
#include "base/own.h"
#include "broker/fixed.h"
#include "broker/patience.h"
#include "broker/upload.h"
#include "ftp/listing.h"
#include "policy/request_filter.h"
#include "policy/vpath.h"

struct name_at {
    uint32_t at, len; /* in `pool` */
    uint32_t seen;    /* in `seen`; IS_MAPPING */
};

enum { IS_MAPPING = UINT32_MAX };

size_t browse_held_most = (size_t)64 * 1024 * 1024;
static atomic_size_t held_by_all;

struct browse {
    struct browse *next;
    uint64_t handle;
    struct snapshot *snapshot;
    const struct snap_site *site;
    struct place *place; /* while the listing begins */
    struct text called, path, rest, pattern, prefix; /* owned copies */
    unsigned flags, permissions;
    bool scopes_below;        /* entries may have rules of their own */
    struct authorization_subject who; /* borrowed from the grant, which outlives its listings */
    const struct identity *identity; /* likewise */
    struct shared_identity *owner;
    struct fixed_accounts *fixed;
    bool shows_mappings;      /* instead of real entries of their names; there are none in a home that a directory names */
    int64_t patience;         /* milliseconds that may still be spent on looking at mappings */
    int64_t now;
    int root;
    DIR *dir;                 /* NULL: a single file */
    struct text pool;
    struct name_at *names;
    struct listing_entry *seen; /* what was found of each name, without it */
    size_t count, cap, shown;
    size_t held;              /* its part of held_by_all */
    bool streaming;
    struct text waiting;      /* the line that did not fit */
    struct text single;       /* the one line of a file */
};

uint64_t browse_handle(const struct browse *b)
{
    return b->handle;
}

void browse_set_handle(struct browse *b, uint64_t handle)
{
    b->handle = handle;
}

struct shared_identity *browse_owner(const struct browse *b)
{
    return b->owner;
}

bool browse_has_directory(const struct browse *b)
{
    return b->dir;
}

struct browse **browse_link(struct browse *b)
{
    return &b->next;
}

void browse_end(struct browse *b)
{
    if (!b)
        return;
    if (b->dir)
        closedir(b->dir);
    if (b->root >= 0)
        close(b->root);
    struct text *texts[] = { &b->called, &b->path, &b->rest, &b->pattern, &b->prefix, &b->pool, &b->waiting, &b->single };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        text_free(texts[i]);
    free(b->names);
    free(b->seen);
    atomic_fetch_sub(&held_by_all, b->held);
    shared_identity_unref(b->owner);
    snapshot_unref(b->snapshot);
    free(b);
}

enum { DESCRIBE_FIELDS = STATX_BASIC_STATS | STATX_BTIME };

int browse_describe(int fd, const char *name, struct listing_entry *entry_out)
{
    struct statx st;
    int flags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_SYNC_AS_STAT;
    if (statx(fd, name, flags, DESCRIBE_FIELDS, &st) < 0)
        return place_error(errno);
    if (!S_ISDIR(st.stx_mode) && !S_ISREG(st.stx_mode))
        return ERR_NOT_FILE;
    entry_out->is_directory = S_ISDIR(st.stx_mode);
    entry_out->size = st.stx_size;
    entry_out->mtime = st.stx_mtime.tv_sec;
    entry_out->has_created = st.stx_mask & STATX_BTIME;
    entry_out->created = st.stx_btime.tv_sec;
    entry_out->mode = st.stx_mode & 07777u;
    entry_out->device = makedev(st.stx_dev_major, st.stx_dev_minor);
    entry_out->inode = st.stx_ino;
    return 0;
}

static int grow(struct browse *b)
{
    size_t cap = b->cap ? 2 * b->cap : 64;
    struct name_at *names = reallocarray(b->names, cap, sizeof *names);
    if (!names)
        return ERR_NOMEM;
    b->names = names;
    struct listing_entry *seen = reallocarray(b->seen, cap, sizeof *seen);
    if (!seen)
        return ERR_NOMEM;
    b->seen = seen;
    b->cap = cap;
    return 0;
}

/* Memory grows by doubling, so that there is seldom something to tell. */
static void tell_held(struct browse *b)
{
    size_t held = b->cap * (sizeof *b->names + sizeof *b->seen) + b->pool.cap;
    if (held == b->held)
        return;
    atomic_fetch_add(&held_by_all, held - b->held);
    b->held = held;
}

/* `e` NULL: a mapping, looked at when its line is made. */
static int add_name(struct browse *b, struct slice name, const struct listing_entry *e)
{
    int err = b->count == b->cap ? grow(b) : 0;
    if (err)
        return err;
    if (e)
        b->seen[b->count] = *e;
    b->names[b->count] = (struct name_at){ (uint32_t)b->pool.len, (uint32_t)name.len, e ? (uint32_t)b->count : IS_MAPPING };
    b->count++;
    text_add(&b->pool, name);
    text_add_char(&b->pool, '\0');
    tell_held(b);
    return text_error(&b->pool);
}

/* Where mappings do not show a real folder may stand for one, as IIS's administrators make it.  Its name leads to the mapping
 * all the same (threats.md F12). */
static bool is_shadowed(const struct browse *b, struct slice name)
{
    const struct snap_directory *d;
    struct slice mapped;
    for (uint32_t next = 0; b->shows_mappings && directory_map_child(b->snapshot, b->site, text_slice(&b->path), &next, &d, &mapped);)
        if (fold_same(mapped, name))
            return true;
    return false;
}

static bool is_wanted(const struct browse *b, struct slice name)
{
    if (b->pattern.len && !slice_matches_wildcard(name, text_slice(&b->pattern)))
        return false;
    return !request_filter_hides(b->snapshot, b->site, text_slice(&b->path), name);
}

/* The next real name that may show; empty at the end. */
static struct slice read_name(struct browse *b, unsigned char *type_out)
{
    for (struct dirent *e; (e = readdir(b->dir));) {
        *type_out = e->d_type;
        struct slice name = slice_str(e->d_name);
        if (slice_equal_str(name, ".") || slice_equal_str(name, ".."))
            continue;
        if (place_is_upload_name(name))
            upload_sweep(dirfd(b->dir), e->d_name);
        else if (is_wanted(b, name) && !is_shadowed(b, name))
            return name;
    }
    return SLICE_NONE;
}

static int add_mappings(struct browse *b)
{
    const struct snap_directory *d;
    struct slice name;
    uint32_t next = 0;
    int err = 0;
    while (!err && b->shows_mappings && directory_map_child(b->snapshot, b->site, text_slice(&b->path), &next, &d, &name))
        if (is_wanted(b, name) && place_shows_mapping(b->place, name))
            err = add_name(b, name, NULL);
    return err;
}

static int by_name(const void *a, const void *b, void *pool)
{
    const struct name_at *x = a, *y = b;
    struct slice first = slice_of((const char *)pool + x->at, x->len);
    struct slice second = slice_of((const char *)pool + y->at, y->len);
    int order = slice_compare_fold(first, second);
    return order ? order : slice_compare(first, second);
}

/* Look at the entry by one call; a link is resolved beneath the mapping or not at all. */
static int describe_entry(const struct browse *b, const char *name, struct listing_entry *e)
{
    int err = browse_describe(dirfd(b->dir), name, e);
    if (err != ERR_NOT_FILE)
        return err;
    OWNED_TEXT_BUFFER whole = { 0 };
    text_addf(&whole, "%s%s%s", text_str(&b->rest), b->rest.len ? "/" : "", name);
    if (text_error(&whole))
        return text_error(&whole);
    OWNED_FD fd = open_beneath(b->root, text_str(&whole), O_PATH);
    return fd < 0 ? place_error(errno) : browse_describe(fd, "", e);
}

/* A list of names shows nothing else of a file or directory; what else there is must be looked at to know whether it shows. */
static bool is_described(const struct browse *b, unsigned char type)
{
    return (b->flags & LIST_STYLE_MASK) == LIST_STYLE_NAMES && (type == DT_REG || type == DT_DIR);
}

/* The next entry of the directory that may show and exists; `e` borrows its name until the next call. */
static bool read_entry(struct browse *b, struct listing_entry *e)
{
    unsigned char type = DT_UNKNOWN;
    for (struct slice name; (name = read_name(b, &type)).len;) {
        *e = (struct listing_entry){ .name = name };
        if (is_described(b, type) || !describe_entry(b, name.ptr, e))
            return true;
    }
    return false;
}

static int read_names(struct browse *b)
{
    int err = add_mappings(b);
    struct listing_entry e;
    while (!err && b->count < b->site->sort_limit && atomic_load(&held_by_all) < browse_held_most) {
        if (!read_entry(b, &e)) {
            if (b->count)
                qsort_r(b->names, b->count, sizeof *b->names, by_name, b->pool.ptr);
            return 0;
        }
        err = add_name(b, e.name, &e);
    }
    b->streaming = true;
    return err;
}

static const struct snap_directory *mapping_named(const struct browse *b, struct slice name)
{
    const struct snap_directory *d;
    struct slice mapped;
    for (uint32_t next = 0; directory_map_child(b->snapshot, b->site, text_slice(&b->path), &next, &d, &mapped);)
        if (slice_equal(mapped, name))
            return d;
    return NULL;
}

enum { LOOK_PATH_MAX = 4096, LOOK_GROUPS_MAX = GROUPS_LIMIT / 4 };

/* A look at the directory of a mapping, which may lie on a file system that does not answer. */
struct look {
    char path[LOOK_PATH_MAX];
    struct identity who;
    uint32_t groups[LOOK_GROUPS_MAX];
    struct listing_entry found;
};

static int look_at(void *context)
{
    struct look *look = context;
    look->who.groups = look->groups;
    int err = identity_take(&look->who);
    if (err)
        return err;
    OWNED_FD fd = open(look->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    err = fd < 0 ? place_error(errno) : browse_describe(fd, "", &look->found);
    identity_restore(&look->who);
    return err;
}

static int look_in_time(struct browse *b, struct slice path, const struct identity *who, struct listing_entry *e)
{
    OWNED_TEXT memory = calloc(1, sizeof(struct look));
    struct look *look = (void *)memory;
    if (!look || path.len >= LOOK_PATH_MAX || who->group_count > LOOK_GROUPS_MAX)
        return ERR_LIMIT;
    memcpy(look->path, path.ptr, path.len);
    look->who = *who;
    if (who->group_count)
        memcpy(look->groups, who->groups, who->group_count * sizeof *who->groups);
    int64_t begin = clock_ms();
    int err = patience_run(begin + b->patience, look_at, look, sizeof *look);
    b->patience -= clock_ms() - begin;
    if (!err) {
        look->found.name = e->name;
        *e = look->found;
    }
    return err;
}

/* A mapping shows even when its directory cannot be reached: with the current time, as IIS does when the stamp does
 * not come in time (directoryBrowse/virtualDirectoryTimeout, for the whole listing; 0 means do not look). */
static void describe_mapping(struct browse *b, struct slice name, struct listing_entry *e)
{
    const struct snap_directory *d = mapping_named(b, name);
    *e = (struct listing_entry){ .name = name, .is_directory = true, .mtime = b->now, .mode = 0755 };
    struct shared_identity *owner = NULL;
    bool may_look = d && b->patience > 0 &&
                    (!d->user_name.len || fixed_find(b->fixed, b->site->id, snapshot_text(b->snapshot, d->path),
                                                     snapshot_text(b->snapshot, d->user_name), &owner) == 0);
    if (may_look)
        (void)!look_in_time(b, snapshot_text(b->snapshot, d->linux_path), owner ? &owner->who : b->identity, e);
    shared_identity_unref(owner);
}

static unsigned permissions_of(const struct browse *b, struct slice name)
{
    if (!b->scopes_below)
        return b->permissions;
    OWNED_TEXT_BUFFER path = { 0 };
    if (vpath_join(text_slice(&b->path), name, &path))
        return 0;
    return authorization_permissions(b->snapshot, b->site, text_slice(&path), &b->who);
}

static void permit(const struct browse *b, struct listing_entry *e)
{
    unsigned permissions = permissions_of(b, e->name);
    e->may_read = permissions & PERMISSION_READ;
    e->may_write = permissions & PERMISSION_WRITE;
}

static void recall(struct browse *b, const struct name_at *n, struct listing_entry *e)
{
    struct slice name = slice_of(b->pool.ptr + n->at, n->len);
    if (n->seen == IS_MAPPING)
        describe_mapping(b, name, e);
    else
        *e = b->seen[n->seen];
    e->name = name;
}

/* The next entry; false at the end.  `name` borrows until the next call. */
static bool next_entry(struct browse *b, struct listing_entry *e)
{
    if (b->shown < b->count)
        recall(b, &b->names[b->shown++], e);
    else if (!b->streaming || !read_entry(b, e))
        return b->streaming = false;
    permit(b, e);
    return true;
}

int browse_next(struct browse *b, struct text *out, bool *more_out)
{
    struct listing_entry e;
    text_reset(out);
    text_add(out, text_slice(&b->waiting));
    text_reset(&b->waiting);
    text_add(out, text_slice(&b->single));
    text_reset(&b->single);
    while (b->dir && next_entry(b, &e)) {
        listing_line(&b->waiting, b->flags, &e, text_slice(&b->prefix), b->now);
        if (text_error(&b->waiting))
            return text_error(&b->waiting);
        if (out->len + b->waiting.len > LISTING_CHUNK) {
            *more_out = true;
            return text_error(out);
        }
        text_add(out, text_slice(&b->waiting));
        text_reset(&b->waiting);
    }
    *more_out = false;
    return text_error(out);
}

/* A file, or with LIST_ONE anything: its own line, named by its last component or, for MLST, by the whole path. */
static int begin_single(struct browse *b, const struct place *p)
{
    struct listing_entry e = { 0 };
    OWNED_FD fd = -1;
    int err = place_open(p, O_PATH, &fd);
    if (!err)
        err = browse_describe(fd, "", &e);
    if (err)
        return err;
    e.name = b->flags & LIST_ONE ? text_slice(&b->called) : vpath_last(text_slice(&b->path));
    e.may_read = b->permissions & PERMISSION_READ;
    e.may_write = b->permissions & PERMISSION_WRITE;
    listing_line(&b->single, b->flags, &e, text_slice(&b->prefix), b->now);
    return text_error(&b->single);
}

static int begin_at(struct browse *b, const struct place *p)
{
    int dir;
    int err = b->flags & LIST_ONE ? ERR_NOT_DIR : place_open(p, O_RDONLY | O_DIRECTORY, &dir);
    if (err == ERR_NOT_DIR)
        return begin_single(b, p);
    if (err)
        return err;
    b->dir = fdopendir(dir);
    if (!b->dir) {
        close(dir);
        return ERR_NOMEM;
    }
    return read_names(b);
}

static bool has_mappings_below(const struct place *p)
{
    const struct snap_directory *d;
    struct slice name;
    return directory_map_child(p->snapshot, p->site, p->path, &(uint32_t){ 0 }, &d, &name);
}

static bool has_scopes_below(const struct place *p)
{
    for (uint32_t i = 0; i < p->site->scopes.count; i++) {
        struct slice rest;
        const struct snap_scope *scope = snapshot_scope(p->snapshot, p->site->scopes.first + i);
        if (scope && vpath_is_below(snapshot_text(p->snapshot, scope->path), p->path, &rest) && rest.len)
            return true;
    }
    return false;
}

int browse_begin(struct place *p, const struct browse_order *order, const struct authorization_subject *who,
                 struct browse **browse_out)
{
    if (order->prefix.len > BROWSE_PREFIX_MAX)
        return ERR_TOO_LONG;
    struct browse *b = calloc(1, sizeof *b);
    if (!b)
        return ERR_NOMEM;
    b->snapshot = snapshot_ref((struct snapshot *)p->snapshot);
    b->site = p->site;
    b->flags = order->flags;
    b->permissions = p->permissions;
    b->scopes_below = has_scopes_below(p);
    b->who = *who;
    b->now = order->now;
    b->identity = order->identity;
    b->owner = shared_identity_ref(order->owner);
    b->fixed = order->fixed;
    b->shows_mappings = (order->flags & LIST_VIRTUAL_DIRECTORIES) && !p->physical.len && has_mappings_below(p);
    b->patience = p->site->virtual_directory_timeout * 1000;
    b->root = p->root;
    p->root = -1;
    text_add(&b->called, p->shown);
    text_add(&b->path, p->path);
    text_add(&b->rest, text_slice(&p->rest));
    text_add(&b->pattern, order->pattern);
    text_add(&b->prefix, order->prefix);
    int err = text_error(&b->called) | text_error(&b->path) | text_error(&b->rest) | text_error(&b->pattern) | text_error(&b->prefix);
    if (!err) {
        p->root = b->root; /* lent for the opening */
        b->place = p;
        err = begin_at(b, p);
        p->root = -1;
        b->place = NULL;
    }
    if (err) {
        browse_end(b);
        return err;
    }
    *browse_out = b;
    return 0;
}

/* log_set.c - see log_set.h.  Files stand in an array sorted by site; the central one is its only member. */
#include "logger/log_set.h"

#include <stdlib.h>

enum { CENTRAL_MODE_CENTRAL = 1 };
static const uint64_t central_key = UINT64_MAX; /* above every site */

struct entry {
    uint64_t key; /* site id or central_key */
    struct log_file *file;
    bool retired; /* not in the last snapshot */
};

struct log_set {
    struct log_desk *desk;
    struct slice computer;
    struct entry *entries;
    size_t count;
    bool central;
};

struct log_set *log_set_new(struct log_desk *desk, struct slice computer)
{
    struct log_set *set = calloc(1, sizeof *set);
    if (set)
        *set = (struct log_set){ .desk = desk, .computer = computer };
    return set;
}

void log_set_free(struct log_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++) {
        log_file_flush(set->entries[i].file);
        log_file_free(set->entries[i].file);
    }
    free(set->entries);
    free(set);
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t left = ((const struct entry *)a)->key, right = ((const struct entry *)b)->key;
    return left < right ? -1 : left > right;
}

static struct entry *find(const struct log_set *set, uint64_t key)
{
    const struct entry wanted = { .key = key };
    return set->count ? bsearch(&wanted, set->entries, set->count, sizeof wanted, compare_keys) : NULL;
}

/* ---- settings from the snapshot; `folder` keeps the text they point to ---- */

static struct log_settings site_settings(const struct log_set *set, const struct snapshot *s, const struct snap_site *site,
                                         struct text *folder)
{
    const struct snap_server *server = snapshot_server(s, 0);
    text_reset(folder);
    text_addf(folder, SLICE_FMT "/FTPSVC%u", SLICE_ARG(snapshot_text(s, site->log_path)), site->id);
    return (struct log_settings){
        .site = site->id,
        .folder = text_slice(folder),
        .style = { site->log_fields | (site->log_certificates ? W3C_CERTIFICATE : 0), server->log_in_utf8, set->computer },
        .rule = { site->log_period, server->log_in_utf8 },
        .truncate_size = (uint64_t)site->log_truncate_size,
        .local_time = site->log_local_time_rollover,
        .selective = site->log_selective,
    };
}

/* The one file of all sites has the columns as soon as one site asks for them. */
static bool any_logs_certificates(const struct snapshot *s)
{
    for (size_t row = 0; row < snapshot_count(s, SNAP_TABLE_site); row++)
        if (snapshot_site(s, row)->log_certificates)
            return true;
    return false;
}

static struct log_settings central_settings(const struct log_set *set, const struct snapshot *s, struct text *folder)
{
    const struct snap_server *server = snapshot_server(s, 0);
    text_reset(folder);
    text_addf(folder, SLICE_FMT "/FTPSVC", SLICE_ARG(snapshot_text(s, server->central_log_path)));
    return (struct log_settings){
        .folder = text_slice(folder),
        .style = { server->central_log_fields | (any_logs_certificates(s) ? W3C_CERTIFICATE : 0), server->log_in_utf8, set->computer },
        .rule = { server->central_log_period, server->log_in_utf8 },
        .truncate_size = (uint64_t)server->central_log_truncate_size,
        .local_time = server->central_log_local_time,
        .selective = server->central_log_selective,
    };
}

static bool is_central(const struct snapshot *s)
{
    return snapshot_server(s, 0)->central_log_mode == CENTRAL_MODE_CENTRAL;
}

/* ---- a new snapshot ---- */

/* Move the file of `key` to the new array, or make one. */
static MUST_USE int place(struct log_set *set, uint64_t key, const struct log_settings *settings, struct entry *out)
{
    struct entry *old = find(set, key);
    if (!old) {
        *out = (struct entry){ .key = key, .file = log_file_new(set->desk, settings) };
        return out->file ? 0 : ERR_NOMEM;
    }
    *out = (struct entry){ .key = key, .file = old->file };
    return log_file_configure(old->file, settings);
}

static MUST_USE int place_all(struct log_set *set, const struct snapshot *s, struct entry *entries, size_t *count)
{
    OWNED_TEXT_BUFFER folder = { 0 };
    int err = 0;
    if (is_central(s)) {
        const struct log_settings settings = central_settings(set, s, &folder);
        if (snapshot_server(s, 0)->central_log_enabled && !(err = place(set, central_key, &settings, entries)))
            *count = 1;
        return err;
    }
    for (size_t row = 0; row < snapshot_count(s, SNAP_TABLE_site); row++) {
        const struct snap_site *site = snapshot_site(s, row);
        const struct log_settings settings = site_settings(set, s, site, &folder);
        if (!site->log_enabled)
            continue;
        if (text_error(&folder) || (err = place(set, site->id, &settings, &entries[*count])))
            return err ? err : ERR_NOMEM;
        ++*count;
    }
    return 0;
}

static bool holds_key(const struct entry *entries, size_t count, uint64_t key)
{
    const struct entry wanted = { .key = key };
    return count && bsearch(&wanted, entries, count, sizeof wanted, compare_keys);
}

/* What the new array has not taken over stays one snapshot longer, then goes. */
static void retire_old(struct log_set *set, struct entry *entries, size_t *count)
{
    size_t placed = *count;
    for (size_t i = 0; i < set->count; i++) {
        struct entry *old = &set->entries[i];
        if (holds_key(entries, placed, old->key))
            continue;
        log_file_flush(old->file);
        if (old->retired)
            log_file_free(old->file);
        else
            entries[(*count)++] = (struct entry){ old->key, old->file, true };
    }
}

/* After a failure: only files that `place` made are not in the old array. */
static void drop_new(struct log_set *set, struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!find(set, entries[i].key))
            log_file_free(entries[i].file);
}

int log_set_apply(struct log_set *set, const struct snapshot *s)
{
    size_t room = snapshot_count(s, SNAP_TABLE_site) + set->count + 1, count = 0;
    struct entry *entries = calloc(room, sizeof *entries);
    if (!entries)
        return ERR_NOMEM;
    int err = place_all(set, s, entries, &count);
    if (err) {
        drop_new(set, entries, count);
        free(entries);
        return err;
    }
    qsort(entries, count, sizeof *entries, compare_keys);
    retire_old(set, entries, &count);
    qsort(entries, count, sizeof *entries, compare_keys);
    free(set->entries);
    set->entries = entries;
    set->count = count;
    set->central = is_central(s);
    return 0;
}

/* ---- records ---- */

static struct entry *entry_of(const struct log_set *set, uint32_t site)
{
    return find(set, set->central ? central_key : site);
}

bool log_set_has(const struct log_set *set, uint32_t site)
{
    return entry_of(set, site) != NULL;
}

void log_set_append(struct log_set *set, const struct log_access *record, int64_t now)
{
    struct entry *entry = entry_of(set, record->site);
    if (entry)
        log_file_append(entry->file, record, now);
}

void log_set_append_reason(struct log_set *set, uint32_t site, struct slice line)
{
    struct entry *entry = entry_of(set, site);
    if (entry)
        log_file_append_reason(entry->file, line);
}

int log_set_flush(struct log_set *set, uint32_t site)
{
    int first = 0;
    for (size_t i = 0; i < set->count; i++) {
        struct entry *entry = &set->entries[i];
        if (site && entry->key != site && entry->key != central_key)
            continue;
        int err = log_file_flush(entry->file);
        first = first ? first : err;
    }
    return first;
}

bool log_set_is_dirty(const struct log_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (log_file_is_dirty(set->entries[i].file))
            return true;
    return false;
}

void log_set_each_directory(const struct snapshot *s, void (*each)(void *context, struct slice directory), void *context)
{
    if (is_central(s)) {
        if (snapshot_server(s, 0)->central_log_enabled)
            each(context, snapshot_text(s, snapshot_server(s, 0)->central_log_path));
        return;
    }
    for (size_t row = 0; row < snapshot_count(s, SNAP_TABLE_site); row++)
        if (snapshot_site(s, row)->log_enabled)
            each(context, snapshot_text(s, snapshot_site(s, row)->log_path));
}

/*
 * verbs.c - what the broker does for each verb of proto/broker.h.
 *
 * A verb returns an ERR_ value; the Win32 number and the sub-status follow from it by table, unless the step that
 * failed knew better and has set them.
 */
#include "broker/verbs_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/own.h"
#include "ftp/listing.h"
#include "policy/ftp_root.h"
#include "policy/vpath.h"

/* ---- errors ---- */

unsigned verbs_substatus(int err)
{
    switch (err) {
    case 0:
        return SUB_NONE;
    case ERR_DENIED:
        return SUB_FILE_DENIED;
    case ERR_NOT_FILE:
        return SUB_NOT_A_FILE;
    default:
        return SUB_FILE_ERROR;
    }
}

int call_fail(struct call *c, int err, uint32_t win32, unsigned substatus)
{
    c->result->answer.win32 = win32;
    c->result->answer.substatus = substatus;
    return err;
}

static void settle(struct verb_result *r, int err)
{
    r->answer.status = (uint8_t)-err;
    if (!err)
        return;
    if (!r->answer.win32)
        r->answer.win32 = win_error_from(err);
    if (!r->answer.substatus)
        r->answer.substatus = verbs_substatus(err);
}

/* Keep why the request was refused; without memory it is not told. */
static void because(struct call *c, const struct reason *why)
{
    struct text *out = &c->result->reason;
    text_reset(out);
    reason_print(c->snapshot, why, out);
    if (text_error(out) || out->len > DETAIL_LIMIT)
        text_reset(out);
}

int call_filter(struct call *c, struct slice path, enum request_kind kind)
{
    struct reason why = { 0 };
    unsigned substatus = request_filter_refuses(c->snapshot, c->site, path, kind, NULL);
    if (!substatus)
        return 0;
    (void)request_filter_refuses(c->snapshot, c->site, path, kind, &why);
    because(c, &why);
    return call_fail(c, ERR_DENIED, WIN_ACCESS_DENIED, substatus);
}

/* ---- looking ---- */

static void tell(struct call *c, const struct listing_entry *e)
{
    struct broker_answer *a = &c->result->answer;
    a->type = e->is_directory ? BROKER_DIRECTORY : BROKER_FILE;
    a->size = e->is_directory ? 0 : e->size;
    a->mtime = e->mtime;
}

static int describe(struct call *c, int fd)
{
    struct listing_entry e = { 0 };
    int err = browse_describe(fd, "", &e);
    if (!err)
        tell(c, &e);
    return err;
}

/* What stands there, links followed while they stay below the mapping.  A name in the mapping itself that is no link needs
 * no descriptor for that. */
static int look(const struct place *p, struct listing_entry *e_out)
{
    bool is_plain = p->rest.len && slice_find_last(text_slice(&p->rest), '/') == SIZE_MAX;
    if (is_plain && browse_describe(p->root, text_str(&p->rest), e_out) == 0)
        return 0;
    OWNED_FD seen = -1;
    int err = place_open(p, O_PATH, &seen);
    return err ? err : browse_describe(seen, "", e_out);
}

static int verb_stat(struct call *c)
{
    struct listing_entry e = { 0 };
    int err = look(&c->place, &e);
    if (!err)
        tell(c, &e);
    return err;
}

/* An O_PATH open asks for nothing of the directory itself; "." in it needs its search bit, as entering does. */
static int verb_chdir(struct call *c)
{
    OWNED_FD fd = -1;
    struct listing_entry e = { 0 };
    int err = place_open(&c->place, O_PATH, &fd);
    if (!err)
        err = browse_describe(fd, ".", &e);
    if (!err)
        tell(c, &e);
    return err;
}

/* Open and describe.  Look before: opening a device may already do something, a FIFO may wait (R08). */
static int open_regular(struct call *c, int *fd_out)
{
    struct listing_entry e = { 0 };
    OWNED_FD fd = -1;
    int err = look(&c->place, &e);
    if (err)
        return err;
    if (e.is_directory)
        return ERR_DENIED;
    err = place_open(&c->place, O_RDONLY | O_NONBLOCK, &fd);
    if (!err)
        err = describe(c, fd);
    if (err)
        return err;
    if (c->result->answer.type != BROKER_FILE)
        return ERR_NOT_FILE;
    *fd_out = fd_take(&fd);
    return 0;
}

static bool is_uploading(const struct call *c, int *written_out)
{
    return c->place.rest.len && upload_peek(&c->place, written_out) == 0;
}

/* Readers see the old version; what has none yet is in use, unless the site lets uploads be read (F10). */
static int open_for_reading(struct call *c, int *fd_out)
{
    OWNED_FD written = -1, fd = -1;
    if (c->site->allow_read_uploads && is_uploading(c, &written)) {
        int err = describe(c, written);
        if (!err)
            *fd_out = fd_take(&written);
        return err;
    }
    int err = open_regular(c, &fd);
    if (err)
        return err == ERR_NOT_FOUND && is_uploading(c, &written) ? ERR_BUSY : err;
    if (!c->site->allow_read_uploads && upload_is_appending(fd))
        return ERR_BUSY;
    *fd_out = fd_take(&fd);
    return 0;
}

static int verb_open_read(struct call *c)
{
    OWNED_FD fd = -1;
    int err = open_for_reading(c, &fd);
    if (err)
        return err;
    if (c->ask->offset > c->result->answer.size)
        return call_fail(c, ERR_RANGE, WIN_HANDLE_EOF, SUB_FILE_ERROR);
    c->result->fd = fd_take(&fd);
    return 0;
}

static int verb_free_space(struct call *c)
{
    struct statvfs fs;
    OWNED_FD fd = -1;
    int err = place_open(&c->place, O_PATH, &fd);
    if (err)
        return err;
    if (fstatvfs(fd, &fs) < 0)
        return place_error(errno);
    if (__builtin_mul_overflow((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &c->result->answer.size))
        c->result->answer.size = UINT64_MAX;
    return 0;
}

/* ---- uploads ---- */

static size_t uploads_open(const struct grant *g)
{
    size_t count = 0;
    for (const struct upload *u = g->uploads; u; u = u->next)
        count++;
    return count;
}

static int too_large(struct call *c)
{
    return call_fail(c, ERR_TOO_BIG, WIN_ACCESS_DENIED, SUB_SIZE_LIMIT);
}

static uint64_t size_limit(const struct call *c)
{
    return request_filter_size_limit(c->snapshot, c->site, c->place.path);
}

/* The worker gets a descriptor of the same open file, so the lock lives as long as either of us. */
static int hand_out(struct call *c, struct upload *u)
{
    text_add_str(&c->result->name, u->name);
    if (text_error(&c->result->name)) { /* nobody would hear of it, and its name would stay taken */
        upload_reject(u);
        return ERR_NOMEM;
    }
    u->limit = size_limit(c);
    c->result->answer.limit = u->limit == UINT64_MAX ? 0 : u->limit;
    c->result->answer.type = BROKER_FILE;
    c->result->answer.size = u->temp[0] ? u->kept : u->was;
    u->owner = shared_identity_ref(c->owner);
    u->handle = ++c->grant->last_handle;
    u->next = c->grant->uploads;
    c->grant->uploads = u;
    c->result->answer.handle = u->handle;
    c->result->fd = u->file;
    c->result->is_lent = true;
    return 0;
}

static int verb_upload(struct call *c)
{
    struct upload *u;
    if (uploads_open(c->grant) >= GRANT_UPLOADS_MAX)
        return ERR_LIMIT;
    if (c->ask->offset > size_limit(c))
        return too_large(c);
    int err = upload_begin(&c->place, c->ask->offset, &u);
    return err ? err : hand_out(c, u);
}

static int verb_upload_unique(struct call *c)
{
    struct upload *u;
    if (uploads_open(c->grant) >= GRANT_UPLOADS_MAX)
        return ERR_LIMIT;
    if (c->ask->offset)
        return ERR_RANGE; /* the file is new: nothing stands before it (threats.md P27) */
    OWNED_TEXT_BUFFER path = { 0 };
    int err = upload_begin_unique(&c->place, &u);
    if (err)
        return err;
    err = vpath_join(c->place.path, slice_str(u->name), &path);
    if (!err)
        err = call_filter(c, text_slice(&path), REQUEST_FILE);
    if (err) {
        upload_reject(u);
        return err;
    }
    return hand_out(c, u);
}

static int verb_append(struct call *c)
{
    struct upload *u;
    uint64_t size;
    if (uploads_open(c->grant) >= GRANT_UPLOADS_MAX)
        return ERR_LIMIT;
    int err = upload_append(&c->place, &u, &size);
    if (err)
        return err;
    if (size > size_limit(c)) {
        upload_reject(u);
        return too_large(c);
    }
    return hand_out(c, u);
}

static struct upload *take_upload(struct grant *g, uint64_t handle)
{
    for (struct upload **at = &g->uploads; *at; at = &(*at)->next)
        if ((*at)->handle == handle) {
            struct upload *u = *at;
            *at = u->next;
            return u;
        }
    return NULL;
}

static int verb_commit(struct call *c)
{
    struct upload *u = take_upload(c->grant, c->ask->handle);
    if (!u)
        return ERR_STATE;
    if (upload_is_too_large(u)) {
        upload_reject(u);
        return too_large(c);
    }
    return upload_commit(u);
}

static int verb_abandon(struct call *c)
{
    struct upload *u = take_upload(c->grant, c->ask->handle);
    if (!u)
        return ERR_STATE;
    upload_abandon(u);
    return 0;
}

/* ---- listings ---- */

static struct browse *take_listing(struct grant *g, uint64_t handle)
{
    for (struct browse **at = &g->listings; *at; at = browse_link(*at))
        if (browse_handle(*at) == handle) {
            struct browse *b = *at;
            *at = *browse_link(b);
            *browse_link(b) = NULL;
            return b;
        }
    return NULL;
}

static size_t listings_open(struct grant *g)
{
    size_t count = 0;
    for (struct browse *b = g->listings; b; b = *browse_link(b))
        count++;
    return count;
}

/* The next chunk; the listing goes back to the grant while there is more. */
static int show_more(struct call *c, struct browse *b)
{
    bool more = false;
    int err = browse_next(b, &c->result->data, &more);
    if (!err && text_error(&c->result->data))
        err = ERR_NOMEM;
    if (err || !more) {
        browse_end(b);
        return err;
    }
    if (!browse_handle(b))
        browse_set_handle(b, ++c->grant->last_handle);
    *browse_link(b) = c->grant->listings;
    c->grant->listings = b;
    c->result->answer.handle = browse_handle(b);
    c->result->answer.more = true;
    return 0;
}

static int verb_list(struct call *c)
{
    struct browse *b;
    const struct browse_order order = { .flags = c->ask->flags, .pattern = c->ask->pattern, .prefix = c->ask->prefix,
                                        .identity = &c->grant->as->identity, .owner = c->owner, .fixed = c->fixed,
                                        .now = c->ask->time ? c->ask->time : (int64_t)time(NULL) };
    if (listings_open(c->grant) >= GRANT_LISTINGS_MAX)
        return ERR_LIMIT;
    int err = browse_begin(&c->place, &order, &c->who, &b);
    if (err)
        return err;
    c->result->answer.type = browse_has_directory(b) ? BROKER_DIRECTORY : BROKER_FILE;
    return show_more(c, b);
}

static int verb_list_next(struct call *c)
{
    struct browse *b = take_listing(c->grant, c->ask->handle);
    return b ? show_more(c, b) : ERR_STATE;
}

static int verb_list_end(struct call *c)
{
    struct browse *b = take_listing(c->grant, c->ask->handle);
    if (!b)
        return ERR_STATE;
    browse_end(b);
    return 0;
}

/* ---- changing names ---- */

static int verb_delete(struct call *c)
{
    char name[PLACE_NAME_MAX + 1];
    OWNED_FD dir = -1;
    int err = place_open_parent(&c->place, &dir, name);
    if (err)
        return err;
    if (upload_appends_to(dir, name))
        return ERR_BUSY;
    return unlinkat(dir, name, 0) < 0 ? place_error(errno) : 0;
}

bool call_holds_mapping(const struct call *c)
{
    return !c->place.physical.len && directory_map_has(c->snapshot, c->site, c->place.path, true);
}

static int verb_mkdir(struct call *c)
{
    char name[PLACE_NAME_MAX + 1];
    OWNED_FD dir = -1;
    int err = place_open_parent(&c->place, &dir, name);
    if (err)
        return err;
    if (upload_has_name(&c->place, dir, name))
        return ERR_BUSY;
    return mkdirat(dir, name, 0777) < 0 ? place_error(errno) : 0;
}

static int verb_rmdir(struct call *c)
{
    char name[PLACE_NAME_MAX + 1];
    OWNED_FD dir = -1;
    if (call_holds_mapping(c))
        return call_fail(c, ERR_DENIED, WIN_ACCESS_DENIED, SUB_VIRTUAL_ROOT); /* F12 */
    int err = place_open_parent(&c->place, &dir, name);
    if (err)
        return err;
    return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? place_error(errno) : 0;
}

static int verb_set_time(struct call *c)
{
    OWNED_FD fd = -1;
    int err = place_open(&c->place, O_PATH, &fd);
    if (!err)
        err = describe(c, fd); /* neither devices nor pipes */
    if (err)
        return err;
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = (time_t)c->ask->time } };
    if (utimensat(fd, "", times, AT_EMPTY_PATH) < 0)
        return place_error(errno);
    c->result->answer.mtime = c->ask->time;
    return 0;
}

/* ---- the table, and the way to it ---- */

static int (*const verbs[BROKER_VERB_MAX + 1])(struct call *c) = {
    [BROKER_STAT] =          verb_stat,
    [BROKER_CHDIR] =         verb_chdir,
    [BROKER_OPEN_READ] =     verb_open_read,
    [BROKER_UPLOAD] =        verb_upload,
    [BROKER_APPEND] =        verb_append,
    [BROKER_UPLOAD_UNIQUE] = verb_upload_unique,
    [BROKER_COMMIT] =        verb_commit,
    [BROKER_ABANDON] =       verb_abandon,
    [BROKER_LIST] =          verb_list,
    [BROKER_LIST_NEXT] =     verb_list_next,
    [BROKER_LIST_END] =      verb_list_end,
    [BROKER_DELETE] =        verb_delete,
    [BROKER_MKDIR] =         verb_mkdir,
    [BROKER_RMDIR] =         verb_rmdir,
    [BROKER_RENAME_FROM] =   verb_rename_from,
    [BROKER_RENAME_TO] =     verb_rename_to,
    [BROKER_SET_TIME] =      verb_set_time,
    [BROKER_FREE_SPACE] =    verb_free_space,
};

/* Everything that can be said without touching the disk, in the order of ftp-behaviour 5. */
static int judge(struct call *c, struct judge_verb verb)
{
    struct reason why = { 0 };
    struct judge j = { .snapshot = c->snapshot, .site = c->site, .path = c->ask->path, .view = standing_view(c->grant->as),
                       .who = c->who, .client = c->grant->as->client,
                       .client_name = slice_str(text_str(&c->grant->as->client_name)), .verb = verb, .place = &c->place };
    int err = judge_place(&j, &why);
    if (!err)
        return 0;
    because(c, &why);
    return call_fail(c, err, j.win32, j.substatus);
}

/* Whose account the verb runs under: what was begun goes on as it began. */
static int choose_owner(struct call *c, struct judge_verb verb)
{
    if (verb.takes & TAKES_PATH) {
        int err = fixed_of_place(c->fixed, &c->place, &c->owner);
        return err ? call_fail(c, err, WIN_LOGON_FAILURE, SUB_FILE_DENIED) : 0;
    }
    for (const struct upload *u = c->grant->uploads; u; u = u->next)
        if (u->handle == c->ask->handle)
            c->owner = shared_identity_ref(u->owner);
    for (struct browse *b = c->grant->listings; b; b = *browse_link(b))
        if (browse_handle(b) == c->ask->handle)
            c->owner = shared_identity_ref(browse_owner(b));
    return 0;
}

static int run_as_granted(struct call *c, struct judge_verb verb)
{
    int err = choose_owner(c, verb);
    const struct identity *who = c->owner ? &c->owner->who : &c->grant->as->identity;
    if (!err)
        err = identity_take(who);
    if (err)
        return err;
    if (verb.takes & TAKES_PATH)
        err = place_enter(&c->place);
    if (!err)
        err = verbs[c->ask->verb](c);
    identity_restore(who);
    return err;
}

/* What counted at the login is still so. */
static bool is_as_before(const struct call *c)
{
    const struct grant *g = c->grant;
    return c->site && c->site->isolation_mode == g->as->isolation &&
           (!g->as->physical.len || ftp_root_is_configured(c->snapshot, text_slice(&g->as->physical)));
}

static int run(struct call *c)
{
    const struct judge_verb verb = judge_verb(c->ask->verb);
    if (!verbs[c->ask->verb])
        return ERR_STATE;
    c->site = snapshot_site_by_id(c->snapshot, c->grant->as->site);
    if (!is_as_before(c))
        return call_fail(c, ERR_DENIED, WIN_ACCESS_DENIED, SUB_CONFIGURATION_CHANGED);
    if ((verb.takes & TAKES_PATH) && !(verb.takes & TAKES_BOTH_ENDS))
        grant_forget_rename(c->grant);
    int err = verb.takes & TAKES_PATH ? judge(c, verb) : 0;
    return err ? err : run_as_granted(c, verb);
}

static void drop_descriptor(struct verb_result *r)
{
    if (r->fd >= 0 && !r->is_lent)
        close(r->fd);
    r->fd = -1;
}

void verbs_run(struct grants *grants, struct snapshot *snapshot, const struct broker_request *ask,
               struct verb_result *result)
{
    *result = VERB_RESULT_NONE;
    result->answer.request = ask->request;
    struct grant *grant = result->grant = grants_take(grants, ask->ticket);
    struct call c = { .grant = grant, .snapshot = snapshot, .ask = ask, .result = result, .place = PLACE_NONE,
                      .fixed = &grants->fixed };
    int err;
    if (grant) {
        c.who = standing_subject(grant->as);
        err = run(&c);
        if (ask->verb == BROKER_RENAME_TO)
            grant_forget_rename(grant);
        place_free(&c.place);
        shared_identity_unref(c.owner);
    } else {
        err = call_fail(&c, ERR_DENIED, WIN_ACCESS_DENIED, SUB_CONFIGURATION_CHANGED); /* withdrawn, or never given */
    }
    if (!err && (text_error(&result->data) || text_error(&result->name)))
        err = ERR_NOMEM;
    if (err)
        drop_descriptor(result);
    settle(result, err);
    result->answer.data = text_slice(&result->data);
    result->answer.name = text_slice(&result->name);
    result->answer.reason = text_slice(&result->reason);
}

void verbs_end(struct grants *grants, struct verb_result *r)
{
    text_free(&r->data);
    text_free(&r->name);
    text_free(&r->reason);
    drop_descriptor(r);
    if (r->grant)
        grants_put(grants, r->grant);
    *r = VERB_RESULT_NONE;
}

/*
 * rename.c - RNFR and RNTO.
 *
 * Between the two the grant keeps the object itself and the directory that held it, so that what is moved is what was
 * named.
 */
#include "broker/verbs_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "policy/address_rules.h"
#include "policy/vpath.h"

/* A directory that holds places closed to the mover's address stays where it is: moved, they would be open. */
static bool address_may_move(const struct call *c, struct slice from)
{
    return address_rules_allow_below(c->snapshot, c->site, from, &c->grant->as->client,
                                     slice_str(text_str(&c->grant->as->client_name)));
}

/* Moving a directory moves what its scopes protect out of their reach: every rule below the source must let the mover
 * write, and nobody may make something readable that was not (F05). */
static bool may_move(const struct call *c, struct slice from, struct slice to)
{
    unsigned source = authorization_permissions(c->snapshot, c->site, from, &c->who);
    unsigned target = authorization_permissions(c->snapshot, c->site, to, &c->who);
    if (!(source & PERMISSION_WRITE) || !(target & PERMISSION_WRITE))
        return false;
    if ((target & PERMISSION_READ) && !(source & PERMISSION_READ))
        return false;
    for (uint32_t i = 0; i < c->site->scopes.count; i++) {
        const struct snap_scope *scope = snapshot_scope(c->snapshot, c->site->scopes.first + i);
        struct slice path = scope ? snapshot_text(c->snapshot, scope->path) : SLICE_NONE;
        if (!scope || !vpath_is_below(path, from, NULL))
            continue;
        unsigned inside = authorization_permissions(c->snapshot, c->site, path, &c->who);
        if (!(inside & PERMISSION_WRITE) || ((target & PERMISSION_READ) && !(inside & PERMISSION_READ)))
            return false;
    }
    return true;
}

static bool is_directory(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A file's new name is filtered as one; a directory takes along what is filtered below it. */
static int filter_move(struct call *c, const struct rename_source *r)
{
    if (!is_directory(r->object))
        return call_filter(c, c->place.path, REQUEST_FILE);
    if (!request_filter_may_move(c->snapshot, c->site, text_slice(&r->path), c->place.path))
        return call_fail(c, ERR_DENIED, WIN_ACCESS_DENIED, SUB_FILTER_SEGMENT);
    return 0;
}

int verb_rename_from(struct call *c)
{
    struct rename_source *r = &c->grant->rename;
    if (call_holds_mapping(c))
        return call_fail(c, ERR_DENIED, WIN_ACCESS_DENIED, SUB_VIRTUAL_ROOT); /* F12 */
    OWNED_FD dir = -1;
    int err = place_open_parent(&c->place, &dir, r->name);
    if (err)
        return err;
    OWNED_FD object = openat(dir, r->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (object < 0)
        return place_error(errno);
    if (!is_directory(object)) {
        err = call_filter(c, c->place.path, REQUEST_FILE);
        if (err)
            return err;
        if (upload_appends_to(dir, r->name))
            return ERR_BUSY;
    }
    text_reset(&r->path);
    text_add(&r->path, c->place.path);
    if (text_error(&r->path))
        return text_error(&r->path);
    r->dir = fd_take(&dir);
    r->object = fd_take(&object);
    r->owner = shared_identity_ref(c->owner);
    return 0;
}

static bool is_same_owner(const struct shared_identity *a, const struct shared_identity *b)
{
    return a == b || (a && b && a->who.uid == b->who.uid && a->who.gid == b->who.gid);
}

static bool is_same(int dir, const char *name, int object)
{
    struct stat a, b;
    return fstatat(dir, name, &a, AT_SYMLINK_NOFOLLOW) == 0 && fstat(object, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* Where the file system knows no RENAME_NOREPLACE (NFS): a hard link refuses an existing name just as well; for a
 * directory, looking first leaves a moment in which at worst an empty directory is replaced. */
static int rename_to_free(const struct rename_source *r, int dir, const char *name)
{
    struct stat st;
    if (renameat2(r->dir, r->name, dir, name, RENAME_NOREPLACE) == 0)
        return 0;
    if ((errno != EINVAL && errno != ENOSYS) || fstat(r->object, &st) < 0)
        return errno;
    if (S_ISDIR(st.st_mode)) {
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            return EEXIST;
        return renameat(r->dir, r->name, dir, name) < 0 ? errno : 0;
    }
    if (linkat(r->dir, r->name, dir, name, 0) < 0)
        return errno;
    return unlinkat(r->dir, r->name, 0) < 0 ? errno : 0;
}

int verb_rename_to(struct call *c)
{
    struct rename_source *r = &c->grant->rename;
    char name[PLACE_NAME_MAX + 1];
    OWNED_FD dir = -1;
    if (r->object < 0)
        return ERR_STATE;
    if (!is_same_owner(r->owner, c->owner)) /* nobody has the rights of both accounts at once */
        return call_fail(c, ERR_DENIED, WIN_NOT_SAME_DEVICE, SUB_FILE_ERROR);
    if (!address_may_move(c, text_slice(&r->path)))
        return call_fail(c, ERR_DENIED, WIN_ACCESS_DENIED, SUB_IP_RESTRICTION);
    if (!may_move(c, text_slice(&r->path), c->place.path))
        return call_fail(c, ERR_DENIED, WIN_ACCESS_DENIED, authorization_substatus(c->site));
    if (call_holds_mapping(c))
        return call_fail(c, ERR_DENIED, WIN_ACCESS_DENIED, SUB_VIRTUAL_ROOT);
    int err = filter_move(c, r);
    if (!err)
        err = place_open_parent(&c->place, &dir, name);
    if (err)
        return err;
    if (!is_same(r->dir, r->name, r->object))
        return ERR_NOT_FOUND; /* P21 */
    if (upload_has_name(&c->place, dir, name))
        return ERR_BUSY;
    /* Another spelling of the same name, on a site that folds case: what was typed is what is wanted. */
    bool is_respelling = is_same(dir, name, r->object);
    if (is_respelling)
        snprintf(name, sizeof name, SLICE_FMT, SLICE_ARG(vpath_last(c->place.path)));
    bool may_replace = c->site->allow_replace_on_rename && !is_respelling;
    if (upload_appends_to(r->dir, r->name) || (may_replace && upload_appends_to(dir, name)))
        return ERR_BUSY;
    int errnum = may_replace
                     ? (renameat(r->dir, r->name, dir, name) < 0 ? errno : 0)
                     : rename_to_free(r, dir, name);
    if (errnum == EXDEV) /* never a copy: that would follow links and take for ever */
        return call_fail(c, ERR_DENIED, WIN_NOT_SAME_DEVICE, SUB_FILE_ERROR);
    return errnum ? place_error(errnum) : 0;
}

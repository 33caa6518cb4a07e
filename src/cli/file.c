/* file.c - reading and writing whole files. */
#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/read_whole.h"
#include "base/write_all.h"

int file_read(const char *path, size_t max, struct text *out)
{
    struct stat st;
    OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : err_from_errno(errno);
    if (fstat(fd, &st) != 0)
        return ERR_SYS;
    if (!S_ISREG(st.st_mode))
        return ERR_NOT_FILE;
    return read_whole(fd, max, out);
}

static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    OWNED_TEXT folder = slash && slash > path ? strndup(path, (size_t)(slash - path)) : strdup(slash ? "/" : ".");
    OWNED_FD fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    return fd >= 0 && fsync(fd) == 0 ? 0 : ERR_SYS;
}

/* link() fails where something stands, rename() replaces it. */
static int put_in_place(const char *temporary, const char *path, bool replace)
{
    if ((replace ? rename(temporary, path) : link(temporary, path)) != 0)
        return errno == EEXIST ? ERR_EXISTS : err_from_errno(errno);
    return 0;
}

/* Mode and owner of the file that is replaced, if its group or user is another one than ours. */
static int keep_owner(int fd, const struct stat *old)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_from_errno(errno);
    bool is_same = st.st_uid == old->st_uid && st.st_gid == old->st_gid;
    return is_same || fchown(fd, old->st_uid, old->st_gid) == 0 ? 0 : err_from_errno(errno);
}

/* A whole file beside its place, under a name of its own; the caller owns *temporary_out and the file. */
static int write_beside(const char *path, struct slice bytes, unsigned mode, const struct stat *old, char **temporary_out)
{
    OWNED_TEXT_BUFFER temporary = { 0 };
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    text_addf(&temporary, "%.*s.%s.XXXXXX", folder, path, path + folder); /* hidden: stores are read by everybody */
    if (text_error(&temporary) != 0)
        return text_error(&temporary);
    OWNED_FD fd = mkostemp(temporary.ptr, O_CLOEXEC);
    if (fd < 0)
        return err_from_errno(errno);
    int err = old ? keep_owner(fd, old) : 0;
    if (!err && fchmod(fd, old ? old->st_mode & 0777 : mode) != 0)
        err = err_from_errno(errno);
    if (!err && (!write_all(fd, bytes) || fsync(fd) != 0))
        err = err_from_errno(errno);
    if (err)
        unlink(temporary.ptr);
    else
        *temporary_out = text_release(&temporary);
    return err;
}

static int write_file(const char *path, struct slice bytes, unsigned mode, bool replace)
{
    OWNED_TEXT temporary = NULL;
    int err = write_beside(path, bytes, mode, NULL, &temporary);
    if (err)
        return err;
    err = put_in_place(temporary, path, replace);
    if (err || !replace)
        unlink(temporary);
    return err ? err : sync_folder_of(path);
}

int file_write(const char *path, struct slice bytes, unsigned mode)
{
    return write_file(path, bytes, mode, true);
}

int file_create(const char *path, struct slice bytes, unsigned mode)
{
    return write_file(path, bytes, mode, false);
}

/* ---- several at once ---- */

struct file_staged {
    char *path, *temporary; /* temporary NULL: it has its place */
    char *old;              /* second name of what stood there; NULL: nothing did, or the file system knows no second names */
    bool is_new, had_old;
};

static int stage(struct file_set *set, struct file_staged item, struct slice bytes, unsigned mode, const struct stat *old)
{
    void *grown = reallocarray(set->items, set->count + 1, sizeof *set->items);
    int err = grown && item.path ? 0 : ERR_NOMEM;
    if (grown)
        set->items = grown;
    if (!err)
        err = write_beside(item.path, bytes, mode, old, &item.temporary);
    if (err)
        free(item.path);
    else
        set->items[set->count++] = item;
    return err;
}

int file_stage(struct file_set *set, const char *path, struct slice bytes, unsigned mode)
{
    struct stat old;
    bool exists = stat(path, &old) == 0;
    if (!exists && errno != ENOENT)
        return err_from_errno(errno);
    if (exists && !S_ISREG(old.st_mode))
        return ERR_NOT_FILE;
    return stage(set, (struct file_staged){ .path = exists ? realpath(path, NULL) : strdup(path) }, bytes, mode, exists ? &old : NULL);
}

int file_stage_new(struct file_set *set, const char *path, struct slice bytes, unsigned mode)
{
    struct stat old;
    if (lstat(path, &old) == 0)
        return ERR_EXISTS;
    return stage(set, (struct file_staged){ .path = strdup(path), .is_new = true }, bytes, mode, NULL);
}

/* A second name needs no room on the disk, and the file that it puts back is the same one. */
static void keep_old(struct file_staged *item)
{
    OWNED_TEXT_BUFFER old = { 0 };
    text_addf(&old, "%s.old", item->temporary);
    errno = item->is_new ? ENOENT : ENOMEM;
    if (!item->is_new && text_error(&old) == 0 && link(item->path, text_str(&old)) == 0)
        item->old = text_release(&old);
    item->had_old = item->old || errno != ENOENT;
}

static bool put_back(const struct file_staged *item)
{
    if (!item->had_old)
        return unlink(item->path) == 0;
    return item->old && rename(item->old, item->path) == 0;
}

/* Later ones rest on earlier ones, so where one has to stay those before it do. */
static void put_all_back(struct file_set *set, size_t placed)
{
    while (placed && put_back(&set->items[placed - 1]))
        placed--;
    set->stays = placed ? set->items[placed - 1].path : NULL;
}

static void forget_old(struct file_staged *item)
{
    if (item->old)
        unlink(item->old);
    free(text_take(&item->old));
}

int file_set_place(struct file_set *set)
{
    int err = 0;
    size_t placed = 0;
    for (size_t i = 0; i < set->count; i++)
        keep_old(&set->items[i]);
    for (size_t i = 0; !err && i < set->count; i++) {
        struct file_staged *item = &set->items[i];
        err = put_in_place(item->temporary, item->path, !item->is_new);
        if (err || item->is_new)
            unlink(item->temporary);
        free(text_take(&item->temporary));
        placed += !err;
    }
    if (err)
        put_all_back(set, placed);
    for (size_t i = 0; i < set->count; i++)
        forget_old(&set->items[i]);
    for (size_t i = 0; i < placed; i++) { /* what takes time, behind all of them */
        int failed = sync_folder_of(set->items[i].path);
        err = err ? err : failed;
    }
    return err;
}

void file_set_free(struct file_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].temporary)
            unlink(set->items[i].temporary);
        free(set->items[i].temporary);
        free(set->items[i].path);
    }
    free(set->items);
    *set = (struct file_set){ 0 };
}

int file_lock_folder(const char *folder, int *fd_out)
{
    OWNED_FD fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        return err_from_errno(errno);
    *fd_out = fd_take(&fd);
    return 0;
}

int file_make_folder(const char *path, unsigned mode)
{
    struct stat st;
    if (mkdir(path, mode) == 0)
        return chmod(path, mode) == 0 ? 0 : ERR_SYS; /* whatever the umask says */
    if (errno != EEXIST)
        return err_from_errno(errno);
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : ERR_NOT_DIR;
}

int file_make_folders(const char *path, unsigned mode)
{
    OWNED_TEXT copy = strdup(path);
    if (!copy)
        return ERR_NOMEM;
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int err = file_make_folder(copy, 0755);
        *slash = '/';
        if (err)
            return err;
    }
    return file_make_folder(copy, mode);
}

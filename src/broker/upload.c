/*
 * upload.c - temporary names, locks and renames.
 *
 * The lock protocol is that of lock files: create exclusively, lock, then look whether the name still means the file
 * that was locked.  Whoever finds an existing file locks it first; having the lock means nobody writes, so it may be
 * unlinked.  Between creation and lock a stranger may do exactly that, which the last look notices: try again.
 *
 * flock() belongs to the open file, which the worker shares: a lock outlives the broker as long as the worker still
 * writes, and dies with the last of them.
 *
 * Readers only want to know, and must not be met by a writer while they ask: for them the writer also locks bytes far behind
 * the end of any file by open file description locks, which can be asked about without being taken (F_OFD_GETLK).
 */
#include "broker/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fold.h"
#include "base/own.h"
#include "base/write_all.h"
#include "sys/random_bytes.h"

enum { LOCK_TRIES = 16, UNIQUE_TRIES = 16, COPY_BUFFER = 128 * 1024 };

/* What the bytes mean that writers lock. */
static const off_t APPENDED = INT64_MAX - 16; /* the file itself grows, or its temporary file is being written */
static const off_t REPLACED = INT64_MAX - 15; /* somebody will rename a new file over this one */

static uint64_t hash_exact(struct slice s)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a; only has to keep names apart, not to resist anybody */
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.ptr[i]) * 0x100000001b3u;
    return hash;
}

/* Two names that the site takes for one share their temporary file. */
static void temp_name(const struct place *p, const char *name, char temp_out[UPLOAD_TEMP_SIZE])
{
    uint64_t hash = p->site->case_insensitive_names ? fold_hash_name(slice_str(name)) : hash_exact(slice_str(name));
    snprintf(temp_out, UPLOAD_TEMP_SIZE, UPLOAD_PREFIX "%016llx", (unsigned long long)hash);
}

static bool is_named(int dir, const char *name, dev_t device, ino_t inode)
{
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == device && st.st_ino == inode;
}

static bool is_same_file(int dir, const char *name, int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && is_named(dir, name, st.st_dev, st.st_ino);
}

/* Whether the temporary name still means what we write. */
static bool has_temp(const struct upload *u)
{
    return u->file >= 0 && u->temp[0] && is_named(u->dir, u->temp, u->device, u->inode);
}

/* Whether the name, or where a link of that name leads, still means the file that we append to. */
static bool has_appended(const struct upload *u)
{
    struct stat st;
    return fstatat(u->dir, u->name, &st, 0) == 0 && st.st_dev == u->device && st.st_ino == u->inode;
}

/* Whether somebody else has the lock; now we have it if not.  A file system without locks says no. */
static bool is_locked(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* Lock the bytes, for as long as the open file lives; false when somebody else has one of them. */
static bool mark(int fd, off_t first, off_t count)
{
    struct flock range = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = first, .l_len = count };
    return fcntl(fd, F_OFD_SETLK, &range) == 0 || (errno != EAGAIN && errno != EACCES);
}

static bool is_marked(int fd, off_t at)
{
    struct flock range = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
    return fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

static void unmark(int fd)
{
    struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
    (void)fcntl(fd, F_OFD_SETLK, &all);
}

void upload_sweep(int dir, const char *temp)
{
    static const int how = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    OWNED_FD fd = openat(dir, temp, O_RDWR | how); /* NFS locks against others only who may write */
    struct stat st;
    if (fd < 0 && (errno == EACCES || errno == EROFS))
        fd = openat(dir, temp, O_RDONLY | how);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return;
    if (is_same_file(dir, temp, fd))
        (void)unlinkat(dir, temp, 0);
}

static int temp_create(int dir, const char *temp, int *fd_out, struct stat *st_out)
{
    for (unsigned i = 0; i < LOCK_TRIES; i++) {
        OWNED_FD fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            return place_error(errno);
        if (fd < 0) {
            upload_sweep(dir, temp);
            struct stat st;
            if (fstatat(dir, temp, &st, AT_SYMLINK_NOFOLLOW) == 0)
                return ERR_BUSY; /* its writer lives, or it is not ours to remove */
            continue;
        }
        if (is_locked(fd) || !mark(fd, APPENDED, 1) || fstat(fd, st_out) < 0 ||
            !is_named(dir, temp, st_out->st_dev, st_out->st_ino))
            continue;
        *fd_out = fd_take(&fd);
        return 0;
    }
    return ERR_BUSY;
}

static int copy_by_hand(int from, int to, uint64_t left)
{
    OWNED_TEXT buffer = malloc(COPY_BUFFER);
    if (!buffer)
        return ERR_NOMEM;
    while (left) {
        ssize_t n = read(from, buffer, left < COPY_BUFFER ? (size_t)left : COPY_BUFFER);
        if (n == 0)
            return ERR_RANGE; /* it became shorter meanwhile */
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return place_error(errno);
        if (!write_all(to, slice_of(buffer, (size_t)n)))
            return place_error(errno);
        left -= (uint64_t)n;
    }
    return 0;
}

/* The first `len` bytes, shared instead of copied where the file system can. */
static int copy_prefix(int from, int to, uint64_t len)
{
    while (len) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, len < (1u << 30) ? (size_t)len : 1u << 30, 0);
        if (n == 0)
            return ERR_RANGE;
        if (n < 0 && (errno == EXDEV || errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP))
            return copy_by_hand(from, to, len);
        if (n < 0 && errno != EINTR)
            return place_error(errno);
        if (n > 0)
            len -= (uint64_t)n;
    }
    return 0;
}

/* Unmarked before it is closed: a copy of the descriptor may still be on its way to the worker or open there, and who
 * reads or replaces the file must not wait for it. */
static void upload_free(struct upload *u)
{
    if (u->file >= 0) {
        unmark(u->file);
        close(u->file);
    }
    if (u->target >= 0)
        close(u->target);
    if (u->dir >= 0)
        close(u->dir);
    shared_identity_unref(u->owner);
    free(u);
}

static void discard(struct upload *u)
{
    if (has_temp(u) && unlinkat(u->dir, u->temp, 0) < 0)
        (void)flock(u->file, LOCK_UN); /* whoever meets it may remove it, while the worker still has it open */
    upload_free(u);
}

static int upload_new(const struct place *p, struct upload **upload_out)
{
    struct upload *u = calloc(1, sizeof *u);
    if (!u)
        return ERR_NOMEM;
    u->file = u->dir = u->target = -1;
    u->keep_partial = p->site->keep_partial_uploads;
    u->durable = p->site->durable_uploads;
    u->limit = UINT64_MAX;
    *upload_out = u;
    return 0;
}

/* The file that will be replaced must be one that its replacer may write: a rename alone would not ask.  Nothing is
 * written to what is opened here, so it is not looked at again. */
static int open_target(struct upload *u, struct stat *st_out)
{
    if (fstatat(u->dir, u->name, st_out, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : place_error(errno);
    if (S_ISDIR(st_out->st_mode) || S_ISLNK(st_out->st_mode))
        return ERR_DENIED; /* replacing a link would silently cut it off from what it names */
    if (!S_ISREG(st_out->st_mode))
        return ERR_NOT_FILE;
    u->target = openat(u->dir, u->name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (u->target < 0)
        return place_error(errno);
    return mark(u->target, REPLACED, 1) ? 0 : ERR_BUSY; /* keeps appends away, not readers */
}

static int take_prefix(struct upload *u, uint64_t offset)
{
    OWNED_FD from = openat(u->dir, u->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (from < 0)
        return place_error(errno);
    if (!is_same_file(u->dir, u->name, u->target))
        return ERR_BUSY;
    u->kept = offset;
    return copy_prefix(from, u->file, offset);
}

/* The new content goes under the old file's group and bits.  Where the group cannot be given, its bits would open the
 * file to another group: they are left out. */
static void inherit_access(const struct upload *u, const struct stat *new, const struct stat *old)
{
    bool is_same_group = new->st_gid == old->st_gid || fchown(u->file, (uid_t)-1, old->st_gid) == 0;
    mode_t mode = old->st_mode & (is_same_group ? 0777 : 0707);
    if (mode != (new->st_mode & 07777))
        (void)fchmod(u->file, mode);
}

static int begin_in(struct upload *u, const struct place *p, uint64_t offset)
{
    struct stat old = { 0 }, new;
    int err = open_target(u, &old);
    bool is_new = err == ERR_NOT_FOUND;
    if (err && !is_new)
        return err;
    if (!is_new && u->is_new_only)
        return ERR_EXISTS;
    if (offset > (is_new ? 0 : (uint64_t)old.st_size))
        return ERR_RANGE;
    temp_name(p, u->name, u->temp);
    err = temp_create(u->dir, u->temp, &u->file, &new);
    if (err) {
        u->temp[0] = '\0';
        return err;
    }
    u->device = new.st_dev;
    u->inode = new.st_ino;
    if (!is_new)
        inherit_access(u, &new, &old);
    return offset ? take_prefix(u, offset) : 0;
}

int upload_begin(const struct place *p, uint64_t offset, struct upload **upload_out)
{
    struct upload *u;
    int err = upload_new(p, &u);
    if (err)
        return err;
    err = place_open_parent(p, &u->dir, u->name);
    if (!err)
        err = begin_in(u, p, offset);
    if (err) {
        discard(u);
        return err;
    }
    *upload_out = u;
    return 0;
}

static int pick_name(char name_out[PLACE_NAME_MAX + 1])
{
    uint64_t random;
    int err = random_bytes(&random, sizeof random);
    snprintf(name_out, PLACE_NAME_MAX + 1, "ftp-%016llx", (unsigned long long)random);
    return err;
}

static int begin_unique_once(const struct place *p, struct upload **upload_out)
{
    struct upload *u;
    int err = upload_new(p, &u);
    if (err)
        return err;
    u->is_new_only = true;
    err = place_open(p, O_PATH | O_DIRECTORY, &u->dir);
    if (!err)
        err = pick_name(u->name);
    if (!err)
        err = begin_in(u, p, 0);
    if (err) {
        discard(u);
        return err;
    }
    *upload_out = u;
    return 0;
}

int upload_begin_unique(const struct place *p, struct upload **upload_out)
{
    int err = ERR_EXISTS;
    for (unsigned i = 0; i < UNIQUE_TRIES && (err == ERR_EXISTS || err == ERR_BUSY); i++)
        err = begin_unique_once(p, upload_out);
    return err;
}

static int append_to(struct upload *u, const struct place *p, uint64_t *size_out)
{
    struct stat st;
    OWNED_FD written = -1;
    if (upload_peek(p, &written) == 0)
        return ERR_BUSY; /* a STOR would replace what we append to */
    OWNED_FD seen = open_beneath(p->root, text_str(&p->rest), O_PATH);
    if (seen >= 0 && fstat(seen, &st) < 0)
        return place_error(errno);
    if (seen >= 0 && !S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? ERR_DENIED : ERR_NOT_FILE;
    if (seen < 0 && errno != ENOENT)
        return place_error(errno);
    if (seen < 0) { /* as a new upload: a data channel that never comes leaves no empty file (threats.md D10) */
        u->is_new_only = true;
        *size_out = 0;
        return begin_in(u, p, 0);
    }
    u->file = open_beneath(p->root, text_str(&p->rest), O_WRONLY | O_APPEND | O_NONBLOCK);
    if (u->file < 0 || fstat(u->file, &st) < 0)
        return place_error(errno);
    if (!S_ISREG(st.st_mode))
        return ERR_NOT_FILE;
    if (!mark(u->file, APPENDED, REPLACED - APPENDED + 1))
        return ERR_BUSY;
    if (fstat(u->file, &st) < 0)
        return place_error(errno);
    *size_out = u->was = (uint64_t)st.st_size;
    u->device = st.st_dev;
    u->inode = st.st_ino;
    return 0;
}

int upload_append(const struct place *p, struct upload **upload_out, uint64_t *size_out)
{
    struct upload *u;
    int err = upload_new(p, &u);
    if (err)
        return err;
    err = place_open_parent(p, &u->dir, u->name);
    if (!err)
        err = append_to(u, p, size_out);
    if (err) {
        discard(u);
        return err;
    }
    *upload_out = u;
    return 0;
}

/* RENAME_NOREPLACE, or a link where the file system knows no such rename; both refuse an existing name atomically. */
static int take_free_name(const struct upload *u)
{
    if (renameat2(u->dir, u->temp, u->dir, u->name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return place_error(errno);
    if (linkat(u->dir, u->temp, u->dir, u->name, 0) < 0)
        return place_error(errno);
    return unlinkat(u->dir, u->temp, 0) < 0 ? place_error(errno) : 0;
}

static int sync_directory(const struct upload *u)
{
    OWNED_FD dir = openat(u->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return fsync(u->file) < 0 ? place_error(errno) : 0; /* may write but not read the directory */
    return fsync(dir) < 0 ? place_error(errno) : 0;
}

static int give_name(const struct upload *u)
{
    if (u->durable && fdatasync(u->file) < 0)
        return place_error(errno); /* final: a later success would prove nothing (H03) */
    if (!u->temp[0])
        return has_appended(u) ? 0 : ERR_CONFLICT; /* 226 says that the bytes are there under this name */
    if (!has_temp(u))
        return ERR_CONFLICT;
    int err = u->is_new_only ? take_free_name(u)
            : renameat(u->dir, u->temp, u->dir, u->name) < 0 ? place_error(errno) : 0;
    return !err && u->durable ? sync_directory(u) : err;
}

int upload_commit(struct upload *u)
{
    int err = give_name(u);
    if (err)
        discard(u);
    else
        upload_free(u);
    return err;
}

bool upload_is_too_large(const struct upload *u)
{
    struct stat st;
    return u->limit != UINT64_MAX && (fstat(u->file, &st) < 0 || (uint64_t)st.st_size > u->limit);
}

void upload_reject(struct upload *u)
{
    struct stat st;
    if (!u->temp[0] && fstat(u->file, &st) == 0 && (uint64_t)st.st_size > u->was)
        (void)!ftruncate(u->file, (off_t)u->was);
    discard(u);
}

void upload_abandon(struct upload *u)
{
    struct stat st;
    if (upload_is_too_large(u)) {
        upload_reject(u);
        return;
    }
    bool got_bytes = fstat(u->file, &st) == 0 && (uint64_t)st.st_size > u->kept;
    if (u->keep_partial && got_bytes)
        (void)give_name(u);
    discard(u); /* finds no temporary file of ours after a rename */
}

int upload_peek(const struct place *p, int *fd_out)
{
    char name[PLACE_NAME_MAX + 1], temp[UPLOAD_TEMP_SIZE];
    OWNED_FD dir = -1;
    if (place_open_parent(p, &dir, name))
        return ERR_NOT_FOUND;
    temp_name(p, name, temp);
    OWNED_FD fd = openat(dir, temp, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !is_marked(fd, APPENDED))
        return ERR_NOT_FOUND;
    *fd_out = fd_take(&fd);
    return 0;
}

/* What stands there and may not be read is taken for a living writer's, as a second STOR takes it. */
bool upload_has_name(const struct place *p, int dir, const char *name)
{
    char temp[UPLOAD_TEMP_SIZE];
    struct stat st;
    temp_name(p, name, temp);
    OWNED_FD fd = openat(dir, temp, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES && fstatat(dir, temp, &st, AT_SYMLINK_NOFOLLOW) == 0;
    return is_marked(fd, APPENDED);
}

bool upload_is_appending(int fd)
{
    return is_marked(fd, APPENDED);
}

/* Looks before: opening a device may already do something. */
bool upload_appends_to(int dir, const char *name)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return false;
    OWNED_FD fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd >= 0 && is_marked(fd, APPENDED);
}

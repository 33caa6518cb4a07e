/*
 * save.c - files on disk: reading a directory, and putting changed files back.
 *
 * A save writes a temporary file beside the old one, syncs it, renames it, syncs the directory: a crash or a full disk
 * leaves the old file or the new one, never half of one (threats.md X02).  Before anything is written every file is
 * read again and compared with what we had read; another writer's work is a conflict and stays (X03).  The comparison
 * and the renames happen under a lock on the directory, so two of our own writers cannot pass each other between them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/own.h"
#include "conf/conf_priv.h"

/* ---- reading ---- */

/* The whole of a file.  ERR_NOT_FOUND when there is none. */
static MUST_USE int read_file(const char *path, struct text *out, struct stat *st)
{
    OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : err_from_errno(errno);
    if (fstat(fd, st) != 0)
        return err_from_errno(errno);
    if (!S_ISREG(st->st_mode))
        return ERR_NOT_FILE;
    if (st->st_size > XML_BYTES_MAX)
        return ERR_TOO_BIG;
    out->max = (size_t)XML_BYTES_MAX + 2;
    for (;;) {
        char *room = text_room(out, (size_t)st->st_size + 1 > out->len ? (size_t)st->st_size + 1 - out->len : 1);
        if (!room)
            return text_error(out) == ERR_NOMEM ? ERR_NOMEM : ERR_TOO_BIG;
        ssize_t n = read(fd, room, out->cap - out->len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_from_errno(errno);
        if (n == 0)
            return 0;
        text_grown(out, (size_t)n);
    }
}

static void describe(struct diag *d, const char *path, const char *what, int err, int errnum)
{
    *d = (struct diag){ 0 };
    diag_place(d, slice_str(path), 0, 0);
    diag_set(d, "%s: %s", what, errnum ? strerror(errnum) : err_text(err));
}

static MUST_USE int read_all(struct conf *c, const char *application_host, struct slice bytes[CONF_FILE_COUNT], struct sink *s)
{
    for (size_t i = 0; i < CONF_FILE_COUNT; i++) {
        struct conf_disk *disk = &c->disk[i];
        struct stat st;
        bool elsewhere = i == CONF_APPLICATION_HOST && application_host;
        if (asprintf(&disk->path, "%s%s%s", elsewhere ? application_host : c->directory, elsewhere ? "" : "/",
                     elsewhere ? "" : conf_file_name((enum conf_file)i)) < 0) {
            disk->path = NULL;
            return ERR_NOMEM;
        }
        int err = read_file(disk->path, &disk->original, &st);
        disk->existed = !err;
        bytes[i] = err ? SLICE_NONE : text_slice(&disk->original);
        if (!err || err == ERR_NOT_FOUND)
            continue;
        struct diag d;
        describe(&d, disk->path, "Cannot read configuration file", err, errno);
        sink_error(s, err, &d);
    }
    return s->err;
}

int conf_open_directory(const char *directory, conf_report *report, void *context, struct conf **conf_out)
{
    return conf_open_with(directory, NULL, report, context, conf_out);
}

int conf_open_with(const char *directory, const char *application_host, conf_report *report, void *context,
                   struct conf **conf_out)
{
    struct slice bytes[CONF_FILE_COUNT] = { 0 };
    struct sink s = { .report = report, .context = context };
    struct conf *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->directory = strdup(directory);
    int err = c->directory ? read_all(c, application_host, bytes, &s) : ERR_NOMEM;
    if (!err)
        err = conf_fill(c, bytes, &s);
    if (err) {
        conf_free(c);
        return err;
    }
    *conf_out = c;
    return 0;
}

/* ---- writing ---- */

/* One file on its way. */
struct save {
    struct conf_disk *disk;
    struct slice bytes;
    char *target;    /* the file itself, links followed */
    char *temporary; /* NULL before it exists and after the rename */
};

/* Whether the file is still what was read. */
static MUST_USE int check_unchanged(const struct conf_disk *disk, struct stat *st, bool *exists_out)
{
    OWNED_TEXT_BUFFER now = { 0 };
    int err = read_file(disk->path, &now, st);
    if (err && err != ERR_NOT_FOUND)
        return err;
    *exists_out = !err;
    if (*exists_out != disk->existed)
        return ERR_CONFLICT;
    return !err && !slice_equal(text_slice(&now), text_slice(&disk->original)) ? ERR_CONFLICT : 0;
}

static MUST_USE int write_all(int fd, struct slice bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_from_errno(errno);
        bytes = slice_from(bytes, (size_t)n);
    }
    return 0;
}

/* Mode and owner of the old file, 0640 for a new one.  A file we cannot give back to its owner is not replaced. */
static MUST_USE int keep_owner(int fd, const struct stat *old)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_from_errno(errno);
    if (old && (st.st_uid != old->st_uid || st.st_gid != old->st_gid) && fchown(fd, old->st_uid, old->st_gid) != 0)
        return err_from_errno(errno);
    return fchmod(fd, old ? old->st_mode & 07777 : 0640) != 0 ? err_from_errno(errno) : 0;
}

static MUST_USE int write_temporary(struct save *s, const struct stat *old)
{
    if (asprintf(&s->temporary, "%s.XXXXXX", s->target) < 0) {
        s->temporary = NULL;
        return ERR_NOMEM;
    }
    OWNED_FD fd = mkostemp(s->temporary, O_CLOEXEC);
    if (fd < 0) {
        int err = err_from_errno(errno);
        free(text_take(&s->temporary));
        return err;
    }
    int err = write_all(fd, s->bytes);
    if (!err)
        err = keep_owner(fd, old);
    if (!err && fsync(fd) != 0)
        err = err_from_errno(errno);
    return err;
}

static MUST_USE int prepare(struct save *s)
{
    struct stat st;
    bool exists;
    int err = check_unchanged(s->disk, &st, &exists);
    if (err)
        return err;
    /* A linked configuration file stays a link. */
    s->target = exists ? realpath(s->disk->path, NULL) : strdup(s->disk->path);
    return s->target ? write_temporary(s, exists ? &st : NULL) : ERR_NOMEM;
}

static MUST_USE int sync_directory_of(const char *file)
{
    OWNED_TEXT path = strdup(file);
    char *slash = path ? strrchr(path, '/') : NULL;
    if (!path)
        return ERR_NOMEM;
    if (slash)
        slash[slash == path] = 0;
    OWNED_FD fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) != 0 ? err_from_errno(errno) : 0;
}

static MUST_USE int put_in_place(struct save *s)
{
    if (rename(s->temporary, s->target) != 0)
        return err_from_errno(errno);
    free(text_take(&s->temporary));
    int err = sync_directory_of(s->target);
    text_reset(&s->disk->original);
    text_add(&s->disk->original, s->bytes);
    s->disk->existed = true;
    s->disk->changed = false;
    return err ? err : text_error(&s->disk->original);
}

static MUST_USE int save_files(struct save *saves, size_t count, struct diag *d)
{
    int err = 0;
    for (size_t i = 0; i < count && !err; i++) {
        errno = 0;
        err = prepare(&saves[i]);
        if (err == ERR_CONFLICT) {
            describe(d, saves[i].disk->path, "Configuration file was not saved", err, 0);
            diag_todo(d, "Somebody else changed it; read it again and repeat the change");
        } else if (err) {
            describe(d, saves[i].disk->path, "Cannot write configuration file", err, errno);
        }
    }
    for (size_t i = 0; i < count && !err; i++) {
        err = put_in_place(&saves[i]);
        if (err)
            describe(d, saves[i].disk->path, "Cannot replace configuration file", err, errno);
    }
    for (size_t i = 0; i < count; i++) {
        if (saves[i].temporary)
            (void)unlink(saves[i].temporary);
        free(saves[i].temporary);
        free(saves[i].target);
    }
    return err;
}

int conf_save(struct conf *c, struct diag *d)
{
    if (!c->directory) {
        *d = (struct diag){ 0 };
        diag_set(d, "The configuration was not read from a directory");
        return ERR_STATE;
    }
    struct save saves[CONF_FILE_COUNT] = { 0 };
    size_t count = 0;
    for (size_t i = 0; i < CONF_FILE_COUNT; i++)
        if (c->disk[i].changed)
            saves[count++] = (struct save){ .disk = &c->disk[i], .bytes = conf_bytes(c, (enum conf_file)i) };
    if (!count)
        return 0;
    OWNED_FD lock = open(c->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX) != 0) {
        int err = err_from_errno(errno);
        describe(d, c->directory, "Cannot lock the configuration directory", err, errno);
        return err;
    }
    return save_files(saves, count, d);
}

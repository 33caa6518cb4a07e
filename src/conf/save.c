/*
 * save.c - files on disk: reading a directory, and putting changed files back.
 *
 * A save writes a temporary file beside the old one, syncs it, renames it, syncs the directory: a crash or a full disk
 * leaves the old file or the new one, never half of one (threats.md X02).  Several files are renamed one behind the other,
 * with nothing between that takes time: who is killed leaves all of them old or all new, but for some microseconds.  What
 * others rest on comes first, applicationHost.config last, so that no site misses its drive meanwhile.  When one cannot be
 * replaced those before it are put back.
 *
 * Before anything is written every file is read again and compared with what we had read; another writer's work is a
 * conflict and stays (X03).  The comparison and the renames happen under a lock on the folder of each file, so two of our own
 * writers cannot pass each other between them: a shared configuration is locked where it is, as by all who write it.  Folders
 * of NFS and SMB are locked on this machine only; against another machine's writer there is the comparison.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/read_whole.h"
#include "base/write_all.h"
#include "conf/edit_priv.h"
#include "conf/redirection.h"

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
    return read_whole(fd, XML_BYTES_MAX, out);
}

static void describe(struct diag *d, const char *path, const char *what, int err, int errnum)
{
    *d = (struct diag){ 0 };
    diag_place(d, slice_str(path), 0, 0);
    diag_set(d, "%s: %s", what, errnum ? strerror(errnum) : err_text(err));
    if (errnum == EACCES)
        diag_todo(d, DIAG_NO_RIGHT);
}

static void report_unreadable(struct sink *s, const char *path, int err, int errnum)
{
    struct diag d;
    describe(&d, path, "Cannot read configuration file", err, errnum);
    sink_error(s, err, &d);
}

/* Absent bytes where there is no file. */
static MUST_USE int read_beside(const char *folder, const char *name, struct sink *s, struct text *out, struct slice *bytes_out)
{
    struct stat st;
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return ERR_NOMEM;
    errno = 0;
    int err = read_file(path, out, &st);
    if (err && err != ERR_NOT_FOUND)
        report_unreadable(s, path, err, errno);
    free(path);
    *bytes_out = err ? SLICE_NONE : text_slice(out);
    return err == ERR_NOT_FOUND ? 0 : err;
}

/* Where applicationHost.config and administration.config are: the shared folder, or "". */
static MUST_USE int find_shared(const char *directory, struct sink *s, struct text *folder_out)
{
    OWNED_TEXT_BUFFER text = { 0 }, own = { 0 };
    struct slice bytes = SLICE_NONE, sallyport = SLICE_NONE;
    struct redirection r = { 0 };
    int err = read_beside(directory, REDIRECTION_FILE, s, &text, &bytes);
    if (err || !bytes.ptr)
        return err;
    err = read_beside(directory, conf_file_name(CONF_SALLYPORT), s, &own, &sallyport);
    if (!err)
        err = redirection_read(bytes, sallyport, slice_str(directory), s->report, s->context, &r);
    if (!err)
        text_add(folder_out, text_slice(&r.folder));
    redirection_free(&r);
    return err ? err : text_error(folder_out);
}

int conf_shared_folder(const char *directory, conf_report *report, void *context, struct text *folder_out)
{
    struct sink s = { .report = report, .context = context };
    return find_shared(directory, &s, folder_out);
}

/* `name` "": `folder` is the file. */
static MUST_USE int read_one(struct conf *c, enum conf_file which, const char *folder, const char *name, bool is_needed,
                             struct slice *bytes_out, struct sink *s)
{
    struct conf_disk *disk = &c->disk[which];
    struct stat st;
    if (asprintf(&disk->path, "%s%s%s", folder, *name ? "/" : "", name) < 0) {
        disk->path = NULL;
        return ERR_NOMEM;
    }
    errno = 0;
    int err = read_file(disk->path, &disk->original, &st);
    disk->existed = !err;
    *bytes_out = err ? SLICE_NONE : text_slice(&disk->original);
    if (err && (err != ERR_NOT_FOUND || is_needed))
        report_unreadable(s, disk->path, err, errno);
    return 0;
}

static MUST_USE int read_all(struct conf *c, const char *application_host, struct slice bytes[CONF_FILE_COUNT], struct sink *s)
{
    OWNED_TEXT_BUFFER shared = { 0 };
    int err = find_shared(c->directory, s, &shared);
    for (int i = 0; i < CONF_FILE_COUNT && !err; i++) {
        enum conf_file which = (enum conf_file)i;
        bool is_shared = shared.len && which != CONF_SALLYPORT, is_given = application_host && which == CONF_APPLICATION_HOST;
        const char *folder = is_given ? application_host : is_shared ? text_str(&shared) : c->directory;
        err = read_one(c, which, folder, is_given ? "" : conf_file_name(which),
                       is_shared && which == CONF_APPLICATION_HOST, &bytes[i], s);
    }
    return err ? err : s->err;
}

/* ---- what sections name by configSource ---- */

struct source_walk {
    struct conf *c;
    enum conf_file of;
    struct sink *s;
    int err;
};

/* One that is not there is told by the section that names it. */
static void read_source(void *context, const char *name)
{
    struct source_walk *w = context;
    OWNED_TEXT_BUFFER bytes = { 0 };
    OWNED_TEXT path = NULL;
    struct stat st;
    const char *of = w->c->disk[w->of].path, *slash = strrchr(of, '/');
    if (w->err || source_find(w->c, w->of, slice_str(name)))
        return;
    if (asprintf(&path, "%.*s%s", slash ? (int)(slash - of) + 1 : 0, of, name) < 0) {
        path = NULL;
        w->err = ERR_NOMEM;
        return;
    }
    errno = 0;
    int err = read_file(path, &bytes, &st);
    if (!err)
        w->err = source_add(w->c, w->of, name, path, text_slice(&bytes), w->s);
    else if (err != ERR_NOT_FOUND)
        report_unreadable(w->s, path, err, errno);
}

static MUST_USE int read_sources(struct conf *c, const struct slice bytes[CONF_FILE_COUNT], struct sink *s)
{
    struct source_walk w = { .c = c, .s = s };
    for (size_t i = 0; i < CONF_FILE_COUNT && !w.err; i++) {
        w.of = (enum conf_file)i;
        int err = conf_sources_wanted(bytes[i], read_source, &w);
        w.err = w.err ? w.err : err;
    }
    return w.err ? w.err : s->err;
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
    struct conf *c = conf_new();
    if (!c)
        return ERR_NOMEM;
    c->directory = strdup(directory);
    int err = c->directory ? read_all(c, application_host, bytes, &s) : ERR_NOMEM;
    if (!err)
        err = read_sources(c, bytes, &s);
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
    int err = write_all(fd, s->bytes) ? 0 : err_from_errno(errno);
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

static MUST_USE int open_folder_of(const char *file, int *fd_out)
{
    OWNED_TEXT path = strdup(file);
    char *slash = path ? strrchr(path, '/') : NULL;
    if (!path)
        return ERR_NOMEM;
    if (slash)
        slash[slash == path] = 0;
    int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_from_errno(errno);
    *fd_out = fd;
    return 0;
}

static MUST_USE int sync_directory_of(const char *file)
{
    OWNED_FD fd = -1;
    int err = open_folder_of(file, &fd);
    return err ? err : fsync(fd) != 0 ? err_from_errno(errno) : 0;
}

static MUST_USE int put_in_place(struct save *s)
{
    if (rename(s->temporary, s->target) != 0)
        return err_from_errno(errno);
    free(text_take(&s->temporary));
    return 0;
}

/* The new file is there, whatever became of others. */
static MUST_USE int finish(struct save *s)
{
    int err = sync_directory_of(s->target);
    text_reset(&s->disk->original);
    text_add(&s->disk->original, s->bytes);
    s->disk->existed = true;
    s->disk->changed = false;
    return err ? err : text_error(&s->disk->original);
}

static MUST_USE int prepare_all(struct save *saves, size_t count, struct diag *d)
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
    return err;
}

/* The old content again. */
static MUST_USE int put_back(const struct save *s)
{
    struct save back = { .bytes = text_slice(&s->disk->original), .target = s->target };
    struct stat st;
    if (!s->disk->existed)
        return unlink(s->target) != 0 ? err_from_errno(errno) : sync_directory_of(s->target);
    int err = stat(s->target, &st) != 0 ? err_from_errno(errno) : write_temporary(&back, &st);
    if (!err)
        err = put_in_place(&back);
    if (back.temporary)
        (void)unlink(back.temporary);
    free(back.temporary);
    return err ? err : sync_directory_of(s->target);
}

/* Files that belong together, half of them new, are nobody's configuration.  Returns how many stay new: later ones rest on
 * earlier ones, so these are the first. */
static size_t put_all_back(struct save *saves, size_t placed, struct diag *d)
{
    while (placed && put_back(&saves[placed - 1]) == 0)
        placed--;
    if (placed)
        diag_todo(d, "%s is written already and could not be put back: repeat the change when this is mended", saves[placed - 1].disk->path);
    return placed;
}

/* All or none; what cannot be put back after an error is finished all the same. */
static MUST_USE int place_all(struct save *saves, size_t count, struct diag *d)
{
    int err = 0;
    size_t placed = 0;
    while (!err && placed < count) {
        err = put_in_place(&saves[placed]);
        if (err)
            describe(d, saves[placed].disk->path, "Cannot replace configuration file", err, errno);
        placed += !err;
    }
    if (err)
        placed = put_all_back(saves, placed, d);
    for (size_t i = 0; i < placed; i++) {
        int failed = finish(&saves[i]);
        if (failed && !err)
            describe(d, saves[i].disk->path, "Cannot replace configuration file", failed, errno);
        err = err ? err : failed;
    }
    return err;
}

static MUST_USE int save_files(struct save *saves, size_t count, struct diag *d)
{
    int err = prepare_all(saves, count, d);
    if (!err)
        err = place_all(saves, count, d);
    for (size_t i = 0; i < count; i++) {
        if (saves[i].temporary)
            (void)unlink(saves[i].temporary);
        free(saves[i].temporary);
        free(saves[i].target);
    }
    return err;
}

struct folder {
    const char *of; /* the file in it that is written */
    int fd;
    struct stat st;
};

static int compare_folders(const void *a, const void *b)
{
    const struct stat *one = &((const struct folder *)a)->st, *other = &((const struct folder *)b)->st;
    if (one->st_dev != other->st_dev)
        return one->st_dev < other->st_dev ? -1 : 1;
    return (one->st_ino > other->st_ino) - (one->st_ino < other->st_ino);
}

/* Each folder once, and all in one order, or two writers would wait for each other.  Closing them unlocks. */
static MUST_USE int lock_folders(const struct save *saves, size_t count, struct folder *folders, struct diag *d)
{
    static const char cannot[] = "Cannot lock the folder of the configuration file";
    int err = 0;
    for (size_t i = 0; i < count && !err; i++) {
        errno = 0;
        folders[i].of = saves[i].disk->path;
        err = open_folder_of(folders[i].of, &folders[i].fd);
        if (!err && fstat(folders[i].fd, &folders[i].st) != 0)
            err = err_from_errno(errno);
        if (err)
            describe(d, folders[i].of, cannot, err, errno);
    }
    if (!err)
        qsort(folders, count, sizeof *folders, compare_folders);
    for (size_t i = 0; i < count && !err; i++)
        if ((i == 0 || compare_folders(&folders[i - 1], &folders[i]) != 0) && flock(folders[i].fd, LOCK_EX) != 0) {
            err = err_from_errno(errno);
            describe(d, folders[i].of, cannot, err, errno);
        }
    return err;
}

static MUST_USE int save_locked(struct save *saves, size_t count, struct diag *d)
{
    struct folder folders[CONF_FILE_COUNT];
    for (size_t i = 0; i < count; i++)
        folders[i].fd = -1;
    int err = lock_folders(saves, count, folders, d);
    if (!err)
        err = save_files(saves, count, d);
    for (size_t i = 0; i < count; i++)
        if (folders[i].fd >= 0)
            close(folders[i].fd);
    return err;
}

int conf_save(struct conf *c, struct diag *d)
{
    if (!c->directory) {
        *d = (struct diag){ 0 };
        diag_set(d, "The configuration was not read from a directory");
        return ERR_STATE;
    }
    if (conf_error(c)) {
        *d = (struct diag){ 0 };
        diag_set(d, "Nothing is saved: %s", err_text(conf_error(c)));
        return conf_error(c);
    }
    struct save saves[CONF_FILE_COUNT] = { 0 };
    size_t count = 0;
    edit_add_provider(c);
    for (size_t i = CONF_FILE_COUNT; i-- > 0;)
        if (c->disk[i].changed)
            saves[count++] = (struct save){ .disk = &c->disk[i], .bytes = conf_bytes(c, (enum conf_file)i) };
    return count ? save_locked(saves, count, d) : 0;
}

/* files.c - opening configuration and certificate files. */
#include "supervisor/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/own.h"
#include "base/secret.h"

const char *const config_file_names[] = { "applicationHost.config", "administration.config", "sallyport.config", "redirection.config", "web.config", NULL };
const char *const config_store_names[] = { CERTIFICATE_STORES, NULL };
const char *const config_secrets_name = "secrets";

enum { CERTIFICATE_MOST = 1 << 20, CERTIFICATES_MOST = 4000 /* the loader takes 4096 files */ };

static int add_file(struct config_files *files, const char *name, int *fd)
{
    if (files->count == files->room) {
        size_t room = files->room ? 2 * files->room : 16;
        struct config_file *items = realloc(files->items, room * sizeof *items);
        if (!items)
            return ERR_NOMEM;
        files->items = items;
        files->room = room;
    }
    struct config_file *f = &files->items[files->count++];
    snprintf(f->name, sizeof f->name, "%s", name);
    f->fd = fd_take(fd);
    return 0;
}

static bool holds_private_key(int fd, off_t size)
{
    char *bytes = malloc((size_t)size + 1);
    ssize_t got = bytes ? pread(fd, bytes, (size_t)size, 0) : -1;
    bool found = got < 0 || memmem(bytes, (size_t)got, "PRIVATE KEY-----", 16) != NULL;
    if (bytes)
        secret_wipe(bytes, (size_t)size + 1);
    free(bytes);
    return found;
}

enum file_kind { FILE_CONFIGURATION, FILE_CERTIFICATE, FILE_REFUSAL /* a certificate to be refused */, FILE_SECRET };

/* Without it more would be let in. */
static bool is_needed(enum file_kind kind)
{
    return kind == FILE_CONFIGURATION || kind == FILE_REFUSAL;
}

/* What is being opened for whom. */
struct opening {
    const char *directory;
    uid_t service; /* may own configuration, besides root */
    files_report *report;
    void *context;
    struct config_files files;
};

static const char no_file[] = "is no regular file";
static const char for_everybody[] = "may be written by everybody on this machine. Take the right away: chmod o-w FILE";

/* Who may write a configuration may let himself in, and its owner may whenever he likes. */
static const char *objection_to_writers(const struct stat *st, uid_t service)
{
    if (st->st_mode & S_IWOTH)
        return for_everybody;
    if (st->st_uid != 0 && st->st_uid != service)
        return "belongs neither to root nor to the user that the service runs as. Give it to one of them: chown USER FILE";
    return NULL;
}

/* Why a file is not taken, and what to do about it; NULL: it is. */
static const char *objection(enum file_kind kind, int fd, const struct stat *st, uid_t service)
{
    if (!S_ISREG(st->st_mode))
        return no_file;
    if (kind == FILE_CONFIGURATION)
        return objection_to_writers(st, service);
    if (kind == FILE_SECRET)
        return st->st_size > SECRET_FILE_LIMIT ? "is larger than 4 KiB"
               : st->st_mode & 077       ? "holds a secret and is accessible to others than its owner. Give it mode 0600" : NULL;
    if (st->st_size > CERTIFICATE_MOST)
        return "is larger than 1 MiB";
    if (st->st_mode & S_IWOTH)
        return for_everybody;
    if ((st->st_mode & 077) && holds_private_key(fd, st->st_size))
        return "holds a private key and is readable by others than its owner. Give it mode 0600";
    return NULL;
}

/* Warn about a file that everybody may read, or write where that is no reason to refuse it. */
static void tell_if_open(const struct stat *st, struct diag *d, files_report *report, void *context)
{
    if (!(st->st_mode & 07))
        return;
    diag_set(d, "may be read or written by everybody on this machine, and such files hold password hashes");
    diag_todo(d, "Take the rights away: chmod o= FILE");
    report(context, LOADER_WARNING, d);
}

static int open_one(struct opening *o, const char *name, enum file_kind kind)
{
    char path[PATH_MAX];
    struct diag d = { 0 };
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", o->directory, name);
    diag_place(&d, slice_str(path), 0, 0);
    OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0) {
        int why_not = errno;
        diag_set(&d, "cannot be read: %s", strerror(why_not));
        if (why_not == EACCES)
            diag_todo(&d, DIAG_NO_RIGHT);
        o->report(o->context, LOADER_ERROR, &d);
        o->files.lacking |= is_needed(kind);
        return 0;
    }
    const char *why = objection(kind, fd, &st, o->service);
    if (why) {
        o->files.lacking |= is_needed(kind);
        diag_set(&d, "%s", why);
        o->report(o->context, LOADER_ERROR, &d);
        return 0;
    }
    if (kind == FILE_CONFIGURATION)
        tell_if_open(&st, &d, o->report, o->context);
    return add_file(&o->files, name, &fd);
}

/* Who may write the directory may put a file into it, or another in the place of one. */
static void judge_directory(struct opening *o)
{
    struct diag d = { 0 };
    struct stat st;
    diag_place(&d, slice_str(o->directory), 0, 0);
    if (stat(o->directory, &st) < 0)
        return;
    const char *why = objection_to_writers(&st, o->service);
    if (why) {
        o->files.lacking = true;
        diag_set(&d, "%s", why);
        o->report(o->context, LOADER_ERROR, &d);
    } else if (st.st_uid != 0 && st.st_uid != geteuid()) {
        diag_set(&d, "belongs to user %u: only a service that runs as that user takes it", (unsigned)st.st_uid);
        o->report(o->context, LOADER_WARNING, &d);
    }
}

/* On a share modes and owners are what the server, or the mount, makes of them. */
static bool is_share(int fd)
{
    static const uint32_t kinds[] = { NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC, AFS_FS_MAGIC,
                                      CEPH_SUPER_MAGIC, V9FS_MAGIC, FUSE_SUPER_MAGIC };
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if ((uint32_t)fs.f_type == kinds[i])
            return true;
    return false;
}

/* Below the directory, whatever links there are. */
static int open_below(int directory, const char *name)
{
    struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
}

int files_open_wanted(const char *base, struct slice directory, struct slice name, uint32_t service, files_report *report,
                      void *context, int *fd_out, const char **why_out)
{
    char folder[PATH_MAX], file[PATH_MAX];
    struct stat st;
    struct diag d = { 0 };
    *why_out = "not a name of a configuration file";
    if (!slice_ends(name, SLICE_LITERAL(".config")) || (directory.len && directory.ptr[0] != '/') ||
        directory.len >= sizeof folder || name.len >= sizeof file || slice_has_control(name) || slice_has_control(directory))
        return ERR_PATH;
    snprintf(folder, sizeof folder, SLICE_FMT, SLICE_ARG(directory.len ? directory : slice_str(base)));
    snprintf(file, sizeof file, SLICE_FMT, SLICE_ARG(name));
    OWNED_FD at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    OWNED_FD fd = at < 0 ? -1 : open_below(at, file);
    *why_out = strerror(errno);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_from_errno(errno);
    if (!S_ISREG(st.st_mode)) {
        *why_out = no_file;
        return ERR_NOT_FILE;
    }
    *why_out = directory.len && is_share(fd) ? NULL : objection_to_writers(&st, service);
    if (*why_out)
        return ERR_DENIED;
    diag_place(&d, name, 0, 0);
    tell_if_open(&st, &d, report, context);
    *fd_out = fd_take(&fd);
    return 0;
}

static void refuse_folder(struct opening *o, const char *path, enum file_kind kind, const char *why)
{
    struct diag d = { 0 };
    diag_place(&d, slice_str(path), 0, 0);
    diag_set(&d, "%s", why);
    o->report(o->context, LOADER_ERROR, &d);
    o->files.lacking |= is_needed(kind);
}

/* Whoever may write the folder of a store may name an authority of his own. */
static bool is_open_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && (st.st_mode & S_IWOTH);
}

/* Every file of the folder; none when everybody may put one there. */
static int open_folder(struct opening *o, const char *folder, enum file_kind kind)
{
    char path[PATH_MAX], name[300];
    struct dirent **entries;
    snprintf(path, sizeof path, "%s/%s", o->directory, folder);
    if (is_open_folder(path)) {
        refuse_folder(o, path, kind, for_everybody);
        return 0;
    }
    int count = scandir(path, &entries, loader_takes_name, alphasort);
    int err = 0;
    if (count < 0 && errno != ENOENT)
        refuse_folder(o, path, kind, strerror(errno));
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s/%s", folder, entries[i]->d_name);
        if (!err && o->files.count < CERTIFICATES_MOST)
            err = open_one(o, name, kind);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    if (!err && o->files.count == CERTIFICATES_MOST)
        refuse_folder(o, path, kind, "the stores hold more files than the service reads (4,000). Take away what is not needed");
    return err;
}

static int open_store(struct opening *o, const char *store)
{
    char folder[64];
    snprintf(folder, sizeof folder, "certificates/%s", store);
    return open_folder(o, folder, strcmp(store, "Disallowed") == 0 ? FILE_REFUSAL : FILE_CERTIFICATE);
}

int files_open(const char *directory, uint32_t service, files_report *report, void *context, struct config_files *files_out)
{
    struct opening o = { .directory = directory, .service = service, .report = report, .context = context };
    int err = 0;
    judge_directory(&o);
    for (size_t i = 0; config_file_names[i] && !err; i++)
        err = open_one(&o, config_file_names[i], FILE_CONFIGURATION);
    for (size_t i = 0; config_store_names[i] && !err; i++)
        err = open_store(&o, config_store_names[i]);
    if (!err)
        err = open_folder(&o, config_secrets_name, FILE_SECRET);
    if (err)
        files_close(&o.files);
    else
        *files_out = o.files;
    return err;
}

void files_close(struct config_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        if (files->items[i].fd >= 0)
            close(files->items[i].fd);
    free(files->items);
    *files = (struct config_files){ 0 };
}

/*
 * place.c - mapping, judging and opening paths.
 *
 * Case-insensitive lookup (a site setting) corrects the text component by component before anything is opened: the
 * exact name first, else the only name that differs by case alone.  The corrected text then goes through the same
 * kernel resolution as any other, so a name that changes meanwhile leads to an error, not out of the tree.
 */
#include "broker/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/own.h"
#include "policy/vpath.h"

enum { RACE_TRIES = 64 }; /* openat2 answers EAGAIN when a rename ran beside a ".." or a link */

void place_free(struct place *p)
{
    if (p->root >= 0)
        close(p->root);
    p->root = -1;
    text_free(&p->rest);
}

int place_error(int errnum)
{
    return errnum == EXDEV || errnum == ELOOP ? ERR_DENIED : err_from_errno(errnum);
}

bool place_is_upload_name(struct slice name)
{
    return slice_starts_fold(name, SLICE_LITERAL(UPLOAD_PREFIX));
}

static int check_names(struct slice path, bool windows_names)
{
    int err = vpath_names_ok(path, windows_names);
    for (struct slice rest = slice_from(path, 1); rest.len && !err;)
        if (place_is_upload_name(slice_cut(&rest, '/')))
            err = ERR_NAME;
    return err;
}

int place_map(struct place *p, const struct snapshot *snapshot, const struct snap_site *site, struct slice path,
              const struct authorization_subject *who)
{
    struct directory_place found;
    if (!vpath_is_canonical(path))
        return ERR_NAME;
    int err = directory_map_find(snapshot, site, path, &found);
    if (err)
        return err;
    p->snapshot = snapshot;
    p->site = site;
    p->path = path;
    p->directory = found.directory;
    p->permissions = authorization_permissions(snapshot, site, path, who);
    text_reset(&p->rest);
    text_add(&p->rest, found.rest);
    if (text_error(&p->rest))
        return text_error(&p->rest);
    err = check_names(path, site->windows_names);
    return !err && found.directory->failure.len ? ERR_PATH : err;
}

bool place_is_mapping(const struct place *p)
{
    return p->rest.len == 0;
}

int open_beneath(int dir, const char *name, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY)),
        .mode = flags & O_CREAT ? 0666 : 0, /* umask takes its part */
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int fd;
    unsigned tries = 0;
    do
        fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
    while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++tries < RACE_TRIES)));
    return fd;
}

static int open_root(struct slice linux_path)
{
    struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
    return (int)syscall(SYS_openat2, AT_FDCWD, linux_path.ptr, &how, sizeof how);
}

/* The entry of directory `dir` that equals `name` but for case; `name` itself when there is none. */
static int find_folded(int root, const char *dir, struct slice name, struct text *spelled)
{
    int fd = open_beneath(root, dir, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return 0; /* opening the path will say what is wrong with it */
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return ERR_NOMEM;
    }
    int found = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (!slice_equal_fold(slice_str(e->d_name), name))
            continue;
        text_reset(spelled);
        text_add_str(spelled, e->d_name);
        found++;
    }
    closedir(d);
    return found > 1 ? ERR_CONFLICT : text_error(spelled);
}

static bool exists_exactly(int root, const char *path)
{
    OWNED_FD fd = open_beneath(root, path, O_PATH | O_NOFOLLOW);
    return fd >= 0;
}

static int correct_case(struct place *p)
{
    OWNED_TEXT_BUFFER right = { 0 };
    OWNED_TEXT_BUFFER trial = { 0 };
    OWNED_TEXT_BUFFER name = { 0 };
    for (struct slice rest = text_slice(&p->rest); rest.len;) {
        struct slice one = slice_cut(&rest, '/');
        text_reset(&name);
        text_add(&name, one);
        text_reset(&trial);
        text_addf(&trial, "%s%s%s", text_str(&right), right.len ? "/" : "", text_str(&name));
        if (!exists_exactly(p->root, text_str(&trial))) {
            int err = find_folded(p->root, right.len ? text_str(&right) : ".", one, &name);
            if (err)
                return err;
        }
        if (right.len)
            text_add_char(&right, '/');
        text_add(&right, text_slice(&name));
    }
    if (text_error(&right) || text_error(&trial))
        return ERR_NOMEM;
    text_free(&p->rest);
    p->rest = right;
    right = (struct text){ 0 };
    return 0;
}

int place_enter(struct place *p)
{
    p->root = open_root(snapshot_text(p->snapshot, p->directory->linux_path));
    if (p->root < 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_PATH : place_error(errno);
    return p->site->case_insensitive_names && p->rest.len ? correct_case(p) : 0;
}

static const char *below(const struct place *p)
{
    return p->rest.len ? text_str(&p->rest) : ".";
}

int place_open_parent(const struct place *p, int *fd_out, char name_out[PLACE_NAME_MAX + 1])
{
    struct slice rest = text_slice(&p->rest);
    size_t slash = slice_find_last(rest, '/');
    struct slice name = slash == SIZE_MAX ? rest : slice_from(rest, slash + 1);
    OWNED_TEXT_BUFFER dir = { 0 };
    text_add(&dir, slash == SIZE_MAX ? SLICE_LITERAL(".") : slice_first(rest, slash));
    if (text_error(&dir))
        return text_error(&dir);
    if (name.len == 0 || name.len > PLACE_NAME_MAX)
        return ERR_NAME;
    int fd = open_beneath(p->root, text_str(&dir), O_PATH | O_DIRECTORY);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_PATH : place_error(errno);
    memcpy(name_out, name.ptr, name.len);
    name_out[name.len] = '\0';
    *fd_out = fd;
    return 0;
}

int place_open(const struct place *p, int flags, int *fd_out)
{
    int fd = open_beneath(p->root, below(p), flags);
    if (fd >= 0) {
        *fd_out = fd;
        return 0;
    }
    int why = errno;
    if ((why == ENOENT || why == ENOTDIR) && p->rest.len) {
        char name[PLACE_NAME_MAX + 1];
        OWNED_FD parent = -1;
        int err = place_open_parent(p, &parent, name);
        if (err)
            return err;
    }
    return place_error(why);
}

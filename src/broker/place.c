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

#include "base/fold.h"
#include "base/own.h"
#include "policy/isolation.h"
#include "policy/vpath.h"

enum { RACE_TRIES = 64 }; /* openat2 answers EAGAIN when a rename ran beside a ".." or a link */

void place_free(struct place *p)
{
    if (p->root >= 0)
        close(p->root);
    p->root = -1;
    text_free(&p->rest);
    text_free(&p->base);
    text_free(&p->full);
}

int place_error(int errnum)
{
    return errnum == EXDEV || errnum == ELOOP ? ERR_DENIED : err_from_errno(errnum);
}

bool place_is_upload_name(struct slice name)
{
    return fold_starts(name, SLICE_LITERAL(UPLOAD_PREFIX), NULL);
}

static int check_names(struct slice path, bool windows_names)
{
    int err = vpath_names_ok(path, windows_names);
    for (struct slice rest = slice_from(path, 1); rest.len && !err;)
        if (place_is_upload_name(slice_cut(&rest, '/')))
            err = ERR_NAME;
    return err;
}

/* The home and what the client sees as one path of the site. */
static int join_home(struct place *p)
{
    text_reset(&p->full);
    text_add(&p->full, p->home);
    if (p->shown.len > 1)
        text_add(&p->full, p->shown);
    if (text_error(&p->full))
        return text_error(&p->full);
    return p->full.len > PATH_LIMIT ? ERR_TOO_LONG : 0;
}

int place_look(struct place *p, const struct snapshot *snapshot, const struct snap_site *site, struct slice shown,
               const struct place_view *view)
{
    if (!vpath_is_canonical(shown))
        return ERR_NAME;
    p->snapshot = snapshot;
    p->site = site;
    p->shown = p->path = shown;
    p->home = view->home;
    p->domain = view->domain;
    p->physical = view->physical;
    if (p->physical.len) {
        text_reset(&p->base);
        text_add(&p->base, view->below);
    }
    p->fold = site->case_insensitive_names;
    if (!p->home.len || p->physical.len)
        return text_error(&p->base);
    bool is_root_only = site->isolation_mode == ISOLATION_ROOT_ONLY;
    if (is_root_only && isolation_is_global(snapshot, site, shown, p->domain)) {
        p->home = SLICE_NONE;
        return 0;
    }
    int err = join_home(p);
    if (!err && !is_root_only)
        p->path = text_slice(&p->full);
    return err;
}

/* The mapping that holds the place and what is below it.  In mode IsolateRootDirectoryOnly the home is one physical
 * tree: mappings below it do not count. */
static int find_mapping(struct place *p)
{
    struct directory_place found, home;
    text_reset(&p->base);
    struct slice full = p->home.len ? text_slice(&p->full) : p->path;
    int err = directory_map_find(p->snapshot, p->site, full, &found);
    if (!err && p->home.len) {
        err = directory_map_find(p->snapshot, p->site, p->home, &home);
        if (!err && p->site->isolation_mode == ISOLATION_ROOT_ONLY)
            found = (struct directory_place){ home.directory, SLICE_NONE };
        if (!err && found.directory == home.directory) {
            text_add(&p->base, home.rest);
            found.rest = slice_from(p->shown, 1);
        }
    }
    if (err)
        return err;
    p->directory = found.directory;
    text_add(&p->rest, found.rest);
    return text_error(&p->rest) ? text_error(&p->rest) : text_error(&p->base);
}

int place_map(struct place *p, const struct authorization_subject *who)
{
    text_reset(&p->rest);
    int err = 0;
    if (p->physical.len)
        text_add(&p->rest, slice_from(p->shown, 1));
    else
        err = find_mapping(p);
    if (err || text_error(&p->rest))
        return err ? err : text_error(&p->rest);
    p->permissions = authorization_permissions(p->snapshot, p->site, p->path, who);
    err = check_names(p->shown, p->site->windows_names);
    return !err && p->directory && p->directory->failure.len ? ERR_PATH : err;
}

bool place_shows_mapping(const struct place *p, struct slice name)
{
    if (p->site->isolation_mode != ISOLATION_ROOT_ONLY)
        return true;
    OWNED_TEXT_BUFFER path = { 0 };
    return vpath_join(p->shown, name, &path) == 0 &&
           isolation_is_global(p->snapshot, p->site, text_slice(&path), p->domain);
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
        if (!fold_same_name(slice_str(e->d_name), name))
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

/* From the mapping's directory to the home in it: links in there that lead out of it lead nowhere. */
static int enter_home(struct place *p)
{
    int home = open_beneath(p->root, text_str(&p->base), O_PATH | O_DIRECTORY);
    if (home < 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_PATH : place_error(errno);
    close(p->root);
    p->root = home;
    return 0;
}

int place_enter(struct place *p)
{
    p->root = open_root(p->physical.len ? p->physical : snapshot_text(p->snapshot, p->directory->linux_path));
    if (p->root < 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_PATH : place_error(errno);
    int err = p->base.len ? enter_home(p) : 0;
    return !err && p->fold && p->rest.len ? correct_case(p) : err;
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
    if (slash != SIZE_MAX)
        text_add(&dir, slice_first(rest, slash));
    if (text_error(&dir))
        return text_error(&dir);
    if (name.len == 0 || name.len > PLACE_NAME_MAX)
        return ERR_NAME;
    /* Whoever may not search the mapping's own folder, which is open already, is told so by what is done next. */
    int fd = slash == SIZE_MAX ? fcntl(p->root, F_DUPFD_CLOEXEC, 0) : open_beneath(p->root, text_str(&dir), O_PATH | O_DIRECTORY);
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

/*
 * sweep.c - see sweep.h.
 *
 * What the broker's own account may not read or remove is tried as its owner, because uploads of system accounts lie in
 * directories of theirs.  Only names of ours, regular and unlocked, are ever removed, beneath descriptors that no link
 * leads out of.
 */
#include "broker/sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/own.h"
#include "proto/log.h"

enum { DEPTH_MAX = 128 };

struct sweep {
    uint32_t uid_floor;
    bool (*stop)(void *context);
    void *context;
    size_t removed;
};

/* The owner of what stands there; false: he is one that nobody may become, or is us already. */
static bool owner_of(const struct sweep *s, int dir, const char *name, struct identity *who_out)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_uid == geteuid())
        return false;
    *who_out = (struct identity){ .is_system = true, .uid = st.st_uid, .gid = st.st_gid };
    return identity_is_allowed(who_out, s->uid_floor);
}

static bool is_there(int dir, const char *name)
{
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void remove_one(struct sweep *s, int dir, const char *name)
{
    struct identity who;
    upload_sweep(dir, name);
    if (is_there(dir, name) && owner_of(s, dir, name, &who) && identity_take(&who) == 0) {
        upload_sweep(dir, name);
        identity_restore(&who);
    }
    s->removed += !is_there(dir, name);
}

static int open_directory(const struct sweep *s, int dir, const char *name)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC };
    struct identity who;
    int fd = openat(dir, name, FLAGS);
    if (fd < 0 && owner_of(s, dir, name, &who) && identity_take(&who) == 0) {
        fd = openat(dir, name, FLAGS);
        identity_restore(&who);
    }
    return fd;
}

/* Consumes `fd`. */
static void walk(struct sweep *s, int fd, unsigned depth)
{
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return;
    }
    for (struct dirent *e; !s->stop(s->context) && (e = readdir(d));) {
        if (place_is_upload_name(slice_str(e->d_name))) {
            remove_one(s, dirfd(d), e->d_name);
            continue;
        }
        bool is_self = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
        if (is_self || depth == DEPTH_MAX || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
            continue;
        int below = open_directory(s, dirfd(d), e->d_name);
        if (below >= 0)
            walk(s, below, depth + 1);
    }
    closedir(d);
}

size_t sweep_tree(const char *root, uint32_t uid_floor, bool (*stop)(void *context), void *context)
{
    struct sweep s = { .uid_floor = uid_floor, .stop = stop, .context = context };
    int fd = open_directory(&s, AT_FDCWD, root);
    if (fd >= 0)
        walk(&s, fd, 0);
    return s.removed;
}

/* ---- the thread ---- */

static bool is_over(void *context)
{
    struct broker *b = context;
    pthread_mutex_lock(&b->lock);
    bool is_ending = b->is_ending;
    pthread_mutex_unlock(&b->lock);
    return is_ending;
}

static bool is_nested(const struct snapshot *s, size_t row)
{
    struct slice path = snapshot_text(s, snapshot_directory(s, row)->linux_path);
    for (size_t i = 0; i < snapshot_count(s, SNAP_TABLE_directory); i++) {
        struct slice other = snapshot_text(s, snapshot_directory(s, i)->linux_path);
        bool is_below = slice_starts(path, other) && (path.len == other.len || path.ptr[other.len] == '/');
        if (other.len && is_below && (path.len > other.len || i < row))
            return true;
    }
    return false;
}

static void *sweep_all(void *context)
{
    struct broker *b = context;
    pthread_mutex_lock(&b->lock);
    struct snapshot *s = snapshot_ref(b->snapshot);
    pthread_mutex_unlock(&b->lock);
    size_t removed = 0;
    for (size_t i = 0; i < snapshot_count(s, SNAP_TABLE_directory) && !is_over(b); i++) {
        const struct snap_directory *d = snapshot_directory(s, i);
        if (!d->failure.len && d->linux_path.len && !is_nested(s, i))
            removed += sweep_tree(snapshot_text(s, d->linux_path).ptr, snapshot_server(s, 0)->uid_floor, is_over, b);
    }
    snapshot_unref(s);
    if (removed)
        broker_tell(b, LOG_LEVEL_NOTICE, "%zu unfinished uploads of a broker that was killed are removed", removed);
    return NULL;
}

void sweep_start(struct broker *b)
{
    pthread_t thread;
    pthread_attr_t attr;
    if (pthread_attr_init(&attr))
        return;
    if (!pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED))
        (void)!pthread_create(&thread, &attr, sweep_all, b); /* without it, listings and uploads sweep what they meet */
    pthread_attr_destroy(&attr);
}

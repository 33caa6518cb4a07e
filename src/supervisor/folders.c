/*
 * folders.c - folders of sites that are not there, or are none: at the start and in --check, as warnings.
 *
 * A site without its folder starts, as in IIS, and every login fails.  Only what this process sees of local disks is
 * said: a folder on a share may come later, and looking at a dead one would keep us waiting, so whatever lies by its name
 * on a file system of the network is left alone.  Not at reloads: the service is being used then.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/own.h"

enum { FOLDERS_TOLD = 20 };

/* Mount points of file systems of the network, a line each. */
static void read_network_mounts(struct text *out)
{
    static const char *const types[] = { "nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "afs", "autofs", "fuse" };
    FILE *f = setmntent("/proc/self/mounts", "re");
    char strings[8192];
    struct mntent mount;
    while (f && getmntent_r(f, &mount, strings, sizeof strings)) {
        mount.mnt_type[strcspn(mount.mnt_type, ".")] = 0; /* fuse.sshfs */
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
            if (strcmp(mount.mnt_type, types[i]) == 0)
                text_addf(out, "%s\n", mount.mnt_dir);
    }
    if (f)
        endmntent(f);
}

static bool is_below_any(const char *path, struct slice points)
{
    while (points.len) {
        struct slice point = slice_cut(&points, '\n');
        if (point.len && slice_starts(slice_str(path), point) && (path[point.len] == '/' || !path[point.len]))
            return true;
    }
    return false;
}

static bool is_share(struct slice physical)
{
    return slice_starts(physical, SLICE_LITERAL("\\\\")) || slice_starts(physical, SLICE_LITERAL("//"));
}

/* What is wrong with it, and what to do; NULL: nothing that is seen.  Links are left alone. */
static const char *fault_of(const struct snapshot *view, const struct snap_directory *d, struct slice network)
{
    struct stat st;
    const char *path = snapshot_text(view, d->linux_path).ptr;
    if (!d->linux_path.len || is_share(snapshot_text(view, d->physical_path)) || is_below_any(path, network))
        return NULL;
    if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
        return errno == ENOENT || errno == ENOTDIR ? "does not exist. Make it, or correct the path." : NULL;
    return S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode) ? NULL : "is no folder. Correct the path.";
}

static void tell(const struct snapshot *view, const struct snap_site *site, const struct snap_directory *d, const char *fault,
                 folders_tell *each, void *context)
{
    OWNED_TEXT_BUFFER line = { 0 };
    snapshot_source_print(view, d->source, &line);
    text_addf(&line, "%ssite \"" SLICE_FMT "\": the folder " SLICE_FMT " (physicalPath " SLICE_FMT ") %s", line.len ? ": " : "",
              SLICE_ARG(snapshot_text(view, site->name)), SLICE_ARG(snapshot_text(view, d->linux_path)),
              SLICE_ARG(snapshot_text(view, d->physical_path)), fault);
    each(context, text_slice(&line));
}

void folders_check(const struct snapshot *view, folders_tell *each, void *context)
{
    OWNED_TEXT_BUFFER network = { 0 }, more = { 0 };
    size_t missing = 0;
    read_network_mounts(&network);
    for (size_t row = 0; row < snapshot_count(view, SNAP_TABLE_site); row++) {
        const struct snap_site *site = snapshot_site(view, row);
        for (uint32_t i = 0; i < site->directories.count; i++) {
            const struct snap_directory *d = snapshot_directory(view, site->directories.first + i);
            const char *fault = fault_of(view, d, text_slice(&network));
            if (fault && missing++ < FOLDERS_TOLD)
                tell(view, site, d, fault, each, context);
        }
    }
    if (missing <= FOLDERS_TOLD)
        return;
    text_addf(&more, "%zu more folders of sites do not exist, or are none", missing - FOLDERS_TOLD);
    each(context, text_slice(&more));
}

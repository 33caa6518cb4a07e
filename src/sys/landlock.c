/*
 * landlock.c - sandbox_empty_root and sandbox_paths: which part of the file system is left.
 *
 * Landlock by system call, because the C library has no wrapper and its header may be older than the kernel: the
 * rights of every ABI are written out here and cut down to what the kernel says it knows.  A kernel without Landlock is
 * told to the administrator and is no error; chroot, identity and seccomp still hold.
 */
#include "sys/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <nss.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum { LL_VERSION = 1, LL_PATH_BENEATH = 1 };

enum landlock_right {
    LL_EXECUTE = 1 << 0,
    LL_WRITE_FILE = 1 << 1,
    LL_READ_FILE = 1 << 2,
    LL_READ_DIR = 1 << 3,
    LL_REMOVE_DIR = 1 << 4,
    LL_REMOVE_FILE = 1 << 5,
    LL_MAKE_CHAR = 1 << 6,
    LL_MAKE_DIR = 1 << 7,
    LL_MAKE_REG = 1 << 8,
    LL_MAKE_SOCK = 1 << 9,
    LL_MAKE_FIFO = 1 << 10,
    LL_MAKE_BLOCK = 1 << 11,
    LL_MAKE_SYM = 1 << 12,
    LL_REFER = 1 << 13,    /* ABI 2 */
    LL_TRUNCATE = 1 << 14, /* ABI 3 */
    LL_IOCTL_DEV = 1 << 15, /* ABI 5 */
};
static const uint64_t known_rights[] = { 0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff };

enum {
    READ_RIGHTS = LL_READ_FILE | LL_READ_DIR,
    WRITE_RIGHTS = READ_RIGHTS | LL_WRITE_FILE | LL_TRUNCATE | LL_MAKE_REG | LL_MAKE_DIR | LL_REMOVE_FILE | LL_REMOVE_DIR |
                   LL_REFER,
    FILE_RIGHTS = LL_READ_FILE | LL_WRITE_FILE | LL_TRUNCATE,
};

struct path_rule {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

static uint64_t rights_of_kernel(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LL_VERSION);
    long newest = (long)(sizeof known_rights / sizeof known_rights[0]) - 1;
    return abi <= 0 ? 0 : known_rights[abi > newest ? newest : abi];
}

static int allow_path(int ruleset, uint64_t known, const struct sandbox_path *p, struct diag *d)
{
    OWNED_FD fd = open(p->path, O_PATH | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0; /* what is not there needs no permission */
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        diag_set(d, "%s: %s", p->path, strerror(errno));
        return ERR_SYS;
    }
    uint64_t rights = (p->writable ? WRITE_RIGHTS : READ_RIGHTS) & known;
    const struct path_rule rule = { S_ISDIR(st.st_mode) ? rights : rights & FILE_RIGHTS, fd };
    if (syscall(SYS_landlock_add_rule, ruleset, LL_PATH_BENEATH, &rule, 0) < 0) {
        diag_set(d, "%s: Landlock: %s", p->path, strerror(errno));
        return ERR_SYS;
    }
    return 0;
}

int sandbox_paths(const struct sandbox_path *paths, size_t count, struct diag *d)
{
    uint64_t known = rights_of_kernel();
    if (!known) {
        diag_set(d, "this kernel has no Landlock: file access is limited by owner and mode only");
        return 0;
    }
    struct {
        uint64_t handled_fs;
    } attr = { known };
    OWNED_FD ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0) {
        diag_set(d, "Landlock: %s", strerror(errno));
        return ERR_SYS;
    }
    for (size_t i = 0; i < count; i++) {
        int err = allow_path(ruleset, known, &paths[i], d);
        if (err)
            return err;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) < 0) {
        diag_set(d, "Landlock: %s", strerror(errno));
        return ERR_SYS;
    }
    return 0;
}

/* Nothing in it, and nobody but root could put something in. */
static int check_empty(const char *path, struct diag *d)
{
    struct stat st;
    DIR *dir = opendir(path);
    if (!dir || fstat(dirfd(dir), &st) < 0) {
        diag_set(d, "%s: %s", path, strerror(errno));
        if (dir)
            closedir(dir);
        return ERR_SYS;
    }
    unsigned entries = 0;
    for (const struct dirent *e; (e = readdir(dir));)
        entries += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(dir);
    if (entries || st.st_uid != 0 || (st.st_mode & 022)) {
        diag_set(d, "%s must be empty and writable by nobody but root", path);
        return ERR_STATE;
    }
    return 0;
}

int sandbox_empty_root(const char *path, bool privileged, struct diag *d)
{
    if (!privileged)
        return sandbox_paths(NULL, 0, d);
    int err = check_empty(path, d);
    if (err)
        return err;
    if (chroot(path) < 0 || chdir("/") < 0) {
        diag_set(d, "chroot %s: %s", path, strerror(errno));
        return ERR_SYS;
    }
    struct diag ignored = { 0 }; /* the empty root holds without Landlock too */
    return sandbox_paths(NULL, 0, &ignored);
}

/* resolv.conf is often a link into a directory of whoever manages the network. */
static const char *resolver_directory(void)
{
    static char path[PATH_MAX];
    if (!realpath("/etc/resolv.conf", path))
        return NULL;
    char *last = strrchr(path, '/');
    *last = 0;
    return path[0] && strcmp(path, "/etc") != 0 ? path : NULL;
}

size_t sandbox_resolver(struct sandbox_path paths_out[SANDBOX_RESOLVER_PATHS])
{
    size_t count = 0;
#ifdef __GLIBC__
    __nss_configure_lookup("hosts", "files dns");
#endif
    paths_out[count++] = (struct sandbox_path){ "/etc", false };
    const char *elsewhere = resolver_directory();
    if (elsewhere)
        paths_out[count++] = (struct sandbox_path){ elsewhere, false };
    return count;
}

/*
 * house.c - what the service needs on the machine before anything runs: directories, the lock, users.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/own.h"
#include "proto/control.h"

/* ---- run directory and lock ---- */

static int make_directory(const char *path, mode_t mode, struct diag *d)
{
    struct stat st;
    if (mkdir(path, mode) < 0 && errno != EEXIST) {
        diag_set(d, "%s: cannot be created: %s", path, strerror(errno));
        return ERR_SYS;
    }
    if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022)) {
        diag_set(d, "%s must be a directory that belongs to us and that nobody else can write", path);
        return ERR_STATE;
    }
    if ((st.st_mode & 07777) != mode && chmod(path, mode) < 0) {
        diag_set(d, "%s: %s", path, strerror(errno));
        return ERR_SYS;
    }
    return 0;
}

int house_run_directory(struct supervisor *s, struct diag *d)
{
    OWNED_TEXT_BUFFER run = { 0 };
    control_run_directory(slice_str(s->directory), &run);
    if (text_error(&run) || run.len >= sizeof s->run - sizeof "/sallyportd.pid") {
        diag_set(d, "%s: the name is too long", s->directory);
        return ERR_TOO_LONG;
    }
    memcpy(s->run, text_str(&run), run.len + 1);
    int err = make_directory(s->run, 0755, d);
    char empty[PATH_MAX + 8];
    snprintf(empty, sizeof empty, "%s/empty", s->run);
    return err ? err : make_directory(empty, 0555, d);
}

void house_state_path(const struct supervisor *s, const char *name, char out[STATE_PATH])
{
    bool is_system = strcmp(s->directory, "/etc/sallyport") == 0;
    snprintf(out, STATE_PATH, "%s/%s", is_system ? "/var/lib/sallyport" : s->run, name);
}

/* The lock is the pid file's; its name may be unlinked by an ending instance between our open and our lock. */
static int lock_file(const char *path, struct diag *d)
{
    for (;;) {
        OWNED_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        struct stat ours, there;
        if (fd < 0 || fstat(fd, &ours) < 0) {
            diag_set(d, "%s: %s", path, strerror(errno));
            return ERR_SYS;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            char pid[24] = "";
            ssize_t got = read(fd, pid, sizeof pid - 1);
            pid[got > 0 ? strcspn(pid, "\n") : 0] = 0;
            diag_set(d, "sallyportd is running already for this configuration (pid %s)", pid);
            return ERR_BUSY;
        }
        if (stat(path, &there) == 0 && there.st_ino == ours.st_ino && there.st_dev == ours.st_dev)
            return fd_take(&fd);
    }
}

int house_lock(struct supervisor *s, struct diag *d)
{
    char path[PATH_MAX + 32], pid[24];
    snprintf(path, sizeof path, "%s/sallyportd.pid", s->run);
    int fd = lock_file(path, d);
    if (fd < 0)
        return fd;
    int len = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (fchmod(fd, 0644) < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)len, 0) != len) {
        diag_set(d, "%s: %s", path, strerror(errno));
        close(fd);
        return ERR_SYS;
    }
    s->pid_file = fd;
    return 0;
}

void house_unlock(struct supervisor *s)
{
    char path[PATH_MAX + 32];
    if (s->pid_file < 0)
        return;
    snprintf(path, sizeof path, "%s/sallyportd.pid", s->run);
    unlink(path);
    close(s->pid_file);
    s->pid_file = -1;
}

/* ---- users ---- */

enum { WHO_LOADER = PROGRAM_KINDS, WHO_COUNT };

static bool look_up(const char *name, struct account *account_out)
{
    const struct passwd *pw = getpwnam(name);
    if (!pw || pw->pw_uid == 0)
        return false;
    *account_out = (struct account){ pw->pw_uid, pw->pw_gid };
    return true;
}

/* nobody where the user is missing; the numbers of nobody where even that is. */
static struct account account_of(struct supervisor *s, const char *name, const char *what, bool quiet)
{
    struct account account = { 65534, 65534 };
    if (look_up(name, &account))
        return account;
    (void)look_up("nobody", &account);
    if (!quiet)
        say(s, LOG_LEVEL_WARNING, "there is no user %s: %s runs as nobody, not separated from other programs that do", name,
            what);
    return account;
}

void house_accounts(struct supervisor *s)
{
    const struct snap_server *server = s->current ? snapshot_server(s->current->view, 0) : NULL;
    const struct snapshot *view = s->current ? s->current->view : NULL;
    const struct {
        unsigned who;
        const char *what, *name;
        struct snap_text set;
    } users[] = {
        { PROGRAM_WORKER, "the protocol", "sallyport-worker", server ? server->worker_user : (struct snap_text){ 0 } },
        { PROGRAM_BROKER, "file access", "sallyport", server ? server->broker_user : (struct snap_text){ 0 } },
        { PROGRAM_AUTH, "authentication", "sallyport-auth", server ? server->auth_user : (struct snap_text){ 0 } },
        { PROGRAM_LOGGER, "the logger", "sallyport-log", server ? server->logger_user : (struct snap_text){ 0 } },
        { PROGRAM_MEMBERSHIP, "the membership database's driver", "sallyport-membership",
          server ? server->membership_user : (struct snap_text){ 0 } },
        { WHO_LOADER, "the configuration loader", "sallyport-loader",
          server ? server->loader_user : (struct snap_text){ 0 } },
    };
    if (!s->privileged)
        return;
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        const char *name = users[i].set.len ? snapshot_text(view, users[i].set).ptr : users[i].name;
        /* Before the first configuration only the loader is about to run, under a name that may yet change. */
        bool runs = server && (users[i].who != PROGRAM_MEMBERSHIP || server->needs_membership);
        struct account account = account_of(s, name, users[i].what, !runs || s->check_only);
        if (users[i].who == WHO_LOADER)
            s->loader = account;
        else
            s->accounts[users[i].who] = account;
    }
}

/* ---- log directories ---- */

/* Open component `name` of a path.  A symbolic link is followed only if root or we made it: parts of the path may belong
 * to people who upload files. */
static int open_component(int at, const char *name)
{
    struct stat st;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 || (errno != ELOOP && errno != ENOTDIR))
        return fd;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (S_ISLNK(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()))
        return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    errno = S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
    return -1;
}

int house_open_directory(const char *path, bool *made_out)
{
    char copy[PATH_MAX], *rest = copy;
    OWNED_FD at = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (strlen(path) >= sizeof copy || at < 0)
        return -1;
    strcpy(copy, path);
    *made_out = false;
    for (const char *name; (name = strsep(&rest, "/"));) {
        if (!*name || !strcmp(name, "."))
            continue;
        *made_out = mkdirat(at, name, 0755) == 0;
        int next = open_component(at, name);
        if (next < 0)
            return -1;
        if (*made_out)
            (void)fchmod(next, 0755); /* whatever our umask is */
        close(at);
        at = next;
    }
    return fd_take(&at);
}

/* The folder that the last log folder was made in: thousands of sites log below one. */
struct log_parent {
    struct slice path;
    int fd; /* -1: none */
};

static int open_leaf(int parent, const char *leaf, bool *made_out)
{
    *made_out = mkdirat(parent, leaf, 0755) == 0;
    int fd = open_component(parent, leaf);
    if (*made_out && fd >= 0)
        (void)fchmod(fd, 0755); /* whatever our umask is */
    return fd;
}

static int open_log_directory(struct log_parent *parent, struct slice path, const char *leaf, bool *made_out)
{
    char whole[PATH_MAX];
    bool made;
    if (parent->fd < 0 || !slice_equal(parent->path, path)) {
        if (parent->fd >= 0)
            close(parent->fd);
        int n = snprintf(whole, sizeof whole, SLICE_FMT, SLICE_ARG(path));
        parent->fd = n < 0 || (size_t)n >= sizeof whole ? -1 : house_open_directory(whole, &made);
        parent->path = path;
    }
    return parent->fd < 0 ? -1 : open_leaf(parent->fd, leaf, made_out);
}

static void make_log_directory(struct supervisor *s, struct log_parent *parent, struct slice path, const char *leaf)
{
    bool made = false;
    struct stat st;
    if (slice_is_empty(path))
        return;
    OWNED_FD fd = open_log_directory(parent, path, leaf, &made);
    if (fd < 0 || fstat(fd, &st) < 0) {
        say(s, LOG_LEVEL_ERROR, "log directory " SLICE_FMT "/%s: %s", SLICE_ARG(path), leaf, strerror(errno));
        return;
    }
    /* Ours to give away: a directory we made, or one of root's. */
    struct account logger = s->accounts[PROGRAM_LOGGER];
    bool gives = s->privileged && st.st_uid != logger.uid && (made || st.st_uid == 0);
    if ((made && fchmod(fd, 0750) < 0) || (gives && (fchown(fd, logger.uid, logger.gid) < 0 || fchmod(fd, 0750) < 0)))
        say(s, LOG_LEVEL_ERROR, "log directory " SLICE_FMT "/%s: %s", SLICE_ARG(path), leaf, strerror(errno));
    else if (s->privileged && !gives && st.st_uid != logger.uid)
        say(s, LOG_LEVEL_WARNING, "log directory " SLICE_FMT "/%s belongs to user %u, not to the logger", SLICE_ARG(path),
            leaf, (unsigned)st.st_uid);
}

void house_log_directories(struct supervisor *s)
{
    const struct snapshot *view = s->current->view;
    const struct snap_server *server = snapshot_server(view, 0);
    struct log_parent parent = { .fd = -1 };
    char leaf[32];
    if (server && server->central_log_mode)
        make_log_directory(s, &parent, snapshot_text(view, server->central_log_path), "FTPSVC");
    for (size_t row = 0; !(server && server->central_log_mode) && row < snapshot_count(view, SNAP_TABLE_site); row++) {
        const struct snap_site *site = snapshot_site(view, row);
        snprintf(leaf, sizeof leaf, "FTPSVC%u", site->id);
        if (site->log_enabled)
            make_log_directory(s, &parent, snapshot_text(view, site->log_path), leaf);
    }
    if (parent.fd >= 0)
        close(parent.fd);
}

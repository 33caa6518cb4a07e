/*
 * rehash.c - the authenticator saw an IIS Manager user log in whose stored hash is of an older form: store the newer.
 *
 * The loader edits the text (it alone parses XML); the file is replaced by temporary file, fsync, rename, keeping owner
 * and mode, and only if it is still the file the loader was handed (threats.md X02, X03).  One at a time; what arrives
 * meanwhile is dropped, the next login of that user asks again.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/write_all.h"
#include "sys/memfd.h"

#define ADMINISTRATION "administration.config"

enum { REHASH_LIMIT_MS = 30000, FILE_MOST = 64 << 20 };

struct rehash {
    struct supervisor *super;
    struct mailbox mail;
    struct loop_timer *timer;
    pid_t pid;
    struct stat read; /* the file as it was handed over */
    bool told_read_only;
    bool running;
};

static void end(struct rehash *r)
{
    mailbox_close(&r->mail);
    loop_timer_clear(r->timer);
    r->running = false;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* administration.config may be on a share. */
static const char *folder_of(const struct rehash *r)
{
    const struct supervisor *s = r->super;
    return s->current->shared[0] ? s->current->shared : s->directory;
}

static int copy_bytes(int from, int to)
{
    char buffer[65536];
    off_t at = 0;
    for (ssize_t got; (got = pread(from, buffer, sizeof buffer, at)) != 0; at += got) {
        if (got < 0 || at > FILE_MOST || !write_all(to, slice_of(buffer, (size_t)got)))
            return ERR_IO;
    }
    return at == 0 ? ERR_TRUNCATED : 0;
}

/* Replace the file by the descriptor's bytes. */
static int replace_file(struct rehash *r, int fd)
{
    char path[PATH_MAX + 64];
    struct stat now;
    OWNED_FD directory = open(folder_of(r), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return err_from_errno(errno);
    if (flock(directory, LOCK_EX | LOCK_NB) < 0) /* a command line is saving (src/conf/save.c): the next login asks again */
        return ERR_BUSY;
    snprintf(path, sizeof path, "%s/." ADMINISTRATION ".XXXXXX", folder_of(r));
    OWNED_FD out = mkostemp(path, O_CLOEXEC);
    if (out < 0)
        return err_from_errno(errno);
    int err = copy_bytes(fd, out);
    if (!err && (fchown(out, r->read.st_uid, r->read.st_gid) < 0 || fchmod(out, r->read.st_mode & 07777) < 0 ||
                 fsync(out) < 0))
        err = err_from_errno(errno);
    if (!err && (fstatat(directory, ADMINISTRATION, &now, 0) < 0 || !same_file(&now, &r->read)))
        err = ERR_CONFLICT;
    if (!err && renameat(AT_FDCWD, path, directory, ADMINISTRATION) < 0)
        err = err_from_errno(errno);
    if (err)
        unlink(path);
    else
        (void)fsync(directory);
    return err;
}

static void loader_message(void *context, struct slice bytes, int fd)
{
    struct rehash *r = context;
    OWNED_FD owned = fd;
    const struct wire_message *m;
    struct wire_in in;
    struct loader_edited edited;
    int err = wire_channel_accept(&loader_channel, ROLE_LOADER, bytes, owned >= 0, &m, &in);
    if (!err && m->number == MSG_loader_diag)
        return;
    if (err || m->number != MSG_loader_edited || loader_edited_decode(&in, &edited)) {
        say(r->super, LOG_LEVEL_ERROR, "the loader's answer about a password hash is none");
        end(r);
        return;
    }
    if (edited.changed && owned >= 0 && memfd_is_sealed(owned)) {
        err = replace_file(r, owned);
        say(r->super, err ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE, "%s/%s: %s%s", folder_of(r), ADMINISTRATION,
            err ? "a newer password hash was not stored: " : "a password hash was stored in its newer form",
            err ? err_text(err) : "");
    }
    end(r);
}

static void loader_closed(void *context, int err)
{
    (void)err;
    struct rehash *r = context;
    loop_timer_clear(r->timer);
    r->running = false;
}

static void loader_late(void *context)
{
    struct rehash *r = context;
    if (r->pid)
        kill(r->pid, SIGKILL);
    end(r);
}

static struct rehash *rehash_of(struct supervisor *s)
{
    if (s->rehash)
        return s->rehash;
    struct rehash *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->super = s;
    r->mail = (struct mailbox){ .fd = -1, .message = loader_message, .closed = loader_closed, .context = r };
    r->timer = loop_timer_new(s->loop, loader_late, r);
    if (!r->timer) {
        free(r);
        return NULL;
    }
    return s->rehash = r;
}

/* The file may be somebody's to write only: a read-only /etc, or a directory of another owner. */
static bool is_writable(struct rehash *r, const char *path)
{
    if (access(folder_of(r), W_OK) == 0 && access(path, W_OK) == 0)
        return true;
    if (!r->told_read_only)
        say(r->super, LOG_LEVEL_NOTICE, "%s is not writable: password hashes stay in their older form", path);
    r->told_read_only = true;
    return false;
}

void rehash_ask(struct supervisor *s, const struct child_rehash *m)
{
    struct rehash *r = rehash_of(s);
    char path[PATH_MAX + 64];
    if (!r || r->running || r->pid || s->stage != STAGE_RUNNING)
        return;
    snprintf(path, sizeof path, "%s/%s", folder_of(r), ADMINISTRATION);
    if (!is_writable(r, path))
        return;
    OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct diag d = { 0 };
    if (fd < 0 || fstat(fd, &r->read) < 0 || !S_ISREG(r->read.st_mode) ||
        compile_spawn_loader(s, &r->mail, &r->pid, &d))
        return;
    r->running = true;
    loop_timer_set(r->timer, REHASH_LIMIT_MS);
    MAILBOX_SEND(&r->mail, fd_take(&fd), loader_file, .name = SLICE_LITERAL(ADMINISTRATION));
    MAILBOX_SEND(&r->mail, -1, loader_rehash, .user = m->user, .old_hash = m->old_hash, .new_hash = m->new_hash);
}

bool rehash_reaped(struct supervisor *s, pid_t pid)
{
    if (!s->rehash || s->rehash->pid != pid)
        return false;
    s->rehash->pid = 0;
    mailbox_drain(&s->rehash->mail);
    return true;
}

void rehash_free(struct supervisor *s)
{
    if (!s->rehash)
        return;
    end(s->rehash);
    if (s->rehash->pid)
        kill(s->rehash->pid, SIGKILL);
    loop_timer_free(s->rehash->timer);
    free(s->rehash);
    s->rehash = NULL;
}

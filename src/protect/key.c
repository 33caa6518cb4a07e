/*
 * key.c - the key of an instance.
 *
 * It is made once, by the first tool that writes a password, and never replaced: what was stored with it can be read with
 * nothing else.  Two tools may make one at the same time, so it gets its name, whole, by link(), which the second fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/secret.h"
#include "base/write_all.h"
#include "protect/protect.h"

enum { KEY_LINE = 2 * sizeof(struct protect_key) + 1, KEY_FILE_MAX = 4096 };

#define KEY_NAME "configuration-key"
_Static_assert(sizeof "secrets/" KEY_NAME == sizeof PROTECT_KEY_FILE, "one name");

/* ---- reading ---- */

/* As the supervisor takes it (supervisor/files.c). */
static int read_line(int fd, struct slice *line_out, char *buffer, struct diag *d)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        diag_set(d, "is no regular file");
        return ERR_NOT_FILE;
    }
    if (st.st_mode & 077) {
        diag_set(d, "holds a secret and is accessible to others than its owner");
        diag_todo(d, "Give it mode 0600");
        return ERR_DENIED;
    }
    ssize_t got = read(fd, buffer, KEY_FILE_MAX);
    if (got < 0) {
        int err = err_from_errno(errno);
        diag_set(d, "cannot be read: %s", strerror(errno));
        return err;
    }
    *line_out = slice_of(buffer, (size_t)got);
    return 0;
}

static int open_key(int folder, struct protect_key *key_out, struct diag *d)
{
    char buffer[KEY_FILE_MAX];
    struct slice line;
    OWNED_FD fd = openat(folder, PROTECT_KEY_FILE, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        int err = errno == ENOENT ? ERR_NOT_FOUND : err_from_errno(errno);
        diag_set(d, "cannot be read: %s", strerror(errno));
        return err;
    }
    int err = read_line(fd, &line, buffer, d);
    if (!err && (err = protect_key_parse(line, key_out)) != 0)
        diag_set(d, "is no key: 64 hexadecimal digits on a line are wanted");
    secret_wipe(buffer, sizeof buffer);
    return err;
}

static int open_folder(const char *directory, int *fd_out, struct diag *d)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = fd < 0 ? err_from_errno(errno) : 0;
    if (err)
        diag_set(d, "cannot be read: %s", strerror(errno));
    else
        *fd_out = fd;
    return err;
}

static void place(struct diag *d, const char *directory)
{
    OWNED_TEXT_BUFFER path = { 0 };
    text_addf(&path, "%s/%s", directory, PROTECT_KEY_FILE);
    *d = (struct diag){ 0 };
    diag_place(d, text_slice(&path), 0, 0);
}

int protect_key_read(const char *directory, struct protect_key *key_out, struct diag *d)
{
    OWNED_FD folder = -1;
    place(d, directory);
    int err = open_folder(directory, &folder, d);
    return err ? err : open_key(folder, key_out, d);
}

/* ---- making ---- */

static int make_line(struct text *line)
{
    struct protect_key key;
    int err = getrandom(key.bytes, sizeof key.bytes, 0) == sizeof key.bytes ? 0 : ERR_SYS;
    if (!err && text_room(line, KEY_LINE)) {
        text_add_hex(line, slice_of((const char *)key.bytes, sizeof key.bytes));
        text_add_char(line, '\n');
    }
    secret_wipe(&key, sizeof key);
    return err ? err : text_error(line);
}

static int write_key(int fd, const struct stat *owner)
{
    OWNED_TEXT_BUFFER line = { 0 };
    int err = make_line(&line);
    /* a service that an ordinary user runs reads it as that user, though root may have made it */
    if (!err && (fchmod(fd, 0600) != 0 || (geteuid() == 0 && fchown(fd, owner->st_uid, (gid_t)-1) != 0) ||
                 !write_all(fd, text_slice(&line)) || fsync(fd) != 0))
        err = err_from_errno(errno);
    if (line.ptr)
        secret_wipe(line.ptr, line.cap);
    return err;
}

/* The file whole under a name that nobody reads, then under its own. */
static int put_key(int secrets, const struct stat *owner)
{
    char temporary[64];
    unsigned char unique[8];
    if (getrandom(unique, sizeof unique, 0) != sizeof unique)
        return ERR_SYS;
    OWNED_TEXT_BUFFER name = { 0 };
    text_add_hex(&name, slice_of((const char *)unique, sizeof unique));
    snprintf(temporary, sizeof temporary, ".%s.%s", KEY_NAME, text_str(&name));
    OWNED_FD fd = openat(secrets, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_from_errno(errno);
    int err = write_key(fd, owner);
    if (!err && linkat(secrets, temporary, secrets, KEY_NAME, 0) != 0 && errno != EEXIST)
        err = err_from_errno(errno);
    (void)unlinkat(secrets, temporary, 0);
    return !err && fsync(secrets) != 0 ? err_from_errno(errno) : err;
}

static int make_key(int folder)
{
    struct stat owner;
    if (fstat(folder, &owner) != 0)
        return err_from_errno(errno);
    bool is_new = mkdirat(folder, "secrets", 0700) == 0;
    if (!is_new && errno != EEXIST)
        return err_from_errno(errno);
    /* no link: what root makes in an ordinary user's instance becomes that user's, and must lie in the instance */
    OWNED_FD secrets = openat(folder, "secrets", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (secrets < 0 || (is_new && geteuid() == 0 && fchown(secrets, owner.st_uid, (gid_t)-1) != 0))
        return err_from_errno(errno);
    return put_key(secrets, &owner);
}

static int need_key(const char *directory, struct protect_key *key_out, struct diag *d)
{
    OWNED_FD folder = -1;
    place(d, directory);
    int err = open_folder(directory, &folder, d);
    if (!err)
        err = open_key(folder, key_out, d);
    if (err != ERR_NOT_FOUND || folder < 0)
        return err;
    err = make_key(folder);
    if (err)
        diag_set(d, "cannot be made: %s", err_text(err));
    return err ? err : open_key(folder, key_out, d);
}

/* ---- with an instance ---- */

static int seal(const char *directory, struct slice clear, struct text *stored_out, struct diag *d)
{
    struct protect_key key;
    int err = need_key(directory, &key, d);
    if (err) {
        char why[sizeof d->what];
        snprintf(why, sizeof why, "%s", d->what);
        diag_set(d, "A password is stored encrypted, with the key in %s, which %s", d->file, why);
        return err;
    }
    err = protect_seal(&key, clear, stored_out);
    secret_wipe(&key, sizeof key);
    if (err)
        diag_set(d, "A password cannot be encrypted: %s", err_text(err));
    else
        *d = (struct diag){ 0 };
    return err;
}

const struct conf_protector protect_values = {
    .seal = seal,
    .provider = PROTECT_PROVIDER,
    .description = "Uses AES-256-GCM with the key in " PROTECT_KEY_FILE,
};

int protect_reveal(const char *directory, struct slice stored, struct text *clear_out, struct diag *d)
{
    struct protect_key key;
    int err = protect_key_read(directory, &key, d);
    if (err)
        return err;
    err = protect_open(&key, stored, clear_out);
    secret_wipe(&key, sizeof key);
    if (err)
        diag_set(d, "does not open the value: %s", err_text(err));
    return err;
}

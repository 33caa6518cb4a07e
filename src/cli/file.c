/* file.c - reading and writing whole files. */
#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

int file_read(const char *path, size_t max, struct text *out)
{
    struct stat st;
    OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : err_from_errno(errno);
    if (fstat(fd, &st) != 0)
        return ERR_SYS;
    if (!S_ISREG(st.st_mode))
        return ERR_NOT_FILE;
    for (;;) {
        char *room = text_room(out, 16384);
        if (!room)
            return text_error(out);
        ssize_t got = read(fd, room, 16384);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_from_errno(errno);
        if (got == 0)
            return 0;
        text_grown(out, (size_t)got);
        if (out->len > max)
            return ERR_TOO_LONG;
    }
}

static int write_all(int fd, struct slice bytes)
{
    while (bytes.len) {
        ssize_t wrote = write(fd, bytes.ptr, bytes.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return err_from_errno(errno);
        bytes = slice_from(bytes, (size_t)wrote);
    }
    return fsync(fd) == 0 ? 0 : err_from_errno(errno);
}

static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    OWNED_TEXT folder = slash && slash > path ? strndup(path, (size_t)(slash - path)) : strdup(slash ? "/" : ".");
    OWNED_FD fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    return fd >= 0 && fsync(fd) == 0 ? 0 : ERR_SYS;
}

/* link() fails where something stands, rename() replaces it. */
static int put_in_place(const char *temporary, const char *path, bool replace)
{
    if ((replace ? rename(temporary, path) : link(temporary, path)) != 0)
        return errno == EEXIST ? ERR_EXISTS : err_from_errno(errno);
    return sync_folder_of(path);
}

static int write_file(const char *path, struct slice bytes, unsigned mode, bool replace)
{
    OWNED_TEXT_BUFFER temporary = { 0 };
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    text_addf(&temporary, "%.*s.%s.XXXXXX", folder, path, path + folder); /* hidden: stores are read by everybody */
    if (text_error(&temporary) != 0)
        return text_error(&temporary);
    OWNED_FD fd = mkostemp(temporary.ptr, O_CLOEXEC);
    if (fd < 0)
        return err_from_errno(errno);
    int err = fchmod(fd, mode) == 0 ? write_all(fd, bytes) : ERR_SYS;
    if (!err)
        err = put_in_place(temporary.ptr, path, replace);
    if (err || !replace)
        unlink(temporary.ptr);
    return err;
}

int file_write(const char *path, struct slice bytes, unsigned mode)
{
    return write_file(path, bytes, mode, true);
}

int file_create(const char *path, struct slice bytes, unsigned mode)
{
    return write_file(path, bytes, mode, false);
}

int file_make_folder(const char *path, unsigned mode)
{
    struct stat st;
    if (mkdir(path, mode) == 0)
        return chmod(path, mode) == 0 ? 0 : ERR_SYS; /* whatever the umask says */
    if (errno != EEXIST)
        return err_from_errno(errno);
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : ERR_NOT_DIR;
}

int file_make_folders(const char *path, unsigned mode)
{
    OWNED_TEXT copy = strdup(path);
    if (!copy)
        return ERR_NOMEM;
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int err = file_make_folder(copy, 0755);
        *slash = '/';
        if (err)
            return err;
    }
    return file_make_folder(copy, mode);
}

/*
 * revocation_file.c - the file in which the authenticator keeps lists and answers about revocation over restarts.
 *
 * It is opened here and handed over as a descriptor: the authenticator can write into this one file and make or open no
 * other.  What is in it is believed by nobody (pki/disk.h), so a file that is damaged costs the time to ask again.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/own.h"

int revocation_file_open(struct supervisor *s)
{
    char path[STATE_PATH];
    struct stat st;
    house_state_path(s, "revocation", path);
    OWNED_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
        return fd_take(&fd);
    say(s, LOG_LEVEL_WARNING, "%s: lists and answers about revocation cannot be kept: %s", path,
        fd < 0 ? strerror(errno) : "it is no file of its own");
    return -1;
}

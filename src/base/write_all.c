/* write_all.c - see write_all.h. */
#include "base/write_all.h"

#include <errno.h>
#include <unistd.h>

bool write_all(int fd, struct slice bytes)
{
    while (bytes.len) {
        ssize_t put = write(fd, bytes.ptr, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put == 0)
            errno = EIO;
        if (put <= 0)
            return false;
        bytes = slice_from(bytes, (size_t)put);
    }
    return true;
}

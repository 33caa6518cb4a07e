/* read.c - see read.h. */
#include "loader/read.h"

#include <errno.h>
#include <sys/stat.h>

int read_config(int fd, struct text *out)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_from_errno(errno);
    return S_ISREG(st.st_mode) ? read_whole(fd, CONFIG_FILE_MAX, out) : ERR_NOT_FILE;
}

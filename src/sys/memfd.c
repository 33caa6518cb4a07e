/* memfd.c - sealed memory files. */
#include "sys/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "base/write_all.h"

enum { SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

int memfd_sealed(const char *name, struct slice bytes, int *fd_out)
{
    OWNED_FD fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return ERR_SYS;
    if (!write_all(fd, bytes))
        return errno == ENOSPC ? ERR_NO_SPACE : ERR_SYS;
    if (lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
        return ERR_SYS;
    *fd_out = fd_take(&fd);
    return 0;
}

bool memfd_is_sealed(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_WRITE) && (seals & F_SEAL_SHRINK);
}

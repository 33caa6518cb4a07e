/* region.c - see region.h. */
#include "sys/region.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

int region_create(const char *name, size_t size, int *fd_out)
{
    OWNED_FD fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return ERR_SYS;
    *fd_out = fd_take(&fd);
    return 0;
}

int region_map(int fd, size_t size, void **at_out)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) < 0 || (size_t)st.st_size != size)
        return ERR_SYNTAX;
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return ERR_SYS;
    *at_out = at;
    return 0;
}

void region_unmap(void *at, size_t size)
{
    if (at)
        munmap(at, size);
}

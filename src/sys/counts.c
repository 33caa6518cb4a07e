/*
 * counts.c - the shared session counters.
 *
 * Cells are u32 and only their worker changes them, so relaxed atomics are enough: a sum that is one session behind
 * only moves the moment at which a limit bites.  A worker that miscounts cannot wrap a cell below zero.
 */
#include "sys/counts.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

struct counts {
    _Atomic uint32_t cell[WORKERS_MAX][COUNTS_SITES];
};
_Static_assert(sizeof(struct counts) % 4096 == 0, "rows are whole pages");

int counts_create(int *fd_out)
{
    OWNED_FD fd = memfd_create("sallyport-counts", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return ERR_SYS;
    if (ftruncate(fd, sizeof(struct counts)) < 0)
        return ERR_SYS;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return ERR_SYS;
    *fd_out = fd_take(&fd);
    return 0;
}

int counts_map(int fd, struct counts **counts_out)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) < 0 || st.st_size != sizeof(struct counts))
        return ERR_SYNTAX;
    void *at = mmap(NULL, sizeof(struct counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return ERR_SYS;
    *counts_out = at;
    return 0;
}

void counts_unmap(struct counts *c)
{
    if (c)
        munmap(c, sizeof *c);
}

void counts_add(struct counts *c, unsigned worker, uint32_t site, int change)
{
    if (worker >= WORKERS_MAX)
        return;
    _Atomic uint32_t *cell = &c->cell[worker][site % COUNTS_SITES];
    int64_t now = (int64_t)atomic_load_explicit(cell, memory_order_relaxed) + change;
    if (now < 0)
        now = 0;
    if (now > UINT32_MAX)
        now = UINT32_MAX;
    atomic_store_explicit(cell, (uint32_t)now, memory_order_relaxed);
}

uint64_t counts_sum(const struct counts *c, uint32_t site)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        sum += atomic_load_explicit(&c->cell[i][site % COUNTS_SITES], memory_order_relaxed);
    return sum;
}

void counts_clear_worker(struct counts *c, unsigned worker)
{
    if (worker >= WORKERS_MAX)
        return;
    for (unsigned i = 0; i < COUNTS_SITES; i++)
        if (atomic_load_explicit(&c->cell[worker][i], memory_order_relaxed)) /* leave untouched pages unmade */
            atomic_store_explicit(&c->cell[worker][i], 0, memory_order_relaxed);
}

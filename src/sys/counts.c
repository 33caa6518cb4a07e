/*
 * counts.c - the shared session counters.
 *
 * Cells are u32 and only their worker changes them, so relaxed atomics are enough: a sum that is one session behind
 * only moves the moment at which a limit bites.  A worker that miscounts cannot wrap a cell below zero.
 */
#include "sys/counts.h"

#include <stdatomic.h>

#include "sys/region.h"

struct counts {
    _Atomic uint32_t cell[WORKERS_MAX][COUNTS_SITES];
};
_Static_assert(sizeof(struct counts) % 4096 == 0, "rows are whole pages");

int counts_create(int *fd_out)
{
    return region_create("sallyport-counts", sizeof(struct counts), fd_out);
}

int counts_map(int fd, struct counts **counts_out)
{
    void *at;
    int err = region_map(fd, sizeof(struct counts), &at);
    if (!err)
        *counts_out = at;
    return err;
}

void counts_unmap(struct counts *c)
{
    region_unmap(c, sizeof *c);
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

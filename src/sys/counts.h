/*
 * counts.h - session counters that all workers share: one page-aligned memfd, a row per worker, a column per site row
 * of the snapshot.  A worker writes its own row only; the supervisor zeroes the row of a worker that died.
 */
#pragma once

#include "base/slice.h"
#include "proto/limits.h"

struct counts; /* a mapping */

MUST_USE int counts_create(int *fd_out);                     /* room for WORKERS_MAX x COUNTS_SITES */
MUST_USE int counts_map(int fd, struct counts **counts_out);
void counts_unmap(struct counts *c);

enum { COUNTS_SITES = 16384 };
/* Key is the site's id modulo COUNTS_SITES: two sites that share a cell share a limit only by accident of 16384 ids. */
void counts_add(struct counts *c, unsigned worker, uint32_t site, int change);
uint64_t counts_sum(const struct counts *c, uint32_t site);
void counts_clear_worker(struct counts *c, unsigned worker);

/*
 * log_set.h - the logs of all sites, or the central one: which file a record belongs to.
 *
 * Built from the snapshot and rebuilt with the next one without losing held lines.  A site that is gone keeps its file
 * until the snapshot after, for the lines that are still on their way.
 */
#pragma once

#include "logger/log_file.h"
#include "snapshot/snapshot.h"

struct log_set;

/* NULL: out of memory.  `desk` and the text of `computer` must outlive the set. */
struct log_set *log_set_new(struct log_desk *desk, struct slice computer);
/* Flushes and frees. */
void log_set_free(struct log_set *set);

/* ERR_NOMEM leaves the set as it was. */
MUST_USE int log_set_apply(struct log_set *set, const struct snapshot *s);

/* Whether lines of that site have a file, be it the central one. */
bool log_set_has(const struct log_set *set, uint32_t site);
void log_set_append(struct log_set *set, const struct log_access *record, int64_t now);
/* A line for the reasons of that site; dropped when it has no log. */
void log_set_append_reason(struct log_set *set, uint32_t site, struct slice line);
/* Write out what is held for `site`, 0 for all.  The first error; goes on after it. */
int log_set_flush(struct log_set *set, uint32_t site);
bool log_set_is_dirty(const struct log_set *set);

/* Call `each` for every folder that logs lie below, duplicates included: what the program needs to reach. */
void log_set_each_directory(const struct snapshot *s, void (*each)(void *context, struct slice directory), void *context);

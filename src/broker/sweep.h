/*
 * sweep.h - what brokers that were killed have left behind: temporary uploads without a lock (threats.md H04).
 *
 * They are found by walking the trees that the sites serve, in a thread of its own behind the start: there is no journal
 * that could be wrong, and nobody waits for it.
 */
#pragma once

#include "broker/broker.h"

/* Begin the walk over every mapped directory; it ends with the broker. */
void sweep_start(struct broker *b);

/* Walk over one tree; links are not followed.  Returns how many files were removed.  `stop` is asked between entries. */
size_t sweep_tree(const char *root, uint32_t uid_floor, bool (*stop)(void *context), void *context);

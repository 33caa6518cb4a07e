/*
 * patience.h - doing something that may hang, and waiting only so long.
 *
 * A dead disk holds whoever looks at it in the kernel.  One helper thread looks instead; while it hangs, whoever wants
 * another look waits as long as he is ready to and goes without.  It goes on when the disk comes back.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Run `work` on a copy of the `size` bytes at `job`, which are copied back when it returns by `until` (clock_ms); its
 * result, or ERR_TIMEOUT.  What the job points to must outlive the work however long that takes: put things into it by
 * value. */
MUST_USE int patience_run(int64_t until, int (*work)(void *job), void *job, size_t size);

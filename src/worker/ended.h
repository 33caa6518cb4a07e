/*
 * ended.h - logins that are over, told to the authenticator in small crowds.
 *
 * What a login left open at the broker has been given up by then; only the grant itself lives a moment longer.
 */
#pragma once

#include "worker/worker.h"

/* Memory for all tickets that may wait: none must be lost for want of it, for its grant would never end (threats.md H10). */
MUST_USE int ended_prepare(struct worker *w);
/* The session gives up its ticket. */
void ended_add(struct worker *w, uint64_t ticket);
/* Tell now; `worker` is a struct worker (timers call this). */
void ended_tell(void *worker);

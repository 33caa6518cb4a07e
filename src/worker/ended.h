/*
 * ended.h - logins that are over, told to the authenticator in small crowds.
 *
 * What a login left open at the broker has been given up by then; only the grant itself lives a moment longer.
 */
#pragma once

#include "worker/worker.h"

/* The session gives up its ticket. */
void ended_add(struct worker *w, uint64_t ticket);
/* Tell now; `worker` is a struct worker (timers call this). */
void ended_tell(void *worker);

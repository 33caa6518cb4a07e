/* supervised.h - what the supervisor tells a running worker: a table from message to handler. */
#pragma once

#include "worker/link.h"

void supervised_arrived(struct worker *w, const struct wire_message *message, struct wire_in *fields, int *fd);
void supervised_gone(struct worker *w);
/* The log is sent: whoever asked for that is answered. */
void supervised_flushed(struct worker *w);
/* Connect to a peer that was given at the start or again after a restart; `index`: which of its role.  Takes over `fd`.
 * ERR_DENIED: we have nothing to do with that one. */
MUST_USE int supervised_connect(struct worker *w, unsigned role, unsigned index, int fd);

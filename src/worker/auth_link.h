/* auth_link.h - what the authenticator says, passed on to those whom it concerns. */
#pragma once

#include "worker/link.h"

void auth_arrived(struct worker *w, const struct wire_message *message, struct wire_in *fields, int *fd);
void auth_gone(struct worker *w);

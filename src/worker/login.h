/* login.h - what the authenticator says (the handlers of USER, PASS and their kin are in login.c too). */
#pragma once

#include "worker/link.h"

void login_auth_arrived(struct worker *w, const struct wire_message *message, struct wire_in *fields, int *fd);
void login_auth_gone(struct worker *w);

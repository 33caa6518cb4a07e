/* login.h - the authenticator's verdict about a login (the handlers of USER, PASS and their kin are in login.c too). */
#pragma once

#include "worker/worker.h"

void login_answered(struct worker *w, const struct auth_result *m);

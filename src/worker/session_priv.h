/* session_priv.h - what the two halves of a session share. */
#pragma once

#include "worker/session.h"

/* The session is one more, or one less, of its site. */
void session_count(struct session *s, int change);
/* One more, unless the site is full. */
bool session_count_in(struct session *s);
/* From now on: how long the client has to log in. */
void session_set_login_deadline(struct session *s);

/* session_priv.h - what the parts of a session share. */
#pragma once

#include "worker/session.h"

/* The session is one more, or one less, of its site. */
void session_count(struct session *s, int change);
/* One more, unless the site is full. */
bool session_count_in(struct session *s);
/* From now on: how long the client has to log in. */
void session_set_login_deadline(struct session *s);

/* Wipe what was read ahead: it may hold a password. */
void session_forget_input(struct session *s);
/* All is said and FIN sent: wait a moment for the peer to take it and to close. */
void session_linger(struct session *s);

/* ---- TLS on the control channel: the moves of SESSION_TLS_NEXT, HANDSHAKE and CLEARING ---- */
void session_begin_handshake(struct session *s);
void session_handshake(struct session *s);
void session_clear_channel(struct session *s);

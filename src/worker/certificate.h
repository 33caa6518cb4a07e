/*
 * certificate.h - a session's client certificate, from the handshake to the authenticator's verdict.
 *
 *   NONE ---------------> PENDING --------> GOOD          the client showed one; auth_certificate, auth_certified
 *                            |------------> REFUSED       534 at the next command, then the end
 *                            '------------> LATE          421 at the next command, then the end
 *
 * While PENDING no command is read.  A change of site or REIN asks again: what one site takes another may not.
 */
#pragma once

#include "worker/session.h"

/* After a handshake of the control channel, and whenever the verdict no longer fits the session. */
void certificate_judge(struct session *s);
/* The TLS channel or the session ends. */
void certificate_drop(struct session *s);
/* The site changed since the verdict: ask for a new one. */
void certificate_follow_site(struct session *s);
/* Something more was said about the certificate: for the log. */
void certificate_note(struct session *s, struct slice verdict);
/* The authenticator is there anew: tell it which logins live and what their clients showed; sessions that are not logged
 * in are judged as if they were new. */
void certificates_present(struct worker *w);
/* The authenticator's answer. */
void certificate_judged(struct worker *w, const struct auth_certified *m);

/* Whether commands must wait. */
static inline bool certificate_is_pending(const struct session *s)
{
    return s->cert_state == CERT_PENDING;
}
/* The number to quote at a login, 0 none. */
uint64_t certificate_number(const struct session *s);

/* For dispatch: the verdict was bad, or did not come.  Answers and ends the session. */
bool certificate_refuses(struct session *s, struct run *r);
/* The site demands a certificate and this session has none: answers. */
bool certificate_refuse_missing(struct session *s, struct run *r);

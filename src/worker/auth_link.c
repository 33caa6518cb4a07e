/* auth_link.c - messages of the authenticator. */
#include "worker/auth_link.h"

#include "worker/certificate.h"
#include "worker/listeners.h"
#include "worker/login.h"
#include "worker/session.h"

static void take_revoke(struct worker *w, const struct auth_revoke *m)
{
    struct session *s;
    for (uint32_t slot = 0; (s = worker_next_session(w, &slot));) {
        if (!s->ticket || s->ticket != m->ticket)
            continue;
        worker_event(w, LOG_LEVEL_NOTICE, "session of %s ended: " SLICE_FMT, s->user ? s->user : "", SLICE_ARG(m->why));
        session_enter(s);
        certificate_note(s, m->why);
        session_end(s, m->substatus, REPLY_NO_SERVICE);
        s->end_win32 = m->win32;
        session_leave(s);
    }
}

void auth_arrived(struct worker *w, const struct wire_message *message, struct wire_in *fields, int *fd)
{
    (void)fd;
    struct auth_result result;
    struct auth_revoke revoke;
    struct auth_block block;
    struct auth_certified certified;
    if (message->number == MSG_auth_result && !auth_result_decode(fields, &result))
        login_answered(w, &result);
    else if (message->number == MSG_auth_revoke && !auth_revoke_decode(fields, &revoke))
        take_revoke(w, &revoke);
    else if (message->number == MSG_auth_block && !auth_block_decode(fields, &block))
        listeners_block(w, &block.client, (int64_t)block.left_ms);
    else if (message->number == MSG_auth_certified && !auth_certified_decode(fields, &certified))
        certificate_judged(w, &certified);
}

void auth_gone(struct worker *w)
{
    worker_event(w, LOG_LEVEL_ERROR, "the authenticator is gone: logins get 421 until it is back");
    sessions_lost_auth(w);
}

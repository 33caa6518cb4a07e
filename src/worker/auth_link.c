/* auth_link.c - messages of the authenticator. */
#include "worker/auth_link.h"

#include "worker/certificate.h"
#include "worker/listeners.h"
#include "worker/login.h"
#include "worker/session.h"

static void take_result(struct worker *w, struct wire_in *fields)
{
    struct auth_result m;
    if (!auth_result_decode(fields, &m))
        login_answered(w, &m);
}

static void take_revoke(struct worker *w, struct wire_in *fields)
{
    struct auth_revoke m;
    struct session *s;
    if (auth_revoke_decode(fields, &m))
        return;
    for (uint32_t slot = 0; (s = worker_next_session(w, &slot));) {
        if (!s->ticket || s->ticket != m.ticket)
            continue;
        worker_event(w, LOG_LEVEL_NOTICE, "session of %s ended: " SLICE_FMT, s->user ? s->user : "", SLICE_ARG(m.why));
        session_enter(s);
        certificate_note(s, m.why);
        session_end(s, m.substatus, REPLY_NO_SERVICE);
        s->end_win32 = m.win32;
        session_leave(s);
    }
}

static void take_block(struct worker *w, struct wire_in *fields)
{
    struct auth_block m;
    if (!auth_block_decode(fields, &m))
        listeners_block(w, &m.client, (int64_t)m.left_ms);
}

static void take_certified(struct worker *w, struct wire_in *fields)
{
    struct auth_certified m;
    if (!auth_certified_decode(fields, &m))
        certificate_judged(w, &m);
}

static const struct {
    uint16_t number;
    void (*take)(struct worker *w, struct wire_in *fields);
} messages[] = {
    { MSG_auth_result,    take_result    },
    { MSG_auth_revoke,    take_revoke    },
    { MSG_auth_block,     take_block     },
    { MSG_auth_certified, take_certified },
};

void auth_arrived(struct worker *w, const struct wire_message *message, struct wire_in *fields, int *fd)
{
    (void)fd;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
        if (messages[i].number == message->number)
            messages[i].take(w, fields);
}

void auth_gone(struct worker *w)
{
    worker_event(w, LOG_LEVEL_ERROR, "the authenticator is gone: logins get 421 until it is back");
    sessions_lost_auth(w);
}

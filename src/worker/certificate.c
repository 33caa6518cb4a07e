/*
 * certificate.c - what certificate.h declares.
 *
 * The worker only carries bytes: whether a certificate is good is the authenticator's to say, and its own check at the
 * login does not rely on what is remembered here (sslClientCertificates; ftp-behaviour.md 3.3).
 */
#include "worker/certificate.h"

#include "policy/channel_policy.h"
#include "worker/run.h"

static const uint32_t WIN_CERT_MALFORMED = 0x80090327u;

static void ask(struct session *s, struct slice chain)
{
    struct worker *w = s->worker;
    s->cert_state = CERT_PENDING;
    s->cert_site = s->site->id;
    if (LINK_SEND(&w->auth, &w->out, auth_certificate, .session = s->id,
                  .session_id = slice_of((const char *)s->guid, sizeof s->guid), .site = s->site->id, .chain = chain))
        s->cert_state = CERT_LATE;
}

void certificate_drop(struct session *s)
{
    struct worker *w = s->worker;
    if (s->certificate && LINK_SEND(&w->auth, &w->out, auth_forget, .certificate = s->certificate) &&
        link_is_open(&w->auth))
        worker_event(w, LOG_LEVEL_WARNING, "the authenticator could not be told that a certificate is gone");
    s->certificate = 0;
    s->cert_state = CERT_NONE;
    s->cert_site = 0;
    free(s->cert_facts);
    free(s->cert_verdict);
    s->cert_facts = s->cert_verdict = NULL;
}

void certificate_note(struct session *s, struct slice verdict)
{
    if (!s->cert_facts || !verdict.len)
        return;
    free(s->cert_verdict);
    s->cert_verdict = strndup(verdict.ptr, verdict.len);
}

static void keep_facts(struct session *s, const struct auth_certified *m)
{
    if (!s->site->log_certificates || !m->facts.len)
        return;
    free(s->cert_facts);
    s->cert_facts = strndup(m->facts.ptr, m->facts.len);
    certificate_note(s, m->reason);
}

void certificate_judge(struct session *s)
{
    OWNED_TEXT_BUFFER chain = { 0 };
    certificate_drop(s);
    if (!session_is_secure(s) || s->pinned_site->client_cert_policy == CERT_IGNORE) {
        stream_allow_resumption(&s->stream);
        return;
    }
    int err = stream_peer_chain(&s->stream, &chain);
    if (err || chain.len > CERT_CHAIN_LIMIT) {
        s->cert_state = CERT_REFUSED;
        s->cert_win32 = WIN_CERT_MALFORMED;
    } else if (chain.len) {
        ask(s, text_slice(&chain));
    } else {
        stream_allow_resumption(&s->stream);
    }
}

void certificate_follow_site(struct session *s)
{
    if (session_is_secure(s) && s->state == SESSION_OPEN && s->cert_site != s->site->id)
        certificate_judge(s);
}

static void present(struct session *s)
{
    struct worker *w = s->worker;
    OWNED_TEXT_BUFFER chain = { 0 };
    bool shown = s->cert_state == CERT_GOOD;
    s->certificate = 0; /* that number was the other's */
    if (shown && (stream_peer_chain(&s->stream, &chain) || !chain.len || chain.len > CERT_CHAIN_LIMIT)) {
        session_end(s, SUB_CERTIFICATE_INVALID, REPLY_NO_SERVICE); /* it cannot be shown again: CCC has been, say */
        return;
    }
    if (LINK_SEND(&w->auth, &w->out, auth_present, .ticket = s->ticket, .session = s->id, .site = s->site->id,
                  .chain = text_slice(&chain)))
        session_end(s, SUB_AUTHENTICATION_ERROR, REPLY_NO_SERVICE);
}

void certificates_present(struct worker *w)
{
    struct session *s;
    for (uint32_t slot = 0; (s = worker_next_session(w, &slot));) {
        session_enter(s);
        if (s->ticket)
            present(s);
        else if (s->cert_state == CERT_GOOD || s->cert_state == CERT_LATE)
            certificate_judge(s);
        session_leave(s);
    }
}

void certificate_judged(struct worker *w, const struct auth_certified *m)
{
    struct session *s = worker_session(w, m->session);
    if (s && s->ticket && s->cert_state == CERT_GOOD && !s->certificate && s->cert_site == m->site && m->certificate) {
        s->certificate = m->certificate; /* presented once more */
        return;
    }
    if (!s || s->cert_state != CERT_PENDING || s->cert_site != m->site) {
        if (m->certificate && LINK_SEND(&w->auth, &w->out, auth_forget, .certificate = m->certificate))
            worker_event(w, LOG_LEVEL_WARNING, "the authenticator could not be told that a certificate is gone");
        return;
    }
    session_enter(s);
    s->certificate = m->certificate;
    s->cert_win32 = m->win32;
    keep_facts(s, m);
    s->cert_state = m->certificate ? CERT_GOOD : m->unavailable ? CERT_LATE : CERT_REFUSED;
    if (m->certificate)
        stream_allow_resumption(&s->stream);
    session_leave(s);
}

uint64_t certificate_number(const struct session *s)
{
    return s->cert_state == CERT_GOOD && s->cert_site == s->site->id ? s->certificate : 0;
}

bool certificate_refuses(struct session *s, struct run *r)
{
    if (s->cert_state == CERT_LATE) {
        r->substatus = SUB_CERTIFICATE_INVALID;
        r->win32 = WIN_TIMEOUT;
        answer(s, r, REPLY_NO_SERVICE);
    } else if (s->cert_state == CERT_REFUSED) {
        answer_denied(s, r, REPLY_CERT_INVALID, s->cert_win32, SUB_CERTIFICATE_INVALID);
    } else {
        return false;
    }
    session_close(s, SUB_CERTIFICATE_INVALID);
    return true;
}

bool certificate_refuse_missing(struct session *s, struct run *r)
{
    struct reason why = { 0 };
    bool has_one = s->cert_state != CERT_NONE;
    if (!channel_policy_certificate(s->pinned_site, s->pinned->snapshot, has_one, NULL))
        return false;
    (void)channel_policy_certificate(s->pinned_site, s->pinned->snapshot, has_one, &why);
    run_because(r, s->pinned, &why);
    answer_denied(s, r, REPLY_CERT_REQUIRED, WIN_ACCESS_DENIED, SUB_CERTIFICATE_REQUIRED);
    return true;
}

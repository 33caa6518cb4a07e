/* cmd_tls.c - AUTH, PBSZ, PROT, CCC (RFC 4217, ftp-behaviour.md 3.2). */
#include "worker/penalty.h"
#include "worker/run.h"

static const struct {
    const char *name;
    bool private_data; /* TLS-P and SSL imply a protected data channel */
} mechanisms[] = {
    { "TLS", false }, { "TLS-C", false }, { "SSL", true }, { "TLS-P", true },
};

void cmd_auth(struct session *s, struct run *r)
{
    size_t i = 0, count = sizeof mechanisms / sizeof mechanisms[0];
    while (i < count && !slice_equal_fold_str(slice_trim(run_argument(r)), mechanisms[i].name))
        i++;
    if (i == count) {
        answer(s, r, REPLY_AUTH_UNKNOWN);
        return;
    }
    if (session_is_secure(s) || s->cleared) { /* no loops of AUTH and CCC (threats.md P22) */
        answer(s, r, REPLY_BAD_SEQUENCE);
        return;
    }
    if (!generation_tls(s->pinned, s->pinned_site)) {
        answer_denied(s, r, REPLY_AUTH_NO_CERT, WIN_ACCESS_DENIED,
                      s->pinned_site->cert_substatus ? s->pinned_site->cert_substatus : SUB_SSL_NOT_CONFIGURED);
        return;
    }
    if (!penalty_may_handshake(s)) { /* before any TLS work */
        r->substatus = SUB_CONNECTION_LIMIT;
        answer(s, r, REPLY_NO_SERVICE);
        session_close(s, SUB_CONNECTION_LIMIT);
        return;
    }
    /* Security state begins anew: nothing said in the clear counts afterwards (threats.md P01, P03). */
    session_log_out(s);
    session_rearm(s);
    s->pbsz_given = false;
    s->prot_private = mechanisms[i].private_data;
    answer(s, r, REPLY_AUTH_OK);
    session_start_tls(s);
}

void cmd_pbsz(struct session *s, struct run *r)
{
    uint64_t size;
    if (slice_to_u64(slice_trim(run_argument(r)), UINT32_MAX, &size) || size != 0) {
        answer(s, r, REPLY_INVALID_PARAMETER);
        return;
    }
    s->pbsz_given = true;
    answer_with(s, r, REPLY_DONE_200, SLICE_LITERAL("PBSZ"));
}

void cmd_prot(struct session *s, struct run *r)
{
    struct slice level = slice_trim(run_argument(r));
    char c = level.len == 1 ? ascii_upper(level.ptr[0]) : 0;
    if (!s->pbsz_given) {
        r->substatus = SUB_PROT_NEEDED;
        answer(s, r, REPLY_BAD_SEQUENCE);
    } else if (c == 'S' || c == 'E') {
        answer(s, r, REPLY_PROT_LEVEL);
    } else if (c != 'P' && c != 'C') {
        answer(s, r, REPLY_PROT_UNKNOWN);
    } else if (c == 'P' && s->site->data_channel_policy == SSL_DATA_DENY) {
        answer_denied(s, r, REPLY_POLICY_NO_SSL, WIN_ACCESS_DENIED, SUB_SSL_DENIED_DATA);
    } else {
        s->prot_private = c == 'P';
        answer_with(s, r, REPLY_DONE_200, SLICE_LITERAL("PROT"));
    }
}

void cmd_ccc(struct session *s, struct run *r)
{
    if (s->site->control_channel_policy == SSL_REQUIRE || s->implicit_tls) {
        answer(s, r, REPLY_CCC_DENIED);
    } else if (!s->logged_in) { /* a password would have to follow in the clear */
        answer(s, r, REPLY_BAD_SEQUENCE);
    } else {
        s->cleared = true;
        answer_with(s, r, REPLY_DONE_200, SLICE_LITERAL("CCC"));
        session_stop_tls(s);
    }
}

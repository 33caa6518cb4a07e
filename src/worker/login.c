/*
 * login.c - USER, PASS, ACCT, REIN, HOST, QUIT and the verdict of the authenticator.
 *
 * The worker decides nothing here but the order of commands and whether the channel is private enough for a
 * password.  USER answers the same for every name, PASS the same for every reason (threats.md A01).
 */
#include "worker/login.h"

#include "base/secret.h"
#include "ftp/value.h"
#include "policy/channel_policy.h"
#include "worker/certificate.h"
#include "worker/ended.h"
#include "worker/hosts.h"
#include "worker/penalty.h"
#include "worker/run.h"

enum { FAILURE_DELAY_MS = 250, FAILURE_DELAY_MAX_MS = 4000 };

/* Whether the policy of the chosen site lets a password pass here (threats.md P04).  Answers when not. */
static bool refuse_clear_credentials(struct session *s, struct run *r)
{
    struct reason why = { 0 };
    unsigned refused = channel_policy_credentials(s->site, s->generation->snapshot, session_is_secure(s), NULL);
    if (!refused)
        return false;
    (void)channel_policy_credentials(s->site, s->generation->snapshot, session_is_secure(s), &why);
    run_because(r, s->generation, &why);
    answer_denied(s, r, REPLY_POLICY_SSL, WIN_ACCESS_DENIED, refused);
    return true;
}

static bool is_anonymous_name(struct slice name)
{
    return slice_equal_fold_str(name, "anonymous") || slice_equal_fold_str(name, "ftp");
}

/* Told in the words of the site that is full. */
static void refuse_one_more(struct session *s, struct run *r, const struct snap_site *site)
{
    r->status = 421;
    r->substatus = SUB_CONNECTION_LIMIT;
    run_finish(s, r);
    session_refuse_full(s, site);
}

/* Why `site` could not be chosen (NULL: nobody has that name); ends the session where IIS would. */
static void answer_no_site(struct session *s, struct run *r, const struct snap_site *site, int err, enum reply_id unknown)
{
    if (err == ERR_NOT_FOUND) {
        answer_denied(s, r, unknown, WIN_LOGON_FAILURE, SUB_HOST_UNKNOWN);
        return;
    }
    if (err == ERR_LIMIT) {
        refuse_one_more(s, r, site);
        return;
    }
    r->substatus = err == ERR_DENIED ? SUB_IP_RESTRICTION : SUB_SITE_STOPPED;
    uint32_t substatus = r->substatus;
    answer(s, r, REPLY_NO_SERVICE);
    session_close(s, substatus);
}

/* USER host|user, and host\user where configured: take the host off the front.  0, or the error has been answered. */
static MUST_USE int take_host(struct session *s, struct run *r, struct slice *name)
{
    size_t bar = slice_find(*name, '|');
    size_t backslash = slice_find(*name, '\\');
    if (bar != SIZE_MAX) {
        int err = session_choose_host(s, slice_first(*name, bar));
        if (err) {
            answer_no_site(s, r, session_site_of_host(s, slice_first(*name, bar)), err, REPLY_PASS_NO_HOST);
            return err;
        }
        *name = slice_from(*name, bar + 1);
        return 0;
    }
    if (!session_server(s)->use_domain_as_host || backslash == SIZE_MAX)
        return 0;
    int err = session_choose_host(s, slice_first(*name, backslash));
    if (err == ERR_NOT_FOUND)
        return 0; /* then it is a Windows domain */
    if (err) {
        answer_no_site(s, r, session_site_of_host(s, slice_first(*name, backslash)), err, REPLY_PASS_NO_HOST);
        return err;
    }
    *name = slice_from(*name, backslash + 1);
    return 0;
}

/* Ask the authenticator; the answer ends the command. */
static void ask_login(struct session *s, enum auth_method method, struct slice password)
{
    struct worker *w = s->worker;
    int err = LINK_SEND(&w->auth, &w->out, auth_login, .session = s->id,
                        .session_id = slice_of((const char *)s->guid, sizeof s->guid), .site = s->site->id,
                        .method = (uint8_t)method, .user = slice_str(s->user_typed), .password = password,
                        .client = s->peer, .local = s->local, .tls = session_is_secure(s), .host = slice_str(s->host),
                        .certificate = certificate_number(s));
    secret_wipe(w->out.ptr, w->out.len);
    if (err)
        session_end(s, SUB_AUTHENTICATION_ERROR, REPLY_NO_SERVICE);
    else
        s->login_pending = true;
}

static void answer_user(struct session *s, struct run *r)
{
    bool anonymous = is_anonymous_name(slice_str(s->user_typed)) && s->site->anonymous_enabled;
    answer(s, r, anonymous ? REPLY_USER_ANONYMOUS : REPLY_USER);
}

void cmd_user(struct session *s, struct run *r)
{
    struct slice name = run_argument(r);
    if (s->logged_in) {
        session_log_out(s); /* a second login starts from nothing (threats.md P19) */
        if (s->cleared)
            certificate_drop(s); /* who speaks in the clear has shown none */
        session_rearm(s);
    }
    s->user_given = false;
    if (take_host(s, r, &name))
        return;
    if (refuse_clear_credentials(s, r) || certificate_refuse_missing(s, r))
        return;
    if (name.len == 0 || name.len > NAME_LIMIT) {
        answer(s, r, REPLY_PARAMETERS);
        return;
    }
    free(s->user_typed);
    s->user_typed = strndup(name.ptr, name.len);
    s->user_given = s->user_typed != NULL;
    if (!s->user_given)
        session_die(s, SUB_CONNECTION_ERROR, WIN_NOT_ENOUGH_MEMORY);
    if (s->host_missing)
        answer_denied(s, r, REPLY_USER_NO_HOST, 0, SUB_HOST_UNKNOWN);
    else if (s->site->cert_login_reply == CERT_LOGIN_232 && s->site->client_cert_enabled && certificate_number(s))
        ask_login(s, AUTH_METHOD_CERTIFICATE, SLICE_NONE);
    else
        answer_user(s, r);
}

void cmd_pass(struct session *s, struct run *r)
{
    if (s->by_certificate) { /* 232 was said; clients that send PASS all the same are in already */
        answer(s, r, REPLY_LOGGED_IN);
        return;
    }
    if (s->logged_in || !s->user_given) {
        answer(s, r, REPLY_BAD_SEQUENCE);
        return;
    }
    s->user_given = false;
    if (refuse_clear_credentials(s, r) || certificate_refuse_missing(s, r))
        return;
    if (s->host_missing) {
        answer_denied(s, r, REPLY_PASS_NO_HOST, WIN_LOGON_FAILURE, SUB_HOST_UNKNOWN);
        return;
    }
    if (r->argument.len > SECRET_LIMIT) {
        answer(s, r, REPLY_INVALID_PARAMETER);
        return;
    }
    ask_login(s, AUTH_METHOD_PASSWORD, run_argument(r));
}

/* ---- the verdict ---- */

static void add_greeting(struct session *s, struct reply *reply, enum reply_id logged_in, const uint64_t *space)
{
    OWNED_TEXT_BUFFER greeting = { 0 }, commas = { 0 };
    session_message(s, s->site, s->site->greeting_message, &greeting);
    reply_begin(reply, reply_code_of(logged_in));
    reply_lines(reply, text_slice(&greeting));
    if (space) {
        value_print_commas(*space, &commas);
        reply_row(reply, REPLY_LOGIN_SPACE, text_slice(&commas));
    }
    reply_row(reply, logged_in, SLICE_NONE);
}

static void answer_logged_in(struct session *s, struct run *r, const uint64_t *space)
{
    struct reply reply = { 0 };
    add_greeting(s, &reply, s->by_certificate ? REPLY_LOGGED_IN_232 : REPLY_LOGGED_IN, space);
    answer_reply(s, r, &reply);
    reply_free(&reply);
    session_rearm(s);
}

static void space_answered(struct session *s, const struct broker_answer *a, int *fd)
{
    (void)fd;
    struct run *r = run_answered(s);
    if (!a)
        answer_broker(s, r, a);
    else
        answer_logged_in(s, r, a->status ? NULL : &a->size);
}

/* An e-mail address is shown; what is typed behind `anonymous` where a certificate decides may be a password. */
static void show_address(struct run *r, bool anonymous)
{
    r->show_secret = anonymous && r->row->handler == DO_pass && !slice_has_control(run_argument(r));
}

static void login_allowed(struct session *s, struct run *r, const struct auth_result *m)
{
    struct worker *w = s->worker;
    show_address(r, m->anonymous);
    int err = link_is_open(&w->broker) ? session_log_in(s, m->name, m->anonymous, m->home, m->ticket) : ERR_CLOSED;
    if (err) {
        ended_add(w, m->ticket);
        if (err == ERR_LIMIT) /* the user has as many sessions as one may have */
            refuse_one_more(s, r, s->site);
        else
            session_end(s, SUB_AUTHENTICATION_ERROR, REPLY_NO_SERVICE);
        return;
    }
    s->by_certificate = r->row->handler == DO_user;
    text_add_str(&r->path, s->cwd);
    text_add(&r->reason, m->why);
    if (s->site->show_flags & SHOW_AVAILABLE_BYTES) {
        struct broker_request request = { .verb = BROKER_FREE_SPACE, .path = slice_str(s->cwd) };
        run_ask(s, r, request, space_answered);
    } else {
        answer_logged_in(s, r, NULL);
    }
}

/* The verdict was left in the run by login_denied. */
static void answer_verdict(struct session *s, struct run *r)
{
    enum reply_id id = r->verdict == AUTH_HOME_DENIED ? REPLY_HOME_FAILED : REPLY_LOGIN_FAILED;
    unsigned limit = session_server(s)->max_login_failures;
    answer_failure(s, r, reply_code_of(id), reply_text_of(id), r->win32, r->substatus, text_slice(&r->detail));
    if (limit && s->login_failures >= limit)
        session_end(s, SUB_USER_FAILED, REPLY_TOO_MANY_ERRORS);
}

static void delay_expired(void *context)
{
    struct session *s = context;
    session_enter(s);
    answer_verdict(s, s->run);
    session_leave(s);
}

/* Guessing gets slower with every failure; only this connection waits (threats.md A03). */
static void login_denied(struct session *s, struct run *r, const struct auth_result *m)
{
    s->user_given = false;
    show_address(r, is_anonymous_name(slice_str(s->user_typed)) && s->cert_state == CERT_NONE);
    if (s->login_failures < UINT8_MAX)
        s->login_failures++;
    bool provider_failed = !m->win32 && m->substatus == SUB_CUSTOM_AUTHENTICATION; /* nobody has looked at the password */
    if (!provider_failed)
        penalty_add(s, PENALTY_FAILED_LOGIN);
    int64_t delay = FAILURE_DELAY_MS;
    for (unsigned i = 1; i < s->login_failures && delay < FAILURE_DELAY_MAX_MS; i++)
        delay *= 2;
    r->verdict = m->verdict;
    r->win32 = m->win32 || provider_failed ? m->win32 : WIN_LOGON_FAILURE;
    r->substatus = m->substatus ? m->substatus : SUB_AUTHENTICATION_ERROR;
    text_add(&r->detail, m->detail);
    r->timer = loop_timer_new(s->worker->loop, delay_expired, s);
    if (r->timer)
        loop_timer_set(r->timer, delay);
    else
        session_die(s, SUB_CONNECTION_ERROR, WIN_NOT_ENOUGH_MEMORY);
}

void login_answered(struct worker *w, const struct auth_result *m)
{
    struct session *s = worker_session(w, m->session);
    if (!s || !s->login_pending) { /* it ended, or gave up, while the authenticator thought */
        if (m->verdict == AUTH_ALLOWED)
            ended_add(w, m->ticket);
        return;
    }
    session_enter(s);
    s->login_pending = false;
    certificate_note(s, m->reason);
    if (m->verdict == AUTH_ALLOWED)
        login_allowed(s, s->run, m);
    else if (m->verdict == AUTH_NEEDS_PASSWORD)
        answer_user(s, s->run);
    else if (m->verdict == AUTH_UNAVAILABLE)
        session_end(s, m->substatus ? m->substatus : SUB_AUTHENTICATION_ERROR, REPLY_NO_SERVICE);
    else
        login_denied(s, s->run, m);
    session_leave(s);
}

/* ---- around a login ---- */

void cmd_acct(struct session *s, struct run *r)
{
    answer_with(s, r, REPLY_DONE_202, SLICE_LITERAL("ACCT"));
}

void cmd_rein(struct session *s, struct run *r)
{
    const struct snap_binding *b = hosts_default(s->generation->snapshot, &s->local);
    session_log_out(s);
    s->pbsz_given = false;
    s->prot_private = s->implicit_tls;
    /* RFC 4217 section 13 lets TLS end with REIN; clients that keep it are served on under TLS. */
    s->may_clear = session_is_secure(s) && !s->implicit_tls;
    const struct snap_site *site = b ? snapshot_site(s->generation->snapshot, b->site) : NULL;
    int err = site ? session_choose_site(s, site, SLICE_NONE) : 0;
    if (err) { /* who comes anew would not be let in either */
        answer_no_site(s, r, site, err, REPLY_HOST_UNKNOWN);
        return;
    }
    if (b)
        s->host_missing = session_text(s, b->host).len > 0;
    certificate_judge(s); /* the channel goes on: judged as if it were new */
    session_rearm(s);
    answer(s, r, REPLY_WELCOME);
}

void cmd_host(struct session *s, struct run *r)
{
    struct slice host = run_argument(r);
    struct net_addr literal;
    if (!hosts_is_name(host)) {
        answer(s, r, REPLY_INVALID_PARAMETER);
        return;
    }
    /* A literal address means the site that needs no name (RFC 7151 section 3). */
    if (net_addr_parse(host, &literal) == 0)
        host = net_addr_same_host(&literal, &s->local) ? SLICE_LITERAL("") : host;
    int err = session_choose_host(s, host);
    if (err) {
        answer_no_site(s, r, session_site_of_host(s, host), err, REPLY_HOST_UNKNOWN);
        return;
    }
    s->user_given = false;
    answer(s, r, REPLY_HOST_OK);
}

void cmd_quit(struct session *s, struct run *r)
{
    struct reply reply = { 0 };
    OWNED_TEXT_BUFFER message = { 0 };
    session_message(s, s->site, s->site->exit_message, &message);
    reply_begin(&reply, reply_code_of(REPLY_GOODBYE));
    reply_lines(&reply, text_slice(&message));
    if (!message.len)
        reply_row(&reply, REPLY_GOODBYE, SLICE_NONE);
    answer_reply(s, r, &reply);
    reply_free(&reply);
    session_close(s, SUB_NONE);
}

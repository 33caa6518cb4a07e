/*
 * login.c - one login from the question to the ticket.
 *
 *                 next method:                      digest fits
 *            .--> IIS Manager ----> VERIFYING --------------------.
 *            |        |  in the cache ----------------------------|
 *   begin ---|        |<---- does not fit                         v       accepted
 *            |    Basic ----------> ASKING_PAM ---- verdict OK -> (prepared) GRANTING -> AUTH_ALLOWED
 *            |        |  in the cache ----------------------------^   |
 *            |    none left: AUTH_DENIED 1326 41                  |   '-- refused: AUTH_HOME_DENIED
 *            '--> anonymous --------------------------------------'
 *   Basic with a domain: ASKING_DIRECTORY in the place of ASKING_PAM.  Before GRANTING login_prepare.c finds out whose files
 *   the account touches (IDENTIFYING) and where its home is (FINDING_HOME).
 *   A login like one that was let in a moment ago does not wait in GRANTING (twins.h).  In front of VERIFYING and of each ASKING
 *   stands QUEUED, while others have the turn (login_turn.c).
 *   At any moment: waited too long, no room, a program gone: AUTH_UNAVAILABLE; but a membership database that fails, as in IIS:
 *   the next method.
 *
 * One method says yes and names the identity (threats.md A07); the identity is set in login_grant() and nowhere else,
 * and a ticket is only handed out after account_is_allowed has said yes once more (A08).  The reply to a name that does
 * not exist, to a disabled one and to a wrong password is the same (A01).
 */

#include <stdlib.h>

#include "auth/login.h"
#include "base/clock.h"
#include "policy/win_error.h"
#include "sys/datagram.h"

enum {
    EXPLAIN_MS = 10000,
    EXPLAIN_MAX = 10,
    REASON_MAX = 2048, /* log_reason */
};

/* ---- the list ---- */

static void login_free(struct login *l)
{
    if (l->password)
        secret_wipe(l->password, l->password_len);
    identity_free(l->identity);
    text_free(&l->home_root);
    text_free(&l->home_dir);
    rehearsal_free(l->rehearsal);
    text_free(&l->why);
    text_free(&l->failure);
    text_free(&l->question);
    free(l->password);
    free(l->user);
    free(l);
}

void login_remove(struct auth_server *a, struct login *l)
{
    for (struct login **at = &a->logins; *at; at = &(*at)->next) {
        if (*at != l)
            continue;
        *at = l->next;
        login_leave_stage(a, l);
        shares_leave(a->shares, l->share);
        login_free(l);
        return;
    }
}

struct login *login_find(struct auth_server *a, enum login_stage stage, uint64_t id)
{
    for (struct login *l = a->logins; l; l = l->next)
        if (l->stage == stage && (stage == LOGIN_GRANTING ? l->ticket : l->id) == id)
            return l;
    return NULL;
}

void login_free_all(struct auth_server *a)
{
    while (a->logins)
        login_remove(a, a->logins);
    login_return_free(a);
}

static void tell_crowd(struct auth_server *a, const struct login *l)
{
    if (login_may_explain(a))
        server_tell(a, LOG_LEVEL_WARNING, "%s has its share of the %zu logins that may be under way at a time: one more is "
                    "answered 421", l->rhost, a->options.logins_max);
}

static struct login *login_new(struct auth_server *a, unsigned worker, const struct auth_login *m)
{
    struct login *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->user = malloc(m->user.len + 1);
    l->password = malloc(m->password.len + 1);
    OWNED_TEXT_BUFFER rhost = { 0 };
    net_addr_print(&m->client, &rhost);
    if (!l->user || !l->password || text_error(&rhost) || rhost.len >= sizeof l->rhost) {
        login_free(l);
        return NULL;
    }
    memcpy(l->user, m->user.len ? m->user.ptr : "", m->user.len);
    memcpy(l->password, m->password.len ? m->password.ptr : "", m->password.len);
    strcpy(l->rhost, text_str(&rhost));
    if (m->session_id.len == sizeof l->session_id)
        memcpy(l->session_id, m->session_id.ptr, sizeof l->session_id);
    l->user_len = m->user.len;
    l->password_len = m->password.len;
    l->worker = l->broker = worker;
    l->session = m->session;
    l->generation = snapshot_generation(a->child->snapshot);
    l->client = m->client;
    l->site = m->site;
    l->id = ++a->next_login;
    l->share = shares_enter(a->shares, &m->client);
    if (!l->share) {
        tell_crowd(a, l);
        login_free(l);
        return NULL;
    }
    l->stage = LOGIN_STAGES; /* none yet */
    a->at_stage[l->stage]++;
    l->next = a->logins;
    a->logins = l;
    return l;
}

/* ---- answers ---- */

/* Why, for logs; "" for logins that have no certificate. */
static const char *reason_of(const struct login *l, enum auth_verdict verdict, uint32_t substatus)
{
    if (!l->shown || verdict == AUTH_NEEDS_PASSWORD)
        return "";
    if (verdict == AUTH_HOME_DENIED)
        return "the start directory cannot be reached, or no rule lets the account in";
    if (verdict == AUTH_UNAVAILABLE)
        return "what had to be asked did not answer";
    if (substatus == SUB_AUTHENTICATION_ERROR)
        return "the certificate is good, the password was refused";
    return l->reason ? l->reason : "the login was refused";
}

/* Bounded by whoever prints it; a text that does not fit is left out as a whole. */
static void add_reason(struct login *l, struct slice text)
{
    if (l->why.len + text.len + 2 > REASON_MAX)
        return;
    if (l->why.len)
        text_add_str(&l->why, "; ");
    text_add(&l->why, text);
}

void login_because_text(struct login *l, const char *fmt, ...)
{
    va_list args;
    OWNED_TEXT_BUFFER plain = { 0 }, escaped = { 0 };
    va_start(args, fmt);
    text_addv(&plain, fmt, args);
    va_end(args);
    text_add_escaped(&escaped, text_slice(&plain));
    add_reason(l, text_slice(&escaped));
}

void login_because(struct auth_server *a, struct login *l, const struct reason *why)
{
    OWNED_TEXT_BUFFER text = { 0 };
    reason_print(a->child->snapshot, why, &text);
    add_reason(l, text_slice(&text));
}

/* A logger that does not keep up for long costs reasons, never a login. */
static void tell_reason(struct auth_server *a, const struct login *l, uint32_t win32, uint32_t substatus)
{
    uint8_t bytes[REASON_MAX + NAME_LIMIT + 256];
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    const struct log_reason m = {
        .site = l->site, .time = clock_calendar_ms(),
        .session_id = slice_of((const char *)l->session_id, sizeof l->session_id),
        .user = slice_first(login_user(l), NAME_LIMIT), .win32 = win32, .substatus = substatus,
        .reason = l->why.len ? text_slice(&l->why) : slice_str(substatus_text(substatus)),
    };
    wire_channel_begin(&out, MSG_log_reason);
    if (log_reason_encode(&m, &out) == 0)
        server_log(a, slice_of((char *)bytes, out.len));
}

/* The answer, and for who showed a certificate the reason. */
static void tell_why(struct auth_server *a, struct login *l, enum auth_verdict verdict, uint32_t win32, uint32_t substatus)
{
    const char *reason = reason_of(l, verdict, substatus);
    if (*reason && login_may_explain(a))
        login_tell_certificate(a, l, reason, win32, substatus);
    if (verdict != AUTH_NEEDS_PASSWORD)
        tell_reason(a, l, win32, substatus);
    SERVER_SEND(server_peer(a, ROLE_WORKER, l->worker), auth_result, .session = l->session, .verdict = (uint8_t)verdict,
                .win32 = win32, .substatus = substatus, .reason = slice_str(reason), .detail = text_slice(&l->failure));
}

void login_refuse(struct auth_server *a, struct login *l, enum auth_verdict verdict, uint32_t win32, uint32_t substatus)
{
    if (l->rehearsal) {
        rehearsal_refused(a, l, verdict, win32, substatus);
        login_remove(a, l);
        return;
    }
    /* else a provider or the directory failed, not the client */
    if (verdict == AUTH_DENIED && substatus != SUB_CUSTOM_AUTHENTICATION && win32 != WIN_NO_LOGON_SERVERS)
        denial_count(a, &l->client, login_user(l));
    tell_why(a, l, verdict, win32, substatus);
    login_remove(a, l);
}

void login_turn_away(struct auth_server *a, struct login *l, uint32_t win32, uint32_t substatus)
{
    if (l->rehearsal)
        rehearsal_refused(a, l, AUTH_DENIED, win32, substatus);
    else
        tell_why(a, l, AUTH_DENIED, win32, substatus);
    login_remove(a, l);
}

void login_give_up(struct auth_server *a, struct login *l)
{
    if (l->stage == LOGIN_GRANTING)
        SERVER_SEND(server_peer(a, ROLE_BROKER, l->broker), grant_revoke, .ticket = l->ticket);
    login_refuse(a, l, AUTH_UNAVAILABLE, WIN_SEM_TIMEOUT, SUB_AUTHENTICATION_ERROR);
}

void login_wait_for(struct auth_server *a, struct login *l, enum login_stage stage, int64_t ms)
{
    login_leave_stage(a, l);
    l->stage = stage;
    l->asked_of |= 1u << stage;
    a->at_stage[stage]++;
    l->deadline = clock_ms() + ms;
}

bool login_may_explain(struct auth_server *a)
{
    int64_t now = clock_ms();
    if (now - a->explained.since >= EXPLAIN_MS) {
        if (a->explained.kept_quiet)
            server_tell(a, LOG_LEVEL_NOTICE, "%u more refused logins were not explained", a->explained.kept_quiet);
        a->explained.since = now;
        a->explained.count = a->explained.kept_quiet = 0;
    }
    if (a->explained.count < EXPLAIN_MAX) {
        a->explained.count++;
        return true;
    }
    a->explained.kept_quiet++;
    return false;
}

/* ---- the order of methods: custom providers, then Basic ---- */

static const struct {
    enum account_kind kind;
    bool (*attempt)(struct auth_server *a, struct login *l);
} methods[] = {
    { ACCOUNT_IIS_MANAGER, login_try_manager },
    { ACCOUNT_MEMBERSHIP,  login_try_membership },
    { ACCOUNT_SYSTEM,      login_try_system  },
    { ACCOUNT_DIRECTORY,   login_try_directory },
    { ACCOUNT_ANONYMOUS,   login_try_anonymous }, /* never one of several */
};

/* Providers in the order of the site's list, then what stands in the table. */
static enum account_kind first_of(const struct auth_server *a, const struct login *l)
{
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, l->site);
    enum account_kind kind = site ? account_first_provider(a->child->snapshot, site, l->methods) : 0;
    for (size_t i = 0; !kind && i < sizeof methods / sizeof methods[0]; i++)
        kind = l->methods & methods[i].kind;
    return kind;
}

static bool attempt(struct auth_server *a, struct login *l, enum account_kind kind)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (methods[i].kind == kind && methods[i].attempt(a, l))
            return true;
    return false;
}

void login_attempt(struct auth_server *a, struct login *l, enum account_kind kind)
{
    if (!attempt(a, l, kind))
        login_next_method(a, l);
}

/* A provider that failed is why nobody accepts, as long as nobody else has looked at the password: else it may have been a
 * guess, and is answered and counted as one. */
void login_next_method(struct auth_server *a, struct login *l)
{
    static const unsigned provers = 1u << LOGIN_VERIFYING | 1u << LOGIN_ASKING_PAM | 1u << LOGIN_ASKING_DIRECTORY;
    for (enum account_kind kind; (kind = first_of(a, l));) {
        l->methods &= ~(unsigned)kind;
        if (attempt(a, l, kind))
            return;
    }
    if (l->provider_failed && !(l->asked_of & provers))
        login_refuse(a, l, AUTH_DENIED, 0, SUB_CUSTOM_AUTHENTICATION);
    else
        login_refuse(a, l, AUTH_DENIED, WIN_LOGON_FAILURE,
                     l->certificate      ? SUB_USER_FAILED
                     : l->asked_provider ? SUB_CUSTOM_AUTHENTICATION
                                         : SUB_AUTHENTICATION_ERROR);
}

/* What needs no secret to be decided; 0 when the login has to go through the methods. */
static uint32_t refused_at_once(const struct login *l, unsigned kinds)
{
    struct slice user = login_user(l);
    if (!kinds)
        return SUB_ALL_METHODS_DISABLED;
    if (account_is_anonymous_name(user))
        return kinds & ACCOUNT_ANONYMOUS ? 0 : SUB_ANONYMOUS_DENIED;
    if (slice_is_empty(user) || !l->password_len || !slice_is_utf8(user))
        return SUB_AUTHENTICATION_ERROR;
    return 0;
}

/* Without a word from the certificate: the password, or nobody in particular. */
void login_go_on(struct auth_server *a, struct login *l, unsigned kinds)
{
    uint32_t refused = refused_at_once(l, kinds);
    if (refused) {
        LOGIN_SAY(a, l, "%s", refused == SUB_AUTHENTICATION_ERROR ? "an empty name or password never logs in"
                                                                  : substatus_text(refused));
        login_refuse(a, l, AUTH_DENIED, WIN_LOGON_FAILURE, refused);
        return;
    }
    if (account_is_anonymous_name(login_user(l))) {
        LOGIN_SAY(a, l, "anonymous authentication is on");
        (void)login_try_anonymous(a, l);
        return;
    }
    if (denial_closes_account(a, &l->client, login_user(l))) {
        login_refuse(a, l, AUTH_DENIED, WIN_LOGON_FAILURE, SUB_AUTHENTICATION_ERROR);
        return;
    }
    l->asked_provider = kinds & ACCOUNT_OTHER_PROVIDER;
    l->methods = kinds & (ACCOUNT_IIS_MANAGER | ACCOUNT_MEMBERSHIP | ACCOUNT_SYSTEM | ACCOUNT_DIRECTORY);
    login_next_method(a, l);
}

void login_begin(struct auth_server *a, unsigned worker, const struct auth_login *m)
{
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, m->site);
    unsigned kinds = site ? account_kinds(a->child->snapshot, site) : 0;
    struct login *l = login_new(a, worker, m);
    if (!l) {
        SERVER_SEND(server_peer(a, ROLE_WORKER, worker), auth_result, .session = m->session, .verdict = AUTH_UNAVAILABLE,
                    .win32 = WIN_SEM_TIMEOUT, .substatus = SUB_AUTHENTICATION_ERROR);
        return;
    }
    if (site && site->provider_gaps & PROVIDER_GAP_FEATURES) {
        login_refuse(a, l, AUTH_DENIED, WIN_ACCESS_DENIED, SUB_CUSTOM_AUTHENTICATION);
        return;
    }
    if (!site || !login_by_certificate(a, l, site, m, kinds))
        login_go_on(a, l, kinds);
}

/* The same, asked as a worker asks at USER when the certificate may suffice. */
void login_rehearse(struct auth_server *a, struct rehearsal *r)
{
    const struct auth_login m = { .session = r->query, .site = r->site, .method = AUTH_METHOD_CERTIFICATE, .user = slice_str(r->user),
                                  .client = r->client, .tls = true, .certificate = r->certificate };
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, m.site);
    unsigned kinds = site ? account_kinds(a->child->snapshot, site) : 0;
    struct login *l = site ? login_new(a, REHEARSAL_WORKER, &m) : NULL;
    if (!l) {
        rehearsal_unavailable(a, r);
        return;
    }
    l->rehearsal = r;
    l->broker = rehearsal_broker(a);
    if (login_by_certificate(a, l, site, &m, kinds))
        return;
    if (kinds)
        login_refuse(a, l, AUTH_NEEDS_PASSWORD, 0, 0);
    else
        login_go_on(a, l, kinds);
}

/* ---- ends ---- */

int login_expire(struct auth_server *a)
{
    int64_t now = clock_ms(), first = INT64_MAX;
    for (struct login *l = a->logins, *next; l; l = next) {
        next = l->next;
        if (l->deadline <= now && l->stage == LOGIN_NAMING) /* the resolver hangs: a rule by name denies */
            login_named(a, &(struct name_job){ .login = l->id, .name = NAME_UNKNOWN });
        else if (l->deadline <= now)
            login_give_up(a, l);
        else if (l->deadline < first)
            first = l->deadline;
    }
    int64_t others[] = { live_turn(a, now), login_return_expire(a, now), fixed_turn(a, now) };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        first = others[i] < first ? others[i] : first;
    if (first != INT64_MAX && first - now > INT32_MAX / 2)
        return INT32_MAX / 2;
    return first == INT64_MAX ? -1 : first <= now ? 0 : (int)(first - now + 1);
}

/*
 * login.c - one login from the question to the ticket.
 *
 *                 next method:                      digest fits
 *            .--> IIS Manager ----> VERIFYING --------------------.
 *            |        |  in the cache ----------------------------|
 *   begin ---|        |<---- does not fit                         v       accepted
 *            |    Basic ----------> ASKING_PAM ---- verdict OK -> GRANTING ------> AUTH_ALLOWED
 *            |        |  in the cache ----------------------------^   |
 *            |    none left: AUTH_DENIED 1326 41                  |   '-- refused: AUTH_HOME_DENIED
 *            '--> anonymous --------------------------------------'
 *   At any moment: waited too long, no room, a program gone: AUTH_UNAVAILABLE.
 *
 * One method says yes and names the identity (threats.md A07); the identity is set in grant_identity() and nowhere else,
 * and a ticket is only handed out after account_is_allowed has said yes once more (A08).  The reply to a name that does
 * not exist, to a disabled one and to a wrong password is the same (A01).
 */
#include <stdlib.h>
#include <time.h>

#include "auth/server_priv.h"

enum {
    WIN32_LOGON_FAILURE = 1326,
    WIN32_TIMEOUT = 121,
    SUB_USER_FAILED = 35,
    SUB_ALL_DISABLED = 36,
    SUB_AUTH_ERROR = 41,
    SUB_NO_ANONYMOUS = 42,
    SUB_CONFIGURATION = 54,
    PAM_WAIT_MS = 60000,
    GRANT_WAIT_MS = 20000,
    VERIFY_WAIT_MS = 60000,
    EXPLAIN_MS = 10000,
    EXPLAIN_MAX = 10,
};

enum login_stage { LOGIN_VERIFYING, LOGIN_ASKING_PAM, LOGIN_GRANTING };

struct login {
    struct login *next;
    uint64_t id; /* also the job number for verifier and pam */
    unsigned worker;
    uint64_t session;
    uint32_t site;
    enum login_stage stage;
    unsigned methods;  /* account_kind bits still to try */
    int64_t deadline;  /* monotonic ms */
    uint64_t ticket;   /* LOGIN_GRANTING */
    struct identity *identity; /* LOGIN_GRANTING */
    char *user, *password;
    size_t user_len, password_len;
    char rhost[64];
    struct net_addr client;
    uint8_t digest[CACHE_DIGEST]; /* of the method being tried */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct slice user_of(const struct login *l)
{
    return slice_of(l->user, l->user_len);
}

static struct slice password_of(const struct login *l)
{
    return slice_of(l->password, l->password_len);
}

/* ---- the list ---- */

static void login_free(struct login *l)
{
    if (l->password)
        secret_wipe(l->password, l->password_len);
    identity_free(l->identity);
    free(l->password);
    free(l->user);
    free(l);
}

static void login_remove(struct auth_server *a, struct login *l)
{
    for (struct login **at = &a->logins; *at; at = &(*at)->next) {
        if (*at != l)
            continue;
        *at = l->next;
        a->login_count--;
        login_free(l);
        return;
    }
}

static struct login *login_find(struct auth_server *a, enum login_stage stage, uint64_t id)
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
}

static struct login *login_new(struct auth_server *a, unsigned worker, const struct auth_login *m)
{
    struct login *l = a->login_count < a->options.logins_max ? calloc(1, sizeof *l) : NULL;
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
    l->user_len = m->user.len;
    l->password_len = m->password.len;
    l->worker = worker;
    l->session = m->session;
    l->client = m->client;
    l->site = m->site;
    l->id = ++a->next_login;
    l->next = a->logins;
    a->logins = l;
    a->login_count++;
    return l;
}

/* ---- answers ---- */

static void answer(struct auth_server *a, unsigned worker, uint64_t session, enum auth_verdict verdict, uint32_t win32,
                   uint32_t substatus)
{
    SERVER_SEND(a, server_peer(a, ROLE_WORKER, worker), auth_result, .session = session, .verdict = (uint8_t)verdict,
                .win32 = win32, .substatus = substatus);
}

static void refuse(struct auth_server *a, struct login *l, enum auth_verdict verdict, uint32_t win32, uint32_t substatus)
{
    if (verdict == AUTH_DENIED)
        denial_count(a, &l->client);
    answer(a, l->worker, l->session, verdict, win32, substatus);
    login_remove(a, l);
}

static void give_up(struct auth_server *a, struct login *l)
{
    if (l->stage == LOGIN_GRANTING)
        SERVER_SEND(a, server_peer(a, ROLE_BROKER, l->worker), grant_revoke, .ticket = l->ticket);
    refuse(a, l, AUTH_UNAVAILABLE, WIN32_TIMEOUT, SUB_AUTH_ERROR);
}

static void wait_for(struct login *l, enum login_stage stage, int64_t ms)
{
    l->stage = stage;
    l->deadline = now_ms() + ms;
}

bool login_may_explain(struct auth_server *a)
{
    int64_t now = now_ms();
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

/* ---- the grant ---- */

static uint8_t grant_account_of(enum account_kind kind)
{
    return kind == ACCOUNT_ANONYMOUS ? GRANT_ANONYMOUS : kind == ACCOUNT_SYSTEM ? GRANT_LOCAL : GRANT_CUSTOM;
}

/* Somebody said who this is: ask the broker to let him in. */
static void grant_identity(struct auth_server *a, struct login *l, const struct identity *identity)
{
    struct peer *broker = server_peer(a, ROLE_BROKER, l->worker);
    uint64_t ticket = ticket_draw(a->tickets);
    if (!broker || !ticket || identity_copy(identity, &l->identity)) {
        give_up(a, l);
        return;
    }
    l->ticket = ticket;
    wait_for(l, LOGIN_GRANTING, GRANT_WAIT_MS);
    bool is_system = identity->kind == ACCOUNT_SYSTEM;
    SERVER_SEND(a, broker, grant_give, .ticket = ticket, .site = l->site, .account = grant_account_of(identity->kind),
                .identity = is_system ? GRANT_SYSTEM : GRANT_SERVICE, .uid = is_system ? identity->uid : UINT32_MAX,
                .gid = is_system ? identity->gid : UINT32_MAX, .groups = identity->groups,
                .user = identity->kind == ACCOUNT_ANONYMOUS ? SLICE_LITERAL("anonymous") : identity->user,
                .roles = identity->roles, .client = l->client);
}

/* What logs show: system accounts as MACHINE\name, nobody for anonymous. */
static void print_name(const struct auth_server *a, const struct identity *identity, struct text *out)
{
    if (identity->kind == ACCOUNT_SYSTEM)
        text_addf(out, SLICE_FMT "\\", SLICE_ARG(a->options.machine));
    text_add(out, identity->user);
}

static void hand_out(struct auth_server *a, struct login *l, struct slice home)
{
    OWNED_TEXT_BUFFER name = { 0 };
    struct identity *identity = l->identity;
    print_name(a, identity, &name);
    if (text_error(&name) || ticket_add(a->tickets, l->ticket, l->worker, l->site, identity)) {
        give_up(a, l);
        return;
    }
    l->identity = NULL;
    SERVER_SEND(a, server_peer(a, ROLE_WORKER, l->worker), auth_result, .session = l->session, .verdict = AUTH_ALLOWED,
                .ticket = l->ticket, .anonymous = identity->kind == ACCOUNT_ANONYMOUS, .name = text_slice(&name),
                .home = home);
    login_remove(a, l);
}

void login_grant_answered(struct auth_server *a, unsigned broker, const struct grant_answer *m)
{
    struct login *l = login_find(a, LOGIN_GRANTING, m->ticket);
    if (!l || l->worker != broker) {
        if (m->accepted && !ticket_find(a->tickets, m->ticket)) /* nobody waits for it any more */
            SERVER_SEND(a, server_peer(a, ROLE_BROKER, broker), grant_revoke, .ticket = m->ticket);
        return;
    }
    if (!m->accepted) {
        if (login_may_explain(a))
            server_tell(a, LOG_LEVEL_NOTICE,
                        "\"" SLICE_FMT "\" is who he says, but no rule of site %u lets him in or his home directory "
                        "cannot be reached (Win32 error %u, sub-status %u)",
                        SLICE_ARG(l->identity->kind == ACCOUNT_ANONYMOUS ? SLICE_LITERAL("anonymous")
                                                                         : l->identity->user),
                        l->site, m->win32, m->substatus);
        refuse(a, l, AUTH_HOME_DENIED, m->win32, m->substatus);
        return;
    }
    if (!account_is_allowed(a->child->snapshot, l->identity->kind, l->site, l->identity->user)) {
        SERVER_SEND(a, server_peer(a, ROLE_BROKER, broker), grant_revoke, .ticket = m->ticket);
        refuse(a, l, AUTH_DENIED, WIN32_LOGON_FAILURE, SUB_AUTH_ERROR);
        return;
    }
    hand_out(a, l, m->home);
}

/* ---- the cache ---- */

static bool cache_is_on(const struct auth_server *a)
{
    return snapshot_server(a->child->snapshot, 0)->credentials_cache_enabled;
}

/* System accounts have no stored form that we see: their fingerprint is that of nothing. */
static void fingerprint_of(const struct auth_server *a, const struct identity *identity, uint8_t out[CACHE_DIGEST])
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_user *user =
        identity->kind == ACCOUNT_IIS_MANAGER ? account_user(s, identity->user) : NULL;
    cache_fingerprint(a->cache, user ? snapshot_text(s, user->password) : SLICE_NONE, out);
}

static const struct identity *recall(struct auth_server *a, struct login *l, enum account_kind kind, struct slice name)
{
    uint8_t fingerprint[CACHE_DIGEST];
    const struct cache_key key = { kind, l->site, name, password_of(l) };
    if (!cache_is_on(a))
        return NULL;
    cache_digest(a->cache, &key, l->digest);
    fingerprint_of(a, &(struct identity){ .kind = kind, .user = name }, fingerprint);
    const struct identity *found = cache_find(a->cache, l->digest, fingerprint, now_ms() / 1000);
    return found && account_is_allowed(a->child->snapshot, kind, l->site, found->user) ? found : NULL;
}

static void remember(struct auth_server *a, const struct login *l, const struct identity *identity)
{
    uint8_t fingerprint[CACHE_DIGEST];
    if (!cache_is_on(a))
        return;
    fingerprint_of(a, identity, fingerprint);
    cache_put(a->cache, l->digest, fingerprint, l->site, identity,
              now_ms() / 1000 + snapshot_server(a->child->snapshot, 0)->credentials_cache_seconds);
}

/* ---- IIS Manager users ---- */

/* false: the method has no say, go on with the next. */
static bool try_manager(struct auth_server *a, struct login *l)
{
    const struct snapshot *s = a->child->snapshot;
    if (!account_manager_is_open(s))
        return false;
    const struct snap_user *user = account_user(s, user_of(l));
    struct slice canonical = user ? snapshot_text(s, user->name) : user_of(l);
    const struct identity *known = recall(a, l, ACCOUNT_IIS_MANAGER, canonical);
    if (known) {
        grant_identity(a, l, known);
        return true;
    }
    struct verify_job *job =
        verify_job_new(VERIFY_CHECK, l->id, password_of(l), user ? snapshot_text(s, user->password) : SLICE_NONE);
    if (!job || verify_job_set(&job->like, slice_str(a->like))) {
        verify_job_free(job);
        give_up(a, l);
        return true;
    }
    job->forms = a->forms;
    wait_for(l, LOGIN_VERIFYING, VERIFY_WAIT_MS);
    if (verifier_submit(a->verifier, job)) {
        verify_job_free(job);
        give_up(a, l);
    }
    return true;
}

/* The stored form is one we would not write any more: have the supervisor store a better one, once. */
static void renew_password(struct auth_server *a, const struct login *l, const struct snap_user *user)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_server *server = snapshot_server(s, 0);
    size_t row = (size_t)(user - snapshot_user(s, 0));
    struct slice stored = snapshot_text(s, user->password);
    if (!server->rehash_on_login || server->password_format != PASSWORD_FORMAT_YESCRYPT || !a->rehashed ||
        a->rehashed[row] || password_form(stored) == PASSWORD_FORM_YESCRYPT)
        return;
    struct verify_job *job = verify_job_new(VERIFY_REHASH, 0, password_of(l), stored);
    if (!job || verify_job_set(&job->user, snapshot_text(s, user->name)) || verifier_submit(a->verifier, job)) {
        verify_job_free(job); /* another time */
        return;
    }
    a->rehashed[row] = 1;
}

static void send_rehash(struct auth_server *a, const struct verify_job *job)
{
    uint8_t bytes[3 * NAME_LIMIT + 64];
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    const struct child_rehash m = { slice_str(job->user), slice_str(job->stored), slice_str(job->made) };
    wire_channel_begin(&out, MSG_child_rehash);
    if (job->made && child_rehash_encode(&m, &out) == 0)
        server_send_supervisor(a, slice_of((char *)bytes, out.len));
    secret_wipe(bytes, sizeof bytes);
}

static void next_method(struct auth_server *a, struct login *l);

/* The digest fits what was stored when the login came: it counts if that is still what is stored. */
static void manager_verified(struct auth_server *a, struct login *l, const struct verify_job *job)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_user *user = account_user(s, user_of(l));
    if (!job->matches || !user) {
        next_method(a, l);
        return;
    }
    if (!slice_equal_str(snapshot_text(s, user->password), job->stored)) {
        if (!try_manager(a, l)) /* changed meanwhile, perhaps by renew_password for another login */
            next_method(a, l);
        return;
    }
    const struct identity identity = { .kind = ACCOUNT_IIS_MANAGER, .user = snapshot_text(s, user->name) };
    if (!account_is_allowed(s, ACCOUNT_IIS_MANAGER, l->site, identity.user)) {
        if (login_may_explain(a))
            server_tell(a, LOG_LEVEL_NOTICE, "IIS Manager user \"" SLICE_FMT "\" gave the right password, but %s",
                        SLICE_ARG(identity.user),
                        user->enabled ? "has no IIS Manager Permission for the site" : "is disabled");
        next_method(a, l);
        return;
    }
    renew_password(a, l, user);
    remember(a, l, &identity);
    grant_identity(a, l, &identity);
}

void login_verified(struct auth_server *a, struct verify_job *job)
{
    if (job->task == VERIFY_REHASH) {
        send_rehash(a, job);
    } else {
        struct login *l = login_find(a, LOGIN_VERIFYING, job->login);
        if (l)
            manager_verified(a, l, job);
    }
    verify_job_free(job);
}

/* ---- system accounts ---- */

/* Started by root, pam is there, or is being started because Basic has just been switched on. */
static bool pam_is_expected(const struct auth_server *a)
{
    return a->had_pam || a->child->privileged;
}

static bool try_system(struct auth_server *a, struct login *l)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_site *site = snapshot_site_by_id(s, l->site);
    struct slice name;
    if (!site || account_system_name(user_of(l), a->options.machine, snapshot_text(s, site->basic_default_logon_domain), &name))
        return false;
    const struct identity *known = recall(a, l, ACCOUNT_SYSTEM, name);
    if (known) {
        grant_identity(a, l, known);
        return true;
    }
    struct peer *pam = server_peer(a, ROLE_PAM, 0);
    if (!pam && !pam_is_expected(a))
        return false; /* told at the start; the client sees a wrong password */
    if (!pam) {
        give_up(a, l);
        return true;
    }
    wait_for(l, LOGIN_ASKING_PAM, PAM_WAIT_MS);
    SERVER_SEND(a, pam, pam_check, .job = l->id, .service = snapshot_text(s, snapshot_server(s, 0)->pam_service),
                .user = name, .password = password_of(l), .rhost = slice_str(l->rhost));
    return true;
}

void login_pam_answered(struct auth_server *a, const struct pam_answer *m)
{
    const struct snapshot *s = a->child->snapshot;
    struct login *l = login_find(a, LOGIN_ASKING_PAM, m->job);
    if (!l)
        return;
    if (m->verdict == PAM_VERDICT_UNAVAILABLE) {
        give_up(a, l);
        return;
    }
    const struct identity identity = { .kind = ACCOUNT_SYSTEM, .uid = m->uid, .gid = m->gid, .user = m->user,
                                       .groups = m->groups, .roles = m->group_names };
    if (m->verdict != PAM_VERDICT_OK || slice_is_empty(m->user)) {
        next_method(a, l);
        return;
    }
    if (m->uid == 0 || m->uid < snapshot_server(s, 0)->uid_floor) {
        if (login_may_explain(a))
            server_tell(a, LOG_LEVEL_NOTICE, "system account \"" SLICE_FMT "\" has uid %u, which is below uidFloor %u: refused",
                        SLICE_ARG(m->user), m->uid, snapshot_server(s, 0)->uid_floor);
        next_method(a, l);
        return;
    }
    if (!account_is_allowed(s, ACCOUNT_SYSTEM, l->site, m->user)) {
        next_method(a, l);
        return;
    }
    remember(a, l, &identity);
    grant_identity(a, l, &identity);
}

/* ---- the order of methods: custom providers, then Basic ---- */

static const struct {
    enum account_kind kind;
    bool (*attempt)(struct auth_server *a, struct login *l);
} methods[] = {
    { ACCOUNT_IIS_MANAGER, try_manager },
    { ACCOUNT_SYSTEM,      try_system  },
};

static void next_method(struct auth_server *a, struct login *l)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (!(l->methods & methods[i].kind))
            continue;
        l->methods &= ~(unsigned)methods[i].kind;
        if (methods[i].attempt(a, l))
            return;
    }
    refuse(a, l, AUTH_DENIED, WIN32_LOGON_FAILURE, SUB_AUTH_ERROR);
}

/* What needs no secret to be decided; 0 when the login has to go through the methods. */
static uint32_t refused_at_once(const struct auth_login *m, unsigned kinds)
{
    if (m->method != AUTH_METHOD_PASSWORD)
        return SUB_USER_FAILED;
    if (!kinds)
        return SUB_ALL_DISABLED;
    if (account_is_anonymous_name(m->user))
        return kinds & ACCOUNT_ANONYMOUS ? 0 : SUB_NO_ANONYMOUS;
    if (slice_is_empty(m->user) || slice_is_empty(m->password) || !slice_is_utf8(m->user))
        return SUB_AUTH_ERROR;
    return 0;
}

void login_begin(struct auth_server *a, unsigned worker, const struct auth_login *m)
{
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, m->site);
    unsigned kinds = site ? account_kinds(a->child->snapshot, site) : 0;
    uint32_t refused = refused_at_once(m, kinds);
    if (refused) {
        denial_count(a, &m->client);
        answer(a, worker, m->session, AUTH_DENIED, WIN32_LOGON_FAILURE, refused);
        return;
    }
    struct login *l = login_new(a, worker, m);
    if (!l) {
        answer(a, worker, m->session, AUTH_UNAVAILABLE, WIN32_TIMEOUT, SUB_AUTH_ERROR);
        return;
    }
    if (account_is_anonymous_name(m->user)) {
        grant_identity(a, l, &(struct identity){ .kind = ACCOUNT_ANONYMOUS });
        return;
    }
    l->methods = kinds & (ACCOUNT_IIS_MANAGER | ACCOUNT_SYSTEM);
    next_method(a, l);
}

/* ---- ends ---- */

void login_end(struct auth_server *a, unsigned worker, uint64_t number)
{
    const struct ticket *ticket = ticket_find(a->tickets, number);
    if (!ticket || ticket->worker != worker)
        return; /* revoked meanwhile, or not his */
    SERVER_SEND(a, server_peer(a, ROLE_BROKER, worker), grant_revoke, .ticket = number);
    ticket_remove(a->tickets, number);
}

struct gone {
    struct auth_server *a;
    unsigned role, index;
};

static bool lived_there(void *context, const struct ticket *ticket)
{
    const struct gone *gone = context;
    if (ticket->worker != gone->index)
        return false;
    if (gone->role == ROLE_WORKER)
        SERVER_SEND(gone->a, server_peer(gone->a, ROLE_BROKER, gone->index), grant_revoke, .ticket = ticket->number);
    return true;
}

void login_peer_gone(struct auth_server *a, unsigned role, unsigned index)
{
    for (struct login *l = a->logins, *next; l; l = next) {
        next = l->next;
        bool waits = (role == ROLE_WORKER && l->worker == index) ||
                     (role == ROLE_BROKER && l->worker == index && l->stage == LOGIN_GRANTING) ||
                     (role == ROLE_PAM && l->stage == LOGIN_ASKING_PAM);
        if (waits)
            give_up(a, l);
    }
    if (role == ROLE_WORKER || role == ROLE_BROKER)
        ticket_sweep(a->tickets, lived_there, &(struct gone){ a, role, index });
}

int login_expire(struct auth_server *a)
{
    int64_t now = now_ms(), first = INT64_MAX;
    for (struct login *l = a->logins, *next; l; l = next) {
        next = l->next;
        if (l->deadline <= now)
            give_up(a, l);
        else if (l->deadline < first)
            first = l->deadline;
    }
    return first == INT64_MAX ? -1 : (int)(first - now + 1);
}

/* ---- a new snapshot ---- */

static bool must_leave(void *context, const struct ticket *ticket)
{
    struct auth_server *a = context;
    if (account_is_allowed(a->child->snapshot, ticket->identity->kind, ticket->site, ticket->identity->user))
        return false;
    SERVER_SEND(a, server_peer(a, ROLE_WORKER, ticket->worker), auth_revoke, .ticket = ticket->number,
                .substatus = SUB_CONFIGURATION, .why = SLICE_LITERAL("the account may no longer log in on this site"));
    SERVER_SEND(a, server_peer(a, ROLE_BROKER, ticket->worker), grant_revoke, .ticket = ticket->number);
    return true;
}

static bool still_right(void *context, uint32_t site, const struct identity *identity,
                        const uint8_t fingerprint[CACHE_DIGEST])
{
    struct auth_server *a = context;
    uint8_t current[CACHE_DIGEST];
    fingerprint_of(a, identity, current);
    return account_is_allowed(a->child->snapshot, identity->kind, site, identity->user) &&
           secret_equal(current, fingerprint, CACHE_DIGEST);
}

static void learn_forms(struct auth_server *a)
{
    const struct snapshot *s = a->child->snapshot;
    struct slice like = SLICE_NONE;
    size_t count = snapshot_count(s, SNAP_TABLE_user);
    a->forms = 0;
    for (size_t row = 0; row < count; row++) {
        struct slice stored = snapshot_text(s, snapshot_user(s, row)->password);
        enum password_form form = password_form(stored);
        if (form != PASSWORD_FORM_UNKNOWN)
            a->forms |= 1u << form;
        if (form == PASSWORD_FORM_YESCRYPT && slice_is_empty(like))
            like = stored;
    }
    free(a->like);
    free(a->rehashed);
    a->like = strndup(like.len ? like.ptr : "", like.len);
    a->rehashed = calloc(count + 1, 1);
}

/* What the administrator has switched on and cannot work. */
static void tell_useless(struct auth_server *a)
{
    const struct snapshot *s = a->child->snapshot;
    unsigned kinds = 0;
    for (size_t row = 0; row < snapshot_count(s, SNAP_TABLE_site); row++)
        kinds |= account_kinds(s, snapshot_site(s, row));
    if ((kinds & ACCOUNT_SYSTEM) && !pam_is_expected(a) && !a->told_no_pam) {
        a->told_no_pam = true;
        server_tell(a, LOG_LEVEL_WARNING,
                    "Basic authentication is on, but system accounts cannot be checked because the service was not "
                    "started as root: such logins are refused");
    }
    if ((kinds & ACCOUNT_IIS_MANAGER) && !account_manager_is_open(s))
        server_tell(a, LOG_LEVEL_WARNING,
                    "provider IisManagerAuth is on, but the Management Service %s: IIS Manager users cannot log in",
                    snapshot_server(s, 0)->management_installed
                        ? "accepts Windows credentials only (requiresWindowsCredentials)"
                        : "is not installed (sallyport/managementService)");
}

void login_apply_snapshot(struct auth_server *a)
{
    learn_forms(a);
    cache_retain(a->cache, still_right, a);
    ticket_sweep(a->tickets, must_leave, a);
    tell_useless(a);
}

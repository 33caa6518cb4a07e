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
    WIN32_ACCESS_DENIED = 5,
    WIN32_NO_SUCH_USER = 1317,
    WIN32_LOGON_FAILURE = 1326,
    WIN32_TIMEOUT = 121,
    SUB_USER_FAILED = 35,
    SUB_ALL_DISABLED = 36,
    SUB_CERT_REQUIRED = 47,
    SUB_CERT_INVALID = 48,
    SUB_AUTH_ERROR = 41,
    SUB_NO_ANONYMOUS = 42,
    SUB_CONFIGURATION = 54,
    PAM_WAIT_MS = 60000,
    GRANT_WAIT_MS = 20000,
    VERIFY_WAIT_MS = 60000,
    MAP_WAIT_MS = 60000,
    EXPLAIN_MS = 10000,
    EXPLAIN_MAX = 10,
};

enum login_stage { LOGIN_VERIFYING, LOGIN_MAPPING, LOGIN_ASKING_PAM, LOGIN_GRANTING };

struct login {
    struct login *next;
    uint64_t id; /* also the job number for verifier and pam */
    unsigned worker;
    uint64_t session;
    uint32_t site;
    enum login_stage stage;
    uint64_t shown;       /* certificate of the session, whether it names somebody or not */
    uint64_t certificate; /* that names the account, 0: the password must */
    unsigned methods;  /* account_kind bits still to try */
    int64_t deadline;  /* monotonic ms */
    uint64_t ticket;   /* LOGIN_GRANTING */
    struct identity *identity; /* LOGIN_GRANTING */
    char *user, *password;
    size_t user_len, password_len;
    bool asked_at_user; /* no password was sent yet */
    bool vouched;      /* the certificate suffices: no password is checked */
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

/* Every question whether somebody may be logged in is asked here, the one about his certificate included. */
static bool may_log_in(struct auth_server *a, uint32_t site_id, const struct identity *identity)
{
    const struct snapshot *s = a->child->snapshot;
    if (!identity->certificate)
        return account_is_allowed(s, identity->kind, site_id, identity->user);
    return account_is_allowed_by_certificate(s, identity->kind, site_id, identity->user);
}

static uint8_t grant_account_of(enum account_kind kind)
{
    switch (kind) {
    case ACCOUNT_ANONYMOUS:
        return GRANT_ANONYMOUS;
    case ACCOUNT_SYSTEM:
        return GRANT_LOCAL;
    case ACCOUNT_DIRECTORY:
        return GRANT_DOMAIN;
    default:
        return GRANT_CUSTOM;
    }
}

/* The name without and the domain in *domain_out, "" for accounts that have none. */
static struct slice split_domain(const struct identity *identity, struct slice *domain_out)
{
    size_t backslash = identity->kind == ACCOUNT_DIRECTORY ? slice_find(identity->user, '\\') : SIZE_MAX;
    *domain_out = backslash == SIZE_MAX ? SLICE_NONE : slice_first(identity->user, backslash);
    return backslash == SIZE_MAX ? identity->user : slice_from(identity->user, backslash + 1);
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
    l->identity->shown = l->shown;
    wait_for(l, LOGIN_GRANTING, GRANT_WAIT_MS);
    bool is_system = identity->kind == ACCOUNT_SYSTEM;
    struct slice domain, name = split_domain(identity, &domain);
    SERVER_SEND(a, broker, grant_give, .ticket = ticket, .site = l->site, .account = grant_account_of(identity->kind),
                .identity = is_system ? GRANT_SYSTEM : GRANT_SERVICE, .uid = is_system ? identity->uid : UINT32_MAX,
                .gid = is_system ? identity->gid : UINT32_MAX, .groups = identity->groups,
                .user = identity->kind == ACCOUNT_ANONYMOUS ? SLICE_LITERAL("anonymous") : name,
                .domain = domain, .roles = identity->roles, .client = l->client);
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
    if (!may_log_in(a, l->site, l->identity)) {
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
    if (!cache_is_on(a) || l->certificate)
        return NULL;
    cache_digest(a->cache, &key, l->digest);
    fingerprint_of(a, &(struct identity){ .kind = kind, .user = name }, fingerprint);
    const struct identity *found = cache_find(a->cache, l->digest, fingerprint, now_ms() / 1000);
    return found && account_is_allowed(a->child->snapshot, kind, l->site, found->user) ? found : NULL;
}

static void remember(struct auth_server *a, const struct login *l, const struct identity *identity)
{
    uint8_t fingerprint[CACHE_DIGEST];
    if (!cache_is_on(a) || l->certificate)
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
    if (!account_manager_is_open(s) && !l->certificate)
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
    const struct identity identity = { .kind = ACCOUNT_IIS_MANAGER, .user = snapshot_text(s, user->name),
                                       .certificate = l->certificate };
    if (!may_log_in(a, l->site, &identity)) {
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
                .user = name, .password = l->vouched ? SLICE_NONE : password_of(l), .rhost = slice_str(l->rhost),
                .vouched = l->vouched);
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
                                       .groups = m->groups, .roles = m->group_names, .certificate = l->certificate };
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
    if (!may_log_in(a, l->site, &identity)) {
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
    refuse(a, l, AUTH_DENIED, WIN32_LOGON_FAILURE, l->certificate ? SUB_USER_FAILED : SUB_AUTH_ERROR);
}

/* ---- certificates ---- */

static int64_t seconds_now(void)
{
    return (int64_t)time(NULL);
}

static enum chain_reason judge(struct auth_server *a, const struct snap_site *site, struct slice chain, struct text *steps)
{
    return certificate_verify(&a->certificates, site, chain, seconds_now(), steps, NULL);
}

static void certify(struct auth_server *a, unsigned worker, const struct auth_certificate *m, uint64_t number,
                    uint32_t win32, bool unavailable)
{
    SERVER_SEND(a, server_peer(a, ROLE_WORKER, worker), auth_certified, .session = m->session, .site = m->site,
                .certificate = number, .win32 = win32, .unavailable = unavailable);
}

/* Subject, issuer, serial, SHA-256 and the verdict, for the service log. */
static void tell_certificate(struct auth_server *a, const struct auth_certificate *m, enum chain_reason reason)
{
    struct cert_facts f;
    const char *why;
    if (reason != CHAIN_GOOD && !login_may_explain(a))
        return;
    uint8_t level = reason == CHAIN_GOOD ? LOG_LEVEL_DEBUG : LOG_LEVEL_NOTICE;
    if (facts_read(certificate_leaf(m->chain), &f, &why)) {
        server_tell(a, level, "site %u: client certificate: %s; %s", m->site, why, chain_reason_text(reason));
        return;
    }
    server_tell(a, level, "site %u: client certificate of " SLICE_FMT " from " SLICE_FMT ", serial " SLICE_FMT
                ", SHA-256 " SLICE_FMT ": %s", m->site, SLICE_ARG(f.subject_shown), SLICE_ARG(f.issuer_shown),
                SLICE_ARG(f.serial), SLICE_ARG(f.sha256), chain_reason_text(reason));
    facts_free(&f);
}

void login_certificate(struct auth_server *a, unsigned worker, const struct auth_certificate *m)
{
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, m->site);
    if (!site) {
        certify(a, worker, m, 0, 0, true);
        return;
    }
    enum chain_reason reason = judge(a, site, m->chain, NULL);
    tell_certificate(a, m, reason);
    if (reason != CHAIN_GOOD) {
        certify(a, worker, m, 0, chain_reason_win32(reason), false);
        return;
    }
    const struct certificate what = { .number = ticket_draw(a->tickets), .worker = worker, .session = m->session,
                                      .site = m->site };
    if (!what.number || certificate_add(&a->certificates, &what, m->chain))
        certify(a, worker, m, 0, WIN32_TIMEOUT, true);
    else
        certify(a, worker, m, what.number, 0, false);
}

void login_forget(struct auth_server *a, unsigned worker, uint64_t number)
{
    const struct certificate *c = certificate_find(&a->certificates, number);
    if (c && c->worker == worker)
        certificate_remove(&a->certificates, number);
}

static void load_stores(struct auth_server *a)
{
    size_t bad = 0;
    int err = certificate_load_stores(&a->certificates, a->child->snapshot, &bad);
    if (err)
        server_tell(a, LOG_LEVEL_ERROR, "the certificate stores could not be loaded: %s", err_text(err));
    else if (bad)
        server_tell(a, LOG_LEVEL_WARNING, "%zu files of the certificate stores hold no certificate", bad);
}

/* The certificate names `mapped`: that account without a password, or the password must be that account's. */
static void log_in_mapped(struct auth_server *a, struct login *l, struct slice mapped, bool with_password)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_user *manager = account_user(s, mapped);
    char *user = strndup(mapped.ptr, mapped.len);
    if (!user) {
        give_up(a, l);
        return;
    }
    free(l->user);
    l->user = user;
    l->user_len = mapped.len;
    l->vouched = !with_password;
    l->methods = manager ? ACCOUNT_IIS_MANAGER : ACCOUNT_SYSTEM;
    const struct identity identity = { .kind = ACCOUNT_IIS_MANAGER, .certificate = l->certificate,
                                       .user = manager ? snapshot_text(s, manager->name) : SLICE_NONE };
    if (manager && !may_log_in(a, l->site, &identity)) {
        refuse(a, l, AUTH_DENIED, WIN32_LOGON_FAILURE, SUB_USER_FAILED);
    } else if (manager && !with_password) {
        grant_identity(a, l, &identity);
    } else {
        next_method(a, l);
    }
}

static bool names_account(const struct auth_server *a, struct slice mapped, struct slice account)
{
    struct slice name;
    return slice_equal_fold(mapped, account) ||
           (account_system_name(mapped, a->options.machine, SLICE_NONE, &name) == 0 && slice_equal(name, account));
}

/* ---- the directory ---- */

static struct map_job *job_for(struct auth_server *a, const struct snap_site *site, const struct certificate *c)
{
    struct map_job *job = map_job_new(a->ad);
    if (!job)
        return NULL;
    struct slice chain = certificate_chain(c);
    job->at = seconds_now();
    text_add(&job->leaf, certificate_leaf(chain));
    text_add(&job->workstation, a->options.machine);
    map_job_add_roles(job, a->child->snapshot);
    certificate_in_ntauth(&a->certificates, site, chain, job->at, &job->in_ntauth_by_issuer, &job->in_ntauth_by_chain);
    return job;
}

/* Whom does the directory say it is?  False: nobody is asked. */
static bool ask_directory(struct auth_server *a, struct login *l, const struct snap_site *site, const struct certificate *c)
{
    if (!site->use_ad_mapping || site->cert_and_password || !a->ad)
        return false;
    struct map_job *job = job_for(a, site, c);
    l->certificate = c->number;
    wait_for(l, LOGIN_MAPPING, MAP_WAIT_MS);
    if (job)
        job->login = l->id;
    if (!job || mapper_submit(a->mapper, job)) {
        map_job_free(job);
        give_up(a, l);
    }
    return true;
}

static void tell_mapping(struct auth_server *a, const struct login *l, const struct map_job *job)
{
    OWNED_TEXT_BUFFER steps = { 0 };
    bool found = job->verdict == DIRECTORY_FOUND;
    if (!found && !login_may_explain(a))
        return;
    if (job->account.dn.len) {
        text_add_str(&steps, ": ");
        text_add_escaped(&steps, job->account.dn);
    }
    for (struct slice rest = text_slice(&job->steps); rest.len;) {
        text_add_str(&steps, "; ");
        text_add_escaped(&steps, slice_cut(&rest, '\n'));
    }
    server_tell(a, found ? LOG_LEVEL_DEBUG : job->verdict == DIRECTORY_UNAVAILABLE ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE,
                "site %u: %s" SLICE_FMT "%s", l->site, directory_verdict_text(job->verdict), SLICE_ARG(text_slice(&steps)),
                found ? (job->account.strong ? "; strong" : "; weak") : "");
}

static bool is_account(const struct directory_account *account, struct slice typed)
{
    size_t backslash = slice_find(typed, '\\');
    if (backslash != SIZE_MAX)
        return slice_equal_fold(slice_first(typed, backslash), account->domain) &&
               slice_equal_fold(slice_from(typed, backslash + 1), account->name);
    return slice_equal_fold(typed, account->name) || (account->upn.len && slice_equal_fold(typed, account->upn));
}

static void admit_account(struct auth_server *a, struct login *l, const struct snap_site *site,
                          const struct directory_account *account)
{
    OWNED_TEXT_BUFFER user = { 0 };
    text_addf(&user, SLICE_FMT "\\" SLICE_FMT, SLICE_ARG(account->domain), SLICE_ARG(account->name));
    const struct identity identity = { .kind = ACCOUNT_DIRECTORY, .user = text_slice(&user), .roles = account->roles,
                                       .sid = account->sid, .certificate = l->certificate };
    if (text_error(&user))
        give_up(a, l);
    else if ((site->require_user_match && !is_account(account, user_of(l))) || !may_log_in(a, l->site, &identity))
        refuse(a, l, AUTH_DENIED, WIN32_LOGON_FAILURE, SUB_USER_FAILED);
    else
        grant_identity(a, l, &identity);
}

static void go_on(struct auth_server *a, struct login *l, unsigned kinds);

/* Without an account the other methods have their say; an account that may not log in is the end. */
static void directory_answered(struct auth_server *a, struct login *l, const struct map_job *job)
{
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, l->site);
    unsigned kinds = site ? account_kinds(a->child->snapshot, site) : 0;
    tell_mapping(a, l, job);
    if (!site) {
        give_up(a, l);
    } else if (job->verdict == DIRECTORY_FOUND) {
        admit_account(a, l, site, &job->account);
    } else if (job->account.sid.len || !kinds) {
        refuse(a, l, AUTH_DENIED, directory_verdict_win32(job->verdict), SUB_USER_FAILED);
    } else {
        l->certificate = 0;
        if (l->asked_at_user)
            refuse(a, l, AUTH_NEEDS_PASSWORD, 0, 0);
        else
            go_on(a, l, kinds);
    }
}

/* The account of a live login is not what it was: out. */
static void recheck_answered(struct auth_server *a, const struct map_job *job)
{
    const struct ticket *ticket = ticket_find(a->tickets, job->ticket);
    if (!ticket || job->verdict == DIRECTORY_UNAVAILABLE)
        return;
    bool same_account = job->verdict == DIRECTORY_FOUND && slice_equal(job->account.sid, ticket->identity->sid);
    if (same_account && slice_equal(job->account.roles, ticket->identity->roles))
        return;
    const char *why = same_account                      ? "the account's groups have changed"
                      : job->verdict == DIRECTORY_FOUND ? "the certificate maps to another account now"
                                                        : directory_verdict_text(job->verdict);
    server_tell(a, LOG_LEVEL_NOTICE, "\"" SLICE_FMT "\" is logged off site %u: %s", SLICE_ARG(ticket->identity->user),
                ticket->site, why);
    SERVER_SEND(a, server_peer(a, ROLE_WORKER, ticket->worker), auth_revoke, .ticket = ticket->number,
                .substatus = SUB_USER_FAILED, .why = slice_str(why));
    SERVER_SEND(a, server_peer(a, ROLE_BROKER, ticket->worker), grant_revoke, .ticket = ticket->number);
    ticket_remove(a->tickets, job->ticket);
}

void login_mapped(struct auth_server *a, struct map_job *job)
{
    struct login *l = job->ticket ? NULL : login_find(a, LOGIN_MAPPING, job->login);
    if (job->ticket)
        recheck_answered(a, job);
    else if (l)
        directory_answered(a, l, job);
    map_job_free(job);
}

/* ticket_sweep's walk over all of them; nobody leaves before the directory has answered. */
static bool recheck_one(void *context, const struct ticket *ticket)
{
    struct auth_server *a = context;
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, ticket->site);
    const struct certificate *c = certificate_find(&a->certificates, ticket->identity->certificate);
    if (ticket->identity->kind != ACCOUNT_DIRECTORY || !site || !c)
        return false;
    struct map_job *job = job_for(a, site, c);
    if (job) {
        job->ticket = ticket->number;
        mapper_submit_later(a->mapper, job);
    }
    return false;
}

/* Look at the accounts of all live logins once more when it is time to. */
static int64_t recheck_logins(struct auth_server *a, int64_t now)
{
    const struct snapshot *s = a->child->snapshot;
    if (!a->ad || !ad_is_configured(s))
        return INT64_MAX;
    if (now >= a->next_recheck) {
        a->next_recheck = now + snapshot_ad(s, 0)->recheck_seconds * 1000;
        ticket_sweep(a->tickets, recheck_one, a);
    }
    return a->next_recheck;
}

static void load_directory(struct auth_server *a)
{
    struct ad *ad = NULL;
    struct diag d = { 0 };
    int err = ad_from_snapshot(a->child->snapshot, a->ad, &ad, &d);
    if (err)
        server_tell(a, LOG_LEVEL_ERROR, "the directory of accounts cannot be used: %s", d.what[0] ? d.what : err_text(err));
    if (ad != a->ad)
        a->next_recheck = 0; /* another directory may know other accounts */
    ad_unref(a->ad);
    a->ad = ad;
}

/* What the certificate says about this login.  True: it has been decided, or is on its way. */
static bool decided_by_certificate(struct auth_server *a, struct login *l, const struct snap_site *site,
                                   const struct auth_login *m, unsigned kinds)
{
    const struct certificate *c = certificate_find(&a->certificates, m->certificate);
    bool mine = c && c->worker == l->worker && c->session == l->session && c->site == l->site;
    if (m->certificate && !mine) {
        give_up(a, l); /* we were started anew since: the client has to come again */
        return true;
    }
    enum chain_reason reason = mine ? judge(a, site, certificate_chain(c), NULL) : CHAIN_GOOD;
    if (reason != CHAIN_GOOD) { /* it was good when the session began */
        refuse(a, l, AUTH_DENIED, chain_reason_win32(reason), SUB_CERT_INVALID);
        return true;
    }
    if (site->client_cert_policy == CERT_REQUIRE && !mine) {
        refuse(a, l, AUTH_DENIED, WIN32_ACCESS_DENIED, SUB_CERT_REQUIRED);
        return true;
    }
    l->shown = mine ? c->number : 0;
    if (!site->client_cert_enabled)
        return false;
    struct slice mapped = SLICE_NONE;
    enum certificate_mapping mapping =
        mine && c->mappable ? certificate_map(a->child->snapshot, site, certificate_leaf(certificate_chain(c)), &mapped)
                            : MAPPING_NONE;
    bool asked_at_user = l->asked_at_user = m->method == AUTH_METHOD_CERTIFICATE;
    if (mapping == MAPPING_NONE && mine && c->mappable && ask_directory(a, l, site, c))
        return true;
    if (mapping == MAPPING_USER && site->require_user_match && !names_account(a, mapped, m->user)) {
        refuse(a, l, AUTH_DENIED, WIN32_LOGON_FAILURE, SUB_USER_FAILED);
    } else if (mapping == MAPPING_USER && !(asked_at_user && site->cert_and_password)) {
        l->certificate = c->number;
        log_in_mapped(a, l, mapped, site->cert_and_password);
    } else if (mapping == MAPPING_DENIED || (mapping == MAPPING_NONE && (!kinds || site->cert_and_password))) {
        refuse(a, l, AUTH_DENIED, WIN32_NO_SUCH_USER, SUB_USER_FAILED);
    } else if (asked_at_user) {
        refuse(a, l, AUTH_NEEDS_PASSWORD, 0, 0);
    } else {
        return false;
    }
    return true;
}

/* What needs no secret to be decided; 0 when the login has to go through the methods. */
static uint32_t refused_at_once(const struct login *l, unsigned kinds)
{
    struct slice user = user_of(l);
    if (!kinds)
        return SUB_ALL_DISABLED;
    if (account_is_anonymous_name(user))
        return kinds & ACCOUNT_ANONYMOUS ? 0 : SUB_NO_ANONYMOUS;
    if (slice_is_empty(user) || !l->password_len || !slice_is_utf8(user))
        return SUB_AUTH_ERROR;
    return 0;
}

/* Without a word from the certificate: the password, or nobody in particular. */
static void go_on(struct auth_server *a, struct login *l, unsigned kinds)
{
    uint32_t refused = refused_at_once(l, kinds);
    if (refused) {
        refuse(a, l, AUTH_DENIED, WIN32_LOGON_FAILURE, refused);
        return;
    }
    if (account_is_anonymous_name(user_of(l))) {
        grant_identity(a, l, &(struct identity){ .kind = ACCOUNT_ANONYMOUS });
        return;
    }
    l->methods = kinds & (ACCOUNT_IIS_MANAGER | ACCOUNT_SYSTEM);
    next_method(a, l);
}

void login_begin(struct auth_server *a, unsigned worker, const struct auth_login *m)
{
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, m->site);
    unsigned kinds = site ? account_kinds(a->child->snapshot, site) : 0;
    struct login *l = login_new(a, worker, m);
    if (!l) {
        answer(a, worker, m->session, AUTH_UNAVAILABLE, WIN32_TIMEOUT, SUB_AUTH_ERROR);
        return;
    }
    if (!site || !decided_by_certificate(a, l, site, m, kinds))
        go_on(a, l, kinds);
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
    if (role == ROLE_WORKER)
        certificate_remove_worker(&a->certificates, index);
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
    int64_t recheck = recheck_logins(a, now);
    first = recheck < first ? recheck : first;
    return first == INT64_MAX ? -1 : (int)(first - now + 1);
}

/* ---- a new snapshot ---- */

/* The certificate is good under the present configuration, and names the same account. */
static bool certificate_still_names(struct auth_server *a, const struct ticket *ticket)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_site *site = snapshot_site_by_id(s, ticket->site);
    if (!site || (!ticket->identity->shown && site->client_cert_policy != CERT_REQUIRE))
        return site != NULL;
    const struct certificate *c = certificate_find(&a->certificates, ticket->identity->shown);
    enum chain_reason reason = c ? judge(a, site, certificate_chain(c), NULL) : CHAIN_OTHER;
    /* It was shown good when the session began; that an answer has left the cache since proves nothing. */
    if (reason != CHAIN_GOOD && reason != CHAIN_REVOCATION_OFFLINE)
        return false;
    struct slice user = SLICE_NONE;
    if (ticket->identity->kind == ACCOUNT_DIRECTORY) /* whether it still names the account, recheck_logins asks */
        return a->ad && certificate_map(s, site, certificate_leaf(certificate_chain(c)), &user) == MAPPING_NONE;
    return !ticket->identity->certificate ||
           (certificate_map(s, site, certificate_leaf(certificate_chain(c)), &user) == MAPPING_USER &&
            names_account(a, user, ticket->identity->user));
}


static bool must_leave(void *context, const struct ticket *ticket)
{
    struct auth_server *a = context;
    if (may_log_in(a, ticket->site, ticket->identity) && certificate_still_names(a, ticket))
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
    load_stores(a);
    load_directory(a);
    cache_retain(a->cache, still_right, a);
    ticket_sweep(a->tickets, must_leave, a);
    tell_useless(a);
}

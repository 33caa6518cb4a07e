/*
 * login_certificate.c - what the certificate of a session says about its login: the verdict when it is shown, whom it
 * names here or in the directory, and what is left for the password.
 */
#include <stdlib.h>

#include "auth/login.h"

enum { MAP_WAIT_MS = 60000, RECORDING_MAX = 8 };

/* ---- certificates ---- */

/* What is answered about a certificate. */
struct certified {
    uint64_t number; /* 0: refused */
    uint32_t win32;
    bool unavailable;
    const char *reason;
    struct slice facts;
};

static void certify(struct auth_server *a, unsigned worker, const struct auth_certificate *m, const struct certified *c)
{
    SERVER_SEND(server_peer(a, ROLE_WORKER, worker), auth_certified, .session = m->session, .site = m->site,
                .certificate = c->number, .win32 = c->win32, .unavailable = c->unavailable, .facts = c->facts,
                .reason = slice_str(c->reason));
}

/* Subject, issuer, serial, SHA-256 and the verdict, for the service log. */
static void tell_certificate(struct auth_server *a, const struct auth_certificate *m, enum chain_reason reason, struct slice facts)
{
    if (reason != CHAIN_GOOD && !login_may_explain(a))
        return;
    const char *why = chain_reason_text(reason);
    struct cert_facts f;
    if (reason == CHAIN_GOOD && facts_read(certificate_leaf(m->chain), &f, &why) == 0)
        facts_free(&f); /* else: good, but nothing that could be mapped, and why */
    server_tell_certificate(a, m->site, (struct log_certificate){
        .level = reason == CHAIN_GOOD ? LOG_LEVEL_DEBUG : LOG_LEVEL_NOTICE, .session_id = m->session_id, .facts = facts,
        .verdict = slice_str(why), .win32 = chain_reason_win32(reason),
        .substatus = reason == CHAIN_GOOD ? 0 : SUB_CERTIFICATE_INVALID });
}

static struct map_job *map_job_at(struct auth_server *a, const struct snap_site *site, const struct certificate *c, int64_t at)
{
    struct map_job *job = map_job_new(a->ad);
    if (!job)
        return NULL;
    struct slice chain = certificate_chain(c);
    job->at = at;
    text_add(&job->leaf, certificate_leaf(chain));
    text_add(&job->workstation, a->options.machine);
    map_job_add_roles(job, a->child->snapshot);
    job->with_ids = site->file_access_identity == FILES_OF_RFC2307;
    certificate_in_ntauth(&a->certificates, site, chain, job->at, &job->in_ntauth_by_issuer, &job->in_ntauth_by_chain,
                          &job->issuers);
    return job;
}

/* useActiveDirectoryMapping without clientCertAuthentication: the account is looked for and told, and logs nobody in.  Logins
 * go first, and what a crowd brings beyond a few at a time goes untold. */
static void record_account(struct auth_server *a, const struct snap_site *site, const struct auth_certificate *m, uint64_t number)
{
    const struct certificate *c = certificate_find(&a->certificates, number);
    bool only_recorded = site->use_ad_mapping && !site->client_cert_enabled;
    if (!only_recorded || !a->ad || !c || !c->mappable || a->recording == RECORDING_MAX)
        return;
    struct map_job *job = map_job_at(a, site, c, login_seconds_now());
    if (!job)
        return;
    job->record_for = site->id;
    if (m->session_id.len == sizeof job->session_id)
        memcpy(job->session_id, m->session_id.ptr, sizeof job->session_id);
    a->recording++;
    errands_add_later(a->mapper, &job->errand);
}

static void tell_recorded(struct auth_server *a, const struct map_job *job)
{
    OWNED_TEXT_BUFFER facts = { 0 }, user = { 0 };
    bool found = job->verdict == DIRECTORY_FOUND;
    a->recording--;
    if (!found && !login_may_explain(a))
        return;
    facts_describe(text_slice(&job->leaf), &facts);
    server_tell_certificate(a, job->record_for, (struct log_certificate){
        .level = job->verdict == DIRECTORY_UNAVAILABLE ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG,
        .session_id = slice_of((const char *)job->session_id, sizeof job->session_id), .facts = text_slice(&facts),
        .verdict = slice_str(directory_verdict_text(job->verdict)),
        .account = found ? login_identity_of(&job->account, &user).user : SLICE_NONE });
}

void login_certificate(struct auth_server *a, unsigned worker, const struct auth_certificate *m)
{
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, m->site);
    OWNED_TEXT_BUFFER facts = { 0 };
    struct certified c = { .unavailable = !site, .reason = "the site is gone" };
    if (!site) {
        certify(a, worker, m, &c);
        return;
    }
    OWNED_TEXT_BUFFER steps = { 0 };
    enum chain_reason reason = certificate_verify(&a->certificates, site, m->chain, login_seconds_now(),
                                                  site->revocation_soft_fail ? &steps : NULL, NULL);
    facts_describe(certificate_leaf(m->chain), &facts);
    if (strstr(text_str(&steps), certificate_soft_step) && login_may_explain(a))
        server_tell(a, LOG_LEVEL_WARNING, "site %u: %s: " SLICE_FMT, m->site, certificate_soft_step, SLICE_ARG(text_slice(&facts)));
    tell_certificate(a, m, reason, text_slice(&facts));
    c.facts = text_slice(&facts);
    c.reason = chain_reason_text(reason);
    if (reason != CHAIN_GOOD) {
        c.win32 = chain_reason_win32(reason);
        certify(a, worker, m, &c);
        return;
    }
    const struct certificate what = { .number = ticket_draw(a->tickets), .worker = worker, .session = m->session,
                                      .site = m->site };
    if (!what.number || certificate_add(&a->certificates, &what, m->chain)) {
        c.unavailable = true;
        c.win32 = WIN_SEM_TIMEOUT;
        c.reason = "too many sessions with certificates";
    } else {
        c.number = what.number;
    }
    certify(a, worker, m, &c);
    record_account(a, site, m, c.number);
}

void login_tell_certificate(struct auth_server *a, const struct login *l, const char *reason, uint32_t win32, uint32_t substatus)
{
    const struct certificate *c = certificate_find(&a->certificates, l->shown);
    OWNED_TEXT_BUFFER facts = { 0 };
    if (!c)
        return;
    facts_describe(certificate_leaf(certificate_chain(c)), &facts);
    server_tell_certificate(a, l->site, (struct log_certificate){
        .level = substatus ? LOG_LEVEL_NOTICE : LOG_LEVEL_DEBUG, .session_id = slice_of((const char *)l->session_id, sizeof l->session_id),
        .facts = text_slice(&facts), .verdict = slice_str(reason), .win32 = win32, .substatus = substatus,
        .account = l->identity ? l->identity->user : SLICE_NONE });
}

void login_forget(struct auth_server *a, unsigned worker, uint64_t number)
{
    const struct certificate *c = certificate_find(&a->certificates, number);
    if (c && c->worker == worker)
        certificate_remove(&a->certificates, number);
}

/* What was typed at USER counts no more.  False: out of memory. */
static bool call_him(struct login *l, struct slice name)
{
    char *user = strndup(name.len ? name.ptr : "", name.len);
    if (!user)
        return false;
    free(l->user);
    l->user = user;
    l->user_len = name.len;
    return true;
}

/* The certificate names `mapped`: that account without a password, or the password must be that account's. */
static void log_in_mapped(struct auth_server *a, struct login *l, struct slice mapped, bool with_password)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_user *manager = account_user(s, mapped);
    if (!call_him(l, mapped)) {
        login_give_up(a, l);
        return;
    }
    l->vouched = !with_password;
    l->methods = manager ? ACCOUNT_IIS_MANAGER : ACCOUNT_SYSTEM | ACCOUNT_DIRECTORY;
    const struct identity identity = { .kind = ACCOUNT_IIS_MANAGER, .certificate = l->certificate,
                                       .user = manager ? snapshot_text(s, manager->name) : SLICE_NONE };
    if (with_password && (!l->password_len || denial_closes_account(a, &l->client, mapped))) {
        login_refuse(a, l, AUTH_DENIED, WIN_LOGON_FAILURE, SUB_AUTHENTICATION_ERROR);
    } else if (manager && !login_is_allowed(a, l->site, &identity)) {
        l->reason = manager->enabled ? "the IIS Manager user has no permission for the site" : "the IIS Manager user is disabled";
        login_refuse(a, l, AUTH_DENIED, WIN_LOGON_FAILURE, SUB_USER_FAILED);
    } else if (manager && !with_password) {
        login_grant(a, l, &identity);
    } else {
        login_next_method(a, l);
    }
}

bool login_names_account(const struct auth_server *a, struct slice mapped, struct slice account)
{
    struct slice name;
    return slice_equal_fold(mapped, account) ||
           (account_system_name(mapped, a->options.machine, SLICE_NONE, &name) == 0 && slice_equal(name, account));
}

/* ---- the directory ---- */

/* Who rehearses is told whether the account would do; its password is another matter. */
static bool requires_password(const struct login *l, const struct snap_site *site)
{
    return site->cert_and_password && !l->rehearsal;
}

/* Whom does the directory say it is?  False: nobody is asked. */
static bool ask_directory(struct auth_server *a, struct login *l, const struct snap_site *site, const struct certificate *c)
{
    if (!site->use_ad_mapping || !a->ad)
        return false;
    if (l->asked_at_user && requires_password(l, site)) {
        login_refuse(a, l, AUTH_NEEDS_PASSWORD, 0, 0);
        return true;
    }
    struct map_job *job = map_job_at(a, site, c, login_at(l));
    l->certificate = c->number;
    login_wait_for(a, l, LOGIN_MAPPING, MAP_WAIT_MS);
    if (job) {
        job->login = l->id;
        job->needs_password = requires_password(l, site);
        job->elsewhen = l->rehearsal && l->rehearsal->at;
        if (job->needs_password)
            text_add(&job->password, login_password(l));
    }
    if (!job || errands_add(a->mapper, &job->errand)) {
        map_job_free(job);
        login_give_up(a, l);
    }
    return true;
}

/* Who rehearses need not say what USER would say. */
static bool requires_user(const struct login *l, const struct snap_site *site)
{
    return site->require_user_match && !(l->rehearsal && !l->user_len);
}

static bool is_account(const struct directory_account *account, struct slice typed)
{
    size_t backslash = slice_find(typed, '\\');
    if (backslash != SIZE_MAX)
        return slice_equal_fold(slice_first(typed, backslash), account->domain) &&
               slice_equal_fold(slice_from(typed, backslash + 1), account->name);
    return slice_equal_fold(typed, account->name) || (account->upn.len && slice_equal_fold(typed, account->upn));
}

/* Whom the certificate names.  The password that was tried is his, whatever USER said: a failure is his, and after too many of
 * them the right one is answered as a wrong one (threats.md A04). */
static void decide_account(struct auth_server *a, struct login *l, const struct snap_site *site, const struct map_job *job)
{
    OWNED_TEXT_BUFFER user = { 0 };
    struct identity identity = login_identity_of(&job->account, &user);
    enum directory_verdict verdict = job->verdict;
    bool is_named = !requires_user(l, site) || is_account(&job->account, login_user(l));
    identity.certificate = l->certificate;
    if (text_error(&user) || (job->needs_password && !call_him(l, identity.user))) {
        login_give_up(a, l);
        return;
    }
    if (job->needs_password && verdict != DIRECTORY_UNAVAILABLE && denial_closes_account(a, &l->client, identity.user))
        verdict = DIRECTORY_BAD_PASSWORD;
    l->reason = verdict != DIRECTORY_FOUND ? directory_verdict_text(verdict)
                : is_named ? "the account of the certificate may not log in"
                           : "USER named somebody else than the certificate";
    if (verdict == DIRECTORY_FOUND && is_named && login_is_allowed(a, l->site, &identity))
        login_grant(a, l, &identity);
    else
        login_refuse(a, l, AUTH_DENIED, verdict != DIRECTORY_FOUND ? directory_verdict_win32(verdict) : WIN_LOGON_FAILURE,
                     SUB_USER_FAILED);
}

/* Without an account the other methods have their say; an account that may not log in is the end. */
static void directory_answered(struct auth_server *a, struct login *l, const struct map_job *job)
{
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, l->site);
    unsigned kinds = site ? account_kinds(a->child->snapshot, site) : 0;
    login_tell_directory(a, l, job);
    l->reason = directory_verdict_text(job->verdict);
    if (!site) {
        login_give_up(a, l);
    } else if (job->verdict == DIRECTORY_FOUND || job->account.sid.len) {
        decide_account(a, l, site, job);
    } else if (!kinds || site->cert_and_password) {
        login_refuse(a, l, AUTH_DENIED, directory_verdict_win32(job->verdict), SUB_USER_FAILED);
    } else {
        l->certificate = 0;
        if (l->asked_at_user)
            login_refuse(a, l, AUTH_NEEDS_PASSWORD, 0, 0);
        else
            login_go_on(a, l, kinds);
    }
}

void login_mapped(struct auth_server *a, struct map_job *job)
{
    static const enum login_stage stages[] = {
        [MAP_CERTIFICATE] = LOGIN_MAPPING, [MAP_PASSWORD] = LOGIN_ASKING_DIRECTORY, [MAP_NAME] = LOGIN_ASKING_DIRECTORY,
        [MAP_HOME] = LOGIN_FINDING_HOME,
    };
    struct login *l = job->ticket || job->fixed || job->record_for ? NULL : login_find(a, stages[job->question], job->login);
    if (job->ticket)
        login_recheck_answered(a, job);
    else if (job->fixed)
        fixed_directory_answered(a, job);
    else if (job->record_for)
        tell_recorded(a, job);
    else if (l && job->question == MAP_CERTIFICATE)
        directory_answered(a, l, job);
    else if (l && (job->question == MAP_PASSWORD || job->question == MAP_NAME))
        login_directory_answered(a, l, job);
    else if (l)
        login_home_answered(a, l, job);
    map_job_free(job);
}

/* What the certificate says about this login.  True: it has been decided, or is on its way. */
bool login_by_certificate(struct auth_server *a, struct login *l, const struct snap_site *site,
                                   const struct auth_login *m, unsigned kinds)
{
    const struct certificate *c = certificate_find(&a->certificates, m->certificate);
    bool mine = c && c->worker == l->worker && c->session == l->session && c->site == l->site;
    if (m->certificate && !mine) {
        login_give_up(a, l); /* we were started anew since: the client has to come again */
        return true;
    }
    l->shown = mine ? c->number : 0;
    enum chain_reason reason = mine ? certificate_verify(&a->certificates, site, certificate_chain(c), login_at(l), NULL, NULL)
                                    : CHAIN_GOOD;
    if (reason != CHAIN_GOOD) { /* it was good when the session began */
        l->reason = chain_reason_text(reason);
        login_refuse(a, l, AUTH_DENIED, chain_reason_win32(reason), SUB_CERTIFICATE_INVALID);
        return true;
    }
    if (site->client_cert_policy == CERT_REQUIRE && !mine) {
        login_refuse(a, l, AUTH_DENIED, WIN_ACCESS_DENIED, SUB_CERTIFICATE_REQUIRED);
        return true;
    }
    if (!site->client_cert_enabled)
        return false;
    struct slice mapped = SLICE_NONE;
    enum certificate_mapping mapping =
        mine && c->mappable ? certificate_map(a->child->snapshot, site, certificate_leaf(certificate_chain(c)), &mapped)
                            : MAPPING_NONE;
    if (mine)
        rehearsal_found(a, l, mapping, mapped);
    bool asked_at_user = l->asked_at_user = m->method == AUTH_METHOD_CERTIFICATE;
    if (mapping == MAPPING_NONE && mine && c->mappable && ask_directory(a, l, site, c))
        return true;
    l->reason = mapping == MAPPING_DENIED ? "an entry of the site's mappings denies the certificate"
                : mapping == MAPPING_NONE ? "no account has this certificate"
                                          : "USER named somebody else than the certificate";
    if (mapping == MAPPING_USER && requires_user(l, site) && !login_names_account(a, mapped, m->user)) {
        login_refuse(a, l, AUTH_DENIED, WIN_LOGON_FAILURE, SUB_USER_FAILED);
    } else if (mapping == MAPPING_USER && !(asked_at_user && requires_password(l, site))) {
        l->certificate = c->number;
        l->reason = "the account of the certificate may not log in";
        log_in_mapped(a, l, mapped, requires_password(l, site));
    } else if (mapping == MAPPING_DENIED || (mapping == MAPPING_NONE && (!kinds || site->cert_and_password))) {
        login_refuse(a, l, AUTH_DENIED, WIN_NO_SUCH_USER, SUB_USER_FAILED);
    } else if (asked_at_user) {
        login_refuse(a, l, AUTH_NEEDS_PASSWORD, 0, 0);
    } else {
        return false;
    }
    return true;
}

/*
 * login_live.c - logins that live: they end, are looked at once more, and outlive a new snapshot or do not.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/login.h"

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
                     (role == ROLE_BROKER && l->broker == index && l->stage == LOGIN_GRANTING) ||
                     (role == ROLE_MEMBERSHIP && l->stage == LOGIN_ASKING_MEMBERSHIP) ||
                     (role == ROLE_PAM && l->stage == LOGIN_ASKING_PAM);
        if (waits)
            login_give_up(a, l);
    }
    if (role == ROLE_WORKER)
        certificate_remove_worker(&a->certificates, index);
    if (role == ROLE_WORKER || role == ROLE_BROKER)
        ticket_sweep(a->tickets, lived_there, &(struct gone){ a, role, index });
}

/* ---- looked at once more ---- */

/* The account of a live login is not what it was: out. */
void login_recheck_answered(struct auth_server *a, const struct map_job *job)
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

/* ticket_sweep's walk over all of them; nobody leaves before the directory has answered. */
static bool recheck_one(void *context, const struct ticket *ticket)
{
    struct auth_server *a = context;
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, ticket->site);
    const struct certificate *c = certificate_find(&a->certificates, ticket->identity->certificate);
    if (ticket->identity->kind != ACCOUNT_DIRECTORY || !site || !c)
        return false;
    struct map_job *job = login_map_job(a, site, c);
    if (job) {
        job->ticket = ticket->number;
        mapper_submit_later(a->mapper, job);
    }
    return false;
}

/* Look at the accounts of all live logins once more when it is time to. */
int64_t login_recheck(struct auth_server *a, int64_t now)
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

static void load_stores(struct auth_server *a)
{
    size_t bad = 0;
    int err = certificate_load_stores(&a->certificates, a->child->snapshot, &bad);
    if (err)
        server_tell(a, LOG_LEVEL_ERROR, "the certificate stores could not be loaded: %s", err_text(err));
    else if (bad)
        server_tell(a, LOG_LEVEL_WARNING, "%zu files of the certificate stores hold no certificate", bad);
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
    enum chain_reason reason = c ? login_judge(a, site, certificate_chain(c), NULL) : CHAIN_OTHER;
    /* It was shown good when the session began; that an answer has left the cache since proves nothing. */
    if (reason != CHAIN_GOOD && reason != CHAIN_REVOCATION_OFFLINE)
        return false;
    struct slice user = SLICE_NONE;
    if (ticket->identity->kind == ACCOUNT_DIRECTORY) /* whether it still names the account, recheck_logins asks */
        return a->ad && certificate_map(s, site, certificate_leaf(certificate_chain(c)), &user) == MAPPING_NONE;
    return !ticket->identity->certificate ||
           (certificate_map(s, site, certificate_leaf(certificate_chain(c)), &user) == MAPPING_USER &&
            login_names_account(a, user, ticket->identity->user));
}

static bool must_leave(void *context, const struct ticket *ticket)
{
    struct auth_server *a = context;
    if (login_is_allowed(a, ticket->site, ticket->identity) && certificate_still_names(a, ticket))
        return false;
    SERVER_SEND(a, server_peer(a, ROLE_WORKER, ticket->worker), auth_revoke, .ticket = ticket->number,
                .substatus = SUB_CONFIGURATION_CHANGED, .why = SLICE_LITERAL("the account may no longer log in on this site"));
    SERVER_SEND(a, server_peer(a, ROLE_BROKER, ticket->worker), grant_revoke, .ticket = ticket->number);
    return true;
}

static bool still_right(void *context, uint32_t site, const struct identity *identity,
                        const uint8_t fingerprint[CACHE_DIGEST])
{
    struct auth_server *a = context;
    uint8_t current[CACHE_DIGEST];
    login_fingerprint(a, identity, current);
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
    if ((kinds & ACCOUNT_SYSTEM) && !login_pam_is_expected(a) && !a->told_no_pam) {
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

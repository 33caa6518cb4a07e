/*
 * login_live.c - logins that live: they end, are looked at once more, and outlive a new snapshot or do not.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/login.h"

/* ---- ends ---- */

void login_ended(struct auth_server *a, unsigned worker, struct slice tickets)
{
    char his[TICKETS_LIMIT] __attribute__((uninitialized)); /* no memory to ask for: a grant that is not told would live for ever */
    size_t len = 0;
    struct wire_in in = wire_in_of(tickets.ptr, tickets.len);
    while (!in.err && in.at < in.len) {
        const char *bytes = tickets.ptr + in.at;
        uint64_t number = wire_get_number(&in, sizeof number, UINT64_MAX);
        const struct ticket *ticket = in.err ? NULL : ticket_find(a->tickets, number);
        if (!in.err && !ticket)
            login_return_ended(a, worker, number);
        if (!ticket || ticket->worker != worker)
            continue;
        memcpy(his + len, bytes, sizeof number);
        len += sizeof number;
        ticket_remove(a->tickets, number);
    }
    if (len)
        SERVER_SEND(server_peer(a, ROLE_BROKER, worker), grant_ended, .tickets = slice_of(his, len));
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
        SERVER_SEND(server_peer(gone->a, ROLE_BROKER, gone->index), grant_revoke, .ticket = ticket->number);
    return true;
}

void login_peer_gone(struct auth_server *a, unsigned role, unsigned index)
{
    for (struct login *l = a->logins, *next; l; l = next) {
        next = l->next;
        bool waits = (role == ROLE_WORKER && l->worker == index) ||
                     (role == ROLE_BROKER && l->broker == index && l->stage == LOGIN_GRANTING) ||
                     (role == ROLE_PAM && (l->stage == LOGIN_ASKING_PAM || l->stage == LOGIN_IDENTIFYING));
        if (waits)
            login_give_up(a, l);
        else if (role == ROLE_MEMBERSHIP && l->stage == LOGIN_ASKING_MEMBERSHIP)
            login_membership_failed(a, l, SLICE_LITERAL("the program that asks the membership database has ended"));
    }
    fixed_peer_gone(a, role, index);
    if (role == ROLE_BROKER)
        twins_end(a, index);
    if (role == ROLE_WORKER)
        certificate_remove_worker(&a->certificates, index);
    if (role == ROLE_WORKER || role == ROLE_BROKER)
        login_return_gone(a, index);
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
                      : job->verdict == DIRECTORY_NONE && job->question != MAP_CERTIFICATE ? "the account is not there any more"
                                                        : directory_verdict_text(job->verdict);
    uint32_t win32 = job->verdict == DIRECTORY_FOUND ? WIN_ACCESS_DENIED : directory_verdict_win32(job->verdict);
    live_end(a, ticket, SUB_USER_FAILED, win32, why);
}

static void load_directory(struct auth_server *a)
{
    struct ad *ad = NULL;
    struct diag d = { 0 };
    int err = ad_from_snapshot(a->child->snapshot, a->ad, &ad, &d);
    if (err)
        server_tell(a, LOG_LEVEL_ERROR, "the directory of accounts cannot be used: %s", d.what[0] ? d.what : err_text(err));
    pthread_mutex_lock(&a->ad_place.lock);
    a->ad_place.ad = ad;
    pthread_mutex_unlock(&a->ad_place.lock);
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

/* What can be said at once; what the certificate says about it is asked again by live_begin(). */
static bool must_leave(void *context, const struct ticket *ticket)
{
    struct auth_server *a = context;
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, ticket->site);
    if (site && !login_lacks_certificate(a, ticket->site, ticket->identity) &&
        login_is_allowed(a, ticket->site, ticket->identity))
        return false;
    SERVER_SEND(server_peer(a, ROLE_WORKER, ticket->worker), auth_revoke, .ticket = ticket->number,
                .substatus = SUB_CONFIGURATION_CHANGED, .why = SLICE_LITERAL("the account may no longer log in on this site"));
    SERVER_SEND(server_peer(a, ROLE_BROKER, ticket->worker), grant_revoke, .ticket = ticket->number);
    return true;
}

void login_check(struct auth_server *a, uint64_t number)
{
    const struct ticket *ticket = ticket_find(a->tickets, number);
    if (ticket && must_leave(a, ticket))
        ticket_remove(a->tickets, number);
}

static bool still_right(void *context, uint32_t site, const struct identity *identity,
                        const uint8_t fingerprint[CACHE_DIGEST])
{
    struct auth_server *a = context;
    uint8_t current[CACHE_DIGEST];
    login_fingerprint(a, identity, snapshot_generation(a->child->snapshot), current);
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
    twins_forget(a);
    load_stores(a);
    load_directory(a);
    cache_retain(a->cache, still_right, a);
    ticket_sweep(a->tickets, must_leave, a);
    live_begin(a);
    fixed_apply_snapshot(a);
    tell_useless(a);
}

/*
 * login_directory.c - Basic authentication of accounts of the Active Directory: DOMAIN\user, user@domain, or a bare name where
 * defaultLogonDomain is that domain.
 *
 * Names of this machine are PAM's; every other domain is asked of the directory, whose threads also find out whether the
 * name is of its domain at all.  What the directory says about a password that is right (disabled, expired ...) goes to
 * the log; the client sees the same refusal as for a wrong one (threats.md A01).
 */
#include "auth/login.h"

enum { DIRECTORY_WAIT_MS = 60000 };

struct identity login_identity_of(const struct directory_account *account, struct text *user)
{
    text_reset(user);
    text_addf(user, SLICE_FMT "\\" SLICE_FMT, SLICE_ARG(account->domain), SLICE_ARG(account->name));
    return (struct identity){ .kind = ACCOUNT_DIRECTORY, .user = text_slice(user), .roles = account->roles, .sid = account->sid,
                              .dns_domain = account->dns_domain, .principal = account->upn, .has_ids = account->has_uid,
                              .uid = account->uid, .gid = account->gid, .groups = account->gids };
}

void login_tell_directory(struct auth_server *a, const struct login *l, const struct map_job *job)
{
    OWNED_TEXT_BUFFER steps = { 0 };
    bool found = job->verdict == DIRECTORY_FOUND;
    if (l->rehearsal) {
        rehearsal_mapped(a, l->rehearsal, job);
        return;
    }
    if (!found && !login_may_explain(a))
        return;
    if (job->account.dn.len) {
        text_add_str(&steps, ": ");
        text_add_escaped(&steps, job->account.dn);
    } else if (job->name.len) {
        text_add_str(&steps, ": ");
        text_add_escaped(&steps, text_slice(&job->name));
    }
    for (struct slice rest = text_slice(&job->steps); rest.len;) {
        text_add_str(&steps, "; ");
        text_add_escaped(&steps, slice_cut(&rest, '\n'));
    }
    const char *strength = job->question != MAP_CERTIFICATE ? "" : job->account.strong ? "; strong" : "; weak";
    server_tell(a, found ? LOG_LEVEL_DEBUG : job->verdict == DIRECTORY_UNAVAILABLE ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE,
                "site %u: %s" SLICE_FMT "%s", l->site, map_job_text(job), SLICE_ARG(text_slice(&steps)), found ? strength : "");
}

static struct map_job *password_job(struct auth_server *a, const struct login *l, const struct snap_site *site)
{
    struct map_job *job = map_job_new(a->ad);
    if (!job)
        return NULL;
    job->question = l->vouched ? MAP_NAME : MAP_PASSWORD;
    job->login = l->id;
    job->at = login_at(l);
    job->with_ids = site->file_access_identity == FILES_OF_RFC2307;
    text_add(&job->name, login_user(l));
    text_add(&job->domain, snapshot_text(a->child->snapshot, site->basic_default_logon_domain));
    if (!l->vouched)
        text_add(&job->password, login_password(l));
    text_add(&job->workstation, a->options.machine);
    map_job_add_roles(job, a->child->snapshot);
    return job;
}

bool login_try_directory(struct auth_server *a, struct login *l)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_site *site = snapshot_site_by_id(s, l->site);
    struct slice local;
    if (!site || !a->ad || account_system_name(login_user(l), a->options.machine, snapshot_text(s, site->basic_default_logon_domain),
                                               &local) != ERR_UNSUPPORTED)
        return false;
    const struct identity *known = login_recall(a, l, ACCOUNT_DIRECTORY, login_user(l));
    if (known) {
        login_grant(a, l, known);
        return true;
    }
    if (!login_may_ask(a, l, ACCOUNT_DIRECTORY))
        return true;
    struct map_job *job = password_job(a, l, site);
    login_wait_for(a, l, LOGIN_ASKING_DIRECTORY, DIRECTORY_WAIT_MS);
    if (!job || errands_add(a->mapper, &job->errand)) {
        map_job_free(job);
        login_give_up(a, l);
    }
    return true;
}

void login_directory_answered(struct auth_server *a, struct login *l, const struct map_job *job)
{
    OWNED_TEXT_BUFFER user = { 0 };
    login_tell_directory(a, l, job);
    if (job->verdict == DIRECTORY_NONE) { /* nobody, or of another domain */
        login_next_method(a, l);
        return;
    }
    if (job->verdict != DIRECTORY_FOUND) {
        login_refuse(a, l, AUTH_DENIED, directory_verdict_win32(job->verdict),
                     l->certificate ? SUB_USER_FAILED : SUB_AUTHENTICATION_ERROR);
        return;
    }
    struct identity identity = login_identity_of(&job->account, &user);
    identity.certificate = l->certificate;
    identity.mapped = l->certificate ? text_slice(&job->name) : SLICE_NONE;
    if (text_error(&user)) {
        login_give_up(a, l);
        return;
    }
    if (!login_is_allowed(a, l->site, &identity)) {
        login_next_method(a, l);
        return;
    }
    login_remember(a, l, &identity);
    login_grant(a, l, &identity);
}

/* A name of the site's mappings may mean somebody else by now, or nobody. */
void login_directory_recheck(struct auth_server *a, const struct ticket *ticket)
{
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, ticket->site);
    struct map_job *job = a->ad && site ? map_job_new(a->ad) : NULL;
    if (!job)
        return;
    job->question = ticket->identity->mapped.len ? MAP_NAME : MAP_ACCOUNT;
    job->ticket = ticket->number;
    job->at = login_seconds_now();
    text_add(&job->sid, ticket->identity->sid);
    text_add(&job->name, ticket->identity->mapped);
    text_add(&job->domain, snapshot_text(a->child->snapshot, site->basic_default_logon_domain));
    text_add(&job->workstation, a->options.machine);
    map_job_add_roles(job, a->child->snapshot);
    errands_add_later(a->mapper, &job->errand);
}

/*
 * login_password.c - the methods that ask for a password: IIS Manager users, system accounts, and the cache before both.
 */
#include "auth/login.h"
#include "base/clock.h"

enum {
    PAM_WAIT_MS = 60000,
    VERIFY_WAIT_MS = 60000,
};

/* ---- the cache ---- */

static bool cache_is_on(const struct auth_server *a)
{
    return snapshot_server(a->child->snapshot, 0)->credentials_cache_enabled;
}

/* System accounts have no stored form that we see: their fingerprint is that of nothing.  What a directory or a database was
 * asked for one configuration says nothing under another: it may be another one, and of the groups of an account only those
 * are known that rules of that configuration named. */
void login_fingerprint(const struct auth_server *a, const struct identity *identity, uint64_t generation,
                       uint8_t out[CACHE_DIGEST])
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_user *user =
        identity->kind == ACCOUNT_IIS_MANAGER ? account_user(s, identity->user) : NULL;
    bool was_asked = identity->kind == ACCOUNT_DIRECTORY || identity->kind == ACCOUNT_MEMBERSHIP;
    cache_fingerprint(a->cache, user ? snapshot_text(s, user->password)
                                : was_asked ? slice_of((const char *)&generation, sizeof generation) : SLICE_NONE, out);
}

const struct identity *login_recall(struct auth_server *a, struct login *l, enum account_kind kind, struct slice name)
{
    uint8_t fingerprint[CACHE_DIGEST];
    const struct cache_key key = { kind, l->site, name, login_password(l) };
    if (!cache_is_on(a) || l->certificate)
        return NULL;
    cache_digest(a->cache, &key, l->digest);
    login_fingerprint(a, &(struct identity){ .kind = kind, .user = name }, snapshot_generation(a->child->snapshot), fingerprint);
    const struct identity *found = cache_find(a->cache, l->digest, fingerprint, clock_ms() / 1000);
    return found && account_is_allowed(a->child->snapshot, kind, l->site, found->user) ? found : NULL;
}

void login_remember(struct auth_server *a, const struct login *l, const struct identity *identity)
{
    uint8_t fingerprint[CACHE_DIGEST];
    if (!cache_is_on(a) || l->certificate)
        return;
    login_fingerprint(a, identity, l->generation, fingerprint); /* a reload may have come between question and answer */
    cache_put(a->cache, l->digest, fingerprint, l->site, identity,
              clock_ms() / 1000 + snapshot_server(a->child->snapshot, 0)->credentials_cache_seconds);
}

/* ---- IIS Manager users ---- */

/* Logins that come with one password at one moment (a reload has emptied the cache, every client comes back) cost one
 * digest: the others wait for it and find it in the cache. */
static bool is_checked_for_another(const struct auth_server *a, struct login *l)
{
    if (!cache_is_on(a) || l->certificate)
        return false;
    for (const struct login *other = a->logins; other; other = other->next)
        if (other != l && other->stage == LOGIN_VERIFYING && memcmp(other->digest, l->digest, CACHE_DIGEST) == 0)
            l->twin = other->id;
    return l->twin;
}

/* false: the method has no say, go on with the next. */
bool login_try_manager(struct auth_server *a, struct login *l)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_site *site = snapshot_site_by_id(s, l->site);
    struct reason why = { 0 };
    if (!account_manager_is_open(s) && !l->certificate) {
        if (site && !account_manager_allows(s, site, login_user(l), &why))
            login_because(a, l, &why);
        return false;
    }
    const struct snap_user *user = account_user(s, login_user(l));
    struct slice canonical = user ? snapshot_text(s, user->name) : login_user(l);
    const struct identity *known = login_recall(a, l, ACCOUNT_IIS_MANAGER, canonical);
    if (known) {
        LOGIN_SAY(a, l, "IIS Manager user, password in the credentials cache");
        login_grant(a, l, known);
        return true;
    }
    if (is_checked_for_another(a, l)) {
        login_queue_up(a, l, ACCOUNT_IIS_MANAGER);
        return true;
    }
    if (!login_may_ask(a, l, ACCOUNT_IIS_MANAGER))
        return true;
    struct verify_job *job =
        verify_job_new(VERIFY_CHECK, l->id, login_password(l), user ? snapshot_text(s, user->password) : SLICE_NONE);
    if (!job || verify_job_set(&job->like, slice_str(a->like))) {
        verify_job_free(job);
        login_give_up(a, l);
        return true;
    }
    job->forms = a->forms;
    login_wait_for(a, l, LOGIN_VERIFYING, VERIFY_WAIT_MS);
    if (errands_add(a->verifier, &job->errand)) {
        verify_job_free(job);
        login_give_up(a, l);
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
    struct verify_job *job = verify_job_new(VERIFY_REHASH, 0, login_password(l), stored);
    if (!job || verify_job_set(&job->user, snapshot_text(s, user->name)) || errands_add(a->verifier, &job->errand)) {
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

/* The digest fits what was stored when the login came: it counts if that is still what is stored. */
static void manager_verified(struct auth_server *a, struct login *l, const struct verify_job *job)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_user *user = account_user(s, login_user(l));
    const struct snap_site *site = snapshot_site_by_id(s, l->site);
    struct reason why = { 0 };
    if (!job->matches || !user) {
        reason_set(&why, user ? user->source : 0, user ? "not the password of the IIS Manager user"
                                                       : "no IIS Manager user has that name");
        login_because(a, l, &why);
        login_next_method(a, l);
        return;
    }
    if (!slice_equal_str(snapshot_text(s, user->password), job->stored)) {
        login_attempt(a, l, ACCOUNT_IIS_MANAGER); /* changed meanwhile, perhaps by renew_password for another login */
        return;
    }
    const struct identity identity = { .kind = ACCOUNT_IIS_MANAGER, .user = snapshot_text(s, user->name),
                                       .certificate = l->certificate };
    if (site) {
        (void)account_manager_allows(s, site, identity.user, &why);
        login_because(a, l, &why);
    }
    if (!login_is_allowed(a, l->site, &identity)) {
        if (login_may_explain(a))
            server_tell(a, LOG_LEVEL_NOTICE, "IIS Manager user \"" SLICE_FMT "\" gave the right password, but %s",
                        SLICE_ARG(identity.user),
                        user->enabled ? "has no IIS Manager Permission for the site" : "is disabled");
        login_next_method(a, l);
        return;
    }
    renew_password(a, l, user);
    login_remember(a, l, &identity);
    login_grant(a, l, &identity);
}

void login_verified(struct auth_server *a, struct verify_job *job)
{
    if (job->task == VERIFY_REHASH) {
        send_rehash(a, job);
        a->has_room = true;
    } else {
        struct login *l = login_find(a, LOGIN_VERIFYING, job->login);
        if (l)
            manager_verified(a, l, job);
    }
    verify_job_free(job);
}

/* ---- system accounts ---- */

/* Started by root, pam is there, or is being started because Basic has just been switched on. */
bool login_pam_is_expected(const struct auth_server *a)
{
    return a->had_pam || a->child->privileged;
}

bool login_try_system(struct auth_server *a, struct login *l)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_site *site = snapshot_site_by_id(s, l->site);
    struct slice name;
    if (!site || account_system_name(login_user(l), a->options.machine, snapshot_text(s, site->basic_default_logon_domain), &name)) {
        LOGIN_SAY(a, l, "Basic: the name is of a domain, or none that a system account could have");
        return false;
    }
    const struct identity *known = login_recall(a, l, ACCOUNT_SYSTEM, name);
    if (known) {
        login_grant(a, l, known);
        return true;
    }
    struct peer *pam = server_peer(a, ROLE_PAM, 0);
    if (!pam && !login_pam_is_expected(a))
        return false; /* told at the start; the client sees a wrong password */
    if (!pam) {
        login_give_up(a, l);
        return true;
    }
    if (!login_may_ask(a, l, ACCOUNT_SYSTEM))
        return true;
    login_wait_for(a, l, LOGIN_ASKING_PAM, PAM_WAIT_MS);
    SERVER_SEND(pam, pam_check, .job = l->id, .service = account_pam_service(s, site->basic_logon_method),
                .user = name, .password = l->vouched ? SLICE_NONE : login_password(l), .rhost = slice_str(l->rhost),
                .vouched = l->vouched);
    return true;
}

void login_pam_answered(struct auth_server *a, const struct pam_answer *m)
{
    const struct snapshot *s = a->child->snapshot;
    struct login *l = login_find(a, LOGIN_ASKING_PAM, m->job);
    if (fixed_pam_answered(a, m) || login_identified(a, m) || !l)
        return;
    if (m->verdict == PAM_VERDICT_UNAVAILABLE) {
        login_give_up(a, l);
        return;
    }
    if (l->anonymous) {
        login_anonymous_found(a, l, m);
        return;
    }
    const struct identity identity = { .kind = ACCOUNT_SYSTEM, .uid = m->uid, .gid = m->gid, .user = m->user,
                                       .groups = m->groups, .roles = m->group_names, .certificate = l->certificate };
    LOGIN_SAY(a, l, "%s", m->verdict == PAM_VERDICT_OK ? "PAM accepts the system account" : "PAM refuses the account or its password");
    if (m->verdict != PAM_VERDICT_OK || slice_is_empty(m->user)) {
        login_next_method(a, l);
        return;
    }
    if (m->uid == 0 || m->uid < snapshot_server(s, 0)->uid_floor) {
        LOGIN_SAY(a, l, "uid %u is below uidFloor %u", m->uid, snapshot_server(s, 0)->uid_floor);
        if (login_may_explain(a))
            server_tell(a, LOG_LEVEL_NOTICE, "system account \"" SLICE_FMT "\" has uid %u, which is below uidFloor %u: refused",
                        SLICE_ARG(m->user), m->uid, snapshot_server(s, 0)->uid_floor);
        login_next_method(a, l);
        return;
    }
    if (!login_is_allowed(a, l->site, &identity)) {
        login_next_method(a, l);
        return;
    }
    login_remember(a, l, &identity);
    login_grant(a, l, &identity);
}

/*
 * login_fixed.c - the fixed accounts of virtual directories (userName, password, logonMethod): logged in here, once and then
 * from time to time, as a user with Basic authentication would be; the brokers are told whose files those are.
 *
 *     ASKING --> (IDENTIFYING: NSS) --> GOOD or BAD --- after a while ---> asked again, the last answer counts meanwhile
 *
 * An account of this machine is PAM's, and the service follows from logonMethod.  One of the directory needs numbers: those
 * that the site's fileAccessIdentity gives.
 */
#include <stdlib.h>

#include "auth/login.h"
#include "base/clock.h"

/* A password that was refused is seldom asked about again: every attempt brings the account nearer to being locked. */
enum { AGAIN_GOOD_MS = 300000, AGAIN_REFUSED_MS = 3600000, AGAIN_SOON_MS = 30000, ASK_WAIT_MS = 60000, PAM_AWAIT_MS = 1000 };

enum fixed_state { FIXED_ASKING, FIXED_GOOD, FIXED_BAD };

struct fixed {
    struct fixed *next;
    uint64_t id;           /* of the question under way, 0 none */
    uint32_t site, logon_method;
    struct text path, user, password;
    enum fixed_state state;
    bool local, identifying;
    uint32_t uid, gid;
    struct text groups;
    int64_t next_ms;       /* when to ask, or to give the question up */
    bool again;            /* the answer under way is to a question that is out of date */
    bool current;          /* of the newest snapshot */
};

static void fixed_free(struct fixed *f)
{
    if (f->password.ptr)
        secret_wipe(f->password.ptr, f->password.cap);
    text_free(&f->password);
    text_free(&f->path);
    text_free(&f->user);
    text_free(&f->groups);
    free(f);
}

void fixed_free_all(struct auth_server *a)
{
    while (a->fixed) {
        struct fixed *f = a->fixed;
        a->fixed = f->next;
        fixed_free(f);
    }
}

/* ---- the brokers ---- */

static void tell_broker(struct auth_server *a, const struct fixed *f, unsigned broker)
{
    struct peer *p = server_peer(a, ROLE_BROKER, broker);
    if (!p || f->state == FIXED_ASKING)
        return;
    a->fixed_told[broker]++;
    SERVER_SEND(p, grant_fixed, .site = f->site, .path = text_slice(&f->path), .user = text_slice(&f->user),
                .accepted = f->state == FIXED_GOOD, .local = f->local, .uid = f->uid, .gid = f->gid, .groups = text_slice(&f->groups));
}

void fixed_taken_in(struct auth_server *a, unsigned broker)
{
    if (broker > WORKERS_MAX || !a->fixed_told[broker] || --a->fixed_told[broker])
        return;
    login_fixed_settled(a, 0);
}

bool fixed_is_pending(const struct auth_server *a, uint32_t site, unsigned broker)
{
    for (const struct fixed *f = a->fixed; f; f = f->next)
        if (f->site == site && (f->state == FIXED_ASKING || (broker <= WORKERS_MAX && a->fixed_told[broker])))
            return true;
    return false;
}

/* ---- answers ---- */

static void ask_after(struct fixed *f, int64_t ms)
{
    f->next_ms = clock_ms() + (f->again ? 0 : ms);
    f->again = false;
}

static void ask_soon(struct fixed *f)
{
    if (f->id)
        f->again = true;
    else
        f->next_ms = 0;
}

static void settle(struct auth_server *a, struct fixed *f, enum fixed_state state, const char *why)
{
    bool was_good = f->state == FIXED_GOOD;
    f->id = 0;
    f->identifying = false;
    f->state = state;
    ask_after(f, state == FIXED_GOOD ? AGAIN_GOOD_MS : AGAIN_REFUSED_MS);
    if (state == FIXED_BAD)
        server_tell(a, was_good ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
                    "virtual directory " SLICE_FMT " of site %u is closed, because its account \"" SLICE_FMT "\" cannot be logged in: %s",
                    SLICE_ARG(text_slice(&f->path)), f->site, SLICE_ARG(text_slice(&f->user)), why);
    for (unsigned broker = 0; broker <= WORKERS_MAX; broker++)
        tell_broker(a, f, broker);
    login_fixed_settled(a, f->site);
}

/* Nobody could say: what was good stays so. */
static void unanswered(struct auth_server *a, struct fixed *f, const char *why)
{
    f->again = false;
    if (f->state == FIXED_GOOD) {
        f->id = 0;
        f->identifying = false;
    } else {
        settle(a, f, FIXED_BAD, why);
    }
    f->next_ms = clock_ms() + AGAIN_SOON_MS;
}

static struct fixed *find(struct auth_server *a, uint64_t id)
{
    for (struct fixed *f = a->fixed; f; f = f->next)
        if (f->id == id)
            return f;
    return NULL;
}

static void take(struct auth_server *a, struct fixed *f, uint32_t uid, uint32_t gid, struct slice groups)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_site *site = snapshot_site_by_id(s, f->site);
    uint32_t floor = f->local || !site ? snapshot_server(s, 0)->uid_floor : site->minimum_uid;
    text_reset(&f->groups);
    text_add(&f->groups, groups);
    f->uid = uid;
    f->gid = gid;
    if (text_error(&f->groups))
        unanswered(a, f, "no memory");
    else if (!uid || uid < floor)
        settle(a, f, FIXED_BAD, f->local ? "its uid is below uidFloor" : "its uid is below minimumUid");
    else
        settle(a, f, FIXED_GOOD, "");
}

bool fixed_pam_answered(struct auth_server *a, const struct pam_answer *m)
{
    struct fixed *f = find(a, m->job);
    if (!f)
        return false;
    if (m->verdict == PAM_VERDICT_UNAVAILABLE)
        unanswered(a, f, "PAM does not answer");
    else if (m->verdict == PAM_VERDICT_OK)
        take(a, f, m->uid, m->gid, m->groups);
    else
        settle(a, f, FIXED_BAD, f->identifying ? "NSS does not know it" : "no such account, or not its password");
    return true;
}

static void identify(struct auth_server *a, struct fixed *f, const struct directory_account *account)
{
    struct peer *pam = server_peer(a, ROLE_PAM, 0);
    OWNED_TEXT_BUFFER user = { 0 }, also = { 0 };
    text_addf(&user, SLICE_FMT "\\" SLICE_FMT, SLICE_ARG(account->domain), SLICE_ARG(account->name));
    text_addf(&also, SLICE_FMT "@" SLICE_FMT, SLICE_ARG(account->name), SLICE_ARG(account->domain));
    if (!pam || text_error(&user) || text_error(&also)) {
        unanswered(a, f, "pam is not there");
        return;
    }
    f->identifying = true;
    SERVER_SEND(pam, pam_check, .job = f->id, .user = text_slice(&user), .also = text_slice(&also), .only_identity = true);
}

void fixed_directory_answered(struct auth_server *a, const struct map_job *job)
{
    const struct snapshot *s = a->child->snapshot;
    struct fixed *f = find(a, job->fixed);
    const struct snap_site *site = f ? snapshot_site_by_id(s, f->site) : NULL;
    OWNED_TEXT_BUFFER user = { 0 }, groups = { 0 };
    if (!f || !site)
        return;
    const struct identity identity = login_identity_of(&job->account, &user);
    const struct snap_account_map *row = account_mapped(s, identity.user);
    if (job->verdict == DIRECTORY_UNAVAILABLE) {
        unanswered(a, f, directory_verdict_text(job->verdict));
    } else if (job->verdict != DIRECTORY_FOUND) {
        settle(a, f, FIXED_BAD, directory_verdict_text(job->verdict));
    } else if (site->file_access_identity == FILES_OF_NSS) {
        identify(a, f, &job->account);
    } else if (site->file_access_identity == FILES_OF_RFC2307 && identity.has_ids) {
        take(a, f, identity.uid, identity.gid, identity.groups);
    } else if (site->file_access_identity == FILES_OF_MAP && row) {
        login_add_groups(&groups, snapshot_text(s, row->groups));
        take(a, f, row->uid, row->gid, text_slice(&groups));
    } else {
        settle(a, f, FIXED_BAD, "the site's fileAccessIdentity gives no uid for it");
    }
}

/* ---- questions ---- */

static bool ask_directory(struct auth_server *a, struct fixed *f)
{
    struct map_job *job = a->ad ? map_job_new(a->ad) : NULL;
    if (!job)
        return false;
    job->question = MAP_PASSWORD;
    job->fixed = f->id;
    job->at = login_seconds_now();
    job->with_ids = true;
    text_add(&job->name, text_slice(&f->user));
    text_add(&job->password, text_slice(&f->password));
    text_add(&job->workstation, a->options.machine);
    if (errands_add(a->mapper, &job->errand) == 0)
        return true;
    map_job_free(job);
    return false;
}

static void ask(struct auth_server *a, struct fixed *f, int64_t now)
{
    const struct snapshot *s = a->child->snapshot;
    struct peer *pam = server_peer(a, ROLE_PAM, 0);
    struct slice local;
    int err = account_system_name(text_slice(&f->user), a->options.machine, SLICE_NONE, &local);
    f->id = ++a->next_login;
    f->local = err == 0;
    f->next_ms = now + ASK_WAIT_MS;
    if (err && err != ERR_UNSUPPORTED) {
        settle(a, f, FIXED_BAD, "no account can have that name");
    } else if (err && !ask_directory(a, f)) {
        unanswered(a, f, a->ad ? "too many wait for the directory" : "there is no directory (sallyport/directory)");
    } else if (!err && !pam) { /* it is being started */
        f->id = 0;
        f->next_ms = now + PAM_AWAIT_MS;
    } else if (!err) {
        SERVER_SEND(pam, pam_check, .job = f->id, .service = account_pam_service(s, f->logon_method), .user = local,
                    .password = text_slice(&f->password));
    }
}

int64_t fixed_turn(struct auth_server *a, int64_t now)
{
    int64_t first = INT64_MAX;
    for (struct fixed *f = a->fixed; f; f = f->next) {
        if (f->next_ms <= now && f->id)
            unanswered(a, f, "nobody answers");
        else if (f->next_ms <= now)
            ask(a, f, now);
        if (f->next_ms < first)
            first = f->next_ms;
    }
    return first;
}

void fixed_flush(struct auth_server *a)
{
    for (struct fixed *f = a->fixed; f; f = f->next)
        ask_soon(f);
}

/* ---- who comes and goes ---- */

void fixed_peer_came(struct auth_server *a, unsigned role, unsigned index)
{
    for (struct fixed *f = a->fixed; f; f = f->next) {
        if (role == ROLE_BROKER && index <= WORKERS_MAX)
            tell_broker(a, f, index);
        if (role == ROLE_PAM && !f->id && f->state == FIXED_ASKING)
            f->next_ms = 0;
    }
}

void fixed_peer_gone(struct auth_server *a, unsigned role, unsigned index)
{
    if (role == ROLE_BROKER && index <= WORKERS_MAX)
        a->fixed_told[index] = 0;
    for (struct fixed *f = a->fixed; role == ROLE_PAM && f; f = f->next)
        if (f->id && (f->local || f->identifying)) {
            f->id = 0;
            f->identifying = false;
            f->next_ms = clock_ms() + PAM_AWAIT_MS;
        }
}

static struct fixed *known(struct auth_server *a, const struct snapshot *s, const struct snap_fixed_account *row)
{
    for (struct fixed *f = a->fixed; f; f = f->next)
        if (f->site == row->site && f->logon_method == row->logon_method && slice_equal(text_slice(&f->path), snapshot_text(s, row->path)) &&
            slice_equal(text_slice(&f->user), snapshot_text(s, row->user_name)) &&
            slice_equal(text_slice(&f->password), snapshot_text(s, row->password)))
            return f;
    return NULL;
}

static void add(struct auth_server *a, const struct snapshot *s, const struct snap_fixed_account *row)
{
    struct fixed *f = calloc(1, sizeof *f);
    if (!f)
        return;
    f->site = row->site;
    f->logon_method = row->logon_method;
    text_add(&f->path, snapshot_text(s, row->path));
    text_add(&f->user, snapshot_text(s, row->user_name));
    text_add(&f->password, snapshot_text(s, row->password));
    f->current = true;
    if (text_error(&f->path) || text_error(&f->user) || text_error(&f->password)) {
        fixed_free(f); /* then nobody gets at the directory */
        return;
    }
    f->next = a->fixed;
    a->fixed = f;
}

void fixed_apply_snapshot(struct auth_server *a)
{
    const struct snapshot *s = a->child->snapshot;
    for (struct fixed *f = a->fixed; f; f = f->next)
        f->current = false;
    for (size_t i = 0; i < snapshot_count(s, SNAP_TABLE_fixed_account); i++) {
        const struct snap_fixed_account *row = snapshot_fixed_account(s, i);
        struct fixed *f = known(a, s, row);
        if (f) {
            f->current = true;
            ask_soon(f); /* other settings may make it another account */
        } else {
            add(a, s, row);
        }
    }
    for (struct fixed **at = &a->fixed; *at;) {
        struct fixed *f = *at;
        if (f->current) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        fixed_free(f);
    }
    login_fixed_settled(a, 0); /* who waited for one that is gone */
}

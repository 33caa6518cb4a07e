/*
 * login_prepare.c - between the identity and the grant: whose files the account touches, and where its home is.
 *
 *     login_grant --> numbers (IDENTIFYING: pam says what NSS knows) --> home (FINDING_HOME: the directory says)
 *                 --> accounts of virtual directories (AWAITING_FIXED, only behind a start) --> login_ask_broker
 *
 * Each step is taken again from the top when its answer has come, and is left out when it is known.
 */
#include <stdio.h>

#include "auth/login.h"

enum { IDENTIFY_WAIT_MS = 60000, HOME_WAIT_MS = 60000, FIXED_WAIT_MS = 20000, NAME_WAIT_MS = 8000 };

static void prepare(struct auth_server *a, struct login *l);

/* ---- numbers ---- */

/* Replace what the identity says about files. */
static int set_ids(struct login *l, bool has_ids, uint32_t uid, uint32_t gid, struct slice groups)
{
    struct identity changed = *l->identity, *copy = NULL;
    changed.has_ids = has_ids;
    changed.uid = has_ids ? uid : 0;
    changed.gid = has_ids ? gid : 0;
    changed.groups = has_ids ? groups : SLICE_NONE;
    int err = identity_copy(&changed, &copy);
    if (err)
        return err;
    identity_free(l->identity);
    l->identity = copy;
    return 0;
}

static void no_identity(struct auth_server *a, struct login *l, const char *why)
{
    if (!l->rehearsal && login_may_explain(a))
        server_tell(a, LOG_LEVEL_NOTICE, "\"" SLICE_FMT "\" is who he says, but cannot touch files of site %u: %s",
                    SLICE_ARG(l->identity->user), l->site, why);
    LOGIN_SAY(a, l, "files: refused: %s", why);
    login_turn_away(a, l, WIN_NONE_MAPPED, SUB_USER_FAILED);
}

void login_add_groups(struct text *out, struct slice list)
{
    while (list.ptr && list.len) {
        uint64_t gid;
        if (slice_to_u64(slice_trim(slice_cut(&list, ',')), UINT32_MAX, &gid))
            continue;
        for (unsigned i = 0; i < 4; i++)
            text_add_char(out, (char)(gid >> 8 * i));
    }
}

static struct slice shown_name(const struct identity *identity)
{
    return identity->kind == ACCOUNT_ANONYMOUS ? SLICE_LITERAL("anonymous") : identity->user;
}

/* The row of sallyport/identities that means him and nobody of his name: a member has chosen it himself, and DOMAIN\user is
 * an account of the directory, whoever else is called so (threats.md A07). */
static const struct snap_account_map *row_of(const struct snapshot *s, const struct identity *identity)
{
    struct slice name = shown_name(identity);
    bool is_of_domain = slice_has_byte(name, '\\');
    if (identity->kind == ACCOUNT_MEMBERSHIP || (is_of_domain && identity->kind != ACCOUNT_DIRECTORY))
        return NULL;
    return account_mapped(s, name);
}

/* The steps return true when `l` goes on at once. */
static bool take_mapped(struct auth_server *a, struct login *l)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_account_map *row = row_of(s, l->identity);
    OWNED_TEXT_BUFFER groups = { 0 };
    if (!row && l->identity->kind == ACCOUNT_DIRECTORY) {
        no_identity(a, l, "sallyport/identities does not name the account");
        return false;
    }
    if (row)
        login_add_groups(&groups, snapshot_text(s, row->groups));
    if (text_error(&groups) || set_ids(l, row != NULL, row ? row->uid : 0, row ? row->gid : 0, text_slice(&groups))) {
        login_give_up(a, l);
        return false;
    }
    return true;
}

/* sssd and winbind know it as DOMAIN\user or user@domain, as they are configured to. */
static bool ask_nss(struct auth_server *a, struct login *l)
{
    struct peer *pam = server_peer(a, ROLE_PAM, 0);
    struct slice domain, name = login_split_domain(l->identity, &domain);
    OWNED_TEXT_BUFFER also = { 0 };
    text_addf(&also, SLICE_FMT "@" SLICE_FMT, SLICE_ARG(name), SLICE_ARG(domain));
    if (!pam || text_error(&also)) {
        login_give_up(a, l);
        return false;
    }
    login_wait_for(a, l, LOGIN_IDENTIFYING, IDENTIFY_WAIT_MS);
    SERVER_SEND(pam, pam_check, .job = l->id, .user = l->identity->user, .also = text_slice(&also), .only_identity = true);
    return false;
}

static bool find_ids(struct auth_server *a, struct login *l, const struct snap_site *site)
{
    enum account_kind kind = l->identity->kind;
    bool has_own = kind == ACCOUNT_SYSTEM || (kind == ACCOUNT_ANONYMOUS && l->identity->uid);
    l->ids_known = true;
    if (has_own)
        return true;
    if (site->file_access_identity == FILES_OF_MAP)
        return take_mapped(a, l);
    if (kind == ACCOUNT_DIRECTORY && site->file_access_identity == FILES_OF_NSS)
        return ask_nss(a, l);
    if (kind == ACCOUNT_DIRECTORY && site->file_access_identity == FILES_OF_RFC2307) {
        if (l->identity->has_ids)
            return true;
        no_identity(a, l, "the directory has no uidNumber and gidNumber of the account, or too many groups");
        return false;
    }
    if (l->identity->has_ids && set_ids(l, false, 0, 0, SLICE_NONE)) {
        login_give_up(a, l);
        return false;
    }
    return true;
}

bool login_identified(struct auth_server *a, const struct pam_answer *m)
{
    struct login *l = login_find(a, LOGIN_IDENTIFYING, m->job);
    if (!l)
        return false;
    if (m->verdict == PAM_VERDICT_UNAVAILABLE || (m->verdict == PAM_VERDICT_OK && set_ids(l, true, m->uid, m->gid, m->groups)))
        login_give_up(a, l);
    else if (m->verdict != PAM_VERDICT_OK)
        no_identity(a, l, "NSS does not know the account");
    else
        prepare(a, l);
    return true;
}

/* ---- the home ---- */

/* Mode ActiveDirectory is for accounts of the directory, and on IIS for Basic authentication alone. */
static bool may_have_home(struct auth_server *a, struct login *l, const struct snap_site *site)
{
    const struct identity *identity = l->identity;
    if (identity->kind == ACCOUNT_DIRECTORY && !(identity->certificate && site->strict_iis))
        return true;
    login_turn_away(a, l, WIN_ACCESS_DENIED,
                    identity->kind == ACCOUNT_SYSTEM && !identity->certificate ? SUB_HOME_LOOKUP : SUB_ISOLATION_NEEDS_BASIC);
    return false;
}

static bool find_home(struct auth_server *a, struct login *l, const struct snap_site *site)
{
    struct map_job *job = a->ad ? map_job_new(a->ad) : NULL;
    login_wait_for(a, l, LOGIN_FINDING_HOME, HOME_WAIT_MS);
    if (job) {
        job->question = MAP_HOME;
        job->login = l->id;
        job->home_login = site->home_login;
        job->max_age_ms = site->ad_cache_seconds * 1000;
        text_add(&job->sid, l->identity->sid);
    }
    if (!job || errands_add(a->mapper, &job->errand)) {
        map_job_free(job);
        login_give_up(a, l);
    }
    return false;
}

void login_home_answered(struct auth_server *a, struct login *l, const struct map_job *job)
{
    if (job->verdict != DIRECTORY_FOUND) {
        login_tell_directory(a, l, job);
        login_turn_away(a, l, job->verdict == DIRECTORY_UNAVAILABLE ? WIN_NO_LOGON_SERVERS : WIN_ACCESS_DENIED, SUB_HOME_LOOKUP);
        return;
    }
    text_add(&l->home_root, text_slice(&job->home_root));
    text_add(&l->home_dir, text_slice(&job->home_dir));
    l->home_known = true;
    LOGIN_SAY(a, l, "home: msIIS-FTPRoot \"" SLICE_FMT "\", msIIS-FTPDir \"" SLICE_FMT "\"", SLICE_ARG(text_slice(&l->home_root)),
              SLICE_ARG(text_slice(&l->home_dir)));
    prepare(a, l);
}

/* ---- the order ---- */

void login_fixed_settled(struct auth_server *a, uint32_t site)
{
    for (struct login *l = a->logins, *next; l; l = next) {
        next = l->next;
        if (l->stage == LOGIN_AWAITING_FIXED && (!site || l->site == site))
            prepare(a, l);
    }
}

/* ---- the name of the client's address ---- */

static void take_name(struct login *l, const char *name)
{
    snprintf(l->client_name, sizeof l->client_name, "%s", name);
    l->name_known = true;
}

/* False: it is being looked up. */
static bool find_name(struct auth_server *a, struct login *l)
{
    if (!snapshot_server(a->child->snapshot, 0)->needs_names) {
        take_name(l, "");
        return true;
    }
    const char *name = a->names ? names_find(a->names, &l->client) : NULL;
    if (!name && a->names && names_ask(a->names, l->id, &l->client) == 0) {
        login_wait_for(a, l, LOGIN_NAMING, NAME_WAIT_MS);
        return false;
    }
    take_name(l, name ? name : NAME_UNKNOWN); /* nobody can be asked now */
    return true;
}

void login_named(struct auth_server *a, const struct name_job *job)
{
    struct login *l = login_find(a, LOGIN_NAMING, job->login);
    if (!l)
        return;
    take_name(l, job->name);
    prepare(a, l);
}

static void prepare(struct auth_server *a, struct login *l)
{
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, l->site);
    if (!site || text_error(&l->home_root) || text_error(&l->home_dir)) {
        login_give_up(a, l);
        return;
    }
    bool by_directory = site->isolation_mode == ISOLATION_ACTIVE_DIRECTORY;
    if (by_directory && !may_have_home(a, l, site))
        return;
    if (!l->ids_known && !find_ids(a, l, site))
        return;
    if (by_directory && !l->home_known && !find_home(a, l, site))
        return;
    if (fixed_is_pending(a, l->site, l->broker)) {
        if (l->stage != LOGIN_AWAITING_FIXED)
            login_wait_for(a, l, LOGIN_AWAITING_FIXED, FIXED_WAIT_MS);
        return;
    }
    if (!l->name_known && !find_name(a, l))
        return;
    login_ask_broker(a, l);
}

void login_grant(struct auth_server *a, struct login *l, const struct identity *identity)
{
    if (identity_copy(identity, &l->identity)) {
        login_give_up(a, l);
        return;
    }
    l->identity->shown = l->shown;
    prepare(a, l);
}

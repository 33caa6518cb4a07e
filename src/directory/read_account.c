/*
 * read_account.c - what the directory says about one account.
 *
 * One base search brings everything, because tokenGroups is only computed for a base search.  The account read must still
 * have the SID that the mapping found.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "directory/account_rules.h"
#include "directory/directory_priv.h"
#include "directory/text_forms.h"

enum { GIDS_AT_ONCE = 100, MEMBERS_AT_ONCE = 50 };

static const char *const attributes[] = {
    "objectSid",         "sAMAccountName", "userPrincipalName", "whenCreated",      "userAccountControl",
    "accountExpires",    "lockoutTime",    "logonHours",        "userWorkstations", "msDS-User-Account-Control-Computed",
    "tokenGroups",       "primaryGroupID", "uidNumber",         "gidNumber",        "msIIS-FTPRoot",
    "msIIS-FTPDir",      "pwdLastSet",     NULL,
};

static const char *const group_wanted[] = { "objectSid", NULL };

/* ---- texts of the account: collected first, pointed to when the pool no longer moves ---- */

enum piece { PIECE_NAME, PIECE_DOMAIN, PIECE_DNS, PIECE_UPN, PIECE_DN, PIECE_SID, PIECE_GROUPS, PIECE_ROOT, PIECE_DIR, PIECE_GIDS, PIECE_COUNT };

struct pieces {
    struct text pool;
    size_t at[PIECE_COUNT + 1];
};

static void end_piece(struct pieces *p, enum piece piece)
{
    text_add_char(&p->pool, 0);
    p->at[piece + 1] = p->pool.len;
}

static struct slice piece_of(const struct pieces *p, enum piece piece)
{
    return slice_of(p->pool.ptr + p->at[piece], p->at[piece + 1] - p->at[piece] - 1);
}

/* ---- groups ---- */

static int add_group(struct text *groups, struct slice binary, size_t *count)
{
    if (++*count > GROUPS_MAX)
        return ERR_LIMIT;
    int err = ldap_text_add_sid(groups, binary);
    text_add_char(groups, '\n');
    return err;
}

/* The SID of a group that was found; what has none is no group that a rule could name. */
static int take_group(const struct ldap_answer *answer, LDAPMessage *entry, struct text *groups, size_t *count)
{
    OWNED_TEXT_BUFFER sid = { 0 };
    return ldap_answer_text(answer, entry, "objectSid", &sid) ? add_group(groups, text_slice(&sid), count) : 0;
}

/* All groups that the account is in, through others too, by one question. */
static int ask_chain(struct directory *d, const struct hit *hit, struct text *steps, struct text *groups)
{
    OWNED_TEXT_BUFFER filter = { 0 };
    size_t count = 0;
    text_add_str(&filter, "(&(objectClass=group)(member:1.2.840.113556.1.4.1941:=");
    ldap_text_add_filter(&filter, text_slice(&hit->dn));
    text_add_str(&filter, "))");
    if (text_error(&filter))
        return text_error(&filter);
    const struct ldap_query query = { d->domain.base, LDAP_SCOPE_SUBTREE, text_str(&filter), group_wanted, GROUPS_MAX };
    OWNED_ANSWER answer = { 0 };
    int err = ldap_pool_search(d->pool, &query, steps, &answer);
    for (LDAPMessage *entry = NULL; !err && (entry = ldap_answer_next(&answer, entry));)
        err = take_group(&answer, entry, groups, &count);
    return err;
}

/* ---- groups in groups, one level after the other ---- */

struct walk {
    struct directory *d;
    struct text *steps, *groups;
    size_t count, seen_count;
    char *seen[WALK_GROUPS_MAX + 1]; /* DNs: the account, its groups, theirs ... */
    int64_t until;
};

static int see(struct walk *w, struct slice dn)
{
    for (size_t i = 0; i < w->seen_count; i++)
        if (slice_equal_fold_str(dn, w->seen[i]))
            return ERR_EXISTS;
    if (w->seen_count > WALK_GROUPS_MAX)
        return ERR_LIMIT;
    w->seen[w->seen_count] = strndup(dn.ptr, dn.len);
    return w->seen[w->seen_count] ? (w->seen_count++, 0) : ERR_NOMEM;
}

static int take_parent(struct walk *w, const struct ldap_answer *answer, LDAPMessage *entry)
{
    OWNED_TEXT_BUFFER dn = { 0 };
    int err = ldap_answer_dn(answer, entry, &dn);
    if (!err)
        err = see(w, text_slice(&dn));
    if (err)
        return err == ERR_EXISTS ? 0 : err; /* groups may stand in a circle (L07) */
    return take_group(answer, entry, w->groups, &w->count);
}

/* The groups that have one of some entries as a member. */
static int ask_parents(struct walk *w, size_t first, size_t end)
{
    OWNED_TEXT_BUFFER filter = { 0 };
    text_add_str(&filter, "(|");
    for (size_t i = first; i < end; i++) {
        text_add_str(&filter, "(member=");
        ldap_text_add_filter(&filter, slice_str(w->seen[i]));
        text_add_char(&filter, ')');
    }
    text_add_char(&filter, ')');
    if (text_error(&filter))
        return text_error(&filter);
    const struct ldap_query query = { w->d->domain.base, LDAP_SCOPE_SUBTREE, text_str(&filter), group_wanted, WALK_GROUPS_MAX };
    OWNED_ANSWER answer = { 0 };
    int err = clock_ms() > w->until ? ERR_TIMEOUT : ldap_pool_search(w->d->pool, &query, w->steps, &answer);
    for (LDAPMessage *entry = NULL; !err && (entry = ldap_answer_next(&answer, entry));)
        err = take_parent(w, &answer, entry);
    return err;
}

/* A server that does not know the rule in-chain answers it with nothing, and a Deny of a role would meet nobody.  So one that
 * does not call itself Active Directory is asked for members, which all understand.  memberOf, the same seen from the
 * other side, is kept by an overlay on some of them, and without that says nothing again. */
static int walk_groups(struct directory *d, const struct hit *hit, struct text *steps, struct text *groups)
{
    struct walk w = { .d = d, .steps = steps, .groups = groups, .until = clock_ms() + WALK_MS };
    int err = see(&w, text_slice(&hit->dn));
    size_t first = 0, depth = 0;
    for (size_t end; !err && first < w.seen_count; first = end) {
        end = w.seen_count;
        if (depth++ > WALK_DEPTH_MAX)
            err = ERR_LIMIT;
        for (size_t at = first; !err && at < end; at += MEMBERS_AT_ONCE)
            err = ask_parents(&w, at, end - at > MEMBERS_AT_ONCE ? at + MEMBERS_AT_ONCE : end);
    }
    for (size_t i = 0; i < w.seen_count; i++)
        free(w.seen[i]);
    return err;
}

/* Without tokenGroups: groups by membership, and the primary one, which has no member attribute. */
static int ask_groups(struct directory *d, const struct hit *hit, int64_t primary, struct text *steps, struct text *groups)
{
    int err = d->domain.follows_chains ? ask_chain(d, hit, steps, groups) : walk_groups(d, hit, steps, groups);
    struct slice own = text_slice(&hit->sid);
    if (!err && primary > 0)
        text_addf(groups, SLICE_FMT "-%lld\n", SLICE_ARG(slice_first(own, slice_find_last(own, '-'))), (long long)primary);
    return err ? err : text_error(groups);
}

static int add_groups(struct directory *d, const struct hit *hit, const struct ldap_answer *answer, LDAPMessage *entry,
                      struct text *steps, struct text *groups)
{
    struct berval **values = ldap_answer_values(answer, entry, "tokenGroups");
    size_t count = 0;
    int err = 0;
    for (size_t i = 0; !err && values && values[i]; i++)
        err = add_group(groups, slice_of(values[i]->bv_val, values[i]->bv_len), &count);
    ldap_value_free_len(values);
    if (!err && !count)
        err = ask_groups(d, hit, ldap_answer_number(answer, entry, "primaryGroupID", 0), steps, groups);
    text_add_str(groups, "S-1-1-0\nS-1-5-11\nS-1-5-2"); /* Everyone, Authenticated Users, Network */
    return err ? err : text_error(groups);
}

/* gidNumber of those groups that have one, over `out`; ERR_LIMIT: more than a grant can carry. */
static int add_gids(struct directory *d, struct slice groups, struct text *steps, struct text *out)
{
    static const char *const wanted[] = { "gidNumber", NULL };
    int err = 0;
    while (!err && groups.ptr) {
        OWNED_TEXT_BUFFER filter = { 0 };
        OWNED_ANSWER answer = { 0 };
        text_add_str(&filter, "(|");
        for (size_t n = 0; n < GIDS_AT_ONCE && groups.ptr && !err;) {
            struct slice sid = slice_cut(&groups, '\n');
            if (!slice_starts(sid, SLICE_LITERAL("S-1-5-21-")))
                continue;
            err = filter_add_sid(&filter, sid);
            n++;
        }
        text_add_char(&filter, ')');
        if (err || filter.len <= 3)
            break;
        const struct ldap_query query = { d->domain.base, LDAP_SCOPE_SUBTREE, text_str(&filter), wanted, GIDS_AT_ONCE };
        err = ldap_pool_search(d->pool, &query, steps, &answer);
        for (LDAPMessage *entry = NULL; !err && (entry = ldap_answer_next(&answer, entry));) {
            int64_t gid = ldap_answer_number(&answer, entry, "gidNumber", -1);
            if (gid <= 0 || gid >= UINT32_MAX)
                continue;
            for (unsigned i = 0; i < 4; i++)
                text_add_char(out, (char)(gid >> 8 * i));
        }
    }
    if (!err && out->len > 4 * GIDS_MAX)
        err = ERR_LIMIT;
    return err ? err : text_error(out);
}

/* ---- the account ---- */

/* The numbers of the groups as the last piece; *too_many_out when there are more than can be used. */
static bool add_ids(struct directory *d, struct text *steps, struct pieces *p, bool *too_many_out)
{
    OWNED_TEXT_BUFFER gids = { 0 };
    int err = add_gids(d, piece_of(p, PIECE_GROUPS), steps, &gids);
    *too_many_out = err == ERR_LIMIT;
    if (!err)
        text_add(&p->pool, text_slice(&gids));
    return !err || err == ERR_LIMIT;
}

static bool add_texts(struct directory *d, const struct hit *hit, const struct ldap_answer *answer, LDAPMessage *entry,
                      struct text *steps, struct pieces *p)
{
    OWNED_TEXT_BUFFER sid = { 0 };
    if (!ldap_answer_text(answer, entry, "objectSid", &sid) || !ldap_answer_text(answer, entry, "sAMAccountName", &p->pool))
        return false;
    end_piece(p, PIECE_NAME);
    text_add_str(&p->pool, d->domain.netbios);
    end_piece(p, PIECE_DOMAIN);
    text_add_str(&p->pool, d->domain.dns);
    end_piece(p, PIECE_DNS);
    ldap_answer_text(answer, entry, "userPrincipalName", &p->pool);
    end_piece(p, PIECE_UPN);
    text_add(&p->pool, text_slice(&hit->dn));
    end_piece(p, PIECE_DN);
    if (ldap_text_add_sid(&p->pool, text_slice(&sid)))
        return false;
    end_piece(p, PIECE_SID);
    if (!slice_equal(piece_of(p, PIECE_SID), text_slice(&hit->sid)))
        return false;
    if (add_groups(d, hit, answer, entry, steps, &p->pool))
        return false;
    end_piece(p, PIECE_GROUPS);
    ldap_answer_text(answer, entry, "msIIS-FTPRoot", &p->pool);
    end_piece(p, PIECE_ROOT);
    ldap_answer_text(answer, entry, "msIIS-FTPDir", &p->pool);
    end_piece(p, PIECE_DIR);
    return !text_error(&p->pool);
}

static void fill_account(const struct pieces *p, const struct hit *hit, const struct ldap_answer *answer, LDAPMessage *entry,
                         struct directory_account *a)
{
    int64_t uid = ldap_answer_number(answer, entry, "uidNumber", -1), gid = ldap_answer_number(answer, entry, "gidNumber", -1);
    *a = (struct directory_account){
        .name = piece_of(p, PIECE_NAME), .domain = piece_of(p, PIECE_DOMAIN), .dns_domain = piece_of(p, PIECE_DNS), .upn = piece_of(p, PIECE_UPN),
        .dn = piece_of(p, PIECE_DN), .sid = piece_of(p, PIECE_SID), .groups = piece_of(p, PIECE_GROUPS),
        .ftp_root = piece_of(p, PIECE_ROOT), .ftp_dir = piece_of(p, PIECE_DIR),
        .gids = piece_of(p, PIECE_GIDS),
        .has_uid = uid >= 0 && uid < UINT32_MAX && gid >= 0 && gid < UINT32_MAX,
        .tier = hit->tier, .strong = hit->strong, .pool = p->pool,
    };
    if (a->has_uid) {
        a->uid = (uint32_t)uid;
        a->gid = (uint32_t)gid;
    }
}

static enum directory_verdict check(const struct lockout *lockout, const struct mapping_rules *rules,
                                    const struct ldap_answer *answer, LDAPMessage *entry)
{
    OWNED_TEXT_BUFFER hours = { 0 }, workstations = { 0 };
    int64_t control = ldap_answer_number(answer, entry, "userAccountControl", -1);
    int64_t computed = ldap_answer_number(answer, entry, "msDS-User-Account-Control-Computed", -1);
    ldap_answer_text(answer, entry, "logonHours", &hours);
    ldap_answer_text(answer, entry, "userWorkstations", &workstations);
    if (control < 0 || text_error(&hours) || text_error(&workstations))
        return DIRECTORY_UNAVAILABLE; /* whoever may not read it cannot let anybody in */
    const struct account_state state = {
        .control = (uint32_t)control, .is_new = ldap_answer_number(answer, entry, "pwdLastSet", -1) == 0, .has_computed = computed >= 0, .computed = (uint32_t)computed,
        .expires = ldap_answer_number(answer, entry, "accountExpires", 0),
        .lockout_time = ldap_answer_number(answer, entry, "lockoutTime", 0),
        .lockout_duration = lockout->duration,
        .logon_hours = text_slice(&hours), .workstations = text_slice(&workstations),
    };
    return account_check(&state, rules);
}

enum directory_verdict read_account(struct directory *d, const struct hit *hit, const struct mapping_rules *rules,
                                    struct text *steps, struct directory_account *account_out, int64_t *created_out)
{
    const struct ldap_query query = { text_str(&hit->dn), LDAP_SCOPE_BASE, NULL, attributes, 1 };
    OWNED_ANSWER answer = { 0 };
    OWNED_TEXT_BUFFER created = { 0 };
    struct lockout lockout;
    if (directory_lockout(d, steps, &lockout))
        return DIRECTORY_UNAVAILABLE;
    int err = ldap_pool_search(d->pool, &query, steps, &answer);
    if (err)
        return err == ERR_NOT_FOUND ? DIRECTORY_NONE : DIRECTORY_UNAVAILABLE;
    LDAPMessage *entry = ldap_answer_next(&answer, NULL);
    if (!entry)
        return DIRECTORY_NONE;
    struct pieces p = { 0 };
    *created_out = INT64_MAX; /* unknown: younger than any certificate */
    if (ldap_answer_text(&answer, entry, "whenCreated", &created))
        (void)!ldap_text_to_time(text_slice(&created), created_out);
    enum directory_verdict verdict = check(&lockout, rules, &answer, entry);
    bool too_many = false;
    bool whole = verdict != DIRECTORY_UNAVAILABLE && add_texts(d, hit, &answer, entry, steps, &p) &&
                 (!rules->with_ids || add_ids(d, steps, &p, &too_many));
    end_piece(&p, PIECE_GIDS);
    if (!whole || text_error(&p.pool)) {
        text_free(&p.pool);
        return DIRECTORY_UNAVAILABLE;
    }
    fill_account(&p, hit, &answer, entry, account_out);
    account_out->has_uid = account_out->has_uid && !too_many;
    return verdict;
}

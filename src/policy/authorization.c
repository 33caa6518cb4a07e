/* authorization.c - matching subjects against rules. */
#include "policy/authorization.h"

#include "base/fold.h"
#include "policy/vpath.h"

/* Whether `domain` is a name of where the account is kept.  Where not all of them are known, a Deny takes it for one. */
static bool is_home(struct slice domain, const struct authorization_subject *who, bool deny)
{
    if (who->domain.len ? slice_equal_fold(domain, who->domain)
                        : slice_equal_str(domain, ".") || slice_equal_fold_str(domain, "NT AUTHORITY"))
        return true;
    return who->alias.len ? slice_equal_fold(domain, who->alias) : deny;
}

/* The name in DOMAIN\name or name@DOMAIN when the account is kept there; else nothing. */
static struct slice name_at_home(struct slice text, const struct authorization_subject *who, bool deny)
{
    size_t backslash = slice_find(text, '\\'), at = backslash == SIZE_MAX ? slice_find_last(text, '@') : SIZE_MAX;
    if (backslash != SIZE_MAX)
        return is_home(slice_first(text, backslash), who, deny) ? slice_from(text, backslash + 1) : SLICE_NONE;
    return at != SIZE_MAX && is_home(slice_from(text, at + 1), who, deny) ? slice_first(text, at) : SLICE_NONE;
}

/* How the names of a rule are read: for whom, at which site, and whether it denies. */
struct reading {
    const struct authorization_subject *who;
    const struct snap_site *site;
    bool deny;
};

static bool is_custom(const struct authorization_subject *who)
{
    return !who->system && !who->domain.len;
}

/* Accounts and roles of custom providers are called what their owner likes, in a web shop what he typed.  An Allow of
 * DOMAIN\name, or of another spelling that an account of the system or of a domain has, never means them: what it says
 * is whose account it is.  user@host alone is an address of mail as well, and theirs where no domain's account logs in. */
static bool is_of_others(struct slice name, const struct reading *r)
{
    if (!is_custom(r->who) || r->deny)
        return false;
    return slice_find(name, '\\') != SIZE_MAX ||
           (slice_find(name, '@') != SIZE_MAX && (r->site->admits_domain || name_at_home(name, r->who, false).len));
}

static bool name_matches(struct slice name, const struct reading *r)
{
    const struct authorization_subject *who = r->who;
    if (name.len == 0)
        return false;
    if (slice_equal_str(name, "*"))
        return true;
    if (who->anonymous)
        return slice_equal_str(name, "?");
    if (fold_same_name(name, who->domain.len ? who->principal : who->user))
        return !is_of_others(name, r);
    struct slice own = is_custom(who) ? SLICE_NONE : name_at_home(name, who, r->deny);
    return own.len && fold_same_name(own, who->user);
}

/* A directory has been asked for the roles as the rules spell them; of a system account they are the bare names of groups. */
static bool role_matches(struct slice role, const struct reading *r)
{
    const struct authorization_subject *who = r->who;
    if (role.len == 0 || is_of_others(role, r))
        return false;
    struct slice own = who->system ? name_at_home(role, who, r->deny) : SLICE_NONE;
    for (struct slice rest = who->roles; rest.len;) {
        struct slice one = slice_cut(&rest, '\n');
        if (one.len && (slice_equal_str(role, "*") || fold_same_name(role, one) || fold_same_name(own, one)))
            return true;
    }
    return false;
}

static bool list_matches(struct slice list, const struct reading *r, bool (*matches)(struct slice, const struct reading *))
{
    while (list.len)
        if (matches(slice_trim(slice_cut(&list, ',')), r))
            return true;
    return false;
}

static const struct snap_scope *scope_of(const struct snapshot *s, const struct snap_site *site, struct slice path)
{
    for (uint32_t i = 0; i < site->scopes.count; i++) { /* longest first */
        const struct snap_scope *scope = snapshot_scope(s, site->scopes.first + i);
        if (scope && vpath_is_below(path, snapshot_text(s, scope->path), NULL))
            return scope;
    }
    return NULL;
}

enum { BITS = 2, ALL_BITS = PERMISSION_READ | PERMISSION_WRITE };

/* What the rules of a scope say to somebody, and the first rule that says so for each permission. */
struct verdict {
    unsigned allowed, denied;
    const struct snap_rule *allow[BITS], *deny[BITS];
};

static void note(const struct snap_rule *rule, const struct snap_rule *first[BITS])
{
    for (unsigned bit = 0; bit < BITS; bit++)
        if ((rule->permissions & 1u << bit) && !first[bit])
            first[bit] = rule;
}

static bool rule_names(const struct snapshot *s, const struct snap_site *site, const struct snap_rule *rule,
                       const struct authorization_subject *who)
{
    const struct reading r = { who, site, rule->deny };
    return list_matches(snapshot_text(s, rule->users), &r, name_matches) ||
           list_matches(snapshot_text(s, rule->roles), &r, role_matches);
}

static unsigned judge(const struct snapshot *s, const struct snap_site *site, const struct snap_scope *scope,
                      const struct authorization_subject *who, struct verdict *verdict)
{
    for (uint32_t i = 0; scope && i < scope->rules.count; i++) {
        const struct snap_rule *rule = snapshot_rule(s, scope->rules.first + i);
        if (!rule || !rule_names(s, site, rule, who))
            continue;
        *(rule->deny ? &verdict->denied : &verdict->allowed) |= rule->permissions;
        note(rule, rule->deny ? verdict->deny : verdict->allow);
    }
    return verdict->allowed & ~verdict->denied & ALL_BITS;
}

unsigned authorization_permissions(const struct snapshot *s, const struct snap_site *site, struct slice path,
                                   const struct authorization_subject *who)
{
    struct verdict verdict = { 0 };
    if (site->provider_gaps & PROVIDER_GAP_AUTHORIZATION)
        return 0;
    return judge(s, site, scope_of(s, site, path), who, &verdict);
}

enum substatus authorization_substatus(const struct snap_site *site)
{
    return site->provider_gaps & PROVIDER_GAP_AUTHORIZATION ? SUB_CUSTOM_AUTHENTICATION : SUB_AUTHORIZATION;
}

/* ---- why ---- */

static const char *permissions_text(unsigned permissions)
{
    static const char *const texts[] = { "no permission", "Read", "Write", "Read, Write" };
    return texts[permissions & ALL_BITS];
}

static void tell_rule(const struct snapshot *s, const struct snap_rule *rule, struct reason *why)
{
    struct slice users = snapshot_text(s, rule->users), roles = snapshot_text(s, rule->roles);
    reason_set(why, rule->source, "%s %s for%s" SLICE_FMT "%s%s" SLICE_FMT "%s", rule->deny ? "Deny" : "Allow",
               permissions_text(rule->permissions), users.len ? " users \"" : "", SLICE_ARG(slice_first(users, 80)),
               users.len ? "\"" : "", roles.len ? " roles \"" : "", SLICE_ARG(slice_first(roles, 80)),
               roles.len ? "\"" : "");
}

static void tell_none(const struct snapshot *s, const struct snap_scope *scope, unsigned wanted, struct reason *why)
{
    if (!scope || !scope->rules.count)
        reason_set(why, 0, "there is no authorization rule: nobody has any permission");
    else
        reason_set(why, 0, "none of the %u authorization rules of \"" SLICE_FMT "\" allows %s", scope->rules.count,
                   SLICE_ARG(slice_first(snapshot_text(s, scope->path), 120)), permissions_text(wanted));
}

bool authorization_allows(const struct snapshot *s, const struct snap_site *site, struct slice path,
                          const struct authorization_subject *who, unsigned wanted, bool any, struct reason *why)
{
    if (site->provider_gaps & PROVIDER_GAP_AUTHORIZATION) {
        reason_set(why, 0, "customAuthorization asks a provider that this version cannot run, instead of the rules");
        return false;
    }
    const struct snap_scope *scope = scope_of(s, site, path);
    struct verdict verdict = { 0 };
    unsigned granted = judge(s, site, scope, who, &verdict) & wanted;
    bool is_allowed = any ? granted != 0 : granted == wanted;
    if (!why)
        return is_allowed;
    for (unsigned bit = 0; bit < BITS; bit++) { /* the first bit that was decisive */
        bool is_granted = granted & 1u << bit;
        const struct snap_rule *rule = is_allowed ? verdict.allow[bit] : verdict.deny[bit];
        if ((wanted & 1u << bit) && is_granted == is_allowed && rule) {
            tell_rule(s, rule, why);
            return is_allowed;
        }
    }
    tell_none(s, scope, wanted, why);
    return is_allowed;
}

void authorization_each_rule(const struct snapshot *s, const struct snap_site *site, struct slice path,
                             const struct authorization_subject *who, authorization_rule *each, void *context)
{
    const struct snap_scope *scope = scope_of(s, site, path);
    for (uint32_t i = 0; scope && i < scope->rules.count; i++) {
        const struct snap_rule *rule = snapshot_rule(s, scope->rules.first + i);
        if (rule && rule_names(s, site, rule, who))
            each(context, scope, rule);
    }
}

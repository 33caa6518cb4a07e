/* authorization.c - matching subjects against rules. */
#include "policy/authorization.h"

#include "policy/vpath.h"

static bool qualified_matches(struct slice domain, struct slice name, const struct authorization_subject *who)
{
    if (!slice_equal_fold(name, who->user))
        return false;
    if (slice_equal_str(domain, "."))
        return who->domain.len == 0;
    return who->domain.len && slice_equal_fold(domain, who->domain);
}

static bool name_matches(struct slice name, const struct authorization_subject *who)
{
    if (name.len == 0)
        return false;
    if (slice_equal_str(name, "*"))
        return true;
    if (who->anonymous)
        return slice_equal_str(name, "?");
    /* Accounts of custom providers may hold '@' or '\' in their own names: the whole comes first. */
    if (who->domain.len == 0 && slice_equal_fold(name, who->user))
        return true;
    size_t backslash = slice_find(name, '\\');
    if (backslash != SIZE_MAX)
        return qualified_matches(slice_first(name, backslash), slice_from(name, backslash + 1), who);
    size_t at = slice_find_last(name, '@');
    return at != SIZE_MAX && qualified_matches(slice_from(name, at + 1), slice_first(name, at), who);
}

static bool role_matches(struct slice role, const struct authorization_subject *who)
{
    if (role.len == 0)
        return false;
    for (struct slice rest = who->roles; rest.len;) {
        struct slice one = slice_cut(&rest, '\n');
        if (one.len && (slice_equal_str(role, "*") || slice_equal_fold(role, one)))
            return true;
    }
    return false;
}

static bool list_matches(struct slice list, const struct authorization_subject *who,
                         bool (*matches)(struct slice, const struct authorization_subject *))
{
    while (list.len)
        if (matches(slice_trim(slice_cut(&list, ',')), who))
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

unsigned authorization_permissions(const struct snapshot *s, const struct snap_site *site, struct slice path,
                                   const struct authorization_subject *who)
{
    const struct snap_scope *scope = scope_of(s, site, path);
    unsigned allowed = 0, denied = 0;
    for (uint32_t i = 0; scope && i < scope->rules.count; i++) {
        const struct snap_rule *rule = snapshot_rule(s, scope->rules.first + i);
        if (!rule || !(list_matches(snapshot_text(s, rule->users), who, name_matches) ||
                       list_matches(snapshot_text(s, rule->roles), who, role_matches)))
            continue;
        if (rule->deny)
            denied |= rule->permissions;
        else
            allowed |= rule->permissions;
    }
    return allowed & ~denied & (PERMISSION_READ | PERMISSION_WRITE);
}

/* account.c - see account.h. */
#include "auth/account.h"

#include <stdlib.h>

#include "base/fold.h"
#include "base/pack.h"
#include "base/text.h"

bool account_is_anonymous_name(struct slice name)
{
    return slice_equal_fold_str(name, "anonymous") || slice_equal_fold_str(name, "ftp");
}

static enum account_kind kind_of(const struct snap_provider *p)
{
    switch (p->kind) {
    case SNAP_PROVIDER_IIS_MANAGER:
        return ACCOUNT_IIS_MANAGER;
    case SNAP_PROVIDER_ASPNET:
        return ACCOUNT_MEMBERSHIP;
    default:
        return ACCOUNT_OTHER_PROVIDER;
    }
}

enum account_kind account_first_provider(const struct snapshot *s, const struct snap_site *site, unsigned kinds)
{
    for (uint32_t i = 0; i < site->providers.count; i++) {
        enum account_kind kind = kind_of(snapshot_provider(s, site->providers.first + i));
        if (kinds & kind)
            return kind;
    }
    return 0;
}

unsigned account_kinds(const struct snapshot *s, const struct snap_site *site)
{
    unsigned kinds = (site->anonymous_enabled ? ACCOUNT_ANONYMOUS : 0) | (site->basic_enabled ? ACCOUNT_SYSTEM : 0);
    if (site->basic_enabled && snapshot_count(s, SNAP_TABLE_ad))
        kinds |= ACCOUNT_DIRECTORY;
    for (uint32_t i = 0; i < site->providers.count; i++)
        kinds |= kind_of(snapshot_provider(s, site->providers.first + i));
    return kinds;
}

const struct snap_user *account_user(const struct snapshot *s, struct slice name)
{
    size_t row, place = snapshot_find(s, SNAP_ORDER_user_name, (struct snap_key){ .first = name });
    const struct snap_user *user = snapshot_at_place(s, SNAP_ORDER_user_name, place, &row) ? snapshot_user(s, row) : NULL;
    return user && fold_same(snapshot_text(s, user->name), name) ? user : NULL;
}

bool account_manager_is_open(const struct snapshot *s)
{
    const struct snap_server *server = snapshot_server(s, 0);
    return server->management_installed && !server->requires_windows_credentials;
}

/* The permission of the user for `path` itself or, when it ends in a '/', for anything that begins with it. */
static const struct snap_permission *permission_at(const struct snapshot *s, struct slice user, struct slice path)
{
    struct snap_key key = { .first = user, .second = path };
    bool below = slice_ends(path, SLICE_LITERAL("/"));
    size_t row;
    for (size_t place = snapshot_find(s, SNAP_ORDER_permission_name, key);
         snapshot_at_place(s, SNAP_ORDER_permission_name, place, &row); place++) {
        const struct snap_permission *p = snapshot_permission(s, row);
        struct slice where = snapshot_text(s, p->path);
        bool is_there = below ? fold_starts(where, path, NULL) : fold_same(where, path);
        if (!is_there || !fold_same(snapshot_text(s, p->name), user))
            return NULL;
        /* isRole marks a Windows group: a user who happens to have its name is not meant. */
        if (!p->is_role)
            return p;
    }
    return NULL;
}

/* The path of a scope is "/<site>" or "/<site>/<application>". */
static const struct snap_permission *permission_of(const struct snapshot *s, const struct snap_site *site, struct slice user)
{
    OWNED_TEXT_BUFFER path = { 0 };
    if (!site->name.len)
        return NULL;
    text_add_char(&path, '/');
    text_add(&path, snapshot_text(s, site->name));
    const struct snap_permission *found = text_error(&path) ? NULL : permission_at(s, user, text_slice(&path));
    text_add_char(&path, '/');
    return found || text_error(&path) ? found : permission_at(s, user, text_slice(&path));
}

bool account_manager_allows(const struct snapshot *s, const struct snap_site *site, struct slice name, struct reason *why)
{
    const struct snap_user *user = account_user(s, name);
    if (!account_manager_is_open(s)) {
        reason_set(why, 0, "IIS Manager users cannot log in: sallyport/managementService %s",
                   snapshot_server(s, 0)->management_installed ? "has requiresWindowsCredentials=\"true\"" : "is not installed");
        return false;
    }
    if (!user) {
        reason_set(why, 0, "no IIS Manager user has that name");
        return false;
    }
    if (!user->enabled) {
        reason_set(why, user->source, "the IIS Manager user is disabled");
        return false;
    }
    const struct snap_permission *permission = permission_of(s, site, name);
    reason_set(why, permission ? permission->source : user->source,
               permission ? "the IIS Manager user has the permission for the site"
                          : "the IIS Manager user has no IIS Manager Permission for the site");
    return permission != NULL;
}

bool account_is_allowed(const struct snapshot *s, enum account_kind kind, uint32_t site_id, struct slice user)
{
    const struct snap_site *site = snapshot_site_by_id(s, site_id);
    if (!site || !(account_kinds(s, site) & kind))
        return false;
    return kind != ACCOUNT_IIS_MANAGER || account_manager_allows(s, site, user, NULL);
}

bool account_is_allowed_by_certificate(const struct snapshot *s, enum account_kind kind, uint32_t site_id,
                                       struct slice user)
{
    const struct snap_site *site = snapshot_site_by_id(s, site_id);
    if (!site || !site->client_cert_enabled || site->client_cert_policy == CERT_IGNORE)
        return false;
    const struct snap_user *manager = account_user(s, user);
    return kind == ACCOUNT_SYSTEM || (kind == ACCOUNT_DIRECTORY && (site->use_ad_mapping || site->cert_maps.count)) ||
           (kind == ACCOUNT_IIS_MANAGER && manager && manager->enabled && permission_of(s, site, user));
}

const struct snap_account_map *account_mapped(const struct snapshot *s, struct slice name)
{
    for (size_t row = 0; row < snapshot_count(s, SNAP_TABLE_account_map); row++)
        if (fold_same_name(snapshot_text(s, snapshot_account_map(s, row)->user), name))
            return snapshot_account_map(s, row);
    return NULL;
}

static bool is_local_domain(struct slice domain, struct slice machine)
{
    return slice_is_empty(domain) || slice_equal_str(domain, ".") || slice_equal_fold_str(domain, "NT AUTHORITY") ||
           (!slice_is_empty(machine) && slice_equal_fold(domain, machine));
}

int account_system_name(struct slice typed, struct slice machine, struct slice default_domain, struct slice *name_out)
{
    struct slice name = typed, domain = default_domain;
    size_t backslash = slice_find(typed, '\\'), at = slice_find_last(typed, '@');
    if (backslash != SIZE_MAX) {
        domain = slice_first(typed, backslash);
        name = slice_from(typed, backslash + 1);
    } else if (at != SIZE_MAX) {
        name = slice_first(typed, at);
        domain = slice_from(typed, at + 1);
    }
    if (slice_is_empty(name) || slice_has_control(name) || !slice_is_utf8(name) || slice_has_byte(name, '\\') ||
        slice_has_byte(name, '@') || slice_has_byte(name, '/') || slice_has_byte(name, ':'))
        return ERR_SYNTAX;
    if (!is_local_domain(domain, machine))
        return ERR_UNSUPPORTED;
    *name_out = name;
    return 0;
}

int identity_copy(const struct identity *from, struct identity **to_out)
{
    struct identity *to = malloc(sizeof *to + from->user.len + from->groups.len + from->roles.len + from->sid.len +
                                 from->dns_domain.len + from->principal.len + from->mapped.len + 1);
    if (!to)
        return ERR_NOMEM;
    *to = *from;
    char *at = (char *)(to + 1);
    to->user = pack_text(&at, from->user);
    to->groups = pack_text(&at, from->groups);
    to->roles = pack_text(&at, from->roles);
    to->sid = pack_text(&at, from->sid);
    to->dns_domain = pack_text(&at, from->dns_domain);
    to->principal = pack_text(&at, from->principal);
    to->mapped = pack_text(&at, from->mapped);
    *to_out = to;
    return 0;
}

void identity_free(struct identity *identity)
{
    free(identity);
}

struct slice account_pam_service(const struct snapshot *s, uint32_t logon_method)
{
    const struct snap_server *server = snapshot_server(s, 0);
    const struct snap_text own[] = { [LOGON_INTERACTIVE] = server->pam_interactive, [LOGON_BATCH] = server->pam_batch,
                                     [LOGON_NETWORK] = server->pam_network };
    struct slice service = logon_method < sizeof own / sizeof own[0] ? snapshot_text(s, own[logon_method]) : SLICE_NONE;
    return service.len ? service : snapshot_text(s, server->pam_service);
}

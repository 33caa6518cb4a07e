/* users.c - IIS Manager users and their permissions, from administration.config. */
#include "loader/compile_priv.h"

#define COLUMN_COUNT (sizeof columns / sizeof columns[0])

/* Whether the file's own store is the one in use: its default provider is IIS's for that, by its type or, where a file
 * does not list it, by its name.  Users of another store are not here, and those of a store that is out of use are nobody. */
static bool is_in_use(struct compiler *c, const char *section, const char *built_in)
{
    struct conf_element *e = compile_element(c, section, SLICE_NONE);
    struct conf_element *providers = e ? conf_child(e, "providers") : NULL;
    struct slice name = e ? conf_text(e, "defaultProvider") : SLICE_NONE, space = SLICE_LITERAL("Microsoft.Web.Management.Server.");
    const struct conf_pair pair = { SLICE_LITERAL("name"), name };
    struct conf_element *item = NULL;
    struct diag d = { 0 };
    if (!name.len)
        return true;
    struct slice rest = name;
    if (providers && conf_find(providers, &pair, 1, &item) == 0) {
        rest = conf_text(item, "type");
        if (slice_starts(rest, space))
            rest = slice_from(rest, space.len);
    }
    if (slice_equal_fold_str(slice_trim(slice_cut(&rest, ',')), built_in))
        return true;
    compile_place(e, "defaultProvider", &d);
    diag_set(&d, "no IIS Manager user can log in: the provider \"" SLICE_FMT "\" is another store than this file, and cannot run here",
             SLICE_ARG(name));
    diag_todo(&d, "For the users of this file write defaultProvider=\"%s\".", built_in);
    report_add(c->report, LOADER_WARNING, 0, &d);
    return false;
}

static void put_users(struct compiler *c)
{
    typedef struct snap_user row;
    static const struct snap_column columns[] = { SNAP_USER_COLUMNS(SNAP_COLUMN) };
    struct conf_element *users =
        compile_element(c, "system.webServer/management/authentication/credentials", SLICE_NONE);
    for (size_t i = 0; users && i < conf_count(users); i++) {
        struct snap_user user = { 0 };
        columns_fill(c, conf_item(users, i), columns, COLUMN_COUNT, &user);
        snapshot_put_row(c->w, SNAP_TABLE_user, &user);
    }
}

static void put_permissions(struct compiler *c, struct conf_element *scope)
{
    typedef struct snap_permission row;
    static const struct snap_column columns[] = { SNAP_PERMISSION_COLUMNS(SNAP_COLUMN) };
    struct snap_text path = snapshot_put_text(c->w, conf_text(scope, "path"));
    for (size_t i = 0; i < conf_count(scope); i++) {
        struct snap_permission permission = { .path = path };
        columns_fill(c, conf_item(scope, i), columns, COLUMN_COUNT, &permission);
        snapshot_put_row(c->w, SNAP_TABLE_permission, &permission);
    }
}

int users_put(struct compiler *c)
{
    struct conf_element *scopes =
        compile_element(c, "system.webServer/management/authorization/authorizationRules", SLICE_NONE);
    if (is_in_use(c, "system.webServer/management/authentication", "ConfigurationAuthenticationProvider"))
        put_users(c);
    if (!is_in_use(c, "system.webServer/management/authorization", "ConfigurationAuthorizationProvider"))
        return 0;
    for (size_t i = 0; scopes && i < conf_count(scopes); i++)
        put_permissions(c, conf_item(scopes, i));
    return 0;
}

/* users.c - IIS Manager users and their permissions, from administration.config. */
#include "loader/compile_priv.h"

#define COLUMN_COUNT (sizeof columns / sizeof columns[0])

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
    put_users(c);
    for (size_t i = 0; scopes && i < conf_count(scopes); i++)
        put_permissions(c, conf_item(scopes, i));
    return 0;
}

/* isolation.c - see isolation.h. */
#include "policy/isolation.h"

#include "base/fold.h"
#include "policy/directory_map.h"
#include "policy/vpath.h"

#define CONTAINER "LocalUser"
#define PUBLIC "Public"
#define START_OF_ANONYMOUS "default" /* "Configuring FTP User Isolation in IIS 7": the start directory of anonymous */

bool isolation_confines(uint32_t mode)
{
    return mode != ISOLATION_NONE && mode != ISOLATION_START_IN_USERS_DIRECTORY;
}

static int put_path(const char *container, struct slice domain, struct slice name, struct text *out)
{
    text_reset(out);
    if (container || domain.len) {
        text_add_char(out, '/');
        text_add(out, container ? slice_str(container) : domain);
    }
    text_add_char(out, '/');
    text_add(out, name);
    return text_error(out);
}

/* Safe as one component under Windows's rules too, whatever the site allows in other names. */
static bool is_component(struct slice name)
{
    return vpath_name_ok(name, true) == 0;
}

int isolation_home(uint32_t mode, const struct isolation_account *who, struct text *out)
{
    bool is_anonymous = who->kind == GRANT_ANONYMOUS;
    if (mode == ISOLATION_NONE)
        return put_path(NULL, SLICE_NONE, SLICE_NONE, out);
    if (mode == ISOLATION_START_IN_USERS_DIRECTORY)
        return is_anonymous ? put_path(NULL, SLICE_NONE, SLICE_LITERAL(START_OF_ANONYMOUS), out)
             : is_component(who->user) ? put_path(NULL, SLICE_NONE, who->user, out) : ERR_NAME;
    if (mode != ISOLATION_ROOT_ONLY && mode != ISOLATION_ALL)
        return ERR_UNSUPPORTED;
    if (is_anonymous)
        return put_path(CONTAINER, SLICE_NONE, SLICE_LITERAL(PUBLIC), out);
    if (!is_component(who->user))
        return ERR_NAME;
    if (who->kind != GRANT_DOMAIN)
        return slice_equal_fold_str(who->user, PUBLIC) ? ERR_NAME : put_path(CONTAINER, SLICE_NONE, who->user, out);
    if (!is_component(who->domain) || fold_same(who->domain, SLICE_LITERAL(CONTAINER)))
        return ERR_NAME;
    return put_path(NULL, who->domain, who->user, out);
}

bool isolation_is_global(const struct snapshot *s, const struct snap_site *site, struct slice path, struct slice domain)
{
    struct directory_place place;
    if (directory_map_find(s, site, path, &place))
        return false;
    struct slice rest = slice_from(snapshot_text(s, place.directory->path), 1);
    struct slice first = slice_cut(&rest, '/');
    return first.len && !fold_same(first, SLICE_LITERAL(CONTAINER)) && !(domain.len && fold_same(first, domain));
}

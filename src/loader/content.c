/*
 * content.c - what a site serves and to whom: directories, authorization scopes, providers.
 *
 * Applications mean nothing to FTP but a path: application path + virtual directory path make one list, longest first,
 * so that the first entry which is a prefix of a path by whole components is the one that maps it.
 */
#include "loader/compile_priv.h"

#include <stdlib.h>

#include "base/fold.h"
#include "base/own.h"

/* ---- directories ---- */

struct directory {
    char *path, *folded;
    bool is_application_root;
    struct conf_element *element;
};
struct directory_list {
    struct directory *items;
    size_t count, cap;
};

static void free_directories(struct directory_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
        free(list->items[i].folded);
    }
    free(list->items);
}

static int add_directory(struct directory_list *list, struct conf_element *application, struct conf_element *directory)
{
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 8;
        struct directory *items = reallocarray(list->items, cap, sizeof *items);
        if (!items)
            return ERR_NOMEM;
        list->items = items;
        list->cap = cap;
    }
    struct slice sub = conf_text(directory, "path");
    char *path = scopes_join(conf_text(application, "path"), sub);
    char *folded = path ? fold_copy(slice_str(path)) : NULL;
    if (!folded) {
        free(path);
        return ERR_NOMEM;
    }
    list->items[list->count++] = (struct directory){ path, folded, slice_equal_str(sub, "/"), directory };
    return 0;
}

static int collect_directories(struct conf_element *site, struct directory_list *list)
{
    for (size_t a = 0; a < conf_count(site); a++) {
        struct conf_element *application = conf_item(site, a);
        for (size_t v = 0; v < conf_count(application); v++) {
            int err = add_directory(list, application, conf_item(application, v));
            if (err)
                return err;
        }
    }
    return 0;
}

/* Longest first; of two that claim one path the root of an application wins, as a walk down the tree would find it. */
static int compare_directories(const void *left, const void *right)
{
    const struct directory *a = left, *b = right;
    int order = scopes_compare(a->folded, b->folded);
    return order ? order : (int)b->is_application_root - (int)a->is_application_root;
}

static void fail_directory(struct compiler *c, struct site_work *s, const struct directory *item, const char *attribute,
                           struct diag *d, struct snap_directory *row)
{
    compile_place(item->element, attribute, d);
    OWNED_TEXT_BUFFER text = { 0 };
    text_addf(&text, "%s%s%s", d->what, d->todo[0] ? ". " : "", d->todo);
    row->failure = snapshot_put_text(c->w, text_slice(&text));
    struct diag told = *d;
    diag_set(&told, "site \"" SLICE_FMT "\", directory %s: %s", SLICE_ARG(s->name), item->path, d->what);
    compile_tell(c, s, LOADER_WARNING, &told);
}

static void put_directory(struct compiler *c, struct site_work *s, const struct directory *item)
{
    OWNED_TEXT_BUFFER linux_path = { 0 };
    struct diag d = { 0 };
    struct slice physical = conf_text(item->element, "physicalPath"), user = conf_text(item->element, "userName");
    struct snap_directory row = {
        .path = snapshot_put_text(c->w, slice_str(item->path)),
        .physical_path = snapshot_put_text(c->w, physical),
        .user_name = snapshot_put_text(c->w, user),
        .source = compile_source(item->element, "path"),
    };
    if (path_map_resolve(c->paths, physical, &linux_path, &d)) {
        fail_directory(c, s, item, "physicalPath", &d, &row);
    } else if (user.len && identity_put_fixed(c, s, item->element, slice_str(item->path), &d)) {
        fail_directory(c, s, item, "userName", &d, &row);
    }
    row.linux_path = snapshot_put_text(c->w, text_slice(&linux_path));
    uint32_t at = snapshot_put_row(c->w, SNAP_TABLE_directory, &row);
    if (s->row.directories.count++ == 0)
        s->row.directories.first = at;
}

int content_directories(struct compiler *c, struct site_work *s)
{
    struct directory_list list = { 0 };
    int err = collect_directories(s->site, &list);
    if (!err && list.count)
        qsort(list.items, list.count, sizeof *list.items, compare_directories);
    for (size_t i = 0; !err && i < list.count; i++)
        if (i == 0 || strcmp(list.items[i].folded, list.items[i - 1].folded) != 0)
            put_directory(c, s, &list.items[i]);
    if (!err && (!list.count || strcmp(list.items[list.count - 1].path, "/") != 0)) {
        struct diag d = { 0 };
        compile_place(s->site, "name", &d);
        diag_set(&d, "site \"" SLICE_FMT "\" has no root: application \"/\" with virtual directory \"/\" is missing",
                 SLICE_ARG(s->name));
        compile_tell(c, s, LOADER_ERROR, &d);
    }
    free_directories(&list);
    return err;
}

/* ---- authorization ---- */

/* Whoever asks a directory about a user asks for the roles that matter to some rule. */
static int put_roles(struct compiler *c, struct slice names)
{
    int err = 0;
    while (names.ptr && names.len && !err) {
        struct slice name = slice_trim(slice_cut(&names, ','));
        if (!name.len || slice_has_control(name) || slice_equal_str(name, "*") || map_get(&c->roles, name) != MAP_NONE)
            continue;
        struct snap_role row = { snapshot_put_text(c->w, name) };
        err = map_put(&c->roles, name, snapshot_put_row(c->w, SNAP_TABLE_role, &row));
    }
    return err;
}

static int put_rules(struct compiler *c, struct slice location, struct snap_range *rules_out)
{
    typedef struct snap_rule row;
    static const struct snap_column columns[] = { SNAP_RULE_COLUMNS(SNAP_COLUMN) };
    struct conf_element *section = compile_element(c, AUTHORIZATION, location);
    struct snap_range rules = { (uint32_t)0, 0 };
    rule_names_check(c, section);
    for (size_t i = 0; section && i < conf_count(section); i++) {
        struct conf_element *item = conf_item(section, i);
        struct snap_rule rule = { .deny = conf_number(item, "accessType") == 1 };
        columns_fill(c, item, columns, sizeof columns / sizeof columns[0], &rule);
        int err = put_roles(c, conf_text(item, "roles"));
        if (err)
            return err;
        uint32_t at = snapshot_put_row(c->w, SNAP_TABLE_rule, &rule);
        if (rules.count++ == 0)
            rules.first = at;
    }
    *rules_out = rules;
    return 0;
}

static int put_scope(struct compiler *c, struct site_work *s, struct slice path, struct slice location)
{
    struct snap_scope row = { .path = snapshot_put_text(c->w, path) };
    int err = put_rules(c, location, &row.rules);
    if (err)
        return err;
    scopes_extend(&s->row.scopes, snapshot_put_row(c->w, SNAP_TABLE_scope, &row));
    return 0;
}

int content_scopes(struct compiler *c, struct site_work *s)
{
    return scopes_each(c, s, AUTHORIZATION, put_scope);
}

/* ---- providers ---- */

static const struct {
    const char *type;
    enum snap_provider_kind kind;
} provider_types[] = {
    { "Microsoft.Web.FtpServer.Security.IisManagerAuthenticationProvider", SNAP_PROVIDER_IIS_MANAGER },
    { "Microsoft.Web.FtpServer.Security.AspNetFtpMembershipProvider", SNAP_PROVIDER_ASPNET },
};

/* The kind by the type in front of the assembly's name. */
static enum snap_provider_kind kind_of(struct slice type)
{
    struct slice name = slice_trim(slice_cut(&type, ','));
    for (size_t i = 0; i < sizeof provider_types / sizeof provider_types[0]; i++)
        if (slice_equal_str(name, provider_types[i].type))
            return provider_types[i].kind;
    return SNAP_PROVIDER_UNKNOWN;
}

static struct conf_element *definition_of(struct compiler *c, struct slice name)
{
    const struct conf_pair pair = { SLICE_LITERAL("name"), name };
    struct conf_element *definitions = compile_element(c, "system.ftpServer/providerDefinitions", SLICE_NONE), *found;
    return definitions && conf_find(definitions, &pair, 1, &found) == 0 ? found : NULL;
}

static void put_provider(struct compiler *c, struct site_work *s, struct conf_element *item)
{
    struct slice name = conf_text(item, "name");
    struct conf_element *definition = definition_of(c, name);
    struct snap_provider row = { .name = snapshot_put_text(c->w, name), .source = compile_source(item, "name") };
    row.kind = definition ? kind_of(conf_text(definition, "type")) : SNAP_PROVIDER_UNKNOWN;
    struct diag missing = { 0 };
    if (row.kind == SNAP_PROVIDER_ASPNET && !membership_is_configured(c, &missing)) {
        row.kind = SNAP_PROVIDER_UNKNOWN;
        struct diag told = missing;
        diag_set(&told, "nobody can log in through provider " SLICE_FMT ": %s", SLICE_ARG(name), missing.what);
        if (!told.file[0])
            compile_place(item, "name", &told);
        compile_tell(c, s, LOADER_WARNING, &told);
    } else if (row.kind == SNAP_PROVIDER_UNKNOWN) {
        struct diag d = { 0 };
        compile_place(item, "name", &d);
        if (definition)
            diag_set(&d, "not enforced yet: provider \"" SLICE_FMT "\"; nobody can log in through it", SLICE_ARG(name));
        else
            diag_set(&d, "provider \"" SLICE_FMT "\" stands in no system.ftpServer/providerDefinitions; nobody can log "
                     "in through it", SLICE_ARG(name));
        compile_tell(c, s, LOADER_WARNING, &d);
    }
    uint32_t at = snapshot_put_row(c->w, SNAP_TABLE_provider, &row);
    if (s->row.providers.count++ == 0)
        s->row.providers.first = at;
}

int content_providers(struct compiler *c, struct site_work *s)
{
    struct conf_element *providers =
        conf_child(s->site, "ftpServer/security/authentication/customAuthentication/providers");
    for (size_t i = 0; providers && i < conf_count(providers); i++) {
        struct conf_element *item = conf_item(providers, i);
        /* `enabled` is true by default while the name is empty: that is no provider (trap 1) */
        if (conf_number(item, "enabled") && conf_text(item, "name").len)
            put_provider(c, s, item);
    }
    return 0;
}

/*
 * identity.c - who an account is for the file system: fileAccessIdentity, fixed accounts of virtual directories, and homes
 * that a directory names.
 *
 * Everything here takes other identities than the service's own, which only a service started by root can: where that is
 * not so, the site or the virtual directory fails with a text instead of serving files as somebody else than configured.
 */
#include "loader/compile_priv.h"

#include "base/own.h"

#define ACTIVE_DIRECTORY "ftpServer/userIsolation/activeDirectory"

static void refuse(struct compiler *c, struct site_work *s, struct conf_element *e, const char *attribute, const char *what,
                   const char *todo)
{
    struct diag d = { 0 };
    compile_place(e, attribute, &d);
    d.path[0] = 0; /* the text is also what the site's state shows */
    diag_set(&d, "site \"" SLICE_FMT "\" does not start: %s", SLICE_ARG(s->name), what);
    diag_todo(&d, "%s", todo);
    compile_tell(c, s, LOADER_ERROR, &d);
}

/* ---- userIsolation mode ActiveDirectory ---- */

static void put_home_login(struct compiler *c, struct site_work *s)
{
    typedef struct snap_home_login row;
    static const struct snap_column columns[] = { SNAP_HOME_LOGIN_COLUMNS(SNAP_COLUMN) };
    struct conf_element *e = conf_child(s->site, ACTIVE_DIRECTORY);
    struct snap_home_login login = { 0 };
    OWNED_TEXT_BUFFER what = { 0 };
    OWNED_PASSWORD password = { 0 };
    char why[PASSWORD_WHY];
    if (!e || !conf_text(e, "adUserName").len)
        return; /* then the directory's own account reads */
    if (!conf_text(e, "adPassword").len) {
        refuse(c, s, e, "adUserName", "userIsolation/activeDirectory has adUserName, but no adPassword",
               "Set it, or remove adUserName: the account of sallyport/directory then reads the homes.");
        return;
    }
    if (password_read(c, e, "adPassword", &password, why)) {
        text_addf(&what, "userIsolation/activeDirectory/@adPassword is %s", why);
        refuse(c, s, e, "adPassword", text_str(&what),
               "Set it anew, or remove adUserName: the account of sallyport/directory then reads the homes.");
        return;
    }
    columns_fill(c, s->site, columns, sizeof columns / sizeof columns[0], &login);
    login.password = snapshot_put_text(c->w, text_slice(&password));
    s->row.home_login = 1 + snapshot_put_row(c->w, SNAP_TABLE_home_login, &login);
}

static void check_homes(struct compiler *c, struct site_work *s)
{
    struct conf_element *mode = conf_child(s->site, "ftpServer/userIsolation");
    struct conf_element *directory = compile_element(c, "sallyport/directory", SLICE_NONE);
    struct conf_element *roots = compile_element(c, "sallyport/directory/ftpRoots", SLICE_NONE);
    bool by_certificate = s->row.client_cert_enabled && s->row.use_ad_mapping && !s->row.strict_iis;
    if (s->row.isolation_mode != ISOLATION_ACTIVE_DIRECTORY)
        return;
    if (!directory || !slice_trim(conf_text(directory, "servers")).len)
        refuse(c, s, mode, "mode", "userIsolation/@mode ActiveDirectory takes the homes from a directory, and none is configured",
               "Name its controllers in sallyport.config, sallyport/directory servers=\"ldaps://...\".");
    else if (!roots || !conf_count(roots))
        refuse(c, s, mode, "mode", "userIsolation/@mode ActiveDirectory accepts homes below configured directories only, and there is none",
               "Add them in sallyport.config: <directory><ftpRoots><add path=\"\\\\server\\share\" /></ftpRoots></directory>.");
    else if (!s->row.basic_enabled && !by_certificate)
        refuse(c, s, mode, "mode", "userIsolation/@mode ActiveDirectory must be combined with Basic authentication",
               "Enable basicAuthentication; accounts that are not of the directory have no home there.");
    put_home_login(c, s);
}

/* ---- fileAccessIdentity ---- */

int identity_site(struct compiler *c, struct site_work *s)
{
    if (s->row.file_access_identity != FILES_OF_SERVICE && !c->in->privileged)
        refuse(c, s, compile_own_settings(c, s->name), "fileAccessIdentity",
               "fileAccessIdentity gives files to other accounts, which only a service started by root can",
               "Start it as root, or use fileAccessIdentity=\"service\".");
    check_homes(c, s);
    return 0;
}

/* ---- fixed accounts ---- */

int identity_put_fixed(struct compiler *c, struct site_work *s, struct conf_element *directory, struct slice path, struct diag *d)
{
    if (!c->in->privileged) {
        diag_set(d, "userName is set, but only a service started by root can open files as a fixed account");
        diag_todo(d, "Start it as root, or remove userName: files are then opened as the user who logged in.");
        return ERR_UNSUPPORTED;
    }
    OWNED_PASSWORD password = { 0 };
    char why[PASSWORD_WHY];
    if (password_read(c, directory, "password", &password, why)) {
        diag_set(d, "userName is set, but its password is %s", why);
        diag_todo(d, "Set the password anew, or remove userName: files are then opened as the user who logged in.");
        return ERR_UNSUPPORTED;
    }
    const struct snap_fixed_account row = {
        .site = s->row.id, .path = snapshot_put_text(c->w, path),
        .user_name = snapshot_put_text(c->w, conf_text(directory, "userName")),
        .password = snapshot_put_text(c->w, text_slice(&password)),
        .logon_method = (uint32_t)conf_number(directory, "logonMethod"),
    };
    snapshot_put_row(c->w, SNAP_TABLE_fixed_account, &row);
    c->has_fixed_accounts = true;
    return 0;
}

/* ---- the tables of sallyport.config ---- */

static bool are_numbers(struct slice list)
{
    while (list.ptr && list.len) {
        uint64_t number;
        if (slice_to_u64(slice_trim(slice_cut(&list, ',')), UINT32_MAX - 1, &number))
            return false;
    }
    return true;
}

static void put_identities(struct compiler *c)
{
    typedef struct snap_account_map row;
    static const struct snap_column columns[] = { SNAP_ACCOUNT_MAP_COLUMNS(SNAP_COLUMN) };
    struct conf_element *list = compile_element(c, "sallyport/identities", SLICE_NONE);
    for (size_t i = 0; list && i < conf_count(list); i++) {
        struct conf_element *item = conf_item(list, i);
        struct snap_account_map map = { 0 };
        if (!are_numbers(conf_text(item, "groups"))) {
            struct diag d = { 0 };
            compile_place(item, "groups", &d);
            diag_set(&d, "groups must be numbers of groups");
            diag_todo(&d, "separate them by commas: groups=\"1501,1502\"");
            report_add(c->report, LOADER_ERROR, 0, &d);
        }
        columns_fill(c, item, columns, sizeof columns / sizeof columns[0], &map);
        snapshot_put_row(c->w, SNAP_TABLE_account_map, &map);
    }
}

/* As the brokers compare them: separators are "/", none at the end. */
static void add_normal(struct text *out, struct slice path)
{
    for (size_t i = 0; i < path.len; i++)
        text_add_char(out, path.ptr[i] == '\\' ? '/' : path.ptr[i]);
    while (out->len > 1 && out->ptr[out->len - 1] == '/')
        out->len--;
}

static int put_roots(struct compiler *c)
{
    struct conf_element *list = compile_element(c, "sallyport/directory/ftpRoots", SLICE_NONE);
    for (size_t i = 0; list && i < conf_count(list); i++) {
        OWNED_TEXT_BUFFER linux_path = { 0 }, path = { 0 };
        struct diag d = { 0 };
        if (path_map_resolve(c->paths, conf_text(conf_item(list, i), "path"), &linux_path, &d)) {
            compile_place(conf_item(list, i), "path", &d);
            report_add(c->report, LOADER_ERROR, 0, &d);
            continue;
        }
        add_normal(&path, conf_text(conf_item(list, i), "path"));
        if (text_error(&path) || text_error(&linux_path))
            return ERR_NOMEM;
        const struct snap_ad_root row = { .path = snapshot_put_text(c->w, text_slice(&path)),
                                          .linux_path = snapshot_put_text(c->w, text_slice(&linux_path)) };
        snapshot_put_row(c->w, SNAP_TABLE_ad_root, &row);
    }
    return 0;
}

int identity_put(struct compiler *c)
{
    put_identities(c);
    return put_roots(c);
}

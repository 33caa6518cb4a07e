/*
 * ad.c - sallyport/directory: the Active Directory whose accounts log in.
 *
 * What could never work is an error here, at the line where it stands; whether a controller answers is found out by the
 * authenticator.  A stored password that cannot be read closes the directory alone: its key may be lost on one machine of
 * several, and the sites that do without the directory shall go on.
 */
#include "loader/compile_priv.h"

static void complain(struct compiler *c, struct conf_element *e, const char *attribute, const char *what, const char *todo)
{
    struct diag d = { 0 };
    compile_place(e, attribute, &d);
    diag_set(&d, "%s", what);
    diag_todo(&d, "%s", todo);
    report_add(c->report, LOADER_ERROR, 0, &d);
}

static bool are_servers(struct slice servers)
{
    while (servers.ptr) {
        struct slice uri = slice_cut(&servers, ' ');
        if (uri.len && !slice_starts_fold(uri, SLICE_LITERAL("ldaps://")) && !slice_starts_fold(uri, SLICE_LITERAL("ldap://")))
            return false;
    }
    return true;
}

/* The password of the bind account in the file that bindPasswordFile names, its line end left out. */
static struct slice password_of_file(struct compiler *c, struct conf_element *e, struct slice name)
{
    if (conf_text(e, "bindPassword").len)
        complain(c, e, "bindPasswordFile", "bindPassword and bindPasswordFile are both set", "keep the file and remove bindPassword");
    for (size_t i = 0; i < c->in->count; i++) {
        struct slice file = slice_str(c->in->files[i].name), bytes = c->in->files[i].bytes;
        if (!slice_starts(file, SLICE_LITERAL("secrets/")) || !slice_equal(slice_from(file, 8), name))
            continue;
        size_t end = slice_find(bytes, '\n');
        bytes = slice_first(bytes, end == SIZE_MAX ? bytes.len : end);
        return slice_ends(bytes, SLICE_LITERAL("\r")) ? slice_first(bytes, bytes.len - 1) : bytes;
    }
    complain(c, e, "bindPasswordFile", "bindPasswordFile names no readable file in the folder \"secrets\" beside sallyport.config",
             "put the password into a file there: one line, mode 0600, owned by root");
    return SLICE_NONE;
}

/* bindPassword, in clear or stored.  Empty with a warning when it cannot be read: the authenticator then asks nobody. */
static int put_password(struct compiler *c, struct conf_element *e, struct snap_text *password_out)
{
    OWNED_PASSWORD password = { 0 };
    char why[PASSWORD_WHY];
    struct diag d = { 0 };
    int err = password_read(c, e, "bindPassword", &password, why);
    if (!err)
        *password_out = snapshot_put_text(c->w, text_slice(&password));
    if (!err || err == ERR_NOMEM || !conf_text(e, "bindPassword").len)
        return err == ERR_NOMEM ? err : 0;
    compile_place(e, "bindPassword", &d);
    diag_set(&d, "the directory is closed, none of its accounts can log in: bindPassword is %s", why);
    report_add(c->report, LOADER_WARNING, 0, &d);
    return 0;
}

int ad_put(struct compiler *c)
{
    typedef struct snap_ad row;
    static const struct snap_column columns[] = { SNAP_AD_SETTINGS(SNAP_COLUMN) };
    struct conf_element *e = compile_element(c, "sallyport/directory", SLICE_NONE);
    struct snap_ad ad = { 0 };
    if (!e || !slice_trim(conf_text(e, "servers")).len)
        return 0;
    if (!are_servers(conf_text(e, "servers")))
        complain(c, e, "servers", "a directory server is neither ldaps://HOST[:PORT] nor ldap://HOST[:PORT]",
                 "separate several by blanks; ldap:// is used with StartTLS");
    struct slice file = conf_text(e, "bindPasswordFile"), password = SLICE_NONE;
    if (file.len)
        password = password_of_file(c, e, file);
    if (!conf_text(e, "bindName").len || (!conf_text(e, "bindPassword").len && !file.len))
        complain(c, e, "servers", "the directory has servers, but no bindName and bindPassword to ask them with",
                 "name an account that may read users and groups; an empty password would be an anonymous bind");
    columns_fill(c, NULL, columns, sizeof columns / sizeof columns[0], &ad);
    int err = 0;
    if (file.len)
        ad.bind_password = snapshot_put_text(c->w, password);
    else
        err = put_password(c, e, &ad.bind_password);
    if (err)
        return err;
    snapshot_put_row(c->w, SNAP_TABLE_ad, &ad);
    c->has_directory = true;
    return 0;
}

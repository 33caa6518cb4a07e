/*
 * user.c - IIS Manager users and their permission for sites, both in administration.config.
 *
 * A password never comes from an argument unless told to: arguments show in the process list.  Only its hash is stored;
 * sallyport/iisManagerUsers chooses the form.  A permission is an entry in authorizationRules/scope[path="/Site"]
 * ("Configuring Permissions for IIS Manager Users and Windows Users").
 */
#include "auth/password.h"
#include "base/fold.h"
#include "cli/listing.h"
#include "cli/prompt.h"
#include "cli/site.h"
#include "cli/table.h"

#define AUTHENTICATION "system.webServer/management/authentication"
#define AUTHORIZATION "system.webServer/management/authorization"
#define USERS_SETTINGS "sallyport/iisManagerUsers"

/* ---- the two collections ---- */

static struct conf_element *section_child(struct cli *c, const char *section, const char *child)
{
    struct conf_element *e = NULL;
    if (conf_section(c->conf, slice_str(section), SLICE_LITERAL(""), &e) != 0)
        return NULL;
    return conf_child(e, child);
}

static struct conf_element *credentials_of(struct cli *c)
{
    return section_child(c, AUTHENTICATION, "credentials");
}

static struct conf_element *rules_of(struct cli *c)
{
    return section_child(c, AUTHORIZATION, "authorizationRules");
}

static struct conf_element *find_by(struct conf_element *collection, const char *key, struct slice value)
{
    for (size_t i = 0; collection && i < conf_count(collection); i++)
        if (fold_same(conf_text(conf_item(collection, i), key), value))
            return conf_item(collection, i);
    return NULL;
}

static struct edit_place credentials_place(struct slice user)
{
    struct edit_place place = { .section = SLICE_LITERAL(AUTHENTICATION), .path = SLICE_LITERAL(""), .prefix_count = 1 };
    place.prefix[0] = (struct propath_step){ .kind = PROPATH_NAME, .name = SLICE_LITERAL("credentials") };
    if (user.len)
        place.prefix[place.prefix_count++] = edit_key("name", user);
    return place;
}

static struct edit_place rules_place(struct slice scope)
{
    struct edit_place place = { .section = SLICE_LITERAL(AUTHORIZATION), .path = SLICE_LITERAL(""), .prefix_count = 1 };
    place.prefix[0] = (struct propath_step){ .kind = PROPATH_NAME, .name = SLICE_LITERAL("authorizationRules") };
    if (scope.len)
        place.prefix[place.prefix_count++] = edit_key("path", scope);
    return place;
}

/* "/MySite" or "/MySite/app" with the site spelled as configured. */
static int scope_path(struct cli *c, struct text *out)
{
    struct slice site = cli_param(c, "site");
    if (slice_is_empty(site))
        return cli_error(c, EXIT_BAD_PARAMETER, "Must specify the site with /site:.");
    if (site.ptr[0] == '/')
        site = slice_from(site, 1);
    text_add_char(out, '/');
    return site_path(c, site, out);
}

static int save_and_say(struct cli *c, const char *what)
{
    int code = cli_save(c);
    if (!code)
        cli_say(c, "USER object \"" SLICE_FMT "\" %s", SLICE_ARG(c->identifier), what);
    return code;
}

/* ---- list ---- */

static void add_sites(struct cli *c, struct slice user, struct text *out)
{
    struct conf_element *rules = rules_of(c);
    for (size_t i = 0; rules && i < conf_count(rules); i++) {
        struct conf_element *scope = conf_item(rules, i);
        struct slice path = conf_text(scope, "path");
        if (!find_by(scope, "name", user))
            continue;
        if (out->len)
            text_add_char(out, ',');
        text_add(out, path.len && path.ptr[0] == '/' ? slice_from(path, 1) : path);
    }
}

static int list_one(struct cli *c, struct slice name, struct conf_element *permission)
{
    struct conf_element *user = find_by(credentials_of(c), "name", name);
    bool is_role = permission && conf_number(permission, "isRole") != 0;
    OWNED_TEXT_BUFFER sites = { 0 };
    add_sites(c, name, &sites);
    struct listed row = {
        .tag = "USER", .name = name, .count = 3, .element = user && !is_role ? user : permission,
        .attrs = { { "type", NULL, is_role ? "Group" : user ? "IISManager" : "Windows", true },
                   { "enabled", NULL, !user || is_role || conf_number(user, "enabled") ? "true" : "false", true },
                   { "sites", NULL, text_str(&sites), true } },
    };
    return listing_row(c, &row);
}

static int list_permitted(struct cli *c)
{
    OWNED_TEXT_BUFFER path = { 0 };
    int code = scope_path(c, &path);
    if (code)
        return code;
    struct conf_element *scope = find_by(rules_of(c), "path", text_slice(&path));
    for (size_t i = 0; !code && scope && i < conf_count(scope); i++)
        code = list_one(c, conf_text(conf_item(scope, i), "name"), conf_item(scope, i));
    return code ? code : listing_end(c);
}

int user_list(struct cli *c)
{
    int code = cli_open(c);
    if (code)
        return code;
    if (cli_has(c, "site"))
        return list_permitted(c);
    struct conf_element *users = credentials_of(c);
    for (size_t i = 0; !code && users && i < conf_count(users); i++)
        code = list_one(c, conf_text(conf_item(users, i), "name"), NULL);
    return code ? code : listing_end(c);
}

/* ---- passwords ---- */

static int report_prompt(struct cli *c, int err)
{
    if (err == ERR_CONFLICT)
        return cli_error(c, EXIT_BAD_PARAMETER, "The two passwords are not the same.");
    if (err == ERR_TRUNCATED)
        return cli_error(c, EXIT_BAD_PARAMETER, "No password was given.  It is read as one line from standard input.");
    return cli_error(c, EXIT_BAD_PARAMETER, "The password cannot be used: %s.", err_text(err));
}

static int read_password(struct cli *c, struct prompt_secret *secret_out)
{
    struct slice argument = cli_param(c, "password");
    if (!argument.len) {
        int err = prompt_read(c, "Password: ", true, secret_out);
        return err ? report_prompt(c, err) : EXIT_OK;
    }
    if (!cli_has(c, "allowPasswordArgument"))
        return cli_error(c, EXIT_BAD_PARAMETER, "A password on the command line can be seen by every user of this "
                         "machine.  Leave /password out to be asked for it, or give it on standard input; or insist "
                         "with /allowPasswordArgument.");
    if (argument.len > PROMPT_SECRET_MAX)
        return report_prompt(c, ERR_TOO_LONG);
    memcpy(secret_out->text, argument.ptr, argument.len);
    secret_out->len = argument.len;
    return EXIT_OK;
}

static int hash_password(struct cli *c, struct text *stored_out)
{
    OWNED_SECRET secret = { 0 };
    struct conf_element *settings = NULL;
    struct conf_value format = { 0 };
    int code = cli_param(c, "password").len ? EXIT_OK : cli_refuse_param(c, "allowPasswordArgument", "without /password");
    if (!code)
        code = read_password(c, &secret);
    if (code)
        return code;
    if (secret.len == 0)
        return cli_error(c, EXIT_BAD_PARAMETER, "The password must not be empty.");
    if (conf_section(c->conf, SLICE_LITERAL(USERS_SETTINGS), SLICE_LITERAL(""), &settings) != 0 ||
        conf_attr(settings, "passwordFormat", &format) != 0)
        return cli_failed(c, EXIT_BAD_DATA, "The section " USERS_SETTINGS " cannot be read.");
    struct slice clear = slice_of(secret.text, secret.len);
    int err = slice_equal_fold_str(format.text, "Sha256") ? password_make_sha256(clear, stored_out)
                                                          : password_make_yescrypt(clear, stored_out);
    return err ? report_prompt(c, err) : EXIT_OK;
}

/* ---- add, set, delete ---- */

int user_add(struct cli *c)
{
    OWNED_TEXT_BUFFER stored = { 0 };
    struct slice enabled = cli_param(c, "enabled");
    int code = slice_has_control(c->identifier) || !slice_is_utf8(c->identifier)
                   ? cli_error(c, EXIT_BAD_PARAMETER, "A user name is text without control characters.")
                   : cli_open(c);
    if (code)
        return code;
    if (find_by(credentials_of(c), "name", c->identifier))
        return cli_error(c, EXIT_DUPLICATE, "Failed to add duplicate collection element \"" SLICE_FMT "\".",
                         SLICE_ARG(c->identifier));
    code = hash_password(c, &stored);
    if (code)
        return code;
    struct conf_pair pairs[] = { { SLICE_LITERAL("name"), c->identifier },
                                 { SLICE_LITERAL("password"), text_slice(&stored) },
                                 { SLICE_LITERAL("enabled"), enabled } };
    struct edit_place place = credentials_place(SLICE_NONE);
    code = edit_add(c, &place, NULL, pairs, enabled.len ? 3 : 2, c->identifier);
    return code ? code : save_and_say(c, "added");
}

/* Open the configuration; the user must exist. */
static int require_user(struct cli *c, struct conf_element **user_out)
{
    int code = cli_open(c);
    if (code)
        return code;
    *user_out = find_by(credentials_of(c), "name", c->identifier);
    return *user_out ? EXIT_OK : cli_cannot_find(c, "USER", c->identifier);
}

int user_set(struct cli *c)
{
    OWNED_TEXT_BUFFER stored = { 0 };
    struct conf_element *user = NULL;
    struct edit_place place = credentials_place(c->identifier);
    int code = require_user(c, &user);
    if (!code && !cli_has(c, "password"))
        code = cli_refuse_param(c, "allowPasswordArgument", "without /password");
    if (!code && !cli_has(c, "enabled") && !cli_has(c, "password"))
        code = cli_error(c, EXIT_BAD_PARAMETER, "Nothing to change: give /password or /enabled:.");
    if (!code && cli_has(c, "password"))
        code = hash_password(c, &stored);
    if (!code && stored.len)
        code = edit_set(c, &place, NULL, "password", text_slice(&stored));
    if (!code && cli_has(c, "enabled"))
        code = edit_set(c, &place, NULL, "enabled", cli_param(c, "enabled"));
    return code ? code : save_and_say(c, "changed");
}

static int remove_from_scopes(struct cli *c)
{
    struct diag d = { 0 };
    struct conf_element *rules = rules_of(c);
    for (size_t i = 0; rules && i < conf_count(rules);) {
        struct conf_element *permission = find_by(conf_item(rules, i), "name", c->identifier);
        if (!permission) {
            i++;
            continue;
        }
        int err = conf_remove(c->conf, permission, &d);
        if (err)
            return cli_failed_diag(c, err, &d);
        rules = rules_of(c); /* elements die with an edit */
    }
    return EXIT_OK;
}

int user_delete(struct cli *c)
{
    struct diag d = { 0 };
    struct conf_element *user = NULL;
    int code = require_user(c, &user);
    if (code)
        return code;
    int err = conf_remove(c->conf, user, &d);
    if (err)
        return cli_failed_diag(c, err, &d);
    if (cli_has(c, "permissions"))
        code = remove_from_scopes(c);
    return code ? code : save_and_say(c, "deleted");
}

/* ---- allow, deny ---- */

static int ensure_scope(struct cli *c, struct slice path)
{
    struct conf_pair pairs[] = { { SLICE_LITERAL("path"), path } };
    struct edit_place place = rules_place(SLICE_NONE);
    return find_by(rules_of(c), "path", path) ? EXIT_OK : edit_add(c, &place, NULL, pairs, 1, SLICE_NONE);
}

static int add_permission(struct cli *c, struct slice path)
{
    bool is_role = cli_has(c, "role");
    struct conf_pair pairs[] = { { SLICE_LITERAL("name"), c->identifier },
                                 { SLICE_LITERAL("isRole"), SLICE_LITERAL("true") } };
    struct edit_place place = rules_place(path);
    int code = ensure_scope(c, path);
    return code ? code : edit_add(c, &place, NULL, pairs, is_role ? 2 : 1, c->identifier);
}

int user_allow(struct cli *c)
{
    OWNED_TEXT_BUFFER path = { 0 }, done = { 0 };
    struct conf_element *user = NULL;
    int code = cli_has(c, "role") ? cli_open(c) : require_user(c, &user);
    if (!code)
        code = scope_path(c, &path);
    if (!code)
        code = add_permission(c, text_slice(&path));
    text_addf(&done, "allowed for \"%s\"", text_str(&path));
    return code ? code : save_and_say(c, text_str(&done));
}

int user_deny(struct cli *c)
{
    OWNED_TEXT_BUFFER path = { 0 }, done = { 0 };
    struct diag d = { 0 };
    struct slice site = cli_param(c, "site");
    int code = cli_open(c);
    if (!code && slice_is_empty(site))
        code = cli_error(c, EXIT_BAD_PARAMETER, "Must specify the site with /site:.");
    if (code)
        return code;
    /* the site may be gone already: its scope stays behind when it is deleted */
    text_addf(&path, "%s" SLICE_FMT, site.ptr[0] == '/' ? "" : "/", SLICE_ARG(site));
    struct conf_element *scope = find_by(rules_of(c), "path", text_slice(&path));
    struct conf_element *permission = scope ? find_by(scope, "name", c->identifier) : NULL;
    if (!permission)
        return cli_error(c, EXIT_NO_ELEMENT, "Cannot find requested collection element.");
    int err = conf_remove(c->conf, permission, &d);
    if (err)
        return cli_failed_diag(c, err, &d);
    text_addf(&done, "denied for \"%s\"", text_str(&path));
    return save_and_say(c, text_str(&done));
}

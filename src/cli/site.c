/*
 * site.c - sites.
 *
 * An ftp site is started and stopped apart from its web side; "state" is the ftp side's as the service tells it.
 * Page titles followed: "Getting Started with AppCmd.exe", "Sites <sites>", "Adding Sites <site>".
 */
#include "cli/site.h"

#include <errno.h>
#include <unistd.h>

#include "base/fold.h"
#include "base/own.h"
#include "cli/control_client.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "loader/endpoint.h"

/* ---- shared ---- */

static struct conf_element *sites_of(struct cli *c)
{
    struct conf_element *sites = NULL;
    return conf_section(c->conf, SLICE_LITERAL(SITES_SECTION), SLICE_LITERAL(""), &sites) == 0 ? sites : NULL;
}

struct conf_element *site_find(struct cli *c, struct slice name)
{
    struct conf_element *sites = sites_of(c);
    for (size_t i = 0; sites && i < conf_count(sites); i++) {
        struct conf_element *site = conf_item(sites, i);
        if (fold_same(conf_text(site, "name"), name))
            return site;
    }
    return NULL;
}

void site_split(struct slice identifier, struct slice *site_out, struct slice *path_out)
{
    size_t slash = slice_find(identifier, '/');
    *site_out = slash == SIZE_MAX ? identifier : slice_first(identifier, slash);
    *path_out = slash == SIZE_MAX ? SLICE_LITERAL("/") : slice_from(identifier, slash);
    if (path_out->len > 1 && path_out->ptr[path_out->len - 1] == '/')
        path_out->len--;
}

struct edit_place site_place(struct slice site, struct slice app, struct slice vdir)
{
    struct edit_place place = { .section = SLICE_LITERAL(SITES_SECTION), .path = SLICE_LITERAL("") };
    const struct slice keys[] = { site, app, vdir };
    for (size_t i = 0; i < 3 && keys[i].len; i++)
        place.prefix[place.prefix_count++] = edit_key(i == 0 ? "name" : "path", keys[i]);
    return place;
}

static int find_config_path(struct cli *c, struct slice identifier, struct text *path_out)
{
    static const struct slice apphost = { "MACHINE/WEBROOT/APPHOST", 23 };
    if (slice_starts_fold(identifier, apphost) && (identifier.len == apphost.len || identifier.ptr[apphost.len] == '/'))
        identifier = slice_from(identifier, apphost.len + (identifier.len > apphost.len));
    if (site_is_url(identifier))
        return site_path_of_url(c, identifier, path_out);
    while (identifier.len && identifier.ptr[identifier.len - 1] == '/')
        identifier.len--;
    if (slice_is_empty(identifier))
        return EXIT_OK;
    struct slice name, rest;
    site_split(identifier, &name, &rest);
    struct conf_element *site = site_find(c, name);
    if (!site)
        return cli_cannot_find(c, "SITE", name);
    text_add(path_out, conf_text(site, "name"));
    if (rest.len > 1)
        text_add(path_out, rest);
    return text_error(path_out) ? cli_failed(c, 14, "%s", err_text(path_out->err)) : EXIT_OK;
}

int site_path(struct cli *c, struct slice identifier, struct text *path_out)
{
    size_t before = path_out->len;
    int code = find_config_path(c, identifier, path_out);
    struct slice path = slice_from(text_slice(path_out), before);
    if (!code && !conf_path_is_valid(path))
        code = cli_failed(c, EXIT_BAD_DATA, "Invalid location path \"" SLICE_FMT "\".  Write \"Site/directory\", with single slashes and "
                          "without the parts \".\" and \"..\".", SLICE_ARG(path));
    return code;
}

static bool has_root(struct conf_element *site)
{
    const struct conf_pair root = { SLICE_LITERAL("path"), SLICE_LITERAL("/") };
    struct conf_element *app, *vdir;
    return site && conf_find(site, &root, 1, &app) == 0 && conf_find(app, &root, 1, &vdir) == 0;
}

int site_config_path(struct cli *c, struct slice identifier, struct text *path_out)
{
    size_t before = path_out->len;
    int code = site_path(c, identifier, path_out);
    struct slice path = slice_from(text_slice(path_out), before), name, rest;
    site_split(path, &name, &rest);
    if (!code && path.len && !has_root(site_find(c, name)))
        code = cli_failed(c, EXIT_NOT_FOUND, "Unrecognized configuration path 'MACHINE/WEBROOT/APPHOST/" SLICE_FMT "'\n"
                          "Site \"" SLICE_FMT "\" has no application \"/\" with a virtual directory \"/\".", SLICE_ARG(path),
                          SLICE_ARG(name));
    return code;
}

/* The identifier as the configuration spells it. */
static int require_site(struct cli *c, struct conf_element **site_out)
{
    int code = cli_open(c);
    if (code)
        return code;
    *site_out = site_find(c, c->identifier);
    return *site_out ? EXIT_OK : cli_cannot_find(c, "SITE", c->identifier);
}

/* ---- list ---- */

static void add_bindings(struct conf_element *site, struct text *out)
{
    struct conf_element *bindings = conf_child(site, "bindings");
    for (size_t i = 0; bindings && i < conf_count(bindings); i++) {
        struct conf_element *binding = conf_item(bindings, i);
        struct slice protocol = conf_text(binding, "protocol"), information = conf_text(binding, "bindingInformation");
        text_addf(out, "%s" SLICE_FMT "/" SLICE_FMT, i ? "," : "", SLICE_ARG(protocol), SLICE_ARG(information));
    }
}

static int list_one(struct cli *c, struct conf_element *site, const struct control_states *states)
{
    OWNED_TEXT_BUFFER bindings = { 0 };
    char id[24], status[24];
    struct slice name = conf_text(site, "name");
    const char *state = control_state_of(states, name);
    add_bindings(site, &bindings);
    snprintf(id, sizeof id, "%lld", (long long)conf_number(site, "id"));
    snprintf(status, sizeof status, "%u", control_status_of(states, name));
    const struct listed_attr runtime[] = { { "ftpServer.state", NULL, state, false },
                                           { "ftpServer.lastStartupStatus", NULL, status, false }, { 0 } };
    struct listed row = {
        .tag = "SITE", .name = name, .count = 3, .hidden = runtime, .element = site,
        .attrs = { { "id", "SITE.ID", id, true },
                   { "bindings", NULL, text_str(&bindings), true },
                   { "state", NULL, state, true } },
    };
    return listing_row(c, &row);
}

int site_list(struct cli *c)
{
    struct control_states states;
    int code = cli_open(c);
    struct conf_element *sites = code ? NULL : sites_of(c);
    if (code)
        return code;
    (void)!cli_take_over_before(c); /* what it refuses is told; the list is true all the same */
    control_states_load(&states, c->directory);
    for (size_t i = 0; !code && sites && i < conf_count(sites); i++)
        code = list_one(c, conf_item(sites, i), &states);
    control_states_free(&states);
    return code ? code : listing_end(c);
}

/* ---- add, set, delete ---- */

/* The smallest number that no site has: appcmd's choice, and it fills holes.  Among n sites it is n+1 at most. */
static int64_t next_id(struct cli *c)
{
    struct conf_element *sites = sites_of(c);
    size_t count = sites ? conf_count(sites) : 0, id = 1;
    bool *taken = calloc(count + 2, sizeof *taken);
    if (!taken)
        return -1;
    for (size_t i = 0; i < count; i++) {
        int64_t used = conf_number(conf_item(sites, i), "id");
        if (used > 0 && used <= (int64_t)count)
            taken[used] = true;
    }
    while (taken[id])
        id++;
    free(taken);
    return (int64_t)id;
}

static bool is_address(struct slice host)
{
    if (slice_equal_str(host, "*") || (host.len && host.ptr[0] == '['))
        return true;
    for (size_t i = 0; i < host.len; i++)
        if ((host.ptr[i] < '0' || host.ptr[i] > '9') && host.ptr[i] != '.')
            return false;
    return host.len > 0;
}

/* The friendly form, ftp://host:21, is protocol "ftp" and "*:21:host".  False when it is not written so. */
static bool split_friendly(struct slice binding, struct slice *protocol_out, struct text *information_out)
{
    static const struct {
        const char *protocol, *port;
    } usual[] = { { "http", "80" }, { "https", "443" }, { "ftp", "21" } };
    size_t colon = slice_find(binding, ':');
    if (colon == SIZE_MAX || !slice_starts(slice_from(binding, colon), SLICE_LITERAL("://")))
        return false;
    *protocol_out = slice_first(binding, colon);
    struct slice host = slice_from(binding, colon + 3), port = SLICE_NONE;
    host = slice_first(host, slice_find(host, '/'));
    size_t last = slice_find_last(host, ':'), bracket = slice_find_last(host, ']');
    if (last != SIZE_MAX && (bracket == SIZE_MAX || last > bracket)) {
        port = slice_from(host, last + 1);
        host = slice_first(host, last);
    }
    for (size_t i = 0; !port.ptr && i < sizeof usual / sizeof usual[0]; i++)
        if (slice_equal_fold_str(*protocol_out, usual[i].protocol))
            port = slice_str(usual[i].port);
    bool has_name = host.len && !is_address(host);
    text_addf(information_out, SLICE_FMT ":" SLICE_FMT ":" SLICE_FMT, SLICE_ARG(has_name || !host.len ? SLICE_LITERAL("*") : host),
              SLICE_ARG(port), SLICE_ARG(has_name ? host : SLICE_LITERAL("")));
    return true;
}

/* "+ftp" is none, but what is left of an edit that was meant: adding or removing one. */
static bool is_protocol(struct slice protocol)
{
    for (size_t i = 0; i < protocol.len; i++)
        if (!propath_is_name_char(protocol.ptr[i]) && protocol.ptr[i] != '.')
            return false;
    return protocol.len > 0 && protocol.ptr[0] != '-';
}

static int refuse_binding(struct cli *c, struct slice binding, const char *why)
{
    return cli_error(c, EXIT_BAD_PARAMETER, "Invalid binding \"" SLICE_FMT "\": it is written "
                     "protocol/address:port:host, e.g. ftp/*:21:%s%s", SLICE_ARG(binding), why[0] ? "; " : "", why);
}

/* What IIS Manager would not take.  The other protocols' information is theirs. */
static int check_binding(struct cli *c, struct slice binding, struct slice protocol, struct slice information)
{
    struct endpoint ignored;
    if (!is_protocol(protocol))
        return refuse_binding(c, binding, "one is added to the others with \"/+bindings.[protocol='ftp',bindingInformation='*:21:']\"");
    if (!slice_equal_fold_str(protocol, "ftp") && !slice_equal_fold_str(protocol, "ftps"))
        return EXIT_OK;
    if (slice_has_byte(information, ' '))
        return refuse_binding(c, binding, "a comma stands between two");
    const char *why = endpoint_parse(information, &ignored);
    return why ? refuse_binding(c, binding, why) : EXIT_OK;
}

static int add_binding(struct cli *c, const struct edit_place *place, struct slice binding)
{
    OWNED_TEXT_BUFFER friendly = { 0 };
    struct slice protocol = SLICE_NONE, information = SLICE_NONE;
    size_t slash = slice_find(binding, '/');
    if (split_friendly(binding, &protocol, &friendly)) {
        information = text_slice(&friendly);
    } else if (slash != SIZE_MAX && slash > 0) {
        protocol = slice_first(binding, slash);
        information = slice_from(binding, slash + 1);
    } else {
        return refuse_binding(c, binding, "");
    }
    int code = check_binding(c, binding, protocol, information);
    if (code)
        return code;
    struct conf_pair pairs[] = { { SLICE_LITERAL("protocol"), protocol },
                                 { SLICE_LITERAL("bindingInformation"), information } };
    return edit_add(c, place, "bindings", pairs, 2, SLICE_NONE);
}

static int add_bindings_of(struct cli *c, const struct edit_place *place)
{
    struct slice list = cli_param(c, "bindings");
    int code = EXIT_OK;
    while (!code && list.ptr && list.len) {
        struct slice binding = slice_trim(slice_cut(&list, ','));
        if (binding.len)
            code = add_binding(c, place, binding);
    }
    return code;
}

static int add_root(struct cli *c, struct slice site, struct slice physical_path)
{
    struct slice root = SLICE_LITERAL("/");
    struct edit_place in_site = site_place(site, SLICE_NONE, SLICE_NONE), in_app = site_place(site, root, SLICE_NONE);
    struct conf_pair app[] = { { SLICE_LITERAL("path"), root } };
    struct conf_pair vdir[] = { { SLICE_LITERAL("path"), root }, { SLICE_LITERAL("physicalPath"), physical_path } };
    int code = edit_add(c, &in_site, NULL, app, 1, SLICE_NONE);
    return code ? code : edit_add(c, &in_app, NULL, vdir, 2, SLICE_NONE);
}

int site_add(struct cli *c)
{
    struct slice name = cli_has(c, "name") ? cli_param(c, "name") : c->identifier;
    struct slice id = cli_param(c, "id"), physical_path = cli_param(c, "physicalPath");
    char next[24];
    if (slice_is_empty(name))
        return cli_error(c, EXIT_BAD_PARAMETER, "Must specify the name of the site with /name:.");
    int code = cli_refuse_two_names(c);
    if (!code)
        code = cli_open(c);
    if (code)
        return code;
    int64_t free_id = next_id(c);
    if (free_id < 0)
        return cli_failed(c, 14, "%s", err_text(ERR_NOMEM));
    snprintf(next, sizeof next, "%lld", (long long)free_id);
    struct edit_place sites = { .section = SLICE_LITERAL(SITES_SECTION), .path = SLICE_LITERAL("") };
    struct edit_place place = site_place(name, SLICE_NONE, SLICE_NONE);
    struct conf_pair pairs[] = { { SLICE_LITERAL("name"), name },
                                 { SLICE_LITERAL("id"), id.len ? id : slice_str(next) } };
    code = edit_add(c, &sites, NULL, pairs, 2, name);
    if (!code && physical_path.len)
        code = add_root(c, name, physical_path);
    if (!code)
        code = add_bindings_of(c, &place);
    if (!code)
        code = edit_apply_all(c, &place);
    if (!code)
        code = cli_save(c);
    if (code)
        return code;
    cli_say(c, "SITE object \"" SLICE_FMT "\" added", SLICE_ARG(name));
    if (physical_path.len) {
        cli_say(c, "APP object \"" SLICE_FMT "/\" added", SLICE_ARG(name));
        cli_say(c, "VDIR object \"" SLICE_FMT "/\" added", SLICE_ARG(name));
    }
    return EXIT_OK;
}

static int replace_bindings(struct cli *c, const struct edit_place *place)
{
    struct arg_param clear = { .name = SLICE_LITERAL("-bindings") };
    int code = edit_apply(c, place, &clear);
    return code ? code : add_bindings_of(c, place);
}

#define OWN_SITES "sallyport/sites"

/* What Sallyport adds to a site stands under its name; NULL: nothing. */
static struct conf_element *own_entry(struct cli *c, struct slice site)
{
    struct conf_element *sites = NULL;
    if (conf_section(c->conf, SLICE_LITERAL(OWN_SITES), SLICE_LITERAL(""), &sites) != 0)
        return NULL;
    for (size_t i = 0; i < conf_count(sites); i++)
        if (fold_same(conf_text(conf_item(sites, i), "name"), site))
            return conf_item(sites, i);
    return NULL;
}

/* It goes along: left behind, what it demands of the site would be demanded no more.  One that was left over by another is
 * not taken for it. */
static int rename_site(struct cli *c, const struct edit_place *place, struct slice name)
{
    struct slice old = place->prefix[0].pairs[0].value;
    struct diag d = { 0 };
    int code = edit_set(c, place, NULL, "name", name);
    if (!code && !fold_same(old, name) && own_entry(c, name))
        return cli_error(c, EXIT_DUPLICATE, "Section \"" OWN_SITES "\" has settings for \"" SLICE_FMT "\" already, which would become the "
                         "site's.  If nobody needs them: set config -section:" OWN_SITES " \"/-[name='" SLICE_FMT "']\"",
                         SLICE_ARG(name), SLICE_ARG(name));
    struct conf_element *own = code ? NULL : own_entry(c, old);
    int err = own ? conf_set(c->conf, own, "name", name, &d) : 0;
    return err ? cli_failed_diag(c, err, &d) : code;
}

/* Renaming comes last: until then the old name finds the site. */
static int set_own_params(struct cli *c, const struct edit_place *place)
{
    int code = cli_has(c, "bindings") ? replace_bindings(c, place) : EXIT_OK;
    if (!code && cli_has(c, "id"))
        code = edit_set(c, place, NULL, "id", cli_param(c, "id"));
    if (!code && cli_has(c, "name"))
        code = rename_site(c, place, cli_param(c, "name"));
    return code;
}

int site_set(struct cli *c)
{
    struct conf_element *site = NULL;
    int code = require_site(c, &site);
    if (code)
        return code;
    struct slice found = conf_text(site, "name");
    OWNED_TEXT name = strndup(found.ptr, found.len);
    if (!name)
        return 14;
    struct edit_place place = site_place(slice_str(name), SLICE_NONE, SLICE_NONE);
    code = edit_apply_all(c, &place);
    if (!code)
        code = set_own_params(c, &place);
    if (!code)
        code = cli_save(c);
    if (!code)
        cli_say(c, "SITE object \"%s\" changed", name);
    return code;
}

int site_delete(struct cli *c)
{
    struct conf_element *site = NULL;
    struct diag d = { 0 };
    int code = require_site(c, &site);
    if (code)
        return code;
    struct slice found = conf_text(site, "name");
    OWNED_TEXT_BUFFER lines = { 0 };
    vdir_add_deleted(site, &lines);
    text_addf(&lines, "SITE object \"" SLICE_FMT "\" deleted", SLICE_ARG(found));
    if (text_error(&lines) != 0)
        return cli_failed(c, 14, "%s", err_text(lines.err));
    struct conf_element *own = own_entry(c, found);
    int err = own ? conf_remove(c->conf, own, &d) : 0;
    site = err ? NULL : site_find(c, c->identifier);
    if (site)
        err = conf_remove(c->conf, site, &d);
    if (err)
        return cli_failed_diag(c, err, &d);
    code = cli_save(c);
    if (!code)
        cli_say(c, "%s", text_str(&lines));
    return code;
}

/* ---- start, stop ---- */

static bool has_ftp_binding(struct conf_element *site)
{
    struct conf_element *bindings = conf_child(site, "bindings");
    for (size_t i = 0; bindings && i < conf_count(bindings); i++)
        if (slice_equal_fold_str(conf_text(conf_item(bindings, i), "protocol"), "ftp"))
            return true;
    return false;
}

/* Who may order the service about need not be one who may read its files. */
static bool may_read(struct cli *c)
{
    OWNED_TEXT_BUFFER file = { 0 };
    text_addf(&file, "%s/%s", c->directory, conf_file_name(CONF_APPLICATION_HOST));
    return access(text_str(&file), R_OK) == 0 || errno != EACCES;
}

/* E6 for a site whose only side is the web's: there is nothing here that could start or stop. */
static int change_state(struct cli *c, enum control_verb verb, const char *done)
{
    struct conf_element *site = NULL;
    bool reads = may_read(c);
    int code = reads ? require_site(c, &site) : EXIT_OK;
    if (code)
        return code;
    if (reads && !has_ftp_binding(site))
        return cli_failed(c, EXIT_NO_ELEMENT, "The object identifier does not represent a valid object.");
    struct slice name = reads ? conf_text(site, "name") : c->identifier;
    code = control_do(c, verb, name, NULL, NULL);
    if (!code)
        cli_say(c, "\"" SLICE_FMT "\" successfully %s.", SLICE_ARG(name), done);
    return code;
}

int site_start(struct cli *c)
{
    return change_state(c, CONTROL_START_SITE, "started");
}

int site_stop(struct cli *c)
{
    return change_state(c, CONTROL_STOP_SITE, "stopped");
}

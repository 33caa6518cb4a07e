/*
 * membership.c - web.config: where ASP.NET keeps the members and roles that provider AspNetAuth asks for.
 *
 * As in IIS the settings stand in <location path="GlobalFtpSite/ftpsvc">; what that location does not say, the file itself
 * does.  Only what the membership of FTP needs is read, the rest of web.config is the web site's business.  The file is
 * read when the first site names the provider.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "conf/xml.h"
#include "loader/compile_priv.h"
#include "membership/connection.h"
#include "membership/hash.h"

#define WEB_CONFIG "web.config"
#define FTP_LOCATION "GlobalFtpSite/ftpsvc"

enum { FAILURES_MAX = 1000000, MINUTES_MAX = 1000000, COMMAND_SECONDS_MAX = 600 };

struct membership {
    struct xml *xml;
    struct diag why; /* it cannot be used: why */
    bool usable;
    struct text users, roles; /* ODBC connection strings */
    struct slice users_application, roles_application, hash_algorithm;
    uint64_t max_failures, window_minutes, command_seconds;
};

/* ---- finding things ---- */

static bool is_ftp_location(const struct xml *x, uint32_t node)
{
    struct slice path = xml_attr_or(x, node, "path", SLICE_NONE);
    return slice_equal_fold_str(path, FTP_LOCATION);
}

/* Element "a/b" below `node`, XML_NONE if there is none. */
static uint32_t descend(const struct xml *x, uint32_t node, const char *path)
{
    for (struct slice rest = slice_str(path); rest.ptr && node != XML_NONE;)
        node = xml_child(x, node, slice_cut(&rest, '/'), XML_NONE);
    return node;
}

/* The `step`-th place where an element may stand: the location of the FTP service, the file.  XML_NONE: no more. */
static uint32_t place(const struct xml *x, unsigned step, const char *path)
{
    uint32_t location = XML_NONE;
    if (step == 1)
        return descend(x, 0, path);
    do
        location = xml_child(x, 0, SLICE_LITERAL("location"), location);
    while (location != XML_NONE && !is_ftp_location(x, location));
    return location == XML_NONE ? XML_NONE : descend(x, location, path);
}

static uint32_t element(const struct xml *x, const char *path)
{
    uint32_t node = place(x, 0, path);
    return node == XML_NONE ? place(x, 1, path) : node;
}

/* The <add> of that name in a collection, wherever it stands; a location's own items hide the file's. */
static uint32_t item(const struct xml *x, const char *collection, struct slice name)
{
    for (unsigned step = 0; step < 2; step++) {
        uint32_t node = place(x, step, collection), found = XML_NONE;
        for (uint32_t at = node == XML_NONE ? XML_NONE : x->nodes[node].first; at != XML_NONE; at = x->nodes[at].next) {
            struct slice what = xml_name(x, at);
            bool is_named = slice_equal_fold(xml_attr_or(x, at, "name", SLICE_NONE), name);
            if (slice_equal_str(what, "clear") || (slice_equal_str(what, "remove") && is_named))
                found = XML_NONE;
            else if (slice_equal_str(what, "add") && is_named)
                found = at;
        }
        if (found != XML_NONE)
            return found;
    }
    return XML_NONE;
}

/* ---- complaints ---- */

static bool refuse(struct membership *m, uint32_t node, const char *attribute, const char *todo)
{
    unsigned line = 0, column = 0;
    if (node != XML_NONE) {
        uint32_t attr = attribute ? xml_attr_find(m->xml, node, attribute) : XML_NONE;
        uint32_t at = attr == XML_NONE ? m->xml->nodes[node].start : m->xml->attrs[attr].value_at;
        xml_position(m->xml, node, at, &line, &column);
    }
    diag_place(&m->why, SLICE_LITERAL(WEB_CONFIG), line, column);
    if (todo)
        diag_todo(&m->why, "%s", todo);
    return false;
}

/* ---- the attributes of a provider ---- */

static bool read_number(struct membership *m, uint32_t node, const char *name, uint64_t otherwise, uint64_t max, uint64_t *out)
{
    *out = otherwise;
    if (xml_attr_find(m->xml, node, name) == XML_NONE)
        return true;
    if (!slice_to_u64(xml_attr_or(m->xml, node, name, SLICE_NONE), max, out))
        return true;
    diag_set(&m->why, "%s is no number from 0 to %llu", name, (unsigned long long)max);
    return refuse(m, node, name, NULL);
}

/* Every attribute of the two providers; those that are not read concern web pages where people manage their accounts. */
static const char *const known[] = {
    "name", "type", "description", "connectionStringName", "applicationName", "commandTimeout", "passwordFormat",
    "maxInvalidPasswordAttempts", "passwordAttemptWindow", "enablePasswordRetrieval", "enablePasswordReset",
    "requiresQuestionAndAnswer", "requiresUniqueEmail", "minRequiredPasswordLength", "minRequiredNonalphanumericCharacters",
    "passwordStrengthRegularExpression", "passwordStrengthRegexTimeout", "passwordCompatMode",
};

static bool knows_attributes(struct membership *m, uint32_t node)
{
    for (uint32_t i = 0; i < m->xml->nodes[node].attr_count; i++) {
        struct slice name = xml_attr_name(m->xml, m->xml->nodes[node].attr + i);
        bool found = false;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            found |= slice_equal_str(name, known[k]);
        if (!found) {
            diag_set(&m->why, "provider attribute \"" SLICE_FMT "\" is not known", SLICE_ARG(slice_first(name, 60)));
            return refuse(m, node, NULL, NULL);
        }
    }
    return true;
}

/* The type in front of the assembly's name, without its namespace. */
static bool is_of_type(const struct xml *x, uint32_t node, const char *class)
{
    struct slice rest = xml_attr_or(x, node, "type", SLICE_NONE), type = slice_trim(slice_cut(&rest, ','));
    size_t dot = slice_find_last(type, '.');
    return slice_equal_str(dot == SIZE_MAX ? type : slice_from(type, dot + 1), class);
}

static bool read_connection(struct compiler *c, struct membership *m, uint32_t provider, struct text *out)
{
    struct slice name = xml_attr_or(m->xml, provider, "connectionStringName", SLICE_NONE);
    uint32_t node = item(m->xml, "connectionStrings", name);
    if (node == XML_NONE) {
        diag_set(&m->why, "no connectionStrings/add is called \"" SLICE_FMT "\"", SLICE_ARG(slice_first(name, 100)));
        return refuse(m, provider, "connectionStringName", NULL);
    }
    struct conf_element *own = compile_element(c, "sallyport/membership", SLICE_NONE);
    const struct connection_drivers drivers = { conf_text(own, "sqlServerDriver"), conf_text(own, "postgresDriver"),
                                                conf_text(own, "sqliteDriver") };
    int err = connection_string(xml_attr_or(m->xml, node, "providerName", SLICE_NONE),
                                xml_attr_or(m->xml, node, "connectionString", SLICE_NONE), &drivers, out, &m->why);
    return !err || refuse(m, node, "connectionString", NULL);
}

/* ---- members ---- */

static uint32_t default_provider(struct membership *m, const char *section, const char *providers, const char *class)
{
    uint32_t node = element(m->xml, section);
    struct slice name = node == XML_NONE ? SLICE_NONE : xml_attr_or(m->xml, node, "defaultProvider", SLICE_NONE);
    uint32_t provider = name.len ? item(m->xml, providers, name) : XML_NONE;
    if (provider == XML_NONE) {
        diag_set(&m->why, "%s: defaultProvider names no provider of this file", section);
        refuse(m, node, "defaultProvider", "The providers of machine.config are not here: add the provider to this file.");
        return XML_NONE;
    }
    if (!is_of_type(m->xml, provider, class)) {
        diag_set(&m->why, "%s: the provider is no %s", section, class);
        refuse(m, provider, "type", NULL);
        return XML_NONE;
    }
    return knows_attributes(m, provider) ? provider : XML_NONE;
}

static bool read_members(struct compiler *c, struct membership *m)
{
    uint32_t section = element(m->xml, "system.web/membership");
    uint32_t provider = default_provider(m, "system.web/membership", "system.web/membership/providers", "SqlMembershipProvider");
    if (provider == XML_NONE)
        return false;
    struct slice format = xml_attr_or(m->xml, provider, "passwordFormat", SLICE_LITERAL("Hashed"));
    m->hash_algorithm = xml_attr_or(m->xml, section, "hashAlgorithmType", SLICE_NONE);
    m->users_application = xml_attr_or(m->xml, provider, "applicationName", SLICE_LITERAL("/"));
    if (slice_equal_str(format, "Encrypted")) {
        diag_set(&m->why, "passwordFormat Encrypted cannot be checked: it needs the machineKey of the Windows server");
        return refuse(m, provider, "passwordFormat", "Have the web site store its passwords in format Hashed.");
    }
    if (!slice_equal_str(format, "Hashed") && !slice_equal_str(format, "Clear")) {
        diag_set(&m->why, "passwordFormat is Hashed or Clear");
        return refuse(m, provider, "passwordFormat", NULL);
    }
    if (!membership_hash_is_known(m->hash_algorithm)) {
        diag_set(&m->why, "hashAlgorithmType \"" SLICE_FMT "\" is not known", SLICE_ARG(slice_first(m->hash_algorithm, 60)));
        return refuse(m, section, "hashAlgorithmType", "Known are SHA1, SHA256, SHA384, SHA512, MD5 and HMAC of each.");
    }
    return read_number(m, provider, "maxInvalidPasswordAttempts", 5, FAILURES_MAX, &m->max_failures) &&
           read_number(m, provider, "passwordAttemptWindow", 10, MINUTES_MAX, &m->window_minutes) &&
           read_number(m, provider, "commandTimeout", 30, COMMAND_SECONDS_MAX, &m->command_seconds) &&
           read_connection(c, m, provider, &m->users);
}

static bool read_roles(struct compiler *c, struct membership *m)
{
    uint32_t section = element(m->xml, "system.web/roleManager");
    if (section == XML_NONE || !slice_equal_fold_str(xml_attr_or(m->xml, section, "enabled", SLICE_NONE), "true"))
        return true;
    uint32_t provider = default_provider(m, "system.web/roleManager", "system.web/roleManager/providers", "SqlRoleProvider");
    if (provider == XML_NONE)
        return false;
    m->roles_application = xml_attr_or(m->xml, provider, "applicationName", SLICE_LITERAL("/"));
    return read_connection(c, m, provider, &m->roles);
}

/* aspnet_regiis leaves sections that only the Windows server can read. */
static bool is_readable(struct membership *m)
{
    static const char *const sections[] = { "connectionStrings", "system.web/membership", "system.web/roleManager" };
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        uint32_t node = element(m->xml, sections[i]);
        if (node != XML_NONE && xml_attr_find(m->xml, node, "configProtectionProvider") != XML_NONE) {
            diag_set(&m->why, "%s is encrypted with the keys of the Windows server", sections[i]);
            return refuse(m, node, "configProtectionProvider", "Decrypt it there: aspnet_regiis -pdf SECTION FOLDER.");
        }
    }
    return true;
}

/* ---- */

static void read_file(struct compiler *c, struct membership *m)
{
    const struct compile_file *file = compile_file_named(c->in->files, c->in->count, WEB_CONFIG);
    if (!file) {
        diag_set(&m->why, "there is no " WEB_CONFIG " beside applicationHost.config that says where the members are");
        return;
    }
    if (xml_parse(file->bytes, SLICE_LITERAL(WEB_CONFIG), &m->xml, &m->why))
        return;
    m->usable = is_readable(m) && read_members(c, m) && read_roles(c, m);
}

bool membership_is_configured(struct compiler *c, struct diag *d)
{
    if (!c->membership) {
        c->membership = calloc(1, sizeof *c->membership);
        if (!c->membership) {
            diag_set(d, "%s", err_text(ERR_NOMEM));
            return false;
        }
        read_file(c, c->membership);
    }
    if (!c->membership->usable)
        *d = c->membership->why;
    return c->membership->usable;
}

int membership_put(struct compiler *c)
{
    const struct membership *m = c->membership;
    if (!m || !m->usable)
        return 0;
    const struct snap_membership row = {
        .users_connection = snapshot_put_text(c->w, text_slice(&m->users)),
        .users_application = snapshot_put_text(c->w, m->users_application),
        .roles_connection = snapshot_put_text(c->w, text_slice(&m->roles)),
        .roles_application = snapshot_put_text(c->w, m->roles_application),
        .hash_algorithm = snapshot_put_text(c->w, m->hash_algorithm),
        .max_failures = (uint32_t)m->max_failures,
        .window_minutes = (uint32_t)m->window_minutes,
        .command_seconds = (uint32_t)m->command_seconds,
    };
    snapshot_put_row(c->w, SNAP_TABLE_membership, &row);
    c->membership_used = true;
    return 0;
}

void membership_free(struct compiler *c)
{
    struct membership *m = c->membership;
    if (!m)
        return;
    text_free(&m->users);
    text_free(&m->roles);
    xml_free(m->xml);
    free(m);
    c->membership = NULL;
}

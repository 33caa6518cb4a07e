/*
 * unenforced.c - settings that are understood but not enforced.
 *
 * Two questions.  Which explicit settings does this version ignore?  Each is named once, as a note: an administrator
 * must not believe in a setting that does nothing, nor in one at a place where it does nothing.  And would a site stand
 * wider open than its configuration says?  Then it does not start.  The second is asked of effective values, so a filter
 * inherited from siteDefaults or the server level counts as one of the site's own.
 */
#include "loader/compile_priv.h"
#include "loader/coverage.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"

/* ---- the notes ---- */

/* Read by code of the loader, without a column. */
static const struct {
    const char *element, *attribute;
} handled[] = {
    { "system.applicationHost/sites/site/ftpServer/security/authentication/customAuthentication/providers/add", "name" },
    { "system.applicationHost/sites/site/ftpServer/security/authentication/customAuthentication/providers/add", "enabled" },
    { "system.applicationHost/configHistory", "enabled" },
    { "system.applicationHost/configHistory", "path" },
    { "system.applicationHost/configHistory", "maxHistories" },
    { "system.applicationHost/configHistory", "period" },
    { "system.ftpServer/providerDefinitions/add", "name" },
    { "system.ftpServer/providerDefinitions/add", "type" },
    /* of providers that cannot be run: providers.c tells of every site that names one */
    { "system.ftpServer/providerDefinitions/add", "clsid" },
    { "system.ftpServer/providerDefinitions/activation/providerData", "name" },
    { "system.ftpServer/providerDefinitions/activation/providerData/add", "key" },
    { "system.ftpServer/providerDefinitions/activation/providerData/add", "value" },
    { "system.ftpServer/providerDefinitions/activation/providerData/add", "encryptedValue" },
    { "system.applicationHost/sites/site/ftpServer/security/customAuthorization/provider", "name" },
    { "system.applicationHost/sites/site/ftpServer/security/customAuthorization/provider", "enabled" },
    { "system.applicationHost/sites/site/ftpServer/customFeatures/providers/add", "name" },
    { "system.applicationHost/sites/site/ftpServer/customFeatures/providers/add", "enabled" },
    { "system.ftpServer/security/authorization/add", "accessType" },
    { "sallyport/membership", "sqlServerDriver" },
    { "sallyport/membership", "postgresDriver" },
    { "sallyport/membership", "sqliteDriver" },
    { "system.ftpServer/security/ipSecurity", "enableReverseDns" },
    { "system.ftpServer/security/ipSecurity/add", "ipAddress" },
    { "system.ftpServer/security/ipSecurity/add", "subnetMask" },
    { "system.ftpServer/security/ipSecurity/add", "domainName" },
    { "system.applicationHost/sites/site/application", "path" },
    { "system.applicationHost/sites/site/application/virtualDirectory", "path" },
    { "system.applicationHost/sites/site/application/virtualDirectory", "physicalPath" },
    { "system.applicationHost/sites/site/application/virtualDirectory", "userName" },
    { "system.applicationHost/sites/site/application/virtualDirectory", "password" },
    { "system.applicationHost/sites/site/application/virtualDirectory", "logonMethod" },
    { "system.applicationHost/sites/site/bindings/binding", "protocol" },
    { "system.applicationHost/sites/site/bindings/binding", "bindingInformation" },
    { "system.webServer/management/authorization/authorizationRules/scope", "path" },
    { "system.webServer/management/authorization/authorizationRules/scope/add", "name" },
    { "system.webServer/management/authorization/authorizationRules/scope/add", "isRole" },
    /* IIS does not implement it either: only "unlimited" passes validation */
    { "system.applicationHost/sites/site/ftpServer/connections", "maxBandwidth" },
};

/* Understood, and without an effect here for a reason that the administrator should know. */
static const struct {
    const char *element, *attribute, *why;
} without_effect[] = {
    { "system.applicationHost/sites/site/ftpServer/security/authentication/anonymousAuthentication", "password",
      "the account that serves anonymous clients is used without logging on" },
    { "system.applicationHost/sites/site/ftpServer/customFeatures", "impersonationLevel",
      "it is about feature providers, and this version runs none" },
};

static const char *why_without_effect(const char *element, const char *attribute)
{
    for (size_t i = 0; i < sizeof without_effect / sizeof without_effect[0]; i++)
        if (strcmp(element, without_effect[i].element) == 0 && strcmp(attribute, without_effect[i].attribute) == 0)
            return without_effect[i].why;
    return NULL;
}

static bool is_handled(const char *element, const char *attribute)
{
    for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++)
        if (strcmp(element, handled[i].element) == 0 && strcmp(attribute, handled[i].attribute) == 0)
            return true;
    return columns_have(element, attribute);
}

#define SITES "system.applicationHost/sites/"

/* What follows `prefix`, as "" or "/...": NULL when the element does not stand there. */
static const char *below(const char *element, const char *prefix)
{
    size_t len = strlen(prefix);
    if (strncmp(element, prefix, len) != 0 || (element[len] && element[len] != '/'))
        return NULL;
    return element + len;
}

/* The element as if it stood in a site: what siteDefaults holds is enforced where a site's own is. */
static bool as_site_element(const char *element, char *out, size_t size)
{
    const char *rest = below(element, SITES "siteDefaults/ftpServer");
    if (!rest)
        rest = below(element, SITES "site/ftpServer");
    if (!rest)
        return false;
    snprintf(out, size, SITES "site/ftpServer%s", rest);
    return true;
}

/* An element of the FTP service; web settings in the same file are none of our business. */
static bool is_ftp_element(const char *element, char *out, size_t size)
{
    if (as_site_element(element, out, size))
        return true;
    snprintf(out, size, "%s", element);
    return strncmp(element, "system.ftpServer/", 17) == 0;
}

/* What any of the virtualDirectoryDefaults holds is enforced where a virtual directory's own is. */
static bool is_directory_default(const char *element)
{
    const char *name = strrchr(element, '/');
    return strncmp(element, SITES, sizeof SITES - 1) == 0 && strcmp(name, "/virtualDirectoryDefaults") == 0;
}

bool coverage_has(const char *element, const char *attribute)
{
    char path[256];
    if (is_directory_default(element))
        return is_handled(SITES "site/application/virtualDirectory", attribute);
    (void)is_ftp_element(element, path, sizeof path);
    return is_handled(path, attribute);
}

/* Asked once for each attribute, however often it is set. */
static bool is_unenforced(void *context, const char *element, const char *attribute)
{
    (void)context;
    char path[256];
    return is_ftp_element(element, path, sizeof path) && !is_handled(path, attribute);
}

static void note(void *context, const char *element, const char *attribute, const struct conf_value *value)
{
    struct compiler *c = context;
    char path[256];
    struct diag d = { 0 };
    (void)is_ftp_element(element, path, sizeof path);
    diag_place(&d, slice_str(conf_value_file(c->conf, value)), value->line, value->column);
    const char *why = why_without_effect(path, attribute);
    if (why)
        diag_set(&d, "needs no enforcing: %s/@%s: %s", element, attribute, why);
    else
        diag_set(&d, "not enforced yet: %s/@%s", element, attribute);
    report_add(c->report, LOADER_NOTE, 0, &d);
}

/* The rest are the server's alone, whatever their declaration in configSections says. */
static bool counts_below_the_server(const char *section)
{
    static const char *const sections[] = {
        "system.ftpServer/security/authorization", "system.ftpServer/security/ipSecurity",
        "system.ftpServer/security/requestFiltering",
    };
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        if (strcmp(section, sections[i]) == 0)
            return true;
    return strncmp(section, "system.", 7) != 0; /* console features: none of our business */
}

static void tell_misplaced(void *context, const char *section, struct slice path, const struct diag *place)
{
    struct compiler *c = context;
    struct diag d = *place;
    if (counts_below_the_server(section))
        return;
    diag_set(&d, "%s has no effect in the location tag for \"" SLICE_FMT "\": it is a section of the whole server", section,
             SLICE_ARG(path));
    diag_todo(&d, "Write it outside of location tags.");
    report_add(c->report, LOADER_WARNING, 0, &d);
}

void unenforced_report(struct compiler *c)
{
    conf_each_explicit(c->conf, is_unenforced, note, c);
    conf_each_located(c->conf, tell_misplaced, c);
}

/* ---- what keeps a site from starting ---- */

/* Homes that a provider would name. */
static void check_isolation(struct compiler *c, struct site_work *s)
{
    struct diag d = { 0 };
    if (s->row.isolation_mode != ISOLATION_CUSTOM)
        return;
    compile_place(conf_child(s->site, "ftpServer/userIsolation"), "mode", &d);
    diag_set(&d, "site \"" SLICE_FMT "\" does not start: userIsolation/@mode Custom takes the homes from a home directory provider, "
             "and this version runs none", SLICE_ARG(s->name));
    diag_todo(&d, "Use None, StartInUsersDirectory, IsolateRootDirectoryOnly, IsolateAllDirectories or ActiveDirectory.");
    d.path[0] = 0;
    compile_tell(c, s, LOADER_ERROR, &d);
}

void unenforced_check_log(struct compiler *c, struct conf_element *log, uint32_t fields)
{
    enum { PHYSICAL_PATH = 67108864 };
    struct diag d = { 0 };
    if (!(fields & PHYSICAL_PATH))
        return;
    compile_place(log, "logExtFileFlags", &d);
    d.path[0] = 0;
    diag_set(&d, "PhysicalPath in logExtFileFlags writes no column: the programs that write the log do not know where files lie; "
             "x-fullpath is the path that the client sees");
    report_add(c->report, LOADER_WARNING, 0, &d);
}

void unenforced_check_site(struct compiler *c, struct site_work *s)
{
    unenforced_check_log(c, conf_child(s->site, "ftpServer/logFile"), s->row.log_fields);
    check_isolation(c, s);
}

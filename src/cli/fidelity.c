/*
 * fidelity.c - see fidelity.h.
 *
 * Which attribute the service obeys is asked of the loader (coverage.h); what stands here is only what an import has to
 * say beyond that: paths, accounts, thumbprints, encrypted values, and what in a file of IIS is not about FTP.
 */
#include "cli/fidelity.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/password.h"
#include "base/own.h"
#include "base/text.h"
#include "conf/schema.h"
#include "conf/value.h"
#include "loader/coverage.h"
#include "protect/protect.h"

enum { SHOWN_MAX = 120 };

struct walk {
    struct fidelity *f;
    unsigned file;
    const struct xml *x;
    struct slice place;  /* configuration path: of the location tag, or the site's name */
    bool in_site, is_ftp_site;
};

const char *fidelity_file_name(const struct fidelity *f, unsigned file)
{
    return file < CONF_FILE_COUNT ? conf_file_name((enum conf_file)file) : f->sources[file - CONF_FILE_COUNT].name;
}

/* ---- lists ---- */

static void add_name(struct fidelity *f, struct fidelity_names *list, struct slice text, unsigned file, unsigned line)
{
    for (size_t i = 0; i < list->count; i++)
        if (slice_equal_fold_str(text, list->items[i].text)) {
            list->items[i].count++;
            return;
        }
    if (list->count == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 16;
        struct fidelity_name *items = reallocarray(list->items, cap, sizeof *items);
        if (!items) {
            f->err = ERR_NOMEM;
            return;
        }
        list->items = items;
        list->cap = cap;
    }
    char *copy = strndup(text.ptr ? text.ptr : "", text.len);
    if (copy)
        list->items[list->count++] = (struct fidelity_name){ copy, 1, file, line };
    else
        f->err = ERR_NOMEM;
}

static void free_names(struct fidelity_names *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].text);
    free(list->items);
}

static void add_item(struct fidelity *f, struct fidelity_item item)
{
    if (f->count == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 64;
        struct fidelity_item *items = reallocarray(f->items, cap, sizeof *items);
        if (items) {
            f->items = items;
            f->cap = cap;
        }
    }
    if (f->count == f->cap || !item.what || !item.note) {
        free(item.what);
        free(item.note);
        f->err = ERR_NOMEM;
        return;
    }
    f->items[f->count++] = item;
}

void fidelity_free(struct fidelity *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->items[i].what);
        free(f->items[i].note);
    }
    free(f->items);
    struct fidelity_names *lists[] = { &f->physical_paths, &f->users, &f->roles, &f->foreign, &f->hashes, &f->protectors,
                                       &f->config_sources };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        free_names(lists[i]);
    *f = (struct fidelity){ 0 };
}

bool fidelity_doubt(struct fidelity *f, enum conf_file file, unsigned line, const char *note)
{
    struct fidelity_item *found = NULL;
    for (size_t i = 0; i < f->count; i++) {
        struct fidelity_item *item = &f->items[i];
        if (item->file == (unsigned)file && item->line == line && (!found || item->fate == FATE_DECISION))
            found = item;
    }
    if (!found || found->fate == FATE_DECISION)
        return found != NULL;
    char *copy = strdup(note);
    if (!copy) {
        f->err = ERR_NOMEM;
        return true;
    }
    f->fates[found->fate]--;
    f->fates[FATE_DECISION]++;
    found->fate = FATE_DECISION;
    free(found->note);
    found->note = copy;
    return true;
}

const char *fidelity_windows_account(struct slice name)
{
    static const char *const own[] = { "BUILTIN\\", "NT AUTHORITY\\", "NT SERVICE\\", "IIS APPPOOL\\" };
    static const char *const plain[] = { "Everyone", "Administrators", "Authenticated Users", "Users", "Guests", "IIS_IUSRS" };
    if (slice_starts_fold(name, SLICE_LITERAL("S-1-")))
        return "a SID, which no rule here can match: write the name of the account instead";
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (slice_starts_fold(name, slice_str(own[i])))
            return "an account of Windows itself, which nobody here has: name a Linux account or group instead";
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (slice_equal_fold_str(name, plain[i]))
            return "a group of Windows itself: make a Linux group of that name, or name another one";
    return NULL;
}

void fidelity_add_shown(struct text *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char b = (unsigned char)s.ptr[i];
        if (b < 0x20 || b == 0x7f)
            text_addf(out, "\\x%02x", b);
        else
            text_add_char(out, (char)b);
    }
}

/* ---- one attribute ---- */

struct found {
    struct walk *w;
    const char *element; /* schema path from the section on */
    const struct schema_attr *a;
    struct slice value;
    unsigned line, column;
    enum fate fate;
    struct text note;
    bool is_secret;
    bool is_removal; /* of a <remove>: names what is taken away */
};

static void decide(struct found *at, const char *fmt, ...) FORMAT_LIKE_PRINTF(2, 3);
static void decide(struct found *at, const char *fmt, ...)
{
    va_list args;
    at->fate = FATE_DECISION;
    text_reset(&at->note);
    va_start(args, fmt);
    text_addv(&at->note, fmt, args);
    va_end(args);
}

static void translate(struct found *at, const char *fmt, ...) FORMAT_LIKE_PRINTF(2, 3);
static void translate(struct found *at, const char *fmt, ...)
{
    va_list args;
    at->fate = FATE_TRANSLATED;
    va_start(args, fmt);
    text_addv(&at->note, fmt, args);
    va_end(args);
}

static void judge_path(struct found *at)
{
    struct fidelity *f = at->w->f;
    struct diag d = { 0 };
    OWNED_TEXT_BUFFER path = { 0 };
    if (slice_is_empty(at->value))
        return;
    add_name(f, &f->physical_paths, at->value, at->w->file, at->line);
    if (path_map_resolve(f->paths, at->value, &path, &d))
        decide(at, "%s%s%s", d.what, d.todo[0] ? ". " : "", d.todo);
    else
        translate(at, "%s", text_str(&path));
}

static void judge_thumbprint(struct found *at)
{
    struct fidelity *f = at->w->f;
    char thumbprint[CERT_THUMBPRINT_LEN + 1];
    if (slice_is_empty(at->value))
        return;
    if (cert_normalise_thumbprint(at->value, thumbprint)) {
        decide(at, "is no thumbprint of 40 hexadecimal digits");
        return;
    }
    if (f->certificates && cert_store_find(f->certificates, thumbprint) != SIZE_MAX)
        return;
    add_name(f, &f->hashes, slice_str(thumbprint), at->w->file, at->line);
    decide(at, "the certificate is not in certificates/MY: export it on Windows with its key as PFX, then "
               "sallyport add certificate FILE.pfx");
}

static void judge_anonymous(struct found *at)
{
    if (slice_is_empty(at->value) || slice_equal_fold_str(at->value, "IUSR") || slice_starts_fold(at->value, SLICE_LITERAL("IUSR_")))
        translate(at, "anonymous users open files as the service account");
    else
        decide(at, "anonymous users act as this account, which must exist on this machine");
}

static void judge_anonymous_password(struct found *at)
{
    translate(at, "not needed: nobody is asked for it");
}

static void judge_directory_user(struct found *at)
{
    if (slice_is_empty(at->value))
        translate(at, "files are opened as the user who logged in");
    else
        text_add_str(&at->note, "an account of this machine or of the directory, whose password is checked; the service must be started by root");
}

static void judge_logon_method(struct found *at)
{
    text_add_str(&at->note, "chooses the PAM service");
}

static void judge_manager_password(struct found *at)
{
    at->is_secret = true;
    if (password_form(at->value) == PASSWORD_FORM_UNKNOWN)
        decide(at, "is no form of stored password that is known: the user cannot log in. Give a new one with "
                   "sallyport set user NAME /password");
    else
        text_add_str(&at->note, password_form(at->value) == PASSWORD_FORM_SHA256
                                    ? "SHA-256, kept; becomes yescrypt at the next login unless rehashOnLogin is false"
                                    : "yescrypt, kept");
}

static void judge_manager_name(struct found *at)
{
    at->w->f->managers++;
}

static void judge_provider_use(struct found *at)
{
    at->w->f->uses_manager_provider |= slice_equal_fold_str(at->value, "IisManagerAuth");
}

static void judge_provider_type(struct found *at)
{
    struct slice rest = at->value, type = slice_trim(slice_cut(&rest, ','));
    if (!slice_starts(type, SLICE_LITERAL("Microsoft.Web.FtpServer.Security.")))
        decide(at, "a third-party provider: it cannot run here; a site that needs it refuses what it would have decided");
}

static void add_names(struct found *at, struct fidelity_names *list)
{
    for (struct slice rest = at->value; rest.len;) {
        struct slice name = slice_trim(slice_cut(&rest, ','));
        const char *windows = fidelity_windows_account(name);
        if (!name.len || at->is_removal)
            continue;
        add_name(at->w->f, list, name, at->w->file, at->line);
        if (windows)
            decide(at, "\"%.*s\" is %s", (int)name.len, name.ptr, windows);
    }
}

static void judge_users(struct found *at)
{
    add_names(at, &at->w->f->users);
}

static void judge_roles(struct found *at)
{
    add_names(at, &at->w->f->roles);
}

/* The store of users in administration.config itself, which is the one that is read. */
static void judge_management_provider(struct found *at)
{
    struct slice rest = at->value, name = slice_trim(slice_cut(&rest, ','));
    if (slice_starts(name, SLICE_LITERAL("Microsoft.Web.Management.Server.")))
        name = slice_from(name, sizeof("Microsoft.Web.Management.Server.") - 1);
    if (slice_equal_str(name, "ConfigurationAuthenticationProvider") || slice_equal_str(name, "ConfigurationAuthorizationProvider"))
        translate(at, "the users in administration.config, which is what is read");
    else
        decide(at, "another store, which cannot be asked here: while defaultProvider names it, no IIS Manager user can log in");
}

static void judge_provider_data(struct found *at)
{
    decide(at, "a setting of a provider, which cannot run here");
}

static void judge_impersonation(struct found *at)
{
    translate(at, "of feature providers, which cannot run here");
}

#define SITES "system.applicationHost/sites/"
#define IN_SITES SITES "site/"
#define FTP "ftpServer/"
static const struct {
    const char *element, *attribute; /* element: the end of the schema path, from a '/' on or whole */
    void (*judge)(struct found *at);
} judges[] = {
    { "virtualDirectory",                                  "physicalPath",   judge_path },
    { "virtualDirectoryDefaults",                          "physicalPath",   judge_path },
    { FTP "logFile",                                       "directory",      judge_path },
    { "system.ftpServer/log/centralLogFile",               "directory",      judge_path },
    { "system.applicationHost/configHistory",              "path",           judge_path },
    { "virtualDirectory",                                  "userName",       judge_directory_user },
    { "virtualDirectoryDefaults",                          "userName",       judge_directory_user },
    { "virtualDirectory",                                  "logonMethod",    judge_logon_method },
    { "virtualDirectoryDefaults",                          "logonMethod",    judge_logon_method },
    { FTP "security/ssl",                                  "serverCertHash", judge_thumbprint },
    { "anonymousAuthentication",                           "userName",       judge_anonymous },
    { "anonymousAuthentication",                           "password",       judge_anonymous_password },
    { "anonymousAuthentication",                           "logonMethod",    judge_logon_method },
    { "basicAuthentication",                               "logonMethod",    judge_logon_method },
    { "customAuthentication/providers/add",                "name",           judge_provider_use },
    { "system.ftpServer/providerDefinitions/add",          "type",           judge_provider_type },
    { "system.ftpServer/security/authorization/add",       "users",          judge_users },
    { "system.ftpServer/security/authorization/add",       "roles",          judge_roles },
    { "management/authentication",                         "defaultProvider", judge_management_provider },
    { "management/authorization",                          "defaultProvider", judge_management_provider },
    { "management/authentication/providers/add",           "name",           judge_management_provider },
    { "management/authorization/providers/add",            "name",           judge_management_provider },
    { "management/authentication/providers/add",           "type",           judge_management_provider },
    { "management/authorization/providers/add",            "type",           judge_management_provider },
    { "providerDefinitions/activation/providerData",       "name",           judge_provider_data },
    { "providerDefinitions/activation/providerData/add",   "key",            judge_provider_data },
    { "providerDefinitions/activation/providerData/add",   "value",          judge_provider_data },
    { "providerDefinitions/activation/providerData/add",   "encryptedValue", judge_provider_data },
    { FTP "customFeatures",                                "impersonationLevel", judge_impersonation },
    { "system.webServer/management/authentication/credentials/add", "password", judge_manager_password },
    { "system.webServer/management/authentication/credentials/add", "name",     judge_manager_name },
};

static bool ends_with_element(const char *element, const char *end)
{
    size_t len = strlen(element), tail = strlen(end);
    return len >= tail && strcmp(element + len - tail, end) == 0 && (len == tail || element[len - tail - 1] == '/');
}

static void judge_encrypted(struct found *at)
{
    struct slice data = SLICE_NONE, rest = at->value;
    at->is_secret = true;
    if (!value_is_encrypted(at->value, &data)) {
        if (at->value.len && at->fate == FATE_ENFORCED)
            text_add_str(&at->note, "in clear text: whoever may read the file knows it; setting it again encrypts it");
        return;
    }
    (void)slice_cut(&rest, ':'); /* [enc */
    struct slice provider = slice_cut(&rest, ':');
    if (!data.len) {
        text_reset(&at->note);
        translate(at, "empty");
        return;
    }
    add_name(at->w->f, &at->w->f->protectors, provider, at->w->file, at->line);
    if (at->fate != FATE_TRANSLATED && protect_is_ours(at->value))
        decide(at, "encrypted by Sallyport: needs " PROTECT_KEY_FILE " of the instance that it comes from");
    else if (at->fate != FATE_TRANSLATED)
        decide(at, "encrypted with %.*s, whose key stays on the Windows machine: kept as it is; whoever needs the value "
                   "must give it again", (int)provider.len, provider.ptr);
}

static void judge(struct found *at)
{
    at->fate = FATE_ENFORCED;
    for (size_t i = 0; i < sizeof judges / sizeof judges[0]; i++)
        if (strcmp(judges[i].attribute, at->a->name) == 0 && ends_with_element(at->element, judges[i].element)) {
            judges[i].judge(at);
            break;
        }
    if (at->fate == FATE_ENFORCED && !coverage_has(at->element, at->a->name))
        decide(at, "this version does not enforce it");
    if (at->a->encrypted)
        judge_encrypted(at);
    if (at->w->in_site && !at->w->is_ftp_site && at->fate == FATE_ENFORCED)
        text_add_str(&at->note, "without effect, as on Windows: the site has no ftp binding");
}

static char *describe(const struct found *at)
{
    OWNED_TEXT_BUFFER what = { 0 };
    const char *element = at->element;
    bool is_site = strncmp(element, IN_SITES, sizeof IN_SITES - 1) == 0 || strcmp(element, SITES "site") == 0;
    if (at->w->place.len) {
        text_add_str(&what, is_site ? "site \"" : "location \"");
        fidelity_add_shown(&what, at->w->place);
        text_add_str(&what, "\", ");
    }
    if (is_site)
        element += strlen(element) > sizeof IN_SITES - 1 ? sizeof IN_SITES - 1 : sizeof SITES - 1;
    if (at->is_removal) /* ".../add" -> ".../remove" */
        text_addf(&what, "%.*s/remove/@%s", (int)(strrchr(element, '/') - element), element, at->a->name);
    else
        text_addf(&what, "%s/@%s", element, at->a->name);
    if (at->is_secret)
        text_add_str(&what, " = ***");
    else {
        text_add_str(&what, " = \"");
        fidelity_add_shown(&what, slice_first(at->value, SHOWN_MAX));
        text_addf(&what, "\"%s", at->value.len > SHOWN_MAX ? "..." : "");
    }
    return text_release(&what);
}

static void take_ftp(struct walk *w, const char *element, const struct schema_attr *a, uint32_t node, uint32_t attr)
{
    struct found at = { .w = w, .element = element, .a = a, .value = xml_attr_text(w->x, attr),
                        .is_removal = slice_equal_str(xml_name(w->x, node), "remove") };
    xml_position(w->x, node, w->x->attrs[attr].value_at, &at.line, &at.column);
    judge(&at);
    w->f->fates[at.fate]++;
    add_item(w->f, (struct fidelity_item){ at.fate, w->file, at.line, at.column, describe(&at), strdup(text_str(&at.note)) });
    text_free(&at.note);
}

/* ---- the file ---- */

static void take_all(struct walk *w, uint32_t node, enum fate fate)
{
    w->f->fates[fate] += w->x->nodes[node].attr_count;
    for (uint32_t n = w->x->nodes[node].first; n != XML_NONE; n = w->x->nodes[n].next)
        take_all(w, n, fate);
}

static size_t count_all(const struct xml *x, uint32_t node)
{
    size_t count = x->nodes[node].attr_count;
    for (uint32_t n = x->nodes[node].first; n != XML_NONE; n = x->nodes[n].next)
        count += count_all(x, n);
    return count;
}

static void take_foreign(struct walk *w, uint32_t node, struct slice name)
{
    unsigned line, column;
    xml_position(w->x, node, w->x->nodes[node].start, &line, &column);
    add_name(w->f, &w->f->foreign, name, w->file, line);
    take_all(w, node, FATE_NOT_FTP);
}

/* Locks and the like: what any element may bear. */
static bool is_frame_attribute(struct slice name)
{
    static const char *const names[] = { "lockAttributes", "lockElements", "lockAllAttributesExcept", "lockAllElementsExcept",
                                         "lockItem", "configSource", "overrideMode", "allowOverride" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (slice_equal_str(name, names[i]))
            return true;
    return false;
}

static void take_frame(struct walk *w, uint32_t node, uint32_t attr)
{
    unsigned line, column;
    w->f->fates[FATE_FRAME]++;
    if (!slice_equal_str(xml_attr_name(w->x, attr), "configSource"))
        return;
    xml_position(w->x, node, w->x->attrs[attr].value_at, &line, &column);
    add_name(w->f, &w->f->config_sources, xml_attr_text(w->x, attr), w->file, line);
}

/* Whether an attribute of sites is about FTP; `element` is below it. */
static bool is_ftp(const struct walk *w, const char *element, const char *attribute)
{
    static const struct {
        const char *element, *attribute;
    } shared[] = {
        { SITES "site", "name" }, { SITES "site", "id" },
        { IN_SITES "bindings/binding", "protocol" }, { IN_SITES "bindings/binding", "bindingInformation" },
        { IN_SITES "application", "path" },
        { IN_SITES "application/virtualDirectory", "path" }, { IN_SITES "application/virtualDirectory", "physicalPath" },
        { IN_SITES "application/virtualDirectory", "userName" }, { IN_SITES "application/virtualDirectory", "password" },
        { IN_SITES "application/virtualDirectory", "logonMethod" },
    };
    static const char *const defaults[] = { "userName", "password", "logonMethod", "physicalPath" };
    if (strncmp(element, SITES, sizeof SITES - 1) != 0)
        return true;
    if (strstr(element, "/ftpServer"))
        return true;
    if (ends_with_element(element, "virtualDirectoryDefaults"))
        for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
            if (strcmp(attribute, defaults[i]) == 0)
                return true;
    for (size_t i = 0; w->is_ftp_site && i < sizeof shared / sizeof shared[0]; i++)
        if (strcmp(element, shared[i].element) == 0 && strcmp(attribute, shared[i].attribute) == 0)
            return true;
    return false;
}

static bool is_web_binding(const struct walk *w, const char *element, uint32_t node)
{
    return strcmp(element, IN_SITES "bindings/binding") == 0 &&
           !slice_equal_fold_str(xml_attr_or(w->x, node, "protocol", SLICE_NONE), "ftp");
}

static void take_attributes(struct walk *w, const struct schema_element *e, const char *element, uint32_t node)
{
    const struct xml_node *n = &w->x->nodes[node];
    bool is_web = is_web_binding(w, element, node);
    for (uint32_t i = 0; i < n->attr_count; i++) {
        uint32_t attr = n->attr + i;
        struct slice name = xml_attr_name(w->x, attr);
        const struct schema_attr *a = schema_attr(e, name);
        if (is_frame_attribute(name))
            take_frame(w, node, attr);
        else if (a && !is_web && is_ftp(w, element, a->name))
            take_ftp(w, element, a, node, attr);
        else
            w->f->fates[FATE_NOT_FTP]++;
    }
}

static bool has_ftp_binding(const struct xml *x, uint32_t site)
{
    uint32_t bindings = xml_child(x, site, SLICE_LITERAL("bindings"), XML_NONE);
    for (uint32_t b = bindings == XML_NONE ? XML_NONE : x->nodes[bindings].first; b != XML_NONE; b = x->nodes[b].next)
        if (slice_equal_fold_str(xml_attr_or(x, b, "protocol", SLICE_NONE), "ftp"))
            return true;
    return false;
}

static void walk_element(struct walk *w, const struct schema_element *e, const char *element, uint32_t node);

static void walk_child(struct walk *w, const struct schema_element *e, const char *element, uint32_t node)
{
    struct slice name = xml_name(w->x, node);
    const struct schema_collection *items = e->collection;
    const struct schema_element *child = schema_child(e, name);
    bool is_item = items && (slice_equal_str(name, items->add) || (items->remove && slice_equal_str(name, items->remove)) ||
                             (items->clear && slice_equal_str(name, items->clear)));
    if (!child && is_item)
        child = items->item;
    if (!child) {
        take_foreign(w, node, name);
        return;
    }
    OWNED_TEXT_BUFFER path = { 0 };
    text_addf(&path, "%s/%s", element, !schema_child(e, name) && is_item ? items->add : child->name);
    struct walk inner = *w;
    if (strcmp(text_str(&path), SITES "site") == 0) {
        inner.in_site = true;
        inner.is_ftp_site = has_ftp_binding(w->x, node);
        inner.place = xml_attr_or(w->x, node, "name", SLICE_NONE);
        w->f->ftp_sites += inner.is_ftp_site;
        w->f->other_sites += !inner.is_ftp_site;
    }
    if (text_error(&path))
        w->f->err = ERR_NOMEM;
    else
        walk_element(&inner, child, text_str(&path), node);
}

static void walk_element(struct walk *w, const struct schema_element *e, const char *element, uint32_t node)
{
    take_attributes(w, e, element, node);
    for (uint32_t n = w->x->nodes[node].first; n != XML_NONE; n = w->x->nodes[n].next)
        walk_child(w, e, element, n);
}

/* What the schema knows but is not about FTP: the user interface of IIS Manager.  The history of the files is kept here too. */
static bool is_about_ftp(const char *section)
{
    static const char *const starts[] = { "system.ftpServer/", "system.applicationHost/sites", "system.applicationHost/configHistory",
                                          "system.webServer/management/authentication",
                                          "system.webServer/management/authorization",
                                          "system.webServer/security/authentication/iisClientCertificateMapping",
                                          "sallyport/" };
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (strncmp(section, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static size_t count_comments(const struct xml *x)
{
    size_t count = 0;
    const char *at = x->bytes, *end = x->bytes + x->len;
    while ((at = memmem(at, (size_t)(end - at), "<!--", 4)) != NULL) {
        count++;
        at += 4;
    }
    return count;
}

/* What stands in a file of its own: the element there is the section. */
static void walk_source(struct walk *w, const struct schema_section *section, uint32_t node)
{
    OWNED_TEXT_BUFFER name = { 0 };
    struct slice written = xml_attr_or(w->x, node, "configSource", SLICE_NONE);
    for (size_t i = 0; i < written.len; i++)
        text_add_char(&name, written.ptr[i] == '\\' ? '/' : written.ptr[i]);
    for (size_t i = 0; written.len && i < w->f->source_count; i++) {
        struct xml *x;
        struct diag d = { 0 };
        if (!slice_equal_str(text_slice(&name), w->f->sources[i].name) ||
            xml_parse(w->f->sources[i].bytes, slice_str(w->f->sources[i].name), &x, &d))
            continue;
        struct walk inner = { .f = w->f, .file = CONF_FILE_COUNT + (unsigned)i, .x = x, .place = w->place };
        walk_element(&inner, section->root, section->name, 0);
        w->f->attributes += count_all(x, 0);
        w->f->comments += count_comments(x);
        xml_free(x);
        return;
    }
}

static void walk_group(struct walk *w, struct slice path, uint32_t node)
{
    const struct schema_section *section = schema_section_find(path);
    if (section && is_about_ftp(section->name)) {
        walk_element(w, section->root, section->name, node);
        walk_source(w, section, node);
    } else if (!section && schema_is_group(path)) {
        w->f->fates[FATE_FRAME] += w->x->nodes[node].attr_count;
        for (uint32_t n = w->x->nodes[node].first; n != XML_NONE; n = w->x->nodes[n].next) {
            OWNED_TEXT_BUFFER full = { 0 };
            text_add(&full, path);
            text_add_char(&full, '/');
            text_add(&full, xml_name(w->x, n));
            if (text_error(&full))
                w->f->err = ERR_NOMEM;
            else
                walk_group(w, text_slice(&full), n);
        }
    } else {
        take_foreign(w, node, path);
    }
}

static void walk_level(struct walk *w, uint32_t node)
{
    for (uint32_t n = w->x->nodes[node].first; n != XML_NONE; n = w->x->nodes[n].next) {
        struct slice name = xml_name(w->x, n);
        struct walk inner = *w;
        if (slice_equal_str(name, "configSections") || slice_equal_str(name, "configProtectedData")) {
            take_all(w, n, FATE_FRAME);
        } else if (slice_equal_str(name, "location")) {
            w->f->fates[FATE_FRAME] += w->x->nodes[n].attr_count;
            inner.place = xml_attr_or(w->x, n, "path", SLICE_NONE);
            walk_level(&inner, n);
        } else {
            walk_group(w, name, n);
        }
    }
}

int fidelity_walk(struct fidelity *f, enum conf_file file, const struct xml *x)
{
    struct walk w = { .f = f, .file = (unsigned)file, .x = x };
    f->fates[FATE_FRAME] += x->nodes[0].attr_count;
    walk_level(&w, 0);
    f->attributes += count_all(x, 0);
    f->comments += count_comments(x);
    return f->err;
}

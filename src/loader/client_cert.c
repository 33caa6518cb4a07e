/*
 * client_cert.c - what decides about the certificates of clients.
 *
 * clientCertAuthentication does nothing until everything that it depends on is set (page "FTP Client Certificate
 * Authentication"): what is missing is named one by one, in the page's order, with the command that sets it.
 */
#include "loader/compile_priv.h"
#include "tls/cert.h"

#include <time.h>

#define MAPPINGS "iisClientCertificateMappingAuthentication"
#define SECURITY "ftpServer/security/"

/* ---- mappings ---- */

static bool is_on(struct conf_element *e, const char *attribute)
{
    return e && conf_number(e, attribute);
}

static void put_rules(struct compiler *c, struct conf_element *item, struct snap_range *rules)
{
    typedef struct snap_cert_rule row;
    static const struct snap_column columns[] = { SNAP_CERT_RULE_COLUMNS(SNAP_COLUMN) };
    struct conf_element *list = conf_child(item, "rules");
    for (size_t i = 0; list && i < conf_count(list); i++) {
        struct snap_cert_rule rule = { .of_issuer = conf_number(conf_item(list, i), "certificateField") == 2 };
        columns_fill(c, conf_item(list, i), columns, sizeof columns / sizeof columns[0], &rule);
        scopes_extend(rules, snapshot_put_row(c->w, SNAP_TABLE_cert_rule, &rule));
    }
}

static void put_mapping(struct compiler *c, struct site_work *s, struct conf_element *item, bool one_to_one)
{
    struct snap_cert_map map = {
        .user_name = snapshot_put_text(c->w, conf_text(item, "userName")),
        .certificate = snapshot_put_text(c->w, one_to_one ? conf_text(item, "certificate") : SLICE_NONE),
        .deny = !one_to_one && conf_number(item, "permissionMode") == 2,
    };
    if (!one_to_one)
        put_rules(c, item, &map.rules);
    scopes_extend(&s->row.cert_maps, snapshot_put_row(c->w, SNAP_TABLE_cert_map, &map));
}

/* IIS logs the account on with it.  Here the certificate suffices, which nobody should believe to be otherwise. */
static void tell_password(struct compiler *c, struct site_work *s, struct conf_element *item)
{
    struct diag d = { 0 };
    compile_place(item, "password", &d);
    d.path[0] = 0;
    diag_set(&d, "password in " MAPPINGS " of site \"" SLICE_FMT "\" is not checked: the certificate suffices", SLICE_ARG(s->name));
    diag_todo(&d, "Remove it; certificateAndPassword has the client give the account's password.");
    compile_tell(c, s, LOADER_WARNING, &d);
}

static void put_mappings(struct compiler *c, struct site_work *s, struct conf_element *all, bool one_to_one)
{
    struct conf_element *list = conf_child(all, one_to_one ? "oneToOneMappings" : "manyToOneMappings");
    bool told = false;
    for (size_t i = 0; list && i < conf_count(list); i++) {
        struct conf_element *item = conf_item(list, i);
        if (!is_on(item, "enabled"))
            continue;
        put_mapping(c, s, item, one_to_one);
        if (!told && conf_text(item, "password").len) {
            tell_password(c, s, item); /* the first of them stands for all */
            told = true;
        }
    }
}

/* ---- what clientCertAuthentication depends on ---- */

static void tell_missing(struct compiler *c, struct site_work *s, const char *path, const char *attribute,
                         const char *what, const char *value)
{
    struct diag d = { 0 };
    OWNED_TEXT_BUFFER dotted = { 0 };
    text_add_str(&dotted, path);
    for (size_t i = 0; i < dotted.len; i++)
        if (dotted.ptr[i] == '/')
            dotted.ptr[i] = '.';
    compile_place(conf_child(s->site, path), attribute, &d);
    diag_set(&d, "clientCertAuthentication of site \"" SLICE_FMT "\" has no effect: %s", SLICE_ARG(s->name), what);
    diag_todo(&d, "sallyport set site \"" SLICE_FMT "\" /%s.%s:%s", SLICE_ARG(s->name), text_str(&dotted), attribute,
              value);
    compile_tell(c, s, LOADER_WARNING, &d);
}

/* Mapping is on, and there is nobody to ask whom a certificate means. */
static void check_directory(struct compiler *c, struct site_work *s)
{
    struct conf_element *directory = compile_element(c, "sallyport/directory", SLICE_NONE);
    struct diag d = { 0 };
    if (directory && slice_trim(conf_text(directory, "servers")).len)
        return;
    compile_place(conf_child(s->site, SECURITY "sslClientCertificates"), "useActiveDirectoryMapping", &d);
    diag_set(&d, "useActiveDirectoryMapping of site \"" SLICE_FMT "\" maps no certificate: no directory is configured", SLICE_ARG(s->name));
    diag_todo(&d, "Name its controllers with \"sallyport set config -section:sallyport/directory /servers:ldaps://...\", or map "
                  "certificates in sallyport.config.");
    compile_tell(c, s, LOADER_WARNING, &d);
}

static void check_dependencies(struct compiler *c, struct site_work *s)
{
    const struct snap_site *row = &s->row;
    bool maps = is_on(conf_child(s->site, SECURITY "sslClientCertificates"), "useActiveDirectoryMapping");
    if (!row->client_cert_enabled)
        return;
    if (!row->cert)
        tell_missing(c, s, SECURITY "ssl", "serverCertHash", "serverCertHash names no usable certificate", "THUMBPRINT");
    if (row->data_channel_policy == SSL_DATA_DENY)
        tell_missing(c, s, SECURITY "ssl", "dataChannelPolicy", "dataChannelPolicy does not allow SSL", "SslAllow");
    if (row->client_cert_policy == CERT_IGNORE)
        tell_missing(c, s, SECURITY "sslClientCertificates", "clientCertificatePolicy",
                     "clientCertificatePolicy does not allow client certificates", "CertAllow");
    if (maps && !row->cert_maps.count)
        check_directory(c, s);
    if (!maps && !row->cert_maps.count)
        tell_missing(c, s, SECURITY "sslClientCertificates", "useActiveDirectoryMapping",
                     "useActiveDirectoryMapping is false and sallyport.config maps no certificate to an account", "true");
}

int client_cert_site(struct compiler *c, struct site_work *s)
{
    struct conf_element *own = compile_own_settings(c, s->name);
    struct conf_element *all = own ? conf_child(own, MAPPINGS) : NULL;
    if (is_on(all, "enabled") && is_on(all, "oneToOneCertificateMappingsEnabled"))
        put_mappings(c, s, all, true);
    if (is_on(all, "enabled") && is_on(all, "manyToOneCertificateMappingsEnabled"))
        put_mappings(c, s, all, false);
    check_dependencies(c, s);
    return 0;
}

/* ---- stores ---- */

static const struct {
    const char *folder;
    enum snap_trust_store store;
} stores[] = {
    { "certificates/Root/", SNAP_TRUST_ROOT },
    { "certificates/CA/", SNAP_TRUST_CA },
    { "certificates/NTAuth/", SNAP_TRUST_NTAUTH },
    { "certificates/Disallowed/", SNAP_TRUST_DISALLOWED },
};

/* Such a file is for certificates; a private key in it goes no further. */
static bool holds_key(struct slice bytes)
{
    static const char mark[] = "PRIVATE KEY-----";
    return memmem(bytes.ptr, bytes.len, mark, sizeof mark - 1) != NULL;
}

static void tell_expiry(struct compiler *c, const struct compile_file *file)
{
    struct cert *cert = NULL;
    struct cert_info info;
    struct diag d = { 0 };
    struct tm tm;
    char when[32];
    if (cert_parse(file->bytes, NULL, &cert, &d))
        return; /* the authenticator says that it cannot use it */
    cert_describe(cert, &info);
    cert_free(cert);
    time_t limit = (time_t)info.not_after;
    if (info.not_after > c->in->now + EXPIRY_WARNING || !gmtime_r(&limit, &tm) || !strftime(when, sizeof when, "%Y-%m-%d", &tm))
        return;
    d = (struct diag){ 0 };
    diag_place(&d, slice_str(file->name), 0, 0);
    diag_set(&d, "the authority %s %s on %s: certificates that it issued are refused from then on", info.subject,
             info.not_after <= c->in->now ? "expired" : "expires", when);
    diag_todo(&d, "Put its successor beside it with \"sallyport add certificate\".");
    report_add(c->report, LOADER_WARNING, 0, &d);
}

/* What store Disallowed cannot say would be let in. */
static bool is_refusal_unreadable(const struct compile_file *file, struct diag *d)
{
    struct cert *cert = NULL;
    int err = cert_parse(file->bytes, NULL, &cert, d);
    cert_free(cert);
    return err != 0;
}

static void put_trust(struct compiler *c, const struct compile_file *file, enum snap_trust_store store)
{
    bool refuses = store == SNAP_TRUST_DISALLOWED;
    struct diag d = { 0 }, why = { 0 };
    diag_place(&d, slice_str(file->name), 0, 0);
    if (holds_key(file->bytes)) {
        diag_set(&d, "the file holds a private key and is left out: this store is for certificates only");
        report_add(c->report, refuses ? LOADER_ERROR : LOADER_WARNING, 0, &d);
        return;
    }
    if (refuses && is_refusal_unreadable(file, &why)) {
        diag_set(&d, "what lies in store Disallowed is to be refused, and this cannot be read as a certificate: %s", why.what);
        diag_todo(&d, "Take it away, or put the certificate there with \"sallyport add certificate /store:Disallowed\".");
        report_add(c->report, LOADER_ERROR, 0, &d);
        return;
    }
    if (!refuses)
        tell_expiry(c, file);
    struct snap_trust row = { .store = store, .file = snapshot_put_text(c->w, slice_str(file->name)),
                              .bytes = snapshot_put_text(c->w, file->bytes) };
    snapshot_put_row(c->w, SNAP_TABLE_trust, &row);
}

enum { ISSUERS_MAX = 16 * 1024 }; /* what a handshake may reasonably carry */

static void name_issuers(struct compiler *c, const struct compile_file *file, enum snap_trust_store store)
{
    bool wanted = false;
    for (size_t i = 0; i < c->site_count; i++)
        wanted |= c->sites[i].row.send_trusted_issuers;
    if (!wanted || (store != SNAP_TRUST_ROOT && store != SNAP_TRUST_CA) ||
        cert_add_subjects(file->bytes, ISSUERS_MAX, &c->trusted_issuers))
        return;
    struct diag d = { 0 };
    diag_place(&d, slice_str(file->name), 0, 0);
    diag_set(&d, "sendTrustedIssuers: the names of all CAs do not fit into 16 KiB; clients are not told this one");
    report_add(c->report, LOADER_WARNING, 0, &d);
}

int client_cert_trust(struct compiler *c)
{
    for (size_t i = 0; i < c->in->count; i++)
        for (size_t n = 0; n < sizeof stores / sizeof stores[0]; n++)
            if (strncmp(c->in->files[i].name, stores[n].folder, strlen(stores[n].folder)) == 0) {
                put_trust(c, &c->in->files[i], stores[n].store);
                name_issuers(c, &c->in->files[i], stores[n].store);
            }
    return 0;
}

/*
 * compile.c - the order of work.
 *
 * Sites are compiled one after the other into site_work; what they share (endpoints, certificates) is settled when all
 * are known, then the rows are put.  Only sites with an ftp binding are FTP sites.
 */
#include "loader/compile_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fold.h"
#include "base/memory.h"
#include "base/own.h"
#include "conf/paths.h"

struct conf_element *compile_element(struct compiler *c, const char *path, struct slice location)
{
    struct conf_element *e;
    size_t len = strlen(path);
    for (size_t cut = len; cut != SIZE_MAX && cut; cut = slice_find_last(slice_of(path, cut), '/')) {
        if (conf_section(c->conf, slice_of(path, cut), location, &e))
            continue;
        return cut == len ? e : conf_child(e, path + cut + 1);
    }
    return NULL;
}

static bool is_written(struct conf_element *e, const char *attribute, struct conf_value *value_out)
{
    return attribute && !conf_attr(e, attribute, value_out) && value_out->origin != CONF_DEFAULT;
}

static bool find_place(struct conf_element *e, const char *attribute, struct conf_value *value_out)
{
    struct conf_schema_attr a;
    bool found = is_written(e, attribute, value_out);
    for (size_t i = 0; !found && conf_schema_attr_at(e, i, &a); i++)
        found = is_written(e, a.name, value_out);
    return found;
}

void compile_place(struct conf_element *e, const char *attribute, struct diag *d)
{
    struct conf_value v;
    OWNED_TEXT_BUFFER path = { 0 };
    if (!e)
        return;
    conf_element_path(e, &path);
    diag_path(d, "%s", text_str(&path));
    if (find_place(e, attribute, &v))
        diag_place(d, slice_str(conf_element_file(e, &v)), v.line, v.column);
}

/* The files of the configuration are the first rows of source_file, in the order of enum conf_file. */
uint32_t compile_source(struct conf_element *e, const char *attribute)
{
    struct conf_value v;
    return find_place(e, attribute, &v) ? snap_source(v.source, v.line) : 0;
}

static int put_source_files(struct compiler *c)
{
    for (int f = 0; f < CONF_FILE_COUNT; f++) {
        const struct snap_source_file row = { snapshot_put_text(c->w, slice_str(conf_file_name((enum conf_file)f))) };
        snapshot_put_row(c->w, SNAP_TABLE_source_file, &row);
    }
    for (size_t i = 0; i < c->in->source_count; i++) { /* numbered behind the files, as values name them */
        const struct snap_source_file row = { snapshot_put_text(c->w, slice_str(c->in->sources[i].name)) };
        snapshot_put_row(c->w, SNAP_TABLE_source_file, &row);
    }
    return 0;
}

void compile_tell(struct compiler *c, struct site_work *s, enum loader_severity severity, const struct diag *d)
{
    report_add(c->report, severity, s->row.id, d);
    if (severity != LOADER_ERROR || s->failure.len)
        return;
    text_add_str(&s->failure, d->what);
    if (d->todo[0])
        text_addf(&s->failure, ". %s", d->todo);
    s->row.failure_substatus = SUBSTATUS_INVALID_SITE;
}

/* ---- paths ---- */

static int open_paths(struct compiler *c)
{
    return paths_open(c->conf, c->in->directory, &c->paths);
}

/* A log directory as a Linux path; empty with a warning when it has none: then nothing is logged there. */
static struct snap_text log_path(struct compiler *c, struct conf_element *e, uint32_t site)
{
    OWNED_TEXT_BUFFER path = { 0 };
    struct diag d = { 0 };
    if (path_map_resolve(c->paths, conf_text(e, "directory"), &path, &d)) {
        compile_place(e, "directory", &d);
        struct diag told = d;
        diag_set(&told, "no log is written: %s", d.what);
        report_add(c->report, LOADER_WARNING, site, &told);
    }
    return snapshot_put_text(c->w, text_slice(&path));
}

/* ---- sites ---- */

struct conf_element *compile_own_settings(struct compiler *c, struct slice name)
{
    struct conf_element *sites = compile_element(c, "sallyport/sites", SLICE_NONE);
    for (size_t i = 0; sites && i < conf_count(sites); i++)
        if (fold_same(conf_text(conf_item(sites, i), "name"), name))
            return conf_item(sites, i);
    return compile_element(c, "sallyport/siteDefaults", SLICE_NONE);
}

static int fill_site(struct compiler *c, struct site_work *s)
{
    typedef struct snap_site row;
    static const struct snap_column settings[] = { SNAP_SITE_SETTINGS(SNAP_COLUMN) };
    static const struct snap_column own[] = { SNAP_SITE_SALLYPORT(SNAP_COLUMN) };
    columns_fill_from(c, s->site, settings, sizeof settings / sizeof settings[0], &s->row, &s->row.origins);
    columns_fill_from(c, compile_own_settings(c, s->name), own, sizeof own / sizeof own[0], &s->row, &s->row.origins);
    return 0;
}

static void check_id(struct compiler *c, struct site_work *s)
{
    struct diag d = { 0 };
    if (s->row.id)
        return;
    compile_place(s->site, "id", &d);
    diag_set(&d, "the id of a site must be 1 or more");
    report_add(c->report, LOADER_ERROR, 0, &d); /* id 0 means "no site" in every message */
}

static int compile_site(struct compiler *c, struct site_work *s)
{
    int (*const steps[])(struct compiler *, struct site_work *) = {
        fill_site,       content_directories, content_scopes,
        filters_request, filters_command,     addresses_put,
        content_providers, server_cert_choose, client_cert_site,
        firewall_site,   providers_site,        anonymous_site,        identity_site,
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int err = steps[i](c, s);
        if (err)
            return err;
    }
    s->row.log_path = log_path(c, conf_child(s->site, "ftpServer/logFile"), s->row.id);
    unenforced_check_site(c, s);
    check_id(c, s);
    return 0;
}

static void free_site(struct site_work *s)
{
    free(s->endpoints);
    text_free(&s->failure);
}

static int read_sites(struct compiler *c)
{
    struct conf_element *sites = compile_element(c, "system.applicationHost/sites", SLICE_NONE);
    size_t count = sites ? conf_count(sites) : 0;
    c->sites = calloc(count + 1, sizeof *c->sites);
    if (!c->sites)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        struct site_work *s = &c->sites[c->site_count];
        bool is_ftp = false;
        s->site = conf_item(sites, i);
        s->name = conf_text(s->site, "name");
        s->row.id = (uint32_t)conf_number(s->site, "id"); /* diagnostics of the bindings quote it */
        int err = bindings_read(c, s, &is_ftp);
        if (!err && is_ftp)
            err = compile_site(c, s);
        if (err || !is_ftp) {
            free_site(s);
            *s = (struct site_work){ 0 };
        }
        if (err)
            return err;
        c->site_count += is_ftp;
    }
    return 0;
}

static void put_sites(struct compiler *c)
{
    for (size_t i = 0; i < c->site_count; i++) {
        struct site_work *s = &c->sites[i];
        s->row.failure = snapshot_put_text(c->w, text_slice(&s->failure));
        s->row.admits_domain = c->has_directory && (s->row.basic_enabled || s->row.client_cert_enabled);
        snapshot_put_row(c->w, SNAP_TABLE_site, &s->row);
    }
}

/* ---- the server level ---- */

static bool needs_pam(const struct compiler *c)
{
    for (size_t i = 0; i < c->site_count; i++) {
        const struct snap_site *row = &c->sites[i].row;
        bool asks = row->basic_enabled || row->anonymous_account || (row->client_cert_enabled && row->cert_maps.count) ||
                    row->file_access_identity == FILES_OF_NSS;
        if (asks && !c->sites[i].failure.len)
            return c->in->privileged;
    }
    return c->in->privileged && c->has_fixed_accounts;
}

#define HISTORY "system.applicationHost/configHistory"

/* On by default, as in IIS, in files that declare the section, as all of IIS's do. */
static void fill_history(struct compiler *c, struct snap_server *server)
{
    struct conf_element *e = compile_element(c, HISTORY, SLICE_NONE);
    OWNED_TEXT_BUFFER path = { 0 };
    struct diag d = { 0 };
    if (!e || !conf_section_is_declared(c->conf, HISTORY) || !conf_number(e, "enabled"))
        return;
    if (path_map_resolve(c->paths, conf_text(e, "path"), &path, &d)) {
        compile_place(e, "path", &d);
        struct diag told = d;
        diag_set(&told, "no history of the configuration is kept: %s", d.what);
        report_add(c->report, LOADER_WARNING, 0, &told);
    }
    server->history_path = snapshot_put_text(c->w, text_slice(&path));
    server->history_most = (uint32_t)conf_number(e, "maxHistories");
    server->history_seconds = conf_number(e, "period");
}

static int put_server(struct compiler *c)
{
    typedef struct snap_server row;
    static const struct snap_column columns[] = { SNAP_SERVER_COLUMNS(SNAP_COLUMN) };
    struct snap_server server = { .generation = (int64_t)c->in->generation, .needs_pam = needs_pam(c), .needs_names = c->needs_names,
                                  .needs_membership = c->membership_used };
    columns_fill(c, NULL, columns, sizeof columns / sizeof columns[0], &server);
    struct conf_element *central = compile_element(c, "system.ftpServer/log/centralLogFile", SLICE_NONE);
    unenforced_check_log(c, central, server.central_log_fields);
    if (server.central_log_mode)
        server.central_log_path = log_path(c, central, 0);
    rule_names_check(c, compile_element(c, AUTHORIZATION, SLICE_NONE));
    firewall_server(c, &server);
    fill_history(c, &server);
    addresses_never_denied(c, &server.never_denied);
    server.trusted_issuers = snapshot_put_text(c->w, text_slice(&c->trusted_issuers));
    snapshot_put_row(c->w, SNAP_TABLE_server, &server);
    return 0;
}

/* ---- all of it ---- */

static void report_conf(void *context, int severity, const struct diag *d)
{
    report_add(context, severity == 0 ? LOADER_ERROR : LOADER_WARNING, 0, d);
}

/* A file that is moved away for a moment, as some editors save, must not look like a server without sites. */
static void check_there(struct compiler *c, struct slice application_host)
{
    struct diag d = { 0 };
    OWNED_TEXT_BUFFER path = { 0 };
    if (application_host.ptr)
        return;
    text_addf(&path, SLICE_FMT "/%s", SLICE_ARG(c->in->directory), conf_file_name(CONF_APPLICATION_HOST));
    diag_place(&d, text_slice(&path), 0, 0);
    diag_set(&d, "the file is missing or cannot be read");
    if (!c->in->lacking)
        diag_todo(&d, "Put it back, or make a new instance: sallyport --config DIR create instance");
    report_add(c->report, LOADER_ERROR, 0, &d);
}

static int open_conf(struct compiler *c)
{
    struct slice bytes[CONF_FILE_COUNT] = { { 0 } };
    for (int f = 0; f < CONF_FILE_COUNT; f++)
        bytes[f] = compile_file_bytes(c->in->files, c->in->count, conf_file_name((enum conf_file)f));
    check_there(c, bytes[CONF_APPLICATION_HOST]);
    return conf_open_sources(bytes, c->in->sources, c->in->source_count, report_conf, c->report, &c->conf);
}

static int read_safety(struct compiler *c)
{
    struct conf_element *safety = compile_element(c, "sallyport/safety", SLICE_NONE);
    c->allow_unenforced = safety && conf_number(safety, "allowUnenforcedSettings");
    return 0;
}

static int compile_all(struct compiler *c)
{
    int (*const steps[])(struct compiler *) = {
        open_conf, put_source_files, open_paths,   read_safety, server_cert_open, read_sites, bindings_clashes,
        bindings_put, users_put, client_cert_trust, ad_put, identity_put, membership_put, put_server,
        orphans_report,
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int err = steps[i](c);
        if (err)
            return err;
    }
    put_sites(c);
    unenforced_report(c);
    return c->report->errors ? ERR_SYNTAX : 0;
}

static void release(struct compiler *c)
{
    for (size_t i = 0; i < c->site_count; i++)
        free_site(&c->sites[i]);
    free(c->sites);
    server_cert_close(c);
    membership_free(c);
    path_map_free(c->paths);
    map_free(&c->roles);
    text_free(&c->trusted_issuers);
    conf_free(c->conf);
}

const struct compile_file *compile_file_named(const struct compile_file *files, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
    return NULL;
}

struct slice compile_file_bytes(const struct compile_file *files, size_t count, const char *name)
{
    const struct compile_file *file = compile_file_named(files, count, name);
    return file ? file->bytes : SLICE_NONE;
}

int compile_run(const struct compile_input *in, struct report *r, struct snapshot_writer **writer_out)
{
    struct compiler c = { .in = in, .report = r, .w = snapshot_writer_new() };
    if (!c.w)
        return ERR_NOMEM;
    unsigned before = memory_refusals();
    int err = compile_all(&c);
    /* What memory was lacking for is not there, and looks like something that nobody has configured. */
    if (memory_refusals() != before || (c.conf && conf_error(c.conf))) {
        err = ERR_NOMEM;
        report_free(r);
    }
    release(&c);
    report_sort(r);
    if (!err && r->errors)
        err = ERR_SYNTAX;
    if (err) {
        snapshot_writer_free(c.w);
        return err;
    }
    *writer_out = c.w;
    return 0;
}

/*
 * import.c - `sallyport import`: from the files of a Windows server to an instance, with a report of everything in them.
 *
 * IIS's files are taken over byte for byte (UTF-16 as UTF-8); what Linux needs besides goes into sallyport.config.  The
 * result is compiled as the service would before anything is written, so the report says what the service will say.
 * A file that IIS could not have read itself is refused whole.
 */
#include "cli/import.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/file.h"
#include "cli/table.h"
#include "conf/schema.h"

enum { CONFIG_MODE = 0640, EXISTING_MAX = 64 << 20 };

/* ---- reading ---- */

static void tell_problem(void *context, int severity, const struct diag *d)
{
    struct import *in = context;
    OWNED_TEXT_BUFFER line = { 0 };
    if (severity != 0) /* the compiler will say it again, and the report where it belongs */
        return;
    diag_print(d, &line);
    cli_say(in->c, "ERROR ( message:%s )", text_str(&line));
}

static int read_existing(struct import *in, const char *name, struct text *out)
{
    OWNED_TEXT_BUFFER path = { 0 };
    text_addf(&path, "%s/%s", in->to, name);
    int err = file_read(text_str(&path), EXISTING_MAX, out);
    if (err == ERR_NOT_FOUND)
        text_add(out, schema_new_file(name));
    return err == ERR_NOT_FOUND ? text_error(out) : err;
}

/* The files as IIS's rules see them; every problem is told. */
static int open_files(struct import *in)
{
    struct text *host = &in->source.files[CONF_APPLICATION_HOST].bytes;
    struct text *users = &in->source.files[CONF_ADMINISTRATION].bytes, *own = &in->source.files[CONF_SALLYPORT].bytes;
    const char *own_name = conf_file_name(CONF_SALLYPORT), *users_name = conf_file_name(CONF_ADMINISTRATION);
    int err = read_existing(in, own_name, own);
    if (!err && !in->source.files[CONF_ADMINISTRATION].path)
        text_add(users, schema_new_file(users_name));
    if (!err)
        err = text_error(users);
    if (err)
        return cli_failed(in->c, cli_exit_of(err), "Cannot read %s in %s: %s", own_name, in->to, err_text(err));
    const struct slice bytes[CONF_FILE_COUNT] = { text_slice(host), text_slice(users), text_slice(own) };
    for (int file = 0; !err && in->source.is_folder && file < CONF_SALLYPORT; file++)
        err = instance_files_read_sources(&in->files, in->from, (enum conf_file)file, bytes[file]);
    if (!err)
        err = conf_open_sources(bytes, in->files.sources, in->files.source_count, tell_problem, in, &in->conf);
    if (err)
        in->conf = NULL;
    return err ? cli_failed(in->c, cli_exit_of(err), "%s is not imported: IIS could not read it either.", in->from) : EXIT_OK;
}

static int read_source(struct import *in)
{
    struct diag d = { 0 };
    int err = source_read(in->from, &in->source, &d);
    return err ? cli_failed_diag(in->c, err, &d) : open_files(in);
}

/* ---- judging ---- */

static int walk_file(struct import *in, enum conf_file file)
{
    struct xml *x;
    struct diag d = { 0 };
    int err = xml_parse(conf_bytes(in->conf, file), slice_str(conf_file_name(file)), &x, &d);
    if (err)
        return cli_failed_diag(in->c, err, &d);
    err = fidelity_walk(&in->fidelity, file, x);
    xml_free(x);
    return err ? cli_failed(in->c, cli_exit_of(err), "%s", err_text(err)) : EXIT_OK;
}

static void keep_doubt(struct import *in, const struct report_item *item)
{
    OWNED_TEXT_BUFFER line = { 0 };
    diag_print(&item->diag, &line);
    for (int file = 0; file < CONF_FILE_COUNT; file++)
        if (strcmp(item->diag.file, conf_file_name((enum conf_file)file)) == 0 && item->diag.line &&
            fidelity_doubt(&in->fidelity, (enum conf_file)file, item->diag.line, item->diag.what))
            return;
    struct fidelity_name *items = reallocarray(in->doubts.items, in->doubts.count + 1, sizeof *items);
    if (!items)
        return;
    in->doubts.items = items;
    items[in->doubts.count++] = (struct fidelity_name){ .text = text_release(&line), .count = 1 };
}

/* What the service would say. */
static int compile(struct import *in)
{
    struct report report = { 0 };
    struct snapshot_writer *w = NULL;
    int err = 0;
    for (int file = 0; !err && file < CONF_FILE_COUNT; file++)
        err = instance_files_add(&in->files, conf_file_name((enum conf_file)file), conf_bytes(in->conf, (enum conf_file)file),
                                 S_IFREG | CONFIG_MODE);
    const struct compile_input input = { .files = in->files.files, .count = in->files.count, .sources = in->files.sources,
                                         .source_count = in->files.source_count, .generation = 1,
                                         .directory = slice_str(in->to), .privileged = true, .now = (int64_t)time(NULL) };
    if (!err)
        err = compile_run(&input, &report, &w);
    snapshot_writer_free(w);
    for (size_t i = 0; err != ERR_NOMEM && i < report.count; i++)
        if (report.items[i].severity != LOADER_NOTE) /* notes repeat what coverage.h has told */
            keep_doubt(in, &report.items[i]);
    report_free(&report);
    return err == ERR_NOMEM ? cli_failed(in->c, 14, "%s", err_text(err)) : EXIT_OK;
}

static int judge(struct import *in)
{
    int err = instance_files_read_certificates(&in->files, in->to);
    if (!err)
        err = instance_files_store(&in->files, "MY", &in->certificates);
    if (err)
        return cli_failed(in->c, cli_exit_of(err), "Cannot read the certificates in %s: %s", in->to, err_text(err));
    in->fidelity.paths = in->paths;
    in->fidelity.sources = in->files.sources;
    in->fidelity.source_count = in->files.source_count;
    in->fidelity.certificates = in->certificates;
    int code = walk_file(in, CONF_APPLICATION_HOST);
    if (!code && in->source.files[CONF_ADMINISTRATION].path)
        code = walk_file(in, CONF_ADMINISTRATION);
    return code ? code : compile(in);
}

/* ---- writing ---- */

static int refuse_existing(struct import *in)
{
    for (int file = 0; !in->replaces && file < CONF_FILE_COUNT; file++) {
        OWNED_TEXT_BUFFER path = { 0 };
        struct stat st;
        text_addf(&path, "%s/%s", in->to, conf_file_name((enum conf_file)file));
        if (lstat(text_str(&path), &st) == 0)
            return cli_failed(in->c, EXIT_FILE_EXISTS, "%s exists already; nothing is overwritten. With --replace it is "
                              "kept as %s.before-import.", text_str(&path), text_str(&path));
    }
    return EXIT_OK;
}

static int put_file(struct import *in, const char *name, struct slice bytes)
{
    OWNED_TEXT_BUFFER path = { 0 }, kept = { 0 }, before = { 0 };
    text_addf(&path, "%s/%s", in->to, name);
    text_addf(&kept, "%s.before-import", text_str(&path));
    int err = text_error(&kept) ? ERR_NOMEM : file_read(text_str(&path), EXISTING_MAX, &before);
    if (!err && slice_equal(text_slice(&before), bytes))
        return EXIT_OK; /* an import that was cut off came so far: what is kept of before must not be replaced by it */
    if (!err)
        err = file_stage(&in->written, text_str(&kept), text_slice(&before), CONFIG_MODE);
    else if (err == ERR_NOT_FOUND)
        err = 0;
    if (!err)
        err = (in->replaces ? file_stage : file_stage_new)(&in->written, text_str(&path), bytes, CONFIG_MODE);
    return err ? cli_failed(in->c, cli_exit_of(err), "Cannot write %s: %s", text_str(&path), err_text(err)) : EXIT_OK;
}

/* A file that configSource names, with the folders below the instance that it lies in. */
static int put_source(struct import *in, const struct conf_source_bytes *source)
{
    OWNED_TEXT_BUFFER folder = { 0 };
    const char *slash = strrchr(source->name, '/');
    text_addf(&folder, "%s/%.*s", in->to, slash ? (int)(slash - source->name) : 0, source->name);
    int err = text_error(&folder) ? ERR_NOMEM : slash ? file_make_folders(text_str(&folder), 0755) : 0;
    if (err)
        return cli_failed(in->c, cli_exit_of(err), "Cannot make %s: %s", text_str(&folder), err_text(err));
    return put_file(in, source->name, source->bytes);
}

static int make_folders(struct import *in)
{
    int err = file_make_folders(in->to, 0755);
    return err ? cli_failed(in->c, cli_exit_of(err), "Cannot make %s: %s", in->to, err_text(err)) : cli_make_stores(in->c, in->to);
}

static int place_all(struct import *in)
{
    OWNED_FD lock = -1;
    int err = file_lock_folder(in->to, &lock);
    if (err)
        return cli_failed(in->c, cli_exit_of(err), "Cannot lock %s: %s", in->to, err_text(err));
    return cli_place_files(in->c, &in->written, in->to);
}

/* All files or none; applicationHost.config last: with it the instance exists. */
static int put_all(struct import *in)
{
    static const enum conf_file order[] = { CONF_SALLYPORT, CONF_ADMINISTRATION, CONF_APPLICATION_HOST };
    int code = make_folders(in);
    if (!code)
        code = put_file(in, "import-report.txt", text_slice(&in->report));
    for (size_t i = 0; !code && i < in->files.source_count; i++)
        code = put_source(in, &in->files.sources[i]);
    for (size_t i = 0; !code && i < sizeof order / sizeof order[0]; i++)
        code = put_file(in, conf_file_name(order[i]), conf_bytes(in->conf, order[i]));
    if (!code)
        code = place_all(in);
    if (!code)
        cli_say(in->c, "INSTANCE object \"%s\" added", in->to);
    return code;
}

static void end(struct import *in)
{
    fidelity_free(&in->fidelity);
    for (size_t i = 0; i < in->doubts.count; i++)
        free(in->doubts.items[i].text);
    free(in->doubts.items);
    cert_store_free(in->certificates);
    instance_files_free(&in->files);
    path_map_free(in->paths);
    if (in->conf)
        conf_free(in->conf);
    source_free(&in->source);
    text_free(&in->report);
    file_set_free(&in->written);
}

int import_run(struct cli *c)
{
    struct slice to = cli_param(c, "to");
    OWNED_TEXT from = strndup(c->identifier.ptr, c->identifier.len);
    OWNED_TEXT target = to.len ? strndup(to.ptr, to.len) : strdup(c->directory);
    if (!from || !target)
        return cli_failed(c, 14, "%s", err_text(ERR_NOMEM));
    struct import in = { .c = c, .from = from, .to = target, .is_dry = cli_has(c, "dry-run"),
                         .replaces = cli_has(c, "replace") };
    int code = in.is_dry ? EXIT_OK : refuse_existing(&in);
    if (!code)
        code = read_source(&in);
    if (!code)
        code = import_map_paths(&in);
    if (!code)
        code = judge(&in);
    if (!code)
        code = import_write_report(&in);
    if (!code)
        cli_say(c, "%s", text_str(&in.report));
    if (!code && in.is_dry)
        cli_say(c, "Nothing was changed (--dry-run).");
    else if (!code)
        code = put_all(&in);
    end(&in);
    return code;
}

/*
 * configuration.c - the configuration that a command works on: opened once, written once, and taken over by the service
 * that runs with it.
 */
#include "cli/cli.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/site.h"
#include "control/ask.h"
#include "protect/protect.h"

enum { REFUSALS_SHOWN = 10 };

/* ---- opening ---- */

struct problems {
    struct cli *c;
    bool told;
};

/* E11.  Only the first error: what follows in a broken file is mostly its echo, and `check` shows all. */
static void tell_problem(void *context, int severity, const struct diag *d)
{
    struct problems *p = context;
    if (severity != 0 || p->told)
        return;
    p->told = true;
    FILE *out = p->c->out;
    fprintf(out, "ERROR ( message:Configuration error\n\nFilename: \\\\?\\%s\n\n", d->file[0] ? d->file : p->c->directory);
    if (d->line)
        fprintf(out, "Line Number: %u\n\n", d->line);
    fprintf(out, "Description: %s%s%s%s%s\n\n. )\n", d->path, d->path[0] ? ": " : "", d->what, d->todo[0] ? "  " : "",
            d->todo);
}

/* What people write behind /commit: a level, or a configuration path.  FTP settings go to applicationHost.config
 * whatever it says; a word that means nothing is a mistake in a script and is told. */
static int check_commit(struct cli *c)
{
    static const char *const levels[] = { "apphost", "webroot", "machine", "site", "app", "parent", "url" };
    struct slice commit = cli_param(c, "commit");
    OWNED_TEXT_BUFFER path = { 0 };
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (slice_equal_fold_str(commit, levels[i]))
            return EXIT_OK;
    if (slice_is_empty(commit) || slice_equal_fold_str(commit, "MACHINE") ||
        slice_equal_fold_str(commit, "MACHINE/WEBROOT"))
        return EXIT_OK;
    struct slice site, rest;
    site_split(commit, &site, &rest);
    if (!slice_starts_fold(commit, SLICE_LITERAL("MACHINE/")) && !site_is_url(commit) && !site_find(c, site))
        return cli_error(c, EXIT_NOT_FOUND, "Parameter \"commit\" names no level (apphost, webroot, machine, site, app, parent, url) and "
                         "no configuration path: \"" SLICE_FMT "\".", SLICE_ARG(commit));
    return site_config_path(c, commit, &path);
}

static int open_directory(struct cli *c)
{
    OWNED_TEXT_BUFFER file = { 0 };
    if (cli_has(c, "apphostconfig"))
        text_add(&file, cli_param(c, "apphostconfig"));
    else
        text_addf(&file, "%s/%s", c->directory, conf_file_name(CONF_APPLICATION_HOST));
    if (access(text_str(&file), R_OK) != 0) {
        if (errno != ENOENT)
            return cli_failed(c, EXIT_DENIED, "Cannot read configuration file %s: %s%s", text_str(&file), strerror(errno),
                              errno == EACCES ? ". " DIAG_NO_RIGHT : "");
        if (cli_has(c, "apphostconfig"))
            return cli_failed(c, EXIT_NO_FILE, "There is no file %s", text_str(&file));
        return cli_failed(c, EXIT_NO_FILE, "There is no instance in %s: %s is missing.\n"
                          "Make one with: sallyport --config %s create instance", c->directory,
                          conf_file_name(CONF_APPLICATION_HOST), c->directory);
    }
    struct problems problems = { c, false };
    int err = conf_open_with(c->directory, cli_has(c, "apphostconfig") ? text_str(&file) : NULL, tell_problem, &problems,
                             &c->conf);
    if (err == 0) {
        conf_protect_with(c->conf, &protect_values);
        return EXIT_OK;
    }
    c->conf = NULL;
    if (!problems.told)
        return cli_failed(c, cli_exit_of(err), "Cannot read the configuration in %s: %s", c->directory, err_text(err));
    return EXIT_NOT_FOUND;
}

bool cli_shares_configuration(const struct cli *c)
{
    return c->batch && !c->batch->writes_each;
}

static bool is_directory_of(const struct cli_batch *batch, const char *directory)
{
    struct stat of_batch, other;
    return strcmp(batch->directory, directory) == 0 ||
           (stat(batch->directory, &of_batch) == 0 && stat(directory, &other) == 0 && of_batch.st_dev == other.st_dev &&
            of_batch.st_ino == other.st_ino);
}

/* The commands of a batch share one configuration, so they must mean the same instance and the same file. */
static int open_shared(struct cli *c, struct cli_batch *batch)
{
    struct slice file = cli_param(c, "apphostconfig");
    if (!batch->conf) {
        int code = open_directory(c);
        batch->conf = c->conf;
        batch->file = file.ptr ? strndup(file.ptr, file.len) : NULL;
        batch->directory = strdup(c->directory);
        return code || (batch->directory && (!file.ptr || batch->file)) ? code : 14;
    }
    if (!batch->directory)
        return 14;
    if (!is_directory_of(batch, c->directory))
        return cli_error(c, EXIT_UNSUPPORTED, "The commands before work on %s; another --config has no place beside them.",
                         batch->directory);
    c->conf = batch->conf;
    if ((file.ptr != NULL) == (batch->file != NULL) && (!file.ptr || slice_equal_str(file, batch->file)))
        return EXIT_OK;
    return cli_error(c, EXIT_UNSUPPORTED, "The commands before work on %s; another /apphostconfig has no place beside them.",
                     batch->file ? batch->file : conf_file_name(CONF_APPLICATION_HOST));
}

int cli_open(struct cli *c)
{
    if (c->conf)
        return EXIT_OK;
    int code = cli_shares_configuration(c) ? open_shared(c, c->batch) : open_directory(c);
    return code ? code : check_commit(c);
}

/* ---- writing ---- */

static int save(struct conf *conf, FILE *out)
{
    struct diag d = { 0 };
    int err = conf_save(conf, &d);
    if (err == 0)
        return EXIT_OK;
    int code = err == ERR_SYS ? EXIT_DENIED : cli_exit_of(err);
    OWNED_TEXT_BUFFER t = { 0 };
    diag_print(&d, &t);
    fprintf(out, "ERROR ( hresult:8007%04x, message:Failed to commit configuration changes.\n%s\n )\n",
            (unsigned)code, t.len ? text_str(&t) : err_text(err));
    return code;
}

/* ---- the service, behind a change ---- */

struct refusal {
    struct text lines;
    size_t count;
};

static void take_error(void *context, const struct wire_message *message, struct wire_in *fields)
{
    struct refusal *r = context;
    struct control_line line;
    if (message->number == MSG_control_line && control_line_decode(fields, &line) == 0 && r->count++ < REFUSALS_SHOWN)
        text_addf(&r->lines, SLICE_FMT "\n", SLICE_ARG(line.text));
}

static void say_refusal(FILE *out, const struct refusal *r)
{
    fprintf(out, "ERROR ( hresult:8007%04x, message:The change is written, but the running service refuses it: the configuration "
            "before it stays in force.\n", (unsigned)EXIT_BAD_DATA);
    cli_print_safe(out, text_slice(&r->lines));
    if (r->count > REFUSALS_SHOWN)
        fprintf(out, "%zu more: sallyport check\n", r->count - REFUSALS_SHOWN);
    fputs(" )\n", out);
}

static int take_over(const char *directory, FILE *out)
{
    struct control_answer answer = { 0 };
    struct refusal r = { 0 };
    int code = EXIT_OK, err = control_ask_take_over(directory, take_error, &r, &answer);
    int status = err ? err : -(int)answer.status;
    if (err == ERR_TIMEOUT) {
        fprintf(out, "The change is written.  The running service has not said within %d seconds whether it takes it over; "
                "\"sallyport status\" tells.\n", TAKE_OVER_SECONDS);
    } else if (!err && status == ERR_SYNTAX) {
        say_refusal(out, &r);
        code = EXIT_BAD_DATA;
    } else if (status && status != ERR_NOT_FOUND && status != ERR_DENIED) {
        fprintf(out, "The change is written.  The running service could not be asked to take it over: %s; \"sallyport status\" tells "
                "whether it does.\n", answer.text[0] ? answer.text : err_text(status));
    } else if (!status && answer.text[0]) {
        fprintf(out, "The change is in force, but %s; \"sallyport status\" shows the programs.\n", answer.text);
    }
    text_free(&r.lines);
    return code;
}

int cli_batch_take_over(struct cli_batch *batch)
{
    if (!batch->changed || batch->file)
        return EXIT_OK;
    batch->changed = false;
    return batch->verdict = take_over(batch->directory, batch->told);
}

int cli_take_over_before(struct cli *c)
{
    return c->batch && c->batch->writes_each ? cli_batch_take_over(c->batch) : EXIT_OK;
}

/* Another file than the instance's is nothing that the service knows of. */
int cli_changed(struct cli *c)
{
    struct cli_batch *batch = c->batch;
    bool shares = cli_shares_configuration(c);
    if (shares)
        batch->changed = true;
    if (shares || cli_has(c, "apphostconfig"))
        return EXIT_OK;
    if (batch && !batch->directory)
        batch->directory = strdup(c->directory);
    if (!batch || !batch->directory || strcmp(batch->directory, c->directory) != 0)
        return take_over(c->directory, batch && batch->told ? batch->told : c->out);
    batch->changed = true;
    return EXIT_OK;
}

/* ---- what commands do with both ---- */

int cli_save(struct cli *c)
{
    int code = cli_shares_configuration(c) ? EXIT_OK : save(c->conf, c->out);
    return code ? code : cli_changed(c);
}

int cli_batch_save(struct cli_batch *batch, FILE *out)
{
    return batch->changed && batch->conf ? save(batch->conf, out) : EXIT_OK;
}

void cli_batch_free(struct cli_batch *batch)
{
    if (batch->conf)
        conf_free(batch->conf);
    free(batch->file);
    free(batch->directory);
    *batch = (struct cli_batch){ 0 };
}

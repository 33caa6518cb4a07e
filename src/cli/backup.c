/*
 * backup.c - copies of the configuration files under DIR/backup/NAME, those that configSource names with them.
 *
 * A backup is made in a hidden folder and renamed when it is whole.  It is read as a configuration before anything of
 * it is put back, so that a damaged backup changes nothing; all files are written beside their places before the first
 * takes its own, and applicationHost.config comes last.  A file that did not exist when the backup was made says nothing
 * again; it stays, for the running service takes one that is gone for an accident.  Certificates are no configuration and
 * stay out, as in IIS.
 *
 * The copies that the service keeps by itself (configHistory) are listed and put back like backups, as in IIS.
 */
#include "cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/control_client.h"
#include "cli/file.h"
#include "cli/listing.h"
#include "cli/site.h"
#include "cli/table.h"
#include "conf/paths.h"

enum { FILE_MAX = 192 << 20 };

static const char *const files[] = { "administration.config", "sallyport.config", "redirection.config", "web.config",
                                     "applicationHost.config" }; /* the last one makes it an instance */
enum { FILES = sizeof files / sizeof files[0] };

#define HISTORY "system.applicationHost/configHistory"

static bool is_of_history(struct slice name)
{
    return slice_starts_fold(name, SLICE_LITERAL("CFGHISTORY_"));
}

static bool is_name(struct slice name)
{
    return name.len > 0 && name.len <= 100 && name.ptr[0] != '.' && !slice_has_byte(name, '/') &&
           !slice_has_byte(name, '\\') && !slice_has_control(name);
}

static void add_folder(struct cli *c, struct text *out, const char *hidden, struct slice name)
{
    text_addf(out, "%s/backup/%s" SLICE_FMT, c->directory, hidden, SLICE_ARG(name));
}

static bool is_folder(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A file of a section (configSource) with the folders it lies in, as far as they are empty then. */
static void remove_source(void *context, const char *name)
{
    OWNED_TEXT_BUFFER path = { 0 };
    text_addf(&path, "%s/%s", (const char *)context, name);
    size_t folder = strlen(context);
    unlink(text_str(&path));
    for (size_t i = path.len; i > folder; i--)
        if (path.ptr[i] == '/') {
            path.ptr[i] = 0;
            rmdir(path.ptr);
        }
}

/* What a backup consists of; a folder that holds anything else stays. */
static void remove_folder(const char *folder)
{
    for (size_t i = 0; i < FILES; i++) {
        OWNED_TEXT_BUFFER path = { 0 }, bytes = { 0 };
        text_addf(&path, "%s/%s", folder, files[i]);
        if (file_read(text_str(&path), FILE_MAX, &bytes) == 0 &&
            conf_sources_wanted(text_slice(&bytes), remove_source, (void *)(uintptr_t)folder) != 0)
            return;
        unlink(text_str(&path));
    }
    rmdir(folder);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *place)
{
    (void)st;
    (void)kind;
    (void)place;
    return remove(path);
}

/* A half-made one, whatever a killed program left in it. */
static void remove_everything(const char *folder)
{
    (void)nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- what readers of configurations say ---- */

static void tell_first(void *context, int severity, const struct diag *d)
{
    struct text *t = context;
    if (severity == 0 && t->len == 0)
        diag_print(d, t);
}

static void ignore(void *context, int severity, const struct diag *d)
{
    (void)context;
    (void)severity;
    (void)d;
}

/* ---- from one folder to another ---- */

struct copying {
    struct cli *c;
    const char *from, *to;
    struct file_set set;
    int code;
};

static void copy_source(void *context, const char *name);

static int cannot_copy(struct copying *k, const char *name, int err)
{
    return cli_failed(k->c, cli_exit_of(err), "Cannot copy %s from %s to %s: %s", name, k->from, k->to, err_text(err));
}

/* A file may be absent. */
static int copy_file(struct copying *k, const char *name, bool names_sources)
{
    OWNED_TEXT_BUFFER from = { 0 }, to = { 0 }, bytes = { 0 };
    struct stat st;
    text_addf(&from, "%s/%s", k->from, name);
    text_addf(&to, "%s/%s", k->to, name);
    int err = stat(text_str(&from), &st) == 0 ? file_read(text_str(&from), FILE_MAX, &bytes) : err_from_errno(errno);
    if (err == ERR_NOT_FOUND)
        return EXIT_OK;
    if (!err)
        err = file_stage(&k->set, text_str(&to), text_slice(&bytes), st.st_mode & 0777);
    if (!err && names_sources)
        err = conf_sources_wanted(text_slice(&bytes), copy_source, k);
    return err ? cannot_copy(k, name, err) : k->code;
}

/* What configSource names is part of the configuration. */
static void copy_source(void *context, const char *name)
{
    struct copying *k = context;
    OWNED_TEXT_BUFFER folder = { 0 };
    const char *slash = strrchr(name, '/');
    text_addf(&folder, "%s/%.*s", k->to, slash ? (int)(slash - name) : 0, name);
    int err = slash && !k->code ? file_make_folders(text_str(&folder), 0755) : 0;
    if (err)
        k->code = cannot_copy(k, name, err);
    if (!k->code)
        k->code = copy_file(k, name, false);
}

/* What only the one folder has: not applicationHost.config, which is somewhere in any case. */
static int empty_others(struct copying *k)
{
    int err = 0;
    for (size_t i = 0; !err && i < FILES - 1; i++) {
        OWNED_TEXT_BUFFER from = { 0 }, to = { 0 };
        text_addf(&from, "%s/%s", k->from, files[i]);
        text_addf(&to, "%s/%s", k->to, files[i]);
        if (access(text_str(&from), F_OK) != 0 && access(text_str(&to), F_OK) == 0)
            err = file_stage(&k->set, text_str(&to), SLICE_LITERAL("<configuration />\n"), 0640);
        if (err)
            return cannot_copy(k, files[i], err);
    }
    return EXIT_OK;
}

/* All files or, on an error, none.  Nobody saves meanwhile. */
static int copy_all(struct cli *c, const char *from, const char *to)
{
    struct copying k = { .c = c, .from = from, .to = to };
    OWNED_FD lock = -1;
    int err = file_lock_folder(c->directory, &lock);
    if (err)
        return cli_failed(c, cli_exit_of(err), "Cannot lock %s: %s", c->directory, err_text(err));
    k.code = empty_others(&k);
    for (size_t i = 0; !k.code && i < FILES; i++)
        k.code = copy_file(&k, files[i], true);
    if (!k.code)
        k.code = cli_place_files(c, &k.set, to);
    file_set_free(&k.set);
    return k.code;
}

/* A shared configuration is not in the folder that would be copied. */
static int check_not_shared(struct cli *c, const char *folder)
{
    OWNED_TEXT_BUFFER shared = { 0 }, why = { 0 };
    int err = conf_shared_folder(folder, tell_first, &why, &shared);
    if (err)
        return cli_failed(c, EXIT_BAD_DATA, "%s", why.len ? text_str(&why) : err_text(err));
    return !shared.len ? EXIT_OK
                       : cli_error(c, EXIT_UNSUPPORTED, "The request is not supported: the configuration is shared.  redirection.config in %s says that "
                                   "applicationHost.config and administration.config are in %s; copy the files there.", folder, text_str(&shared));
}

/* ---- history ---- */

/* Where the service keeps copies; "" when that cannot be told.  A configuration that cannot be read is what copies are for:
 * then it is the place where they are by default. */
static void history_folder(struct cli *c, struct text *folder)
{
    OWNED_TEXT_BUFFER path = { 0 }, own = { 0 };
    struct conf *conf = NULL;
    struct conf_element *e;
    struct path_map *paths = NULL;
    struct diag d = { 0 };
    text_addf(&path, "%s/%s", c->directory, conf_file_name(CONF_SALLYPORT));
    if (conf_open_directory(c->directory, ignore, NULL, &conf) != 0 && file_read(text_str(&path), FILE_MAX, &own) == 0) {
        const struct slice bytes[CONF_FILE_COUNT] = { [CONF_APPLICATION_HOST] = SLICE_LITERAL("<configuration />"),
                                                      [CONF_SALLYPORT] = text_slice(&own) };
        (void)!conf_open(bytes, ignore, NULL, &conf);
    }
    if (conf && conf_section(conf, SLICE_LITERAL(HISTORY), SLICE_NONE, &e) == 0 && paths_open(conf, slice_str(c->directory), &paths) == 0 &&
        path_map_resolve(paths, conf_text(e, "path"), folder, &d) != 0)
        text_reset(folder);
    path_map_free(paths);
    if (conf)
        conf_free(conf);
}

/* ---- list ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
    char *rows[1024];
    size_t count;
};

static int list_names(struct cli *c, struct names *names)
{
    qsort(names->rows, names->count, sizeof *names->rows, by_name);
    int code = EXIT_OK;
    for (size_t i = 0; !code && i < names->count; i++) {
        struct listed row = { .tag = "BACKUP", .name = slice_str(names->rows[i]) };
        code = listing_row(c, &row);
    }
    return code ? code : listing_end(c);
}

/* The folders in a folder, which may be missing. */
static int add_names(struct cli *c, const char *folder, bool of_history, struct names *names)
{
    DIR *d = opendir(folder);
    if (!d)
        return errno == ENOENT ? EXIT_OK : cli_failed(c, EXIT_DENIED, "Cannot read %s: %s", folder, strerror(errno));
    for (struct dirent *e; (e = readdir(d)) && names->count < sizeof names->rows / sizeof names->rows[0];) {
        OWNED_TEXT_BUFFER path = { 0 };
        struct slice name = slice_str(e->d_name);
        text_addf(&path, "%s/%s", folder, e->d_name);
        if (is_name(name) && is_of_history(name) == of_history && is_folder(text_str(&path)) &&
            (names->rows[names->count] = strdup(e->d_name)) != NULL)
            names->count++;
    }
    closedir(d);
    return EXIT_OK;
}

int backup_list(struct cli *c)
{
    OWNED_TEXT_BUFFER folder = { 0 }, history = { 0 };
    struct names names = { .count = 0 };
    text_addf(&folder, "%s/backup", c->directory);
    history_folder(c, &history);
    int code = add_names(c, text_str(&folder), false, &names);
    if (!code && history.len)
        code = add_names(c, text_str(&history), true, &names);
    if (!code)
        code = list_names(c, &names);
    for (size_t i = 0; i < names.count; i++)
        free(names.rows[i]);
    return code;
}

/* ---- add ---- */

int backup_add(struct cli *c)
{
    OWNED_TEXT_BUFFER parent = { 0 }, making = { 0 }, done = { 0 };
    char generated[32];
    time_t now = time(NULL);
    struct tm local;
    struct slice name = c->identifier.ptr ? c->identifier : cli_param(c, "name");
    if (!name.ptr && localtime_r(&now, &local) && strftime(generated, sizeof generated, "%Y%m%dT%H%M%S", &local))
        name = slice_str(generated);
    if (!is_name(name) || is_of_history(name))
        return cli_error(c, EXIT_BAD_PARAMETER, "\"" SLICE_FMT "\" is no name for a backup: %s.", SLICE_ARG(name),
                         is_name(name) ? "the copies that the service keeps have such names" : "a folder is named after it");
    int code = cli_refuse_two_names(c);
    if (!code)
        code = cli_open(c); /* nobody needs a copy that cannot be read */
    if (!code)
        code = check_not_shared(c, c->directory);
    if (code)
        return code;
    text_addf(&parent, "%s/backup", c->directory);
    add_folder(c, &making, ".", name);
    add_folder(c, &done, "", name);
    if (is_folder(text_str(&done)))
        return cli_error(c, EXIT_DUPLICATE, "Failed to add duplicate collection element \"" SLICE_FMT "\".", SLICE_ARG(name));
    remove_everything(text_str(&making));
    int err = file_make_folders(text_str(&parent), 0700);
    if (!err)
        err = file_make_folder(text_str(&making), 0700);
    if (err)
        return cli_failed(c, cli_exit_of(err), "Cannot make %s: %s", text_str(&making), err_text(err));
    code = copy_all(c, c->directory, text_str(&making));
    if (!code && rename(text_str(&making), text_str(&done)) != 0)
        code = cli_failed(c, EXIT_DENIED, "Cannot make %s: %s", text_str(&done), strerror(errno));
    if (code)
        remove_everything(text_str(&making));
    else
        cli_say(c, "BACKUP object \"" SLICE_FMT "\" added", SLICE_ARG(name));
    return code;
}

/* ---- restore, delete ---- */

static int find(struct cli *c, struct text *folder)
{
    if (is_of_history(c->identifier)) {
        history_folder(c, folder);
        text_addf(folder, "/" SLICE_FMT, SLICE_ARG(c->identifier));
    } else {
        add_folder(c, folder, "", c->identifier);
    }
    return is_name(c->identifier) && is_folder(text_str(folder)) ? EXIT_OK : cli_cannot_find(c, "BACKUP", c->identifier);
}

static int check_readable(struct cli *c, const char *folder)
{
    struct conf *conf = NULL;
    OWNED_TEXT_BUFFER why = { 0 };
    int err = conf_open_directory(folder, tell_first, &why, &conf);
    if (!err)
        conf_free(conf);
    return err ? cli_failed(c, EXIT_BAD_DATA, "The backup cannot be used, nothing was changed: %s",
                            why.len ? text_str(&why) : err_text(err))
               : EXIT_OK;
}

static bool was_running(const struct control_states *sites, size_t at)
{
    return strcmp(control_state_of(sites, slice_str(sites->rows[at].name)), "Started") == 0;
}

static int stop_sites(struct cli *c, const struct control_states *sites)
{
    int code = EXIT_OK;
    for (size_t i = 0; !code && i < sites->count; i++)
        if (was_running(sites, i))
            code = control_do(c, CONTROL_STOP_SITE, slice_str(sites->rows[i].name), NULL, NULL);
    return code;
}

/* A site keeps its number when it gets another name; one that the files no longer know is gone, and that is no error. */
static int start_sites(struct cli *c, const struct control_states *sites)
{
    struct conf_element *all = NULL;
    int code = cli_open(c);
    if (!code && conf_section(c->conf, SLICE_LITERAL(SITES_SECTION), SLICE_LITERAL(""), &all) != 0)
        all = NULL;
    for (size_t i = 0; i < sites->count; i++)
        for (size_t k = 0; all && was_running(sites, i) && k < conf_count(all); k++) {
            struct conf_element *site = conf_item(all, k);
            if (conf_number(site, "id") != sites->rows[i].id)
                continue;
            int failed = control_do(c, CONTROL_START_SITE, conf_text(site, "name"), NULL, NULL);
            code = code ? code : failed;
        }
    return code;
}

/* /stop: nobody is served meanwhile.  Without a running service nothing has to stop. */
static int put_back_stopped(struct cli *c, const char *folder)
{
    struct control_states sites;
    control_states_load(&sites, c->directory);
    bool runs = sites.err != ERR_NOT_FOUND;
    int code = !runs ? EXIT_OK
               : sites.err ? cli_failed(c, cli_exit_of(sites.err), "The sites cannot be stopped, nothing was changed: %s", err_text(sites.err))
                           : stop_sites(c, &sites);
    if (!code)
        code = copy_all(c, folder, c->directory);
    if (!code && runs)
        code = control_do(c, CONTROL_RELOAD, SLICE_LITERAL(""), NULL, NULL);
    int started = runs ? start_sites(c, &sites) : EXIT_OK;
    control_states_free(&sites);
    return code ? code : started;
}

int backup_restore(struct cli *c)
{
    OWNED_TEXT_BUFFER folder = { 0 };
    int code = find(c, &folder);
    if (!code)
        code = check_not_shared(c, text_str(&folder));
    if (!code)
        code = check_readable(c, text_str(&folder));
    if (!code && slice_equal_fold_str(cli_param(c, "stop"), "true"))
        code = put_back_stopped(c, text_str(&folder));
    else if (!code)
        code = copy_all(c, text_str(&folder), c->directory);
    if (!code && !slice_equal_fold_str(cli_param(c, "stop"), "true"))
        code = cli_changed(c);
    if (!code)
        cli_say(c, "Restored configuration from backup \"" SLICE_FMT "\"", SLICE_ARG(c->identifier));
    return code;
}

int backup_delete(struct cli *c)
{
    OWNED_TEXT_BUFFER folder = { 0 };
    int code = find(c, &folder);
    if (code)
        return code;
    remove_folder(text_str(&folder));
    if (is_folder(text_str(&folder)))
        return cli_failed(c, EXIT_DENIED, "%s holds files of others and stays.", text_str(&folder));
    cli_say(c, "BACKUP object \"" SLICE_FMT "\" deleted", SLICE_ARG(c->identifier));
    return EXIT_OK;
}

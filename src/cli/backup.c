/*
 * backup.c - copies of the configuration files under DIR/backup/NAME.
 *
 * A backup is made in a hidden folder and renamed when it is whole.  It is read as a configuration before anything of
 * it is put back, so that a damaged backup changes nothing; a file that did not exist when the backup was made is
 * removed again.  Certificates are no configuration and stay out, as in IIS.
 */
#include "cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/file.h"
#include "cli/listing.h"
#include "cli/table.h"

enum { FILE_MAX = 192 << 20 };

static const char *const files[] = { "administration.config", "sallyport.config", "redirection.config", "web.config",
                                     "applicationHost.config" }; /* the last one makes it an instance */
enum { FILES = sizeof files / sizeof files[0] };

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

static void remove_folder(const char *folder)
{
    for (size_t i = 0; i < FILES; i++) {
        OWNED_TEXT_BUFFER path = { 0 };
        text_addf(&path, "%s/%s", folder, files[i]);
        unlink(text_str(&path));
    }
    rmdir(folder);
}

/* Reports; ERR_NOT_FOUND is no error: a file may be absent. */
static int copy_file(struct cli *c, const char *from, const char *to)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    struct stat st, before;
    bool replaces = lstat(to, &before) == 0;
    int err = stat(from, &st) == 0 ? file_read(from, FILE_MAX, &bytes) : err_from_errno(errno);
    if (err == ERR_NOT_FOUND)
        return EXIT_OK;
    if (!err)
        err = file_write(to, text_slice(&bytes), (replaces ? before.st_mode : st.st_mode) & 0777);
    if (!err && replaces && before.st_uid != geteuid() && chown(to, before.st_uid, before.st_gid) != 0)
        err = err_from_errno(errno);
    return err ? cli_failed(c, cli_exit_of(err), "Cannot copy %s to %s: %s", from, to, err_text(err)) : EXIT_OK;
}

/* ---- list ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(struct cli *c, char **names, size_t count)
{
    qsort(names, count, sizeof *names, by_name);
    int code = EXIT_OK;
    for (size_t i = 0; !code && i < count; i++) {
        struct listed row = { .tag = "BACKUP", .name = slice_str(names[i]) };
        code = listing_row(c, &row);
    }
    return code ? code : listing_end(c);
}

int backup_list(struct cli *c)
{
    OWNED_TEXT_BUFFER folder = { 0 };
    char *names[1024];
    size_t count = 0;
    text_addf(&folder, "%s/backup", c->directory);
    DIR *d = opendir(text_str(&folder));
    if (!d && errno != ENOENT)
        return cli_failed(c, EXIT_DENIED, "Cannot read %s: %s", text_str(&folder), strerror(errno));
    for (struct dirent *e = d ? readdir(d) : NULL; e && count < sizeof names / sizeof names[0]; e = readdir(d)) {
        OWNED_TEXT_BUFFER path = { 0 };
        text_addf(&path, "%s/%s", text_str(&folder), e->d_name);
        if (is_name(slice_str(e->d_name)) && is_folder(text_str(&path)) && (names[count] = strdup(e->d_name)) != NULL)
            count++;
    }
    if (d)
        closedir(d);
    int code = list_names(c, names, count);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    return code;
}

/* ---- add ---- */

static int fill(struct cli *c, const char *folder)
{
    int code = EXIT_OK;
    for (size_t i = 0; !code && i < FILES; i++) {
        OWNED_TEXT_BUFFER from = { 0 }, to = { 0 };
        text_addf(&from, "%s/%s", c->directory, files[i]);
        text_addf(&to, "%s/%s", folder, files[i]);
        code = copy_file(c, text_str(&from), text_str(&to));
    }
    return code;
}

int backup_add(struct cli *c)
{
    OWNED_TEXT_BUFFER parent = { 0 }, making = { 0 }, done = { 0 };
    char generated[32];
    time_t now = time(NULL);
    struct tm local;
    struct slice name = c->identifier.ptr ? c->identifier : cli_param(c, "name");
    if (!name.ptr && localtime_r(&now, &local) && strftime(generated, sizeof generated, "%Y%m%dT%H%M%S", &local))
        name = slice_str(generated);
    if (!is_name(name))
        return cli_error(c, EXIT_BAD_PARAMETER, "\"" SLICE_FMT "\" is no name for a backup: a folder is named after it.", SLICE_ARG(name));
    int code = cli_open(c); /* nobody needs a copy that cannot be read */
    if (code)
        return code;
    text_addf(&parent, "%s/backup", c->directory);
    add_folder(c, &making, ".", name);
    add_folder(c, &done, "", name);
    if (is_folder(text_str(&done)))
        return cli_error(c, EXIT_DUPLICATE, "Failed to add duplicate collection element \"" SLICE_FMT "\".", SLICE_ARG(name));
    remove_folder(text_str(&making));
    int err = file_make_folders(text_str(&parent), 0700);
    if (!err)
        err = file_make_folder(text_str(&making), 0700);
    if (err)
        return cli_failed(c, cli_exit_of(err), "Cannot make %s: %s", text_str(&making), err_text(err));
    code = fill(c, text_str(&making));
    if (!code && rename(text_str(&making), text_str(&done)) != 0)
        code = cli_failed(c, EXIT_DENIED, "Cannot make %s: %s", text_str(&done), strerror(errno));
    if (code)
        remove_folder(text_str(&making));
    else
        cli_say(c, "BACKUP object \"" SLICE_FMT "\" added", SLICE_ARG(name));
    return code;
}

/* ---- restore, delete ---- */

static int find(struct cli *c, struct text *folder)
{
    add_folder(c, folder, "", c->identifier);
    return is_name(c->identifier) && is_folder(text_str(folder)) ? EXIT_OK : cli_cannot_find(c, "BACKUP", c->identifier);
}

static void tell_first(void *context, int severity, const struct diag *d)
{
    struct text *t = context;
    if (severity == 0 && t->len == 0)
        diag_print(d, t);
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

int backup_restore(struct cli *c)
{
    OWNED_TEXT_BUFFER folder = { 0 };
    int code = find(c, &folder);
    if (!code)
        code = check_readable(c, text_str(&folder));
    for (size_t i = 0; !code && i < FILES; i++) {
        OWNED_TEXT_BUFFER from = { 0 }, to = { 0 };
        text_addf(&from, "%s/%s", text_str(&folder), files[i]);
        text_addf(&to, "%s/%s", c->directory, files[i]);
        code = copy_file(c, text_str(&from), text_str(&to));
        if (!code && access(text_str(&from), F_OK) != 0 && unlink(text_str(&to)) != 0 && errno != ENOENT)
            code = cli_failed(c, EXIT_DENIED, "Cannot remove %s: %s", text_str(&to), strerror(errno));
    }
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

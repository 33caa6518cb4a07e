/*
 * instance.c - the files a fresh IIS with FTP has, and nothing that opens anything: no site, no user, no rule.
 *
 * The two provider registrations are the ones that the FTP role service makes; without the first, IIS Manager users
 * cannot log in ("Configure FTP with IIS Manager Authentication in IIS 7").
 */
#include "cli/cli.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/own.h"
#include "cli/file.h"
#include "cli/table.h"
#include "conf/schema.h"

/* ---- writing ---- */

enum { CONFIG_MODE = 0640 };

static void path_of(struct cli *c, const char *name, struct text *out)
{
    text_addf(out, "%s/%s", c->directory, name);
}

static int put(struct cli *c, struct file_set *set, enum conf_file file, struct slice bytes)
{
    OWNED_TEXT_BUFFER path = { 0 };
    path_of(c, conf_file_name(file), &path);
    int err = file_stage_new(set, text_str(&path), bytes, CONFIG_MODE);
    if (err == ERR_EXISTS)
        return cli_failed(c, EXIT_FILE_EXISTS, "%s exists already; nothing is overwritten.", text_str(&path));
    return err ? cli_failed(c, cli_exit_of(err), "Cannot write %s: %s", text_str(&path), err_text(err)) : EXIT_OK;
}

/* ---- create instance ---- */

struct drive {
    struct slice name; /* "C:" */
    char *path;        /* absolute */
};

enum { DRIVES_MAX = 26 };

static bool is_drive_name(struct slice s)
{
    return s.len == 2 && s.ptr[1] == ':' && ascii_upper(s.ptr[0]) >= 'A' && ascii_upper(s.ptr[0]) <= 'Z';
}

/* "C:=/srv/ftp"; "C=/srv/ftp" is understood. */
static int read_drive(struct cli *c, struct slice written, struct drive *drive_out)
{
    size_t equals = slice_find(written, '=');
    struct slice name = slice_first(written, equals == SIZE_MAX ? 0 : equals);
    struct slice path = slice_from(written, equals == SIZE_MAX ? written.len : equals + 1);
    OWNED_TEXT_BUFFER full = { 0 };
    text_addf(&full, SLICE_FMT "%s", SLICE_ARG(name), name.len == 1 ? ":" : "");
    if (!is_drive_name(text_slice(&full)) || path.len == 0 || path.ptr[0] != '/')
        return cli_error(c, EXIT_BAD_PARAMETER, "\"" SLICE_FMT "\" is no drive: write a letter and an absolute folder, "
                         "e.g. /drive:C:=/srv/ftp", SLICE_ARG(written));
    drive_out->path = strndup(path.ptr, path.len);
    drive_out->name = name;
    return drive_out->path ? EXIT_OK : 14;
}

static bool is_system_instance(const char *directory)
{
    return strcmp(directory, "/etc/sallyport") == 0;
}

static int default_drive(struct cli *c, struct drive *drive_out)
{
    OWNED_TEXT_BUFFER path = { 0 };
    OWNED_TEXT directory = realpath(c->directory, NULL);
    if (!directory)
        return cli_failed(c, 3, "Cannot reach %s: %s", c->directory, strerror(errno));
    text_addf(&path, "%s", is_system_instance(directory) ? "/var/lib/sallyport" : directory);
    text_add_str(&path, "/c");
    drive_out->name = SLICE_LITERAL("C:");
    drive_out->path = text_release(&path);
    return drive_out->path ? EXIT_OK : 14;
}

static int read_drives(struct cli *c, struct drive *drives, size_t *count_out)
{
    int code = EXIT_OK;
    *count_out = 0;
    for (size_t i = 0; !code && i < c->args.param_count; i++) {
        const struct arg_param *p = &c->args.params[i];
        if (!slice_equal_fold_str(p->name, "drive"))
            continue;
        if (*count_out == DRIVES_MAX)
            return cli_error(c, EXIT_BAD_PARAMETER, "There are %d drives at most.", DRIVES_MAX);
        code = read_drive(c, p->value, &drives[*count_out]);
        *count_out += !code;
    }
    if (!code && *count_out == 0) {
        code = default_drive(c, &drives[0]);
        *count_out = !code;
    }
    return code;
}

static void add_sallyport_config(const struct drive *drives, size_t count, struct text *out)
{
    text_add_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                      "<configuration>\n"
                      "    <sallyport>\n"
                      "        <paths>\n"
                      "            <drives>\n");
    for (size_t i = 0; i < count; i++) {
        text_addf(out, "                <add drive=\"%c:\" path=\"", ascii_upper(drives[i].name.ptr[0]));
        text_add_xml(out, slice_str(drives[i].path));
        text_add_str(out, "\" />\n");
    }
    text_add_str(out, "            </drives>\n"
                      "        </paths>\n"
                      "    </sallyport>\n"
                      "</configuration>\n");
}

static int make_folder(struct cli *c, const char *path, unsigned mode)
{
    int err = file_make_folders(path, mode);
    return err ? cli_failed(c, cli_exit_of(err), "Cannot make %s: %s", path, err_text(err)) : EXIT_OK;
}

static int make_folders(struct cli *c, const struct drive *drives, size_t count)
{
    int code = cli_make_stores(c, c->directory);
    for (size_t i = 0; !code && i < count; i++) {
        bool is_system_drive = ascii_upper(drives[i].name.ptr[0]) == 'C';
        OWNED_TEXT_BUFFER path = { 0 };
        text_addf(&path, "%s%s", drives[i].path, is_system_drive ? "/inetpub/ftproot" : "");
        code = make_folder(c, text_str(&path), 0755);
    }
    return code;
}

static int refuse_existing(struct cli *c)
{
    for (int file = 0; file < CONF_FILE_COUNT; file++) {
        OWNED_TEXT_BUFFER path = { 0 };
        struct stat st;
        path_of(c, conf_file_name((enum conf_file)file), &path);
        if (lstat(text_str(&path), &st) == 0)
            return cli_failed(c, EXIT_FILE_EXISTS, "%s exists already; nothing is overwritten.", text_str(&path));
    }
    return EXIT_OK;
}

static int create(struct cli *c, const struct drive *drives, size_t count)
{
    OWNED_TEXT_BUFFER own = { 0 };
    struct file_set set = { 0 };
    add_sallyport_config(drives, count, &own);
    int code = text_error(&own) ? cli_failed(c, 14, "%s", err_text(own.err)) : make_folders(c, drives, count);
    if (!code)
        code = put(c, &set, CONF_SALLYPORT, text_slice(&own));
    if (!code)
        code = put(c, &set, CONF_ADMINISTRATION, schema_new_file(conf_file_name(CONF_ADMINISTRATION)));
    if (!code) /* last: with it the instance exists */
        code = put(c, &set, CONF_APPLICATION_HOST, schema_new_file(conf_file_name(CONF_APPLICATION_HOST)));
    if (!code)
        code = cli_place_files(c, &set, c->directory);
    file_set_free(&set);
    return code;
}

int instance_create(struct cli *c)
{
    struct drive drives[DRIVES_MAX] = { 0 };
    size_t count = 0;
    int code = refuse_existing(c);
    if (!code)
        code = make_folder(c, c->directory, 0755);
    if (!code)
        code = read_drives(c, drives, &count);
    if (!code)
        code = create(c, drives, count);
    if (!code)
        cli_say(c, "INSTANCE object \"%s\" added", c->directory);
    for (size_t i = 0; i < DRIVES_MAX; i++)
        free(drives[i].path);
    return code;
}

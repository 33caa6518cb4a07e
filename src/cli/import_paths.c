/*
 * import_paths.c - where drives, shares and variables of the Windows machine lie here.
 *
 * A mapping table, given with /map or in single parameters; the text in IIS's files is never touched:
 *
 *     C: = /srv/ftp
 *     \\filer\partners = /mnt/partners
 *     %DataRoot% = D:\data
 */
#include "cli/file.h"
#include "cli/import.h"

#include "base/own.h"

enum { MAP_FILE_MAX = 1 << 20 };

/* ---- one mapping ---- */

static const struct kind {
    const char *param, *collection, *name, *value;
} kinds[] = {
    { "drive",    "drives",    "drive", "path"  },
    { "share",    "shares",    "share", "path"  },
    { "variable", "variables", "name",  "value" },
};
enum { KIND_DRIVE, KIND_SHARE, KIND_VARIABLE, KIND_COUNT };

static int put(struct import *in, const struct kind *kind, struct slice name, struct slice value)
{
    struct conf_element *paths, *list, *item;
    struct diag d = { 0 };
    const struct conf_pair pairs[] = { { slice_str(kind->name), name }, { slice_str(kind->value), value } };
    int err = conf_section(in->conf, SLICE_LITERAL("sallyport/paths"), SLICE_LITERAL(""), &paths);
    list = err ? NULL : conf_child(paths, kind->collection);
    if (!list)
        return cli_failed(in->c, EXIT_BAD_DATA, "sallyport.config has no section sallyport/paths");
    if (conf_find(list, pairs, 1, &item) == 0)
        err = conf_set(in->conf, item, kind->value, value, &d);
    else
        err = conf_add(in->conf, list, pairs, 2, -1, &d);
    return err ? cli_failed_diag(in->c, err, &d) : EXIT_OK;
}

/* "C:=/srv/ftp", "\\filer\x = /mnt/x", "%X% = D:\x": what stands left of '=' says what it is. */
static int put_written(struct import *in, struct slice written, const char *where)
{
    struct slice rest = written, name = slice_trim(slice_cut(&rest, '=')), value = slice_trim(rest);
    bool is_variable = name.len > 2 && name.ptr[0] == '%' && name.ptr[name.len - 1] == '%';
    bool is_share = slice_starts(name, SLICE_LITERAL("\\\\"));
    bool is_drive = name.len == 2 && name.ptr[1] == ':';
    if (!rest.ptr || !value.len || (!is_variable && !is_share && !is_drive) || (!is_variable && value.ptr[0] != '/'))
        return cli_error(in->c, EXIT_BAD_PARAMETER, "%s: \"" SLICE_FMT "\" is no mapping: write C: = /srv/ftp, "
                         "\\\\server\\share = /mnt/share or %%Name%% = D:\\data.", where, SLICE_ARG(written));
    if (is_variable)
        return put(in, &kinds[KIND_VARIABLE], slice_of(name.ptr + 1, name.len - 2), value);
    return put(in, &kinds[is_share ? KIND_SHARE : KIND_DRIVE], name, value);
}

/* Of a parameter: "/drive:D=/srv/d", "/variable:X=..." may leave out what the parameter's name says. */
static int put_param(struct import *in, const struct kind *kind, struct slice written)
{
    size_t equals = slice_find(written, '=');
    struct slice name = slice_trim(slice_first(written, equals == SIZE_MAX ? 0 : equals));
    OWNED_TEXT_BUFFER full = { 0 };
    bool is_bare = kind == &kinds[KIND_DRIVE] ? name.len == 1 : kind == &kinds[KIND_VARIABLE] && name.len && name.ptr[0] != '%';
    if (is_bare)
        text_addf(&full, kind == &kinds[KIND_DRIVE] ? SLICE_FMT ":" : "%%" SLICE_FMT "%%", SLICE_ARG(name));
    text_add(&full, is_bare ? slice_from(written, equals) : written);
    return text_error(&full) ? cli_failed(in->c, 14, "%s", err_text(full.err)) : put_written(in, text_slice(&full), kind->param);
}

static int read_table(struct import *in, struct slice path)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    OWNED_TEXT file = strndup(path.ptr, path.len);
    int err = file ? file_read(file, MAP_FILE_MAX, &bytes) : ERR_NOMEM, code = EXIT_OK;
    if (err)
        return cli_failed(in->c, cli_exit_of(err), "Cannot read %s: %s", file ? file : "the map", err_text(err));
    unsigned line = 0;
    for (struct slice rest = text_slice(&bytes); rest.ptr && !code;) {
        struct slice written = slice_trim(slice_cut(&rest, '\n'));
        char where[32];
        snprintf(where, sizeof where, "map, line %u", ++line);
        if (written.len && written.ptr[0] != '#')
            code = put_written(in, written, where);
    }
    return code;
}

/* ---- all of them ---- */

static bool has_drive(struct import *in, const char *wanted)
{
    struct conf_element *paths, *drives;
    if (conf_section(in->conf, SLICE_LITERAL("sallyport/paths"), SLICE_LITERAL(""), &paths))
        return false;
    drives = conf_child(paths, "drives");
    for (size_t i = 0; drives && i < conf_count(drives); i++)
        if (slice_equal_fold_str(slice_first(conf_text(conf_item(drives, i), "drive"), 1), wanted))
            return true;
    return false;
}

/* As `create instance` has it: Windows's system drive is a folder of ours. */
static int put_system_drive(struct import *in)
{
    OWNED_TEXT_BUFFER path = { 0 };
    OWNED_TEXT whole = realpath(in->to, NULL);
    if (has_drive(in, "C"))
        return EXIT_OK;
    if (!whole && in->to[0] != '/') {
        OWNED_TEXT here = realpath(".", NULL);
        text_addf(&path, "%s/", here ? here : "");
    }
    text_add_str(&path, whole ? whole : in->to);
    if (slice_equal_str(text_slice(&path), "/etc/sallyport")) {
        text_reset(&path);
        text_add_str(&path, "/var/lib/sallyport");
    }
    text_add_str(&path, "/c");
    return put(in, &kinds[KIND_DRIVE], SLICE_LITERAL("C:"), text_slice(&path));
}

static int read_map(struct import *in)
{
    int (*const adders[KIND_COUNT])(struct path_map *, struct slice, struct slice) = { path_map_drive, path_map_share,
                                                                                        path_map_variable };
    struct conf_element *paths;
    in->paths = path_map_new();
    int err = in->paths ? conf_section(in->conf, SLICE_LITERAL("sallyport/paths"), SLICE_LITERAL(""), &paths) : ERR_NOMEM;
    for (size_t k = 0; !err && k < KIND_COUNT; k++) {
        struct conf_element *list = conf_child(paths, kinds[k].collection);
        for (size_t i = 0; list && !err && i < conf_count(list); i++) {
            struct conf_element *item = conf_item(list, i);
            struct slice value = conf_text(item, kinds[k].value);
            OWNED_TEXT_BUFFER whole = { 0 };
            if (k != KIND_VARIABLE && value.len && value.ptr[0] != '/')
                text_addf(&whole, "%s/", in->to); /* as the service does */
            text_add(&whole, value);
            err = text_error(&whole) ? ERR_NOMEM : adders[k](in->paths, conf_text(item, kinds[k].name), text_slice(&whole));
        }
    }
    return err ? cli_failed(in->c, cli_exit_of(err), "%s", err_text(err)) : EXIT_OK;
}

int import_map_paths(struct import *in)
{
    int code = EXIT_OK;
    struct slice map = cli_param(in->c, "map");
    if (map.len)
        code = read_table(in, map);
    for (size_t i = 0; !code && i < in->c->args.param_count; i++)
        for (size_t k = 0; !code && k < KIND_COUNT; k++)
            if (slice_equal_fold_str(in->c->args.params[i].name, kinds[k].param))
                code = put_param(in, &kinds[k], in->c->args.params[i].value);
    if (!code)
        code = put_system_drive(in);
    return code ? code : read_map(in);
}

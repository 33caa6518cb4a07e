/*
 * cli.c - from argv to a row of the table, and the words in which appcmd answers.
 *
 * Texts that came from outside are escaped before they reach the terminal (control characters as \xHH), but
 * backslashes stay single: Windows paths are compared by scripts.
 */
#include "cli/cli.h"

#include <unistd.h>

#include "base/own.h"
#include "cli/file.h"
#include "cli/table.h"
#include "proto/loader.h"

/* ---- what is printed ---- */

void cli_print_safe(FILE *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char b = (unsigned char)s.ptr[i];
        if ((b < 0x20 && b != '\n' && b != '\t') || b == 0x7f)
            fprintf(out, "\\x%02x", b);
        else
            fputc(b, out);
    }
}

static FORMAT_LIKE_PRINTF(2, 0) void print_text(FILE *out, const char *fmt, va_list args)
{
    OWNED_TEXT_BUFFER t = { 0 };
    text_addv(&t, fmt, args);
    cli_print_safe(out, text_slice(&t));
}

void cli_say(struct cli *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    print_text(c->out, fmt, args);
    va_end(args);
    fputc('\n', c->out);
}

int cli_error(struct cli *c, int code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("ERROR ( message:", c->out);
    print_text(c->out, fmt, args);
    fputs(" )\n", c->out);
    va_end(args);
    return code;
}

int cli_failed(struct cli *c, int code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(c->out, "ERROR ( hresult:8007%04x, message:Command execution failed.\n", (unsigned)code & 0xffff);
    print_text(c->out, fmt, args);
    fputs("\n )\n", c->out);
    va_end(args);
    return code;
}

int cli_exit_of(int err)
{
    static const struct {
        int err, code;
    } codes[] = {
        { 0, EXIT_OK },
        { ERR_NOT_FOUND, EXIT_NO_ELEMENT },
        { ERR_EXISTS, EXIT_DUPLICATE },
        { ERR_LOCKED, EXIT_LOCKED },
        { ERR_DENIED, EXIT_DENIED },
        { ERR_CONFLICT, EXIT_SHARING },
        { ERR_BUSY, EXIT_BUSY },
        { ERR_UNSUPPORTED, EXIT_UNSUPPORTED },
        { ERR_PATH, 3 },
        { ERR_NOMEM, 14 },
        { ERR_NO_SPACE, 112 },
        { ERR_IO, 29 },
        { ERR_TIMEOUT, 1460 },
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].err == err)
            return codes[i].code;
    return EXIT_BAD_DATA;
}

int cli_failed_diag(struct cli *c, int err, const struct diag *d)
{
    OWNED_TEXT_BUFFER t = { 0 };
    diag_print(d, &t);
    if (t.len == 0)
        text_add_str(&t, err_text(err));
    return cli_failed(c, cli_exit_of(err), "%s", text_str(&t));
}

int cli_place_files(struct cli *c, struct file_set *set, const char *folder)
{
    int err = file_set_place(set);
    if (!err)
        return EXIT_OK;
    return cli_failed(c, cli_exit_of(err), "Cannot put the files in place in %s: %s%s%s%s", folder, err_text(err), set->stays ? ". " : "",
                      set->stays ? set->stays : "", set->stays ? " is written already and could not be put back" : "");
}

int cli_make_stores(struct cli *c, const char *directory)
{
    static const char *const stores[] = { "", CERTIFICATE_STORES };
    for (size_t i = 0; i < sizeof stores / sizeof stores[0]; i++) {
        OWNED_TEXT_BUFFER path = { 0 };
        text_addf(&path, "%s/certificates%s%s", directory, *stores[i] ? "/" : "", stores[i]);
        int err = text_error(&path) ? ERR_NOMEM : file_make_folder(text_str(&path), 0700);
        if (err)
            return cli_failed(c, cli_exit_of(err), "Cannot make %s: %s", text_str(&path), err_text(err));
    }
    return EXIT_OK;
}

int cli_cannot_find(struct cli *c, const char *tag, struct slice name)
{
    return cli_error(c, EXIT_NOT_FOUND, "Cannot find %s object with identifier \"" SLICE_FMT "\".", tag,
                     SLICE_ARG(name));
}

int cli_unknown_attribute(struct cli *c, struct slice name)
{
    return cli_error(c, EXIT_BAD_PARAMETER, "Unknown attribute \"" SLICE_FMT "\".  Replace with -? for help.",
                     SLICE_ARG(name));
}

int cli_refuse_param(struct cli *c, const char *name, const char *why)
{
    return cli_has(c, name) ? cli_error(c, EXIT_BAD_PARAMETER, "Parameter \"%s\" has no effect %s.", name, why) : EXIT_OK;
}

int cli_refuse_two_names(struct cli *c)
{
    struct slice name = cli_param(c, "name"), word = c->identifier;
    if (!word.ptr || !name.ptr || slice_equal(word, name))
        return EXIT_OK;
    return cli_error(c, EXIT_BAD_PARAMETER, "\"" SLICE_FMT "\" is a second name beside /name:" SLICE_FMT ".  If it belongs to a text "
                     "with blanks, put that in quotes: \"/name:" SLICE_FMT " " SLICE_FMT "\".", SLICE_ARG(word), SLICE_ARG(name),
                     SLICE_ARG(name), SLICE_ARG(word));
}

/* ---- parameters ---- */

struct slice cli_param(const struct cli *c, const char *name)
{
    const struct arg_param *p = args_find(&c->args, name);
    if (!p)
        return SLICE_NONE;
    return p->has_value ? p->value : SLICE_LITERAL("");
}

bool cli_has(const struct cli *c, const char *name)
{
    return args_find(&c->args, name) != NULL;
}

/* /site.name:X names the object, unless the row gives that parameter another meaning. */
static bool names_the_object(const struct verb_row *row, const struct object_row *object, struct slice name)
{
    OWNED_TEXT_BUFFER full = { 0 };
    text_addf(&full, "%s.name", object->name);
    return row->identifies != NO_IDENTIFIER && slice_equal_fold(name, text_slice(&full)) && !verb_param_find(row, name);
}

static bool is_separator(char c)
{
    return c == '\\' || c == '/';
}

/* Whether it could lie somewhere: behind a drive, a %NAME%, a share or the root.  "C:depot", "%SystemDrive%depot" and "\srvshare"
 * are of no use to IIS, but they are what a shell leaves of C:\depot, %SystemDrive%\depot and \\srv\share. */
static bool is_absolute(struct slice path)
{
    size_t name = slice_starts(path, SLICE_LITERAL("%")) ? slice_find(slice_from(path, 1), '%') : SIZE_MAX;
    struct slice rest = name == SIZE_MAX ? slice_from(path, 2) : slice_from(path, name + 2);
    if (name != SIZE_MAX)
        return !rest.len || is_separator(rest.ptr[0]) || rest.ptr[0] == '%';
    if (path.len > 1 && path.ptr[1] == ':')
        return ascii_upper(path.ptr[0]) >= 'A' && ascii_upper(path.ptr[0]) <= 'Z' && (!rest.len || is_separator(rest.ptr[0]));
    if (path.len > 1 && is_separator(path.ptr[0]) && is_separator(path.ptr[1]))
        return slice_has_byte(rest, '\\') || slice_has_byte(rest, '/');
    return path.ptr[0] == '/';
}

static bool lost_backslashes(const struct arg_param *p)
{
    static const char *const paths[] = { "physicalPath", "logFile.directory", "centralLogFile.directory" };
    if (!p->value.len || slice_starts(p->name, SLICE_LITERAL("-")) || is_absolute(p->value))
        return false;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        size_t len = strlen(paths[i]);
        if (p->name.len >= len && slice_equal_fold_str(slice_from(p->name, p->name.len - len), paths[i]))
            return true;
    }
    return false;
}

static bool given_before(const struct cli *c, const struct arg_param *p)
{
    const struct arg_param *first = c->args.params;
    while (first < p && (first->is_property != p->is_property || !slice_equal_fold(first->name, p->name)))
        first++;
    return first < p;
}

/* A parameter of the row or a general one: nothing about it may be without effect. */
static int check_known(struct cli *c, const struct verb_param *known, const struct arg_param *p)
{
    const char *form = known->form;
    bool repeats = slice_ends(slice_str(form), SLICE_LITERAL("...")), is_bool = strstr(form, "BOOL") != NULL;
    const char *wrong = NULL;
    if (!p->has_value && form[0] && form[0] != '[')
        wrong = "must have a value";
    else if (p->has_value && !form[0])
        wrong = "takes no value";
    else if (p->value.len && strcmp(form, "[*]") == 0 && !slice_equal_str(p->value, "*"))
        wrong = "takes no value but *";
    else if (p->has_value && is_bool && !slice_equal_fold_str(p->value, "true") && !slice_equal_fold_str(p->value, "false"))
        wrong = "must be true or false";
    else if (!repeats && given_before(c, p))
        wrong = "is given twice";
    else if (!general_param_has_effect(known, c->row))
        wrong = "has no effect on this command";
    return wrong ? cli_error(c, EXIT_BAD_PARAMETER, "Parameter \"" SLICE_FMT "\" %s.", SLICE_ARG(p->name), wrong) : EXIT_OK;
}

/* "/config" where a file or folder is asked for: what else begins with a slash there has a name that is known. */
static bool is_file_at_root(const struct cli *c, const struct arg_param *p)
{
    struct slice asked = slice_str(c->row->identifier);
    bool asks_for_file = c->row->identifies == MUST_IDENTIFY &&
                         (slice_starts(asked, SLICE_LITERAL("file")) || slice_starts(asked, SLICE_LITERAL("folder")));
    return asks_for_file && !c->identifier.ptr && !p->is_property && !p->has_value && p->name.len && p->name.ptr[-1] == '/';
}

static int check_param(struct cli *c, const struct object_row *object, const struct arg_param *p)
{
    const struct verb_param *known = verb_param_find(c->row, p->name);
    if (c->row->properties == TAKES_EDITS && lost_backslashes(p))
        return cli_error(c, EXIT_BAD_PARAMETER, "\"" SLICE_FMT "\" is no absolute path.  A shell takes backslashes away: "
                         "put the path in quotes.", SLICE_ARG(p->value));
    bool is_file = !known && is_file_at_root(c, p);
    if (!known && !p->is_property)
        known = general_param_find(p->name);
    if (is_file && (!known || access(p->name.ptr - 1, F_OK) == 0)) { /* "/config" may be either; no value follows the name */
        c->identifier = slice_of(p->name.ptr - 1, p->name.len + 1);
        return EXIT_OK;
    }
    if (known)
        return check_known(c, known, p);
    if (object && names_the_object(c->row, object, p->name)) {
        if (c->identifier.ptr)
            return cli_error(c, EXIT_BAD_PARAMETER, "The %s is named twice, as \"" SLICE_FMT "\" and as \"" SLICE_FMT "\".",
                             object->name, SLICE_ARG(c->identifier), SLICE_ARG(p->value));
        c->identifier = p->value;
        return EXIT_OK;
    }
    return c->row->properties == TAKES_PARAMS ? cli_unknown_attribute(c, p->name) : EXIT_OK;
}

/* E9 */
static int no_identifier_here(struct cli *c)
{
    OWNED_TEXT_BUFFER message = { 0 };
    args_complain(c->identifier, &message);
    cli_say(c, "%s", text_str(&message));
    return EXIT_BAD_PARAMETER;
}

/* What one says of the form, the other would drop. */
static int check_forms(struct cli *c)
{
    bool shows_xml = cli_has(c, "config") || (c->row->run == config_list && !cli_has(c, "text"));
    if (cli_has(c, "text") && (cli_has(c, "xml") || cli_has(c, "config")))
        return cli_error(c, EXIT_BAD_PARAMETER, "Parameter \"text\" has no place beside /%s.", cli_has(c, "xml") ? "xml" : "config");
    if (cli_has(c, "metadata") && !shows_xml)
        return cli_error(c, EXIT_BAD_PARAMETER, "Parameter \"metadata\" belongs to /config, which is missing.");
    return EXIT_OK;
}

/* "/site.name: contoso", as a page on bindings has it: the blank makes the name a word of its own. */
static void forget_empty_name(struct cli *c, const struct object_row *object)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->args.param_count; i++) {
        const struct arg_param *p = &c->args.params[i];
        if (!object || !c->identifier.ptr || p->is_property || !p->has_value || p->value.len || !names_the_object(c->row, object, p->name))
            c->args.params[kept++] = *p;
    }
    c->args.param_count = kept;
}

static int check_params(struct cli *c, const struct object_row *object)
{
    int code = EXIT_OK;
    forget_empty_name(c, object);
    for (size_t i = 0; !code && i < c->args.param_count; i++)
        code = check_param(c, object, &c->args.params[i]);
    if (!code)
        code = check_forms(c);
    if (code)
        return code;
    if (c->row->identifies == NO_IDENTIFIER && c->identifier.ptr)
        return no_identifier_here(c);
    if (c->row->identifies == MUST_IDENTIFY && !cli_has(c, "in") && slice_is_empty(c->identifier))
        return cli_error(c, EXIT_BAD_PARAMETER, "Must specify the %s.", c->row->identifier);
    return EXIT_OK;
}

/* ---- dispatch ---- */

static int unknown_object(struct cli *c, struct slice word)
{
    cli_say(c, "Object '" SLICE_FMT "' is not supported.  Run 'appcmd.exe /?' to display supported objects.",
            SLICE_ARG(word));
    return EXIT_BAD_PARAMETER;
}

static int unknown_verb(struct cli *c, struct slice word, const struct object_row *object)
{
    cli_say(c, "Command '" SLICE_FMT "' is not supported%s%s.  Run 'appcmd.exe %s%s/?' to display supported commands.",
            SLICE_ARG(word), object ? " by object " : "", object ? object->name : "", object ? object->name : "", object ? " " : "");
    return EXIT_BAD_PARAMETER;
}

int cli_run_row(struct cli *c)
{
    int code = check_params(c, c->row->object[0] ? object_find(slice_str(c->row->object)) : NULL);
    if (!code && c->batch && c->batch->is_atomic && !verb_can_be_undone(c->row))
        return cli_error(c, EXIT_UNSUPPORTED, "\"%s%s%s\" cannot be undone, so it has no place in --atomic.", c->row->verb,
                         c->row->object[0] ? " " : "", c->row->object);
    if (!code && cli_has(c, "in") && !verb_param_find(c->row, SLICE_LITERAL("in")))
        return objects_run(c);
    return code ? code : c->row->run(c);
}

static int run_row(struct cli *c)
{
    if (c->args.help && c->row->run == config_set && cli_has(c, "section"))
        return c->row->run(c); /* the settable properties are known only in place */
    if (c->args.help) {
        help_verb(c, c->row);
        return EXIT_OK;
    }
    return cli_run_row(c);
}

static int dispatch(struct cli *c)
{
    const struct args *a = &c->args;
    if (a->version)
        return service_version(c);
    if (a->word_count == 0) {
        help_general(c);
        return a->help || a->param_count == 0 ? EXIT_OK : EXIT_BAD_PARAMETER;
    }
    const struct object_row *object = object_find(a->words[0]);
    if (object && a->word_count > 1 && (c->row = verb_find(a->words[1], object)) != NULL) { /* "certificate test" */
        c->identifier = a->word_count > 2 ? a->words[2] : SLICE_NONE;
        return run_row(c);
    }
    if (object && a->word_count == 1) {
        help_object(c, object);
        return a->help ? EXIT_OK : EXIT_BAD_PARAMETER;
    }
    struct slice verb = a->words[0];
    if ((c->row = verb_find(verb, NULL)) != NULL) { /* stands alone: "check" */
        c->identifier = a->word_count > 1 ? a->words[a->word_count - 1] : SLICE_NONE;
        return a->word_count > 2 ? no_identifier_here(c) : run_row(c);
    }
    if (!verb_find_any(verb))
        return unknown_verb(c, verb, NULL);
    if (a->word_count == 1) {
        help_general(c);
        return a->help ? EXIT_OK : EXIT_BAD_PARAMETER;
    }
    object = object_find(a->words[1]);
    if (!object)
        return unknown_object(c, a->words[1]);
    c->row = verb_find(verb, object);
    if (!c->row)
        return unknown_verb(c, verb, object);
    c->identifier = a->word_count > 2 ? a->words[2] : SLICE_NONE;
    return run_row(c);
}

static char *choose_directory(const struct args *a)
{
    const char *environment = getenv("SALLYPORT_CONFIG");
    if (a->config.ptr)
        return strndup(a->config.ptr, a->config.len);
    return strdup(environment && environment[0] ? environment : "/etc/sallyport");
}

/* What was worked on, for those who wonder why something else changed. */
static void print_debug(struct cli *c, int code)
{
    struct slice wanted = cli_param(c, "debug"), other = cli_param(c, "apphostconfig");
    if (!wanted.ptr || slice_equal_fold_str(wanted, "false"))
        return;
    cli_say(c, "DEBUG ( command:%s%s%s, identifier:" SLICE_FMT ", instance:%s, applicationHost:" SLICE_FMT ", exit:%d )",
            c->row ? c->row->verb : "", c->row && c->row->object[0] ? " " : "", c->row ? c->row->object : "",
            SLICE_ARG(c->identifier), c->directory,
            SLICE_ARG(other.len ? other : slice_str(conf_file_name(CONF_APPLICATION_HOST))), code);
}

static void finish(struct cli *c)
{
    if (c->conf && !cli_shares_configuration(c))
        conf_free(c->conf);
    args_free(&c->args);
    free(c);
}

static const char *program_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    struct slice name = slice_str(slash ? slash + 1 : path ? path : "");
    return slice_starts_fold(name, SLICE_LITERAL("appcmd")) ? "appcmd" : "sallyport";
}

int cli_run_in_batch(int argc, char **argv, FILE *in, FILE *out, struct cli_batch *batch)
{
    struct cli *c = calloc(1, sizeof *c);
    OWNED_TEXT_BUFFER message = { 0 }, rows = { 0 };
    int code = EXIT_BAD_DATA;
    if (!c)
        return 14;
    c->in = in;
    c->out = out;
    c->xml_rows = &rows;
    c->program = program_name(argc > 0 ? argv[0] : NULL);
    c->batch = batch;
    if (args_parse(argc, argv, &c->args, &message) != 0) {
        fprintf(out, "%s\n", text_str(&message));
        code = EXIT_BAD_PARAMETER;
    } else {
        OWNED_TEXT directory = choose_directory(&c->args);
        c->directory = directory;
        if (directory)
            code = dispatch(c);
        print_debug(c, code);
    }
    finish(c);
    if (fflush(out) != 0 && code == EXIT_OK)
        code = 29; /* ERROR_WRITE_FAULT: nobody may take a cut listing for a whole one */
    return code;
}

int cli_run(int argc, char **argv, FILE *in, FILE *out)
{
    return cli_run_in_batch(argc, argv, in, out, NULL);
}

/*
 * run_command.c - one command of a batch file.
 *
 * appcmd lines run in this process as if typed; of the rest, what only concerns the Windows host (stopping a service,
 * changing the folder) is told and passed over, what would leave a wrong state if it were passed over is refused.
 */
#include "cli/run_priv.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/file.h"

/* ---- what is told ---- */

static void note(struct run *r, struct slice command, const char *why)
{
    fprintf(r->told, "NOTE ( line %u: " SLICE_FMT ": %s )\n", r->line, SLICE_ARG(run_without_secrets(command)), why);
}

int run_refuse(struct run *r, int code, struct slice what, const char *why)
{
    fprintf(r->out, "ERROR ( message:'" SLICE_FMT "' %s )\n", SLICE_ARG(what), why);
    return code;
}

/* "%windir%\system32\inetsrv\appcmd.exe" is appcmd; "echo." is echo; "C:" is a change of drive. */
static struct slice program_of(struct slice word)
{
    for (size_t i = word.len; i > 0; i--)
        if (word.ptr[i - 1] == '\\' || word.ptr[i - 1] == '/') {
            word = slice_from(word, i);
            break;
        }
    size_t dot = slice_find_last(word, '.');
    struct slice extension = dot == SIZE_MAX ? SLICE_LITERAL("") : slice_from(word, dot);
    bool is_program = slice_equal_fold_str(extension, ".exe") || slice_equal_fold_str(extension, ".com");
    if (is_program || slice_starts_fold(word, SLICE_LITERAL("echo.")))
        word = slice_first(word, slice_find(word, '.') < dot && !is_program ? slice_find(word, '.') : dot);
    return word;
}

/* ---- commands of cmd.exe ---- */

struct words {
    struct slice command; /* the whole text of the command */
    const struct batch_args *args;
};

/* What follows the first word, as written. */
static struct slice behind_name(const struct words *w)
{
    struct slice rest = slice_trim(w->command);
    size_t i = 0;
    while (i < rest.len && ((rest.ptr[i] >= 'a' && rest.ptr[i] <= 'z') || (rest.ptr[i] >= 'A' && rest.ptr[i] <= 'Z')))
        i++;
    return slice_from(rest, i);
}

static int do_echo(struct run *r, const struct words *w)
{
    struct slice text = behind_name(w);
    if (slice_equal_fold_str(slice_trim(text), "off") || slice_equal_fold_str(slice_trim(text), "on"))
        return EXIT_OK;
    fprintf(r->out, SLICE_FMT "\n", SLICE_ARG(slice_from(text, text.len ? 1 : 0)));
    return EXIT_OK;
}

static int do_set(struct run *r, const struct words *w)
{
    struct slice text = slice_trim(behind_name(w));
    if (text.len && text.ptr[0] == '/')
        return run_refuse(r, EXIT_UNSUPPORTED, w->command, "is not supported: only SET NAME=VALUE is.");
    if (text.len > 1 && text.ptr[0] == '"') {
        size_t last = slice_find_last(text, '"');
        text = slice_of(text.ptr + 1, (last > 0 ? last : text.len) - 1);
    }
    size_t equals = slice_find(text, '=');
    if (equals == SIZE_MAX || equals == 0)
        return run_refuse(r, EXIT_BAD_PARAMETER, w->command, "sets nothing: write SET NAME=VALUE.");
    int err = run_variable_set(r, slice_trim(slice_first(text, equals)), slice_from(text, equals + 1));
    return err ? run_refuse(r, 14, w->command, err_text(err)) : EXIT_OK;
}

static int do_exit(struct run *r, const struct words *w)
{
    const char *last = w->args->argv[w->args->argc - 1];
    char *end = NULL;
    bool has_code = w->args->argc > 1 && last[0] != '/';
    long code = has_code ? strtol(last, &end, 10) : r->error_level;
    r->is_over = true;
    return !has_code || *end == 0 ? (int)code : EXIT_OK;
}

/* run.c looks for the label when the line is over. */
static int do_goto(struct run *r, const struct words *w)
{
    struct slice label = slice_str(w->args->argc > 1 ? w->args->argv[1] : "");
    if (slice_starts(label, SLICE_LITERAL(":")))
        label = slice_from(label, 1);
    if (w->args->argc != 2 || slice_is_empty(label) || label.len >= RUN_LABEL)
        return run_refuse(r, EXIT_BAD_PARAMETER, w->command, "leads nowhere: write GOTO LABEL.");
    r->is_over = true;
    if (!slice_equal_fold_str(label, "eof"))
        snprintf(r->label, sizeof r->label, SLICE_FMT, SLICE_ARG(label));
    return EXIT_OK;
}

static int do_nothing(struct run *r, const struct words *w)
{
    (void)r;
    (void)w;
    return EXIT_OK;
}

/* With delayed expansion !NAME! means a variable, which run_line refuses. */
static int do_setlocal(struct run *r, const struct words *w)
{
    for (int i = 1; i < w->args->argc; i++)
        r->is_delayed |= slice_equal_fold_str(slice_str(w->args->argv[i]), "enabledelayedexpansion");
    return EXIT_OK;
}

static int do_folder(struct run *r, const struct words *w)
{
    note(r, w->command, "there is no folder to change to; appcmd is found anywhere");
    return EXIT_OK;
}

static bool is_ftp_service(struct slice name)
{
    static const char *const names[] = { "ftpsvc", "msftpsvc", "w3svc", "was", "iisadmin", "wmsvc",
                                         "microsoft ftp service" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (slice_equal_fold_str(name, names[i]))
            return true;
    return false;
}

/* net stop ftpsvc, sc start w3svc; anything else that net and sc can do is not ours. */
static int do_service(struct run *r, const struct words *w)
{
    const struct batch_args *a = w->args;
    struct slice verb = slice_str(a->argc > 1 ? a->argv[1] : "");
    bool known = slice_equal_fold_str(verb, "start") || slice_equal_fold_str(verb, "stop") ||
                 slice_equal_fold_str(verb, "query") || slice_equal_fold_str(verb, "config");
    if (!known || a->argc < 3 || !is_ftp_service(slice_str(a->argv[2])))
        return run_refuse(r, EXIT_NOT_RECOGNIZED, w->command, "concerns Windows alone and cannot be carried out here.");
    note(r, w->command, "the service takes changes over while it runs; it was neither stopped nor started");
    return EXIT_OK;
}

static int do_iisreset(struct run *r, const struct words *w)
{
    note(r, w->command, "the service takes changes over while it runs; it was not restarted");
    return EXIT_OK;
}

static int do_firewall(struct run *r, const struct words *w)
{
    note(r, w->command, "NOT DONE: open port 21 and the ports of system.ftpServer/firewallSupport in the firewall of this machine");
    return EXIT_OK;
}

static int do_feature(struct run *r, const struct words *w)
{
    note(r, w->command, "nothing of Windows is installed here; this service has all of FTP");
    return EXIT_OK;
}

/* "start /w pkgmgr ...", "start "" iisreset": the command itself, in its turn. */
static int do_start(struct run *r, const struct words *w)
{
    struct slice rest = slice_trim(behind_name(w));
    while (rest.len && (rest.ptr[0] == '/' || rest.ptr[0] == '"')) {
        size_t end = rest.ptr[0] == '"' ? slice_find(slice_from(rest, 1), '"') : slice_find(rest, ' ');
        bool is_last = end == SIZE_MAX;
        rest = is_last ? SLICE_LITERAL("") : slice_trim(slice_from(rest, rest.ptr[0] == '"' ? end + 2 : end));
    }
    if (rest.len == 0)
        return run_refuse(r, EXIT_UNSUPPORTED, w->command, "starts nothing that is known here.");
    return run_command(r, rest, r->c->in);
}

static int do_permissions(struct run *r, const struct words *w)
{
    note(r, w->command, "NOT DONE: grant the Linux account access to the folder with chown, chmod or setfacl");
    return EXIT_OK;
}

static int linux_path(struct run *r, struct slice path, struct text *out)
{
    struct conf_element *section = NULL, *drive = NULL;
    const struct conf_pair pair = { SLICE_LITERAL("drive"), slice_first(path, 2) };
    bool has_drive = path.len >= 3 && path.ptr[1] == ':' && (path.ptr[2] == '\\' || path.ptr[2] == '/');
    if (has_drive) {
        if (conf_section(r->c->conf, SLICE_LITERAL("sallyport/paths"), SLICE_LITERAL(""), &section) != 0 ||
            conf_find(conf_child(section, "drives"), &pair, 1, &drive) != 0)
            return ERR_NOT_FOUND;
        text_add(out, conf_text(drive, "path"));
        path = slice_from(path, 2);
    } else if (path.len == 0 || path.ptr[0] != '/') {
        return ERR_PATH;
    }
    OWNED_TEXT_BUFFER plain = { 0 };
    for (size_t i = 0; i < path.len; i++)
        text_add_char(&plain, path.ptr[i] == '\\' ? '/' : path.ptr[i]);
    for (struct slice rest = text_slice(&plain); rest.ptr;) {
        struct slice part = slice_cut(&rest, '/');
        if (slice_equal_str(part, "..") || slice_has_control(part))
            return ERR_PATH;
        if (part.len && !slice_equal_str(part, "."))
            text_addf(out, "/" SLICE_FMT, SLICE_ARG(part));
    }
    return text_error(out);
}

int run_file_path(struct run *r, struct slice path, struct text *out)
{
    bool is_relative = path.len && path.ptr[0] != '/' && path.ptr[0] != '\\' && !slice_has_byte(path, ':');
    if (!is_relative)
        return linux_path(r, path, out);
    for (size_t i = 0; i < path.len; i++)
        text_add_char(out, path.ptr[i] == '\\' ? '/' : path.ptr[i]);
    return slice_has_control(path) ? ERR_PATH : text_error(out);
}

int run_exists(struct run *r, struct slice path, bool *exists_out)
{
    OWNED_TEXT_BUFFER found = { 0 };
    static const char *const ends[] = { "\\nul", "\\", "\\*", "\\*.*" };
    if (slice_equal_fold_str(program_of(path), "appcmd")) {
        *exists_out = true;
        return 0;
    }
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (path.len > 3 && slice_ends(path, slice_str(ends[i])))
            path.len -= strlen(ends[i]); /* ways to ask for a folder */
    if (run_file_path(r, path, &found) != 0 || slice_has_byte(path, '*') || slice_has_byte(path, '?'))
        return ERR_PATH;
    *exists_out = access(text_str(&found), F_OK) == 0;
    return 0;
}

static int do_mkdir(struct run *r, const struct words *w)
{
    for (int i = 1; i < w->args->argc; i++) {
        OWNED_TEXT_BUFFER path = { 0 };
        struct slice written = slice_str(w->args->argv[i]);
        int err = linux_path(r, written, &path);
        if (err)
            return run_refuse(r, 3, written, "is no folder on a drive of this instance (sallyport/paths/drives).");
        if (r->batch)
            return run_refuse(r, EXIT_UNSUPPORTED, w->command, "cannot be undone, so it has no place in --atomic.");
        err = file_make_folders(text_str(&path), 0755);
        if (err)
            return run_refuse(r, cli_exit_of(err), text_slice(&path), err_text(err));
    }
    return EXIT_OK;
}

/* ---- appcmd ---- */

static bool is_known_section(struct slice name)
{
    for (size_t i = 0; i < conf_section_count(); i++)
        if (slice_equal_fold_str(name, conf_section_name(i)))
            return true;
    return false;
}

/* What makes or changes something of the web server: application pools, sections of its own.  What lists it is no such
 * line, for somebody waits for the answer. */
static bool is_of_the_web(const struct batch_args *a)
{
    static const char *const objects[] = { "apppool", "apppools", "wp", "wps", "request", "requests", "module", "modules", "trace", "traces" };
    struct slice verb = slice_str(a->argc > 1 ? a->argv[1] : ""), object = slice_str(a->argc > 2 ? a->argv[2] : "");
    if (slice_equal_fold_str(verb, "list") || slice_equal_fold_str(verb, "search"))
        return false;
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++)
        if (slice_equal_fold_str(object, objects[i]))
            return true;
    for (int i = 3; i < a->argc && slice_equal_fold_str(object, "config"); i++) {
        struct slice arg = slice_str(a->argv[i]), name = slice_from(arg, sizeof("/section:") - 1);
        bool is_section = slice_starts_fold(arg, SLICE_LITERAL("/section:")) || slice_starts_fold(arg, SLICE_LITERAL("-section:"));
        if (is_section && !is_known_section(name) &&
            (slice_starts_fold(name, SLICE_LITERAL("system.webServer/")) || slice_starts_fold(name, SLICE_LITERAL("system.applicationHost/"))))
            return true;
    }
    return false;
}

/* The instance goes before what the file says, so that its lines cannot leave it by accident. */
static int do_appcmd(struct run *r, const struct words *w, FILE *in)
{
    const struct batch_args *a = w->args;
    char *argv[BATCH_ARGS + 4];
    int argc = 0;
    if (a->argc > 1 && slice_equal_fold_str(slice_str(a->argv[1]), "run"))
        return run_refuse(r, EXIT_UNSUPPORTED, w->command, "is not supported: a batch file does not run another.");
    if (is_of_the_web(a)) {
        note(r, w->command, "NOT DONE: it is about web sites, not about FTP");
        return EXIT_OK;
    }
    OWNED_TEXT name = strdup("appcmd");
    OWNED_TEXT option = strdup("--config");
    OWNED_TEXT directory = strdup(r->c->directory);
    if (!name || !option || !directory)
        return 14;
    argv[argc++] = name;
    argv[argc++] = option;
    argv[argc++] = directory;
    for (int i = 1; i < a->argc; i++)
        argv[argc++] = a->argv[i];
    argv[argc] = NULL;
    return cli_run_in_batch(argc, argv, in, r->out, r->batch ? r->batch : &r->each);
}

/* What cmd.exe does itself leaves ERRORLEVEL as it is; a program ends with a code, and so does VER. */
enum kind { BUILT_IN, PROGRAM };

static const struct {
    const char *name;
    int (*run)(struct run *r, const struct words *w);
    enum kind kind;
} commands[] = {
    { "echo", do_echo, BUILT_IN },           { "set", do_set, BUILT_IN },            { "exit", do_exit, BUILT_IN },
    { "goto", do_goto, BUILT_IN },           { "setlocal", do_setlocal, BUILT_IN },  { "endlocal", do_nothing, BUILT_IN },
    { "cls", do_nothing, BUILT_IN },         { "title", do_nothing, BUILT_IN },      { "color", do_nothing, BUILT_IN },
    { "pause", do_nothing, BUILT_IN },       { "prompt", do_nothing, BUILT_IN },     { "cd", do_folder, BUILT_IN },
    { "chdir", do_folder, BUILT_IN },        { "pushd", do_folder, BUILT_IN },       { "popd", do_nothing, BUILT_IN },
    { "md", do_mkdir, BUILT_IN },            { "mkdir", do_mkdir, BUILT_IN },        { "ver", do_nothing, PROGRAM },
    { "chcp", do_nothing, PROGRAM },         { "timeout", do_nothing, PROGRAM },     { "net", do_service, PROGRAM },
    { "sc", do_service, PROGRAM },           { "iisreset", do_iisreset, PROGRAM },   { "start", do_start, PROGRAM },
    { "netsh", do_firewall, PROGRAM },       { "dism", do_feature, PROGRAM },        { "pkgmgr", do_feature, PROGRAM },
    { "ocsetup", do_feature, PROGRAM },      { "servermanagercmd", do_feature, PROGRAM },
    { "icacls", do_permissions, PROGRAM },   { "cacls", do_permissions, PROGRAM },   { "xcacls", do_permissions, PROGRAM },
    { "takeown", do_permissions, PROGRAM },
};

static int do_command(struct run *r, const struct words *w, FILE *in)
{
    struct slice program = program_of(slice_str(w->args->argv[0]));
    if (slice_equal_fold_str(program, "appcmd") || slice_equal_fold_str(program, "sallyport"))
        return r->error_level = do_appcmd(r, w, in);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (slice_equal_fold_str(program, commands[i].name)) {
            int code = commands[i].run(r, w);
            if (commands[i].kind == PROGRAM)
                r->error_level = code;
            return code;
        }
    if (program.len == 2 && program.ptr[1] == ':')
        return do_folder(r, w);
    return run_refuse(r, EXIT_NOT_RECOGNIZED, program, "is not recognized: appcmd lines are carried out, SET, ECHO, CD, MKDIR "
                  "and what stops or starts the service are understood.");
}

/* "%~nx": a part of the value of a FOR variable; all that is understood has been replaced. */
static bool has_part_of_variable(struct slice command)
{
    for (size_t i = 0; i + 2 < command.len; i++)
        if (command.ptr[i] == '%' && command.ptr[i + 1] == '~' && ascii_lower(command.ptr[i + 2]) >= 'a' && ascii_lower(command.ptr[i + 2]) <= 'z')
            return true;
    return false;
}

int run_command(struct run *r, struct slice command, FILE *in)
{
    if (has_part_of_variable(command))
        return run_refuse(r, EXIT_UNSUPPORTED, command, "is not supported: of a variable of FOR only the whole can be taken, as %%~i.");
    while (slice_equal_fold_str(run_first_word(command), "call"))
        command = slice_from(slice_trim(command), 4);
    struct batch_args args = { 0 };
    int err = batch_args_split(command, &args), code = EXIT_OK;
    if (err)
        code = run_refuse(r, EXIT_BAD_PARAMETER, command, err_text(err));
    else if (args.argc > 0 && args.argv[0][0] != ':') {
        struct words w = { slice_trim(command), &args };
        code = do_command(r, &w, in);
    }
    batch_args_free(&args);
    return code;
}

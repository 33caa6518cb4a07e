/*
 * run.c - batch files carried out line by line.
 *
 * What Windows administrators keep are lists of appcmd lines with a few of cmd.exe's own commands around them.  The
 * appcmd lines run in this process as if typed; of the rest, what only concerns the Windows host (stopping a service,
 * changing the folder) is told and passed over, what would leave a wrong state if it were passed over is refused.
 * With --atomic all lines edit one configuration in memory, written at the end or not at all.
 *
 * FTP's message variables look like cmd.exe's: the ones that the messages element knows stay as they are.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/batch.h"
#include "cli/file.h"
#include "cli/site.h"
#include "cli/table.h"

extern char **environ;

enum { FILE_MAX = 4 << 20, VARIABLES_MAX = 512 };
enum { EXIT_NOT_RECOGNIZED = 9009 }; /* what cmd.exe ends with */

struct variable {
    char *name, *value;
};

struct run {
    struct cli *c;
    const char *file;
    unsigned line;
    struct cli_batch *batch; /* NULL: every command is written when it is done */
    FILE *out;
    struct variable variables[VARIABLES_MAX];
    size_t variable_count;
    bool is_over; /* exit, goto :eof */
};

/* ---- variables ---- */

static int set_variable(struct run *r, struct slice name, struct slice value)
{
    size_t i = 0;
    while (i < r->variable_count && !slice_equal_fold_str(name, r->variables[i].name))
        i++;
    if (i == VARIABLES_MAX)
        return ERR_LIMIT;
    OWNED_TEXT new_name = strndup(name.ptr, name.len);
    OWNED_TEXT new_value = strndup(value.ptr, value.len);
    if (!new_name || !new_value)
        return ERR_NOMEM;
    if (i == r->variable_count)
        r->variable_count++;
    free(r->variables[i].name);
    free(r->variables[i].value);
    r->variables[i] = (struct variable){ text_take(&new_name), text_take(&new_value) };
    return 0;
}

/* sallyport/paths/variables: what %NAME% in a path of this instance means. */
static bool instance_variable(struct run *r, struct slice name, struct text *out)
{
    struct conf_element *section = NULL, *item = NULL;
    const struct conf_pair pair = { SLICE_LITERAL("name"), name };
    if (conf_section(r->c->conf, SLICE_LITERAL("sallyport/paths"), SLICE_LITERAL(""), &section) != 0 ||
        conf_find(conf_child(section, "variables"), &pair, 1, &item) != 0)
        return false;
    text_add(out, conf_text(item, "value"));
    return true;
}

static bool environment_variable(struct slice name, struct text *out)
{
    for (char **entry = environ; *entry; entry++) {
        struct slice text = slice_str(*entry);
        size_t equals = slice_find(text, '=');
        if (equals == SIZE_MAX || !slice_equal_fold(slice_first(text, equals), name))
            continue;
        text_add(out, slice_from(text, equals + 1));
        return true;
    }
    return false;
}

static bool usual_variable(struct slice name, struct text *out)
{
    static const struct {
        const char *name, *value;
    } usual[] = {
        { "SystemDrive", "C:" },
        { "HOMEDRIVE", "C:" },
        { "SystemRoot", "C:\\Windows" },
        { "windir", "C:\\Windows" },
        { "ProgramFiles", "C:\\Program Files" },
        { "ProgramFiles(x86)", "C:\\Program Files (x86)" },
        { "ProgramData", "C:\\ProgramData" },
        { "ALLUSERSPROFILE", "C:\\ProgramData" },
        { "PUBLIC", "C:\\Users\\Public" },
        { "TEMP", "C:\\Windows\\Temp" },
        { "TMP", "C:\\Windows\\Temp" },
        { "CD", "C:\\Windows\\System32\\inetsrv" },
        { "ERRORLEVEL", "0" }, /* whatever fails ends the run */
    };
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (slice_equal_fold_str(name, usual[i].name)) {
            text_add_str(out, usual[i].value);
            return true;
        }
    return false;
}

static bool message_variable(struct slice name, struct text *out)
{
    static const char *const names[] = { "BytesReceived", "BytesSent", "SessionID", "SiteName", "UserName" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (slice_equal_fold_str(name, names[i])) {
            text_addf(out, "%%" SLICE_FMT "%%", SLICE_ARG(name));
            return true;
        }
    return false;
}

static bool lookup(void *context, struct slice name, struct text *out)
{
    struct run *r = context;
    for (size_t i = 0; i < r->variable_count; i++)
        if (slice_equal_fold_str(name, r->variables[i].name)) {
            text_add_str(out, r->variables[i].value);
            return true;
        }
    if (instance_variable(r, name, out) || usual_variable(name, out) || message_variable(name, out))
        return true;
    if (slice_equal_fold_str(name, "COMPUTERNAME")) {
        char host[256] = "";
        gethostname(host, sizeof host - 1);
        text_add_str(out, host);
        return true;
    }
    return environment_variable(name, out);
}

/* ---- what is told ---- */

static void note(struct run *r, struct slice command, const char *why)
{
    fprintf(r->out, "NOTE ( line %u: " SLICE_FMT ": %s )\n", r->line, SLICE_ARG(command), why);
}

static int refuse(struct run *r, int code, struct slice what, const char *why)
{
    fprintf(r->out, "ERROR ( message:'" SLICE_FMT "' %s )\n", SLICE_ARG(what), why);
    return code;
}

/* The line without what may be a password. */
static struct slice without_secrets(struct slice text)
{
    for (size_t i = 0; i + 8 <= text.len; i++)
        if (slice_starts_fold(slice_from(text, i), SLICE_LITERAL("password")))
            return slice_first(text, i + 8);
    return text;
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
        return refuse(r, EXIT_UNSUPPORTED, w->command, "is not supported: only SET NAME=VALUE is.");
    if (text.len > 1 && text.ptr[0] == '"') {
        size_t last = slice_find_last(text, '"');
        text = slice_of(text.ptr + 1, (last > 0 ? last : text.len) - 1);
    }
    size_t equals = slice_find(text, '=');
    if (equals == SIZE_MAX || equals == 0)
        return refuse(r, EXIT_BAD_PARAMETER, w->command, "sets nothing: write SET NAME=VALUE.");
    int err = set_variable(r, slice_trim(slice_first(text, equals)), slice_from(text, equals + 1));
    return err ? refuse(r, 14, w->command, err_text(err)) : EXIT_OK;
}

static int do_exit(struct run *r, const struct words *w)
{
    const char *last = w->args->argv[w->args->argc - 1];
    char *end = NULL;
    long code = w->args->argc > 1 && last[0] != '/' ? strtol(last, &end, 10) : 0;
    r->is_over = true;
    return end && *end == 0 ? (int)code : EXIT_OK;
}

static int do_goto(struct run *r, const struct words *w)
{
    if (w->args->argc != 2 || !slice_equal_fold_str(slice_str(w->args->argv[1]), ":eof"))
        return refuse(r, EXIT_UNSUPPORTED, w->command, "is not supported: a batch file is carried out from top to bottom.");
    r->is_over = true;
    return EXIT_OK;
}

static int do_nothing(struct run *r, const struct words *w)
{
    (void)r;
    (void)w;
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
        return refuse(r, EXIT_NOT_RECOGNIZED, w->command, "concerns Windows alone and cannot be carried out here.");
    note(r, w->command, "the service takes changes over while it runs; it was neither stopped nor started");
    return EXIT_OK;
}

static int do_iisreset(struct run *r, const struct words *w)
{
    note(r, w->command, "the service takes changes over while it runs; it was not restarted");
    return EXIT_OK;
}

static int do_permissions(struct run *r, const struct words *w)
{
    note(r, w->command, "NOT DONE: grant the Linux account access to the folder with chown, chmod or setfacl");
    return EXIT_OK;
}

/* "C:\a\b" below the folder that is C: in this instance. */
static int linux_folder(struct run *r, struct slice path, struct text *out)
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

static int do_mkdir(struct run *r, const struct words *w)
{
    for (int i = 1; i < w->args->argc; i++) {
        OWNED_TEXT_BUFFER path = { 0 };
        struct slice written = slice_str(w->args->argv[i]);
        int err = linux_folder(r, written, &path);
        if (err)
            return refuse(r, 3, written, "is no folder on a drive of this instance (sallyport/paths/drives).");
        if (r->batch)
            return refuse(r, EXIT_UNSUPPORTED, w->command, "cannot be undone, so it has no place in --atomic.");
        err = file_make_folders(text_str(&path), 0755);
        if (err)
            return refuse(r, cli_exit_of(err), text_slice(&path), err_text(err));
    }
    return EXIT_OK;
}

/* ---- appcmd ---- */

/* The instance goes before what the file says, so that its lines cannot leave it by accident. */
static int do_appcmd(struct run *r, const struct words *w, FILE *in)
{
    const struct batch_args *a = w->args;
    char *argv[BATCH_ARGS + 4];
    int argc = 0;
    if (a->argc > 1 && slice_equal_fold_str(slice_str(a->argv[1]), "run"))
        return refuse(r, EXIT_UNSUPPORTED, w->command, "is not supported: a batch file does not run another.");
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
    return cli_run_in_batch(argc, argv, in, r->out, r->batch);
}

static const struct {
    const char *name;
    int (*run)(struct run *r, const struct words *w);
} commands[] = {
    { "echo", do_echo },           { "set", do_set },         { "exit", do_exit },      { "goto", do_goto },
    { "setlocal", do_nothing },    { "endlocal", do_nothing }, { "cls", do_nothing },   { "title", do_nothing },
    { "color", do_nothing },       { "pause", do_nothing },   { "prompt", do_nothing }, { "chcp", do_nothing },
    { "ver", do_nothing },         { "cd", do_folder },       { "chdir", do_folder },   { "pushd", do_folder },
    { "popd", do_nothing },        { "net", do_service },     { "sc", do_service },     { "iisreset", do_iisreset },
    { "icacls", do_permissions },  { "cacls", do_permissions }, { "xcacls", do_permissions },
    { "takeown", do_permissions }, { "md", do_mkdir },        { "mkdir", do_mkdir },
};

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

static int do_command(struct run *r, const struct words *w, FILE *in)
{
    struct slice program = program_of(slice_str(w->args->argv[0]));
    if (slice_equal_fold_str(program, "appcmd") || slice_equal_fold_str(program, "sallyport"))
        return do_appcmd(r, w, in);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (slice_equal_fold_str(program, commands[i].name))
            return commands[i].run(r, w);
    if (program.len == 2 && program.ptr[1] == ':')
        return do_folder(r, w);
    return refuse(r, EXIT_NOT_RECOGNIZED, program, "is not recognized: appcmd lines are carried out, SET, ECHO, CD, MKDIR "
                  "and what stops or starts the service are understood.");
}

/* ---- lines ---- */

/* "if errorlevel 1 x", "if %errorlevel% neq 0 x", "if not "a"=="b" x": *holds_out says whether x is to be run; the
 * command is cut down to x. */
static int read_condition(struct slice *command, bool *holds_out)
{
    struct slice rest = slice_trim(slice_from(slice_trim(*command), 2));
    struct slice words[4] = { 0 };
    bool negate = false;
    struct slice after[4] = { 0 };
    for (size_t i = 0; i < 4 && rest.len; i++) {
        size_t end = 0;
        bool quoted = false;
        while (end < rest.len && (quoted || (rest.ptr[end] != ' ' && rest.ptr[end] != '\t')))
            quoted ^= rest.ptr[end++] == '"';
        words[i] = slice_first(rest, end);
        rest = slice_trim(slice_from(rest, end));
        after[i] = rest;
        bool is_modifier = i == 0 && (slice_equal_fold_str(words[0], "not") || slice_equal_fold_str(words[0], "/i"));
        if (is_modifier) {
            negate ^= slice_equal_fold_str(words[0], "not");
            i = SIZE_MAX; /* begin again */
        }
    }
    uint64_t number;
    size_t equals = words[0].len > 1 ? slice_find(words[0], '=') : SIZE_MAX;
    if (slice_equal_fold_str(words[0], "errorlevel") && slice_to_u64(words[1], 65535, &number) == 0) {
        *holds_out = (number == 0) != negate;
        *command = after[1];
        return 0;
    }
    if (equals != SIZE_MAX && slice_starts(slice_from(words[0], equals), SLICE_LITERAL("=="))) {
        *holds_out = slice_equal_fold(slice_first(words[0], equals), slice_from(words[0], equals + 2)) != negate;
        *command = after[0];
        return 0;
    }
    bool same = slice_equal_fold(words[0], words[2]);
    if (slice_equal_str(words[1], "==") || slice_equal_fold_str(words[1], "equ"))
        *holds_out = same != negate;
    else if (slice_equal_fold_str(words[1], "neq"))
        *holds_out = same == negate;
    else
        return ERR_UNSUPPORTED;
    *command = after[2];
    return 0;
}

static struct slice first_word(struct slice command)
{
    command = slice_trim(command);
    size_t end = 0;
    while (end < command.len && command.ptr[end] != ' ' && command.ptr[end] != '\t')
        end++;
    return slice_first(command, end);
}

static int run_command(struct run *r, struct slice command, FILE *in)
{
    bool holds = true;
    for (;;) {
        struct slice word = first_word(command);
        if (slice_equal_fold_str(word, "call"))
            command = slice_trim(slice_from(slice_trim(command), 4));
        else if (!slice_equal_fold_str(word, "if"))
            break;
        else if (read_condition(&command, &holds) != 0)
            return refuse(r, EXIT_UNSUPPORTED, command, "is not supported: IF compares texts and ERRORLEVEL only.");
        if (!holds)
            return EXIT_OK;
    }
    struct batch_args args = { 0 };
    int err = batch_args_split(command, &args), code = EXIT_OK;
    if (err)
        code = refuse(r, EXIT_BAD_PARAMETER, command, err_text(err));
    else if (args.argc > 0 && args.argv[0][0] != ':') {
        struct words w = { slice_trim(command), &args };
        code = do_command(r, &w, in);
    }
    batch_args_free(&args);
    return code;
}

/* Run one command with its output where the next one in a pipe reads it, or nowhere. */
static int run_into(struct run *r, struct slice command, FILE *in, bool is_quiet, char **piped_out)
{
    char *buffer = NULL;
    size_t len = 0;
    FILE *out = r->out, *memory = open_memstream(&buffer, &len);
    if (!memory)
        return 14;
    r->out = memory;
    int code = run_command(r, command, in);
    r->out = out;
    if (fclose(memory) != 0) {
        free(buffer);
        return 14;
    }
    if (code && buffer)
        fputs(buffer, out); /* an error is never swallowed */
    if (is_quiet || code || !piped_out) {
        free(buffer);
        return code;
    }
    *piped_out = buffer;
    return code;
}

static FILE *reader_of(const char *text)
{
    return text && text[0] ? fmemopen((char *)text, strlen(text), "r") : fopen("/dev/null", "r");
}

static int run_joined(struct run *r, struct slice line)
{
    struct batch_command command = { 0 };
    OWNED_TEXT piped = NULL;
    enum batch_join before = BATCH_THEN;
    int code = EXIT_OK;
    do {
        int err = batch_command_next(&line, &command);
        if (err) {
            code = refuse(r, EXIT_UNSUPPORTED, line, "is not supported: no blocks, and no redirection but to NUL.");
            break;
        }
        bool skip = (before == BATCH_AND && code) || (before == BATCH_OR && !code);
        if (before == BATCH_THEN && code)
            break;
        if (!skip) {
            FILE *in = before == BATCH_PIPE ? reader_of(piped) : r->c->in;
            bool is_captured = command.is_quiet || command.join == BATCH_PIPE;
            char *output = NULL;
            if (!in)
                code = 14;
            else if (is_captured)
                code = run_into(r, text_slice(&command.text), in, command.is_quiet, &output);
            else
                code = run_command(r, text_slice(&command.text), in);
            if (in && in != r->c->in)
                fclose(in);
            free(piped);
            piped = output;
        }
        if (code && (command.join == BATCH_PIPE || r->batch))
            break; /* with --atomic a failed command may have left half its edits: nothing may follow it */
        before = command.join;
    } while (before != BATCH_END && !r->is_over);
    text_free(&command.text);
    return code;
}

/* "C:\Windows\System32\inetsrv>appcmd ...": documents show what was typed behind the prompt. */
static struct slice without_prompt(struct slice line)
{
    struct slice s = slice_trim(line);
    size_t end = slice_find(s, '>');
    bool is_prompt = end != SIZE_MAX && end >= 3 && s.ptr[1] == ':' && s.ptr[2] == '\\' && !slice_has_byte(slice_first(s, end), '"');
    return is_prompt ? slice_from(s, end + 1) : line;
}

static int run_line(struct run *r, struct slice line)
{
    OWNED_TEXT_BUFFER expanded = { 0 };
    struct slice bad = SLICE_NONE;
    line = without_prompt(line);
    if (batch_is_comment(line))
        return EXIT_OK;
    int err = batch_expand(line, lookup, r, &expanded, &bad);
    if (err == ERR_NOT_FOUND)
        return refuse(r, 203, bad, "is not set: write a SET line, or give it in the environment.");
    if (err)
        return refuse(r, EXIT_UNSUPPORTED, bad, err == ERR_UNSUPPORTED ? "is not supported: only %NAME% is." : err_text(err));
    return run_joined(r, text_slice(&expanded));
}

static int run_lines(struct run *r, struct slice text)
{
    OWNED_TEXT_BUFFER line = { 0 };
    unsigned lines = 0;
    int code = EXIT_OK;
    while (!code && !r->is_over && batch_line(&text, &lines, &r->line, &line)) {
        code = run_line(r, text_slice(&line));
        if (code && !r->is_over)
            fprintf(r->out, "%s:%u: stopped with %d at: " SLICE_FMT "\n", r->file, r->line, code,
                    SLICE_ARG(without_secrets(slice_trim(text_slice(&line)))));
    }
    return code;
}

/* ---- the verb ---- */

static void run_free(struct run *r)
{
    for (size_t i = 0; i < r->variable_count; i++) {
        free(r->variables[i].name);
        free(r->variables[i].value);
    }
    free(r);
}

/* Everything is said when it is certain: what a command prints before the end would be a lie if a later one fails. */
static int run_atomic(struct run *r, struct slice text)
{
    struct cli_batch batch = { .is_atomic = true };
    OWNED_TEXT said = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&said, &len);
    if (!memory)
        return 14;
    r->batch = &batch;
    r->out = memory;
    int code = run_lines(r, text);
    if (!code)
        code = cli_batch_save(&batch, memory);
    if (code)
        fprintf(memory, "Nothing was changed: what the lines before did is undone.\n");
    bool whole = fclose(memory) == 0;
    fputs(said ? said : "", r->c->out);
    cli_batch_free(&batch);
    return code || whole ? code : 14;
}

int run_file(struct cli *c)
{
    OWNED_TEXT_BUFFER bytes = { 0 }, text = { 0 };
    OWNED_TEXT name = strndup(c->identifier.ptr, c->identifier.len);
    struct run *r = calloc(1, sizeof *r);
    int code = name && r ? cli_open(c) : 14;
    int err = code ? 0 : file_read(name, FILE_MAX, &bytes);
    if (!code && err)
        code = cli_failed(c, err == ERR_NOT_FOUND ? EXIT_NO_FILE : cli_exit_of(err), "Cannot read %s: %s", name, err_text(err));
    if (!code && batch_decode(text_slice(&bytes), &text) != 0)
        code = cli_failed(c, EXIT_BAD_DATA, "%s is no text: it holds NUL bytes or broken UTF-16.", name);
    if (!code) {
        r->c = c;
        r->file = name;
        r->out = c->out;
        code = cli_has(c, "atomic") ? run_atomic(r, text_slice(&text)) : run_lines(r, text_slice(&text));
    }
    if (r)
        run_free(r);
    return code;
}

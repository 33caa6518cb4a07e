/*
 * run.c - batch files carried out line by line.
 *
 * What Windows administrators keep are lists of appcmd lines with a few of cmd.exe's own commands around them.  With
 * --atomic all lines edit one configuration in memory, written at the end or not at all.
 */
#include "cli/run_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/write_all.h"
#include "cli/file.h"
#include "cli/table.h"

enum { FILE_MAX = 4 << 20 };

/* ---- lines ---- */

struct slice run_without_secrets(struct slice text)
{
    return slice_first(text, args_find_secret(text));
}

static struct slice first_line(struct slice text)
{
    text = slice_trim(text);
    return slice_first(text, slice_find(text, '\n'));
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

static void make_folder_of(const char *path)
{
    OWNED_TEXT folder = strndup(path, (size_t)(strrchr(path, '/') - path));
    if (folder && file_make_folders(folder, 0700) != 0)
        return;
}

/* "> file": what was printed, readable by its owner alone, for it may hold passwords of virtual directories. */
static int write_output(struct run *r, const struct batch_command *command, const char *printed)
{
    OWNED_TEXT_BUFFER path = { 0 };
    struct slice written = text_slice(&command->output);
    if (r->batch)
        return run_refuse(r, EXIT_UNSUPPORTED, written, "is a file, whose writing cannot be undone, so it has no place in --atomic.");
    if (run_file_path(r, written, &path) != 0)
        return run_refuse(r, 3, written, "is no file on a drive of this instance (sallyport/paths/drives).");
    if (slice_starts_fold(written, SLICE_LITERAL(RUN_TEMP "\\")))
        make_folder_of(text_str(&path)); /* which Windows always has; what is wrong with it, open tells */
    OWNED_FD fd = open(text_str(&path), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (command->appends ? O_APPEND : O_TRUNC), 0600);
    int err = fd >= 0 ? 0 : errno == ENOENT ? ERR_PATH : ERR_SYS;
    if (!err && printed && !write_all(fd, slice_str(printed)))
        err = errno == ENOSPC ? ERR_NO_SPACE : ERR_SYS;
    return err ? run_refuse(r, cli_exit_of(err), text_slice(&path), err == ERR_PATH ? "lies in no folder that is there." : "cannot be written.")
               : EXIT_OK;
}

/* "< file", what the command before printed, or where the batch file itself reads from. */
static FILE *open_input(struct run *r, const struct batch_command *command, bool is_piped, const char *piped)
{
    OWNED_TEXT_BUFFER path = { 0 };
    if (command->input.len)
        return run_file_path(r, text_slice(&command->input), &path) == 0 ? fopen(text_str(&path), "re") : NULL;
    return is_piped ? reader_of(piped) : r->c->in;
}

static int run_one(struct run *r, const struct batch_command *command, bool is_piped, char **piped)
{
    bool is_captured = command->is_quiet || command->join == BATCH_PIPE || command->output.len;
    struct slice text = text_slice(&command->text);
    char *output = NULL;
    FILE *in = open_input(r, command, is_piped, *piped);
    if (!in)
        return run_refuse(r, EXIT_NO_FILE, text_slice(&command->input), "cannot be read.");
    int code = is_captured ? run_into(r, text, in, command->is_quiet, &output) : run_command(r, text, in);
    if (in != r->c->in)
        fclose(in);
    if (!code && command->output.len) {
        code = write_output(r, command, output);
        free(output);
        output = NULL;
    }
    free(*piped);
    *piped = output;
    if (code)
        r->error_level = code; /* stays when || lets the run go on */
    return code;
}

/* What joins a block to the next command; only a sign may stand there. */
static enum batch_join join_behind_block(struct run *r, struct slice *line, int *code)
{
    struct batch_command none = { 0 };
    int err = batch_command_next(line, &none);
    bool clean = !err && slice_trim(text_slice(&none.text)).len == 0 && none.join != BATCH_PIPE && !none.is_quiet &&
                 !none.input.len && !none.output.len;
    if (!clean && !*code)
        *code = run_refuse(r, EXIT_UNSUPPORTED, text_slice(&none.text), "has no place behind a block.");
    batch_command_free(&none);
    if (*code && r->batch)
        return BATCH_END; /* with --atomic nothing follows a failure */
    return clean ? none.join : BATCH_END;
}

int run_joined(struct run *r, struct slice line)
{
    struct batch_command command = { 0 };
    OWNED_TEXT piped = NULL;
    enum batch_join before = BATCH_THEN;
    int code = EXIT_OK;
    do {
        bool skip = (before == BATCH_AND && code) || (before == BATCH_OR && !code);
        if (before == BATCH_THEN && code)
            break;
        if (before != BATCH_PIPE && run_flow(r, &line, skip, &code)) {
            before = join_behind_block(r, &line, &code);
            continue;
        }
        int err = batch_command_next(&line, &command);
        if (err) {
            code = run_refuse(r, EXIT_UNSUPPORTED, line, "is not supported here: no redirection of errors alone, no block in a pipe.");
            break;
        }
        if (!skip)
            code = run_one(r, &command, before == BATCH_PIPE, &piped);
        if (code && (command.join == BATCH_PIPE || r->batch))
            break; /* with --atomic a failed command may have left half its edits: nothing may follow it */
        before = command.join;
    } while (before != BATCH_END && !r->is_over);
    batch_command_free(&command);
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

/* "!NAME!" outside of what is a sentence: "Hello! Bye!" names nothing. */
static struct slice find_delayed(struct slice line)
{
    for (size_t from = slice_find(line, '!'); from != SIZE_MAX;) {
        struct slice rest = slice_from(line, from + 1);
        size_t len = slice_find(rest, '!');
        if (len == SIZE_MAX)
            break;
        struct slice name = slice_first(rest, len);
        if (len > 0 && !slice_has_byte(name, ' ') && !slice_has_byte(name, '"'))
            return slice_of(name.ptr - 1, len + 2);
        from += len + 1;
    }
    return SLICE_NONE;
}

static int run_line(struct run *r, struct slice line)
{
    OWNED_TEXT_BUFFER expanded = { 0 };
    struct slice bad = SLICE_NONE;
    line = without_prompt(line);
    if (batch_is_comment(line))
        return EXIT_OK;
    if (r->is_delayed && find_delayed(line).len)
        return run_refuse(r, EXIT_UNSUPPORTED, find_delayed(line), "is not supported: write %NAME%, which has the value from before its line or block.");
    int err = batch_expand(line, run_variable_lookup, r, &expanded, &bad);
    if (err == ERR_NOT_FOUND)
        return run_refuse(r, EXIT_NO_VARIABLE, bad, "is not set: write a SET line, or give it in the environment.");
    if (err)
        return run_refuse(r, EXIT_UNSUPPORTED, bad, err == ERR_UNSUPPORTED ? "is not supported: only %NAME% is." : err_text(err));
    return run_joined(r, text_slice(&expanded));
}

/* A block goes on over lines, which are carried out together. */
static void read_block(struct slice *text, unsigned *lines, struct text *line)
{
    OWNED_TEXT_BUFFER more = { 0 };
    unsigned ignored;
    if (batch_is_comment(text_slice(line)))
        return;
    while (run_flow_is_open(text_slice(line)) && batch_line(text, lines, &ignored, &more))
        if (!batch_is_comment(text_slice(&more)))
            text_addf(line, "\n%s", text_str(&more));
}

/* Behind the label.  Forward only: a jump back might go on for ever, and FOR does what loops are written for. */
static int go_to(struct run *r, struct slice *text, unsigned *lines)
{
    struct slice label = slice_str(r->label), rest = *text;
    unsigned number = *lines;
    while (rest.ptr) {
        struct slice line = slice_trim(slice_cut(&rest, '\n'));
        number++;
        if (!slice_starts(line, SLICE_LITERAL(":")) || !slice_equal_fold(run_first_word(slice_from(line, 1)), label))
            continue;
        *text = rest;
        *lines = number;
        r->is_over = false;
        r->label[0] = 0;
        return EXIT_OK;
    }
    return run_refuse(r, EXIT_UNSUPPORTED, label, "is no label below this line; GOTO leads forward only.");
}

static int run_lines(struct run *r, struct slice text)
{
    OWNED_TEXT_BUFFER line = { 0 };
    unsigned lines = 0;
    int code = EXIT_OK;
    while (!code && !r->is_over && batch_line(&text, &lines, &r->line, &line)) {
        read_block(&text, &lines, &line);
        code = run_line(r, text_slice(&line));
        bool is_asked_for = code && r->is_over; /* exit with a number */
        if (!code && r->label[0])
            code = go_to(r, &text, &lines);
        if (code && !is_asked_for)
            fprintf(r->out, "%s:%u: stopped with %d at: " SLICE_FMT "\n", r->file, r->line, code,
                    SLICE_ARG(run_without_secrets(first_line(text_slice(&line)))));
    }
    return code;
}

/* ---- the verb ---- */

/* What the service refused before a line that went on all the same (a list, "||") is refused still, unless a later one mended it. */
static int run_each(struct run *r, struct slice text)
{
    r->each.writes_each = true;
    r->each.told = r->told;
    int code = run_lines(r, text);
    (void)!cli_batch_take_over(&r->each);
    int verdict = r->each.verdict;
    cli_batch_free(&r->each);
    return code ? code : verdict;
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
    r->out = r->told = batch.told = memory;
    int code = run_lines(r, text);
    if (!code)
        code = cli_batch_save(&batch, memory);
    if (code)
        fprintf(memory, "Nothing was changed: what the lines before did is undone.\n");
    else
        code = cli_batch_take_over(&batch);
    bool whole = fclose(memory) == 0;
    fputs(said ? said : "", r->c->out);
    cli_batch_free(&batch);
    r->batch = NULL;
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
        r->out = r->told = c->out;
        code = cli_has(c, "atomic") ? run_atomic(r, text_slice(&text)) : run_each(r, text_slice(&text));
    }
    if (r)
        run_variables_free(r);
    free(r);
    return code;
}

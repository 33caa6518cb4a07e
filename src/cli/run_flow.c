/*
 * run_flow.c - IF, FOR and blocks in parentheses.
 *
 * A block over several lines is one line to cmd.exe, with & where the lines break, so it is one here.  IF takes all that
 * follows it on the line, ELSE only behind a block.  FOR goes through the words of its list or, with /L, counts.
 */
#include "cli/run_priv.h"

#include <stdlib.h>

struct slice run_first_word(struct slice command)
{
    command = slice_trim(command);
    size_t end = 0;
    while (end < command.len && command.ptr[end] != ' ' && command.ptr[end] != '\t' && command.ptr[end] != '(')
        end++;
    return slice_first(command, end);
}

static struct slice skip_at(struct slice line)
{
    line = slice_trim(line);
    while (line.len && line.ptr[0] == '@')
        line = slice_trim(slice_from(line, 1));
    return line;
}

static bool starts_flow(struct slice line)
{
    struct slice word = run_first_word(line);
    return (line.len && line.ptr[0] == '(') || slice_equal_fold_str(word, "if") || slice_equal_fold_str(word, "for");
}

/* Length up to and with the parenthesis that closes the one at the start; 0 when none does. */
static size_t block_length(struct slice s)
{
    bool quoted = false;
    long depth = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == '^')
            i++;
        else if (!quoted && c == '(')
            depth++;
        else if (!quoted && c == ')' && --depth == 0)
            return i + 1;
    }
    return 0;
}

bool run_flow_is_open(struct slice line)
{
    line = skip_at(line);
    if (!starts_flow(line))
        return false;
    size_t open = slice_find(line, '(');
    for (struct slice rest = slice_from(line, open == SIZE_MAX ? line.len : open); rest.len;) {
        size_t len = block_length(rest);
        if (len == 0)
            return true;
        rest = slice_from(rest, len);
        open = slice_find(rest, '(');
        rest = slice_from(rest, open == SIZE_MAX ? rest.len : open);
    }
    return false;
}

/* ---- if ---- */

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

/* The block at the start of *rest, without its parentheses; *rest goes behind it. */
static bool take_block(struct slice *rest, struct slice *inside_out)
{
    size_t len = rest->len && rest->ptr[0] == '(' ? block_length(*rest) : 0;
    if (len == 0)
        return false;
    *inside_out = slice_of(rest->ptr + 1, len - 2);
    *rest = slice_trim(slice_from(*rest, len));
    return true;
}

static int run_if(struct run *r, struct slice *line)
{
    bool holds = false;
    struct slice body = *line, then, otherwise;
    if (read_condition(&body, &holds) != 0)
        return run_refuse(r, EXIT_UNSUPPORTED, *line, "is not supported: IF compares texts and ERRORLEVEL only.");
    *line = slice_from(*line, line->len);
    if (!take_block(&body, &then))
        return holds ? run_joined(r, body) : EXIT_OK;
    if (!slice_equal_fold_str(run_first_word(body), "else")) {
        *line = body;
        return holds ? run_joined(r, then) : EXIT_OK;
    }
    otherwise = slice_trim(slice_from(body, 4));
    if (holds)
        return run_joined(r, then);
    return run_joined(r, otherwise);
}

/* ---- for ---- */

struct loop {
    char name;
    bool counts; /* /L */
    struct slice list, body;
};

/* "for %x in (a b) do body"; the doubled sign is single after the replacement of variables. */
static int read_loop(struct slice line, struct loop *loop_out)
{
    struct slice rest = slice_trim(slice_from(line, 3));
    loop_out->counts = slice_equal_fold_str(run_first_word(rest), "/l");
    if (loop_out->counts)
        rest = slice_trim(slice_from(rest, 2));
    if (rest.len < 3 || rest.ptr[0] != '%' || (rest.ptr[2] != ' ' && rest.ptr[2] != '\t'))
        return ERR_UNSUPPORTED;
    loop_out->name = rest.ptr[1];
    rest = slice_trim(slice_from(rest, 2));
    if (!slice_equal_fold_str(run_first_word(rest), "in"))
        return ERR_UNSUPPORTED;
    rest = slice_trim(slice_from(rest, 2));
    if (!take_block(&rest, &loop_out->list) || !slice_equal_fold_str(run_first_word(rest), "do"))
        return ERR_UNSUPPORTED;
    loop_out->body = slice_trim(slice_from(rest, 2));
    return slice_has_byte(loop_out->list, '*') || slice_has_byte(loop_out->list, '?') ? ERR_UNSUPPORTED : 0;
}

/* The body with %x and %~x replaced; ~ takes the quotes off. */
static int run_body(struct run *r, const struct loop *loop, struct slice item)
{
    OWNED_TEXT_BUFFER body = { 0 };
    bool quoted = item.len > 1 && item.ptr[0] == '"' && item.ptr[item.len - 1] == '"';
    struct slice plain = quoted ? slice_of(item.ptr + 1, item.len - 2) : item;
    for (size_t i = 0; i < loop->body.len; i++) {
        struct slice rest = slice_from(loop->body, i);
        bool bare = rest.ptr[0] == '%' && rest.len > 2 && rest.ptr[1] == '~' && rest.ptr[2] == loop->name;
        if (bare || (rest.ptr[0] == '%' && rest.len > 1 && rest.ptr[1] == loop->name)) {
            text_add(&body, bare ? plain : item);
            i += bare ? 2 : 1;
        } else {
            text_add_char(&body, rest.ptr[0]);
        }
    }
    return text_error(&body) ? 14 : run_joined(r, text_slice(&body));
}

static int count(struct run *r, const struct loop *loop)
{
    int64_t number[3];
    struct slice rest = loop->list;
    int code = EXIT_OK;
    for (size_t i = 0; i < 3; i++)
        if (slice_to_i64(slice_trim(slice_cut(&rest, ',')), -1000000, 1000000, &number[i]) != 0)
            return run_refuse(r, EXIT_BAD_PARAMETER, loop->list, "is no row of numbers: start, step, end.");
    if (number[1] == 0)
        return run_refuse(r, EXIT_BAD_PARAMETER, loop->list, "never ends.");
    for (int64_t i = number[0]; !code && !r->is_over && (number[1] > 0 ? i <= number[2] : i >= number[2]); i += number[1]) {
        char item[24];
        snprintf(item, sizeof item, "%lld", (long long)i);
        code = run_body(r, loop, slice_str(item));
    }
    return code;
}

static int run_for(struct run *r, struct slice *line)
{
    struct loop loop;
    int code = EXIT_OK;
    if (read_loop(*line, &loop) != 0)
        return run_refuse(r, EXIT_UNSUPPORTED, *line, "is not supported: FOR goes through words, or numbers with /L.");
    *line = slice_from(*line, line->len);
    if (loop.counts)
        return count(r, &loop);
    for (struct slice rest = slice_trim(loop.list); !code && !r->is_over && rest.len;) {
        bool quoted = false;
        size_t end = 0;
        while (end < rest.len && (quoted || !strchr(" \t,;=", rest.ptr[end])))
            quoted ^= rest.ptr[end++] == '"';
        if (end > 0)
            code = run_body(r, &loop, slice_first(rest, end));
        rest = slice_from(rest, end > 0 ? end : 1);
    }
    return code;
}

bool run_flow(struct run *r, struct slice *line, int *code_out)
{
    struct slice rest = skip_at(*line), inside;
    if (!starts_flow(rest))
        return false;
    if (r->depth == RUN_DEPTH) {
        *code_out = run_refuse(r, EXIT_UNSUPPORTED, rest, "is nested too deep.");
        return true;
    }
    r->depth++;
    if (slice_equal_fold_str(run_first_word(rest), "if"))
        *code_out = run_if(r, &rest);
    else if (slice_equal_fold_str(run_first_word(rest), "for"))
        *code_out = run_for(r, &rest);
    else if (take_block(&rest, &inside))
        *code_out = run_joined(r, inside);
    else
        *code_out = run_refuse(r, EXIT_BAD_PARAMETER, rest, "is a block that nothing closes.");
    r->depth--;
    *line = rest;
    return true;
}

/*
 * run_flow.c - IF and blocks in parentheses.
 *
 * A block over several lines comes as one text with its line breaks: IF and FOR take all that follows them on their line,
 * blocks in it included, and ELSE stands only behind a block.
 */
#include "cli/run_priv.h"

#include <strings.h>

struct slice run_first_word(struct slice command)
{
    command = slice_trim(command);
    size_t end = 0;
    while (end < command.len && command.ptr[end] != ' ' && command.ptr[end] != '\t' && command.ptr[end] != '\n' &&
           command.ptr[end] != '(')
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
        else if (c == '\n')
            quoted = false;
        else if (!quoted && c == '^')
            i++;
        else if (!quoted && c == '(')
            depth++;
        else if (!quoted && c == ')' && --depth == 0)
            return i + 1;
    }
    return 0;
}

/* Up to the end of the line on which its last block ends. */
static size_t statement_length(struct slice s)
{
    bool quoted = false;
    long depth = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '\n' && depth <= 0)
            return i;
        if (c == '"')
            quoted = !quoted;
        else if (c == '\n')
            quoted = false;
        else if (!quoted && c == '^')
            i++;
        else if (!quoted)
            depth += (c == '(') - (c == ')');
    }
    return s.len;
}

/* The first IF, FOR or block of the line, from its start or behind a sign that joins commands. */
static struct slice find_flow(struct slice line)
{
    bool quoted = false, begins = true;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (begins && c != ' ' && c != '\t' && c != '@' && starts_flow(slice_from(line, i)))
            return slice_from(line, i);
        if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == '^')
            i++;
        begins = !quoted && (c == '&' || c == '|' || (begins && (c == ' ' || c == '\t' || c == '@')));
    }
    return SLICE_NONE;
}

bool run_flow_is_open(struct slice line)
{
    line = find_flow(line);
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

struct condition {
    struct slice words[3];
    struct slice behind[3]; /* what follows each of them on the line */
    bool is_negated, ignores_case;
};

struct slice run_without_quotes(struct slice s)
{
    bool quoted = s.len > 1 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"';
    return quoted ? slice_of(s.ptr + 1, s.len - 2) : s;
}

static struct condition split_condition(struct slice rest)
{
    struct condition c = { 0 };
    for (size_t i = 0; i < 3 && rest.len;) {
        size_t end = 0;
        bool quoted = false;
        while (end < rest.len && (quoted || (rest.ptr[end] != ' ' && rest.ptr[end] != '\t')))
            quoted ^= rest.ptr[end++] == '"';
        c.words[i] = slice_first(rest, end);
        c.behind[i] = rest = slice_trim(slice_from(rest, end));
        bool negates = slice_equal_fold_str(c.words[i], "not"), folds = slice_equal_fold_str(c.words[i], "/i");
        if (i == 0 && (negates || folds)) { /* not yet the first word */
            c.is_negated ^= negates;
            c.ignores_case |= folds;
        } else {
            i++;
        }
    }
    return c;
}

/* Numbers as numbers where both are, else texts, as cmd.exe does: in the order of a dictionary, where "a" stands before "A". */
static int compare(const struct condition *c)
{
    struct slice a = c->words[0], b = c->words[2];
    int64_t x, y;
    if (slice_to_i64(a, INT32_MIN, INT32_MAX, &x) == 0 && slice_to_i64(b, INT32_MIN, INT32_MAX, &y) == 0)
        return (x > y) - (x < y);
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? strncasecmp(a.ptr, b.ptr, len) : 0;
    if (!order)
        order = (a.len > b.len) - (a.len < b.len);
    return order || c->ignores_case || !len ? order : memcmp(b.ptr, a.ptr, len);
}

static bool holds_order(const struct condition *c, bool *holds_out)
{
    static const struct {
        const char *word;
        bool less, equal, more;
    } orders[] = {
        { "==", false, true, false },  { "equ", false, true, false }, { "neq", true, false, true }, { "lss", true, false, false },
        { "leq", true, true, false }, { "gtr", false, false, true }, { "geq", false, true, true },
    };
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        if (slice_equal_fold_str(c->words[1], orders[i].word)) {
            int order = compare(c);
            *holds_out = order < 0 ? orders[i].less : order > 0 ? orders[i].more : orders[i].equal;
            return true;
        }
    return false;
}

static bool is_defined(struct run *r, struct slice name)
{
    OWNED_TEXT_BUFFER value = { 0 };
    return run_variable_lookup(r, name, &value) && value.len > 0;
}

/* "if errorlevel 1 x", "if %errorlevel% neq 0 x", "if not "a"=="b" x": *holds_out says whether x is to be run; the
 * command is cut down to x.  ERR_UNSUPPORTED: no condition that is known; ERR_PATH: a file that cannot be looked for. */
static int read_condition(struct run *r, struct slice *command, bool *holds_out)
{
    struct condition c = split_condition(slice_trim(slice_from(slice_trim(*command), 2)));
    struct slice first = c.words[0];
    size_t equals = first.len > 1 ? slice_find(first, '=') : SIZE_MAX, used = 2;
    bool holds = false;
    uint64_t number;
    int err = 0;
    if (slice_equal_fold_str(first, "errorlevel") && slice_to_u64(c.words[1], 65535, &number) == 0)
        holds = r->error_level >= (int)number;
    else if (slice_equal_fold_str(first, "exist"))
        err = run_exists(r, run_without_quotes(c.words[1]), &holds);
    else if (slice_equal_fold_str(first, "defined"))
        holds = is_defined(r, c.words[1]);
    else if (equals != SIZE_MAX && slice_starts(slice_from(first, equals), SLICE_LITERAL("=="))) {
        struct slice left = slice_first(first, equals), right = slice_from(first, equals + 2);
        holds = c.ignores_case ? slice_equal_fold(left, right) : slice_equal(left, right);
        used = 1;
    } else if (holds_order(&c, &holds))
        used = 3;
    else
        err = ERR_UNSUPPORTED;
    if (err)
        return err;
    *holds_out = holds != c.is_negated;
    *command = c.behind[used - 1];
    return 0;
}

bool run_take_block(struct slice *rest, struct slice *inside_out)
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
    int err = read_condition(r, &body, &holds);
    if (err == ERR_PATH)
        return run_refuse(r, 3, *line, "asks for a file that is on no drive of this instance (sallyport/paths/drives).");
    if (err)
        return run_refuse(r, EXIT_UNSUPPORTED, *line, "is not supported: IF compares texts, numbers and ERRORLEVEL, and knows EXIST "
                          "and DEFINED.");
    *line = slice_from(*line, line->len);
    if (!run_take_block(&body, &then))
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

/* ---- all three ---- */

static void run_statement(struct run *r, struct slice *rest, int *code_out)
{
    struct slice inside;
    if (r->depth == RUN_DEPTH) {
        *code_out = run_refuse(r, EXIT_UNSUPPORTED, *rest, "is nested too deep.");
        return;
    }
    r->depth++;
    if (slice_equal_fold_str(run_first_word(*rest), "if"))
        *code_out = run_if(r, rest);
    else if (slice_equal_fold_str(run_first_word(*rest), "for"))
        *code_out = run_for(r, rest);
    else if (run_take_block(rest, &inside))
        *code_out = run_joined(r, inside);
    else
        *code_out = run_refuse(r, EXIT_BAD_PARAMETER, *rest, "is a block that nothing closes.");
    r->depth--;
}

bool run_flow(struct run *r, struct slice *line, bool is_skipped, int *code_out)
{
    struct slice rest = skip_at(*line), inside;
    if (!starts_flow(rest))
        return false;
    struct slice statement = slice_first(rest, statement_length(rest));
    if (!is_skipped)
        run_statement(r, &statement, code_out);
    else if (!run_take_block(&statement, &inside))
        statement = slice_from(statement, statement.len); /* all of an IF or FOR */
    *line = slice_of(statement.ptr, (size_t)(rest.ptr + rest.len - statement.ptr));
    return true;
}

/*
 * run_for.c - FOR: over words, over numbers with /L, over the lines that a command prints or over one text with /F.
 *
 * /F is how batch files go through all sites: FOR /F "tokens=*" %%s IN ('appcmd list site /text:name') DO ...  Options
 * are cmd.exe's (tokens, delims, skip, eol, usebackq); a file as the source is refused.
 */
#include "cli/run_priv.h"

#include <stdlib.h>

#include "base/own.h"

enum { VALUES_MAX = 9 };

struct loop {
    char name; /* of the first variable; those of more tokens follow in the alphabet */
    bool counts, reads; /* /L, /F */
    struct slice options, list, body;
};

/* The option of /F in quotes, if there is one. */
static struct slice take_options(struct slice *rest)
{
    if (rest->len == 0 || rest->ptr[0] != '"')
        return SLICE_NONE;
    struct slice options = slice_from(*rest, 1);
    options = slice_first(options, slice_find(options, '"'));
    *rest = slice_trim(slice_from(*rest, options.len + 2));
    return options;
}

/* "for %x in (a b) do body"; the doubled sign is single after the replacement of variables. */
static int read_loop(struct slice line, struct loop *loop_out)
{
    struct slice rest = slice_trim(slice_from(line, 3));
    *loop_out = (struct loop){ .counts = slice_equal_fold_str(run_first_word(rest), "/l"),
                               .reads = slice_equal_fold_str(run_first_word(rest), "/f") };
    if (loop_out->counts || loop_out->reads)
        rest = slice_trim(slice_from(rest, 2));
    if (loop_out->reads)
        loop_out->options = take_options(&rest);
    if (rest.len < 3 || rest.ptr[0] != '%' || (rest.ptr[2] != ' ' && rest.ptr[2] != '\t'))
        return ERR_UNSUPPORTED;
    loop_out->name = rest.ptr[1];
    rest = slice_trim(slice_from(rest, 2));
    if (!slice_equal_fold_str(run_first_word(rest), "in"))
        return ERR_UNSUPPORTED;
    rest = slice_trim(slice_from(rest, 2));
    if (!run_take_block(&rest, &loop_out->list) || !slice_equal_fold_str(run_first_word(rest), "do"))
        return ERR_UNSUPPORTED;
    loop_out->body = slice_trim(slice_from(rest, 2));
    bool has_pattern = slice_has_byte(loop_out->list, '*') || slice_has_byte(loop_out->list, '?');
    return has_pattern && !loop_out->reads ? ERR_UNSUPPORTED : 0;
}

/* The body with %x and %~x replaced, %y and so on where there are more values; ~ takes the quotes off. */
static int run_body(struct run *r, const struct loop *loop, const struct slice *values, size_t count)
{
    OWNED_TEXT_BUFFER body = { 0 };
    for (size_t i = 0; i < loop->body.len; i++) {
        struct slice rest = slice_from(loop->body, i);
        size_t sign = rest.ptr[0] != '%' ? 0 : rest.len > 2 && rest.ptr[1] == '~' ? 2 : 1;
        size_t which = sign && rest.len > sign ? (size_t)(unsigned char)rest.ptr[sign] - (unsigned char)loop->name : count;
        if (which >= count) { /* also a letter before the first */
            text_add_char(&body, rest.ptr[0]);
            continue;
        }
        text_add(&body, sign == 2 ? run_without_quotes(values[which]) : values[which]);
        i += sign;
    }
    return text_error(&body) ? 14 : run_joined(r, text_slice(&body));
}

/* ---- /L ---- */

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
        const struct slice value = slice_str(item);
        code = run_body(r, loop, &value, 1);
    }
    return code;
}

/* ---- /F ---- */

struct reading {
    struct slice delims;
    uint64_t skip;
    char eol;
    bool is_backquoted;
    bool takes[32], takes_rest; /* tokens=1,3* */
    size_t last;   /* the number of the last token before "*" */
    size_t wanted; /* values, the rest included; those that a line does not have are empty */
};

static int read_tokens(struct slice list, struct reading *o)
{
    memset(o->takes, 0, sizeof o->takes);
    o->takes_rest = slice_ends(list, SLICE_LITERAL("*"));
    o->last = 0;
    o->wanted = o->takes_rest;
    list.len -= o->takes_rest;
    for (struct slice rest = list; rest.ptr && rest.len;) {
        struct slice to = slice_cut(&rest, ','), from = slice_cut(&to, '-');
        uint64_t a, b;
        if (slice_to_u64(from, 31, &a) != 0 || a == 0 || slice_to_u64(to.ptr ? to : from, 31, &b) != 0)
            return ERR_SYNTAX;
        for (uint64_t i = a; i <= b; i++) {
            o->wanted += !o->takes[i];
            o->takes[i] = true;
        }
        o->last = b > o->last ? b : o->last;
    }
    return o->wanted > 0 && o->wanted <= VALUES_MAX ? 0 : ERR_LIMIT;
}

/* delims= is the last option and may name the blank, so it goes up to the end. */
static int read_options(struct slice text, struct reading *o)
{
    *o = (struct reading){ .delims = SLICE_LITERAL(" \t"), .eol = ';', .takes = { [1] = true }, .last = 1, .wanted = 1 };
    for (struct slice rest = text; rest.len;) {
        if (rest.ptr[0] == ' ') {
            rest = slice_from(rest, 1);
            continue;
        }
        size_t blank = slice_find(rest, ' ');
        struct slice option = slice_first(rest, blank);
        if (slice_starts_fold(rest, SLICE_LITERAL("delims="))) {
            struct slice behind = blank == SIZE_MAX ? SLICE_LITERAL("") : slice_from(rest, blank);
            bool is_last = !slice_has_byte(behind, '=') && !slice_equal_fold_str(slice_trim(behind), "usebackq");
            if (is_last)
                option = rest;
            o->delims = slice_from(option, sizeof("delims=") - 1);
        } else if (slice_starts_fold(option, SLICE_LITERAL("tokens="))) {
            if (read_tokens(slice_from(option, sizeof("tokens=") - 1), o) != 0)
                return ERR_UNSUPPORTED;
        } else if (slice_starts_fold(option, SLICE_LITERAL("skip="))) {
            if (slice_to_u64(slice_from(option, sizeof("skip=") - 1), 1000000, &o->skip) != 0)
                return ERR_UNSUPPORTED;
        } else if (slice_starts_fold(option, SLICE_LITERAL("eol="))) {
            o->eol = option.len > 4 ? option.ptr[4] : 0;
        } else if (slice_equal_fold_str(option, "usebackq")) {
            o->is_backquoted = true;
        } else {
            return ERR_UNSUPPORTED;
        }
        rest = slice_from(rest, option.len);
    }
    return 0;
}

static bool is_delimiter(const struct reading *o, char c)
{
    return slice_has_byte(o->delims, c);
}

static int run_line_of(struct run *r, const struct loop *loop, const struct reading *o, struct slice line)
{
    struct slice values[VALUES_MAX] = { 0 };
    size_t count = 0, number = 0;
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (line.len == 0 || line.ptr[0] == o->eol)
        return EXIT_OK;
    for (;;) {
        size_t end = 0;
        while (line.len && is_delimiter(o, line.ptr[0]))
            line = slice_from(line, 1);
        if (number >= o->last || line.len == 0)
            break;
        while (end < line.len && !is_delimiter(o, line.ptr[end]))
            end++;
        if (o->takes[++number])
            values[count++] = slice_first(line, end);
        line = slice_from(line, end);
    }
    if (o->takes_rest)
        values[count++] = line;
    return count && values[0].len ? run_body(r, loop, values, o->wanted) : EXIT_OK;
}

/* What a command prints; the carets that cmd.exe takes off when it reads the FOR line are taken off. */
static int print_of(struct run *r, struct slice command, char **printed_out)
{
    OWNED_TEXT_BUFFER plain = { 0 };
    bool quoted = false;
    size_t len = 0;
    for (size_t i = 0; i < command.len; i++) {
        quoted ^= command.ptr[i] == '"';
        if (command.ptr[i] != '^' || quoted || i + 1 == command.len)
            text_add_char(&plain, command.ptr[i]);
        else
            text_add_char(&plain, command.ptr[++i]);
    }
    FILE *out = r->out, *memory = text_error(&plain) ? NULL : open_memstream(printed_out, &len);
    if (!memory)
        return 14;
    r->out = memory;
    int code = run_joined(r, text_slice(&plain));
    r->out = out;
    if (fclose(memory) != 0)
        return 14;
    if (code)
        fputs(*printed_out, out); /* the error */
    return code;
}

static int read_lines(struct run *r, const struct loop *loop)
{
    struct reading o;
    struct slice list = slice_trim(loop->list), inside = list.len > 1 ? slice_of(list.ptr + 1, list.len - 2) : list;
    OWNED_TEXT printed = NULL;
    int code = EXIT_OK;
    if (read_options(loop->options, &o) != 0)
        return run_refuse(r, EXIT_UNSUPPORTED, loop->options, "are no options of FOR /F that are known: tokens, delims, skip, eol, usebackq.");
    char sign = list.len > 1 && list.ptr[0] == list.ptr[list.len - 1] ? list.ptr[0] : 0;
    bool is_command = sign == (o.is_backquoted ? '`' : '\''), is_text = sign == (o.is_backquoted ? '\'' : '"');
    if (!is_command && !is_text)
        return run_refuse(r, EXIT_UNSUPPORTED, list, "is not supported: FOR /F reads what a command prints, or a text in quotes.");
    if (is_command)
        code = print_of(r, inside, &printed);
    for (struct slice rest = is_command ? slice_str(printed ? printed : "") : inside; !code && !r->is_over && rest.ptr;) {
        struct slice line = slice_cut(&rest, '\n');
        if (o.skip)
            o.skip--;
        else
            code = run_line_of(r, loop, &o, line);
    }
    return code;
}

/* ---- all ---- */

int run_for(struct run *r, struct slice *line)
{
    struct loop loop;
    int code = EXIT_OK;
    if (read_loop(*line, &loop) != 0)
        return run_refuse(r, EXIT_UNSUPPORTED, *line, "is not supported: FOR goes through words, numbers with /L, or what a command "
                          "prints with /F.");
    *line = slice_from(*line, line->len);
    if (loop.counts)
        return count(r, &loop);
    if (loop.reads)
        return read_lines(r, &loop);
    for (struct slice rest = slice_trim(loop.list); !code && !r->is_over && rest.len;) {
        bool quoted = false;
        size_t end = 0;
        while (end < rest.len && (quoted || !strchr(" \t\n,;=", rest.ptr[end])))
            quoted ^= rest.ptr[end++] == '"';
        const struct slice word = slice_first(rest, end);
        if (end > 0)
            code = run_body(r, &loop, &word, 1);
        rest = slice_from(rest, end > 0 ? end : 1);
    }
    return code;
}

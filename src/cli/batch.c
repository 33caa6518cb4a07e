/*
 * batch.c - reading batch files.
 *
 * A folder written as "C:\depot\" leaves its quote open on Windows, for \" is a literal quote there; a command whose
 * last quote stays open is therefore read once more with a backslash that protects nothing before a closing quote.
 */
#include "cli/batch.h"

#include <stdlib.h>

#include "base/utf16.h"

/* ---- bytes ---- */

/* A NUL would end every text made of it. */
static int decode_utf16(struct slice bytes, bool is_big_endian, struct text *out)
{
    int err = utf8_from_utf16(bytes, is_big_endian, out);
    return !err && slice_has_byte(text_slice(out), 0) ? ERR_SYNTAX : err;
}

/* 0x80..0x9f of Windows-1252; the rest is Latin-1. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d, 0x017d, 0x8f,
    0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
};

int batch_decode(struct slice bytes, struct text *out)
{
    if (slice_starts(bytes, SLICE_LITERAL("\xff\xfe")))
        return decode_utf16(slice_from(bytes, 2), false, out);
    if (slice_starts(bytes, SLICE_LITERAL("\xfe\xff")))
        return decode_utf16(slice_from(bytes, 2), true, out);
    if (slice_starts(bytes, SLICE_LITERAL("\xef\xbb\xbf")))
        bytes = slice_from(bytes, 3);
    if (slice_has_byte(bytes, 0))
        return ERR_SYNTAX;
    if (slice_is_utf8(bytes)) {
        text_add(out, bytes);
        return text_error(out);
    }
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char b = (unsigned char)bytes.ptr[i];
        utf8_add(out, b >= 0x80 && b < 0xa0 ? windows_1252[b - 0x80] : b);
    }
    return text_error(out);
}

/* ---- lines ---- */

static struct slice without_return(struct slice line)
{
    while (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Whether a "^" at the end stands outside of quotes and is not protected itself. */
static bool is_continued(struct slice line)
{
    bool quoted = false;
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '"')
            quoted = !quoted;
        else if (line.ptr[i] == '^' && !quoted && ++i == line.len)
            return true;
    }
    return false;
}

bool batch_line(struct slice *rest, unsigned *number, unsigned *first_out, struct text *out)
{
    text_reset(out);
    *first_out = *number + 1;
    if (!rest->ptr || (rest->len == 0 && *number > 0))
        return false;
    while (rest->ptr) {
        struct slice line = without_return(slice_cut(rest, '\n'));
        ++*number;
        if (!is_continued(line) || batch_is_comment(line)) {
            text_add(out, line);
            break;
        }
        text_add(out, slice_first(line, line.len - 1));
    }
    return true;
}

static struct slice skip_blanks(struct slice s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = slice_from(s, 1);
    return s;
}

bool batch_is_comment(struct slice line)
{
    line = skip_blanks(line);
    while (line.len && line.ptr[0] == '@')
        line = skip_blanks(slice_from(line, 1));
    if (line.len == 0 || slice_starts(line, SLICE_LITERAL("::")))
        return true;
    return slice_starts_fold(line, SLICE_LITERAL("rem")) &&
           (line.len == 3 || line.ptr[3] == ' ' || line.ptr[3] == '\t' || line.ptr[3] == '.');
}

/* ---- variables ---- */

static bool is_name(struct slice name)
{
    static const char taken[] = ":~*<>|&^\"/\\[]'=";
    for (size_t i = 0; i < name.len; i++)
        if (strchr(taken, name.ptr[i]))
            return false;
    return name.len > 0;
}

int batch_expand(struct slice line, batch_lookup *lookup, void *context, struct text *out, struct slice *bad_out)
{
    while (line.len) {
        size_t percent = slice_find(line, '%');
        text_add(out, slice_first(line, percent));
        if (percent == SIZE_MAX)
            break;
        line = slice_from(line, percent + 1);
        if (line.len && line.ptr[0] == '%') {
            text_add_char(out, '%');
            line = slice_from(line, 1);
            continue;
        }
        if (line.len && ((line.ptr[0] >= '0' && line.ptr[0] <= '9') || line.ptr[0] == '*' || line.ptr[0] == '~')) {
            size_t len = line.ptr[0] == '~' ? 1 : 0;
            while (len > 0 && len < line.len && ascii_lower(line.ptr[len]) >= 'a' && ascii_lower(line.ptr[len]) <= 'z')
                len++;
            struct slice argument = slice_first(line, len + 1); /* "1", "~dp0" */
            *bad_out = slice_of(line.ptr - 1, argument.len + 1);
            if (argument.ptr[argument.len - 1] != '0' || !lookup(context, argument, out))
                return ERR_UNSUPPORTED;
            line = slice_from(line, argument.len);
            continue;
        }
        size_t end = slice_find(line, '%');
        struct slice name = slice_first(line, end == SIZE_MAX ? 0 : end);
        if (is_name(name)) {
            *bad_out = slice_of(line.ptr - 1, end + 2);
            if (!lookup(context, name, out))
                return ERR_NOT_FOUND;
            line = slice_from(line, end + 1);
            continue;
        }
        size_t colon = slice_find(name, ':');
        if (colon != SIZE_MAX && is_name(slice_first(name, colon))) {
            *bad_out = slice_of(line.ptr - 1, end + 2);
            return ERR_UNSUPPORTED;
        }
        text_add_char(out, '%'); /* one that names nothing: kept, so that no value changes silently */
    }
    return text_error(out);
}

/* ---- commands ---- */

/* Behind the operator at the start of `s`; 0 when there is none. */
static size_t read_join(struct slice s, enum batch_join *join_out)
{
    static const struct {
        struct slice sign;
        enum batch_join join;
    } joins[] = {
        { { "&&", 2 }, BATCH_AND }, { { "||", 2 }, BATCH_OR }, { { "&", 1 }, BATCH_THEN }, { { "|", 1 }, BATCH_PIPE },
        { { "\n", 1 }, BATCH_THEN },
    };
    for (size_t i = 0; i < sizeof joins / sizeof joins[0]; i++)
        if (slice_starts(s, joins[i].sign)) {
            *join_out = joins[i].join;
            return joins[i].sign.len;
        }
    return 0;
}

static bool ends_word(struct slice s)
{
    return s.len == 0 || strchr(" \t\n&|<>", s.ptr[0]) != NULL;
}

/* The name behind a redirection, which goes into `out` without its quotes. */
static int read_file_name(struct slice *s, struct text *out)
{
    struct slice name = skip_blanks(*s);
    bool quoted = name.len && name.ptr[0] == '"';
    size_t len = 0;
    if (quoted) {
        name = slice_from(name, 1);
        len = slice_find(name, '"');
        if (len == SIZE_MAX)
            return ERR_UNSUPPORTED;
    }
    while (!quoted && !ends_word(slice_from(name, len)))
        len++;
    text_reset(out);
    text_add(out, slice_first(name, len));
    *s = slice_from(name, len + quoted);
    return len ? text_error(out) : ERR_UNSUPPORTED;
}

/* ">nul", "2>nul", "2>&1", ">&2", ">file", ">>file", "<file".  The digit stands in the text already.  Nothing is ever
 * written to the second stream, so sending it elsewhere means nothing, but a file for it alone would stay empty. */
static int read_redirection(struct slice *s, struct batch_command *command)
{
    struct text *t = &command->text;
    char stream = '1';
    bool has_digit = t->len && (t->ptr[t->len - 1] == '1' || t->ptr[t->len - 1] == '2') &&
                     (t->len == 1 || t->ptr[t->len - 2] == ' ' || t->ptr[t->len - 2] == '\t');
    if (s->ptr[0] == '<') {
        *s = slice_from(*s, 1);
        return has_digit ? ERR_UNSUPPORTED : read_file_name(s, &command->input);
    }
    if (has_digit) {
        stream = t->ptr[t->len - 1];
        text_splice(t, t->len - 1, 1, SLICE_NONE);
    }
    bool appends = slice_starts(*s, SLICE_LITERAL(">>"));
    struct slice rest = slice_from(*s, appends ? 2 : 1), target = skip_blanks(rest);
    if (slice_starts(rest, SLICE_LITERAL("&1")) || slice_starts(rest, SLICE_LITERAL("&2"))) {
        *s = slice_from(rest, 2);
        return 0;
    }
    if (slice_starts_fold(target, SLICE_LITERAL("nul")) && ends_word(slice_from(target, 3))) {
        command->is_quiet |= stream == '1';
        *s = slice_from(target, 3);
        return 0;
    }
    *s = rest;
    command->appends = appends;
    return stream == '1' ? read_file_name(s, &command->output) : ERR_UNSUPPORTED;
}

void batch_command_free(struct batch_command *command)
{
    text_free(&command->text);
    text_free(&command->input);
    text_free(&command->output);
}

int batch_command_next(struct slice *line, struct batch_command *command)
{
    struct slice s = skip_blanks(*line);
    bool quoted = false;
    text_reset(&command->text);
    text_reset(&command->input);
    text_reset(&command->output);
    command->join = BATCH_END;
    command->is_quiet = command->appends = false;
    while (s.len && s.ptr[0] == '@')
        s = skip_blanks(slice_from(s, 1));
    if (s.len && (s.ptr[0] == '(' || s.ptr[0] == ')'))
        return ERR_UNSUPPORTED;
    while (s.len) {
        char c = s.ptr[0];
        size_t join = quoted && c != '\n' ? 0 : read_join(s, &command->join);
        if (join) {
            s = slice_from(s, join);
            break;
        }
        if (!quoted && (c == '>' || c == '<')) {
            int err = read_redirection(&s, command);
            if (err)
                return err;
            continue;
        }
        if (c == '"')
            quoted = !quoted;
        if (!quoted && c == '^') {
            s = slice_from(s, 1);
            if (s.len == 0)
                break;
            c = s.ptr[0];
        }
        text_add_char(&command->text, c);
        s = slice_from(s, 1);
    }
    *line = s;
    return text_error(&command->text);
}

/* ---- arguments ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One argument from *s on.  Returns whether its last quote was closed. */
static bool read_argument(struct slice *s, bool lenient, struct text *out)
{
    bool quoted = false;
    while (s->len && (quoted || !is_blank(s->ptr[0]))) {
        size_t slashes = 0;
        while (slashes < s->len && s->ptr[slashes] == '\\')
            slashes++;
        struct slice after = slice_from(*s, slashes), behind = slice_from(after, 1);
        bool at_quote = after.len && after.ptr[0] == '"';
        bool closes = lenient && quoted && at_quote && (behind.len == 0 || is_blank(behind.ptr[0]));
        for (size_t i = 0; i < (at_quote && !closes ? slashes / 2 : slashes); i++)
            text_add_char(out, '\\');
        *s = after;
        if (!at_quote && slashes)
            continue;
        *s = behind;
        if (!at_quote) {
            text_add_char(out, after.ptr[0]);
        } else if (slashes % 2 && !closes) {
            text_add_char(out, '"');
        } else if (quoted && s->len && s->ptr[0] == '"') {
            text_add_char(out, '"'); /* "" inside quotes */
            *s = slice_from(*s, 1);
        } else {
            quoted = !quoted;
        }
    }
    return !quoted;
}

/* All arguments, each with its NUL, into args->store.  Returns whether all quotes were closed. */
static bool read_all(struct slice command, bool lenient, struct batch_args *args)
{
    bool closed = true;
    text_reset(&args->store);
    args->argc = 0;
    for (struct slice s = skip_blanks(command); s.len; s = skip_blanks(s)) {
        closed = read_argument(&s, lenient, &args->store) && closed;
        text_add_char(&args->store, 0);
        args->argc++;
    }
    return closed;
}

int batch_args_split(struct slice command, struct batch_args *args)
{
    if (!read_all(command, false, args))
        read_all(command, true, args);
    if (text_error(&args->store))
        return text_error(&args->store);
    if (args->argc > BATCH_ARGS)
        return ERR_LIMIT;
    char *at = args->store.ptr;
    for (int i = 0; i < args->argc; i++) {
        args->argv[i] = at;
        at += strlen(at) + 1;
    }
    args->argv[args->argc] = NULL;
    return 0;
}

void batch_args_free(struct batch_args *args)
{
    text_free(&args->store);
    args->argc = 0;
}

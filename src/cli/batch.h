/*
 * batch.h - a Windows batch file as text: bytes to lines, lines to commands, commands to arguments.
 *
 * The order is cmd.exe's: a line is put together over "^" at its end, %VARIABLES% are replaced in all of it, then it is
 * cut at & && || | outside of quotes, where ^ protects one character; the arguments are split last, by the rules that
 * every Windows program has in its start-up code (backslashes count in front of a quote only).  Pure.
 */
#pragma once

#include "base/slice.h"
#include "base/text.h"

enum { BATCH_ARGS = 160 };

/* Bytes of a file as UTF-8: UTF-16 by its mark, else UTF-8 with or without a mark, else Windows-1252.
 * ERR_SYNTAX: broken UTF-16, or a NUL. */
MUST_USE int batch_decode(struct slice bytes, struct text *out);

/* The next line with those that "^" at the end continues it by; false when nothing is left.  *number is in and out: the
 * lines read so far; *first_out the line it starts on. */
bool batch_line(struct slice *rest, unsigned *number, unsigned *first_out, struct text *out);

/* REM or ::, where nothing is replaced and nothing is cut; also an empty line. */
bool batch_is_comment(struct slice line);

/* Value of a variable into `out`; false when it has none. */
typedef bool batch_lookup(void *context, struct slice name, struct text *out);
/* %NAME% by `lookup`, %% is %.  ERR_NOT_FOUND: no such variable; ERR_UNSUPPORTED: %1, %NAME:~0,3% and the like; the
 * text of the reference is in *bad_out. */
MUST_USE int batch_expand(struct slice line, batch_lookup *lookup, void *context, struct text *out,
                          struct slice *bad_out);

enum batch_join { BATCH_END, BATCH_THEN, BATCH_AND, BATCH_OR, BATCH_PIPE }; /* nothing, &, &&, ||, | */
struct batch_command {
    struct text text;      /* without ^ and redirections */
    enum batch_join join;  /* to the command behind it */
    bool is_quiet;         /* >nul */
    struct text input;     /* <file, as written, without quotes; "" when there is none */
    struct text output;    /* >file */
    bool appends;          /* >>file */
};
/* Cut the next command off the line, or the lines of a block: their ends join like &.  ERR_UNSUPPORTED: a redirection of other streams, blocks in parentheses. */
MUST_USE int batch_command_next(struct slice *line, struct batch_command *command);
void batch_command_free(struct batch_command *command);

struct batch_args {
    char *argv[BATCH_ARGS + 1];
    int argc;
    struct text store;
};
/* ERR_LIMIT: too many. */
MUST_USE int batch_args_split(struct slice command, struct batch_args *args);
void batch_args_free(struct batch_args *args);

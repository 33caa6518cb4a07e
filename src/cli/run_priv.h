/*
 * run_priv.h - a batch file being carried out, for its own files: run.c (the verb, lines and what joins commands),
 * run_flow.c (IF, blocks), run_for.c, run_command.c (appcmd and the commands of cmd.exe), run_variable.c.
 */
#pragma once

#include "cli/batch.h"
#include "cli/cli.h"

enum { RUN_VARIABLES = 512, RUN_DEPTH = 16, RUN_LABEL = 128 };
#define RUN_TEMP "C:\\Windows\\Temp" /* %TEMP% */
enum { EXIT_NO_VARIABLE = 203, EXIT_NOT_RECOGNIZED = 9009 }; /* what Windows ends with */

struct run_variable {
    char *name, *value;
};

struct run {
    struct cli *c;
    const char *file;
    unsigned line;
    struct cli_batch *batch; /* NULL: every command is written when it is done */
    struct cli_batch each;   /* then: what the service has to be asked about */
    FILE *out;
    FILE *told; /* where notes go: never into a pipe, a file or to nul */
    struct run_variable variables[RUN_VARIABLES];
    size_t variable_count;
    int error_level; /* what %ERRORLEVEL% is: the code of the last program, or of what failed since */
    unsigned depth; /* of blocks */
    bool is_over;   /* exit, goto: nothing more of this line is carried out */
    bool is_delayed; /* setlocal enabledelayedexpansion */
    char label[RUN_LABEL]; /* where goto leads; "" after exit and goto :eof */
};

/* ---- run_variable.c ---- */
MUST_USE int run_variable_set(struct run *r, struct slice name, struct slice value);
/* A batch_lookup; the context is the run. */
bool run_variable_lookup(void *context, struct slice name, struct text *out);
void run_variables_free(struct run *r);

/* ---- run_command.c ---- */
/* One command without IF, FOR, blocks and signs. */
MUST_USE int run_command(struct run *r, struct slice command, FILE *in);
/* "ERROR ( message:'WHAT' why )"; returns `code`. */
int run_refuse(struct run *r, int code, struct slice what, const char *why);
/* "C:\a\b" below the folder that is C: in this instance, a Linux path, or a name relative to where the command was started.
 * ERR_NOT_FOUND: no such drive; ERR_PATH. */
MUST_USE int run_file_path(struct run *r, struct slice path, struct text *out);
/* Whether a file or folder is there; appcmd.exe is anywhere.  ERR_PATH: it is on no drive. */
MUST_USE int run_exists(struct run *r, struct slice path, bool *exists_out);

/* ---- run_flow.c ---- */
/* Whether more lines belong to this one: a block is open. */
bool run_flow_is_open(struct slice line);
/* IF, FOR or a block at the start of *line: carries it out, or skips it, and leaves what stands behind it.  False: none of
 * them. */
bool run_flow(struct run *r, struct slice *line, bool is_skipped, int *code_out);
struct slice run_first_word(struct slice command);
struct slice run_without_quotes(struct slice s);
/* The block at the start of *rest, without its parentheses; *rest goes behind it. */
bool run_take_block(struct slice *rest, struct slice *inside_out);

/* ---- run_for.c ---- */
MUST_USE int run_for(struct run *r, struct slice *line);

/* ---- run.c ---- */
/* The line without what may be a password. */
struct slice run_without_secrets(struct slice text);
/* Commands joined by & && || |. */
MUST_USE int run_joined(struct run *r, struct slice line);

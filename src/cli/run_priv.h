/*
 * run_priv.h - a batch file being carried out, for its own files: run.c (the verb, lines and what joins commands),
 * run_flow.c (IF, FOR, blocks), run_command.c (appcmd and the commands of cmd.exe), run_variable.c.
 */
#pragma once

#include "cli/batch.h"
#include "cli/cli.h"

enum { RUN_VARIABLES = 512, RUN_DEPTH = 16 };
enum { EXIT_NO_VARIABLE = 203, EXIT_NOT_RECOGNIZED = 9009 }; /* what Windows ends with */

struct run_variable {
    char *name, *value;
};

struct run {
    struct cli *c;
    const char *file;
    unsigned line;
    struct cli_batch *batch; /* NULL: every command is written when it is done */
    FILE *out;
    struct run_variable variables[RUN_VARIABLES];
    size_t variable_count;
    unsigned depth; /* of blocks */
    bool is_over;   /* exit, goto :eof */
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

/* ---- run_flow.c ---- */
/* Whether more lines belong to this one: a block is open. */
bool run_flow_is_open(struct slice line);
/* IF, FOR or a block at the start of *line: carries it out and leaves what stands behind it.  False: none of them. */
bool run_flow(struct run *r, struct slice *line, int *code_out);
struct slice run_first_word(struct slice command);

/* ---- run.c ---- */
/* Commands joined by & && || |. */
MUST_USE int run_joined(struct run *r, struct slice line);

/*
 * cli.h - one run of the command line: what was asked, on which instance, where the answer goes.
 *
 * table.h finds the row of (verb, object) and checks the parameters; the row's handler starts with its own work.
 * As in appcmd everything, errors included, goes to standard output, and the exit code is 0 or the Win32 number of
 * the error.  Nothing here exits; cli_run returns the code.
 */
#pragma once

#include <stdio.h>

#include "cli/args.h"
#include "conf/conf.h"

/* Win32 numbers that scripts compare (low word of the HRESULT). */
enum exit_code {
    EXIT_OK = 0,
    EXIT_NOTHING_LISTED = 1,
    EXIT_NO_FILE = 2,
    EXIT_DENIED = 5,
    EXIT_BAD_DATA = 13,
    EXIT_SHARING = 32,
    EXIT_LOCKED = 33,
    EXIT_UNSUPPORTED = 50,
    EXIT_FILE_EXISTS = 80,
    EXIT_BAD_PARAMETER = 87,
    EXIT_BUSY = 170,
    EXIT_DUPLICATE = 183,
    /* of `certificate test`: no error of ours, the verdict */
    EXIT_TEST_PASSWORD = 20,
    EXIT_TEST_CERTIFICATE = 21,
    EXIT_TEST_ACCOUNT = 22,
    EXIT_TEST_HOME = 23,
    EXIT_TEST_NO_VERDICT = 24,
    EXIT_TEST_NOT_ASKED = 25,
    EXIT_NOT_RUNNING = 1062,
    EXIT_NOT_FOUND = 1168,
    EXIT_NO_ELEMENT = 4312,
};

struct verb_row;
struct control_state;
struct file_set;

/* Commands that are carried out together: they see each other's edits, and nothing is written before the end. */
struct cli_batch {
    struct conf *conf; /* opened by the first command that needs it */
    char *file;        /* its /apphostconfig, NULL: the instance's */
    bool changed;
    bool is_atomic; /* nothing that cannot be undone has a place in it */
    char *directory; /* whose files it changes */
    /* Or only carried out after each other (`run`): each opens and writes for itself, and only the service is asked once,
     * at the end or before one of them needs it.  A script may take several commands to what the service accepts. */
    bool writes_each;
    int verdict; /* of the service when it was last asked: an exit code */
    FILE *told;  /* where that is said: not where the output of a command goes, which may be a pipe or nowhere */
};

struct cli {
    struct args args;
    const struct verb_row *row;
    struct slice identifier; /* third word, or /site.name:X and the like; ptr NULL if not given */
    const char *program;     /* under which name it was called: appcmd or sallyport */
    const char *directory;   /* DIR */
    struct conf *conf;       /* opened by cli_open, freed by cli_run */
    struct cli_batch *batch; /* NULL for a command of its own */
    FILE *in;                /* secrets are read from here when it is no terminal */
    FILE *out;
    struct text *xml_rows;   /* with /xml: rows wait here, so that a document is whole or absent */
    bool listed;             /* something was listed */
    bool is_one_of_many;     /* one object of /in: others follow */
};

/* argv[0] is the program; the whole run. */
int cli_run(int argc, char **argv, FILE *in, FILE *out);
/* The same as one of a batch. */
int cli_run_in_batch(int argc, char **argv, FILE *in, FILE *out, struct cli_batch *batch);
/* This command changed the instance: have the running service take it over, now or at the end of the batch.  When it refuses,
 * that is told where the output goes.  Without a service, or when it may not be asked, nothing is said. */
MUST_USE int cli_changed(struct cli *c);
/* The same for what a batch has written; the code is kept as its verdict. */
MUST_USE int cli_batch_take_over(struct cli_batch *batch);
/* The same for what the commands before this one have written, if they left that to others. */
MUST_USE int cli_take_over_before(struct cli *c);
/* Write what the commands of the batch changed, once; reports on `out` and returns the exit code. */
MUST_USE int cli_batch_save(struct cli_batch *batch, FILE *out);
void cli_batch_free(struct cli_batch *batch);
/* Check the parameters and run the row in c->row: for objects from standard input. */
int cli_run_row(struct cli *c);

/* The value of a parameter ("" when it has none), ptr NULL when it was not given. */
struct slice cli_param(const struct cli *c, const char *name);
bool cli_has(const struct cli *c, const char *name);

/* Parse the configuration of c->directory; reports and returns the exit code when it cannot be used. */
MUST_USE int cli_open(struct cli *c);
/* Write what was edited (at the end of the batch, if it is one of one); reports and returns the exit code. */
MUST_USE int cli_save(struct cli *c);

/* Whether the commands of a batch work on one, which is written at its end. */
bool cli_shares_configuration(const struct cli *c);

/* What came from outside, control characters escaped. */
void cli_print_safe(FILE *out, struct slice s);
/* A line on standard output. */
void cli_say(struct cli *c, const char *fmt, ...) FORMAT_LIKE_PRINTF(2, 3);
/* "ERROR ( message:TEXT )"; returns `code`. */
int cli_error(struct cli *c, int code, const char *fmt, ...) FORMAT_LIKE_PRINTF(3, 4);
/* "ERROR ( hresult:8007xxxx, message:Command execution failed.", the text, " )"; returns `code`. */
int cli_failed(struct cli *c, int code, const char *fmt, ...) FORMAT_LIKE_PRINTF(3, 4);
/* The same from what conf or another module says. */
int cli_failed_diag(struct cli *c, int err, const struct diag *d);
/* All files of the set or none; `folder` is where they belong.  Reports and returns the exit code. */
MUST_USE int cli_place_files(struct cli *c, struct file_set *set, const char *folder);
/* certificates/ in `directory`, which is there, and the stores below it; existing ones stay as they are.  Reports and returns the
 * exit code. */
MUST_USE int cli_make_stores(struct cli *c, const char *directory);
/* E1: Cannot find TAG object with identifier "NAME". */
int cli_cannot_find(struct cli *c, const char *tag, struct slice name);
/* E5: Unknown attribute "NAME". */
int cli_unknown_attribute(struct cli *c, struct slice name);
/* Refuse parameter `name`, if it was given, because it says nothing beside, or without, what `why` names. */
MUST_USE int cli_refuse_param(struct cli *c, const char *name, const char *why);
/* "add site /name:My Site": the shell made two words of the name. */
MUST_USE int cli_refuse_two_names(struct cli *c);
/* The exit code an error of ours means. */
int cli_exit_of(int err);

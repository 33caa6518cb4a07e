/*
 * args.h - the command line as appcmd splits it: words, then /name:value.
 *
 * Pure.  Slices borrow from argv.  Which verb takes what is not known here (table.h).
 */
#pragma once

#include "base/slice.h"
#include "base/text.h"

enum { ARGS_WORDS = 3, ARGS_PARAMS = 128, ARGS_JOINED = 16 };

struct arg_param {
    struct slice name;   /* without / or -; a property keeps its sign: "+[name='x']" */
    struct slice value;  /* "" when there is none */
    bool has_value;
    bool is_property;    /* written /!name: never a general parameter */
};

struct args {
    struct slice words[ARGS_WORDS]; /* verb, object, identifier as far as given */
    size_t word_count;
    struct arg_param params[ARGS_PARAMS];
    size_t param_count;
    struct slice config; /* --config, ptr NULL if not given */
    bool help;           /* /?, -?, --help */
    bool version;        /* --version */
    char *joined[ARGS_JOINED]; /* indexers that a shell tore at a blank, put together again */
    size_t joined_count;
};

/* On error `message` holds what appcmd prints ("Failed to process input: ...").  args_free in any case. */
MUST_USE int args_parse(int argc, char **argv, struct args *args_out, struct text *message);
void args_free(struct args *a);
/* The same for a word that has no place: E9, and what may help. */
void args_complain(struct slice arg, struct text *message);

/* Where the name of what holds a secret ends in a text, SIZE_MAX if there is none: what follows is not repeated. */
size_t args_find_secret(struct slice text);

/* The parameter `name` (no regard to case), NULL if not given. */
const struct arg_param *args_find(const struct args *a, const char *name);

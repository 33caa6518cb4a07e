/*
 * propath.h - appcmd's property paths: "+ftpServer.security.commandFiltering.[command='STAT',allowed='False']".
 *
 *     edit  := [ "+" | "-" ] step ( "." step )*
 *     step  := name | "[" [ "@start" | "@end" | "@N" [","] ] [ key "=" value ( "," key "=" value )* ] "]"
 *
 * Values stand in single quotes in every document.  A Linux shell eats them, so [name=depot] means the same; a bare
 * value ends at "]" or at a comma that another key follows, which keeps [users=a,permissions=Read, Write] whole.
 * A quote inside a quoted value is text unless "," or "]" follows it.  Pure; slices borrow from the text parsed.
 */
#pragma once

#include "base/slice.h"

enum { PROPATH_STEPS = 16, PROPATH_PAIRS = 32 };

enum propath_kind { PROPATH_NAME, PROPATH_INDEX };

/* Where an index points beside its keys. */
enum { PROPATH_NO_POSITION = -2, PROPATH_END = -1, PROPATH_START = 0 };

struct propath_pair {
    struct slice name, value;
    bool is_bare; /* the value stood without quotes */
};

struct propath_step {
    enum propath_kind kind;
    struct slice name;                        /* PROPATH_NAME */
    long position;                            /* PROPATH_INDEX, as the rest */
    struct propath_pair pairs[PROPATH_PAIRS];
    size_t count;
};

struct propath {
    char sign; /* '+', '-' or 0 */
    struct propath_step steps[PROPATH_STEPS];
    size_t count;
};

/* The whole text.  ERR_SYNTAX: malformed (appcmd's "Malformed collection indexer"), ERR_LIMIT: too deep. */
MUST_USE int propath_parse(struct slice text, struct propath *path_out);

/* Whether it may stand in the name of a step or key. */
bool propath_is_name_char(char c);

/* Length of the name part of "path:value": up to the first colon outside an indexer, else everything. */
size_t propath_name_length(struct slice text);

/* Whether the text ends inside an indexer: the rest was torn off at a blank. */
bool propath_is_open(struct slice text);

/*
 * command.h - the verbs, one row each.
 *
 * Dispatch, HELP, FEAT, the checks before a handler runs and the tests all read these rows.
 */
#pragma once

#include "base/text.h"

enum command_phase {
    PHASE_NEW = 1,   /* connected, not logged in */
    PHASE_READY = 2, /* logged in */
    PHASE_ANY = 3,
};

enum command_argument {
    ARG_NONE,      /* must be absent */
    ARG_MAY,       /* any text or none */
    ARG_TEXT,      /* must be present */
    ARG_PATH,      /* must be present, names a path */
    ARG_PATH_MAY,
};

enum command_right { RIGHT_NONE, RIGHT_READ, RIGHT_WRITE, RIGHT_EITHER };

enum command_flag {
    CMD_STAR = 1,         /* known, not implemented: a star in HELP, 502 */
    CMD_CLEAR = 2,        /* allowed without TLS although the site requires it; USER and PASS judge for themselves,
                           * since USER may choose another site first */
    CMD_NEEDS_TLS = 4,    /* 503 in the clear (RFC 4217) */
    CMD_IN_TRANSFER = 8,  /* acts while a transfer runs (threats.md P16) */
    CMD_KEEPS_REST = 16,  /* prepares a transfer: a pending REST outlives it */
    CMD_SECRET = 32,      /* the argument is never logged nor listed */
    CMD_INFRASTRUCTURE = 64, /* log lines of LogInfrastructure */
    CMD_OPENS_DATA = 128, /* uses a data channel: data policy is checked before any 1xx */
};

enum command_extension { EXT_NONE, EXT_MLST, EXT_MFMT, EXT_TVFS, EXT_EPSV, EXT_COUNT };

/* What a row does; the worker has a table from this to functions. */
#define COMMAND_HANDLERS(H)                                                                                        \
    H(none) H(abor) H(acct) H(allo) H(appe) H(auth) H(ccc) H(cdup) H(cwd) H(dele) H(eprt) H(epsv) H(feat) H(help)  \
    H(host) H(lang) H(list) H(mdtm) H(mfmt) H(mkd) H(mlsd) H(mlst) H(mode) H(nlst) H(noop) H(opts) H(pass) H(pasv) \
    H(pbsz) H(port) H(prot) H(pwd) H(quit) H(rein) H(rest) H(retr) H(rmd) H(rnfr) H(rnto) H(site) H(size) H(smnt)  \
    H(stat) H(stor) H(stou) H(stru) H(syst) H(type) H(user)

enum command_handler {
#define H(name) DO_##name,
    COMMAND_HANDLERS(H)
#undef H
    DO_COUNT
};

struct command {
    const char *verb;
    uint8_t phases, argument, right, flags, handler, extension;
    const char *syntax; /* HELP verb: text behind "Syntax: <verb as typed>" */
};

/* Rows in the order of HELP. */
const struct command *command_row(size_t i); /* NULL beyond the end */
/* Without regard to case; NULL when unknown or of an extension whose bit (1 << EXT_x) is not in `extensions`. */
const struct command *command_find(struct slice verb, unsigned extensions);

/* Cut a line into verb and argument.  One blank separates them; the argument is taken as it stands, so that names
 * with leading blanks stay reachable.  Trailing blanks of an argumentless line do not count. */
void command_split(struct slice line, struct slice *verb_out, struct slice *argument_out);
/* The first run of printable ASCII bytes: the verb that was meant where blanks, controls or other bytes stand around it. */
struct slice command_word(struct slice text);
/* Whether the first word is an HTTP method: somebody's browser was redirected here (ALPACA, threats.md P05). */
bool command_is_http(struct slice verb);

/* The lines between the first and last of FEAT, one per call from i = 0; NULL at the end.  `utf8`: site allows it. */
const char *command_feature(size_t i, unsigned extensions, bool utf8);

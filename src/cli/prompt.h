/* prompt.h - secrets from a person (echo off) or from standard input; never from anywhere else. */
#pragma once

#include "cli/cli.h"

enum { PROMPT_SECRET_MAX = 1024 };

struct prompt_secret {
    char text[PROMPT_SECRET_MAX + 1];
    size_t len;
};

/* Wipes; for __attribute__((cleanup)). */
void prompt_secret_wipe(struct prompt_secret *s);
#define OWNED_SECRET __attribute__((cleanup(prompt_secret_wipe))) struct prompt_secret

/* One line.  From a terminal: `question` is shown, echo is off, and with `twice` it must be repeated; from a pipe or a
 * file: the first line as it is.  ERR_TRUNCATED: end of input; ERR_CONFLICT: the two did not match; ERR_TOO_LONG;
 * ERR_SYNTAX: a NUL. */
MUST_USE int prompt_read(struct cli *c, const char *question, bool twice, struct prompt_secret *secret_out);

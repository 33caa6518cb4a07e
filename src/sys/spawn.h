/*
 * spawn.h - start one of our programs.
 *
 * The program gets /dev/null as standard input, our standard error as output and error, the channel as descriptor 3
 * (CHILD_FD) and nothing else that is open here; default signals, a process group of its own (a Ctrl-C meant for us
 * must not cut its transfers), and an environment of a few names.
 */
#pragma once

#include <sys/types.h>

#include "base/diag.h"

struct spawn {
    const char *path;  /* the executable */
    const char *name;  /* argv[0] */
    unsigned index;    /* argv: --child INDEX */
    int channel;       /* stays the caller's */
    uint32_t uid, gid; /* become this before the program runs; UINT32_MAX: stay */
};

/* Single-threaded callers only. */
MUST_USE int spawn_program(const struct spawn *s, pid_t *pid_out, struct diag *d);

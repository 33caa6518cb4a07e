/*
 * diag.h - what a person must be told: which file, where, what is wrong, what to do.
 *
 * Filled by configuration, start-up and command-line code beside the error code it returns.  Fixed size so that
 * reporting never fails; long texts are cut.  Control characters are escaped on the way in (text_add_visible).
 */
#pragma once

#include "base/slice.h"

struct text;

struct diag {
    char file[256];    /* "" when no file is concerned */
    unsigned line;     /* 1-based, 0 unknown */
    unsigned column;   /* 1-based, 0 unknown */
    char path[192];    /* section or element path, e.g. "system.applicationHost/sites/site/ftpServer", "" if none */
    char what[512];    /* what is wrong */
    char todo[256];    /* what is allowed, or what to do; "" if obvious */
};

void diag_set(struct diag *d, const char *fmt, ...) FORMAT_LIKE_PRINTF(2, 3);
void diag_todo(struct diag *d, const char *fmt, ...) FORMAT_LIKE_PRINTF(2, 3);
void diag_place(struct diag *d, struct slice file, unsigned line, unsigned column);
void diag_path(struct diag *d, const char *fmt, ...) FORMAT_LIKE_PRINTF(2, 3);

/* What to do about a file or folder that this account has no right to. */
#define DIAG_NO_RIGHT "Run this as root, or as an account that has the right to"

/* "file:line:column: path: what. todo" without what is unknown. */
void diag_print(const struct diag *d, struct text *out);

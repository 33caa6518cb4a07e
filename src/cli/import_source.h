/*
 * import_source.h - the files of a copied %windir%\System32\inetsrv\config folder, as UTF-8.
 *
 * Names are found whatever their case.  UTF-16 with a byte order mark becomes UTF-8, and the XML declaration says so
 * afterwards; everything else stays byte for byte.
 */
#pragma once

#include "base/text.h"
#include "conf/conf.h"

struct source_file {
    char *path;        /* NULL: there is none */
    struct text bytes; /* UTF-8 */
    bool was_utf16;
};
struct source {
    struct source_file files[CONF_FILE_COUNT];
    struct source_file redirection;
    bool is_folder;
    char *others;  /* names of what else lies in the folder, one per line, "" */
};

/* `path` is the folder or one applicationHost.config.  On error `d` says which file and why. */
MUST_USE int source_read(const char *path, struct source *source_out, struct diag *d);
void source_free(struct source *s);

/* Pure: bytes of a file to UTF-8, over `out`; *was_utf16_out says whether they were UTF-16.  ERR_SYNTAX: a lone surrogate,
 * half a unit. */
MUST_USE int source_decode(struct slice bytes, struct text *out, bool *was_utf16_out);

/*
 * fetch.h - files that the configuration's own files name: shared configuration, configSource.
 *
 * The loader opens nothing; it asks the supervisor for each and waits.
 */
#pragma once

#include "conf/conf.h"
#include "loader/compile.h"
#include "loader/report.h"

enum { FETCH_SOURCES_MAX = 256 };

struct fetched {
    char *directory; /* shared configuration; NULL: none */
    struct text shared[CONF_FILE_COUNT];
    bool has_shared[CONF_FILE_COUNT];
    struct conf_source_bytes sources[FETCH_SOURCES_MAX];
    size_t source_count;
};

/* Ask for everything that `files` name.  What cannot be had is reported; ERR_SYNTAX then. */
MUST_USE int fetch_all(int fd, const struct compile_file *files, size_t count, struct slice directory, struct report *r,
                       struct fetched *out);
void fetch_free(struct fetched *f);

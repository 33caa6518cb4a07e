/*
 * compile.h - from the configuration's files to the rows of a snapshot.
 *
 * Pure but for the clock it is given: files come as bytes, diagnostics go to a report, rows to a snapshot_writer.  An
 * error that concerns one site makes that site fail (its row says why); any other error means no snapshot.
 */
#pragma once

#include "base/slice.h"
#include "conf/conf.h"
#include "loader/report.h"
#include "snapshot/snapshot.h"

/* Instead of the bytes of a secret, for who only wants to know whether the configuration is good. */
#define COMPILE_SECRET_UNREAD "***"

struct compile_file {
    const char *name; /* relative to the configuration directory: "certificates/MY/web.pem" */
    struct slice bytes;
    uint32_t mode; /* st_mode */
};

/* The file of that name, NULL when there is none. */
const struct compile_file *compile_file_named(const struct compile_file *files, size_t count, const char *name);
/* What it holds; without a pointer when there is none. */
struct slice compile_file_bytes(const struct compile_file *files, size_t count, const char *name);

struct compile_input {
    const struct compile_file *files;
    size_t count;
    const struct conf_source_bytes *sources; /* what sections name by configSource */
    size_t source_count;
    struct slice directory; /* for messages and relative paths */
    uint64_t generation;
    bool privileged; /* system accounts are possible */
    bool lacking;    /* a configuration file is there and could not be read: nothing new is to be made instead */
    struct slice machine; /* name of this computer; "" unknown */
    int64_t now;     /* seconds since the epoch */
};

/* On 0 the caller owns *writer_out, finished for any role.  ERR_SYNTAX: the report says what is wrong; ERR_NOMEM. */
MUST_USE int compile_run(const struct compile_input *in, struct report *r, struct snapshot_writer **writer_out);

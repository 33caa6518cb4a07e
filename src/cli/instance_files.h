/*
 * instance_files.h - an instance's files as the compiler of the configuration takes them: what the supervisor hands to the
 * loader, read by whoever runs the command line.
 */
#pragma once

#include "conf/conf.h"
#include "loader/compile.h"
#include "tls/cert.h"

struct instance_files {
    struct compile_file *files;
    size_t count, cap;
    size_t unreadable; /* certificates and folders that this user may not read */
    struct conf_source_bytes *sources; /* what sections name by configSource */
    size_t source_count;
};

/* The certificate stores below DIR/certificates; absent ones are fine. */
MUST_USE int instance_files_read_certificates(struct instance_files *f, const char *directory);
/* The files that a configuration file names by configSource, from `folder`; what is not there is left to conf to tell. */
MUST_USE int instance_files_read_sources(struct instance_files *f, const char *folder, enum conf_file which, struct slice bytes);
/* And the configuration's own files: shared ones where redirection.config says so, and what they name.  Of the secrets only
 * the names are there: their bytes are "***". */
MUST_USE int instance_files_read(struct instance_files *f, const char *directory, struct diag *d);
/* Add a file that is in memory; copies both. */
MUST_USE int instance_files_add(struct instance_files *f, const char *name, struct slice bytes, unsigned mode);
/* The certificates of a store among them, for a look by thumbprint.  ERR_NOMEM. */
MUST_USE int instance_files_store(const struct instance_files *f, const char *store, struct cert_store **store_out);
void instance_files_free(struct instance_files *f);

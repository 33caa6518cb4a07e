/*
 * files.h - the configuration's files as descriptors: the loader opens nothing itself.
 *
 * Three files, the certificate stores and the folder of secrets below the configuration directory.  A file that holds a
 * private key or a secret and may be read by anybody but its owner is refused, and so is a configuration file, or the
 * directory, that everybody may write or that belongs to neither root nor us (threats.md X04).
 */
#pragma once

#include "base/diag.h"
#include "proto/loader.h"

struct config_file {
    char name[300]; /* relative to the configuration directory */
    int fd;
};

struct config_files {
    struct config_file *items;
    size_t count, room;
    bool lacking; /* a configuration file, or what lies in store Disallowed, is there and could not be taken: what the others say is not all */
};

/* The three files' names, NULL-terminated, and the stores' below certificates/. */
extern const char *const config_file_names[], *const config_store_names[];
extern const char *const config_secrets_name; /* the folder of files that settings name, such as bindPasswordFile */

/* `report` is called for each file that is left out (LOADER_ERROR), and for a configuration file that everybody may
 * read although it holds password hashes (LOADER_WARNING).  Absent files are no error here: whether
 * applicationHost.config is elsewhere only the loader finds out, and another may never have been there.  `service`: the
 * user that may own them, besides root. */
typedef void files_report(void *context, enum loader_severity severity, const struct diag *d);
MUST_USE int files_open(const char *directory, uint32_t service, files_report *report, void *context, struct config_files *files_out);
void files_close(struct config_files *files);
/* One more file, named by those: below the absolute `directory` ("" for `base`), ending in ".config".  Who may
 * write it counts as for the others, but not in a `directory` on a network file system.  The caller owns
 * *fd_out.  On failure *why_out says why, for people. */
MUST_USE int files_open_wanted(const char *base, struct slice directory, struct slice name, uint32_t service,
                               files_report *report, void *context, int *fd_out, const char **why_out);

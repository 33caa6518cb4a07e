/* file.h - whole files: read within a limit, written so that nobody sees half of one. */
#pragma once

#include "base/slice.h"
#include "base/text.h"

/* A regular file.  ERR_NOT_FOUND, ERR_DENIED, ERR_NOT_FILE, ERR_TOO_LONG, ERR_SYS. */
MUST_USE int file_read(const char *path, size_t max, struct text *out);
/* Temporary file beside it, fsync, rename, fsync of the folder; replaces what is there. */
MUST_USE int file_write(const char *path, struct slice bytes, unsigned mode);
/* The same, but ERR_EXISTS when something is there. */
MUST_USE int file_create(const char *path, struct slice bytes, unsigned mode);
/* One folder; existing is fine, ERR_NOT_DIR when it is something else. */
MUST_USE int file_make_folder(const char *path, unsigned mode);
/* With the folders above it (those with 0755). */
MUST_USE int file_make_folders(const char *path, unsigned mode);

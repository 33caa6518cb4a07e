/* file.h - whole files: read within a limit, written so that nobody sees half of one. */
#pragma once

#include "base/slice.h"
#include "base/text.h"

/* A regular file becomes the content of `out` (base/read_whole.h).  ERR_NOT_FOUND, ERR_DENIED, ERR_NOT_FILE, ERR_TOO_BIG, ERR_SYS. */
MUST_USE int file_read(const char *path, size_t max, struct text *out);
/* Temporary file beside it, fsync, rename, fsync of the folder; replaces what is there. */
MUST_USE int file_write(const char *path, struct slice bytes, unsigned mode);
/* The same, but ERR_EXISTS when something is there. */
MUST_USE int file_create(const char *path, struct slice bytes, unsigned mode);
/*
 * Files that take their places together: each is written and synced beside its place first, so a full disk is met before
 * anything is replaced.  Placing renames them in the order they came, at once; who is killed in between leaves each old or new.
 * When one cannot be placed those before it are put back.
 */
struct file_set {
    struct file_staged *items;
    size_t count;
    const char *stays; /* the last file that is new all the same, for it could not be put back; NULL: none */
};
/* `mode` for a file that is not there yet; one that is keeps mode and owner, and a link stays a link. */
MUST_USE int file_stage(struct file_set *set, const char *path, struct slice bytes, unsigned mode);
/* The same, but ERR_EXISTS when something is there, now or when it is placed. */
MUST_USE int file_stage_new(struct file_set *set, const char *path, struct slice bytes, unsigned mode);
MUST_USE int file_set_place(struct file_set *set);
/* Removes what was not placed. */
void file_set_free(struct file_set *set);

/* Wait for the lock that whoever saves the configuration in this folder holds (conf/save.c); closing it unlocks. */
MUST_USE int file_lock_folder(const char *folder, int *fd_out);

/* One folder; existing is fine, ERR_NOT_DIR when it is something else. */
MUST_USE int file_make_folder(const char *path, unsigned mode);
/* With the folders above it (those with 0755). */
MUST_USE int file_make_folders(const char *path, unsigned mode);

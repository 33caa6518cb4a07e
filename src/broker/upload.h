/*
 * upload.h - an upload from its first byte to its name.
 *
 * STOR writes to a temporary file beside the target, whose name follows from the target's; an exclusive lock on it
 * says that its writer lives.  A second writer, in any broker, meets the lock and is refused; a file without a lock was
 * left by a writer that died and is removed by whoever meets it: the next upload of that name, a listing, or the walk of a
 * broker that starts (sweep.h; H04).
 * The commit renames it into place, so the name shows the old content or the whole new one (F09).
 * APPE writes to the file itself under the same lock.
 *
 * All functions run under the identity of the grant, or of the fixed account of the directory.
 */
#pragma once

#include <sys/types.h>

#include "broker/identity.h"
#include "broker/place.h"

enum { UPLOAD_TEMP_SIZE = sizeof UPLOAD_PREFIX + 16 };

struct upload {
    struct upload *next;
    uint64_t handle;
    int file;               /* the temporary file, or the one appended to; locked */
    int dir;                /* O_PATH, where both names are */
    int target;             /* lock on the file that will be replaced, -1 */
    char name[PLACE_NAME_MAX + 1];
    char temp[UPLOAD_TEMP_SIZE]; /* "" when appending */
    dev_t device;           /* of the file that is written */
    ino_t inode;
    uint64_t kept;          /* bytes taken over from the old file (REST) */
    uint64_t was;           /* appending: the size before */
    uint64_t limit;         /* the file may not get larger; set by the caller, UINT64_MAX none */
    struct shared_identity *owner; /* whose file it is: a fixed account, held; NULL the session's own.  Set by the caller */
    bool is_new_only;       /* the name must still be free at the commit */
    bool keep_partial, durable;
};

/* STOR.  `offset` > 0 keeps that many bytes of the existing file; ERR_RANGE when it has fewer (P27).
 * ERR_BUSY: somebody else writes that name. */
MUST_USE int upload_begin(const struct place *p, uint64_t offset, struct upload **upload_out);
/* STOU in the directory `p`: as upload_begin under a random free name. */
MUST_USE int upload_begin_unique(const struct place *p, struct upload **upload_out);
/* APPE: the file itself, *size_out is where it ends now; as upload_begin of a name that must stay free, if missing. */
MUST_USE int upload_append(const struct place *p, struct upload **upload_out, uint64_t *size_out);

/* Whole: give it its name.  Frees `u` in any case; on error the old file is as it was and nothing is left behind.
 * ERR_CONFLICT: somebody took the file away meanwhile; what was appended is wherever the file is. */
MUST_USE int upload_commit(struct upload *u);
/* Whether it has more bytes than its limit allows. */
bool upload_is_too_large(const struct upload *u);
/* Not wanted: nothing of it stays, an append is cut back.  Frees `u`. */
void upload_reject(struct upload *u);
/* Broken off.  Rejected when too large; else removed, or with keepPartialUploads given the name when it got any bytes at all, so that the client
 * can ask for the size and resume; an append keeps what came.  Frees `u`. */
void upload_abandon(struct upload *u);

/* What is being written for the name at `p`: 0 and a descriptor to read it from, or ERR_NOT_FOUND. */
MUST_USE int upload_peek(const struct place *p, int *fd_out);
/* Whether an upload will get the name: what somebody puts there meanwhile would be lost to it, or it to that. */
bool upload_has_name(const struct place *p, int dir, const char *name);
/* Whether somebody appends to the open file. */
bool upload_is_appending(int fd);
/* The same of what bears the name, no link followed: who appends counts on its staying there.  What the caller may not read
 * is not asked; the append then fails at its commit. */
bool upload_appends_to(int dir, const char *name);

/* Remove a temporary file that somebody met, if its writer is gone. */
void upload_sweep(int dir, const char *temp);

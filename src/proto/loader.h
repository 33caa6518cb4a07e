/*
 * loader.h - supervisor <-> loader, one shot.
 *
 * The loader opens nothing: it is handed every file as a descriptor, parses, validates, and hands back one sealed
 * memfd per role.  Its diagnostics are lines for the administrator.
 */
#pragma once

#include <dirent.h>
#include <string.h>

#include "proto/limits.h"
#include "wire/channel.h"

/* S -> loader, fd: one file.  `name` is relative to the configuration directory:
 * "applicationHost.config", "certificates/MY/0011....pem" ... */
#define LOADER_FILE_FIELDS(F) F(text, name, PATH_LIMIT)
WIRE_MESSAGE(loader_file, LOADER_FILE_FIELDS)

/* S -> loader: that was all.  `directory` is for messages and relative paths only.  `lacking`: a configuration file is there
 * and could not be read, which the administrator has been told. */
#define LOADER_GO_FIELDS(F)                   \
    F(u64,  generation, UINT64_MAX)           \
    F(text, directory,  PATH_LIMIT)           \
    F(flag, privileged, 1)                    \
    F(flag, lacking,    1)
WIRE_MESSAGE(loader_go, LOADER_GO_FIELDS)

/* Loader -> S: one more file is wanted, named by those that came; answered by loader_file, or by loader_file_absent.
 * `directory` "": that of the configuration, else an absolute one (shared configuration).  `name` is relative, stays
 * below it and ends in ".config". */
#define LOADER_WANT_FIELDS(F)                 \
    F(text, directory, PATH_LIMIT)            \
    F(text, name,      PATH_LIMIT)
WIRE_MESSAGE(loader_want, LOADER_WANT_FIELDS)
#define LOADER_FILE_ABSENT_FIELDS(F) F(text, why, DETAIL_LIMIT)
WIRE_MESSAGE(loader_file_absent, LOADER_FILE_ABSENT_FIELDS)
/* Loader -> S: applicationHost.config and administration.config are those of this directory; look at what was wanted
 * every `poll_seconds`, 0: not. */
#define LOADER_SHARED_FIELDS(F)               \
    F(text, directory,    PATH_LIMIT)         \
    F(u32,  poll_seconds, 86400)
WIRE_MESSAGE(loader_shared, LOADER_SHARED_FIELDS)

/* The certificate stores, folders below certificates/; the first two are for the server's own certificates and their keys. */
#define CERTIFICATE_STORES "MY", "WebHosting", "Root", "CA", "NTAuth", "Disallowed"

/* Which files of a store, or of the secrets, count (for scandir): no hidden ones, no copies that editors leave. */
static inline int loader_takes_name(const struct dirent *e)
{
    size_t len = strlen(e->d_name);
    return e->d_name[0] != '.' && len < 200 && e->d_name[len - 1] != '~';
}

enum loader_severity { LOADER_ERROR = 0, LOADER_WARNING = 1, LOADER_NOTE = 2 };

/* Loader -> S: file:line:column: path: what.  An ERROR means that no snapshot follows, except that an error with a
 * `site` only keeps that site from starting. */
#define LOADER_DIAG_FIELDS(F)                 \
    F(u8,   severity, LOADER_NOTE)            \
    F(u32,  site,     UINT32_MAX)             \
    F(text, text,     4096)
WIRE_MESSAGE(loader_diag, LOADER_DIAG_FIELDS)

/* Loader -> S, fd: the snapshot for one role. */
#define LOADER_SNAPSHOT_FIELDS(F)             \
    F(u32, role,       255)                   \
    F(u64, generation, UINT64_MAX)
WIRE_MESSAGE(loader_snapshot, LOADER_SNAPSHOT_FIELDS)

#define LOADER_DONE_FIELDS(F) F(flag, good, 1)
WIRE_MESSAGE(loader_done, LOADER_DONE_FIELDS)

/* S -> loader instead of loader_go, after the loader_file of administration.config: replace the stored hash of one
 * IIS Manager user; answered by loader_edited with the new file. */
#define LOADER_REHASH_FIELDS(F)               \
    F(text,   user,     NAME_LIMIT)           \
    F(secret, old_hash, NAME_LIMIT)           \
    F(secret, new_hash, NAME_LIMIT)
WIRE_MESSAGE(loader_rehash, LOADER_REHASH_FIELDS)
/* Loader -> S, fd: sealed memfd with the whole new file; no fd when nothing is to change. */
#define LOADER_EDITED_FIELDS(F) F(flag, changed, 1)
WIRE_MESSAGE(loader_edited, LOADER_EDITED_FIELDS)

#define LOADER_CHANNEL(M)                            \
    M(1, loader_file,     ROLE_SUPERVISOR, 1)        \
    M(2, loader_go,       ROLE_SUPERVISOR, 0)        \
    M(3, loader_diag,     ROLE_LOADER,     0)        \
    M(4, loader_snapshot, ROLE_LOADER,     1)        \
    M(5, loader_done,     ROLE_LOADER,     0)        \
    M(6, loader_rehash,   ROLE_SUPERVISOR, 0)        \
    M(7, loader_edited,   ROLE_LOADER,     1)        \
    M(8, loader_want,     ROLE_LOADER,     0)        \
    M(9, loader_file_absent, ROLE_SUPERVISOR, 0)     \
    M(10, loader_shared,  ROLE_LOADER,     0)
WIRE_CHANNEL(loader_channel, LOADER_CHANNEL)

/*
 * broker.h - worker <-> broker: everything that touches the file system.
 *
 * One request, one answer per FTP verb.  `path` is a canonical virtual path (policy/vpath.h): absolute, '/' only, no
 * empty, "." or ".." component; the broker refuses anything else.  The broker maps it, applies request filtering and
 * authorization, takes the identity of the grant and acts.  It passes out descriptors of single regular files only; where
 * they stand means nothing, for the worker names the offset in every call.
 */
#pragma once

#include "proto/limits.h"
#include "wire/channel.h"

/*   name                 number  what it does; what comes back */
#define BROKER_VERBS(V)                                                                                               \
    V(BROKER_STAT,         1)  /* type, size, mtime */                                                                \
    V(BROKER_CHDIR,        2)  /* as STAT, must be a directory, Read or Write suffices */                             \
    V(BROKER_OPEN_READ,    3)  /* RETR: descriptor, size, mtime; `offset` beyond the end is ERR_RANGE */              \
    V(BROKER_UPLOAD,       4)  /* STOR: descriptor of a temporary file, `handle` for COMMIT; `offset` > 0 keeps the   \
                                  first `offset` bytes of the existing file (REST) */                                 \
    V(BROKER_APPEND,       5)  /* APPE: descriptor of the file itself, `handle`; as UPLOAD if there is none */        \
    V(BROKER_UPLOAD_UNIQUE, 6) /* STOU: as UPLOAD; `name` is the name chosen in directory `path` */                   \
    V(BROKER_COMMIT,       7)  /* `handle`: the upload is whole, give it its name */                                  \
    V(BROKER_ABANDON,      8)  /* `handle`: drop it, or keep the part if keepPartialUploads */                        \
    V(BROKER_LIST,         9)  /* first chunk in `data`, `more` and `handle` if there is more */                      \
    V(BROKER_LIST_NEXT,    10) /* `handle`: next chunk */                                                             \
    V(BROKER_LIST_END,     11) /* `handle`: stop listing */                                                           \
    V(BROKER_DELETE,       12)                                                                                        \
    V(BROKER_MKDIR,        13)                                                                                        \
    V(BROKER_RMDIR,        14)                                                                                        \
    V(BROKER_RENAME_FROM,  15) /* RNFR: the broker keeps a handle to the object until the next path request */        \
    V(BROKER_RENAME_TO,    16)                                                                                        \
    V(BROKER_SET_TIME,     17) /* MFMT: `time` */                                                                     \
    V(BROKER_FREE_SPACE,   18) /* `size`: bytes free for this user below `path` */

enum broker_verb {
#define V(name, number) name = number,
    BROKER_VERBS(V)
#undef V
    BROKER_VERB_MAX = 18,
};

/* What LIST prints: one style and any of the modifiers. */
enum broker_list_flags {
    LIST_STYLE_DOS = 0,
    LIST_STYLE_UNIX = 1,
    LIST_STYLE_NAMES = 2, /* NLST; each name behind `prefix` */
    LIST_STYLE_FACTS = 3, /* MLSD */
    LIST_STYLE_MASK = 3,
    LIST_LONG_DATE = 4,
    LIST_GMT = 8,
    LIST_VIRTUAL_DIRECTORIES = 16,
    LIST_ONE = 32,        /* MLST: only the object itself, its facts, name is the full path */
    LIST_FLAGS_MAX = 63,
};

/* `pattern` is the wildcard of the last component for LIST ("" all); `offset` REST position; `time` seconds since the
 * epoch: for SET_TIME the new one, for LIST the wall clock of UNIX listings' year rule, 0 the broker's own. */
#define BROKER_REQUEST_FIELDS(F)              \
    F(u64,  ticket,  UINT64_MAX)              \
    F(u32,  request, UINT32_MAX)              \
    F(u8,   verb,    BROKER_VERB_MAX)         \
    F(u32,  flags,   LIST_FLAGS_MAX)          \
    F(u64,  handle,  UINT64_MAX)              \
    F(u64,  offset,  INT64_MAX)               \
    F(i64,  time,    0)                       \
    F(text, path,    PATH_LIMIT)              \
    F(text, pattern, NAME_LIMIT)              \
    F(text, prefix,  PATH_LIMIT)
WIRE_MESSAGE(broker_request, BROKER_REQUEST_FIELDS)

enum broker_type { BROKER_FILE = 0, BROKER_DIRECTORY = 1, BROKER_TYPE_MAX = 1 };

/* `status` is -(enum err), 0 success; `win32` and `substatus` are what the reply text, the detailed error and the log
 * show (ftp-behaviour.md 2.2, 2.4).  Sub-status 54: what was granted is not there any more, the session is to end.
 * `limit`: largest size the upload's file may get, 0 none; the broker refuses the commit of a larger one, the worker
 * stops before.  `reason`: of a refusal by rule, for the log. */
#define BROKER_ANSWER_FIELDS(F)               \
    F(u32,   request,   UINT32_MAX)           \
    F(u8,    status,    255)                  \
    F(u32,   win32,     UINT32_MAX)           \
    F(u32,   substatus, 255)                  \
    F(u8,    type,      BROKER_TYPE_MAX)      \
    F(u64,   size,      UINT64_MAX)           \
    F(i64,   mtime,     0)                    \
    F(u64,   handle,    UINT64_MAX)           \
    F(u64,   limit,     UINT64_MAX)           \
    F(flag,  more,      1)                    \
    F(text,  reason,    DETAIL_LIMIT)         \
    F(text,  name,      PATH_LIMIT)           \
    F(bytes, data,      LISTING_CHUNK)
WIRE_MESSAGE(broker_answer, BROKER_ANSWER_FIELDS)

/* Worker -> broker: the login is over; drop its grant, abandon what it left open. */
#define BROKER_RELEASE_FIELDS(F) F(u64, ticket, UINT64_MAX)
WIRE_MESSAGE(broker_release, BROKER_RELEASE_FIELDS)

#define BROKER_CHANNEL(M)                     \
    M(1, broker_request, ROLE_WORKER, 0)      \
    M(2, broker_answer,  ROLE_BROKER, 1)      \
    M(3, broker_release, ROLE_WORKER, 0)
WIRE_CHANNEL(broker_channel, BROKER_CHANNEL)

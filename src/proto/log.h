/*
 * log.h - every program -> logger.
 *
 * Senders never wait: when neither the socket nor they themselves can take more they count what they lost and say so with
 * the next record that gets through (`lost`), the authenticator with log_lost.
 */
#pragma once

#include "proto/limits.h"
#include "wire/channel.h"

/* One line of the W3C log (ftp-behaviour.md 10).  `status` 0 prints "-" (pseudo-verbs ControlChannelOpened ...).
 * `time` milliseconds since the epoch; `elapsed` milliseconds.  `info` is the text of x-debug. `reason`: why the
 * command was refused, or the login allowed, for the reason log. `infrastructure`: the
 * line belongs to LogInfrastructure (data channel events, PORT/PASV family).  `certificate` and `cert_verdict` as auth.h's
 * auth_certified carries them, "" where the site does not log them. */
#define LOG_ACCESS_FIELDS(F)                  \
    F(u32,   site,           UINT32_MAX)      \
    F(i64,   time,           0)               \
    F(bytes, session_id,     16)              \
    F(addr,  client,         0)               \
    F(addr,  local,          0)               \
    F(text,  user,           NAME_LIMIT)      \
    F(text,  host,           NAME_LIMIT)      \
    F(text,  verb,           64)              \
    F(text,  argument,       PATH_LIMIT)      \
    F(u32,   status,         999)             \
    F(u32,   win32,          UINT32_MAX)      \
    F(u32,   substatus,      255)             \
    F(u64,   bytes_sent,     UINT64_MAX)      \
    F(u64,   bytes_received, UINT64_MAX)      \
    F(u64,   elapsed,        UINT64_MAX)      \
    F(text,  full_path,      PATH_LIMIT)      \
    F(text,  info,           DETAIL_LIMIT)    \
    F(text,  reason,         DETAIL_LIMIT)    \
    F(flag,  infrastructure, 1)               \
    F(text,  certificate,    CERT_LOG_LIMIT)  \
    F(text,  cert_verdict,   DETAIL_LIMIT)    \
    F(u64,   lost,           UINT64_MAX)
WIRE_MESSAGE(log_access, LOG_ACCESS_FIELDS)

/* What one turn of a worker's loop left to log: log_access after log_access, each behind its length.  One by one they
 * cost worker and logger more than all else about them. */
enum {
    LOG_RECORDS_FULL = 16 * 1024, /* send at once */
    LOG_RECORDS_MAX = LOG_RECORDS_FULL + 2 * PATH_LIMIT + 8 * 1024, /* and the longest record on top */
};
#define LOG_RECORDS_FIELDS(F)                 \
    F(bytes, records,        LOG_RECORDS_MAX)
WIRE_MESSAGE(log_records, LOG_RECORDS_FIELDS)

static inline void log_records_add(struct text *records, struct slice record)
{
    const uint32_t len = (uint32_t)record.len;
    text_add(records, slice_of((const char *)&len, sizeof len));
    text_add(records, record);
}

/* Take the next record off `records`; false at their end, or when what is left is none. */
static inline bool log_records_next(struct slice *records, struct wire_in *record_out)
{
    uint32_t len;
    if (records->len < sizeof len)
        return false;
    memcpy(&len, records->ptr, sizeof len);
    struct slice rest = slice_from(*records, sizeof len);
    if (len > rest.len)
        return false;
    *record_out = wire_in_of(rest.ptr, len);
    *records = slice_from(rest, len);
    return true;
}

enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARNING = 1, LOG_LEVEL_NOTICE = 2, LOG_LEVEL_DEBUG = 3 };

/* A line for the administrator (service log): `where` is the program, `text` already free of secrets. */
#define LOG_EVENT_FIELDS(F)                   \
    F(i64,  time,   0)                        \
    F(u8,   level,  LOG_LEVEL_DEBUG)          \
    F(text, where,  64)                       \
    F(text, text,   4096)
WIRE_MESSAGE(log_event, LOG_EVENT_FIELDS)

/* What was made of a client's certificate, for the service log: at its handshake, and at the end of its login.  The first
 * four may be cut; `account` "" when it is about no login. */
#define LOG_CERTIFICATE_FIELDS(F)             \
    F(i64,   time,       0)                   \
    F(u8,    level,      LOG_LEVEL_DEBUG)     \
    F(text,  site,       NAME_LIMIT)          \
    F(bytes, session_id, 16)                  \
    F(text,  facts,      CERT_LOG_LIMIT)      \
    F(text,  verdict,    DETAIL_LIMIT)        \
    F(u32,   win32,      UINT32_MAX)          \
    F(u32,   substatus,  255)                 \
    F(text,  account,    NAME_LIMIT)
WIRE_MESSAGE(log_certificate, LOG_CERTIFICATE_FIELDS)

/* Why a login was refused, for the reason log; the worker, which tells the rest, must not know that much. */
#define LOG_REASON_FIELDS(F)                  \
    F(u32,   site,       UINT32_MAX)          \
    F(i64,   time,       0)                   \
    F(bytes, session_id, 16)                  \
    F(text,  user,       NAME_LIMIT)          \
    F(u32,   win32,      UINT32_MAX)          \
    F(u32,   substatus,  255)                 \
    F(text,  reason,     2048)
WIRE_MESSAGE(log_reason, LOG_REASON_FIELDS)

/* So many messages of the sender were lost before this one. */
#define LOG_LOST_FIELDS(F)                    \
    F(u64,   count,      UINT64_MAX)
WIRE_MESSAGE(log_lost, LOG_LOST_FIELDS)

#define LOG_CHANNEL(M)                                                                    \
    M(1, log_records, ROLE_WORKER, 0)                                                     \
    M(2, log_event, ROLE_WORKER | ROLE_BROKER | ROLE_AUTH | ROLE_PAM | ROLE_SUPERVISOR, 0) \
    M(3, log_certificate, ROLE_AUTH, 0) \
    M(4, log_reason, ROLE_AUTH, 0)                                                        \
    M(5, log_lost, ROLE_AUTH, 0)
WIRE_CHANNEL(log_channel, LOG_CHANNEL)

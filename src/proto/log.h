/*
 * log.h - every program -> logger.
 *
 * Senders never wait: when the socket is full they count what they lost and say so with the next record that gets
 * through (`lost`).
 */
#pragma once

#include "proto/limits.h"
#include "wire/channel.h"

/* One line of the W3C log (ftp-behaviour.md 10).  `status` 0 prints "-" (pseudo-verbs ControlChannelOpened ...).
 * `time` milliseconds since the epoch; `elapsed` milliseconds.  `info` is the text of x-debug. `infrastructure`: the
 * line belongs to LogInfrastructure (data channel events, PORT/PASV family). */
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
    F(flag,  infrastructure, 1)               \
    F(u64,   lost,           UINT64_MAX)
WIRE_MESSAGE(log_access, LOG_ACCESS_FIELDS)

enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARNING = 1, LOG_LEVEL_NOTICE = 2, LOG_LEVEL_DEBUG = 3 };

/* A line for the administrator (service log): `where` is the program, `text` already free of secrets. */
#define LOG_EVENT_FIELDS(F)                   \
    F(i64,  time,   0)                        \
    F(u8,   level,  LOG_LEVEL_DEBUG)          \
    F(text, where,  64)                       \
    F(text, text,   4096)
WIRE_MESSAGE(log_event, LOG_EVENT_FIELDS)

#define LOG_CHANNEL(M)                                                                    \
    M(1, log_access, ROLE_WORKER, 0)                                                      \
    M(2, log_event, ROLE_WORKER | ROLE_BROKER | ROLE_AUTH | ROLE_PAM | ROLE_SUPERVISOR, 0)
WIRE_CHANNEL(log_channel, LOG_CHANNEL)

/*
 * control.h - the command line <-> supervisor, over DIR/run/control (SOCK_SEQPACKET, SO_PEERCRED checked: root, the
 * invoking user, or a member of the admin group; threats.md X07).
 *
 * One request per connection (control_request or control_test); rows come back, then control_done.
 */
#pragma once

#include "proto/limits.h"
#include "proto/rehearsal.h"
#include "wire/channel.h"

/* The folder of the control socket ("control") and the pid file: DIR/run, and /run/sallyport for the installed
 * instance.  `directory` is the configuration folder as the administrator wrote it. */
static inline void control_run_directory(struct slice directory, struct text *out)
{
    while (directory.len > 1 && directory.ptr[directory.len - 1] == '/')
        directory.len--;
    if (slice_equal_str(directory, "/etc/sallyport")) {
        text_add_str(out, "/run/sallyport");
        return;
    }
    text_add(out, directory);
    text_add_str(out, "/run");
}

/*   verb                     number   rows that come back */
#define CONTROL_VERBS(V)                                                                        \
    V(CONTROL_STATUS,           1)  /* control_program per program, control_config, control_line per error of refused files */ \
    V(CONTROL_LIST_SITES,       2)  /* control_site per ftp site */                             \
    V(CONTROL_START_SITE,       3)  /* `name`: site name */                                     \
    V(CONTROL_STOP_SITE,        4)                                                              \
    V(CONTROL_LIST_SESSIONS,    5)  /* `name`: site name or "": control_session per session */    \
    V(CONTROL_TERMINATE,        6)  /* `name`: session GUID text */                             \
    V(CONTROL_FLUSH_LOG,        7)  /* `name`: site name or "" */                               \
    V(CONTROL_FLUSH_CACHE,      8)                                                              \
    V(CONTROL_RELOAD,           9)  /* control_line per error; over when it is in force, or not */ \
    V(CONTROL_NOT_ENFORCED,     10) /* control_line per setting */

enum control_verb {
#define V(name, number) name = number,
    CONTROL_VERBS(V)
#undef V
    CONTROL_VERB_MAX = 10,
};

#define CONTROL_REQUEST_FIELDS(F)             \
    F(u8,   verb, CONTROL_VERB_MAX)           \
    F(text, name, NAME_LIMIT)
WIRE_MESSAGE(control_request, CONTROL_REQUEST_FIELDS)

/* IIS's site state: Starting 0, Started 1, Stopping 2, Stopped 3, Unknown 4. `why` says why it did not start. */
#define CONTROL_SITE_FIELDS(F)                \
    F(u32,  site,     UINT32_MAX)             \
    F(text, name,     NAME_LIMIT)             \
    F(u8,   state,    4)                      \
    F(u32,  status,   UINT32_MAX)             \
    F(u32,  sessions, UINT32_MAX)             \
    F(text, why,      DETAIL_LIMIT)
WIRE_MESSAGE(control_site, CONTROL_SITE_FIELDS)

#define CONTROL_PROGRAM_FIELDS(F)             \
    F(u32,  role,     255)                    \
    F(u32,  index,    WORKERS_MAX)            \
    F(i64,  pid,      0)                      \
    F(u32,  uid,      UINT32_MAX)             \
    F(u32,  restarts, UINT32_MAX)             \
    F(i64,  started,  0)
WIRE_MESSAGE(control_program, CONTROL_PROGRAM_FIELDS)

/* Whether the files are in force; `since`: when what is in force was taken over, `refused`: since when other files wait, 0
 * for none.  Seconds since the epoch. */
#define CONTROL_CONFIG_FIELDS(F)              \
    F(i64,  since,    0)                      \
    F(i64,  refused,  0)
WIRE_MESSAGE(control_config, CONTROL_CONFIG_FIELDS)

#define CONTROL_LINE_FIELDS(F) F(text, text, 4096)
WIRE_MESSAGE(control_line, CONTROL_LINE_FIELDS)

/* `status` is -(enum err), 0 success. */
#define CONTROL_DONE_FIELDS(F)                \
    F(u8,   status, 255)                      \
    F(text, text,   DETAIL_LIMIT)
WIRE_MESSAGE(control_done, CONTROL_DONE_FIELDS)

/* A row of CONTROL_LIST_SESSIONS: child.h's child_session, with the site's name. */
#define CONTROL_SESSION_FIELDS(F)             \
    F(text,  site,             NAME_LIMIT)    \
    F(bytes, session_id,       16)            \
    F(text,  user,             NAME_LIMIT)    \
    F(addr,  client,           0)             \
    F(i64,   start_time,       0)             \
    F(text,  current_command,  NAME_LIMIT)    \
    F(text,  previous_command, NAME_LIMIT)    \
    F(i64,   command_start,    0)             \
    F(u64,   bytes_sent,       UINT64_MAX)    \
    F(u64,   bytes_received,   UINT64_MAX)    \
    F(u32,   last_error,       UINT32_MAX)    \
    F(flag,  tls,              1)
WIRE_MESSAGE(control_session, CONTROL_SESSION_FIELDS)

/* The other request, a rehearsal: would a client with this certificate be let in on `site`?  control_line per step,
 * control_account when it is known who that is, control_verdict, control_done.  `chain` as auth_certificate carries it;
 * `user`: what USER would say, "" whoever fits; `client`: from where; `at`: when, seconds since the epoch, 0 now. */
#define CONTROL_TEST_FIELDS(F)                \
    F(text,  site,   NAME_LIMIT)              \
    F(bytes, chain,  CERT_CHAIN_LIMIT)        \
    F(text,  user,   NAME_LIMIT)              \
    F(addr,  client, 0)                       \
    F(i64,   at,     0)
WIRE_MESSAGE(control_test, CONTROL_TEST_FIELDS)

WIRE_MESSAGE(control_account, REHEARSED_ACCOUNT_FIELDS)

/* `status`: of the reply that decides, as it would stand in the log. */
#define CONTROL_VERDICT_FIELDS(F)             \
    F(u8,  outcome,   REHEARSAL_MAX)          \
    F(u32, status,    999)                    \
    F(u32, win32,     UINT32_MAX)             \
    F(u32, substatus, 255)
WIRE_MESSAGE(control_verdict, CONTROL_VERDICT_FIELDS)

#define CONTROL_CHANNEL(M)                           \
    M(1, control_request, ROLE_CLI,        0)        \
    M(2, control_site,    ROLE_SUPERVISOR, 0)        \
    M(3, control_program, ROLE_SUPERVISOR, 0)        \
    M(4, control_session, ROLE_SUPERVISOR, 0)        \
    M(5, control_line,    ROLE_SUPERVISOR, 0)        \
    M(6, control_done,    ROLE_SUPERVISOR, 0)        \
    M(7, control_test,    ROLE_CLI,        0)        \
    M(8, control_verdict, ROLE_SUPERVISOR, 0)        \
    M(9, control_account, ROLE_SUPERVISOR, 0)        \
    M(10, control_config, ROLE_SUPERVISOR, 0)
WIRE_CHANNEL(control_channel, CONTROL_CHANNEL)

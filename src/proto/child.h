/*
 * child.h - supervisor <-> each of its children, on descriptor 3 of the child (CHILD_FD).
 *
 * Start: the supervisor spawns the program with `--child INDEX`, sends child_setting (run-time facts), child_snapshot,
 * child_peer for every other program it talks to, child_listener (workers), then child_start.  The child sandboxes
 * itself, answers child_ready and works until the channel closes: a child whose supervisor is gone exits.
 * Later: a new child_snapshot replaces the old, a new child_peer replaces a peer that was restarted.
 */
#pragma once

#include "proto/limits.h"
#include "proto/rehearsal.h"
#include "wire/channel.h"

enum { CHILD_FD = 3 };

/* S -> child: facts that are no configuration.  `uid`/`gid`: become this before child_ready (UINT32_MAX: stay).
 * `privileged`: started by root.   `empty_root`: workers chroot there.
 * `restarts`: how often this program has died before. */
#define CHILD_SETTING_FIELDS(F)               \
    F(u32,  index,      WORKERS_MAX)          \
    F(u32,  workers,    WORKERS_MAX)          \
    F(u32,  uid,        UINT32_MAX)           \
    F(u32,  gid,        UINT32_MAX)           \
    F(flag, privileged, 1)                    \
    F(text, empty_root, PATH_LIMIT)           \
    F(u32,  restarts,   UINT32_MAX)
WIRE_MESSAGE(child_setting, CHILD_SETTING_FIELDS)

/* S -> child, fd: sealed memfd with the snapshot for the child's role (snapshot/snapshot.h). */
#define CHILD_SNAPSHOT_FIELDS(F) F(u64, generation, UINT64_MAX)
WIRE_MESSAGE(child_snapshot, CHILD_SNAPSHOT_FIELDS)

/* Child -> S: whatever I am asked from now on is answered by that generation, which came after the start. */
#define CHILD_TAKEN_FIELDS(F) F(u64, generation, UINT64_MAX)
WIRE_MESSAGE(child_taken, CHILD_TAKEN_FIELDS)

/* S -> child, fd: our end of a SEQPACKET pair to that peer.  `role` is an enum role, `index` which worker/broker. */
#define CHILD_PEER_FIELDS(F)                  \
    F(u32, role,  255)                        \
    F(u32, index, WORKERS_MAX)
WIRE_MESSAGE(child_peer, CHILD_PEER_FIELDS)

/* S -> worker, fd: a listening socket.  `listener` names it until child_unlisten; which sites it serves and whether
 * TLS is implicit follow from a connection's own local address and the snapshot's bindings. */
#define CHILD_LISTENER_FIELDS(F) F(u32, listener, UINT32_MAX)
WIRE_MESSAGE(child_listener, CHILD_LISTENER_FIELDS)
#define CHILD_UNLISTEN_FIELDS(F) F(u32, listener, UINT32_MAX)
WIRE_MESSAGE(child_unlisten, CHILD_UNLISTEN_FIELDS)

WIRE_MESSAGE(child_start, WIRE_NO_FIELDS)
WIRE_MESSAGE(child_ready, WIRE_NO_FIELDS)

/* S -> worker, fd: the memfd of session counters all workers map (sys/counts.h). */
WIRE_MESSAGE(child_counts, WIRE_NO_FIELDS)

/* S -> worker, fd: the memfd of what all workers count together (sys/tally.h).
 * S -> auth, fd: the memfd of failed logins, which outlives the authenticator (policy/lockout.h). */
WIRE_MESSAGE(child_region, WIRE_NO_FIELDS)

/* S -> auth, fd: the file in which lists and answers about revocation outlive it (pki/disk.h). */
WIRE_MESSAGE(child_cache, WIRE_NO_FIELDS)

/* S -> worker: session ticket keys, newest first, 80 bytes each (16 name, 32 AES, 32 HMAC). */
#define CHILD_TICKET_KEYS_FIELDS(F) F(secret, keys, 240)
WIRE_MESSAGE(child_ticket_keys, CHILD_TICKET_KEYS_FIELDS)

/* S -> worker: the site was stopped (end its sessions, sub-status 21) or started again by the administrator. */
#define CHILD_SITE_FIELDS(F)                  \
    F(u32,  site,    UINT32_MAX)              \
    F(flag, stopped, 1)
WIRE_MESSAGE(child_site, CHILD_SITE_FIELDS)

/* S -> worker: take no new session, let running transfers finish for `seconds`, then 421 and answer child_drained.
 * S -> logger, auth, broker: finish and exit when your peers have closed. */
#define CHILD_DRAIN_FIELDS(F) F(u32, seconds, UINT32_MAX)
WIRE_MESSAGE(child_drain, CHILD_DRAIN_FIELDS)
WIRE_MESSAGE(child_drained, WIRE_NO_FIELDS)

/* S -> worker: send a child_session for every session of `site` (0: all), then child_sessions_end. */
#define CHILD_LIST_SESSIONS_FIELDS(F)         \
    F(u32, query, UINT32_MAX)                 \
    F(u32, site,  UINT32_MAX)
WIRE_MESSAGE(child_list_sessions, CHILD_LIST_SESSIONS_FIELDS)

/* ftp-behaviour.md 11, sessions/session.  Times are seconds since the epoch. */
#define CHILD_SESSION_FIELDS(F)               \
    F(u32,   query,            UINT32_MAX)    \
    F(u32,   site,             UINT32_MAX)    \
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
WIRE_MESSAGE(child_session, CHILD_SESSION_FIELDS)
#define CHILD_SESSIONS_END_FIELDS(F) F(u32, query, UINT32_MAX)
WIRE_MESSAGE(child_sessions_end, CHILD_SESSIONS_END_FIELDS)

/* S -> worker: end this session (administrator, sub-status 52). */
#define CHILD_TERMINATE_FIELDS(F) F(bytes, session_id, 16)
WIRE_MESSAGE(child_terminate, CHILD_TERMINATE_FIELDS)

/* S -> worker: send what there is to log to the logger; answered by child_done.
 * S -> logger: write out buffered lines of `site` (0: all); answered by child_done.
 * S -> auth: empty the credential cache; answered by child_done. */
#define CHILD_FLUSH_FIELDS(F)                 \
    F(u32, query, UINT32_MAX)                 \
    F(u32, site,  UINT32_MAX)
WIRE_MESSAGE(child_flush, CHILD_FLUSH_FIELDS)
#define CHILD_DONE_FIELDS(F) F(u32, query, UINT32_MAX)
WIRE_MESSAGE(child_done, CHILD_DONE_FIELDS)

/* Auth -> S: this IIS Manager user logged in and the stored hash is of an older form: store this one if the attribute
 * still holds `old_hash`. */
#define CHILD_REHASH_FIELDS(F)                \
    F(text,   user,     NAME_LIMIT)           \
    F(secret, old_hash, NAME_LIMIT)           \
    F(secret, new_hash, NAME_LIMIT)
WIRE_MESSAGE(child_rehash, CHILD_REHASH_FIELDS)

/* S -> auth: rehearse a login with this certificate (control.h, control_test): child_test_line per step,
 * child_test_account when it is known who that is, child_test_done.  Nobody is logged in by it, and no failure is counted. */
#define CHILD_TEST_FIELDS(F)                  \
    F(u32,   query,  UINT32_MAX)              \
    F(u32,   site,   UINT32_MAX)              \
    F(bytes, chain,  CERT_CHAIN_LIMIT)        \
    F(text,  user,   NAME_LIMIT)              \
    F(addr,  client, 0)                       \
    F(i64,   at,     0)
WIRE_MESSAGE(child_test, CHILD_TEST_FIELDS)
#define CHILD_TEST_LINE_FIELDS(F)             \
    F(u32,  query, UINT32_MAX)                \
    F(text, text,  4096)
WIRE_MESSAGE(child_test_line, CHILD_TEST_LINE_FIELDS)
#define CHILD_TEST_ACCOUNT_FIELDS(F)          \
    F(u32, query, UINT32_MAX)                 \
    REHEARSED_ACCOUNT_FIELDS(F)
WIRE_MESSAGE(child_test_account, CHILD_TEST_ACCOUNT_FIELDS)
#define CHILD_TEST_DONE_FIELDS(F)             \
    F(u32, query,     UINT32_MAX)             \
    F(u8,  outcome,   REHEARSAL_MAX)          \
    F(u32, status,    999)                    \
    F(u32, win32,     UINT32_MAX)             \
    F(u32, substatus, 255)
WIRE_MESSAGE(child_test_done, CHILD_TEST_DONE_FIELDS)

/* Logger -> S: the log of that site (0: the one of all) cannot be written, `error` says why (an errno); 0: it is again. */
#define CHILD_LOG_STATE_FIELDS(F)             \
    F(u32, site,  UINT32_MAX)                 \
    F(u32, error, 4095)
WIRE_MESSAGE(child_log_state, CHILD_LOG_STATE_FIELDS)

/* Child -> S: a line for the administrator when there is no logger yet, or about the logger. */
#define CHILD_EVENT_FIELDS(F)                 \
    F(u8,   level, 3)                         \
    F(text, text,  4096)
WIRE_MESSAGE(child_event, CHILD_EVENT_FIELDS)

#define ROLE_ANY_CHILD (ROLE_WORKER | ROLE_BROKER | ROLE_AUTH | ROLE_PAM | ROLE_MEMBERSHIP | ROLE_LOGGER)
/*    no   message               sender            fds */
#define CHILD_CHANNEL(M)                             \
    M(1,  child_setting,       ROLE_SUPERVISOR, 0)   \
    M(2,  child_snapshot,      ROLE_SUPERVISOR, 1)   \
    M(3,  child_peer,          ROLE_SUPERVISOR, 1)   \
    M(4,  child_listener,      ROLE_SUPERVISOR, 1)   \
    M(5,  child_unlisten,      ROLE_SUPERVISOR, 0)   \
    M(6,  child_start,         ROLE_SUPERVISOR, 0)   \
    M(7,  child_ready,         ROLE_ANY_CHILD,  0)   \
    M(8,  child_counts,        ROLE_SUPERVISOR, 1)   \
    M(9,  child_ticket_keys,   ROLE_SUPERVISOR, 0)   \
    M(10, child_site,          ROLE_SUPERVISOR, 0)   \
    M(11, child_drain,         ROLE_SUPERVISOR, 0)   \
    M(12, child_drained,       ROLE_WORKER,     0)   \
    M(13, child_list_sessions, ROLE_SUPERVISOR, 0)   \
    M(14, child_session,       ROLE_WORKER,     0)   \
    M(15, child_sessions_end,  ROLE_WORKER,     0)   \
    M(16, child_terminate,     ROLE_SUPERVISOR, 0)   \
    M(17, child_flush,         ROLE_SUPERVISOR, 0)   \
    M(18, child_done,          ROLE_WORKER | ROLE_LOGGER | ROLE_AUTH, 0) \
    M(19, child_rehash,        ROLE_AUTH,       0)   \
    M(20, child_event,         ROLE_ANY_CHILD,  0)   \
    M(21, child_region,        ROLE_SUPERVISOR, 1)   \
    M(22, child_test,          ROLE_SUPERVISOR, 0)   \
    M(23, child_test_line,     ROLE_AUTH,       0)   \
    M(24, child_test_done,     ROLE_AUTH,       0)   \
    M(25, child_cache,         ROLE_SUPERVISOR, 1)   \
    M(26, child_taken,         ROLE_ANY_CHILD,  0)   \
    M(27, child_test_account,  ROLE_AUTH,       0)   \
    M(28, child_log_state,     ROLE_LOGGER,     0)
WIRE_CHANNEL(child_channel, CHILD_CHANNEL)

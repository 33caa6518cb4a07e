/*
 * auth.h - worker <-> authenticator: who is this?
 *
 * The worker asks with what the client sent; the authenticator decides, has the broker of that worker accept a grant
 * (grant.h) and only then answers with the ticket.  The worker can quote a ticket, never make one.
 */
#pragma once

#include "proto/limits.h"
#include "wire/channel.h"

enum auth_method { AUTH_METHOD_PASSWORD = 0, AUTH_METHOD_CERTIFICATE = 1, AUTH_METHOD_MAX = 1 };

enum auth_verdict {
    AUTH_ALLOWED = 0,
    AUTH_DENIED = 1,          /* 530 User cannot log in. */
    AUTH_HOME_DENIED = 2,     /* 530 User cannot log in, home directory inaccessible. */
    AUTH_UNAVAILABLE = 3,     /* overloaded or a store is down: 421 */
    AUTH_NEEDS_PASSWORD = 4,  /* asked at USER: the certificate alone names nobody */
    AUTH_VERDICT_MAX = 4,
};

/* Worker -> auth.  `session` is the worker's number for the connection; it comes back in the answer.  `session_id` is
 * the 16-byte GUID that logs show.  `site` is the site's id attribute.  `tls`: control channel is encrypted now.
 * `certificate`: number of the certificate that was found good for this site, 0 none.  AUTH_METHOD_CERTIFICATE asks at
 * USER, before a password was sent. */
#define AUTH_LOGIN_FIELDS(F)                 \
    F(u64,    session,    UINT64_MAX)        \
    F(bytes,  session_id, 16)                \
    F(u32,    site,       UINT32_MAX)        \
    F(u8,     method,     AUTH_METHOD_MAX)   \
    F(text,   user,       NAME_LIMIT)        \
    F(secret, password,   SECRET_LIMIT)      \
    F(addr,   client,     0)                 \
    F(addr,   local,      0)                 \
    F(flag,   tls,        1)                 \
    F(text,   host,       NAME_LIMIT)        \
    F(u64,    certificate, UINT64_MAX)
WIRE_MESSAGE(auth_login, AUTH_LOGIN_FIELDS)

/* Auth -> worker.  `name` is the canonical name for logs, rules, %UserName%; "" for anonymous.  `home` is the virtual
 * start directory.  `detail` is shown to local clients only (allowLocalDetailedErrors).  `reason`: why, for the log of a
 * site that logs certificates.  `why`: by which rules a login was allowed, for the reason log; of a refused one the worker
 * is not told. */
#define AUTH_RESULT_FIELDS(F)                \
    F(u64,  session,   UINT64_MAX)           \
    F(u8,   verdict,   AUTH_VERDICT_MAX)     \
    F(u32,  win32,     UINT32_MAX)           \
    F(u32,  substatus, 255)                  \
    F(u64,  ticket,    UINT64_MAX)           \
    F(flag, anonymous, 1)                    \
    F(text, name,      NAME_LIMIT)           \
    F(text, home,      PATH_LIMIT)           \
    F(text, detail,    DETAIL_LIMIT)         \
    F(text, reason,    DETAIL_LIMIT)         \
    F(text, why,       DETAIL_LIMIT)
WIRE_MESSAGE(auth_result, AUTH_RESULT_FIELDS)

/* Worker -> auth: these logins are over (QUIT, REIN, new USER, connection gone); forget the tickets.  Gathered for some
 * milliseconds: nobody waits for it, and each would wake two programs. */
#define AUTH_ENDED_FIELDS(F) F(bytes, tickets, TICKETS_LIMIT)
WIRE_MESSAGE(auth_ended, AUTH_ENDED_FIELDS)

/* Auth -> worker: the ticket is no longer good (account removed, disabled, permission withdrawn): end the session
 * with this sub-status. */
#define AUTH_REVOKE_FIELDS(F)                \
    F(u64,  ticket,    UINT64_MAX)           \
    F(u32,  substatus, 255)                  \
    F(u32,  win32,     UINT32_MAX)           \
    F(text, why,       DETAIL_LIMIT)
WIRE_MESSAGE(auth_revoke, AUTH_REVOKE_FIELDS)

/* Auth -> worker: connections from that address are to be cut for so many milliseconds (denyByFailure); an IPv6 address
 * stands for its /64 network. */
#define AUTH_BLOCK_FIELDS(F)                 \
    F(addr, client,  0)                      \
    F(u64,  left_ms, INT64_MAX)
WIRE_MESSAGE(auth_block, AUTH_BLOCK_FIELDS)
/* Worker -> auth: the client showed this certificate and has its key.  `chain`: u32 length and DER each, leaf first. */
#define AUTH_CERTIFICATE_FIELDS(F)           \
    F(u64,   session,    UINT64_MAX)         \
    F(bytes, session_id, 16)                 \
    F(u32,   site,       UINT32_MAX)         \
    F(bytes, chain,      CERT_CHAIN_LIMIT)
WIRE_MESSAGE(auth_certificate, AUTH_CERTIFICATE_FIELDS)

/* Auth -> worker: may the session go on?  `certificate` is the number to quote, 0 when refused; `site` as asked.  `facts`
 * are for the log: subject, issuer, serial number, SHA-256, one a line; `reason` the verdict in words. */
#define AUTH_CERTIFIED_FIELDS(F)             \
    F(u64,  session,     UINT64_MAX)         \
    F(u32,  site,        UINT32_MAX)         \
    F(u64,  certificate, UINT64_MAX)         \
    F(u32,  win32,       UINT32_MAX)         \
    F(flag, unavailable, 1)                  \
    F(text, facts,       CERT_LOG_LIMIT)     \
    F(text, reason,      DETAIL_LIMIT)
WIRE_MESSAGE(auth_certified, AUTH_CERTIFIED_FIELDS)

/* Worker -> auth: the certificate will not be quoted any more. */
#define AUTH_FORGET_FIELDS(F) F(u64, certificate, UINT64_MAX)
WIRE_MESSAGE(auth_forget, AUTH_FORGET_FIELDS)

/* Worker -> auth, for every login, when the authenticator was started anew: it lives in this session, whose client
 * showed `chain` ("": none).  Answered by auth_certified where there is one.  Whose login it is the broker says. */
#define AUTH_PRESENT_FIELDS(F)               \
    F(u64,   ticket,     UINT64_MAX)         \
    F(u64,   session,    UINT64_MAX)         \
    F(u32,   site,       UINT32_MAX)         \
    F(bytes, chain,      CERT_CHAIN_LIMIT)
WIRE_MESSAGE(auth_present, AUTH_PRESENT_FIELDS)

/*    no  message      sender       fds */
#define AUTH_CHANNEL(M)                      \
    M(1, auth_login,  ROLE_WORKER, 0)        \
    M(2, auth_result, ROLE_AUTH,   0)        \
    M(3, auth_ended,  ROLE_WORKER, 0)        \
    M(4, auth_revoke, ROLE_AUTH,   0)        \
    M(5, auth_block,  ROLE_AUTH,   0)        \
    M(6, auth_certificate, ROLE_WORKER, 0)   \
    M(7, auth_certified, ROLE_AUTH, 0)       \
    M(8, auth_forget, ROLE_WORKER, 0)        \
    M(9, auth_present, ROLE_WORKER, 0)
WIRE_CHANNEL(auth_channel, AUTH_CHANNEL)

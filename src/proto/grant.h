/*
 * grant.h - authenticator <-> broker: what a ticket stands for.
 *
 * Does not pass through the worker.  The broker checks that the home directory exists, is reachable as that identity
 * and is authorized, and answers; the authenticator waits for that before it tells the worker anything.
 */
#pragma once

#include "proto/limits.h"
#include "wire/channel.h"

enum grant_identity {
    GRANT_SERVICE = 0,    /* files as the service account: anonymous, IIS Manager users, custom providers */
    GRANT_SYSTEM = 1,     /* files as uid/gid/groups */
    GRANT_IDENTITY_MAX = 1,
};

enum grant_account { /* ftp-behaviour.md 6: the kinds that isolation tells apart */
    GRANT_ANONYMOUS = 0,
    GRANT_LOCAL = 1,      /* system account */
    GRANT_DOMAIN = 2,     /* `domain` names it */
    GRANT_CUSTOM = 3,     /* IIS Manager, membership, provider users */
    GRANT_ACCOUNT_MAX = 3,
};

enum { HOME_ATTRIBUTE_LIMIT = 2048 };

/* Auth -> broker.  `client` is where the session comes from, `client_name` the
 * name of that address ("" none, "?" could not be found out) where some ipSecurity has rules by name.  `alias` is the DNS name
 * of `domain`, without one the machine's name; `principal` the userPrincipalName: rules may use both.  `roles` are group or
 * role names, one per line.  `groups` are u32 little-endian.  `home_root` and `home_dir`: msIIS-FTPRoot and msIIS-FTPDir as the directory has them, for sites with
 * userIsolation mode ActiveDirectory; whether they lie below a configured root the broker says.
 * `memo` is the authenticator's alone: the broker keeps it and gives it back in grant_held. */
#define GRANT_GIVE_FIELDS(F)                  \
    F(u64,   ticket,   UINT64_MAX)            \
    F(u32,   site,     UINT32_MAX)            \
    F(u8,    account,  GRANT_ACCOUNT_MAX)     \
    F(u8,    identity, GRANT_IDENTITY_MAX)    \
    F(u32,   uid,      UINT32_MAX)            \
    F(u32,   gid,      UINT32_MAX)            \
    F(bytes, groups,   GROUPS_LIMIT)          \
    F(text,  user,     NAME_LIMIT)            \
    F(text,  domain,   NAME_LIMIT)            \
    F(text,  alias,    NAME_LIMIT)            \
    F(text,  principal, NAME_LIMIT)           \
    F(text,  roles,    ROLES_LIMIT)           \
    F(addr,  client,   0)                     \
    F(text,  client_name, 255)                \
    F(text,  home_root, HOME_ATTRIBUTE_LIMIT) \
    F(text,  home_dir, HOME_ATTRIBUTE_LIMIT) \
    F(bytes, memo,     MEMO_LIMIT)
WIRE_MESSAGE(grant_give, GRANT_GIVE_FIELDS)
enum { GRANT_GIVE_HEAD = 10 }; /* bytes: its number and the ticket; what follows is who and where */

/* Broker -> auth.  `generation`: of the snapshot that it was judged by.  `home` is the virtual start directory; `reason` why
 * it was refused or found good, for the log. */
#define GRANT_ANSWER_FIELDS(F)                \
    F(u64,  ticket,    UINT64_MAX)            \
    F(u64,  generation, UINT64_MAX)           \
    F(flag, accepted,  1)                     \
    F(u32,  win32,     UINT32_MAX)            \
    F(u32,  substatus, 255)                   \
    F(text, home,      PATH_LIMIT)            \
    F(text, reason,    DETAIL_LIMIT)
WIRE_MESSAGE(grant_answer, GRANT_ANSWER_FIELDS)

/* Auth -> broker, fd: the reading end of a pipe in which grant_twin stand, one behind the other and nothing else.  It does not
 * block.  Whoever hears anything on this channel, or of a ticket that he does not know, reads the pipe first. */
WIRE_MESSAGE(grant_twins, WIRE_NO_FIELDS)

/* Broker -> auth: from now on it is read. */
WIRE_MESSAGE(grant_twins_taken, WIRE_NO_FIELDS)

/* Auth -> broker, in that pipe: `ticket` stands for the same as `like`, which was accepted a moment ago and lives.  Nobody is
 * woken by it and nobody answers. */
#define GRANT_TWIN_FIELDS(F)                  \
    F(u64, ticket, UINT64_MAX)                \
    F(u64, like,   UINT64_MAX)
WIRE_MESSAGE(grant_twin, GRANT_TWIN_FIELDS)
enum { GRANT_TWIN_BYTES = 16 };

#define GRANT_REVOKE_FIELDS(F) F(u64, ticket, UINT64_MAX)
WIRE_MESSAGE(grant_revoke, GRANT_REVOKE_FIELDS)

/* Auth -> broker: these logins are over. */
#define GRANT_ENDED_FIELDS(F) F(bytes, tickets, TICKETS_LIMIT)
WIRE_MESSAGE(grant_ended, GRANT_ENDED_FIELDS)

/* Auth -> broker: whose files the virtual directory `path` of the site is served with, when it names `user`.  Not
 * `accepted`: nobody's, the account could not be logged in.  `local`: uidFloor counts, not the site's minimumUid. */
#define GRANT_FIXED_FIELDS(F)                 \
    F(u32,   site,     UINT32_MAX)            \
    F(text,  path,     PATH_LIMIT)            \
    F(text,  user,     NAME_LIMIT)            \
    F(flag,  accepted, 1)                     \
    F(flag,  local,    1)                     \
    F(u32,   uid,      UINT32_MAX)            \
    F(u32,   gid,      UINT32_MAX)            \
    F(bytes, groups,   GROUPS_LIMIT)
WIRE_MESSAGE(grant_fixed, GRANT_FIXED_FIELDS)

/* Broker -> auth, for every grant, when the authenticator was started anew: this login lives. */
#define GRANT_HELD_FIELDS(F)                  \
    F(u64,   ticket,   UINT64_MAX)            \
    F(u32,   site,     UINT32_MAX)            \
    F(text,  roles,    ROLES_LIMIT)           \
    F(bytes, memo,     MEMO_LIMIT)
WIRE_MESSAGE(grant_held, GRANT_HELD_FIELDS)

/* Broker -> auth: a grant_fixed has been taken in; grants that follow find it. */
WIRE_MESSAGE(grant_fixed_done, WIRE_NO_FIELDS)

#define GRANT_CHANNEL(M)                      \
    M(1, grant_give,   ROLE_AUTH,   0)        \
    M(2, grant_answer, ROLE_BROKER, 0)        \
    M(3, grant_revoke, ROLE_AUTH,   0)        \
    M(4, grant_fixed,  ROLE_AUTH,   0)        \
    M(5, grant_held,   ROLE_BROKER, 0)        \
    M(6, grant_fixed_done, ROLE_BROKER, 0)  \
    M(7, grant_ended,  ROLE_AUTH,   0)        \
    M(8, grant_twins,  ROLE_AUTH,   1)        \
    M(9, grant_twins_taken, ROLE_BROKER, 0)
WIRE_CHANNEL(grant_channel, GRANT_CHANNEL)

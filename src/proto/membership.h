/* membership.h - authenticator <-> membership: one user name and password of ASP.NET membership (provider AspNetAuth). */
#pragma once

#include "proto/limits.h"
#include "wire/channel.h"

enum membership_verdict {
    MEMBERSHIP_OK = 0,
    MEMBERSHIP_DENIED = 1,      /* wrong password, unknown, not approved, locked out: one answer for all (threats.md A01) */
    MEMBERSHIP_UNAVAILABLE = 2, /* the database does not answer; `detail` says how */
    MEMBERSHIP_VERDICT_MAX = 2,
};

#define MEMBERSHIP_CHECK_FIELDS(F)            \
    F(u64,    job,      UINT64_MAX)           \
    F(text,   user,     NAME_LIMIT)           \
    F(secret, password, SECRET_LIMIT)
WIRE_MESSAGE(membership_check, MEMBERSHIP_CHECK_FIELDS)

/* `user` is the name as the database spells it; `roles` one per line; `detail` in the driver's words. */
#define MEMBERSHIP_ANSWER_FIELDS(F)                   \
    F(u64,  job,     UINT64_MAX)                      \
    F(u8,   verdict, MEMBERSHIP_VERDICT_MAX)          \
    F(text, user,    NAME_LIMIT)                      \
    F(text, roles,   ROLES_LIMIT)                     \
    F(text, detail,  DETAIL_LIMIT)
WIRE_MESSAGE(membership_answer, MEMBERSHIP_ANSWER_FIELDS)

#define MEMBERSHIP_CHANNEL(M)                         \
    M(1, membership_check,  ROLE_AUTH,       0)       \
    M(2, membership_answer, ROLE_MEMBERSHIP, 0)
WIRE_CHANNEL(membership_channel, MEMBERSHIP_CHANNEL)

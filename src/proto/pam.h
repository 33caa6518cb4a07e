/* pam.h - authenticator <-> pam: one PAM conversation per job, and the NSS identity of the account. */
#pragma once

#include "proto/limits.h"
#include "wire/channel.h"

enum pam_verdict {
    PAM_VERDICT_OK = 0,
    PAM_VERDICT_DENIED = 1,       /* wrong password, unknown, disabled, expired: one answer for all (threats.md A01) */
    PAM_VERDICT_UNAVAILABLE = 2,  /* PAM or NSS failed */
    PAM_VERDICT_MAX = 2,
};

/* `service` is the PAM service name, `rhost` the client's numeric address.  `vouched`: somebody else has
 * proved who it is (a certificate); no password is asked for, the account is checked all the same.  `only_identity`: PAM is
 * not asked at all, only what NSS (sssd, winbind) knows of an account of the directory; `also` is another spelling of it. */
#define PAM_CHECK_FIELDS(F)                   \
    F(u64,    job,      UINT64_MAX)           \
    F(text,   service,  64)                   \
    F(text,   user,     NAME_LIMIT)           \
    F(secret, password, SECRET_LIMIT)         \
    F(text,   rhost,    64)                   \
    F(flag,   vouched,  1)                    \
    F(flag,   only_identity, 1)               \
    F(text,   also,     NAME_LIMIT)
WIRE_MESSAGE(pam_check, PAM_CHECK_FIELDS)

/* `user` is the account name as NSS spells it; `group_names` one per line. */
#define PAM_ANSWER_FIELDS(F)                  \
    F(u64,   job,         UINT64_MAX)         \
    F(u8,    verdict,     PAM_VERDICT_MAX)    \
    F(u32,   uid,         UINT32_MAX)         \
    F(u32,   gid,         UINT32_MAX)         \
    F(bytes, groups,      GROUPS_LIMIT)       \
    F(text,  group_names, ROLES_LIMIT)        \
    F(text,  user,        NAME_LIMIT)
WIRE_MESSAGE(pam_answer, PAM_ANSWER_FIELDS)

#define PAM_CHANNEL(M)                        \
    M(1, pam_check,  ROLE_AUTH, 0)            \
    M(2, pam_answer, ROLE_PAM,  0)
WIRE_CHANNEL(pam_channel, PAM_CHANNEL)

/* rehearsal.h - how a login that is only rehearsed would end (`sallyport certificate test`, `explain --cert`). */
#pragma once

#include "proto/grant.h"

/* Whom the certificate stands for, as the broker would hear it (grant_give). */
#define REHEARSED_ACCOUNT_FIELDS(F)           \
    F(u8,    account,   GRANT_ACCOUNT_MAX)    \
    F(u8,    identity,  GRANT_IDENTITY_MAX)   \
    F(u32,   uid,       UINT32_MAX)           \
    F(u32,   gid,       UINT32_MAX)           \
    F(bytes, groups,    GROUPS_LIMIT)         \
    F(text,  user,      NAME_LIMIT)           \
    F(text,  domain,    NAME_LIMIT)           \
    F(text,  alias,     NAME_LIMIT)           \
    F(text,  principal, NAME_LIMIT)           \
    F(text,  roles,     ROLES_LIMIT)          \
    F(text,  home_root, HOME_ATTRIBUTE_LIMIT) \
    F(text,  home_dir,  HOME_ATTRIBUTE_LIMIT)

/*   outcome                        number  what the command line says */
#define REHEARSAL_OUTCOMES(R)                                                                          \
    R(REHEARSAL_ALLOWED,             0, "the certificate logs in")                                     \
    R(REHEARSAL_NEEDS_PASSWORD,      1, "the certificate is good; a password says who it is")          \
    R(REHEARSAL_CERTIFICATE_REFUSED, 2, "the certificate is refused")                                  \
    R(REHEARSAL_ACCOUNT_REFUSED,     3, "the certificate is good, its account is refused")             \
    R(REHEARSAL_HOME_REFUSED,        4, "the account is good, its start directory is refused")         \
    R(REHEARSAL_UNAVAILABLE,         5, "no verdict: what has to be asked does not answer")            \
    R(REHEARSAL_NOT_ASKED,           6, "the site asks for no certificate")

enum rehearsal_outcome {
#define R(name, number, text) name = number,
    REHEARSAL_OUTCOMES(R)
#undef R
    REHEARSAL_MAX = 6,
};

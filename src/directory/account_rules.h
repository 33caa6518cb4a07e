/*
 * account_rules.h - whether an account of the directory may be used now.  Pure.
 *
 * A search answers for disabled accounts like for any other; only a bind would be refused.  So what Windows checks when it
 * makes a token is checked here.
 */
#pragma once

#include "directory/directory.h"

enum { LOGON_HOURS_LEN = 21 };

struct account_state {
    uint32_t control;          /* userAccountControl */
    bool is_new;               /* pwdLastSet is 0: the password must be changed first */
    bool has_computed;
    uint32_t computed;         /* msDS-User-Account-Control-Computed */
    int64_t expires;           /* accountExpires, FILETIME; 0: never */
    int64_t lockout_time;      /* FILETIME; 0: not locked */
    int64_t lockout_duration;  /* of the domain, negative FILETIME difference; INT64_MIN: until an administrator unlocks */
    struct slice logon_hours;  /* 21 octets or "" */
    struct slice workstations; /* comma-separated, "" all */
};

/* DIRECTORY_FOUND when nothing speaks against it. */
enum directory_verdict account_check(const struct account_state *account, const struct mapping_rules *rules);

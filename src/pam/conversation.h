/*
 * conversation.h - one PAM conversation: is this the password of that system account, and who is the account?
 *
 * Blocking; meant for a thread of its own per job.  Asks PAM to authenticate and to check the account (expiry, access
 * rules), then NSS for the identity.  root is refused before PAM is asked: nobody shall try its password through us.
 * Every refusal is the same verdict (threats.md A01); how long it takes is evened out by the caller (A02).
 */
#pragma once

#include "proto/pam.h"

struct conversation_settings {
    const char *confdir; /* PAM configuration folder instead of the system's; NULL: the system's */
};

/* What a verdict of OK comes with. */
struct conversation_result {
    enum pam_verdict verdict;
    uint32_t uid, gid;
    char user[NAME_LIMIT + 1];
    uint8_t groups[GROUPS_LIMIT]; /* u32 little-endian */
    size_t groups_len;
    char group_names[ROLES_LIMIT + 1]; /* one per line */
    size_t group_names_len;
};

/* `check` is borrowed for the call.  Copies of the password are wiped before it returns. */
void conversation_run(const struct conversation_settings *settings, const struct pam_check *check,
                      struct conversation_result *result_out);

/*
 * channel_policy.h - when a site's ssl and sslClientCertificates settings let something pass.
 *
 * Each answers 0 or the sub-status of the refusal; `why` (may be NULL) is the setting that decided.
 */
#pragma once

#include "policy/reason.h"

/* USER and PASS (threats.md P04). */
unsigned channel_policy_credentials(const struct snap_site *site, const struct snapshot *s, bool is_secure, struct reason *why);
/* Any other command that is not allowed in the clear anyway. */
unsigned channel_policy_command(const struct snap_site *site, const struct snapshot *s, bool is_secure, struct reason *why);
/* A transfer, before any 1xx: `is_private` is PROT P (threats.md P23). */
unsigned channel_policy_data(const struct snap_site *site, const struct snapshot *s, bool is_private, struct reason *why);
/* Whatever needs a login, by a client that `has_certificate` or not. */
unsigned channel_policy_certificate(const struct snap_site *site, const struct snapshot *s, bool has_certificate,
                                    struct reason *why);

/*
 * command_filter.h - which verbs commandFiltering lets a site's clients use.
 *
 * Names compare without regard to case.  A verb that is only another way to say an older one (XMKD for MKD) or that
 * IIS does not know (MLSD beside LIST) takes the verdict of that one when it is not listed itself: who forbade listings
 * on a Windows server did not mean to allow them by a verb that was not there.
 */
#pragma once

#include "policy/reason.h"

/* `why` may be NULL. */
bool command_filter_allows(const struct snapshot *s, const struct snap_site *site, struct slice verb, struct reason *why);

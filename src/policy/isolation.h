/*
 * isolation.h - where userIsolation puts somebody.
 *
 *   mode                       start                       what the client calls "/"     rules go by
 *   None                       /                           the site's root               the path
 *   StartInUsersDirectory      /<user> if it exists        the site's root               the path
 *   IsolateRootDirectoryOnly   its "/"                     the home, and beside it the   the path the client sees
 *                                                          global virtual directories    (KB 4294477)
 *   IsolateAllDirectories      its "/"                     the home                      the whole path in the site
 *
 * Homes: /LocalUser/Public for anonymous, /LocalUser/<user>, /<domain>/<user> for domain accounts.
 */
#pragma once

#include "base/text.h"
#include "proto/grant.h"
#include "snapshot/snapshot.h"

struct isolation_account {
    enum grant_account kind;
    struct slice user, domain;
};

bool isolation_confines(uint32_t mode);

/* The directory of the account as a path in the site, over `out`; "/" in mode None.  ERR_NAME: the name cannot be one
 * directory there, or is one that belongs to somebody else (threats.md F06). */
MUST_USE int isolation_home(uint32_t mode, const struct isolation_account *who, struct text *out);

/* Mode IsolateRootDirectoryOnly: whether the client's `path` lies in a virtual directory that all share.  The
 * directories that hold the homes are not among them. */
bool isolation_is_global(const struct snapshot *s, const struct snap_site *site, struct slice path, struct slice domain);

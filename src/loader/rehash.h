/* rehash.h - storing a newer hash of one IIS Manager user in administration.config. */
#pragma once

#include "base/diag.h"
#include "base/text.h"

/* Replace the password of `user` when it still is `old_hash`.  On 0 `out` is the whole new file, or empty when there
 * is nothing to change: no such user, or somebody set another password meanwhile. */
MUST_USE int rehash_edit(struct slice administration, struct slice user, struct slice old_hash, struct slice new_hash,
                         struct text *out, struct diag *d);

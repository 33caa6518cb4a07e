/*
 * identity.h - whose files a thread touches.
 *
 * Linux keeps fsuid, fsgid and supplementary groups per thread; only the raw system calls know that (the C library's
 * setgroups would change every thread).  Taken for one request, verified, given back (threats.md F08).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct identity {
    bool is_system; /* else the files are touched as the broker's own account and the rest is empty */
    uint32_t uid, gid;
    uint32_t *groups; /* owned by whoever owns the identity */
    size_t group_count;
};

/* Become `who` in this thread.  ERR_DENIED, with the thread unchanged, when the kernel does not let us or what took
 * effect is not exactly what was asked. */
MUST_USE int identity_take(const struct identity *who);
/* Back to the broker's own account.  A thread that cannot come back must not go on: the process ends. */
void identity_restore(const struct identity *who);

/* Whether an account may be used at all: uid at or above `floor`, and root neither as user nor as any group. */
bool identity_is_allowed(const struct identity *who, uint32_t floor);

/*
 * identity.h - whose files a thread touches.
 *
 * Linux keeps fsuid, fsgid and supplementary groups per thread; only the raw system calls know that (the C library's
 * setgroups would change every thread).  Taken for one request, verified, given back (threats.md F08).
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct identity {
    bool is_system; /* else the files are touched as the broker's own account and the rest is empty */
    uint32_t uid, gid;
    uint32_t *groups; /* owned by whoever owns the identity */
    size_t group_count;
};

/* One that several hold: the fixed account of a virtual directory, and what was opened with it. */
struct shared_identity {
    atomic_uint holders;
    struct identity who;
};
/* `groups` are u32 little-endian.  ERR_DENIED: that is no such list. */
MUST_USE int shared_identity_new(uint32_t uid, uint32_t gid, struct slice groups, struct shared_identity **out);
struct shared_identity *shared_identity_ref(struct shared_identity *i); /* NULL is fine, for both */
void shared_identity_unref(struct shared_identity *i);
/* Take the list `groups` into *who, whose owner frees it. */
MUST_USE int identity_take_groups(struct slice groups, struct identity *who);

/* Become `who` in this thread.  ERR_DENIED, with the thread unchanged, when the kernel does not let us or what took
 * effect is not exactly what was asked. */
MUST_USE int identity_take(const struct identity *who);
/* Back to the broker's own account.  A thread that cannot come back must not go on: the process ends. */
void identity_restore(const struct identity *who);

/* Whether an account may be used at all: uid at or above `floor`, and root neither as user nor as any group. */
bool identity_is_allowed(const struct identity *who, uint32_t floor);

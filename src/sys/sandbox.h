/*
 * sandbox.h - what a program may still do after it has started.
 *
 * One profile per program, each a list of system calls (a table in seccomp_table.h) plus, where given, Landlock rules.  The
 * default action is to kill the process with a line in the log naming the call (SECCOMP_RET_TRAP with a handler that
 * writes to the supervisor, then dies; threats.md H15).  Under sanitizers (SALLYPORT_SANITIZED) the lists are widened by
 * what the runtime needs.
 */
#pragma once

#include <signal.h>

#include "base/diag.h"

/* The status of a program that was ended because of a call it may not make. */
enum { EXIT_TRAPPED = 128 + SIGSYS };

enum sandbox_profile {
    SANDBOX_LOADER,
    SANDBOX_WORKER,
    SANDBOX_BROKER,
    SANDBOX_AUTH,
    SANDBOX_AUTH_ONLINE, /* may open connections and resolve names */
    SANDBOX_PAM,
    SANDBOX_MEMBERSHIP, /* database drivers: as wide as pam, but nothing is executed */
    SANDBOX_LOGGER,
};

struct sandbox_path {
    const char *path;
    bool writable;
};

/* Become uid/gid (UINT32_MAX: stay) with no supplementary groups; verify afterwards (threats.md F08).  `keep_setid`:
 * keep exactly CAP_SETUID and CAP_SETGID (broker), else drop every capability and the bounding set. */
MUST_USE int sandbox_become(uint32_t uid, uint32_t gid, bool keep_setid, struct diag *d);

/* chroot into the empty directory `path` (privileged) or, unprivileged, a Landlock ruleset that allows no path. */
MUST_USE int sandbox_empty_root(const char *path, bool privileged, struct diag *d);

/* Restrict the file system to `paths` by Landlock; missing kernel support is told in `d` and is no error. */
MUST_USE int sandbox_paths(const struct sandbox_path *paths, size_t count, struct diag *d);

/* What a confined program must be able to read to resolve host names.  Directories, because the files in them are replaced
 * by renaming.  Also makes names come from /etc/hosts and DNS only: other modules would have to be loaded later, which is
 * forbidden then.  Returns how many paths it wrote (at most SANDBOX_RESOLVER_PATHS); they live as long as the program. */
enum { SANDBOX_RESOLVER_PATHS = 2 };
size_t sandbox_resolver(struct sandbox_path paths_out[SANDBOX_RESOLVER_PATHS]);

/* Install the profile's seccomp filter.  `event_fd` gets a child_event line when a call is refused. */
MUST_USE int sandbox_enter(enum sandbox_profile profile, int event_fd, struct diag *d);

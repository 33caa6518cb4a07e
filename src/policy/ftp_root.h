/*
 * ftp_root.h - where msIIS-FTPRoot and msIIS-FTPDir of an account lie on this machine, if they may be used at all.  Pure.
 *
 * Whoever may write these attributes must not be able to name any directory of this machine: they count only below a
 * directory of sallyport/directory/ftpRoots, and only as names that lead down (threats.md L09, F06).
 */
#pragma once

#include "base/text.h"
#include "snapshot/snapshot.h"

/* *linux_root_out (of the snapshot) is the configured directory, `below` over it what leads from there to the home.  Roots
 * written as Windows paths compare without regard to case.  ERR_PATH: an attribute is missing, or below no root;
 * ERR_NAME: a component that names no directory of its own. */
MUST_USE int ftp_root_find(const struct snapshot *s, struct slice root, struct slice dir, struct slice *linux_root_out,
                           struct text *below);

/* Whether `linux_root` still is the directory of a configured root. */
bool ftp_root_is_configured(const struct snapshot *s, struct slice linux_root);

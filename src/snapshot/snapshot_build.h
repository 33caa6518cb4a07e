/*
 * snapshot_build.h - snapshots for the tests of the programs that read them.
 *
 * Rows come with the values that a bare site and an empty sallyport.config have; a test changes what it is about:
 *
 *     struct snapshot_writer *w = snapshot_writer_new();
 *     struct snap_server server = snapshot_build_server(w);
 *     struct snap_site site = snapshot_build_site(w, "Site", 1);
 *     site.basic_enabled = 1;
 *     site.directories.first = snapshot_put_row(w, SNAP_TABLE_directory, &(struct snap_directory){ ... });
 *     site.directories.count = 1;
 *     snapshot_put_row(w, SNAP_TABLE_server, &server);
 *     snapshot_put_row(w, SNAP_TABLE_site, &site);
 *     struct snapshot *s = snapshot_build(w, ROLE_WORKER);
 */
#pragma once

#include "snapshot/snapshot.h"

struct snap_server snapshot_build_server(struct snapshot_writer *w);
struct snap_site snapshot_build_site(struct snapshot_writer *w, const char *name, uint32_t id);
/* snapshot_put_text of a C string. */
struct snap_text snapshot_build_text(struct snapshot_writer *w, const char *text);
/* Put finished bytes into a sealed memfd.  On 0 the caller owns *fd_out. */
MUST_USE int snapshot_seal(struct slice bytes, int *fd_out);
/* Finish, seal, open; NULL on any error.  The caller unrefs; the writer stays the caller's. */
struct snapshot *snapshot_build(const struct snapshot_writer *w, unsigned role);

/*
 * generation.h - one configuration as the worker uses it: the snapshot and a TLS server per site with a certificate.
 *
 * Sessions hold a reference to the generation they began with, so a change never moves a certificate under a running
 * session, and one to the newest that they have had a command under, which judges everything else.
 */
#pragma once

#include "snapshot/snapshot.h"
#include "tls/server.h"

struct worker;

struct generation {
    unsigned references;
    struct snapshot *snapshot;
    struct worker *worker;
    struct tls_server **servers; /* by site row; NULL: not built yet, or no usable certificate */
    bool *tried;                 /* by site row: building is not tried twice */
    size_t site_count;
    unsigned extensions;         /* 1 << EXT_x that are on */
};

/* Takes over the caller's reference to `snapshot`.  A certificate that cannot be used is reported; the server that the
 * same site has in `previous` (may be NULL) is then kept (threats.md T10), and without one the site has no TLS.
 *
 * A TLS server takes most of a millisecond to build, so with ten thousand sites it is built when a client first comes;
 * only what `previous` had in use is made at once (and taken over as it is when nothing of it changed). */
MUST_USE int generation_new(struct worker *w, struct snapshot *snapshot, struct generation *previous,
                            struct generation **generation_out);
struct generation *generation_ref(struct generation *g);
void generation_unref(struct generation *g); /* NULL is fine */

static inline const struct snap_server *generation_server(const struct generation *g)
{
    return snapshot_server(g->snapshot, 0);
}
static inline struct slice generation_text(const struct generation *g, struct snap_text t)
{
    return snapshot_text(g->snapshot, t);
}
/* The site's TLS server, NULL if it has none.  Lives as long as `g`. */
struct tls_server *generation_tls(struct generation *g, const struct snap_site *site);

/* generation.c - building TLS contexts for a snapshot. */
#include "worker/generation.h"

#include "ftp/command.h"
#include "worker/worker.h"

static const struct {
    size_t offset;
    unsigned extension;
} switches[] = {
    { offsetof(struct snap_server, ext_mlst), EXT_MLST },
    { offsetof(struct snap_server, ext_mfmt), EXT_MFMT },
    { offsetof(struct snap_server, ext_tvfs), EXT_TVFS },
    { offsetof(struct snap_server, ext_epsv), EXT_EPSV },
};

static unsigned extensions_of(const struct snap_server *server)
{
    unsigned bits = 0;
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
        if (*(const uint32_t *)((const char *)server + switches[i].offset))
            bits |= 1u << switches[i].extension;
    return bits;
}

/* The server that site `id` had before, whatever row it stood in. */
static struct tls_server *previous_server(const struct generation *previous, uint32_t id)
{
    const struct snap_site *site = previous ? snapshot_site_by_id(previous->snapshot, id) : NULL;
    struct tls_server *server = site ? generation_tls(previous, site) : NULL;
    return server ? tls_server_ref(server) : NULL;
}

static void build_server(struct worker *w, struct generation *g, size_t row, const struct generation *previous)
{
    const struct snap_site *site = snapshot_site(g->snapshot, row);
    const struct snap_cert *cert = site->cert ? snapshot_cert(g->snapshot, site->cert - 1) : NULL;
    const struct snap_server *settings = generation_server(g);
    struct diag d = { 0 };
    if (!cert) { /* the loader said why; a hash without certificate must not take TLS away from a running site */
        if (site->server_cert_hash.len)
            g->servers[row] = previous_server(previous, site->id);
        return;
    }
    const struct tls_server_config config = {
        .chain_pem = generation_text(g, cert->chain_pem),
        .key_pem = generation_text(g, cert->key_pem),
        .thumbprint = generation_text(g, cert->thumbprint),
        .site = site->id,
        .only_tls13 = settings->tls_min == TLS_MIN_13,
        .strict_alpn = settings->tls_strict_alpn,
        .ssl128 = site->ssl128,
    };
    int err = tls_server_new(&config, w->keys, &g->servers[row], &d);
    if (err) {
        g->servers[row] = previous_server(previous, site->id);
        worker_event(w, LOG_LEVEL_ERROR, "site " SLICE_FMT ": %s%s", SLICE_ARG(generation_text(g, site->name)), d.what,
                     g->servers[row] ? "; the earlier certificate stays in use" : "; no TLS");
    } else if (d.what[0]) {
        worker_event(w, LOG_LEVEL_WARNING, "site " SLICE_FMT ": %s", SLICE_ARG(generation_text(g, site->name)), d.what);
    }
}

int generation_new(struct worker *w, struct snapshot *snapshot, struct generation *previous,
                   struct generation **generation_out)
{
    if (!snapshot_server(snapshot, 0)) {
        snapshot_unref(snapshot);
        return ERR_SYNTAX;
    }
    struct generation *g = calloc(1, sizeof *g);
    size_t sites = snapshot_count(snapshot, SNAP_TABLE_site);
    struct tls_server **servers = calloc(sites ? sites : 1, sizeof *servers);
    if (!g || !servers) {
        free(g);
        free(servers);
        snapshot_unref(snapshot);
        return ERR_NOMEM;
    }
    *g = (struct generation){ 1, snapshot, servers, sites, extensions_of(snapshot_server(snapshot, 0)) };
    for (size_t row = 0; row < sites; row++)
        build_server(w, g, row, previous);
    *generation_out = g;
    return 0;
}

struct generation *generation_ref(struct generation *g)
{
    g->references++;
    return g;
}

void generation_unref(struct generation *g)
{
    if (!g || --g->references)
        return;
    for (size_t i = 0; i < g->site_count; i++)
        tls_server_unref(g->servers[i]);
    free(g->servers);
    snapshot_unref(g->snapshot);
    free(g);
}

size_t generation_site_row(const struct generation *g, const struct snap_site *site)
{
    return (size_t)(site - snapshot_site(g->snapshot, 0));
}

struct tls_server *generation_tls(const struct generation *g, const struct snap_site *site)
{
    return g->servers[generation_site_row(g, site)];
}

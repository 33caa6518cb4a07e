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

static size_t row_of(const struct generation *g, const struct snap_site *site)
{
    return (size_t)(site - snapshot_site(g->snapshot, 0));
}

static struct tls_server *built(const struct generation *g, const struct snap_site *site)
{
    return g->servers[row_of(g, site)];
}

static const struct snap_cert *cert_of(const struct generation *g, const struct snap_site *site)
{
    return site->cert ? snapshot_cert(g->snapshot, site->cert - 1) : NULL;
}

static bool asks_certificate(const struct snap_site *site)
{
    return site->client_cert_policy != CERT_IGNORE;
}

static struct slice issuers_of(const struct generation *g, const struct snap_site *site)
{
    return asks_certificate(site) && site->send_trusted_issuers ? generation_text(g, generation_server(g)->trusted_issuers) : SLICE_NONE;
}

/* Whether everything that goes into a TLS server is the same for both sites. */
static bool is_same_server(const struct generation *g, const struct snap_site *a, const struct generation *h,
                           const struct snap_site *b)
{
    const struct snap_cert *x = cert_of(g, a), *y = cert_of(h, b);
    const struct snap_server *s = generation_server(g), *t = generation_server(h);
    return x && y && a->ssl128 == b->ssl128 && s->tls_min == t->tls_min && s->tls_strict_alpn == t->tls_strict_alpn &&
           asks_certificate(a) == asks_certificate(b) && slice_equal(issuers_of(g, a), issuers_of(h, b)) &&
           slice_equal(generation_text(g, x->chain_pem), generation_text(h, y->chain_pem)) &&
           slice_equal(generation_text(g, x->key_pem), generation_text(h, y->key_pem));
}

/* `earlier`: what the site had before, kept when its new certificate cannot be used; may be NULL.  *tried_out false: without
 * memory, which there may be the next time. */
static struct tls_server *build_server(struct generation *g, const struct snap_site *site, struct tls_server *earlier, bool *tried_out)
{
    const struct snap_cert *cert = cert_of(g, site);
    const struct snap_server *settings = generation_server(g);
    struct tls_server *server = NULL;
    struct diag d = { 0 };
    if (!cert) /* the loader said why; a hash without certificate must not take TLS away from a running site */
        return site->server_cert_hash.len && earlier ? tls_server_ref(earlier) : NULL;
    const struct tls_server_config config = {
        .chain_pem = generation_text(g, cert->chain_pem),
        .key_pem = generation_text(g, cert->key_pem),
        .thumbprint = generation_text(g, cert->thumbprint),
        .site = site->id,
        .only_tls13 = settings->tls_min == TLS_MIN_13,
        .strict_alpn = settings->tls_strict_alpn,
        .ask_certificate = asks_certificate(site),
        .issuers = issuers_of(g, site),
        .ssl128 = site->ssl128,
    };
    int err = tls_server_new(&config, g->worker->keys, &server, &d);
    *tried_out = err != ERR_NOMEM;
    if (err) {
        server = earlier ? tls_server_ref(earlier) : NULL;
        worker_event(g->worker, LOG_LEVEL_ERROR, "site " SLICE_FMT ": %s%s", SLICE_ARG(generation_text(g, site->name)), d.what,
                     server ? "; the earlier certificate stays in use" : "; no TLS");
    } else if (d.what[0]) {
        worker_event(g->worker, LOG_LEVEL_WARNING, "site " SLICE_FMT ": %s", SLICE_ARG(generation_text(g, site->name)), d.what);
    }
    return server;
}

static void take_over(struct generation *g, const struct generation *previous, size_t row)
{
    const struct snap_site *site = snapshot_site(g->snapshot, row);
    const struct snap_site *before = snapshot_site_by_id(previous->snapshot, site->id);
    struct tls_server *earlier = before ? built(previous, before) : NULL;
    if (!earlier)
        return;
    g->tried[row] = true;
    bool is_same = previous->tried[row_of(previous, before)] /* else it is of the certificate before that */
                   && is_same_server(g, site, previous, before);
    g->servers[row] = is_same ? tls_server_ref(earlier) : build_server(g, site, earlier, &g->tried[row]);
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
    bool *tried = calloc(sites ? sites : 1, sizeof *tried);
    if (!g || !servers || !tried) {
        free(g);
        free(servers);
        free(tried);
        snapshot_unref(snapshot);
        return ERR_NOMEM;
    }
    if (snapshot_count(snapshot, SNAP_TABLE_cert))
        tls_prepare();
    *g = (struct generation){ 1, snapshot, w, servers, tried, sites, extensions_of(snapshot_server(snapshot, 0)) };
    for (size_t row = 0; previous && row < sites; row++)
        take_over(g, previous, row);
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
    free(g->tried);
    snapshot_unref(g->snapshot);
    free(g);
}

struct tls_server *generation_tls(struct generation *g, const struct snap_site *site)
{
    size_t row = row_of(g, site);
    if (!g->tried[row]) {
        struct tls_server *earlier = g->servers[row];
        g->tried[row] = true;
        g->servers[row] = build_server(g, site, earlier, &g->tried[row]);
        tls_server_unref(earlier);
    }
    return g->servers[row];
}

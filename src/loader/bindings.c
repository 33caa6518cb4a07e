/*
 * bindings.c - which endpoints a site answers on.
 *
 * The same address and port may serve several sites when the hosts differ; the same three in two sites keeps the later
 * one from starting (config-model.md 9).  TLS is implicit on port 990 and on the ports of sallyport/tls/implicitPorts,
 * if a certificate is set.  A listener cannot be both, so one site with a certificate makes the endpoint implicit for all
 * that share it.
 */
#include "loader/compile_priv.h"

#include <stdlib.h>

enum { IMPLICIT_PORT = 990 };

static void refuse_binding(struct compiler *c, struct site_work *s, struct conf_element *binding, struct diag *d)
{
    compile_place(binding, "bindingInformation", d);
    compile_tell(c, s, LOADER_ERROR, d);
}

static void refuse_text(struct compiler *c, struct site_work *s, struct conf_element *binding, const char *why)
{
    struct diag d = { 0 };
    diag_set(&d, "the binding \"" SLICE_FMT "\" is no usable endpoint: %s", SLICE_ARG(conf_text(binding, "bindingInformation")), why);
    diag_todo(&d, "Write address:port:host, for example \"*:21:\" or \"[::1]:2121:ftp.example.com\".");
    refuse_binding(c, s, binding, &d);
}

static int add_endpoint(struct site_work *s, const struct endpoint *e)
{
    struct endpoint *endpoints = reallocarray(s->endpoints, s->endpoint_count + 1, sizeof *endpoints);
    if (!endpoints)
        return ERR_NOMEM;
    s->endpoints = endpoints;
    endpoints[s->endpoint_count++] = *e;
    return 0;
}

int bindings_read(struct compiler *c, struct site_work *s, bool *is_ftp_out)
{
    struct conf_element *bindings = conf_child(s->site, "bindings");
    bool is_ftp = false;
    for (size_t i = 0; bindings && i < conf_count(bindings); i++) {
        struct conf_element *binding = conf_item(bindings, i);
        struct endpoint e;
        if (!slice_equal_fold_str(conf_text(binding, "protocol"), "ftp"))
            continue;
        is_ftp = true;
        const char *why = endpoint_parse(conf_text(binding, "bindingInformation"), &e);
        if (why) {
            refuse_text(c, s, binding, why);
            continue;
        }
        e.binding = binding;
        int err = add_endpoint(s, &e);
        if (err)
            return err;
    }
    *is_ftp_out = is_ftp;
    return 0;
}

/* One endpoint of one site, for sorting. */
struct claim {
    struct endpoint *endpoint;
    size_t site;
};

static int compare_claims(const void *left, const void *right)
{
    const struct claim *a = left, *b = right;
    int order = endpoint_compare(a->endpoint, b->endpoint);
    return order ? order : (a->site > b->site) - (a->site < b->site);
}

/* All claims of sites that can start, sorted; *count_out of them. */
static struct claim *sorted_claims(const struct compiler *c, size_t *count_out)
{
    size_t count = 0;
    for (size_t i = 0; i < c->site_count; i++)
        count += c->sites[i].endpoint_count;
    struct claim *claims = calloc(count + 1, sizeof *claims);
    if (!claims)
        return NULL;
    count = 0;
    for (size_t i = 0; i < c->site_count; i++)
        for (size_t e = 0; e < c->sites[i].endpoint_count && !c->sites[i].failure.len; e++)
            claims[count++] = (struct claim){ &c->sites[i].endpoints[e], i };
    qsort(claims, count, sizeof *claims, compare_claims);
    *count_out = count;
    return claims;
}

static void tell_clash(struct compiler *c, const struct endpoint *e, size_t holder, size_t late)
{
    struct diag d = { 0 };
    struct site_work *s = &c->sites[late];
    diag_set(&d, "the binding %s:%u:%s of site \"" SLICE_FMT "\" is already that of site \"" SLICE_FMT "\"",
             e->address[0] ? e->address : "*", e->port, e->host, SLICE_ARG(s->name), SLICE_ARG(c->sites[holder].name));
    diag_todo(&d, "Give it another port, address or host name.");
    refuse_binding(c, s, e->binding, &d);
}

int bindings_clashes(struct compiler *c)
{
    size_t count;
    struct claim *claims = sorted_claims(c, &count);
    if (!claims)
        return ERR_NOMEM;
    for (size_t i = 0, holder = 0; i < count; i++) {
        if (i && endpoint_compare(claims[holder].endpoint, claims[i].endpoint) == 0) {
            if (claims[i].site != claims[holder].site)
                tell_clash(c, claims[i].endpoint, claims[holder].site, claims[i].site);
            continue;
        }
        holder = i;
    }
    free(claims);
    return 0;
}

static bool is_implicit_port(struct conf_element *ports, unsigned port)
{
    if (port == IMPLICIT_PORT)
        return true;
    for (size_t i = 0; ports && i < conf_count(ports); i++)
        if (conf_number(conf_item(ports, i), "port") == port)
            return true;
    return false;
}

static bool same_listener(const struct claim *a, const struct claim *b)
{
    return a->endpoint->port == b->endpoint->port && strcmp(a->endpoint->address, b->endpoint->address) == 0;
}

/* A certificate is set, usable or not: a port that is known for implicit TLS must never begin to speak in the clear
 * because a certificate was replaced by a bad one. */
static bool any_sets_certificate(const struct compiler *c, const struct claim *claims, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (c->sites[claims[i].site].row.cert_substatus != SUBSTATUS_CERT_NOT_CONFIGURED)
            return true;
    return false;
}

static int mark_implicit(struct compiler *c)
{
    size_t count;
    struct conf_element *ports = compile_element(c, "sallyport/tls/implicitPorts", SLICE_NONE);
    struct claim *claims = sorted_claims(c, &count);
    if (!claims)
        return ERR_NOMEM;
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && same_listener(&claims[from], &claims[to]);)
            to++;
        bool implicit =
            is_implicit_port(ports, claims[from].endpoint->port) && any_sets_certificate(c, claims, from, to);
        for (size_t i = from; i < to; i++)
            claims[i].endpoint->implicit_tls = implicit;
    }
    free(claims);
    return 0;
}

int bindings_put(struct compiler *c)
{
    uint32_t next = 0;
    int err = mark_implicit(c);
    if (err)
        return err;
    for (size_t i = 0; i < c->site_count; i++) {
        struct site_work *s = &c->sites[i];
        s->row.bindings = (struct snap_range){ next, (uint32_t)s->endpoint_count };
        for (size_t e = 0; e < s->endpoint_count; e++) {
            const struct endpoint *endpoint = &s->endpoints[e];
            struct snap_binding row = {
                .address = snapshot_put_text(c->w, slice_str(endpoint->address)),
                .port = endpoint->port,
                .host = snapshot_put_text(c->w, slice_str(endpoint->host)),
                .implicit_tls = endpoint->implicit_tls,
                .site = (uint32_t)i,
            };
            next = snapshot_put_row(c->w, SNAP_TABLE_binding, &row) + 1;
        }
    }
    return 0;
}

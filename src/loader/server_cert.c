/*
 * server_cert.c - the server certificate of a site: found by thumbprint in the store it names.
 *
 * A certificate that is missing or unfit does not keep the site from starting (IIS: sub-status 44-46 when a client asks
 * for TLS); the administrator is told.  A key that other users of the machine can read is not used (threats.md T10).
 */
#include "loader/compile_priv.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/own.h"
#include "base/secret.h"

static const char folder[] = "certificates/";

static struct store *store_named(struct compiler *c, struct slice name)
{
    for (size_t i = 0; i < c->store_count; i++)
        if (slice_equal_fold_str(name, c->stores[i].name))
            return &c->stores[i];
    return NULL;
}

static struct store *make_store(struct compiler *c, struct slice name)
{
    struct store *stores = reallocarray(c->stores, c->store_count + 1, sizeof *stores);
    if (!stores)
        return NULL;
    c->stores = stores;
    struct store *s = &stores[c->store_count];
    *s = (struct store){ .certs = cert_store_new() };
    if (!s->certs)
        return NULL;
    memcpy(s->name, name.ptr, name.len);
    s->name[name.len] = 0;
    c->store_count++;
    return s;
}

/* "certificates/MY/web.pem" -> "MY"; empty when the name is none of a store's file. */
static struct slice store_of(const char *name)
{
    struct slice rest = slice_str(name);
    if (!slice_starts(rest, SLICE_LITERAL(folder)))
        return SLICE_NONE;
    rest = slice_from(rest, sizeof folder - 1);
    struct slice store = slice_cut(&rest, '/');
    return rest.ptr && rest.len && store.len < sizeof(((struct store *)0)->name) ? store : SLICE_NONE;
}

static int take_file(struct compiler *c, const struct compile_file *file)
{
    struct slice name = store_of(file->name);
    if (!name.len)
        return 0;
    struct store *s = store_named(c, name);
    if (!s)
        s = make_store(c, name);
    if (!s)
        return ERR_NOMEM;
    struct diag d = { 0 };
    int err = cert_store_add(s->certs, slice_str(file->name), file->bytes, &d);
    if (err == ERR_NOMEM)
        return err;
    if (err) {
        diag_place(&d, slice_str(file->name), 0, 0);
        report_add(c->report, LOADER_WARNING, 0, &d);
    }
    return 0;
}

int server_cert_open(struct compiler *c)
{
    for (size_t i = 0; i < c->in->count; i++) {
        int err = take_file(c, &c->in->files[i]);
        if (err)
            return err;
    }
    return 0;
}

void server_cert_close(struct compiler *c)
{
    for (size_t i = 0; i < c->store_count; i++) {
        cert_store_free(c->stores[i].certs);
        free(c->stores[i].rows);
    }
    free(c->stores);
}

static int put_certificate(struct compiler *c, struct store *store, size_t at, uint32_t *row_out)
{
    const struct cert *cert = cert_store_at(store->certs, at);
    struct store *authorities = store_named(c, SLICE_LITERAL("CA"));
    OWNED_TEXT_BUFFER chain = { 0 }, key = { 0 };
    struct cert_info info;
    int err = authorities ? cert_store_complete_chain(store->certs, at, authorities->certs) : 0;
    if (!err)
        err = cert_write_pem(cert, CERT_PART_LEAF | CERT_PART_CHAIN, &chain);
    if (!err)
        err = cert_write_pem(cert, CERT_PART_KEY, &key);
    if (err)
        return err;
    cert_describe(cert, &info);
    struct snap_cert row = {
        .thumbprint = snapshot_put_text(c->w, slice_str(info.thumbprint)),
        .store = snapshot_put_text(c->w, slice_str(store->name)),
        .chain_pem = snapshot_put_text(c->w, text_slice(&chain)),
        .key_pem = snapshot_put_text(c->w, text_slice(&key)),
    };
    secret_wipe(key.ptr, key.cap);
    *row_out = snapshot_put_row(c->w, SNAP_TABLE_cert, &row);
    return 0;
}

/* The certificate's row, put at its first use. */
static int use_certificate(struct compiler *c, struct site_work *s, struct store *store, size_t at)
{
    uint32_t row;
    if (!store->rows)
        store->rows = calloc(cert_store_count(store->certs), sizeof *store->rows);
    if (!store->rows)
        return ERR_NOMEM;
    if (!store->rows[at]) {
        int err = put_certificate(c, store, at, &row);
        if (err)
            return err;
        store->rows[at] = row + 1;
    }
    s->row.cert = store->rows[at];
    s->row.cert_substatus = 0;
    return 0;
}

static void tell(struct compiler *c, struct site_work *s, const char *attribute, struct diag *d)
{
    compile_place(conf_child(s->site, "ftpServer/security/ssl"), attribute, d);
    if (!d->line)
        compile_place(s->site, "name", d);
    compile_tell(c, s, LOADER_WARNING, d);
}

static void tell_validity(struct compiler *c, struct site_work *s, const struct cert *cert)
{
    struct cert_info info;
    struct diag d = { 0 };
    struct tm tm;
    char when[32];
    cert_describe(cert, &info);
    time_t limit = (time_t)(info.not_before > c->in->now ? info.not_before : info.not_after);
    if (!gmtime_r(&limit, &tm) || !strftime(when, sizeof when, "%Y-%m-%d", &tm))
        when[0] = 0;
    if (info.not_before > c->in->now)
        diag_set(&d, "the certificate of site \"" SLICE_FMT "\" is not valid before %s", SLICE_ARG(s->name), when);
    else if (info.not_after <= c->in->now)
        diag_set(&d, "the certificate of site \"" SLICE_FMT "\" expired on %s", SLICE_ARG(s->name), when);
    else if (info.not_after <= c->in->now + EXPIRY_WARNING)
        diag_set(&d, "the certificate of site \"" SLICE_FMT "\" expires on %s", SLICE_ARG(s->name), when);
    if (d.what[0])
        tell(c, s, "serverCertHash", &d);
}

/* Fills *d and returns a sub-status when the certificate at `at` may not be used. */
static uint32_t judge(struct compiler *c, const struct store *store, size_t at, struct diag *d)
{
    const char *name = cert_store_key_file_at(store->certs, at);
    const struct compile_file *key_file = name ? compile_file_named(c->in->files, c->in->count, name) : NULL;
    if (!key_file) {
        diag_set(d, "no private key for the certificate in %s", cert_store_file_at(store->certs, at));
        diag_todo(d, "Put the key into that file or beside it.");
        return SUBSTATUS_CERT_NO_KEY;
    }
    if (key_file->mode & (S_IRWXG | S_IRWXO)) {
        diag_set(d, "the private key in %s is open to other users (mode %03o) and is not used", key_file->name,
                 key_file->mode & 0777);
        diag_todo(d, "chmod 600 the file, and consider the key known.");
        return SUBSTATUS_CERT_NO_KEY;
    }
    return 0;
}

static uint32_t find(struct compiler *c, struct site_work *s, struct slice written, struct store **store_out,
                     size_t *at_out, struct diag *d)
{
    char thumbprint[CERT_THUMBPRINT_LEN + 1];
    struct slice store_name = conf_text(conf_child(s->site, "ftpServer/security/ssl"), "serverCertStoreName");
    if (cert_normalise_thumbprint(written, thumbprint)) {
        diag_set(d, "serverCertHash is no thumbprint: it has 40 hexadecimal digits");
        diag_todo(d, "Take it from \"sallyport list certificate\".");
        return SUBSTATUS_CERT_BAD_HASH;
    }
    *store_out = store_named(c, store_name.len ? store_name : SLICE_LITERAL("MY"));
    *at_out = *store_out ? cert_store_find((*store_out)->certs, thumbprint) : SIZE_MAX;
    if (*at_out == SIZE_MAX) {
        diag_set(d, "store " SLICE_FMT " has no certificate with thumbprint %s",
                 SLICE_ARG(store_name.len ? store_name : SLICE_LITERAL("MY")), thumbprint);
        diag_todo(d, "Import it with \"sallyport add certificate\".");
        return SUBSTATUS_CERT_NOT_FOUND;
    }
    return judge(c, *store_out, *at_out, d);
}

/* A site that asks for TLS and has none turns every user away (config-model.md trap 2): say so. */
static void tell_unusable(struct compiler *c, struct site_work *s)
{
    struct diag d = { 0 };
    if (s->row.cert || s->row.control_channel_policy == SSL_ALLOW)
        return;
    diag_set(&d, "site \"" SLICE_FMT "\" requires TLS but has no usable certificate: nobody can log in",
             SLICE_ARG(s->name));
    diag_todo(&d, "Set serverCertHash, or controlChannelPolicy and dataChannelPolicy to SslAllow.");
    tell(c, s, "controlChannelPolicy", &d);
}

int server_cert_choose(struct compiler *c, struct site_work *s)
{
    struct slice written = conf_text(conf_child(s->site, "ftpServer/security/ssl"), "serverCertHash");
    struct store *store = NULL;
    struct diag d = { 0 };
    size_t at = SIZE_MAX;
    int err = 0;
    s->row.cert_substatus = SUBSTATUS_CERT_NOT_CONFIGURED;
    if (slice_trim(written).len) {
        s->row.cert_substatus = find(c, s, written, &store, &at, &d);
        if (s->row.cert_substatus) {
            struct diag told = d;
            diag_set(&told, "site \"" SLICE_FMT "\": %s (sub-status %u)", SLICE_ARG(s->name), d.what,
                     s->row.cert_substatus);
            tell(c, s, "serverCertHash", &told);
        } else {
            err = use_certificate(c, s, store, at);
            if (!err)
                tell_validity(c, s, cert_store_at(store->certs, at));
        }
    }
    if (!err)
        tell_unusable(c, s);
    return err;
}

/*
 * snapshot_fuzz.c - a snapshot with damaged bytes is refused or safe to read.
 *
 * The input is a list of changes to a good snapshot (three bytes each: place, place, value), since random bytes would
 * never pass the header.  Whatever opens is read completely.
 */
#include "snapshot/snapshot_build.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void build(struct text *out)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", 1);
    struct snap_binding binding = { .port = 21, .host = snapshot_build_text(w, "host") };
    struct snap_cert cert = { .key_pem = snapshot_build_text(w, "key") };
    struct snap_rule rule = { .users = snapshot_build_text(w, "*"), .permissions = PERMISSION_READ };
    struct snap_scope scope = { .path = snapshot_build_text(w, "/") };
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    site.bindings = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_binding, &binding), 1 };
    site.cert = 1 + snapshot_put_row(w, SNAP_TABLE_cert, &cert);
    scope.rules = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_rule, &rule), 1 };
    site.scopes = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_scope, &scope), 1 };
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    site.id = 2;
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    if (snapshot_writer_finish(w, 0, out))
        abort();
    snapshot_writer_free(w);
}

static size_t read_text(const struct snapshot *s, struct snap_text t)
{
    struct slice text = snapshot_text(s, t);
    assert(text.ptr[text.len] == 0);
    return strlen(text.ptr);
}

static size_t read_site(const struct snapshot *s, const struct snap_site *site)
{
    size_t sum = read_text(s, site->name) + read_text(s, site->log_path);
    assert(snapshot_site_by_id(s, site->id) == site);
    for (uint32_t i = 0; i < site->bindings.count; i++)
        sum += read_text(s, snapshot_binding(s, site->bindings.first + i)->host);
    for (uint32_t i = 0; i < site->scopes.count; i++) {
        const struct snap_scope *scope = snapshot_scope(s, site->scopes.first + i);
        for (uint32_t r = 0; r < scope->rules.count; r++)
            sum += read_text(s, snapshot_rule(s, scope->rules.first + r)->users);
    }
    if (site->cert)
        sum += read_text(s, snapshot_cert(s, site->cert - 1)->key_pem);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct text good;
    struct snapshot *s;
    if (!good.len)
        build(&good);
    char *bytes = malloc(good.len);
    if (!bytes)
        return 0;
    memcpy(bytes, good.ptr, good.len);
    for (size_t i = 0; i + 2 < size; i += 3)
        bytes[(data[i] << 8 | data[i + 1]) % good.len] = (char)data[i + 2];
    if (snapshot_view(bytes, good.len, &s) == 0) {
        size_t sum = read_text(s, snapshot_server(s, 0)->pam_service);
        for (size_t i = 0; i < snapshot_count(s, SNAP_TABLE_site); i++)
            sum += read_site(s, snapshot_site(s, i));
        assert(sum < SIZE_MAX);
        snapshot_unref(s);
    }
    free(bytes);
    return 0;
}

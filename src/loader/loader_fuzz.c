/* loader_fuzz.c - bindings and Windows paths from any bytes: never out of the mapped places. */
#include <assert.h>

#include "loader/endpoint.h"
#include "conf/path_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_endpoint(struct slice s)
{
    struct endpoint e;
    if (endpoint_parse(s, &e))
        return;
    assert(e.port != 0);
    assert(!slice_has_control(slice_str(e.host)) && !slice_has_control(slice_str(e.address)));
}

/* The bytes behind "C:\" must stay below its directory. */
static void try_path(const struct path_map *m, struct slice s)
{
    OWNED_TEXT_BUFFER path = { 0 }, out = { 0 };
    struct diag d = { 0 };
    text_add_str(&path, "C:\\");
    text_add(&path, s);
    if (path_map_resolve(m, text_slice(&path), &out, &d) == 0) {
        struct slice got = text_slice(&out);
        assert(slice_starts(got, SLICE_LITERAL("/srv/c")) && (got.len == 6 || got.ptr[6] == '/'));
        assert(!memmem(got.ptr, got.len, "/../", 4) && !slice_ends(got, SLICE_LITERAL("/..")));
        assert(!memmem(got.ptr, got.len, "//", 2));
    } else {
        assert(d.what[0] && !out.len);
    }
    text_reset(&out);
    (void)!path_map_resolve(m, s, &out, &d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct path_map *m;
    struct slice s = slice_of((const char *)data, size);
    if (!m) {
        m = path_map_new();
        if (!m || path_map_drive(m, SLICE_LITERAL("C:"), SLICE_LITERAL("/srv/c")) ||
            path_map_variable(m, SLICE_LITERAL("x"), SLICE_LITERAL("..\\..")))
            return 0;
    }
    try_endpoint(s);
    try_path(m, s);
    return 0;
}

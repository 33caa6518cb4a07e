/* fetch_url_fuzz.c - what passes must be spelled of safe bytes only and lie inside of what came in. */
#include "pki/fetch_url.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_claim)
{
    if (!true_claim)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char scheme[] = "http://";
    struct fetch_url url;
    char *text = malloc(size + sizeof scheme);
    must(text != NULL);
    memcpy(text, scheme, sizeof scheme - 1);
    if (size)
        memcpy(text + sizeof scheme - 1, data, size);
    for (int with_scheme = 0; with_scheme < 2; with_scheme++) {
        struct slice in = slice_of(text, size + sizeof scheme - 1);
        in = with_scheme ? in : slice_from(in, sizeof scheme - 1);
        if (fetch_url_parse(in, &url))
            continue;
        must(url.host.len > 0 && url.port > 0 && in.len <= FETCH_URL_MAX);
        must(url.host.ptr >= in.ptr && url.target.ptr + url.target.len == in.ptr + in.len);
        for (size_t i = 0; i < in.len; i++)
            must(in.ptr[i] > ' ' && in.ptr[i] < 0x7f && in.ptr[i] != '#' && in.ptr[i] != '\\');
        must(!slice_has_byte(url.host, '@') && !slice_has_byte(url.host, '/'));
        (void)fetch_host_allowed(slice_of(text, size), url.host);
    }
    free(text);
    return 0;
}

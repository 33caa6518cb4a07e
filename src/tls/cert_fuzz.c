/*
 * cert_fuzz.c - certificate files of any bytes: as they come, and as changes to a good one (three bytes each: place,
 * place, value) so that what stands behind the armour is reached too.
 */
#include <assert.h>
#include <stdlib.h>

#include "tls/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_file(struct slice bytes)
{
    struct diag d = { 0 };
    struct cert *c = NULL;
    struct cert_info info;
    struct cert_store *s = cert_store_new();
    char thumbprint[CERT_THUMBPRINT_LEN + 1];
    if (cert_parse(bytes, NULL, &c, &d) == 0) {
        cert_describe(c, &info);
        assert(strlen(info.thumbprint) == CERT_THUMBPRINT_LEN);
        OWNED_TEXT_BUFFER pem = { 0 };
        (void)!cert_write_pem(c, CERT_PART_ALL, &pem);
    }
    cert_free(c);
    if (s)
        (void)!cert_store_add(s, SLICE_LITERAL("file"), bytes, &d);
    cert_store_free(s);
    if (cert_parse_pfx(bytes, "password", &c, &d) == 0)
        cert_free(c);
    if (cert_normalise_thumbprint(bytes, thumbprint) == 0)
        assert(strlen(thumbprint) == CERT_THUMBPRINT_LEN);
}

static void make_good(struct text *out)
{
    struct cert_request r = { .common_name = SLICE_LITERAL("fuzz"), .days = 1, .now = 1800000000 };
    struct diag d = { 0 };
    struct cert *c;
    if (cert_create_self_signed(&r, &c, &d) || cert_write_pem(c, CERT_PART_ALL, out))
        abort();
    cert_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct text good;
    if (!good.len)
        make_good(&good);
    try_file(slice_of((const char *)data, size));
    OWNED_TEXT_BUFFER changed = { 0 };
    text_add(&changed, text_slice(&good));
    for (size_t i = 0; i + 2 < size; i += 3)
        changed.ptr[(data[i] << 8 | data[i + 1]) % changed.len] = (char)data[i + 2];
    try_file(text_slice(&changed));
    return 0;
}

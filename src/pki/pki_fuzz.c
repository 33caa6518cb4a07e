/* pki_fuzz.c - bytes of a stranger as a certificate, as a chain, and as a value of altSecurityIdentities. */
#include "pki/chain.h"
#include "pki/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count_value(void *context, struct slice value)
{
    *(size_t *)context += value.len;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_of((const char *)data, size);
    struct cert_facts f;
    struct alt_identity alt;
    const char *why;
    size_t total = 0, len;
    uint8_t binary[68];
    if (facts_read(bytes, &f, &why) == 0)
        facts_free(&f);
    (void)facts_each_value(bytes, size & 1, SLICE_LITERAL("CN"), count_value, &total);
    if (alt_identity_parse(bytes, &alt) == 0)
        total += alt.issuer.len;
    if (facts_sid_binary(bytes, binary, &len) == 0)
        total += len;
    struct pki_stores *stores = pki_stores_new();
    if (stores) {
        const struct chain_rules rules = { .security_level = 2, .at = 1800000000 };
        struct chain_result result;
        chain_verify(stores, &bytes, 1, &rules, NULL, &result);
        pki_chain_free(result.chain);
    }
    pki_stores_unref(stores);
    return 0;
}

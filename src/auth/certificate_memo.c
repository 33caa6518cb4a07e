/* certificate_memo.c - good verdicts of this second (certificate.h). */
#include "auth/certificate.h"

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE
#include <stdlib.h>

enum { SLOTS = 256 };

struct verdict {
    uint8_t key[VERDICT_DIGEST];
    struct pki_chain *chain; /* NULL: free */
};

struct verdicts {
    struct verdict slots[SLOTS];
};

/* Everything that the verdict depends on. */
struct verdict_key verdict_key(const struct certificate_table *t, const struct snap_site *site, struct slice chain, int64_t at)
{
    const struct {
        uint64_t changes, stores, at, flags, level, self_signed, freshness, soft;
    } rest = { revocation_changes(t->revocation), (uint64_t)(uintptr_t)t->stores, (uint64_t)at, site->client_cert_flags,
               site->cert_security_level, site->allow_self_signed, (uint64_t)site->client_cert_freshness, site->revocation_soft_fail };
    struct verdict_key key;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned len = 0;
    key.is_there = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) && EVP_DigestUpdate(md, &rest, sizeof rest) &&
                   EVP_DigestUpdate(md, chain.ptr, chain.len) && EVP_DigestFinal_ex(md, key.digest, &len);
    EVP_MD_CTX_free(md);
    return key;
}

bool verdict_recall(const struct certificate_table *t, const struct verdict_key *key, struct pki_chain **chain_out)
{
    if (!t->verdicts || !key->is_there)
        return false;
    const struct verdict *v = &t->verdicts->slots[key->digest[0] % SLOTS];
    if (!v->chain || memcmp(v->key, key->digest, VERDICT_DIGEST) != 0)
        return false;
    if (chain_out)
        *chain_out = pki_chain_ref(v->chain);
    return true;
}

void verdict_keep(struct certificate_table *t, const struct verdict_key *key, struct pki_chain *built)
{
    if (!key->is_there || (!t->verdicts && !(t->verdicts = calloc(1, sizeof *t->verdicts))))
        return;
    struct verdict *v = &t->verdicts->slots[key->digest[0] % SLOTS];
    pki_chain_free(v->chain);
    memcpy(v->key, key->digest, VERDICT_DIGEST);
    v->chain = pki_chain_ref(built);
}

/* Stores that are gone may come back at the same address. */
void verdicts_free(struct certificate_table *t)
{
    for (size_t i = 0; t->verdicts && i < SLOTS; i++)
        pki_chain_free(t->verdicts->slots[i].chain);
    free(t->verdicts);
    t->verdicts = NULL;
}

/* cert_store.c - the files of one store directory, keys joined to their certificates. */
#include <assert.h>
#include <stdlib.h>

#include "base/own.h"
#include "tls/cert_priv.h"

struct stored {
    struct cert *cert; /* NULL: a loose key, one in a file of its own */
    EVP_PKEY *key;     /* of a loose key */
    char *file, *key_file;
    bool is_joined; /* of a loose key: a certificate has it */
    char thumbprint[CERT_THUMBPRINT_LEN + 1];
};

/* Certificates stand in front of loose keys, in order of adding. */
struct cert_store {
    struct stored *items;
    size_t certs, count, cap;
};

struct cert_store *cert_store_new(void)
{
    return calloc(1, sizeof(struct cert_store));
}

static void stored_free(struct stored *s)
{
    cert_free(s->cert);
    EVP_PKEY_free(s->key);
    free(s->file);
    free(s->key_file);
}

void cert_store_free(struct cert_store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        stored_free(&s->items[i]);
    free(s->items);
    free(s);
}

static int insert(struct cert_store *s, size_t at, const struct stored *item)
{
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 8;
        struct stored *items = reallocarray(s->items, cap, sizeof *items);
        if (!items)
            return ERR_NOMEM;
        s->items = items;
        s->cap = cap;
    }
    memmove(&s->items[at + 1], &s->items[at], (s->count - at) * sizeof *s->items);
    s->items[at] = *item;
    s->count++;
    return 0;
}

static bool fits(const struct stored *cert, const struct stored *loose)
{
    bool is_same = !cert->cert->key && EVP_PKEY_eq(X509_get0_pubkey(cert->cert->leaf), loose->key) == 1;
    ERR_clear_error();
    return is_same;
}

/* The key stays loose, too: a certificate renewed with the same key needs it as much as the one in use does. */
static MUST_USE int join(struct stored *cert, struct stored *loose)
{
    cert->key_file = strdup(loose->file);
    if (!cert->key_file || !EVP_PKEY_up_ref(loose->key))
        return ERR_NOMEM;
    cert->cert->key = loose->key;
    loose->is_joined = true;
    return 0;
}

/* Rather a key of its own than one that another certificate has; the newest first, for it stood beside this one. */
static struct stored *key_for(struct cert_store *s, const struct stored *cert)
{
    struct stored *found = NULL;
    for (size_t i = s->count; i > s->certs && (!found || found->is_joined); i--)
        if ((!found || !s->items[i - 1].is_joined) && fits(cert, &s->items[i - 1]))
            found = &s->items[i - 1];
    return found;
}

static int add_certificate(struct cert_store *s, const char *file, struct cert *c)
{
    struct stored item = { .cert = c, .file = strdup(file), .key_file = c->key ? strdup(file) : NULL };
    cert_digest_hex(c->leaf, EVP_sha1(), item.thumbprint, sizeof item.thumbprint);
    struct stored *key = key_for(s, &item);
    int err = item.file && (!c->key || item.key_file) ? 0 : ERR_NOMEM;
    if (!err && key)
        err = join(&item, key);
    if (!err)
        err = insert(s, s->certs, &item);
    if (err)
        stored_free(&item);
    else
        s->certs++;
    return err;
}

static int add_loose_key(struct cert_store *s, const char *file, EVP_PKEY *key)
{
    struct stored item = { .key = key, .file = strdup(file) };
    int err = item.file ? 0 : ERR_NOMEM;
    for (size_t i = 0; !err && i < s->certs; i++)
        if (fits(&s->items[i], &item))
            err = join(&s->items[i], &item);
    if (!err)
        err = insert(s, s->count, &item);
    if (err)
        stored_free(&item);
    return err;
}

int cert_store_add(struct cert_store *s, struct slice file, struct slice bytes, struct diag *d)
{
    OWNED_TEXT name = strndup(file.ptr ? file.ptr : "", file.len);
    struct diag about_key = *d;
    struct cert *c;
    EVP_PKEY *key = NULL;
    if (!name)
        return ERR_NOMEM;
    int err = cert_parse(bytes, NULL, &c, d);
    if (!err)
        return add_certificate(s, name, c);
    if (err != ERR_NOT_FOUND && err != ERR_SYNTAX)
        return err;
    int key_err = cert_read_key(bytes, NULL, &key, &about_key);
    if (!key_err)
        return add_loose_key(s, name, key);
    if (key_err == ERR_DENIED)
        *d = about_key;
    return key_err == ERR_DENIED ? key_err : err;
}

size_t cert_store_count(const struct cert_store *s)
{
    return s->certs;
}

const struct cert *cert_store_at(const struct cert_store *s, size_t index)
{
    return index < s->certs ? s->items[index].cert : NULL;
}

const char *cert_store_file_at(const struct cert_store *s, size_t index)
{
    return index < s->certs ? s->items[index].file : NULL;
}

const char *cert_store_key_file_at(const struct cert_store *s, size_t index)
{
    return index < s->certs ? s->items[index].key_file : NULL;
}

size_t cert_store_find(const struct cert_store *s, const char *thumbprint)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < s->certs; i++)
        if (strcmp(s->items[i].thumbprint, thumbprint) == 0 && (found == SIZE_MAX || !s->items[found].cert->key))
            found = i; /* of two copies the one with a key */
    return found;
}

int cert_store_complete_chain(struct cert_store *s, size_t index, const struct cert_store *authorities)
{
    assert(index < s->certs);
    STACK_OF(X509) *candidates = sk_X509_new_null(); /* borrows its elements */
    int err = candidates ? 0 : ERR_NOMEM;
    for (size_t i = 0; !err && i < authorities->certs; i++)
        if (!sk_X509_push(candidates, authorities->items[i].cert->leaf))
            err = ERR_NOMEM;
    if (!err)
        err = cert_extend_chain(s->items[index].cert, candidates);
    sk_X509_free(candidates);
    return err;
}

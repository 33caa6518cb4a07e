/* hash.c - see hash.h. */
/* OpenSSL has a type of the name of one of our errors. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#include <openssl/hmac.h>
#undef ERR_STATE

#include "membership/hash.h"

#include "base/secret.h"
#include "base/utf16.h"

enum { PASSWORD_BYTES = 1024, SALT_MAX = 96, BLOB_MAX = 3 * 64, KEY_MAX = 128 };

/* The names .NET knows; key_len is the default key length of the keyed ones, 0: not keyed. */
static const struct algorithm {
    const char *name, *digest;
    size_t key_len;
} algorithms[] = {
    { "SHA1", "SHA1", 0 },            { "SHA", "SHA1", 0 },           { "MD5", "MD5", 0 },
    { "SHA256", "SHA256", 0 },        { "SHA-256", "SHA256", 0 },     { "SHA384", "SHA384", 0 },
    { "SHA-384", "SHA384", 0 },       { "SHA512", "SHA512", 0 },      { "SHA-512", "SHA512", 0 },
    { "HMAC", "SHA1", 64 },           { "HMACSHA1", "SHA1", 64 },     { "HMACMD5", "MD5", 64 },
    { "HMACSHA256", "SHA256", 64 },   { "HMACSHA384", "SHA384", 128 },
    { "HMACSHA512", "SHA512", 128 },
};

static const struct algorithm *algorithm_of(struct slice name)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (slice_equal_fold_str(name, algorithms[i].name))
            return &algorithms[i];
    return NULL;
}

bool membership_hash_is_known(struct slice algorithm)
{
    return slice_is_empty(algorithm) || algorithm_of(algorithm);
}

/* Base64 of at most BLOB_MAX bytes; SIZE_MAX when it is none. */
static size_t decode(struct slice base64, unsigned char out[BLOB_MAX])
{
    if (base64.len % 4 || base64.len > BLOB_MAX / 3 * 4)
        return SIZE_MAX;
    int len = base64.len ? EVP_DecodeBlock(out, (const unsigned char *)base64.ptr, (int)base64.len) : 0;
    for (size_t i = 0; len > 0 && i < 2 && base64.ptr[base64.len - 1 - i] == '='; i++)
        len--;
    return len < 0 ? SIZE_MAX : (size_t)len;
}

/* The digest of salt and password; its length, 0 when the library does not have the algorithm. */
static unsigned hash(const struct algorithm *a, const unsigned char *salt, size_t salt_len, const unsigned char *password,
                     size_t password_len, unsigned char out[EVP_MAX_MD_SIZE])
{
    unsigned len = 0;
    const EVP_MD *md = EVP_get_digestbyname(a->digest);
    unsigned char bytes[SALT_MAX + 2 * PASSWORD_BYTES], key[KEY_MAX];
    bool done = false;
    if (!md || salt_len > SALT_MAX || (a->key_len && !salt_len))
        return 0;
    if (a->key_len) {
        for (size_t i = 0; i < a->key_len; i++)
            key[i] = salt[i % salt_len];
        done = HMAC(md, key, (int)a->key_len, password, password_len, out, &len) != NULL;
    } else {
        memcpy(bytes, salt, salt_len);
        memcpy(bytes + salt_len, password, password_len);
        done = EVP_Digest(bytes, salt_len + password_len, out, &len, md, NULL) == 1;
        secret_wipe(bytes, sizeof bytes);
    }
    return done ? len : 0;
}

static bool is_hash_of(struct slice name, struct slice salt, struct slice stored, struct slice password)
{
    unsigned char salt_bytes[BLOB_MAX], stored_bytes[BLOB_MAX], digest[EVP_MAX_MD_SIZE], wide[2 * PASSWORD_BYTES];
    size_t salt_len = decode(salt, salt_bytes), stored_len = decode(stored, stored_bytes);
    bool fits = password.len <= PASSWORD_BYTES && slice_is_utf8(password);
    size_t wide_len = fits ? utf16le_from(password, wide) : 0;
    if (slice_is_empty(name))
        name = stored_len == 20 ? SLICE_LITERAL("SHA1") : SLICE_LITERAL("HMACSHA256");
    const struct algorithm *a = algorithm_of(name);
    bool readable = a && salt_len != SIZE_MAX && stored_len != SIZE_MAX && fits;
    unsigned len = readable ? hash(a, salt_bytes, salt_len, wide, wide_len, digest) : 0;
    secret_wipe(wide, sizeof wide);
    return len && stored_len == len && secret_equal(digest, stored_bytes, len);
}

bool membership_hash_matches(enum membership_format format, struct slice algorithm, struct slice salt, struct slice stored,
                             struct slice password)
{
    switch (format) {
    case MEMBERSHIP_CLEAR:
        return stored.len == password.len && secret_equal(stored.ptr, password.ptr, password.len);
    case MEMBERSHIP_HASHED:
        return is_hash_of(algorithm, salt, stored, password);
    default:
        return false;
    }
}

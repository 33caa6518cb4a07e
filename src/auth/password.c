/*
 * password.c - see password.h.
 *
 * One digest per form and call: sha256_match() hashes both encodings of the password every time, yescrypt_match() runs
 * crypt_rn() once.  Comparisons take the same time whether the first or the last byte differs.
 */
#include "auth/password.h"

#include <crypt.h>
#include <openssl/sha.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/secret.h"
#include "base/utf16.h"
#include "proto/limits.h"

static atomic_ulong work[PASSWORD_FORM_COUNT];

static const char yescrypt_prefix[] = "$y$";
/* A setting without a hash behind it: the salt is of no consequence, the cost is libcrypt's default. */
static const char yescrypt_setting[] = "$y$j9T$sallyportNobody0";

enum { SHA256_HEX = 2 * SHA256_DIGEST_LENGTH, SHA256_BASE64 = 44 };

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool digest_from_hex(struct slice s, uint8_t out[SHA256_DIGEST_LENGTH])
{
    if (s.len != SHA256_HEX)
        return false;
    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        int high = hex_value(s.ptr[2 * i]), low = hex_value(s.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int base64_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* 32 bytes are 43 digits and one '='; the two spare bits of the last digit must be 0. */
static bool digest_from_base64(struct slice s, uint8_t out[SHA256_DIGEST_LENGTH])
{
    if (s.len != SHA256_BASE64 || s.ptr[s.len - 1] != '=')
        return false;
    uint32_t bits = 0;
    unsigned held = 0;
    size_t at = 0;
    for (size_t i = 0; i + 1 < s.len; i++) {
        int value = base64_value(s.ptr[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[at++] = (uint8_t)(bits >> held);
            bits &= (1u << held) - 1;
        }
    }
    return at == SHA256_DIGEST_LENGTH && bits == 0;
}

static bool digest_from_stored(struct slice s, uint8_t out[SHA256_DIGEST_LENGTH])
{
    return digest_from_hex(s, out) || digest_from_base64(s, out);
}

enum password_form password_form(struct slice stored)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    if (slice_starts(stored, slice_str(yescrypt_prefix)) && stored.len < CRYPT_OUTPUT_SIZE &&
        !slice_has_byte(stored, 0))
        return PASSWORD_FORM_YESCRYPT;
    return digest_from_stored(stored, digest) ? PASSWORD_FORM_SHA256 : PASSWORD_FORM_UNKNOWN;
}

static bool is_usable(struct slice password)
{
    return password.len > 0 && !slice_has_byte(password, 0);
}

static bool sha256_match(const uint8_t want[SHA256_DIGEST_LENGTH], struct slice password)
{
    uint8_t wide[2 * SECRET_LIMIT], narrow_digest[SHA256_DIGEST_LENGTH], wide_digest[SHA256_DIGEST_LENGTH];
    struct slice bounded = slice_first(password, SECRET_LIMIT);
    size_t wide_len = utf16le_from(bounded, wide);

    SHA256((const uint8_t *)bounded.ptr, bounded.len, narrow_digest);
    SHA256(wide, wide_len, wide_digest);
    atomic_fetch_add(&work[PASSWORD_FORM_SHA256], 1);

    bool narrow_equal = secret_equal(want, narrow_digest, sizeof narrow_digest);
    bool wide_equal = secret_equal(want, wide_digest, sizeof wide_digest);
    secret_wipe(wide, sizeof wide);
    secret_wipe(narrow_digest, sizeof narrow_digest);
    secret_wipe(wide_digest, sizeof wide_digest);
    return (narrow_equal | wide_equal) && password.len == bounded.len;
}

/* Run crypt over `setting` and append what comes out. */
static MUST_USE int yescrypt_run(struct slice setting, struct slice password, struct text *out)
{
    char key[CRYPT_MAX_PASSPHRASE_SIZE + 1], salt[CRYPT_OUTPUT_SIZE];
    if (password.len > CRYPT_MAX_PASSPHRASE_SIZE || setting.len >= sizeof salt)
        return ERR_TOO_LONG;
    struct crypt_data *data = calloc(1, sizeof *data);
    if (!data)
        return ERR_NOMEM;
    if (password.len)
        memcpy(key, password.ptr, password.len);
    key[password.len] = 0;
    memcpy(salt, setting.ptr, setting.len);
    salt[setting.len] = 0;

    const char *result = crypt_rn(key, salt, data, sizeof *data);
    atomic_fetch_add(&work[PASSWORD_FORM_YESCRYPT], 1);
    if (result)
        text_add_str(out, result);

    secret_wipe(key, sizeof key);
    secret_wipe(data, sizeof *data);
    free(data);
    return result ? text_error(out) : ERR_SYNTAX;
}

static void secret_text_free(struct text *t)
{
    if (t->ptr)
        secret_wipe(t->ptr, t->cap);
    text_free(t);
}

static bool yescrypt_match(struct slice stored, struct slice password)
{
    __attribute__((cleanup(secret_text_free))) struct text made = { 0 };
    if (yescrypt_run(stored, password, &made) != 0)
        return false;
    return made.len == stored.len && secret_equal(made.ptr, stored.ptr, stored.len);
}

bool password_verify(struct slice stored, struct slice password)
{
    uint8_t want[SHA256_DIGEST_LENGTH];
    switch (password_form(stored)) {
    case PASSWORD_FORM_YESCRYPT:
        return yescrypt_match(stored, password) && is_usable(password);
    case PASSWORD_FORM_SHA256:
        return digest_from_stored(stored, want) && sha256_match(want, password) && is_usable(password);
    default:
        return false;
    }
}

void password_waste(enum password_form form, struct slice like, struct slice password)
{
    static const uint8_t nothing[SHA256_DIGEST_LENGTH];
    if (password_form(like) != PASSWORD_FORM_YESCRYPT)
        like = slice_str(yescrypt_setting);
    bool ignored = form == PASSWORD_FORM_YESCRYPT ? yescrypt_match(like, password)
                   : form == PASSWORD_FORM_SHA256 ? sha256_match(nothing, password)
                                                  : false;
    (void)ignored;
}

int password_make_yescrypt(struct slice password, struct text *out)
{
    char salt[CRYPT_GENSALT_OUTPUT_SIZE];
    if (!is_usable(password))
        return ERR_SYNTAX;
    if (!crypt_gensalt_rn(yescrypt_prefix, 0, NULL, 0, salt, sizeof salt))
        return ERR_SYS;
    return yescrypt_run(slice_str(salt), password, out);
}

int password_make_sha256(struct slice password, struct text *out)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    if (!is_usable(password))
        return ERR_SYNTAX;
    SHA256((const uint8_t *)password.ptr, password.len, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        text_addf(out, "%02X", digest[i]);
    return text_error(out);
}

unsigned long password_work(enum password_form form)
{
    return atomic_load(&work[form]);
}

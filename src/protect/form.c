/* form.c - the stored form: base64 around AES-256-GCM.  Nothing here knows a file. */
/* OpenSSL has a type of the name of one of our errors. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#include <openssl/rand.h>
#undef ERR_STATE

#include "protect/protect.h"

#include "base/secret.h"

enum { VERSION = 1, NONCE = 12, TAG = 16, HEAD = 1 + NONCE, CLEAR_MAX = 1 << 20 };

#define FORM_HEAD "[enc:" PROTECT_PROVIDER ":"
#define FORM_TAIL ":enc]"

static bool is_whole(struct slice value)
{
    return value.len >= sizeof FORM_HEAD - 1 + sizeof FORM_TAIL - 1 && slice_ends(value, SLICE_LITERAL(FORM_TAIL));
}

static struct slice form_data(struct slice value)
{
    return slice_of(value.ptr + sizeof FORM_HEAD - 1, value.len - (sizeof FORM_HEAD - 1) - (sizeof FORM_TAIL - 1));
}

bool protect_is_ours(struct slice value)
{
    return slice_starts(value, SLICE_LITERAL(FORM_HEAD));
}

int protect_key_parse(struct slice file, struct protect_key *key_out)
{
    static const char digits[] = "0123456789abcdef";
    struct protect_key key;
    struct slice hex = slice_trim(file);
    if (hex.len != 2 * sizeof key.bytes)
        return ERR_SYNTAX;
    for (size_t i = 0; i < sizeof key.bytes; i++) {
        char high = hex.ptr[2 * i], low = hex.ptr[2 * i + 1];
        const char *h = high ? strchr(digits, high) : NULL, *l = low ? strchr(digits, low) : NULL;
        if (!h || !l) {
            secret_wipe(&key, sizeof key);
            return ERR_SYNTAX;
        }
        key.bytes[i] = (unsigned char)((h - digits) << 4 | (l - digits));
    }
    *key_out = key;
    secret_wipe(&key, sizeof key);
    return 0;
}

/* ---- base64 ---- */

static int add_base64(struct text *out, const unsigned char *bytes, size_t len)
{
    char *room = text_room(out, (len + 2) / 3 * 4 + 1); /* OpenSSL ends it with NUL */
    if (room)
        text_grown(out, (size_t)EVP_EncodeBlock((unsigned char *)room, bytes, (int)len));
    return text_error(out);
}

static bool is_base64(struct slice text, size_t *padding_out)
{
    size_t padding = slice_ends(text, SLICE_LITERAL("==")) ? 2 : slice_ends(text, SLICE_LITERAL("=")) ? 1 : 0;
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < text.len - padding; i++)
        if (!memchr(letters, text.ptr[i], sizeof letters - 1))
            return false;
    *padding_out = padding;
    return text.len % 4 == 0;
}

static int from_base64(struct slice text, struct text *out)
{
    size_t padding;
    if (text.len > 2 * CLEAR_MAX || !is_base64(text, &padding) || text.len < (HEAD + TAG) / 3 * 4)
        return ERR_SYNTAX;
    char *room = text_room(out, text.len / 4 * 3);
    if (!room)
        return text_error(out);
    int got = EVP_DecodeBlock((unsigned char *)room, (const unsigned char *)text.ptr, (int)text.len);
    if (got < (int)padding + HEAD + TAG)
        return ERR_SYNTAX;
    text_grown(out, (size_t)got - padding);
    return 0;
}

/* ---- the cipher ---- */

static EVP_CIPHER_CTX *cipher_begin(const struct protect_key *key, const unsigned char *nonce, int encrypts)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, nonce, encrypts) == 1)
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

/* version, nonce, ciphertext, tag: `to` has room for all of it. */
static int encrypt(const struct protect_key *key, struct slice clear, unsigned char *to)
{
    int len = 0, rest = 0;
    to[0] = VERSION;
    if (RAND_bytes(to + 1, NONCE) != 1)
        return ERR_SYS;
    EVP_CIPHER_CTX *ctx = cipher_begin(key, to + 1, 1);
    bool done = ctx && EVP_CipherUpdate(ctx, NULL, &len, to, 1) == 1 &&
                EVP_CipherUpdate(ctx, to + HEAD, &len, (const unsigned char *)clear.ptr, (int)clear.len) == 1 &&
                EVP_CipherFinal_ex(ctx, to + HEAD + len, &rest) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, to + HEAD + clear.len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return done ? 0 : ERR_SYS;
}

int protect_seal(const struct protect_key *key, struct slice clear, struct text *stored_out)
{
    OWNED_TEXT_BUFFER sealed = { 0 };
    if (clear.len > CLEAR_MAX)
        return ERR_TOO_LONG;
    char *room = text_room(&sealed, HEAD + clear.len + TAG);
    int err = room ? encrypt(key, clear, (unsigned char *)room) : text_error(&sealed);
    if (err)
        return err;
    text_add_str(stored_out, FORM_HEAD);
    err = add_base64(stored_out, (const unsigned char *)room, HEAD + clear.len + TAG);
    text_add_str(stored_out, FORM_TAIL);
    return err ? err : text_error(stored_out);
}

/* What was deciphered counts only after the tag was found right. */
static int decrypt(const struct protect_key *key, struct slice sealed, unsigned char *to)
{
    const unsigned char *from = (const unsigned char *)sealed.ptr;
    size_t len = sealed.len - HEAD - TAG;
    int got = 0, rest = 0;
    unsigned char tag[TAG];
    memcpy(tag, from + HEAD + len, TAG);
    EVP_CIPHER_CTX *ctx = cipher_begin(key, from + 1, 0);
    if (!ctx)
        return ERR_NOMEM;
    bool good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
                EVP_CipherUpdate(ctx, NULL, &got, from, 1) == 1 &&
                EVP_CipherUpdate(ctx, to, &got, from + HEAD, (int)len) == 1 &&
                EVP_CipherFinal_ex(ctx, to + got, &rest) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!good)
        secret_wipe(to, len);
    return good ? 0 : ERR_DENIED;
}

int protect_open(const struct protect_key *key, struct slice stored, struct text *clear_out)
{
    OWNED_TEXT_BUFFER sealed = { 0 };
    if (!protect_is_ours(stored))
        return ERR_UNSUPPORTED;
    int err = is_whole(stored) ? from_base64(form_data(stored), &sealed) : ERR_SYNTAX;
    if (err)
        return err;
    if (sealed.ptr[0] != VERSION)
        return ERR_SYNTAX;
    size_t len = sealed.len - HEAD - TAG;
    char *room = text_room(clear_out, len + TAG);
    err = room ? decrypt(key, text_slice(&sealed), (unsigned char *)room) : text_error(clear_out);
    if (!err)
        text_grown(clear_out, len);
    return err;
}

/*
 * protect.h - attributes that the schema marks encrypted="true", stored so that only who has the key can read them.
 *
 *   [enc:SallyportAesProvider:BASE64:enc]      BASE64: version (1 byte, 1), nonce (12), AES-256-GCM ciphertext, tag (16)
 *
 * The form is IIS's, the provider is ours: the keys of Windows's providers never leave the Windows machine.  The key is a
 * file of the instance, DIR/secrets/configuration-key: 64 hexadecimal digits on a line, mode 0600 (threats.md X04).  The
 * place of the attribute is not authenticated: a value may move to another element, as people and `list /xml` move it, and
 * who can write the file decides about everything anyhow.
 */
#pragma once

#include "conf/conf.h"
#include "conf/value.h"

#define PROTECT_PROVIDER VALUE_OWN_PROVIDER
#define PROTECT_KEY_FILE "secrets/configuration-key" /* below the configuration directory */

struct protect_key {
    unsigned char bytes[32];
};

/* Whether a value begins in our form, whatever follows. */
bool protect_is_ours(struct slice value);
/* The key from the bytes of its file.  ERR_SYNTAX. */
MUST_USE int protect_key_parse(struct slice file, struct protect_key *key_out);
/* Append the stored form of `clear`, another each time. */
MUST_USE int protect_seal(const struct protect_key *key, struct slice clear, struct text *stored_out);
/* Append the clear text, which the caller wipes.  ERR_UNSUPPORTED: not our form; ERR_SYNTAX: cut, no base64, or of a later version;
 * ERR_DENIED: another key, or damaged. */
MUST_USE int protect_open(const struct protect_key *key, struct slice stored, struct text *clear_out);

/* ---- with the key of an instance ---- */

/* ERR_NOT_FOUND: there is none; `d` says what is wrong. */
MUST_USE int protect_key_read(const char *directory, struct protect_key *key_out, struct diag *d);
/* protect_open for people who may read the key.  `d` says what is wrong. */
MUST_USE int protect_reveal(const char *directory, struct slice stored, struct text *clear_out, struct diag *d);
/* For conf_protect_with: makes the key when the first value needs it. */
extern const struct conf_protector protect_values;

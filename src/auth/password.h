/*
 * password.h - stored passwords of IIS Manager users: recognise, verify, make.
 *
 * Two forms are understood.  SHA-256 as IIS stores it: no public source says how the digest is spelled, so hex in
 * either case and Base64 are read, over the UTF-8 and the UTF-16LE bytes of the password (config-model.md 11).  And
 * yescrypt ("$y$..."), our own.  Everything else, [enc:...] included, is a form nobody can log in with.
 *
 * Verifying always costs what the form costs, whatever the password is; password_waste() spends the same for a name
 * that does not exist (threats.md A02).  An empty password, and one that holds a NUL, never matches (A09).
 * SHA-256 comes from libcrypto, yescrypt from libcrypt.  All functions are thread-safe.
 */
#pragma once

#include "base/slice.h"
#include "base/text.h"

enum password_form {
    PASSWORD_FORM_UNKNOWN,
    PASSWORD_FORM_SHA256,
    PASSWORD_FORM_YESCRYPT,
    PASSWORD_FORM_COUNT,
};

enum password_form password_form(struct slice stored);

/* Whether `password` is the one `stored` was made from. */
MUST_USE bool password_verify(struct slice stored, struct slice password);
/* Do the work of password_verify for `form` and throw the result away; `like` is a stored yescrypt password whose cost
 * is taken over ("" for the cost of password_make_yescrypt). */
void password_waste(enum password_form form, struct slice like, struct slice password);

/* Append the form to store.  ERR_SYNTAX: empty or with a NUL inside; ERR_TOO_LONG: more than yescrypt takes. */
MUST_USE int password_make_yescrypt(struct slice password, struct text *out);
/* Upper-case hex over the UTF-8 bytes: the form IIS is most likely to read. */
MUST_USE int password_make_sha256(struct slice password, struct text *out);

/* How many password digests of that form this process has computed; tests compare work by it, not by the clock. */
unsigned long password_work(enum password_form form);

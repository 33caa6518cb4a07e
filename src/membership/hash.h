/*
 * hash.h - the stored passwords of ASP.NET membership (SqlMembershipProvider), formats Clear and Hashed.
 *
 * Hashed: base64 of H(salt || password) with the password as UTF-16LE; for an HMAC the salt, cut or repeated to the key
 * length of the algorithm, is the key (ftp-behaviour.md 4.2).
 */
#pragma once

#include "base/slice.h"

enum membership_format { MEMBERSHIP_CLEAR = 0, MEMBERSHIP_HASHED = 1, MEMBERSHIP_ENCRYPTED = 2 };

/* Whether hashAlgorithmType may hold this name: "SHA1", "HMACSHA256" ...; "" is allowed, then the length of the stored
 * hash decides between SHA1 (the default of .NET 2.0) and HMACSHA256 (of .NET 4). */
bool membership_hash_is_known(struct slice algorithm);

/* Whether `password` (UTF-8) is the one that `stored` was made of.  `salt` is base64.  False for what cannot be read. */
bool membership_hash_matches(enum membership_format format, struct slice algorithm, struct slice salt, struct slice stored,
                             struct slice password);

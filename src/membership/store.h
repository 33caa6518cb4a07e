/*
 * store.h - the tables of ASP.NET membership and its roles (aspnet_regsql) through ODBC.
 *
 * One store is one connection for one thread; it connects when it is asked, and again when the connection broke.  Look-ups
 * go by the lower-cased names inside the application; the database lowers them.  Lock-out is counted in the database as SqlMembershipProvider does,
 * so that the web site and this service lock the same accounts.
 */
#pragma once

#include "base/diag.h"
#include "base/text.h"

struct store_settings {
    struct slice users_connection, users_application; /* ODBC connection string; applicationName */
    struct slice roles_connection, roles_application; /* connection "": roles are off */
    struct slice hash_algorithm;                      /* hash.h */
    unsigned max_failures;                            /* maxInvalidPasswordAttempts; 0: never locked */
    unsigned window_minutes;                          /* passwordAttemptWindow */
    unsigned command_seconds;                         /* commandTimeout */
};

enum store_verdict {
    STORE_OK,
    STORE_DENIED,      /* unknown, wrong password, not approved, locked out: the caller cannot tell */
    STORE_UNAVAILABLE, /* the database did not answer as it should; `d` says how */
};

struct store;

/* `settings` is borrowed until store_free.  NULL: out of memory. */
struct store *store_new(const struct store_settings *settings);
void store_free(struct store *s);

/* On STORE_OK `user_out` holds the name as stored and `roles_out` the names of the roles, one per line.  `d` is set for
 * STORE_UNAVAILABLE, and for STORE_DENIED when the administrator should know why (a password in format Encrypted). */
enum store_verdict store_check(struct store *s, struct slice user, struct slice password, struct text *user_out,
                               struct text *roles_out, struct diag *d);

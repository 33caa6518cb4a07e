/*
 * ldap_pool.h - the controllers of a directory as one: bound connections kept for the next question, a dead or hanging
 * controller skipped for a while, the next one asked instead (threats.md L06).
 *
 * Thread-safe; each question has a connection to itself.  A controller that does not answer in time is skipped by
 * everybody, so it delays the logins that are waiting for it and no later ones; when its time is over, one question tries it
 * again and the others go on leaving it alone until that one is answered.
 */
#pragma once

#include "directory/directory.h"
#include "directory/ldap_conn.h"

struct ldap_pool;

MUST_USE int ldap_pool_new(const struct directory_config *config, struct ldap_pool **pool_out, struct diag *d);
void ldap_pool_free(struct ldap_pool *p);

struct ldap_answer { /* zero it before use */
    struct ldap_pool *pool;
    struct ldap_conn *conn;
    size_t server;
    LDAPMessage *message;
};
/* Ask one controller after the other.  Errors of ldap_conn_search, where ERR_CLOSED means that none of them answers; `steps`
 * (may be NULL) tells why.  On 0 the answer keeps a connection until ldap_answer_free. */
MUST_USE int ldap_pool_search(struct ldap_pool *p, const struct ldap_query *query, struct text *steps,
                              struct ldap_answer *answer_out);
void ldap_answer_free(struct ldap_answer *a);
/* Ask whether the password is that of the account `name` (a DN), over a connection of its own.  ERR_DENIED: it is not, and no
 * other controller was asked; *refusal_out as in ldap_conn.h.  ERR_CLOSED: none of them answers. */
MUST_USE int ldap_pool_bind(struct ldap_pool *p, struct slice name, struct slice password, struct text *steps,
                            unsigned *refusal_out);
#define OWNED_ANSWER __attribute__((cleanup(ldap_answer_free))) struct ldap_answer

/* Whether one of the controllers has this name. */
bool ldap_pool_has_host(const struct ldap_pool *p, struct slice host);

/* Entries one after the other; search references are passed over (L04). */
LDAPMessage *ldap_answer_next(const struct ldap_answer *a, LDAPMessage *before);
/* The values of an attribute, NULL: it has none.  Freed by ldap_value_free_len. */
struct berval **ldap_answer_values(const struct ldap_answer *a, LDAPMessage *entry, const char *attribute);
/* The first value appended to `out`; false when there is none. */
bool ldap_answer_text(const struct ldap_answer *a, LDAPMessage *entry, const char *attribute, struct text *out);
/* The first value as a number, `missing` when there is none or it is not one. */
int64_t ldap_answer_number(const struct ldap_answer *a, LDAPMessage *entry, const char *attribute, int64_t missing);
/* The DN of an entry appended to `out`. */
MUST_USE int ldap_answer_dn(const struct ldap_answer *a, LDAPMessage *entry, struct text *out);

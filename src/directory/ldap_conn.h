/*
 * ldap_conn.h - one connection to one controller: encrypted, bound, every wait bounded.
 *
 * libldap speaks LDAP over our own socket: the connection is made here without blocking beyond its deadline, and TLS is
 * OpenSSL's with the CA given as bytes, because the confined authenticator opens no file.  Nothing is sent in clear but
 * the StartTLS request; bytes that arrive between its answer and the handshake end the connection (threats.md L05).
 * Referrals are never followed (L04).  Not thread-safe; a connection that failed or timed out is to be freed.
 */
#pragma once

#include <ldap.h>

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "base/diag.h"

struct ldap_server {           /* parsed from one URI */
    char *host;                /* also the name the certificate must carry */
    uint16_t port;
    bool start_tls;            /* ldap://: StartTLS before anything else */
};
/* ERR_SYNTAX: neither ldaps://host[:port] nor ldap://host[:port]. */
MUST_USE int ldap_server_parse(struct slice uri, struct ldap_server *server_out);
void ldap_server_free(struct ldap_server *server);

/* What all connections share: TLS 1.2 at least, certificates must chain to `ca_pem`.  ERR_SYNTAX: no certificate in it. */
MUST_USE int ldap_tls_new(struct slice ca_pem, SSL_CTX **tls_out, struct diag *d);

struct ldap_login {
    struct slice name, password;
    unsigned *refusal_out;     /* NULL: our own account.  Else somebody who wants to log in: what Active Directory says about a
                                * refused one ("data 52e"), 0 when nothing.  He must not be able to make a controller look ill. */
};

struct ldap_conn;

/* Connect, encrypt, bind until `deadline` (clock_ms).  ERR_DENIED: the controller refuses the name or password, and
 * asking another one would only lock the account; others: this controller is of no use now.  `d` says why. */
MUST_USE int ldap_conn_open(const struct ldap_server *server, SSL_CTX *tls, const struct ldap_login *login,
                            int64_t deadline, struct ldap_conn **conn_out, struct diag *d);
void ldap_conn_free(struct ldap_conn *c);

struct ldap_query {
    const char *base;          /* DN */
    int scope;                 /* LDAP_SCOPE_ */
    const char *filter;        /* built by ldap_text_add_filter; NULL: any object */
    const char *const *attributes; /* NULL-terminated */
    int limit;                 /* entries that may come; one more is asked for so that too many are noticed */
};
/* The result, freed by ldap_msgfree.  ERR_NOT_FOUND: the base is not there; ERR_DENIED: no right to read, or the
 * controller takes no such question; ERR_LIMIT: more than `limit` entries; ERR_TIMEOUT and others: free the connection. */
MUST_USE int ldap_conn_search(struct ldap_conn *c, const struct ldap_query *query, int64_t deadline,
                              LDAPMessage **result_out);
LDAP *ldap_conn_handle(struct ldap_conn *c); /* for reading results */

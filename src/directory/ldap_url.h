/*
 * ldap_url.h - addresses of CRLs in a directory, as AD CS writes them first into its certificates (RFC 4516).  Pure.
 *
 *   ldap:///CN=Issuing%20CA,CN=dc1,CN=CDP,...,DC=example,DC=com?certificateRevocationList?base?objectClass=cRLDistributionPoint
 */
#pragma once

#include "base/text.h"

struct ldap_crl_url {
    struct slice host;      /* of the URL, "" none: the configured directory */
    bool delta;             /* deltaRevocationList instead of certificateRevocationList */
    struct text dn;         /* decoded; the caller's to free */
};

/* ERR_UNSUPPORTED: no ldap URL, another attribute, another scope than base; ERR_SYNTAX: an escape or a control character that
 * may not be; ERR_TOO_LONG.  The filter is not looked at: one object is read and nothing is searched. */
MUST_USE int ldap_crl_url_parse(struct slice url, struct ldap_crl_url *out);

/*
 * facts.h - what a mapping needs to know of a certificate, as text.
 *
 * Everything was decoded to UTF-8 and checked: a value with a NUL or a control character, or one that is too long, makes
 * the certificate not mappable; nothing is cut (threats.md C05).  Only meaningful for a certificate whose chain is good.
 */
#pragma once

#include "base/slice.h"
#include "base/text.h"

enum { FACT_UPN_MAX = 1024, FACT_DN_MAX = 2048, FACT_SERIAL_MAX = 64, FACT_SAN_VALUES = 8 };

/* Every text is NUL-terminated besides; "" when the certificate does not say. */
struct cert_facts {
    struct slice subject, issuer;          /* AD's altSecurityIdentities form: DER order, "," without blank */
    struct slice subject_shown, issuer_shown; /* for logs: most specific part first, escaped */
    struct slice serial;                   /* lower-case hex, octets as in the DER */
    struct slice serial_reversed;          /* the form of <SR> */
    struct slice ski;                      /* lower-case hex, "" */
    struct slice sha1_pukey, sha1_spki;    /* lower-case hex: BIT STRING contents; whole SubjectPublicKeyInfo */
    struct slice sha1, sha256;             /* of the DER; upper-case hex */
    struct slice sid;                      /* "S-1-5-21-...": extension or SAN URI; "" */
    struct slice upn[FACT_SAN_VALUES];
    size_t upn_count;
    struct slice rfc822[FACT_SAN_VALUES];
    size_t rfc822_count;
    int64_t not_before, not_after;         /* seconds since the epoch */
    struct slice der;                      /* borrowed from the caller of facts_read */
    struct text pool;                      /* owns the rest */
};

/* ERR_SYNTAX: not a certificate, or it carries what must not be mapped; `*why_out` (static text) says which.
 * On 0 free with facts_free. */
MUST_USE int facts_read(struct slice der, struct cert_facts *facts_out, const char **why_out);
void facts_free(struct cert_facts *f);

/* For logs, of any certificate that can be parsed, mappable or not: subject, issuer, serial number (lower-case hex) and
 * SHA-256 (upper-case hex), a line each, escaped, long ones cut.  "" for what is no certificate. */
void facts_describe(struct slice der, struct text *out);

/* The text of a SID ("S-1-5-21-1-2-3-1000") as its binary form, at most 68 bytes.  ERR_SYNTAX. */
MUST_USE int facts_sid_binary(struct slice sid, uint8_t out[68], size_t *len_out);

/* One value of altSecurityIdentities, parsed: which forms it has ("" when absent).  ERR_SYNTAX for what is no X509:
 * value or holds an unknown tag.  Slices point into `value`. */
struct alt_identity {
    struct slice issuer, subject, serial_reversed, ski, sha1_pukey, rfc822, sid;
};
MUST_USE int alt_identity_parse(struct slice value, struct alt_identity *out);

/* A value of the certificate's name (Subject or Issuer) for rules like manyToOneMappings: every value of sub-field `key`
 * (CN OU O L S C E T G I SN STREET SERIALNUMBER DC) goes to `each` until it returns true.  Returns whether one did. */
typedef bool facts_value(void *context, struct slice value);
bool facts_each_value(struct slice der, bool of_issuer, struct slice key, facts_value *each, void *context);

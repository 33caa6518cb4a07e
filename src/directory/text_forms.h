/*
 * text_forms.h - texts on their way into and out of a directory.  Pure.
 *
 * ldap_text_add_filter is the only way by which a value from outside gets into a search filter (threats.md L01).
 */
#pragma once

#include "base/text.h"

/* A value in a search filter (RFC 4515): everything but printable ASCII, and * ( ) \ as \xx.  NUL too: a value keeps its
 * length whatever it holds. */
void ldap_text_add_filter(struct text *t, struct slice value);

/* A binary SID as "S-1-...".  ERR_SYNTAX when it is not exactly one. */
MUST_USE int ldap_text_add_sid(struct text *t, struct slice binary);

/* "20230101000000.0Z" as seconds since the epoch.  ERR_SYNTAX. */
MUST_USE int ldap_text_to_time(struct slice s, int64_t *seconds_out);

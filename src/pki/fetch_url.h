/*
 * fetch_url.h - the addresses that certificates name for CRLs, OCSP responders and issuers.
 *
 * They were written by whoever made the certificate.  Only plain http with a host, no user, no fragment and nothing but
 * unreserved characters and what RFC 3986 allows in paths passes; everything else is refused, not repaired.
 */
#pragma once

#include "base/slice.h"

enum { FETCH_URL_MAX = 2048, FETCH_HOST_MAX = 253 };

struct fetch_url {
    struct slice host;   /* without brackets */
    uint16_t port;       /* 80 when not named */
    bool ip6;            /* host stood in brackets */
    struct slice target; /* path and query; may be empty */
};

/* Slices point into `text`.  ERR_TOO_LONG, ERR_UNSUPPORTED (another scheme), ERR_SYNTAX. */
MUST_USE int fetch_url_parse(struct slice text, struct fetch_url *url_out);

/* Whether one of the comma-separated patterns of `hosts` ("*" and "?" as wildcards) matches; "" matches every host. */
bool fetch_host_allowed(struct slice hosts, struct slice host);

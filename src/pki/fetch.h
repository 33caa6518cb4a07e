/*
 * fetch.h - one HTTP exchange with a server that a certificate named (threats.md C10).
 *
 * Blocking; for threads that have nothing else to do.  http only, no proxy from the environment, no cookies, no
 * credentials, no compression; every limit counts for the whole exchange, redirects and name resolution included.
 */
#pragma once

#include <stdatomic.h>

#include "base/text.h"
#include "pki/fetch_url.h"

struct fetch_policy {
    struct slice hosts;     /* comma-separated patterns, "" every host */
    bool private_addresses; /* loopback and private networks */
    bool public_addresses;  /* the rest.  Link-local, multicast and unspecified addresses are never asked. */
    unsigned redirects;     /* how many may be followed; each must pass all the above */
    const atomic_bool *stop; /* give up soon once it is set; NULL: never */
};

struct fetch_request {
    struct slice url;
    struct slice body;   /* "": GET */
    const char *type;    /* Content-Type of the body */
    size_t max;          /* bytes of an answer */
    int64_t deadline_ms; /* clock_ms() */
};

/* Once, before any thread fetches: libcurl's own state. */
MUST_USE int fetch_start(void);

/* On 0 `body_out` holds the body of a 200 answer.  ERR_SYNTAX, ERR_UNSUPPORTED, ERR_DENIED (policy), ERR_TIMEOUT,
 * ERR_TOO_LONG, ERR_NOT_FOUND (another status), ERR_TRUNCATED, ERR_IO. */
MUST_USE int fetch(const struct fetch_policy *policy, const struct fetch_request *request, struct text *body_out);

/* Whether the policy lets us talk to this address (a struct sockaddr). */
struct sockaddr;
bool fetch_address_allowed(const struct fetch_policy *policy, const struct sockaddr *address);

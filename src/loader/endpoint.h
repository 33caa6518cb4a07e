/*
 * endpoint.h - the bindingInformation of an ftp binding, "address:port:host".
 *
 * Parsed from the right, since IPv6 addresses hold colons (config-model.md 9).  The schema accepts any text: what is
 * wrong here keeps one site from starting, not the file from loading.
 */
#pragma once

#include "base/slice.h"

struct conf_element;

enum { ENDPOINT_ADDRESS_MAX = 64, ENDPOINT_HOST_MAX = 253 };

struct endpoint {
    char address[ENDPOINT_ADDRESS_MAX]; /* canonical, without brackets; "" any */
    uint16_t port;
    char host[ENDPOINT_HOST_MAX + 1]; /* lower case; "" none */
    bool implicit_tls; /* not part of the text, like what follows: set by whoever knows the certificates */
    struct conf_element *binding; /* where the text stands */
};

/* Why it is none, a literal; NULL when `endpoint_out` is set. */
MUST_USE const char *endpoint_parse(struct slice information, struct endpoint *endpoint_out);
/* By address, port, host. */
int endpoint_compare(const struct endpoint *a, const struct endpoint *b);

/* certificate.h - reading a certificate as `add certificate` does; certificate.c. */
#pragma once

#include "cli/cli.h"
#include "tls/cert.h"

/* PEM, DER or PFX; a pass phrase is asked for where one is needed.  Reports and returns the exit code. */
MUST_USE int certificate_read(struct cli *c, struct slice file, struct cert **cert_out);

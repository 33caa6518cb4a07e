/* random_bytes.h - unpredictable bytes, fetched from the kernel in advance: small ones cost no system call each. */
#pragma once

#include <stddef.h>

#include "base/err.h"

enum { RANDOM_MAX = 256 }; /* bytes by call */

/* Every byte is given out once and forgotten here.  Each thread has its own.  ERR_SYS: the kernel gives none. */
MUST_USE int random_bytes(void *out, size_t len);

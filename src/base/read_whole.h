/* read_whole.h - a regular file's bytes, within a limit. */
#pragma once

#include "base/text.h"

/* The whole file, from its start, becomes the content of `out`; ERR_TOO_BIG (with max + 1 bytes read) when it is longer than
 * `max`.  `out` holds no more than max + 1 bytes from then on. */
MUST_USE int read_whole(int fd, size_t max, struct text *out);

/* read.h - the bytes behind descriptors that the loader was handed. */
#pragma once

#include "base/text.h"

enum { CONFIG_FILE_MAX = 64 * 1024 * 1024 };

/* The whole file into `out`, ERR_TOO_BIG (with max + 1 bytes read) when it is longer than `max`. */
MUST_USE int read_whole(int fd, size_t max, struct text *out);
/* A configuration file; ERR_NOT_FILE when it is no regular file. */
MUST_USE int read_config(int fd, struct text *out);

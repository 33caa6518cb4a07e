/* read.h - the bytes behind descriptors that the loader was handed. */
#pragma once

#include "base/read_whole.h"

enum { CONFIG_FILE_MAX = 64 * 1024 * 1024 };

/* A configuration file; ERR_NOT_FILE when it is no regular file. */
MUST_USE int read_config(int fd, struct text *out);

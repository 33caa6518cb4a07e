/* utf16.h - text as Windows and .NET hash it. */
#pragma once

#include "base/slice.h"

/* UTF-8 to UTF-16LE; `out` holds twice the input's bytes.  A text that is no UTF-8 is taken as Latin-1.  Returns bytes. */
size_t utf16le_from(struct slice s, uint8_t *out);

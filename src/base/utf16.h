/* utf16.h - text as Windows keeps, hashes and writes it. */
#pragma once

#include "base/text.h"

/* UTF-8 to UTF-16LE; `out` holds twice the input's bytes.  A text that is no UTF-8 is taken as Latin-1.  Returns bytes. */
size_t utf16le_from(struct slice s, uint8_t *out);

/* One code point as UTF-8. */
void utf8_add(struct text *out, uint32_t c);
/* UTF-16 without its mark to UTF-8, behind what `out` holds.  ERR_SYNTAX: a lone surrogate, half a unit. */
MUST_USE int utf8_from_utf16(struct slice bytes, bool is_big_endian, struct text *out);

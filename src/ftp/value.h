/* value.h - the small values of FTP arguments and replies: times, offsets, sizes for people. */
#pragma once

#include "base/text.h"

/* YYYYMMDDHHMMSS with an optional fraction, which is checked and dropped; UTC seconds since the epoch. */
MUST_USE int value_parse_time(struct slice s, int64_t *time_out);
void value_print_time(int64_t time, struct text *out);

/* The offset of REST: 0 .. 2^63-1. */
MUST_USE int value_parse_offset(struct slice s, uint64_t *offset_out);

/* 49359065088 -> 49,359,065,088 */
void value_print_commas(uint64_t value, struct text *out);

/* A name inside "..." of 257: each quote doubled (RFC 959 appendix II). */
void value_print_quoted(struct slice name, struct text *out);

/*
 * w3c.h - the W3C extended log of the FTP service: fields, header block, lines, which events a site wants.
 *
 * Pure: a record (proto/log.h) and settings in, bytes out.  Text of a record comes from strangers.  Every field goes
 * through one escaper: a blank becomes '+', an empty field '-', control characters, line separators and bytes that are
 * no UTF-8 become %XX, and a line never starts with '#' (threats.md H07).
 */
#pragma once

#include "base/slice.h"
#include "base/text.h"
#include "proto/log.h"

/* logExtFileFlags: the bits that stand for a column we can print. */
uint32_t w3c_known_fields(void);

enum { W3C_CERTIFICATE = 1 << 30 }; /* beside IIS's own bits: the five x-cert- columns */

struct w3c_style {
    uint32_t fields;       /* logExtFileFlags, W3C_CERTIFICATE */
    bool utf8;             /* logInUTF8; else one byte per character, '?' for what Latin-1 lacks */
    struct slice computer; /* s-computername */
};

/* The four # lines; `time` milliseconds since the epoch. */
void w3c_header(const struct w3c_style *style, int64_t time, struct text *out);

/* One line with its CRLF. */
void w3c_line(const struct w3c_style *style, const struct log_access *record, struct text *out);

/* selectiveLogging (LOG_SUCCESSFUL | LOG_ERROR | LOG_INFRASTRUCTURE): whether the record is to be written. */
bool w3c_is_wanted(uint32_t selective, const struct log_access *record);

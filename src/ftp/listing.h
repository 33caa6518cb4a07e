/*
 * listing.h - one directory entry as the line that LIST, NLST, MLSD or MLST sends.
 *
 * MS-DOS and UNIX forms are those of IIS (ftp-behaviour 8), facts those of RFC 3659.  Names pass through the escaper:
 * a control byte or a byte that is not UTF-8 shows as \xHH and a backslash doubled, so no file name can forge a line
 * (threats.md R07, D22).  Local times follow the zone that tzset() found.
 */
#pragma once

#include "base/text.h"
#include "proto/broker.h"

struct listing_entry {
    struct slice name;
    bool is_directory;
    bool may_read, may_write; /* what the reader is authorized to do with it */
    bool has_created;
    uint64_t size;
    int64_t mtime, created;   /* seconds since the epoch */
    uint32_t mode;            /* permission bits */
    uint64_t device, inode;   /* what makes `unique`; inode 0: no such fact */
};

/* Append the line with its CRLF, in the style and with the modifiers of `flags` (enum broker_list_flags).  `prefix`
 * goes before the name in LIST_STYLE_NAMES only.  `now` decides the year column of UNIX lines.  LIST_STYLE_FACTS gives
 * "fact=value;... name" (the blank that MLST puts in front is the caller's). */
void listing_line(struct text *out, unsigned flags, const struct listing_entry *e, struct slice prefix, int64_t now);

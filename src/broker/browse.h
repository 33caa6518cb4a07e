/*
 * browse.h - listing a directory piece by piece.
 *
 * Up to the site's sort limit the entries are read at once and sorted without regard to case, files and directories
 * mixed, as NTFS does.  A larger directory is streamed in its own order, in memory that does not grow with it
 * (threats.md R04).  Every entry is looked at when its name is read; one that has vanished by then is left out.
 * Mappings shadow real names and show where the site wants it; what is neither file nor directory, a link that leads
 * out, uploads under way and hidden segments (requestFiltering) do not show.
 */
#pragma once

#include "broker/place.h"
#include "proto/broker.h"

struct browse;

struct browse_order {
    unsigned flags;        /* enum broker_list_flags */
    struct slice pattern;  /* "" everything */
    struct slice prefix;   /* before names in LIST_STYLE_NAMES */
    int64_t now;
    const struct identity *identity; /* of the grant, which outlives its listings */
    struct shared_identity *owner;   /* the fixed account of the directory instead, NULL none; the listing holds it too */
    struct fixed_accounts *fixed;    /* for the mappings in the listing */
};

/* Bytes that sorted listings may hold together; beyond that a directory is streamed, however small (threats.md R09).  64 MiB;
 * tests take less. */
extern size_t browse_held_most;

enum { BROWSE_PREFIX_MAX = 8 * 1024 }; /* so that any line fits a chunk; longer paths cannot exist */

/* Begin at the place, which is consumed: its descriptors belong to the listing, copies are made of the rest.  A file
 * gives its one line. */
MUST_USE int browse_begin(struct place *p, const struct browse_order *order, const struct authorization_subject *who,
                          struct browse **browse_out);
/* The next lines, at most LISTING_CHUNK bytes, over `out`; *more_out says whether to come again. */
MUST_USE int browse_next(struct browse *b, struct text *out, bool *more_out);
void browse_end(struct browse *b); /* NULL is fine */

uint64_t browse_handle(const struct browse *b);
struct shared_identity *browse_owner(const struct browse *b); /* borrowed */
void browse_set_handle(struct browse *b, uint64_t handle);
bool browse_has_directory(const struct browse *b); /* false: what it shows is one line, of a file or with LIST_ONE of anything */
struct browse **browse_link(struct browse *b); /* the owner's list goes through here */

/* What a line says about `name` in the directory `fd`, or with "" about the open descriptor itself (O_PATH will do).
 * ERR_NOT_FILE: neither file nor directory; links are not followed. */
struct listing_entry;
MUST_USE int browse_describe(int fd, const char *name, struct listing_entry *entry_out);

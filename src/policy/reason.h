/*
 * reason.h - why a check came out as it did: for the reason log and for `sallyport explain`.
 *
 * The function that decides fills it, so nobody ever guesses afterwards; who does not want to know passes NULL.  The
 * text is fixed in size, long names are cut.  It may hold names from clients: print it with reason_print only.
 */
#pragma once

#include "snapshot/snapshot.h"

struct reason {
    char text[320];
    uint32_t source; /* of the rule or setting that decided, 0 a default or none */
};

void reason_set(struct reason *r, uint32_t source, const char *fmt, ...) FORMAT_LIKE_PRINTF(3, 4); /* NULL is fine */
/* Append "text (applicationHost.config:231)", escaped. */
void reason_print(const struct snapshot *s, const struct reason *r, struct text *out);

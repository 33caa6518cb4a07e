/*
 * facts.h - the facts of MLST and MLSD (RFC 3659 section 7): names, OPTS MLST, leaving out what was not asked for.
 */
#pragma once

#include "base/text.h"

/* All that listing.c prints, in the order in which lines carry them; bit i of a set is row i. */
#define FACTS(F) F("type") F("size") F("modify") F("create") F("perm") F("unique") F("UNIX.mode")

enum { FACTS_COUNT = 7, FACTS_ALL = (1 << FACTS_COUNT) - 1 };

/* "type;size;": unknown names are ignored as the RFC demands, "" chooses none. */
unsigned facts_parse(struct slice list);
/* "type*;size*;modify;" with a star at the chosen ones, or without stars only the chosen ones. */
void facts_print(unsigned chosen, bool all_with_stars, struct text *out);
/* Copy whole lines "fact=value;... name\r\n" without the facts that are not chosen. */
void facts_filter(struct slice lines, unsigned chosen, struct text *out);

/* fold.h - capitals and small letters beyond ASCII. */
#pragma once

#include "base/slice.h"

/* Whether two UTF-8 texts are equal after simple case folding of Latin, Greek, Cyrillic and Armenian letters; other
 * characters must be the same.  Accents count. */
bool fold_equal(struct slice a, struct slice b);
/* The same for names that need not be UTF-8: what is none compares without regard to ASCII case. */
bool fold_same_name(struct slice a, struct slice b);

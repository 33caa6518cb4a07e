/* fold.h - capitals and small letters beyond ASCII. */
#pragma once

#include "base/slice.h"
#include "base/text.h"

/* Whether two UTF-8 texts are equal after simple case folding of Latin, Greek, Cyrillic and Armenian letters; other
 * characters must be the same.  Accents count. */
bool fold_equal(struct slice a, struct slice b);
/* The same for names that need not be UTF-8: what is none compares without regard to ASCII case. */
bool fold_same_name(struct slice a, struct slice b);
/* Equal for names that are the same. */
uint64_t fold_hash_name(struct slice s);

/* What rules compare by: simple case folding of all of Unicode, one character to one, so two equal texts may differ in
 * length.  Wider than names: a name with a Kelvin sign is another account's than that with a k, but a file system that
 * folds may open one file for both, and no rule is walked round by that.  Bytes that are no UTF-8 equal themselves. */
bool fold_same(struct slice a, struct slice b);
/* Whether `s` begins with `prefix`; *rest_out (may be NULL) is what follows in `s`. */
bool fold_starts(struct slice s, struct slice prefix, struct slice *rest_out);
/* An order in which texts that are the same are equal, and those that begin alike stand together. */
int fold_compare(struct slice a, struct slice b);
/* Cut the first character off a text that is not empty: its number, folded; for a byte of none a number beyond those. */
uint32_t fold_take(struct slice *s);
/* The folded text, for keys: two texts are the same if and only if these are. */
void fold_add(struct text *out, struct slice s);
/* As a text of its own; NULL: no memory. */
char *fold_copy(struct slice s);

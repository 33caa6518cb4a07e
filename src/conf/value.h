/*
 * value.h - the grammar of attribute values (config-model: bool, int, uint, int64, enum, flags, timeSpan, string)
 * and their validators.  Pure.
 */
#pragma once

#include "conf/schema.h"

/* Where a value may come from: tools may pass numbers for enums and flags, files hold names. */
enum { VALUE_FROM_TOOL = 1 };

/* Check `text` and give its number (0 for strings).  ERR_SYNTAX or ERR_RANGE with IIS's reason appended to `reason`. */
MUST_USE int value_parse(const struct schema_attr *a, struct slice text, unsigned from, int64_t *number_out,
                         struct text *reason);
/* The canonical form: true/false in lower case, names as declared, flags joined by ", ", d.hh:mm:ss from one day up. */
void value_print(const struct schema_attr *a, struct slice text, int64_t number, struct text *out);
/* What a person may write, "" when anything goes. */
void value_allowed(const struct schema_attr *a, struct text *out);
/* What a person is told behind the reason of value_parse, which names the values of enums and flags, and most ranges, itself. */
void value_todo(const struct schema_attr *a, struct slice text, struct slice reason, struct text *out);
/* Whether the text is exactly [enc:provider:data:enc]; *data_out is then what stands between (NULL: not wanted).  What
 * begins as a value of our own provider is one, damaged or cut (*data_out: the whole of it): as clear text it would be
 * tried as the password, and nobody would hear that the stored one is lost. */
#define VALUE_OWN_PROVIDER "SallyportAesProvider"
bool value_is_encrypted(struct slice text, struct slice *data_out);

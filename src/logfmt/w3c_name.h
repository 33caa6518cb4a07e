/*
 * w3c_name.h - names of log files: which file a moment belongs to.
 *
 *   Daily u_exYYMMDD.log   Hourly u_exYYMMDDHH.log   Weekly u_exYYMMWW.log (week of the month, from Sunday)
 *   Monthly u_exYYMM.log   MaxSize u_extendN.log     without logInUTF8 no "u_"
 */
#pragma once

#include <time.h>

#include "base/slice.h"
#include "base/text.h"

struct w3c_file_rule {
    uint32_t period; /* LOG_PERIOD_* */
    bool utf8;
};

/* `when` is the broken-down moment, local or UTC as localTimeRollover wants; `number` counts the files of MaxSize. */
void w3c_file_name(const struct w3c_file_rule *rule, const struct tm *when, uint32_t number, struct text *out);

/* The number in a name of a MaxSize file under `rule`; 0 when the name is none. */
uint32_t w3c_file_number(const struct w3c_file_rule *rule, struct slice name);

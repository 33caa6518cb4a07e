/* w3c_name.c - see w3c_name.h. */
#include "logfmt/w3c_name.h"

#include "snapshot/snapshot.h"

static const char *prefix_of(const struct w3c_file_rule *rule)
{
    return rule->utf8 ? "u_" : "";
}

/* 1..6: the week that holds the first of the month is 1, a new one starts on Sunday. */
static int week_of_month(const struct tm *when)
{
    int first_weekday = ((when->tm_wday - (when->tm_mday - 1)) % 7 + 7) % 7;
    return (when->tm_mday - 1 + first_weekday) / 7 + 1;
}

void w3c_file_name(const struct w3c_file_rule *rule, const struct tm *when, uint32_t number, struct text *out)
{
    int year = (when->tm_year % 100 + 100) % 100, month = when->tm_mon + 1;
    text_add_str(out, prefix_of(rule));
    switch (rule->period) {
    case LOG_PERIOD_MAX_SIZE:
        text_addf(out, "extend%u.log", number);
        break;
    case LOG_PERIOD_HOURLY:
        text_addf(out, "ex%02d%02d%02d%02d.log", year, month, when->tm_mday, when->tm_hour);
        break;
    case LOG_PERIOD_WEEKLY:
        text_addf(out, "ex%02d%02d%02d.log", year, month, week_of_month(when));
        break;
    case LOG_PERIOD_MONTHLY:
        text_addf(out, "ex%02d%02d.log", year, month);
        break;
    default:
        text_addf(out, "ex%02d%02d%02d.log", year, month, when->tm_mday);
        break;
    }
}

uint32_t w3c_file_number(const struct w3c_file_rule *rule, struct slice name)
{
    uint64_t number = 0;
    OWNED_TEXT_BUFFER start = { 0 };
    text_add_str(&start, prefix_of(rule));
    text_add_str(&start, "extend");
    if (text_error(&start) || !slice_starts(name, text_slice(&start)) || !slice_ends(name, SLICE_LITERAL(".log")))
        return 0;
    struct slice digits = slice_of(name.ptr + start.len, name.len - start.len - strlen(".log"));
    return slice_to_u64(digits, UINT32_MAX, &number) ? 0 : (uint32_t)number;
}

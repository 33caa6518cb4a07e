/* value.c - times, offsets and sizes.  Calendar by arithmetic on days (no time zone data, no libc state). */
#include "ftp/value.h"

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static const int month_days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

/* Days since 1970-01-01 of a date in the Gregorian calendar; years are counted from March so that the leap day is
 * the last of its year. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t in_era = year - era * 400;
    int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static MUST_USE int parse_field(struct slice s, size_t at, size_t len, int64_t min, int64_t max, int64_t *value_out)
{
    uint64_t value;
    int err = slice_to_u64(slice_of(s.ptr + at, len), (uint64_t)max, &value);
    if (err)
        return err;
    if ((int64_t)value < min)
        return ERR_RANGE;
    *value_out = (int64_t)value;
    return 0;
}

static MUST_USE int check_fraction(struct slice s)
{
    uint64_t ignored;
    if (s.len == 0)
        return 0;
    if (s.ptr[0] != '.' || s.len > 10)
        return ERR_SYNTAX;
    return slice_to_u64(slice_from(s, 1), UINT64_MAX, &ignored);
}

int value_parse_time(struct slice s, int64_t *time_out)
{
    int64_t year, month, day, hour, minute, second;
    if (s.len < 14 || check_fraction(slice_from(s, 14)))
        return ERR_SYNTAX;
    if (parse_field(s, 0, 4, 1601, 9999, &year) || parse_field(s, 4, 2, 1, 12, &month) ||
        parse_field(s, 6, 2, 1, 31, &day) || parse_field(s, 8, 2, 0, 23, &hour) ||
        parse_field(s, 10, 2, 0, 59, &minute) || parse_field(s, 12, 2, 0, 60, &second))
        return ERR_SYNTAX;
    if (day > month_days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0))
        return ERR_SYNTAX;
    *time_out = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return 0;
}

void value_print_time(int64_t time, struct text *out)
{
    int64_t days = time / 86400, rest = time % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t in_era = shifted - era * 146097;
    int64_t year_of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * in_year + 2) / 153;
    int64_t day = in_year - (153 * month_from_march + 2) / 5 + 1;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2);
    text_addf(out, "%04d%02d%02d%02d%02d%02d", (int)(year % 10000), (int)month, (int)day, (int)(rest / 3600),
              (int)(rest / 60 % 60), (int)(rest % 60));
}

int value_parse_offset(struct slice s, uint64_t *offset_out)
{
    return slice_to_u64(s, INT64_MAX, offset_out);
}

void value_print_commas(uint64_t value, struct text *out)
{
    if (value >= 1000) {
        value_print_commas(value / 1000, out);
        text_addf(out, ",%03u", (unsigned)(value % 1000));
    } else {
        text_addf(out, "%u", (unsigned)value);
    }
}

void value_print_quoted(struct slice name, struct text *out)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"')
            text_add_char(out, '"');
        text_add_char(out, name.ptr[i]);
    }
}

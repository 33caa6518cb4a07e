/* w3c_name_test.c - one row per period and border. */
#include "logfmt/w3c_name.h"

#include "base/case_test.h"
#include "snapshot/snapshot.h"

static const struct {
    const char *label;
    uint32_t period;
    bool utf8;
    int year, month, day, hour;
    uint32_t number;
    const char *want;
} names[] = {
    { "daily",                            LOG_PERIOD_DAILY,    true,  2025, 3,  14, 8,  0, "u_ex250314.log" },
    { "daily, not UTF-8",                 LOG_PERIOD_DAILY,    false, 2025, 3,  14, 8,  0, "ex250314.log" },
    { "hourly",                           LOG_PERIOD_HOURLY,   true,  2025, 3,  14, 8,  0, "u_ex25031408.log" },
    { "monthly",                          LOG_PERIOD_MONTHLY,  true,  2025, 12, 31, 23, 0, "u_ex2512.log" },
    { "size",                             LOG_PERIOD_MAX_SIZE, true,  2025, 3,  14, 8,  7, "u_extend7.log" },
    { "size, not UTF-8",                  LOG_PERIOD_MAX_SIZE, false, 2025, 3,  14, 8,  7, "extend7.log" },
    { "week: Saturday the first",         LOG_PERIOD_WEEKLY,   true,  2025, 3,  1,  0,  0, "u_ex250301.log" },
    { "week: Sunday the second is new",   LOG_PERIOD_WEEKLY,   true,  2025, 3,  2,  0,  0, "u_ex250302.log" },
    { "week: the Saturday after",         LOG_PERIOD_WEEKLY,   true,  2025, 3,  8,  23, 0, "u_ex250302.log" },
    { "week: a month of six weeks",       LOG_PERIOD_WEEKLY,   true,  2025, 3,  31, 0,  0, "u_ex250306.log" },
    { "week: month that starts on Sunday", LOG_PERIOD_WEEKLY,  true,  2025, 6,  1,  0,  0, "u_ex250601.log" },
    { "unknown period is daily",          99,                  true,  2025, 3,  14, 8,  0, "u_ex250314.log" },
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        OWNED_TEXT_BUFFER out = { 0 };
        CASE_LABEL(&names[i]);
        struct tm tm = { .tm_year = names[i].year - 1900, .tm_mon = names[i].month - 1, .tm_mday = names[i].day,
                         .tm_hour = names[i].hour };
        timegm(&tm); /* fills in the weekday */
        w3c_file_name(&(struct w3c_file_rule){ names[i].period, names[i].utf8 }, &tm, names[i].number, &out);
        assert_string_equal(text_str(&out), names[i].want);
    }
}

static const struct {
    const char *label;
    bool utf8;
    const char *name;
    uint32_t want;
} numbers[] = {
    { "first",                   true,  "u_extend1.log",           1 },
    { "large",                   true,  "u_extend4294967295.log",  4294967295u },
    { "larger than we count",    true,  "u_extend4294967296.log",  0 },
    { "no digits",               true,  "u_extend.log",            0 },
    { "other kind of file",      true,  "u_ex250314.log",          0 },
    { "other encoding",          true,  "extend1.log",             0 },
    { "its own encoding",        false, "extend12.log",            12 },
    { "sign",                    true,  "u_extend-1.log",          0 },
    { "shorter than its parts",  true,  "u_extend",                0 },
    { "backup of a log",         true,  "u_extend1.log.bak",       0 },
};

static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        CASE_LABEL(&numbers[i]);
        assert_int_equal(
            w3c_file_number(&(struct w3c_file_rule){ LOG_PERIOD_MAX_SIZE, numbers[i].utf8 }, slice_str(numbers[i].name)),
            numbers[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_names), cmocka_unit_test(test_numbers) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

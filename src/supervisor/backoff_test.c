/* backoff_test.c - delays by history. */
#include "base/case_test.h"
#include "supervisor/backoff.h"

static const struct {
    const char *label;
    int64_t lives[12]; /* -1 ends */
    int64_t want;      /* the wait after the last */
} cases[] = {
    { "the first death is cured quickly",         { 5, -1 },                                  100   },
    { "a second one waits longer",                { 5, 5, -1 },                               200   },
    { "a program that dies at once every time",   { 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, -1 },    30000 },
    { "a long life starts over",                  { 5, 5, 5, 60000, -1 },                     100   },
    { "just short of a long life does not",       { 5, 5, 59999, -1 },                        400   },
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        struct backoff b = { 0 };
        int64_t wait = 0;
        for (size_t j = 0; cases[i].lives[j] >= 0; j++)
            wait = backoff_died(&b, cases[i].lives[j]);
        assert_int_equal(wait, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

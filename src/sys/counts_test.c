/* counts_test.c - the shared counters. */
#include "base/case_test.h"

#include <sys/mman.h>
#include <unistd.h>

#include "sys/counts.h"

static const struct {
    const char *label;
    unsigned worker;
    uint32_t site;
    int change;
    uint64_t want; /* sum of that site afterwards */
} cases[] = {
    { "first session",                          0,               1,                1,  1 },
    { "second worker adds up",                  1,               1,                1,  2 },
    { "another site is apart",                  0,               2,                1,  1 },
    { "sites share a cell modulo COUNTS_SITES", 0,               COUNTS_SITES + 2, 1,  2 },
    { "one leaves",                             0,               1,                -1, 1 },
    { "never below zero",                       0,               1,                -1, 1 },
    { "a worker beyond the table is ignored",   WORKERS_MAX,     1,                1,  1 },
    { "largest site id",                        WORKERS_MAX - 1, UINT32_MAX,       1,  1 },
};

static void test_cases(void **state)
{
    (void)state;
    int fd = -1;
    struct counts *c, *other;
    assert_int_equal(counts_create(&fd), 0);
    assert_int_equal(counts_map(fd, &c), 0);
    assert_int_equal(counts_map(fd, &other), 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        counts_add(c, cases[i].worker, cases[i].site, cases[i].change);
        assert_int_equal(counts_sum(other, cases[i].site), cases[i].want);
    }
    counts_clear_worker(c, 1);
    assert_int_equal(counts_sum(other, 1), 0);
    assert_int_equal(counts_sum(other, 2), 2);
    counts_unmap(c);
    counts_unmap(other);
    close(fd);
}

static void test_foreign_memory_is_refused(void **state)
{
    (void)state;
    struct counts *c;
    int fd = memfd_create("small", MFD_CLOEXEC);
    assert_int_equal(counts_map(fd, &c), ERR_SYNTAX); /* could shrink under us: SIGBUS */
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_foreign_memory_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* random_bytes_test.c - every byte once, across the refills. */
#include "sys/random_bytes.h"

#include <stdint.h>
#include <string.h>

#include "base/case_test.h"

static void test_no_bytes_twice(void **state)
{
    (void)state;
    enum { CALLS = 200, SIZE = 24 }; /* SIZE does not divide RANDOM_MAX: some calls refill early */
    static uint8_t drawn[CALLS][SIZE];
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(random_bytes(drawn[i], SIZE), 0);
        for (size_t before = 0; before < i; before++)
            for (size_t at = 0; at + 8 <= SIZE; at += 8)
                assert_memory_not_equal(drawn[i] + at, drawn[before] + at, 8);
    }
}

static void test_limits(void **state)
{
    (void)state;
    uint8_t bytes[RANDOM_MAX + 1] = { 0 };
    const uint8_t none[RANDOM_MAX] = { 0 };
    assert_int_equal(random_bytes(bytes, RANDOM_MAX + 1), ERR_LIMIT);
    assert_memory_equal(bytes, none, RANDOM_MAX);
    assert_int_equal(random_bytes(bytes, 0), 0);
    assert_int_equal(random_bytes(bytes, RANDOM_MAX), 0);
    assert_memory_not_equal(bytes, none, RANDOM_MAX);
    assert_int_equal(bytes[RANDOM_MAX], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_no_bytes_twice), cmocka_unit_test(test_limits) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

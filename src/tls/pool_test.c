/* pool_test.c - blocks that come back, that grow, and more of them than there are. */
#include "tls/pool.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/case_test.h"

enum { RECORD = 16 * 1024 + 300, MANY = 5000 };

static void test_reuse(void **state)
{
    (void)state;
    char *first = OPENSSL_malloc(RECORD), *second = OPENSSL_malloc(RECORD);
    assert_non_null(first);
    assert_non_null(second);
    assert_true(first + RECORD <= second || second + RECORD <= first);
    assert_in_range((uintptr_t)first % 4096, 1024, 3072); /* far from whole pages */
    OPENSSL_free(first);
    assert_ptr_equal(OPENSSL_malloc(RECORD), first);
    OPENSSL_free(second);
    OPENSSL_free(first);
    assert_null(OPENSSL_malloc(0));
}

static void fill(char *at, size_t size, size_t seed)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (char)(seed + i);
}

static void check(const char *at, size_t size, size_t seed)
{
    for (size_t i = 0; i < size; i++)
        if (at[i] != (char)(seed + i))
            fail_msg("byte %zu of piece %zu changed", i, seed);
}

static const struct {
    const char *label;
    size_t from, to;
} changes[] = {
    { "within a block",              13 * 1024, 21848 },
    { "out of its block",            21848,     64 * 1024 },
    { "out of the heap",             1000,      RECORD },
    { "on the heap",                 100,       200 },
    { "a block keeps what shrinks",  RECORD,    100 },
};

static void test_growing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        CASE_LABEL(&changes[i]);
        size_t kept = changes[i].from < changes[i].to ? changes[i].from : changes[i].to;
        char *at = OPENSSL_realloc(NULL, changes[i].from);
        assert_non_null(at);
        fill(at, changes[i].from, i);
        at = OPENSSL_realloc(at, changes[i].to);
        assert_non_null(at);
        check(at, kept, i);
        fill(at, changes[i].to, i);
        assert_null(OPENSSL_realloc(at, 0));
    }
}

/* More than the pool has, freed in another order, twice: what lost its memory between is whole again. */
static void test_crowd(void **state)
{
    (void)state;
    static char *pieces[MANY];
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < MANY; i++) {
            pieces[i] = OPENSSL_malloc(RECORD);
            assert_non_null(pieces[i]);
            fill(pieces[i], 64, i);
            fill(pieces[i] + RECORD - 64, 64, i);
        }
        for (size_t i = 0; i < MANY; i++) {
            check(pieces[i], 64, i);
            check(pieces[i] + RECORD - 64, 64, i);
        }
        for (size_t i = 0; i < MANY; i++)
            OPENSSL_free(pieces[(i * 7) % MANY]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_growing),
        cmocka_unit_test(test_crowd),
    };
    tls_pool_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* read_whole_test.c - files around the limit and around what is read at once. */
#include "base/read_whole.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/case_test.h"
#include "base/own.h"
#include "base/write_all.h"

static const struct {
    const char *label;
    size_t len, max;
    int want;
} cases[] = {
    { "an empty file",               0,      100,    0 },
    { "nothing is allowed",          0,      0,      0 },
    { "one byte too many",           1,      0,      ERR_TOO_BIG },
    { "as large as is allowed",      100,    100,    0 },
    { "and one byte more",           101,    100,    ERR_TOO_BIG },
    { "what is read at once",        65536,  1 << 20, 0 },
    { "more than that",              200000, 1 << 20, 0 },
    { "a large one, to the byte",    200000, 200000, 0 },
    { "a large one, and one more",   200001, 200000, ERR_TOO_BIG },
};

static int file_of(const char *bytes, size_t len)
{
    int fd = memfd_create("read_whole_test", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(write_all(fd, slice_of(bytes, len))); /* which leaves the descriptor at the end */
    return fd;
}

static void test_lengths(void **state)
{
    (void)state;
    OWNED_TEXT bytes = malloc(300000);
    assert_non_null(bytes);
    for (size_t i = 0; i < 300000; i++)
        bytes[i] = (char)(i * 31 >> 3);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        OWNED_TEXT_BUFFER got = { .max = 10 };
        CASE_LABEL(&cases[i]);
        text_add_str(&got, "before");
        OWNED_FD fd = file_of(bytes, cases[i].len);
        assert_int_equal(read_whole(fd, cases[i].max, &got), cases[i].want);
        assert_int_equal(got.len, cases[i].want ? cases[i].max + 1 : cases[i].len);
        assert_memory_equal(text_str(&got), bytes, got.len);
    }
}

static void test_no_file(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER got = { 0 };
    OWNED_FD folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(read_whole(folder, 100, &got), ERR_DENIED);
    assert_int_equal(read_whole(-1, 100, &got), ERR_SYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lengths), cmocka_unit_test(test_no_file) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

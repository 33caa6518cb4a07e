/* write_all_test.c - writes that are cut short or interrupted. */
#include "base/write_all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "base/case_test.h"
#include "base/own.h"

enum { SIZE = 1 << 20, LIMIT = 1000 };

static struct {
    int ends[2]; /* of a pipe */
    volatile unsigned interruptions;
    size_t len;
    char bytes[SIZE + 65536];
} drain;

static char *pattern(void)
{
    char *bytes = malloc(SIZE);
    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 31 >> 3);
    return bytes;
}

/* Every second signal comes to a pipe that is still full, so that nothing at all was written. */
static void on_alarm(int number)
{
    (void)number;
    int errnum = errno;
    if (drain.interruptions++ % 2 == 0)
        return;
    ssize_t got = read(drain.ends[0], drain.bytes + drain.len, sizeof drain.bytes - drain.len);
    drain.len += got > 0 ? (size_t)got : 0;
    errno = errnum;
}

static void test_interrupted(void **state)
{
    (void)state;
    OWNED_TEXT bytes = pattern();
    const struct sigaction act = { .sa_handler = on_alarm }; /* without SA_RESTART */
    const struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { 0 };
    assert_int_equal(pipe2(drain.ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(drain.ends[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(sigaction(SIGALRM, &act, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    bool good = write_all(drain.ends[1], slice_of(bytes, SIZE));
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_true(good);
    close(drain.ends[1]);
    for (ssize_t got = 1; got > 0; drain.len += (size_t)got) {
        got = read(drain.ends[0], drain.bytes + drain.len, sizeof drain.bytes - drain.len);
        assert_true(got >= 0);
    }
    close(drain.ends[0]);
    assert_true(drain.interruptions > 2);
    assert_int_equal(drain.len, SIZE);
    assert_memory_equal(drain.bytes, bytes, SIZE);
}

static void test_cut_short(void **state)
{
    (void)state;
    char path[] = "/tmp/sallyport-test-XXXXXX";
    OWNED_TEXT bytes = pattern();
    OWNED_FD fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0);
    unlink(path);
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit small = { LIMIT, limit.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool good = write_all(fd, slice_of(bytes, SIZE));
    int errnum = errno;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_false(good);
    assert_int_equal(errnum, EFBIG);
    assert_int_equal(lseek(fd, 0, SEEK_END), LIMIT);
}

static void test_refused(void **state)
{
    (void)state;
    OWNED_FD fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(write_all(fd, SLICE_NONE));
    assert_false(write_all(fd, SLICE_LITERAL("x")));
    assert_int_equal(errno, ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_interrupted), cmocka_unit_test(test_cut_short),
                                        cmocka_unit_test(test_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

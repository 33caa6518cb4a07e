/* patience_test.c - what returns in time, what does not, and what comes after it. */
#include "base/clock.h"
#include "broker/patience.h"

#include "base/case_test.h"

#include <unistd.h>

struct job {
    int in, out, gate; /* gate: a pipe to wait at, -1 none */
};

static int work(void *context)
{
    struct job *job = context;
    char byte;
    if (job->gate >= 0 && read(job->gate, &byte, 1) != 1)
        return ERR_SYS;
    job->out = job->in + 1;
    return job->in == 13 ? ERR_DENIED : 0;
}

static void test_in_time(void **state)
{
    (void)state;
    struct job job = { 1, 0, -1 }, bad = { 13, 0, -1 };
    assert_int_equal(patience_run(clock_ms() + 10000, work, &job, sizeof job), 0);
    assert_int_equal(job.out, 2);
    assert_int_equal(patience_run(clock_ms() + 10000, work, &bad, sizeof bad), ERR_DENIED);
}

/* A look that hangs costs each asker his own patience and nothing more, and works again afterwards. */
static void test_hangs(void **state)
{
    (void)state;
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    struct job stuck = { 1, 0, gate[0] }, next = { 5, 0, -1 };
    int64_t before = clock_ms();
    assert_int_equal(patience_run(before + 50, work, &stuck, sizeof stuck), ERR_TIMEOUT);
    assert_int_equal(stuck.out, 0);
    assert_int_equal(patience_run(clock_ms() + 50, work, &next, sizeof next), ERR_TIMEOUT);
    assert_int_equal(patience_run(clock_ms() - 1, work, &next, sizeof next), ERR_TIMEOUT);
    assert_true(clock_ms() - before >= 100);
    assert_int_equal(write(gate[1], "x", 1), 1);
    assert_int_equal(patience_run(clock_ms() + 10000, work, &next, sizeof next), 0);
    assert_int_equal(next.out, 6);
    close(gate[0]);
    close(gate[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_in_time), cmocka_unit_test(test_hangs) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

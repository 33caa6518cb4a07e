/* loop_memory_test.c - what is watched is watched, also when memory is refused for a moment (threats.md H10). */
#include "base/case_test.h"
#include "base/scarce_test.h"
#include "loop/loop.h"

#include <sys/socket.h>
#include <unistd.h>

enum { FAR = 700, TIMERS = 200, REFUSALS = 3 };

static struct loop *the_loop;
static unsigned bytes, expired;

static void on_byte(void *context, unsigned events)
{
    (void)context;
    assert_int_equal(events, LOOP_READ);
    bytes++;
    loop_stop(the_loop);
}

static void on_time(void *context)
{
    (void)context;
    if (++expired == TIMERS)
        loop_stop(the_loop);
}

static void test_descriptor(void **state)
{
    (void)state;
    int pair[2];
    the_loop = loop_new();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(dup2(pair[0], FAR), FAR); /* beyond what libevent has room for */
    struct loop_io *io = loop_io_open(the_loop, FAR, on_byte, NULL);
    scarce_refuse(0, REFUSALS);
    loop_io_want(io, LOOP_READ, -1);
    scarce_end();
    assert_true(scarce_made > REFUSALS);
    assert_int_equal(write(pair[1], "x", 1), 1);
    loop_run(the_loop);
    assert_int_equal(bytes, 1);
    loop_io_close(io);
    loop_free(the_loop);
    close(FAR);
    close(pair[0]);
    close(pair[1]);
}

static void test_timers(void **state)
{
    (void)state;
    struct loop_timer *timers[TIMERS];
    the_loop = loop_new();
    for (size_t i = 0; i < TIMERS; i++)
        timers[i] = loop_timer_new(the_loop, on_time, NULL);
    scarce_refuse(0, REFUSALS);
    for (size_t i = 0; i < TIMERS; i++)
        loop_timer_set(timers[i], 1);
    scarce_end();
    assert_true(scarce_made > REFUSALS);
    loop_run(the_loop);
    assert_int_equal(expired, TIMERS);
    for (size_t i = 0; i < TIMERS; i++)
        loop_timer_free(timers[i]);
    loop_free(the_loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptor),
        cmocka_unit_test(test_timers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* loop_test.c - readiness, time-outs, and taking things away while they are being reported. */
#include "loop/loop.h"

#include "base/case_test.h"

#include <sys/socket.h>
#include <unistd.h>

struct probe {
    struct loop *loop;
    struct loop_io *io, *other;
    struct loop_timer *timer;
    unsigned seen, calls;
    bool close_self, close_other, want_nothing;
};

static void probe_ready(void *context, unsigned events)
{
    struct probe *p = context;
    p->seen |= events;
    p->calls++;
    if (p->close_other) {
        loop_io_close(p->other);
        p->other = NULL;
    }
    if (p->want_nothing)
        loop_io_want(p->io, 0, -1);
    if (p->close_self) {
        loop_io_close(p->io);
        p->io = NULL;
    }
    loop_stop(p->loop);
}

static void stop(void *context)
{
    loop_stop(context);
}

static void run_for(struct loop *l, int64_t ms)
{
    struct loop_timer *t = loop_timer_new(l, stop, l);
    loop_timer_set(t, ms);
    loop_run(l);
    loop_timer_free(t);
}

static const struct {
    const char *label;
    unsigned wanted;
    int64_t timeout_ms;
    bool fill; /* put a byte where the probe reads */
    unsigned want_seen;
} cases[] = {
    { "a byte waits and reading is wanted",    LOOP_READ,              -1, true,  LOOP_READ },
    { "a byte waits and nobody asked",         LOOP_WRITE,             -1, true,  LOOP_WRITE },
    { "room to write",                         LOOP_WRITE,             -1, false, LOOP_WRITE },
    { "both at once",                          LOOP_READ | LOOP_WRITE, -1, true,  LOOP_READ | LOOP_WRITE },
    { "nothing comes: the time-out is told",   LOOP_READ,              10, false, LOOP_TIMEOUT },
    { "a time-out alone",                      0,                      10, true,  LOOP_TIMEOUT },
    { "a byte beats the time-out",             LOOP_READ,            5000, true,  LOOP_READ },
};

static void test_readiness(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        struct probe p = { .loop = loop_new() };
        p.io = loop_io_open(p.loop, pair[0], probe_ready, &p);
        loop_io_want(p.io, cases[i].wanted, cases[i].timeout_ms);
        if (cases[i].fill)
            assert_int_equal(write(pair[1], "x", 1), 1);
        loop_run(p.loop);
        assert_int_equal(p.seen, cases[i].want_seen);
        assert_int_equal(p.calls, 1);
        loop_io_close(p.io);
        loop_free(p.loop);
        close(pair[0]);
        close(pair[1]);
    }
}

static void test_level_triggered_until_unwanted(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct probe p = { .loop = loop_new() };
    p.io = loop_io_open(p.loop, pair[0], probe_ready, &p);
    loop_io_want(p.io, LOOP_READ, -1);
    assert_int_equal(write(pair[1], "x", 1), 1);
    loop_run(p.loop);
    loop_run(p.loop);
    assert_int_equal(p.calls, 2);
    p.want_nothing = true;
    loop_run(p.loop);
    assert_int_equal(p.calls, 3);
    run_for(p.loop, 20);
    assert_int_equal(p.calls, 3);
    loop_io_close(p.io);
    loop_free(p.loop);
    close(pair[0]);
    close(pair[1]);
}

/* Who asks for it anew each time has each turn, once, and others have theirs in between. */
static void test_time_out_at_once(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct loop *l = loop_new();
    struct probe p = { .loop = l }, other = { .loop = l };
    p.io = loop_io_open(l, pair[0], probe_ready, &p);
    other.io = loop_io_open(l, pair[1], probe_ready, &other);
    loop_io_want(other.io, LOOP_WRITE, -1);
    for (unsigned turn = 1; turn <= 5; turn++) {
        loop_io_want(p.io, 0, 0);
        while (p.calls < turn && other.calls < 1000)
            loop_run(l);
        assert_int_equal(p.calls, turn);
        run_for(l, 1);
        assert_int_equal(p.calls, turn);
    }
    assert_int_equal(p.seen, LOOP_TIMEOUT);
    assert_in_range(other.calls, 5, 999);
    loop_io_want(p.io, LOOP_WRITE, -1);
    other.calls = 0;
    while (p.calls < 6 && other.calls < 1000)
        loop_run(l);
    assert_int_equal(p.seen, LOOP_TIMEOUT | LOOP_WRITE);
    loop_io_close(p.io);
    loop_io_close(other.io);
    loop_free(l);
    close(pair[0]);
    close(pair[1]);
}

static void test_close_inside_own_callback(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct probe p = { .loop = loop_new(), .close_self = true };
    p.io = loop_io_open(p.loop, pair[0], probe_ready, &p);
    loop_io_want(p.io, LOOP_READ | LOOP_WRITE, 1000);
    loop_run(p.loop);
    assert_int_equal(p.calls, 1);
    run_for(p.loop, 20);
    assert_int_equal(p.calls, 1);
    loop_free(p.loop);
    close(pair[0]);
    close(pair[1]);
}

static void test_close_another_that_is_ready_too(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct loop *l = loop_new();
    struct probe a = { .loop = l, .close_other = true }, b = { .loop = l, .close_other = true };
    a.io = b.other = loop_io_open(l, pair[0], probe_ready, &a);
    b.io = a.other = loop_io_open(l, pair[1], probe_ready, &b);
    loop_io_want(a.io, LOOP_WRITE, -1);
    loop_io_want(b.io, LOOP_WRITE, -1);
    run_for(l, 20);
    assert_int_equal(a.calls + b.calls > 0, 1);
    assert_true(a.calls == 0 || b.calls == 0);
    loop_io_close(a.calls ? a.io : b.io);
    loop_free(l);
    close(pair[0]);
    close(pair[1]);
}

static void count(void *context)
{
    ++*(unsigned *)context;
}

static void test_timers(void **state)
{
    (void)state;
    struct loop *l = loop_new();
    unsigned fired = 0;
    struct loop_timer *t = loop_timer_new(l, count, &fired);
    int64_t before = loop_now(l);
    loop_timer_set(t, 5);
    run_for(l, 40);
    assert_int_equal(fired, 1); /* once */
    assert_true(loop_now(l) - before >= 35);
    loop_timer_set(t, 5);
    loop_timer_clear(t);
    run_for(l, 20);
    assert_int_equal(fired, 1);
    loop_timer_set(t, 5);
    loop_timer_set(t, 60000); /* replaces */
    run_for(l, 20);
    assert_int_equal(fired, 1);
    loop_timer_free(t);
    loop_timer_clear(NULL);
    loop_timer_free(NULL);
    loop_free(l);
}

static void test_stop_before_run(void **state)
{
    (void)state;
    struct loop *l = loop_new();
    loop_stop(l);
    loop_run(l); /* returns at once */
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readiness),
        cmocka_unit_test(test_level_triggered_until_unwanted),
        cmocka_unit_test(test_time_out_at_once),
        cmocka_unit_test(test_close_inside_own_callback),
        cmocka_unit_test(test_close_another_that_is_ready_too),
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_stop_before_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* flood_test.c - how many are told, and when. */
#include "base/case_test.h"

#include "worker/flood.h"

enum { TOLD_MAX = 8, SECOND_MS = 1000, EARLY_MS = 2 /* clocks round */ };

struct world {
    struct loop *loop;
    struct loop_timer *timer;
    struct flood flood;
    unsigned times, told[TOLD_MAX];
    int64_t begun, at[TOLD_MAX];
};

static void told(void *context, unsigned count)
{
    struct world *v = context;
    assert_true(v->times < TOLD_MAX);
    v->at[v->times] = loop_now(v->loop) - v->begun;
    v->told[v->times++] = count;
}

static void stop(void *context)
{
    const struct world *v = context;
    loop_stop(v->loop);
}

static void begin(struct world *v)
{
    *v = (struct world){ .loop = loop_new() };
    assert_int_equal(flood_begin(&v->flood, v->loop, told, v), 0);
    v->timer = loop_timer_new(v->loop, stop, v);
    v->begun = loop_now(v->loop);
}

static void end(struct world *v)
{
    flood_end(&v->flood);
    loop_timer_free(v->timer);
    loop_free(v->loop);
}

static void run_for(struct world *v, int64_t ms)
{
    loop_timer_set(v->timer, ms);
    loop_run(v->loop);
}

static void add(struct world *v, unsigned count)
{
    while (count--)
        flood_one_more(&v->flood);
}

/* All of a flood, though nothing comes after it. */
static void test_rest_is_told_when_the_second_is_over(void **state)
{
    (void)state;
    struct world v;
    begin(&v);
    add(&v, 5000);
    assert_int_equal(v.times, 1);
    assert_int_equal(v.told[0], 1);
    run_for(&v, SECOND_MS + SECOND_MS / 2);
    assert_int_equal(v.times, 2);
    assert_int_equal(v.told[1], 4999);
    assert_true(v.at[1] >= SECOND_MS - EARLY_MS);

    add(&v, 2); /* the second told line begins a second, too */
    assert_int_equal(v.times, 2);
    run_for(&v, SECOND_MS);
    assert_int_equal(v.times, 3);
    assert_int_equal(v.told[2], 2);
    assert_true(v.at[2] - v.at[1] >= SECOND_MS - EARLY_MS);
    end(&v);
}

/* What comes much later is told at once and counts for itself. */
static void test_one_and_another(void **state)
{
    (void)state;
    struct world v;
    begin(&v);
    add(&v, 1);
    run_for(&v, SECOND_MS + 1);
    assert_int_equal(v.times, 1);
    add(&v, 1);
    assert_int_equal(v.times, 2);
    assert_int_equal(v.told[1], 1);
    end(&v);
    assert_int_equal(v.times, 2);
}

static void test_end_tells_the_rest(void **state)
{
    (void)state;
    struct world v;
    begin(&v);
    add(&v, 4);
    end(&v);
    assert_int_equal(v.times, 2);
    assert_int_equal(v.told[1], 3);
    flood_end(&(struct flood){ 0 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rest_is_told_when_the_second_is_over),
        cmocka_unit_test(test_one_and_another),
        cmocka_unit_test(test_end_tells_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

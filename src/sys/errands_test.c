/* errands_test.c - errands come back done, in bounds, and none is lost at the end. */
#include "sys/errands.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/case_test.h"

enum { CROWD = 500 };

struct sum {
    struct errand errand;
    int number, doubled;
    pthread_t by;
};

/* What the threads wait for, and what became of everything. */
static struct gate {
    pthread_mutex_t lock;
    pthread_cond_t open;
    bool is_open;
    int inside, dropped;
} gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0 };

static struct sum sums[CROWD];

static void begin(bool is_open)
{
    gate.is_open = is_open;
    gate.inside = gate.dropped = 0;
    for (int i = 0; i < CROWD; i++)
        sums[i] = (struct sum){ .number = i };
}

static void pass(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.is_open = true;
    pthread_cond_broadcast(&gate.open);
    pthread_mutex_unlock(&gate.lock);
}

static void wait_inside(int count)
{
    pthread_mutex_lock(&gate.lock);
    while (gate.inside < count)
        pthread_cond_wait(&gate.open, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void run(void *context, struct errand *errand)
{
    struct sum *sum = (struct sum *)errand;
    struct gate *g = context;
    pthread_mutex_lock(&g->lock);
    g->inside++;
    pthread_cond_broadcast(&g->open);
    while (!g->is_open)
        pthread_cond_wait(&g->open, &g->lock);
    pthread_mutex_unlock(&g->lock);
    sum->doubled = 2 * sum->number;
    sum->by = pthread_self();
}

static void drop(void *context, struct errand *errand)
{
    (void)errand;
    ((struct gate *)context)->dropped++;
}

static struct errands *make(unsigned threads, size_t queue_max)
{
    const struct errands_options options = { run, drop, &gate, threads, queue_max, 256 * 1024 };
    struct errands *e;
    assert_int_equal(errands_new(&options, &e), 0);
    return e;
}

static struct sum *wait_for_one(struct errands *e)
{
    struct errand *errand;
    while (!(errand = errands_take(e))) {
        struct pollfd ready = { .fd = errands_fd(e), .events = POLLIN };
        assert_int_equal(poll(&ready, 1, 60000), 1);
    }
    return (struct sum *)errand;
}

static bool is_readable(const struct errands *e)
{
    struct pollfd ready = { .fd = errands_fd(e), .events = POLLIN };
    return poll(&ready, 1, 0) == 1;
}

static void test_all_come_back(void **state)
{
    (void)state;
    begin(true);
    struct errands *e = make(4, CROWD);
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(errands_add(e, &sums[i].errand), 0);
    int total = 0;
    for (int i = 0; i < CROWD; i++) {
        const struct sum *sum = wait_for_one(e);
        assert_int_equal(sum->doubled, 2 * sum->number);
        assert_false(pthread_equal(sum->by, pthread_self()));
        total += sum->number;
    }
    assert_int_equal(total, CROWD * (CROWD - 1) / 2);
    assert_null(errands_take(e));
    assert_false(is_readable(e));
    errands_free(e);
    assert_int_equal(gate.dropped, 0);
}

static void test_bounds(void **state)
{
    (void)state;
    begin(false);
    struct errands *e = make(2, 3);
    for (int i = 0; i < 2; i++)
        assert_int_equal(errands_add(e, &sums[i].errand), 0);
    wait_inside(2); /* as many as there are threads */
    for (int i = 2; i < 5; i++) {
        assert_false(errands_are_full(e));
        assert_int_equal(errands_add(e, &sums[i].errand), 0);
    }
    assert_true(errands_are_full(e));
    assert_int_equal(errands_add(e, &sums[5].errand), ERR_LIMIT);
    errands_add_later(e, &sums[6].errand);
    assert_false(is_readable(e));
    assert_int_equal(gate.inside, 2);
    pass();
    for (int i = 0; i < 6; i++)
        (void)wait_for_one(e);
    assert_int_equal(sums[5].doubled, 0); /* was refused */
    assert_int_equal(sums[6].doubled, 12);
    errands_free(e);
}

static void test_later_is_last(void **state)
{
    (void)state;
    begin(false);
    struct errands *e = make(1, 8);
    assert_int_equal(errands_add(e, &sums[0].errand), 0);
    wait_inside(1);
    errands_add_later(e, &sums[1].errand);
    for (int i = 2; i < 5; i++)
        assert_int_equal(errands_add(e, &sums[i].errand), 0);
    pass();
    static const int order[] = { 0, 2, 3, 4, 1 };
    for (size_t i = 0; i < COUNT_OF(order); i++)
        assert_int_equal(wait_for_one(e)->number, order[i]);
    errands_free(e);
}

/* At the end what runs is waited for, and everything that nobody took back is dropped once. */
static void test_end(void **state)
{
    (void)state;
    begin(true);
    struct errands *e = make(1, 8);
    assert_int_equal(errands_add(e, &sums[0].errand), 0);
    (void)wait_for_one(e);
    for (int i = 1; i < 5; i++)
        assert_int_equal(errands_add(e, &sums[i].errand), 0);
    errands_add_later(e, &sums[5].errand);
    errands_free(e);
    assert_int_equal(gate.dropped, 5);
    begin(true);
    e = make(0, 2); /* nobody works */
    for (int i = 0; i < 2; i++)
        assert_int_equal(errands_add(e, &sums[i].errand), 0);
    assert_int_equal(errands_add(e, &sums[2].errand), ERR_LIMIT);
    errands_free(e);
    assert_int_equal(gate.dropped, 2);
    errands_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_come_back),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_later_is_last),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

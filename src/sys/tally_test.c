/* tally_test.c - counting and pacing over several workers. */
#include "base/case_test.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "sys/tally.h"

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)

struct pair {
    struct tally *one, *other; /* two mappings, as two workers have them */
};

static int open_pair(void **state)
{
    static struct pair p;
    int fd = -1;
    if (tally_create(&fd) || tally_map(fd, &p.one) || tally_map(fd, &p.other))
        return -1;
    close(fd);
    *state = &p;
    return 0;
}

static int close_pair(void **state)
{
    struct pair *p = *state;
    tally_unmap(p->one);
    tally_unmap(p->other);
    return 0;
}

static struct net_addr address(const char *text)
{
    struct net_addr a = { 0 };
    assert_int_equal(net_addr_parse(slice_str(text), &a), 0);
    return a;
}

static const struct {
    const char *label, *a, *b;
    bool same;
} address_cases[] = {
    { "one IPv4 address",                    "192.0.2.1",      "192.0.2.1",      true },
    { "its neighbour",                       "192.0.2.1",      "192.0.2.2",      false },
    { "one /64 network",                     "2001:db8::1",    "2001:db8::ffff:1", true },
    { "the next /64 network",                "2001:db8::1",    "2001:db8:0:1::1", false },
    { "IPv4 whose bytes start an IPv6 one",  "32.1.13.184",    "2001:db8::",     false },
};

static void test_addresses(void **state)
{
    struct pair *p = *state;
    for (size_t i = 0; i < COUNT_OF(address_cases); i++) {
        CASE_LABEL(&address_cases[i]);
        struct net_addr a = address(address_cases[i].a), b = address(address_cases[i].b);
        assert_int_equal(tally_address(p->one, &a) == tally_address(p->other, &b), address_cases[i].same);
    }
}

static void test_names(void **state)
{
    struct pair *p = *state;
    uint64_t anna = tally_user(p->one, 1, SLICE_LITERAL("Anna"));
    assert_true(anna == tally_user(p->other, 1, SLICE_LITERAL("aNNA")));
    assert_true(anna != tally_user(p->other, 2, SLICE_LITERAL("anna")));
    assert_true(anna != tally_user(p->other, 1, SLICE_LITERAL("anna ")));
    assert_true(tally_user(p->one, 1, SLICE_LITERAL("12345678")) != tally_user(p->one, 1, SLICE_LITERAL("123456780")));
    assert_true(tally_user(p->one, 1, SLICE_NONE) != tally_site(p->one, 1));
}

static void test_workers_add_up(void **state)
{
    struct pair *p = *state;
    uint64_t key = tally_site(p->one, 7);
    struct tally_cell *first = tally_hold(p->one, 0, TALLY_SITE, key);
    struct tally_cell *second = tally_hold(p->other, 1, TALLY_SITE, key);
    tally_hold(p->other, 1, TALLY_SITE, key);
    assert_int_equal(tally_held(p->one, TALLY_SITE, key), 3);
    assert_int_equal(tally_held(p->one, TALLY_SITE, tally_site(p->one, 8)), 0);
    tally_release(second, 1);
    assert_int_equal(tally_held(p->one, TALLY_SITE, key), 2);
    tally_clear_worker(p->one, 1); /* it died */
    assert_int_equal(tally_held(p->one, TALLY_SITE, key), 1);
    tally_release(first, 0);
    tally_release(first, 0); /* counted wrongly: never below zero */
    assert_int_equal(tally_held(p->one, TALLY_SITE, key), 0);
}

/* More than the table holds: everybody is counted, too many rather than too few, and who leaves makes room. */
static void test_flood(void **state)
{
    struct pair *p = *state;
    enum { MANY = 60000 };
    static struct tally_cell *cells[MANY];
    for (uint32_t i = 0; i < MANY; i++) {
        uint64_t key = tally_site(p->one, i);
        cells[i] = tally_hold(p->one, 0, TALLY_SITE, key);
        assert_true(tally_held(p->other, TALLY_SITE, key) >= 1);
    }
    for (uint32_t i = 0; i < MANY; i++)
        tally_release(cells[i], 0);
    for (uint32_t i = MANY; i < MANY + 10000; i++) {
        uint64_t key = tally_site(p->one, i);
        struct tally_cell *c = tally_hold(p->other, 1, TALLY_SITE, key);
        assert_int_equal(tally_held(p->one, TALLY_SITE, key), 1);
        tally_release(c, 1);
    }
}

/* A cell with a penalty outlives many that have none. */
static void test_penalties_stay(void **state)
{
    struct pair *p = *state;
    uint64_t key = tally_site(p->one, 1);
    struct tally_cell *c = tally_hold(p->one, 0, TALLY_SITE, key);
    int64_t now = clock_ns();
    tally_push(tally_clock(c, TALLY_PENALTY), 600 * SECOND, 3600 * SECOND, now);
    tally_release(c, 0);
    for (uint32_t i = 2; i < 20000; i++)
        tally_release(tally_hold(p->other, 1, TALLY_SITE, tally_site(p->one, i)), 1);
    c = tally_hold(p->other, 1, TALLY_SITE, key);
    assert_true(tally_ahead(tally_clock(c, TALLY_PENALTY), now) > 0);
    tally_release(c, 1);
}

static const struct {
    const char *label;
    uint64_t clock, amount, rate;
    int64_t burst, want_start, want_clock;
} reserve_cases[] = {
    /* now is 1000 s */
    { "an idle clock starts in the past, as far as a burst may",  0,              1000, 1000, 50 * MS, 999950 * MS, 1000950 * MS },
    { "no burst",                                                 0,              1000, 1000, 0,       1000000 * MS, 1001000 * MS },
    { "behind another",                                           1002000 * MS,   500,  1000, 50 * MS, 1002000 * MS, 1002500 * MS },
    { "no rate is no limit",                                      1002000 * MS,   500,  0,    50 * MS, 1000000 * MS, 1002000 * MS },
    { "a clock that lies is not believed",                        UINT64_MAX,     1000, 1000, 0,       1000000 * MS, 1001000 * MS },
    { "an amount beyond reason is an hour",                       0,              UINT64_MAX, 1, 0,    1000000 * MS, 4600000 * MS },
    { "a gigabyte a second",                                      1000000 * MS,   65536, 1000000000, 0, 1000000 * MS, 1000000 * MS + 65536 },
};

static void test_reserve(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(reserve_cases); i++) {
        CASE_LABEL(&reserve_cases[i]);
        tally_time clock = reserve_cases[i].clock;
        int64_t start = tally_reserve(&clock, reserve_cases[i].amount, reserve_cases[i].rate, reserve_cases[i].burst, 1000000 * MS);
        assert_int_equal(start, reserve_cases[i].want_start);
        assert_int_equal(clock, reserve_cases[i].want_clock);
    }
}

static void test_refund_and_push(void **state)
{
    (void)state;
    tally_time clock = 5 * SECOND;
    tally_refund(&clock, 500, 1000);
    assert_int_equal(clock, 4500 * MS);
    tally_refund(&clock, 1000000, 1);
    assert_int_equal(clock, 0);
    tally_push(&clock, 2 * SECOND, 10 * SECOND, 100 * SECOND);
    assert_int_equal(clock, 102 * SECOND);
    tally_push(&clock, 20 * SECOND, 10 * SECOND, 100 * SECOND);
    assert_int_equal(clock, 110 * SECOND);
    tally_push(&clock, 1 * SECOND, 5 * SECOND, 100 * SECOND); /* a shorter most does not forgive */
    assert_int_equal(clock, 110 * SECOND);
    assert_int_equal(tally_ahead(&clock, 109 * SECOND), SECOND);
    assert_int_equal(tally_ahead(&clock, 111 * SECOND), 0);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *hammer(void *context)
{
    struct { struct tally *t; unsigned worker; } *c = context;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t key = tally_site(c->t, i % 3000 + (i % 7 == 0) * 50000 + c->worker * (i % 5 == 0) * 100000);
        struct tally_cell *cell = tally_hold(c->t, c->worker, TALLY_SITE, key);
        tally_reserve(tally_clock(cell, TALLY_UP), 1, 1000, 0, clock_ns());
        tally_release(cell, c->worker);
    }
    return NULL;
}

/* Many at once: afterwards nobody holds anything, and the reservations of all follow each other. */
static void test_together(void **state)
{
    struct pair *p = *state;
    pthread_t threads[THREADS];
    struct { struct tally *t; unsigned worker; } contexts[THREADS];
    uint64_t key = tally_site(p->one, 1000000);
    struct tally_cell *kept = tally_hold(p->one, 0, TALLY_SITE, key);
    for (unsigned i = 0; i < THREADS; i++) {
        contexts[i].t = i % 2 ? p->one : p->other;
        contexts[i].worker = i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &contexts[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(tally_held(p->one, TALLY_SITE, key), 1);
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(tally_held(p->one, TALLY_SITE, tally_site(p->one, i)), 0);
    tally_release(kept, 0);
}

static void test_who_is_at_work(void **state)
{
    struct pair *p = *state;
    struct tally_cell *c = tally_hold(p->one, 3, TALLY_SITE, tally_site(p->one, 1));
    assert_null(tally_worked_for(p->other, 3));
    tally_working(p->one, 3, c);
    tally_push(tally_clock(tally_worked_for(p->other, 3), TALLY_PENALTY), SECOND, SECOND, 5 * SECOND);
    assert_int_equal(*tally_clock(c, TALLY_PENALTY), 6 * SECOND);
    tally_working(p->one, 3, NULL);
    assert_null(tally_worked_for(p->other, 3));
    tally_release(c, 3);
}

static void test_foreign_memory_is_refused(void **state)
{
    (void)state;
    struct tally *t;
    int fd = memfd_create("small", MFD_CLOEXEC);
    assert_int_equal(tally_map(fd, &t), ERR_SYNTAX);
    close(fd);
}

static void test_connections(void **state)
{
    struct pair *p = *state;
    tally_connections_add(p->one, 3, +2);
    tally_connections_add(p->other, 3, -1);
    assert_int_equal(tally_connections(p->one, 3), 1);
    tally_connections_add(p->one, 3, -2); /* a miscount does not become four thousand million */
    assert_int_equal(tally_connections(p->other, 3), 0);
    tally_connections_add(p->one, 3, +5);
    tally_clear_worker(p->other, 3);
    assert_int_equal(tally_connections(p->one, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_addresses, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_names, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_workers_add_up, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_connections, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_flood, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_penalties_stay, open_pair, close_pair),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_refund_and_push),
        cmocka_unit_test_setup_teardown(test_together, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_who_is_at_work, open_pair, close_pair),
        cmocka_unit_test(test_foreign_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * readers_test.c - one reads while requests are short; what hangs does not hold up the rest; afterwards one reads again.
 *
 * How many are wanted is looked at without threads and clocks; that somebody comes is shown with both.
 */
#include "broker_world.h"

#include "sys/datagram.h"

/* Letters: B a request begins at the first seat, b at the second, E and e it ends, L a look, C as many looks as it takes
 * to be calm, + another thread comes and gets a seat.  `wanted` and `reading` are what comes out. */
static const struct {
    const char *label, *steps;
    unsigned wanted, reading;
} cases[] = {
    { "short requests, one behind the other",            "BELBELBE",          1, 1 },
    { "a request that saw one look",                     "BL",                1, 1 },
    { "a request that saw two looks",                    "BLL",               2, 1 },
    { "short ones between the looks",                    "BLEBLEBL",          1, 1 },
    { "nobody is left behind the second one either",     "BLL+bLL",           3, 2 },
    { "the second still reads while the first hangs",    "BLL+LbeLbeL",       2, 2 },
    { "it is not calm while something hangs",            "BLL+C",             2, 2 },
    { "calm again: who is done first rests",             "BLL+ECbe",          1, 1 },
    { "never more than there are",                       "BLL+bLL+LLLL",      3, 3 },
};

static void step(struct readers *r, char what)
{
    switch (what) {
    case 'B':
    case 'b':
        readers_begin(r, what == 'b');
        break;
    case 'E':
    case 'e':
        (void)readers_stay(r, what == 'e');
        break;
    case '+':
        assert_true(readers_enter(r) >= 0);
        break;
    default:
        for (unsigned i = 0; i < (what == 'C' ? 50u : 1u); i++)
            readers_look(r);
    }
}

static void test_wanted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct readers r;
        CASE_LABEL(&cases[i]);
        assert_int_equal(readers_init(&r), 0);
        step(&r, '+');
        for (const char *at = cases[i].steps; *at; at++)
            step(&r, *at);
        assert_int_equal(r.wanted, cases[i].wanted);
        assert_int_equal(r.reading, cases[i].reading);
        readers_free(&r);
    }
}

static void send_stat(struct world *w, uint64_t ticket, uint32_t number)
{
    assert_int_equal(DATAGRAM_SEND(w->worker, -1, broker_request, .ticket = ticket, .request = number, .verb = BROKER_STAT,
                                   .path = SLICE_LITERAL("/")), 0);
}

static uint32_t next_answer(struct world *w)
{
    static char buffer[WIRE_DATAGRAM_MAX];
    struct slice datagram;
    const struct wire_message *m;
    struct wire_in in;
    struct broker_answer a = { 0 };
    int fd = -1;
    assert_int_equal(datagram_receive(w->worker, buffer, sizeof buffer, &datagram, &fd), 0);
    assert_int_equal(wire_channel_accept(&broker_channel, ROLE_BROKER, datagram, 0, &m, &in), 0);
    assert_int_equal(broker_answer_decode(&in, &a), 0);
    assert_int_equal(a.status, 0);
    return a.request;
}

/* A session whose grant somebody holds hangs like one whose disk is dead.  With all but one thread hanging so, others are
 * still served at once; when the disk comes back, what waited is answered. */
static void test_hanging_sessions(void **state)
{
    (void)state;
    struct world w;
    uint64_t stuck[READERS_MAX - 1];
    struct grant *held[COUNT_OF(stuck)];
    bool answered[COUNT_OF(stuck)] = { false };
    world_open(&w, (struct world_options){ 0 });
    uint64_t sys = world_login(&w, "sys");
    for (size_t i = 0; i < COUNT_OF(stuck); i++) {
        stuck[i] = world_login(&w, "anna");
        held[i] = grants_take(&w.broker.grants, stuck[i]);
        assert_non_null(held[i]);
        send_stat(&w, stuck[i], 1000 + (uint32_t)i);
        send_stat(&w, sys, (uint32_t)i);
        assert_int_equal(next_answer(&w), i);
    }
    for (size_t i = 0; i < COUNT_OF(stuck); i++)
        grants_put(&w.broker.grants, held[i]);
    for (size_t i = 0; i < COUNT_OF(stuck); i++) {
        uint32_t which = next_answer(&w) - 1000;
        assert_true(which < COUNT_OF(stuck) && !answered[which]);
        answered[which] = true;
    }
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_wanted), cmocka_unit_test(test_hanging_sessions) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

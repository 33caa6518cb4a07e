/* shares_test.c - who gets a place, and whose turn it is. */
#include "auth/shares.h"

#include "base/case_test.h"

static struct net_addr address_of(const char *text)
{
    struct net_addr client;
    assert_int_equal(net_addr_parse(slice_str(text), &client), 0);
    return client;
}

/* How many of eight places each gets who asks for eight, one after the other. */
static const struct {
    const char *label, *clients[4];
    unsigned want[4];
} cases[] = {
    { "one alone", { "192.0.2.1" }, { 4 } },
    { "who comes later finds room", { "192.0.2.1", "192.0.2.2", "192.0.2.3" }, { 4, 2, 1 } },
    { "the same address is the same client", { "192.0.2.1", "192.0.2.1" }, { 4, 0 } },
    { "IPv4 in the form of IPv6 too", { "192.0.2.1", "::ffff:192.0.2.1" }, { 4, 0 } },
    { "a /64 network is one client", { "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1" }, { 4, 0, 2 } },
};

static void test_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct shares *shares;
        struct share *held[8];
        size_t count = 0;
        CASE_LABEL(&cases[i]);
        assert_int_equal(shares_new(8, &shares), 0);
        for (size_t c = 0; c < 4 && cases[i].clients[c]; c++) {
            const struct net_addr client = address_of(cases[i].clients[c]);
            size_t before = count;
            for (struct share *share; (share = shares_enter(shares, &client));)
                held[count++] = share;
            assert_int_equal(count - before, cases[i].want[c]);
        }
        while (count)
            shares_leave(shares, held[--count]);
        const struct net_addr again = address_of("192.0.2.9"); /* all places are free */
        for (; count < 4; count++)
            assert_non_null(held[count] = shares_enter(shares, &again));
        while (count)
            shares_leave(shares, held[--count]);
        shares_free(shares);
    }
}

static void test_turns(void **state)
{
    (void)state;
    const struct net_addr one = address_of("192.0.2.1"), two = address_of("192.0.2.2");
    struct shares *shares;
    assert_int_equal(shares_new(8, &shares), 0);
    struct share *first = shares_enter(shares, &one), *second = shares_enter(shares, &two);
    assert_true(first->served[0] < second->served[0]); /* who came first */
    shares_serve(shares, first, 0);
    assert_true(second->served[0] < first->served[0]);
    assert_true(first->served[1] < second->served[1]); /* another lane */
    shares_serve(shares, second, 0);
    assert_true(first->served[0] < second->served[0]);
    shares_leave(shares, first);
    first = shares_enter(shares, &one); /* coming again is no way to the front */
    assert_true(second->served[0] < first->served[0]);
    shares_leave(shares, first);
    shares_leave(shares, second);
    shares_free(shares);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* lockout_test.c - counting failures and blocking. */
#include "policy/lockout.h"

#include "base/case_test.h"

#include <stdlib.h>

enum { LIMIT = 3, LENGTH = 1000 };

static struct net_addr addr(const char *text)
{
    struct net_addr a = { 0 };
    if (text[0])
        assert_int_equal(net_addr_parse(slice_str(text), &a), 0);
    return a;
}

static struct net_addr many(uint8_t net, uint32_t i)
{
    return (struct net_addr){ .family = 4, .ip = { net, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } };
}

struct failure {
    const char *from;
    int64_t at;
};

static const struct {
    const char *label;
    struct failure failures[6];
    const char *asked;
    int64_t at, left;
} cases[] = {
    { "below the limit", { { "192.0.2.1", 0 }, { "192.0.2.1", 1 } }, "192.0.2.1", 2, 0 },
    { "at the limit", { { "192.0.2.1", 0 }, { "192.0.2.1", 1 }, { "192.0.2.1", 2 } }, "192.0.2.1", 2, LENGTH },
    { "the block wears off", { { "192.0.2.1", 0 }, { "192.0.2.1", 1 }, { "192.0.2.1", 2 } }, "192.0.2.1", 1001, 1 },
    { "the block is over", { { "192.0.2.1", 0 }, { "192.0.2.1", 1 }, { "192.0.2.1", 2 } }, "192.0.2.1", 1002, 0 },
    { "another address", { { "192.0.2.1", 0 }, { "192.0.2.1", 1 }, { "192.0.2.1", 2 } }, "192.0.2.2", 2, 0 },
    { "each counts for itself", { { "192.0.2.1", 0 }, { "192.0.2.2", 1 }, { "192.0.2.3", 2 } }, "192.0.2.3", 2, 0 },
    { "the window has passed", { { "192.0.2.1", 0 }, { "192.0.2.1", 1 }, { "192.0.2.1", 1000 } }, "192.0.2.1", 1000, 0 },
    { "counting begins again after it",
      { { "192.0.2.1", 0 }, { "192.0.2.1", 1000 }, { "192.0.2.1", 1001 }, { "192.0.2.1", 1002 } }, "192.0.2.1", 1002, LENGTH },
    { "failures during a block do not lengthen it",
      { { "192.0.2.1", 0 }, { "192.0.2.1", 0 }, { "192.0.2.1", 0 }, { "192.0.2.1", 900 } }, "192.0.2.1", 900, 100 },
    { "a block ends with a clean record",
      { { "192.0.2.1", 0 }, { "192.0.2.1", 0 }, { "192.0.2.1", 0 }, { "192.0.2.1", 1000 } }, "192.0.2.1", 1000, 0 },
    { "IPv6 counts by network",
      { { "2001:db8::1", 0 }, { "2001:db8::2", 1 }, { "2001:db8::ffff:3", 2 } }, "2001:db8:0:0:9::", 2, LENGTH },
    { "the next IPv6 network", { { "2001:db8::1", 0 }, { "2001:db8::2", 1 }, { "2001:db8::3", 2 } }, "2001:db8:0:1::1", 2, 0 },
    { "IPv4 is not IPv6", { { "32.1.13.184", 0 }, { "32.1.13.184", 0 }, { "32.1.13.184", 0 } }, "2001:db8::", 2, 0 },
    { "no address", { { "", 0 }, { "", 0 }, { "", 0 } }, "", 0, 0 },
};

static void test_counting(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct lockout *l = lockout_new(0x5eed);
        CASE_LABEL(&cases[i]);
        for (size_t f = 0; f < 6 && cases[i].failures[f].from; f++) {
            struct net_addr from = addr(cases[i].failures[f].from);
            (void)lockout_fail(l, &from, LIMIT, LENGTH, cases[i].failures[f].at);
        }
        struct net_addr asked = addr(cases[i].asked);
        assert_int_equal(lockout_left(l, &asked, cases[i].at), cases[i].left);
        lockout_free(l);
    }
}

static void test_begins_once(void **state)
{
    (void)state;
    struct lockout *l = lockout_new(1);
    struct net_addr a = addr("192.0.2.1");
    assert_false(lockout_fail(l, &a, 2, LENGTH, 0));
    assert_true(lockout_fail(l, &a, 2, LENGTH, 1));
    assert_false(lockout_fail(l, &a, 2, LENGTH, 2));
    assert_true(lockout_fail(l, &a, 1, LENGTH, 2000)); /* a limit of one */
    lockout_free(l);
}

static void count_one(void *context, const struct net_addr *client, int64_t left)
{
    size_t *count = context;
    assert_true(client->family == 4 || client->family == 6);
    assert_int_equal(left, LENGTH);
    (*count)++;
}

/* A flood of addresses: memory stays what it is, and blocks outlive what was only counted. */
static void test_flood(void **state)
{
    (void)state;
    size_t count = 0;
    struct lockout *l = lockout_new(7);
    struct net_addr blocked = addr("192.0.2.1"), six = addr("2001:db8::1");
    lockout_block(l, &blocked, LENGTH, 0);
    lockout_block(l, &six, LENGTH, 0);
    for (uint32_t i = 0; i < 500000; i++) {
        struct net_addr a = many(10, i);
        assert_false(lockout_fail(l, &a, LIMIT, 10 * LENGTH, 0));
    }
    assert_int_equal(lockout_left(l, &blocked, 0), LENGTH);
    lockout_each(l, 0, count_one, &count);
    assert_int_equal(count, 2);
    lockout_free(l);
}

/* Every place is taken by a block that has ended: those who guess now do not push each other out. */
static void test_ended_blocks_make_room(void **state)
{
    (void)state;
    enum { FLOOD = 500000, GUESSERS = 2000 };
    struct lockout *l = lockout_new(7);
    for (uint32_t i = 0; i < FLOOD; i++) {
        struct net_addr a = many(10, i);
        assert_true(lockout_fail(l, &a, 1, LENGTH, 0));
    }
    for (int64_t at = LENGTH; at < LENGTH + 2; at++)
        for (uint32_t i = 0; i < GUESSERS; i++) {
            struct net_addr a = many(11, i);
            assert_int_equal(lockout_fail(l, &a, 2, LENGTH, at), at > LENGTH);
        }
    lockout_free(l);
}

static const struct {
    const char *label, *a, *b;
    bool same;
} accounts[] = {
    { "letters",              "anna",        "ANNA",          true },
    { "of any alphabet",      "zo\xC3\xAB",   "ZO\xC3\x8B",    true },
    { "another spelling",     "kurt",        "\xE2\x84\xAAurt", true },
    { "an accent",            "zo\xC3\xAB",   "zoe",           false },
    { "a domain in front",    "CORP\\anna",  "anna",          true },
    { "and behind",           "anna@corp",   "anna",          true },
    { "blanks around it",     " anna ",      "anna",          true },
    { "another name",         "anna",        "annab",         false },
    { "nobody",               "",            "anna",          false },
};

static void test_accounts(void **state)
{
    (void)state;
    struct lockout *l = lockout_new(0x5eed), *other = lockout_new(0x5eee);
    for (size_t i = 0; i < COUNT_OF(accounts); i++) {
        CASE_LABEL(&accounts[i]);
        struct net_addr a = lockout_account(l, slice_str(accounts[i].a)), b = lockout_account(l, slice_str(accounts[i].b));
        assert_int_equal(memcmp(&a, &b, sizeof a) == 0, accounts[i].same);
    }
    struct net_addr a = lockout_account(l, SLICE_LITERAL("anna")), b = lockout_account(other, SLICE_LITERAL("anna"));
    assert_memory_not_equal(&a, &b, sizeof a); /* nobody can work out keys without the seed */
    assert_false(lockout_fail(l, &a, 2, LENGTH, 0));
    assert_true(lockout_fail(l, &a, 2, LENGTH, 1));
    assert_int_equal(lockout_left(l, &a, 2), LENGTH - 1);
    struct net_addr like_it = a;
    like_it.family = 4; /* the same bytes as an address */
    assert_int_equal(lockout_left(l, &like_it, 2), 0);
    lockout_free(l);
    lockout_free(other);
}

static void put_back(void *context, const struct lockout_record *r)
{
    lockout_restore(context, r, 100);
}

static void never(void *context, const struct net_addr *client, int64_t left)
{
    (void)client;
    (void)left;
    ++*(int *)context;
}

static void test_remembering(void **state)
{
    (void)state;
    struct lockout *before = lockout_new(1), *after = calloc(1, lockout_size());
    struct net_addr blocked = addr("192.0.2.1"), counted = addr("2001:db8::1"), old = addr("192.0.2.3");
    struct net_addr account = lockout_account(before, SLICE_LITERAL("anna"));
    lockout_seed(after, lockout_seed_of(before));
    for (int i = 0; i < LIMIT; i++) {
        (void)lockout_fail(before, &blocked, LIMIT, LENGTH, 10);
        (void)lockout_fail(before, &account, LIMIT, LENGTH, 10);
    }
    (void)lockout_fail(before, &counted, LIMIT, LENGTH, 20);
    (void)lockout_fail(before, &counted, LIMIT, LENGTH, 21);
    (void)lockout_fail(before, &old, LIMIT, 50, 20);
    assert_int_equal(lockout_changes(before), 2 * LIMIT + 3);
    lockout_records(before, 100, put_back, after);
    assert_int_equal(lockout_changes(after), 3);
    assert_int_equal(lockout_left(after, &blocked, 100), LENGTH - 90);
    assert_int_equal(lockout_left(after, &account, 100), LENGTH - 90);
    assert_true(lockout_fail(after, &counted, LIMIT, LENGTH, 101));
    assert_false(lockout_fail(after, &old, 2, LENGTH, 101)); /* it had been forgotten */
    const struct lockout_record nonsense = { .family = 9, .failures = 1, .expires = INT64_MAX };
    lockout_restore(after, &nonsense, 100);
    assert_int_equal(lockout_changes(after), 5);
    int told = 0;
    lockout_each(after, 100, never, &told);
    assert_int_equal(told, 2); /* workers hear of addresses, not of accounts */
    lockout_free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_counting), cmocka_unit_test(test_accounts),
                                        cmocka_unit_test(test_remembering), cmocka_unit_test(test_begins_once),
                                        cmocka_unit_test(test_flood),
                                        cmocka_unit_test(test_ended_blocks_make_room) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

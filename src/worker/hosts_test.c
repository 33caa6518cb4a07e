/* hosts_test.c - the binding that answers: cases, and the sorted search against a plain one. */
#include "base/case_test.h"

#include <stdlib.h>

#include "snapshot/snapshot_build.h"
#include "worker/hosts.h"

struct row {
    const char *address;
    unsigned port;
    const char *host;
};

static struct snapshot *build(const struct row *rows, size_t count)
{
    struct snapshot_writer *w = snapshot_writer_new();
    assert_non_null(w);
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", 1);
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    for (size_t i = 0; i < count; i++) {
        struct snap_binding binding = {
            .address = snapshot_build_text(w, rows[i].address),
            .port = rows[i].port,
            .host = snapshot_build_text(w, rows[i].host),
        };
        snapshot_put_row(w, SNAP_TABLE_binding, &binding);
    }
    struct snapshot *s = snapshot_build(w, ROLE_WORKER);
    assert_non_null(s);
    snapshot_writer_free(w);
    return s;
}

static struct net_addr address(const char *text, unsigned port)
{
    struct net_addr a;
    assert_int_equal(net_addr_parse(slice_str(text), &a), 0);
    a.port = (uint16_t)port;
    return a;
}

static int number(const struct snapshot *s, const struct snap_binding *b)
{
    return b ? (int)(b - snapshot_binding(s, 0)) : -1;
}

static const struct row sample[] = {
    { "",         21, "b.example.com" }, /* 0 */
    { "10.0.0.1", 21, "z.example.com" },
    { "10.0.0.1", 21, "a.example.com" },
    { "10.0.0.2", 21, "" },              /* 3 */
    { "",         21, "a.example.com" },
    { "",         22, "" },
    { "10.0.0.2", 22, "a.example.com" }, /* 6 */
    { "::1",      21, "six.example.com" },
};

static const struct {
    const char *label, *local;
    unsigned port;
    const char *host;
    int found, start;
} cases[] = {
    { "the very address before any",               "10.0.0.1", 21, "a.example.com",   2,  1 },
    { "any address where the very one has it not", "10.0.0.1", 21, "b.example.com",   0,  1 },
    { "letters of names do not matter",            "10.0.0.9", 21, "A.EXAMPLE.COM",   4,  0 },
    { "without a name, the one without",           "10.0.0.2", 21, "",                3,  3 },
    { "any without name before the very with one", "10.0.0.2", 22, "",                5,  5 },
    { "a name nobody bears",                       "10.0.0.1", 21, "c.example.com",  -1,  1 },
    { "a port nobody has",                         "10.0.0.1", 23, "a.example.com",  -1, -1 },
    { "IPv6",                                      "::1",      21, "six.example.com", 7,  7 },
};

static void test_cases(void **state)
{
    (void)state;
    struct snapshot *s = build(sample, COUNT_OF(sample));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        struct net_addr local = address(cases[i].local, cases[i].port);
        assert_int_equal(number(s, hosts_find(s, &local, slice_str(cases[i].host))), cases[i].found);
        assert_int_equal(number(s, hosts_default(s, &local)), cases[i].start);
    }
    snapshot_unref(s);
}

/* ---- the same answers as looking at every binding ---- */

static int rank(const struct row *row, const char *local, unsigned port)
{
    if (row->port != port)
        return 0;
    return !row->address[0] ? 1 : strcmp(row->address, local) == 0 ? 2 : 0;
}

static int plain(const struct row *rows, size_t count, const char *local, unsigned port, const char *host)
{
    int best = -1;
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].host, host) == 0 && rank(&rows[i], local, port) > (best < 0 ? 0 : rank(&rows[best], local, port)))
            best = (int)i;
    return best;
}

static int plain_default(const struct row *rows, size_t count, const char *local, unsigned port)
{
    int best = plain(rows, count, local, port, "");
    for (int want = 2; want > 0; want--)
        for (size_t i = 0; i < count && best < 0; i++)
            if (rank(&rows[i], local, port) == want)
                best = (int)i;
    return best;
}

static void test_against_plain(void **state)
{
    (void)state;
    static const char *const addresses[] = { "", "10.0.0.1", "10.0.0.2", "::1" }, *const hosts[] = { "", "a", "b", "c" };
    uint64_t random = 1;
    for (int round = 0; round < 200; round++) {
        struct row rows[12];
        size_t count = (size_t)round % COUNT_OF(rows);
        for (size_t i = 0; i < count; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            rows[i] = (struct row){ addresses[random >> 33 & 3], 21 + (random >> 40 & 1), hosts[random >> 50 & 3] };
        }
        struct snapshot *s = build(rows, count);
        for (size_t a = 1; a < COUNT_OF(addresses); a++)
            for (unsigned port = 21; port < 23; port++) {
                struct net_addr local = address(addresses[a], port);
                assert_int_equal(number(s, hosts_default(s, &local)), plain_default(rows, count, addresses[a], port));
                for (size_t h = 0; h < COUNT_OF(hosts); h++)
                    assert_int_equal(number(s, hosts_find(s, &local, slice_str(hosts[h]))),
                                     plain(rows, count, addresses[a], port, hosts[h]));
            }
        snapshot_unref(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_against_plain) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

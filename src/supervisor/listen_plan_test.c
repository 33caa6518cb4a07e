/* listen_plan_test.c - bindings in, sockets out. */
#include "base/case_test.h"

#include <stdlib.h>

#include "base/text.h"
#include "snapshot/snapshot_build.h"
#include "supervisor/listen_plan.h"

struct want {
    unsigned site; /* row */
    const char *address; /* "!" in front: disableSocketPooling */
    unsigned port;
};

static const struct {
    const char *label;
    struct want bindings[6]; /* port 0 ends; in order of site */
    bool runs[3];
    const char *want; /* address:port/backlog, optional ones in brackets */
} cases[] = {
    { "one address",
      { { 0, "127.0.0.1", 21 } }, { true }, "127.0.0.1:21/60" },
    { "* is both families; without IPv6 the machine does without",
      { { 0, "", 21 } }, { true }, "0.0.0.0:21/60 (:::21/60)" },
    { "sites told apart by host name share one socket, the larger backlog wins",
      { { 0, "127.0.0.1", 21 }, { 1, "127.0.0.1", 21 }, { 2, "127.0.0.1", 21 } }, { true, true, true },
      "127.0.0.1:21/300" },
    { "* swallows single addresses of its port and family",
      { { 0, "127.0.0.1", 21 }, { 0, "::1", 21 }, { 1, "", 21 } }, { true, true }, "0.0.0.0:21/100 :::21/100" },
    { "but not those of another port",
      { { 0, "127.0.0.1", 2121 }, { 1, "", 21 } }, { true, true }, "0.0.0.0:21/100 127.0.0.1:2121/60 (:::21/100)" },
    { "a stopped site needs nothing",
      { { 0, "127.0.0.1", 21 }, { 1, "127.0.0.2", 21 } }, { false, true }, "127.0.0.2:21/100" },
    { "X05: ports that are none, addresses that are none",
      { { 0, "127.0.0.1", 65536 }, { 0, "localhost", 21 }, { 0, "127.0.0.1", 22 } }, { true }, "127.0.0.1:22/60" },
    { "IPv6 in brackets is the same address",
      { { 0, "[::1]", 21 }, { 1, "::1", 21 } }, { true, true }, "::1:21/100" },
    { "disableSocketPooling: a socket beside *",
      { { 0, "!127.0.0.1", 21 }, { 1, "", 21 }, { 2, "127.0.0.2", 21 } }, { true, true, true },
      "0.0.0.0:21/300+ 127.0.0.1:21/60+ (:::21/100)" },
    { "which sites of the same address use too",
      { { 0, "127.0.0.1", 21 }, { 1, "!127.0.0.1", 21 }, { 2, "", 21 } }, { true, true, true },
      "0.0.0.0:21/300+ 127.0.0.1:21/100+ (:::21/300)" },
    { "and which is nothing special without *",
      { { 0, "!127.0.0.1", 21 }, { 1, "127.0.0.1", 21 } }, { true, true }, "127.0.0.1:21/100" },
    { "nothing runs", { { 0, "127.0.0.1", 21 } }, { false }, "" },
};

static struct snapshot *build(const struct want *bindings)
{
    static const int64_t backlogs[] = { 60, 100, 300 };
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    uint32_t first = 0;
    for (uint32_t site = 0; site < 3; site++) {
        char name[8] = { 'S', (char)('0' + site), 0 };
        struct snap_site row = snapshot_build_site(w, name, site + 1);
        row.server_listen_backlog = backlogs[site];
        row.bindings = (struct snap_range){ first, 0 };
        for (size_t i = 0; bindings[i].port; i++)
            if (bindings[i].site == site) {
                bool own = bindings[i].address[0] == '!';
                const struct snap_binding b = { .address = snapshot_build_text(w, bindings[i].address + own),
                                                .host = snapshot_build_text(w, ""), .port = bindings[i].port, .site = site };
                snapshot_put_row(w, SNAP_TABLE_binding, &b);
                row.disable_socket_pooling |= own;
                row.bindings.count++;
                first++;
            }
        snapshot_put_row(w, SNAP_TABLE_site, &row);
    }
    struct snapshot *s = snapshot_build(w, ROLE_SUPERVISOR);
    snapshot_writer_free(w);
    return s;
}

static void print_plan(const struct listen_plan *p, struct text *out)
{
    for (size_t i = 0; i < p->count; i++) {
        text_add_str(out, i ? " " : "");
        text_add_str(out, p->wants[i].optional ? "(" : "");
        net_addr_print(&p->wants[i].addr, out);
        text_addf(out, ":%u/%d%s%s", p->wants[i].addr.port, p->wants[i].backlog, p->wants[i].shares_port ? "+" : "",
                  p->wants[i].optional ? ")" : "");
    }
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        struct snapshot *s = build(cases[i].bindings);
        struct listen_plan plan;
        OWNED_TEXT_BUFFER got = { 0 };
        assert_non_null(s);
        assert_int_equal(listen_plan_make(s, cases[i].runs, &plan), 0);
        print_plan(&plan, &got);
        assert_string_equal(text_str(&got), cases[i].want);
        listen_plan_free(&plan);
        snapshot_unref(s);
    }
}

static void test_find(void **state)
{
    (void)state;
    struct snapshot *s = build((const struct want[]){ { 0, "", 21 }, { 1, "127.0.0.1", 22 }, { 0, NULL, 0 } });
    struct listen_plan plan;
    struct net_addr addr;
    assert_int_equal(listen_plan_make(s, (const bool[]){ true, true, true }, &plan), 0);
    assert_int_equal(net_addr_parse(SLICE_LITERAL("127.0.0.9"), &addr), 0);
    addr.port = 21;
    assert_int_equal(listen_plan_find(&plan, &addr), 0); /* "*" serves every address */
    addr.port = 22;
    assert_int_equal(listen_plan_find(&plan, &addr), SIZE_MAX);
    assert_int_equal(net_addr_parse(SLICE_LITERAL("127.0.0.1"), &addr), 0);
    addr.port = 22;
    assert_int_equal(listen_plan_find(&plan, &addr), 1);
    listen_plan_free(&plan);
    snapshot_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_find) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

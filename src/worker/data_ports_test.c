/* data_ports_test.c - which port, and when one is used twice (threats.md D03, D04, D05). */
#include "worker/data_ports.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/case_test.h"

enum { MANY = 200, WARM = 33 /* the first that is kept */, LOW = 21000, HIGH = 24999 };

static struct net_addr at(const char *text, uint16_t port)
{
    struct net_addr a;
    assert_int_equal(net_addr_parse(slice_str(text), &a), 0);
    a.port = port;
    return a;
}

static int listen_on(struct data_ports *p, const struct port_range *where, const char *host, uint16_t *port_out)
{
    struct net_addr local = at(host, 0);
    int fd = -1;
    assert_int_equal(data_ports_listen(p, where, &local, &fd), 0);
    assert_in_range(local.port, where->low, where->high);
    *port_out = local.port;
    return fd;
}

/* As a transfer does it. */
static uint16_t use(struct data_ports *p, const struct port_range *where, const char *host)
{
    uint16_t port;
    int fd = listen_on(p, where, host, &port);
    struct net_addr local = at(host, port);
    data_ports_give(p, where, &local, fd);
    return port;
}

/* A connected socket, or -1 with errno. */
static int call(const char *host, uint16_t port)
{
    struct sockaddr_storage sa;
    struct net_addr to = at(host, port);
    socklen_t len = net_addr_to_sockaddr(&to, &sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&sa, len) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static bool is_open(const char *host, uint16_t port)
{
    int fd = call(host, port);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

struct world {
    struct loop *loop;
    struct data_ports *ports;
    struct port_range range;
    unsigned sessions; /* in turn */
    size_t count;
    uint16_t used[MANY];
};
enum { SESSION = 1 };
static const struct world many = { .range = { LOW, HIGH, SESSION }, .sessions = 1, .count = MANY };

static void use_many(void *context)
{
    struct world *w = context;
    for (size_t i = 0; i < w->count; i++) {
        w->range.owner = SESSION + i % w->sessions;
        w->used[i] = use(w->ports, &w->range, "127.0.0.1");
    }
    w->range.owner = SESSION;
    loop_stop(w->loop);
}

/* Many transfers in a moment, however long the machine takes for them: within a callback of the loop its clock stands
 * still. */
static void warm_up(struct world *w)
{
    w->loop = loop_new();
    w->ports = data_ports_new(w->loop);
    assert_non_null(w->ports);
    struct loop_timer *now = loop_timer_new(w->loop, use_many, w);
    loop_timer_set(now, 0);
    loop_run(w->loop);
    loop_timer_free(now);
}

static void cool_down(struct world *w)
{
    data_ports_free(w->ports);
    loop_free(w->loop);
}

static size_t open_ports(const struct world *w, uint16_t open_out[MANY])
{
    size_t count = 0;
    for (size_t i = 0; i < MANY; i++) {
        bool is_known = false;
        for (size_t j = 0; j < i; j++)
            is_known = is_known || w->used[j] == w->used[i];
        if (!is_known && is_open("127.0.0.1", w->used[i]))
            open_out[count++] = w->used[i];
    }
    return count;
}

static void test_few_are_closed_at_once(void **state)
{
    (void)state;
    struct world w = many;
    w.count = WARM;
    warm_up(&w);
    for (unsigned i = 0; i < WARM; i++)
        assert_int_equal(is_open("127.0.0.1", w.used[i]), w.used[i] == w.used[WARM - 1]);
    cool_down(&w);
}

static void test_many_are_used_again(void **state)
{
    (void)state;
    struct world w = many;
    uint16_t open[MANY];
    warm_up(&w);
    assert_int_equal(open_ports(&w, open), 1);
    for (size_t i = WARM; i < MANY; i++)
        assert_int_equal(w.used[i], w.used[WARM - 1]);
    cool_down(&w);
}

/* Who has found the port may be waiting for the moment at which it is told to the session. */
static void test_found_port_is_given_up_D03(void **state)
{
    (void)state;
    struct world w = many;
    uint16_t port;
    warm_up(&w);
    int stranger = call("127.0.0.1", w.used[MANY - 1]);
    assert_true(stranger >= 0);
    int fd = listen_on(w.ports, &w.range, "127.0.0.1", &port);
    assert_int_not_equal(port, w.used[MANY - 1]);
    assert_false(is_open("127.0.0.1", w.used[MANY - 1]));
    assert_int_equal(accept4(fd, NULL, NULL, SOCK_NONBLOCK), -1);
    assert_int_equal(errno, EAGAIN);
    close(stranger);
    close(fd);
    cool_down(&w);
}

/* Whose listener lets in whoever comes, or listens elsewhere, or had other ports, gets none of them. */
static void test_only_what_fits(void **state)
{
    (void)state;
    static const struct {
        const char *label, *host;
        struct port_range range;
    } others[] = {
        { "D04: another session", "127.0.0.1", { LOW, HIGH, SESSION + 1 } },
        { "strangers are let in", "127.0.0.1", { LOW, HIGH, 0 } },
        { "another address", "127.0.0.2", { LOW, HIGH, SESSION } },
        { "other ports", "127.0.0.1", { 25000, 29000, SESSION } },
    };
    struct world w = many;
    uint16_t open[MANY], port;
    warm_up(&w);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        CASE_LABEL(&others[i]);
        size_t before = open_ports(&w, open);
        int fd = listen_on(w.ports, &others[i].range, others[i].host, &port);
        close(fd);
        assert_int_equal(open_ports(&w, open), before); /* it is still there */
        assert_int_not_equal(port, open[0]);
    }
    cool_down(&w);
}

static void test_small_range_is_left_free_D05(void **state)
{
    (void)state;
    struct world w = { .range = { 29100, 29149, SESSION }, .sessions = 10, .count = MANY };
    size_t open = 0;
    warm_up(&w);
    for (unsigned port = w.range.low; port <= w.range.high; port++)
        open += is_open("127.0.0.1", (uint16_t)port);
    assert_int_equal(open, 3); /* a sixteenth */
    cool_down(&w);
}

static void stop(void *context)
{
    loop_stop(context);
}

static void test_kept_for_a_moment(void **state)
{
    (void)state;
    struct world w = many;
    uint16_t open[MANY];
    warm_up(&w);
    assert_int_equal(open_ports(&w, open), 1);
    struct loop_timer *later = loop_timer_new(w.loop, stop, w.loop);
    loop_timer_set(later, 1100);
    loop_run(w.loop);
    loop_timer_free(later);
    assert_int_equal(open_ports(&w, open), 0);
    cool_down(&w);
}

/* They cost no other channel its descriptor. */
static void test_given_up_when_needed_H01(void **state)
{
    (void)state;
    struct world w = many;
    struct rlimit before, few;
    uint16_t port;
    warm_up(&w);
    int next = fcntl(0, F_DUPFD_CLOEXEC, 0);
    assert_true(next >= 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){ (rlim_t)next, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    const struct port_range elsewhere = { 25000, 29000, SESSION };
    int fd = listen_on(w.ports, &elsewhere, "127.0.0.1", &port);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(fd);
    cool_down(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_are_closed_at_once),
        cmocka_unit_test(test_many_are_used_again),
        cmocka_unit_test(test_found_port_is_given_up_D03),
        cmocka_unit_test(test_only_what_fits),
        cmocka_unit_test(test_small_range_is_left_free_D05),
        cmocka_unit_test(test_kept_for_a_moment),
        cmocka_unit_test(test_given_up_when_needed_H01),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

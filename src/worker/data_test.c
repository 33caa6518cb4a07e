/* data_test.c - data connections on loopback: who may connect, where to, when, and under which TLS session. */
#include "worker/data.h"
#include "worker/data_hub.h"

#include "base/case_test.h"
#include "policy/win_error.h"
#include "tls/tls_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fixture {
    struct loop *loop;
    struct data_hub *hub;
    struct peer_cert cert;
    struct tls_keys *keys;
    struct tls_server *server;
    struct stream control, other_control;
    struct tls_peer control_peer, other_peer;
    struct net_addr four, six; /* loopback */
} f;

static void open_login(struct tls_peer *p, struct stream *s)
{
    struct diag d = { 0 };
    peer_connect(p, s, &(struct peer_options){ .version = TLS1_3_VERSION });
    assert_int_equal(stream_start_tls(s, f.server), 0);
    assert_int_equal(peer_handshake(p, s, &d), 0);
}

static int setup(void **state)
{
    (void)state;
    char key[TLS_KEY_LEN] = { 7 };
    f.loop = loop_new();
    f.hub = data_hub_new(f.loop);
    f.keys = tls_keys_new();
    assert_int_equal(tls_keys_set(f.keys, slice_of(key, sizeof key)), 0);
    peer_cert_make(&f.cert, "one.test", 365, 1);
    f.server = peer_server(&f.cert, f.keys, 1, false);
    open_login(&f.control_peer, &f.control);
    open_login(&f.other_peer, &f.other_control);
    assert_int_equal(net_addr_parse(SLICE_LITERAL("127.0.0.1"), &f.four), 0);
    assert_int_equal(net_addr_parse(SLICE_LITERAL("::1"), &f.six), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stream_close(&f.control);
    stream_close(&f.other_control);
    peer_close(&f.control_peer);
    peer_close(&f.other_peer);
    tls_server_unref(f.server);
    tls_keys_unref(f.keys);
    peer_cert_free(&f.cert);
    data_hub_free(f.hub);
    loop_free(f.loop);
    return 0;
}

/* ---- helpers ---- */

static const struct data_rules strict_rules = { .match_pasv = true, .match_port = true, .timeout_ms = 3000 };

static void stop_loop(void *context)
{
    (void)context;
    loop_stop(f.loop);
}

static void turn(int64_t ms)
{
    struct loop_timer *t = loop_timer_new(f.loop, stop_loop, NULL);
    loop_timer_set(t, ms);
    loop_run(f.loop);
    loop_timer_free(t);
}

static struct net_addr addr(const char *text, unsigned port)
{
    struct net_addr a = { 0 };
    assert_int_equal(net_addr_parse(slice_str(text), &a), 0);
    a.port = (uint16_t)port;
    return a;
}

/* Connect from one loopback address to another; -1 when refused. */
static int connect_from(const char *source, const char *to, unsigned port)
{
    struct sockaddr_storage sa;
    struct net_addr a = addr(source, 0), b = addr(to, port);
    int fd = socket(a.family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unsigned len = net_addr_to_sockaddr(&a, &sa);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    len = net_addr_to_sockaddr(&b, &sa);
    if (connect(fd, (struct sockaddr *)&sa, len) == 0)
        return fd;
    close(fd);
    return -1;
}

static int listen_anywhere(unsigned *port_out)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port_out = ntohs(at.sin_port);
    return fd;
}

struct told {
    unsigned calls;
    enum data_result result;
    struct data **free_it;
};

static void told(void *context, enum data_result result)
{
    struct told *t = context;
    t->calls++;
    t->result = result;
    if (t->free_it) {
        data_free(*t->free_it);
        *t->free_it = NULL;
    }
    loop_stop(f.loop);
}

static enum data_result open_data(struct data *d, struct tls_session *control)
{
    struct told t = { 0 };
    assert_int_equal(data_open(d, control, told, &t), 0);
    if (!control) /* inside only when nothing is to be waited for */
        assert_int_equal(t.calls, data_is_connected(d));
    assert_int_equal(data_open(d, control, told, &t), ERR_STATE);
    loop_run(f.loop);
    assert_int_equal(t.calls, 1);
    return t.result;
}

static struct data *listen_with(const struct data_rules *rules)
{
    struct data *d = NULL;
    assert_int_equal(data_listen(f.hub, rules, &f.four, &f.four, &d), 0);
    assert_true(data_is_passive(d));
    return d;
}

/* ---- passive ---- */

static void test_passive(void **state)
{
    (void)state;
    static const char *const hosts[] = { "127.0.0.1", "::1" };
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct net_addr local = addr(hosts[i], 21);
        struct data *d = NULL;
        assert_int_equal(data_listen(f.hub, &strict_rules, &local, &local, &d), 0);
        assert_true(data_port(d) >= 49152);
        assert_false(data_is_connected(d)); /* 150 */
        int client = connect_from(hosts[i], hosts[i], data_port(d));
        assert_true(client >= 0);
        assert_int_equal(open_data(d, NULL), DATA_OPENED);
        assert_true(data_is_connected(d));
        assert_int_equal(connect_from(hosts[i], hosts[i], data_port(d)), -1); /* one connection, no more */
        size_t put;
        char bytes[4];
        assert_int_equal(stream_write(data_stream(d), SLICE_LITERAL("data"), &put), 0);
        assert_int_equal(read(client, bytes, 4), 4);
        data_free(d);
        assert_int_equal(read(client, bytes, 4), 0);
        close(client);
    }
}

static void test_connected_before_the_command(void **state)
{
    (void)state;
    struct data *d = listen_with(&strict_rules);
    int client = connect_from("127.0.0.1", "127.0.0.1", data_port(d));
    assert_true(data_accept(d)); /* 125 */
    assert_int_equal(open_data(d, NULL), DATA_OPENED);
    data_free(d);
    close(client);

    d = listen_with(&strict_rules);
    client = connect_from("127.0.0.1", "127.0.0.1", data_port(d));
    for (unsigned i = 0; i < 100 && !data_is_connected(d); i++)
        turn(20);
    assert_true(data_is_connected(d)); /* taken without a command: strangers must not fill the queue for long */
    data_free(d);
    close(client);
}

static void test_stranger_D03(void **state)
{
    (void)state;
    struct data *d = listen_with(&strict_rules);
    int stranger = connect_from("127.0.0.2", "127.0.0.1", data_port(d)), client;
    char byte;
    assert_false(data_accept(d));
    assert_int_equal(read(stranger, &byte, 1), 0);
    client = connect_from("127.0.0.1", "127.0.0.1", data_port(d)); /* the listener is still there */
    assert_true(client >= 0);
    assert_int_equal(open_data(d, NULL), DATA_OPENED);
    data_free(d);
    close(stranger);
    close(client);

    struct data_rules loose = strict_rules;
    loose.match_pasv = false;
    d = listen_with(&loose);
    stranger = connect_from("127.0.0.2", "127.0.0.1", data_port(d));
    assert_int_equal(open_data(d, NULL), DATA_OPENED);
    data_free(d);
    close(stranger);
}

static void test_nobody_comes(void **state)
{
    (void)state;
    struct data_rules quick = strict_rules;
    quick.timeout_ms = 60;
    struct data *d = listen_with(&quick);
    assert_int_equal(open_data(d, NULL), DATA_TIMED_OUT);
    assert_int_equal(connect_from("127.0.0.1", "127.0.0.1", data_port(d)), -1);
    data_free(d);

    d = listen_with(&quick);
    int stranger = connect_from("127.0.0.2", "127.0.0.1", data_port(d));
    assert_int_equal(open_data(d, NULL), DATA_STRANGER);
    assert_int_equal(data_result_reply(DATA_STRANGER)->win32, 1236); /* KB 2505047: DataChannelClosed - - 1236 38 */
    assert_int_equal(data_result_reply(DATA_STRANGER)->substatus, 38);
    data_free(d);
    close(stranger);

    d = listen_with(&quick); /* PASV, and never a command: the port comes back */
    unsigned port = data_port(d);
    turn(120);
    assert_int_equal(connect_from("127.0.0.1", "127.0.0.1", port), -1);
    assert_int_equal(open_data(d, NULL), DATA_TIMED_OUT);
    data_free(d);
}

static void test_ports(void **state)
{
    (void)state;
    enum { COUNT = 24 };
    struct data *d[COUNT];
    unsigned followed = 0;
    for (size_t i = 0; i < COUNT; i++) {
        d[i] = listen_with(&strict_rules);
        followed += i && data_port(d[i]) == data_port(d[i - 1]) + 1;
    }
    assert_true(followed < COUNT / 2); /* D04 */
    for (size_t i = 0; i < COUNT; i++)
        data_free(d[i]);

    /* a range of three, then exhausted (D05), whoever holds the ports (D06) */
    unsigned base;
    int holder = -1;
    for (;;) {
        close(holder);
        holder = listen_anywhere(&base);
        if (base < 65000)
            break;
    }
    struct data_rules narrow = strict_rules;
    narrow.low_port = (uint16_t)base;
    narrow.high_port = (uint16_t)(base + 2);
    struct data *more = NULL;
    unsigned got = 0;
    while (got < 3 && data_listen(f.hub, &narrow, &f.four, &f.four, &more) == 0) {
        assert_true(data_port(more) > base && data_port(more) <= base + 2);
        int client = connect_from("127.0.0.1", "127.0.0.1", data_port(more)); /* it is the told port that listens */
        assert_true(client >= 0);
        close(client);
        d[got++] = more;
    }
    assert_true(got <= 2);
    assert_int_equal(data_listen(f.hub, &narrow, &f.four, &f.four, &more), ERR_LIMIT);
    while (got)
        data_free(d[--got]);
    close(holder);
}

static const struct {
    const char *label;
    uint16_t low, high;
} bad_ranges[] = {
    { "upside down", 50001, 50000 },
    { "below 1024",  20,    50000 },
    { "no upper",    50000, 0 },
};

static void test_bad_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_ranges); i++) {
        CASE_LABEL(&bad_ranges[i]);
        struct data_rules rules = strict_rules;
        struct data *d = NULL;
        rules.low_port = bad_ranges[i].low;
        rules.high_port = bad_ranges[i].high;
        assert_int_equal(data_listen(f.hub, &rules, &f.four, &f.four, &d), ERR_RANGE);
    }
}

static void test_freed_in_its_callback(void **state)
{
    (void)state;
    struct data *d = listen_with(&strict_rules);
    int client = connect_from("127.0.0.1", "127.0.0.1", data_port(d));
    struct told t = { .free_it = &d };
    assert_int_equal(data_open(d, NULL, told, &t), 0);
    loop_run(f.loop);
    assert_int_equal(t.calls, 1);
    assert_null(d);
    close(client);
    data_free(NULL);

    d = listen_with(&strict_rules); /* and before it */
    t = (struct told){ 0 };
    assert_int_equal(data_open(d, NULL, told, &t), 0);
    data_free(d);
    turn(20);
    assert_int_equal(t.calls, 0);
}

/* Out of descriptors when the client comes, after the command: told once, though the callback frees it (H01). */
static void test_no_descriptor_left_H01(void **state)
{
    (void)state;
    struct rlimit before, none;
    struct data *d = listen_with(&strict_rules);
    struct told t = { .free_it = &d };
    assert_int_equal(data_open(d, NULL, told, &t), 0);
    int client = connect_from("127.0.0.1", "127.0.0.1", data_port(d));
    int next = dup(client);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){ (rlim_t)next, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    loop_run(f.loop);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(t.calls, 1);
    assert_int_equal(t.result, DATA_FAILED);
    assert_null(d);
    close(client);
}

/* ---- active ---- */

static const struct {
    const char *label, *local, *peer, *target;
    unsigned port;
    bool loose;
    int want;
} targets[] = {
    { "the client itself",                "127.0.0.1", "127.0.0.1", "127.0.0.1",        5000, false, 0 },
    { "D01: another host",                "127.0.0.1", "127.0.0.1", "127.0.0.2",        5000, false, ERR_DENIED },
    { "another host, allowed",            "192.0.2.1", "192.0.2.9", "192.0.2.8",        5000, true,  0 },
    { "D01: a port below 1024",           "127.0.0.1", "127.0.0.1", "127.0.0.1",        25,   false, ERR_DENIED },
    { "D01: the same though allowed",     "192.0.2.1", "192.0.2.9", "192.0.2.8",        25,   true,  ERR_DENIED },
    { "D02: port 0",                      "127.0.0.1", "127.0.0.1", "127.0.0.1",        0,    true,  ERR_DENIED },
    { "D02: 0.0.0.0",                     "127.0.0.1", "127.0.0.1", "0.0.0.0",          5000, true,  ERR_DENIED },
    { "D02: our own loopback",            "192.0.2.1", "192.0.2.9", "127.0.0.1",        5000, true,  ERR_DENIED },
    { "D02: our own loopback, IPv6",      "::2",       "2001:db8::9", "::1",            5000, true,  ERR_DENIED },
    { "D02: the same, mapped",            "192.0.2.1", "192.0.2.9", "::ffff:127.0.0.1", 5000, true,  ERR_DENIED },
    { "D02: multicast",                   "192.0.2.1", "192.0.2.9", "224.0.0.1",        5000, true,  ERR_DENIED },
    { "D02: broadcast",                   "192.0.2.1", "192.0.2.9", "255.255.255.255",  5000, true,  ERR_DENIED },
    { "D02: the other family",            "192.0.2.1", "192.0.2.9", "2001:db8::9",      5000, true,  ERR_UNSUPPORTED },
    { "mapped is IPv4",                   "192.0.2.1", "192.0.2.9", "::ffff:192.0.2.9", 5000, false, 0 },
};

static void test_targets(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        CASE_LABEL(&targets[i]);
        struct data_rules rules = strict_rules;
        struct data *d = NULL;
        rules.match_port = !targets[i].loose;
        struct net_addr local = addr(targets[i].local, 21), peer = addr(targets[i].peer, 40000),
                        target = addr(targets[i].target, targets[i].port);
        assert_int_equal(data_target(f.hub, &rules, &local, &peer, &target, &d), targets[i].want);
        assert_true((d != NULL) == (targets[i].want == 0));
        data_free(d);
    }
}

static void test_active(void **state)
{
    (void)state;
    unsigned port;
    int listener = listen_anywhere(&port);
    struct net_addr target = addr("127.0.0.1", port);
    struct data *d = NULL;
    assert_int_equal(data_target(f.hub, &strict_rules, &f.four, &f.four, &target, &d), 0);
    assert_false(data_is_passive(d));
    assert_int_equal(open_data(d, NULL), DATA_OPENED);
    int client = accept(listener, NULL, NULL);
    assert_true(client >= 0);
    data_free(d);
    close(client);
    close(listener); /* and now nobody listens */
    assert_int_equal(data_target(f.hub, &strict_rules, &f.four, &f.four, &target, &d), 0);
    assert_int_equal(open_data(d, NULL), DATA_FAILED);
    data_free(d);
}

/* ---- TLS ---- */

struct pump {
    struct tls_peer *peer;
    struct loop_timer *timer;
};

static void pump(void *context)
{
    struct pump *p = context;
    if (!peer_handshake_step(p->peer))
        loop_timer_set(p->timer, 1);
}

enum client_manner { MANNER_TLS, MANNER_SILENT, MANNER_CLEAR };
enum client_ticket { NO_TICKET, OWN_TICKET, FOREIGN_TICKET };
static const struct {
    const char *label;
    enum client_manner manner;
    enum client_ticket ticket;
    bool require;
    enum data_result want;
    bool want_resumption;
} tls_cases[] = {
    { "full handshake",                                MANNER_TLS,    NO_TICKET,      false, DATA_OPENED,      false },
    { "resumed",                                       MANNER_TLS,    OWN_TICKET,     false, DATA_OPENED,      true },
    { "another login's ticket is a full handshake",    MANNER_TLS,    FOREIGN_TICKET, false, DATA_OPENED,      false },
    { "required and resumed",                          MANNER_TLS,    OWN_TICKET,     true,  DATA_OPENED,      true },
    { "D11: required, full handshake",                 MANNER_TLS,    NO_TICKET,      true,  DATA_NOT_RESUMED, false },
    { "D08: required, another login's ticket",         MANNER_TLS,    FOREIGN_TICKET, true,  DATA_NOT_RESUMED, false },
    { "D15: connects and says nothing",                MANNER_SILENT, NO_TICKET,      false, DATA_TLS_FAILED,  false },
    { "speaks in clear",                               MANNER_CLEAR,  NO_TICKET,      false, DATA_TLS_FAILED,  false },
};

static SSL_SESSION *ticket_of(struct tls_peer *p, struct stream *control)
{
    size_t put;
    char byte;
    stream_replenish(control);
    assert_int_equal(stream_write(control, SLICE_LITERAL("x"), &put), 0);
    assert_int_equal(peer_drain(p, &byte, 1), 1);
    return peer_ticket(p);
}

static void test_tls(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(tls_cases); i++) {
        CASE_LABEL(&tls_cases[i]);
        struct data_rules rules = strict_rules;
        rules.require_resumption = tls_cases[i].require;
        rules.timeout_ms = tls_cases[i].manner == MANNER_SILENT ? 80 : 3000;
        SSL_SESSION *ticket = tls_cases[i].ticket == NO_TICKET ? NULL
                              : tls_cases[i].ticket == OWN_TICKET ? ticket_of(&f.control_peer, &f.control)
                                                                  : ticket_of(&f.other_peer, &f.other_control);
        struct data *d = listen_with(&rules);
        struct tls_peer p;
        struct pump pumping = { .peer = &p, .timer = loop_timer_new(f.loop, pump, &pumping) };
        peer_attach(&p, connect_from("127.0.0.1", "127.0.0.1", data_port(d)),
                    &(struct peer_options){ .version = TLS1_3_VERSION, .resume = ticket });
        if (tls_cases[i].manner == MANNER_TLS)
            loop_timer_set(pumping.timer, 1);
        if (tls_cases[i].manner == MANNER_CLEAR)
            assert_int_equal(write(p.fd, "-rw-r--r-- 1 owner\r\n", 20), 20);
        enum data_result result = open_data(d, stream_session(&f.control));
        assert_int_equal(result, tls_cases[i].want);
        if (result == DATA_OPENED)
            assert_int_equal(stream_is_resumption(data_stream(d)), tls_cases[i].want_resumption);
        data_free(d);
        loop_timer_free(pumping.timer);
        peer_close(&p);
        SSL_SESSION_free(ticket);
    }
}

/* ---- endings ---- */

/* Bytes from the client that nobody reads must not cost it the end of what we sent (D13). */
static void test_linger(void **state)
{
    (void)state;
    enum { SIZE = 200000 };
    char *bytes = calloc(1, SIZE);
    struct data *d = listen_with(&strict_rules);
    int client = connect_from("127.0.0.1", "127.0.0.1", data_port(d));
    assert_int_equal(open_data(d, NULL), DATA_OPENED);
    size_t put = 0, total = 0;
    while (stream_write(data_stream(d), slice_of(bytes, SIZE), &put) == 0 && (total += put) < SIZE) {
    }
    assert_int_equal(write(client, "unasked", 7), 7);
    data_free(d);
    turn(10);
    size_t got = 0;
    ssize_t now;
    while ((now = read(client, bytes, SIZE)) > 0)
        got += (size_t)now;
    assert_int_equal(now, 0); /* FIN, no reset */
    assert_int_equal(got, total);
    close(client);
    turn(10);
    free(bytes);
}

static void test_failed_transfer_is_reset(void **state)
{
    (void)state;
    char byte;
    struct data *d = listen_with(&strict_rules);
    int client = connect_from("127.0.0.1", "127.0.0.1", data_port(d));
    assert_int_equal(open_data(d, NULL), DATA_OPENED);
    data_stream(d)->reset = true;
    data_free(d);
    assert_int_equal(read(client, &byte, 1), -1);
    assert_int_equal(errno, ECONNRESET);
    close(client);
}

static void test_every_failure_has_a_reply(void **state)
{
    (void)state;
    assert_null(data_result_reply(DATA_OPENED));
    for (unsigned r = DATA_OPENED + 1; r < DATA_RESULT_COUNT; r++) {
        const struct data_reply *reply = data_result_reply((enum data_result)r);
        assert_true(reply->code >= 400);
        if (reply->win32 && !win_error_text(reply->win32)[0]) /* an empty line in the details */
            fail_msg("no text for %u", reply->win32);
    }
    assert_int_equal(data_result_reply(DATA_NOT_RESUMED)->code, 522);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passive),
        cmocka_unit_test(test_connected_before_the_command),
        cmocka_unit_test(test_stranger_D03),
        cmocka_unit_test(test_nobody_comes),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_bad_ranges),
        cmocka_unit_test(test_freed_in_its_callback),
        cmocka_unit_test(test_no_descriptor_left_H01),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_active),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_linger),
        cmocka_unit_test(test_failed_transfer_is_reset),
        cmocka_unit_test(test_every_failure_has_a_reply),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

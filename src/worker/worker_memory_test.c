/* worker_memory_test.c - a worker or a session that lacks the memory for what is next (threats.md H10). */
#include "base/case_test.h"
#include "base/scarce_test.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "snapshot/snapshot_build.h"
#include "sys/datagram.h"
#include "tls/cert.h"
#include "worker/session.h"

enum { ALLOCATIONS_MOST = 1000, PATIENCE_MS = 5000 };

static struct snapshot *build(void)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", 1);
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    struct snapshot *s = snapshot_build(w, ROLE_WORKER);
    snapshot_writer_free(w);
    return s;
}

/* Refuses one allocation: 0 when it could be done without it, or was not reached. */
static int put_together(struct child *c, size_t allocation)
{
    struct worker *w = NULL;
    struct diag d = { 0 };
    int pair[2];
    assert_int_equal(datagram_pair(pair), 0);
    c->fd = pair[0];
    scarce_refuse(allocation, 1);
    int err = worker_new(c, &w, &d);
    scarce_end();
    if (err) {
        assert_int_equal(err, ERR_NOMEM);
        assert_non_null(strstr(d.what, err_text(ERR_NOMEM)));
    }
    worker_free(w);
    close(pair[0]); /* no worker got as far as to own it, or it is closed */
    close(pair[1]);
    return err;
}

static void test_each_allocation(void **state)
{
    (void)state;
    static struct child c = { .role = ROLE_WORKER, .workers = 1, .counts_fd = -1, .region_fd = -1 };
    size_t allocation = 0, failed = 0;
    c.snapshot = build();
    assert_non_null(c.snapshot);
    do {
        failed += put_together(&c, allocation) != 0;
    } while (scarce_made > allocation && allocation++ < ALLOCATIONS_MOST);
    assert_true(allocation < ALLOCATIONS_MOST);
    assert_in_range(failed, 10, allocation);
    snapshot_unref(c.snapshot);
}

/* ---- a session ---- */

static uint32_t put_certificate(struct snapshot_writer *w)
{
    OWNED_TEXT_BUFFER chain = { 0 }, key = { 0 };
    struct cert *cert;
    struct diag d = { 0 };
    const struct cert_request request = { SLICE_LITERAL("localhost"), NULL, 0, 30, clock_calendar_ms() / 1000 };
    assert_int_equal(cert_prepare(), 0);
    assert_int_equal(cert_create_self_signed(&request, &cert, &d), 0);
    assert_int_equal(cert_write_pem(cert, CERT_PART_LEAF, &chain), 0);
    assert_int_equal(cert_write_pem(cert, CERT_PART_KEY, &key), 0);
    cert_free(cert);
    const struct snap_cert row = {
        .store = snapshot_build_text(w, "MY"),
        .chain_pem = snapshot_put_text(w, text_slice(&chain)),
        .key_pem = snapshot_put_text(w, text_slice(&key)),
    };
    return 1 + snapshot_put_row(w, SNAP_TABLE_cert, &row);
}

static struct snapshot *build_with_tls(uint16_t port)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", 1);
    struct snap_binding binding = { .port = port };
    struct snap_address_scope anywhere = { .path = snapshot_build_text(w, "/"), .allow_unlisted = 1 };
    site.control_channel_policy = SSL_ALLOW;
    site.cert = put_certificate(w);
    site.bindings = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_binding, &binding), 1 };
    site.address_scopes = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_address_scope, &anywhere), 1 };
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    struct snapshot *s = snapshot_build(w, ROLE_WORKER);
    snapshot_writer_free(w);
    return s;
}

static int listen_somewhere(uint16_t *port_out)
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

static int connect_to(uint16_t port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void heard(void *loop, unsigned events)
{
    (void)events;
    loop_stop(loop);
}

/* What the worker says next, "" when it closes; `allocation` is refused until then. */
static const char *next_reply(struct worker *w, int client, size_t allocation)
{
    static char reply[256];
    struct loop_io *io = loop_io_open(w->loop, client, heard, w->loop);
    loop_io_want(io, LOOP_READ, PATIENCE_MS);
    scarce_refuse(allocation, 1);
    loop_run(w->loop);
    scarce_end();
    loop_io_close(io);
    ssize_t got = recv(client, reply, sizeof reply - 1, MSG_DONTWAIT);
    assert_int_not_equal(got, -1); /* neither an answer nor the end */
    reply[got] = 0;
    return reply;
}

/* False: the session ended. */
static bool auth_is_answered(struct worker *w, uint16_t port, size_t allocation)
{
    int client = connect_to(port);
    assert_memory_equal(next_reply(w, client, SIZE_MAX), "220", 3);
    assert_int_equal(send(client, "AUTH TLS\r\n", 10, MSG_NOSIGNAL), 10);
    const char *reply = next_reply(w, client, allocation);
    close(client);
    if (reply[0])
        assert_memory_equal(reply, "234 ", 4);
    return reply[0];
}

/* Without memory for the 234 the session ends: TLS that was never announced would leave the client waiting. */
static void test_auth(void **state)
{
    (void)state;
    static struct child c = { .role = ROLE_WORKER, .workers = 1, .counts_fd = -1, .region_fd = -1, .listener_count = 1 };
    struct worker *w = NULL;
    struct diag d = { 0 };
    size_t allocation = 0, ended = 0;
    uint16_t port;
    int pair[2];
    assert_int_equal(datagram_pair(pair), 0);
    c.fd = pair[0];
    c.listeners[0] = (struct child_listener_fd){ 1, listen_somewhere(&port) };
    c.snapshot = build_with_tls(port);
    assert_non_null(c.snapshot);
    assert_int_equal(worker_new(&c, &w, &d), 0);
    assert_true(auth_is_answered(w, port, SIZE_MAX)); /* now the site's TLS is there */
    do {
        ended += !auth_is_answered(w, port, allocation);
    } while (scarce_made > allocation && allocation++ < ALLOCATIONS_MOST);
    assert_true(allocation < ALLOCATIONS_MOST);
    assert_in_range(ended, 3, allocation);
    worker_free(w);
    close(pair[1]);
    snapshot_unref(c.snapshot);
}

/* ---- a change of certificate ---- */

static struct tls_server *tls_of(struct generation *g)
{
    return generation_tls(g, snapshot_site(g->snapshot, 0));
}

static struct generation *reload(struct worker *w, struct snapshot *s, struct generation *previous, size_t allocation)
{
    struct generation *g = NULL;
    scarce_refuse(allocation, 1);
    int err = generation_new(w, snapshot_ref(s), previous, &g);
    scarce_end();
    if (err)
        assert_int_equal(err, ERR_NOMEM);
    return g;
}

/* A certificate for which there was no memory comes into use with whatever change is next, or with the next client. */
static void test_changed_certificate(void **state)
{
    (void)state;
    static struct child c = { .role = ROLE_WORKER, .workers = 1, .counts_fd = -1, .region_fd = -1 };
    struct worker *w = NULL;
    struct diag d = { 0 };
    struct generation *first = NULL;
    size_t allocation = 0;
    int pair[2];
    assert_int_equal(datagram_pair(pair), 0);
    c.fd = pair[0];
    c.snapshot = build_with_tls(21);
    assert_int_equal(worker_new(&c, &w, &d), 0);
    struct snapshot *changed = build_with_tls(21);
    struct tls_server *old = tls_of(w->generation);
    assert_non_null(old);
    do { /* until the lack is of the TLS server alone */
        generation_unref(first);
        first = reload(w, changed, w->generation, allocation);
    } while ((!first || first->tried[0]) && allocation++ < ALLOCATIONS_MOST);
    assert_true(allocation < ALLOCATIONS_MOST);
    assert_ptr_equal(first->servers[0], old);

    struct generation *next = reload(w, changed, first, SIZE_MAX);
    assert_ptr_not_equal(tls_of(next), old);
    assert_ptr_not_equal(tls_of(first), old);
    generation_unref(next);
    generation_unref(first);
    snapshot_unref(changed);
    worker_free(w);
    close(pair[1]);
    snapshot_unref(c.snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation),
        cmocka_unit_test(test_auth),
        cmocka_unit_test(test_changed_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

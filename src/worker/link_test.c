/* link_test.c - what waits while the peer is away, and how much of it. */
#include "base/case_test.h"

#include <pthread.h>
#include <unistd.h>

#include "proto/log.h"
#include "sys/datagram.h"
#include "worker/worker.h"

enum { SIZE = 16 * 1024, KEPT_MAX = 4 * 1024 * 1024 };

static void arrived(struct worker *w, const struct wire_message *message, struct wire_in *fields, int *fd)
{
    (void)w;
    (void)message;
    (void)fields;
    (void)fd;
    fail();
}

static void gone(struct worker *w)
{
    loop_stop(w->loop);
}

static struct link closed_link(struct worker *w, bool keeps)
{
    return (struct link){ w, &log_channel, ROLE_LOGGER, -1, NULL, { 0 }, arrived, gone, keeps };
}

/* Numbered datagrams until one is not taken; returns how many were. */
static uint32_t send_many(struct link *l, int *err_out)
{
    static char bytes[SIZE];
    for (uint32_t n = 0;; n++) {
        memcpy(bytes, &n, sizeof n);
        if ((*err_out = link_send(l, slice_of(bytes, sizeof bytes))))
            return n;
    }
}

struct reader {
    int fd;
    uint32_t expected, in_order;
};

/* Takes what is expected, and hangs up. */
static void *read_all(void *context)
{
    static char bytes[SIZE];
    struct reader *r = context;
    for (uint32_t n = 0; n < r->expected; n++) {
        struct slice got;
        uint32_t number;
        int fd = -1;
        if (datagram_receive(r->fd, bytes, sizeof bytes, &got, &fd) || got.len != SIZE)
            break;
        memcpy(&number, got.ptr, sizeof number);
        r->in_order += number == n;
    }
    close(r->fd);
    return NULL;
}

static void test_kept_for_the_next(void **state)
{
    (void)state;
    struct worker w = { .loop = loop_new(), .in_buffer = malloc(WIRE_DATAGRAM_MAX) };
    struct link l = closed_link(&w, true);
    int pair[2], err;
    pthread_t thread;
    uint32_t kept = send_many(&l, &err);
    assert_int_equal(err, ERR_LIMIT);
    assert_int_equal(kept, KEPT_MAX / (SIZE + sizeof(uint32_t)));
    assert_false(link_waits(&l));
    assert_int_equal(datagram_pair(pair), 0);
    struct reader r = { .fd = pair[1], .expected = kept };
    assert_int_equal(link_open(&l, w.loop, pair[0]), 0);
    assert_true(link_waits(&l));
    assert_int_equal(pthread_create(&thread, NULL, read_all, &r), 0);
    loop_run(w.loop);
    pthread_join(thread, NULL);
    assert_int_equal(r.in_order, kept);
    assert_int_equal(l.queue.len, 0);
    loop_free(w.loop);
    free(w.in_buffer);
}

static void test_others_keep_nothing(void **state)
{
    (void)state;
    struct worker w = { .loop = loop_new() };
    struct link l = closed_link(&w, false);
    int pair[2], err;
    assert_int_equal(send_many(&l, &err), 0);
    assert_int_equal(err, ERR_CLOSED);
    assert_int_equal(datagram_pair(pair), 0);
    assert_int_equal(link_open(&l, w.loop, pair[0]), 0);
    assert_true(send_many(&l, &err) > KEPT_MAX / SIZE); /* a slow peer has more room */
    assert_int_equal(err, ERR_LIMIT);
    link_close(&l);
    assert_int_equal(l.queue.len, 0);
    close(pair[1]);
    loop_free(w.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_for_the_next),
        cmocka_unit_test(test_others_keep_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* mailbox_test.c - queueing, closing inside a callback, peers that go. */
#include "base/case_test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/mailbox.h"

struct ear {
    struct mailbox mail;
    struct loop *loop;
    unsigned heard, closings, quit_after;
    int last_err;
    bool frees; /* closes and forgets itself while being called */
};

static void heard(void *context, struct slice bytes, int fd)
{
    struct ear *e = context;
    (void)bytes;
    if (fd >= 0)
        close(fd);
    e->heard++;
    if (e->heard != e->quit_after)
        return;
    struct loop *loop = e->loop;
    if (e->frees) {
        mailbox_close(&e->mail);
        free(e);
    }
    loop_stop(loop);
}

static void gone(void *context, int err)
{
    struct ear *e = context;
    e->closings++;
    e->last_err = err;
    loop_stop(e->loop);
}

static int open_ear(struct ear *e, struct loop *loop)
{
    int pair[2];
    assert_int_equal(datagram_pair(pair), 0);
    e->loop = loop;
    e->mail = (struct mailbox){ .fd = -1, .message = heard, .closed = gone, .context = e };
    assert_int_equal(mailbox_open(&e->mail, loop, pair[0]), 0);
    return pair[1];
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void stop_loop(void *context)
{
    loop_stop(context);
}

/* A reader that is slower than we: everything arrives, in order, descriptors with it, and we never waited. */
static void test_queue(void **state)
{
    (void)state;
    enum { MESSAGES = 300 };
    static char big[8000], back[9000];
    struct loop *loop = loop_new();
    struct ear e = { .quit_after = 0 };
    int far = open_ear(&e, loop), before = open_descriptors();
    for (unsigned i = 0; i < MESSAGES; i++) {
        memcpy(big, &i, sizeof i);
        mailbox_send(&e.mail, slice_of(big, sizeof big), i % 10 ? -1 : dup(0));
    }
    assert_true(e.mail.queued > 0);
    mailbox_finish(&e.mail);
    fcntl(far, F_SETFL, O_NONBLOCK);
    for (unsigned i = 0; i < MESSAGES;) {
        struct slice bytes;
        unsigned number;
        int fd = -1, err = datagram_receive(far, back, sizeof back, &bytes, &fd);
        if (err == ERR_AGAIN) { /* one turn of the loop: it writes until the socket is full */
            struct loop_timer *turn = loop_timer_new(loop, stop_loop, loop);
            loop_timer_set(turn, 1);
            loop_run(loop);
            loop_timer_free(turn);
            continue;
        }
        assert_int_equal(err, 0);
        memcpy(&number, bytes.ptr, sizeof number);
        assert_int_equal(number, i);
        assert_int_equal(fd >= 0, i % 10 == 0);
        if (fd >= 0)
            close(fd);
        i++;
    }
    if (mailbox_is_open(&e.mail))
        loop_run(loop);
    assert_int_equal(e.closings, 1); /* mailbox_finish: empty, so closed */
    assert_int_equal(open_descriptors(), before - 1);
    close(far);
    loop_free(loop);
}

static void test_dropped_queue_leaks_no_descriptor(void **state)
{
    (void)state;
    static char big[8000];
    struct loop *loop = loop_new();
    int before = open_descriptors();
    struct ear e = { .quit_after = 0 };
    int far = open_ear(&e, loop);
    for (unsigned i = 0; i < 200; i++)
        mailbox_send(&e.mail, slice_of(big, sizeof big), dup(0));
    mailbox_close(&e.mail);
    close(far);
    assert_int_equal(open_descriptors(), before);
    mailbox_send(&e.mail, SLICE_LITERAL("x"), dup(0)); /* closed: the descriptor is ours to close all the same */
    assert_int_equal(open_descriptors(), before);
    loop_free(loop);
}

static void test_freed_inside_its_callback(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct ear *e = calloc(1, sizeof *e);
    e->quit_after = 2;
    e->frees = true;
    int far = open_ear(e, loop);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(datagram_send(far, SLICE_LITERAL("x"), -1), 0);
    loop_run(loop); /* a touch after the free is the sanitizers' to find */
    close(far);
    loop_free(loop);
}

static const struct {
    const char *label;
    bool oversize;
    int want;
} ends[] = {
    { "the peer is gone",               false, ERR_CLOSED   },
    { "a datagram larger than any may be", true, ERR_TOO_LONG },
};

static void test_ends(void **state)
{
    (void)state;
    static char big[WIRE_DATAGRAM_MAX + 1];
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        CASE_LABEL(&ends[i]);
        struct loop *loop = loop_new();
        struct ear e = { .quit_after = 0 };
        int far = open_ear(&e, loop);
        if (ends[i].oversize)
            assert_int_equal(datagram_send(far, slice_of(big, sizeof big), -1), 0);
        close(far);
        loop_run(loop);
        assert_int_equal(e.closings, 1);
        assert_int_equal(e.last_err, ends[i].want);
        assert_false(mailbox_is_open(&e.mail));
        loop_free(loop);
    }
}

/* The last words of a program that died are heard before it is buried: all, for the verdict of a loader is the last one. */
static void test_drain(void **state)
{
    (void)state;
    enum { WORDS = 200 };
    struct loop *loop = loop_new();
    struct ear e = { .quit_after = 0 };
    int far = open_ear(&e, loop);
    for (unsigned i = 0; i < WORDS; i++)
        assert_int_equal(datagram_send(far, SLICE_LITERAL("word"), -1), 0);
    close(far);
    mailbox_drain(&e.mail);
    assert_int_equal(e.heard, WORDS);
    assert_int_equal(e.closings, 1);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_dropped_queue_leaks_no_descriptor),
        cmocka_unit_test(test_freed_inside_its_callback),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* neighbours_test.c - who gets a connection, and what is not taken for one. */
#include "base/case_test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/neighbour.h"
#include "sys/datagram.h"
#include "worker/listeners.h"
#include "worker/worker.h"

enum { OWN = 1, NEXT = 2, PREVIOUS = 0, WORKERS = 3, NONE = -1 };

struct world {
    struct child child;
    struct worker worker;
    int next, previous; /* the neighbours' ends */
};

static int connect_with(struct worker *w, unsigned index)
{
    int pair[2];
    assert_int_equal(datagram_pair(pair), 0);
    struct link *l = neighbours_link(w, index);
    assert_non_null(l);
    assert_int_equal(link_open(l, w->loop, pair[0]), 0);
    return pair[1];
}

static void begin(struct world *v)
{
    int fd;
    *v = (struct world){ .child = { .index = OWN, .workers = WORKERS } };
    struct worker *w = &v->worker;
    w->child = &v->child;
    w->loop = loop_new();
    w->out = (struct wire_out){ malloc(64), 64, 0, 0 };
    w->session_ended = -1000000;
    assert_int_equal(tally_create(&fd), 0);
    assert_int_equal(tally_map(fd, &w->tally), 0);
    close(fd);
    neighbours_init(w);
    v->next = connect_with(w, NEXT);
    v->previous = connect_with(w, PREVIOUS);
}

static void end(struct world *v)
{
    neighbours_close(&v->worker);
    loop_free(v->worker.loop);
    tally_unmap(v->worker.tally);
    free(v->worker.out.ptr);
    close(v->next);
    close(v->previous);
}

/* How many connections wait at that end of a channel. */
static unsigned waiting(int fd)
{
    char bytes[64];
    struct slice got;
    unsigned count = 0;
    int flags = fcntl(fd, F_GETFL);
    assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
    for (int taken; datagram_receive(fd, bytes, sizeof bytes, &got, &taken) == 0; count++) {
        assert_true(taken >= 0);
        close(taken);
    }
    return count;
}

/* Something to pass: pair[0]; the other end shows what becomes of it. */
static void open_pair(int pair[2], int flags)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, pair), 0);
}

static const struct {
    const char *label;
    int own, next, previous; /* connections; NONE: that worker is not there */
    bool in_churn;
    int to;
} cases[] = {
    { "nobody has any",                   0, 0,    0,    false, NONE },
    { "all have the same",                4, 4,    4,    false, NONE },
    { "the next has fewer",               1, 0,    1,    false, NEXT },
    { "the previous has fewer",           1, 1,    0,    false, PREVIOUS },
    { "both have fewer, one the fewest",  9, 1,    0,    false, PREVIOUS },
    { "both have fewer, and enough",      9, 2,    3,    false, NONE },
    { "others have more",                 2, 3,    5000, false, NONE },
    { "who has fewest is not there",      5, NONE, 1,    false, PREVIOUS },
    { "nobody is there",                  5, NONE, NONE, false, NONE },
    { "sessions end all the time",        9, 0,    0,    true,  NONE },
};

static void test_who_gets_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        struct world v;
        begin(&v);
        struct worker *w = &v.worker;
        w->session_count = (uint32_t)cases[i].own;
        const int has[WORKERS] = { [NEXT] = cases[i].next, [PREVIOUS] = cases[i].previous };
        for (unsigned n = 0; n < WORKERS; n++)
            if (n != OWN && has[n] == NONE)
                link_close(neighbours_link(w, n));
            else if (n != OWN)
                tally_connections_add(w->tally, n, has[n]);
        if (cases[i].in_churn)
            w->session_ended = loop_now(w->loop);

        int pair[2];
        open_pair(pair, 0);
        bool passed = neighbours_pass(w, pair[0]);
        assert_int_equal(passed, cases[i].to != NONE);
        assert_int_equal(fcntl(pair[0], F_GETFD) < 0, passed);
        if (cases[i].next != NONE)
            assert_int_equal(waiting(v.next), cases[i].to == NEXT);
        if (cases[i].previous != NONE)
            assert_int_equal(waiting(v.previous), cases[i].to == PREVIOUS);
        if (passed) /* the receiver takes it back when it has come */
            assert_int_equal(tally_connections(w->tally, (unsigned)cases[i].to), has[cases[i].to] + 1);
        else
            close(pair[0]);
        close(pair[1]);
        end(&v);
    }
}

/* A neighbour that died between our look and our message has no more connections than before. */
static void test_gone_in_between(void **state)
{
    (void)state;
    struct world v;
    begin(&v);
    v.worker.session_count = 1;
    shutdown(v.next, SHUT_RDWR);
    shutdown(v.previous, SHUT_RDWR);
    int pair[2];
    open_pair(pair, 0);
    assert_false(neighbours_pass(&v.worker, pair[0]));
    assert_int_equal(tally_connections(v.worker.tally, NEXT), 0);
    assert_int_equal(tally_connections(v.worker.tally, PREVIOUS), 0);
    assert_int_equal(close(pair[0]), 0);
    close(pair[1]);
    end(&v);
}

static void test_no_neighbour(void **state)
{
    (void)state;
    struct world v;
    begin(&v);
    v.child.workers = 5;
    assert_null(neighbours_link(&v.worker, OWN));
    assert_non_null(neighbours_link(&v.worker, 0));
    assert_non_null(neighbours_link(&v.worker, 2));
    assert_null(neighbours_link(&v.worker, 3));
    assert_null(neighbours_link(&v.worker, 4));
    assert_null(neighbours_link(&v.worker, 5));
    end(&v);
}

/* What a worker that was taken over might send instead of a connection. */
static void test_not_a_connection(void **state)
{
    (void)state;
    struct world v;
    begin(&v);
    int file = memfd_create("no connection", MFD_CLOEXEC), pair[2];
    listeners_take(&v.worker, file);
    assert_int_equal(fcntl(file, F_GETFD), -1);

    int alone = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); /* not connected */
    listeners_take(&v.worker, alone);
    assert_int_equal(fcntl(alone, F_GETFD), -1);

    open_pair(pair, 0); /* would block us */
    listeners_take(&v.worker, pair[0]);
    char byte;
    assert_int_equal(read(pair[1], &byte, 1), 0);
    close(pair[1]);
    end(&v);
}

static void test_draining(void **state)
{
    (void)state;
    struct world v;
    begin(&v);
    v.worker.draining = true;
    int pair[2];
    open_pair(pair, SOCK_NONBLOCK);
    listeners_take(&v.worker, pair[0]);
    char text[8] = "";
    assert_true(read(pair[1], text, 4) == 4);
    assert_string_equal(text, "421 ");
    close(pair[1]);
    end(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_gets_it), cmocka_unit_test(test_gone_in_between), cmocka_unit_test(test_no_neighbour),
        cmocka_unit_test(test_not_a_connection), cmocka_unit_test(test_draining),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

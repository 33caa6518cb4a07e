/* datagram_test.c - messages and descriptors over a pair. */
#include "base/case_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/child.h"
#include "sys/datagram.h"

static void close_pair(int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Send `count` copies of descriptor 0 in one datagram. */
static void send_fds(int socket, size_t count)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * 16)] = { 0 };
    struct iovec part = { "x", 1 };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                        .msg_controllen = CMSG_SPACE(sizeof(int) * count) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * count);
    for (size_t i = 0; i < count; i++)
        memcpy(CMSG_DATA(c) + i * sizeof(int), &(int){ 0 }, sizeof(int));
    assert_int_equal(sendmsg(socket, &m, 0), 1);
}

static const struct {
    const char *label;
    size_t fds;
    int want;
} surplus[] = {
    { "two descriptors where one is allowed",         2,  ERR_LIMIT },
    { "more than the receiver's control buffer (H01)", 12, ERR_LIMIT },
};

static void test_surplus_descriptors_are_closed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(surplus); i++) {
        CASE_LABEL(&surplus[i]);
        int pair[2], fd = -7;
        assert_int_equal(datagram_pair(pair), 0);
        int before = open_descriptors();
        send_fds(pair[0], surplus[i].fds);
        char buffer[16];
        struct slice bytes;
        assert_int_equal(datagram_receive(pair[1], buffer, sizeof buffer, &bytes, &fd), surplus[i].want);
        assert_int_equal(fd, -7);
        assert_int_equal(open_descriptors(), before);
        close_pair(pair);
    }
}

/* H01: having no descriptor left is our own fault, not a breach by the peer whose message brings one. */
static void test_message_without_room_for_its_descriptor(void **state)
{
    (void)state;
    struct rlimit old, none;
    int pair[2], fd = -7;
    char buffer[16];
    struct slice bytes;
    assert_int_equal(datagram_pair(pair), 0);
    assert_int_equal(datagram_send(pair[0], SLICE_LITERAL("take"), pair[0]), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 0; /* what is open stays open */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int err = datagram_receive(pair[1], buffer, sizeof buffer, &bytes, &fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(err, 0);
    assert_true(slice_equal_str(bytes, "take"));
    assert_int_equal(fd, -1);
    close_pair(pair);
}

static void test_descriptor_travels(void **state)
{
    (void)state;
    int pair[2], pipes[2], fd = -1;
    assert_int_equal(datagram_pair(pair), 0);
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(datagram_send(pair[0], SLICE_LITERAL("take"), pipes[1]), 0);
    char buffer[16];
    struct slice bytes;
    assert_int_equal(datagram_receive(pair[1], buffer, sizeof buffer, &bytes, &fd), 0);
    assert_true(slice_equal_str(bytes, "take"));
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(write(fd, "!", 1), 1);
    assert_int_equal(read(pipes[0], buffer, 1), 1);
    close(fd);
    close_pair(pipes);
    close_pair(pair);
}

static void test_ends(void **state)
{
    (void)state;
    int pair[2], fd;
    char buffer[4];
    struct slice bytes;
    assert_int_equal(datagram_pair(pair), 0);
    fcntl(pair[1], F_SETFL, O_NONBLOCK);
    assert_int_equal(datagram_receive(pair[1], buffer, sizeof buffer, &bytes, &fd), ERR_AGAIN);
    assert_int_equal(datagram_send(pair[0], SLICE_LITERAL("longer"), -1), 0);
    assert_int_equal(datagram_receive(pair[1], buffer, sizeof buffer, &bytes, &fd), ERR_TOO_LONG);
    close(pair[0]);
    assert_int_equal(datagram_receive(pair[1], buffer, sizeof buffer, &bytes, &fd), ERR_CLOSED);
    assert_int_equal(datagram_send(pair[1], SLICE_LITERAL("x"), -1), ERR_CLOSED);
    close(pair[1]);
}

static void test_largest_datagram_fits(void **state)
{
    (void)state;
    static char big[WIRE_DATAGRAM_MAX], back[WIRE_DATAGRAM_MAX];
    memset(big, 'x', sizeof big);
    int pair[2], fd;
    struct slice bytes;
    assert_int_equal(datagram_pair(pair), 0);
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    assert_int_equal(datagram_send(pair[0], slice_of(big, sizeof big), -1), 0);
    assert_int_equal(datagram_receive(pair[1], back, sizeof back, &bytes, &fd), 0);
    assert_int_equal(bytes.len, sizeof big);
    close_pair(pair);
}

static void test_send_macro(void **state)
{
    (void)state;
    int pair[2], fd;
    char buffer[64];
    struct slice bytes;
    const struct wire_message *m;
    struct wire_in in;
    struct child_drain drain = { 0 };
    assert_int_equal(datagram_pair(pair), 0);
    assert_int_equal(DATAGRAM_SEND(pair[0], -1, child_drain, .seconds = 30), 0);
    assert_int_equal(datagram_receive(pair[1], buffer, sizeof buffer, &bytes, &fd), 0);
    assert_int_equal(wire_channel_accept(&child_channel, ROLE_WORKER, bytes, 0, &m, &in), ERR_DENIED);
    assert_int_equal(wire_channel_accept(&child_channel, ROLE_SUPERVISOR, bytes, 0, &m, &in), 0);
    assert_int_equal(child_drain_decode(&in, &drain), 0);
    assert_int_equal(drain.seconds, 30);
    close_pair(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_surplus_descriptors_are_closed),
        cmocka_unit_test(test_message_without_room_for_its_descriptor), cmocka_unit_test(test_descriptor_travels),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_largest_datagram_fits),
        cmocka_unit_test(test_send_macro),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

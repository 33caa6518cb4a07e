/* peer_socket_test.c - who holds which socket while the peer is restarted. */
#include "broker/peer_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/case_test.h"

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0 || errno != EBADF;
}

static void make_pair(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static void test_replaced_while_held(void **state)
{
    (void)state;
    struct peer_socket p;
    int first[2], second[2];
    char byte;
    make_pair(first);
    make_pair(second);
    peer_socket_init(&p, first[0]);
    assert_int_equal(peer_socket_hold(&p), first[0]);
    assert_int_equal(peer_socket_try_hold(&p), first[0]);
    peer_socket_replace(&p, second[0]);
    assert_int_equal(read(first[0], &byte, 1), 0); /* whoever waits there comes back */
    assert_int_equal(peer_socket_hold(&p), second[0]); /* though one still holds the old one */
    peer_socket_release(&p, first[0], true);
    assert_true(is_open(first[0]));
    assert_int_equal(peer_socket_try_hold(&p), second[0]);
    peer_socket_release(&p, first[0], true);
    assert_false(is_open(first[0]));
    peer_socket_release(&p, second[0], false);
    assert_true(is_open(second[0]));
    peer_socket_release(&p, second[0], true);
    assert_false(is_open(second[0]));
    assert_int_equal(peer_socket_try_hold(&p), -1);
    peer_socket_stop(&p);
    close(first[1]);
    close(second[1]);
}

static void test_stopped(void **state)
{
    (void)state;
    struct peer_socket p;
    int pair[2];
    make_pair(pair);
    peer_socket_init(&p, -1);
    assert_int_equal(peer_socket_try_hold(&p), -1);
    peer_socket_replace(&p, pair[0]);
    assert_int_equal(peer_socket_hold(&p), pair[0]);
    peer_socket_stop(&p);
    assert_int_equal(peer_socket_hold(&p), -1);
    assert_true(is_open(pair[0]));
    peer_socket_release(&p, pair[0], false);
    assert_false(is_open(pair[0]));
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_replaced_while_held), cmocka_unit_test(test_stopped) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

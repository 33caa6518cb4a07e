/*
 * stream_fuzz.c - a server's handshake against any bytes: as they come, and as changes to real ClientHellos (three bytes
 * each: place, place, value), on control and on data channels.  First byte: which of these.
 */
#include "tls/tls_peer.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HELLO_MAX = 2048, HELLOS = 2 };

static struct world {
    struct tls_keys *keys;
    struct tls_server *server;
    struct stream control;
    char hello[HELLOS][HELLO_MAX];
    size_t hello_len[HELLOS];
} *world;

static struct tls_server *choose(void *context, struct slice host)
{
    (void)context;
    assert(host.len <= 255 && !slice_has_byte(host, 0));
    return slice_equal_fold_str(host, "one.test") ? world->server : NULL;
}

static size_t capture(char *bytes, int version)
{
    struct tls_peer p;
    struct stream s;
    peer_connect(&p, &s,
                 &(struct peer_options){ .version = version, .server_name = "one.test", .protocols = "\2h2\3ftp" });
    peer_handshake_step(&p);
    ssize_t len = read(s.fd, bytes, HELLO_MAX);
    assert(len > 0);
    stream_close(&s);
    peer_close(&p);
    return (size_t)len;
}

static void prepare(void)
{
    static struct world made;
    struct peer_cert cert;
    char key[TLS_KEY_LEN] = { 3 };
    world = &made;
    signal(SIGPIPE, SIG_IGN);
    made.keys = tls_keys_new();
    assert(tls_keys_set(made.keys, slice_of(key, sizeof key)) == 0);
    peer_cert_make(&cert, "one.test", 365, 1);
    made.server = peer_server(&cert, made.keys, 1, false);
    peer_cert_free(&cert);
    stream_init(&made.control, -1);
    assert(stream_start_tls(&made.control, made.server) == 0);
    made.hello_len[0] = capture(made.hello[0], TLS1_3_VERSION);
    made.hello_len[1] = capture(made.hello[1], TLS1_2_VERSION);
}

static void shake(const char *bytes, size_t len, bool is_data)
{
    int pair[2];
    struct stream s;
    struct diag d = { 0 };
    char reply[64];
    size_t got;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
        return;
    stream_init(&s, pair[0]);
    int err = is_data ? stream_start_tls_data(&s, stream_session(&world->control)) : stream_start_tls(&s, world->server);
    assert(err == 0);
    if (is_data)
        stream_expect_bulk(&s);
    stream_choose_server(&s, choose, NULL);
    if (write(pair[1], bytes, len) == (ssize_t)len) {
        shutdown(pair[1], SHUT_WR);
        err = stream_handshake(&s, &d);
        if (err == ERR_AGAIN)
            err = stream_handshake(&s, &d);
        assert(err != 0 && err != ERR_AGAIN && d.what[0]); /* nobody finishes a handshake without a key share of his own */
        assert(stream_read(&s, reply, sizeof reply, &got) != 0);
        assert(!stream_is_resumption(&s));
    }
    stream_close(&s);
    close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!world)
        prepare();
    if (size == 0)
        return 0;
    bool is_data = data[0] & 1;
    if (data[0] & 2) {
        shake((const char *)data + 1, size - 1, is_data);
        return 0;
    }
    size_t which = data[0] >> 2 & 1, len = world->hello_len[which];
    char bytes[HELLO_MAX];
    memcpy(bytes, world->hello[which], len);
    for (size_t i = 1; i + 2 < size; i += 3)
        bytes[(data[i] << 8 | data[i + 1]) % len] = (char)data[i + 2];
    shake(bytes, len, is_data);
    return 0;
}

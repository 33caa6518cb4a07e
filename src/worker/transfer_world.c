/* transfer_world.c - see transfer_world.h. */
#include "worker/transfer_world.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/write_all.h"

struct world world;

/* ---- one worker's hub, one login under each TLS version ---- */

static const int version_of[] = { 0, TLS1_2_VERSION, TLS1_3_VERSION };

int world_begin(void **state)
{
    (void)state;
    char key[TLS_KEY_LEN] = { 7 };
    struct diag d = { 0 };
    world.loop = loop_new();
    world.hub = data_hub_new(world.loop);
    world.keys = tls_keys_new();
    assert_int_equal(tls_keys_set(world.keys, slice_of(key, sizeof key)), 0);
    peer_cert_make(&world.cert, "one.test", 365, 1);
    world.server = peer_server(&world.cert, world.keys, 1, false);
    for (int c = TLS12; c < COVER_COUNT; c++) {
        peer_connect(&world.control_peer[c], &world.control[c], &(struct peer_options){ .version = version_of[c] });
        assert_int_equal(stream_start_tls(&world.control[c], world.server), 0);
        assert_int_equal(peer_handshake(&world.control_peer[c], &world.control[c], &d), 0);
    }
    return 0;
}

int world_end(void **state)
{
    (void)state;
    for (int c = TLS12; c < COVER_COUNT; c++) {
        stream_close(&world.control[c]);
        peer_close(&world.control_peer[c]);
    }
    tls_server_unref(world.server);
    tls_keys_unref(world.keys);
    peer_cert_free(&world.cert);
    data_hub_free(world.hub);
    loop_free(world.loop);
    return 0;
}

static void tcp_pair(int pair[2])
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(pair[1], (struct sockaddr *)&at, sizeof at), 0);
    pair[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(pair[0] >= 0);
    int on = 1;
    setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(pair[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    close(listener);
}

/* ---- the client ---- */

static ssize_t client_read(struct client *c, char *to, size_t size)
{
    size_t got;
    if (c->cover == CLEAR)
        return read(c->peer.fd, to, size);
    if (SSL_read_ex(c->peer.ssl, to, size, &got))
        return (ssize_t)got;
    return SSL_get_shutdown(c->peer.ssl) & SSL_RECEIVED_SHUTDOWN ? 0 : -1;
}

ssize_t client_write(struct client *c, const char *from, size_t size)
{
    size_t put;
    if (c->cover == CLEAR)
        return send(c->peer.fd, from, size, MSG_NOSIGNAL);
    return SSL_write_ex(c->peer.ssl, from, size, &put) ? (ssize_t)put : -1;
}

static void client_end(struct client *c)
{
    if (c->ending == END_NEVER)
        return;
    if (c->ending == END_RESET)
        setsockopt(c->peer.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
    if (c->ending == END_WELL && c->cover != CLEAR)
        SSL_shutdown(c->peer.ssl);
    if (c->ending == END_RESET) {
        close(c->peer.fd);
        c->peer.fd = -1;
    } else {
        shutdown(c->peer.fd, SHUT_WR);
    }
}

static void *client_main(void *context)
{
    struct client *c = context;
    if (c->reads) {
        char *room;
        while ((room = text_room(&c->bytes, 65536)) != NULL) {
            ssize_t got = client_read(c, room, 65536);
            if (got <= 0) {
                c->saw_end = got == 0;
                break;
            }
            text_grown(&c->bytes, (size_t)got);
            if (c->stop_after && c->bytes.len >= c->stop_after)
                break;
        }
        client_end(c);
        return NULL;
    }
    for (size_t at = 0; at < c->bytes.len;) {
        ssize_t put = client_write(c, c->bytes.ptr + at, c->bytes.len - at);
        if (put <= 0)
            return NULL;
        at += (size_t)put;
    }
    client_end(c);
    if (c->ending == END_WELL) { /* as real clients: wait for the server's end */
        char rest[256];
        ssize_t got;
        while ((got = client_read(c, rest, sizeof rest)) > 0) {
        }
        c->saw_end = got == 0;
    }
    return NULL;
}

void client_connect(struct client *c, struct stream *s)
{
    int pair[2];
    struct diag d = { 0 };
    tcp_pair(pair);
    stream_init(s, pair[0]);
    if (c->cover == CLEAR) {
        c->peer = (struct tls_peer){ .fd = pair[1] };
        return;
    }
    peer_attach(&c->peer, pair[1], &(struct peer_options){ .version = version_of[c->cover] });
    assert_int_equal(stream_start_tls_data(s, stream_session(&world.control[c->cover])), 0);
    if (!c->reads)
        stream_expect_bulk(s);
    assert_int_equal(peer_handshake(&c->peer, s, &d), 0);
    fcntl(pair[1], F_SETFL, 0);
}

void client_start(struct client *c)
{
    assert_int_equal(pthread_create(&c->thread, NULL, client_main, c), 0);
}

void client_join(struct client *c)
{
    pthread_join(c->thread, NULL);
    peer_close(&c->peer);
}

/* ---- running one transfer ---- */

void run_done(void *context, const struct transfer_outcome *outcome)
{
    struct run *r = context;
    r->outcome = *outcome;
    r->done++;
    loop_stop(world.loop);
}

struct transfer_outcome run_transfer(struct stream *s, struct transfer_config config)
{
    struct run r = { 0 };
    config.done = run_done;
    config.context = &r;
    assert_int_equal(transfer_start(world.hub, s, &config, &r.transfer), 0);
    assert_int_equal(r.done, 0);
    loop_run(world.loop);
    assert_int_equal(r.done, 1);
    transfer_free(r.transfer);
    return r.outcome;
}

void stop_loop(void *context)
{
    (void)context;
    loop_stop(world.loop);
}

void end_stream(struct stream *s, struct client *c)
{
    if (!s->reset) {
        int err = stream_shutdown(s);
        assert_true(err == 0 || s->failed);
    }
    if (s->reset)
        stream_close(s);
    client_join(c);
    stream_close(s);
}

int temp_file(struct slice content)
{
    char path[] = "/tmp/sallyport-test-XXXXXX";
    int file = mkostemp(path, O_CLOEXEC);
    assert_true(file >= 0);
    unlink(path);
    assert_true(write_all(file, content));
    return file;
}

void file_content(int file, struct text *out)
{
    off_t size = lseek(file, 0, SEEK_END);
    text_reset(out);
    char *room = text_room(out, (size_t)size + 1);
    assert_int_equal(pread(file, room, (size_t)size, 0), size);
    text_grown(out, (size_t)size);
}

void pattern(struct text *t, size_t size, bool binary)
{
    uint32_t x = 12345;
    text_reset(t);
    for (size_t i = 0; i < size; i++) {
        x = x * 1103515245 + 12345;
        char c = (char)(x >> 16);
        text_add_char(t, binary ? c : x >> 27 == 3 ? '\n' : (char)('a' + (x >> 20) % 26));
    }
}

void with_crlf(struct slice lines, struct text *out)
{
    text_reset(out);
    for (size_t i = 0; i < lines.len; i++) {
        if (lines.ptr[i] == '\n')
            text_add_char(out, '\r');
        text_add_char(out, lines.ptr[i]);
    }
}

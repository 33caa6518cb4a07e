/*
 * transfer_socket_test.c - what a transfer takes from its socket at a time, and leaves in it.
 */
#include "worker/transfer_world.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Much at a time goes past our memory (transfer_splice.c): what ends that in the midst leaves nothing to the next. */
enum { MEGABYTE = 1024 * 1024, MUCH_BYTES = 8 * MEGABYTE };

static const struct {
    const char *label;
    int flags;           /* more flags of the file */
    uint64_t limit;      /* of the configuration */
    rlim_t most;         /* RLIMIT_FSIZE, 0 as it is */
    enum transfer_result want;
    int err;
    uint64_t stored_min, stored_max;
} bulks[] = {
    { "a file",                            0,        0,            0,            TRANSFER_DONE,      0, MUCH_BYTES, MUCH_BYTES },
    { "a file of exactly the limit",       0,        MUCH_BYTES,   0,            TRANSFER_DONE,      0, MUCH_BYTES, MUCH_BYTES },
    { "one byte more than the limit",      0,        MUCH_BYTES - 1, 0,          TRANSFER_TOO_LARGE, 0, 0, MUCH_BYTES - 1 },
    { "a file after a pipe with leftovers", 0,       0,            0,            TRANSFER_DONE,      0, MUCH_BYTES, MUCH_BYTES },
    { "H02: no more space in the midst",   0,        0,            3 * MEGABYTE, TRANSFER_DISK, ERR_TOO_BIG, 3 * MEGABYTE, 3 * MEGABYTE },
    { "a file that takes no splice",       O_APPEND, 0,            0,            TRANSFER_DONE,      0, MUCH_BYTES, MUCH_BYTES },
};

/* Until so much waits that it is taken as much; at most a second, for nothing but speed depends on it. */
static void await_much(int socket)
{
    int waiting = 0;
    for (int i = 0; i < 1000 && ioctl(socket, FIONREAD, &waiting) == 0 && waiting < 128 * 1024; i++)
        usleep(1000);
}

static void test_much_at_a_time(void **state)
{
    (void)state;
    struct text content = { 0 };
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    for (size_t i = 0; i < COUNT_OF(bulks); i++) {
        CASE_LABEL(&bulks[i]);
        struct stream s;
        int file = temp_file(SLICE_NONE), size = MEGABYTE;
        struct client up = { .cover = CLEAR };
        pattern(&up.bytes, MUCH_BYTES, true);
        client_connect(&up, &s);
        setsockopt(s.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        client_start(&up);
        await_much(s.fd);
        assert_int_equal(fcntl(file, F_SETFL, bulks[i].flags), 0);
        small = before;
        if (bulks[i].most)
            small.rlim_cur = bulks[i].most;
        setrlimit(RLIMIT_FSIZE, &small);
        struct transfer_outcome o = run_transfer(
            &s, (struct transfer_config){ .kind = TRANSFER_UPLOAD, .file = dup(file), .limit = bulks[i].limit });
        setrlimit(RLIMIT_FSIZE, &before);
        assert_int_equal(o.result, bulks[i].want);
        assert_int_equal(o.err, bulks[i].err);
        end_stream(&s, &up);
        file_content(file, &content);
        assert_true(content.len >= bulks[i].stored_min && content.len <= bulks[i].stored_max);
        assert_true(slice_equal(text_slice(&content), slice_first(text_slice(&up.bytes), content.len)));
        text_free(&up.bytes);
        close(file);
    }
    text_free(&content);
}

/* Who sends fast wakes the worker only when much is there; the little that he sends last, or slowly, waits for nothing. */
struct trickle {
    struct run run;
    struct client client;
    struct stream *stream;
    size_t sent;
    unsigned pieces, times_high; /* pieces of LITTLE sent; looks that found the mark high */
};

enum { BURST = 200000, LITTLE = 10, PIECES = 3 };

static int low_water(const struct stream *s)
{
    int bytes = 0;
    socklen_t len = sizeof bytes;
    assert_int_equal(getsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, &len), 0);
    return bytes;
}

static void trickle_send(struct trickle *t, size_t len)
{
    assert_int_equal(client_write(&t->client, t->client.bytes.ptr + t->sent, len), len);
    t->sent += len;
}

static void trickle_look(void *context)
{
    struct trickle *t = context;
    bool is_high = low_water(t->stream) > 1;
    t->times_high += is_high;
    loop_timer_set(t->run.timer, 1);
    if (transfer_wire_bytes(t->run.transfer) < t->sent || (t->pieces > 0 && is_high))
        return; /* the first piece comes while much is waited for, the others when nothing is */
    if (t->pieces == PIECES)
        transfer_abort(t->run.transfer);
    else
        trickle_send(t, LITTLE);
    t->pieces++;
}

static void test_waits_for_much(void **state)
{
    (void)state;
    for (int variant = 0; variant < 2 * COVER_COUNT; variant++) {
        struct stream s;
        int size = MEGABYTE, file = temp_file(SLICE_NONE);
        struct trickle t = { .client = { .cover = (enum cover)(variant >> 1) }, .stream = &s };
        print_message("    TYPE %c, cover %d\n", variant & 1 ? 'A' : 'I', variant >> 1);
        pattern(&t.client.bytes, BURST + PIECES * LITTLE, true);
        client_connect(&t.client, &s);
        setsockopt(s.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        trickle_send(&t, BURST);
        await_much(s.fd);
        struct transfer_config config = { .kind = TRANSFER_UPLOAD, .ascii = variant & 1, .file = file, .timeout_ms = 20000,
                                          .done = run_done, .context = &t.run };
        assert_int_equal(low_water(&s), 1);
        assert_int_equal(transfer_start(world.hub, &s, &config, &t.run.transfer), 0);
        t.run.timer = loop_timer_new(world.loop, trickle_look, &t);
        loop_timer_set(t.run.timer, 1);
        loop_run(world.loop);
        assert_int_equal(t.run.outcome.result, TRANSFER_ABORTED);
        assert_int_equal(t.run.outcome.wire_bytes, BURST + PIECES * LITTLE);
        assert_true(t.times_high > 0);
        assert_int_equal(t.pieces, PIECES + 1);
        transfer_free(t.run.transfer);
        loop_timer_free(t.run.timer);
        stream_close(&s);
        peer_close(&t.client.peer);
        text_free(&t.client.bytes);
    }
}

static int option_of(const struct stream *s, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(s->fd, IPPROTO_TCP, name, &value, &len), 0);
    return value;
}

/* What the client sends under TLS is acknowledged at once: its close_notify waits for that where small segments are held back. */
static void test_acknowledges_at_once(void **state)
{
    (void)state;
    for (int cover = 0; cover < COVER_COUNT; cover++) {
        struct stream s;
        struct client client = { .cover = (enum cover)cover };
        struct run run = { 0 };
        struct transfer_config config = { .kind = TRANSFER_UPLOAD, .file = temp_file(SLICE_NONE), .timeout_ms = 20000, .done = run_done, .context = &run };
        print_message("    cover %d\n", cover);
        client_connect(&client, &s);
        assert_int_equal(setsockopt(s.fd, IPPROTO_TCP, TCP_QUICKACK, &(int){ 0 }, sizeof(int)), 0);
        assert_int_equal(transfer_start(world.hub, &s, &config, &run.transfer), 0);
        assert_int_equal(option_of(&s, TCP_QUICKACK), stream_is_tls(&s));
        transfer_free(run.transfer);
        stream_close(&s);
        peer_close(&client.peer);
    }
}

/* ---- segments ---- */

static unsigned segments(const struct stream *s)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    assert_int_equal(getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_data_segs_out;
}

/* Records leave together; what the socket has taken when it is full waits for nothing. */
static void test_segments(void **state)
{
    (void)state;
    enum { RECORD = 16384 };
    static const struct {
        const char *label;
        enum cover cover;
        size_t size;
        unsigned most; /* segments */
    } cases[] = {
        { "one record, close_notify and FIN", TLS13, 4096, 1 },
        { "sixteen records", TLS13, 16 * RECORD, 12 },
        { "sixteen records of TLS 1.2", TLS12, 16 * RECORD, 12 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        struct stream s;
        struct client c = { .cover = cases[i].cover, .reads = true };
        OWNED_TEXT_BUFFER bytes = { 0 };
        pattern(&bytes, cases[i].size, true);
        client_connect(&c, &s);
        unsigned before = segments(&s);
        client_start(&c);
        struct transfer_outcome o = run_transfer(&s, (struct transfer_config){
            .kind = TRANSFER_DOWNLOAD, .file = temp_file(text_slice(&bytes)), .size = cases[i].size });
        assert_int_equal(o.result, TRANSFER_DONE);
        assert_in_range(segments(&s) - before, 1, cases[i].most);
        end_stream(&s, &c);
        assert_true(c.saw_end);
        assert_true(slice_equal(text_slice(&c.bytes), text_slice(&bytes)));
        text_free(&c.bytes);
    }
}

static void test_full_socket_is_let_go(void **state)
{
    (void)state;
    struct stream s;
    struct run r = { 0 };
    struct client c = { .cover = TLS13, .reads = true };
    OWNED_TEXT_BUFFER bytes = { 0 };
    pattern(&bytes, 20000000, true);
    client_connect(&c, &s);
    struct transfer_config config = { .kind = TRANSFER_DOWNLOAD, .file = temp_file(text_slice(&bytes)), .size = bytes.len,
                                      .done = run_done, .context = &r };
    assert_int_equal(transfer_start(world.hub, &s, &config, &r.transfer), 0);
    struct loop_timer *t = loop_timer_new(world.loop, stop_loop, NULL);
    loop_timer_set(t, 20);
    loop_run(world.loop); /* nobody reads */
    assert_int_equal(r.done, 0);
    assert_int_equal(option_of(&s, TCP_CORK), 0);
    transfer_free(r.transfer);
    loop_timer_free(t);
    stream_close(&s);
    peer_close(&c.peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_much_at_a_time),
        cmocka_unit_test(test_waits_for_much),
        cmocka_unit_test(test_acknowledges_at_once),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_full_socket_is_let_go),
    };
    return cmocka_run_group_tests(tests, world_begin, world_end);
}

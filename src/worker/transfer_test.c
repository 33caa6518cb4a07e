/*
 * transfer_test.c - transfers over loopback TCP, clear and under TLS, against a blocking client in a thread.
 */
#include "worker/transfer.h"

#include "base/case_test.h"
#include "base/own.h"
#include "tls/tls_peer.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- fixture: one worker's hub, one login under each TLS version ---- */

enum cover { CLEAR, TLS12, TLS13, COVER_COUNT };

static struct fixture {
    struct loop *loop;
    struct data_hub *hub;
    struct peer_cert cert;
    struct tls_keys *keys;
    struct tls_server *server;
    struct stream control[COVER_COUNT];
    struct tls_peer control_peer[COVER_COUNT];
} f;

static const int version_of[] = { 0, TLS1_2_VERSION, TLS1_3_VERSION };

static int setup(void **state)
{
    (void)state;
    char key[TLS_KEY_LEN] = { 7 };
    struct diag d = { 0 };
    f.loop = loop_new();
    f.hub = data_hub_new(f.loop);
    f.keys = tls_keys_new();
    assert_int_equal(tls_keys_set(f.keys, slice_of(key, sizeof key)), 0);
    peer_cert_make(&f.cert, "one.test", 365, 1);
    f.server = peer_server(&f.cert, f.keys, 1, false);
    for (int c = TLS12; c < COVER_COUNT; c++) {
        peer_connect(&f.control_peer[c], &f.control[c], &(struct peer_options){ .version = version_of[c] });
        assert_int_equal(stream_start_tls(&f.control[c], f.server), 0);
        assert_int_equal(peer_handshake(&f.control_peer[c], &f.control[c], &d), 0);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int c = TLS12; c < COVER_COUNT; c++) {
        stream_close(&f.control[c]);
        peer_close(&f.control_peer[c]);
    }
    tls_server_unref(f.server);
    tls_keys_unref(f.keys);
    peer_cert_free(&f.cert);
    data_hub_free(f.hub);
    loop_free(f.loop);
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

enum client_ending { END_WELL, END_FIN_ONLY, END_RESET, END_NEVER };

struct client {
    enum cover cover;
    struct tls_peer peer; /* .fd also in the clear */
    bool reads;           /* a download, else an upload of `bytes` */
    struct text bytes;    /* sent, or received */
    enum client_ending ending;
    size_t stop_after;    /* reading: close after so many bytes; 0 never */
    bool saw_end;         /* reading: the server ended in order */
    pthread_t thread;
};

static ssize_t client_read(struct client *c, char *to, size_t size)
{
    size_t got;
    if (c->cover == CLEAR)
        return read(c->peer.fd, to, size);
    if (SSL_read_ex(c->peer.ssl, to, size, &got))
        return (ssize_t)got;
    return SSL_get_shutdown(c->peer.ssl) & SSL_RECEIVED_SHUTDOWN ? 0 : -1;
}

static ssize_t client_write(struct client *c, const char *from, size_t size)
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

/* Connect `c` and `s`, under TLS as `c->cover` says. */
static void client_connect(struct client *c, struct stream *s)
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
    assert_int_equal(stream_start_tls_data(s, stream_session(&f.control[c->cover])), 0);
    if (!c->reads)
        stream_expect_bulk(s);
    assert_int_equal(peer_handshake(&c->peer, s, &d), 0);
    fcntl(pair[1], F_SETFL, 0);
}

static void client_start(struct client *c)
{
    assert_int_equal(pthread_create(&c->thread, NULL, client_main, c), 0);
}

static void client_join(struct client *c)
{
    pthread_join(c->thread, NULL);
    peer_close(&c->peer);
}

/* ---- running one transfer ---- */

struct run {
    struct transfer *transfer;
    struct transfer_outcome outcome;
    unsigned done;
    /* listings */
    const char *const *chunks;
    size_t fed;
    bool later;
    struct loop_timer *timer;
};

static void run_done(void *context, const struct transfer_outcome *outcome)
{
    struct run *r = context;
    r->outcome = *outcome;
    r->done++;
    loop_stop(f.loop);
}

static struct transfer_outcome run_transfer(struct stream *s, struct transfer_config config)
{
    struct run r = { 0 };
    config.done = run_done;
    config.context = &r;
    assert_int_equal(transfer_start(f.hub, s, &config, &r.transfer), 0);
    assert_int_equal(r.done, 0);
    loop_run(f.loop);
    assert_int_equal(r.done, 1);
    transfer_free(r.transfer);
    return r.outcome;
}

static void stop_loop(void *context)
{
    (void)context;
    loop_stop(f.loop);
}

/* End the data stream as data_free does, and let the client see it. */
static void end_stream(struct stream *s, struct client *c)
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

static int temp_file(struct slice content)
{
    char path[] = "/tmp/sallyport-test-XXXXXX";
    int file = mkostemp(path, O_CLOEXEC);
    assert_true(file >= 0);
    unlink(path);
    for (size_t at = 0; at < content.len;) {
        ssize_t put = write(file, content.ptr + at, content.len - at);
        assert_true(put > 0);
        at += (size_t)put;
    }
    return file;
}

static void file_content(int file, struct text *out)
{
    off_t size = lseek(file, 0, SEEK_END);
    text_reset(out);
    char *room = text_room(out, (size_t)size + 1);
    assert_int_equal(pread(file, room, (size_t)size, 0), size);
    text_grown(out, (size_t)size);
}

/* Lines of uneven length ending in LF, `size` bytes in all; any bytes when `binary`. */
static void pattern(struct text *t, size_t size, bool binary)
{
    uint32_t x = 12345;
    text_reset(t);
    for (size_t i = 0; i < size; i++) {
        x = x * 1103515245 + 12345;
        char c = (char)(x >> 16);
        text_add_char(t, binary ? c : x >> 27 == 3 ? '\n' : (char)('a' + (x >> 20) % 26));
    }
}

static void with_crlf(struct slice lines, struct text *out)
{
    text_reset(out);
    for (size_t i = 0; i < lines.len; i++) {
        if (lines.ptr[i] == '\n')
            text_add_char(out, '\r');
        text_add_char(out, lines.ptr[i]);
    }
}

static const size_t sizes[] = { 0, 1, 16383, 16384, 16385, 65535, 65536, 65537, 262144, 1048575, 1048576, 1048577, 3000000 };

static void test_every_size_D20(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER file_bytes = { 0 }, wire = { 0 }, stored = { 0 };
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        for (int variant = 0; variant < 2 * COVER_COUNT; variant++) {
            bool ascii = variant & 1;
            enum cover cover = (enum cover)(variant >> 1);
            print_message("    %zu bytes, TYPE %c, cover %d\n", sizes[i], ascii ? 'A' : 'I', (int)cover);
            pattern(&file_bytes, sizes[i], !ascii);
            if (ascii)
                with_crlf(text_slice(&file_bytes), &wire);
            struct slice want = ascii ? text_slice(&wire) : text_slice(&file_bytes);

            struct stream s;
            struct client down = { .cover = cover, .reads = true };
            client_connect(&down, &s);
            client_start(&down);
            struct transfer_outcome o = run_transfer(
                &s, (struct transfer_config){ .kind = TRANSFER_DOWNLOAD, .ascii = ascii,
                                              .file = temp_file(text_slice(&file_bytes)), .timeout_ms = 20000,
                                              .size = i & 1 ? sizes[i] : 0 });
            assert_int_equal(o.result, TRANSFER_DONE);
            assert_int_equal(o.file_bytes, sizes[i]);
            assert_int_equal(o.wire_bytes, want.len);
            end_stream(&s, &down);
            assert_true(down.saw_end);
            assert_true(slice_equal(text_slice(&down.bytes), want));
            text_free(&down.bytes);

            struct client up = { .cover = cover };
            text_add(&up.bytes, want);
            int file = temp_file(SLICE_NONE);
            client_connect(&up, &s);
            client_start(&up);
            o = run_transfer(&s, (struct transfer_config){ .kind = TRANSFER_UPLOAD, .ascii = ascii, .file = dup(file),
                                                           .timeout_ms = 20000, .require_close_notify = true });
            assert_int_equal(o.result, TRANSFER_DONE);
            assert_int_equal(o.wire_bytes, want.len);
            assert_int_equal(o.file_bytes, sizes[i]);
            end_stream(&s, &up);
            assert_true(up.saw_end);
            file_content(file, &stored);
            assert_true(slice_equal(text_slice(&stored), text_slice(&file_bytes)));
            text_free(&up.bytes);
            close(file);
        }
}

static const uint64_t offsets[] = { 1, 100, (1ull << 31) - 1, (1ull << 31) + 1, (1ull << 32) - 1, (1ull << 32) + 1 };

static void test_far_offsets_D20(void **state)
{
    (void)state;
    enum { TAIL = 70000 };
    OWNED_TEXT_BUFFER bytes = { 0 };
    char *back = malloc(TAIL);
    pattern(&bytes, TAIL, true);
    for (size_t i = 0; i < COUNT_OF(offsets); i++)
        for (int cover = CLEAR; cover < COVER_COUNT; cover++) {
            print_message("    offset %llu, cover %d\n", (unsigned long long)offsets[i], cover);
            struct stream s;
            int file = temp_file(SLICE_NONE);
            assert_int_equal(ftruncate(file, 10), 0);
            struct client up = { .cover = (enum cover)cover };
            text_add(&up.bytes, text_slice(&bytes));
            client_connect(&up, &s);
            client_start(&up);
            struct transfer_outcome o = run_transfer(
                &s, (struct transfer_config){ .kind = TRANSFER_UPLOAD, .file = dup(file), .offset = offsets[i] });
            assert_int_equal(o.result, TRANSFER_DONE);
            end_stream(&s, &up);
            assert_int_equal((uint64_t)lseek(file, 0, SEEK_END), offsets[i] + TAIL);
            assert_int_equal(pread(file, back, TAIL, (off_t)offsets[i]), TAIL);
            assert_memory_equal(back, bytes.ptr, TAIL);
            text_free(&up.bytes);

            struct client down = { .cover = (enum cover)cover, .reads = true };
            client_connect(&down, &s);
            client_start(&down);
            o = run_transfer(
                &s, (struct transfer_config){ .kind = TRANSFER_DOWNLOAD, .file = file, .offset = offsets[i] });
            assert_int_equal(o.result, TRANSFER_DONE);
            end_stream(&s, &down);
            assert_true(slice_equal(text_slice(&down.bytes), text_slice(&bytes)));
            text_free(&down.bytes);
        }
    free(back);
}

static void test_cold_file(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER bytes = { 0 };
    pattern(&bytes, 9000001, true);
    for (int cover = CLEAR; cover < COVER_COUNT; cover++) {
        struct stream s;
        int file = temp_file(text_slice(&bytes));
        assert_int_equal(fsync(file), 0);
        posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        struct client down = { .cover = (enum cover)cover, .reads = true };
        client_connect(&down, &s);
        client_start(&down);
        struct transfer_outcome o = run_transfer(&s, (struct transfer_config){ .kind = TRANSFER_DOWNLOAD, .file = file });
        assert_int_equal(o.result, TRANSFER_DONE);
        end_stream(&s, &down);
        assert_true(slice_equal(text_slice(&down.bytes), text_slice(&bytes)));
        text_free(&down.bytes);
    }
}

/* ---- endings ---- */

static const struct {
    const char *label;
    enum cover cover;
    enum client_ending ending;
    bool strict;
    enum transfer_result want;
} upload_endings[] = {
    { "clear: FIN is the end",                             CLEAR, END_WELL,     true,  TRANSFER_DONE },
    { "clear: a reset is not",                             CLEAR, END_RESET,    true,  TRANSFER_PEER_ABORTED },
    { "clear: silence",                                    CLEAR, END_NEVER,    true,  TRANSFER_TIMED_OUT },
    { "TLS 1.2: close_notify is the end",                  TLS12, END_WELL,     true,  TRANSFER_DONE },
    { "D12: TLS 1.2, FIN without close_notify",            TLS12, END_FIN_ONLY, true,  TRANSFER_TRUNCATED },
    { "D12: the exception for bad clients",                TLS12, END_FIN_ONLY, false, TRANSFER_DONE },
    { "D21: TLS 1.2, reset",                               TLS12, END_RESET,    false, TRANSFER_PEER_ABORTED },
    { "TLS 1.3: close_notify is the end",                  TLS13, END_WELL,     true,  TRANSFER_DONE },
    { "D12: TLS 1.3, FIN without close_notify",            TLS13, END_FIN_ONLY, true,  TRANSFER_TRUNCATED },
    { "D21: TLS 1.3, reset",                               TLS13, END_RESET,    false, TRANSFER_PEER_ABORTED },
    { "D14: TLS 1.3, silence",                             TLS13, END_NEVER,    true,  TRANSFER_TIMED_OUT },
};

static void test_upload_endings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(upload_endings); i++) {
        CASE_LABEL(&upload_endings[i]);
        struct stream s;
        struct client up = { .cover = upload_endings[i].cover, .ending = upload_endings[i].ending };
        text_add_str(&up.bytes, "half a file");
        client_connect(&up, &s);
        client_start(&up);
        struct transfer_outcome o = run_transfer(
            &s, (struct transfer_config){ .kind = TRANSFER_UPLOAD, .file = temp_file(SLICE_NONE),
                                          .timeout_ms = upload_endings[i].want == TRANSFER_TIMED_OUT ? 150 : 20000,
                                          .require_close_notify = upload_endings[i].strict });
        assert_int_equal(o.result, upload_endings[i].want);
        assert_int_equal(s.reset, o.result != TRANSFER_DONE);
        if (o.result == TRANSFER_TIMED_OUT)
            assert_true(o.elapsed_ms >= 150 && o.elapsed_ms < 5000);
        end_stream(&s, &up);
        text_free(&up.bytes);
    }
}

static void test_reader_that_goes_away(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER bytes = { 0 };
    pattern(&bytes, 30000000, true);
    for (int cover = CLEAR; cover < COVER_COUNT; cover++) {
        struct stream s;
        struct client down = { .cover = (enum cover)cover, .reads = true, .stop_after = 1000, .ending = END_RESET };
        client_connect(&down, &s);
        client_start(&down);
        struct transfer_outcome o = run_transfer(
            &s, (struct transfer_config){ .kind = TRANSFER_DOWNLOAD, .file = temp_file(text_slice(&bytes)) });
        assert_int_equal(o.result, TRANSFER_PEER_ABORTED);
        end_stream(&s, &down);
        text_free(&down.bytes);
    }
}

static void test_reader_that_never_reads_D16(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER bytes = { 0 };
    pattern(&bytes, 30000000, true);
    for (int cover = CLEAR; cover < COVER_COUNT; cover++) {
        struct stream s;
        struct client down = { .cover = (enum cover)cover, .reads = true };
        client_connect(&down, &s);
        struct transfer_outcome o = run_transfer(
            &s, (struct transfer_config){ .kind = TRANSFER_DOWNLOAD, .file = temp_file(text_slice(&bytes)),
                                          .timeout_ms = 200 });
        assert_int_equal(o.result, TRANSFER_TIMED_OUT);
        assert_true(o.elapsed_ms >= 200 && o.elapsed_ms < 10000);
        client_start(&down);
        end_stream(&s, &down);
        assert_false(down.saw_end && cover != CLEAR); /* the cut is not taken for the end */
        text_free(&down.bytes);
    }
}

static void send_one_byte(void *context)
{
    struct run *r = context;
    int fd = (int)r->fed;
    assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
    loop_timer_set(r->timer, 40);
}

static void test_too_slow_P31(void **state)
{
    (void)state;
    struct stream s;
    struct client up = { .cover = CLEAR, .ending = END_NEVER };
    client_connect(&up, &s);
    struct run drip = { .fed = (size_t)up.peer.fd };
    drip.timer = loop_timer_new(f.loop, send_one_byte, &drip);
    send_one_byte(&drip); /* the first is there before the window opens */
    struct transfer_outcome o = run_transfer(
        &s, (struct transfer_config){ .kind = TRANSFER_UPLOAD, .file = temp_file(SLICE_NONE), .timeout_ms = 10000,
                                      .min_bytes_per_second = 240, .rate_window_ms = 200 });
    assert_int_equal(o.result, TRANSFER_TOO_SLOW);
    assert_true(o.wire_bytes > 0);
    assert_int_equal(transfer_result_reply(o.result, 0)->code, 425);
    loop_timer_free(drip.timer);
    stream_close(&s);
    peer_close(&up.peer);
}

/* ---- disks ---- */

static int full_disk(void)
{
    return open("/dev/full", O_WRONLY | O_CLOEXEC);
}

static int read_only(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int sealed(void)
{
    int file = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW);
    return file;
}

static const struct {
    const char *label;
    int (*open)(void);
    uint64_t offset;
    int want;
    unsigned want_code;
} disks[] = {
    { "H02: no space",                        full_disk, 0,             ERR_NO_SPACE, 452 },
    { "H02: descriptor that cannot be written", read_only, 0,           ERR_IO,       451 },
    { "not permitted",                        sealed,    0,             ERR_DENIED,   550 },
    { "beyond 2^63",                          full_disk, INT64_MAX - 3, ERR_TOO_BIG,  552 },
};

static void test_disk_errors_H02(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(disks); i++)
        for (int cover = CLEAR; cover < COVER_COUNT; cover++) {
            CASE_LABEL(&disks[i]);
            struct stream s;
            struct client up = { .cover = (enum cover)cover };
            text_add_str(&up.bytes, "content");
            client_connect(&up, &s);
            client_start(&up);
            struct transfer_outcome o =
                run_transfer(&s, (struct transfer_config){ .kind = TRANSFER_UPLOAD, .file = disks[i].open(),
                                                           .offset = disks[i].offset });
            assert_int_equal(o.result, TRANSFER_DISK);
            assert_int_equal(o.err, disks[i].want);
            assert_int_equal(transfer_result_reply(o.result, o.err)->code, disks[i].want_code);
            assert_int_equal(o.file_bytes, 0);
            end_stream(&s, &up);
            text_free(&up.bytes);
        }
}

static void test_file_size_limit_H02(void **state)
{
    (void)state;
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 100000;
    struct stream s;
    int file = temp_file(SLICE_NONE);
    struct client up = { .cover = CLEAR };
    pattern(&up.bytes, 300000, true);
    client_connect(&up, &s);
    client_start(&up);
    setrlimit(RLIMIT_FSIZE, &small);
    struct transfer_outcome o = run_transfer(&s, (struct transfer_config){ .kind = TRANSFER_UPLOAD, .file = dup(file) });
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(o.result, TRANSFER_DISK);
    assert_int_equal(o.err, ERR_TOO_BIG);
    assert_int_equal(o.file_bytes, 100000); /* H11: the short write before it counted */
    end_stream(&s, &up);
    text_free(&up.bytes);
    close(file);
}

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
        assert_int_equal(o.file_bytes, content.len);
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
        assert_int_equal(transfer_start(f.hub, &s, &config, &t.run.transfer), 0);
        t.run.timer = loop_timer_new(f.loop, trickle_look, &t);
        loop_timer_set(t.run.timer, 1);
        loop_run(f.loop);
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

static void test_unreadable_file(void **state)
{
    (void)state;
    for (int variant = 0; variant < 2 * COVER_COUNT; variant++) {
        struct stream s;
        struct client down = { .cover = (enum cover)(variant >> 1), .reads = true };
        client_connect(&down, &s);
        client_start(&down);
        struct transfer_outcome o =
            run_transfer(&s, (struct transfer_config){ .kind = TRANSFER_DOWNLOAD, .ascii = variant & 1,
                                                       .file = open("/dev/null", O_WRONLY | O_CLOEXEC) });
        assert_int_equal(o.result, TRANSFER_DISK);
        assert_int_equal(o.err, ERR_IO);
        end_stream(&s, &down);
        text_free(&down.bytes);
    }
}

/* ---- abort ---- */

static void abort_it(void *context)
{
    struct run *r = context;
    assert_int_equal(r->done, 0);
    transfer_abort(r->transfer);
    assert_int_equal(r->done, 1); /* 426 can be said before 226 */
    transfer_abort(r->transfer);
    assert_int_equal(r->done, 1);
}

static void test_abort_P18(void **state)
{
    (void)state;
    for (int upload = 0; upload < 2; upload++) {
        struct stream s;
        struct run r = { 0 };
        struct client c = { .cover = CLEAR, .reads = true, .ending = END_NEVER };
        OWNED_TEXT_BUFFER bytes = { 0 };
        pattern(&bytes, 20000000, true);
        client_connect(&c, &s);
        struct transfer_config config = { .kind = upload ? TRANSFER_UPLOAD : TRANSFER_DOWNLOAD,
                                          .file = temp_file(text_slice(&bytes)), .done = run_done, .context = &r };
        assert_int_equal(transfer_start(f.hub, &s, &config, &r.transfer), 0);
        struct loop_timer *t = loop_timer_new(f.loop, abort_it, &r);
        loop_timer_set(t, 20);
        loop_run(f.loop);
        assert_int_equal(r.outcome.result, TRANSFER_ABORTED);
        assert_true(s.reset);
        transfer_free(r.transfer);
        loop_timer_free(t);
        client_start(&c);
        end_stream(&s, &c);
        assert_false(c.saw_end); /* reset, not FIN */
        text_free(&c.bytes);
    }
}

/* ---- what waits in the kernel ---- */

struct slow_reader {
    struct run run;
    struct client client;
    struct stream *stream;
    bool was_short, is_short;
    size_t got;
};

enum { READ_AT_A_TIME = 64 * 1024 };

static void slow_look(void *context)
{
    struct slow_reader *r = context;
    static char bytes[READ_AT_A_TIME];
    int queue = 0;
    socklen_t len = sizeof queue;
    assert_int_equal(getsockopt(r->stream->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &queue, &len), 0);
    r->is_short = queue != 0;
    r->was_short |= r->is_short;
    ssize_t got = recv(r->client.peer.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    r->got += got > 0 ? (size_t)got : 0;
    loop_timer_set(r->run.timer, 1);
}

/* Where the kernel paces, little waits in it; not for a reader who is slower than we are, nor where it does not. */
static void test_short_queue(void **state)
{
    (void)state;
    static const struct {
        const char *label, *congestion;
        bool is_paced;
        uint64_t size; /* as the broker told, 0 unknown */
        bool want;
    } cases[] = {
        { "not paced", "reno", false, MUCH_BYTES, false },
        { "paced", "bbr", true, MUCH_BYTES, true },
        { "paced, of a size that nobody knows", "bbr", true, 0, false },
    };
    OWNED_TEXT_BUFFER bytes = { 0 };
    pattern(&bytes, MUCH_BYTES, true);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        struct stream s;
        int size = READ_AT_A_TIME;
        struct slow_reader r = { .client = { .cover = CLEAR, .reads = true }, .stream = &s };
        client_connect(&r.client, &s);
        setsockopt(r.client.peer.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        bool is_there = setsockopt(s.fd, IPPROTO_TCP, TCP_CONGESTION, cases[i].congestion,
                                   (socklen_t)strlen(cases[i].congestion)) == 0;
        if (!is_there)
            print_message("    this kernel has no %s\n", cases[i].congestion);
        struct transfer_config config = { .kind = TRANSFER_DOWNLOAD, .file = temp_file(text_slice(&bytes)),
                                          .size = cases[i].size, .timeout_ms = 20000, .done = run_done, .context = &r.run };
        assert_int_equal(stream_is_paced(&s), is_there && cases[i].is_paced);
        assert_int_equal(transfer_start(f.hub, &s, &config, &r.run.transfer), 0);
        r.run.timer = loop_timer_new(f.loop, slow_look, &r);
        loop_timer_set(r.run.timer, 1);
        loop_run(f.loop);
        assert_int_equal(r.run.outcome.result, TRANSFER_DONE);
        assert_true(r.got > 0);
        assert_int_equal(r.was_short, is_there && cases[i].want);
        assert_false(r.is_short); /* the reader is slow */
        transfer_free(r.run.transfer);
        loop_timer_free(r.run.timer);
        stream_close(&s);
        peer_close(&r.client.peer);
    }
}

/* ---- segments ---- */

static int held(const struct stream *s)
{
    int on = -1;
    socklen_t len = sizeof on;
    assert_int_equal(getsockopt(s->fd, IPPROTO_TCP, TCP_CORK, &on, &len), 0);
    return on;
}

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
    assert_int_equal(transfer_start(f.hub, &s, &config, &r.transfer), 0);
    struct loop_timer *t = loop_timer_new(f.loop, stop_loop, NULL);
    loop_timer_set(t, 20);
    loop_run(f.loop); /* nobody reads */
    assert_int_equal(r.done, 0);
    assert_int_equal(held(&s), 0);
    transfer_free(r.transfer);
    loop_timer_free(t);
    stream_close(&s);
    peer_close(&c.peer);
}

static void test_free_without_end(void **state)
{
    (void)state;
    struct stream s;
    struct client c = { .cover = TLS13, .reads = true };
    struct run r = { 0 };
    client_connect(&c, &s);
    struct transfer_config config = { .kind = TRANSFER_DOWNLOAD, .file = temp_file(SLICE_LITERAL("x")),
                                      .done = run_done, .context = &r };
    assert_int_equal(transfer_start(f.hub, &s, &config, &r.transfer), 0);
    transfer_free(r.transfer);
    struct loop_timer *t = loop_timer_new(f.loop, stop_loop, NULL);
    loop_timer_set(t, 20);
    loop_run(f.loop);
    assert_int_equal(r.done, 0);
    assert_true(s.reset);
    loop_timer_free(t);
    stream_close(&s);
    peer_close(&c.peer);
}

/* ---- listings ---- */

static void feed_next(void *context)
{
    struct run *r = context;
    const char *chunk = r->chunks[r->fed++];
    bool last = r->chunks[r->fed] == NULL;
    assert_int_equal(transfer_feed(r->transfer, slice_str(chunk), last), 0);
    assert_int_equal(transfer_feed(r->transfer, slice_str(chunk), last), ERR_STATE);
}

static void more(void *context)
{
    struct run *r = context;
    if (r->later)
        loop_timer_set(r->timer, 5); /* the broker answers later */
    else
        feed_next(r);
}

static const struct {
    const char *label, *chunks[5], *want;
} listings[] = {
    { "nothing in the directory", { "" },                               "" },
    { "one chunk",                { "a\r\n" },                          "a\r\n" },
    { "three chunks",             { "a\r\n", "b\r\n", "c\r\n" },        "a\r\nb\r\nc\r\n" },
    { "an empty one between",     { "a\r\n", "", "c\r\n" },             "a\r\nc\r\n" },
    { "an empty one at the end",  { "a\r\n", "" },                      "a\r\n" },
};

static void test_listings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(listings); i++)
        for (int variant = 0; variant < 2 * COVER_COUNT; variant++) {
            CASE_LABEL(&listings[i]);
            struct stream s;
            struct client down = { .cover = (enum cover)(variant >> 1), .reads = true };
            struct run r = { .chunks = listings[i].chunks, .later = variant & 1 };
            r.timer = loop_timer_new(f.loop, feed_next, &r);
            client_connect(&down, &s);
            client_start(&down);
            struct transfer_config config = { .kind = TRANSFER_LISTING, .file = -1, .more = more, .done = run_done,
                                              .context = &r, .timeout_ms = 5000 };
            assert_int_equal(transfer_start(f.hub, &s, &config, &r.transfer), 0);
            more(&r);
            loop_run(f.loop);
            assert_int_equal(r.outcome.result, TRANSFER_DONE);
            assert_int_equal(r.outcome.wire_bytes, strlen(listings[i].want));
            transfer_free(r.transfer);
            loop_timer_free(r.timer);
            end_stream(&s, &down);
            assert_true(down.saw_end);
            assert_true(slice_equal_str(text_slice(&down.bytes), listings[i].want));
            text_free(&down.bytes);
        }
}

static void be_busy(void *context)
{
    (void)context;
    usleep(450000);
}

static const struct {
    const char *label;
    int64_t busy_ms, fed_ms; /* when; 0 never */
} broker_waits[] = {
    { "the answer comes later than the time-out",                       0,   500 },
    { "it is handled late, just before an overdue look at the clocks",  212, 225 },
};

/* Our own broker being slow is not the client's fault. */
static void test_waiting_for_the_broker_is_no_time_out(void **state)
{
    (void)state;
    static const char *const chunks[] = { "a\r\n", NULL };
    for (size_t i = 0; i < COUNT_OF(broker_waits); i++) {
        CASE_LABEL(&broker_waits[i]);
        struct stream s;
        struct client down = { .cover = CLEAR, .reads = true };
        struct run r = { .chunks = chunks };
        r.timer = loop_timer_new(f.loop, feed_next, &r);
        client_connect(&down, &s);
        client_start(&down);
        struct transfer_config config = { .kind = TRANSFER_LISTING, .file = -1, .more = more, .done = run_done,
                                          .context = &r, .timeout_ms = 400, .min_bytes_per_second = 240,
                                          .rate_window_ms = 400 };
        assert_int_equal(transfer_start(f.hub, &s, &config, &r.transfer), 0);
        struct loop_timer *busy = loop_timer_new(f.loop, be_busy, NULL);
        if (broker_waits[i].busy_ms)
            loop_timer_set(busy, broker_waits[i].busy_ms);
        loop_timer_set(r.timer, broker_waits[i].fed_ms);
        loop_run(f.loop);
        assert_int_equal(r.outcome.result, TRANSFER_DONE);
        transfer_free(r.transfer);
        loop_timer_free(busy);
        loop_timer_free(r.timer);
        end_stream(&s, &down);
        text_free(&down.bytes);
    }
}

static void test_every_failure_has_a_reply(void **state)
{
    (void)state;
    assert_null(transfer_result_reply(TRANSFER_DONE, 0));
    assert_null(transfer_result_reply(TRANSFER_RESULT_COUNT, 0));
    for (unsigned result = TRANSFER_DONE + 1; result < TRANSFER_RESULT_COUNT; result++) {
        const struct data_reply *reply = transfer_result_reply((enum transfer_result)result, ERR_IO);
        assert_non_null(reply);
        assert_true(reply->code >= 400 && reply->code < 600 && reply->text[0]);
    }
    assert_int_equal(transfer_result_reply(TRANSFER_DISK, ERR_QUOTA)->code, 552);
}

/* ---- bandwidth ---- */

enum { PACED = 300000, PACE = 1000000 }; /* bytes, bytes a second: 300 ms, of which a burst may take 100 */

static const struct {
    const char *label;
    enum transfer_kind kind;
    enum cover cover;
    bool ascii;
} paced_cases[] = {
    { "download, sendfile",     TRANSFER_DOWNLOAD, CLEAR, false },
    { "download, TYPE A",       TRANSFER_DOWNLOAD, CLEAR, true },
    { "download, TLS",          TRANSFER_DOWNLOAD, TLS13, false },
    { "download, TLS, TYPE A",  TRANSFER_DOWNLOAD, TLS12, true },
    { "upload",                 TRANSFER_UPLOAD,   CLEAR, false },
    { "upload, TYPE A",         TRANSFER_UPLOAD,   CLEAR, true },
    { "upload, TLS",            TRANSFER_UPLOAD,   TLS13, false },
};

static void test_paces(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER bytes = { 0 }, wire = { 0 }, stored = { 0 };
    for (size_t i = 0; i < COUNT_OF(paced_cases); i++) {
        CASE_LABEL(&paced_cases[i]);
        bool up = paced_cases[i].kind == TRANSFER_UPLOAD, ascii = paced_cases[i].ascii;
        tally_time clock = 0, faster = 0;
        struct stream s;
        struct client c = { .cover = paced_cases[i].cover, .reads = !up };
        pattern(&bytes, PACED, !ascii);
        with_crlf(text_slice(&bytes), &wire);
        struct slice want = ascii ? text_slice(&wire) : text_slice(&bytes);
        if (up)
            text_add(&c.bytes, want);
        int file = temp_file(up ? SLICE_NONE : text_slice(&bytes));
        client_connect(&c, &s);
        client_start(&c);
        int64_t begun = tally_now();
        struct transfer_outcome o = run_transfer(
            &s, (struct transfer_config){ .kind = paced_cases[i].kind, .ascii = ascii, .file = dup(file), .timeout_ms = 20000,
                                          .min_bytes_per_second = 2 * PACE, .rate_window_ms = 100, /* not the peer's fault */
                                          .paces = { { &clock, PACE }, { &faster, 5 * PACE } } });
        assert_int_equal(o.result, TRANSFER_DONE);
        assert_int_equal(o.file_bytes, PACED);
        assert_true(o.elapsed_ms >= 180);
        assert_true((int64_t)clock - begun >= 150000000); /* what was not used has been given back, what was used has not */
        assert_true(tally_ahead(&clock, tally_now()) < 60000000);
        end_stream(&s, &c);
        file_content(file, &stored);
        assert_true(slice_equal(text_slice(&stored), text_slice(&bytes)));
        if (!up)
            assert_true(slice_equal(text_slice(&c.bytes), want));
        text_free(&c.bytes);
        close(file);
    }
}

static void both_done(void *context, const struct transfer_outcome *outcome)
{
    struct run *r = context;
    r->outcome = *outcome;
    r->done++;
    static unsigned ended;
    if (++ended % 2 == 0)
        loop_stop(f.loop);
}

/* Two that share a clock take turns: they end together, and take as long as both need. */
static void test_sharing_a_pace(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER bytes = { 0 };
    tally_time clock = 0;
    struct stream s[2];
    struct client c[2] = { { .reads = true }, { .reads = true } };
    struct run r[2] = { { 0 }, { 0 } };
    pattern(&bytes, PACED, true);
    for (int i = 0; i < 2; i++) {
        client_connect(&c[i], &s[i]);
        client_start(&c[i]);
        const struct transfer_config config = { .kind = TRANSFER_DOWNLOAD, .file = temp_file(text_slice(&bytes)),
                                                .paces = { { &clock, PACE } }, .done = both_done, .context = &r[i] };
        assert_int_equal(transfer_start(f.hub, &s[i], &config, &r[i].transfer), 0);
    }
    loop_run(f.loop);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(r[i].done, 1);
        assert_int_equal(r[i].outcome.result, TRANSFER_DONE);
        assert_true(r[i].outcome.elapsed_ms >= 350);
        transfer_free(r[i].transfer);
        end_stream(&s[i], &c[i]);
        text_free(&c[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size_D20),
        cmocka_unit_test(test_far_offsets_D20),
        cmocka_unit_test(test_cold_file),
        cmocka_unit_test(test_much_at_a_time),
        cmocka_unit_test(test_waits_for_much),
        cmocka_unit_test(test_short_queue),
        cmocka_unit_test(test_upload_endings),
        cmocka_unit_test(test_reader_that_goes_away),
        cmocka_unit_test(test_reader_that_never_reads_D16),
        cmocka_unit_test(test_too_slow_P31),
        cmocka_unit_test(test_disk_errors_H02),
        cmocka_unit_test(test_file_size_limit_H02),
        cmocka_unit_test(test_unreadable_file),
        cmocka_unit_test(test_abort_P18),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_full_socket_is_let_go),
        cmocka_unit_test(test_free_without_end),
        cmocka_unit_test(test_listings),
        cmocka_unit_test(test_waiting_for_the_broker_is_no_time_out),
        cmocka_unit_test(test_paces),
        cmocka_unit_test(test_sharing_a_pace),
        cmocka_unit_test(test_every_failure_has_a_reply),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

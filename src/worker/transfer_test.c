/*
 * transfer_test.c - what arrives, and how a transfer ends.
 */
#include "worker/transfer_priv.h"
#include "worker/transfer_world.h"

#include "base/clock.h"
#include "policy/win_error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

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

/* From here on a file is not in memory, until somebody waits for it. */
static off_t cold_from = INT64_MAX;

/* Stands in for the one of the C library. */
ssize_t preadv2(int file, const struct iovec *into, int count, off_t at, int flags)
{
    if (cold_from == INT64_MAX)
        return syscall(SYS_preadv2, file, into, count, (long)at, (long)(at >> 32), flags);
    assert_int_equal(count, 1);
    if (!(flags & RWF_NOWAIT)) {
        cold_from = INT64_MAX;
    } else if (at >= cold_from) {
        errno = EAGAIN;
        return -1;
    }
    off_t warm = cold_from - at;
    return pread(file, into->iov_base, into->iov_len < (size_t)warm ? into->iov_len : (size_t)warm, at);
}

static const struct {
    const char *label;
    unsigned cold_quarter; /* of what was sent of the piece: here the file turns cold */
    bool is_cut;           /* there it ends, too */
    enum transfer_result want;
} forgotten[] = {
    { "all of the piece went cold", 0, false, TRANSFER_DONE },
    { "its last pages went cold",   1, false, TRANSFER_DONE },
    { "its last pages were cut",    1, true,  TRANSFER_DISK },
};

struct forget {
    struct run run;
    int file;
    size_t row;
    uint64_t seen; /* bytes sent when we last looked */
    struct client *client;
    struct loop_timer *timer;
};

static void take_some(struct client *c)
{
    enum { SOME = 100000 };
    ssize_t got = recv(c->peer.fd, text_room(&c->bytes, SOME), SOME, MSG_DONTWAIT);
    assert_true(got > 0);
    text_grown(&c->bytes, (size_t)got);
}

static void forget_pages(void *context)
{
    struct forget *f = context;
    const struct transfer *t = f->run.transfer;
    bool is_full = t->outcome.wire_bytes && t->outcome.wire_bytes == f->seen; /* the buffers on both sides */
    f->seen = t->outcome.wire_bytes;
    if (!is_full || !t->ascii_sent) {
        if (is_full)
            take_some(f->client); /* they end where a piece does */
        loop_timer_set(f->timer, 20);
        return;
    }
    cold_from = (off_t)(t->offset + t->ascii_sent / 4 * forgotten[f->row].cold_quarter);
    if (forgotten[f->row].is_cut)
        assert_int_equal(ftruncate(f->file, cold_from), 0);
    client_start(f->client);
}

/* What a slow reader has left of a piece is read again, long after. */
static void test_piece_that_went_cold(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER bytes = { 0 }, wire = { 0 };
    pattern(&bytes, 20000000, false);
    with_crlf(text_slice(&bytes), &wire);
    for (size_t i = 0; i < COUNT_OF(forgotten); i++) {
        CASE_LABEL(&forgotten[i]);
        struct stream s;
        struct client down = { .cover = CLEAR, .reads = true };
        client_connect(&down, &s);
        assert_int_equal(setsockopt(s.fd, SOL_SOCKET, SO_SNDBUF, &(int){ 40000 }, sizeof(int)), 0); /* less than a piece */
        struct forget f = { .file = temp_file(text_slice(&bytes)), .row = i, .client = &down };
        struct transfer_config config = { .kind = TRANSFER_DOWNLOAD, .ascii = true, .file = dup(f.file), .size = bytes.len,
                                          .done = run_done, .context = &f.run };
        assert_int_equal(transfer_start(world.hub, &s, &config, &f.run.transfer), 0);
        f.timer = loop_timer_new(world.loop, forget_pages, &f);
        loop_timer_set(f.timer, 20);
        loop_run(world.loop);
        assert_int_equal(cold_from, INT64_MAX);
        assert_int_equal(f.run.outcome.result, forgotten[i].want);
        transfer_free(f.run.transfer);
        loop_timer_free(f.timer);
        end_stream(&s, &down);
        if (forgotten[i].want == TRANSFER_DONE)
            assert_true(slice_equal(text_slice(&down.bytes), text_slice(&wire)));
        text_free(&down.bytes);
        close(f.file);
    }
}

/* ---- files that grow ---- */

enum { GROWN_SIZE = 100000 };

static const struct {
    const char *label;
    uint64_t offset;
    bool ascii;
} grown[] = {
    { "all of it, TYPE I",          0,              false },
    { "all of it, TYPE A",          0,              true },
    { "from the last byte, TYPE I", GROWN_SIZE - 1, false },
    { "from the last byte, TYPE A", GROWN_SIZE - 1, true },
    { "from the end, TYPE I",       GROWN_SIZE,     false },
    { "from the end, TYPE A",       GROWN_SIZE,     true },
};

/* What is added between the opening and the transfer does not belong to it. */
static void test_ends_where_the_file_ended(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER bytes = { 0 }, wire = { 0 };
    pattern(&bytes, 3 * GROWN_SIZE, false);
    for (size_t i = 0; i < COUNT_OF(grown); i++)
        for (int cover = CLEAR; cover < COVER_COUNT; cover++) {
            CASE_LABEL(&grown[i]);
            struct slice want = slice_from(slice_first(text_slice(&bytes), GROWN_SIZE), (size_t)grown[i].offset);
            if (grown[i].ascii) {
                with_crlf(want, &wire);
                want = text_slice(&wire);
            }
            struct stream s;
            struct client down = { .cover = (enum cover)cover, .reads = true };
            client_connect(&down, &s);
            client_start(&down);
            struct transfer_outcome o = run_transfer(
                &s, (struct transfer_config){ .kind = TRANSFER_DOWNLOAD, .ascii = grown[i].ascii, .timeout_ms = 20000,
                                              .file = temp_file(text_slice(&bytes)), .offset = grown[i].offset,
                                              .size = GROWN_SIZE });
            assert_int_equal(o.result, TRANSFER_DONE);
            assert_int_equal(o.wire_bytes, want.len);
            end_stream(&s, &down);
            assert_true(down.saw_end);
            assert_true(slice_equal(text_slice(&down.bytes), want));
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
        int64_t begun = clock_ms();
        struct transfer_outcome o = run_transfer(
            &s, (struct transfer_config){ .kind = TRANSFER_UPLOAD, .file = temp_file(SLICE_NONE),
                                          .timeout_ms = upload_endings[i].want == TRANSFER_TIMED_OUT ? 150 : 20000,
                                          .require_close_notify = upload_endings[i].strict });
        assert_int_equal(o.result, upload_endings[i].want);
        assert_int_equal(s.reset, o.result != TRANSFER_DONE);
        if (o.result == TRANSFER_TIMED_OUT)
            assert_true(clock_ms() - begun >= 150 && clock_ms() - begun < 5000);
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
        int64_t begun = clock_ms();
        struct transfer_outcome o = run_transfer(
            &s, (struct transfer_config){ .kind = TRANSFER_DOWNLOAD, .file = temp_file(text_slice(&bytes)),
                                          .timeout_ms = 200 });
        assert_int_equal(o.result, TRANSFER_TIMED_OUT);
        assert_true(clock_ms() - begun >= 200 && clock_ms() - begun < 10000);
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
    drip.timer = loop_timer_new(world.loop, send_one_byte, &drip);
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
    end_stream(&s, &up);
    OWNED_TEXT_BUFFER stored = { 0 };
    file_content(file, &stored);
    assert_true(slice_equal(text_slice(&stored), slice_first(text_slice(&up.bytes), 100000))); /* H11: a short write before */
    text_free(&up.bytes);
    close(file);
}

struct cut {
    struct run run;
    int file;
    struct client *client;
    struct loop_timer *timer;
};

static void cut_the_file(void *context)
{
    struct cut *c = context;
    if (!c->run.transfer->pending) { /* until the client's buffers are full */
        loop_timer_set(c->timer, 5);
        return;
    }
    assert_int_equal(ftruncate(c->file, (off_t)c->run.transfer->offset), 0);
    client_start(c->client);
}

/* OpenSSL wants the record that waits offered again, and its bytes are gone. */
static void test_file_cut_under_a_record(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER bytes = { 0 };
    pattern(&bytes, 30000000, false);
    for (int variant = 2 * TLS12; variant < 2 * COVER_COUNT; variant++) {
        struct stream s;
        struct client down = { .cover = (enum cover)(variant >> 1), .reads = true };
        client_connect(&down, &s);
        assert_int_equal(setsockopt(s.fd, SOL_SOCKET, SO_SNDBUF, &(int){ 40000 }, sizeof(int)), 0); /* less than is written at a time */
        struct cut cut = { .file = temp_file(text_slice(&bytes)), .client = &down };
        struct transfer_config config = { .kind = TRANSFER_DOWNLOAD, .ascii = variant & 1, .file = dup(cut.file),
                                          .done = run_done, .context = &cut.run };
        assert_int_equal(transfer_start(world.hub, &s, &config, &cut.run.transfer), 0);
        cut.timer = loop_timer_new(world.loop, cut_the_file, &cut);
        loop_timer_set(cut.timer, 5);
        loop_run(world.loop);
        assert_int_equal(cut.run.outcome.result, TRANSFER_DISK);
        assert_int_equal(cut.run.outcome.err, ERR_IO);
        transfer_free(cut.run.transfer);
        loop_timer_free(cut.timer);
        end_stream(&s, &down);
        assert_false(down.saw_end);
        text_free(&down.bytes);
        close(cut.file);
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
        assert_int_equal(transfer_start(world.hub, &s, &config, &r.transfer), 0);
        struct loop_timer *t = loop_timer_new(world.loop, abort_it, &r);
        loop_timer_set(t, 20);
        loop_run(world.loop);
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

static void test_free_without_end(void **state)
{
    (void)state;
    struct stream s;
    struct client c = { .cover = TLS13, .reads = true };
    struct run r = { 0 };
    client_connect(&c, &s);
    struct transfer_config config = { .kind = TRANSFER_DOWNLOAD, .file = temp_file(SLICE_LITERAL("x")),
                                      .done = run_done, .context = &r };
    assert_int_equal(transfer_start(world.hub, &s, &config, &r.transfer), 0);
    transfer_free(r.transfer);
    struct loop_timer *t = loop_timer_new(world.loop, stop_loop, NULL);
    loop_timer_set(t, 20);
    loop_run(world.loop);
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
    struct text chunk = { 0 };
    text_add_str(&chunk, r->chunks[r->fed++]);
    bool last = r->chunks[r->fed] == NULL;
    assert_int_equal(transfer_feed(r->transfer, &chunk, last), 0);
    assert_null(chunk.ptr);
    assert_int_equal(transfer_feed(r->transfer, &chunk, last), ERR_STATE);
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
            r.timer = loop_timer_new(world.loop, feed_next, &r);
            client_connect(&down, &s);
            client_start(&down);
            struct transfer_config config = { .kind = TRANSFER_LISTING, .file = -1, .more = more, .done = run_done,
                                              .context = &r, .timeout_ms = 5000 };
            assert_int_equal(transfer_start(world.hub, &s, &config, &r.transfer), 0);
            more(&r);
            loop_run(world.loop);
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
        r.timer = loop_timer_new(world.loop, feed_next, &r);
        client_connect(&down, &s);
        client_start(&down);
        struct transfer_config config = { .kind = TRANSFER_LISTING, .file = -1, .more = more, .done = run_done,
                                          .context = &r, .timeout_ms = 400, .min_bytes_per_second = 240,
                                          .rate_window_ms = 400 };
        assert_int_equal(transfer_start(world.hub, &s, &config, &r.transfer), 0);
        struct loop_timer *busy = loop_timer_new(world.loop, be_busy, NULL);
        if (broker_waits[i].busy_ms)
            loop_timer_set(busy, broker_waits[i].busy_ms);
        loop_timer_set(r.timer, broker_waits[i].fed_ms);
        loop_run(world.loop);
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
    static const int errs[] = {
#define E(name, value, text) value,
        ERR_LIST(E)
#undef E
    };
    for (unsigned result = TRANSFER_DONE + 1; result < TRANSFER_RESULT_COUNT; result++)
        for (size_t i = 0; i < COUNT_OF(errs); i++) {
            const struct data_reply *reply = transfer_result_reply((enum transfer_result)result, errs[i]);
            assert_non_null(reply);
            assert_true(reply->code >= 400 && reply->code < 600 && reply->text[0]);
            if (!win_error_text(reply->win32)[0]) /* an empty line in the details */
                fail_msg("no text for %u", reply->win32);
        }
    assert_int_equal(transfer_result_reply(TRANSFER_DISK, ERR_QUOTA)->code, 552);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size_D20),
        cmocka_unit_test(test_far_offsets_D20),
        cmocka_unit_test(test_cold_file),
        cmocka_unit_test(test_piece_that_went_cold),
        cmocka_unit_test(test_ends_where_the_file_ended),
        cmocka_unit_test(test_upload_endings),
        cmocka_unit_test(test_reader_that_goes_away),
        cmocka_unit_test(test_reader_that_never_reads_D16),
        cmocka_unit_test(test_too_slow_P31),
        cmocka_unit_test(test_disk_errors_H02),
        cmocka_unit_test(test_file_size_limit_H02),
        cmocka_unit_test(test_unreadable_file),
        cmocka_unit_test(test_file_cut_under_a_record),
        cmocka_unit_test(test_abort_P18),
        cmocka_unit_test(test_free_without_end),
        cmocka_unit_test(test_listings),
        cmocka_unit_test(test_waiting_for_the_broker_is_no_time_out),
        cmocka_unit_test(test_every_failure_has_a_reply),
    };
    return cmocka_run_group_tests(tests, world_begin, world_end);
}

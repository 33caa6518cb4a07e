/*
 * transfer.c - moving bytes between a file (or a listing) and a data stream.
 *
 *              fed, pages are there           last byte               FIN is out
 *   HUNGRY, COLD ------------------> MOVING ------------> CLOSING -----------------> OVER
 *        ^______chunk sent, page cold___|  |___upload: the peer has ended____________^
 *   any: failed, aborted -> OVER
 *
 * MOVING calls the transfer's step function until it would block or TURN_BYTES are through; the rest waits for the next
 * turn of the loop.  CLOSING exists for downloads: close_notify and FIN go out before 226 is said (threats.md D13).
 * HUNGRY waits for a listing's next chunk, COLD for the disk.
 *
 * Nothing is kept between turns but offsets: what the socket did not take is read again from the page cache.  OpenSSL
 * wants to be offered the same bytes again after ERR_AGAIN; it looks at the length only, its record is already sealed.
 *
 * Cold files: pages are asked for with preadv2(RWF_NOWAIT), which says EAGAIN instead of waiting for the disk; then
 * they are read ahead (posix_fadvise) and asked for again a little later.  sendfile has no such flag, so the first and
 * last byte of the window it may send are asked for before.  A window that stays cold for COLD_TRIES is read blocking:
 * a page that cannot be read never becomes warm, and the error must come out.  What remains: file systems without
 * RWF_NOWAIT block for up to one window, and writes block when the kernel throttles writers.
 *
 * Time: a tick compares what the peer has acknowledged (not what the kernel took in; a full send buffer of a slow
 * reader is progress at the reader's pace) with the last tick.  Waiting for our own disk or broker is not the peer's
 * fault and stops both clocks.
 */
#include "worker/transfer.h"

#include "worker/ascii.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    TURN_BYTES = 1024 * 1024, /* per transfer and turn of the loop */
    WINDOW = 512 * 1024,      /* probed, then sent, by sendfile */
    BATCH = 256 * 1024,       /* read and sealed at a time under TLS */
    ASCII_BATCH = 64 * 1024,
    AHEAD = 4 * WINDOW,       /* asked for once a file has proved cold */
    COLD_TRIES = 40,
    RATE_WINDOW_MS = 10000,
    TLS_RECORD = 16384,
};

enum state { MOVING, HUNGRY, COLD, CLOSING, OVER, STATE_COUNT };
enum event { ON_FED, ON_WARM, ON_CHUNK_SENT, ON_COLD, ON_LAST_BYTE, ON_PEER_END, ON_CLOSED, ON_FAILED, ON_ABORT };

/* What one step did; STEP_MORE: call again. */
enum step { STEP_MORE, STEP_WAIT, STEP_CHUNK_SENT, STEP_COLD, STEP_LAST_BYTE, STEP_PEER_END, STEP_FAILED };

struct transfer {
    struct data_hub *hub;
    struct stream *stream;
    struct transfer_config config;
    enum step (*step)(struct transfer *t);
    enum state state;
    struct loop_io *io;
    struct loop_timer *kick, *tick; /* kick: go on without readiness; tick: time-outs */
    struct transfer_outcome outcome;
    int64_t started;

    /* downloads */
    uint64_t offset, warm_until, asked_until;
    unsigned cold_tries;
    bool seen_cold, cannot_probe;
    size_t pending;          /* at least so many bytes must be offered again (TLS) */
    struct ascii_out ascii_out;
    size_t ascii_sent;       /* of the converted bytes at `offset` */

    /* uploads */
    struct ascii_in ascii_in;

    /* listings */
    char *chunk;
    size_t chunk_len, chunk_at;
    bool last_chunk;

    /* time */
    uint64_t seen_bytes, rate_bytes;
    int64_t seen_at, rate_since;
};

/*   result                      code  text                                            sub  Win32 */
static const struct data_reply replies[TRANSFER_RESULT_COUNT] = {
    [TRANSFER_ABORTED] =      { 426, "Connection closed; transfer aborted.",           20, 1236 },
    [TRANSFER_PEER_ABORTED] = { 426, "Connection closed; transfer aborted.",           23, 64 },
    [TRANSFER_TRUNCATED] =    { 426, "TLS data connection ended without close_notify.", 23, 64 },
    [TRANSFER_TLS_FAILED] =   { 426, "TLS failed on the data connection.",             22, 64 },
    [TRANSFER_DISK] =         { 451, "The request could not be performed because of an I/O device error. ", 3, 1117 },
    [TRANSFER_TIMED_OUT] =    { 426, "Data channel timed out.",                        15, 121 },
    [TRANSFER_TOO_SLOW] =     { 425, "Data channel timed out due to not meeting the minimum bandwidth requirement.",
                                50, 121 },
};

/* Refinements of TRANSFER_DISK (threats.md H02). */
static const struct {
    int err;
    struct data_reply reply;
} disk_replies[] = {
    { ERR_NO_SPACE, { 452, "There is not enough space on the disk. ",                            3, 112 } },
    { ERR_QUOTA,    { 552, "There is not enough space on the disk. ",                            3, 112 } },
    { ERR_TOO_BIG,  { 552, "The file size exceeds the limit allowed and cannot be saved. ",      3, 223 } },
    { ERR_DENIED,   { 550, "Access is denied. ",                                                 2, 5 } },
};

const struct data_reply *transfer_result_reply(enum transfer_result result, int err)
{
    if (result == TRANSFER_DISK)
        for (size_t i = 0; i < sizeof disk_replies / sizeof disk_replies[0]; i++)
            if (disk_replies[i].err == err)
                return &disk_replies[i].reply;
    return result < TRANSFER_RESULT_COUNT && replies[result].code ? &replies[result] : NULL;
}

/* ---- the machine ---- */

static void run(struct transfer *t);
static void wait_for_stream(struct transfer *t);
static void wait_for_disk(struct transfer *t);
static void ask_for_more(struct transfer *t);
static void close_stream(struct transfer *t);
static void go_on(struct transfer *t);
static void finish(struct transfer *t);

static const struct move {
    unsigned from; /* bits of states */
    enum event event;
    enum state to;
    void (*act)(struct transfer *t);
} moves[] = {
    { 1u << HUNGRY,                            ON_FED,        MOVING,  go_on },
    { 1u << COLD,                              ON_WARM,       MOVING,  run },
    { 1u << MOVING,                            ON_CHUNK_SENT, HUNGRY,  ask_for_more },
    { 1u << MOVING,                            ON_COLD,       COLD,    wait_for_disk },
    { 1u << MOVING,                            ON_LAST_BYTE,  CLOSING, close_stream },
    { 1u << MOVING,                            ON_PEER_END,   OVER,    finish },
    { 1u << CLOSING,                           ON_CLOSED,     OVER,    finish },
    { ~(1u << OVER),                           ON_FAILED,     OVER,    finish },
    { ~(1u << OVER),                           ON_ABORT,      OVER,    finish },
};

/* Make the move for `event`; false when it is not legal now.  `t` may be gone afterwards. */
static bool happen(struct transfer *t, enum event event)
{
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++)
        if (moves[i].event == event && moves[i].from & 1u << t->state) {
            t->state = moves[i].to;
            moves[i].act(t);
            return true;
        }
    return false;
}

static void fail(struct transfer *t, enum transfer_result result, int err)
{
    t->outcome.result = result;
    t->outcome.err = err;
    happen(t, ON_FAILED);
}

/* The same inside a step, whose caller makes the move. */
static enum step step_fails(struct transfer *t, enum transfer_result result, int err)
{
    t->outcome.result = result;
    t->outcome.err = err;
    return STEP_FAILED;
}

static enum step disk_fails(struct transfer *t, int errnum)
{
    int err = err_from_errno(errnum);
    return step_fails(t, TRANSFER_DISK, err == ERR_SYS || err == ERR_RANGE ? ERR_IO : err);
}

static enum step stream_fails(struct transfer *t, int err)
{
    if (err == ERR_AGAIN)
        return STEP_WAIT;
    return step_fails(t, err == ERR_SYNTAX ? TRANSFER_TLS_FAILED : TRANSFER_PEER_ABORTED, 0);
}

static void finish(struct transfer *t)
{
    loop_io_close(t->io);
    t->io = NULL;
    loop_timer_clear(t->kick);
    loop_timer_clear(t->tick);
    if (t->config.file >= 0 && close(t->config.file) != 0 && t->config.kind == TRANSFER_UPLOAD &&
        t->outcome.result == TRANSFER_DONE) { /* some file systems say only now that the disk is full */
        t->outcome.result = TRANSFER_DISK;
        t->outcome.err = err_from_errno(errno);
    }
    t->config.file = -1;
    t->stream->reset |= t->outcome.result != TRANSFER_DONE;
    t->outcome.elapsed_ms = loop_now(data_hub_loop(t->hub)) - t->started;
    t->config.done(t->config.context, &t->outcome);
}

/* ---- sending ---- */

static void sent(struct transfer *t, size_t wire, size_t file)
{
    t->outcome.wire_bytes += wire;
    t->outcome.file_bytes += file;
}

/* Whether the byte at `at` can be read without waiting for the disk. */
static bool is_warm(struct transfer *t, uint64_t at)
{
    char byte;
    struct iovec one = { &byte, 1 };
    ssize_t got = preadv2(t->config.file, &one, 1, (off_t)at, RWF_NOWAIT);
    if (got < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
        t->cannot_probe = true;
    return got >= 0 || errno != EAGAIN; /* other errors: let the real read tell */
}

static void read_ahead(struct transfer *t)
{
    t->seen_cold = true;
    if (t->asked_until < t->offset)
        t->asked_until = t->offset;
    uint64_t until = t->offset + AHEAD;
    if (until - t->asked_until < WINDOW || until > INT64_MAX)
        return;
    posix_fadvise(t->config.file, (off_t)t->asked_until, (off_t)(until - t->asked_until), POSIX_FADV_WILLNEED);
    t->asked_until = until;
}

/* False: come back when the disk has delivered. */
static bool window_is_warm(struct transfer *t)
{
    if (t->offset < t->warm_until || t->cannot_probe)
        return true;
    struct stat st;
    uint64_t end = t->offset + WINDOW;
    if (fstat(t->config.file, &st) == 0 && (uint64_t)st.st_size < end)
        end = (uint64_t)st.st_size;
    if (t->seen_cold)
        read_ahead(t);
    bool warm = end <= t->offset || t->cold_tries >= COLD_TRIES ||
                (is_warm(t, t->offset) && is_warm(t, end - 1));
    if (!warm) {
        read_ahead(t);
        return false;
    }
    t->cold_tries = 0;
    t->warm_until = end > t->offset ? end : t->offset + 1; /* at the end let sendfile say so */
    return true;
}

static enum step send_read(struct transfer *t);

static enum step send_file(struct transfer *t)
{
    if (!window_is_warm(t))
        return STEP_COLD;
    uint64_t most = t->warm_until > t->offset ? t->warm_until - t->offset : WINDOW;
    size_t put = 0;
    int err = stream_sendfile(t->stream, t->config.file, &t->offset, most < WINDOW ? (size_t)most : WINDOW, &put);
    if (!err) {
        sent(t, put, put);
        return STEP_MORE;
    }
    if (err == ERR_CLOSED)
        return STEP_LAST_BYTE;
    if (err == ERR_SYS)
        return disk_fails(t, errno);
    if (err == ERR_UNSUPPORTED) { /* not every file system can splice */
        t->step = send_read;
        return STEP_MORE;
    }
    return stream_fails(t, err);
}

/* Read from the file without waiting if possible; *got_out 0 at its end. */
static enum step read_file(struct transfer *t, char *buffer, size_t size, size_t *got_out)
{
    if (t->offset > INT64_MAX - size)
        return step_fails(t, TRANSFER_DISK, ERR_TOO_BIG);
    if (t->seen_cold)
        read_ahead(t);
    bool wait = t->pending || t->cannot_probe || t->cold_tries >= COLD_TRIES;
    struct iovec into = { buffer, size };
    ssize_t got;
    do
        got = preadv2(t->config.file, &into, 1, (off_t)t->offset, wait ? 0 : RWF_NOWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0 && !wait && errno == EAGAIN) {
        read_ahead(t);
        return STEP_COLD;
    }
    if (got < 0 && !wait && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)) {
        t->cannot_probe = true;
        return read_file(t, buffer, size, got_out);
    }
    if (got < 0)
        return disk_fails(t, errno);
    t->cold_tries = 0;
    *got_out = (size_t)got;
    return STEP_MORE;
}

/* stream_write with the memory that OpenSSL asks of us. */
static int offer(struct transfer *t, struct slice bytes, size_t *put_out)
{
    if (bytes.len < t->pending) /* the file was cut under us while a record waits */
        return ERR_IO;
    int err = stream_write(t->stream, bytes, put_out);
    t->pending = err != ERR_AGAIN || !stream_is_tls(t->stream) ? 0 : bytes.len < TLS_RECORD ? bytes.len : TLS_RECORD;
    return err;
}

static enum step send_read(struct transfer *t)
{
    char *buffer = data_hub_scratch(t->hub);
    size_t got = 0, put = 0;
    enum step read = read_file(t, buffer, BATCH, &got);
    if (read != STEP_MORE)
        return read;
    if (got == 0 && !t->pending)
        return STEP_LAST_BYTE;
    int err = offer(t, slice_of(buffer, got), &put);
    if (err)
        return stream_fails(t, err);
    t->offset += put;
    sent(t, put, put);
    return STEP_MORE;
}

static enum step send_ascii(struct transfer *t)
{
    char *buffer = data_hub_scratch(t->hub), *converted = buffer + ASCII_BATCH;
    size_t got = 0, put = 0;
    enum step read = read_file(t, buffer, ASCII_BATCH, &got);
    if (read != STEP_MORE)
        return read;
    if (got == 0 && !t->pending)
        return STEP_LAST_BYTE;
    struct ascii_out after = t->ascii_out;
    size_t len = ascii_to_wire(&after, slice_of(buffer, got), converted);
    if (len < t->ascii_sent)
        return step_fails(t, TRANSFER_DISK, ERR_IO);
    int err = offer(t, slice_from(slice_of(converted, len), t->ascii_sent), &put);
    if (err)
        return stream_fails(t, err);
    t->ascii_sent += put;
    sent(t, put, 0);
    if (t->ascii_sent == len) {
        t->offset += got;
        t->outcome.file_bytes += got;
        t->ascii_out = after;
        t->ascii_sent = 0;
    }
    return STEP_MORE;
}

static void drop_chunk(struct transfer *t)
{
    free(t->chunk);
    t->chunk = NULL;
    t->chunk_at = t->chunk_len = 0;
}

static enum step send_chunk(struct transfer *t)
{
    if (t->chunk_at == t->chunk_len) {
        drop_chunk(t);
        return t->last_chunk ? STEP_LAST_BYTE : STEP_CHUNK_SENT;
    }
    size_t put = 0;
    int err = stream_write(t->stream, slice_from(slice_of(t->chunk, t->chunk_len), t->chunk_at), &put);
    if (err)
        return stream_fails(t, err);
    t->chunk_at += put;
    sent(t, put, put);
    return STEP_MORE;
}

/* ---- receiving ---- */

/* 0, or an errno value. */
static int write_all(struct transfer *t, struct slice bytes)
{
    if (bytes.len > INT64_MAX - t->offset)
        return EFBIG;
    while (bytes.len) {
        ssize_t put = pwrite(t->config.file, bytes.ptr, bytes.len, (off_t)t->offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? errno : ENOSPC;
        bytes = slice_from(bytes, (size_t)put);
        t->offset += (uint64_t)put;
        t->outcome.file_bytes += (uint64_t)put;
    }
    return 0;
}

/* As much as is there, at most one batch: OpenSSL hands out single records, the disk likes large pieces. */
static int receive_batch(struct transfer *t, char *buffer, size_t size, size_t *got_out)
{
    size_t got = 0;
    int err = 0;
    while (!err && got < size) {
        size_t now = 0;
        err = stream_read(t->stream, buffer + got, size - got, &now);
        got += err ? 0 : now;
        if (!stream_is_tls(t->stream))
            break;
    }
    *got_out = got;
    return err;
}

static int store(struct transfer *t, char *bytes, size_t len)
{
    if (!t->config.ascii)
        return write_all(t, slice_of(bytes, len));
    size_t converted = ascii_from_wire(&t->ascii_in, slice_of(bytes, len), bytes - 1);
    return write_all(t, slice_of(bytes - 1, converted));
}

static enum step upload_ended(struct transfer *t, int err)
{
    if (err == ERR_TRUNCATED && t->config.require_close_notify)
        return step_fails(t, TRANSFER_TRUNCATED, 0);
    if (err != ERR_CLOSED && err != ERR_TRUNCATED)
        return stream_fails(t, err);
    if (t->config.ascii && ascii_from_wire_end(&t->ascii_in)) {
        int errnum = write_all(t, SLICE_LITERAL("\r"));
        if (errnum)
            return disk_fails(t, errnum);
    }
    return STEP_PEER_END;
}

static enum step receive(struct transfer *t)
{
    char *buffer = data_hub_scratch(t->hub) + 1; /* room for a CR held since the last batch */
    size_t got = 0;
    int err = receive_batch(t, buffer, stream_is_tls(t->stream) ? BATCH : DATA_SCRATCH - 1, &got);
    t->outcome.wire_bytes += got;
    if (got) {
        int errnum = store(t, buffer, got);
        if (errnum)
            return disk_fails(t, errnum);
    }
    return err ? upload_ended(t, err) : STEP_MORE;
}

/* ---- the loop ---- */

static void run(struct transfer *t)
{
    static const enum event events[] = {
        [STEP_CHUNK_SENT] = ON_CHUNK_SENT, [STEP_COLD] = ON_COLD,     [STEP_LAST_BYTE] = ON_LAST_BYTE,
        [STEP_PEER_END] = ON_PEER_END,     [STEP_FAILED] = ON_FAILED,
    };
    uint64_t until = t->outcome.wire_bytes + TURN_BYTES;
    enum step step;
    do
        step = t->step(t);
    while (step == STEP_MORE && t->outcome.wire_bytes < until);
    if (step == STEP_WAIT) {
        wait_for_stream(t);
        return;
    }
    if (step != STEP_MORE) {
        happen(t, events[step]);
        return;
    }
    /* The turn is used up; bytes that OpenSSL holds announce themselves to nobody. */
    loop_io_want(t->io, t->config.kind == TRANSFER_UPLOAD ? LOOP_READ : LOOP_WRITE, -1);
    if (stream_has_pending(t->stream))
        loop_timer_set(t->kick, 0);
}

static void wait_for_stream(struct transfer *t)
{
    loop_io_want(t->io, stream_wants(t->stream), -1);
}

static void go_on(struct transfer *t)
{
    loop_timer_set(t->kick, 0);
}

static void wait_for_disk(struct transfer *t)
{
    loop_io_want(t->io, 0, -1);
    unsigned shift = t->cold_tries < 4 ? t->cold_tries : 4;
    t->cold_tries++;
    loop_timer_set(t->kick, 1 << shift);
}

static void ask_for_more(struct transfer *t)
{
    loop_io_want(t->io, 0, -1);
    t->config.more(t->config.context); /* may end `t` */
}

static void close_stream(struct transfer *t)
{
    int err = stream_shutdown(t->stream);
    if (err == ERR_AGAIN)
        wait_for_stream(t);
    else if (err)
        fail(t, TRANSFER_PEER_ABORTED, 0);
    else
        happen(t, ON_CLOSED);
}

static void work(struct transfer *t)
{
    switch (t->state) {
    case COLD:
        happen(t, ON_WARM);
        break;
    case MOVING:
        run(t);
        break;
    case CLOSING:
        close_stream(t);
        break;
    default: /* HUNGRY and OVER wait for others */
        break;
    }
}

static void stream_ready(void *context, unsigned events)
{
    (void)events;
    work(context);
}

static void kicked(void *context)
{
    work(context);
}

/* ---- time ---- */

/* Bytes that have arrived at the other side. */
static uint64_t progress(const struct transfer *t)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;
    if (t->config.kind == TRANSFER_UPLOAD || getsockopt(t->stream->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked)
        return t->outcome.wire_bytes;
    return info.tcpi_bytes_acked;
}

static void restart_clocks(struct transfer *t, int64_t now, uint64_t bytes)
{
    t->seen_at = t->rate_since = now;
    t->seen_bytes = t->rate_bytes = bytes;
}

static bool is_too_slow(struct transfer *t, int64_t now, uint64_t bytes)
{
    int64_t window = now - t->rate_since;
    if (!t->config.min_bytes_per_second || window < t->config.rate_window_ms)
        return false;
    uint64_t moved = bytes - t->rate_bytes;
    t->rate_since = now;
    t->rate_bytes = bytes;
    /* no byte at all is the time-out's business, if there is one */
    return (moved || t->config.timeout_ms <= 0) &&
           moved < t->config.min_bytes_per_second * (uint64_t)window / 1000;
}

static void tick_arm(struct transfer *t)
{
    int64_t ms = t->config.rate_window_ms / 8;
    if (t->config.timeout_ms > 0 && t->config.timeout_ms / 8 < ms)
        ms = t->config.timeout_ms / 8;
    loop_timer_set(t->tick, ms < 10 ? 10 : ms > 1000 ? 1000 : ms);
}

static void ticked(void *context)
{
    struct transfer *t = context;
    int64_t now = loop_now(data_hub_loop(t->hub));
    uint64_t bytes = progress(t);
    if (t->state == HUNGRY || t->state == COLD)
        restart_clocks(t, now, bytes);
    if (bytes != t->seen_bytes) {
        t->seen_bytes = bytes;
        t->seen_at = now;
    }
    if (t->config.timeout_ms > 0 && now - t->seen_at >= t->config.timeout_ms)
        fail(t, TRANSFER_TIMED_OUT, 0);
    else if (is_too_slow(t, now, bytes))
        fail(t, TRANSFER_TOO_SLOW, 0);
    else
        tick_arm(t);
}

/* ---- life ---- */

static enum step (*choose_step(const struct transfer *t))(struct transfer *)
{
    if (t->config.kind == TRANSFER_LISTING)
        return send_chunk;
    if (t->config.kind == TRANSFER_UPLOAD)
        return receive;
    return t->config.ascii ? send_ascii : stream_can_sendfile(t->stream) ? send_file : send_read;
}

int transfer_start(struct data_hub *hub, struct stream *stream, const struct transfer_config *config,
                   struct transfer **transfer_out)
{
    if (config->offset > INT64_MAX)
        return ERR_RANGE;
    struct transfer *t = calloc(1, sizeof *t);
    if (!t)
        return ERR_NOMEM;
    struct loop *loop = data_hub_loop(hub);
    t->hub = hub;
    t->stream = stream;
    t->config = *config;
    if (t->config.rate_window_ms <= 0)
        t->config.rate_window_ms = RATE_WINDOW_MS;
    t->offset = config->offset;
    t->step = choose_step(t);
    t->io = loop_io_open(loop, stream->fd, stream_ready, t);
    t->kick = loop_timer_new(loop, kicked, t);
    t->tick = loop_timer_new(loop, ticked, t);
    if (!t->io || !t->kick || !t->tick) {
        t->config.file = -1;
        transfer_free(t);
        return ERR_NOMEM;
    }
    t->started = loop_now(loop);
    restart_clocks(t, t->started, progress(t));
    if (config->timeout_ms > 0 || config->min_bytes_per_second)
        tick_arm(t);
    if (config->kind == TRANSFER_LISTING)
        t->state = HUNGRY;
    else
        loop_timer_set(t->kick, 0);
    if (config->kind == TRANSFER_UPLOAD)
        stream_expect_bulk(stream);
    if (config->kind == TRANSFER_DOWNLOAD)
        posix_fadvise(config->file, 0, 0, POSIX_FADV_SEQUENTIAL);
    *transfer_out = t;
    return 0;
}

void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    if (t->state != OVER)
        t->stream->reset = true;
    loop_io_close(t->io);
    loop_timer_free(t->kick);
    loop_timer_free(t->tick);
    if (t->config.file >= 0)
        close(t->config.file);
    drop_chunk(t);
    free(t);
}

int transfer_feed(struct transfer *t, struct slice bytes, bool last)
{
    if (t->state != HUNGRY)
        return ERR_STATE;
    char *copy = NULL;
    if (bytes.len) {
        copy = malloc(bytes.len);
        if (!copy)
            return ERR_NOMEM;
        memcpy(copy, bytes.ptr, bytes.len);
    }
    t->chunk = copy;
    t->chunk_len = bytes.len;
    t->chunk_at = 0;
    t->last_chunk = last;
    happen(t, ON_FED);
    return 0;
}

void transfer_abort(struct transfer *t)
{
    if (t->state == OVER)
        return;
    t->outcome.result = TRANSFER_ABORTED;
    happen(t, ON_ABORT);
}

uint64_t transfer_wire_bytes(const struct transfer *t)
{
    return t->outcome.wire_bytes;
}

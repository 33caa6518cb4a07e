/*
 * transfer_step.c - one step of each kind of transfer.
 *
 * Nothing is kept between turns but offsets: what the socket did not take is read again from the page cache.  OpenSSL
 * wants to be offered the same bytes again after ERR_AGAIN; it looks at the length only, its record is already sealed.
 *
 * Cold files: pages are asked for with preadv2(RWF_NOWAIT), which says EAGAIN instead of waiting for the disk; then
 * they are read ahead (posix_fadvise) and asked for again a little later.  sendfile has no such flag, so the first and
 * last byte of the window it may send are asked for before.  A window that stays cold for COLD_TRIES is read blocking:
 * a page that cannot be read never becomes warm, and the error must come out.  What remains: file systems without
 * RWF_NOWAIT block for up to one window, and writes block when the kernel throttles writers.
 */
#include "worker/transfer_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    WINDOW = 2048 * 1024,     /* probed, then sent, by sendfile */
    COLD_WINDOW = 512 * 1024, /* the same of a file that has proved cold: what is cold in the middle makes all others wait */
    BATCH = 256 * 1024,       /* read and sealed at a time under TLS */
    ASCII_BATCH = 64 * 1024,
    AHEAD = 4 * COLD_WINDOW,  /* asked for once a file has proved cold */
    PAGE = 4096,              /* the least that memory comes in: no second look within one */
    COLD_TRIES = 40,
    TLS_RECORD = 16384,
};

/* Set the outcome; transfer.c makes the move. */
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
    if (err == ERR_RANGE)
        return step_fails(t, TRANSFER_DISK, ERR_IO);
    return step_fails(t, err == ERR_SYNTAX ? TRANSFER_TLS_FAILED : TRANSFER_PEER_ABORTED, 0);
}

size_t transfer_share(const struct transfer *t, size_t size)
{
    if (!t->is_paced || size <= t->allowance)
        return size;
    return t->allowance > t->pending ? (size_t)t->allowance : t->pending < size ? t->pending : size;
}

/* ---- sending ---- */

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
    if (until - t->asked_until < COLD_WINDOW || until > INT64_MAX)
        return;
    posix_fadvise(t->config.file, (off_t)t->asked_until, (off_t)(until - t->asked_until), POSIX_FADV_WILLNEED);
    t->asked_until = until;
}

static uint64_t size_now(const struct transfer *t)
{
    struct stat st;
    return t->config.size               ? t->config.size
           : fstat(t->config.file, &st) ? UINT64_MAX
                                        : (uint64_t)st.st_size;
}

/* How much of `size` the file has left.  What grew since it was opened does not count: to look for it would cost every small
 * file a look, and a log that is written faster than its reader reads would never end. */
static uint64_t left_of(const struct transfer *t, uint64_t size)
{
    if (!t->config.size)
        return size;
    uint64_t left = t->offset < t->config.size ? t->config.size - t->offset : 0;
    return left < size ? left : size;
}

static bool is_all_sent(const struct transfer *t)
{
    return left_of(t, 1) == 0;
}

/* False: come back when the disk has delivered. */
static bool window_is_warm(struct transfer *t)
{
    if (t->offset < t->warm_until || t->cannot_probe)
        return true;
    uint64_t end = t->offset + (t->seen_cold ? COLD_WINDOW : WINDOW), size = size_now(t);
    if (size < end)
        end = size;
    if (t->seen_cold)
        read_ahead(t);
    bool warm = end <= t->offset || t->cold_tries >= COLD_TRIES ||
                (is_warm(t, t->offset) && (t->cannot_probe || end - t->offset <= PAGE || is_warm(t, end - 1)));
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
    if (is_all_sent(t)) /* REST to the end */
        return STEP_LAST_BYTE;
    if (!window_is_warm(t))
        return STEP_COLD;
    uint64_t most = left_of(t, t->warm_until > t->offset ? t->warm_until - t->offset : WINDOW);
    size_t put = 0;
    size_t share = transfer_share(t, most < WINDOW ? (size_t)most : WINDOW);
    int err = stream_sendfile(t->stream, t->config.file, &t->offset, share, &put);
    if (!err) {
        t->outcome.wire_bytes += put;
        if (is_all_sent(t))
            return STEP_LAST_BYTE;
        if (put == share)
            return STEP_MORE;
        t->stream->wants = STREAM_WANTS_WRITE; /* the socket is full, or says at once that it is not */
        return STEP_WAIT;
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

static bool must_wait(const struct transfer *t)
{
    return t->pending || t->cannot_probe || t->cold_tries >= COLD_TRIES;
}

/* Read from the file without waiting if possible; *got_out 0 at its end. */
static enum step read_file(struct transfer *t, char *buffer, size_t size, size_t *got_out)
{
    size = (size_t)left_of(t, size);
    if (t->offset > INT64_MAX - size)
        return step_fails(t, TRANSFER_DISK, ERR_TOO_BIG);
    if (t->seen_cold)
        read_ahead(t);
    bool wait = must_wait(t);
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

/* stream_write, record after record, with the memory that OpenSSL asks of us.  *put_out counts on an error too.  Records
 * leave together, the last ones with what ends the stream. */
static int offer(struct transfer *t, struct slice bytes, bool is_last, size_t *put_out)
{
    if (bytes.len < t->pending) /* the file was cut under us while a record waits */
        return ERR_RANGE;
    int err = 0;
    size_t put;
    bool is_held = stream_is_tls(t->stream) && (is_last || bytes.len > TLS_RECORD);
    if (is_held)
        stream_hold(t->stream, true);
    for (; bytes.len && !(err = stream_write(t->stream, bytes, &put)); bytes = slice_from(bytes, put))
        *put_out += put;
    if (is_held && (err || !is_last))
        stream_hold(t->stream, false);
    t->pending = err != ERR_AGAIN || !stream_is_tls(t->stream) ? 0 : bytes.len < TLS_RECORD ? bytes.len : TLS_RECORD;
    return err;
}

static enum step send_read(struct transfer *t)
{
    char *buffer = data_hub_scratch(t->hub);
    size_t got = 0, put = 0;
    enum step read = read_file(t, buffer, transfer_share(t, BATCH), &got);
    if (read != STEP_MORE)
        return read;
    if (got == 0 && !t->pending)
        return STEP_LAST_BYTE;
    bool is_last = t->config.size && t->offset + got == t->config.size;
    int err = offer(t, slice_of(buffer, got), is_last, &put);
    t->offset += put;
    t->outcome.wire_bytes += put;
    if (err)
        return stream_fails(t, err);
    return is_all_sent(t) ? STEP_LAST_BYTE : STEP_MORE;
}

static enum step send_ascii(struct transfer *t)
{
    char *buffer = data_hub_scratch(t->hub), *converted = buffer + ASCII_BATCH;
    size_t got = 0, put = 0;
    if (!t->ascii_sent) /* else the rest of the same piece */
        t->ascii_size = transfer_share(t, ASCII_BATCH);
    bool waits = must_wait(t);
    enum step read = read_file(t, buffer, t->ascii_size, &got);
    if (read != STEP_MORE)
        return read;
    if (got == 0 && !t->pending)
        return STEP_LAST_BYTE;
    struct ascii_out after = t->ascii_out;
    size_t len = ascii_to_wire(&after, slice_of(buffer, got), converted);
    if (len < t->ascii_sent && !waits) { /* cut, or its last pages went cold: only a read that waits can tell */
        t->cold_tries = COLD_TRIES;
        read_ahead(t);
        return STEP_COLD;
    }
    if (len < t->ascii_sent)
        return step_fails(t, TRANSFER_DISK, ERR_IO);
    int err = offer(t, slice_from(slice_of(converted, len), t->ascii_sent), false, &put);
    t->ascii_sent += put;
    t->outcome.wire_bytes += put;
    if (t->ascii_sent == len) {
        t->offset += got;
        t->ascii_out = after;
        t->ascii_sent = 0;
    }
    return err ? stream_fails(t, err) : STEP_MORE;
}

void transfer_drop_chunk(struct transfer *t)
{
    text_free(&t->chunk);
    t->chunk_at = 0;
}

static enum step send_chunk(struct transfer *t)
{
    if (t->chunk_at == t->chunk.len) {
        transfer_drop_chunk(t);
        return t->last_chunk ? STEP_LAST_BYTE : STEP_CHUNK_SENT;
    }
    size_t put = 0;
    struct slice rest = slice_from(text_slice(&t->chunk), t->chunk_at);
    size_t share = transfer_share(t, rest.len);
    int err = offer(t, slice_first(rest, share), t->last_chunk && share == rest.len, &put);
    t->chunk_at += put;
    t->outcome.wire_bytes += put;
    if (err)
        return stream_fails(t, err);
    return t->last_chunk && t->chunk_at == t->chunk.len ? STEP_LAST_BYTE : STEP_MORE;
}

/* ---- receiving ---- */

int transfer_write(struct transfer *t, struct slice bytes)
{
    if (t->config.limit && (t->offset > t->config.limit || bytes.len > t->config.limit - t->offset))
        return OVER_LIMIT;
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

enum step transfer_write_failed(struct transfer *t, int errnum)
{
    return errnum == OVER_LIMIT ? step_fails(t, TRANSFER_TOO_LARGE, 0) : disk_fails(t, errnum);
}

static int store(struct transfer *t, char *bytes, size_t len)
{
    if (!t->config.ascii)
        return transfer_write(t, slice_of(bytes, len));
    size_t converted = ascii_from_wire(&t->ascii_in, slice_of(bytes, len), bytes - 1);
    return transfer_write(t, slice_of(bytes - 1, converted));
}

enum step transfer_upload_ended(struct transfer *t, int err)
{
    if (err == ERR_TRUNCATED && t->config.require_close_notify)
        return step_fails(t, TRANSFER_TRUNCATED, 0);
    if (err != ERR_CLOSED && err != ERR_TRUNCATED)
        return stream_fails(t, err);
    if (t->config.ascii && ascii_from_wire_end(&t->ascii_in)) {
        int errnum = transfer_write(t, SLICE_LITERAL("\r"));
        if (errnum)
            return transfer_write_failed(t, errnum);
    }
    return STEP_PEER_END;
}

enum step transfer_receive(struct transfer *t)
{
    size_t before = t->config.ascii ? 1 : 0; /* room for a CR held since the last batch */
    char *buffer = data_hub_scratch(t->hub) + before;
    size_t got = 0;
    int err = receive_batch(t, buffer, transfer_share(t, stream_is_tls(t->stream) ? BATCH : DATA_SCRATCH - before), &got);
    t->outcome.wire_bytes += got;
    if (got) {
        int errnum = store(t, buffer, got);
        if (errnum)
            return transfer_write_failed(t, errnum);
    }
    if (transfer_may_splice(t, got))
        t->step = transfer_receive_spliced;
    return err ? transfer_upload_ended(t, err) : STEP_MORE;
}

/* ---- choice ---- */

enum step transfer_step(struct transfer *t)
{
    return t->step(t);
}

void transfer_choose_step(struct transfer *t)
{
    if (t->config.kind == TRANSFER_LISTING)
        t->step = send_chunk;
    else if (t->config.kind == TRANSFER_UPLOAD)
        t->step = transfer_receive;
    else if (t->config.ascii)
        t->step = send_ascii;
    else
        t->step = stream_can_sendfile(t->stream) ? send_file : send_read;
}

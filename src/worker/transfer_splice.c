/*
 * transfer_splice.c - big uploads from the socket through a pipe into the file: the bytes never stand in our memory.
 *
 * The pipe belongs to the worker and is empty between steps; where bytes stay in it, because the disk is full or there
 * are too many of them, it is dropped with them.  A small file is through sooner by recv and write, so this begins
 * when much was waiting at once; a file that cannot take it (it is open for appending) goes back to them.
 */
#include "worker/transfer_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { SPLICE_FROM = 128 * 1024 }; /* so much was waiting at once */

bool transfer_may_splice(const struct transfer *t, size_t got)
{
    return got >= SPLICE_FROM && !t->config.ascii && !t->cannot_splice && !stream_is_tls(t->stream);
}

/* How much to ask for: one byte more than the limit allows shows that there are more. */
static size_t ask_for(const struct transfer *t)
{
    size_t most = transfer_share(t, DATA_SCRATCH);
    uint64_t limit = t->config.limit;
    uint64_t left = !limit ? UINT64_MAX : limit > t->offset ? limit - t->offset : 0;
    return left < most ? (size_t)left + 1 : most;
}

/* What the pipe holds, by hand. */
static int copy_out(struct transfer *t, int pipe, size_t len)
{
    char *buffer = data_hub_scratch(t->hub);
    while (len) {
        ssize_t got = read(pipe, buffer, len);
        if (got <= 0)
            return got < 0 ? errno : EIO;
        int errnum = transfer_write(t, slice_of(buffer, (size_t)got));
        if (errnum)
            return errnum;
        len -= (size_t)got;
    }
    return 0;
}

/* As transfer_write. */
static int move_out(struct transfer *t, int pipe, size_t len)
{
    if (t->config.limit && (t->offset > t->config.limit || len > t->config.limit - t->offset))
        return OVER_LIMIT;
    while (len) {
        off_t at = (off_t)t->offset;
        ssize_t put = splice(pipe, NULL, t->config.file, &at, len, SPLICE_F_MOVE);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EINVAL) {
            t->cannot_splice = true;
            return copy_out(t, pipe, len);
        }
        if (put <= 0)
            return put < 0 ? errno : ENOSPC;
        len -= (size_t)put;
        t->offset += (uint64_t)put;
    }
    return 0;
}

enum step transfer_receive_spliced(struct transfer *t)
{
    const int *pipe = t->cannot_splice || t->offset > INT64_MAX - DATA_SCRATCH ? NULL : data_hub_pipe(t->hub);
    size_t got = 0;
    int err = pipe ? stream_splice(t->stream, pipe[1], ask_for(t), &got) : ERR_UNSUPPORTED;
    if (err == ERR_UNSUPPORTED) {
        t->cannot_splice = true;
        t->step = transfer_receive;
        return STEP_MORE;
    }
    if (err)
        return transfer_upload_ended(t, err);
    t->outcome.wire_bytes += got;
    int errnum = move_out(t, pipe[0], got);
    if (!errnum)
        return STEP_MORE;
    data_hub_drop_pipe(t->hub);
    return transfer_write_failed(t, errnum);
}

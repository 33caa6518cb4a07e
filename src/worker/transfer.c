/*
 * transfer.c - when to move bytes between a file (or a listing) and a data stream; transfer_step.c moves them.
 *
 *              fed, pages are there           last byte               FIN is out
 *   HUNGRY, COLD ------------------> MOVING ------------> CLOSING -----------------> OVER
 *        ^______chunk sent, page cold___|  |___upload: the peer has ended____________^
 *   any: failed, aborted -> OVER
 *
 * MOVING calls the transfer's step function until it would block or TURN_BYTES are through (one sendfile may be twice as
 * many); the rest waits for the next turn of the loop.  CLOSING exists for downloads: close_notify and FIN go out before
 * 226 is said (threats.md D13).  HUNGRY waits for a listing's next chunk, COLD for the disk.
 *
 * Bandwidth: before a step bytes are reserved on every clock that the transfer shares (transfer_pace.c); until they may
 * move nobody looks at the stream.
 *
 * Time: a tick compares what the peer has acknowledged (not what the kernel took in; a full send buffer of a slow
 * reader is progress at the reader's pace) with the last tick.  Waiting for our own disk, broker or bandwidth is not the peer's
 * fault and stops both clocks.
 */
#include "worker/transfer_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policy/win_error.h"

enum {
    TURN_BYTES = 1024 * 1024, /* beyond these a transfer begins no further step in a turn of the loop */
    RATE_WINDOW_MS = 10000,
    WAKE_AT = 256 * 1024,     /* that an upload at speed waits for; as much as TLS reads ahead */
    SILENCE_MS = 20,          /* at most, for less than that */
};

enum event { ON_FED, ON_WARM, ON_CHUNK_SENT, ON_COLD, ON_LAST_BYTE, ON_PEER_END, ON_CLOSED, ON_FAILED, ON_ABORT };

/*   result                      code  text                                   sub                     Win32 */
static const struct data_reply replies[TRANSFER_RESULT_COUNT] = {
    [TRANSFER_ABORTED] =      { 426, "Connection closed; transfer aborted.",  SUB_DATA_ABOR,          WIN_CONNECTION_ABORTED },
    [TRANSFER_PEER_ABORTED] = { 426, "Connection closed; transfer aborted.",  SUB_DATA_CLIENT_ABORT,  WIN_NETNAME_DELETED },
    [TRANSFER_TRUNCATED] =    { 426, "TLS data connection ended without close_notify.",
                                SUB_DATA_CLIENT_ABORT, WIN_NETNAME_DELETED },
    [TRANSFER_TLS_FAILED] =   { 426, "TLS failed on the data connection.",    SUB_DATA_SERVER_ABORT,  WIN_NETNAME_DELETED },
    [TRANSFER_DISK] =         { 451, "The request could not be performed because of an I/O device error. ",
                                SUB_FILE_ERROR, WIN_IO_DEVICE },
    [TRANSFER_TOO_LARGE] =    { 550, "Access is denied. ",                    SUB_SIZE_LIMIT,         WIN_ACCESS_DENIED },
    [TRANSFER_TIMED_OUT] =    { 426, "Data channel timed out.",               SUB_DATA_TIMEOUT,       WIN_SEM_TIMEOUT },
    [TRANSFER_TOO_SLOW] =     { 425, "Data channel timed out due to not meeting the minimum bandwidth requirement.",
                                SUB_MIN_BANDWIDTH, WIN_SEM_TIMEOUT },
};

/* Refinements of TRANSFER_DISK (threats.md H02). */
static const struct {
    int err;
    struct data_reply reply;
} disk_replies[] = {
    { ERR_NO_SPACE, { 452, "There is not enough space on the disk. ", SUB_FILE_ERROR, WIN_DISK_FULL } },
    { ERR_QUOTA,    { 552, "There is not enough space on the disk. ", SUB_FILE_ERROR, WIN_DISK_FULL } },
    { ERR_TOO_BIG,  { 552, "The file size exceeds the limit allowed and cannot be saved. ", SUB_FILE_ERROR, WIN_FILE_TOO_LARGE } },
    { ERR_DENIED,   { 550, "Access is denied. ", SUB_FILE_DENIED, WIN_ACCESS_DENIED } },
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

static void finish(struct transfer *t)
{
    transfer_pace_end(t);
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
    t->config.done(t->config.context, &t->outcome);
}

/* ---- the loop ---- */

/* Whether the bandwidth allows a step now; else it goes on by itself when it does. */
static bool may_go_on(struct transfer *t)
{
    int64_t wait = t->is_paced ? transfer_pace_wait(t) : 0;
    if (wait <= 0)
        return true;
    t->was_held_back = true;
    loop_io_want(t->io, 0, -1);
    loop_timer_set(t->kick, wait);
    return false;
}

static enum step one_step(struct transfer *t)
{
    uint64_t before = t->outcome.wire_bytes;
    enum step step = transfer_step(t);
    if (t->is_paced)
        transfer_pace_spent(t, t->outcome.wire_bytes - before);
    return step;
}

static void run(struct transfer *t)
{
    static const enum event events[] = {
        [STEP_CHUNK_SENT] = ON_CHUNK_SENT, [STEP_COLD] = ON_COLD,     [STEP_LAST_BYTE] = ON_LAST_BYTE,
        [STEP_PEER_END] = ON_PEER_END,     [STEP_FAILED] = ON_FAILED,
    };
    uint64_t until = t->outcome.wire_bytes + TURN_BYTES;
    enum step step;
    do {
        if (!may_go_on(t))
            return;
        step = one_step(t);
    } while (step == STEP_MORE && t->outcome.wire_bytes < until);
    if (t->config.kind == TRANSFER_DOWNLOAD && !t->advised && (step == STEP_WAIT || step == STEP_MORE)) {
        t->advised = true; /* not a small file: worth a larger read-ahead */
        posix_fadvise(t->config.file, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    if (step == STEP_WAIT) {
        wait_for_stream(t);
        return;
    }
    if (step != STEP_MORE) {
        happen(t, events[step]);
        return;
    }
    /* The turn is used up; bytes that OpenSSL holds, or too few of them, announce themselves to nobody. */
    loop_io_want(t->io, t->config.kind == TRANSFER_UPLOAD ? LOOP_READ : LOOP_WRITE, -1);
    if (stream_has_pending(t->stream) || t->waits_for_much)
        loop_timer_set(t->kick, 0);
}

/* Who sends fast wakes us only when much is there.  Once he falls behind, what there is is taken after SILENCE_MS, and from
 * then on every byte wakes us again. */
static void choose_wake(struct transfer *t)
{
    bool is_fast = t->outcome.wire_bytes - t->waited_at >= WAKE_AT / 2;
    t->waited_at = t->outcome.wire_bytes;
    if (is_fast != t->waits_for_much)
        stream_wake_at(t->stream, is_fast ? WAKE_AT : 1);
    t->waits_for_much = is_fast;
    if (is_fast)
        loop_timer_set(t->kick, SILENCE_MS);
}

static void wait_for_stream(struct transfer *t)
{
    if (t->config.kind == TRANSFER_UPLOAD)
        choose_wake(t);
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
    int err = stream_finish(t->stream);
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
        t->was_held_back = true;
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
    if (t->state == HUNGRY || t->state == COLD || t->was_held_back)
        restart_clocks(t, now, bytes);
    t->was_held_back = false;
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
    transfer_choose_step(t);
    transfer_pace_begin(t);
    t->io = loop_io_open(loop, stream->fd, stream_ready, t);
    t->kick = loop_timer_new(loop, kicked, t);
    t->tick = loop_timer_new(loop, ticked, t);
    if (!t->io || !t->kick || !t->tick) {
        t->config.file = -1;
        transfer_free(t);
        return ERR_NOMEM;
    }
    restart_clocks(t, loop_now(loop), stream_is_tls(stream) ? progress(t) : 0);
    if (config->timeout_ms > 0 || config->min_bytes_per_second)
        tick_arm(t);
    if (config->kind == TRANSFER_LISTING)
        t->state = HUNGRY;
    else
        loop_timer_set(t->kick, 0);
    if (config->kind == TRANSFER_UPLOAD)
        stream_expect_bulk(stream);
    *transfer_out = t;
    return 0;
}

void transfer_hurry(struct transfer *t)
{
    if (t->state != MOVING)
        return;
    loop_timer_clear(t->kick);
    if (t->config.kind == TRANSFER_UPLOAD && !stream_has_pending(t->stream))
        loop_io_want(t->io, LOOP_READ, -1); /* the peer still waits for our 150 */
    else
        work(t);
}

void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    if (t->state != OVER) {
        t->stream->reset = true;
        transfer_pace_end(t);
    }
    loop_io_close(t->io);
    loop_timer_free(t->kick);
    loop_timer_free(t->tick);
    if (t->config.file >= 0)
        close(t->config.file);
    transfer_drop_chunk(t);
    free(t);
}

int transfer_feed(struct transfer *t, struct text *bytes, bool last)
{
    if (t->state != HUNGRY)
        return ERR_STATE;
    transfer_drop_chunk(t);
    t->chunk = *bytes;
    *bytes = (struct text){ 0 };
    t->last_chunk = last;
    t->was_held_back = true;
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

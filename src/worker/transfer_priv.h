/* transfer_priv.h - what transfer.c (when to move) and transfer_step.c (what to move) share. */
#pragma once

#include "worker/ascii.h"
#include "worker/data_hub.h"
#include "worker/transfer.h"

enum state { MOVING, HUNGRY, COLD, CLOSING, OVER };

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

    /* bandwidth */
    bool is_paced, was_held_back; /* since the last tick: by bandwidth, our disk or our broker */
    uint64_t quantum, allowance;  /* bytes reserved at a time; of these still to be moved */
    uint64_t overdrawn;           /* moved beyond what was reserved: added to the next reservation */
    int64_t allowed_at;           /* when the allowance may be moved, nanoseconds */

    /* downloads */
    uint64_t offset, warm_until, asked_until;
    unsigned cold_tries;
    bool seen_cold, cannot_probe, advised;
    size_t pending;          /* at least so many bytes must be offered again (TLS) */
    struct ascii_out ascii_out;
    size_t ascii_sent;       /* of the converted bytes at `offset` */
    size_t ascii_size;       /* of the piece that is being converted */

    /* uploads */
    struct ascii_in ascii_in;
    bool cannot_splice, waits_for_much;
    uint64_t waited_at;      /* bytes received when we last waited for the peer */

    /* listings */
    struct text chunk;
    size_t chunk_at;
    bool last_chunk;

    /* time */
    uint64_t seen_bytes, rate_bytes;
    int64_t seen_at, rate_since;
};

/* One step: move some bytes.  STEP_FAILED has set the outcome; STEP_WAIT: stream_wants() says for what. */
enum step transfer_step(struct transfer *t);
/* How much of `size` the next step may move; at least what has to be offered again. */
size_t transfer_share(const struct transfer *t, size_t size);
/* Which step function, from kind, type and stream; once at the start. */
void transfer_choose_step(struct transfer *t);

/* ---- of uploads ---- */
/* Through our memory: everything. */
enum step transfer_receive(struct transfer *t);
/* ... from here on past it, when much comes at a time: binary, in the clear. */
bool transfer_may_splice(const struct transfer *t, size_t got);
enum step transfer_receive_spliced(struct transfer *t);
/* Write what was received.  0, or an errno value or OVER_LIMIT for transfer_write_failed. */
enum { OVER_LIMIT = -1 };
int transfer_write(struct transfer *t, struct slice bytes);
enum step transfer_write_failed(struct transfer *t, int errnum);
/* Nothing came: `err` says why. */
enum step transfer_upload_ended(struct transfer *t, int err);

/* ---- transfer_pace.c ---- */
void transfer_pace_begin(struct transfer *t);
/* Milliseconds until the next step; 0: now.  Reserves what it may move. */
int64_t transfer_pace_wait(struct transfer *t);
/* A step moved so many bytes. */
void transfer_pace_spent(struct transfer *t, uint64_t bytes);
/* The transfer is over: what it did not use is for others. */
void transfer_pace_end(struct transfer *t);

void transfer_drop_chunk(struct transfer *t);

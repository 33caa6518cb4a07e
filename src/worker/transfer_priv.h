/* transfer_priv.h - what transfer.c (when to move) and transfer_step.c (what to move) share. */
#pragma once

#include "worker/ascii.h"
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
    int64_t started;

    /* downloads */
    uint64_t offset, warm_until, asked_until;
    unsigned cold_tries;
    bool seen_cold, cannot_probe, advised;
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

/* One step: move some bytes.  STEP_FAILED has set the outcome; STEP_WAIT: stream_wants() says for what. */
enum step transfer_step(struct transfer *t);
/* Which step function, from kind, type and stream; once at the start. */
void transfer_choose_step(struct transfer *t);
void transfer_drop_chunk(struct transfer *t);

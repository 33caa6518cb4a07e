/*
 * transfer.h - moving the bytes of one RETR, STOR or LIST over an open data stream.
 *
 * A transfer owns its file descriptor and nothing of the stream.  It works in slices bounded in bytes so that a fast
 * peer cannot starve the others, keeps no buffer while it waits, and never waits for a disk that it can avoid waiting
 * for: cold pages of a download are read ahead and asked for again.
 */
#pragma once

#include "base/text.h"
#include "loop/loop.h"
#include "sys/tally.h"
#include "worker/data.h"

enum transfer_kind { TRANSFER_DOWNLOAD, TRANSFER_UPLOAD, TRANSFER_LISTING };

enum transfer_result {
    TRANSFER_DONE,         /* all bytes moved; uploads: the peer said so in the way the channel has */
    TRANSFER_ABORTED,      /* transfer_abort */
    TRANSFER_PEER_ABORTED, /* the peer closed or reset a download, or reset an upload */
    TRANSFER_TRUNCATED,    /* upload under TLS ended without close_notify (threats.md D12) */
    TRANSFER_TLS_FAILED,   /* TLS protocol error in mid transfer */
    TRANSFER_DISK,         /* `err` says which */
    TRANSFER_TOO_LARGE,    /* an upload passed `limit` */
    TRANSFER_TIMED_OUT,    /* dataChannelTimeout without a byte */
    TRANSFER_TOO_SLOW,     /* minBytesPerSecond */
    TRANSFER_RESULT_COUNT
};
/* Reply, sub-status and Win32 code of a result that is not TRANSFER_DONE; for TRANSFER_DISK they depend on err. */
const struct data_reply *transfer_result_reply(enum transfer_result result, int err);

struct transfer_outcome {
    enum transfer_result result;
    int err;              /* TRANSFER_DISK: ERR_NO_SPACE, ERR_QUOTA, ERR_TOO_BIG, ERR_IO ...; else 0 */
    uint64_t wire_bytes;  /* over the network, for the log */
};

/* A bandwidth that this transfer shares with whoever uses the same clock; it lives as long as the transfer. */
struct transfer_pace {
    tally_time *clock;
    uint64_t rate; /* bytes a second, 0 no limit */
};
enum { TRANSFER_PACES = 3 };

struct transfer;
typedef void transfer_done(void *context, const struct transfer_outcome *outcome);
/* A listing has sent what it was fed: call transfer_feed, now or later. */
typedef void transfer_more(void *context);

struct transfer_config {
    enum transfer_kind kind;
    bool ascii;                   /* TYPE A: CR LF on the wire, LF in the file; listings are CR LF already */
    int file;                     /* taken over by transfer_start when it succeeds; -1 for listings */
    uint64_t offset;              /* REST; APPE: the size of the file */
    uint64_t size;                /* downloads: of the file when it was opened, where they end; 0 not known */
    uint64_t limit;               /* uploads: largest size of the file, 0 none */
    int64_t timeout_ms;           /* dataChannelTimeout, 0 none */
    uint64_t min_bytes_per_second; /* 0 none */
    struct transfer_pace paces[TRANSFER_PACES];
    int64_t rate_window_ms;       /* over which the rate is judged; 0: ten seconds */
    bool require_close_notify;    /* requireDataChannelCloseNotify */
    transfer_more *more;          /* listings */
    transfer_done *done;          /* once; never inside transfer_start; inside transfer_abort at the latest */
    void *context;
};

/* Begin at the next turn of the loop.  `stream` is open and stays the caller's, who keeps it until transfer_free.
 * The caller owns the transfer until transfer_free, which is safe inside `done`. */
MUST_USE int transfer_start(struct data_hub *hub, struct stream *stream, const struct transfer_config *config,
                            struct transfer **transfer_out);
/* Do the first step now instead; `done` may come in here. */
void transfer_hurry(struct transfer *t);
/* Without calling `done`; marks the stream failed if the transfer had not ended.  NULL is fine. */
void transfer_free(struct transfer *t);

/* Listings: the next bytes, `last` when no more will come.  Takes them over, `bytes` is empty afterwards.  Legal after
 * each `more` and once at first.  `more` is called from the loop, never inside transfer_feed.  ERR_STATE: not asked for. */
MUST_USE int transfer_feed(struct transfer *t, struct text *bytes, bool last);
/* ABOR, or the listing broke: ends with TRANSFER_ABORTED, calling `done` before it returns.  The stream is marked
 * failed, so data_free resets it.  No-op once over. */
void transfer_abort(struct transfer *t);

/* Bytes over the network so far, for STAT. */
uint64_t transfer_wire_bytes(const struct transfer *t);

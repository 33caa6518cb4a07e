/*
 * transfer_world.h - transfers over loopback TCP, clear and under TLS, against a blocking client in a thread, for their tests.
 *
 * One world at a time, in `world`: one worker's hub and one login under each TLS version.
 */
#pragma once

#include <pthread.h>

#include "base/case_test.h"
#include "base/own.h"
#include "tls/tls_peer.h"
#include "worker/data_hub.h"
#include "worker/transfer.h"

enum cover { CLEAR, TLS12, TLS13, COVER_COUNT };

extern struct world {
    struct loop *loop;
    struct data_hub *hub;
    struct peer_cert cert;
    struct tls_keys *keys;
    struct tls_server *server;
    struct stream control[COVER_COUNT];
    struct tls_peer control_peer[COVER_COUNT];
} world;

int world_begin(void **state);
int world_end(void **state);

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

/* Connect `c` and `s`, under TLS as `c->cover` says. */
void client_connect(struct client *c, struct stream *s);
/* In its thread: send or receive until the end. */
void client_start(struct client *c);
void client_join(struct client *c);
/* At once, without a thread. */
ssize_t client_write(struct client *c, const char *from, size_t size);

/* ---- running one transfer ---- */

struct run {
    struct transfer *transfer;
    struct transfer_outcome outcome;
    unsigned done;
    int64_t ended; /* clock_ns(), where a test sets it */
    /* listings */
    const char *const *chunks;
    size_t fed;
    bool later;
    struct loop_timer *timer;
};

/* A transfer_config.done with a `struct run` as its context: keeps the outcome and stops the loop. */
void run_done(void *context, const struct transfer_outcome *outcome);
struct transfer_outcome run_transfer(struct stream *s, struct transfer_config config);
void stop_loop(void *context);
/* End the data stream as data_free does, and let the client see it. */
void end_stream(struct stream *s, struct client *c);

/* ---- files and what is in them ---- */

/* Without a name, with `content`, at its end. */
int temp_file(struct slice content);
void file_content(int file, struct text *out);
/* Lines of uneven length ending in LF, `size` bytes in all; any bytes when `binary`. */
void pattern(struct text *t, size_t size, bool binary);
void with_crlf(struct slice lines, struct text *out);

/*
 * broker.h - the broker's channels and the threads that serve them.
 *
 * The worker's socket is the queue of a pool of threads, of which as many read as are needed (readers.h); a few others
 * wait on the authenticator's.
 * When the worker's channel closes, or says what its table does not allow, the broker ends: its grants go with the
 * worker, uploads under way are abandoned first.
 */
#pragma once

#include "broker/grants.h"
#include "broker/peer_socket.h"
#include "broker/readers.h"

enum { BROKER_THREADS = READERS_THREADS, BROKER_AUTH_THREADS = 4 };

struct broker {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct snapshot *snapshot;
    struct grants grants;
    struct readers readers; /* of `worker` */
    int worker;
    struct peer_socket auth, logger;
    unsigned running; /* requests being served */
    bool is_ending;
    pthread_t threads[BROKER_THREADS + BROKER_AUTH_THREADS];
    size_t thread_count;
    /* Where a line for the administrator goes when there is no logger. */
    void (*tell)(void *context, int level, const char *line);
    void *tell_context;
};

/* Takes ownership of the descriptors (`auth`, `logger` may be -1 until they come) and a reference of the snapshot. */
MUST_USE int broker_init(struct broker *b, struct snapshot *snapshot, int worker, int auth, int logger);
MUST_USE int broker_start(struct broker *b);
void broker_set_snapshot(struct broker *b, struct snapshot *snapshot); /* takes the reference */
void broker_set_auth(struct broker *b, int fd);
void broker_set_logger(struct broker *b, int fd);

/* Make broker_wait return. */
void broker_end(struct broker *b);
/* Until the broker ends; then abandon what is open, giving running requests a moment to finish. */
void broker_wait(struct broker *b);
/* Behind broker_wait: end the threads and free everything.  A program that ends anyway need not. */
void broker_free(struct broker *b);

/* One datagram from the worker or the authenticator; ERR_ when the peer broke the rules.  For the threads, tests and
 * fuzzing. */
MUST_USE int broker_serve_worker(struct broker *b, struct slice datagram, unsigned fds);
MUST_USE int broker_serve_auth(struct broker *b, int auth, struct slice datagram, int *fd); /* -1, or taken over where it is used */

void broker_tell(struct broker *b, int level, const char *fmt, ...) FORMAT_LIKE_PRINTF(3, 4);

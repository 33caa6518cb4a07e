/*
 * dialogue_peers.h - an authenticator, a broker and a logger for tests of the dialogue: each a small table behind one
 * end of a SEQPACKET pair, each in a thread of its own until the worker closes its end.
 */
#pragma once

#include <pthread.h>

#include "base/text.h"

struct peers {
    int auth, broker, log; /* our ends */
    pthread_t threads[3];
    pthread_mutex_t lock;
    pthread_cond_t noted;
    struct text records;   /* what was logged: "VERB argument status win32 substatus path\n" each */
    struct text requests;  /* what the broker was asked: "VERB [path] handle\n" each */
};

/* The worker's ends are put into `ends_out` in the order auth, broker, log. */
MUST_USE int peers_start(struct peers *p, int ends_out[3]);
/* After the worker has closed its ends. */
void peers_join(struct peers *p);
/* Hang up as a program that died does. */
void peers_kill(struct peers *p, struct slice which);
/* A new logger in the place of one that was killed; the worker's end goes to `end_out`. */
MUST_USE int peers_new_logger(struct peers *p, int *end_out);
/* The next record into `out`; ERR_TIMEOUT after some seconds. */
MUST_USE int peers_next_record(struct peers *p, struct text *out);
/* The same with what the broker was asked next. */
MUST_USE int peers_next_request(struct peers *p, struct text *out);

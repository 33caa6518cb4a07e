/*
 * worker.h - the one process-wide struct of sallyport-worker and what its parts share.
 *
 * The worker holds control and data sockets and the dialogue; it opens no path and decides no right.  One event loop,
 * one thread; nothing is global.
 */
#pragma once

#include "base/own.h"
#include "proto/auth.h"
#include "proto/broker.h"
#include "proto/log.h"
#include "sys/child.h"
#include "sys/counts.h"
#include "sys/tally.h"
#include "worker/broker_link.h"
#include "worker/data_hub.h"
#include "worker/flood.h"
#include "worker/generation.h"
#include "worker/link.h"
#include "worker/neighbours.h"

struct lockout;
struct session;
struct listener;

enum { LISTENERS_MAX = CHILD_LISTENERS_MAX };

/* Sessions by number: the low half is the slot, the high half tells its occupants apart, so a number that outlived
 * its session finds nothing. */
struct session_slot {
    struct session *session; /* NULL: free */
    uint32_t turn;
};

struct worker {
    struct loop *loop;
    struct child *child;
    struct data_hub *hub;
    struct tls_keys *keys;
    struct counts *counts;          /* NULL: the supervisor gave none */
    struct tally *tally;            /* what all workers count together */
    struct generation *generation;  /* the current configuration */

    struct link supervisor, auth, broker, log;
    struct neighbour neighbours[NEIGHBOURS];
    uint64_t log_lost;              /* records since the last that got through */
    struct text log_records;        /* not sent yet */
    struct loop_timer *log_timer;
    struct text flushes;            /* queries (u32) of the supervisor that wait for the log to be sent */
    uint64_t log_waiting;           /* how many those are, with the losses they tell of */
    struct broker_requests requests;
    struct text ended;              /* tickets of logins that are over, not told yet; ended.h */
    struct loop_timer *ended_timer;

    struct session_slot *slots;
    uint32_t slot_count, slot_free_hint, session_count;
    uint32_t logged_in_count;       /* of the sessions */
    int64_t session_ended;          /* when one did last, loop time */

    struct listener *listeners;     /* list */
    int spare_fd;                   /* given up for a moment when descriptors run out (threats.md H01) */
    int fd_most;                    /* connections get no higher descriptor: files and data channels need some, too */
    struct flood refused;           /* for want of descriptors */
    struct flood dropped_early;     /* while many others had not logged in */
    struct flood penalised;         /* connections cut for penalties */
    struct net_addr penalised_last;

    struct lockout *blocked;        /* addresses that the authenticator named; NULL: none yet */

    uint32_t *stopped_sites;        /* ids */
    size_t stopped_count;
    bool draining;
    struct loop_timer *drain_timer;

    uint8_t *in_buffer;             /* WIRE_DATAGRAM_MAX: one received message */
    struct wire_out out;            /* one message to send */
};

/* `child` has been through child_begin; it stays the caller's and outlives the worker.  Takes its peers, listeners,
 * counts and keys. */
MUST_USE int worker_new(struct child *child, struct worker **worker_out, struct diag *d);
void worker_free(struct worker *w);

void worker_event(struct worker *w, int level, const char *fmt, ...) FORMAT_LIKE_PRINTF(3, 4);

bool worker_site_is_stopped(const struct worker *w, uint32_t site);

/* NULL when it ended meanwhile. */
struct session *worker_session(const struct worker *w, uint64_t id);
/* The first session at or after *slot, which then stands behind it; NULL at the end.  Sessions may end meanwhile. */
struct session *worker_next_session(const struct worker *w, uint32_t *slot);
/* Give `s` a number; ERR_NOMEM. */
MUST_USE int worker_add_session(struct worker *w, struct session *s, uint64_t *id_out);
void worker_remove_session(struct worker *w, uint64_t id);

/* Ask whether draining is over. */
void worker_check_drained(struct worker *w);

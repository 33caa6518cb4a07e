/*
 * server_priv.h - what server.c (channels) and login*.c (decisions) share.
 */
#pragma once

#include "auth/cache.h"
#include "auth/denial.h"
#include "auth/certificate.h"
#include "auth/live.h"
#include "auth/mapper.h"
#include "auth/names.h"
#include "auth/server.h"
#include "auth/shares.h"
#include "auth/ticket.h"
#include "auth/twins.h"
#include "auth/verifier.h"
#include "base/secret.h"
#include "policy/lockout.h"
#include "proto/auth.h"
#include "proto/log.h"
#include "proto/membership.h"
#include "proto/pam.h"

/* LOGIN_QUEUED: for its turn (login_turn.c), or for the same password of somebody else that is being checked. */
enum login_stage { LOGIN_QUEUED, LOGIN_VERIFYING, LOGIN_MAPPING, LOGIN_ASKING_PAM, LOGIN_ASKING_MEMBERSHIP,
                   LOGIN_ASKING_DIRECTORY, LOGIN_IDENTIFYING, LOGIN_FINDING_HOME, LOGIN_AWAITING_FIXED, LOGIN_NAMING, LOGIN_GRANTING,
                   LOGIN_STAGES };

struct login; /* one under way; login.h */
struct fixed;
struct rehearsal; /* one that is only tried; rehearsal.c */

struct outgoing {
    struct outgoing *next;
    size_t len;
    uint8_t bytes[];
};

struct peer {
    int fd; /* -1: free */
    unsigned role, index;
    struct outgoing *first, *last; /* what the socket did not take yet */
    size_t waiting;                /* bytes of them */
    bool broken;                   /* to be dropped at the end of the turn */
    uint64_t number;               /* of all peers there ever were */
};

enum { AUTH_PEERS_MAX = 2 * WORKERS_MAX + 4 };

struct auth_server {
    struct child *child;
    struct auth_options options;
    struct errands *verifier, *mapper; /* verifier.h, mapper.h */
    struct names *names; /* NULL: no rule needs one */
    struct ad *ad;        /* of the snapshot; NULL: no directory, or none that can be used */
    struct ad_place ad_place; /* `ad` again, for the threads that fetch */
    struct live live;
    struct returnings *returning; /* login_return.c; NULL: nobody comes back */
    struct cache *cache;
    struct ticket_table *tickets;
    struct twins *twins[WORKERS_MAX + 1]; /* by broker; NULL: none is kept */
    bool lockout_is_shared;
    struct lockout *lockout; /* NULL before the first failure that counts */
    struct certificate_table certificates;
    struct revocation *revocation;
    struct inquiry *inquiry;
    uint64_t next_peer;
    uint64_t log_lost;    /* messages to the logger, since the last that it was told of */
    struct slice current; /* the datagram being handled */
    bool resumed;         /* ... after the inquiry that it had to wait for */
    bool must_restart;    /* the sandbox does not let us do what the configuration wants */
    struct login *logins; /* newest first */
    struct shares *shares; /* of the addresses that they come from */
    unsigned at_stage[LOGIN_STAGES + 1]; /* how many of them */
    bool has_room;        /* a check has ended since the queue was served */
    unsigned recording;   /* certificates whose account is asked for, for the log alone */
    uint64_t next_login;
    struct fixed *fixed;  /* accounts of virtual directories; login_fixed.c */
    unsigned fixed_told[WORKERS_MAX + 1]; /* per broker: what it was told and has not taken in yet */
    bool had_pam;         /* a pam program was there at some time */
    bool told_no_pam;
    bool draining;
    /* of the snapshot */
    unsigned forms;       /* 1 << password_form of the stored passwords */
    char *like;           /* one of the stored yescrypt passwords, "" when there is none */
    uint8_t *rehashed;    /* per user row: a new form was sent to the supervisor */
    struct peer peers[AUTH_PEERS_MAX];
    struct {              /* refusals that are explained to the administrator */
        int64_t since;
        unsigned count, kept_quiet;
    } explained;
    uint8_t buffer[WIRE_DATAGRAM_MAX], order[WIRE_DATAGRAM_MAX]; /* from peers, from the supervisor */
};

/* ---- server.c ---- */
struct peer *server_peer(struct auth_server *a, unsigned role, unsigned index); /* NULL when not there */
/* Queue a finished datagram for a peer; a peer that takes nothing for too long is cut off. */
void server_send(struct peer *p, struct slice bytes);
/* At once; the supervisor reads. */
void server_send_supervisor(struct auth_server *a, struct slice bytes);
/* Take what the supervisor has sent so far.  ERR_CLOSED: it is gone. */
int server_serve_orders(struct auth_server *a);
/* To the logger.  What it does not take yet waits, up to a limit; the rest is counted, and told when there is room again. */
void server_log(struct auth_server *a, struct slice bytes);
void server_tell(struct auth_server *a, uint8_t level, const char *fmt, ...) FORMAT_LIKE_PRINTF(3, 4);

/* What was made of a certificate; `site`'s name and the time are added. */
void server_tell_certificate(struct auth_server *a, uint32_t site, struct log_certificate m);

/* Handle a datagram of a peer by the tables of its channel. */
int server_dispatch(struct auth_server *a, const struct peer *p, struct slice bytes);

/* Encode message `name` and queue it for the peer, if there is one. */
#define SERVER_SEND(to, name, ...)                                                   \
    do {                                                                             \
        /* -ftrivial-auto-var-init would clear all of it for every small message */  \
        uint8_t send_bytes_[sizeof(struct name) + 48 * 1024] __attribute__((uninitialized)); \
        struct wire_out send_out_ = { send_bytes_, sizeof send_bytes_, 0, 0 };       \
        const struct name send_message_ = { __VA_ARGS__ };                           \
        struct peer *send_peer_ = (to);                                              \
        wire_channel_begin(&send_out_, MSG_##name);                                  \
        if (send_peer_ && name##_encode(&send_message_, &send_out_) == 0)            \
            server_send(send_peer_, slice_of((char *)send_bytes_, send_out_.len));   \
        secret_wipe(send_bytes_, send_out_.len);                                     \
    } while (0)

/* ---- parked.c ---- */
/* Before a message is handled that needs the verdict about `chain`: true when an inquiry has begun, then the message is
 * handled when that has ended. */
bool server_waits_for_inquiry(struct auth_server *a, const struct peer *p, const struct snap_site *site, struct slice chain);

/* The same for a rehearsal, which is taken over then. */
bool server_inquires_for(struct auth_server *a, struct rehearsal *r, const struct snap_site *site);

/* What inquiries that have ended make possible. */
void server_collect_inquiries(struct auth_server *a);
/* The context of a job that nobody waits for any more. */
void server_drop_parked(void *parked);

/* ---- login_fixed.c ---- */
void fixed_apply_snapshot(struct auth_server *a);
void fixed_free_all(struct auth_server *a);
void fixed_flush(struct auth_server *a); /* ask about all of them now */
/* A broker or pam is there. */
void fixed_peer_came(struct auth_server *a, unsigned role, unsigned index);
void fixed_peer_gone(struct auth_server *a, unsigned role, unsigned index);
void fixed_taken_in(struct auth_server *a, unsigned broker);
bool fixed_pam_answered(struct auth_server *a, const struct pam_answer *m); /* false: it was not asked about these */
void fixed_directory_answered(struct auth_server *a, const struct map_job *job);
/* Ask again where it is time to; the monotonic ms of the next such moment, INT64_MAX: none. */
int64_t fixed_turn(struct auth_server *a, int64_t now);
/* Whether grants of the site must wait, because one of its accounts is being looked at for the first time. */
bool fixed_is_pending(const struct auth_server *a, uint32_t site, unsigned broker);

/* ---- login*.c ---- */
void login_certificate(struct auth_server *a, unsigned worker, const struct auth_certificate *m);
void login_forget(struct auth_server *a, unsigned worker, uint64_t number);
void login_begin(struct auth_server *a, unsigned worker, const struct auth_login *m);
void login_verified(struct auth_server *a, struct verify_job *job); /* takes the job */
/* Once a check has ended queued logins go on, address by address. */
void login_serve_queue(struct auth_server *a);
void login_named(struct auth_server *a, const struct name_job *job);
void login_mapped(struct auth_server *a, struct map_job *job);      /* takes the job */
void login_membership_answered(struct auth_server *a, const struct membership_answer *m);
void login_pam_answered(struct auth_server *a, const struct pam_answer *m);
void login_grant_answered(struct auth_server *a, unsigned broker, const struct grant_answer *m);
/* Of another start of ours: what the broker holds, what the worker presents. */
void login_held(struct auth_server *a, unsigned broker, const struct grant_held *m);
void login_present(struct auth_server *a, unsigned worker, const struct auth_present *m);
void login_ended(struct auth_server *a, unsigned worker, struct slice tickets);
/* A program went away: what waits for it, and the logins that lived in it. */
void login_peer_gone(struct auth_server *a, unsigned role, unsigned index);
/* Take over the child's new snapshot: passwords in use, cache, live logins. */
void login_apply_snapshot(struct auth_server *a);
/* Give up what waited too long; milliseconds until the next such moment, -1: nothing waits. */
int login_expire(struct auth_server *a);
/* Whether one more thing that strangers cause may be told the administrator: they must not be able to fill the log. */
bool login_may_explain(struct auth_server *a);
void login_free_all(struct auth_server *a);

/*
 * run.h - one command from its line to its log record.
 *
 * A handler either finishes its run (every answer does) or leaves it for a continuation.  The run owns an immutable copy
 * of what the command was about - argument, path, file, identity - so nothing that happens meanwhile changes it.
 */
#pragma once

#include "ftp/command.h"
#include "policy/reason.h"
#include "proto/broker.h"
#include "worker/broker_link.h"
#include "worker/session.h"
#include "worker/transfer.h"

enum { RUN_VERB_MAX = 32 };

struct run {
    const struct command *row;    /* NULL: unknown verb */
    char verb[RUN_VERB_MAX + 1];  /* as typed; of an unknown one the first word */
    struct text argument;
    struct text path;             /* canonical, "" for commands without one */
    int64_t started;              /* loop time */
    int64_t wall_ms;
    unsigned status;              /* of the last reply */
    uint32_t win32, substatus;
    struct text reason;           /* why the command was refused, for the reason log; "" when the sub-status says all */
    uint64_t sent, received;      /* this command's bytes on the control channel */
    uint64_t moved;               /* and on the data channel: the log shows these for a transfer */
    bool show_secret;             /* anonymous logins: the password is an e-mail address */

    bool asked;                   /* a broker request is under way */
    uint32_t request;
    struct loop_timer *timer;     /* delayed answer of a failed login */
    uint8_t verdict;              /* that it tells, enum auth_verdict */
    struct text detail;           /* and why, for local clients */
    void (*drained)(struct session *s, struct run *r); /* called when the client has read what was sent */

    /* RETR, STOR, APPE, STOU, LIST, NLST, MLSD */
    struct transfer *transfer;
    int file;                     /* until transfer_start takes it; -1 */
    uint64_t handle;              /* upload or listing at the broker; 0 none */
    uint8_t kind;                 /* enum transfer_kind */
    bool is_transfer;             /* the commands of CMD_IN_TRANSFER are taken meanwhile */
    bool appending, ascii, list_more, list_fed_all, data_logged, has_moved;
    uint64_t offset, limit, size;
    const struct data_reply *failure; /* to be said when the broker has dropped the upload */
    struct text chunk;            /* listing bytes that wait for the data channel */
};

struct run *run_new(struct session *s, const struct command *row, struct slice verb, struct slice argument);
/* Record in the log, release.  `s->run` is cleared if it was this one. */
void run_finish(struct session *s, struct run *r);
/* Stop what is under way without an answer of its own: the session ends.  Logged with the given status. */
void run_cancel(struct session *s, struct run *r, unsigned status, uint32_t substatus);

/* A reply that is not the last one of the command. */
void run_reply(struct session *s, struct run *r, enum reply_id id, struct slice parameter);
void run_send(struct session *s, struct run *r, const struct reply *reply);

/* The last reply, then run_finish. */
void answer(struct session *s, struct run *r, enum reply_id id);
void answer_with(struct session *s, struct run *r, enum reply_id id, struct slice parameter);
void answer_reply(struct session *s, struct run *r, const struct reply *reply);
/* A failure that has a Win32 code or sub-status: framed with details for local clients. `first` is the text. */
void answer_failure(struct session *s, struct run *r, unsigned code, struct slice first, uint32_t win32, uint32_t substatus,
                    struct slice detail);
/* The same with a text of the table that takes no parameter. */
void answer_denied(struct session *s, struct run *r, enum reply_id id, uint32_t win32, uint32_t substatus);
/* 550 and the Win32 message. */
void answer_file_error(struct session *s, struct run *r, uint32_t win32, uint32_t substatus);
/* Why the next answer is a refusal, by a setting of `g`. */
void run_because(struct run *r, const struct generation *g, const struct reason *why);
/* What a broker answer that is no success means; NULL: the broker is gone (421, the session ends). */
void answer_broker(struct session *s, struct run *r, const struct broker_answer *a);

/* Resolve the argument against the current directory into r->path; answers 550 and returns an error when it is none. */
MUST_USE int run_resolve(struct session *s, struct run *r, struct slice argument);
/* Ask the broker on behalf of this run; answers 421 when that is impossible.  `r` may be gone afterwards. */
void run_ask(struct session *s, struct run *r, struct broker_request request, broker_answered *answered);
/* To be called first by every continuation: the run that the answer belongs to. */
struct run *run_answered(struct session *s);

static inline struct slice run_argument(const struct run *r)
{
    return text_slice(&r->argument);
}
static inline struct slice run_path(const struct run *r)
{
    return text_slice(&r->path);
}

/* ---- handlers ---- */
typedef void command_run(struct session *s, struct run *r);
#define H(name) command_run cmd_##name;
COMMAND_HANDLERS(H)
#undef H

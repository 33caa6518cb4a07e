/*
 * inquiry.h - the threads that ask the world about a client's certificate.
 *
 * The verdict itself is given elsewhere, from what is in the cache, by code that never waits.  An inquiry does the same
 * steps with the permission to fetch: afterwards the cache holds what could be had, and the verdict is asked for again.
 * So a responder that hangs holds up the sessions that need it and a thread each, and nothing else.
 *
 * Inquiries for chains that are not complete yet have threads and a queue of their own, because anybody can send such a
 * certificate: they cannot use up what those need whose certificate a trusted CA signed.  Those about logins that live
 * wait behind nobody's login.
 */
#pragma once

#include "pki/revocation.h"
#include "sys/errands.h"

enum inquiry_lane { INQUIRY_COMPLETE, INQUIRY_INCOMPLETE, INQUIRY_LIVE, INQUIRY_LANES };

struct inquiry_job {
    struct errand errand;
    void *context;              /* the caller's */
    struct pki_stores *stores;  /* a reference */
    struct chain_rules rules;   /* `at` and `fetch` are set by the thread */
    int64_t at;                 /* the moment to judge at, 0: when it runs */
    bool wants_steps;
    struct text steps;          /* what was asked, with wants_steps */
    int64_t freshness, retrieval_ms;
    enum inquiry_lane lane;
    /* about a login that lives: */
    uint64_t ticket;            /* 0: about one that begins */
    int64_t within;             /* seconds: answers that were fetched before that are asked for anew; 0: revocation is left out */
    bool asks_directory;        /* the caller's */
    enum chain_reason reason;   /* result, and of a good chain: */
    bool in_ntauth_by_issuer, in_ntauth_by_chain;
    struct text issuers;        /* pki_chain_add_issuers */
    size_t sent_count;
    struct slice sent[PKI_SENT_MAX]; /* into `bytes` */
    size_t len;
    uint8_t bytes[];
};

/* `sent` is copied, `stores` counted.  NULL: out of memory, or too many certificates. */
struct inquiry_job *inquiry_job_new(struct pki_stores *stores, const struct slice *sent, size_t count);
void inquiry_job_free(struct inquiry_job *job);

/* What the answers about the certificates of a chain of `length` mean for it. */
enum chain_reason inquiry_reason(enum revocation_status status, const struct revocation_answer *answers, size_t length);

struct inquiry;
/* `revocation` stays the caller's and must outlive it; `drop` frees the context of jobs that nobody takes.  Threads
 * start when they are needed. */
MUST_USE int inquiry_new(struct revocation *revocation, void (*drop)(void *context), struct inquiry **inquiry_out);
/* Makes `revocation` stop, waits for what is under way; drops the rest. */
void inquiry_free(struct inquiry *q);

/* One of them is readable when inquiry_take has something. */
int inquiry_fd(const struct inquiry *q, enum inquiry_lane lane);
/* On 0 the job is taken over; ERR_LIMIT: too many wait. */
MUST_USE int inquiry_submit(struct inquiry *q, struct inquiry_job *job);
/* A finished job, now the caller's; NULL: none. */
struct inquiry_job *inquiry_take(struct inquiry *q);

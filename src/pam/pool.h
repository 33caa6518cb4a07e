/*
 * pool.h - the threads that hold PAM conversations, and the moment their answers go out.
 *
 * A bounded queue in front; beyond it the answer is "unavailable" at once.  Refusals do not leave when they are known but
 * at the next whole FAIL_STEP_MS after the question came, so that the time says little about the reason (threats.md
 * A02).  The wait costs a list entry, no thread.
 */
#pragma once

#include "pam/conversation.h"

struct pool;

struct pool_options {
    unsigned threads;
    size_t queue_max;
    unsigned fail_step_ms;
    struct conversation_settings conversation;
};

/* An answer that is due, now the caller's: free with pool_answer_free. */
struct pool_answer {
    struct pool_answer *next;
    uint64_t job;
    int64_t asked, due; /* monotonic ms */
    struct conversation_result result;
};

MUST_USE int pool_new(const struct pool_options *options, struct pool **pool_out);
/* Waits for conversations under way; drops the rest. */
void pool_free(struct pool *p);

/* Copies the question.  ERR_LIMIT: the queue is full. */
MUST_USE int pool_ask(struct pool *p, const struct pam_check *check);
/* Readable when a conversation has ended since the last pool_take. */
int pool_fd(const struct pool *p);
/* An answer that is due now, NULL: none; then *wait_ms_out says when to ask again (-1: when pool_fd is readable). */
struct pool_answer *pool_take(struct pool *p, int *wait_ms_out);
void pool_answer_free(struct pool_answer *answer);

/*
 * verbs.h - one request of the worker, from the ticket to the answer.
 *
 * The order is the same for every verb and lives in one function: grant, site, handle or path, request filtering,
 * mapping, names, authorization, identity, verb.  What a verb needs stands in its row of the table.
 */
#pragma once

#include "broker/grants.h"
#include "proto/broker.h"

/* The answer with the memory behind its texts; `fd` goes along with it, -1 for none. */
struct verb_result {
    struct broker_answer answer;
    struct text data, name, reason;
    int fd;
    bool is_lent;        /* `fd` belongs to an upload of the grant */
    struct grant *grant; /* held, so that what is lent lives until the answer is sent */
};

#define VERB_RESULT_NONE ((struct verb_result){ .fd = -1 })

/* Do what `ask` asks under the rules of `snapshot`.  Always leaves an answer. */
void verbs_run(struct grants *grants, struct snapshot *snapshot, const struct broker_request *ask,
               struct verb_result *result);
/* The answer is sent. */
void verbs_end(struct grants *grants, struct verb_result *result);

/* What the log says of an error that no rule has explained. */
unsigned verbs_substatus(int err);

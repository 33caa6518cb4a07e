/*
 * verifier.h - the threads that compute password digests.
 *
 * A fixed number of them and a bounded queue (sys/errands.h): parallel logins with a memory-hard digest cost a fixed
 * amount of memory; whose check comes next is decided before (threats.md A06, login_turn.c).
 */
#pragma once

#include "auth/password.h"
#include "sys/errands.h"

enum verify_task {
    VERIFY_CHECK,  /* does `password` fit `stored`? */
    VERIFY_REHASH, /* make a yescrypt form of `password` */
};

struct verify_job {
    struct errand errand;
    enum verify_task task;
    uint64_t login;
    unsigned forms;      /* bit 1 << form for every form to spend work on: the forms in use on this server */
    char *stored;        /* "" for a name that does not exist */
    char *like;          /* some stored yescrypt password, for its cost */
    char *user;          /* VERIFY_REHASH */
    char *password;      /* wiped by verify_job_free */
    size_t password_len;
    bool matches;        /* result of VERIFY_CHECK */
    char *made;          /* result of VERIFY_REHASH, NULL when it could not be made */
};

/* Copies everything; NULL: out of memory. */
struct verify_job *verify_job_new(enum verify_task task, uint64_t login, struct slice password, struct slice stored);
MUST_USE int verify_job_set(char **field, struct slice value);
void verify_job_free(struct verify_job *job);

/* Errands are verify_jobs. */
MUST_USE int verifier_new(unsigned threads, size_t queue_max, struct errands **verifier_out);

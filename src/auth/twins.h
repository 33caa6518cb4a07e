/*
 * twins.h - logins like one that the broker let in a moment ago.
 *
 * Whoever logs in often, or with many connections at once, is asked about over and over in the same words: the account, its
 * groups, its address.  What the broker answered a moment ago about a login that still lives holds for the next one, so he is
 * told only "this ticket is like that one", in a pipe that he reads when he needs to know (proto/grant.h).  Of a login that
 * touches no file he may never hear before its end; two of the four times that a login wakes a program are saved.
 *
 * Not longer than auth_options.twin_ms from the moment that he was asked, not over a new snapshot of ours, and only while the last
 * login that got the answer lives.  Those that were under way before the first answer came are all asked about.
 */
#pragma once

#include "wire/channel.h"

struct auth_server;
struct login;

struct twin {
    uint8_t *question; /* grant_give as it was asked, behind the ticket; NULL: free */
    size_t len;
    struct text home, reason; /* the broker's answer */
    uint64_t ticket;   /* the last login that was let in by it */
    int64_t asked;     /* monotonic ms */
};

enum { TWINS_MAX = 64 }; /* accounts and addresses that come again and again; all are looked through for each login */

/* What is known of one broker. */
struct twins {
    int pipe; /* its writing end */
    bool taken;
    int64_t forgotten; /* monotonic ms; what was asked until then does not count */
    unsigned next; /* place that is written next, not reduced */
    struct twin list[TWINS_MAX];
};

/* A broker came: give him the pipe. */
void twins_begin(struct auth_server *a, unsigned broker);
/* He has it. */
void twins_taken(struct auth_server *a, unsigned broker);
/* He is gone. */
void twins_end(struct auth_server *a, unsigned broker);
/* What was answered does not hold any more, for any broker. */
void twins_forget(struct auth_server *a);
/* Keep what the broker has said to l->question. */
void twins_keep(struct auth_server *a, const struct login *l, struct slice home, struct slice reason);
/* l->ticket is let in: the answer, valid until the next call.  NULL: the broker has to be asked. */
const struct twin *twins_find(struct auth_server *a, const struct login *l);

/*
 * server.h - the authenticator without its process: channels in, decisions out.
 *
 * One thread reads every channel and keeps all state; only password digests are computed elsewhere (verifier.h).  This
 * departs from "a thread per job sits in recvmsg": a login waits for a digest, for PAM and for the broker in turn, and
 * with threads a slow PAM stack would use up the pool that IIS Manager users need.  Here it uses up a list entry.
 */
#pragma once

#include "sys/child.h"

struct auth_server;

struct auth_options {
    struct slice machine;   /* name of this computer; must outlive the server */
    unsigned verifiers;     /* threads */
    bool online;            /* the sandbox lets us ask responders, fetch lists and speak to a directory */
    size_t queue_max;       /* password checks that may wait */
    size_t logins_max;      /* logins under way, whatever they wait for; shares.h deals them out */
    size_t certificates_max; /* certificates of sessions that live */
    int twin_ms;            /* what a broker said of a login holds so long for others like it; 0: each is asked about */
};

/* `child` stays the caller's: its channel to the supervisor and its snapshot are used. */
MUST_USE int auth_server_new(struct child *child, const struct auth_options *options, struct auth_server **server_out);
void auth_server_free(struct auth_server *a);

/* Takes over `fd`, in every case. */
MUST_USE int auth_server_add_peer(struct auth_server *a, unsigned role, unsigned index, int fd);

/* What in this configuration may need the network, in words for the administrator; NULL: nothing. */
const char *auth_why_network(const struct snapshot *s);

/* The peers known at the start are there: look at the snapshot and tell the administrator what cannot work. */
void auth_server_start(struct auth_server *a);

/* Wait for at most `timeout_ms` (-1: for ever) and handle what came.  ERR_CLOSED: the supervisor is gone, or everything
 * is drained: end. */
MUST_USE int auth_server_turn(struct auth_server *a, int timeout_ms);

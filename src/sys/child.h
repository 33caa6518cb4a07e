/*
 * child.h - the life of a program that the supervisor started, seen from inside.
 *
 * main() of every child is: child_begin (receive settings, snapshot, peers, until child_start), set up, confine itself
 * (sandbox.h), child_say_ready, loop.  When the channel closes the supervisor is gone: exit.
 */
#pragma once

#include "proto/child.h"
#include "snapshot/snapshot.h"

struct child_peer_fd {
    unsigned role, index;
    int fd; /* owned by whoever takes it out of the array (sets it to -1) */
};

enum { CHILD_PEERS_MAX = 2 * WORKERS_MAX + 8, CHILD_LISTENERS_MAX = 1024 };

struct child_listener_fd {
    uint32_t listener;
    int fd;
};

struct child {
    unsigned role;     /* ROLE_* of this program */
    int fd;            /* channel to the supervisor (CHILD_FD) */
    unsigned index, workers;
    uint32_t uid, gid; /* to become; UINT32_MAX: stay */
    bool privileged;
    uint32_t restarts; /* how often this program has died before */
    char empty_root[4096];
    struct snapshot *snapshot;
    struct child_peer_fd peers[CHILD_PEERS_MAX];
    size_t peer_count;
    struct child_listener_fd listeners[CHILD_LISTENERS_MAX];
    size_t listener_count;
    int counts_fd;            /* workers, else -1 */
    int cache_fd;             /* child_cache: the authenticator, else -1 */
    int region_fd;            /* child_region: workers and the authenticator, else -1 */
    uint8_t ticket_keys[240]; /* workers */
    size_t ticket_keys_len;
};

/* Receive everything up to child_start.  Sets no_new_privs, dumpable 0, parent-death signal, umask 027, and refuses
 * to run when descriptor 3 is no such channel ("started by hand"). */
MUST_USE int child_begin(struct child *c, unsigned role, struct diag *d);
int child_peer_take(struct child *c, unsigned role, unsigned index); /* -1 when not given */
MUST_USE int child_say_ready(struct child *c);

/* A message that arrived after the start, already judged by the table; `fd` is owned by the handler (or -1).
 * child_receive is for blocking children; event loops call it when the descriptor is readable.
 * ERR_CLOSED: the supervisor is gone. */
MUST_USE int child_receive(struct child *c, void *buffer, size_t size, const struct wire_message **message_out,
                           struct wire_in *fields_out, int *fd_out);

/* Tell the administrator: through the supervisor until a logger is there. */
void child_event(struct child *c, int level, const char *fmt, ...) FORMAT_LIKE_PRINTF(3, 4);

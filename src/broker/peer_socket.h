/*
 * peer_socket.h - a socket to a peer that may be restarted while threads wait on it.
 *
 * A descriptor is closed only when no thread is inside a call on it any more, so its number can never come to mean
 * something else under a waiting thread.  A thread that hangs keeps the old one; the others go on with the new one.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

struct peer_socket {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct peer_end *ends; /* the newest first; others while somebody holds them */
    bool is_stopped;
};

void peer_socket_init(struct peer_socket *p, int fd); /* takes ownership; -1: none yet */
/* Take ownership of `fd` as the new socket; threads waiting on the old one come back with ERR_CLOSED. */
void peer_socket_replace(struct peer_socket *p, int fd);
/* No more: close what there is, let waiting threads go. */
void peer_socket_stop(struct peer_socket *p);
/* Wait until there is a live socket and hold it: its descriptor, to be given back by peer_socket_release.  -1: stopped. */
int peer_socket_hold(struct peer_socket *p);
/* Hold it if there is one, else -1 at once. */
int peer_socket_try_hold(struct peer_socket *p);
/* Give back what was held.  `is_closed`: the peer is gone, nobody is to hold it any more. */
void peer_socket_release(struct peer_socket *p, int fd, bool is_closed);

/*
 * link.h - a socket to a peer that may be restarted while threads wait on it.
 *
 * The descriptor is closed only when no thread is inside a call on it any more, so its number can never come to mean
 * something else under a waiting thread.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

struct link {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int fd, next; /* -1 none; `next` replaces `fd` once its users have left */
    unsigned users;
    bool is_dead, is_stopped;
};

void link_init(struct link *l, int fd);
/* Take ownership of `fd` as the new socket; threads waiting on the old one come back with ERR_CLOSED. */
void link_replace(struct link *l, int fd);
/* No more: close what there is, let waiting threads go. */
void link_stop(struct link *l);
/* Wait until there is a live socket and hold it: its descriptor, to be given back by link_release.  -1: stopped. */
int link_hold(struct link *l);
/* Hold it if there is one, else -1 at once. */
int link_try_hold(struct link *l);
/* `is_closed`: the peer is gone, hold it no more. */
void link_release(struct link *l, bool is_closed);

/*
 * neighbours.h - no worker idle while another has the work of all.
 *
 * Workers accept from the same sockets, and connections that come in one moment are often all taken by one of them, whose
 * processor then does everything.  So what a worker accepts goes to a neighbour that has fewer, as long as that one has less
 * than two.  Beyond that it stays: sessions in one worker share its wake-ups.
 */
#pragma once

#include "worker/link.h"

enum { NEIGHBOURS = 2 };

struct neighbour { /* embedded in the worker */
    struct link link;
    unsigned index; /* of that worker */
};

/* Set up the links, closed. */
void neighbours_init(struct worker *w);
/* The link for the worker `index`, which the supervisor connects with us; NULL: it is no neighbour. */
struct link *neighbours_link(struct worker *w, unsigned index);
void neighbours_close(struct worker *w);

/* Give an accepted connection to a neighbour who has hardly any; false: it is ours, `fd` still the caller's. */
MUST_USE bool neighbours_pass(struct worker *w, int fd);

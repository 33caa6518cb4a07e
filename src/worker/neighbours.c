/*
 * neighbours.c - who has hardly any connections, and giving him one.
 *
 * The numbers stand in the shared tally.  A connection under way counts as its receiver's, or a burst would all be passed on.
 * While sessions end all the time the numbers even out by themselves, and passing one on costs more than it gives.
 */
#include "worker/neighbours.h"

#include "proto/neighbour.h"
#include "worker/listeners.h"
#include "worker/worker.h"

enum { FEW = 2, CHURN_MS = 100 };

static void connection_arrived(struct worker *w, const struct wire_message *message, struct wire_in *fields, int *fd)
{
    (void)message;
    (void)fields; /* one message, without any */
    tally_connections_add(w->tally, w->child->index, -1);
    if (*fd >= 0)
        listeners_take(w, fd_take(fd));
}

static void neighbour_gone(struct worker *w)
{
    (void)w; /* the supervisor says what happened, and connects us with the next one */
}

void neighbours_init(struct worker *w)
{
    for (size_t i = 0; i < NEIGHBOURS; i++)
        w->neighbours[i].link = (struct link){ w, &neighbour_channel, ROLE_WORKER, -1, NULL, { 0 }, connection_arrived,
                                               neighbour_gone, false };
}

void neighbours_close(struct worker *w)
{
    for (size_t i = 0; i < NEIGHBOURS; i++)
        link_close(&w->neighbours[i].link);
}

struct link *neighbours_link(struct worker *w, unsigned index)
{
    unsigned count = w->child->workers, own = w->child->index;
    if (index == own || index >= count)
        return NULL;
    bool is_next = index == (own + 1) % count, is_previous = own == (index + 1) % count;
    if (!is_next && !is_previous)
        return NULL;
    struct neighbour *n = &w->neighbours[is_next ? 0 : 1]; /* of two workers each is the other's next */
    n->index = index;
    return &n->link;
}

/* NULL: nobody has fewer than we, or all have enough. */
static struct neighbour *with_fewest(struct worker *w)
{
    struct neighbour *found = NULL;
    uint32_t fewest = w->session_count < FEW ? w->session_count : FEW;
    for (struct neighbour *n = w->neighbours; n < w->neighbours + NEIGHBOURS; n++) {
        uint32_t has = link_is_open(&n->link) ? tally_connections(w->tally, n->index) : UINT32_MAX;
        if (has < fewest) {
            fewest = has;
            found = n;
        }
    }
    return found;
}

static bool send_to(struct worker *w, struct neighbour *n, int fd)
{
    return !LINK_ENCODE(&w->out, neighbour_connection, 0) &&
           !link_try_pass(&n->link, slice_of((const char *)w->out.ptr, w->out.len), fd);
}

bool neighbours_pass(struct worker *w, int fd)
{
    bool in_churn = loop_now(w->loop) - w->session_ended < CHURN_MS;
    struct neighbour *n = in_churn ? NULL : with_fewest(w);
    if (!n)
        return false;
    tally_connections_add(w->tally, n->index, +1); /* before he can take it back */
    if (!send_to(w, n, fd)) {
        tally_connections_add(w->tally, n->index, -1);
        return false;
    }
    close(fd);
    return true;
}

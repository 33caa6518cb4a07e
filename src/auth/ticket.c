/* ticket.c - see ticket.h.  Numbers are random, so their low bits are hash enough. */
#include "auth/ticket.h"

#include <stdlib.h>

#include "sys/random_bytes.h"

enum { BUCKETS = 8192 };

struct ticket_table {
    struct ticket *buckets[BUCKETS];
};

struct ticket_table *ticket_table_new(void)
{
    return calloc(1, sizeof(struct ticket_table));
}

static bool always(void *context, const struct ticket *ticket)
{
    (void)context;
    (void)ticket;
    return true;
}

void ticket_table_free(struct ticket_table *t)
{
    if (t)
        ticket_sweep(t, always, NULL);
    free(t);
}

uint64_t ticket_draw(const struct ticket_table *t)
{
    uint64_t number;
    do
        if (random_bytes(&number, sizeof number))
            return 0;
    while (!number || ticket_find(t, number));
    return number;
}

int ticket_add(struct ticket_table *t, uint64_t number, unsigned worker, uint32_t site, struct identity *identity)
{
    struct ticket *ticket = malloc(sizeof *ticket);
    if (!ticket)
        return ERR_NOMEM;
    *ticket = (struct ticket){ number, worker, site, identity, t->buckets[number % BUCKETS] };
    t->buckets[number % BUCKETS] = ticket;
    return 0;
}

const struct ticket *ticket_find(const struct ticket_table *t, uint64_t number)
{
    const struct ticket *ticket = t->buckets[number % BUCKETS];
    while (ticket && ticket->number != number)
        ticket = ticket->next;
    return ticket;
}

static void unlink_ticket(struct ticket **at)
{
    struct ticket *ticket = *at;
    *at = ticket->next;
    identity_free(ticket->identity);
    free(ticket);
}

void ticket_remove(struct ticket_table *t, uint64_t number)
{
    for (struct ticket **at = &t->buckets[number % BUCKETS]; *at; at = &(*at)->next) {
        if ((*at)->number != number)
            continue;
        unlink_ticket(at);
        return;
    }
}

void ticket_sweep(struct ticket_table *t, bool (*leave)(void *context, const struct ticket *ticket), void *context)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct ticket **at = &t->buckets[i]; *at;) {
            if (leave(context, *at))
                unlink_ticket(at);
            else
                at = &(*at)->next;
        }
}

bool ticket_walk(struct ticket_table *t, size_t *bucket, void (*visit)(void *context, const struct ticket *ticket),
                 void *context, size_t *seen_inout)
{
    if (*bucket >= BUCKETS)
        return false;
    for (const struct ticket *ticket = t->buckets[*bucket], *next; ticket; ticket = next) {
        next = ticket->next;
        ++*seen_inout;
        visit(context, ticket);
    }
    return ++*bucket < BUCKETS;
}

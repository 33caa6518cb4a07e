/*
 * ticket.h - the logins that live: which ticket belongs to which worker and whom it stands for.
 */
#pragma once

#include "auth/account.h"

struct ticket {
    uint64_t number;
    unsigned worker;
    uint32_t site;
    struct identity *identity;
    struct ticket *next;
};

struct ticket_table;

struct ticket_table *ticket_table_new(void); /* NULL: out of memory */
void ticket_table_free(struct ticket_table *t);

/* A number nobody can guess, not 0 and not in the table.  0: no randomness. */
uint64_t ticket_draw(const struct ticket_table *t);
/* Takes over `identity`; on error it stays the caller's. */
MUST_USE int ticket_add(struct ticket_table *t, uint64_t number, unsigned worker, uint32_t site, struct identity *identity);
const struct ticket *ticket_find(const struct ticket_table *t, uint64_t number);
void ticket_remove(struct ticket_table *t, uint64_t number);
/* Remove every ticket for which `leave` says true (it has told whom it must). */
void ticket_sweep(struct ticket_table *t, bool (*leave)(void *context, const struct ticket *ticket), void *context);
/* Show `visit` the tickets of one more bucket, which it may remove; *bucket begins with 0, *seen_inout is raised by their
 * number.  False: that was the last. */
bool ticket_walk(struct ticket_table *t, size_t *bucket, void (*visit)(void *context, const struct ticket *ticket),
                 void *context, size_t *seen_inout);

/* twins.c - see twins.h. */
#include "auth/twins.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/login.h"
#include "base/clock.h"
#include "proto/grant.h"
#include "sys/datagram.h"

static void forget(struct twin *t)
{
    free(t->question);
    text_free(&t->home);
    text_free(&t->reason);
    *t = (struct twin){ 0 };
}

static void forget_all(struct twins *of)
{
    for (struct twin *t = of->list; t < of->list + TWINS_MAX; t++)
        forget(t);
}

void twins_begin(struct auth_server *a, unsigned broker)
{
    int ends[2];
    struct twins *of = calloc(1, sizeof *of);
    struct peer *p = server_peer(a, ROLE_BROKER, broker);
    twins_end(a, broker);
    if (!of || !p || !a->options.twin_ms || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        free(of); /* then he is asked about each */
        return;
    }
    of->pipe = ends[1];
    a->twins[broker] = of;
    int err = DATAGRAM_SEND(p->fd, ends[0], grant_twins, 0);
    close(ends[0]); /* a pipe that nobody reads takes nothing */
    if (err)
        twins_end(a, broker);
}

void twins_taken(struct auth_server *a, unsigned broker)
{
    if (a->twins[broker])
        a->twins[broker]->taken = true;
}

void twins_end(struct auth_server *a, unsigned broker)
{
    struct twins *of = a->twins[broker];
    if (!of)
        return;
    a->twins[broker] = NULL;
    close(of->pipe);
    forget_all(of);
    free(of);
}

void twins_forget(struct auth_server *a)
{
    for (unsigned i = 0; i < sizeof a->twins / sizeof a->twins[0]; i++)
        if (a->twins[i]) {
            forget_all(a->twins[i]);
            a->twins[i]->forgotten = clock_ms();
        }
}

static struct twin *find(struct twins *of, struct slice question)
{
    for (struct twin *t = of->list; t < of->list + TWINS_MAX; t++)
        if (t->question && slice_equal(slice_of((const char *)t->question, t->len), question))
            return t;
    return NULL;
}

static bool holds(const struct auth_server *a, const struct twin *t, int64_t now)
{
    return now - t->asked < a->options.twin_ms && ticket_find(a->tickets, t->ticket);
}

void twins_keep(struct auth_server *a, const struct login *l, struct slice home, struct slice reason)
{
    struct twins *of = a->twins[l->broker];
    struct slice question = text_slice(&l->question);
    if (!of || !of->taken || text_error(&l->question) || !question.len || l->asked <= of->forgotten)
        return;
    struct twin *place = find(of, question); /* asked twice before the first answer came */
    if (!place)
        place = &of->list[of->next++ % TWINS_MAX]; /* the oldest */
    forget(place);
    place->question = malloc(question.len);
    text_add(&place->home, home);
    text_add(&place->reason, reason);
    if (!place->question || text_error(&place->home) || text_error(&place->reason)) {
        forget(place);
        return;
    }
    memcpy(place->question, question.ptr, question.len);
    place->len = question.len;
    place->ticket = l->ticket;
    place->asked = l->asked;
}

/* All or nothing: it is less than PIPE_BUF. */
static bool tell(const struct twins *of, uint64_t ticket, uint64_t like)
{
    uint8_t bytes[GRANT_TWIN_BYTES];
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    const struct grant_twin m = { ticket, like };
    ssize_t written;
    if (grant_twin_encode(&m, &out))
        return false;
    do
        written = write(of->pipe, bytes, out.len);
    while (written < 0 && errno == EINTR);
    return written == (ssize_t)out.len;
}

const struct twin *twins_find(struct auth_server *a, const struct login *l)
{
    struct twins *of = a->twins[l->broker];
    struct twin *t = of ? find(of, text_slice(&l->question)) : NULL;
    if (!t || !holds(a, t, clock_ms()) || !tell(of, l->ticket, t->ticket))
        return NULL;
    t->ticket = l->ticket;
    return t;
}

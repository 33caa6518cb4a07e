/*
 * login_return.c - logins that lived when the authenticator was started anew (threats.md A15).
 *
 *   broker: grant_held ---.
 *                          >--- both say so: the ticket is back, and is judged like every live login
 *   worker: auth_present -'
 *   only one of them, for too long: the login ends
 *
 * Whose login it is comes back from the broker, in the memo that was given with the grant; the worker says no more than at
 * a handshake: which certificate the client of this session showed.
 */
#include <stdlib.h>

#include "auth/login.h"
#include "base/clock.h"

enum { RETURN_MS = 60000, BUCKETS = 1024, SID_LIMIT = 256 };

/* What an authenticator tells the next one. */
#define LOGIN_MEMO_FIELDS(F)         \
    F(u32,  kind,  UINT32_MAX)       \
    F(flag, named, 1)                \
    F(flag, shown, 1)                \
    F(text, user,  NAME_LIMIT)       \
    F(text, sid,   SID_LIMIT)        \
    F(text, mapped, NAME_LIMIT)
WIRE_MESSAGE(login_memo, LOGIN_MEMO_FIELDS)

struct returning {
    struct returning *next; /* in its bucket */
    uint64_t ticket;
    unsigned worker;
    uint32_t site;
    bool held, presented, named, shown; /* `named`: by its certificate */
    uint64_t certificate;      /* as the worker presented it */
    struct identity *identity; /* as the broker holds it */
    int64_t deadline;
};

struct returnings {
    size_t count;
    int64_t first; /* no deadline is earlier */
    struct returning *buckets[BUCKETS];
};

size_t login_write_memo(const struct identity *identity, uint8_t *bytes, size_t size)
{
    struct wire_out out = { bytes, size, 0, 0 };
    const struct login_memo memo = { .kind = identity->kind, .named = identity->certificate != 0, .shown = identity->shown != 0,
                                     .user = identity->user, .sid = identity->sid, .mapped = identity->mapped };
    return login_memo_encode(&memo, &out) ? 0 : out.len;
}

/* ---- the table ---- */

static struct returning **find(struct auth_server *a, uint64_t ticket)
{
    struct returning **at = &a->returning->buckets[ticket % BUCKETS];
    while (*at && (*at)->ticket != ticket)
        at = &(*at)->next;
    return at;
}

static void forget(struct auth_server *a, struct returning **at)
{
    struct returning *r = *at;
    *at = r->next;
    a->returning->count--;
    identity_free(r->identity);
    free(r);
    if (!a->returning->count) {
        free(a->returning);
        a->returning = NULL;
    }
}

/* NULL: no room, or another worker's. */
static struct returning *find_or_add(struct auth_server *a, uint64_t ticket, unsigned worker, uint32_t site)
{
    if (!a->returning && !(a->returning = calloc(1, sizeof *a->returning)))
        return NULL;
    struct returning **at = find(a, ticket);
    if (*at)
        return (*at)->worker == worker && (*at)->site == site ? *at : NULL;
    struct returning *r = a->returning->count < a->certificates.max ? calloc(1, sizeof *r) : NULL;
    if (!r)
        return NULL;
    *r = (struct returning){ .ticket = ticket, .worker = worker, .site = site, .deadline = clock_ms() + RETURN_MS };
    if (!a->returning->count)
        a->returning->first = r->deadline;
    a->returning->count++;
    return *at = r;
}

static void end_both(struct auth_server *a, unsigned worker, uint64_t ticket, uint32_t substatus)
{
    SERVER_SEND(server_peer(a, ROLE_WORKER, worker), auth_revoke, .ticket = ticket, .substatus = substatus,
                .why = SLICE_LITERAL("the authenticator was started anew and cannot tell whose login it is"));
    SERVER_SEND(server_peer(a, ROLE_BROKER, worker), grant_revoke, .ticket = ticket);
}

/* Both have spoken. */
static void join(struct auth_server *a, struct returning *r)
{
    struct returning **at = find(a, r->ticket);
    struct identity *identity = r->identity;
    identity->shown = r->certificate;
    identity->certificate = r->named ? r->certificate : 0;
    if (r->shown != (r->certificate != 0) || ticket_find(a->tickets, r->ticket) ||
        ticket_add(a->tickets, r->ticket, r->worker, r->site, identity)) {
        end_both(a, r->worker, r->ticket, SUB_AUTHENTICATION_ERROR);
    } else {
        r->identity = NULL;
        live_begin(a);
    }
    uint64_t number = r->ticket;
    forget(a, at);
    login_check(a, number);
}

/* ---- what they say ---- */

void login_held(struct auth_server *a, unsigned broker, const struct grant_held *m)
{
    struct login_memo memo = { 0 };
    struct wire_in in = wire_in_of(m->memo.ptr, m->memo.len);
    if (ticket_find(a->tickets, m->ticket))
        return;
    struct returning *r = login_memo_decode(&in, &memo) ? NULL : find_or_add(a, m->ticket, broker, m->site);
    const struct identity identity = { .kind = (enum account_kind)memo.kind, .user = memo.user, .sid = memo.sid, .mapped = memo.mapped,
                                       .roles = m->roles };
    if (!r || r->held || identity_copy(&identity, &r->identity)) {
        end_both(a, broker, m->ticket, SUB_AUTHENTICATION_ERROR);
        return;
    }
    r->held = true;
    r->named = memo.named;
    r->shown = memo.shown;
    if (r->presented)
        join(a, r);
}

void login_present(struct auth_server *a, unsigned worker, const struct auth_present *m)
{
    if (ticket_find(a->tickets, m->ticket))
        return; /* it is ours */
    struct returning *r = find_or_add(a, m->ticket, worker, m->site);
    const struct certificate what = { .number = m->chain.len ? ticket_draw(a->tickets) : 0, .worker = worker,
                                      .session = m->session, .site = m->site };
    if (!r || r->presented || (m->chain.len && (!what.number || certificate_add(&a->certificates, &what, m->chain)))) {
        end_both(a, worker, m->ticket, SUB_AUTHENTICATION_ERROR);
        return;
    }
    r->presented = true;
    r->certificate = what.number;
    if (what.number)
        SERVER_SEND(server_peer(a, ROLE_WORKER, worker), auth_certified, .session = m->session, .site = m->site,
                    .certificate = what.number);
    if (r->held)
        join(a, r);
}

void login_return_ended(struct auth_server *a, unsigned worker, uint64_t ticket)
{
    struct returning **at = a->returning ? find(a, ticket) : NULL;
    if (!at || !*at || (*at)->worker != worker)
        return;
    SERVER_SEND(server_peer(a, ROLE_BROKER, worker), grant_revoke, .ticket = ticket);
    forget(a, at);
}

/* ---- those that wait too long, or whose program is gone ---- */

static void sweep(struct auth_server *a, int64_t now, bool gone, unsigned worker)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; a->returning && i < BUCKETS; i++)
        for (struct returning **at = &a->returning->buckets[i]; *at;) {
            struct returning *r = *at;
            if (gone ? r->worker != worker : r->deadline > now) {
                first = r->deadline < first ? r->deadline : first;
                at = &r->next;
                continue;
            }
            end_both(a, r->worker, r->ticket, SUB_AUTHENTICATION_ERROR);
            bool last = a->returning->count == 1;
            forget(a, at);
            if (last)
                return;
        }
    if (a->returning)
        a->returning->first = first;
}

void login_return_gone(struct auth_server *a, unsigned worker)
{
    if (a->returning)
        sweep(a, 0, true, worker);
}

int64_t login_return_expire(struct auth_server *a, int64_t now)
{
    if (a->returning && a->returning->first <= now)
        sweep(a, now, false, 0);
    return a->returning ? a->returning->first : INT64_MAX;
}

void login_return_free(struct auth_server *a)
{
    for (size_t i = 0; a->returning && i < BUCKETS; i++)
        while (a->returning && a->returning->buckets[i])
            forget(a, &a->returning->buckets[i]);
}

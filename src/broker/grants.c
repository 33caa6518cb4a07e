/* grants.c - the table, those that are like another, and the end of a grant. */
#include "broker/grants.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUCKETS = 4096, TWINS_AT_ONCE = 256 };

int grants_init(struct grants *g)
{
    *g = (struct grants){ .bucket_count = BUCKETS, .pipe = -1 };
    g->buckets = calloc(BUCKETS, sizeof(struct grant *));
    if (!g->buckets)
        return ERR_NOMEM;
    if (fixed_init(&g->fixed))
        return ERR_SYS;
    return pthread_mutex_init(&g->lock, NULL) || pthread_mutex_init(&g->pipe_lock, NULL) ? ERR_SYS : 0;
}

void grants_free(struct grants *g)
{
    if (!g->buckets)
        return;
    grants_drop_all(g);
    free(g->buckets);
    fixed_free(&g->fixed);
    if (g->pipe >= 0)
        close(g->pipe);
    pthread_mutex_destroy(&g->pipe_lock);
    pthread_mutex_destroy(&g->lock);
    *g = (struct grants){ 0 };
}

void grant_forget_rename(struct grant *g)
{
    if (g->rename.object >= 0)
        close(g->rename.object);
    if (g->rename.dir >= 0)
        close(g->rename.dir);
    g->rename.object = g->rename.dir = -1;
    shared_identity_unref(g->rename.owner);
    g->rename.owner = NULL;
    text_free(&g->rename.path);
}

/* As whoever began it, because it removes or names files.  If that identity cannot be taken any more the broker's own
 * account tries; what it may not remove is swept by whoever meets it later. */
static void abandon_uploads(struct grant *g)
{
    while (g->uploads) {
        struct upload *u = g->uploads;
        struct shared_identity *owner = shared_identity_ref(u->owner);
        const struct identity *who = owner ? &owner->who : &g->as->identity;
        bool is_taken = identity_take(who) == 0;
        g->uploads = u->next;
        upload_abandon(u);
        if (is_taken)
            identity_restore(who);
        shared_identity_unref(owner);
    }
}

static void grant_free(struct grant *g)
{
    abandon_uploads(g);
    while (g->listings) {
        struct browse *b = g->listings;
        g->listings = *browse_link(b);
        browse_end(b);
    }
    grant_forget_rename(g);
    standing_unref(g->as);
    pthread_mutex_destroy(&g->busy);
    free(g);
}

/* Tickets are random: any bits will do. */
static struct grant **find(struct grants *g, uint64_t ticket)
{
    struct grant **at = &g->buckets[ticket % g->bucket_count];
    while (*at && (*at)->ticket != ticket)
        at = &(*at)->next;
    return at;
}

static struct grant *grant_new(uint64_t ticket, struct standing *as)
{
    struct grant *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->rename.object = g->rename.dir = -1;
    g->ticket = ticket;
    if (pthread_mutex_init(&g->busy, NULL)) {
        free(g);
        return NULL;
    }
    g->as = standing_ref(as);
    return g;
}

/* With the lock held. */
static int add(struct grants *g, uint64_t ticket, struct standing *as)
{
    struct grant **at = find(g, ticket);
    if (*at)
        return ERR_EXISTS;
    if (g->count >= GRANTS_MAX)
        return ERR_LIMIT;
    *at = grant_new(ticket, as);
    g->count += *at != NULL;
    return *at ? 0 : ERR_NOMEM;
}

int grants_add(struct grants *g, uint64_t ticket, struct standing *as)
{
    pthread_mutex_lock(&g->lock);
    int err = add(g, ticket, as);
    pthread_mutex_unlock(&g->lock);
    return err;
}

/* ---- those that are like another ---- */

/* One that cannot be had is unknown to whoever quotes it. */
static void add_twin(struct grants *g, const struct grant_twin *m)
{
    pthread_mutex_lock(&g->lock);
    const struct grant *like = *find(g, m->like);
    if (like)
        (void)add(g, m->ticket, like->as);
    pthread_mutex_unlock(&g->lock);
}

static void read_pipe(struct grants *g)
{
    uint8_t bytes[TWINS_AT_ONCE * GRANT_TWIN_BYTES] __attribute__((uninitialized));
    ssize_t got;
    while (g->pipe >= 0 && (got = read(g->pipe, bytes, sizeof bytes)) > 0)
        for (ssize_t at = 0; at < got; at += GRANT_TWIN_BYTES) {
            struct grant_twin m;
            struct wire_in in = wire_in_of(bytes + at, GRANT_TWIN_BYTES);
            if (got - at >= GRANT_TWIN_BYTES && grant_twin_decode(&in, &m) == 0)
                add_twin(g, &m);
        }
}

void grants_hear(struct grants *g)
{
    pthread_mutex_lock(&g->pipe_lock);
    read_pipe(g);
    pthread_mutex_unlock(&g->pipe_lock);
}

int grants_set_pipe(struct grants *g, int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || !(flags & O_NONBLOCK)) {
        close(fd);
        return ERR_DENIED;
    }
    pthread_mutex_lock(&g->pipe_lock);
    read_pipe(g);
    if (g->pipe >= 0)
        close(g->pipe);
    g->pipe = fd;
    pthread_mutex_unlock(&g->pipe_lock);
    return 0;
}

/* ---- in use ---- */

static struct grant *hold(struct grants *g, uint64_t ticket)
{
    pthread_mutex_lock(&g->lock);
    struct grant *grant = *find(g, ticket);
    if (grant)
        grant->users++;
    pthread_mutex_unlock(&g->lock);
    return grant;
}

struct grant *grants_take(struct grants *g, uint64_t ticket)
{
    struct grant *grant = hold(g, ticket);
    if (!grant) {
        grants_hear(g);
        grant = hold(g, ticket);
    }
    if (grant)
        pthread_mutex_lock(&grant->busy);
    return grant;
}

void grants_put(struct grants *g, struct grant *grant)
{
    pthread_mutex_unlock(&grant->busy);
    pthread_mutex_lock(&g->lock);
    bool is_last = --grant->users == 0 && grant->is_dropped;
    pthread_mutex_unlock(&g->lock);
    if (is_last)
        grant_free(grant);
}

/* Out of the table; true when nobody uses it and the caller must free it. */
static bool unlink_grant(struct grants *g, struct grant **at)
{
    struct grant *grant = *at;
    *at = grant->next;
    g->count--;
    grant->is_dropped = true;
    return grant->users == 0;
}

void grants_drop(struct grants *g, uint64_t ticket)
{
    pthread_mutex_lock(&g->lock);
    struct grant **at = find(g, ticket), *grant = *at;
    bool is_idle = grant && unlink_grant(g, at);
    pthread_mutex_unlock(&g->lock);
    if (is_idle)
        grant_free(grant);
}

void grants_drop_all(struct grants *g)
{
    for (size_t i = 0; i < g->bucket_count; i++)
        for (;;) {
            pthread_mutex_lock(&g->lock);
            struct grant *grant = g->buckets[i];
            bool is_idle = grant && unlink_grant(g, &g->buckets[i]);
            pthread_mutex_unlock(&g->lock);
            if (!grant)
                break;
            if (is_idle)
                grant_free(grant);
        }
}

struct entry {
    uint64_t ticket;
    struct standing *as;
};

/* All of the table; NULL without memory. */
static struct entry *copy_table(struct grants *g, size_t *count_out)
{
    size_t count = 0;
    pthread_mutex_lock(&g->lock);
    struct entry *entries = calloc(g->count + 1, sizeof *entries);
    for (size_t i = 0; entries && i < g->bucket_count; i++)
        for (const struct grant *grant = g->buckets[i]; grant; grant = grant->next)
            entries[count++] = (struct entry){ grant->ticket, standing_ref(grant->as) };
    pthread_mutex_unlock(&g->lock);
    *count_out = count;
    return entries;
}

int grants_each(struct grants *g, int (*visit)(void *context, uint64_t ticket, const struct standing *as), void *context)
{
    size_t count;
    struct entry *entries = copy_table(g, &count);
    int err = entries ? 0 : ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        if (!err)
            err = visit(context, entries[i].ticket, entries[i].as);
        standing_unref(entries[i].as);
    }
    free(entries);
    return err;
}

/*
 * parked.c - messages of workers, and rehearsals, that wait for an inquiry about a certificate: put aside as they came, and
 * handled from the top when it has ended.
 */
#include <stdlib.h>
#include <time.h>

#include "auth/rehearsal.h"
#include "auth/server_priv.h"

struct parked {
    uint64_t peer; /* who is gone is not answered */
    struct rehearsal *rehearsal; /* then there is no message */
    size_t len;
    uint8_t bytes[];
};

static void parked_free(struct parked *w)
{
    if (!w)
        return;
    rehearsal_free(w->rehearsal);
    secret_wipe(w->bytes, w->len); /* a login carries a password */
    free(w);
}

bool server_waits_for_inquiry(struct auth_server *a, const struct peer *p, const struct snap_site *site, struct slice chain)
{
    struct inquiry_job *job = NULL;
    if (!site || a->resumed || !a->options.online)
        return false;
    (void)certificate_verify(&a->certificates, site, chain, time(NULL), NULL, &job);
    struct parked *w = job ? malloc(sizeof *w + a->current.len) : NULL;
    if (w) {
        *w = (struct parked){ .peer = p->number, .len = a->current.len };
        memcpy(w->bytes, a->current.ptr, w->len);
        job->context = w;
    }
    if (w && inquiry_submit(a->inquiry, job) == 0)
        return true;
    parked_free(w);
    inquiry_job_free(job);
    return false; /* too many wait: what is known has to do, and unknown is refused */
}

bool server_inquires_for(struct auth_server *a, struct rehearsal *r, const struct snap_site *site)
{
    struct inquiry_job *job = NULL;
    int64_t at = r->at ? r->at : (int64_t)time(NULL);
    if (!a->options.online)
        return false;
    (void)certificate_verify(&a->certificates, site, slice_of((const char *)r->chain, r->chain_len), at, NULL, &job);
    struct parked *w = job ? malloc(sizeof *w) : NULL;
    if (w) {
        *w = (struct parked){ .rehearsal = r };
        job->context = w;
        job->at = r->at;
        job->wants_steps = true;
    }
    if (w && inquiry_submit(a->inquiry, job) == 0)
        return true;
    free(w); /* the rehearsal goes on without */
    inquiry_job_free(job);
    return false;
}

void server_drop_parked(void *parked)
{
    parked_free(parked);
}

static void resume(struct auth_server *a, const struct parked *w)
{
    for (size_t i = 0; i < AUTH_PEERS_MAX; i++) {
        struct peer *p = &a->peers[i];
        if (p->fd < 0 || p->number != w->peer || p->broken)
            continue;
        a->resumed = true;
        p->broken |= server_dispatch(a, p, slice_of((const char *)w->bytes, w->len)) != 0;
        a->resumed = false;
        return;
    }
}

void server_collect_inquiries(struct auth_server *a)
{
    for (struct inquiry_job *job; (job = inquiry_take(a->inquiry));) {
        struct parked *w = job->context;
        if (job->ticket) {
            live_judged(a, job);
        } else if (w->rehearsal) {
            rehearsal_resume(a, w->rehearsal, text_slice(&job->steps));
            w->rehearsal = NULL;
        } else {
            resume(a, w);
        }
        parked_free(w);
        inquiry_job_free(job);
    }
}

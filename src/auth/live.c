/* live.c - see live.h. */
#include "auth/live.h"

#include <stdio.h>

#include "auth/login.h"

enum { FLIGHTS_MAX = 64, TICKETS_PER_TURN = 256, RETRIEVAL_MAX_SECONDS = 15 };

void live_end(struct auth_server *a, const struct ticket *ticket, uint32_t substatus, uint32_t win32, const char *why)
{
    server_tell(a, LOG_LEVEL_NOTICE, "\"" SLICE_FMT "\" is logged off site %u: %s", SLICE_ARG(ticket->identity->user),
                ticket->site, why);
    SERVER_SEND(server_peer(a, ROLE_WORKER, ticket->worker), auth_revoke, .ticket = ticket->number,
                .substatus = substatus, .win32 = win32, .why = slice_str(why));
    SERVER_SEND(server_peer(a, ROLE_BROKER, ticket->worker), grant_revoke, .ticket = ticket->number);
    ticket_remove(a->tickets, ticket->number);
}

/* ---- one login ---- */

/* The certificate names the same account under the present configuration. */
static bool still_names(struct auth_server *a, const struct ticket *ticket, const struct snap_site *site,
                        const struct certificate *c)
{
    struct slice user = SLICE_NONE, leaf = certificate_leaf(certificate_chain(c));
    if (!ticket->identity->certificate)
        return true; /* a password named it */
    enum certificate_mapping mapping = certificate_map(a->child->snapshot, site, leaf, &user);
    if (ticket->identity->mapped.len) /* an entry named an account of the directory */
        return a->ad && mapping == MAPPING_USER && slice_equal(user, ticket->identity->mapped);
    if (ticket->identity->kind == ACCOUNT_DIRECTORY) /* whether it still names the account, the directory says */
        return a->ad && site->use_ad_mapping && mapping == MAPPING_NONE;
    return mapping == MAPPING_USER && login_names_account(a, user, ticket->identity->user);
}

/* Asked again by the chain or revocation rules of the site. */
static void send_inquiry(struct auth_server *a, const struct ticket *ticket, const struct snap_site *site,
                         const struct certificate *c)
{
    int64_t within = a->live.revocation ? snapshot_server(a->child->snapshot, 0)->revocation_recheck_seconds : 0;
    struct inquiry_job *job = certificate_inquiry(&a->certificates, site, certificate_chain(c));
    if (!job)
        return; /* it is looked at the next time */
    job->ticket = ticket->number;
    job->lane = INQUIRY_LIVE;
    job->within = within;
    job->asks_directory = a->live.directory && ticket->identity->kind == ACCOUNT_DIRECTORY && !ticket->identity->mapped.len;
    if (job->retrieval_ms <= 0 || job->retrieval_ms > RETRIEVAL_MAX_SECONDS * 1000)
        job->retrieval_ms = RETRIEVAL_MAX_SECONDS * 1000;
    if (!a->options.online)
        job->rules.flags |= PKI_REVOCATION_CACHE_ONLY | PKI_URL_CACHE_ONLY;
    if (inquiry_submit(a->inquiry, job))
        inquiry_job_free(job);
    else
        a->live.in_flight++;
}

void live_look(struct auth_server *a, const struct ticket *ticket)
{
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, ticket->site);
    const struct certificate *c = certificate_find(&a->certificates, ticket->identity->shown);
    if (ticket->identity->kind == ACCOUNT_DIRECTORY && a->live.directory &&
        (!ticket->identity->certificate || ticket->identity->mapped.len))
        login_directory_recheck(a, ticket);
    if (!site || !ticket->identity->shown)
        return;
    if (!c)
        live_end(a, ticket, SUB_CERTIFICATE_INVALID, 0, "its certificate is not known any more");
    else if (!still_names(a, ticket, site, c))
        live_end(a, ticket, SUB_CONFIGURATION_CHANGED, 0, "its certificate names another account, or none, now");
    else
        send_inquiry(a, ticket, site, c);
}

/* ---- the walk ---- */

static void look_at(void *context, const struct ticket *ticket)
{
    live_look(context, ticket);
}

void live_begin(struct auth_server *a)
{
    struct live *l = &a->live;
    l->next_revocation = l->next_directory = 0;
    l->again = l->walking;
}

static bool has_directory(const struct auth_server *a)
{
    return a->ad && ad_is_configured(a->child->snapshot);
}

static void begin(struct auth_server *a, int64_t now)
{
    struct live *l = &a->live;
    const struct snapshot *s = a->child->snapshot;
    *l = (struct live){ .walking = true, .in_flight = l->in_flight, .revocation = now >= l->next_revocation,
                        .directory = has_directory(a) && now >= l->next_directory,
                        .next_revocation = l->next_revocation, .next_directory = l->next_directory };
    if (l->revocation)
        l->next_revocation = now + snapshot_server(s, 0)->revocation_recheck_seconds * 1000;
    if (l->directory)
        l->next_directory = now + snapshot_ad(s, 0)->recheck_seconds * 1000;
}

static int64_t next_walk(const struct auth_server *a)
{
    const struct live *l = &a->live;
    return has_directory(a) && l->next_directory < l->next_revocation ? l->next_directory : l->next_revocation;
}

int64_t live_turn(struct auth_server *a, int64_t now)
{
    struct live *l = &a->live;
    if (!l->walking && now >= next_walk(a))
        begin(a, now);
    for (size_t seen = 0; l->walking && l->in_flight < FLIGHTS_MAX; ) {
        if (seen >= TICKETS_PER_TURN)
            return now; /* others have their turn first */
        bool more = ticket_walk(a->tickets, &l->bucket, look_at, a, &seen);
        l->walking = more || l->again;
        if (!more && l->again)
            begin(a, now);
    }
    return l->walking ? INT64_MAX : next_walk(a);
}

static void ask_directory(struct auth_server *a, const struct ticket *ticket, const struct inquiry_job *judged)
{
    const struct certificate *c = certificate_find(&a->certificates, ticket->identity->certificate);
    struct map_job *job = c && a->ad ? map_job_new(a->ad) : NULL;
    if (!job)
        return;
    job->ticket = ticket->number;
    job->fresh = true;
    job->at = login_seconds_now();
    job->in_ntauth_by_issuer = judged->in_ntauth_by_issuer;
    job->in_ntauth_by_chain = judged->in_ntauth_by_chain;
    text_add(&job->issuers, text_slice(&judged->issuers));
    text_add(&job->leaf, certificate_leaf(certificate_chain(c)));
    text_add(&job->workstation, a->options.machine);
    map_job_add_roles(job, a->child->snapshot);
    errands_add_later(a->mapper, &job->errand);
}

void live_judged(struct auth_server *a, const struct inquiry_job *job)
{
    const struct ticket *ticket = ticket_find(a->tickets, job->ticket);
    char why[160];
    a->live.in_flight--;
    if (!ticket)
        return;
    bool unknown = job->reason == CHAIN_REVOCATION_OFFLINE || job->reason == CHAIN_NO_REVOCATION;
    if (unknown && login_may_explain(a))
        server_tell(a, LOG_LEVEL_WARNING, "\"" SLICE_FMT "\" stays logged in to site %u: %s", SLICE_ARG(ticket->identity->user),
                    ticket->site, chain_reason_text(job->reason));
    if (job->reason != CHAIN_GOOD && !unknown) {
        snprintf(why, sizeof why, "client certificate: %s", chain_reason_text(job->reason));
        live_end(a, ticket, SUB_CERTIFICATE_INVALID, chain_reason_win32(job->reason), why);
    } else if (job->asks_directory) {
        ask_directory(a, ticket, job);
    }
}

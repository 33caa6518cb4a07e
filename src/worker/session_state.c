/*
 * session_state.c - who a session is, where it belongs, and what befalls many at once.
 */
#include "ftp/facts.h"
#include "ftp/message.h"
#include "policy/address_rules.h"
#include "worker/certificate.h"
#include "worker/ended.h"
#include "worker/hosts.h"
#include "worker/run.h"
#include "worker/session_priv.h"

void session_count(struct session *s, int change)
{
    if (s->worker->counts)
        counts_add(s->worker->counts, s->worker->child->index, s->site->id, change);
    s->counted = change > 0;
    tally_release(s->of_site, s->worker->child->index);
    s->of_site = NULL;
    if (s->counted)
        s->of_site = tally_hold(s->worker->tally, s->worker->child->index, TALLY_SITE,
                                tally_site(s->worker->tally, s->site->id));
}

/* Counted first and judged then: two workers that do this at one moment do not both find room. */
bool session_count_in(struct session *s)
{
    session_count(s, +1);
    if (!s->worker->counts || counts_sum(s->worker->counts, s->site->id) <= s->site->max_connections)
        return true;
    session_count(s, -1);
    return false;
}

/* ---- identity ---- */

static void drop_text(char **text)
{
    free(*text);
    *text = NULL;
}

/* Absolute from accept, or from the end of a login; AUTH and a new USER do not move it (threats.md P30). */
void session_set_login_deadline(struct session *s)
{
    s->login_deadline = s->site->unauthenticated_timeout > 0
                            ? loop_now(s->worker->loop) + s->site->unauthenticated_timeout * 1000
                            : INT64_MAX;
}

void session_log_out(struct session *s)
{
    struct worker *w = s->worker;
    if (s->logged_in) {
        session_set_login_deadline(s);
        w->logged_in_count--;
    }
    if (s->ticket)
        ended_add(w, s->ticket);
    s->ticket = 0;
    drop_text(&s->user_typed);
    drop_text(&s->user);
    drop_text(&s->cwd);
    data_free(s->data);
    s->data = NULL;
    tally_release(s->of_user, w->child->index);
    s->of_user = NULL;
    s->rest = 0;
    s->rename_pending = s->epsv_all = s->dir_style_changed = false;
    s->logged_in = s->user_given = s->by_certificate = s->anonymous = s->broker_lost = false;
    s->type_ascii = true;
    s->mlst_facts = FACTS_ALL;
    s->unknown_commands = 0;
}

/* Anonymous clients are nobody, so they are not counted as one user. */
static MUST_USE int count_user(struct session *s, struct slice user, bool anonymous)
{
    struct worker *w = s->worker;
    uint64_t key = tally_user(w->tally, s->site->id, user);
    if (anonymous)
        return 0;
    s->of_user = tally_hold(w->tally, w->child->index, TALLY_USER, key);
    if (!s->site->connections_per_user || tally_held(w->tally, TALLY_USER, key) <= s->site->connections_per_user)
        return 0;
    tally_release(s->of_user, w->child->index);
    s->of_user = NULL;
    return ERR_LIMIT;
}

int session_log_in(struct session *s, struct slice user, bool anonymous, struct slice home, uint64_t ticket)
{
    char *name = strndup(user.ptr ? user.ptr : "", user.len);
    char *cwd = home.len ? strndup(home.ptr, home.len) : strdup("/");
    int err = name && cwd ? count_user(s, user, anonymous) : ERR_NOMEM;
    if (err) {
        free(name);
        free(cwd);
        return err;
    }
    s->user = name;
    s->cwd = cwd;
    s->ticket = ticket;
    s->anonymous = anonymous;
    s->logged_in = s->was_logged_in = true;
    s->worker->logged_in_count++;
    s->may_clear = false; /* that was for the client that ends TLS before it logs in again */
    s->login_failures = 0;
    s->unknown_commands = 0;
    s->activity = s->command_activity = loop_now(s->worker->loop);
    return 0;
}

/* ---- host and site ---- */

bool session_address_is_allowed(const struct session *s, const struct snap_site *site)
{
    return address_rules_allow(s->generation->snapshot, site, SLICE_LITERAL("/"), &s->peer, NULL);
}

/* False: `site` is full, and the session stays where it was. */
static bool move_to(struct session *s, const struct snap_site *site)
{
    const struct snap_site *before = s->site;
    bool counted = s->counted;
    if (counted)
        session_count(s, -1);
    s->site = site;
    if (session_count_in(s))
        return true;
    s->site = before;
    if (counted)
        session_count(s, +1);
    return false;
}

/* The certificate of a site that another was left for is the one that the connection began with, too, if it was there. */
static void pin(struct session *s)
{
    s->pinned_site = snapshot_site_by_id(s->pinned->snapshot, s->site->id);
    if (s->pinned_site)
        return;
    generation_unref(s->pinned);
    s->pinned = generation_ref(s->generation);
    s->pinned_site = s->site;
}

int session_choose_site(struct session *s, const struct snap_site *site, struct slice host)
{
    char *name = host.len ? strndup(host.ptr, host.len) : NULL;
    if (host.len && !name)
        return ERR_NOMEM;
    if (worker_site_is_stopped(s->worker, site->id) || session_text(s, site->failure).len) {
        free(name);
        return ERR_STATE;
    }
    if (!session_address_is_allowed(s, site)) {
        free(name);
        return ERR_DENIED;
    }
    if (site != s->site && !move_to(s, site)) {
        free(name);
        return ERR_LIMIT;
    }
    pin(s);
    drop_text(&s->host);
    s->host = name;
    s->host_missing = false;
    certificate_follow_site(s);
    return 0;
}

const struct snap_site *session_site_of_host(const struct session *s, struct slice host)
{
    const struct snap_binding *b = hosts_find(s->generation->snapshot, &s->local, host);
    return b ? snapshot_site(s->generation->snapshot, b->site) : NULL;
}

int session_choose_host(struct session *s, struct slice host)
{
    const struct snap_site *site = session_site_of_host(s, host);
    return site ? session_choose_site(s, site, host) : ERR_NOT_FOUND;
}

static uint32_t list_style(const struct snap_site *site)
{
    return site->show_flags & SHOW_STYLE_UNIX;
}

void session_move_on(struct session *s)
{
    struct generation *newest = s->worker->generation;
    const struct snap_site *site = snapshot_site_by_id(newest->snapshot, s->site->id);
    if (!site)
        return; /* it is about to be ended */
    if (list_style(site) != list_style(s->site))
        s->dir_style_changed = false; /* what the client asked for is what there is now */
    generation_unref(s->generation);
    s->generation = generation_ref(newest);
    s->site = site;
    session_rearm(s);
}

bool session_is_local(const struct session *s)
{
    return net_addr_is_loopback(&s->peer) || net_addr_same_host(&s->peer, &s->local);
}

void session_message(const struct session *s, const struct snap_site *site, struct snap_text message, struct text *out)
{
    OWNED_TEXT_BUFFER guid = { 0 };
    struct slice text = session_text(s, message);
    if (!site->expand_variables || !text.len) {
        text_add(out, text);
        return;
    }
    text_add_guid(&guid, slice_of((const char *)s->guid, sizeof s->guid));
    const struct message_values values = {
        .session_id = text_slice(&guid),
        .site_name = session_text(s, site->name),
        .user_name = s->anonymous ? slice_str(s->user_typed) : slice_str(s->user),
        .to_client = s->bytes_sent,
        .to_server = s->bytes_received,
    };
    message_expand(text, &values, out);
}

/* ---- what happens to many ---- */

void sessions_lost_broker(struct worker *w)
{
    struct session *s;
    for (uint32_t slot = 0; (s = worker_next_session(w, &slot));) {
        if (!s->ticket)
            continue;
        session_enter(s);
        s->ticket = 0; /* nothing to release: the grant died with its keeper */
        s->broker_lost = true;
        if (!s->run || !s->run->transfer || s->run->kind != TRANSFER_DOWNLOAD)
            session_end(s, SUB_DATA_SERVER_ABORT, REPLY_NO_SERVICE);
        session_leave(s);
    }
}

void sessions_lost_auth(struct worker *w)
{
    struct session *s;
    for (uint32_t slot = 0; (s = worker_next_session(w, &slot));) {
        if (certificate_is_pending(s)) {
            session_enter(s);
            s->cert_state = CERT_LATE;
            session_leave(s);
            continue;
        }
        if (!s->login_pending)
            continue;
        session_enter(s);
        session_end(s, SUB_AUTHENTICATION_ERROR, REPLY_NO_SERVICE);
        session_leave(s);
    }
}

void sessions_end_site(struct worker *w, uint32_t site)
{
    struct session *s;
    for (uint32_t slot = 0; (s = worker_next_session(w, &slot));) {
        if (s->site->id != site)
            continue;
        session_enter(s);
        session_end(s, SUB_SITE_STOPPED, REPLY_NO_SERVICE);
        session_leave(s);
    }
}

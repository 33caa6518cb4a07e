/*
 * login_grant.c - from the identity to the ticket: the broker lets somebody in, the worker is told.
 */
#include "auth/login.h"
#include "base/clock.h"

enum { GRANT_WAIT_MS = 20000 };

/* ---- the grant ---- */

/* Every question whether somebody may be logged in is asked here, the one about his certificate included. */
bool login_is_allowed(struct auth_server *a, uint32_t site_id, const struct identity *identity)
{
    const struct snapshot *s = a->child->snapshot;
    if (!identity->certificate)
        return account_is_allowed(s, identity->kind, site_id, identity->user);
    return account_is_allowed_by_certificate(s, identity->kind, site_id, identity->user);
}

bool login_lacks_certificate(const struct auth_server *a, uint32_t site_id, const struct identity *identity)
{
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, site_id);
    return site && site->client_cert_policy == CERT_REQUIRE && !identity->shown;
}

static uint8_t grant_account_of(enum account_kind kind)
{
    switch (kind) {
    case ACCOUNT_ANONYMOUS:
        return GRANT_ANONYMOUS;
    case ACCOUNT_SYSTEM:
        return GRANT_LOCAL;
    case ACCOUNT_DIRECTORY:
        return GRANT_DOMAIN;
    default:
        return GRANT_CUSTOM;
    }
}

struct slice login_split_domain(const struct identity *identity, struct slice *domain_out)
{
    size_t backslash = identity->kind == ACCOUNT_DIRECTORY ? slice_find(identity->user, '\\') : SIZE_MAX;
    *domain_out = backslash == SIZE_MAX ? SLICE_NONE : slice_first(identity->user, backslash);
    return backslash == SIZE_MAX ? identity->user : slice_from(identity->user, backslash + 1);
}

void login_describe(const struct auth_server *a, const struct login *l, struct grant_give *give_out)
{
    const struct identity *identity = l->identity;
    bool is_system = identity->kind == ACCOUNT_SYSTEM || identity->has_ids ||
                     (identity->kind == ACCOUNT_ANONYMOUS && identity->uid);
    struct slice domain, name = login_split_domain(identity, &domain);
    *give_out = (struct grant_give){
        .site = l->site, .account = grant_account_of(identity->kind),
        .identity = is_system ? GRANT_SYSTEM : GRANT_SERVICE, .uid = is_system ? identity->uid : UINT32_MAX,
        .gid = is_system ? identity->gid : UINT32_MAX, .groups = is_system ? identity->groups : SLICE_NONE,
        .home_root = text_slice(&l->home_root), .home_dir = text_slice(&l->home_dir),
        .user = identity->kind == ACCOUNT_ANONYMOUS ? SLICE_LITERAL("anonymous") : name,
        .domain = domain, .alias = domain.len ? identity->dns_domain : a->options.machine,
        .principal = identity->principal, .roles = identity->roles, .client = l->client,
        .client_name = slice_str(l->client_name),
    };
    give_out->client.port = 0; /* no rule asks for it */
}

/* What logs show: system accounts as MACHINE\name, nobody for anonymous. */
static void print_name(const struct auth_server *a, const struct identity *identity, struct text *out)
{
    if (identity->kind == ACCOUNT_SYSTEM)
        text_addf(out, SLICE_FMT "\\", SLICE_ARG(a->options.machine));
    text_add(out, identity->user);
}

static void hand_out(struct auth_server *a, struct login *l, struct slice home)
{
    OWNED_TEXT_BUFFER name = { 0 };
    struct identity *identity = l->identity;
    uint64_t number = l->ticket;
    bool is_late = l->generation != snapshot_generation(a->child->snapshot);
    print_name(a, identity, &name);
    if (text_error(&name) || ticket_add(a->tickets, l->ticket, l->worker, l->site, identity)) {
        login_give_up(a, l);
        return;
    }
    if (identity->certificate)
        login_tell_certificate(a, l, "logged in", 0, 0);
    l->identity = NULL;
    SERVER_SEND(server_peer(a, ROLE_WORKER, l->worker), auth_result, .session = l->session, .verdict = AUTH_ALLOWED,
                .ticket = l->ticket, .anonymous = identity->kind == ACCOUNT_ANONYMOUS, .name = text_slice(&name),
                .home = home, .why = slice_first(text_slice(&l->why), DETAIL_LIMIT));
    login_remove(a, l);
    if (is_late) /* the walk over the live logins may have passed by */
        live_look(a, ticket_find(a->tickets, number));
}

static void accepted(struct auth_server *a, struct login *l, struct slice home)
{
    bool lacks = login_lacks_certificate(a, l->site, l->identity); /* the site asked for none when the login began */
    if (lacks || !login_is_allowed(a, l->site, l->identity)) {
        SERVER_SEND(server_peer(a, ROLE_BROKER, l->broker), grant_revoke, .ticket = l->ticket);
        login_refuse(a, l, AUTH_DENIED, lacks ? WIN_ACCESS_DENIED : WIN_LOGON_FAILURE,
                     lacks ? SUB_CERTIFICATE_REQUIRED : SUB_AUTHENTICATION_ERROR);
        return;
    }
    if (l->rehearsal) { /* nobody comes: the grant goes again */
        SERVER_SEND(server_peer(a, ROLE_BROKER, l->broker), grant_revoke, .ticket = l->ticket);
        rehearsal_allowed(a, l, home);
        login_remove(a, l);
        return;
    }
    hand_out(a, l, home);
}

static void say_start(struct auth_server *a, struct login *l, struct slice reason)
{
    if (reason.len)
        LOGIN_SAY(a, l, "start directory: " SLICE_FMT, SLICE_ARG(reason));
}

/* Whoever rehearses wants to hear what is so now. */
static bool is_twin(struct auth_server *a, struct login *l)
{
    const struct twin *twin = l->rehearsal || text_error(&l->question) ? NULL : twins_find(a, l);
    if (!twin)
        return false;
    say_start(a, l, text_slice(&twin->reason));
    accepted(a, l, text_slice(&twin->home));
    return true;
}

void login_ask_broker(struct auth_server *a, struct login *l)
{
    struct peer *broker = server_peer(a, ROLE_BROKER, l->broker);
    uint64_t ticket = ticket_draw(a->tickets);
    if (!broker || !ticket) {
        login_give_up(a, l);
        return;
    }
    l->ticket = ticket;
    login_wait_for(a, l, LOGIN_GRANTING, GRANT_WAIT_MS);
    l->asked = clock_ms();
    struct grant_give give;
    uint8_t memo[MEMO_LIMIT], bytes[sizeof give + 52 * 1024] __attribute__((uninitialized));
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    login_describe(a, l, &give);
    give.ticket = ticket;
    give.memo = slice_of((const char *)memo, login_write_memo(l->identity, memo, sizeof memo));
    wire_channel_begin(&out, MSG_grant_give);
    if (grant_give_encode(&give, &out)) {
        login_give_up(a, l);
        return;
    }
    const struct slice datagram = slice_of((const char *)bytes, out.len);
    text_add(&l->question, slice_from(datagram, GRANT_GIVE_HEAD));
    if (!is_twin(a, l))
        server_send(broker, datagram);
}

void login_grant_answered(struct auth_server *a, unsigned broker, const struct grant_answer *m)
{
    struct login *l = login_find(a, LOGIN_GRANTING, m->ticket);
    if (!l || l->broker != broker) {
        if (m->accepted && !ticket_find(a->tickets, m->ticket)) /* nobody waits for it any more */
            SERVER_SEND(server_peer(a, ROLE_BROKER, broker), grant_revoke, .ticket = m->ticket);
        return;
    }
    say_start(a, l, m->reason);
    if (!m->accepted) {
        if (!l->rehearsal && login_may_explain(a))
            server_tell(a, LOG_LEVEL_NOTICE,
                        "\"" SLICE_FMT "\" is who he says, but no rule of site %u lets him in or his home directory "
                        "cannot be reached (Win32 error %u, sub-status %u)",
                        SLICE_ARG(l->identity->kind == ACCOUNT_ANONYMOUS ? SLICE_LITERAL("anonymous")
                                                                         : l->identity->user),
                        l->site, m->win32, m->substatus);
        const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, l->site);
        bool by_directory = site && site->isolation_mode == ISOLATION_ACTIVE_DIRECTORY && m->substatus == SUB_HOME_LOOKUP;
        if (by_directory) /* KB 2649659: "530-User cannot log in.", without the words about the home */
            login_turn_away(a, l, m->win32, m->substatus);
        else
            login_refuse(a, l, AUTH_HOME_DENIED, m->win32, m->substatus);
        return;
    }
    if (!l->rehearsal && m->generation == snapshot_generation(a->child->snapshot))
        twins_keep(a, l, m->home, m->reason);
    accepted(a, l, m->home);
}

/* denial.c - see denial.h. */
#include "auth/denial.h"

#include <sys/random.h>

#include "auth/server_priv.h"
#include "base/clock.h"
#include "policy/address_rules.h"
#include "sys/region.h"

/* The supervisor's memory, which outlives us; without a supervisor our own, made with the first failure that counts. */
static struct lockout *table(struct auth_server *a)
{
    uint64_t seed;
    void *at;
    if (!a->lockout && a->child->region_fd >= 0 && region_map(a->child->region_fd, lockout_size(), &at) == 0) {
        a->lockout_is_shared = true;
        a->lockout = at;
    }
    if (!a->lockout && getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed)
        a->lockout = lockout_new(seed);
    return a->lockout;
}

static void tell_worker(struct auth_server *a, unsigned worker, const struct net_addr *client, int64_t left)
{
    SERVER_SEND(server_peer(a, ROLE_WORKER, worker), auth_block, .client = *client, .left_ms = (uint64_t)left);
}

void denial_close(struct auth_server *a)
{
    if (a->lockout_is_shared)
        region_unmap(a->lockout, lockout_size());
    else
        lockout_free(a->lockout);
    a->lockout = NULL;
}

static int64_t block_length(const struct snap_server *server)
{
    return server->deny_seconds > 0 ? server->deny_seconds * 1000 : 0;
}

static void count_account(struct auth_server *a, const struct snap_server *server, struct slice name)
{
    struct net_addr account = lockout_account(a->lockout, name);
    if (!server->account_failures || account_is_anonymous_name(name) ||
        !lockout_fail(a->lockout, &account, server->account_failures, block_length(server), clock_ms()) || !login_may_explain(a))
        return;
    OWNED_TEXT_BUFFER shown = { 0 };
    text_add_escaped(&shown, slice_first(name, 200));
    server_tell(a, LOG_LEVEL_WARNING, "\"%s\" failed to log in %u times: %s for %lld seconds (maxLoginFailuresPerAccount)",
                text_str(&shown), server->account_failures,
                server->deny_log_only ? "only logging, it would be refused" : "refused", (long long)server->deny_seconds);
}

bool denial_closes_account(struct auth_server *a, const struct net_addr *client, struct slice name)
{
    const struct snap_server *server = snapshot_server(a->child->snapshot, 0);
    if (!server->account_failures || server->deny_log_only || address_rules_exempt(a->child->snapshot, client) || !table(a))
        return false;
    struct net_addr account = lockout_account(a->lockout, name);
    return lockout_left(a->lockout, &account, clock_ms()) > 0;
}

void denial_count(struct auth_server *a, const struct net_addr *client, struct slice name)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_server *server = snapshot_server(s, 0);
    int64_t length = block_length(server);
    if ((!server->deny_by_failure && !server->account_failures) || address_rules_exempt(s, client) || !table(a))
        return;
    count_account(a, server, name);
    if (!server->deny_by_failure ||
        !lockout_fail(a->lockout, client, server->deny_max_failure, length, clock_ms()))
        return;
    OWNED_TEXT_BUFFER address = { 0 };
    net_addr_print(client, &address);
    if (login_may_explain(a))
        server_tell(a, LOG_LEVEL_WARNING, "%s failed to log in %u times: %s for %lld seconds (denyByFailure)",
                    text_str(&address), server->deny_max_failure,
                    server->deny_log_only ? "only logging, it would be blocked" : "blocked", (long long)server->deny_seconds);
    for (unsigned i = 0; !server->deny_log_only && i < WORKERS_MAX; i++)
        tell_worker(a, i, client, length);
}

struct audience {
    struct auth_server *a;
    unsigned worker;
};

static void tell_one(void *context, const struct net_addr *client, int64_t left)
{
    const struct audience *to = context;
    tell_worker(to->a, to->worker, client, left);
}

void denial_tell_worker(struct auth_server *a, unsigned worker)
{
    const struct snap_server *server = snapshot_server(a->child->snapshot, 0);
    if (table(a) && server->deny_by_failure && !server->deny_log_only)
        lockout_each(a->lockout, clock_ms(), tell_one, &(struct audience){ a, worker });
}

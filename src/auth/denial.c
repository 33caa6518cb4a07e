/* denial.c - see denial.h. */
#include "auth/denial.h"

#include <sys/random.h>
#include <time.h>

#include "auth/server_priv.h"
#include "policy/address_rules.h"

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_exempt(const struct snapshot *s, const struct net_addr *client)
{
    const struct snap_range exempt = snapshot_server(s, 0)->never_denied;
    for (uint32_t i = 0; i < exempt.count; i++) {
        const struct snap_address *rule = snapshot_address(s, exempt.first + i);
        if (rule && address_rule_matches(rule, client))
            return true;
    }
    return false;
}

/* Made with the first failure that counts: most servers never need it. */
static struct lockout *table(struct auth_server *a)
{
    uint64_t seed;
    if (!a->lockout && getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed)
        a->lockout = lockout_new(seed);
    return a->lockout;
}

static void tell_worker(struct auth_server *a, unsigned worker, const struct net_addr *client, int64_t left)
{
    SERVER_SEND(a, server_peer(a, ROLE_WORKER, worker), auth_block, .client = *client, .left_ms = (uint64_t)left);
}

void denial_count(struct auth_server *a, const struct net_addr *client)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_server *server = snapshot_server(s, 0);
    int64_t length = server->deny_seconds > 0 ? server->deny_seconds * 1000 : 0;
    if (!server->deny_by_failure || is_exempt(s, client) || !table(a) ||
        !lockout_fail(a->lockout, client, server->deny_max_failure, length, now_ms()))
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
    if (a->lockout && !snapshot_server(a->child->snapshot, 0)->deny_log_only)
        lockout_each(a->lockout, now_ms(), tell_one, &(struct audience){ a, worker });
}

/*
 * auth.c - sallyport-auth: the process around server.h.
 *
 * No file can be opened and no program started after the start.  OpenSSL and libcrypt are used once before the filter
 * is in force, because they read files and ask for entropy the first time.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "auth/cache.h"
#include "auth/mapper.h"
#include "auth/password.h"
#include "auth/server.h"
#include "pki/revocation.h"
#include "proto/log.h"
#include "sys/machine.h"
#include "sys/sandbox.h"

enum { QUEUE_MAX = 128, LOGINS_MAX = 1024, CERTIFICATES_MAX = 65536, TWIN_MS = 200, VERIFIERS_MIN = 2, VERIFIERS_MAX = 8 };

static struct child child;
static char machine[MACHINE_NAME];

static void warm_up(void)
{
    pki_prepare();
    if (revocation_start())
        child_event(&child, LOG_LEVEL_ERROR, "libcurl cannot be used: nothing can be fetched");
    uint8_t digest[CACHE_DIGEST];
    struct cache *cache = cache_new();
    if (cache)
        cache_fingerprint(cache, SLICE_LITERAL("x"), digest);
    cache_free(cache);
    password_waste(PASSWORD_FORM_SHA256, SLICE_NONE, SLICE_LITERAL("x"));
    OWNED_TEXT_BUFFER made = { 0 };
    if (password_make_yescrypt(SLICE_LITERAL("x"), &made))
        child_event(&child, LOG_LEVEL_ERROR, "libcrypt offers no yescrypt: passwords of that form cannot be checked");
}

static unsigned verifier_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < VERIFIERS_MIN ? VERIFIERS_MIN : cores > VERIFIERS_MAX ? VERIFIERS_MAX : (unsigned)cores;
}

static MUST_USE int confine(bool online, struct diag *d)
{
    struct sandbox_path paths[SANDBOX_RESOLVER_PATHS];
    int err = sandbox_become(child.uid, child.gid, false, d);
    size_t count = online ? sandbox_resolver(paths) : 0;
    if (!err)
        err = sandbox_paths(paths, count, d);
    return err ? err : sandbox_enter(online ? SANDBOX_AUTH_ONLINE : SANDBOX_AUTH, child.fd, d);
}

static MUST_USE int set_up(struct auth_server **server_out, struct diag *d)
{
    machine_name(machine);
    const struct auth_options options = { slice_str(machine), verifier_count(), auth_why_network(child.snapshot) != NULL, QUEUE_MAX, LOGINS_MAX,
                                          CERTIFICATES_MAX, TWIN_MS };
    warm_up();
    directory_warm_up();
    int err = confine(options.online, d);
    struct auth_server *server = NULL;
    if (!err)
        err = auth_server_new(&child, &options, &server);
    for (size_t i = 0; !err && i < child.peer_count; i++) {
        err = auth_server_add_peer(server, child.peers[i].role, child.peers[i].index, child.peers[i].fd);
        child.peers[i].fd = -1;
    }
    if (err)
        return err;
    auth_server_start(server);
    *server_out = server;
    return child_say_ready(&child);
}

int main(void)
{
    static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE }; /* the channel closes instead */
    struct diag d = { 0 };
    struct auth_server *server = NULL;
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    int err = child_begin(&child, ROLE_AUTH, &d);
    if (err) {
        fprintf(stderr, "%s\n", d.what);
        return 1;
    }
    err = set_up(&server, &d);
    if (err) {
        child_event(&child, LOG_LEVEL_ERROR, "%s", d.what[0] ? d.what : err_text(err));
        return 1;
    }
    while (!err)
        err = auth_server_turn(server, -1);
    auth_server_free(server);
    snapshot_unref(child.snapshot);
    return err == ERR_CLOSED ? 0 : 1;
}

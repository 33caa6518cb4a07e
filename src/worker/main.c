/*
 * main.c - sallyport-worker: control and data sockets, TLS, the FTP dialogue; no path, no name, no right.
 *
 * Everything that needs the file system (certificates, libraries) is done before the sandbox closes.
 */
#include <signal.h>
#include <stdio.h>

#include "sys/sandbox.h"
#include "tls/pool.h"
#include "worker/worker.h"

static MUST_USE int confine(struct child *c, struct diag *d)
{
    int err = sandbox_empty_root(c->empty_root, c->privileged, d);
    if (!err)
        err = sandbox_become(c->uid, c->gid, false, d);
    if (!err)
        err = sandbox_enter(SANDBOX_WORKER, c->fd, d);
    return err;
}

static int fail(struct child *c, const struct diag *d)
{
    if (c->fd >= 0 && c->snapshot)
        child_event(c, LOG_LEVEL_ERROR, "%s", d->what);
    else
        fprintf(stderr, "sallyport-worker: %s\n", d->what);
    return 1;
}

int main(void)
{
    static struct child child;
    struct worker *w;
    struct diag d = { 0 };
    signal(SIGPIPE, SIG_IGN);
    tls_pool_install();
    if (child_begin(&child, ROLE_WORKER, &d) || worker_new(&child, &w, &d) || confine(&child, &d))
        return fail(&child, &d);
    if (child_say_ready(&child)) {
        diag_set(&d, "the supervisor does not listen");
        return fail(&child, &d);
    }
    loop_run(w->loop);
    worker_free(w);
    return 0;
}

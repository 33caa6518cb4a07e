/*
 * main.c - sallyport-broker: touches files for one worker, and only for tickets that the authenticator gave.
 *
 * The main thread does nothing but wait for the end; one thread listens to the supervisor, the pool to the worker.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/own.h"
#include "broker/broker.h"
#include "broker/sweep.h"
#include "proto/log.h"
#include "sys/child.h"
#include "sys/datagram.h"
#include "sys/sandbox.h"

static struct child child; /* large, and there is one */
static struct broker broker;

static void tell_supervisor(void *context, int level, const char *line)
{
    child_event(context, level, "%s", line);
}

static int take_snapshot(struct wire_in *in, int *fd)
{
    struct child_snapshot m;
    struct snapshot *s;
    int err = child_snapshot_decode(in, &m);
    if (!err)
        err = snapshot_open(*fd, &s);
    if (err)
        return err;
    broker_set_snapshot(&broker, s);
    return DATAGRAM_SEND(child.fd, -1, child_taken, .generation = m.generation);
}

static int take_peer(struct wire_in *in, int *fd)
{
    struct child_peer m;
    int err = child_peer_decode(in, &m);
    if (err)
        return err;
    if (m.role == ROLE_AUTH)
        broker_set_auth(&broker, fd_take(fd));
    else if (m.role == ROLE_LOGGER)
        broker_set_logger(&broker, fd_take(fd));
    /* A new worker comes with a new broker: this one ends with the worker it has. */
    return 0;
}

static int serve_supervisor(struct wire_in *in, uint16_t number, int *fd)
{
    switch (number) {
    case MSG_child_snapshot:
        return take_snapshot(in, fd);
    case MSG_child_peer:
        return take_peer(in, fd);
    default:
        return 0; /* child_drain: we end with the worker anyway */
    }
}

static void *listen_to_supervisor(void *context)
{
    (void)context;
    char *buffer = malloc(WIRE_DATAGRAM_MAX);
    int err = buffer ? 0 : ERR_NOMEM;
    while (!err) {
        const struct wire_message *m;
        struct wire_in in;
        OWNED_FD fd = -1;
        err = child_receive(&child, buffer, WIRE_DATAGRAM_MAX, &m, &in, &fd);
        if (!err && serve_supervisor(&in, m->number, &fd))
            broker_tell(&broker, LOG_LEVEL_ERROR, "cannot use %s from the supervisor", m->name);
    }
    free(buffer);
    broker_end(&broker);
    return NULL;
}

/* Uploads and listings keep descriptors open: as many as the administrator's hard limit allows. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int set_up(struct diag *d)
{
    int err = child_begin(&child, ROLE_BROKER, d);
    if (err)
        return err;
    int worker = child_peer_take(&child, ROLE_WORKER, child.index);
    if (worker < 0) {
        diag_set(d, "the supervisor gave no channel to the worker");
        return ERR_STATE;
    }
    raise_descriptor_limit();
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is EFBIG for one request, not the end of all */
    err = broker_init(&broker, child.snapshot, worker, child_peer_take(&child, ROLE_AUTH, 0),
                      child_peer_take(&child, ROLE_LOGGER, 0));
    child.snapshot = NULL;
    broker.tell = tell_supervisor;
    broker.tell_context = &child;
    if (err) {
        diag_set(d, "%s", err_text(err));
        return err;
    }
    err = sandbox_become(child.uid, child.gid, child.privileged, d);
    return err ? err : sandbox_enter(SANDBOX_BROKER, child.fd, d);
}

static int start(struct diag *d)
{
    pthread_t listener;
    int err = broker_start(&broker);
    if (!err && pthread_create(&listener, NULL, listen_to_supervisor, NULL))
        err = ERR_SYS;
    if (!err)
        err = child_say_ready(&child);
    if (err)
        diag_set(d, "cannot start: %s", err_text(err));
    else if (child.index == 0 || child.restarts)
        sweep_start(&broker); /* one walk at the start of the service, and one behind each broker that died */
    return err;
}

int main(void)
{
    struct diag d = { 0 };
    int err = set_up(&d);
    if (!err)
        err = start(&d);
    if (err) {
        fprintf(stderr, "sallyport-broker: %s\n", d.what);
        return EXIT_FAILURE;
    }
    broker_wait(&broker);
    /* Threads that still wait in a system call end with the process; nothing of theirs is unfinished. */
    _exit(EXIT_SUCCESS);
}

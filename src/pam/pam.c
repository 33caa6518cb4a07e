/*
 * pam.c - sallyport-pam: the only program that asks PAM, and the only one that stays root besides the supervisor.
 *
 * One thread reads the channels and sends the answers, a pool holds the conversations.  Its only caller is the
 * authenticator; what it believes from it is a name, a password and an address, never an identity.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/secret.h"
#include "pam/pool.h"
#include "proto/log.h"
#include "sys/child.h"
#include "sys/datagram.h"
#include "sys/sandbox.h"

enum { THREADS = 8, QUEUE_MAX = 256, FAIL_STEP_MS = 1000 };

static struct server {
    struct child child;
    struct pool *pool;
    int auth; /* -1: none now */
    bool draining, leaving;
    uint8_t buffer[WIRE_DATAGRAM_MAX];
} server;

static void close_auth(struct server *s)
{
    if (s->auth >= 0)
        close(s->auth);
    s->auth = -1;
}

static void send_verdict(struct server *s, uint64_t job, enum pam_verdict verdict)
{
    if (s->auth >= 0 && DATAGRAM_SEND(s->auth, -1, pam_answer, .job = job, .verdict = (uint8_t)verdict))
        child_event(&s->child, LOG_LEVEL_ERROR, "an answer to the authenticator was lost");
}

static void send_answer(struct server *s, const struct pool_answer *answer)
{
    const struct conversation_result *r = &answer->result;
    if (r->verdict != PAM_VERDICT_OK) {
        send_verdict(s, answer->job, r->verdict);
        return;
    }
    if (s->auth >= 0 &&
        DATAGRAM_SEND(s->auth, -1, pam_answer, .job = answer->job, .verdict = PAM_VERDICT_OK, .uid = r->uid, .gid = r->gid,
                      .groups = slice_of((const char *)r->groups, r->groups_len),
                      .group_names = slice_of(r->group_names, r->group_names_len), .user = slice_str(r->user)))
        child_event(&s->child, LOG_LEVEL_ERROR, "an answer to the authenticator was lost");
}

static int send_due(struct server *s)
{
    int wait_ms = -1;
    for (struct pool_answer *answer; (answer = pool_take(s->pool, &wait_ms));) {
        send_answer(s, answer);
        pool_answer_free(answer);
    }
    return wait_ms;
}

static int receive_check(struct server *s)
{
    struct slice bytes;
    const struct wire_message *message;
    struct wire_in in;
    struct pam_check check;
    int fd = -1;
    int err = datagram_receive(s->auth, s->buffer, sizeof s->buffer, &bytes, &fd);
    if (err)
        return err;
    err = wire_channel_accept(&pam_channel, ROLE_AUTH, bytes, fd >= 0, &message, &in);
    if (fd >= 0)
        close(fd);
    if (!err)
        err = pam_check_decode(&in, &check);
    if (!err && pool_ask(s->pool, &check))
        send_verdict(s, check.job, PAM_VERDICT_UNAVAILABLE);
    secret_wipe(s->buffer, bytes.len);
    return err;
}

static void serve_auth(struct server *s)
{
    int err = receive_check(s);
    if (!err || err == ERR_AGAIN)
        return;
    if (err != ERR_CLOSED)
        child_event(&s->child, LOG_LEVEL_ERROR, "message from auth: %s; its channel is closed", err_text(err));
    close_auth(s);
}

static void serve_supervisor(struct server *s)
{
    const struct wire_message *message;
    struct wire_in in;
    struct child_peer peer;
    int fd = -1;
    int err = child_receive(&s->child, s->buffer, sizeof s->buffer, &message, &in, &fd);
    if (err) {
        s->leaving = err == ERR_CLOSED;
        return;
    }
    if (message->number == MSG_child_drain)
        s->draining = true;
    if (message->number == MSG_child_peer && child_peer_decode(&in, &peer) == 0 && peer.role == ROLE_AUTH) {
        close_auth(s);
        s->auth = fd;
        fd = -1;
    }
    if (fd >= 0)
        close(fd); /* snapshots say nothing that we need */
}

static void run(struct server *s)
{
    while (!s->leaving && !(s->draining && s->auth < 0)) {
        struct pollfd polled[] = {
            { .fd = s->child.fd, .events = POLLIN },
            { .fd = s->auth, .events = POLLIN },
            { .fd = pool_fd(s->pool), .events = POLLIN },
        };
        if (poll(polled, 3, send_due(s)) < 0 && errno != EINTR)
            return;
        if (polled[1].revents)
            serve_auth(s);
        if (polled[0].revents)
            serve_supervisor(s);
    }
}

static MUST_USE int set_up(struct server *s, struct diag *d)
{
    const struct pool_options options = { THREADS, QUEUE_MAX, FAIL_STEP_MS, { NULL } };
    s->auth = child_peer_take(&s->child, ROLE_AUTH, 0);
    int err = sandbox_enter(SANDBOX_PAM, s->child.fd, d);
    if (!err)
        err = pool_new(&options, &s->pool);
    return err ? err : child_say_ready(&s->child);
}

int main(void)
{
    /* The channel closes instead.  SIGPIPE stays as it is: modules start programs, which inherit what we ignore. */
    static const int ignored[] = { SIGINT, SIGTERM, SIGHUP };
    struct diag d = { 0 };
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    int err = child_begin(&server.child, ROLE_PAM, &d);
    if (err) {
        fprintf(stderr, "%s\n", d.what);
        return 1;
    }
    err = set_up(&server, &d);
    if (err) {
        child_event(&server.child, LOG_LEVEL_ERROR, "%s", d.what[0] ? d.what : err_text(err));
        return 1;
    }
    run(&server);
    return 0; /* conversations under way end with the process */
}

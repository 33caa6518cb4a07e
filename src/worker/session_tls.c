/*
 * session_tls.c - the control channel becomes TLS and, where the client wants that, clear again.
 */
#include <sys/socket.h>

#include "worker/certificate.h"
#include "worker/dispatch.h"
#include "worker/hosts.h"
#include "worker/session_priv.h"

static struct tls_server *choose_by_name(void *context, struct slice name)
{
    struct session *s = context;
    const struct snap_binding *b = hosts_find(s->pinned->snapshot, &s->local, name);
    return b ? generation_tls(s->pinned, snapshot_site(s->pinned->snapshot, b->site)) : NULL;
}

void session_begin_handshake(struct session *s)
{
    struct tls_server *server = generation_tls(s->pinned, s->pinned_site);
    if (!server || stream_start_tls(&s->stream, server)) {
        session_die(s, SUB_SSL_FAILED, 0);
        return;
    }
    if (!s->host)
        stream_choose_server(&s->stream, choose_by_name, s);
    s->state = SESSION_HANDSHAKE;
}

/* A server name that fits a binding names the site as HOST would, unless HOST has: where that site is not to be had, another
 * must not get what is meant for it.  A name that no site has says nothing. */
static void take_server_name(struct session *s)
{
    struct slice name = stream_server_name(&s->stream);
    session_follow(s);
    int err = !s->host && hosts_is_name(name) ? session_choose_host(s, name) : 0;
    if (err == ERR_LIMIT)
        session_refuse_full(s, session_site_of_host(s, name));
    else if (err && err != ERR_NOT_FOUND)
        session_end(s, err == ERR_DENIED ? SUB_IP_RESTRICTION : SUB_SITE_STOPPED, REPLY_NO_SERVICE);
}

/* The alert that says why has been written: close in order, since a reset would take it away from the client. */
static void end_after_alert(struct session *s)
{
    s->end_substatus = SUB_SSL_FAILED;
    s->stream.failed = false;
    if (shutdown(s->stream.fd, SHUT_WR))
        s->state = SESSION_DEAD;
    else
        session_linger(s);
}

void session_handshake(struct session *s)
{
    struct diag d = { 0 };
    int err = stream_handshake(&s->stream, &d);
    if (err == ERR_AGAIN) {
        s->write_wants = stream_wants(&s->stream);
        return;
    }
    if (err) {
        end_after_alert(s);
        return;
    }
    s->state = SESSION_OPEN;
    stream_acknowledge(&s->stream); /* nothing of ours follows the client's Finished until its first command */
    take_server_name(s);
    if (s->state == SESSION_OPEN && s->cert_state == CERT_NONE) /* else the server name's site has been asked about */
        certificate_judge(s);
    if (s->implicit_tls && !s->user_given && !s->cleared && s->state == SESSION_OPEN && s->bytes_sent == 0)
        dispatch_banner(s);
}

void session_clear_channel(struct session *s)
{
    int err = stream_stop_tls(&s->stream);
    if (err == ERR_AGAIN) {
        s->write_wants = stream_wants(&s->stream);
        return;
    }
    if (err) {
        session_die(s, SUB_CONNECTION_ERROR, WIN_NETNAME_DELETED);
        return;
    }
    session_forget_input(s); /* nothing that came under TLS is read as clear text, nor the other way round (P22) */
    line_reset(&s->line);
    s->may_clear = false;
    if (!s->cleared) /* CCC keeps who it is; REIN began anew */
        certificate_drop(s);
    s->prot_private = s->prot_private && s->logged_in;
    s->state = SESSION_OPEN;
}

void session_start_tls(struct session *s)
{
    session_forget_input(s);
    line_reset(&s->line);
    if (s->state == SESSION_OPEN)
        s->state = SESSION_TLS_NEXT;
}

void session_stop_tls(struct session *s)
{
    if (s->state == SESSION_OPEN)
        s->state = SESSION_CLEAR_NEXT;
}

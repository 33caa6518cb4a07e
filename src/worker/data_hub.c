/*
 * data_hub.c - what the data channels of one worker share.
 *
 * Lingering: after the last byte we send close_notify and FIN and must then read until the peer's FIN, for closing a
 * socket with unread bytes (a TLS client's own close_notify is enough) makes the kernel send RST and throw away what the
 * peer has not fetched yet.  226 does not wait for that (ftp-behaviour.md 3.2).  TLS memory is freed as soon as
 * close_notify is out.  Peers that never close are cut after LINGER_MS, and the oldest when there are too many.
 */
#include "worker/data_hub.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls/stream.h"
#include "worker/data_ports.h"

enum { LINGER_MS = 5000, LINGER_COUNT_MAX = 4096 };

struct linger_stream {
    struct linger_stream *older, *newer;
    struct data_hub *hub;
    struct stream stream;
    bool shut; /* FIN is out: read until the peer's */
    struct loop_io *io;
    struct loop_timer *timer;
};

struct data_hub {
    struct loop *loop;
    struct data_ports *ports;
    char *scratch;
    int pipe[2]; /* -1 until somebody needs it */
    struct linger_stream *oldest, *newest;
    size_t lingering;
};

struct data_hub *data_hub_new(struct loop *loop)
{
    struct data_hub *h = calloc(1, sizeof *h);
    char *scratch = aligned_alloc(DATA_ALIGNED, DATA_SCRATCH);
    struct data_ports *ports = data_ports_new(loop);
    if (!h || !scratch || !ports) {
        free(h);
        free(scratch);
        data_ports_free(ports);
        return NULL;
    }
    h->loop = loop;
    h->ports = ports;
    h->scratch = scratch;
    h->pipe[0] = h->pipe[1] = -1;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return h;
}

static void linger_end(struct linger_stream *l)
{
    struct data_hub *h = l->hub;
    *(l->older ? &l->older->newer : &h->oldest) = l->newer;
    *(l->newer ? &l->newer->older : &h->newest) = l->older;
    h->lingering--;
    loop_io_close(l->io);
    loop_timer_free(l->timer);
    stream_close(&l->stream);
    free(l);
}

void data_hub_free(struct data_hub *h)
{
    if (!h)
        return;
    while (h->oldest)
        linger_end(h->oldest);
    data_hub_drop_pipe(h);
    data_ports_free(h->ports);
    free(h->scratch);
    free(h);
}

struct loop *data_hub_loop(struct data_hub *h)
{
    return h->loop;
}

struct data_ports *data_hub_ports(struct data_hub *h)
{
    return h->ports;
}

char *data_hub_scratch(struct data_hub *h)
{
    return h->scratch;
}

const int *data_hub_pipe(struct data_hub *h)
{
    if (h->pipe[0] >= 0)
        return h->pipe;
    if (pipe2(h->pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return NULL;
    if (fcntl(h->pipe[1], F_SETPIPE_SZ, DATA_SCRATCH) < DATA_SCRATCH) { /* small pieces are not worth it */
        data_hub_drop_pipe(h);
        return NULL;
    }
    return h->pipe;
}

void data_hub_drop_pipe(struct data_hub *h)
{
    if (h->pipe[0] < 0)
        return;
    close(h->pipe[0]);
    close(h->pipe[1]);
    h->pipe[0] = h->pipe[1] = -1;
}

/* Forget TLS, keep the socket. */
static void strip(struct stream *s)
{
    int fd = s->fd;
    s->fd = -1;
    stream_close(s);
    stream_init(s, fd);
}

static void linger_ready(void *context, unsigned events)
{
    (void)events;
    struct linger_stream *l = context;
    if (!l->shut) {
        int err = stream_shutdown(&l->stream);
        if (err == ERR_AGAIN) {
            loop_io_want(l->io, stream_wants(&l->stream), -1);
            return;
        }
        if (err)
            shutdown(l->stream.fd, SHUT_WR);
        l->shut = true;
        strip(&l->stream);
        loop_io_want(l->io, LOOP_READ, -1);
    }
    size_t got;
    int err = stream_read(&l->stream, l->hub->scratch, DATA_SCRATCH, &got);
    if (err && err != ERR_AGAIN)
        linger_end(l);
}

static void linger_expired(void *context)
{
    linger_end(context);
}

/* In the clear a peer that takes a file sends nothing: with nothing unread, closing is orderly. */
static bool is_done_with(struct data_hub *h, struct stream *s)
{
    size_t got;
    if (stream_is_tls(s) || stream_shutdown(s) != 0)
        return false;
    int err = stream_read(s, h->scratch, DATA_SCRATCH, &got);
    return err == ERR_AGAIN || err == ERR_CLOSED;
}

void data_hub_linger(struct data_hub *h, struct stream *s)
{
    if (s->is_quiet || is_done_with(h, s)) {
        stream_close(s);
        return;
    }
    struct linger_stream *l = calloc(1, sizeof *l);
    if (l) {
        l->io = loop_io_open(h->loop, s->fd, linger_ready, l);
        l->timer = loop_timer_new(h->loop, linger_expired, l);
    }
    if (!l || !l->io || !l->timer) {
        int err = stream_shutdown(s);
        (void)err; /* best effort: there is no memory to do better */
        stream_close(s);
        if (l) {
            loop_io_close(l->io);
            loop_timer_free(l->timer);
            free(l);
        }
        return;
    }
    if (h->lingering == LINGER_COUNT_MAX)
        linger_end(h->oldest);
    l->hub = h;
    l->stream = *s;
    stream_init(s, -1);
    l->older = h->newest;
    *(h->newest ? &h->newest->newer : &h->oldest) = l;
    h->newest = l;
    h->lingering++;
    loop_timer_set(l->timer, LINGER_MS);
    linger_ready(l, 0);
}

/*
 * data.c - one data connection from PASV or PORT to an open stream.
 *
 *   LISTENING --right peer--> CONNECTED --data_open--> HANDSHAKING --> OPEN
 *   TARGETED ---data_open---> CONNECTING --connected--> HANDSHAKING
 *   any --time-out, refused, handshake failed--> FAILED
 *
 * A listener is looked at when a transfer command comes, and watched only when none has come for a moment: nearly always
 * client and command are there at once, and two system calls and a turn of the loop are saved.
 *
 * HANDSHAKING is left at once in the clear.  What ends before data_open was called (a listener nobody came to) waits in
 * FAILED until it is.
 */
#include "worker/data.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "policy/win_error.h"
#include "worker/data_hub.h"
#include "worker/data_ports.h"

enum { ACCEPTS_PER_TURN = 16, PORT_FLOOR = 1024, UNWATCHED_MS = 100 };

enum data_state { LISTENING, TARGETED, CONNECTED, CONNECTING, HANDSHAKING, OPEN, FAILED };

struct data {
    struct data_hub *hub;
    struct data_rules rules;
    enum data_state state;
    enum data_result result; /* in FAILED */
    struct net_addr local, control_peer, target;
    int listener;
    bool passive;
    struct loop_io *io;
    struct loop_timer *timer;
    struct stream stream;
    struct tls_session *control;
    data_opened *opened; /* NULL until data_open and after the call */
    void *context;
    bool met_strangers;
};

/*   result                 code  text                            sub                         Win32 */
static const struct data_reply replies[DATA_RESULT_COUNT] = {
    [DATA_FAILED] =       { 425, "Cannot open data connection.",   SUB_CONNECTION_ERROR,       WIN_CONNECTION_REFUSED },
    [DATA_TIMED_OUT] =    { 425, "Cannot open data connection.",   SUB_DATA_TIMEOUT,           WIN_SEM_TIMEOUT },
    [DATA_STRANGER] =     { 425, "Cannot open data connection.",   SUB_DATA_ADDRESS,           WIN_CONNECTION_ABORTED },
    [DATA_TLS_FAILED] =   { 522, "TLS negotiation failed on the data connection.", SUB_SSL_FAILED, 0 },
    [DATA_CERT_MISSING] = { 522, "SSL policy requires client certificate.", SUB_CERTIFICATE_REQUIRED, WIN_ACCESS_DENIED },
    [DATA_CERT_DIFFERS] = { 522, "SSL policy requires matching client certificate for control and data channel.",
                            SUB_CERTIFICATE_DIFFERS, WIN_ACCESS_DENIED },
    [DATA_NOT_RESUMED] =  { 522, "Data connection must resume the control connection's TLS session.",
                            SUB_SSL_FAILED, WIN_ACCESS_DENIED },
};

const struct data_reply *data_result_reply(enum data_result result)
{
    return result < DATA_RESULT_COUNT && replies[result].code ? &replies[result] : NULL;
}

/* ---- life ---- */

static void data_expired(void *context);
static void data_ready(void *context, unsigned events);

static struct data *data_new(struct data_hub *hub, const struct data_rules *rules, const struct net_addr *local,
                             const struct net_addr *peer)
{
    struct data *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->hub = hub;
    d->rules = *rules;
    d->local = *local;
    d->control_peer = *peer;
    d->listener = -1;
    stream_init(&d->stream, -1);
    d->timer = loop_timer_new(data_hub_loop(hub), data_expired, d);
    if (!d->timer) {
        free(d);
        return NULL;
    }
    return d;
}

static void stop_watching(struct data *d)
{
    loop_io_close(d->io);
    d->io = NULL;
    loop_timer_clear(d->timer);
}

static void stop_listening(struct data *d)
{
    if (d->listener >= 0)
        close(d->listener);
    d->listener = -1;
}

void data_free(struct data *d)
{
    if (!d)
        return;
    stop_watching(d);
    stop_listening(d);
    loop_timer_free(d->timer);
    tls_session_unref(d->control);
    if (d->stream.fd >= 0 && !d->stream.reset && d->state != CONNECTING)
        data_hub_linger(d->hub, &d->stream);
    stream_close(&d->stream);
    free(d);
}

static void arm_timeout(struct data *d)
{
    if (d->rules.timeout_ms > 0)
        loop_timer_set(d->timer, d->rules.timeout_ms);
    else
        loop_timer_clear(d->timer);
}

/* Tell the result; the callback may free `d`. */
static void tell(struct data *d, enum data_result result)
{
    data_opened *opened = d->opened;
    d->opened = NULL;
    if (opened)
        opened(d->context, result);
}

static void fail(struct data *d, enum data_result result)
{
    stop_watching(d);
    stop_listening(d);
    d->state = FAILED;
    d->result = result;
    tell(d, result);
}

static bool watch(struct data *d, int fd, unsigned events)
{
    d->io = loop_io_open(data_hub_loop(d->hub), fd, data_ready, d);
    if (d->io)
        loop_io_want(d->io, events, -1);
    return d->io != NULL;
}

/* ---- TLS ---- */

static void handshake(struct data *d)
{
    struct diag diag = { 0 };
    int err = stream_handshake(&d->stream, &diag);
    if (err == ERR_AGAIN) {
        loop_io_want(d->io, stream_wants(&d->stream), -1);
        return;
    }
    if (err) {
        fail(d, DATA_TLS_FAILED);
        return;
    }
    int peer = stream_check_peer(&d->stream);
    if (peer) {
        fail(d, peer == ERR_NOT_FOUND && d->rules.require_certificate ? DATA_CERT_MISSING : DATA_CERT_DIFFERS);
        return;
    }
    if (d->rules.require_resumption && !stream_is_resumption(&d->stream)) {
        fail(d, DATA_NOT_RESUMED);
        return;
    }
    stop_watching(d);
    d->state = OPEN;
    tell(d, DATA_OPENED);
}

static void set_no_delay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* The socket is connected and the stream wanted. */
static void begin(struct data *d)
{
    if (!d->control) {
        stop_watching(d);
        d->state = OPEN;
        tell(d, DATA_OPENED);
        return;
    }
    set_no_delay(d->stream.fd); /* handshakes wait for each other's small messages; in the clear FIN pushes the last */
    if (stream_start_tls_data(&d->stream, d->control) != 0 || (!d->io && !watch(d, d->stream.fd, 0))) {
        fail(d, DATA_TLS_FAILED);
        return;
    }
    d->state = HANDSHAKING;
    arm_timeout(d);
    handshake(d);
}

/* ---- passive ---- */

static bool is_transient(int errnum)
{
    switch (errnum) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

static bool may_connect(const struct data *d, const struct net_addr *who)
{
    return who->port >= PORT_FLOOR && (!d->rules.match_pasv || net_addr_same_host(who, &d->control_peer));
}

/* The right peer, or -1 with errno. */
static int accept_peer(struct data *d)
{
    for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage sa;
        socklen_t len = sizeof sa;
        int fd = accept4(d->listener, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (is_transient(errno))
                continue;
            return -1;
        }
        struct net_addr who = net_addr_from_sockaddr(&sa);
        if (may_connect(d, &who))
            return fd;
        close(fd);
        d->met_strangers = true;
    }
    errno = EAGAIN;
    return -1;
}

/* A listener that nobody comes to gives its port back after the time-out, the unwatched moment included. */
static int64_t unwatched_ms(const struct data *d)
{
    return d->rules.timeout_ms > 0 && d->rules.timeout_ms < UNWATCHED_MS ? d->rules.timeout_ms : UNWATCHED_MS;
}

/* A listener that lets in whoever comes is used once. */
static struct port_range range_of(const struct data *d)
{
    return (struct port_range){ .low = d->rules.low_port, .high = d->rules.high_port, .owner = d->rules.match_pasv ? d->rules.session : 0 };
}

/* The right peer in, if it has come; strangers sent away.  False: not yet, or failed, which may free `d`. */
static bool take_connection(struct data *d)
{
    int fd = accept_peer(d);
    if (fd < 0) {
        /* out of descriptors or memory: give up rather than be called again at once for ever (threats.md H01) */
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            fail(d, DATA_FAILED);
        return false;
    }
    const struct port_range range = range_of(d);
    stop_watching(d);
    data_ports_give(data_hub_ports(d->hub), &range, &d->local, d->listener);
    d->listener = -1;
    stream_init(&d->stream, fd);
    d->state = CONNECTED;
    return true;
}

static void accept_ready(struct data *d)
{
    if (take_connection(d) && d->opened)
        begin(d);
}

int data_listen(struct data_hub *hub, const struct data_rules *rules, const struct net_addr *local,
                const struct net_addr *peer, struct data **data_out)
{
    struct data *d = data_new(hub, rules, local, peer);
    if (!d)
        return ERR_NOMEM;
    d->passive = true;
    d->state = LISTENING;
    const struct port_range range = range_of(d);
    int err = data_ports_listen(data_hub_ports(hub), &range, &d->local, &d->listener);
    if (err) {
        data_free(d);
        return err;
    }
    loop_timer_set(d->timer, unwatched_ms(d));
    *data_out = d;
    return 0;
}

/* ---- active ---- */

int data_target(struct data_hub *hub, const struct data_rules *rules, const struct net_addr *local,
                const struct net_addr *peer, const struct net_addr *target, struct data **data_out)
{
    if (target->family != local->family)
        return ERR_UNSUPPORTED;
    struct net_addr to = *target;
    if (to.family == 6 && !to.scope)
        to.scope = peer->scope; /* EPRT cannot name the link */
    if (to.port < PORT_FLOOR || net_addr_is_any(&to) || net_addr_is_multicast(&to))
        return ERR_DENIED;
    if (rules->match_port && !net_addr_same_host(&to, peer))
        return ERR_DENIED;
    if (net_addr_is_loopback(&to) && !net_addr_is_loopback(peer)) /* our own machine's private services */
        return ERR_DENIED;
    struct data *d = data_new(hub, rules, local, peer);
    if (!d)
        return ERR_NOMEM;
    d->state = TARGETED;
    d->target = to;
    *data_out = d;
    return 0;
}

static void connect_done(struct data *d)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(d->stream.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error) {
        fail(d, error == ETIMEDOUT ? DATA_TIMED_OUT : DATA_FAILED);
        return;
    }
    begin(d);
}

/* Start connecting; completion, even an immediate one, is told by the loop.  False: it failed already. */
static bool connect_start(struct data *d)
{
    struct sockaddr_storage from, to;
    struct net_addr source = d->local;
    source.port = 0; /* IIS uses the port below its control port; a worker without privilege cannot (threats.md D18) */
    socklen_t from_len = net_addr_to_sockaddr(&source, &from), to_len = net_addr_to_sockaddr(&d->target, &to);
    int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    stream_init(&d->stream, fd);
    int on = 1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&from, from_len) != 0)
        return false;
    if (connect(fd, (struct sockaddr *)&to, to_len) != 0 && errno != EINPROGRESS)
        return false;
    d->state = CONNECTING;
    return watch(d, fd, LOOP_WRITE);
}

/* ---- events ---- */

static void data_ready(void *context, unsigned events)
{
    (void)events;
    struct data *d = context;
    switch (d->state) {
    case LISTENING:
        accept_ready(d);
        break;
    case CONNECTING:
        connect_done(d);
        break;
    case HANDSHAKING:
        handshake(d);
        break;
    default: /* nothing is watched in the other states */
        break;
    }
}

static void data_expired(void *context)
{
    struct data *d = context;
    int64_t left = d->rules.timeout_ms - UNWATCHED_MS;
    if (d->state == LISTENING && !d->io && (left > 0 || d->rules.timeout_ms <= 0) && watch(d, d->listener, LOOP_READ)) {
        if (left > 0)
            loop_timer_set(d->timer, left);
        return;
    }
    switch (d->state) {
    case FAILED:
        tell(d, d->result);
        break;
    case HANDSHAKING:
        fail(d, DATA_TLS_FAILED);
        break;
    default:
        fail(d, d->met_strangers ? DATA_STRANGER : DATA_TIMED_OUT);
        break;
    }
}

int data_open(struct data *d, struct tls_session *control, data_opened *opened, void *context)
{
    if (d->opened || d->control || d->state == OPEN || d->state == HANDSHAKING || d->state == CONNECTING)
        return ERR_STATE;
    if (!data_accept(d) && d->state == LISTENING && !d->io && !watch(d, d->listener, LOOP_READ))
        fail(d, DATA_FAILED);
    d->opened = opened;
    d->context = context;
    d->control = control ? tls_session_ref(control) : NULL;
    if (d->state == TARGETED && !connect_start(d)) {
        loop_io_close(d->io);
        d->io = NULL;
        d->state = FAILED;
        d->result = DATA_FAILED;
    }
    if (d->state == CONNECTED)
        begin(d); /* may free d */
    else if (d->state == FAILED)
        loop_timer_set(d->timer, 0);
    else
        arm_timeout(d);
    return 0;
}

/* ---- questions ---- */

uint16_t data_port(const struct data *d)
{
    return d->passive ? d->local.port : 0;
}

bool data_is_passive(const struct data *d)
{
    return d->passive;
}

bool data_accept(struct data *d)
{
    if (d->state == LISTENING)
        (void)take_connection(d); /* nobody waits for the result yet: `d` stays */
    return data_is_connected(d);
}

bool data_is_connected(const struct data *d)
{
    return d->stream.fd >= 0 && d->state != CONNECTING && d->state != FAILED;
}

struct stream *data_stream(struct data *d)
{
    return &d->stream;
}

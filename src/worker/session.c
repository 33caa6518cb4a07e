/*
 * session.c - the life of a session: bytes in, bytes out, states, time-outs, end.
 *
 * The loop in settle() is the only place that takes commands and that frees; everything else only changes state.
 */
#include "worker/certificate.h"
#include "worker/session.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/secret.h"
#include "ftp/facts.h"
#include "sys/random_bytes.h"
#include "worker/access_log.h"
#include "worker/cmd_transfer.h"
#include "worker/dispatch.h"
#include "worker/hosts.h"
#include "worker/penalty.h"
#include "worker/run.h"
#include "worker/session_priv.h"

enum {
    LINGER_MS = 2000,      /* for the peer to take the last reply and close */
    CLOSING_MS = 10000,    /* for the last reply to leave */
    NOOP_FACTOR = 30,      /* a login that says only NOOP ends after so many idle time-outs (threats.md P31) */
    READ_SIZE = 4096,
    TURN_MOVES = 64,       /* then the other sessions and the timers have their turn (threats.md P15) */
};

static void settle(struct session *s);

/* The supervisor wants to know whose input it was if we do not come back (threats.md P33). */
void session_enter(struct session *s)
{
    if (s->depth++ == 0)
        tally_working(s->worker->tally, s->worker->child->index, s->of_address);
}

void session_leave(struct session *s)
{
    if (s->depth > 1) {
        s->depth--;
        return;
    }
    struct worker *w = s->worker;
    settle(s); /* still at depth 1: what happens in there does not settle again */
    tally_working(w->tally, w->child->index, NULL);
}

/* ---- the end ---- */

size_t session_put(struct session *s, struct slice bytes)
{
    text_add(&s->out, bytes);
    if (text_error(&s->out)) { /* a client that misses a reply waits for ever */
        session_die(s, SUB_CONNECTION_ERROR, WIN_NOT_ENOUGH_MEMORY);
        return 0;
    }
    s->bytes_sent += bytes.len;
    return bytes.len;
}

size_t session_send(struct session *s, const struct reply *r)
{
    struct slice bytes;
    if (s->state >= SESSION_CLOSING)
        return 0;
    if (reply_bytes(r, &bytes)) {
        session_die(s, SUB_CONNECTION_ERROR, WIN_NOT_ENOUGH_MEMORY);
        return 0;
    }
    return session_put(s, bytes);
}

void session_close(struct session *s, uint32_t substatus)
{
    if (s->state >= SESSION_CLOSING)
        return;
    if (s->state != SESSION_OPEN) {
        session_die(s, substatus, 0);
        return;
    }
    s->state = SESSION_CLOSING;
    s->stream.is_last = true;
    s->end_substatus = substatus;
    loop_timer_set(s->timer, CLOSING_MS);
}

void session_end(struct session *s, uint32_t substatus, enum reply_id id)
{
    if (s->state >= SESSION_CLOSING)
        return;
    s->login_pending = false;
    if (s->run)
        run_cancel(s, s->run, 421, substatus);
    if (s->state == SESSION_OPEN) {
        struct reply r = { 0 };
        reply_begin(&r, reply_code_of(id));
        reply_row(&r, id, SLICE_NONE);
        session_send(s, &r);
        reply_free(&r);
    }
    session_close(s, substatus);
}

void session_die(struct session *s, uint32_t substatus, uint32_t win32)
{
    if (s->state == SESSION_DEAD)
        return;
    if (s->state < SESSION_CLOSING) {
        s->end_substatus = substatus;
        s->end_win32 = win32;
    }
    s->state = SESSION_DEAD;
}

/* ---- bytes ---- */

static void flush(struct session *s)
{
    while (s->out.len && s->state < SESSION_LINGER && s->state != SESSION_HANDSHAKE && s->state != SESSION_CLEARING) {
        size_t put = 0;
        int err = stream_write(&s->stream, text_slice(&s->out), &put);
        if (err == ERR_AGAIN) {
            s->write_wants = stream_wants(&s->stream);
            return;
        }
        if (err) {
            session_die(s, SUB_CONNECTION_ERROR, WIN_NETNAME_DELETED);
            return;
        }
        text_drop(&s->out, put);
        if (s->run) /* the client takes a long reply */
            s->activity = loop_now(s->worker->loop);
    }
    if (!s->out.len)
        text_free(&s->out);
}

void session_forget_input(struct session *s)
{
    if (s->in.ptr)
        secret_wipe(s->in.ptr, s->in.cap);
    text_free(&s->in);
}

static void session_free(struct session *s)
{
    struct worker *w = s->worker;
    if (s->run)
        run_cancel(s, s->run, 426, s->end_substatus ? s->end_substatus : SUB_CONNECTION_ERROR);
    access_log_control(s, "ControlChannelClosed", s->end_win32, s->end_substatus);
    session_log_out(s);
    certificate_drop(s);
    penalty_at_end(s);
    if (s->counted)
        session_count(s, -1);
    tally_release(s->of_address, w->child->index);
    worker_remove_session(w, s->id);
    loop_io_close(s->io);
    loop_timer_free(s->timer);
    stream_close(&s->stream);
    line_reset(&s->line);
    session_forget_input(s);
    text_free(&s->out);
    free(s->host);
    generation_unref(s->generation);
    generation_unref(s->pinned);
    free(s);
    worker_check_drained(w);
}

static void read_failed(struct session *s, int err)
{
    if (err == ERR_CLOSED && s->may_clear && session_is_secure(s)) {
        s->state = SESSION_CLEAR_NEXT; /* after REIN the client may take TLS away (RFC 4217 section 13) */
    } else if (err == ERR_CLOSED) {
        s->eof = true;
    } else {
        session_die(s, SUB_CONNECTION_ERROR, WIN_NETNAME_DELETED);
    }
}

static bool may_read(const struct session *s)
{
    return s->in.len < SESSION_INPUT_MAX && !s->eof && s->state == SESSION_OPEN;
}

static void read_some(struct session *s)
{
    s->read_wants = LOOP_READ;
    while (may_read(s)) {
        char buffer[READ_SIZE] __attribute__((uninitialized)); /* commands are short: clearing it costs more than reading one */
        size_t got = 0;
        int err = stream_read(&s->stream, buffer, sizeof buffer, &got);
        if (err == ERR_AGAIN) {
            s->read_wants = stream_wants(&s->stream); /* OpenSSL may have to answer first */
            return;
        }
        if (err) {
            read_failed(s, err);
            return;
        }
        s->bytes_received += got;
        text_add(&s->in, slice_of(buffer, got));
        secret_wipe(buffer, got);
        if (text_error(&s->in))
            session_die(s, SUB_CONNECTION_ERROR, WIN_NOT_ENOUGH_MEMORY);
        if (got < sizeof buffer) /* that was all; what comes meanwhile wakes us again */
            return;
    }
}

/* Take what the peer still sends, so that closing does not reset the connection under our last reply.  Nobody looks at
 * it, so it is taken as it comes, encrypted or not. */
static void drain(struct session *s)
{
    char buffer[READ_SIZE];
    for (int i = 0; i < 16; i++) {
        ssize_t got = recv(s->stream.fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            s->state = SESSION_DEAD;
            return;
        }
    }
}

/* ---- commands ---- */

/* What is answered while a transfer runs; all else waits, refusals too, or the client would take their replies for the
 * transfer's (threats.md P15, P18). */
static bool acts_in_transfer(const struct session *s, enum line_event event)
{
    return event == LINE_COMMAND ? dispatch_acts_in_transfer(s) : event == LINE_REFUSE || event == LINE_ENDLESS;
}

static size_t line_limit(const struct session *s)
{
    return s->site->max_command_line < COMMAND_LINE_MAX ? s->site->max_command_line : COMMAND_LINE_MAX;
}

/* Whether ABOR stands behind the line that waits for the transfer to end.  The lines are only looked at: each is taken, and
 * answered, in its turn (threats.md P15, P18). */
static bool abor_waits(struct session *s)
{
    struct line line = { 0 };
    struct slice rest = slice_from(text_slice(&s->in), s->peeked);
    bool found = false;
    while (!found && slice_has_byte(rest, '\n')) {
        enum line_event event = line_feed(&line, &rest, line_limit(s));
        if (event == LINE_MORE)
            break;
        if (event != LINE_REFUSE) /* the end of a line: nobody looks at it again */
            s->peeked = (uint16_t)(s->in.len - rest.len);
        found = event == LINE_COMMAND && dispatch_is_abor(s, line_text(&line));
    }
    line_reset(&line);
    return found;
}

static bool take_line(struct session *s)
{
    if (s->state == SESSION_OPEN && s->held && s->run && s->run->is_transfer && abor_waits(s)) {
        transfer_cut(s, s->run);
        return true;
    }
    if (s->state != SESSION_OPEN || certificate_is_pending(s) || (s->run && (!s->run->is_transfer || s->held)) || s->unanswered ||
        s->out.len > SESSION_OUTPUT_HIGH)
        return false;
    session_follow(s);
    if (s->held) {
        enum line_event event = (enum line_event)s->held;
        s->held = LINE_MORE;
        dispatch_line(s, event);
        return true;
    }
    if (!s->in.len)
        return false;
    struct slice rest = text_slice(&s->in);
    size_t before = rest.len;
    enum line_event event = line_feed(&s->line, &rest, line_limit(s));
    text_drop(&s->in, before - rest.len);
    if (event == LINE_MORE)
        return false;
    if (s->run && !acts_in_transfer(s, event)) {
        s->held = (uint8_t)event;
        s->peeked = 0;
        return s->in.len > 0;
    }
    dispatch_line(s, event);
    return true;
}

/* The client is gone: with it goes a transfer, unless more commands were sent on purpose behind it.  An upload whose
 * client died looks complete in the clear; cutting it here keeps half a file from getting the name (threats.md F09). */
static void after_eof(struct session *s)
{
    if (!s->eof || s->state != SESSION_OPEN)
        return;
    if (s->run && s->run->is_transfer && (s->held || s->in.len))
        return;
    if (s->run && !s->run->is_transfer)
        return;
    if (!s->run && (s->held || s->in.len || s->out.len)) /* who sends no more may still read */
        return;
    session_die(s, SUB_NONE, s->run ? WIN_NETNAME_DELETED : 0);
}

void session_linger(struct session *s)
{
    s->state = SESSION_LINGER;
    loop_timer_set(s->timer, LINGER_MS);
}

static void finish_closing(struct session *s)
{
    int err = stream_finish(&s->stream);
    if (err == ERR_AGAIN) {
        s->write_wants = stream_wants(&s->stream);
        return;
    }
    if (err || s->stream.is_quiet)
        s->state = SESSION_DEAD;
    else
        session_linger(s);
}

/* What OpenSSL holds may be half a record: then nothing comes of it until the socket has the rest (threats.md T09). */
static bool take_pending(struct session *s)
{
    uint64_t before = s->bytes_received;
    if (!may_read(s) || !stream_has_pending(&s->stream))
        return false;
    read_some(s);
    return s->bytes_received != before || !may_read(s);
}

/* Replies leave when no more commands can be taken: those to commands that came together in one piece. */
static bool advance_open(struct session *s)
{
    if (!s->run && (s->broker_lost || s->worker->draining)) /* the transfer that was let finish is over */
        session_end(s, s->broker_lost ? SUB_DATA_SERVER_ABORT : SUB_SITE_STOPPED, REPLY_NO_SERVICE);
    if (take_line(s) || take_pending(s))
        return true;
    bool was_high = s->out.len > SESSION_OUTPUT_HIGH;
    flush(s);
    if (!s->out.len && s->run && s->run->drained) {
        s->run->drained(s, s->run);
        return true;
    }
    if (was_high && s->out.len <= SESSION_OUTPUT_HIGH)
        return true;
    after_eof(s);
    return s->state != SESSION_OPEN;
}

/* One move of the machine; false when nothing more can be done now. */
static bool advance(struct session *s)
{
    uint8_t before = s->state;
    if (before == SESSION_OPEN)
        return advance_open(s);
    flush(s);
    switch (s->state) {
    case SESSION_TLS_NEXT:
        if (!s->out.len)
            session_begin_handshake(s);
        return s->state != before;
    case SESSION_CLEAR_NEXT:
        if (!s->out.len)
            s->state = SESSION_CLEARING;
        return s->state != before;
    case SESSION_HANDSHAKE:
        session_handshake(s);
        return s->state != before;
    case SESSION_CLEARING:
        session_clear_channel(s);
        return s->state != before;
    case SESSION_CLOSING:
        if (!s->out.len)
            finish_closing(s);
        return false;
    default:
        return false;
    }
}

static unsigned events_wanted(const struct session *s)
{
    switch (s->state) {
    case SESSION_HANDSHAKE:
    case SESSION_CLEARING:
        return s->write_wants;
    case SESSION_LINGER:
        return LOOP_READ;
    case SESSION_CLOSING:
        return s->write_wants ? s->write_wants : LOOP_WRITE;
    default:
        return (s->out.len ? s->write_wants : 0) | (may_read(s) ? s->read_wants : 0);
    }
}

static void settle(struct session *s)
{
    unsigned moves = 0;
    while (s->state != SESSION_DEAD && moves < TURN_MOVES && advance(s))
        moves++;
    if (moves == TURN_MOVES)
        flush(s);
    if (s->state == SESSION_DEAD) {
        session_free(s);
        return;
    }
    if (!s->run && !s->held && !line_is_partial(&s->line))
        line_reset(&s->line);
    if (!s->in.len)
        session_forget_input(s);
    if (moves < TURN_MOVES)
        loop_io_want(s->io, events_wanted(s), -1);
    else
        loop_io_want(s->io, 0, 0); /* there may be more to do: again in the next turn, whatever comes until then */
    s->depth--;
}

static void on_ready(void *context, unsigned events)
{
    struct session *s = context;
    session_enter(s);
    if (s->state == SESSION_LINGER)
        drain(s);
    else if ((events & s->read_wants) && s->state == SESSION_OPEN)
        read_some(s);
    session_leave(s);
}

/* ---- time ---- */

static int64_t idle_deadline(const struct session *s)
{
    int64_t timeout = s->site->control_channel_timeout * 1000;
    if (timeout <= 0)
        return INT64_MAX;
    int64_t by_noop = s->command_activity + timeout * NOOP_FACTOR;
    int64_t by_any = s->activity + timeout;
    return by_any < by_noop ? by_any : by_noop;
}

static void arm(struct session *s, int64_t deadline)
{
    int64_t left = deadline - loop_now(s->worker->loop);
    if (deadline == INT64_MAX)
        loop_timer_clear(s->timer);
    else
        loop_timer_set(s->timer, left > 0 ? left : 0);
}

/* A running command keeps the control channel alive, unless it waits for the client to take its reply (STAT of a large
 * folder; threats.md P31).  Transfers have time-outs of their own. */
static bool is_busy(const struct session *s)
{
    return s->run && !s->run->drained;
}

static void on_timer(void *context)
{
    struct session *s = context;
    int64_t now = loop_now(s->worker->loop);
    session_enter(s);
    if (s->state >= SESSION_CLOSING) {
        session_die(s, 0, 0);
    } else if (!s->logged_in) {
        if (now >= s->login_deadline)
            session_end(s, SUB_NEW_CONNECTION_TIMEOUT, REPLY_TIMEOUT);
        else
            arm(s, s->login_deadline);
    } else if (now < idle_deadline(s)) {
        arm(s, idle_deadline(s));
    } else if (is_busy(s)) {
        arm(s, now + s->site->control_channel_timeout * 1000);
    } else {
        session_end(s, SUB_CONTROL_TIMEOUT, REPLY_TIMEOUT);
    }
    session_leave(s);
}

void session_rearm(struct session *s)
{
    arm(s, s->logged_in ? idle_deadline(s) : s->login_deadline);
}

/* ---- the beginning ---- */

static MUST_USE int make_guid(uint8_t guid[16])
{
    int err = random_bytes(guid, 16);
    guid[6] = (uint8_t)((guid[6] & 0x0f) | 0x40); /* version 4, variant 1 */
    guid[8] = (uint8_t)((guid[8] & 0x3f) | 0x80);
    return err;
}

static struct session *session_new(struct worker *w, int fd, const struct net_addr *local, const struct net_addr *peer,
                                   struct tally_cell *of_address, const struct snap_binding *binding)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->worker = w;
    s->generation = generation_ref(w->generation);
    s->pinned = generation_ref(w->generation);
    s->site = s->pinned_site = snapshot_site(w->generation->snapshot, binding->site);
    s->local = *local;
    s->peer = *peer;
    s->of_address = of_address;
    s->implicit_tls = s->prot_private = binding->implicit_tls;
    s->host_missing = session_text(s, binding->host).len > 0;
    s->type_ascii = true;
    s->mlst_facts = FACTS_ALL;
    s->read_wants = LOOP_READ;
    s->start_time = clock_calendar_ms() / 1000;
    s->activity = s->command_activity = loop_now(w->loop);
    stream_init(&s->stream, fd);
    s->io = loop_io_open(w->loop, fd, on_ready, s);
    s->timer = loop_timer_new(w->loop, on_timer, s);
    if (s->io && s->timer && !make_guid(s->guid) && !worker_add_session(w, s, &s->id))
        return s;
    loop_io_close(s->io);
    loop_timer_free(s->timer);
    generation_unref(s->generation);
    generation_unref(s->pinned);
    free(s);
    return NULL;
}

/* Its own words if it has some, or a reset. */
void session_refuse_full(struct session *s, const struct snap_site *site)
{
    OWNED_TEXT_BUFFER message = { 0 };
    struct reply r = { 0 };
    if (site->reset_on_max_connections || (s->implicit_tls && !session_is_secure(s))) {
        s->stream.reset = site->reset_on_max_connections;
        session_die(s, SUB_CONNECTION_LIMIT, 0);
        return;
    }
    session_message(s, site, site->max_clients_message, &message);
    reply_begin(&r, reply_code_of(REPLY_NO_SERVICE));
    reply_lines(&r, text_slice(&message));
    if (!message.len)
        reply_row(&r, REPLY_NO_SERVICE, SLICE_NONE);
    session_send(s, &r);
    reply_free(&r);
    session_close(s, SUB_CONNECTION_LIMIT);
}

/* ipSecurity of the site that answers here when no host is named; a site chosen by name is judged when it is named. */
static bool refuse_address(struct session *s)
{
    if (s->host_missing || session_address_is_allowed(s, s->site))
        return false;
    s->end_win32 = WIN_ACCESS_DENIED;
    if (s->implicit_tls)
        session_die(s, SUB_IP_RESTRICTION, WIN_ACCESS_DENIED);
    else
        session_end(s, SUB_IP_RESTRICTION, REPLY_NO_SERVICE);
    return true;
}

void session_begin(struct worker *w, int fd, const struct net_addr *local, const struct net_addr *peer,
                   struct tally_cell *of_address)
{
    const struct snap_binding *binding = hosts_default(w->generation->snapshot, local);
    struct session *s = binding ? session_new(w, fd, local, peer, of_address, binding) : NULL;
    if (!s) {
        tally_release(of_address, w->child->index);
        close(fd);
        return;
    }
    session_enter(s);
    session_set_login_deadline(s);
    session_rearm(s);
    access_log_control(s, "ControlChannelOpened", 0, 0);
    bool full = !session_count_in(s);
    if (full)
        session_refuse_full(s, s->site);
    bool refused = full || refuse_address(s);
    if (!refused && worker_site_is_stopped(w, s->site->id))
        session_end(s, SUB_SITE_STOPPED, REPLY_NO_SERVICE);
    else if (!refused && s->implicit_tls && !penalty_may_handshake(s))
        session_die(s, SUB_CONNECTION_LIMIT, 0);
    else if (!refused && s->implicit_tls)
        session_begin_handshake(s);
    else if (!refused)
        dispatch_banner(s);
    session_leave(s);
}

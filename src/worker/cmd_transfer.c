/*
 * cmd_transfer.c - RETR STOR APPE STOU ABOR, and the data channel of every transfer.
 *
 * The run holds the open file, the path and the broker's handle; changes of the session cannot reach them (threats.md
 * P16).  An upload is 226 only after the broker has given it its name.
 */
#include "worker/cmd_transfer.h"

#include <sys/socket.h>

#include "base/own.h"
#include "ftp/value.h"
#include "policy/vpath.h"
#include "worker/access_log.h"

const struct data_reply transfer_no_memory = { 451, "Requested action aborted: local error in processing.",
                                               SUB_DATA_SERVER_ABORT, WIN_NOT_ENOUGH_MEMORY };

/* ---- the data channel ---- */

int transfer_prepare(struct session *s, struct run *r, enum transfer_kind kind)
{
    r->is_transfer = true;
    r->kind = (uint8_t)kind;
    r->ascii = s->type_ascii;
    r->offset = s->rest;
    if (r->offset && r->ascii && kind != TRANSFER_LISTING) { /* an offset in converted text means nothing here */
        answer(s, r, REPLY_PARAMETER);
        return ERR_STATE;
    }
    return 0;
}

uint16_t transfer_data_port(const struct session *s)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (!s->data)
        return 0;
    if (data_is_passive(s->data))
        return data_port(s->data);
    struct stream *stream = data_stream(s->data);
    if (!stream || getsockname(stream->fd, (struct sockaddr *)&address, &len))
        return 0;
    return net_addr_from_sockaddr(&address).port;
}

static void close_data(struct session *s, struct run *r, uint32_t win32, uint32_t substatus)
{
    if (s->data)
        access_log_data(s, "DataChannelClosed", transfer_data_port(s), win32, substatus);
    r->data_logged = false;
    transfer_free(r->transfer);
    r->transfer = NULL;
    data_free(s->data);
    s->data = NULL;
}

/* Other sub-statuses are the data channel's and stand in its own log records. */
static bool concerns_command(uint32_t substatus)
{
    return substatus == SUB_SIZE_LIMIT || substatus == SUB_CERTIFICATE_REQUIRED || substatus == SUB_CERTIFICATE_DIFFERS;
}

void transfer_fail(struct session *s, struct run *r, const struct data_reply *reply)
{
    if (r->handle)
        broker_tell(s->worker, s->ticket, r->kind == TRANSFER_LISTING ? BROKER_LIST_END : BROKER_ABANDON, r->handle);
    r->handle = 0;
    close_data(s, r, reply->win32, reply->substatus);
    answer_failure(s, r, reply->code, slice_str(reply->text), reply->win32,
                   concerns_command(reply->substatus) ? reply->substatus : SUB_NONE, slice_str(substatus_text(reply->substatus)));
}

static void space_answered(struct session *s, const struct broker_answer *a, int *fd)
{
    (void)fd;
    struct run *r = run_answered(s);
    struct reply reply = { 0 };
    OWNED_TEXT_BUFFER commas = { 0 };
    if (!a) {
        answer_broker(s, r, a);
        return;
    }
    reply_begin(&reply, reply_code_of(REPLY_TRANSFER_DONE));
    if (a->status == 0) {
        value_print_commas(a->size, &commas);
        reply_row(&reply, REPLY_TRANSFER_SPACE, text_slice(&commas));
    }
    reply_row(&reply, REPLY_TRANSFER_DONE, SLICE_NONE);
    answer_reply(s, r, &reply);
    reply_free(&reply);
}

/* Data written, close_notify, FIN, then 226 (threats.md D13). */
static void succeed(struct session *s, struct run *r)
{
    close_data(s, r, 0, 0);
    r->is_transfer = false; /* nothing is left to abort */
    if (r->kind == TRANSFER_LISTING && (s->site->show_flags & SHOW_AVAILABLE_BYTES)) {
        struct broker_request request = { .verb = BROKER_FREE_SPACE, .path = run_path(r) };
        run_ask(s, r, request, space_answered);
        return;
    }
    answer(s, r, REPLY_TRANSFER_DONE);
}

/* ---- the end of an upload ---- */

static void committed(struct session *s, const struct broker_answer *a, int *fd)
{
    (void)fd;
    struct run *r = run_answered(s);
    r->handle = 0;
    if (a && a->status == 0) {
        succeed(s, r);
        return;
    }
    close_data(s, r, a ? a->win32 : WIN_CONNECTION_ABORTED, SUB_DATA_SERVER_ABORT);
    answer_broker(s, r, a);
}

/* In the clear a client that died and one that finished look alike on the data channel; the control channel knows. */
static bool client_is_gone(struct session *s)
{
    char byte;
    if (s->eof)
        return !s->held && !s->in.len;
    return !session_is_secure(s) && recv(s->stream.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0 && !s->held && !s->in.len;
}

static void commit(struct session *s, struct run *r)
{
    if (client_is_gone(s)) {
        transfer_fail(s, r, transfer_result_reply(TRANSFER_PEER_ABORTED, 0));
        return;
    }
    r->is_transfer = false; /* the last byte is in: ABOR waits and then meets a finished transfer */
    struct broker_request request = { .verb = BROKER_COMMIT, .handle = r->handle };
    run_ask(s, r, request, committed);
}

static void abandoned(struct session *s, const struct broker_answer *a, int *fd)
{
    (void)a; /* a broker that is gone has dropped it too */
    (void)fd;
    struct run *r = run_answered(s);
    r->handle = 0;
    transfer_fail(s, r, r->failure);
}

/* The client may try again at once: what it failed to write must be gone by then. */
static void abandon(struct session *s, struct run *r, const struct data_reply *reply)
{
    struct broker_request request = { .verb = BROKER_ABANDON, .handle = r->handle };
    r->is_transfer = false; /* ABOR waits and then meets a finished transfer */
    r->failure = reply;
    run_ask(s, r, request, abandoned);
}

/* ---- moving ---- */

/* A listing that its client closes early is a file error to IIS, on the data channel's record too (ftp-behaviour.md 10). */
static const struct data_reply *reply_to(const struct run *r, const struct transfer_outcome *outcome)
{
    static const struct data_reply closed_early = { 550, "The specified network name is no longer available. ", SUB_NONE,
                                                    WIN_NETNAME_DELETED };
    if (r->kind == TRANSFER_LISTING && outcome->result == TRANSFER_PEER_ABORTED)
        return &closed_early;
    return transfer_result_reply(outcome->result, outcome->err);
}

static void moved(void *context, const struct transfer_outcome *outcome)
{
    struct session *s = context;
    struct run *r = s->run;
    session_enter(s);
    r->has_moved = true;
    r->moved = outcome->wire_bytes;
    if (r->kind == TRANSFER_UPLOAD)
        s->bytes_received += outcome->wire_bytes;
    else
        s->bytes_sent += outcome->wire_bytes;
    if (outcome->result != TRANSFER_DONE && outcome->result != TRANSFER_ABORTED && r->kind == TRANSFER_UPLOAD)
        abandon(s, r, reply_to(r, outcome));
    else if (outcome->result != TRANSFER_DONE)
        transfer_fail(s, r, reply_to(r, outcome));
    else if (r->kind == TRANSFER_UPLOAD)
        commit(s, r);
    else
        succeed(s, r);
    session_leave(s);
}

static void more_wanted(void *context)
{
    struct session *s = context;
    session_enter(s);
    list_moving(s, s->run);
    session_leave(s);
}

/* The bandwidths that a transfer of this session shares: with nobody, with the user's other sessions, with the site. */
static void choose_paces(const struct session *s, enum transfer_kind kind, struct transfer_pace paces[TRANSFER_PACES])
{
    const struct snap_site *site = s->site;
    bool up = kind == TRANSFER_UPLOAD;
    enum tally_clock which = up ? TALLY_UP : TALLY_DOWN;
    paces[0] = (struct transfer_pace){ (tally_time *)&s->own_clocks[which], (uint64_t)(up ? site->up_session : site->down_session) };
    if (s->of_user)
        paces[1] = (struct transfer_pace){ tally_clock(s->of_user, which), (uint64_t)(up ? site->up_user : site->down_user) };
    if (s->of_site)
        paces[2] = (struct transfer_pace){ tally_clock(s->of_site, which), (uint64_t)(up ? site->up_site : site->down_site) };
}

static void start_moving(struct session *s, struct run *r)
{
    struct transfer_config config = {
        .kind = (enum transfer_kind)r->kind,
        .ascii = r->ascii,
        .file = r->file,
        .offset = r->offset,
        .size = r->size,
        .limit = r->limit,
        .timeout_ms = s->site->data_channel_timeout * 1000,
        .min_bytes_per_second = s->site->min_bytes_per_second > 0 ? (uint64_t)s->site->min_bytes_per_second : 0,
        .require_close_notify = s->site->require_data_close_notify,
        .more = more_wanted,
        .done = moved,
        .context = s,
    };
    choose_paces(s, config.kind, config.paces);
    if (transfer_start(s->worker->hub, data_stream(s->data), &config, &r->transfer)) {
        transfer_fail(s, r, &transfer_no_memory);
        return;
    }
    r->file = -1;
    if (r->kind == TRANSFER_LISTING)
        list_moving(s, r);
    else
        transfer_hurry(r->transfer); /* a small file is through before the session's replies are sent, in one piece */
}

static void opened(void *context, enum data_result result)
{
    struct session *s = context;
    session_enter(s);
    if (result == DATA_OPENED) {
        access_log_data(s, "DataChannelOpened", transfer_data_port(s), 0, 0);
        s->run->data_logged = true;
        start_moving(s, s->run);
    } else {
        transfer_fail(s, s->run, data_result_reply(result));
    }
    session_leave(s);
}

void transfer_open(struct session *s, struct run *r, struct slice name)
{
    static const struct data_reply failed = { 425, "Cannot open data connection.", SUB_CONNECTION_ERROR,
                                              WIN_CONNECTION_ABORTED };
    struct tls_session *tls = s->prot_private ? stream_session(&s->stream) : NULL;
    if (!s->data || (s->prot_private && !tls)) { /* no PASV or PORT; a name that does not exist has been told before */
        transfer_fail(s, r, &failed);
        return;
    }
    bool ready = data_accept(s->data);
    if (tls && session_is_secure(s))
        stream_replenish(&s->stream);
    if (name.len)
        run_reply(s, r, ready ? REPLY_STOU_OPEN : REPLY_STOU_OPENING, name);
    else
        run_reply(s, r, ready ? REPLY_DATA_OPEN : REPLY_DATA_OPENING,
                  r->ascii ? SLICE_LITERAL("ASCII") : SLICE_LITERAL("BINARY"));
    if (data_open(s->data, tls, opened, s))
        transfer_fail(s, r, &failed);
}

/* ---- verbs ---- */

static void file_answered(struct session *s, const struct broker_answer *a, int *fd)
{
    struct run *r = run_answered(s);
    if (!a || a->status) {
        answer_broker(s, r, a);
        return;
    }
    if (*fd < 0) {
        worker_event(s->worker, LOG_LEVEL_ERROR, "the broker opened a file and sent no descriptor");
        session_end(s, SUB_DATA_SERVER_ABORT, REPLY_NO_SERVICE);
        return;
    }
    r->file = fd_take(fd);
    r->size = a->size;
    r->handle = r->kind == TRANSFER_UPLOAD ? a->handle : 0;
    r->limit = a->limit;
    if (r->appending)
        r->offset = a->size;
    transfer_open(s, r, r->row->handler == DO_stou ? vpath_last(a->name) : SLICE_NONE);
}

static void ask_file(struct session *s, struct run *r, enum transfer_kind kind, uint8_t verb, struct slice argument)
{
    if (transfer_prepare(s, r, kind) || run_resolve(s, r, argument))
        return;
    struct broker_request request = { .verb = verb, .path = run_path(r), .offset = r->appending ? 0 : r->offset };
    run_ask(s, r, request, file_answered);
}

void cmd_retr(struct session *s, struct run *r)
{
    ask_file(s, r, TRANSFER_DOWNLOAD, BROKER_OPEN_READ, run_argument(r));
}

void cmd_stor(struct session *s, struct run *r)
{
    ask_file(s, r, TRANSFER_UPLOAD, BROKER_UPLOAD, run_argument(r));
}

void cmd_appe(struct session *s, struct run *r)
{
    r->appending = true;
    ask_file(s, r, TRANSFER_UPLOAD, BROKER_APPEND, run_argument(r));
}

/* The broker chooses the name in the current directory; an argument is only a wish (RFC 959). */
void cmd_stou(struct session *s, struct run *r)
{
    ask_file(s, r, TRANSFER_UPLOAD, BROKER_UPLOAD_UNIQUE, SLICE_LITERAL(""));
}

void transfer_cut(struct session *s, struct run *t)
{
    if (t->asked)
        broker_forget(s->worker, t->request);
    t->asked = false;
    if (t->transfer)
        transfer_abort(t->transfer); /* answers through moved() */
    else
        transfer_fail(s, t, transfer_result_reply(TRANSFER_ABORTED, 0));
}

/* While a transfer runs: 426 for it, then 226; else 225 (threats.md P18). */
void cmd_abor(struct session *s, struct run *r)
{
    if (s->run == r) {
        answer_with(s, r, REPLY_NOTHING_TO_ABORT, SLICE_LITERAL("ABOR"));
        return;
    }
    transfer_cut(s, s->run);
    answer_with(s, r, REPLY_DONE_226, SLICE_LITERAL("ABOR"));
}

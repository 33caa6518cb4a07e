/*
 * access_log.c - filling in log records.
 *
 * They gather for a moment: a datagram for each turn of the loop costs worker and logger more than all else about them.
 * Whoever wants to read the files orders a flush, which asks the workers first.
 */
#include "worker/access_log.h"

#include "base/clock.h"
#include "policy/address_rules.h"
#include "worker/run.h"
#include "worker/supervised.h"

enum { GATHER_MS = 5 };

/* A logger that is slow for a moment, or away to start again, loses nothing: its socket lets ten datagrams wait, the link
 * many more. */
static void send_records(struct worker *w)
{
    int err = text_error(&w->log_records);
    if (!err)
        err = LINK_SEND(&w->log, &w->out, log_records, .records = text_slice(&w->log_records));
    if (err)
        w->log_lost += w->log_waiting;
    w->log_waiting = 0;
    text_reset(&w->log_records);
}

static void add_record(struct worker *w, struct log_access record)
{
    if (w->log_records.len > LOG_RECORDS_FULL) /* before `out` is used for this one */
        send_records(w);
    record.lost = w->log_lost;
    w->out.len = 0;
    w->out.err = 0;
    if (log_access_encode(&record, &w->out)) {
        w->log_lost++;
        return;
    }
    if (!w->log_waiting)
        loop_timer_set(w->log_timer, GATHER_MS);
    log_records_add(&w->log_records, slice_of((const char *)w->out.ptr, w->out.len));
    w->log_waiting += 1 + record.lost;
    w->log_lost = 0;
}

void access_log_send(void *worker)
{
    struct worker *w = worker;
    if (w->log_waiting && !link_waits(&w->log))
        send_records(w);
    if (!link_waits(&w->log))
        supervised_flushed(w);
    else if (w->log_waiting || w->flushes.len)
        loop_timer_set(w->log_timer, GATHER_MS);
}

static struct log_access record_of(const struct session *s)
{
    return (struct log_access){
        .site = s->site->id,
        .time = clock_calendar_ms(),
        .session_id = slice_of((const char *)s->guid, sizeof s->guid),
        .client = s->peer,
        .local = s->local,
        .user = slice_str(s->user),
        .host = slice_str(s->host),
        .certificate = slice_str(s->cert_facts),
        .cert_verdict = slice_str(s->cert_verdict),
    };
}

static bool logs(const struct session *s)
{
    const struct snap_server *server = session_server(s);
    return server->central_log_mode ? server->central_log_enabled : s->site->log_enabled;
}

/* A password is not only what stands behind PASS: with a blank or another byte too many the line is no command.  Before the
 * login whatever is no command may hold one. */
static bool is_secret(const struct session *s, const struct run *r)
{
    if (r->row)
        return (r->row->flags & CMD_SECRET) && !r->show_secret;
    struct slice word = r->verb[0] ? slice_str(r->verb) : command_word(run_argument(r));
    const struct command *meant = command_find(word, s->generation->extensions);
    return r->argument.len && (!s->logged_in || (meant && (meant->flags & CMD_SECRET)));
}

void access_log_command(struct session *s, const struct run *r)
{
    if (!logs(s))
        return;
    struct log_access record = record_of(s);
    record.verb = slice_str(r->verb);
    record.argument = is_secret(s, r) ? SLICE_LITERAL("***") : slice_first(text_slice(&r->argument), PATH_LIMIT);
    record.status = r->status;
    record.win32 = r->win32;
    record.substatus = r->substatus;
    record.bytes_sent = r->has_moved && r->kind != TRANSFER_UPLOAD ? r->moved : r->sent;
    record.bytes_received = r->has_moved && r->kind == TRANSFER_UPLOAD ? r->moved : r->received;
    record.elapsed = (uint64_t)(loop_now(s->worker->loop) - r->started);
    record.full_path = text_slice(&r->path);
    record.info = r->substatus ? slice_str(substatus_text(r->substatus)) : SLICE_NONE;
    bool is_login = r->row && (r->row->handler == DO_user || r->row->handler == DO_pass);
    if (r->reason.len && !text_error(&r->reason))
        record.reason = slice_first(text_slice(&r->reason), DETAIL_LIMIT);
    else if (r->status >= 400 && !is_login) /* the authenticator tells of refused logins itself */
        record.reason = record.info;
    record.infrastructure = r->row && (r->row->flags & CMD_INFRASTRUCTURE);
    add_record(s->worker, record);
}

/* Why a connection was ended whose session has no command to tell it with. */
static void tell_end(const struct session *s, uint32_t substatus, struct text *out)
{
    struct reason why = { 0 };
    reason_set(&why, 0, "%s", substatus_text(substatus));
    if (substatus == SUB_IP_RESTRICTION)
        (void)address_rules_allow(s->generation->snapshot, s->site, SLICE_LITERAL("/"), &s->peer, &why);
    reason_print(s->generation->snapshot, &why, out);
}

void access_log_control(struct session *s, const char *verb, uint32_t win32, uint32_t substatus)
{
    if (!logs(s))
        return;
    struct log_access record = record_of(s);
    record.verb = slice_str(verb);
    record.win32 = win32;
    record.substatus = substatus;
    record.info = substatus ? slice_str(substatus_text(substatus)) : SLICE_NONE;
    OWNED_TEXT_BUFFER reason = { 0 };
    if (substatus)
        tell_end(s, substatus, &reason);
    record.reason = slice_first(text_slice(&reason), DETAIL_LIMIT);
    add_record(s->worker, record);
}

void access_log_data(struct session *s, const char *verb, uint16_t port, uint32_t win32, uint32_t substatus)
{
    if (!logs(s))
        return;
    struct log_access record = record_of(s);
    record.verb = slice_str(verb);
    record.local.port = port;
    record.win32 = win32;
    record.substatus = substatus;
    record.info = substatus ? slice_str(substatus_text(substatus)) : SLICE_NONE;
    record.infrastructure = true;
    add_record(s->worker, record);
}

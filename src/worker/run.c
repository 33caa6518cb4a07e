/*
 * run.c - answers and what they leave behind.
 */
#include "worker/run.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/secret.h"
#include "policy/vpath.h"
#include "worker/access_log.h"
#include "worker/cmd_transfer.h"

struct run *run_new(struct session *s, const struct command *row, struct slice verb, struct slice argument)
{
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    /* What stands behind a TAB in the place of the blank is no part of a verb, and may be a password. */
    struct slice shown = row ? verb : slice_first(command_word(verb), RUN_VERB_MAX);
    r->row = row;
    memcpy(r->verb, shown.ptr, shown.len);
    text_add(&r->argument, argument);
    r->started = loop_now(s->worker->loop);
    r->wall_ms = clock_calendar_ms();
    r->received = s->line.wire_bytes;
    r->file = -1;
    if (!text_error(&r->argument))
        return r;
    free(r);
    return NULL;
}

static void run_free(struct run *r)
{
    if (r->argument.ptr)
        secret_wipe(r->argument.ptr, r->argument.len);
    text_free(&r->argument);
    text_free(&r->path);
    text_free(&r->reason);
    text_free(&r->chunk);
    text_free(&r->detail);
    loop_timer_free(r->timer);
    transfer_free(r->transfer);
    if (r->file >= 0)
        close(r->file);
    free(r);
}

void run_finish(struct session *s, struct run *r)
{
    access_log_command(s, r);
    s->activity = loop_now(s->worker->loop);
    if (r->status >= 400)
        s->last_error = r->win32;
    if (s->run == r) {
        s->run = NULL;
        memcpy(s->previous_verb, r->verb, sizeof s->previous_verb - 1);
    }
    run_free(r);
}

void run_cancel(struct session *s, struct run *r, unsigned status, uint32_t substatus)
{
    struct worker *w = s->worker;
    if (r->asked)
        broker_forget(w, r->request);
    if (r->handle)
        broker_tell(w, s->ticket, r->kind == TRANSFER_LISTING ? BROKER_LIST_END : BROKER_ABANDON, r->handle);
    transfer_free(r->transfer);
    r->transfer = NULL;
    if (r->data_logged)
        access_log_data(s, "DataChannelClosed", transfer_data_port(s), WIN_CONNECTION_ABORTED, substatus);
    if (r->is_transfer || r->data_logged) {
        data_free(s->data);
        s->data = NULL;
    }
    r->status = status;
    r->substatus = substatus;
    r->win32 = WIN_CONNECTION_ABORTED;
    run_finish(s, r);
}

void run_send(struct session *s, struct run *r, const struct reply *reply)
{
    r->status = reply->code;
    r->sent += session_send(s, reply);
}

void run_reply(struct session *s, struct run *r, enum reply_id id, struct slice parameter)
{
    struct reply reply = { 0 };
    reply_begin(&reply, reply_code_of(id));
    reply_row(&reply, id, parameter);
    run_send(s, r, &reply);
    reply_free(&reply);
}

void answer(struct session *s, struct run *r, enum reply_id id)
{
    answer_with(s, r, id, SLICE_NONE);
}

void answer_with(struct session *s, struct run *r, enum reply_id id, struct slice parameter)
{
    run_reply(s, r, id, parameter);
    run_finish(s, r);
}

void answer_reply(struct session *s, struct run *r, const struct reply *reply)
{
    run_send(s, r, reply);
    run_finish(s, r);
}

/* A system message ends in CRLF on Windows, of which the service makes one blank. */
static void add_system_message(struct text *out, uint32_t win32)
{
    text_add_str(out, win_error_text(win32));
    if (out->len)
        text_add_char(out, ' ');
}

void answer_failure(struct session *s, struct run *r, unsigned code, struct slice first, uint32_t win32,
                    uint32_t substatus, struct slice detail)
{
    struct reply reply = { 0 };
    OWNED_TEXT_BUFFER system = { 0 };
    add_system_message(&system, win32);
    r->win32 = win32;
    r->substatus = substatus;
    /* Without a Win32 code or a text there is nothing to tell beyond the first line. */
    if ((win32 || detail.len) && session_is_local(s) && s->site->allow_local_detailed_errors) {
        if (!detail.len)
            detail = slice_str(substatus_text(substatus));
        reply_detailed(&reply, code, first, text_slice(&system), detail);
    } else {
        reply_begin(&reply, code);
        reply_line(&reply, first);
    }
    answer_reply(s, r, &reply);
    reply_free(&reply);
}

void answer_denied(struct session *s, struct run *r, enum reply_id id, uint32_t win32, uint32_t substatus)
{
    answer_failure(s, r, reply_code_of(id), reply_text_of(id), win32, substatus, SLICE_NONE);
}

void answer_file_error(struct session *s, struct run *r, uint32_t win32, uint32_t substatus)
{
    OWNED_TEXT_BUFFER first = { 0 };
    add_system_message(&first, win32);
    answer_failure(s, r, 550, text_slice(&first), win32, substatus, SLICE_NONE);
}

void run_because(struct run *r, const struct generation *g, const struct reason *why)
{
    text_reset(&r->reason);
    reason_print(g->snapshot, why, &r->reason);
}

void answer_broker(struct session *s, struct run *r, const struct broker_answer *a)
{
    if (!a) {
        run_cancel(s, r, 421, SUB_DATA_SERVER_ABORT);
        session_end(s, SUB_DATA_SERVER_ABORT, REPLY_NO_SERVICE);
        return;
    }
    if (a->substatus == SUB_CONFIGURATION_CHANGED) { /* what was granted is not there any more */
        run_cancel(s, r, 421, SUB_CONFIGURATION_CHANGED);
        session_end(s, SUB_CONFIGURATION_CHANGED, REPLY_NO_SERVICE);
        return;
    }
    text_reset(&r->reason);
    text_add(&r->reason, a->reason);
    answer_file_error(s, r, a->win32 ? a->win32 : win_error_from(-(int)a->status),
                      a->substatus ? a->substatus : SUB_FILE_ERROR);
}

int run_resolve(struct session *s, struct run *r, struct slice argument)
{
    int err = vpath_resolve(slice_str(s->cwd), argument, &r->path);
    if (!err && (!slice_is_utf8(argument) || slice_has_control(argument)))
        err = ERR_NAME;
    if (!err)
        return 0;
    text_reset(&r->path);
    answer_file_error(s, r, win_error_from(err), SUB_FILE_ERROR);
    return err;
}

void run_ask(struct session *s, struct run *r, struct broker_request request, broker_answered *answered)
{
    int err = broker_ask(s, request, answered, &r->request);
    r->asked = !err;
    if (err)
        answer_broker(s, r, NULL);
}

struct run *run_answered(struct session *s)
{
    struct run *r = s->run;
    r->asked = false;
    return r;
}

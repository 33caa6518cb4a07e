/*
 * dispatch.c - judging a command before its handler sees it.
 *
 * A check is a row: first one that refuses answers.  Handlers therefore begin with their own work.
 */
#include "worker/dispatch.h"

#include "policy/channel_policy.h"
#include "policy/command_filter.h"
#include "worker/certificate.h"
#include "worker/run.h"

static command_run *const handlers[DO_COUNT] = {
#define H(name) [DO_##name] = cmd_##name,
    COMMAND_HANDLERS(H)
#undef H
};

/* Verbs without a handler never reach one: a starred row is refused by its flag. */
void cmd_none(struct session *s, struct run *r)
{
    answer(s, r, REPLY_NOT_IMPLEMENTED);
}

void dispatch_banner(struct session *s)
{
    struct reply r = { 0 };
    OWNED_TEXT_BUFFER banner = { 0 };
    session_message(s, s->site, s->site->banner_message, &banner);
    reply_begin(&r, reply_code_of(REPLY_WELCOME));
    if (!s->site->suppress_default_banner)
        reply_row(&r, REPLY_WELCOME, SLICE_NONE);
    else if (!banner.len)
        reply_row(&r, REPLY_EMPTY_BANNER, SLICE_NONE);
    reply_lines(&r, text_slice(&banner));
    session_send(s, &r);
    reply_free(&r);
}

bool dispatch_acts_in_transfer(const struct session *s)
{
    struct slice verb, argument;
    command_split(line_text(&s->line), &verb, &argument);
    const struct command *row = command_find(verb, s->generation->extensions);
    return row && (row->flags & CMD_IN_TRANSFER) && (row->handler != DO_stat || !argument.len);
}

bool dispatch_is_abor(const struct session *s, struct slice line)
{
    struct slice verb, argument;
    command_split(line, &verb, &argument);
    const struct command *row = command_find(verb, s->generation->extensions);
    return row && row->handler == DO_abor && !argument.len &&
           command_filter_allows(s->generation->snapshot, s->site, verb, NULL);
}

/* Too many lines that are no commands: somebody is trying things out, or speaks another protocol (threats.md P06). */
static void count_unknown(struct session *s)
{
    const struct snap_server *server = session_server(s);
    unsigned limit = s->logged_in ? server->unknown_after_login : server->unknown_before_login;
    s->unknown_commands++;
    if (limit && s->unknown_commands >= limit)
        session_end(s, SUB_NONE, REPLY_TOO_MANY_ERRORS);
}

/* ---- the checks ---- */

/* Before anything else is said about the command, whether it exists included. */
static bool refuse_filtered(struct session *s, struct run *r)
{
    if (command_filter_allows(s->generation->snapshot, s->site, slice_str(r->verb), NULL))
        return false;
    struct reason why = { 0 };
    bool is_unknown = !r->row;
    (void)command_filter_allows(s->generation->snapshot, s->site, slice_str(r->verb), &why);
    run_because(r, s->generation, &why);
    answer_denied(s, r, REPLY_NOT_ALLOWED, WIN_ACCESS_DENIED, SUB_COMMAND_FILTERING);
    if (is_unknown)
        count_unknown(s);
    return true;
}

static bool refuse_unknown(struct session *s, struct run *r)
{
    if (r->row)
        return false;
    answer(s, r, REPLY_NOT_UNDERSTOOD);
    count_unknown(s);
    return true;
}

static bool refuse_unimplemented(struct session *s, struct run *r)
{
    if (!(r->row->flags & CMD_STAR))
        return false;
    answer(s, r, REPLY_NOT_IMPLEMENTED);
    return true;
}

/* Whatever needs a login needs the certificate first; USER says so itself, when the site is known. */
static bool refuse_without_certificate(struct session *s, struct run *r)
{
    if (s->logged_in || (r->row->phases & PHASE_NEW) ||
        (!session_is_secure(s) && s->site->control_channel_policy != SSL_ALLOW))
        return false;
    return certificate_refuse_missing(s, r);
}

static bool refuse_phase(struct session *s, struct run *r)
{
    if ((r->row->phases & (s->logged_in ? PHASE_READY : PHASE_NEW)) || (s->by_certificate && r->row->handler == DO_pass))
        return false;
    answer(s, r, s->logged_in ? REPLY_BAD_SEQUENCE : REPLY_LOGIN_FIRST);
    return true;
}

static bool refuse_policy(struct session *s, struct run *r)
{
    const struct snapshot *snapshot = s->generation->snapshot;
    struct reason why = { 0 };
    unsigned refused = channel_policy_command(s->site, snapshot, session_is_secure(s), NULL);
    if (!refused || (r->row->flags & CMD_CLEAR))
        return false;
    (void)channel_policy_command(s->site, snapshot, session_is_secure(s), &why);
    run_because(r, s->generation, &why);
    answer_denied(s, r, REPLY_POLICY_SSL, WIN_ACCESS_DENIED, refused);
    return true;
}

static bool refuse_without_tls(struct session *s, struct run *r)
{
    if (session_is_secure(s) || !(r->row->flags & CMD_NEEDS_TLS))
        return false;
    answer(s, r, REPLY_BAD_SEQUENCE);
    return true;
}

static bool refuse_argument(struct session *s, struct run *r)
{
    bool given = r->argument.len > 0;
    bool must = r->row->argument == ARG_TEXT || r->row->argument == ARG_PATH;
    if (given ? r->row->argument != ARG_NONE : !must)
        return false;
    answer(s, r, REPLY_PARAMETERS);
    return true;
}

/* A grant that died with its broker opens nothing any more. */
static bool refuse_without_grant(struct session *s, struct run *r)
{
    if (r->row->right == RIGHT_NONE || s->ticket || r != s->run) /* beside a transfer: nothing is asked for */
        return false;
    answer(s, r, REPLY_NO_SERVICE);
    session_close(s, SUB_DATA_SERVER_ABORT);
    return true;
}

/* Data policy, at the transfer and before any 1xx: PROT may have changed after PASV (threats.md P23). */
static bool refuse_data_policy(struct session *s, struct run *r)
{
    if (!(r->row->flags & CMD_OPENS_DATA))
        return false;
    struct reason why = { 0 };
    unsigned refused = channel_policy_data(s->site, s->generation->snapshot, s->prot_private, NULL);
    if (!refused)
        return false;
    (void)channel_policy_data(s->site, s->generation->snapshot, s->prot_private, &why);
    run_because(r, s->generation, &why);
    answer_denied(s, r, refused == SUB_SSL_REQUIRED_DATA ? REPLY_POLICY_SSL : REPLY_POLICY_NO_SSL, WIN_ACCESS_DENIED, refused);
    return true;
}

static bool (*const checks[])(struct session *s, struct run *r) = {
    certificate_refuses, refuse_filtered, refuse_unknown,       refuse_unimplemented, refuse_without_certificate,
    refuse_phase,        refuse_policy,   refuse_without_tls,   refuse_argument,      refuse_without_grant,
    refuse_data_policy,
};

static bool is_refused(struct session *s, struct run *r)
{
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (checks[i](s, r))
            return true;
    return false;
}

static void execute(struct session *s, struct run *r)
{
    const struct command *row = r->row;
    if (row && row->handler != DO_noop)
        s->command_activity = loop_now(s->worker->loop);
    if (!is_refused(s, r))
        handlers[row->handler](s, r);
    /* REST and RNFR concern the very next command (threats.md P21, P27); what only prepares a transfer may stand
     * between REST and it, as clients do that. */
    if (!row || !(row->flags & CMD_KEEPS_REST))
        s->rest = 0;
    if (!row || row->handler != DO_rnfr)
        s->rename_pending = false;
}

static struct run *begin(struct session *s, struct slice verb, struct slice argument)
{
    struct run *r = run_new(s, command_find(verb, s->generation->extensions), verb, argument);
    if (!r)
        session_die(s, SUB_CONNECTION_ERROR, WIN_NOT_ENOUGH_MEMORY);
    else if (!s->run)
        s->run = r;
    return r;
}

static void dispatch_command(struct session *s)
{
    struct slice verb, argument;
    command_split(line_text(&s->line), &verb, &argument);
    if (command_is_http(verb)) { /* threats.md P05 */
        session_die(s, SUB_NONE, 0);
        return;
    }
    struct run *r = begin(s, verb, argument);
    if (r)
        execute(s, r);
}

/* A line that is no command: refused, and logged without what it held. */
static void refuse_line(struct session *s, enum reply_id id)
{
    struct slice verb, argument;
    command_split(line_text(&s->line), &verb, &argument);
    bool known = command_find(verb, s->generation->extensions) != NULL;
    struct run *r = begin(s, known ? verb : SLICE_LITERAL(""), SLICE_LITERAL(""));
    if (!r)
        return;
    if (id == REPLY_BARE_LF)
        r->win32 = WIN_INVALID_PARAMETER;
    if (id == REPLY_LINE_TOO_LONG)
        r->substatus = SUB_COMMAND_FILTERING;
    answer(s, r, id);
    count_unknown(s);
}

void dispatch_line(struct session *s, enum line_event event)
{
    char refusal[3];
    switch (event) {
    case LINE_COMMAND:
        dispatch_command(s);
        break;
    case LINE_BARE_LF:
        refuse_line(s, REPLY_BARE_LF);
        break;
    case LINE_BAD:
        refuse_line(s, REPLY_INVALID_PARAMETER);
        break;
    case LINE_TOO_LONG:
        refuse_line(s, REPLY_LINE_TOO_LONG);
        break;
    case LINE_REFUSE:
        line_refusal(&s->line, refusal);
        session_put(s, slice_of(refusal, sizeof refusal));
        break;
    case LINE_ENDLESS:
        session_end(s, SUB_NONE, REPLY_TOO_MANY_ERRORS);
        break;
    case LINE_NO_MEMORY:
        session_die(s, SUB_CONNECTION_ERROR, WIN_NOT_ENOUGH_MEMORY);
        break;
    case LINE_MORE:
        break;
    }
}

/* cmd_file.c - verbs that are one question to the broker: CWD CDUP PWD MKD RMD DELE RNFR RNTO SIZE MDTM MFMT MLST. */
#include <stdio.h>

#include "base/clock.h"
#include "ftp/facts.h"
#include "ftp/value.h"
#include "worker/run.h"

/* Resolve the argument and ask `verb` about it. */
static void ask_path(struct session *s, struct run *r, uint8_t verb, struct slice argument, broker_answered *answered)
{
    if (run_resolve(s, r, argument))
        return;
    struct broker_request request = { .verb = verb, .path = run_path(r) };
    run_ask(s, r, request, answered);
}

/* Success is `250 VERB command successful.` with the verb that was sent (RMD or XRMD). */
static void done_250(struct session *s, const struct broker_answer *a, int *fd)
{
    (void)fd;
    struct run *r = run_answered(s);
    if (!a || a->status)
        answer_broker(s, r, a);
    else
        answer_with(s, r, REPLY_DONE_250, slice_str(r->row->verb));
}

/* ---- directories ---- */

static void cwd_answered(struct session *s, const struct broker_answer *a, int *fd)
{
    struct run *r = s->run;
    if (a && a->status == 0) {
        char *cwd = strndup(r->path.ptr, r->path.len);
        if (!cwd) {
            session_die(s, SUB_CONNECTION_ERROR, WIN_NOT_ENOUGH_MEMORY);
            return;
        }
        free(s->cwd);
        s->cwd = cwd;
    }
    done_250(s, a, fd);
}

void cmd_cwd(struct session *s, struct run *r)
{
    ask_path(s, r, BROKER_CHDIR, run_argument(r), cwd_answered);
}

void cmd_cdup(struct session *s, struct run *r)
{
    ask_path(s, r, BROKER_CHDIR, SLICE_LITERAL(".."), cwd_answered);
}

void cmd_pwd(struct session *s, struct run *r)
{
    OWNED_TEXT_BUFFER quoted = { 0 };
    value_print_quoted(slice_str(s->cwd), &quoted);
    answer_with(s, r, REPLY_PWD, text_slice(&quoted));
}

static void mkd_answered(struct session *s, const struct broker_answer *a, int *fd)
{
    (void)fd;
    struct run *r = run_answered(s);
    OWNED_TEXT_BUFFER quoted = { 0 };
    value_print_quoted(run_argument(r), &quoted);
    if (!a || a->status)
        answer_broker(s, r, a);
    else
        answer_with(s, r, REPLY_MKD, text_slice(&quoted)); /* the argument as sent, as IIS does */
}

void cmd_mkd(struct session *s, struct run *r)
{
    ask_path(s, r, BROKER_MKDIR, run_argument(r), mkd_answered);
}

void cmd_rmd(struct session *s, struct run *r)
{
    ask_path(s, r, BROKER_RMDIR, run_argument(r), done_250);
}

void cmd_dele(struct session *s, struct run *r)
{
    ask_path(s, r, BROKER_DELETE, run_argument(r), done_250);
}

/* ---- renaming: the broker keeps a handle from RNFR on, so what is renamed is what was named ---- */

static void rnfr_answered(struct session *s, const struct broker_answer *a, int *fd)
{
    (void)fd;
    struct run *r = run_answered(s);
    if (!a || a->status) {
        answer_broker(s, r, a);
        return;
    }
    s->rename_pending = true;
    answer(s, r, REPLY_RNFR);
}

void cmd_rnfr(struct session *s, struct run *r)
{
    s->rename_pending = false;
    ask_path(s, r, BROKER_RENAME_FROM, run_argument(r), rnfr_answered);
}

void cmd_rnto(struct session *s, struct run *r)
{
    if (!s->rename_pending)
        answer(s, r, REPLY_BAD_SEQUENCE);
    else
        ask_path(s, r, BROKER_RENAME_TO, run_argument(r), done_250);
}

/* ---- facts of one object ---- */

static void size_answered(struct session *s, const struct broker_answer *a, int *fd)
{
    (void)fd;
    struct run *r = run_answered(s);
    char number[24];
    if (!a || a->status) {
        answer_broker(s, r, a);
    } else if (a->type != BROKER_FILE) {
        answer_file_error(s, r, WIN_ACCESS_DENIED, SUB_NOT_A_FILE);
    } else {
        snprintf(number, sizeof number, "%llu", (unsigned long long)a->size);
        answer_with(s, r, REPLY_NUMBER, slice_str(number));
    }
}

/* In TYPE A the size over the wire would need a scan of the file: refused (RFC 3659 section 4, threats.md P28). */
void cmd_size(struct session *s, struct run *r)
{
    if (s->type_ascii)
        answer(s, r, REPLY_SIZE_ASCII);
    else
        ask_path(s, r, BROKER_STAT, run_argument(r), size_answered);
}

static void mdtm_answered(struct session *s, const struct broker_answer *a, int *fd)
{
    (void)fd;
    struct run *r = run_answered(s);
    OWNED_TEXT_BUFFER stamp = { 0 };
    if (!a || a->status) {
        answer_broker(s, r, a);
        return;
    }
    value_print_time(a->mtime, &stamp);
    answer_with(s, r, REPLY_NUMBER, text_slice(&stamp));
}

void cmd_mdtm(struct session *s, struct run *r)
{
    ask_path(s, r, BROKER_STAT, run_argument(r), mdtm_answered);
}

static void mfmt_answered(struct session *s, const struct broker_answer *a, int *fd)
{
    (void)fd;
    struct run *r = run_answered(s);
    OWNED_TEXT_BUFFER line = { 0 };
    struct slice name = run_argument(r);
    struct slice stamp = slice_cut(&name, ' ');
    if (!a || a->status) {
        answer_broker(s, r, a);
        return;
    }
    text_add_str(&line, "Modify=");
    text_add(&line, slice_first(stamp, 14));
    text_add_str(&line, "; ");
    text_add(&line, name);
    answer_with(s, r, REPLY_MFMT, text_slice(&line));
}

void cmd_mfmt(struct session *s, struct run *r)
{
    struct slice name = run_argument(r);
    struct slice stamp = slice_cut(&name, ' ');
    int64_t time;
    if (!name.len) {
        answer(s, r, REPLY_PARAMETERS);
        return;
    }
    if (value_parse_time(stamp, &time)) {
        answer(s, r, REPLY_INVALID_PARAMETER);
        return;
    }
    if (run_resolve(s, r, name))
        return;
    struct broker_request request = { .verb = BROKER_SET_TIME, .path = run_path(r), .time = time };
    run_ask(s, r, request, mfmt_answered);
}

static void mlst_answered(struct session *s, const struct broker_answer *a, int *fd)
{
    (void)fd;
    struct run *r = run_answered(s);
    struct reply reply = { 0 };
    OWNED_TEXT_BUFFER facts = { 0 };
    if (!a || a->status) {
        answer_broker(s, r, a);
        return;
    }
    facts_filter(slice_trim_eol(a->data), s->mlst_facts, &facts);
    reply_begin(&reply, reply_code_of(REPLY_MLST));
    reply_row(&reply, REPLY_MLST, run_path(r));
    reply_inner(&reply, slice_trim_eol(text_slice(&facts)));
    reply_row(&reply, REPLY_MLST_END, SLICE_NONE);
    answer_reply(s, r, &reply);
    reply_free(&reply);
}

void cmd_mlst(struct session *s, struct run *r)
{
    if (run_resolve(s, r, run_argument(r)))
        return;
    struct broker_request request = {
        .verb = BROKER_LIST,
        .flags = LIST_STYLE_FACTS | LIST_ONE,
        .path = run_path(r),
        .time = clock_calendar_ms() / 1000,
    };
    run_ask(s, r, request, mlst_answered);
}

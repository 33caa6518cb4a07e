/*
 * list.c - LIST NLST MLSD and STAT with a path: chunks of lines from the broker to the client.
 *
 * One chunk is under way at a time, the next is asked for when the client has taken it, so a listing of any length
 * needs the memory of one chunk (threats.md R04, D16).
 */
#include "worker/list.h"

#include "base/clock.h"
#include "ftp/facts.h"
#include "policy/vpath.h"
#include "worker/cmd_transfer.h"

/* ---- arguments ---- */

static bool is_option(struct slice word, const char *letters)
{
    if (word.len < 2 || word.ptr[0] != '-')
        return false;
    for (size_t i = 1; letters && i < word.len; i++)
        if (!memchr(letters, word.ptr[i], strlen(letters)))
            return false;
    return true;
}

/* Leading words like -la are options, and none changes anything (threats.md R03, R06); of letters outside of `letters` they
 * are names.  NULL: any. */
static struct slice skip_options(struct slice argument, const char *letters)
{
    struct slice rest = argument;
    while (is_option(slice_first(rest, slice_find(rest, ' ')), letters)) {
        slice_cut(&rest, ' ');
        if (!rest.ptr)
            return SLICE_LITERAL("");
        while (rest.len && rest.ptr[0] == ' ')
            rest = slice_from(rest, 1);
    }
    return rest;
}

static bool has_wildcard(struct slice name)
{
    return slice_has_byte(name, '*') || slice_has_byte(name, '?');
}

struct list_target {
    struct slice directory, pattern, prefix; /* borrow from the argument */
};

/* Wildcards count in the last component only, and not for MLSD (RFC 3659 section 7.2); NLST puts in front of each name
 * what stood up to the last '/'. */
static struct list_target target_of(const struct run *r, struct slice argument)
{
    struct list_target t = { argument, SLICE_NONE, SLICE_NONE };
    size_t slash = slice_find_last(argument, '/');
    size_t start = slash == SIZE_MAX ? 0 : slash + 1;
    struct slice last = slice_from(argument, start);
    t.prefix = slice_first(argument, start);
    if (has_wildcard(last) && r->row->handler != DO_mlsd) {
        t.pattern = last;
        t.directory = slash == 0 ? SLICE_LITERAL("/") : slice_first(argument, start);
    }
    return t;
}

static uint32_t style_flags(const struct session *s)
{
    uint32_t show = s->site->show_flags;
    return (session_lists_unix(s) ? LIST_STYLE_UNIX : LIST_STYLE_DOS) | (show & SHOW_LONG_DATE ? LIST_LONG_DATE : 0u) |
           (show & SHOW_GMT ? LIST_GMT : 0u);
}

static void ask_list(struct session *s, struct run *r, uint32_t flags, struct slice argument, broker_answered *answered)
{
    struct list_target t = target_of(r, argument);
    if (slice_has_byte(t.pattern, '\\')) { /* no separator, no name can hold one (threats.md F01) */
        answer_file_error(s, r, WIN_INVALID_NAME, SUB_FILE_ERROR);
        return;
    }
    if (run_resolve(s, r, t.directory))
        return;
    if (s->site->show_flags & SHOW_VIRTUAL_DIRECTORIES)
        flags |= LIST_VIRTUAL_DIRECTORIES;
    if (t.pattern.len > NAME_LIMIT) {
        answer_file_error(s, r, WIN_FILENAME_TOO_LONG, SUB_FILE_ERROR);
        return;
    }
    struct broker_request request = {
        .verb = BROKER_LIST,
        .flags = flags,
        .path = run_path(r),
        .pattern = t.pattern,
        .prefix = t.prefix,
        .time = clock_calendar_ms() / 1000,
    };
    run_ask(s, r, request, answered);
}

/* Keep what a chunk brought. */
static void take_chunk(struct session *s, struct run *r, const struct broker_answer *a)
{
    text_reset(&r->chunk);
    if (r->row->handler == DO_mlsd && s->mlst_facts != FACTS_ALL)
        facts_filter(a->data, s->mlst_facts, &r->chunk);
    else
        text_add(&r->chunk, a->data);
    r->list_more = a->more;
    r->handle = a->more ? a->handle : 0;
    r->list_fed_all = false;
}

/* ---- over the data channel ---- */

static void chunk_answered(struct session *s, const struct broker_answer *a, int *fd)
{
    (void)fd;
    static const struct data_reply broken = { 451, "Requested action aborted: local error in processing.",
                                              SUB_DATA_SERVER_ABORT, WIN_GEN_FAILURE };
    struct run *r = run_answered(s);
    if (!a || a->status) {
        r->handle = 0;
        transfer_fail(s, r, &broken);
        return;
    }
    take_chunk(s, r, a);
    list_moving(s, r);
}

/* The channel takes more: give it what is there, or ask for more. */
void list_moving(struct session *s, struct run *r)
{
    if (!r->list_fed_all) {
        r->list_fed_all = true;
        int err = text_error(&r->chunk);
        if (!err)
            err = transfer_feed(r->transfer, &r->chunk, !r->list_more);
        text_free(&r->chunk);
        if (err)
            transfer_fail(s, r, &transfer_no_memory); /* ends `r` */
        return;
    }
    struct broker_request request = { .verb = BROKER_LIST_NEXT, .handle = r->handle };
    run_ask(s, r, request, chunk_answered);
}

static void list_answered(struct session *s, const struct broker_answer *a, int *fd)
{
    (void)fd;
    struct run *r = run_answered(s);
    if (!a || a->status) {
        answer_broker(s, r, a);
        return;
    }
    if (r->row->handler == DO_mlsd && a->type != BROKER_DIRECTORY) { /* RFC 3659 section 7.2.1; one chunk, nothing to end */
        answer(s, r, REPLY_INVALID_PARAMETER);
        return;
    }
    take_chunk(s, r, a);
    transfer_open(s, r, SLICE_NONE);
}

static void list_over_data(struct session *s, struct run *r, uint32_t flags, struct slice argument)
{
    if (transfer_prepare(s, r, TRANSFER_LISTING))
        return;
    ask_list(s, r, flags, argument, list_answered);
}

void cmd_list(struct session *s, struct run *r)
{
    list_over_data(s, r, style_flags(s), skip_options(run_argument(r), NULL));
}

/* The letters that NLST knows (KB 2505047); in LIST clients send those of any ls. */
void cmd_nlst(struct session *s, struct run *r)
{
    list_over_data(s, r, LIST_STYLE_NAMES, skip_options(run_argument(r), "C1lFaA"));
}

void cmd_mlsd(struct session *s, struct run *r)
{
    list_over_data(s, r, LIST_STYLE_FACTS, run_argument(r));
}

/* ---- STAT path: over the control channel, no faster than the client reads (threats.md R02) ---- */

static void status_answered(struct session *s, const struct broker_answer *a, int *fd);

static void status_drained(struct session *s, struct run *r)
{
    struct reply end = { 0 };
    r->drained = NULL;
    if (r->list_more) {
        struct broker_request request = { .verb = BROKER_LIST_NEXT, .handle = r->handle };
        run_ask(s, r, request, status_answered);
        return;
    }
    reply_begin(&end, reply_code_of(REPLY_STAT_LIST_END));
    reply_row(&end, REPLY_STAT_LIST_END, SLICE_NONE);
    answer_reply(s, r, &end);
    reply_free(&end);
}

static void send_status_part(struct session *s, struct run *r, bool first)
{
    struct reply part = { 0 };
    struct slice rest = text_slice(&r->chunk);
    reply_begin(&part, reply_code_of(REPLY_STAT_LIST));
    if (first)
        reply_row_open(&part, REPLY_STAT_LIST, run_path(r));
    while (rest.ptr && rest.len)
        reply_inner(&part, slice_trim_eol(slice_cut(&rest, '\n')));
    run_send(s, r, &part);
    reply_free(&part);
    text_free(&r->chunk);
    r->drained = status_drained;
}

static void status_answered(struct session *s, const struct broker_answer *a, int *fd)
{
    (void)fd;
    struct run *r = run_answered(s);
    bool first = r->status == 0;
    if (!a || (a->status && first)) {
        answer_broker(s, r, a);
        return;
    }
    if (a->status) { /* broken off in the middle of the reply: end it as it is */
        r->list_more = false;
        r->handle = 0;
        r->drained = status_drained;
        return;
    }
    take_chunk(s, r, a);
    send_status_part(s, r, first);
}

void list_status(struct session *s, struct run *r)
{
    r->kind = TRANSFER_LISTING;
    ask_list(s, r, style_flags(s), skip_options(run_argument(r), NULL), status_answered);
}

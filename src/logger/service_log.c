/* service_log.c - see service_log.h. */
#include "logger/service_log.h"

#include <poll.h>
#include <unistd.h>

#include "logfmt/event.h"

/* ---- certificates ---- */

enum { FACTS = 4 };
static const char *const fact_names[FACTS] = { "subject", "issuer", "serial", "sha256" };

static void cut_facts(struct slice facts, struct slice out[FACTS])
{
    for (size_t i = 0; i < FACTS; i++)
        out[i] = facts.ptr ? slice_cut(&facts, '\n') : SLICE_NONE;
}

static void add_member(struct text *out, const char *name, struct slice value)
{
    text_addf(out, ",\"%s\":", name);
    text_add_json(out, value);
}

/* In JSON the facts are members of their own: the line stays below what a pipe takes at once. */
static void describe(bool json, const struct log_certificate *m, const struct slice facts[FACTS], struct text *out)
{
    text_addf(out, "site \"" SLICE_FMT "\": client certificate", SLICE_ARG(slice_first(m->site, 256)));
    if (!json)
        text_addf(out, " of " SLICE_FMT " from " SLICE_FMT ", serial " SLICE_FMT ", SHA-256 " SLICE_FMT, SLICE_ARG(facts[0]),
                  SLICE_ARG(facts[1]), SLICE_ARG(facts[2]), SLICE_ARG(facts[3]));
    text_addf(out, ": " SLICE_FMT, SLICE_ARG(slice_first(m->verdict, 200)));
    if (m->account.len && !json)
        text_addf(out, ", \"" SLICE_FMT "\"", SLICE_ARG(m->account));
    if (m->substatus)
        text_addf(out, " (Win32 error %u, sub-status %u)", m->win32, m->substatus);
}

static void print_certificate(bool json, const struct log_certificate *m, struct text *out)
{
    struct slice facts[FACTS];
    OWNED_TEXT_BUFFER text = { 0 }, guid = { 0 };
    cut_facts(m->facts, facts);
    describe(json, m, facts, &text);
    const struct log_event event = { m->time, m->level, SLICE_LITERAL("auth"), text_slice(&text) };
    size_t start = out->len;
    log_event_print(json, &event, out);
    if (!json || text_error(out) || out->len < start + 2)
        return;
    out->len -= 2; /* "}\n" */
    text_add_guid(&guid, m->session_id);
    add_member(out, "site", slice_first(m->site, 256));
    add_member(out, "session", text_slice(&guid));
    for (size_t i = 0; i < FACTS; i++)
        add_member(out, fact_names[i], slice_first(facts[i], 256));
    add_member(out, "verdict", slice_first(m->verdict, 200));
    text_addf(out, ",\"win32\":%u,\"substatus\":%u", m->win32, m->substatus);
    add_member(out, "account", slice_first(m->account, 200));
    text_add_str(out, "}\n");
}

static bool put_line(const struct service_log *log, struct slice line)
{
    struct pollfd ready = { .fd = log->fd, .events = POLLOUT };
    if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
        return false;
    return write(log->fd, line.ptr, line.len) == (ssize_t)line.len;
}

static bool put_event(const struct service_log *log, const struct log_event *event)
{
    OWNED_TEXT_BUFFER line = { 0 };
    log_event_print(log->json, event, &line);
    return !text_error(&line) && put_line(log, text_slice(&line));
}

/* False while there are lost lines that nobody can be told of. */
static bool tell_lost(struct service_log *log, int64_t time)
{
    OWNED_TEXT_BUFFER text = { 0 };
    if (!log->lost)
        return true;
    text_addf(&text, "%llu lines of the service log were lost because nobody read them", (unsigned long long)log->lost);
    const struct log_event note = { time, LOG_LEVEL_WARNING, SLICE_LITERAL("logger"), text_slice(&text) };
    if (!put_event(log, &note))
        return false;
    log->lost = 0;
    return true;
}

void service_log_write(struct service_log *log, const struct log_event *event)
{
    if (!tell_lost(log, event->time) || !put_event(log, event))
        log->lost++;
}

void service_log_write_certificate(struct service_log *log, const struct log_certificate *m)
{
    OWNED_TEXT_BUFFER line = { 0 };
    print_certificate(log->json, m, &line);
    if (!tell_lost(log, m->time) || text_error(&line) || !put_line(log, text_slice(&line)))
        log->lost++;
}

/* reason_line.c - see reason_line.h. */
#include "logger/reason_line.h"

#include <time.h>

static void add_stamp(int64_t time, struct text *out)
{
    struct tm tm = { 0 };
    time_t seconds = (time_t)(time / 1000);
    if (time < 0 || !gmtime_r(&seconds, &tm))
        tm = (struct tm){ .tm_year = 70, .tm_mday = 1 };
    text_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
              tm.tm_min, tm.tm_sec, (int)(time < 0 ? 0 : time % 1000));
}

static void add_member(struct text *out, const char *name, struct slice value)
{
    if (!value.len)
        return;
    text_addf(out, ",\"%s\":", name);
    text_add_json(out, value);
}

static void begin(int64_t time, struct slice session_id, uint32_t site, struct text *out)
{
    text_add_str(out, "{\"time\":\"");
    add_stamp(time, out);
    text_add_str(out, "\",\"session\":\"");
    for (size_t i = 0; i < session_id.len; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text_add_char(out, '-');
        text_add_hex(out, slice_of(session_id.ptr + i, 1));
    }
    text_addf(out, "\",\"site\":%u", site);
}

static void end(bool allowed, uint32_t status, uint32_t win32, uint32_t substatus, struct slice reason, struct text *out)
{
    text_addf(out, ",\"outcome\":\"%s\"", allowed ? "allowed" : "refused");
    if (status)
        text_addf(out, ",\"status\":%u", status);
    text_addf(out, ",\"win32\":%u,\"substatus\":%u", win32, substatus);
    add_member(out, "reason", reason);
    text_add_str(out, "}\n");
}

void reason_line_of_command(const struct log_access *record, struct text *out)
{
    OWNED_TEXT_BUFFER client = { 0 };
    begin(record->time, record->session_id, record->site, out);
    net_addr_print(&record->client, &client);
    add_member(out, "client", text_slice(&client));
    add_member(out, "user", record->user);
    add_member(out, "verb", record->verb);
    add_member(out, "path", slice_first(record->full_path, NAME_LIMIT));
    end(record->status && record->status < 400, record->status, record->win32, record->substatus, record->reason, out);
}

void reason_line_of_login(const struct log_reason *record, struct text *out)
{
    begin(record->time, record->session_id, record->site, out);
    add_member(out, "user", record->user);
    add_member(out, "verb", SLICE_LITERAL("login"));
    end(false, 0, record->win32, record->substatus, record->reason, out);
}

/* reason_line.c - see reason_line.h. */
#include "logger/reason_line.h"

static void add_name(struct text *out, const char *name)
{
    text_add_str(out, ",\"");
    text_add_str(out, name);
    text_add_str(out, "\":");
}

static void add_member(struct text *out, const char *name, struct slice value)
{
    if (!value.len)
        return;
    add_name(out, name);
    text_add_json(out, value);
}

static void add_number(struct text *out, const char *name, uint32_t value)
{
    add_name(out, name);
    text_add_number(out, value, 0, ' ');
}

static void begin(int64_t time, struct slice session_id, uint32_t site, struct text *out)
{
    text_add_str(out, "{\"time\":\"");
    text_add_time(out, time);
    text_add_str(out, "\",\"session\":\"");
    text_add_guid(out, session_id);
    text_add_char(out, '"');
    add_number(out, "site", site);
}

static void end(bool allowed, uint32_t status, uint32_t win32, uint32_t substatus, struct slice reason, struct text *out)
{
    add_member(out, "outcome", slice_str(allowed ? "allowed" : "refused"));
    if (status)
        add_number(out, "status", status);
    add_number(out, "win32", win32);
    add_number(out, "substatus", substatus);
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

/*
 * service_log.h - lines for the administrator on standard error: journal, terminal or whoever started the service.
 *
 *   2025-03-14T08:01:24.000Z warning worker: text
 *   {"time":"2025-03-14T08:01:24.000Z","level":"warning","program":"worker","text":"text"}
 *
 * Escaped, one line each, never longer than a pipe takes at once.  A reader that does not read costs lines, which are
 * counted and told with the next one that gets through; it never stops the caller (threats.md H06).
 */
#pragma once

#include "proto/log.h"

struct service_log {
    int fd;
    bool json;
    uint64_t lost;
};

/* Pure: append the line of an event with its line end. */
void service_log_print(bool json, const struct log_event *event, struct text *out);

void service_log_write(struct service_log *log, const struct log_event *event);

/* The same about a client's certificate; in JSON with members of its own:
 *   {"time":"...","level":"notice","program":"auth","text":"...","site":"Partners","session":"...","subject":"CN=...",
 *    "issuer":"...","serial":"...","sha256":"...","verdict":"...","win32":1317,"substatus":35,"account":""} */
void service_log_print_certificate(bool json, const struct log_certificate *m, struct text *out);
void service_log_write_certificate(struct service_log *log, const struct log_certificate *m);

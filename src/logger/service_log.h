/*
 * service_log.h - lines for the administrator on standard error: journal, terminal or whoever started the service.
 *
 * A reader that does not read costs lines (logfmt/event.h), which are counted and told with the next one that gets through; it
 * never stops the caller (threats.md H06).
 */
#pragma once

#include "proto/log.h"

struct service_log {
    int fd;
    bool json;
    uint64_t lost;
};

void service_log_write(struct service_log *log, const struct log_event *event);

/* The same about a client's certificate; in JSON with members of its own:
 *   {"time":"...","level":"notice","program":"auth","text":"...","site":"Partners","session":"...","subject":"CN=...",
 *    "issuer":"...","serial":"...","sha256":"...","verdict":"...","win32":1317,"substatus":35,"account":""} */
void service_log_write_certificate(struct service_log *log, const struct log_certificate *m);

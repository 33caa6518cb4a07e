/*
 * event.h - a line of the service log.
 *
 *   2025-03-14T08:01:24.000Z warning worker: text
 *   {"time":"2025-03-14T08:01:24.000Z","level":"warning","program":"worker","text":"text"}
 *
 * Escaped, one line, never longer than a pipe takes at once.
 */
#pragma once

#include "proto/log.h"

/* Pure: append the line of an event with its line end. */
void log_event_print(bool json, const struct log_event *event, struct text *out);

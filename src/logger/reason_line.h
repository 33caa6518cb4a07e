/*
 * reason_line.h - why something was refused, and why a login was allowed, as a line for `sallyport explain --session`.
 *
 *   {"time":"2025-03-14T08:01:24.000Z","session":"3f0c9a52-...","site":2,"client":"192.0.2.53","user":"anna","verb":"RETR",
 *    "path":"/plans/q1.txt","outcome":"refused","status":550,"win32":5,"substatus":1,"reason":"Deny Read ... (file:line)"}
 */
#pragma once

#include "proto/log.h"

/* Pure: append the line of a record that has a reason, or of a login. */
void reason_line_of_command(const struct log_access *record, struct text *out);
void reason_line_of_login(const struct log_reason *record, struct text *out);

/*
 * access_log.h - records for the logger: one per command, and the pseudo-verbs (ftp-behaviour.md 10).
 *
 * Never waits: a record that neither the socket nor the link can take is counted as lost, and the next one that gets through says how
 * many (threats.md H06).
 */
#pragma once

#include "proto/log.h"

struct run;
struct session;
struct worker;

void access_log_command(struct session *s, const struct run *r);
/* ControlChannelOpened, ControlChannelClosed. */
void access_log_control(struct session *s, const char *verb, uint32_t win32, uint32_t substatus);
/* DataChannelOpened, DataChannelClosed; `port` is ours. */
void access_log_data(struct session *s, const char *verb, uint16_t port, uint32_t win32, uint32_t substatus);

/* Send what was noted since the last call; `worker` is a struct worker (timers call this). */
void access_log_send(void *worker);

/*
 * cmd_transfer.h - what RETR, STOR and LIST have in common: the data channel and the end.
 *
 *          asked             answered           opened            done              told
 *   run ----------> broker ------------> opening -------> moving --------> broker? --------> answered
 *                                 125/150 goes out when opening begins
 */
#pragma once

#include "worker/run.h"

/* Mark the run as a transfer and give it its copy of type and offset; refuses an offset in TYPE A. */
MUST_USE int transfer_prepare(struct session *s, struct run *r, enum transfer_kind kind);
/* The broker said yes: 125 or 150 (`name` for STOU, else empty), then open the channel and move. */
void transfer_open(struct session *s, struct run *r, struct slice name);
/* Our port of the data channel, for the log; 0 when there is none. */
uint16_t transfer_data_port(const struct session *s);
extern const struct data_reply transfer_no_memory; /* for transfer_fail */
/* It failed: drop what the broker holds, close the channel, answer. */
void transfer_fail(struct session *s, struct run *r, const struct data_reply *reply);
/* ABOR: stop it, whatever it waits for, and answer 426. */
void transfer_cut(struct session *s, struct run *t);
/* Listings: bytes for the data channel; more are asked for when they have gone. */
void list_moving(struct session *s, struct run *r);

/*
 * dispatch.h - from a line to its handler: the checks that the table of verbs decides, in the order of
 * ftp-behaviour.md 5 (end).
 */
#pragma once

#include "ftp/line.h"

struct session;

/* What the line reader found; the line is in s->line. */
void dispatch_line(struct session *s, enum line_event event);
/* Whether the command in s->line may act while a transfer runs. */
bool dispatch_acts_in_transfer(const struct session *s);
/* Whether the line is an ABOR that would be carried out. */
bool dispatch_is_abor(const struct session *s, struct slice line);
/* 220 and the configured banner. */
void dispatch_banner(struct session *s);

/* list.h - STAT with a path: a listing over the control channel (the handlers of LIST and its kin are in list.c too). */
#pragma once

struct run;
struct session;

void list_status(struct session *s, struct run *r);

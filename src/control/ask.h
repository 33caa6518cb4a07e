/*
 * ask.h - asking the running service, over DIR/run/control: for the command line and the management library.
 */
#pragma once

#include "proto/control.h"

enum { CONTROL_ROW_SIZE = WIRE_DATAGRAM_MAX };

struct control_answer {
    unsigned status;            /* -(enum err) as the supervisor says, 0 success */
    char text[DETAIL_LIMIT + 1];
};

typedef void control_row(void *context, const struct wire_message *message, struct wire_in *fields);

/* Send one request; every row goes to `row` (message number, fields behind it).  0 when control_done came, with its
 * content in *answer_out; ERR_NOT_FOUND: the service does not run; ERR_DENIED: it may not be asked by this user;
 * ERR_SYNTAX: what answered speaks something else. */
MUST_USE int control_ask(const char *directory, enum control_verb verb, struct slice name, control_row *row,
                         void *context, struct control_answer *answer_out);
/* Have the files read now.  Somebody waits at a prompt, but longer than the service waits for one of its programs
 * (supervisor/taken.c).  Status -ERR_SYNTAX: they are refused, a control_line says each error.  Status 0 with a text: they are in
 * force, but for a program that it names. */
enum { TAKE_OVER_SECONDS = 15 };
MUST_USE int control_ask_take_over(const char *directory, control_row *row, void *context, struct control_answer *answer_out);
/* The same for the rehearsal of a login; waits longer, as revocation and a directory may have to be asked. */
MUST_USE int control_ask_rehearsal(const char *directory, const struct control_test *test, control_row *row, void *context,
                                   struct control_answer *answer_out);

/*
 * control_client.h - asking the running service, for verbs of the command line.
 */
#pragma once

#include "cli/cli.h"
#include "control/ask.h"

/* control_ask for verbs of the command line: reports a failure, returns the exit code. */
MUST_USE int control_do(struct cli *c, enum control_verb verb, struct slice name, control_row *row, void *context);
MUST_USE int control_rehearse(struct cli *c, const struct control_test *test, control_row *row, void *context);

/* States of the sites as the service knows them. */
struct control_states {
    struct {
        char name[NAME_LIMIT + 1];
        uint32_t id;
        unsigned state, status;
        char why[DETAIL_LIMIT + 1];
    } *rows;
    size_t count;
    int err; /* of control_ask */
};
void control_states_load(struct control_states *s, const char *directory);
void control_states_free(struct control_states *s);
/* "Started" ...; "Stopped" for every site when nothing runs, "Unknown" when the service may not be asked or does
 * not know the site. */
const char *control_state_of(const struct control_states *s, struct slice site);
/* Why it did not start, as IIS's HRESULT; 0: it did, or nothing runs, or the service may not be asked. */
unsigned control_status_of(const struct control_states *s, struct slice site);

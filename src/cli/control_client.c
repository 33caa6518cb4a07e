/* control_client.c - the command line's questions to the running service, and what its answers mean. */
#include "cli/control_client.h"

#include "base/own.h"

static int report(struct cli *c, int err)
{
    if (err == ERR_NOT_FOUND)
        return cli_failed(c, EXIT_NOT_RUNNING, "The service has not been started.");
    if (err == ERR_DENIED)
        return cli_failed(c, EXIT_DENIED, "The service does not take orders from this user: only from root, from the "
                          "user who started it, and from members of its administrators' group.");
    return cli_failed(c, cli_exit_of(err), "The service did not answer: %s", err_text(err));
}

static int conclude(struct cli *c, int err, const struct control_answer *answer)
{
    if (err)
        return report(c, err);
    if (answer->status == 0)
        return EXIT_OK;
    int status = -(int)answer->status;
    int code = status == ERR_NOT_FOUND ? EXIT_NOT_FOUND : cli_exit_of(status);
    return cli_failed(c, code, "%s", answer->text[0] ? answer->text : err_text(status));
}

int control_do(struct cli *c, enum control_verb verb, struct slice name, control_row *row, void *context)
{
    struct control_answer answer = { 0 };
    int code = cli_take_over_before(c);
    if (code)
        return code;
    int err = control_ask(c->directory, verb, name, row, context, &answer);
    return conclude(c, err, &answer);
}

int control_rehearse(struct cli *c, const struct control_test *test, control_row *row, void *context)
{
    struct control_answer answer = { 0 };
    int code = cli_take_over_before(c);
    if (code)
        return code;
    int err = control_ask_rehearsal(c->directory, test, row, context, &answer);
    return conclude(c, err, &answer);
}

/* ---- states of sites ---- */

static void take_site(void *context, const struct wire_message *message, struct wire_in *fields)
{
    struct control_states *s = context;
    struct control_site site;
    if (message->number != MSG_control_site || control_site_decode(fields, &site) != 0)
        return;
    void *grown = reallocarray(s->rows, s->count + 1, sizeof *s->rows);
    if (!grown)
        return;
    s->rows = grown;
    snprintf(s->rows[s->count].name, sizeof s->rows[0].name, SLICE_FMT, SLICE_ARG(site.name));
    snprintf(s->rows[s->count].why, sizeof s->rows[0].why, SLICE_FMT, SLICE_ARG(site.why));
    s->rows[s->count].id = site.site;
    s->rows[s->count].state = site.state;
    s->rows[s->count].status = site.status;
    s->count++;
}

void control_states_load(struct control_states *s, const char *directory)
{
    struct control_answer answer = { 0 };
    *s = (struct control_states){ 0 };
    s->err = control_ask(directory, CONTROL_LIST_SITES, SLICE_LITERAL(""), take_site, s, &answer);
    if (!s->err && answer.status)
        s->err = -(int)answer.status;
}

void control_states_free(struct control_states *s)
{
    free(s->rows);
    *s = (struct control_states){ 0 };
}

static long row_of(const struct control_states *s, struct slice site)
{
    for (size_t i = 0; i < s->count; i++)
        if (slice_equal_fold_str(site, s->rows[i].name))
            return (long)i;
    return -1;
}

const char *control_state_of(const struct control_states *s, struct slice site)
{
    static const char *const names[] = { "Starting", "Started", "Stopping", "Stopped", "Unknown" };
    if (s->err == ERR_NOT_FOUND)
        return "Stopped";
    long row = row_of(s, site);
    return row < 0 ? "Unknown" : names[s->rows[row].state];
}

unsigned control_status_of(const struct control_states *s, struct slice site)
{
    long row = row_of(s, site);
    return row < 0 ? 0 : s->rows[row].status;
}

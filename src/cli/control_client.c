/*
 * control_client.c - one connection per question.
 *
 * The socket's path is reached through a descriptor of its folder, so that a deep instance directory does not run
 * into the 108 bytes of sun_path.
 */
#include "cli/control_client.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/own.h"
#include "sys/datagram.h"

/* Stopping a site waits for its sessions; longer than that is a service that hangs. */
enum { PATIENCE_SECONDS = 30 };

static int error_of_connect(int errnum)
{
    if (errnum == ENOENT || errnum == ENOTDIR || errnum == ECONNREFUSED)
        return ERR_NOT_FOUND;
    return errnum == EACCES || errnum == EPERM ? ERR_DENIED : ERR_SYS;
}

static int open_socket(const char *directory, int *fd_out)
{
    OWNED_TEXT_BUFFER run = { 0 };
    control_run_directory(slice_str(directory), &run);
    OWNED_FD folder = open(text_str(&run), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return error_of_connect(errno);
    OWNED_FD fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_SYS;
    struct timeval patience = { .tv_sec = PATIENCE_SECONDS };
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/control", folder);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0)
        return ERR_SYS;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return error_of_connect(errno);
    *fd_out = fd_take(&fd);
    return 0;
}

static int finish(struct wire_in *fields, struct control_answer *answer_out)
{
    struct control_done done;
    int err = control_done_decode(fields, &done);
    if (err)
        return ERR_SYNTAX;
    answer_out->status = done.status;
    snprintf(answer_out->text, sizeof answer_out->text, SLICE_FMT, SLICE_ARG(done.text));
    return 0;
}

int control_ask(const char *directory, enum control_verb verb, struct slice name,
                void (*row)(void *context, const struct wire_message *message, struct wire_in *fields), void *context,
                struct control_answer *answer_out)
{
    OWNED_FD fd = -1;
    OWNED_TEXT buffer = malloc(CONTROL_ROW_SIZE);
    int err = buffer ? open_socket(directory, &fd) : ERR_NOMEM;
    if (!err)
        err = DATAGRAM_SEND(fd, -1, control_request, .verb = (uint8_t)verb, .name = name);
    while (!err) {
        struct slice bytes;
        const struct wire_message *message;
        struct wire_in fields;
        OWNED_FD received = -1;
        err = datagram_receive(fd, buffer, CONTROL_ROW_SIZE, &bytes, &received);
        if (err)
            break;
        if (wire_channel_accept(&control_channel, ROLE_SUPERVISOR, bytes, received >= 0, &message, &fields) != 0)
            return ERR_SYNTAX;
        if (message->number == MSG_control_done)
            return finish(&fields, answer_out);
        if (row)
            row(context, message, &fields);
    }
    return err == ERR_AGAIN ? ERR_TIMEOUT : err;
}

static int report(struct cli *c, int err)
{
    if (err == ERR_NOT_FOUND)
        return cli_failed(c, EXIT_NOT_RUNNING, "The service has not been started.");
    if (err == ERR_DENIED || err == ERR_CLOSED)
        return cli_failed(c, EXIT_DENIED, "The service does not take orders from this user: only from root, from the "
                          "user who started it, and from members of its administrators' group.");
    return cli_failed(c, cli_exit_of(err), "The service did not answer: %s", err_text(err));
}

int control_do(struct cli *c, enum control_verb verb, struct slice name,
               void (*row)(void *context, const struct wire_message *message, struct wire_in *fields), void *context)
{
    struct control_answer answer = { 0 };
    int err = control_ask(c->directory, verb, name, row, context, &answer);
    if (err)
        return report(c, err);
    if (answer.status == 0)
        return EXIT_OK;
    int status = -(int)answer.status;
    int code = status == ERR_NOT_FOUND ? EXIT_NOT_FOUND : cli_exit_of(status);
    return cli_failed(c, code, "%s", answer.text[0] ? answer.text : err_text(status));
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

const char *control_state_of(const struct control_states *s, struct slice site)
{
    static const char *const names[] = { "Starting", "Started", "Stopping", "Stopped", "Unknown" };
    if (s->err == ERR_NOT_FOUND)
        return "Stopped";
    for (size_t i = 0; i < s->count; i++)
        if (slice_equal_fold_str(site, s->rows[i].name))
            return names[s->rows[i].state];
    return "Unknown";
}

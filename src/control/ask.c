/*
 * ask.c - one connection per question.
 *
 * The socket's path is reached through a descriptor of its folder, so that a deep instance directory does not run
 * into the 108 bytes of sun_path.
 */
#include "control/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/own.h"
#include "sys/datagram.h"

/* Stopping a site waits for its sessions; longer than that is a service that hangs. */
enum { PATIENCE_SECONDS = 30, REHEARSAL_SECONDS = 300 };

static int error_of_connect(int errnum)
{
    if (errnum == ENOENT || errnum == ENOTDIR || errnum == ECONNREFUSED)
        return ERR_NOT_FOUND;
    return errnum == EACCES || errnum == EPERM ? ERR_DENIED : ERR_SYS;
}

static int open_socket(const char *directory, unsigned seconds, int *fd_out)
{
    OWNED_TEXT_BUFFER run = { 0 };
    control_run_directory(slice_str(directory), &run);
    OWNED_FD folder = open(text_str(&run), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return error_of_connect(errno);
    OWNED_FD fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_SYS;
    struct timeval patience = { .tv_sec = seconds };
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

/* Rows until control_done. */
static int take_answers(int fd, control_row *row, void *context, struct control_answer *answer_out)
{
    OWNED_TEXT buffer = malloc(CONTROL_ROW_SIZE);
    int err = buffer ? 0 : ERR_NOMEM;
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

static int ask(const char *directory, unsigned seconds, enum control_verb verb, struct slice name, control_row *row,
               void *context, struct control_answer *answer_out)
{
    OWNED_FD fd = -1;
    int err = open_socket(directory, seconds, &fd);
    if (!err)
        err = DATAGRAM_SEND(fd, -1, control_request, .verb = (uint8_t)verb, .name = name);
    if (err && err != ERR_CLOSED) /* one that is too busy to read a question has said so and closed */
        return err == ERR_AGAIN ? ERR_TIMEOUT : err;
    return take_answers(fd, row, context, answer_out);
}

int control_ask(const char *directory, enum control_verb verb, struct slice name, control_row *row, void *context,
                struct control_answer *answer_out)
{
    return ask(directory, PATIENCE_SECONDS, verb, name, row, context, answer_out);
}

int control_ask_take_over(const char *directory, control_row *row, void *context, struct control_answer *answer_out)
{
    return ask(directory, TAKE_OVER_SECONDS, CONTROL_RELOAD, SLICE_LITERAL(""), row, context, answer_out);
}

int control_ask_rehearsal(const char *directory, const struct control_test *test, control_row *row, void *context,
                          struct control_answer *answer_out)
{
    OWNED_FD fd = -1;
    int err = open_socket(directory, REHEARSAL_SECONDS, &fd);
    if (!err)
        err = DATAGRAM_SEND(fd, -1, control_test, .site = test->site, .chain = test->chain, .user = test->user,
                            .client = test->client, .at = test->at);
    if (err && err != ERR_CLOSED) /* one that is too busy to read a question has said so and closed */
        return err == ERR_AGAIN ? ERR_TIMEOUT : err;
    return take_answers(fd, row, context, answer_out);
}

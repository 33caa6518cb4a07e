/*
 * hostile_child.c - a worker, or a loader, that a stranger has taken over, seen by the supervisor.
 *
 * It stands where the program should, takes what it is given and then does what the file "hostile-mode" beside it
 * says.  A test of tests/e2e looks what becomes of the supervisor.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/child.h"
#include "sys/child.h"
#include "sys/datagram.h"

static char buffer[WIRE_DATAGRAM_MAX];

/* The next message of the supervisor; false when the channel is closed.  Descriptors are not kept. */
static bool next(uint16_t *number_out, struct wire_in *in_out)
{
    struct slice bytes;
    int fd;
    if (datagram_receive(CHILD_FD, buffer, sizeof buffer, &bytes, &fd))
        return false;
    if (fd >= 0)
        close(fd);
    *number_out = (uint16_t)((uint8_t)bytes.ptr[0] | (uint8_t)bytes.ptr[1] << 8);
    *in_out = wire_in_of(bytes.ptr + 2, bytes.len - 2);
    return true;
}

static void wait_for(uint16_t wanted)
{
    uint16_t number;
    struct wire_in in;
    do
        if (!next(&number, &in))
            _exit(0);
    while (number != wanted);
}

static void say_ready(void)
{
    wait_for(MSG_child_start);
    if (DATAGRAM_SEND(CHILD_FD, -1, child_ready, 0))
        _exit(1);
}

/* Until the supervisor has had enough of us. */
static void stay(void)
{
    uint16_t number;
    struct wire_in in;
    while (next(&number, &in))
        ;
}

/* ---- what it does ---- */

static void garbage(void)
{
    memset(buffer, 0xee, sizeof buffer);
    say_ready();
    (void)!write(CHILD_FD, buffer, 70000);
    stay();
}

static void too_early(void)
{
    wait_for(MSG_child_start);
    (void)!DATAGRAM_SEND(CHILD_FD, -1, child_drained, 0);
    stay();
}

static void as_supervisor(void)
{
    say_ready();
    (void)!DATAGRAM_SEND(CHILD_FD, -1, child_terminate, .session_id = SLICE_LITERAL("0123456789abcdef"));
    stay();
}

static void as_authenticator(void)
{
    say_ready();
    (void)!DATAGRAM_SEND(CHILD_FD, -1, child_rehash, .user = SLICE_LITERAL("anna"), .old_hash = SLICE_LITERAL("a"),
                         .new_hash = SLICE_LITERAL("b"));
    stay();
}

static void descriptors(void)
{
    say_ready();
    (void)!DATAGRAM_SEND(CHILD_FD, STDERR_FILENO, child_event, .level = 1, .text = SLICE_LITERAL("take this"));
    stay();
}

static void ready_twice(void)
{
    say_ready();
    (void)!DATAGRAM_SEND(CHILD_FD, -1, child_ready, 0);
    stay();
}

/* Never reads again, talks without end; lines that forge others. */
static void talk(void)
{
    char text[4096];
    memset(text, 'x', sizeof text);
    memcpy(text, "\r\nsallyportd: ready\r\n\x1b[2J", 24);
    say_ready();
    while (!DATAGRAM_SEND(CHILD_FD, -1, child_event, .level = 3, .text = slice_of(text, sizeof text)))
        ;
}

/* Asked for its sessions it names some without end, each as large as can be. */
static void sessions(void)
{
    uint16_t number;
    struct wire_in in;
    struct child_list_sessions asked;
    char name[256];
    memset(name, '\n', sizeof name);
    say_ready();
    for (;;) {
        if (!next(&number, &in))
            return;
        if (number == MSG_child_list_sessions && child_list_sessions_decode(&in, &asked) == 0)
            break;
    }
    while (!DATAGRAM_SEND(CHILD_FD, -1, child_session, .query = asked.query, .site = 1, .user = slice_of(name, sizeof name),
                          .session_id = slice_of(name, 16), .current_command = slice_of(name, sizeof name),
                          .previous_command = slice_of(name, sizeof name)))
        ;
}

static void silent(void)
{
    struct pollfd channel = { .fd = CHILD_FD }; /* reports its end only */
    say_ready();
    (void)!poll(&channel, 1, -1);
}

static void killed(void)
{
    raise(SIGKILL);
}

static void leaves(void)
{
    _exit(7);
}

static const struct {
    const char *name;
    void (*act)(void);
} modes[] = {
    { "garbage", garbage },         { "too-early", too_early },     { "as-supervisor", as_supervisor },
    { "as-authenticator", as_authenticator }, { "descriptors", descriptors }, { "ready-twice", ready_twice },
    { "talk", talk },               { "sessions", sessions },       { "silent", silent },
    { "killed", killed },           { "leaves", leaves },
};

int main(void)
{
    char path[4096], mode[64] = "";
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - sizeof "hostile-mode");
    char *slash = len > 0 ? memrchr(path, '/', (size_t)len) : NULL;
    if (!slash)
        return 2;
    strcpy(slash + 1, "hostile-mode");
    FILE *f = fopen(path, "r");
    if (!f || !fgets(mode, sizeof mode, f))
        return 2;
    mode[strcspn(mode, "\n")] = 0;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (!strcmp(modes[i].name, mode))
            modes[i].act();
    return 0;
}

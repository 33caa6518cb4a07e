/*
 * program_mail.c - what children say.
 *
 * The channel's table has judged sender and form; `heard` says in which states of the program a message makes sense.
 * Anything else is a bug or an attack and ends the program.
 */
#include "supervisor/supervisor.h"

#include <signal.h>

#include "base/own.h"

static void hear_ready(struct program *p, struct wire_in *in)
{
    (void)in;
    p->state = PROGRAM_READY;
    p->failed_starts = 0;
    loop_timer_clear(p->timer);
    supervisor_advance(p->super);
}

static void hear_taken(struct program *p, struct wire_in *in)
{
    struct child_taken m;
    if (child_taken_decode(in, &m) == 0)
        taken_by(p, m.generation);
}

static void hear_drained(struct program *p, struct wire_in *in)
{
    (void)in;
    p->drained = true;
    supervisor_advance(p->super);
}

static void hear_session(struct program *p, struct wire_in *in)
{
    struct child_session m;
    if (child_session_decode(in, &m) == 0)
        control_session(p->super, &m);
}

static void hear_sessions_end(struct program *p, struct wire_in *in)
{
    struct child_sessions_end m;
    if (child_sessions_end_decode(in, &m) == 0)
        control_sessions_end(p->super, p, m.query);
}

static void hear_done(struct program *p, struct wire_in *in)
{
    struct child_done m;
    if (child_done_decode(in, &m) == 0)
        control_done_by(p->super, p, m.query);
}

static void hear_test_line(struct program *p, struct wire_in *in)
{
    struct child_test_line m;
    if (child_test_line_decode(in, &m) == 0)
        control_test_line(p->super, &m);
}

static void hear_test_account(struct program *p, struct wire_in *in)
{
    struct child_test_account m;
    if (child_test_account_decode(in, &m) == 0)
        control_test_account(p->super, &m);
}

static void hear_test_done(struct program *p, struct wire_in *in)
{
    struct child_test_done m;
    if (child_test_done_decode(in, &m) == 0)
        control_test_done(p->super, &m);
}

static void hear_rehash(struct program *p, struct wire_in *in)
{
    struct child_rehash m;
    if (child_rehash_decode(in, &m) == 0)
        rehash_ask(p->super, &m);
}

static void hear_log_state(struct program *p, struct wire_in *in)
{
    struct child_log_state m;
    if (child_log_state_decode(in, &m) == 0)
        sites_log_state(p->super, m.site, (int)m.error);
}

static void hear_event(struct program *p, struct wire_in *in)
{
    struct child_event m;
    if (child_event_decode(in, &m))
        return;
    OWNED_TEXT_BUFFER line = { 0 };
    text_add_escaped(&line, m.text); /* the child is not believed to have done it */
    if (p->kind == PROGRAM_WORKER || p->kind == PROGRAM_BROKER)
        say(p->super, m.level, "%s %u: %s", role_name(p->role), p->index, text_str(&line));
    else
        say(p->super, m.level, "%s: %s", role_name(p->role), text_str(&line));
}

#define IN(state) (1u << (state))
#define ANY_LIVING (IN(PROGRAM_STARTING) | IN(PROGRAM_READY) | IN(PROGRAM_ENDING))

static const struct {
    uint16_t number;
    unsigned states;
    void (*hear)(struct program *p, struct wire_in *in);
} heard[] = {
    { MSG_child_ready,        IN(PROGRAM_STARTING),                     hear_ready        },
    { MSG_child_event,        ANY_LIVING,                               hear_event        },
    { MSG_child_taken,        ANY_LIVING,                               hear_taken        },
    { MSG_child_drained,      IN(PROGRAM_READY) | IN(PROGRAM_ENDING),   hear_drained      },
    { MSG_child_session,      IN(PROGRAM_READY) | IN(PROGRAM_ENDING),   hear_session      },
    { MSG_child_sessions_end, IN(PROGRAM_READY) | IN(PROGRAM_ENDING),   hear_sessions_end },
    { MSG_child_done,         IN(PROGRAM_READY) | IN(PROGRAM_ENDING),   hear_done         },
    { MSG_child_test_line,    IN(PROGRAM_READY) | IN(PROGRAM_ENDING),   hear_test_line    },
    { MSG_child_test_account, IN(PROGRAM_READY) | IN(PROGRAM_ENDING),   hear_test_account },
    { MSG_child_test_done,    IN(PROGRAM_READY) | IN(PROGRAM_ENDING),   hear_test_done    },
    { MSG_child_rehash,       IN(PROGRAM_READY) | IN(PROGRAM_ENDING),   hear_rehash       },
    { MSG_child_log_state,    IN(PROGRAM_READY),                        hear_log_state    },
};

static int hear(struct program *p, struct slice bytes, int fd)
{
    const struct wire_message *m;
    struct wire_in in;
    int err = wire_channel_accept(&child_channel, p->role, bytes, fd >= 0, &m, &in);
    for (size_t i = 0; !err && i < sizeof heard / sizeof heard[0]; i++)
        if (heard[i].number == m->number) {
            if (!(heard[i].states & IN(p->state)))
                return ERR_STATE;
            heard[i].hear(p, &in);
            return 0;
        }
    return err ? err : ERR_STATE;
}

void program_message(void *context, struct slice bytes, int fd)
{
    struct program *p = context;
    OWNED_FD received = fd;
    int err = hear(p, bytes, received);
    if (err) {
        say(p->super, LOG_LEVEL_ERROR, "sallyport-%s (pid %d) sent what it may not (%s) and is ended", role_name(p->role),
            (int)p->pid, err_text(err));
        if (p->pid)
            kill(p->pid, SIGKILL);
    }
}

/* A child that closes its channel is dying or wants to be rid of us; its death is noticed by SIGCHLD. */
void program_closed(void *context, int err)
{
    struct program *p = context;
    if (p->pid && p->state != PROGRAM_ENDING) {
        if (err != ERR_CLOSED)
            say(p->super, LOG_LEVEL_ERROR, "sallyport-%s (pid %d): %s", role_name(p->role), (int)p->pid, err_text(err));
        kill(p->pid, SIGKILL);
    }
}

/*
 * taken.c - a reload is over when every program answers by the new configuration, and is told then and not before: who
 * waits for it may rely on it with the next command.
 *
 * A program that must start again to take it over (an authenticator that needs the network now) is waited for, too.  One
 * that does not answer holds up the message, for a while, and nothing else.
 */
#include "supervisor/supervisor.h"

#include "base/own.h"

enum { TAKEN_LIMIT_MS = 10000 };

static const struct program *missing(const struct supervisor *s)
{
    for (const struct program *p = s->programs; p < s->programs + s->program_count; p++) {
        bool starts = p->state == PROGRAM_WAITING || p->state == PROGRAM_STARTING || p->again;
        bool reads = p->kind != PROGRAM_PAM; /* which has no configuration */
        if (starts || (reads && p->state == PROGRAM_READY && p->taken < s->current->number))
            return p;
    }
    return NULL;
}

static void over(struct supervisor *s, const char *note)
{
    taken_cancel(s);
    supervisor_reload_over(s, note);
}

void taken_late(void *context)
{
    struct supervisor *s = context;
    const struct program *p = missing(s);
    OWNED_TEXT_BUFFER note = { 0 };
    if (p)
        text_addf(&note, "sallyport-%s %u has not taken the new configuration over yet", role_name(p->role), p->index);
    if (note.len)
        say(s, LOG_LEVEL_WARNING, "%s", text_str(&note));
    over(s, text_str(&note));
}

void taken_cancel(struct supervisor *s)
{
    s->taking = false;
    loop_timer_clear(s->taken_timer);
}

void taken_begin(struct supervisor *s)
{
    s->taking = true;
    loop_timer_set(s->taken_timer, TAKEN_LIMIT_MS);
    taken_look(s);
}

void taken_look(struct supervisor *s)
{
    if (s->taking && s->stage == STAGE_RUNNING && !missing(s))
        over(s, "");
}

void taken_by(struct program *p, uint64_t generation)
{
    if (generation <= p->super->current->number)
        p->taken = generation;
    taken_look(p->super);
}

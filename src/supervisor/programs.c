/*
 * programs.c - starting, wiring, ending and burying the children.
 *
 * `kinds` says what each program is, `wires` who talks to whom.  Programs are launched in sets: first all processes, then
 * their settings and peers, then child_start, so that a program has all its peers before it begins.  A worker and the
 * broker beside it belong together: when the worker dies its broker ends too (the grants it holds are void) and both
 * come back as a set; when the broker dies the worker stays, loses its grants and is wired to a new one.
 */
#include "supervisor/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "sys/sandbox.h"
#include "sys/spawn.h"

enum {
    START_LIMIT_MS = 60000,
    FAILED_STARTS_MOST = 3, /* while the service starts: then it gives up */
    LEAVE_AFTER_MS = 1000,  /* a program that leaves by itself more often waits as if it had died */
    PAIR_WAIT_MS = 2000,
};

static const struct {
    const char *name;
    unsigned role;
    bool per_worker;
} kinds[PROGRAM_KINDS] = {
    [PROGRAM_LOGGER] = { "logger", ROLE_LOGGER, false },
    [PROGRAM_AUTH] = { "auth", ROLE_AUTH, false },
    [PROGRAM_PAM] = { "pam", ROLE_PAM, false },
    [PROGRAM_MEMBERSHIP] = { "membership", ROLE_MEMBERSHIP, false },
    [PROGRAM_BROKER] = { "broker", ROLE_BROKER, true },
    [PROGRAM_WORKER] = { "worker", ROLE_WORKER, true },
};

/* Which of the two kinds are connected: all with all, those with the same index, each with the next (the last with the first). */
enum wiring { ALL, SAME, NEXT };

static const struct wire {
    enum program_kind a, b;
    enum wiring wiring;
} wires[] = {
    { PROGRAM_WORKER, PROGRAM_BROKER,     SAME },
    { PROGRAM_WORKER, PROGRAM_WORKER,     NEXT },
    { PROGRAM_WORKER, PROGRAM_AUTH,       ALL  },
    { PROGRAM_AUTH,   PROGRAM_BROKER,     ALL  },
    { PROGRAM_AUTH,   PROGRAM_PAM,        ALL  },
    { PROGRAM_AUTH,   PROGRAM_MEMBERSHIP, ALL  },
    { PROGRAM_WORKER, PROGRAM_LOGGER,     ALL  },
    { PROGRAM_BROKER, PROGRAM_LOGGER,     ALL  },
    { PROGRAM_AUTH,   PROGRAM_LOGGER,     ALL  },
    { PROGRAM_PAM,    PROGRAM_LOGGER,     ALL  },
};

#define EACH(s, p) for (struct program *p = (s)->programs; p < (s)->programs + (s)->program_count; p++)

struct program *program_of(struct supervisor *s, unsigned role, unsigned index)
{
    EACH(s, p)
        if (p->role == role && p->index == index)
            return p;
    return NULL;
}

/* ---- where the executables are ---- */

bool program_find(const char *name, char path_out[PATH_MAX])
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0)
        return false;
    self[len] = 0;
    *strrchr(self, '/') = 0;
    /* Beside us, in the build tree, below the same prefix, where the build was configured to install. */
    char places[4][PATH_MAX];
    int fits[] = { snprintf(places[0], PATH_MAX, "%s/sallyport-%s", self, name),
                   snprintf(places[1], PATH_MAX, "%s/../%s/sallyport-%s", self, name, name),
                   snprintf(places[2], PATH_MAX, "%s/../libexec/sallyport/sallyport-%s", self, name),
                   snprintf(places[3], PATH_MAX, "%s/sallyport-%s", SALLYPORT_LIBEXEC, name) };
    for (size_t i = 0; i < sizeof fits / sizeof fits[0]; i++)
        if (fits[i] > 0 && fits[i] < PATH_MAX && access(places[i], X_OK) == 0)
            return realpath(places[i], path_out) != NULL;
    return false;
}

/* ---- launching ---- */

static void send_peer(struct program *to, const struct program *peer, int fd)
{
    MAILBOX_SEND(&to->mail, fd, child_peer, .role = peer->role, .index = peer->index);
}

static void connect_programs(struct supervisor *s, struct program *p, struct program *q)
{
    int pair[2];
    if (datagram_pair(pair)) {
        say(s, LOG_LEVEL_ERROR, "cannot connect %s and %s: %s", role_name(p->role), role_name(q->role), strerror(errno));
        return;
    }
    send_peer(p, q, pair[0]);
    send_peer(q, p, pair[1]);
}

/* The program's partner kind on that wire, PROGRAM_KINDS if it is not on it. */
static enum program_kind partner(const struct wire *w, enum program_kind kind)
{
    return w->a == kind ? w->b : w->b == kind ? w->a : PROGRAM_KINDS;
}

static bool are_wired(const struct supervisor *s, enum wiring wiring, const struct program *p, const struct program *q)
{
    switch (wiring) {
    case SAME:
        return p->index == q->index;
    case NEXT:
        return p != q && (q->index == (p->index + 1) % s->workers || p->index == (q->index + 1) % s->workers);
    default:
        return true;
    }
}

/* Connect `p` with every living partner; among programs of one set (`fresh`) only once. */
static void wire_program(struct supervisor *s, struct program *p)
{
    for (size_t i = 0; i < sizeof wires / sizeof wires[0]; i++) {
        enum program_kind other = partner(&wires[i], p->kind);
        if (other == PROGRAM_KINDS)
            continue;
        EACH_PROGRAM(s, q, other)
        {
            bool later = q->fresh && q > p; /* its own turn comes and does it */
            if (!later && q->state != PROGRAM_ENDING && are_wired(s, wires[i].wiring, p, q))
                connect_programs(s, p, q);
        }
    }
}

/* The logger also hears us. */
static void wire_ourselves(struct supervisor *s, struct program *logger)
{
    int pair[2];
    if (s->log_fd >= 0)
        close(s->log_fd);
    s->log_fd = -1;
    if (datagram_pair(pair))
        return;
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    s->log_fd = pair[0];
    MAILBOX_SEND(&logger->mail, pair[1], child_peer, .role = ROLE_SUPERVISOR, .index = 0);
}

int program_copy(struct program *p, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 4);
    if (copy >= 0)
        return copy;
    bool starts = p->state == PROGRAM_STARTING;
    say(p->super, LOG_LEVEL_ERROR, "sallyport-%s %u cannot be given a descriptor: %s; it %s", role_name(p->role), p->index,
        strerror(errno), starts ? "starts again" : "goes on without");
    if (starts && p->pid)
        kill(p->pid, SIGKILL);
    return -1;
}

static void send_snapshot(struct supervisor *s, struct program *p)
{
    int fd = s->current->fds[p->role];
    if (fd >= 0)
        PROGRAM_SEND_COPY(p, fd, child_snapshot, .generation = s->current->number);
}

void programs_send_keys(struct supervisor *s, struct program *worker)
{
    MAILBOX_SEND(&worker->mail, -1, child_ticket_keys,
                 .keys = slice_of((const char *)s->keys, s->key_count * TICKET_KEY_SIZE));
}

static void introduce(struct supervisor *s, struct program *p)
{
    char empty[PATH_MAX + 16] = "";
    if (s->privileged)
        snprintf(empty, sizeof empty, "%s/empty", s->run);
    MAILBOX_SEND(&p->mail, -1, child_setting, .index = p->index, .workers = s->workers, .uid = p->uid, .gid = p->gid,
                 .privileged = s->privileged, .empty_root = slice_str(empty), .restarts = p->restarts);
    send_snapshot(s, p);
    p->taken = s->current->number;
    int kept = p->kind == PROGRAM_AUTH ? revocation_file_open(s) : -1;
    if (kept >= 0)
        MAILBOX_SEND(&p->mail, kept, child_cache, 0);
    if (p->kind == PROGRAM_AUTH)
        PROGRAM_SEND_COPY(p, denied_fd(s), child_region, 0);
    if (p->kind == PROGRAM_WORKER) {
        PROGRAM_SEND_COPY(p, s->counts_fd, child_counts, 0);
        PROGRAM_SEND_COPY(p, s->tally_fd, child_region, 0);
        programs_send_keys(s, p);
        sites_tell_listeners(s, p, true);
    }
}

static void spawn_failed(struct supervisor *s, struct program *p, const struct diag *d)
{
    OWNED_TEXT_BUFFER line = { 0 };
    diag_print(d, &line);
    say(s, LOG_LEVEL_ERROR, "%s", text_str(&line));
    if (s->stage == STAGE_STARTING) {
        supervisor_give_up(s, "a program cannot be started");
        return;
    }
    p->state = PROGRAM_WAITING;
    loop_timer_set(p->timer, backoff_died(&p->backoff, 0));
}

static bool spawn(struct supervisor *s, struct program *p)
{
    struct diag d = { 0 };
    char path[PATH_MAX], name[32];
    int pair[2];
    snprintf(name, sizeof name, "sallyport-%s", kinds[p->kind].name);
    if (!program_find(kinds[p->kind].name, path)) {
        diag_set(&d, "%s is neither beside sallyportd nor in %s", name, SALLYPORT_LIBEXEC);
        spawn_failed(s, p, &d);
        return false;
    }
    if (datagram_pair(pair)) {
        diag_set(&d, "no socket for %s: %s", name, strerror(errno));
        spawn_failed(s, p, &d);
        return false;
    }
    OWNED_FD theirs = pair[1];
    const struct spawn how = { path, name, p->index, theirs, UINT32_MAX, UINT32_MAX };
    int err = spawn_program(&how, &p->pid, &d);
    if (err || mailbox_open(&p->mail, s->loop, pair[0])) {
        if (err)
            close(pair[0]);
        spawn_failed(s, p, &d);
        return false;
    }
    p->state = PROGRAM_STARTING;
    p->fresh = true;
    p->drained = false;
    p->uid = s->privileged && p->kind != PROGRAM_PAM ? s->accounts[p->kind].uid : UINT32_MAX;
    p->gid = s->privileged && p->kind != PROGRAM_PAM ? s->accounts[p->kind].gid : UINT32_MAX;
    p->started = time(NULL);
    p->started_ms = loop_now(s->loop);
    loop_timer_set(p->timer, START_LIMIT_MS);
    return true;
}

/* Start every program of `set` (NULL-terminated). */
static void launch(struct supervisor *s, struct program *const *set)
{
    for (size_t i = 0; set[i]; i++)
        if (!spawn(s, set[i]) && s->stage > STAGE_RUNNING)
            return;
    for (size_t i = 0; set[i]; i++) {
        struct program *p = set[i];
        if (!mailbox_is_open(&p->mail))
            continue;
        introduce(s, p);
        wire_program(s, p);
        if (p->kind == PROGRAM_LOGGER)
            wire_ourselves(s, p);
    }
    for (size_t i = 0; set[i]; i++) {
        struct program *p = set[i];
        p->fresh = false;
        if (!mailbox_is_open(&p->mail))
            continue;
        MAILBOX_SEND(&p->mail, -1, child_start, 0);
        if (p->kind == PROGRAM_WORKER) {
            sites_tell_listeners(s, p, false);
            sites_tell_stopped(s, p);
        }
    }
}

/* ---- death ---- */

void program_describe_death(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(text, size, "was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == EXIT_TRAPPED)
        snprintf(text, size, "asked the kernel for something its sandbox forbids");
    else
        snprintf(text, size, "ended with status %d", WEXITSTATUS(status));
}

/* A death by what the program did, not by what was done to it. */
static bool is_crash(int status)
{
    static const int signals[] = { SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, SIGSYS };
    for (size_t i = 0; WIFSIGNALED(status) && i < sizeof signals / sizeof signals[0]; i++)
        if (WTERMSIG(status) == signals[i])
            return true;
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_TRAPPED;
}

/* Whose input the worker was handling when it crashed: he may not try that again at once (threats.md P33). */
static void penalise_client(struct supervisor *s, const struct program *worker)
{
    const struct snap_server *server = snapshot_server(s->current->view, 0);
    struct tally_cell *cell = tally_worked_for(s->tally, worker->index);
    if (!cell || server->penalty_crash <= 0)
        return;
    tally_push(tally_clock(cell, TALLY_PENALTY), server->penalty_crash * 1000000000, server->penalty_most * 1000000000, clock_ns());
    say(s, LOG_LEVEL_WARNING, "the client whose input it was handling is kept out for %lld seconds",
        (long long)server->penalty_crash);
}

static struct program *broker_of(struct program *worker)
{
    return worker->kind == PROGRAM_WORKER ? program_of(worker->super, ROLE_BROKER, worker->index) : NULL;
}

static void end_program(struct program *p, int64_t kill_after_ms)
{
    if (!p->pid) {
        p->state = PROGRAM_OFF;
        loop_timer_clear(p->timer);
        return;
    }
    p->state = PROGRAM_ENDING;
    MAILBOX_SEND(&p->mail, -1, child_drain, .seconds = 0);
    mailbox_finish(&p->mail);
    loop_timer_set(p->timer, kill_after_ms);
}

/* Authenticator and logger leave when a new configuration needs what their sandboxes do not allow. */
static bool has_left(const struct program *p, int status, int64_t lived_ms)
{
    return (p->kind == PROGRAM_AUTH || p->kind == PROGRAM_LOGGER) && status == 0 && lived_ms >= LEAVE_AFTER_MS;
}

static void revive_at_once(struct program *p)
{
    p->restarts++;
    p->state = PROGRAM_WAITING;
    say(p->super, LOG_LEVEL_NOTICE, "sallyport-%s %u starts again", role_name(p->role), p->index);
    loop_timer_set(p->timer, 0);
}

static void revive_later(struct supervisor *s, struct program *p, int64_t lived_ms, const char *how)
{
    int64_t wait = backoff_died(&p->backoff, lived_ms);
    p->restarts++;
    p->state = PROGRAM_WAITING;
    struct program *worker = p->kind == PROGRAM_BROKER ? program_of(s, ROLE_WORKER, p->index) : NULL;
    if (worker && worker->state == PROGRAM_WAITING) { /* comes back with its worker */
        p->state = PROGRAM_OFF;
        return;
    }
    say(s, LOG_LEVEL_ERROR, "sallyport-%s %u %s; started again in %lld ms", role_name(p->role), p->index, how,
        (long long)wait);
    loop_timer_set(p->timer, wait);
    struct program *broker = broker_of(p);
    if (broker)
        end_program(broker, PAIR_WAIT_MS);
}

/* It was asked to end and has, perhaps after a reload that wants it again. */
static void ended_as_asked(struct supervisor *s, struct program *p, int status)
{
    if (p->kind == PROGRAM_BROKER && status != 0)
        p->restarts++; /* it may have left uploads: the next one looks for them */
    if (p->again && s->stage == STAGE_RUNNING) {
        p->state = PROGRAM_WAITING;
        loop_timer_set(p->timer, 0);
    }
    p->again = false;
    supervisor_advance(s);
}

static void buried(struct supervisor *s, struct program *p, int status)
{
    char how[128];
    program_describe_death(status, how, sizeof how);
    mailbox_drain(&p->mail);
    mailbox_close(&p->mail);
    loop_timer_clear(p->timer);
    enum program_state was = p->state;
    int64_t lived = loop_now(s->loop) - p->started_ms;
    p->pid = 0;
    p->state = PROGRAM_OFF;
    if (p->kind == PROGRAM_WORKER) {
        if (is_crash(status))
            penalise_client(s, p);
        counts_clear_worker(s->counts, p->index);
        tally_clear_worker(s->tally, p->index);
    }
    if (p->kind == PROGRAM_LOGGER && s->stage == STAGE_RUNNING) /* the next one finds out for itself */
        sites_log_state(s, 0, 0);
    control_program_died(s, p);
    if (was == PROGRAM_ENDING) {
        ended_as_asked(s, p, status);
        return;
    }
    if (s->stage > STAGE_RUNNING) { /* a broker goes with its worker, by itself */
        if (status != 0)
            say(s, LOG_LEVEL_ERROR, "sallyport-%s %u %s while the service ends", role_name(p->role), p->index, how);
        supervisor_advance(s);
        return;
    }
    if (was == PROGRAM_STARTING && ++p->failed_starts >= FAILED_STARTS_MOST && s->stage == STAGE_STARTING) {
        say(s, LOG_LEVEL_ERROR, "sallyport-%s %u %s", role_name(p->role), p->index, how);
        supervisor_give_up(s, "a program does not get ready");
        return;
    }
    if (was == PROGRAM_READY && has_left(p, status, lived))
        revive_at_once(p);
    else
        revive_later(s, p, lived, how);
}

void programs_reap(struct supervisor *s)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (compile_reaped(s, pid, status) || rehash_reaped(s, pid))
            continue;
        EACH(s, p)
            if (p->pid == pid) {
                buried(s, p, status);
                break;
            }
    }
}

/* What the timer means depends on the state. */
static void program_timer(void *context)
{
    struct program *p = context;
    struct supervisor *s = p->super;
    if (p->state == PROGRAM_STARTING)
        say(s, LOG_LEVEL_ERROR, "sallyport-%s %u does not get ready and is ended", role_name(p->role), p->index);
    if (p->state == PROGRAM_ENDING || p->state == PROGRAM_STARTING) {
        if (p->pid)
            kill(p->pid, SIGKILL);
        return;
    }
    if (p->state != PROGRAM_WAITING || s->stage > STAGE_RUNNING)
        return;
    struct program *broker = broker_of(p);
    if (broker && broker->pid) {
        loop_timer_set(p->timer, BACKOFF_FIRST_MS); /* its own timer kills it */
        return;
    }
    struct program *const set[] = { broker ? broker : p, broker ? p : NULL, NULL };
    launch(s, set);
}

/* ---- all together ---- */

/* Programs that run only when the configuration needs them. */
static bool is_wanted(const struct supervisor *s, enum program_kind kind)
{
    const struct snap_server *server = snapshot_server(s->current->view, 0);
    if (kind == PROGRAM_PAM)
        return s->privileged && server && server->needs_pam;
    if (kind == PROGRAM_MEMBERSHIP)
        return server && server->needs_membership;
    return true;
}

static void add_program(struct supervisor *s, enum program_kind kind, unsigned index)
{
    assert(s->program_count < PROGRAMS_MAX);
    struct program *p = &s->programs[s->program_count++];
    *p = (struct program){ .super = s, .kind = kind, .role = kinds[kind].role, .index = index };
    p->mail = (struct mailbox){ .fd = -1, .message = program_message, .closed = program_closed, .context = p };
    p->timer = loop_timer_new(s->loop, program_timer, p);
}

int programs_start(struct supervisor *s)
{
    for (enum program_kind kind = 0; kind < PROGRAM_KINDS; kind++)
        for (unsigned i = 0; i < (kinds[kind].per_worker ? s->workers : 1); i++)
            add_program(s, kind, i);
    struct program *set[PROGRAMS_MAX + 1] = { 0 };
    size_t count = 0;
    EACH(s, p)
    {
        if (!p->timer)
            return ERR_NOMEM;
        if (is_wanted(s, p->kind))
            set[count++] = p;
    }
    launch(s, set);
    return 0;
}

void programs_new_generation(struct supervisor *s)
{
    EACH(s, p)
        if (mailbox_is_open(&p->mail) && p->state != PROGRAM_ENDING)
            send_snapshot(s, p);
    EACH(s, p)
    {
        if (p->kind != PROGRAM_PAM && p->kind != PROGRAM_MEMBERSHIP)
            continue;
        p->again = is_wanted(s, p->kind) && p->state == PROGRAM_ENDING;
        if (is_wanted(s, p->kind) && p->state == PROGRAM_OFF)
            launch(s, (struct program *const[]){ p, NULL });
        else if (!is_wanted(s, p->kind) && p->state != PROGRAM_OFF && p->state != PROGRAM_ENDING)
            end_program(p, PAIR_WAIT_MS);
    }
}

bool programs_all_ready(const struct supervisor *s)
{
    EACH((struct supervisor *)s, p)
        if (p->state == PROGRAM_STARTING || p->state == PROGRAM_WAITING)
            return false;
    return s->program_count > 0;
}

bool programs_alive(const struct supervisor *s, unsigned mask)
{
    EACH((struct supervisor *)s, p)
        if ((mask & 1u << p->kind) && p->pid)
            return true;
    return false;
}

void programs_end(struct supervisor *s, unsigned mask, int64_t kill_after_ms)
{
    EACH(s, p)
        if (mask & 1u << p->kind)
            end_program(p, kill_after_ms);
}

void programs_kill(struct supervisor *s, unsigned mask)
{
    EACH(s, p)
        if ((mask & 1u << p->kind) && p->pid)
            kill(p->pid, SIGKILL);
}

void programs_free(struct supervisor *s)
{
    EACH(s, p)
    {
        mailbox_close(&p->mail);
        loop_timer_free(p->timer);
    }
    s->program_count = 0;
}

/*
 * supervisor.c - the life of the service.
 *
 *   STARTING --all programs ready--> RUNNING --SIGTERM--> DRAINING --workers drained, time up, or a second signal-->
 *   END_WORKERS --gone--> END_MIDDLE (brokers, auth, pam) --gone--> END_LOGGER --gone--> exit
 *
 * The order of ending lets everything that happens be logged and every broker remove its temporary files.  Whoever does
 * not go in time is killed; nothing of ours is left when we exit.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "base/clock.h"
#include "base/own.h"
#include "logfmt/event.h"

enum { END_MS = 3000, DRAIN_GRACE_MS = 1500, DRAIN_MOST_S = 24 * 3600, KEY_LIFE_LEAST_S = 60, ERRORS_KEPT = 4096 };

#define BIT(kind) (1u << (kind))
#define MIDDLE (BIT(PROGRAM_BROKER) | BIT(PROGRAM_AUTH) | BIT(PROGRAM_PAM) | BIT(PROGRAM_MEMBERSHIP))
#define EVERYONE (BIT(PROGRAM_WORKER) | MIDDLE | BIT(PROGRAM_LOGGER))

static const struct snap_server *settings(const struct supervisor *s)
{
    return snapshot_server(s->current->view, 0);
}

/* ---- telling ---- */

/* Tell systemd, if it listens. */
static void notify(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof sa.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(sa.sun_path, path, len);
    if (sa.sun_path[0] == '@')
        sa.sun_path[0] = 0; /* an abstract name */
    OWNED_FD fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        (void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&sa,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

static void notify_reloading(void)
{
    char text[64];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_ns() / 1000);
    notify(text);
}

/* A line on standard output or error; lost rather than waited for when nobody reads the pipe. */
static void put_line(int fd, const char *line)
{
    struct pollfd ready = { .fd = fd, .events = POLLOUT };
    if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT))
        dprintf(fd, "%s", line);
}

/* As the logger does, for the time when there is none. */
static void say_ourselves(enum log_level level, const char *text)
{
    const char *format = getenv("SALLYPORT_LOG_FORMAT");
    const struct log_event event = { clock_calendar_ms(), (uint8_t)level, SLICE_LITERAL("sallyportd"), slice_str(text) };
    OWNED_TEXT_BUFFER line = { 0 };
    if (format && !strcmp(format, "json"))
        log_event_print(true, &event, &line);
    else
        text_addf(&line, "sallyportd: %s%s\n", level == LOG_LEVEL_WARNING ? "warning: " : "", text);
    put_line(STDERR_FILENO, text_str(&line));
}

/* By the logger, which prints all events in one form; by ourselves while there is none. */
static bool say_by_logger(struct supervisor *s, enum log_level level, const char *text)
{
    const struct program *logger = s->program_count ? program_of(s, ROLE_LOGGER, 0) : NULL;
    if (s->log_fd < 0 || !logger || logger->state != PROGRAM_READY)
        return false;
    return DATAGRAM_SEND(s->log_fd, -1, log_event, .time = clock_calendar_ms(), .level = (uint8_t)level,
                         .where = SLICE_LITERAL("sallyportd"), .text = slice_str(text)) == 0;
}

void say(struct supervisor *s, enum log_level level, const char *fmt, ...)
{
    char text[4000]; /* with what stands before it below PIPE_BUF: one write, whole or not at all */
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (!say_by_logger(s, level, text))
        say_ourselves(level, text);
}

/* ---- ticket keys (threats.md T04): random, rotated, one older kept, in memory only ---- */

static void rotate_keys(void *context)
{
    struct supervisor *s = context;
    uint8_t fresh[TICKET_KEY_SIZE];
    if (getrandom(fresh, sizeof fresh, 0) != sizeof fresh) {
        say(s, LOG_LEVEL_ERROR, "no random bytes for TLS ticket keys: %s", strerror(errno));
    } else {
        memmove(s->keys[1], s->keys[0], sizeof s->keys - sizeof s->keys[0]);
        memcpy(s->keys[0], fresh, sizeof fresh);
        secret_wipe(fresh, sizeof fresh);
        if (s->key_count < TICKET_KEYS_KEPT)
            s->key_count++;
        EACH_PROGRAM(s, worker, PROGRAM_WORKER)
            programs_send_keys(s, worker);
    }
    int64_t seconds = settings(s)->ticket_key_seconds;
    loop_timer_set(s->key_timer, (seconds < KEY_LIFE_LEAST_S ? KEY_LIFE_LEAST_S : seconds) * 1000);
}

/* ---- ending ---- */

static void next_stage(struct supervisor *s)
{
    for (;;) {
        if (s->stage == STAGE_END_WORKERS && !programs_alive(s, BIT(PROGRAM_WORKER))) {
            s->stage = STAGE_END_MIDDLE;
            programs_end(s, MIDDLE, END_MS);
        } else if (s->stage == STAGE_END_MIDDLE && !programs_alive(s, MIDDLE)) {
            s->stage = STAGE_END_LOGGER;
            if (s->log_fd >= 0)
                close(s->log_fd);
            s->log_fd = -1;
            programs_end(s, BIT(PROGRAM_LOGGER), END_MS);
        } else {
            if (s->stage == STAGE_END_LOGGER && !programs_alive(s, EVERYONE))
                loop_stop(s->loop);
            return;
        }
    }
}

static void end_workers(struct supervisor *s)
{
    s->stage = STAGE_END_WORKERS;
    loop_timer_clear(s->drain_timer);
    programs_end(s, BIT(PROGRAM_WORKER), END_MS);
    next_stage(s);
}

static bool all_drained(struct supervisor *s)
{
    EACH_PROGRAM(s, worker, PROGRAM_WORKER)
        if (!worker->drained && worker->state == PROGRAM_READY)
            return false;
    return true;
}

static void drain_over(void *context)
{
    struct supervisor *s = context;
    say(s, LOG_LEVEL_WARNING, "not all sessions ended in time");
    end_workers(s);
}

static void begin_drain(struct supervisor *s)
{
    bool running = s->stage == STAGE_RUNNING;
    notify("STOPPING=1");
    compile_cancel(s);
    taken_cancel(s);
    watch_close(s);
    if (!s->current) {
        loop_stop(s->loop);
        return;
    }
    sites_close_all(s);
    if (!running) {
        end_workers(s);
        return;
    }
    s->stage = STAGE_DRAINING;
    int64_t seconds = settings(s)->drain_seconds;
    seconds = seconds < 0 ? 0 : seconds > DRAIN_MOST_S ? DRAIN_MOST_S : seconds;
    say(s, LOG_LEVEL_NOTICE, "stopping: running transfers have %lld seconds", (long long)seconds);
    EACH_PROGRAM(s, worker, PROGRAM_WORKER)
        MAILBOX_SEND(&worker->mail, -1, child_drain, .seconds = (uint32_t)seconds);
    loop_timer_set(s->drain_timer, seconds * 1000 + DRAIN_GRACE_MS);
    supervisor_advance(s);
}

static void on_stop_signal(struct supervisor *s)
{
    if (s->stage <= STAGE_RUNNING) {
        begin_drain(s);
    } else if (s->stage == STAGE_DRAINING) {
        say(s, LOG_LEVEL_WARNING, "a second signal: ending at once");
        programs_kill(s, BIT(PROGRAM_WORKER));
        end_workers(s);
    } else {
        programs_kill(s, EVERYONE);
    }
}

void supervisor_give_up(struct supervisor *s, const char *why)
{
    if (s->stage != STAGE_STARTING)
        return;
    say(s, LOG_LEVEL_ERROR, "%s: giving up", why);
    s->exit_status = 1;
    begin_drain(s);
}

void supervisor_advance(struct supervisor *s)
{
    if (s->stage == STAGE_STARTING && programs_all_ready(s)) {
        s->stage = STAGE_RUNNING;
        put_line(STDOUT_FILENO, "sallyportd: ready\n");
        notify("READY=1");
        if (s->reload_again)
            supervisor_reload(s);
    } else if (s->stage == STAGE_RUNNING) {
        taken_look(s);
    } else if (s->stage == STAGE_DRAINING && all_drained(s)) {
        end_workers(s);
    } else if (s->stage > STAGE_DRAINING) {
        next_stage(s);
    }
}

/* ---- reload ---- */

/* What a running service cannot take over. */
static void tell_restart_needed(struct supervisor *s, const struct generation *old)
{
    static const struct {
        size_t offset;
        const char *name;
    } users[] = {
        { offsetof(struct snap_server, worker_user), "workerUser" }, { offsetof(struct snap_server, broker_user), "fileUser" },
        { offsetof(struct snap_server, auth_user), "authUser" },     { offsetof(struct snap_server, logger_user), "logUser" },
        { offsetof(struct snap_server, loader_user), "loaderUser" },
        { offsetof(struct snap_server, membership_user), "membershipUser" },
    };
    const struct snap_server *was = snapshot_server(old->view, 0), *now = settings(s);
    if (was->worker_count != now->worker_count)
        say(s, LOG_LEVEL_NOTICE, "sallyport/service: workerCount takes effect when the service is restarted");
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        const struct snap_text *a = (const void *)((const char *)was + users[i].offset);
        const struct snap_text *b = (const void *)((const char *)now + users[i].offset);
        if (!slice_equal(snapshot_text(old->view, *a), snapshot_text(s->current->view, *b)))
            say(s, LOG_LEVEL_NOTICE, "sallyport/service: %s takes effect when the service is restarted", users[i].name);
    }
}

/* What the new configuration would take from a site that runs, by a fault and not by decision: the site itself, or its
 * certificate, without which a policy of SslAllow would go on in the clear.  Then the old configuration stays as a
 * whole, so that what is in force is always one file's content.  "" when all is well. */
static const char *would_lose(struct supervisor *s, const struct snapshot *view, const struct snap_site *site)
{
    const struct snap_site *old = s->current ? snapshot_site_by_id(s->current->view, site->id) : NULL;
    if (site->failure.len && sites_is_started(s, site->id))
        return snapshot_text(view, site->failure).ptr;
    if (old && !old->cert_substatus && site->cert_substatus && site->server_cert_hash.len)
        return "its certificate cannot be used";
    return "";
}

void supervisor_error(struct supervisor *s, struct slice line)
{
    if (s->errors.len < ERRORS_KEPT)
        text_addf(&s->errors, SLICE_FMT "\n", SLICE_ARG(line));
    control_reload_line(s, line);
}

/* The loader has said why a site fails, and where that stands, unless its lines were too many. */
static bool is_said(const struct supervisor *s, struct slice failure)
{
    return failure.len && s->errors.len && memmem(s->errors.ptr, s->errors.len, failure.ptr, failure.len);
}

static void say_loss(struct supervisor *s, struct slice site, const char *loss)
{
    OWNED_TEXT_BUFFER line = { 0 };
    text_addf(&line, "site \"" SLICE_FMT "\": %s", SLICE_ARG(site), loss);
    say(s, LOG_LEVEL_ERROR, "%s", text_str(&line));
    supervisor_error(s, text_slice(&line));
}

static bool accept_generation(struct supervisor *s, struct compile_result *result)
{
    if (!result->good || snapshot_count(result->generation->view, SNAP_TABLE_server) != 1)
        return false;
    const struct snapshot *view = result->generation->view;
    bool good = true;
    for (size_t row = 0; row < snapshot_count(view, SNAP_TABLE_site); row++) {
        const struct snap_site *site = snapshot_site(view, row);
        const char *loss = would_lose(s, view, site);
        if (*loss && !is_said(s, snapshot_text(view, site->failure)))
            say_loss(s, snapshot_text(view, site->name), loss);
        good = good && !*loss;
    }
    return good;
}

/* What is in force, and what the files say that is not, for `status`. */
static void note_verdict(struct supervisor *s, bool good)
{
    int64_t now = clock_calendar_ms() / 1000;
    text_reset(&s->refusal);
    if (good)
        s->current->since = now;
    else
        text_add(&s->refusal, text_slice(&s->errors));
    if (!good && !s->refused)
        s->refused_since = now;
    s->refused = !good;
}

static const char not_changed[] = "the configuration was not changed";

static void reloaded(struct supervisor *s, struct compile_result result)
{
    watch_again(s);
    bool good = accept_generation(s, &result);
    if (!good) {
        note_verdict(s, false);
        generation_free(result.generation);
        say(s, LOG_LEVEL_ERROR, "the configuration has errors; the one before it stays in force");
        notify("READY=1");
        control_reload_done(s, s->generations, ERR_SYNTAX, not_changed);
    } else {
        struct generation *old = s->current;
        s->current = result.generation;
        note_verdict(s, true);
        house_log_directories(s);
        programs_new_generation(s);
        sites_apply(s);
        control_new_generation(s);
        tell_restart_needed(s, old);
        history_note(s);
        generation_free(old);
        taken_begin(s);
    }
    if (s->reload_again)
        supervisor_reload(s);
}

void supervisor_reload_over(struct supervisor *s, const char *note)
{
    put_line(STDOUT_FILENO, "sallyportd: reloaded\n");
    notify("READY=1");
    control_reload_done(s, s->current->number, 0, note);
}

void supervisor_reload(struct supervisor *s)
{
    struct diag d = { 0 };
    s->reload_again = false;
    if (s->stage > STAGE_RUNNING)
        return;
    if (s->compile || s->stage == STAGE_STARTING) {
        s->reload_again = true;
        return;
    }
    notify_reloading();
    watch_seen(s);
    int err = compile_start(s, reloaded, &d);
    if (err) {
        say(s, LOG_LEVEL_ERROR, "the configuration cannot be read: %s", d.what[0] ? d.what : err_text(err));
        supervisor_error(s, slice_str(d.what[0] ? d.what : err_text(err)));
        note_verdict(s, false);
        notify("READY=1");
        control_reload_done(s, s->generations + 1, ERR_SYNTAX, not_changed);
    }
}

/* ---- start ---- */

static unsigned worker_count(const struct supervisor *s)
{
    cpu_set_t cpus;
    unsigned count = settings(s)->worker_count;
    if (count == 0)
        count = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
    return count > WORKERS_MAX ? WORKERS_MAX : count ? count : 1;
}

static int start_service(struct supervisor *s, struct diag *d)
{
    house_accounts(s);
    house_log_directories(s);
    s->workers = worker_count(s);
    int err = counts_create(&s->counts_fd);
    if (!err)
        err = counts_map(s->counts_fd, &s->counts);
    if (!err)
        err = tally_create(&s->tally_fd);
    if (!err)
        err = tally_map(s->tally_fd, &s->tally);
    if (!err)
        err = denied_open(s);
    if (!err)
        err = sites_new(s);
    if (err) {
        diag_set(d, "%s", err_text(err));
        return err;
    }
    rotate_keys(s);
    sites_apply(s);
    history_note(s);
    err = control_open(s, d);
    return err ? err : programs_start(s);
}

static void first_compiled(struct supervisor *s, struct compile_result result)
{
    struct diag d = { 0 };
    if (s->check_only) {
        bool good = result.good && !result.errors && !result.failing_sites;
        s->exit_status = good ? 0 : 1;
        puts(good ? "The configuration is good." : "The configuration has errors.");
        generation_free(result.generation);
        loop_stop(s->loop);
        return;
    }
    if (!accept_generation(s, &result)) {
        generation_free(result.generation);
        supervisor_give_up(s, "the configuration has errors");
        return;
    }
    s->current = result.generation;
    note_verdict(s, true);
    if (start_service(s, &d)) {
        say(s, LOG_LEVEL_ERROR, "%s", d.what);
        supervisor_give_up(s, "the service cannot be started");
    }
}

/* Who ended a service is the first question afterwards. */
static void stop_asked(struct supervisor *s, const struct signalfd_siginfo *info)
{
    say(s, LOG_LEVEL_NOTICE, "%s from process %u of user %u", info->ssi_signo == SIGINT ? "SIGINT" : "SIGTERM", info->ssi_pid,
        info->ssi_uid);
    on_stop_signal(s);
}

static void on_signals(void *context, unsigned events)
{
    (void)events;
    struct supervisor *s = context;
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            programs_reap(s);
        else if (info.ssi_signo == SIGHUP)
            supervisor_reload(s);
        else if (s->check_only)
            loop_stop(s->loop);
        else
            stop_asked(s, &info);
    }
}

static int watch_signals(struct supervisor *s)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* storing a hash may fail, the service goes on */
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return ERR_SYS;
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    s->signals_io = s->signals < 0 ? NULL : loop_io_open(s->loop, s->signals, on_signals, s);
    if (!s->signals_io)
        return ERR_SYS;
    loop_io_want(s->signals_io, LOOP_READ, -1);
    return 0;
}

static uid_t service_user(const struct supervisor *s)
{
    struct stat st;
    return s->check_only && stat(s->directory, &st) == 0 ? st.st_uid : geteuid();
}

static int prepare(struct supervisor *s, struct diag *d)
{
    s->loop = loop_new();
    s->key_timer = s->loop ? loop_timer_new(s->loop, rotate_keys, s) : NULL;
    s->drain_timer = s->loop ? loop_timer_new(s->loop, drain_over, s) : NULL;
    s->taken_timer = s->loop ? loop_timer_new(s->loop, taken_late, s) : NULL;
    if (!s->key_timer || !s->drain_timer || !s->taken_timer || watch_signals(s)) {
        diag_set(d, "cannot start: %s", strerror(errno));
        return ERR_SYS;
    }
    s->started = time(NULL);
    s->service_uid = service_user(s);
    int err = s->check_only ? 0 : house_run_directory(s, d);
    if (!err && !s->check_only)
        err = house_lock(s, d);
    if (err)
        return err;
    house_accounts(s);
    struct diag no_watch = { 0 };
    if (!s->check_only && watch_open(s, &no_watch))
        say(s, LOG_LEVEL_WARNING, "%s; send SIGHUP after a change", no_watch.what);
    return compile_start(s, first_compiled, d);
}

static void clean_up(struct supervisor *s)
{
    control_close(s);
    watch_close(s);
    history_free(s);
    compile_cancel(s);
    rehash_free(s);
    programs_free(s);
    sites_free(s);
    generation_free(s->current);
    text_free(&s->errors);
    text_free(&s->refusal);
    counts_unmap(s->counts);
    if (s->counts_fd >= 0)
        close(s->counts_fd);
    denied_close(s);
    tally_unmap(s->tally);
    if (s->tally_fd >= 0)
        close(s->tally_fd);
    if (s->log_fd >= 0)
        close(s->log_fd);
    secret_wipe(s->keys, sizeof s->keys);
    loop_timer_free(s->key_timer);
    loop_timer_free(s->drain_timer);
    loop_timer_free(s->taken_timer);
    loop_io_close(s->signals_io);
    if (s->signals >= 0)
        close(s->signals);
    loop_free(s->loop);
    house_unlock(s);
}

int supervisor_run(struct supervisor *s)
{
    struct diag d = { 0 };
    if (prepare(s, &d)) {
        say(s, LOG_LEVEL_ERROR, "%s", d.what);
        s->exit_status = 1;
    } else {
        loop_run(s->loop);
    }
    clean_up(s);
    return s->exit_status;
}

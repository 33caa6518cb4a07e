/*
 * supervisor.h - the supervisor's state, and what its parts call of each other.
 *
 *   main.c        options, once-only preparations
 *   supervisor.c  the life of the service: start, reload, drain, end
 *   compile.c     configuration files -> loader -> snapshots
 *   programs.c    starting, wiring, hearing and burying children; which program is wired to which (table)
 *   sites.c       site states; listen_plan.c says which sockets that needs
 *   control.c     the command line's socket
 *   house.c       run directory, pid file, users, log directories
 *   watch.c       files that change
 *   folders.c     folders of sites that are missing
 *   taken.c       until every program works by the new configuration
 *   rehash.c      storing a newer password hash
 *   history.c     copies of configurations that were good
 *   files.c       opening configuration and certificate files
 *   program_mail.c  what the programs say
 *   mailbox.c     messages that wait for a program; backoff.c: before it is started again
 *   denied.c      failed logins remembered over restarts
 *   revocation_file.c  what the authenticator has fetched, likewise
 *
 * One thread, one loop; nothing blocks but short system calls on local files.
 */
#pragma once

#include <limits.h>
#include <sys/types.h>

#include "base/diag.h"
#include "loop/loop.h"
#include "proto/child.h"
#include "proto/log.h"
#include "proto/loader.h"
#include "snapshot/snapshot.h"
#include "supervisor/backoff.h"
#include "supervisor/mailbox.h"
#include "sys/counts.h"
#include "sys/tally.h"

struct supervisor;
struct compile;
struct watch;
struct control;
struct sites;
struct rehash;
struct denied;

/* ---- programs ---- */

enum program_kind { PROGRAM_LOGGER, PROGRAM_AUTH, PROGRAM_PAM, PROGRAM_MEMBERSHIP, PROGRAM_BROKER, PROGRAM_WORKER, PROGRAM_KINDS };
enum { PROGRAMS_MAX = PROGRAM_BROKER + 2 * WORKERS_MAX }; /* one of each kind before the two that are there by worker */

/*      not wanted       spawned            child_ready
 *  OFF ----------> ... WAITING ----> STARTING ----> READY
 *                        ^  back-off      |            |      asked to end
 *                        |________________|____________| ----> ENDING ----> OFF (`again`: WAITING)
 */
enum program_state { PROGRAM_OFF, PROGRAM_WAITING, PROGRAM_STARTING, PROGRAM_READY, PROGRAM_ENDING };

struct program {
    struct supervisor *super;
    enum program_kind kind;
    unsigned role, index;
    enum program_state state;
    pid_t pid; /* 0: none */
    struct mailbox mail;
    struct backoff backoff;
    uint64_t taken;           /* the generation it works by */
    struct loop_timer *timer; /* WAITING: start; ENDING: kill */
    uint32_t uid, gid;
    bool fresh;             /* part of the set that is being launched */
    bool drained;           /* worker: no session left */
    bool again;             /* ENDING: a configuration that came since wants it */
    uint32_t restarts;
    unsigned failed_starts; /* deaths before child_ready in a row */
    int64_t started;        /* wall clock, seconds */
    int64_t started_ms;     /* monotonic */
};

enum { TICKET_KEY_SIZE = 80, TICKET_KEYS_KEPT = 2 };

enum super_stage { STAGE_STARTING, STAGE_RUNNING, STAGE_DRAINING, STAGE_END_WORKERS, STAGE_END_MIDDLE, STAGE_END_LOGGER };

/* A user that programs of one kind run under, as looked up. */
struct account {
    uint32_t uid, gid;
};

/* One generation of the configuration. */
struct generation {
    uint64_t number;
    int64_t since;              /* wall clock, seconds: when it came into force */
    struct snapshot *view;      /* what the supervisor may see */
    int fds[ROLE_LOGGER + 1];   /* by role; -1 none */
    struct text notes;          /* "not enforced yet" lines, one per line */
    unsigned files;             /* which of config_file_names were there, as bits */
    struct text sources;        /* what sections name by configSource: "S" (below `shared`) or "L", and the name, one per line */
    char shared[PATH_MAX];      /* where redirection.config says the configuration is, "": in `directory` */
};

struct supervisor {
    struct loop *loop;
    const char *directory;          /* --config, absolute */
    char run[PATH_MAX];             /* run directory */
    int64_t started;                /* wall clock, seconds */
    bool privileged;
    bool check_only;
    uint32_t service_uid;           /* who runs the service; in a check the owner of `directory`, who may be another */
    enum super_stage stage;
    int exit_status;
    int pid_file;
    int signals;
    struct loop_io *signals_io;

    struct generation *current;     /* NULL until the first good one */
    uint64_t generations;
    struct compile *compile;        /* the one that is running, or NULL */
    bool reload_again;              /* asked for while one was running */
    struct text errors;             /* of the one that is running, or was: a line each */
    bool refused;                   /* what the last one read is not in force */
    int64_t refused_since;          /* wall clock, seconds */
    struct text refusal;            /* the errors, a line each */
    bool taking;                    /* the programs are taking `current` over */
    struct loop_timer *taken_timer;
    struct watch *watch;
    struct rehash *rehash;
    struct history *history;

    unsigned workers;
    struct program programs[PROGRAMS_MAX];
    size_t program_count;
    struct account accounts[PROGRAM_KINDS], loader;
    int log_fd;                     /* our own channel to the logger, -1 */

    int counts_fd;
    struct counts *counts;
    int tally_fd;
    struct tally *tally;
    struct denied *denied;
    uint8_t keys[TICKET_KEYS_KEPT][TICKET_KEY_SIZE];
    size_t key_count;
    struct loop_timer *key_timer;

    struct sites *sites;
    struct control *control;
    struct loop_timer *drain_timer;
};

/* ---- supervisor.c ---- */
int supervisor_run(struct supervisor *s);
/* A line for the administrator: standard error, and the logger when there is one. */
void say(struct supervisor *s, enum log_level level, const char *fmt, ...) FORMAT_LIKE_PRINTF(3, 4);
void supervisor_reload(struct supervisor *s);
/* An error of the configuration that is being read, which was said: for those who ask what is wrong. */
void supervisor_error(struct supervisor *s, struct slice line);
/* Every program has taken the current generation over, or `note` says which one has not: whoever waits for that is told. */
void supervisor_reload_over(struct supervisor *s, const char *note);
/* A program got ready, or ended: the service may be ready, or the next stage of ending due. */
void supervisor_advance(struct supervisor *s);
/* Start over is hopeless: say why and end with status 1. */
void supervisor_give_up(struct supervisor *s, const char *why);
void generation_free(struct generation *g);

/* ---- programs.c ---- */
MUST_USE int programs_start(struct supervisor *s);
void programs_free(struct supervisor *s);
void programs_send_keys(struct supervisor *s, struct program *worker);
void programs_reap(struct supervisor *s);
/* What waitpid told, as a sentence's end: "was killed by signal 9 (Killed)". */
void program_describe_death(int status, char *text, size_t size);
bool programs_all_ready(const struct supervisor *s);
/* Whether any program of the kinds in `mask` (bits 1 << kind) still lives. */
bool programs_alive(const struct supervisor *s, unsigned mask);
void programs_end(struct supervisor *s, unsigned mask, int64_t kill_after_ms);
void programs_kill(struct supervisor *s, unsigned mask);
/* Give every program the current generation; start or end pam as it says. */
void programs_new_generation(struct supervisor *s);
struct program *program_of(struct supervisor *s, unsigned role, unsigned index);
/* For every living program of that kind. */
#define EACH_PROGRAM(s, p, of_kind)                                                                \
    for (struct program *p = (s)->programs; p < (s)->programs + (s)->program_count; p++)          \
        if (p->kind == (of_kind) && mailbox_is_open(&p->mail))
/* A copy of a descriptor of ours for the program.  -1: there is none left, which was told; a program that is starting ends,
 * to start again, one that runs goes on with what it has. */
int program_copy(struct program *p, int fd);
/* Send a message with such a copy, none without it: a program that got half a message would end.  Whether it was sent. */
#define PROGRAM_SEND_COPY(p, fd, name, ...)                                                        \
    ({                                                                                            \
        int program_copy_ = program_copy(p, fd);                                                  \
        if (program_copy_ >= 0)                                                                   \
            MAILBOX_SEND(&(p)->mail, program_copy_, name, __VA_ARGS__);                           \
        program_copy_ >= 0;                                                                       \
    })
/* The executable of a program ("worker"); false when it is nowhere. */
bool program_find(const char *name, char path_out[PATH_MAX]);

/* ---- program_mail.c ---- */
mailbox_message program_message; /* context: struct program */
mailbox_closed program_closed;

/* ---- sites.c ---- */
MUST_USE int sites_new(struct supervisor *s);
void sites_free(struct supervisor *s);
/* Bind and close listeners until they are what the current generation and the administrator want. */
void sites_apply(struct supervisor *s);
void sites_close_all(struct supervisor *s);
/* The log of the site of that id (0: the one of all sites) cannot be written (`errnum`) or is again (0).  0 and 0: all are. */
void sites_log_state(struct supervisor *s, uint32_t id, int errnum);
/* What a worker must be told before (listeners) and after (stopped sites) its start. */
void sites_tell_listeners(struct supervisor *s, struct program *worker, bool first_part);
void sites_tell_stopped(struct supervisor *s, struct program *worker);
enum site_state { SITE_STARTING = 0, SITE_STARTED = 1, SITE_STOPPING = 2, SITE_STOPPED = 3, SITE_UNKNOWN = 4 };
struct site_view {
    uint32_t id;
    struct slice name;
    enum site_state state;
    uint32_t status;
    uint64_t sessions;
    const char *why;
};
bool sites_view(struct supervisor *s, size_t row, struct site_view *view_out);
MUST_USE int sites_start(struct supervisor *s, struct slice name, struct diag *d);
MUST_USE int sites_stop(struct supervisor *s, struct slice name, struct diag *d);
/* Whether the site of that id runs now. */
bool sites_is_started(const struct supervisor *s, uint32_t id);

/* ---- control.c ---- */
MUST_USE int control_open(struct supervisor *s, struct diag *d);
void control_close(struct supervisor *s);
/* The admin group may be another one now. */
void control_new_generation(struct supervisor *s);
void control_session(struct supervisor *s, const struct child_session *m);
void control_sessions_end(struct supervisor *s, const struct program *p, uint32_t query);
void control_done_by(struct supervisor *s, const struct program *p, uint32_t query);
void control_test_line(struct supervisor *s, const struct child_test_line *m);
void control_test_account(struct supervisor *s, const struct child_test_account *m);
void control_test_done(struct supervisor *s, const struct child_test_done *m);
/* A program that was asked something died: nothing more will come from it. */
void control_program_died(struct supervisor *s, const struct program *p);
void control_reload_line(struct supervisor *s, struct slice line);
/* The run of that number is over, which they are told with `err` and `text`; runs that began before somebody asked are not his. */
void control_reload_done(struct supervisor *s, uint64_t generation, int err, const char *text);

/* ---- house.c ---- */
MUST_USE int house_run_directory(struct supervisor *s, struct diag *d);
/* Where a file lies that outlives the service: the system's instance has a folder for them, another keeps them beside its
 * socket. */
enum { STATE_PATH = PATH_MAX + 32 };
void house_state_path(const struct supervisor *s, const char *name, char out[STATE_PATH]);
MUST_USE int house_lock(struct supervisor *s, struct diag *d);
void house_unlock(struct supervisor *s);
/* Look up the users of the current settings (defaults before the first); says what cannot be separated. */
void house_accounts(struct supervisor *s);
void house_log_directories(struct supervisor *s);
/* Open an absolute directory, making what is missing (0755); *made_out: the last component is new.  -1: errno. */
int house_open_directory(const char *path, bool *made_out);

/* ---- history.c ---- */
/* The current configuration is good: keep a copy of its files, now or when the period since the last one is over. */
void history_note(struct supervisor *s);
void history_free(struct supervisor *s);

/* ---- watch.c ---- */
MUST_USE int watch_open(struct supervisor *s, struct diag *d);
void watch_again(struct supervisor *s); /* after a reload: directories may have come */
/* What has changed up to now is about to be read: it asks for no other reload. */
void watch_seen(struct supervisor *s);
/* Files that the configuration's own files name: watched while they do.  `directory` "": ours. */
void watch_forget_wanted(struct supervisor *s);
void watch_wanted(struct supervisor *s, struct slice directory, struct slice name);
/* Look at them every so many seconds (0: not): changes on a share come without notice. */
void watch_poll(struct supervisor *s, unsigned seconds);
void watch_close(struct supervisor *s);

/* ---- taken.c ---- */
void taken_begin(struct supervisor *s);
void taken_cancel(struct supervisor *s);
/* A program got ready, or has gone. */
void taken_look(struct supervisor *s);
void taken_by(struct program *p, uint64_t generation);
void taken_late(void *context); /* of the timer: struct supervisor */

/* ---- folders.c ---- */
typedef void folders_tell(void *context, struct slice line);
void folders_check(const struct snapshot *view, folders_tell *each, void *context);

/* ---- compile.c ---- */
struct compile_result {
    bool good;
    unsigned errors, failing_sites;
    struct generation *generation; /* the caller's; NULL unless good */
};
typedef void compile_done(struct supervisor *s, struct compile_result result);
/* Run the loader over the files; `done` is called from the loop. */
MUST_USE int compile_start(struct supervisor *s, compile_done *done, struct diag *d);
void compile_cancel(struct supervisor *s);
/* Start a loader whose channel is `mail`. */
MUST_USE int compile_spawn_loader(struct supervisor *s, struct mailbox *mail, pid_t *pid_out, struct diag *d);
/* Is `pid` the loader?  It was reaped. */
bool compile_reaped(struct supervisor *s, pid_t pid, int status);

/* ---- revocation_file.c ---- */
int revocation_file_open(struct supervisor *s); /* the caller's; -1: it cannot be opened, which was told */

/* ---- denied.c ---- */
MUST_USE int denied_open(struct supervisor *s);
int denied_fd(const struct supervisor *s); /* for the authenticator; stays ours */
void denied_close(struct supervisor *s);

/* ---- rehash.c ---- */
void rehash_ask(struct supervisor *s, const struct child_rehash *m);
bool rehash_reaped(struct supervisor *s, pid_t pid);
void rehash_free(struct supervisor *s);

/*
 * spawn.c - fork and exec.
 *
 * With another identity the executable is opened first and executed by descriptor: a build tree below somebody's home
 * directory need not be reachable by the unprivileged user.
 */
#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"
#include "proto/child.h"

enum { EXECUTABLE_FD = CHILD_FD + 1, EXIT_NO_EXEC = 127 };

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* Names that pass from our environment to every program. */
static const char *const passed[] = { "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
                                     "SALLYPORT_LOG_FORMAT" };
enum { ENVIRONMENT_MAX = sizeof passed / sizeof passed[0] + 4, VARIABLE_MAX = 1024 };

static char search_path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

static void make_environment(char space[][VARIABLE_MAX], char *environment[ENVIRONMENT_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        const char *value = getenv(passed[i]);
        if (!value)
            continue;
        snprintf(space[count], VARIABLE_MAX, "%s=%s", passed[i], value);
        environment[count] = space[count];
        count++;
    }
    environment[count++] = search_path;
    environment[count] = NULL;
}

static void default_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The wanted descriptors may sit on each other's places: lift both out of the way first. */
static int arrange_descriptors(int channel, int executable)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int high_channel = fcntl(channel, F_DUPFD_CLOEXEC, EXECUTABLE_FD + 2);
    int high_executable = fcntl(executable, F_DUPFD_CLOEXEC, EXECUTABLE_FD + 2);
    if (null < 0 || high_channel < 0 || high_executable < 0)
        return -1;
    if (dup2(null, STDIN_FILENO) < 0 || (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(null, STDERR_FILENO) < 0) ||
        dup2(STDERR_FILENO, STDOUT_FILENO) < 0 || dup2(high_channel, CHILD_FD) < 0 ||
        dup3(high_executable, EXECUTABLE_FD, O_CLOEXEC) < 0)
        return -1;
    return (int)syscall(SYS_close_range, EXECUTABLE_FD + 1, ~0u, 0);
}

static int become(const struct spawn *s)
{
    if (s->uid == UINT32_MAX)
        return 0;
    return setgroups(0, NULL) || setresgid(s->gid, s->gid, s->gid) || setresuid(s->uid, s->uid, s->uid);
}

/* An authenticator that has ten logins to read reads them all before the broker starts on the first, instead of changing
 * places with it ten times.  Priorities an administrator gave stay. */
static void let_others_finish(void)
{
    if (sched_getscheduler(0) == SCHED_OTHER)
        (void)sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ 0 });
}

static _Noreturn void run(const struct spawn *s, int executable)
{
    char index[16], space[ENVIRONMENT_MAX][VARIABLE_MAX];
    char *environment[ENVIRONMENT_MAX];
    char *const argv[] = { (char *)s->name, (char[]){ "--child" }, index, NULL };
    snprintf(index, sizeof index, "%u", s->index);
    make_environment(space, environment);
    default_signals();
    setpgid(0, 0);
    let_others_finish();
    if (arrange_descriptors(s->channel, executable) == 0 && become(s) == 0) {
        if (s->uid == UINT32_MAX) /* by path: ps and top show its name */
            execve(s->path, argv, environment);
        else
            syscall(SYS_execveat, EXECUTABLE_FD, "", argv, environment, AT_EMPTY_PATH);
    }
    dprintf(STDERR_FILENO, "%s: cannot be started: %s\n", s->path, strerror(errno));
    _exit(EXIT_NO_EXEC);
}

int spawn_program(const struct spawn *s, pid_t *pid_out, struct diag *d)
{
    OWNED_FD executable = open(s->path, O_PATH | O_CLOEXEC);
    if (executable < 0) {
        diag_set(d, "%s: %s", s->path, strerror(errno));
        return ERR_NOT_FOUND;
    }
    pid_t pid = fork();
    if (pid < 0) {
        diag_set(d, "cannot start %s: %s", s->name, strerror(errno));
        return ERR_SYS;
    }
    if (pid == 0)
        run(s, executable);
    *pid_out = pid;
    return 0;
}

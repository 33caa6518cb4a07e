/*
 * sandbox.c - identity, file system, system calls: three locks, each of which holds when the others fail.
 *
 * The order in a program is: what needs root (chroot), then the identity, then Landlock, then seccomp; each function
 * verifies its own effect and an error means that the program must not go on.
 *
 * The filter traps instead of killing at once so that the log can name the call (threats.md H15): a libc update that
 * starts to use a new call must be found in a minute, not by bisecting strace output.  The handler runs in whatever
 * state the thread is in; it only formats into its own stack and calls sendmsg, write and _exit.  Names of all
 * calls are therefore looked up before the filter is in force.
 */
#include "sys/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/child.h"
#include "sys/seccomp_table.h"

#if defined(__SANITIZE_ADDRESS__) || defined(SALLYPORT_SANITIZED)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* LeakSanitizer looks through /proc and traces its own process when it ends: neither is possible in here, so a
 * confined program goes without; every other error is still found. */
#if defined(__SANITIZE_ADDRESS__)
static int confined;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return confined;
}
#define GO_WITHOUT_LEAK_CHECK() (confined = 1)
#else
#define GO_WITHOUT_LEAK_CHECK() ((void)0)
#endif

/* ---- the trap ---- */

enum { CALL_NAMES = 600, CALL_NAME_SIZE = 28 };

static struct {
    int event_fd;
    const char *profile;
    char names[CALL_NAMES][CALL_NAME_SIZE];
} trap;

static void learn_names(void)
{
    for (int i = 0; i < CALL_NAMES; i++) {
        char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), i);
        snprintf(trap.names[i], CALL_NAME_SIZE, "%s", name ? name : "");
        free(name);
    }
}

/* Append without libc's formatted output, which is not safe in a signal handler. */
static size_t add_text(char *line, size_t at, size_t size, const char *text)
{
    while (*text && at + 1 < size)
        line[at++] = *text++;
    line[at] = 0;
    return at;
}

static size_t add_number(char *line, size_t at, size_t size, unsigned number)
{
    char digits[12];
    size_t i = sizeof digits;
    digits[--i] = 0;
    do
        digits[--i] = (char)('0' + number % 10);
    while (number /= 10);
    return add_text(line, at, size, digits + i);
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    char line[160];
    unsigned call = (unsigned)info->si_syscall;
    size_t len = add_text(line, 0, sizeof line, "sandbox ");
    len = add_text(line, len, sizeof line, trap.profile);
    len = add_text(line, len, sizeof line, " refused system call ");
    len = add_text(line, len, sizeof line, call < CALL_NAMES ? trap.names[call] : "");
    len = add_text(line, len, sizeof line, " (number ");
    len = add_number(line, len, sizeof line, call);
    len = add_text(line, len, sizeof line, ")");

    uint8_t bytes[sizeof line + 16];
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    const struct child_event event = { 0, slice_of(line, len) };
    wire_channel_begin(&out, MSG_child_event);
    struct iovec part = { bytes, 0 };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
    if (child_event_encode(&event, &out) == 0) {
        part.iov_len = out.len;
        if (sendmsg(trap.event_fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
            line[len++] = '\n';
            (void)!write(STDERR_FILENO, line, len);
        }
    }
    _exit(EXIT_TRAPPED);
}

static int catch_trap(void)
{
    struct sigaction action = { .sa_flags = SA_SIGINFO };
    action.sa_sigaction = on_trap;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    if (sigaction(SIGSYS, &action, NULL) < 0 || sigprocmask(SIG_UNBLOCK, &set, NULL) < 0)
        return ERR_SYS;
    return 0;
}

/* ---- the filter ---- */

#define GROUP(array) { array, sizeof(array) / sizeof((array)[0]) }
enum { GROUPS_MAX = 5 };

static const struct profile {
    const char *name;
    bool allow_by_default;
    struct {
        const struct sandbox_call *calls;
        size_t count;
    } groups[GROUPS_MAX];
} profiles[] = {
    [SANDBOX_LOADER] = { "loader", false, { GROUP(calls_basic), GROUP(calls_loader) } },
    [SANDBOX_WORKER] = { "worker", false, { GROUP(calls_basic), GROUP(calls_loop), GROUP(calls_worker) } },
    [SANDBOX_BROKER] = { "broker", false,
                         { GROUP(calls_basic), GROUP(calls_threads), GROUP(calls_broker) } },
    [SANDBOX_AUTH] = { "auth", false, { GROUP(calls_basic), GROUP(calls_threads), GROUP(calls_auth) } },
    [SANDBOX_AUTH_ONLINE] = { "auth", false,
                              { GROUP(calls_basic), GROUP(calls_threads), GROUP(calls_loop), GROUP(calls_auth),
                                GROUP(calls_online) } },
    [SANDBOX_PAM] = { "pam", true, { GROUP(refused_pam) } },
    [SANDBOX_MEMBERSHIP] = { "membership", true, { GROUP(refused_pam), GROUP(refused_membership) } },
    [SANDBOX_LOGGER] = { "logger", false, { GROUP(calls_basic), GROUP(calls_logger) } },
};

static int add_call(scmp_filter_ctx filter, const struct sandbox_call *call)
{
    int number = seccomp_syscall_resolve_name(call->name);
    if (number == __NR_SCMP_ERROR)
        return 0; /* a call this machine has not got needs no permission */
    uint32_t action = call->errnum ? SCMP_ACT_ERRNO((uint32_t)call->errnum) : SCMP_ACT_ALLOW;
    int result = call->mask
                     ? seccomp_rule_add(filter, action, number, 1,
                                        SCMP_CMP(call->arg, SCMP_CMP_MASKED_EQ, call->mask, call->value))
                     : seccomp_rule_add(filter, action, number, 0);
    return result == 0 || result == -EDOM ? 0 : ERR_SYS;
}

/* Under sanitizers their group comes first and rows about the same call with a condition, or with a refusal, are
 * left out: libseccomp keeps one verdict per call and condition. */
static bool is_widened(const struct sandbox_call *call)
{
    for (size_t i = 0; SANITIZED && i < sizeof calls_sanitizer / sizeof calls_sanitizer[0]; i++)
        if (!strcmp(calls_sanitizer[i].name, call->name))
            return true;
    return false;
}

static int fill_filter(scmp_filter_ctx filter, const struct profile *p)
{
    int err = 0;
    for (size_t i = 0; SANITIZED && !p->allow_by_default && i < sizeof calls_sanitizer / sizeof calls_sanitizer[0]; i++)
        if ((err = add_call(filter, &calls_sanitizer[i])))
            return err;
    for (size_t g = 0; g < GROUPS_MAX; g++)
        for (size_t i = 0; i < p->groups[g].count; i++) {
            const struct sandbox_call *call = &p->groups[g].calls[i];
            if (is_widened(call) && !p->allow_by_default)
                continue;
            if ((err = add_call(filter, call)))
                return err;
        }
    return 0;
}

int sandbox_enter(enum sandbox_profile profile, int event_fd, struct diag *d)
{
    const struct profile *p = &profiles[profile];
    GO_WITHOUT_LEAK_CHECK();
    trap.event_fd = event_fd;
    trap.profile = p->name;
    learn_names();
    scmp_filter_ctx filter = seccomp_init(p->allow_by_default ? SCMP_ACT_ALLOW : SCMP_ACT_TRAP);
    if (!filter) {
        diag_set(d, "%s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    int err = catch_trap();
    if (!err)
        err = fill_filter(filter, p);
    if (!err && (seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 1) || seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1)))
        err = ERR_SYS;
    if (!err) {
        int result = seccomp_load(filter);
        if (result || prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2) {
            diag_set(d, "cannot install the %s system call filter: %s", p->name, strerror(-result));
            diag_todo(d, "the kernel needs CONFIG_SECCOMP_FILTER");
            seccomp_release(filter);
            return ERR_SYS;
        }
    } else {
        diag_set(d, "cannot build the %s system call filter: %s", p->name, err_text(err));
    }
    seccomp_release(filter);
    return err;
}

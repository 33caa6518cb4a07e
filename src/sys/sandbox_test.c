/*
 * sandbox_test.c - each profile lets its program breathe and names what it refuses (threats.md H15).
 *
 * Every case forks: a filter cannot be taken off again.  The child reports over the same kind of pair that a
 * real one has.
 */
#include "base/case_test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <resolv.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/child.h"
#include "sys/datagram.h"
#include "sys/memfd.h"
#include "sys/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(SALLYPORT_SANITIZED)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* ---- what a child does inside ---- */

static int breathe(void)
{
    char *block = malloc(3 << 20);
    if (!block)
        return 1;
    memset(block, 1, 3 << 20);
    free(block);
    struct timespec now;
    return clock_gettime(CLOCK_REALTIME, &now) || getpid() < 2;
}

static void *in_thread(void *arg)
{
    return breathe() ? NULL : arg;
}

static int start_thread(void)
{
    pthread_t thread;
    void *result = NULL;
    static int done;
    return pthread_create(&thread, NULL, in_thread, &done) || pthread_join(thread, &result) || !result;
}

static int do_open(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0;
}

static int do_exec(void)
{
    return execl("/bin/true", "true", (char *)NULL);
}

static int do_fork(void)
{
    return (int)syscall(SYS_fork);
}

static int do_clone_process(void)
{
    return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static int do_unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) < 0;
}

static int do_inet_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 || close(fd);
}

static int do_create(void)
{
    return open("/tmp/x", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int netlink_is_refused(void)
{
    return !(socket(AF_NETLINK, SOCK_RAW, 0) < 0 && errno == EAFNOSUPPORT);
}

static int do_executable_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int do_setuid(void)
{
    return setuid(1);
}

static int do_memfd(void)
{
    int fd = -1;
    return memfd_sealed("x", SLICE_LITERAL("abc"), &fd) || !memfd_is_sealed(fd) || pwrite(fd, "y", 1, 0) == 1;
}

static int do_truncate(void)
{
    return ftruncate(STDOUT_FILENO, 0);
}

static int do_rename(void)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, "/tmp/x", AT_FDCWD, "/tmp/y", 0);
}

static int do_raise_limit(void)
{
    const uint64_t limit[2] = { 64, 64 };
    return (int)syscall(SYS_prlimit64, 0, 7, limit, NULL);
}

static int ptrace_is_refused(void)
{
    return !(ptrace(PTRACE_TRACEME, 0, 0, 0) < 0 && errno == EPERM);
}

static int fork_works(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return waitpid(pid, NULL, 0) != pid;
}

static const struct {
    const char *label;
    enum sandbox_profile profile;
    int (*act)(void);
    const char *refused; /* the call the log must name; NULL: works */
    bool widened;        /* sanitizers allow it */
} cases[] = {
    { "the loader breathes",                           SANDBOX_LOADER, breathe,              NULL,        false },
    { "the worker breathes",                           SANDBOX_WORKER, breathe,              NULL,        false },
    { "the broker breathes",                           SANDBOX_BROKER, breathe,              NULL,        false },
    { "the authenticator breathes",                    SANDBOX_AUTH,   breathe,              NULL,        false },
    { "pam breathes",                                  SANDBOX_PAM,    breathe,              NULL,        false },
    { "the logger breathes",                           SANDBOX_LOGGER, breathe,              NULL,        false },
    { "the loader makes snapshots",                    SANDBOX_LOADER, do_memfd,             NULL,        false },
    { "the worker opens data channels",                SANDBOX_WORKER, do_inet_socket,       NULL,        false },
    { "the broker starts threads",                     SANDBOX_BROKER, start_thread,         NULL,        false },
    { "the authenticator starts threads",              SANDBOX_AUTH,   start_thread,         NULL,        false },
    { "the logger opens files (Landlock says which)",  SANDBOX_LOGGER, do_open,              NULL,        false },
    { "pam modules may start helpers",                 SANDBOX_PAM,    fork_works,           NULL,        false },
    { "pam modules may not trace",                     SANDBOX_PAM,    ptrace_is_refused,    NULL,        false },
    { "a worker that opens a path",                    SANDBOX_WORKER, do_open,              "openat",    true  },
    { "a worker that executes",                        SANDBOX_WORKER, do_exec,              "execve",    false },
    { "a worker that forks",                           SANDBOX_WORKER, do_fork,              "fork",      false },
    { "a worker that clones",                          SANDBOX_WORKER, do_clone_process,     "clone",     true  },
    { "a worker that reaches for a local socket",      SANDBOX_WORKER, do_unix_socket,       "socket",    false },
    { "a worker that makes memory executable",         SANDBOX_WORKER, do_executable_memory, "mmap",      true  },
    { "a worker that changes its user",                SANDBOX_WORKER, do_setuid,            "setuid",    false },
    { "a worker that raises a limit",                  SANDBOX_WORKER, do_raise_limit,       "prlimit64", true  },
    { "a worker that traces",                          SANDBOX_WORKER, ptrace_is_refused,    "ptrace",    false },
    { "a worker that shortens a file it was handed",   SANDBOX_WORKER, do_truncate,          "ftruncate", false },
    { "a broker that executes",                        SANDBOX_BROKER, do_exec,              "execve",    false },
    { "a broker that clones a process",                SANDBOX_BROKER, do_clone_process,     "clone",     true  },
    { "a broker that opens a socket to the world",     SANDBOX_BROKER, do_inet_socket,       "socket",    false },
    { "an authenticator that opens a path",            SANDBOX_AUTH,   do_open,              "openat",    true  },
    { "an authenticator that connects out",            SANDBOX_AUTH,   do_inet_socket,       "socket",    false },
    { "the online authenticator connects out",         SANDBOX_AUTH_ONLINE, do_inet_socket,  NULL,        false },
    { "the online authenticator starts threads",       SANDBOX_AUTH_ONLINE, start_thread,    NULL,        false },
    { "the online authenticator reads interfaces",     SANDBOX_AUTH_ONLINE, netlink_is_refused, NULL,     false },
    { "an online authenticator that makes a file",     SANDBOX_AUTH_ONLINE, do_create,       "openat",    true  },
    { "an online authenticator that executes",         SANDBOX_AUTH_ONLINE, do_exec,         "execve",    false },
    { "a loader that opens a path",                    SANDBOX_LOADER, do_open,              "openat",    true  },
    { "a logger that connects out",                    SANDBOX_LOGGER, do_inet_socket,       "socket",    false },
    { "a logger that executes",                        SANDBOX_LOGGER, do_exec,              "execve",    false },
    { "a logger that renames a log",                   SANDBOX_LOGGER, do_rename,            "renameat2", false },
};

static void expect_refusal(int socket, int status, const char *call)
{
    char buffer[512], expected[64];
    struct slice bytes;
    struct wire_in in;
    const struct wire_message *m;
    struct child_event event = { 0 };
    int fd;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGSYS);
    assert_int_equal(datagram_receive(socket, buffer, sizeof buffer, &bytes, &fd), 0);
    assert_int_equal(wire_channel_accept(&child_channel, ROLE_WORKER, bytes, 0, &m, &in), 0);
    assert_int_equal(child_event_decode(&in, &event), 0);
    print_message("      " SLICE_FMT "\n", SLICE_ARG(event.text));
    snprintf(expected, sizeof expected, " %s (", call);
    assert_non_null(memmem(event.text.ptr, event.text.len, expected, strlen(expected)));
}

static void test_profiles(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (SANITIZED && cases[i].widened)
            continue;
        CASE_LABEL(&cases[i]);
        int pair[2], status = 0;
        assert_int_equal(datagram_pair(pair), 0);
        pid_t pid = fork();
        if (pid == 0) {
            struct diag d = { 0 };
            _exit(sandbox_enter(cases[i].profile, pair[1], &d) ? 99 : cases[i].act() ? 98 : 0);
        }
        close(pair[1]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (cases[i].refused)
            expect_refusal(pair[0], status, cases[i].refused);
        else
            assert_int_equal(status, 0);
        close(pair[0]);
    }
}

/* ---- Landlock and identity ---- */

static int in_child(int (*act)(const char *directory), const char *directory)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(act(directory));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int only_directory(const char *directory)
{
    struct diag d = { 0 };
    const struct sandbox_path paths[] = { { directory, true }, { "/nonexistent/for/sure", false } };
    if (sandbox_paths(paths, COUNT_OF(paths), &d))
        return 1;
    if (d.what[0])
        return 77; /* no Landlock here */
    char name[512];
    snprintf(name, sizeof name, "%s/log", directory);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 10) < 0 || truncate(name, 0) < 0 || unlink(name) < 0)
        return 2;
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES ? 3 : 0;
}

static int no_path(const char *directory)
{
    struct diag d = { 0 };
    if (sandbox_empty_root(directory, false, &d))
        return 1;
    if (d.what[0])
        return 77;
    return open(directory, O_RDONLY | O_CLOEXEC) >= 0 || open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? 2 : 0;
}

static int chrooted(const char *directory)
{
    struct diag d = { 0 };
    if (sandbox_empty_root(directory, true, &d))
        return 1;
    return access("/etc", F_OK) == 0 ? 2 : 0;
}

static int become_nobody(const char *directory)
{
    (void)directory;
    struct diag d = { 0 };
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (sandbox_become(65534, 65534, false, &d))
        return 1;
    int death = 0;
    prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0);
    if (death != SIGKILL)
        return 2;
    if (prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 0)
        return 3;
    return setuid(0) == 0 || setgid(0) == 0 ? 4 : 0;
}

static int become_broker(const char *directory)
{
    (void)directory;
    struct diag d = { 0 };
    if (sandbox_become(65534, 65534, true, &d))
        return 1;
    if (syscall(SYS_setfsuid, 1) < 0 || syscall(SYS_setfsuid, -1) != 1)
        return 2; /* may still take an identity per thread */
    return access("/etc/shadow", R_OK) == 0 || chroot("/") == 0 ? 3 : 0;
}

static int become_root(const char *directory)
{
    (void)directory;
    struct diag d = { 0 };
    return sandbox_become(0, 0, false, &d) != ERR_RANGE;
}

/* A name server that knows no name. */
static void *deny_names(void *context)
{
    uint8_t packet[512];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    for (ssize_t len; (len = recvfrom(*(int *)context, packet, sizeof packet, 0, (struct sockaddr *)&from, &size)) > 3;) {
        packet[2] = 0x81;
        packet[3] = 0x83;
        (void)!sendto(*(int *)context, packet, (size_t)len, 0, (struct sockaddr *)&from, size);
    }
    return NULL;
}

/* An authenticator that may go online resolves names, by file and by asking a server. */
static int resolve(const char *directory)
{
    static int server;
    struct sandbox_path paths[SANDBOX_RESOLVER_PATHS];
    struct diag d = { 0 };
    struct addrinfo *found = NULL, hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof sa;
    pthread_t thread;
    (void)directory;
    server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (server < 0 || bind(server, (struct sockaddr *)&sa, sizeof sa) || getsockname(server, (struct sockaddr *)&sa, &size))
        return 1;
    size_t count = sandbox_resolver(paths);
    if (sandbox_paths(paths, count, &d) || sandbox_enter(SANDBOX_AUTH_ONLINE, -1, &d))
        return 2;
    if (getaddrinfo("localhost", "80", &hints, &found))
        return 3;
    freeaddrinfo(found);
    if (res_init() || pthread_create(&thread, NULL, deny_names, &server))
        return 4;
    _res.nscount = 1;
    _res.nsaddr_list[0] = sa;
    return getaddrinfo("no-such-host.invalid", "80", &hints, &found) == EAI_NONAME ? 0 : 5;
}

static const struct {
    const char *label;
    int (*act)(const char *directory);
    bool root;
} places[] = {
    { "Landlock leaves one directory",                       only_directory, false },
    { "no path at all",                                      no_path,        false },
    { "the empty root",                                      chrooted,       true  },
    { "no way back to root, signal and bounding set (F08)",  become_nobody,  true  },
    { "the broker keeps two capabilities only",              become_broker,  true  },
    { "an online authenticator resolves names",              resolve,        false },
    { "root is no identity to become",                       become_root,    false },
};

static void test_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        CASE_LABEL(&places[i]);
        if (places[i].root && geteuid() != 0) {
            print_message("      skipped: needs root\n");
            continue;
        }
        char directory[] = "/tmp/sallyport-sandbox-XXXXXX";
        assert_non_null(mkdtemp(directory));
        int result = in_child(places[i].act, directory);
        rmdir(directory);
        if (result == 77)
            print_message("      skipped: no Landlock in this kernel\n");
        else
            assert_int_equal(result, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_profiles), cmocka_unit_test(test_places) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

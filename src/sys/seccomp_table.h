/*
 * seccomp_table.h - which system calls each program may make; sandbox.c turns it into a filter.
 *
 * A program's profile is a few groups.  Reading one line: the call, then what must be true of its arguments: an empty
 * condition means always.  Everything that stands in no group of the profile kills the program (SECCOMP_RET_TRAP),
 * except where a row answers with an error because a library asks politely and has another way.  A call of which only
 * another machine's C library makes use (aarch64 has no rename, riscv no renameat) stands beside its sibling.
 */
#pragma once

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/* IF_EQUAL: argument `arg` (its low 32 bits) has `value` in the bits of `mask`. */
struct sandbox_call {
    const char *name;
    unsigned arg;
    uint64_t mask; /* 0: no condition */
    uint64_t value;
    int errnum;    /* 0: allowed; else the call fails with this */
};

#define ALLOW(name)                   { name, 0, 0, 0, 0 }
#define ALLOW_BITS(name, arg, mask, value) { name, arg, mask, value, 0 }
#define ALLOW_EQUAL(name, arg, value) { name, arg, 0xffffffff, value, 0 }
#define REFUSE(name, errnum)          { name, 0, 0, 0, errnum }
#define REFUSE_EQUAL(name, arg, value, errnum) { name, arg, 0xffffffff, value, errnum }

/* Memory, time, signals, descriptors that are open already: what any C program needs to breathe. */
static const struct sandbox_call calls_basic[] = {
    ALLOW("read"), ALLOW("write"), ALLOW("readv"), ALLOW("writev"), ALLOW("close"), ALLOW("lseek"),
    ALLOW("pread64"), ALLOW("pwrite64"), ALLOW("preadv2"), ALLOW("fcntl"), ALLOW("fstat"),
    ALLOW_BITS("newfstatat", 3, AT_EMPTY_PATH, AT_EMPTY_PATH), /* glibc's fstat() */
    ALLOW_BITS("mmap", 2, PROT_EXEC, 0), ALLOW_BITS("mprotect", 2, PROT_EXEC, 0),
    ALLOW("munmap"), ALLOW("mremap"), ALLOW("madvise"), ALLOW("brk"),
    ALLOW("futex"), ALLOW("rt_sigaction"), ALLOW("rt_sigprocmask"), ALLOW("rt_sigreturn"), ALLOW("sigaltstack"),
    ALLOW("restart_syscall"), ALLOW("tgkill"), ALLOW("getpid"), ALLOW("gettid"), ALLOW("getppid"),
    ALLOW("clock_gettime"), ALLOW("clock_getres"), ALLOW("gettimeofday"), ALLOW("time"),
    ALLOW("getrandom"), ALLOW("exit"), ALLOW("exit_group"), ALLOW("poll"), ALLOW("ppoll"),
    ALLOW("recvmsg"), ALLOW("sendmsg"), ALLOW("getsockopt"),
    ALLOW("sched_getaffinity"), ALLOW("sched_yield"), ALLOW("rseq"),
    ALLOW("sysinfo"), /* glibc's qsort asks how much memory there is */
    ALLOW_EQUAL("prlimit64", 2, 0), /* reading a limit, not setting it */
    ALLOW_EQUAL("prctl", 0, PR_GET_SECCOMP), ALLOW_EQUAL("prctl", 0, PR_SET_NAME),
    REFUSE_EQUAL("prctl", 0, PR_SET_VMA, EINVAL), /* malloc wants to name its arenas */
    REFUSE_EQUAL("ioctl", 1, TCGETS, ENOTTY),     /* stdio asks whether standard error is a terminal */
};

/* Threads but no processes.  clone3 hides its flags behind a pointer; glibc then falls back to clone. */
static const struct sandbox_call calls_threads[] = {
    ALLOW_BITS("clone", 0, CLONE_THREAD, CLONE_THREAD), REFUSE("clone3", ENOSYS),
    ALLOW("set_robust_list"), ALLOW("clock_nanosleep"), ALLOW("nanosleep"), ALLOW("membarrier"),
    ALLOW("eventfd2"), ALLOW("shutdown"),
};

static const struct sandbox_call calls_loop[] = {
    ALLOW("epoll_create1"), ALLOW("epoll_ctl"), ALLOW("epoll_wait"), ALLOW("epoll_pwait"), ALLOW("epoll_pwait2"),
};

/* The worker: sockets of the Internet families and bytes of files handed to it.  Nothing that takes a path. */
static const struct sandbox_call calls_worker[] = {
    ALLOW_EQUAL("socket", 0, AF_INET), ALLOW_EQUAL("socket", 0, AF_INET6),
    ALLOW("bind"), ALLOW("listen"), ALLOW("accept4"), ALLOW("connect"), ALLOW("getsockname"),
    ALLOW("getpeername"), ALLOW("setsockopt"), ALLOW("shutdown"), ALLOW("recvfrom"), ALLOW("sendto"),
    ALLOW("sendfile"), ALLOW("splice"), ALLOW("pipe2"), ALLOW("fadvise64"),
};

/* The broker: the file system below its directory descriptors, and the identity of a thread. */
static const struct sandbox_call calls_broker[] = {
    ALLOW("openat2"), ALLOW("openat"), ALLOW("statx"), ALLOW("newfstatat"), ALLOW("getdents64"), ALLOW("fstatfs"),
    ALLOW("renameat"), ALLOW("renameat2"), ALLOW("linkat"), ALLOW("unlinkat"), ALLOW("mkdirat"), ALLOW("utimensat"),
    ALLOW("fchmod"), ALLOW("fchown"), ALLOW("geteuid"), ALLOW("getegid"), ALLOW("flock"), ALLOW("ftruncate"),
    ALLOW("fsync"), ALLOW("fdatasync"), ALLOW("copy_file_range"),
    ALLOW("setfsuid"), ALLOW("setfsgid"), ALLOW("setgroups"), ALLOW("getgroups"), ALLOW("sendto"),
};

/* The authenticator: thinks, hashes, talks to its peers. */
static const struct sandbox_call calls_auth[] = {
    ALLOW("recvfrom"), ALLOW("sendto"), ALLOW("socketpair"), ALLOW("pipe2"),
};

/* The authenticator where a site needs to ask the world: outbound sockets and what glibc does to resolve a name.  Files
 * can be read, not made; which ones is Landlock's to say.  glibc has another way when it gets no netlink socket and no
 * name service cache. */
static const struct sandbox_call calls_online[] = {
    ALLOW_EQUAL("socket", 0, AF_INET), ALLOW_EQUAL("socket", 0, AF_INET6),
    REFUSE_EQUAL("socket", 0, AF_NETLINK, EAFNOSUPPORT), REFUSE_EQUAL("socket", 0, AF_UNIX, EACCES),
    ALLOW("connect"), ALLOW("getsockname"), ALLOW("getpeername"), ALLOW("setsockopt"), ALLOW("sendmmsg"),
    ALLOW_EQUAL("ioctl", 1, FIONREAD), ALLOW_EQUAL("ioctl", 1, FIONBIO),
    ALLOW_BITS("openat", 2, O_ACCMODE | O_CREAT | O_TRUNC, 0), ALLOW("newfstatat"), ALLOW("uname"),
};

/* The logger: files below what Landlock leaves it. */
static const struct sandbox_call calls_logger[] = {
    ALLOW("openat"), ALLOW("newfstatat"), ALLOW("statx"), ALLOW("getdents64"), ALLOW("mkdir"), ALLOW("mkdirat"),
    ALLOW("ftruncate"), ALLOW("sendto"), ALLOW("shutdown"),
};

/* The loader: reads what it was handed, writes snapshots into memory files. */
static const struct sandbox_call calls_loader[] = {
    ALLOW("memfd_create"),
};

/* PAM modules are other people's programs: they open, connect, fork and execute as they like.  Only what changes the
 * kernel or looks into other processes is taken away; this list refuses, everything else is allowed. */
static const struct sandbox_call refused_pam[] = {
    REFUSE("ptrace", EPERM), REFUSE("process_vm_readv", EPERM), REFUSE("process_vm_writev", EPERM), REFUSE("kcmp", EPERM),
    REFUSE("mount", EPERM), REFUSE("umount2", EPERM), REFUSE("pivot_root", EPERM), REFUSE("chroot", EPERM),
    REFUSE("move_mount", EPERM), REFUSE("open_tree", EPERM), REFUSE("fsopen", EPERM), REFUSE("fsmount", EPERM),
    REFUSE("fsconfig", EPERM), REFUSE("fspick", EPERM), REFUSE("mount_setattr", EPERM),
    REFUSE("kexec_load", EPERM), REFUSE("kexec_file_load", EPERM), REFUSE("reboot", EPERM), REFUSE("bpf", EPERM),
    REFUSE("init_module", EPERM), REFUSE("finit_module", EPERM), REFUSE("delete_module", EPERM),
    REFUSE("keyctl", EPERM), REFUSE("add_key", EPERM), REFUSE("request_key", EPERM),
    REFUSE("unshare", EPERM), REFUSE("setns", EPERM), REFUSE("perf_event_open", EPERM), REFUSE("userfaultfd", EPERM),
    REFUSE("io_uring_setup", EPERM), REFUSE("iopl", EPERM), REFUSE("ioperm", EPERM), REFUSE("swapon", EPERM),
    REFUSE("swapoff", EPERM), REFUSE("acct", EPERM), REFUSE("settimeofday", EPERM), REFUSE("clock_settime", EPERM),
    REFUSE("clock_adjtime", EPERM), REFUSE("adjtimex", EPERM), REFUSE("sethostname", EPERM),
    REFUSE("setdomainname", EPERM), REFUSE("open_by_handle_at", EPERM), REFUSE("quotactl", EPERM), REFUSE("syslog", EPERM),
    REFUSE("nfsservctl", EPERM), REFUSE("vhangup", EPERM), REFUSE("personality", EPERM),
};

/* A driver asks and is asked over the network; it starts nothing. */
static const struct sandbox_call refused_membership[] = {
    REFUSE("execve", EPERM), REFUSE("execveat", EPERM), REFUSE("fork", EPERM), REFUSE("vfork", EPERM),
    REFUSE("listen", EPERM), REFUSE("setuid", EPERM), REFUSE("setgid", EPERM), REFUSE("chmod", EPERM), REFUSE("chown", EPERM),
};

/* What AddressSanitizer and UndefinedBehaviorSanitizer do to find and describe an error. */
static const struct sandbox_call calls_sanitizer[] = {
    ALLOW("mmap"), ALLOW("mprotect"), ALLOW("openat"), ALLOW("open"), ALLOW("readlink"), ALLOW("readlinkat"),
    ALLOW("newfstatat"), ALLOW("stat"), ALLOW("lstat"), ALLOW("access"), ALLOW("getcwd"), ALLOW("pipe"), ALLOW("pipe2"),
    ALLOW("prctl"), ALLOW("prlimit64"), ALLOW("getrlimit"), ALLOW("setrlimit"), ALLOW("personality"), ALLOW("mincore"),
    ALLOW("sched_getaffinity"), ALLOW("getuid"), ALLOW("geteuid"), ALLOW("getgid"), ALLOW("getegid"), ALLOW("uname"),
    ALLOW("clone"), ALLOW("clone3"), ALLOW("wait4"), ALLOW("set_robust_list"), ALLOW("nanosleep"),
    ALLOW("clock_nanosleep"), ALLOW("ioctl"), ALLOW("dup2"), ALLOW("dup3"), ALLOW("getrusage"),
};

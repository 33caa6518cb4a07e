/* main.c - sallyportd: options and what is prepared once. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/supervisor.h"

#if defined(__SANITIZE_ADDRESS__) || defined(SALLYPORT_SANITIZED)
#define SANITIZED true
#else
#define SANITIZED false
#endif

enum { DESCRIPTORS_MOST = 524288 };

static const char help[] =
    "usage: sallyportd [--config DIR] [--check]\n"
    "\n"
    "Sallyport, an FTP and FTPS service configured as IIS is.  Runs in the foreground.\n"
    "\n"
    "  --config DIR   the configuration directory (default /etc/sallyport): applicationHost.config,\n"
    "                 administration.config, sallyport.config, certificates/\n"
    "  --check        only validate the configuration; status 0: good, 1: errors\n"
    "  --help         this text\n"
    "  --version      the version\n"
    "\n"
    "SIGHUP, or a changed file, loads the configuration again; SIGTERM ends after running\n"
    "transfers (sallyport/service drainTimeout), a second SIGTERM at once.\n";

/* Each of 0, 1, 2 that is closed would be the next file we open. */
static void fill_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

static void prepare_process(struct supervisor *s)
{
    const struct rlimit no_core = { 0, 0 };
    struct rlimit files;
    umask(022);
    (void)setrlimit(RLIMIT_CORE, &no_core); /* ticket keys are in our memory */
    if (!SANITIZED) {
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        (void)mlock(s->keys, sizeof s->keys);
    } else {
        setenv("ASAN_OPTIONS", "detect_leaks=0", 0); /* our programs cannot look into themselves */
    }
    /* Every session is a descriptor or two in a worker; workers inherit the limit. */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max > DESCRIPTORS_MOST ? DESCRIPTORS_MOST : files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static struct supervisor super = { .pid_file = -1, .signals = -1, .log_fd = -1, .counts_fd = -1, .tally_fd = -1 };

/* Below that programs would die of it one by one, and be started again for ever. */
static bool has_descriptors(struct supervisor *s)
{
    enum { LEAST = 256 };
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= LEAST)
        return true;
    say(s, LOG_LEVEL_ERROR, "only %llu descriptors are allowed (ulimit -Hn): the service needs at least %d, and about two for "
                            "every session", (unsigned long long)files.rlim_cur, LEAST);
    return false;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "check", no_argument, NULL, 'k' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 },
    };
    const char *directory = "/etc/sallyport";
    struct supervisor *s = &super;
    fill_standard_descriptors();
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            directory = optarg;
            break;
        case 'k':
            s->check_only = true;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        case 'v':
            puts("Sallyport " SALLYPORT_VERSION);
            return 0;
        default:
            fputs("Try sallyportd --help\n", stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "sallyportd: unexpected argument %s\nTry sallyportd --help\n", argv[optind]);
        return 2;
    }
    char *absolute = realpath(directory, NULL);
    struct stat st;
    if (!absolute || stat(absolute, &st) < 0 || !S_ISDIR(st.st_mode)) {
        say(s, LOG_LEVEL_ERROR, "%s: %s", directory, absolute ? "is no directory" : strerror(errno));
        free(absolute);
        return 1;
    }
    s->directory = absolute;
    s->privileged = geteuid() == 0;
    prepare_process(s);
    if (!s->check_only && !has_descriptors(s)) {
        free(absolute);
        return 1;
    }
    if (!s->privileged && !s->check_only)
        say(s, LOG_LEVEL_NOTICE, "started by an ordinary user: system accounts are off, ports below 1024 are out of "
                                 "reach, and all programs run under user %u", (unsigned)geteuid());
    int status = supervisor_run(s);
    free(absolute);
    return status;
}

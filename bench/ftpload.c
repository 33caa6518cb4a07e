/*
 * ftpload.c - a bounded FTP load generator for loopback, reporting its own CPU.
 *
 * Each connection is a coroutine that reads like a blocking client; a read or write that would block parks it in
 * epoll.  One thread, so that the generator's cost is one number.  It refuses any target but a loopback address.
 *
 * Prints one line of JSON: operations, bytes, seconds, generator CPU seconds, latency percentiles in microseconds, and
 * what went wrong first.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { STACK_SIZE = 128 * 1024, BUFFER_SIZE = 256 * 1024, SLOW_SIZE = 16 * 1024, LINE_SIZE = 2048, USER_SIZE = 128, CONNECTIONS_MAX = 20000 };

struct task;
struct workload {
    const char *name;
    bool transfers; /* wants TYPE I and a protected data channel */
    bool (*operation)(struct task *t, uint64_t number);
};

/* What the command line says. */
static struct {
    const struct workload *workload;
    const char *host, *user, *password, *file, *command, *certificate, *key;
    int port;
    unsigned connections, accounts;
    uint64_t operations, size, pause_us, slow_us;
    double seconds;
    bool tls, tls12, resume, hold, pasv;
} option = { .host = "127.0.0.1", .user = "bench", .password = "bench", .file = "4k", .command = "LIST",
             .connections = 1, .operations = 1000, .size = 4096, .seconds = 60 };

/* One connection. */
struct task {
    ucontext_t context;
    int control, data; /* descriptors, -1 closed */
    SSL *ssl, *data_ssl;
    SSL_SESSION *session; /* newest of the control channel */
    char in[LINE_SIZE];
    size_t in_len;
    bool done;
    uint64_t index;
};

static struct {
    int epoll;
    ucontext_t main;
    struct task *current, *tasks;
    SSL_CTX *tls;
    unsigned asked; /* logins begun */
    uint64_t started, finished, bytes, failures, logins, resumed, latency_count, latency_cap;
    uint32_t *latency; /* microseconds */
    double begin, deadline;
    char failure[256];
    uint8_t *buffer; /* scratch; holds nothing across a wait */
} world;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool failed(const char *what, const char *detail)
{
    world.failures++;
    if (!world.failure[0])
        snprintf(world.failure, sizeof world.failure, "%s: %s", what, detail);
    return false;
}

/* ---- coroutines ---- */
/* Park the running coroutine until `fd` is ready. */
static void wait_for(int fd, uint32_t events)
{
    struct task *t = world.current;
    struct epoll_event e = { .events = events | EPOLLONESHOT, .data.ptr = t };
    if (epoll_ctl(world.epoll, EPOLL_CTL_MOD, fd, &e) < 0 && errno == ENOENT)
        epoll_ctl(world.epoll, EPOLL_CTL_ADD, fd, &e);
    swapcontext(&t->context, &world.main);
}

/* Let the others run for so long. */
static void pause_for(uint64_t us)
{
    const struct itimerspec until = { .it_value = { (time_t)(us / 1000000), (long)(us % 1000000) * 1000 } };
    int fd = us ? timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC) : -1;
    if (fd < 0)
        return;
    timerfd_settime(fd, 0, &until, NULL);
    wait_for(fd, EPOLLIN);
    close(fd);
}

static bool ssl_wait(SSL *ssl, int fd, int result)
{
    int why = SSL_get_error(ssl, result);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        return false;
    wait_for(fd, why == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT);
    return true;
}

static ssize_t channel_read(int fd, SSL *ssl, void *buffer, size_t size)
{
    for (;;) {
        ssize_t got = ssl ? SSL_read(ssl, buffer, (int)size) : read(fd, buffer, size);
        if (got > 0 || (!ssl && got == 0))
            return got;
        if (ssl ? !ssl_wait(ssl, fd, (int)got) : errno != EAGAIN)
            return ssl ? 0 : -1;
        if (!ssl)
            wait_for(fd, EPOLLIN);
    }
}

static bool channel_write(int fd, SSL *ssl, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size) {
        ssize_t put = ssl ? SSL_write(ssl, at, (int)size) : write(fd, at, size);
        if (put > 0) {
            at += put;
            size -= (size_t)put;
            continue;
        }
        if (ssl ? !ssl_wait(ssl, fd, (int)put) : errno != EAGAIN)
            return false;
        if (!ssl)
            wait_for(fd, EPOLLOUT);
    }
    return true;
}

static int connect_to(int port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int one = 1, error = 0;
    socklen_t size = sizeof error;
    inet_pton(AF_INET, option.host, &in.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (void *)&in, sizeof in) < 0) {
        error = errno;
        if (error == EINPROGRESS) {
            wait_for(fd, EPOLLOUT);
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
        }
    }
    if (error) {
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static SSL *handshake(int fd, SSL_SESSION *session)
{
    SSL *ssl = SSL_new(world.tls);
    SSL_set_fd(ssl, fd);
    SSL_set_app_data(ssl, world.current);
    if (session)
        SSL_set_session(ssl, session);
    for (int result; (result = SSL_connect(ssl)) != 1;)
        if (!ssl_wait(ssl, fd, result)) {
            SSL_free(ssl);
            return NULL;
        }
    world.resumed += (uint64_t)SSL_session_reused(ssl);
    return ssl;
}

/* ---- the FTP client ---- */
/* The next line of the control connection, without CRLF; false at its end. */
static bool next_line(struct task *t, char line[LINE_SIZE])
{
    char *end;
    while (!(end = memmem(t->in, t->in_len, "\r\n", 2))) {
        if (t->in_len == sizeof t->in)
            return false;
        ssize_t got = channel_read(t->control, t->ssl, t->in + t->in_len, sizeof t->in - t->in_len);
        if (got <= 0)
            return false;
        t->in_len += (size_t)got;
    }
    size_t len = (size_t)(end - t->in);
    memcpy(line, t->in, len);
    line[len] = 0;
    t->in_len -= len + 2;
    memmove(t->in, end + 2, t->in_len);
    return true;
}

/* One reply, its last line left in `line`; the code, or -1. */
static int reply(struct task *t, char line[LINE_SIZE])
{
    if (!next_line(t, line))
        return -1;
    int code = atoi(line);
    if (strlen(line) > 3 && line[3] == '-')
        do
            if (!next_line(t, line))
                return -1;
        while (atoi(line) != code || line[3] != ' ');
    return code;
}

static int command(struct task *t, char line[LINE_SIZE], const char *verb, const char *argument)
{
    char text[LINE_SIZE];
    int len = snprintf(text, sizeof text, "%s%s%s\r\n", verb, *argument ? " " : "", argument);
    return channel_write(t->control, t->ssl, text, (size_t)len) ? reply(t, line) : -1;
}

static bool expect(struct task *t, const char *verb, const char *argument, int want)
{
    char line[LINE_SIZE] = "connection closed";
    return command(t, line, verb, argument) == want || failed(verb, line);
}

static void close_channel(int *fd, SSL **ssl)
{
    if (*ssl) {
        SSL_shutdown(*ssl);
        SSL_free(*ssl);
    }
    if (*fd >= 0)
        close(*fd);
    *ssl = NULL;
    *fd = -1;
}

static void hang_up(struct task *t)
{
    close_channel(&t->data, &t->data_ssl);
    close_channel(&t->control, &t->ssl);
    t->in_len = 0;
}

static bool login(struct task *t)
{
    char line[LINE_SIZE] = "connection closed";
    t->control = connect_to(option.port);
    if (t->control < 0)
        return failed("connect", strerror(errno));
    if (reply(t, line) != 220)
        return failed("banner", line);
    if (option.tls) {
        if (!expect(t, "AUTH", "TLS", 234))
            return false;
        t->ssl = handshake(t->control, option.resume ? t->session : NULL);
        if (!t->ssl)
            return failed("handshake", "refused");
    }
    char user[USER_SIZE];
    int len = snprintf(user, sizeof user, "%s", option.user);
    if (option.accounts > 1 && len < (int)sizeof user)
        snprintf(user + len, sizeof user - (size_t)len, "%u", world.asked++ % option.accounts);
    int code = command(t, line, "USER", user);
    if (code == 331)
        code = command(t, line, "PASS", option.password);
    if (code != 230 && code != 232)
        return failed("login", line);
    world.logins++;
    return true;
}

static bool prepare(struct task *t)
{
    return expect(t, "TYPE", "I", 200) && (!option.tls || (expect(t, "PBSZ", "0", 200) && expect(t, "PROT", "P", 200)));
}

static int passive_port(struct task *t, char line[LINE_SIZE])
{
    unsigned h[6];
    char *at;
    if (!option.pasv)
        return command(t, line, "EPSV", "") == 229 && (at = strstr(line, "|||")) ? atoi(at + 3) : -1;
    if (command(t, line, "PASV", "") != 227 || !(at = strchr(line, '(')) ||
        sscanf(at, "(%u,%u,%u,%u,%u,%u", &h[0], &h[1], &h[2], &h[3], &h[4], &h[5]) != 6)
        return -1;
    return (int)(h[4] * 256 + h[5]);
}

/* Passive data connection, the command, its 1xx, and the handshake. */
static bool start_transfer(struct task *t, const char *verb, const char *argument)
{
    char line[LINE_SIZE] = "connection closed";
    int port = passive_port(t, line);
    if (port <= 0)
        return failed("passive", line);
    t->data = connect_to(port);
    if (t->data < 0)
        return failed("data connect", strerror(errno));
    int code = command(t, line, verb, argument);
    if (code != 125 && code != 150)
        return failed(verb, line);
    if (option.tls) {
        t->data_ssl = handshake(t->data, t->session);
        if (!t->data_ssl)
            return failed("data handshake", verb);
    }
    return true;
}

static bool finish_transfer(struct task *t)
{
    char line[LINE_SIZE] = "connection closed";
    close_channel(&t->data, &t->data_ssl);
    return reply(t, line) == 226 || failed("end of transfer", line);
}

/* Files hold the 64-bit words 0, 1, 2 ...: any byte lost, doubled or swapped shows. */
static bool content_is_right(const uint8_t *bytes, size_t len, uint64_t offset)
{
    uint64_t difference = 0;
    for (size_t i = 0; i < len;) {
        uint64_t want = (offset + i) / 8, have = 0;
        size_t at = (offset + i) & 7, part = len - i < 8 - at ? len - i : 8 - at;
        memcpy((uint8_t *)&have + at, bytes + i, part);
        memcpy(&have, &want, at); /* what is not in this piece counts as right */
        memcpy((uint8_t *)&have + at + part, (uint8_t *)&want + at + part, 8 - at - part);
        difference |= have ^ want;
        i += part;
    }
    return difference == 0;
}

/* The first file of every connection is compared byte for byte, the others by length. */
static bool do_download(struct task *t, uint64_t number)
{
    uint64_t total = 0;
    bool right = true;
    if (!start_transfer(t, "RETR", option.file))
        return false;
    size_t most = option.slow_us ? SLOW_SIZE : BUFFER_SIZE;
    for (ssize_t got; (got = channel_read(t->data, t->data_ssl, world.buffer, most)) > 0; total += (uint64_t)got) {
        right = right && (number > 0 || content_is_right(world.buffer, (size_t)got, total));
        pause_for(option.slow_us);
    }
    world.bytes += total;
    return finish_transfer(t) && (right || failed("RETR", "wrong content")) && (total == option.size || failed("RETR", "wrong length"));
}

static bool do_upload(struct task *t, uint64_t number)
{
    static const uint8_t zeros[BUFFER_SIZE];
    char name[64];
    (void)number;
    snprintf(name, sizeof name, "in/up-%llu", (unsigned long long)t->index);
    if (!start_transfer(t, "STOR", name))
        return false;
    for (uint64_t left = option.size; left;) {
        size_t part = left < BUFFER_SIZE ? (size_t)left : BUFFER_SIZE;
        if (!channel_write(t->data, t->data_ssl, zeros, part))
            return failed("STOR", "data connection broke");
        left -= part;
    }
    world.bytes += option.size;
    if (t->data_ssl)
        SSL_shutdown(t->data_ssl);
    shutdown(t->data, SHUT_WR); /* and read to the end: closing over unread tickets would reset the connection */
    while (channel_read(t->data, NULL, world.buffer, BUFFER_SIZE) > 0) {
    }
    return finish_transfer(t);
}

static bool do_list(struct task *t, uint64_t number)
{
    uint64_t lines = 0;
    (void)number;
    if (!start_transfer(t, option.command, ""))
        return false;
    for (ssize_t got; (got = channel_read(t->data, t->data_ssl, world.buffer, BUFFER_SIZE)) > 0; world.bytes += (uint64_t)got)
        for (const uint8_t *p = world.buffer, *end = p + got; (p = memchr(p, '\n', (size_t)(end - p))); p++)
            lines++;
    return finish_transfer(t) && (!option.size || lines == option.size || failed(option.command, "wrong number of entries"));
}

static bool do_noop(struct task *t, uint64_t number)
{
    (void)number;
    return expect(t, "NOOP", "", 200);
}

static bool do_size(struct task *t, uint64_t number)
{
    (void)number;
    return expect(t, "SIZE", option.file, 213);
}

/* A session of its own for each operation; what is timed is connect to 230. */
static bool do_login(struct task *t, uint64_t number)
{
    (void)number;
    return login(t);
}

static const struct workload workloads[] = {
    { "login", false, do_login },     { "download", true, do_download }, { "upload", true, do_upload },
    { "list", true, do_list },        { "noop", false, do_noop },        { "size", true, do_size },
    { "idle", false, NULL },
};

/* ---- running ---- */
static void run_operations(struct task *t)
{
    bool per_login = option.workload->operation == do_login;
    if (!per_login && (!login(t) || (option.workload->transfers && !prepare(t))))
        return;
    for (uint64_t number = 0; option.workload->operation && world.started < option.operations && now() < world.deadline; number++) {
        world.started++;
        double began = now();
        if (!option.workload->operation(t, number))
            return;
        if (world.latency_count < world.latency_cap)
            world.latency[world.latency_count++] = (uint32_t)((now() - began) * 1e6);
        world.finished++;
        if (per_login) {
            bool good = expect(t, "QUIT", "", 221);
            hang_up(t);
            if (!good)
                return;
        }
        pause_for(option.pause_us);
    }
}

static void task_main(unsigned low, unsigned high)
{
    struct task *t = (void *)(((uintptr_t)high << 32) | low);
    run_operations(t);
    if (!option.hold)
        hang_up(t);
    t->done = true;
    swapcontext(&t->context, &world.main);
}

static void task_begin(struct task *t, uint64_t index)
{
    *t = (struct task){ .control = -1, .data = -1, .index = index };
    void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) {
        perror("ftpload: stack");
        exit(1);
    }
    getcontext(&t->context);
    t->context.uc_stack.ss_sp = stack;
    t->context.uc_stack.ss_size = STACK_SIZE;
    makecontext(&t->context, (void (*)(void))task_main, 2, (unsigned)(uintptr_t)t, (unsigned)((uintptr_t)t >> 32));
}

static unsigned resume(struct task *t)
{
    world.current = t;
    swapcontext(&world.main, &t->context);
    return t->done;
}

/* Connections start in small groups: a burst of thousands would only measure the listen queue. */
static void run_all(void)
{
    unsigned begun = 0, ended = 0;
    while (ended < option.connections) {
        for (unsigned group = 0; begun < option.connections && group < 8; group++, begun++) {
            task_begin(&world.tasks[begun], begun);
            ended += resume(&world.tasks[begun]);
        }
        struct epoll_event events[256];
        int count = epoll_wait(world.epoll, events, 256, begun < option.connections ? 1 : 1000);
        for (int i = 0; i < count; i++)
            if (!((struct task *)events[i].data.ptr)->done)
                ended += resume(events[i].data.ptr);
        if (now() > world.deadline + 5) {
            failed("time", "connections still open after the deadline");
            return;
        }
    }
}

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct task *t = SSL_get_app_data(ssl);
    if (t->control != SSL_get_fd(ssl))
        return 0;
    SSL_SESSION_free(t->session);
    t->session = session;
    return 1;
}

static void tls_begin(void)
{
    world.tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(world.tls, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(world.tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(world.tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(world.tls, keep_session);
    SSL_CTX_set_options(world.tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (option.tls12)
        SSL_CTX_set_max_proto_version(world.tls, TLS1_2_VERSION);
    if (option.certificate && (SSL_CTX_use_certificate_chain_file(world.tls, option.certificate) != 1 ||
                               SSL_CTX_use_PrivateKey_file(world.tls, option.key ? option.key : option.certificate, SSL_FILETYPE_PEM) != 1)) {
        fputs("ftpload: cannot use the client certificate\n", stderr);
        exit(2);
    }
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t percentile(double p)
{
    return world.latency_count ? world.latency[(size_t)((double)(world.latency_count - 1) * p)] : 0;
}

static void report(double seconds)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    qsort(world.latency, world.latency_count, sizeof *world.latency, by_value);
    printf("{\"workload\": \"%s\", \"operations\": %llu, \"logins\": %llu, \"bytes\": %llu, \"seconds\": %.6f, \"generator_cpu\": %.6f, "
           "\"p50_us\": %u, \"p99_us\": %u, \"resumed\": %llu, \"failures\": %llu, \"failure\": \"",
           option.workload->name, (unsigned long long)world.finished, (unsigned long long)world.logins, (unsigned long long)world.bytes,
           seconds, cpu, percentile(0.5), percentile(0.99), (unsigned long long)world.resumed, (unsigned long long)world.failures);
    for (const char *p = world.failure; *p; p++)
        if (*p >= ' ' && *p != '"' && *p != '\\' && *p < 0x7f)
            putchar(*p);
    puts("\"}");
    fflush(stdout);
}

static void usage(void)
{
    fputs("usage: ftpload --port PORT [--workload login|download|upload|list|noop|size|idle] [--connections N] [--operations N]\n"
          "  [--seconds MOST] [--user U] [--password P] [--file NAME] [--size BYTES or entries] [--command 'MLSD big']\n"
          "  [--tls] [--tls12] [--resume] [--pasv] [--certificate PEM [--key PEM]] [--pause MICROSECONDS]\n"
          "  [--slow MICROSECONDS: between reads of 16 KiB] [--accounts N: U0, U1, ... in turn]\n"
          "  [--hold: keep the sessions until standard input ends]\n", stderr);
    exit(2);
}

static void choose_workload(const char *name)
{
    option.workload = NULL;
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++)
        if (strcmp(name, workloads[i].name) == 0)
            option.workload = &workloads[i];
    if (!option.workload)
        usage();
}

static const struct option long_options[] = {
    { "workload", 1, 0, 'w' },   { "host", 1, 0, 'H' },        { "port", 1, 0, 'p' },       { "user", 1, 0, 'u' },
    { "password", 1, 0, 'P' },   { "connections", 1, 0, 'c' }, { "operations", 1, 0, 'n' }, { "seconds", 1, 0, 's' },
    { "file", 1, 0, 'f' },       { "size", 1, 0, 'S' },        { "command", 1, 0, 'C' },    { "tls", 0, 0, 't' },
    { "tls12", 0, 0, '2' },      { "resume", 0, 0, 'r' },      { "hold", 0, 0, 'h' },       { "pasv", 0, 0, 'v' },
    { "certificate", 1, 0, 'x' }, { "key", 1, 0, 'k' },        { "pause", 1, 0, 'z' },      { "slow", 1, 0, 'l' },
    { "accounts", 1, 0, 'a' },
    { 0 },
};

static void parse(int argc, char **argv)
{
    choose_workload("login");
    for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        switch (c) {
        case 'w': choose_workload(optarg); break;
        case 'H': option.host = optarg; break;
        case 'p': option.port = atoi(optarg); break;
        case 'u': option.user = optarg; break;
        case 'P': option.password = optarg; break;
        case 'c': option.connections = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'n': option.operations = strtoull(optarg, NULL, 10); break;
        case 's': option.seconds = strtod(optarg, NULL); break;
        case 'f': option.file = optarg; break;
        case 'S': option.size = strtoull(optarg, NULL, 10); break;
        case 'C': option.command = optarg; break;
        case 't': option.tls = true; break;
        case '2': option.tls12 = option.tls = true; break;
        case 'r': option.resume = true; break;
        case 'h': option.hold = true; break;
        case 'v': option.pasv = true; break;
        case 'x': option.certificate = optarg; break;
        case 'k': option.key = optarg; break;
        case 'z': option.pause_us = strtoull(optarg, NULL, 10); break;
        case 'a': option.accounts = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'l': option.slow_us = strtoull(optarg, NULL, 10); break;
        default: usage();
        }
    if (option.port <= 0 || option.port > 65535 || option.connections == 0 || option.connections > CONNECTIONS_MAX)
        usage();
    if (strncmp(option.host, "127.", 4) != 0) {
        fputs("ftpload: loopback targets only\n", stderr);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    world.epoll = epoll_create1(EPOLL_CLOEXEC);
    world.tasks = calloc(option.connections, sizeof *world.tasks);
    world.latency_cap = option.operations < 4000000 ? option.operations : 4000000;
    world.latency = malloc(world.latency_cap * sizeof *world.latency + 4);
    world.buffer = malloc(BUFFER_SIZE);
    if (world.epoll < 0 || !world.tasks || !world.latency || !world.buffer) {
        perror("ftpload");
        return 1;
    }
    if (option.tls)
        tls_begin();
    world.begin = now();
    world.deadline = world.begin + option.seconds;
    run_all();
    report(now() - world.begin);
    if (option.hold) { /* the sessions stay open until whoever measures has looked */
        char c;
        while (read(0, &c, 1) > 0) {
        }
    }
    return world.failures ? 1 : 0;
}

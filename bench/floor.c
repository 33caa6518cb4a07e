/*
 * floor.c - ftpfloor: the smallest epoll server that answers the load generator's dialogue.  A limit to measure
 * against, never shipped: one process, no rules, no log, no time-outs, every login accepted, the client trusted.
 *
 * usage: ftpfloor PORT DIRECTORY CERTIFICATE.pem
 *
 * Each session has one control and at most one data channel; both are state machines driven by epoll (the low bit of
 * the event's pointer tells which).  A session keeps its passive listener, and a client is expected to connect to it
 * before it sends the transfer command, as the generator does.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, TLS_BATCH = 256 << 10, LINE = 512 };

struct channel {
    int fd;
    SSL *ssl;
    bool handshaking;
};

struct session {
    struct channel control, data;
    int listener, port, file;
    bool secure_data, tls_next, upload, registered;
    off_t at, end;        /* of the file, or of `text` */
    char *text;           /* a listing */
    size_t in_len, out_len;
    char in[LINE], out[LINE];
};

static int epoll, root;
static SSL_CTX *tls;
static char *buffer;

static void watch(int fd, uint32_t events, void *context, int op)
{
    struct epoll_event e = { .events = events, .data.ptr = context };
    epoll_ctl(epoll, op, fd, &e);
}

static void *data_context(struct session *s)
{
    return (void *)((uintptr_t)s | 1);
}

/* ---- channels ---- */

/* > 0 bytes, 0 end, -1 would block, -2 broken. */
static ssize_t outcome(struct channel *c, ssize_t got)
{
    if (got > 0)
        return got;
    if (!c->ssl)
        return got == 0 ? 0 : errno == EAGAIN ? -1 : -2;
    int why = SSL_get_error(c->ssl, (int)got);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? -1 : why == SSL_ERROR_ZERO_RETURN ? 0 : -2;
}

static ssize_t get(struct channel *c, void *to, size_t size)
{
    return outcome(c, c->ssl ? SSL_read(c->ssl, to, (int)size) : recv(c->fd, to, size, 0));
}

static ssize_t put(struct channel *c, const void *from, size_t size)
{
    return outcome(c, c->ssl ? SSL_write(c->ssl, from, (int)size) : send(c->fd, from, size, MSG_NOSIGNAL));
}

static void start_tls(struct channel *c, bool tickets)
{
    c->ssl = SSL_new(tls);
    if (!tickets)
        SSL_set_num_tickets(c->ssl, 0);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_accept_state(c->ssl);
    c->handshaking = true;
}

static void close_channel(struct channel *c)
{
    if (c->ssl) {
        SSL_shutdown(c->ssl);
        SSL_free(c->ssl);
    }
    if (c->fd >= 0)
        close(c->fd);
    *c = (struct channel){ .fd = -1 };
}

/* ---- replies ---- */

static void say(struct session *s, const char *text)
{
    size_t len = strlen(text);
    memcpy(s->out + s->out_len, text, len + 1);
    s->out_len += len;
}

static void flush(struct session *s)
{
    if (s->out_len)
        (void)put(&s->control, s->out, s->out_len); /* replies always fit the empty socket */
    s->out_len = 0;
}

/* ---- transfers ---- */

static void finish(struct session *s)
{
    close_channel(&s->data);
    if (s->file >= 0)
        close(s->file);
    free(s->text);
    s->text = NULL;
    s->file = -1;
    s->registered = false;
    say(s, "226 Done.\r\n");
    flush(s);
}

/* As outcome(). */
static ssize_t move_once(struct session *s)
{
    if (s->upload) {
        ssize_t got = get(&s->data, buffer, BUFFER);
        if (got > 0 && write(s->file, buffer, (size_t)got) != got)
            return -2;
        return got;
    }
    if (s->at == s->end)
        return 0;
    size_t left = (size_t)(s->end - s->at);
    if (s->text) {
        ssize_t sent = put(&s->data, s->text + s->at, left);
        if (sent > 0)
            s->at += sent;
        return sent;
    }
    if (!s->data.ssl)
        return outcome(&s->data, sendfile(s->data.fd, s->file, &s->at, left));
    ssize_t got = pread(s->file, buffer, left < TLS_BATCH ? left : TLS_BATCH, s->at), sent = -2;
    for (ssize_t at = 0; at < got && (sent = put(&s->data, buffer + at, (size_t)(got - at))) > 0; at += sent)
        s->at += sent; /* a record each */
    return sent;
}

static void move(struct session *s)
{
    if (s->data.handshaking) {
        int done = SSL_do_handshake(s->data.ssl);
        if (done != 1 && outcome(&s->data, done) == -1)
            goto wait;
        s->data.handshaking = false;
        if (s->upload) {
            SSL_set_default_read_buffer_len(s->data.ssl, TLS_BATCH);
            SSL_set_read_ahead(s->data.ssl, 1);
        }
    }
    ssize_t got;
    while ((got = move_once(s)) > 0) {
    }
    if (got != -1) {
        finish(s);
        return;
    }
wait:
    flush(s); /* the 150 */
    if (!s->registered)
        watch(s->data.fd, EPOLLIN | EPOLLOUT | EPOLLET, data_context(s), EPOLL_CTL_ADD);
    s->registered = true;
}

static void begin(struct session *s)
{
    s->data.fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (s->data.fd < 0) {
        poll(&(struct pollfd){ .fd = s->listener, .events = POLLIN }, 1, 1000);
        s->data.fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    say(s, "150 Go.\r\n");
    if (s->secure_data)
        SSL_new_session_ticket(s->control.ssl); /* the client uses each once */
    if (s->secure_data)
        start_tls(&s->data, false);
    move(s);
}

static void begin_listing(struct session *s, const char *name, char kind)
{
    int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    size_t cap = 1 << 20, len = 0;
    s->text = malloc(cap);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        struct statx st;
        if (e->d_name[0] == '.')
            continue;
        if (cap - len < 1024)
            s->text = realloc(s->text, cap *= 2);
        if (kind == 'N') {
            len += (size_t)sprintf(s->text + len, "%s\r\n", e->d_name);
            continue;
        }
        if (statx(fd, e->d_name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st) < 0)
            continue;
        time_t seconds = st.stx_mtime.tv_sec;
        struct tm tm;
        gmtime_r(&seconds, &tm);
        len += (size_t)sprintf(s->text + len,
                               kind == 'M' ? "type=file;size=%llu;modify=%04d%02d%02d%02d%02d%02d; %s\r\n"
                                           : "-rw-r--r-- 1 ftp ftp %12llu %04d-%02d-%02d %02d:%02d:%02d %s\r\n",
                               (unsigned long long)st.stx_size, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                               tm.tm_min, tm.tm_sec, e->d_name);
    }
    if (dir)
        closedir(dir);
    s->at = 0;
    s->end = (off_t)len;
    s->upload = false;
    begin(s);
}

static void begin_file(struct session *s, const char *name, bool upload)
{
    struct stat st;
    s->file = openat(root, name, upload ? O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0644);
    if (s->file < 0 || fstat(s->file, &st) < 0) {
        say(s, "550 No.\r\n");
        return;
    }
    s->at = 0;
    s->end = st.st_size;
    s->upload = upload;
    begin(s);
}

static void tell_size(struct session *s, const char *name)
{
    struct stat st;
    char text[64] = "550 No.\r\n";
    if (fstatat(root, name, &st, 0) == 0)
        snprintf(text, sizeof text, "213 %llu\r\n", (unsigned long long)st.st_size);
    say(s, text);
}

static void passive(struct session *s)
{
    if (s->listener < 0) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof in;
        s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (bind(s->listener, (void *)&in, len) < 0 || listen(s->listener, 8) < 0 ||
            getsockname(s->listener, (void *)&in, &len) < 0)
            abort();
        s->port = ntohs(in.sin_port);
    }
    char text[64];
    snprintf(text, sizeof text, "229 Entering Extended Passive Mode (|||%d|)\r\n", s->port);
    say(s, text);
}

/* ---- commands ---- */

static void command(struct session *s, char *line)
{
    static const struct {
        const char *verb, *reply;
    } fixed[] = {
        { "NOOP", "200 Fine.\r\n" },     { "USER", "331 Password?\r\n" }, { "PASS", "230 Welcome.\r\n" },
        { "TYPE", "200 Type set.\r\n" }, { "PBSZ", "200 PBSZ=0\r\n" },    { "QUIT", "221 Bye.\r\n" },
    };
    char *argument = strchr(line, ' ');
    argument = argument ? argument + 1 : line + strlen(line);
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (!strncmp(line, fixed[i].verb, 4)) {
            say(s, fixed[i].reply);
            return;
        }
    if (!strncmp(line, "EPSV", 4)) {
        passive(s);
    } else if (!strncmp(line, "RETR", 4) || !strncmp(line, "STOR", 4)) {
        begin_file(s, argument, line[0] == 'S');
    } else if (!strncmp(line, "LIST", 4) || !strncmp(line, "MLSD", 4) || !strncmp(line, "NLST", 4)) {
        begin_listing(s, *argument ? argument : ".", line[0]);
    } else if (!strncmp(line, "SIZE", 4)) {
        tell_size(s, argument);
    } else if (!strncmp(line, "PROT", 4)) {
        s->secure_data = *argument == 'P';
        say(s, "200 Done.\r\n");
    } else if (!strncmp(line, "AUTH", 4)) {
        s->tls_next = true;
        say(s, "234 Go.\r\n");
    } else {
        say(s, "500 What?\r\n");
    }
}

static void end(struct session *s)
{
    close_channel(&s->control);
    close_channel(&s->data);
    if (s->listener >= 0)
        close(s->listener);
    free(s->text);
    free(s);
}

static void serve(struct session *s)
{
    if (s->control.handshaking) {
        int done = SSL_do_handshake(s->control.ssl);
        if (done != 1) {
            if (outcome(&s->control, done) != -1)
                end(s);
            return;
        }
        s->control.handshaking = false;
    }
    ssize_t got = get(&s->control, s->in + s->in_len, sizeof s->in - 1 - s->in_len);
    if (got == -1)
        return;
    if (got <= 0) {
        end(s);
        return;
    }
    s->in_len += (size_t)got;
    s->in[s->in_len] = 0;
    for (char *eol; (eol = strstr(s->in, "\r\n"));) {
        *eol = 0;
        command(s, s->in);
        s->in_len -= (size_t)(eol + 2 - s->in);
        memmove(s->in, eol + 2, s->in_len + 1);
    }
    flush(s);
    if (s->tls_next) {
        s->tls_next = false;
        start_tls(&s->control, true);
    }
}

static void accept_all(int listener)
{
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        struct session *s = calloc(1, sizeof *s);
        s->control.fd = fd;
        s->data.fd = s->listener = s->file = -1;
        say(s, "220 Floor.\r\n");
        flush(s);
        watch(fd, EPOLLIN, s, EPOLL_CTL_ADD);
    }
}

static int listen_on(int port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* connections inherit it */
    return bind(fd, (void *)&in, sizeof in) < 0 || listen(fd, 1000) < 0 ? -1 : fd;
}

static bool prepare_tls(const char *certificate)
{
    tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_session_id_context(tls, (const uint8_t *)"floor", 5);
    SSL_CTX_set_options(tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_num_tickets(tls, 1);
    return SSL_CTX_use_certificate_chain_file(tls, certificate) == 1 &&
           SSL_CTX_use_PrivateKey_file(tls, certificate, SSL_FILETYPE_PEM) == 1;
}

int main(int argc, char **argv)
{
    int listener = argc == 4 ? listen_on(atoi(argv[1])) : -1;
    root = argc == 4 ? open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (listener < 0 || root < 0 || !prepare_tls(argv[3])) {
        fputs("usage: ftpfloor PORT DIRECTORY CERTIFICATE.pem\n", stderr);
        return 1;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    buffer = malloc(BUFFER);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(listener, EPOLLIN, NULL, EPOLL_CTL_ADD);
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < count; i++) {
            uintptr_t context = (uintptr_t)events[i].data.ptr;
            struct session *s = (void *)(context & ~(uintptr_t)1);
            if (!s)
                accept_all(listener);
            else if (!(context & 1))
                serve(s);
            else if (s->data.fd >= 0)
                move(s);
        }
    }
}

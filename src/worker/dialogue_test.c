/*
 * dialogue_test.c - plays a dialogue script against a whole worker: real sockets on loopback, peers from tables.
 *
 *   set NAME VALUE   a setting of the site (before the first line that talks, or before a G:)
 *   C: text          sends text and CRLF; \r \n \0 \xHH escapes
 *   R: text          the same without CRLF
 *   S: pattern       the next line from the server; '*' stands for anything
 *   E:               the server has closed the connection
 *   D: open          connects to the port of the last 229 reply
 *   D: send text     D: close     D: expect text (whole content until its end)
 *   K: auth|broker|log   that program dies
 *   B:               a new logger is there
 *   L: pattern       the next log record: VERB [argument] user status win32 sub-status path
 *   V: pattern       the next request at the broker: VERB [path] handle
 *   F:               what there is to log is asked for, and the worker says that it is sent
 *   G:               a new configuration: what was set above, up to here
 *   T: seconds [n]   so much time goes by, as the worker sees when it next gets bytes; n: that often, each time with a NOOP
 *   N:               another connection
 *   X:               the client is gone
 *   Lines that begin with '#' are comments; `# cite:` names the page that documents the behaviour.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "snapshot/snapshot_build.h"
#include "sys/datagram.h"
#include "tls/cert.h"
#include "worker/dialogue_peers.h"
#include "worker/worker.h"

enum { WAIT_MS = 25000 };

struct play {
    struct peers peers;
    struct text script, received;
    size_t played;   /* of the script */
    const char *name;
    unsigned line;
    uint16_t port, data_port;
    int control, data, supervisor;
    bool failed;
};

static atomic_llong seconds_gone; /* by T: */

/* In place of the C library's, for the worker and for libevent: nobody waits for what T: says. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    int err = (int)syscall(SYS_clock_gettime, clock, now);
    if (!err && (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE))
        now->tv_sec += (time_t)seconds_gone;
    return err;
}

static void complain(struct play *p, const char *what, struct slice got)
{
    p->failed = true;
    fprintf(stderr, "%s:%u: %s: \"" SLICE_FMT "\"\n", p->name, p->line, what, SLICE_ARG(got));
}

/* ---- the site ---- */

static const struct {
    const char *name;
    size_t offset;
    bool wide; /* int64_t */
} settings[] = {
#define SETTING(name, wide) { #name, offsetof(struct snap_site, name), wide }
    SETTING(control_channel_policy, false), SETTING(data_channel_policy, false), SETTING(show_flags, false),
    SETTING(suppress_default_banner, false), SETTING(allow_local_detailed_errors, false),
    SETTING(expand_variables, false), SETTING(anonymous_enabled, false), SETTING(max_connections, false),
    SETTING(unauthenticated_timeout, true), SETTING(control_channel_timeout, true), SETTING(data_channel_timeout, true),
    SETTING(allow_utf8, false), SETTING(log_enabled, false), SETTING(max_command_line, false),
#undef SETTING
};

static const struct {
    const char *name;
    size_t offset;
} texts[] = {
    { "banner_message", offsetof(struct snap_site, banner_message) },
    { "greeting_message", offsetof(struct snap_site, greeting_message) },
    { "exit_message", offsetof(struct snap_site, exit_message) },
    { "max_clients_message", offsetof(struct snap_site, max_clients_message) },
};

static void unescape(struct slice s, struct text *out)
{
    for (size_t i = 0; i < s.len; i++) {
        char next = s.ptr[i] == '\\' && i + 1 < s.len ? s.ptr[i + 1] : 0;
        unsigned byte;
        if (next == 'r' || next == 'n' || next == '0') {
            text_add_char(out, next == 'r' ? '\r' : next == 'n' ? '\n' : '\0');
            i++;
        } else if (next == 'x' && i + 3 < s.len && sscanf(s.ptr + i + 2, "%2x", &byte) == 1) {
            text_add_char(out, (char)byte);
            i += 3;
        } else {
            text_add_char(out, s.ptr[i]);
        }
    }
}

static bool apply_setting(struct snapshot_writer *w, struct snap_site *site, struct slice name, struct slice value)
{
    uint64_t number = 0;
    OWNED_TEXT_BUFFER text = { 0 };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (slice_equal_str(name, settings[i].name) && slice_to_u64(value, UINT32_MAX, &number) == 0) {
            if (settings[i].wide)
                *(int64_t *)((char *)site + settings[i].offset) = (int64_t)number;
            else
                *(uint32_t *)((char *)site + settings[i].offset) = (uint32_t)number;
            return true;
        }
    unescape(value, &text);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (slice_equal_str(name, texts[i].name)) {
            *(struct snap_text *)((char *)site + texts[i].offset) = snapshot_put_text(w, text_slice(&text));
            return true;
        }
    return false;
}

static int put_certificate(struct snapshot_writer *w, struct snap_site *site)
{
    OWNED_TEXT_BUFFER chain = { 0 }, key = { 0 };
    struct cert *cert;
    struct diag d = { 0 };
    const struct cert_request request = { SLICE_LITERAL("localhost"), NULL, 0, 30, clock_calendar_ms() / 1000 };
    int err = cert_prepare();
    if (!err)
        err = cert_create_self_signed(&request, &cert, &d);
    if (err)
        return err;
    err = cert_write_pem(cert, CERT_PART_LEAF, &chain);
    if (!err)
        err = cert_write_pem(cert, CERT_PART_KEY, &key);
    cert_free(cert);
    if (err)
        return err;
    const struct snap_cert row = {
        .store = snapshot_build_text(w, "MY"),
        .chain_pem = snapshot_put_text(w, text_slice(&chain)),
        .key_pem = snapshot_put_text(w, text_slice(&key)),
    };
    site->cert = 1 + snapshot_put_row(w, SNAP_TABLE_cert, &row);
    return 0;
}

static bool is_setting(struct slice line)
{
    return slice_starts(line, SLICE_LITERAL("set "));
}

/* A verb that commandFiltering denies; there is one. */
static void deny(struct snapshot_writer *w, struct snap_site *site, struct slice verb)
{
    const struct snap_command row = { .command = snapshot_put_text(w, verb) };
    site->commands = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_command, &row), 1 };
}

/* The rows that the settings ask for: `host` gives the binding a host name, `certificate` makes one. */
static bool apply_line(struct play *p, struct snapshot_writer *w, struct snap_site *site, struct snap_binding *binding,
                       struct slice line)
{
    struct slice value = slice_from(line, 4);
    struct slice name = slice_cut(&value, ' ');
    if (slice_equal_str(name, "host"))
        binding->host = snapshot_put_text(w, value);
    else if (slice_equal_str(name, "deny"))
        deny(w, site, value);
    else if (slice_equal_str(name, "certificate"))
        return put_certificate(w, site) == 0;
    else if (!apply_setting(w, site, name, value)) {
        complain(p, "no such setting", line);
        return false;
    }
    return true;
}

/* As the script sets it before it talks or, while it is played, up to where it is. */
static bool put_rows(struct play *p, struct snapshot_writer *w)
{
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Test", 1);
    struct snap_binding binding = { .port = p->port };
    struct slice rest = slice_first(text_slice(&p->script), p->played ? p->played : p->script.len);
    site.control_channel_policy = SSL_ALLOW;
    site.data_channel_policy = SSL_ALLOW;
    site.allow_local_detailed_errors = 0;
    bool good = true;
    while (good && rest.ptr) {
        struct slice line = slice_cut(&rest, '\n');
        if (!p->played && line.len > 1 && line.ptr[1] == ':')
            break;
        if (is_setting(line))
            good = apply_line(p, w, &site, &binding, line);
    }
    site.bindings.first = snapshot_put_row(w, SNAP_TABLE_binding, &binding);
    site.bindings.count = 1;
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    struct snap_address_scope anywhere = { .path = snapshot_build_text(w, "/"), .allow_unlisted = 1 };
    site.address_scopes = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_address_scope, &anywhere), 1 };
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    return good;
}

static struct snapshot *build_snapshot(struct play *p)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snapshot *s = put_rows(p, w) ? snapshot_build(w, ROLE_WORKER) : NULL;
    snapshot_writer_free(w);
    return s;
}

/* ---- the client ---- */

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* More bytes into `out`: false at the end of the connection or of our patience. */
static bool receive_more(int fd, struct text *out)
{
    struct pollfd ready = { fd, POLLIN, 0 };
    char buffer[4096];
    if (poll(&ready, 1, WAIT_MS) <= 0)
        return false;
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0)
        return false;
    text_add(out, slice_of(buffer, (size_t)got));
    return true;
}

static bool matches(struct slice text, struct slice pattern)
{
    size_t star = slice_find(pattern, '*');
    if (star == SIZE_MAX)
        return slice_equal(text, pattern);
    if (!slice_starts(text, slice_first(pattern, star)))
        return false;
    struct slice rest = slice_from(pattern, star + 1);
    for (size_t at = star; at <= text.len; at++)
        if (matches(slice_from(text, at), rest))
            return true;
    return false;
}

static void play_send(struct play *p, int fd, struct slice text, bool line)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    unescape(text, &bytes);
    if (line)
        text_add_str(&bytes, "\r\n");
    if (send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL) != (ssize_t)bytes.len)
        complain(p, "cannot send", text);
}

static void remember_port(struct play *p, struct slice line)
{
    unsigned port;
    if (line.len > 40 && sscanf(line.ptr, "229 Entering Extended Passive Mode (|||%u|)", &port) == 1)
        p->data_port = (uint16_t)port;
}

static void play_expect(struct play *p, struct slice pattern)
{
    OWNED_TEXT_BUFFER want = { 0 };
    unescape(pattern, &want);
    while (!slice_has_byte(text_slice(&p->received), '\n'))
        if (!receive_more(p->control, &p->received)) {
            complain(p, "no line came, wanted", pattern);
            return;
        }
    struct slice rest = text_slice(&p->received);
    struct slice line = slice_cut(&rest, '\n');
    if (!line.len || line.ptr[line.len - 1] != '\r')
        complain(p, "line does not end in CRLF", line);
    struct slice text = slice_first(line, line.len - 1);
    remember_port(p, text);
    if (!matches(text, text_slice(&want))) {
        complain(p, "wanted", pattern);
        complain(p, "   got", text);
    }
    text_drop(&p->received, line.len + 1);
}

static void play_end(struct play *p)
{
    while (receive_more(p->control, &p->received))
        ;
    if (p->received.len)
        complain(p, "not closed, but sent", text_slice(&p->received));
    struct pollfd ready = { p->control, POLLIN, 0 };
    if (poll(&ready, 1, 0) <= 0)
        complain(p, "not closed", SLICE_NONE);
}

static void play_data(struct play *p, struct slice what)
{
    struct slice text = what;
    struct slice verb = slice_cut(&text, ' ');
    OWNED_TEXT_BUFFER got = { 0 }, want = { 0 };
    if (slice_equal_str(verb, "open")) {
        p->data = connect_to(p->data_port);
        if (p->data < 0)
            complain(p, "no data connection", what);
    } else if (slice_equal_str(verb, "send")) {
        play_send(p, p->data, text, false);
    } else {
        while (slice_equal_str(verb, "expect") && receive_more(p->data, &got))
            ;
        unescape(text, &want);
        if (slice_equal_str(verb, "expect") && !slice_equal(text_slice(&got), text_slice(&want)))
            complain(p, "data", text_slice(&got));
        close(p->data);
        p->data = -1;
    }
}

static void play_noted(struct play *p, struct slice pattern, int (*next)(struct peers *, struct text *))
{
    OWNED_TEXT_BUFFER noted = { 0 };
    if (next(&p->peers, &noted)) {
        complain(p, "nothing came, wanted", pattern);
    } else if (!matches(text_slice(&noted), pattern)) {
        complain(p, "wanted", pattern);
        complain(p, "   got", text_slice(&noted));
    }
}

static bool supervisor_hears(struct play *p, uint16_t number)
{
    static uint8_t buffer[WIRE_DATAGRAM_MAX];
    struct pollfd ready = { p->supervisor, POLLIN, 0 };
    struct slice bytes;
    const struct wire_message *m;
    struct wire_in in;
    int fd = -1;
    do
        if (poll(&ready, 1, WAIT_MS) <= 0 || datagram_receive(p->supervisor, buffer, sizeof buffer, &bytes, &fd) ||
            wire_channel_accept(&child_channel, ROLE_WORKER, bytes, false, &m, &in))
            return false;
    while (m->number == MSG_child_event);
    return m->number == number;
}

static void play_flush(struct play *p)
{
    if (DATAGRAM_SEND(p->supervisor, -1, child_flush, .query = p->line) || !supervisor_hears(p, MSG_child_done))
        complain(p, "no child_done came", SLICE_NONE);
}

static void play_new_logger(struct play *p)
{
    OWNED_FD end = -1;
    if (peers_new_logger(&p->peers, &end) || DATAGRAM_SEND(p->supervisor, end, child_peer, .role = ROLE_LOGGER))
        complain(p, "no new logger", SLICE_NONE);
}

static void play_change(struct play *p)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    OWNED_FD fd = -1;
    struct snapshot_writer *w = snapshot_writer_new();
    bool good = put_rows(p, w) && !snapshot_writer_finish(w, ROLE_WORKER, &bytes) &&
                !snapshot_seal(text_slice(&bytes), &fd);
    snapshot_writer_free(w);
    if (!good || DATAGRAM_SEND(p->supervisor, fd, child_snapshot, .generation = 2) || !supervisor_hears(p, MSG_child_taken))
        complain(p, "the configuration was not taken", SLICE_NONE);
}

static void play_connect(struct play *p)
{
    if (p->control >= 0)
        close(p->control);
    text_reset(&p->received);
    p->control = connect_to(p->port);
    if (p->control < 0)
        complain(p, "cannot connect", SLICE_NONE);
}

static void play_time(struct play *p, struct slice text)
{
    uint64_t seconds, noops = 0;
    struct slice count = text;
    if (slice_to_u64(slice_cut(&count, ' '), UINT32_MAX, &seconds) || (count.len && slice_to_u64(count, UINT32_MAX, &noops))) {
        complain(p, "no time", text);
        return;
    }
    for (uint64_t n = 0; n < (noops ? noops : 1) && !p->failed; n++) {
        seconds_gone += (long long)seconds;
        if (noops) {
            play_send(p, p->control, SLICE_LITERAL("NOOP"), true);
            play_expect(p, SLICE_LITERAL("200 *"));
        }
    }
}

static void play_line(struct play *p, struct slice line)
{
    char kind = line.len >= 2 && line.ptr[1] == ':' ? line.ptr[0] : '#';
    struct slice text = slice_from(line, line.len > 2 && line.ptr[2] == ' ' ? 3 : 2);
    switch (kind) {
    case 'C':
    case 'R':
        play_send(p, p->control, text, kind == 'C');
        break;
    case 'S':
        play_expect(p, text);
        break;
    case 'E':
        play_end(p);
        break;
    case 'D':
        play_data(p, text);
        break;
    case 'K':
        peers_kill(&p->peers, text);
        break;
    case 'B':
        play_new_logger(p);
        break;
    case 'L':
        play_noted(p, text, peers_next_record);
        break;
    case 'V':
        play_noted(p, text, peers_next_request);
        break;
    case 'F':
        play_flush(p);
        break;
    case 'G':
        play_change(p);
        break;
    case 'T':
        play_time(p, text);
        break;
    case 'N':
        play_connect(p);
        break;
    case 'X':
        close(p->control);
        p->control = -1;
        break;
    default:
        if (line.len && line.ptr[0] != '#' && !is_setting(line))
            complain(p, "what is this line", line);
    }
}

static void *play_script(void *context)
{
    struct play *p = context;
    struct slice rest = text_slice(&p->script);
    play_connect(p);
    while (rest.ptr && !p->failed) {
        p->line++;
        struct slice line = slice_cut(&rest, '\n');
        p->played = p->script.len - rest.len;
        play_line(p, line);
    }
    if (p->control >= 0)
        close(p->control);
    if (p->data >= 0)
        close(p->data);
    close(p->supervisor); /* the worker ends with its supervisor */
    return NULL;
}

/* ---- putting it together ---- */

static MUST_USE int read_script(struct play *p, const char *path)
{
    FILE *f = fopen(path, "r");
    char buffer[4096];
    size_t got;
    if (!f)
        return ERR_NOT_FOUND;
    while ((got = fread(buffer, 1, sizeof buffer, f)) > 0)
        text_add(&p->script, slice_of(buffer, got));
    fclose(f);
    p->name = path;
    return text_error(&p->script);
}

static int listen_somewhere(uint16_t *port_out)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 16) ||
        getsockname(fd, (struct sockaddr *)&address, &len))
        return -1;
    *port_out = ntohs(address.sin_port);
    return fd;
}

static MUST_USE int prepare(struct play *p, struct child *c)
{
    static const unsigned roles[3] = { ROLE_AUTH, ROLE_BROKER, ROLE_LOGGER };
    int ends[3], pair[2];
    int listener = listen_somewhere(&p->port);
    int err = listener < 0 ? ERR_SYS : peers_start(&p->peers, ends);
    if (!err)
        err = datagram_pair(pair);
    if (err)
        return err;
    *c = (struct child){ .role = ROLE_WORKER, .fd = pair[0], .workers = 1, .counts_fd = -1, .region_fd = -1 };
    p->supervisor = pair[1];
    for (size_t i = 0; i < 3; i++)
        c->peers[c->peer_count++] = (struct child_peer_fd){ roles[i], 0, ends[i] };
    c->listeners[c->listener_count++] = (struct child_listener_fd){ 1, listener };
    c->snapshot = build_snapshot(p);
    return c->snapshot ? counts_create(&c->counts_fd) : ERR_SYNTAX;
}

int main(int argc, char **argv)
{
    static struct child child;
    static struct play play = { .control = -1, .data = -1 };
    struct worker *w;
    struct diag d = { 0 };
    pthread_t client;
    if (argc != 2 || read_script(&play, argv[1]) || prepare(&play, &child) || worker_new(&child, &w, &d)) {
        fprintf(stderr, "cannot begin: %s %s\n", argc > 1 ? argv[1] : "no script", d.what);
        return 1;
    }
    if (pthread_create(&client, NULL, play_script, &play))
        return 1;
    loop_run(w->loop);
    pthread_join(client, NULL);
    worker_free(w);
    peers_join(&play.peers);
    snapshot_unref(child.snapshot);
    close(child.counts_fd);
    text_free(&play.script);
    text_free(&play.received);
    return play.failed;
}

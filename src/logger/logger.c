/*
 * logger.c - sallyport-logger: one thread that takes records from every program and writes them down.
 *
 * It polls the channel to the supervisor and one SEQPACKET socket per program.  Nobody ever waits for it: senders count
 * what does not fit into their socket.  A sender that breaks the channel's table is cut off with a line in the log.
 *
 * A worker may have a new snapshot before us: a record of a site that we do not know is kept until the supervisor's
 * channel has been read to its end, where that snapshot then must be, and judged again.
 *
 * Landlock leaves only the log folders that were there at the start.  A snapshot that brings a folder outside them makes
 * the program end after it has written everything down; the supervisor starts it again with the new folders.  So does
 * another folder in the place of one of them, be it moved or mounted there; that is looked for with each snapshot and
 * when a log cannot be written.  The sockets are shut down for reading before the last drain, so that a record is either
 * written or known to its sender as lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "logger/log_set.h"
#include "logger/reason_line.h"
#include "logger/service_log.h"
#include "sys/child.h"
#include "sys/datagram.h"
#include "sys/machine.h"
#include "sys/sandbox.h"

enum {
    PEERS_MAX = 2 * CHILD_PEERS_MAX, /* a replaced peer's socket is read to its end beside the new one */
    BATCH = 256,                     /* datagrams from one peer before the others have their turn */
    FLUSH_MS = 1000,
    GATHER_MS = 5,                   /* for records to gather; a full socket holds some 30 ms of them */
    HELD_MAX = 64 * 1024 * 1024,
    FILE_HELD_MAX = 256 * 1024,
    FOLDERS_MAX = 256,
    EARLY_MAX = 1024,
};

struct early {
    struct early *next;
    size_t len;
    char bytes[]; /* the fields of a log_access */
};

/* Landlock keeps the inode: its number stays its own, whatever becomes of the folder. */
struct folder {
    char *path;
    dev_t device;
    ino_t inode;
};

struct peer {
    int fd; /* -1: free */
    unsigned role, index;
};

static struct logger {
    struct child child;
    struct service_log service;
    struct log_desk desk;
    struct log_set *set;
    struct peer peers[PEERS_MAX];
    size_t peer_count;
    struct folder folders[FOLDERS_MAX]; /* Landlock lets us reach them */
    size_t folder_count;
    struct early *early, *early_last;
    size_t early_count;
    uint64_t lost_by_senders;
    int64_t next_flush; /* monotonic ms, 0: nothing held */
    bool draining, leaving;
    char computer[MACHINE_NAME];
    uint8_t buffer[WIRE_DATAGRAM_MAX];
} logger;

static void say(void *context, unsigned level, struct slice text)
{
    struct logger *l = context;
    const struct log_event event = { clock_calendar_ms(), (uint8_t)level, SLICE_LITERAL("logger"), text };
    service_log_write(&l->service, &event);
}

static void sayf(struct logger *l, unsigned level, const char *fmt, ...) FORMAT_LIKE_PRINTF(3, 4);
static void sayf(struct logger *l, unsigned level, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    say(l, level, slice_str(line));
}

static void tell_outcome(void *context, uint32_t site, int errnum)
{
    struct logger *l = context;
    (void)DATAGRAM_SEND(l->child.fd, -1, child_log_state, .site = site, .error = (uint32_t)errnum);
}

/* ---- folders ---- */

static bool is_reachable(const struct logger *l, struct slice directory)
{
    for (size_t i = 0; i < l->folder_count; i++)
        if (slice_equal_str(directory, l->folders[i].path))
            return true;
    return false;
}

static bool find_directory(const char *path, struct stat *st)
{
    if (fstatat(AT_FDCWD, path, st, 0) < 0) /* an older C library's stat() is a system call of its own */
        return false;
    errno = ENOTDIR;
    return S_ISDIR(st->st_mode);
}

/* The supervisor has made what was missing and would not do so behind a stranger's link: nothing is made here. */
static void note_folder(void *context, struct slice directory)
{
    struct logger *l = context;
    struct stat st;
    if (slice_is_empty(directory) || is_reachable(l, directory))
        return;
    if (l->folder_count == FOLDERS_MAX) {
        sayf(l, LOG_LEVEL_ERROR, "more than %d log folders: no log is written in " SLICE_FMT, FOLDERS_MAX,
             SLICE_ARG(directory));
        return;
    }
    char *path = strndup(directory.ptr, directory.len);
    if (!path)
        return;
    if (find_directory(path, &st)) {
        l->folders[l->folder_count++] = (struct folder){ path, st.st_dev, st.st_ino };
        return;
    }
    sayf(l, LOG_LEVEL_ERROR, "no log folder %s: %s", path, strerror(errno));
    free(path);
}

static void ask_restart(struct logger *l, const char *path, const char *what)
{
    sayf(l, LOG_LEVEL_NOTICE, "log folder %s is %s: starting again to be allowed to write there", path, what);
    l->leaving = true;
}

/* Only what is there is worth a restart, which ends with it among our folders. */
static void look_for_new(void *context, struct slice directory)
{
    struct logger *l = context;
    struct stat st;
    if (slice_is_empty(directory) || l->leaving || l->folder_count == FOLDERS_MAX || is_reachable(l, directory))
        return;
    if (find_directory(directory.ptr, &st))
        ask_restart(l, directory.ptr, "new");
}

static void look_at_folders(struct logger *l)
{
    struct stat st;
    for (size_t i = 0; i < l->folder_count && !l->leaving; i++) {
        const struct folder *f = &l->folders[i];
        if (find_directory(f->path, &st) && (st.st_dev != f->device || st.st_ino != f->inode))
            ask_restart(l, f->path, "another one now");
    }
    log_set_each_directory(l->child.snapshot, look_for_new, l);
}

/* ---- snapshots ---- */

/* logExtFileFlags has a flag that no log of the FTP service was ever seen to print. */
static void tell_unprinted(struct logger *l, const struct snapshot *s)
{
    uint32_t asked = 0;
    for (size_t row = 0; row < snapshot_count(s, SNAP_TABLE_site); row++)
        asked |= snapshot_site(s, row)->log_fields;
    asked |= snapshot_server(s, 0)->central_log_fields;
    if (asked & ~w3c_known_fields())
        say(l, LOG_LEVEL_WARNING, SLICE_LITERAL("logExtFileFlags PhysicalPath is not written to logs"));
}

static void apply_snapshot(struct logger *l, const struct snapshot *s)
{
    int err = log_set_apply(l->set, s);
    if (err)
        sayf(l, LOG_LEVEL_ERROR, "new configuration not applied to logs: %s", err_text(err));
    tell_unprinted(l, s);
}

/* ---- messages of the supervisor ---- */

static int on_snapshot(struct logger *l, struct wire_in *in, int *fd)
{
    struct child_snapshot m;
    struct snapshot *s;
    int err = child_snapshot_decode(in, &m);
    if (!err)
        err = snapshot_open(*fd, &s);
    if (err)
        return err;
    apply_snapshot(l, s);
    snapshot_unref(l->child.snapshot);
    l->child.snapshot = s;
    look_at_folders(l);
    return l->leaving ? 0 : DATAGRAM_SEND(l->child.fd, -1, child_taken, .generation = m.generation);
}

static int add_peer(struct logger *l, unsigned role, unsigned index, int fd)
{
    size_t at = 0;
    while (at < l->peer_count && l->peers[at].fd >= 0)
        at++;
    if (at == PEERS_MAX || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
        close(fd);
        return ERR_LIMIT;
    }
    if (at == l->peer_count)
        l->peer_count++;
    l->peers[at] = (struct peer){ fd, role, index };
    return 0;
}

static int on_peer(struct logger *l, struct wire_in *in, int *fd)
{
    struct child_peer m;
    int err = child_peer_decode(in, &m);
    if (err)
        return err;
    int taken = *fd;
    *fd = -1;
    return add_peer(l, m.role, m.index, taken);
}

static void drain_peers(struct logger *l);

static int on_flush(struct logger *l, struct wire_in *in, int *fd)
{
    (void)fd;
    struct child_flush m;
    int err = child_flush_decode(in, &m);
    if (err)
        return err;
    drain_peers(l); /* what was sent before the order belongs into the files too */
    log_set_flush(l->set, m.site);
    return DATAGRAM_SEND(l->child.fd, -1, child_done, .query = m.query);
}

static int on_drain(struct logger *l, struct wire_in *in, int *fd)
{
    (void)in;
    (void)fd;
    l->draining = true;
    return 0;
}

static const struct {
    uint16_t number;
    int (*handle)(struct logger *l, struct wire_in *in, int *fd);
} orders[] = {
    { MSG_child_snapshot, on_snapshot },
    { MSG_child_peer,     on_peer     },
    { MSG_child_flush,    on_flush    },
    { MSG_child_drain,    on_drain    },
};

static void serve_supervisor(struct logger *l)
{
    const struct wire_message *m;
    struct wire_in in;
    int fd = -1;
    int err = child_receive(&l->child, l->buffer, sizeof l->buffer, &m, &in, &fd);
    if (err == ERR_CLOSED)
        l->leaving = true;
    if (err) {
        if (err != ERR_CLOSED)
            sayf(l, LOG_LEVEL_ERROR, "message from the supervisor: %s", err_text(err));
        return;
    }
    err = ERR_STATE;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        if (orders[i].number == m->number)
            err = orders[i].handle(l, &in, &fd);
    if (err)
        sayf(l, LOG_LEVEL_ERROR, "%s from the supervisor: %s", m->name, err_text(err));
    if (fd >= 0)
        close(fd);
}

/* ---- records ---- */

static void keep_early(struct logger *l, struct slice fields)
{
    struct early *e = l->early_count < EARLY_MAX ? malloc(sizeof *e + fields.len) : NULL;
    if (!e) {
        l->lost_by_senders++;
        return;
    }
    *e = (struct early){ .len = fields.len };
    memcpy(e->bytes, fields.ptr, fields.len);
    if (l->early_last)
        l->early_last->next = e;
    else
        l->early = e;
    l->early_last = e;
    l->early_count++;
}

static void write_record(struct logger *l, const struct log_access *record)
{
    OWNED_TEXT_BUFFER line = { 0 };
    log_set_append(l->set, record, clock_calendar_ms());
    if (!record->reason.len)
        return;
    reason_line_of_command(record, &line);
    if (!text_error(&line))
        log_set_append_reason(l->set, record->site, text_slice(&line));
}

static void take_reason(struct logger *l, struct wire_in *in)
{
    OWNED_TEXT_BUFFER line = { 0 };
    struct log_reason record;
    if (log_reason_decode(in, &record))
        return;
    reason_line_of_login(&record, &line);
    if (!text_error(&line))
        log_set_append_reason(l->set, record.site, text_slice(&line));
}

/* The supervisor's channel is empty now: who is not known yet is a site that was removed. */
static void replay_early(struct logger *l)
{
    while (l->early) {
        struct early *e = l->early;
        struct wire_in in = wire_in_of(e->bytes, e->len);
        struct log_access record;
        if (!log_access_decode(&in, &record))
            write_record(l, &record);
        l->early = e->next;
        free(e);
    }
    l->early_last = NULL;
    l->early_count = 0;
}

static int take_record(struct logger *l, struct wire_in *in)
{
    struct log_access record;
    struct slice fields = slice_of((const char *)in->ptr, in->len);
    int err = log_access_decode(in, &record);
    if (err)
        return err;
    l->lost_by_senders += record.lost;
    if (log_set_has(l->set, record.site) || snapshot_site_by_id(l->child.snapshot, record.site))
        write_record(l, &record);
    else
        keep_early(l, fields);
    return 0;
}

static int take_records(struct logger *l, struct wire_in *in)
{
    struct log_records all;
    struct wire_in record;
    int err = log_records_decode(in, &all);
    while (!err && log_records_next(&all.records, &record))
        err = take_record(l, &record);
    return !err && all.records.len ? ERR_TRAILING : err;
}

static void take_event(struct logger *l, struct wire_in *in)
{
    struct log_event event;
    if (!log_event_decode(in, &event))
        service_log_write(&l->service, &event);
}

static void take_certificate(struct logger *l, struct wire_in *in)
{
    struct log_certificate m;
    if (!log_certificate_decode(in, &m))
        service_log_write_certificate(&l->service, &m);
}

static void take_lost(struct logger *l, struct wire_in *in)
{
    struct log_lost m;
    if (!log_lost_decode(in, &m))
        l->lost_by_senders += m.count;
}

static void drop_peer(struct logger *l, struct peer *p)
{
    close(p->fd);
    p->fd = -1;
    while (l->peer_count && l->peers[l->peer_count - 1].fd < 0)
        l->peer_count--;
}

/* ERR_AGAIN: nothing more; any other error: the peer is done with. */
static int take_one(struct logger *l, const struct peer *p)
{
    struct slice bytes;
    const struct wire_message *m;
    struct wire_in in;
    int fd = -1;
    int err = datagram_receive(p->fd, l->buffer, sizeof l->buffer, &bytes, &fd);
    if (err)
        return err;
    err = wire_channel_accept(&log_channel, p->role, bytes, fd >= 0, &m, &in);
    if (fd >= 0)
        close(fd);
    if (err)
        return err;
    if (m->number == MSG_log_records)
        return take_records(l, &in);
    if (m->number == MSG_log_certificate)
        take_certificate(l, &in);
    else if (m->number == MSG_log_reason)
        take_reason(l, &in);
    else if (m->number == MSG_log_lost)
        take_lost(l, &in);
    else
        take_event(l, &in);
    return 0;
}

static void serve_peer(struct logger *l, struct peer *p, size_t most)
{
    int err = 0;
    while (most-- && !err)
        err = take_one(l, p);
    if (!err || err == ERR_AGAIN)
        return;
    if (err != ERR_CLOSED)
        sayf(l, LOG_LEVEL_ERROR, "record from %s %u: %s; its log channel is closed", role_name(p->role), p->index,
             err_text(err));
    drop_peer(l, p);
}

static void drain_peers(struct logger *l)
{
    for (size_t i = 0; i < l->peer_count; i++)
        if (l->peers[i].fd >= 0)
            serve_peer(l, &l->peers[i], 64 * BATCH);
}

/* ---- the loop ---- */

static void serve_all_orders(struct logger *l)
{
    struct pollfd ready = { .fd = l->child.fd, .events = POLLIN };
    while (!l->leaving && poll(&ready, 1, 0) == 1)
        serve_supervisor(l);
}

static void tell_lost(struct logger *l)
{
    if (!l->lost_by_senders)
        return;
    sayf(l, LOG_LEVEL_WARNING, "%llu log records were lost on their way here",
         (unsigned long long)l->lost_by_senders);
    l->lost_by_senders = 0;
}

static void flush_when_due(struct logger *l)
{
    int64_t now = clock_ms();
    if (!l->next_flush && (log_set_is_dirty(l->set) || l->lost_by_senders))
        l->next_flush = now + FLUSH_MS;
    if (!l->next_flush || now < l->next_flush)
        return;
    l->next_flush = 0;
    if (log_set_flush(l->set, 0))
        look_at_folders(l);
    tell_lost(l);
    if (log_set_is_dirty(l->set)) /* the disk refused: try again */
        l->next_flush = now + FLUSH_MS;
}

static bool has_peers(const struct logger *l)
{
    for (size_t i = 0; i < l->peer_count; i++)
        if (l->peers[i].fd >= 0)
            return true;
    return false;
}

static int wait_ms(const struct logger *l)
{
    if (!l->next_flush)
        return -1;
    int64_t left = l->next_flush - clock_ms();
    return left < 0 ? 0 : (int)left;
}

static void run(struct logger *l)
{
    static struct pollfd polled[PEERS_MAX + 1];
    bool busy = false;
    while (!l->leaving && !(l->draining && !has_peers(l))) {
        size_t count = l->peer_count;
        polled[0] = (struct pollfd){ .fd = l->child.fd, .events = POLLIN };
        if (busy) /* woken by each of a crowd of records, we would cost their senders more than they do us */
            (void)poll(polled, 1, GATHER_MS);
        busy = false;
        for (size_t i = 0; i < count; i++)
            polled[i + 1] = (struct pollfd){ .fd = l->peers[i].fd, .events = POLLIN };
        if (poll(polled, count + 1, wait_ms(l)) < 0 && errno != EINTR)
            break;
        for (size_t i = 0; i < count; i++)
            if (polled[i + 1].revents && l->peers[i].fd == polled[i + 1].fd) {
                serve_peer(l, &l->peers[i], BATCH);
                busy = true;
            }
        if (polled[0].revents || l->early)
            serve_all_orders(l);
        replay_early(l);
        flush_when_due(l);
    }
}

static void leave(struct logger *l)
{
    for (size_t i = 0; i < l->peer_count; i++)
        if (l->peers[i].fd >= 0)
            shutdown(l->peers[i].fd, SHUT_RD);
    drain_peers(l);
    replay_early(l);
    log_set_free(l->set);
    tell_lost(l);
    if (l->desk.dropped)
        sayf(l, LOG_LEVEL_WARNING, "%llu log lines were lost since the logger started",
             (unsigned long long)l->desk.dropped);
}

/* ---- start ---- */

static MUST_USE int confine(struct logger *l, struct diag *d)
{
    struct sandbox_path paths[FOLDERS_MAX];
    int err = sandbox_become(l->child.uid, l->child.gid, false, d);
    if (err)
        return err;
    log_set_each_directory(l->child.snapshot, note_folder, l); /* what root alone can reach is no folder of ours */
    for (size_t i = 0; i < l->folder_count; i++)
        paths[i] = (struct sandbox_path){ l->folders[i].path, true };

    err = sandbox_paths(paths, l->folder_count, d);
    if (!err && d->what[0])
        say(l, LOG_LEVEL_NOTICE, slice_str(d->what));
    return err ? err : sandbox_enter(SANDBOX_LOGGER, l->child.fd, d);
}

static MUST_USE int set_up(struct logger *l, struct diag *d)
{
    const char *format = getenv("SALLYPORT_LOG_FORMAT");
    l->service = (struct service_log){ .fd = STDERR_FILENO, .json = format && !strcmp(format, "json") };
    l->desk = (struct log_desk){ .held_max = HELD_MAX, .file_max = FILE_HELD_MAX, .tell = say, .outcome = tell_outcome,
                                .context = l };
    machine_name(l->computer);
    int err = confine(l, d);
    if (err)
        return err;
    l->set = log_set_new(&l->desk, slice_str(l->computer));
    if (!l->set) {
        diag_set(d, "%s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    apply_snapshot(l, l->child.snapshot);
    for (size_t i = 0; i < l->child.peer_count; i++) {
        struct child_peer_fd *given = &l->child.peers[i];
        err = add_peer(l, given->role, given->index, given->fd);
        given->fd = -1;
        if (err)
            return err;
    }
    return child_say_ready(&l->child);
}

int main(void)
{
    static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ }; /* the channel closes instead */
    struct diag d = { 0 };
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    int err = child_begin(&logger.child, ROLE_LOGGER, &d);
    if (err) {
        fprintf(stderr, "%s\n", d.what);
        return 1;
    }
    err = set_up(&logger, &d);
    if (err) {
        child_event(&logger.child, LOG_LEVEL_ERROR, "%s", d.what[0] ? d.what : err_text(err));
        return 1;
    }
    run(&logger);
    leave(&logger);
    return 0;
}

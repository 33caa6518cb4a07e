/*
 * dialogue_peers.c - the peers of a worker under test.
 *
 * Accounts and files are tables; what a file request needs of a real file is a memfd.
 */
#include "worker/dialogue_peers.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/own.h"
#include "policy/win_error.h"
#include "proto/auth.h"
#include "proto/broker.h"
#include "proto/log.h"
#include "sys/datagram.h"

enum { WAIT_SECONDS = 25 };

/* ---- accounts ---- */

static const struct {
    const char *user, *password; /* NULL: any */
    uint8_t verdict;
    bool anonymous;
    const char *name;
} accounts[] = {
    { "anna",      "secret", AUTH_ALLOWED,     false, "anna" },
    { "homeless",  NULL,     AUTH_HOME_DENIED, false, ""     },
    { "busy",      NULL,     AUTH_UNAVAILABLE, false, ""     },
    { "anonymous", NULL,     AUTH_ALLOWED,     true,  ""     },
    { "ftp",       NULL,     AUTH_ALLOWED,     false, "bea"  }, /* as if a certificate had decided */
};

static struct auth_result judge(const struct auth_login *m)
{
    struct auth_result r = { .session = m->session, .verdict = AUTH_DENIED, .win32 = 1326, .substatus = 41 };
    for (size_t i = 0; i < sizeof accounts / sizeof accounts[0]; i++) {
        if (!slice_equal_str(m->user, accounts[i].user))
            continue;
        if (accounts[i].password && !slice_equal_str(m->password, accounts[i].password))
            break;
        r.verdict = accounts[i].verdict;
        r.anonymous = accounts[i].anonymous;
        r.name = slice_str(accounts[i].name);
        break;
    }
    if (r.verdict == AUTH_ALLOWED) {
        r.win32 = r.substatus = 0;
        r.ticket = 1000 + (m->session & 0xffff);
        r.home = SLICE_LITERAL("/");
    }
    return r;
}

static bool serve_auth(int fd, const struct wire_message *message, struct wire_in *in, struct peers *p)
{
    struct auth_login m;
    (void)p;
    if (message->number != MSG_auth_login || auth_login_decode(in, &m))
        return true;
    if (slice_equal_str(m.user, "slow"))
        return true; /* never answered */
    struct auth_result r = judge(&m);
    return DATAGRAM_SEND(fd, -1, auth_result, .session = r.session, .verdict = r.verdict, .win32 = r.win32,
                         .substatus = r.substatus, .ticket = r.ticket, .anonymous = r.anonymous, .name = r.name,
                         .home = r.home) == 0;
}

/* ---- files ---- */

static const struct {
    const char *path;
    bool directory;
    const char *content;
} files[] = {
    { "/", true, "" }, { "/plans", true, "" }, { "/endless", true, "" }, { "/a.txt", false, "hello\n" }, { "/plans/q1.txt", false, "first quarter" },
};

static int find_file(struct slice path)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (slice_equal_str(path, files[i].path))
            return (int)i;
    return -1;
}

static int memory_file(const char *content)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, content, strlen(content)) != (ssize_t)strlen(content))
        return -1;
    return fd;
}

static bool refuse(int fd, const struct broker_request *m, int err, uint32_t win32)
{
    return DATAGRAM_SEND(fd, -1, broker_answer, .request = m->request, .status = (uint8_t)-err, .win32 = win32,
                         .substatus = 3) == 0;
}

static bool open_read(int fd, const struct broker_request *m, int file)
{
    const char *content = files[file].content;
    if (m->offset > strlen(content))
        return refuse(fd, m, ERR_RANGE, 38);
    OWNED_FD data = memory_file(content);
    return DATAGRAM_SEND(fd, data, broker_answer, .request = m->request, .size = strlen(content)) == 0;
}

static bool list(int fd, const struct broker_request *m)
{
    static const char dos[] = "03-14-25  08:15AM                    6 a.txt\r\n";
    static const char facts[] = "type=file;size=6;modify=20250314081500;perm=r;UNIX.mode=0644; /a.txt\r\n";
    enum { HANDLE_LINES = 7, HANDLE_FACTS = 8, HANDLE_ENDLESS = 10 };
    bool is_facts = (m->flags & LIST_STYLE_MASK) == LIST_STYLE_FACTS || m->handle == HANDLE_FACTS;
    bool is_endless = slice_equal_str(m->path, "/endless") || m->handle == HANDLE_ENDLESS;
    /* Two chunks for a whole directory, so that LIST_NEXT is used. */
    bool more = is_endless || (m->verb == BROKER_LIST && !(m->flags & LIST_ONE));
    int file = find_file(m->path);
    return DATAGRAM_SEND(fd, -1, broker_answer, .request = m->request, .more = more,
                         .type = file >= 0 && files[file].directory ? BROKER_DIRECTORY : BROKER_FILE,
                         .handle = !more ? 0 : is_endless ? HANDLE_ENDLESS : is_facts ? HANDLE_FACTS : HANDLE_LINES,
                         .data = is_facts ? slice_str(facts) : slice_str(dos)) == 0;
}

static bool answer_verb(int fd, const struct broker_request *m, int file)
{
    bool directory = file >= 0 && files[file].directory;
    switch (m->verb) {
    case BROKER_OPEN_READ:
        return directory ? refuse(fd, m, ERR_NOT_FILE, 5) : open_read(fd, m, file);
    case BROKER_CHDIR:
        if (!directory)
            return refuse(fd, m, ERR_NOT_DIR, 267);
        break;
    case BROKER_UPLOAD:
    case BROKER_UPLOAD_UNIQUE: {
        OWNED_FD data = memory_file("");
        return DATAGRAM_SEND(fd, data, broker_answer, .request = m->request, .handle = 9,
                             .name = SLICE_LITERAL("/unique.tmp")) == 0;
    }
    case BROKER_LIST:
    case BROKER_LIST_NEXT:
        return list(fd, m);
    case BROKER_FREE_SPACE:
        return DATAGRAM_SEND(fd, -1, broker_answer, .request = m->request, .size = 49359065088u) == 0;
    default:
        break;
    }
    return DATAGRAM_SEND(fd, -1, broker_answer, .request = m->request, .type = directory ? BROKER_DIRECTORY : BROKER_FILE,
                         .size = file >= 0 ? strlen(files[file].content) : 0, .mtime = 1741940100) == 0;
}

static bool needs_existing(uint8_t verb)
{
    return verb == BROKER_STAT || verb == BROKER_CHDIR || verb == BROKER_OPEN_READ || verb == BROKER_LIST ||
           verb == BROKER_DELETE || verb == BROKER_RENAME_FROM || verb == BROKER_SET_TIME;
}

static void note_request(struct peers *p, const struct broker_request *m)
{
    static const char *const verbs[] = {
#define V(name, number) [number] = #name,
        BROKER_VERBS(V)
#undef V
    };
    pthread_mutex_lock(&p->lock);
    text_addf(&p->requests, "%s [" SLICE_FMT "] %u\n", verbs[m->verb] + strlen("BROKER_"), SLICE_ARG(m->path), (unsigned)m->handle);
    pthread_cond_signal(&p->noted);
    pthread_mutex_unlock(&p->lock);
}

static bool serve_broker(int fd, const struct wire_message *message, struct wire_in *in, struct peers *p)
{
    struct broker_request m;
    if (message->number != MSG_broker_request || broker_request_decode(in, &m))
        return true;
    note_request(p, &m);
    if (slice_equal_str(m.path, "/hang"))
        return true; /* a dead disk */
    int file = find_file(m.path);
    if (file < 0 && needs_existing(m.verb))
        return refuse(fd, &m, ERR_NOT_FOUND, 2);
    return answer_verb(fd, &m, file);
}

/* ---- log ---- */

static bool serve_log(int fd, const struct wire_message *message, struct wire_in *in, struct peers *p)
{
    struct log_records all;
    struct log_access m;
    struct wire_in record;
    (void)fd;
    if (message->number != MSG_log_records || log_records_decode(in, &all))
        return true;
    pthread_mutex_lock(&p->lock);
    while (log_records_next(&all.records, &record) && !log_access_decode(&record, &m))
        text_addf(&p->records, SLICE_FMT " [" SLICE_FMT "] " SLICE_FMT " %u %u %u " SLICE_FMT "\n", SLICE_ARG(m.verb),
                  SLICE_ARG(m.argument), SLICE_ARG(m.user), m.status, m.win32, m.substatus, SLICE_ARG(m.full_path));
    pthread_cond_signal(&p->noted);
    pthread_mutex_unlock(&p->lock);
    return true;
}

/* Only the thread that plays the script waits. */
static int next_line(struct peers *p, struct text *lines, struct text *out)
{
    int64_t until = clock_ms() + WAIT_SECONDS * 1000;
    bool is_noted;
    pthread_mutex_lock(&p->lock);
    while (!(is_noted = slice_has_byte(text_slice(lines), '\n')) && clock_wait(&p->noted, &p->lock, until))
        ;
    if (is_noted) {
        struct slice rest = text_slice(lines);
        struct slice line = slice_cut(&rest, '\n');
        text_add(out, line);
        text_drop(lines, line.len + 1);
    }
    pthread_mutex_unlock(&p->lock);
    return is_noted ? 0 : ERR_TIMEOUT;
}

int peers_next_record(struct peers *p, struct text *out)
{
    return next_line(p, &p->records, out);
}

int peers_next_request(struct peers *p, struct text *out)
{
    return next_line(p, &p->requests, out);
}

/* ---- threads ---- */

struct service {
    struct peers *peers;
    int fd;
    const struct wire_channel *channel;
    bool (*serve)(int fd, const struct wire_message *message, struct wire_in *in, struct peers *p);
};

static void *serve_all(void *context)
{
    struct service *s = context;
    uint8_t *buffer = malloc(WIRE_DATAGRAM_MAX);
    for (bool good = buffer != NULL; good;) {
        struct slice bytes;
        struct wire_in in;
        const struct wire_message *message;
        int fd = -1;
        good = datagram_receive(s->fd, buffer, WIRE_DATAGRAM_MAX, &bytes, &fd) == 0 &&
               wire_channel_accept(s->channel, ROLE_WORKER, bytes, fd >= 0, &message, &in) == 0 &&
               s->serve(s->fd, message, &in, s->peers);
    }
    free(buffer);
    free(s);
    return NULL;
}

static int start(struct peers *p, size_t i, int fd, const struct wire_channel *channel,
                 bool (*serve)(int, const struct wire_message *, struct wire_in *, struct peers *))
{
    struct service *s = malloc(sizeof *s);
    if (!s)
        return ERR_NOMEM;
    *s = (struct service){ p, fd, channel, serve };
    return pthread_create(&p->threads[i], NULL, serve_all, s) ? ERR_SYS : 0;
}

int peers_start(struct peers *p, int ends_out[3])
{
    int *ours[3] = { &p->auth, &p->broker, &p->log };
    for (int i = 0; i < 3; i++) {
        int pair[2];
        int err = datagram_pair(pair);
        if (err)
            return err;
        ends_out[i] = pair[0];
        *ours[i] = pair[1];
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->noted, NULL);
    int err = start(p, 0, p->auth, &auth_channel, serve_auth);
    if (!err)
        err = start(p, 1, p->broker, &broker_channel, serve_broker);
    return err ? err : start(p, 2, p->log, &log_channel, serve_log);
}

void peers_kill(struct peers *p, struct slice which)
{
    shutdown(slice_equal_str(which, "broker") ? p->broker : slice_equal_str(which, "log") ? p->log : p->auth, SHUT_RDWR);
}

int peers_new_logger(struct peers *p, int *end_out)
{
    int pair[2];
    pthread_join(p->threads[2], NULL);
    close(p->log);
    int err = datagram_pair(pair);
    if (err)
        return err;
    *end_out = pair[0];
    p->log = pair[1];
    return start(p, 2, p->log, &log_channel, serve_log);
}

void peers_join(struct peers *p)
{
    for (int i = 0; i < 3; i++)
        pthread_join(p->threads[i], NULL);
    close(p->auth);
    close(p->broker);
    close(p->log);
    text_free(&p->records);
    text_free(&p->requests);
}

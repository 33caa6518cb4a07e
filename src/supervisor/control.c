/*
 * control.c - the command line's socket: one request per connection, rows, control_done.
 *
 * Who may ask is decided once, by the kernel's word about the peer (SO_PEERCRED; threats.md X07): root, our own user,
 * members of the admin group.  Requests that need the workers, the logger or the authenticator are fanned out under
 * a query number; each program that was asked is counted off by its answer or by its death.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fold.h"
#include "base/own.h"
#include "proto/control.h"
#include "sys/datagram.h"

enum { ASKERS_MOST = 16, ASK_LIMIT_MS = 30000, TEST_LIMIT_MS = 240000, ACCEPT_PAUSE_MS = 1000, GUID_SIZE = 16 };

struct asker {
    struct control *control;
    struct mailbox mail;
    bool used, asked, refused;
    uint8_t verb;
    uint32_t query;             /* 0: none running */
    uint64_t waiting_workers;   /* bit per worker that has not finished what it was asked */
    bool waiting_role;          /* the logger or the authenticator */
    unsigned role;
    uint8_t guid[GUID_SIZE];    /* TERMINATE */
    uint32_t site;              /* FLUSH_LOG */
    uint64_t generation;        /* RELOAD: the first run that began after the question */
    bool found;
    struct loop_timer *timer;
};

struct control {
    struct supervisor *super;
    int fd;
    struct loop_io *io;
    struct loop_timer *again; /* after running out of descriptors */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct asker askers[ASKERS_MOST];
    uint32_t queries;
};

/* ---- answers ---- */

static void done(struct asker *a, int err, const char *text)
{
    a->query = 0;
    a->waiting_workers = 0;
    a->waiting_role = false;
    OWNED_TEXT_BUFFER escaped = { 0 };
    text_add_escaped(&escaped, slice_str(text));
    MAILBOX_SEND(&a->mail, -1, control_done, .status = (uint8_t)-err,
                 .text = slice_first(text_slice(&escaped), DETAIL_LIMIT));
    mailbox_finish(&a->mail);
}

static void line(struct asker *a, struct slice text)
{
    MAILBOX_SEND(&a->mail, -1, control_line, .text = slice_first(text, 4096));
}

static void lines(struct asker *a, struct slice texts)
{
    while (texts.len) {
        struct slice one = slice_cut(&texts, '\n');
        if (one.len)
            line(a, one);
    }
}

static void forget(struct asker *a)
{
    mailbox_close(&a->mail);
    loop_timer_clear(a->timer);
    a->used = false;
    a->query = 0;
}

static struct asker *asker_of(struct supervisor *s, uint32_t query)
{
    for (size_t i = 0; s->control && query && i < ASKERS_MOST; i++)
        if (s->control->askers[i].used && s->control->askers[i].query == query)
            return &s->control->askers[i];
    return NULL;
}

/* ---- verbs ---- */

static void ask_status(struct asker *a, struct slice name)
{
    (void)name;
    struct supervisor *s = a->control->super;
    MAILBOX_SEND(&a->mail, -1, control_program, .role = ROLE_SUPERVISOR, .pid = getpid(), .uid = geteuid(),
                 .started = s->started);
    for (size_t i = 0; i < s->program_count; i++) {
        const struct program *p = &s->programs[i];
        if (p->state != PROGRAM_OFF)
            MAILBOX_SEND(&a->mail, -1, control_program, .role = p->role, .index = p->index, .pid = p->pid,
                         .uid = p->uid == UINT32_MAX ? geteuid() : p->uid, .restarts = p->restarts, .started = p->started);
    }
    MAILBOX_SEND(&a->mail, -1, control_config, .since = s->current->since, .refused = s->refused ? s->refused_since : 0);
    if (s->refused)
        lines(a, text_slice(&s->refusal));
    done(a, 0, "");
}

static void ask_sites(struct asker *a, struct slice name)
{
    (void)name;
    struct site_view v;
    for (size_t row = 0; sites_view(a->control->super, row, &v); row++)
        MAILBOX_SEND(&a->mail, -1, control_site, .site = v.id, .name = v.name, .state = (uint8_t)v.state, .status = v.status,
                     .sessions = (uint32_t)v.sessions, .why = slice_str(v.why));
    done(a, 0, "");
}

static void ask_start(struct asker *a, struct slice name)
{
    struct diag d = { 0 };
    int err = sites_start(a->control->super, name, &d);
    done(a, err, d.what);
}

static void ask_stop(struct asker *a, struct slice name)
{
    struct diag d = { 0 };
    int err = sites_stop(a->control->super, name, &d);
    done(a, err, d.what);
}

/* Site id of a name; 0 for "", -1 when there is none. */
static int64_t site_id(struct supervisor *s, struct slice name)
{
    struct site_view v;
    if (slice_is_empty(name))
        return 0;
    for (size_t row = 0; sites_view(s, row, &v); row++)
        if (fold_same(v.name, name))
            return v.id;
    return -1;
}

static void list_everywhere(struct asker *a, uint32_t site)
{
    struct control *c = a->control;
    a->query = ++c->queries;
    EACH_PROGRAM(c->super, worker, PROGRAM_WORKER)
    {
        if (worker->state != PROGRAM_READY)
            continue;
        a->waiting_workers |= 1ull << worker->index;
        MAILBOX_SEND(&worker->mail, -1, child_list_sessions, .query = a->query, .site = site);
    }
    if (!a->waiting_workers)
        done(a, a->verb == CONTROL_TERMINATE ? ERR_NOT_FOUND : 0, "");
}

static void ask_sessions(struct asker *a, struct slice name)
{
    int64_t site = site_id(a->control->super, name);
    if (site < 0)
        done(a, ERR_NOT_FOUND, "there is no such site");
    else
        list_everywhere(a, (uint32_t)site);
}

static int hex_digit(char c)
{
    c = ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", braces allowed. */
static bool parse_guid(struct slice text, uint8_t guid_out[GUID_SIZE])
{
    size_t digits = 0;
    if (text.len == 38 && text.ptr[0] == '{' && text.ptr[37] == '}')
        text = slice_of(text.ptr + 1, 36);
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        int value = dash ? 0 : hex_digit(text.ptr[i]);
        if (value < 0 || (dash && text.ptr[i] != '-'))
            return false;
        if (dash)
            continue;
        guid_out[digits / 2] = (uint8_t)(digits % 2 ? guid_out[digits / 2] | value : value << 4);
        digits++;
    }
    return true;
}

/* First find the worker that has it, so that a wrong number is an error and not silence. */
static void ask_terminate(struct asker *a, struct slice name)
{
    if (!parse_guid(name, a->guid))
        done(a, ERR_SYNTAX, "a session is named by its GUID");
    else
        list_everywhere(a, 0);
}

/* One that starts reads its orders when it is ready. */
static bool will_answer(const struct program *p)
{
    return p->state == PROGRAM_READY || p->state == PROGRAM_STARTING;
}

static void ask_role(struct asker *a, enum program_kind kind, uint32_t site)
{
    struct control *c = a->control;
    a->query = ++c->queries;
    EACH_PROGRAM(c->super, p, kind)
    {
        if (!will_answer(p))
            continue;
        a->waiting_role = true;
        a->role = p->role;
        MAILBOX_SEND(&p->mail, -1, child_flush, .query = a->query, .site = site);
    }
    if (!a->waiting_role)
        done(a, ERR_BUSY, "the program is being started again; try later");
}

/* First the workers, so that every command whose reply was seen is in the log; then the logger. */
static void ask_flush_log(struct asker *a, struct slice name)
{
    struct control *c = a->control;
    int64_t site = site_id(c->super, name);
    if (site < 0) {
        done(a, ERR_NOT_FOUND, "there is no such site");
        return;
    }
    a->site = (uint32_t)site;
    a->query = ++c->queries;
    EACH_PROGRAM(c->super, worker, PROGRAM_WORKER)
    {
        if (worker->state != PROGRAM_READY)
            continue;
        a->waiting_workers |= 1ull << worker->index;
        MAILBOX_SEND(&worker->mail, -1, child_flush, .query = a->query, .site = a->site);
    }
    if (!a->waiting_workers)
        ask_role(a, PROGRAM_LOGGER, a->site);
}

static void ask_flush_cache(struct asker *a, struct slice name)
{
    (void)name;
    ask_role(a, PROGRAM_AUTH, 0);
}

static void ask_reload(struct asker *a, struct slice name)
{
    (void)name;
    a->generation = a->control->super->generations + 1;
    supervisor_reload(a->control->super); /* control_reload_done answers */
}

static void ask_not_enforced(struct asker *a, struct slice name)
{
    (void)name;
    lines(a, text_slice(&a->control->super->current->notes));
    done(a, 0, "");
}

static void (*const verbs[CONTROL_VERB_MAX + 1])(struct asker *a, struct slice name) = {
    [CONTROL_STATUS] = ask_status,
    [CONTROL_LIST_SITES] = ask_sites,
    [CONTROL_START_SITE] = ask_start,
    [CONTROL_STOP_SITE] = ask_stop,
    [CONTROL_LIST_SESSIONS] = ask_sessions,
    [CONTROL_TERMINATE] = ask_terminate,
    [CONTROL_FLUSH_LOG] = ask_flush_log,
    [CONTROL_FLUSH_CACHE] = ask_flush_cache,
    [CONTROL_RELOAD] = ask_reload,
    [CONTROL_NOT_ENFORCED] = ask_not_enforced,
};

/* A login that is only rehearsed: the authenticator does it all, this carries question and answers. */
static void ask_test(struct asker *a, const struct control_test *test)
{
    struct control *c = a->control;
    int64_t site = slice_is_empty(test->site) ? -1 : site_id(c->super, test->site);
    if (site < 0) {
        done(a, ERR_NOT_FOUND, "there is no such site");
        return;
    }
    a->query = ++c->queries;
    loop_timer_set(a->timer, TEST_LIMIT_MS); /* revocation and the directory have their own, shorter bounds */
    EACH_PROGRAM(c->super, p, PROGRAM_AUTH)
    {
        if (!will_answer(p))
            continue;
        a->waiting_role = true;
        a->role = p->role;
        MAILBOX_SEND(&p->mail, -1, child_test, .query = a->query, .site = (uint32_t)site, .chain = test->chain,
                     .user = test->user, .client = test->client, .at = test->at);
    }
    if (!a->waiting_role)
        done(a, ERR_BUSY, "the authenticator is being started again; try later");
}

static void answer_request(struct asker *a, const struct control_request *request)
{
    struct supervisor *s = a->control->super;
    a->verb = request->verb;
    if (!verbs[request->verb])
        done(a, ERR_UNSUPPORTED, "unknown request");
    else if (s->stage > STAGE_RUNNING && request->verb != CONTROL_STATUS && request->verb != CONTROL_LIST_SITES &&
             request->verb != CONTROL_LIST_SESSIONS)
        done(a, ERR_STATE, "the service is ending");
    else
        verbs[request->verb](a, request->name);
}

static void asked(void *context, struct slice bytes, int fd)
{
    struct asker *a = context;
    OWNED_FD unwanted = fd;
    const struct wire_message *m;
    struct wire_in in;
    struct control_request request;
    struct control_test test;
    if (a->asked || wire_channel_accept(&control_channel, ROLE_CLI, bytes, unwanted >= 0, &m, &in)) {
        forget(a);
        return;
    }
    bool is_test = m->number == MSG_control_test;
    if (is_test ? control_test_decode(&in, &test) : control_request_decode(&in, &request)) {
        forget(a);
        return;
    }
    a->asked = true;
    loop_timer_set(a->timer, ASK_LIMIT_MS);
    if (a->refused)
        done(a, ERR_DENIED, "only root and the admin group may control the service");
    else if (!is_test)
        answer_request(a, &request);
    else if (a->control->super->stage > STAGE_RUNNING)
        done(a, ERR_STATE, "the service is ending");
    else
        ask_test(a, &test);
}

static void asker_gone(void *context, int err)
{
    (void)err;
    forget(context);
}

/* One bound for the whole conversation: asking, and taking the answer. */
static void asker_late(void *context)
{
    struct asker *a = context;
    bool unanswered = a->query != 0;
    if (unanswered) {
        done(a, ERR_TIMEOUT, "a program did not answer in time");
        loop_timer_set(a->timer, 1000);
    } else {
        forget(a);
    }
}

/* ---- answers of the programs ---- */

void control_session(struct supervisor *s, const struct child_session *m)
{
    struct asker *a = asker_of(s, m->query);
    if (!a)
        return;
    if (a->verb == CONTROL_TERMINATE) {
        if (m->session_id.len == GUID_SIZE && !memcmp(m->session_id.ptr, a->guid, GUID_SIZE)) {
            a->found = true;
            EACH_PROGRAM(s, worker, PROGRAM_WORKER)
                MAILBOX_SEND(&worker->mail, -1, child_terminate, .session_id = m->session_id);
        }
        return;
    }
    const struct snap_site *site = snapshot_site_by_id(s->current->view, m->site);
    struct slice name = site ? snapshot_text(s->current->view, site->name) : SLICE_NONE;
    MAILBOX_SEND(&a->mail, -1, control_session, .site = name, .session_id = m->session_id, .user = m->user,
                 .client = m->client, .start_time = m->start_time, .current_command = m->current_command,
                 .previous_command = m->previous_command, .command_start = m->command_start,
                 .bytes_sent = m->bytes_sent, .bytes_received = m->bytes_received, .last_error = m->last_error,
                 .tls = m->tls);
}

static void worker_finished(struct asker *a, unsigned index)
{
    uint64_t bit = 1ull << index;
    if (!(a->waiting_workers & bit))
        return;
    a->waiting_workers &= ~bit;
    if (a->waiting_workers)
        return;
    if (a->verb == CONTROL_FLUSH_LOG)
        ask_role(a, PROGRAM_LOGGER, a->site);
    else if (a->verb == CONTROL_TERMINATE && !a->found)
        done(a, ERR_NOT_FOUND, "there is no such session");
    else
        done(a, 0, "");
}

void control_sessions_end(struct supervisor *s, const struct program *p, uint32_t query)
{
    struct asker *a = asker_of(s, query);
    if (a)
        worker_finished(a, p->index);
}

void control_done_by(struct supervisor *s, const struct program *p, uint32_t query)
{
    struct asker *a = asker_of(s, query);
    if (a && p->kind == PROGRAM_WORKER)
        worker_finished(a, p->index);
    else if (a && a->waiting_role && a->role == p->role)
        done(a, 0, "");
}

void control_test_line(struct supervisor *s, const struct child_test_line *m)
{
    struct asker *a = asker_of(s, m->query);
    if (a)
        line(a, m->text);
}

void control_test_account(struct supervisor *s, const struct child_test_account *m)
{
    struct asker *a = asker_of(s, m->query);
    if (a)
        MAILBOX_SEND(&a->mail, -1, control_account, .account = m->account, .identity = m->identity, .uid = m->uid, .gid = m->gid,
                     .groups = m->groups, .user = m->user, .domain = m->domain, .alias = m->alias, .principal = m->principal,
                     .roles = m->roles, .home_root = m->home_root, .home_dir = m->home_dir);
}

void control_test_done(struct supervisor *s, const struct child_test_done *m)
{
    struct asker *a = asker_of(s, m->query);
    if (!a)
        return;
    MAILBOX_SEND(&a->mail, -1, control_verdict, .outcome = m->outcome, .status = m->status, .win32 = m->win32,
                 .substatus = m->substatus);
    done(a, 0, "");
}

void control_program_died(struct supervisor *s, const struct program *p)
{
    for (size_t i = 0; s->control && i < ASKERS_MOST; i++) {
        struct asker *a = &s->control->askers[i];
        if (!a->used || !a->query)
            continue;
        if (p->kind == PROGRAM_WORKER)
            worker_finished(a, p->index);
        else if (a->waiting_role && a->role == p->role)
            done(a, ERR_CLOSED, "the program died before it answered");
    }
}

static bool waits_for_reload(const struct asker *a)
{
    return a->used && a->asked && a->verb == CONTROL_RELOAD && mailbox_is_open(&a->mail) && !a->mail.closing;
}

void control_reload_line(struct supervisor *s, struct slice text)
{
    for (size_t i = 0; s->control && i < ASKERS_MOST; i++)
        if (waits_for_reload(&s->control->askers[i]))
            line(&s->control->askers[i], text);
}

void control_reload_done(struct supervisor *s, uint64_t generation, int err, const char *text)
{
    for (size_t i = 0; s->control && i < ASKERS_MOST; i++) {
        struct asker *a = &s->control->askers[i];
        bool taking = err && a->generation <= s->current->number; /* his was good and is being taken over */
        if (waits_for_reload(a) && a->generation <= generation && !taking)
            done(a, err, text);
    }
}

/* ---- the socket ---- */

/* NULL: there is no such group. */
static const struct group *admin_group(const struct supervisor *s)
{
    const struct snap_server *server = snapshot_server(s->current->view, 0);
    return server ? getgrnam(snapshot_text(s->current->view, server->admin_group).ptr) : NULL;
}

static bool is_admin(const struct supervisor *s, uid_t uid, gid_t gid)
{
    if (uid == 0 || uid == geteuid())
        return true;
    const struct group *admins = admin_group(s);
    if (!admins)
        return false;
    gid_t wanted = admins->gr_gid, groups[256];
    int count = sizeof groups / sizeof groups[0];
    const struct passwd *pw = getpwuid(uid);
    if (gid == wanted)
        return true;
    if (!pw || getgrouplist(pw->pw_name, gid, groups, &count) < 0)
        return false;
    for (int i = 0; i < count; i++)
        if (groups[i] == wanted)
            return true;
    return false;
}

static struct asker *free_asker(struct control *c)
{
    for (size_t i = 0; i < ASKERS_MOST; i++)
        if (!c->askers[i].used)
            return &c->askers[i];
    return NULL;
}

/* Closing without a word would look like a service that died.  Nothing that he sends may arrive any more: the kernel would
 * tell him that it was not read, before it gives him the answer. */
static void refuse_busy(int fd)
{
    char question;
    (void)!DATAGRAM_SEND(fd, -1, control_done, .status = -ERR_BUSY, .text = SLICE_LITERAL("too many ask the service at once; try later"));
    shutdown(fd, SHUT_RD);
    while (recv(fd, &question, sizeof question, MSG_DONTWAIT) > 0)
        ;
}

static void someone(void *context, unsigned events)
{
    (void)events;
    struct control *c = context;
    struct ucred peer;
    socklen_t len = sizeof peer;
    OWNED_FD fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE)) { /* the socket stays readable: look away for a while */
        loop_io_want(c->io, 0, -1);
        loop_timer_set(c->again, ACCEPT_PAUSE_MS);
    }
    if (fd < 0)
        return;
    struct asker *a = free_asker(c);
    if (!a)
        refuse_busy(fd);
    if (!a || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return;
    bool refused = !is_admin(c->super, peer.uid, peer.gid);
    if (refused)
        say(c->super, LOG_LEVEL_WARNING, "control socket: user %u is refused", (unsigned)peer.uid);
    struct loop_timer *timer = a->timer;
    *a = (struct asker){ .control = c, .timer = timer, .refused = refused };
    a->mail = (struct mailbox){ .fd = -1, .message = asked, .closed = asker_gone, .context = a };
    a->used = mailbox_open(&a->mail, c->super->loop, fd_take(&fd)) == 0;
    loop_timer_set(a->timer, ASK_LIMIT_MS);
}

static void accept_again(void *context)
{
    struct control *c = context;
    loop_io_want(c->io, LOOP_READ, -1);
}

static int give_to_admins(const struct control *c)
{
    const struct group *admins = c->super->privileged ? admin_group(c->super) : NULL;
    return c->super->privileged ? chown(c->path, (uid_t)-1, admins ? admins->gr_gid : getegid()) : 0;
}

void control_new_generation(struct supervisor *s)
{
    if (s->control && give_to_admins(s->control) < 0)
        say(s, LOG_LEVEL_WARNING, "%s cannot be given to the admin group: %s", s->control->path, strerror(errno));
}

/* 0660 and the admin group: the file's mode lets them connect, is_admin decides. */
static int bind_control(struct control *c, struct diag *d)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    struct supervisor *s = c->super;
    if ((size_t)snprintf(c->path, sizeof c->path, "%s/control", s->run) >= sizeof c->path) {
        diag_set(d, "%s/control: the name is too long for a socket", s->run);
        return ERR_TOO_LONG;
    }
    memcpy(sa.sun_path, c->path, sizeof sa.sun_path);
    unlink(c->path); /* a dead instance's; ours is the only one, by the lock */
    mode_t old = umask(0777);
    int bound = bind(c->fd, (struct sockaddr *)&sa, sizeof sa);
    umask(old);
    if (bound == 0)
        bound = give_to_admins(c);
    if (bound < 0 || chmod(c->path, 0660) < 0 || listen(c->fd, ASKERS_MOST) < 0) {
        diag_set(d, "%s: %s", c->path, strerror(errno));
        return ERR_SYS;
    }
    return 0;
}

int control_open(struct supervisor *s, struct diag *d)
{
    struct control *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->super = s;
    s->control = c;
    c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int err = c->fd < 0 ? ERR_SYS : bind_control(c, d);
    for (size_t i = 0; i < ASKERS_MOST && !err; i++) {
        c->askers[i].mail.fd = -1;
        c->askers[i].timer = loop_timer_new(s->loop, asker_late, &c->askers[i]);
        err = c->askers[i].timer ? 0 : ERR_NOMEM;
    }
    c->again = loop_timer_new(s->loop, accept_again, c);
    c->io = err || !c->again ? NULL : loop_io_open(s->loop, c->fd, someone, c);
    if (!c->io) {
        control_close(s);
        return err ? err : ERR_NOMEM;
    }
    loop_io_want(c->io, LOOP_READ, -1);
    return 0;
}

void control_close(struct supervisor *s)
{
    struct control *c = s->control;
    if (!c)
        return;
    s->control = NULL;
    loop_io_close(c->io);
    loop_timer_free(c->again);
    for (size_t i = 0; i < ASKERS_MOST; i++) {
        if (c->askers[i].used)
            mailbox_close(&c->askers[i].mail);
        loop_timer_free(c->askers[i].timer);
    }
    if (c->path[0])
        unlink(c->path);
    if (c->fd >= 0)
        close(c->fd);
    free(c);
}
